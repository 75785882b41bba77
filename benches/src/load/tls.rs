//! TLS 1.3 over rustls without buffers of its own: all connections share the memory in which they
//! decrypt and encrypt, so that 10,000 of them cost the generator little.

use super::closed;
use super::transport::{Transport, is_later};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
    UnbufferedClientConnection,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use rustls::{
    ClientConfig, DigitallySignedStruct, HandshakeKind, NamedGroup, RootCertStore, SignatureScheme,
};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

/// The most plaintext of one record.
const RECORD: usize = 16 * 1024;
/// More than a record adds to its plaintext.
const OVERHEAD: usize = 32;
/// Ciphertext that one read may bring, and plaintext that one write takes.
const BATCH: usize = 64 * 1024;
/// Tickets that are kept for resumption: the newest. Servers that remember their sessions remember
/// as many by default.
const TICKETS: usize = 256;

/// Encrypts with TLS 1.3. The key exchange is X25519 for all servers.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    tickets: Option<Arc<Tickets>>,
    shared: Rc<Shared>,
}

/// What the connections have together.
#[derive(Default)]
struct Shared {
    /// For ciphertext; used within a call only.
    memory: RefCell<Vec<u8>>,
    /// Whether a connection has come and gone.
    served: Cell<bool>,
}

impl Tls {
    /// Every handshake is a full one. As the generator's effort is not what is measured, the
    /// certificate is compared with the file `certificate` and nothing more.
    pub fn full(certificate: &Path) -> io::Result<Self> {
        let mut config = begin()?
            .dangerous()
            .with_custom_certificate_verifier(Known::new(certificate)?)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Tls::new(config, None))
    }

    /// As [`Tls::full`], but sessions are resumed, once there is a first one.
    pub fn resumed(certificate: &Path) -> io::Result<Self> {
        let mut config = begin()?
            .dangerous()
            .with_custom_certificate_verifier(Known::new(certificate)?)
            .with_no_client_auth();
        let tickets = Arc::new(Tickets::default());
        config.resumption = Resumption::store(tickets.clone());
        Ok(Tls::new(config, Some(tickets)))
    }

    /// Verifies the server as a client should, by the authority in the file.
    pub fn verified(authority: &Path) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(read_certificate(authority)?).map_err(io::Error::other)?;
        let mut config = begin()?.with_root_certificates(roots).with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Tls::new(config, None))
    }

    fn new(config: ClientConfig, tickets: Option<Arc<Tickets>>) -> Self {
        Tls { config: Arc::new(config), tickets, shared: Rc::default() }
    }
}

impl Transport for Tls {
    type Stream = TlsStream;

    fn begin(&self, socket: TcpStream, message: usize) -> io::Result<TlsStream> {
        let must_resume = match &self.tickets {
            Some(tickets) if !tickets.are_none() => true,
            Some(_) if self.shared.served.get() => {
                return Err(io::Error::other("the server gave no ticket to resume a session with"));
            }
            _ => false,
        };
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let session =
            UnbufferedClientConnection::new(self.config.clone(), name).map_err(io::Error::other)?;
        let mut stream = TlsStream {
            socket,
            session,
            shared: self.shared.clone(),
            message: message.min(RECORD),
            kept: Vec::new(),
            plain: Vec::new(),
            unsent: Vec::new(),
            must_resume,
            ready: false,
            ended: false,
        };
        // The ClientHello leaves now, or with the first call when the socket is still connecting.
        stream.process(&mut [], &mut [])?;
        stream.push()?;
        Ok(stream)
    }

    fn set_message(stream: &mut TlsStream, message: usize) {
        stream.message = message.min(RECORD);
    }

    fn description(stream: &TlsStream) -> Option<String> {
        let suite = stream.session.negotiated_cipher_suite()?.suite();
        let group = stream.session.negotiated_key_exchange_group()?.name();
        Some(format!("{} with {group:?}", suite.as_str()?.replace("TLS13", "TLS")))
    }
}

/// One connection.
pub struct TlsStream {
    socket: TcpStream,
    session: UnbufferedClientConnection,
    shared: Rc<Shared>,
    /// Plaintext of a record.
    message: usize,
    /// The beginning of a record whose end has not arrived.
    kept: Vec<u8>,
    /// Plaintext for which there was no room.
    plain: Vec<u8>,
    /// Ciphertext that the kernel did not take yet.
    unsent: Vec<u8>,
    /// The handshake was begun with a ticket.
    must_resume: bool,
    ready: bool,
    /// The server has sent close_notify.
    ended: bool,
}

impl TlsStream {
    /// Reads until the socket is drained or `buffer` is full; how much of it was filled.
    fn pull(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = self.plain.len().min(buffer.len());
        buffer[..filled].copy_from_slice(&self.plain[..filled]);
        self.plain.drain(..filled);
        let shared = self.shared.clone();
        let mut shared = shared.memory.borrow_mut();
        while !self.ended && self.plain.is_empty() && (filled < buffer.len() || !self.ready) {
            let begin = self.kept.len();
            if shared.len() < begin + BATCH {
                shared.resize(begin + BATCH, 0);
            }
            shared[..begin].copy_from_slice(&self.kept);
            let size = match self.socket.read(&mut shared[begin..begin + BATCH]) {
                Ok(0) if filled > 0 => break,
                Ok(0) => return Err(closed()),
                Ok(size) => size,
                Err(error) if is_later(&error) => break,
                Err(error) => return Err(error),
            };
            let ciphertext = &mut shared[..begin + size];
            let (done, more) = self.process(ciphertext, &mut buffer[filled..])?;
            filled += more;
            self.kept.clear();
            self.kept.extend_from_slice(&ciphertext[done..]);
            if size < BATCH {
                break;
            }
        }
        if self.kept.is_empty() && self.kept.capacity() > 0 {
            self.kept = Vec::new();
        }
        Ok(filled)
    }

    /// Decrypts whole records and answers those of the handshake. Returns how many bytes of
    /// ciphertext are done with, and how much of `buffer` was filled.
    fn process(&mut self, bytes: &mut [u8], buffer: &mut [u8]) -> io::Result<(usize, usize)> {
        let (mut done, mut filled) = (0, 0);
        loop {
            let UnbufferedStatus { discard, state, .. } =
                self.session.process_tls_records(&mut bytes[done..]);
            done += discard;
            match state.map_err(io::Error::other)? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(io::Error::other)?;
                        done += record.discard;
                        let size = record.payload.len().min(buffer.len() - filled);
                        let (now, later) = record.payload.split_at(size);
                        buffer[filled..filled + size].copy_from_slice(now);
                        filled += size;
                        self.plain.extend_from_slice(later);
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    let begin = self.unsent.len();
                    if let Err(EncodeError::InsufficientSize(needed)) = data.encode(&mut []) {
                        self.unsent.resize(begin + needed.required_size, 0);
                        data.encode(&mut self.unsent[begin..]).map_err(io::Error::other)?;
                    }
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::PeerClosed => self.ended = true,
                ConnectionState::WriteTraffic(_) => break,
                _ => {
                    self.check_resumed()?;
                    return Ok((done, filled));
                }
            }
        }
        self.ready = true;
        self.check_resumed()?;
        Ok((done, filled))
    }

    fn check_resumed(&mut self) -> io::Result<()> {
        let kind = self.session.handshake_kind();
        if self.must_resume && kind.is_some_and(|kind| kind != HandshakeKind::Resumed) {
            return Err(io::Error::other("the server did not resume a session"));
        }
        Ok(())
    }

    /// Gives the kernel what it did not take before; true when nothing is left.
    fn push(&mut self) -> io::Result<bool> {
        if self.unsent.is_empty() {
            return Ok(true);
        }
        match self.socket.write(&self.unsent) {
            Ok(size) => drop(self.unsent.drain(..size)),
            Err(error) if is_later(&error) => {}
            Err(error) => return Err(error),
        }
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
        }
        Ok(self.unsent.is_empty())
    }

    /// Encrypts messages, each in records of its own, and gives them to the kernel.
    fn encrypt(&mut self, data: &[u8]) -> io::Result<()> {
        let mut shared = self.shared.memory.borrow_mut();
        let most = self.unsent.len() + data.len() + data.len().div_ceil(self.message) * OVERHEAD;
        if shared.len() < most {
            shared.resize(most, 0);
        }
        // The end of the handshake and the first message leave together.
        shared[..self.unsent.len()].copy_from_slice(&self.unsent);
        let mut size = self.unsent.len();
        let UnbufferedStatus { state, .. } = self.session.process_tls_records(&mut []);
        let ConnectionState::WriteTraffic(mut traffic) = state.map_err(io::Error::other)? else {
            return Err(io::Error::other("the TLS session does not take data"));
        };
        for record in data.chunks(self.message) {
            size += traffic.encrypt(record, &mut shared[size..]).map_err(io::Error::other)?;
        }
        let taken = match self.socket.write(&shared[..size]) {
            Ok(taken) => taken,
            Err(error) if is_later(&error) => 0,
            Err(error) => return Err(error),
        };
        self.unsent.clear();
        self.unsent.extend_from_slice(&shared[taken..size]);
        Ok(())
    }

    /// Pushes the handshake on; an error when it is not done.
    fn need_ready(&mut self) -> io::Result<()> {
        if !self.ready {
            self.pull(&mut [])?;
        }
        if self.ready {
            return Ok(());
        }
        self.push()?;
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.pull(buffer)?;
        // What waited, and what the handshake has to say.
        self.push()?;
        if size == 0 && !self.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(size)
    }
}

impl Write for TlsStream {
    /// What it accepts is whole messages, unless `data` ends within one.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let was_ready = self.ready;
        self.need_ready()?;
        if was_ready && !self.push()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let size = data.len().min((BATCH / self.message).max(1) * self.message);
        self.encrypt(&data[..size])?;
        Ok(size)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.need_ready()?;
        if self.push()? { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }
}

impl Drop for TlsStream {
    /// Says close_notify, as servers take its absence for an attack.
    fn drop(&mut self) {
        self.shared.served.set(self.shared.served.get() || self.ready);
        if !self.ready || !self.unsent.is_empty() {
            return;
        }
        let mut alert = [0; 2 * OVERHEAD];
        let UnbufferedStatus { state, .. } = self.session.process_tls_records(&mut []);
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) = state
            && let Ok(size) = traffic.queue_close_notify(&mut alert)
        {
            // A server that has closed already does not need it.
            let _ = self.socket.write(&alert[..size]);
        }
    }
}

impl AsRawFd for TlsStream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn begin() -> io::Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>> {
    use aws_lc_rs::{cipher_suite, kx_group};
    let provider = CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_AES_128_GCM_SHA256,
        ],
        kx_groups: vec![kx_group::X25519],
        ..aws_lc_rs::default_provider()
    };
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)
}

fn read_certificate(path: &Path) -> io::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_file(path)
        .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}

/// Knows the one certificate that the servers have.
#[derive(Debug)]
struct Known(CertificateDer<'static>);

impl Known {
    fn new(path: &Path) -> io::Result<Arc<Self>> {
        read_certificate(path).map(Known).map(Arc::new)
    }
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *certificate == self.0 {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("the server has another certificate".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 was not offered".to_owned()))
    }

    /// Verifying takes longer than signing, and the generator must not be slower than the server.
    /// That the signatures are right is seen by [`Tls::verified`].
    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// The newest tickets of the server. The store of rustls keeps eight for a server, and 64
/// connections at a time need more.
#[derive(Debug, Default)]
struct Tickets(Mutex<VecDeque<Tls13ClientSessionValue>>);

impl Tickets {
    fn are_none(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _name: ServerName<'static>, _group: NamedGroup) {}

    fn kx_hint(&self, _name: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _name: ServerName<'static>, _value: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _name: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _name: ServerName<'static>, value: Tls13ClientSessionValue) {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tickets.len() == TICKETS {
            tickets.pop_front();
        }
        tickets.push_back(value);
    }

    fn take_tls13_ticket(&self, _name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_back()
    }
}
