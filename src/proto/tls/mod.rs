//! The layer of TLS 1.2 and 1.3 (RFC 5246, RFC 8446), over rustls without buffers of its own: what
//! the peer sent is decrypted where the loop received it.

mod certificate;
mod chain;
mod ciphers;
mod config;
mod details;
mod failure;
mod identity;
mod key;
mod pem;
#[cfg(test)]
mod tests;
mod verify;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus,
};
use rustls::{AlertDescription, CommonState, SideData};

pub(crate) use certificate::{certificates, is_for_name, subject};
pub use config::TlsVersion;
pub(crate) use config::{Acceptor, Connector, KeyLogLine, Settings, Tickets, server_name};
pub use details::TlsDetails;
pub(crate) use identity::Identity;
pub(crate) use rustls::pki_types::CertificateDer;
pub(crate) use verify::VerifyMode;

use super::ws::Agreement;
use super::{CloseFrame, Event, Kind, Layer, Up, Wire};
use crate::error::{Error, Result, TlsFailure};

/// Application bytes that one call of `send` takes: four full records, whose ciphertext fits in
/// room that is used again.
const BATCH: usize = 4 * RECORD;

/// The most plaintext of one record (RFC 8446 section 5.1).
const RECORD: usize = 16 * 1024;

/// Pieces below this are copied together into one record, which costs less than one for each.
const SMALL: usize = 4 * 1024;

/// More than a record adds to its plaintext: header, nonce, type and tag.
const OVERHEAD: usize = 32;

/// The most bytes of an unfinished handshake message that are kept: twice the largest that rustls
/// takes, which leaves room for the overhead of its records unless they are many and tiny.
const KEPT_LIMIT: usize = 128 * 1024;

const HEADER: usize = 5;

/// The two sides of rustls, which have nothing in common but their shape.
pub(crate) trait Side: Send {
    type Data: SideData;

    fn process<'c, 'i>(&'c mut self, bytes: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;

    fn common(&self) -> &CommonState;
}

impl Side for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        bytes: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, ServerConnectionData> {
        self.process_tls_records(bytes)
    }

    fn common(&self) -> &CommonState {
        self
    }
}

impl Side for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        bytes: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, ClientConnectionData> {
        self.process_tls_records(bytes)
    }

    fn common(&self) -> &CommonState {
        self
    }
}

/// One TLS connection.
pub(crate) struct Tls<S> {
    side: S,
    /// What rustls has not done with: a record that was cut, behind the records of a handshake
    /// message that was.
    kept: Vec<u8>,
    /// Bytes of `kept` that are whole records.
    whole: usize,
    /// The name that the client asked for, or that this client asks for.
    server_name: Option<Box<str>>,
    ready: bool,
    /// The peer has sent close_notify.
    ended: bool,
    /// This side has said its last words.
    closed: bool,
}

impl<S: Side> Tls<S> {
    fn new(side: S, server_name: Option<Box<str>>) -> Tls<S> {
        Tls {
            side,
            kept: Vec::new(),
            whole: 0,
            server_name,
            ready: false,
            ended: false,
            closed: false,
        }
    }

    /// Hands bytes to rustls. Returns how many of them it has done with; the others have to come
    /// again, with what follows them.
    fn advance(&mut self, bytes: &mut [u8], down: &mut Wire, up: &mut dyn Up) -> Result<usize> {
        let mut done = 0;
        loop {
            let UnbufferedStatus { discard, state, .. } = self.side.process(&mut bytes[done..]);
            done += discard;
            if !self.ready
                && let Some(name) = config::take_server_name()
            {
                self.server_name = Some(name);
            }
            // What came together with the end of the handshake.
            let mut early = Vec::new();
            let mut waits = false;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(|error| failure::error(&error, !self.ready))?;
                        done += record.discard;
                        if self.ready {
                            up.data(Kind::Bytes, record.payload);
                        } else {
                            early.push(record.payload.to_vec());
                        }
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, down),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.ended = true,
                Ok(_) => waits = true,
                Err(error) => {
                    // The alert for the peer, and what was to come before it.
                    while self.side.common().wants_write()
                        && let Ok(ConnectionState::EncodeTlsData(data)) =
                            self.side.process(&mut bytes[done..]).state
                    {
                        encode(data, down);
                    }
                    return Err(failure::error(&error, !self.ready));
                }
            }
            if !self.ready && !self.side.common().is_handshaking() {
                self.ready = true;
                let name = self.server_name.take();
                up.tell(Event::Secured(TlsDetails::new(self.side.common(), name)));
                up.tell(Event::Ready(Agreement::default()));
            }
            early.iter().for_each(|payload| up.data(Kind::Bytes, payload));
            if self.ended {
                up.tell(Event::End);
                return Ok(bytes.len());
            }
            if waits {
                return Ok(done);
            }
        }
    }

    /// Takes the bytes of `rest` that complete what is kept, up to the next header or the next end
    /// of a record. Whether one of them is there now, so that rustls has something new to look at:
    /// it refuses wrong headers at once.
    fn complete(&mut self, rest: &mut &mut [u8]) -> bool {
        let begun = self.kept.len() - self.whole;
        let end = if begun < HEADER { HEADER } else { HEADER + self.length() };
        let count = (end - begun).min(rest.len());
        let (head, tail) = std::mem::take(rest).split_at_mut(count);
        self.kept.extend_from_slice(head);
        *rest = tail;
        if begun + count < end {
            return false;
        }
        if end == HEADER + self.length() {
            self.whole = self.kept.len();
        }
        true
    }

    /// The length field of the record that was cut.
    fn length(&self) -> usize {
        let header = &self.kept[self.whole..];
        usize::from(u16::from_be_bytes([header[3], header[4]]))
    }

    /// Encrypts up to `BATCH` bytes into room for `hint` bytes, so that all of a batch shares it.
    fn encrypt(&mut self, piece: &[u8], down: &mut Wire, hint: usize) -> Result<()> {
        let records = piece.len().div_ceil(RECORD);
        let mut size = hint.max(piece.len() + records * OVERHEAD);
        loop {
            // rustls remembers how far it has come in what it has not done with.
            let error = match self.side.process(&mut self.kept).state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    match traffic.encrypt(piece, down.room(size)) {
                        Ok(count) => {
                            down.commit(count);
                            return Ok(());
                        }
                        Err(error) => {
                            down.commit(0);
                            error
                        }
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => {
                    encode(data, down);
                    continue;
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    continue;
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.ended = true;
                    continue;
                }
                Ok(_) => return Err(Error::not_connected()),
                Err(error) => return Err(failure::error(&error, false)),
            };
            match error {
                EncryptError::InsufficientSize(needed) => size = needed.required_size,
                EncryptError::EncryptExhausted => {
                    return Err(Error::tls(
                        i32::from(u8::from(AlertDescription::InternalError)),
                        "the keys of the connection have encrypted as much as is safe; connect \
                         again",
                    ));
                }
            }
        }
    }
}

impl<S: Side> Layer for Tls<S> {
    fn start(&mut self, down: &mut Wire, up: &mut dyn Up) -> Result<()> {
        self.advance(&mut [], down, up).map(drop)
    }

    fn receive(&mut self, bytes: &mut [u8], down: &mut Wire, up: &mut dyn Up) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() && !self.ended {
            if self.kept.is_empty() {
                let done = self.advance(rest, down, up)?;
                let left = &rest[done..];
                self.whole = within_limit(whole_records(left))?;
                self.kept.extend_from_slice(left);
                break;
            }
            if self.complete(&mut rest) {
                let mut kept = std::mem::take(&mut self.kept);
                let done = self.advance(&mut kept, down, up)?;
                self.whole = within_limit(self.whole.saturating_sub(done))?;
                kept.drain(..done);
                // Most often empty, and then without memory.
                self.kept = if kept.is_empty() { Vec::new() } else { kept };
            }
        }
        if self.ended {
            // Nothing that follows counts (RFC 8446 section 6.1).
            (self.kept, self.whole) = (Vec::new(), 0);
        }
        Ok(())
    }

    fn send(&mut self, data: &mut Wire, down: &mut Wire) -> Result<usize> {
        if !self.ready {
            return Ok(0);
        }
        let mut taken = 0;
        while taken < BATCH && !data.is_empty() {
            let rest = data.len().min(BATCH - taken);
            let hint = rest + rest.div_ceil(SMALL) * OVERHEAD;
            let first = data.first_slice();
            let count = if first.len() >= SMALL.min(rest) {
                let piece = &first[..first.len().min(rest)];
                self.encrypt(piece, down, hint)?;
                piece.len()
            } else {
                // Small pieces share a record.
                let mut piece = Vec::with_capacity(rest.min(RECORD));
                data.copy_to(&mut piece, rest.min(RECORD));
                self.encrypt(&piece, down, hint)?;
                piece.len()
            };
            data.consume(count);
            taken += count;
        }
        Ok(taken)
    }

    fn close(&mut self, _goodbye: &CloseFrame, down: &mut Wire) -> bool {
        if self.closed {
            return true;
        }
        // A server may have its keys before it has heard the end of the handshake.
        loop {
            match self.side.process(&mut self.kept).state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    let count = traffic.queue_close_notify(down.room(2 * OVERHEAD)).unwrap_or(0);
                    down.commit(count);
                    self.closed = true;
                    return true;
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, down),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.ended = true,
                _ => return true,
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let text = if self.ready {
            "the peer closed the connection without the end of the TLS stream (close_notify): what \
             it sent may have been cut"
        } else {
            "the peer closed the connection during the TLS handshake; it may have refused the \
             certificate, or speak another protocol or TLS version"
        };
        Err(Error::tls_failure(TlsFailure::Truncated, text))
    }

    fn is_ready(&self) -> bool {
        self.ready
    }
}

/// Appends a message of the handshake, or an alert.
fn encode<D>(mut data: EncodeTlsData<'_, D>, down: &mut Wire) {
    if let Err(EncodeError::InsufficientSize(needed)) = data.encode(&mut []) {
        let count = data.encode(down.room(needed.required_size)).unwrap_or(0);
        down.commit(count);
    }
}

/// Refuses to keep that many bytes of an unfinished message.
fn within_limit(whole: usize) -> Result<usize> {
    if whole <= KEPT_LIMIT {
        return Ok(whole);
    }
    Err(Error::tls(
        i32::from(u8::from(AlertDescription::DecodeError)),
        "the peer cuts a message of its handshake into too many records; it is faulty, or wants \
         this side to run out of memory",
    ))
}

/// How many of the bytes are whole records.
fn whole_records(bytes: &[u8]) -> usize {
    let mut whole = 0;
    while let Some(header) = bytes.get(whole..whole + HEADER) {
        let end = whole + HEADER + usize::from(u16::from_be_bytes([header[3], header[4]]));
        if end > bytes.len() {
            break;
        }
        whole = end;
    }
    whole
}
