//! From the user's settings to what rustls takes.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, LazyLock};

use rustls::client::{Resumption, UnbufferedClientConnection};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert,
    ServerSessionMemoryCache, UnbufferedServerConnection,
};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ConfigBuilder, ConfigSide, KeyLog, ServerConfig, SupportedProtocolVersion,
};

use super::identity::{Identities, Identity};
use super::verify::{Policy, VerifyCallback, VerifyMode, client_verifier, server_verifier};
use super::{Tls, ciphers, failure};
use crate::error::{Error, Result, TlsFailure};

/// Sessions that a client or a server remembers for a shorter handshake.
const REMEMBERED: usize = 1024;

/// A version of TLS, by the number that it has on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum TlsVersion {
    /// RFC 5246, with forward secrecy and authenticated encryption only.
    Tls12 = 0x0303,
    /// RFC 8446.
    Tls13 = 0x0304,
}

/// Writes one line of a key log.
pub(crate) type KeyLogLine = Arc<dyn Fn(&str) + Send + Sync>;

/// Everything that the user can choose.
#[derive(Clone)]
pub(crate) struct Settings {
    /// The first is for clients that ask for none of the names.
    pub(crate) identities: Vec<Arc<Identity>>,
    pub(crate) roots: Vec<CertificateDer<'static>>,
    /// Unless chosen, clients verify their servers and servers ask for no certificate.
    pub(crate) verify: Option<VerifyMode>,
    pub(crate) names: bool,
    pub(crate) legacy: bool,
    pub(crate) depth: Option<usize>,
    pub(crate) callback: Option<VerifyCallback>,
    pub(crate) minimum: TlsVersion,
    pub(crate) maximum: TlsVersion,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) resumption: bool,
    pub(crate) key_log: Option<KeyLogLine>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            identities: Vec::new(),
            roots: Vec::new(),
            verify: None,
            names: true,
            legacy: false,
            depth: None,
            callback: None,
            minimum: TlsVersion::Tls12,
            maximum: TlsVersion::Tls13,
            alpn: Vec::new(),
            resumption: true,
            key_log: None,
        }
    }
}

/// Encrypts the tickets by which clients resume their sessions. Outlives a change of certificates.
#[derive(Clone)]
pub(crate) struct Tickets(Arc<dyn ProducesTickets>);

impl Tickets {
    pub(crate) fn new() -> Result<Tickets> {
        aws_lc_rs::Ticketer::new().map(Tickets).map_err(|error| failure::error(&error, false))
    }
}

impl Settings {
    /// Whether a client of these settings needs certificates of authorities.
    pub(crate) fn verifies_servers(&self) -> bool {
        self.verify != Some(VerifyMode::None)
    }

    /// Whether a server of these settings asks for certificates.
    pub(crate) fn verifies_clients(&self) -> bool {
        matches!(self.verify, Some(VerifyMode::Peer | VerifyMode::Require))
    }

    fn policy(&self, mode: VerifyMode) -> Policy {
        Policy {
            mode,
            names: self.names,
            legacy: self.legacy,
            depth: self.depth,
            callback: self.callback.clone(),
        }
    }

    fn versions(&self) -> Result<&'static [&'static SupportedProtocolVersion]> {
        static ONLY_TLS12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
        static ONLY_TLS13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
        match (self.minimum, self.maximum) {
            (TlsVersion::Tls12, TlsVersion::Tls13) => Ok(rustls::ALL_VERSIONS),
            (TlsVersion::Tls12, TlsVersion::Tls12) => Ok(&ONLY_TLS12),
            (TlsVersion::Tls13, TlsVersion::Tls13) => Ok(&ONLY_TLS13),
            (TlsVersion::Tls13, TlsVersion::Tls12) => Err(settings(
                "the minimum TLS version is above the maximum; leave one of them at its default",
            )),
        }
    }

    /// What a server needs for its connections.
    pub(crate) fn acceptor(&self, tickets: &Tickets) -> Result<Acceptor> {
        if self.identities.is_empty() {
            return Err(settings(
                "a TLS server needs a certificate and its key; load them into the context",
            ));
        }
        let builder = begin(ServerConfig::builder_with_provider(provider()), self)?;
        let mode = self.verify.unwrap_or(VerifyMode::None);
        let builder = match mode {
            VerifyMode::None => builder.with_no_client_auth(),
            _ if self.roots.is_empty() && self.callback.is_none() => {
                return Err(settings(
                    "a TLS server that verifies its clients needs the certificate of the \
                     authority that issued theirs; load it into the context",
                ));
            }
            _ => builder.with_client_cert_verifier(client_verifier(
                &self.policy(mode),
                &self.roots,
                &provider(),
            )?),
        };
        let resolver = Listening(Identities(self.identities.clone()));
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = self.alpn.clone();
        // Only for close_notify: data waits until the client is authenticated.
        config.send_half_rtt_data = true;
        if let Some(line) = &self.key_log {
            config.key_log = Arc::new(Lines(Arc::clone(line)));
        }
        if self.resumption {
            config.ticketer = Arc::clone(&tickets.0);
            config.session_storage = ServerSessionMemoryCache::new(REMEMBERED);
        } else {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Acceptor(Arc::new(config)))
    }

    /// What a client needs for its connections.
    pub(crate) fn connector(&self) -> Result<Connector> {
        let mode = self.verify.unwrap_or(VerifyMode::Peer);
        if mode != VerifyMode::None && self.roots.is_empty() && self.callback.is_none() {
            return Err(settings(
                "there is no certificate of an authority to verify servers with; load one into \
                 the context",
            ));
        }
        let verifier = server_verifier(&self.policy(mode), &self.roots, &provider())?;
        let builder = begin(ClientConfig::builder_with_provider(provider()), self)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = if self.identities.is_empty() {
            builder.with_no_client_auth()
        } else {
            let resolver = Identities(self.identities.clone());
            builder.with_client_cert_resolver(Arc::new(resolver))
        };
        config.alpn_protocols = self.alpn.clone();
        if let Some(line) = &self.key_log {
            config.key_log = Arc::new(Lines(Arc::clone(line)));
        }
        config.resumption = if self.resumption {
            Resumption::in_memory_sessions(REMEMBERED)
        } else {
            Resumption::disabled()
        };
        Ok(Connector(Arc::new(config)))
    }
}

fn begin<S: ConfigSide>(
    builder: ConfigBuilder<S, rustls::WantsVersions>,
    settings: &Settings,
) -> Result<ConfigBuilder<S, rustls::WantsVerifier>> {
    builder
        .with_protocol_versions(settings.versions()?)
        .map_err(|error| failure::error(&error, false))
}

fn settings(text: &'static str) -> Error {
    Error::tls_failure(TlsFailure::Settings, text)
}

/// The cryptography behind everything.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let cipher_suites = ciphers::fastest();
        Arc::new(CryptoProvider { cipher_suites, ..aws_lc_rs::default_provider() })
    });
    Arc::clone(&PROVIDER)
}

/// Makes the layers of a server's connections.
#[derive(Clone)]
pub(crate) struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    pub(crate) fn layer(&self) -> Result<Tls<UnbufferedServerConnection>> {
        let side = UnbufferedServerConnection::new(Arc::clone(&self.0))
            .map_err(|error| failure::error(&error, true))?;
        Ok(Tls::new(side, None))
    }
}

/// Makes the layers of a client's connections.
#[derive(Clone)]
pub(crate) struct Connector(Arc<ClientConfig>);

impl Connector {
    /// `name` is what the server's certificate has to be for: a DNS name or an address.
    pub(crate) fn layer(&self, name: &str) -> Result<Tls<UnbufferedClientConnection>> {
        let name = server_name(name)?;
        let asked_for = match &name {
            ServerName::DnsName(name) => Some(name.as_ref().into()),
            _ => None,
        };
        let side = UnbufferedClientConnection::new(Arc::clone(&self.0), name)
            .map_err(|error| failure::error(&error, true))?;
        Ok(Tls::new(side, asked_for))
    }
}

/// Checks the name of a server.
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>> {
    // The scope of a link-local address means something on this machine only.
    let bare = name.split('%').next().unwrap_or(name).trim_end_matches('.');
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        Error::argument(format!(
            "{name:?} is neither a DNS name nor an address, so no certificate can be for it"
        ))
    })
}

thread_local! {
    /// The name that the client of the handshake on this thread has asked for. rustls tells it to
    /// the resolver of certificates and to nobody else.
    static SERVER_NAME: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
}

/// Takes the name that the last handshake step of this thread has brought; to be called after each.
pub(super) fn take_server_name() -> Option<Box<str>> {
    SERVER_NAME.take()
}

/// Chooses among the identities and notes the name that was asked for.
#[derive(Debug)]
struct Listening(Identities);

impl ResolvesServerCert for Listening {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        SERVER_NAME.set(hello.server_name().map(Box::from));
        self.0.resolve(hello)
    }
}

/// A key log in the format of NSS, as Wireshark reads it.
struct Lines(KeyLogLine);

impl fmt::Debug for Lines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Lines")
    }
}

impl KeyLog for Lines {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        (self.0)(&format!("{label} {} {}\n", hex(client_random), hex(secret)));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
