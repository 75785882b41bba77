//! The settings of encrypted servers and clients.

use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::TlsVersion;
use super::handler::guard;
use crate::error::{Error, Result, TlsFailure};
use crate::proto::tls::{
    Acceptor, CertificateDer, Connector, Identity, KeyLogLine, Settings, Tickets, VerifyMode,
    certificates, is_for_name, server_name, subject,
};
use crate::reactor::authorities;

/// What is asked of the certificate of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum TlsVerify {
    /// Nothing. A client then talks to anybody who answers, and a server asks for no certificate.
    None = 0,
    /// Clients verify their server. Servers ask for a certificate, verify the one that comes, and
    /// also take clients without one.
    Peer = 1,
    /// As [`TlsVerify::Peer`], but servers refuse clients without a certificate.
    Require = 2,
}

/// Certificates, keys and rules for encrypted servers and clients: for any number of both.
///
/// A handle is cheap to clone and may be used on every thread and in every callback. Changes count
/// for connections that begin later; open ones keep what they began with. That is also the way to
/// renew a certificate at run time: set the new one, or [`reload`](TlsContext::reload) the files.
///
/// Without further settings a client trusts the authorities of the system and verifies the
/// certificate of its server and the name in it; a server asks its clients for no certificate; TLS
/// 1.2 and 1.3 are spoken; sessions are resumed.
///
/// ```no_run
/// use cppserver::{Client, Server, Service, TlsContext};
///
/// let service = Service::new()?;
/// let context = TlsContext::new();
/// context.set_certificate_files("server.pem", "server.key", None)?;
/// let server = Server::tls(&service, &context, "0.0.0.0", 443)?;
///
/// let context = TlsContext::new();
/// context.add_authority_file("ca.pem")?;
/// let client = Client::tls(&service, &context, "server.example.com", 443)?;
/// # Ok::<(), cppserver::Error>(())
/// ```
#[derive(Clone)]
pub struct TlsContext(pub(crate) Arc<TlsContextInner>);

pub(crate) struct TlsContextInner(Mutex<State>);

type PasswordCallback = Arc<dyn Fn() -> Option<String> + Send + Sync>;

#[derive(Default)]
struct State {
    /// Without the authorities of the system, which come in when they are needed.
    settings: Settings,
    /// Where the identities of the settings came from, in their order.
    certificate_files: Vec<Option<CertificateFiles>>,
    /// The same for the authorities.
    authorities: Vec<Authority>,
    system_authorities: Option<bool>,
    password: Option<PasswordCallback>,
    tickets: Option<Tickets>,
    acceptor: Option<Acceptor>,
    connector: Option<Connector>,
    /// Counts changes.
    version: u64,
}

#[derive(Clone)]
struct CertificateFiles {
    chain: PathBuf,
    key: PathBuf,
    password: Option<String>,
}

#[derive(Clone)]
struct Authority {
    file: Option<PathBuf>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Default for TlsContext {
    fn default() -> TlsContext {
        TlsContext::new()
    }
}

impl TlsContext {
    /// A context without certificates.
    pub fn new() -> TlsContext {
        TlsContext(Arc::new(TlsContextInner(Mutex::default())))
    }

    /// Reads the certificate of this side and its key.
    ///
    /// `chain` holds the certificate and, behind it, those of the authorities between it and the
    /// one that the peer trusts; `key` may be the same file. Both are PEM with any text around, or
    /// DER; keys are PKCS#8, PKCS#1 or SEC 1. `password` opens an encrypted key; without one
    /// the [password callback](TlsContext::set_password_callback) is asked. Of several
    /// certificates, the one that is set here serves clients that ask for none of the names.
    ///
    /// # Errors
    ///
    /// [`Status::System`](crate::Status::System) when a file cannot be read, otherwise
    /// [`Status::Tls`](crate::Status::Tls) with a [`TlsFailure`] that tells whether the format, the
    /// password or the match of key and certificate is wrong. Nothing has changed then.
    pub fn set_certificate_files(
        &self,
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
        password: Option<&str>,
    ) -> Result<()> {
        self.take_files(chain.as_ref(), key.as_ref(), password, false)
    }

    /// Reads a further certificate, for clients that ask for one of its names (SNI).
    ///
    /// # Errors
    ///
    /// As [`TlsContext::set_certificate_files`].
    pub fn add_certificate_files(
        &self,
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
        password: Option<&str>,
    ) -> Result<()> {
        self.take_files(chain.as_ref(), key.as_ref(), password, true)
    }

    /// [`TlsContext::set_certificate_files`] for what is in memory.
    ///
    /// # Errors
    ///
    /// As there, but for the files.
    pub fn set_certificate(&self, chain: &[u8], key: &[u8], password: Option<&str>) -> Result<()> {
        let identity = self.identity(chain, key, password)?;
        self.change(|state| state.set(identity, None, false));
        Ok(())
    }

    /// [`TlsContext::add_certificate_files`] for what is in memory.
    ///
    /// # Errors
    ///
    /// As there, but for the files.
    pub fn add_certificate(&self, chain: &[u8], key: &[u8], password: Option<&str>) -> Result<()> {
        let identity = self.identity(chain, key, password)?;
        self.change(|state| state.set(identity, None, true));
        Ok(())
    }

    /// Whom to ask for the password of an encrypted key that comes without one; `None` from the
    /// callback means that there is none. Called by the functions that read keys, on their thread.
    pub fn set_password_callback(
        &self,
        callback: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) {
        let callback: PasswordCallback = Arc::new(callback);
        // The destructor of the former one is user code, so it runs after the lock.
        let _former = self.state().password.replace(callback);
    }

    /// Reads all files again, of certificates, keys and authorities.
    ///
    /// # Errors
    ///
    /// As the functions that read them first; nothing has changed then.
    pub fn reload(&self) -> Result<()> {
        let (version, files, mut authorities) = {
            let state = self.state();
            (state.version, state.certificate_files.clone(), state.authorities.clone())
        };
        let mut identities = Vec::with_capacity(files.len());
        for files in &files {
            identities.push(match files {
                Some(CertificateFiles { chain, key, password }) => {
                    Some(self.identity(&read(chain)?, &read(key)?, password.as_deref())?)
                }
                None => None,
            });
        }
        for authority in &mut authorities {
            if let Some(file) = &authority.file {
                authority.certificates = certificates_of(file)?;
            }
        }
        let mut state = self.state();
        if state.version != version {
            return Err(Error::state("another thread changes the context; reload it after that"));
        }
        for (old, new) in state.settings.identities.iter_mut().zip(identities) {
            if let Some(new) = new {
                *old = new;
            }
        }
        state.authorities = authorities;
        state.changed();
        Ok(())
    }

    /// Trusts the authorities whose certificates are in a file, PEM with any text around or DER.
    /// The authorities of the system are not trusted then unless
    /// [asked for](TlsContext::set_system_authorities).
    ///
    /// # Errors
    ///
    /// [`Status::System`](crate::Status::System) when the file cannot be read,
    /// [`Status::Tls`](crate::Status::Tls) with [`TlsFailure::Format`] when there is no certificate
    /// in it.
    pub fn add_authority_file(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let certificates = certificates_of(path)?;
        let file = Some(path.to_owned());
        self.change(|state| state.authorities.push(Authority { file, certificates }));
        Ok(())
    }

    /// [`TlsContext::add_authority_file`] for what is in memory.
    ///
    /// # Errors
    ///
    /// As there, but for the file.
    pub fn add_authority(&self, certificates: &[u8]) -> Result<()> {
        let certificates = self::certificates(certificates)?;
        self.change(|state| state.authorities.push(Authority { file: None, certificates }));
        Ok(())
    }

    /// Whether the authorities of the system are trusted. By default only while no others were
    /// added. They are read when a connection needs them.
    pub fn set_system_authorities(&self, trust: bool) {
        self.change(|state| state.system_authorities = Some(trust));
    }

    /// What is asked of the certificate of the peer. By default [`TlsVerify::Peer`] on clients and
    /// [`TlsVerify::None`] on servers.
    pub fn set_verify(&self, verify: TlsVerify) {
        let mode = match verify {
            TlsVerify::None => VerifyMode::None,
            TlsVerify::Peer => VerifyMode::Peer,
            TlsVerify::Require => VerifyMode::Require,
        };
        self.change(|state| state.settings.verify = Some(mode));
    }

    /// Whether a client verifies that the certificate of the server is for the name that it
    /// connects to (RFC 9525). Default true. Without it, everybody who has a certificate of a
    /// trusted authority can answer in the server's place.
    pub fn set_verify_names(&self, verify: bool) {
        self.change(|state| state.settings.names = verify);
    }

    /// How many certificates there may be between the peer's own and that of a trusted authority.
    /// `None`, the default, leaves a limit of 6.
    pub fn set_verify_depth(&self, depth: Option<usize>) {
        self.change(|state| state.settings.depth = depth);
    }

    /// Whom to ask after the certificate of a peer was verified: the callback gets the certificate
    /// in DER and the error if there was one, and has the last word. Accepting what failed is as
    /// dangerous as not verifying. Called on loop threads, during handshakes; a panic refuses.
    pub fn set_verify_callback(
        &self,
        callback: impl Fn(&[u8], Option<&Error>) -> bool + Send + Sync + 'static,
    ) {
        let callback = move |certificate: &[u8], verdict: &Result<()>| {
            callback(certificate, verdict.as_ref().err())
        };
        let mut former = None;
        self.change(|state| former = state.settings.callback.replace(Arc::new(callback)));
        drop(former);
    }

    /// Takes certificates as they were made long ago: of X.509 version 1, without subjectAltName,
    /// so that the name is looked for in the subject, which RFC 9525 rules out. The chain up to a
    /// trusted authority, its signatures and times are verified nevertheless, by a verifier of this
    /// library instead of webpki. Default false; for peers that cannot get a certificate of today.
    pub fn dangerous_accept_legacy_certificates(&self, accept: bool) {
        self.change(|state| state.settings.legacy = accept);
    }

    /// The oldest version of TLS to speak. Default [`TlsVersion::Tls12`]; nothing older is spoken.
    pub fn set_minimum_version(&self, version: TlsVersion) {
        self.change(|state| state.settings.minimum = version);
    }

    /// The newest version of TLS to speak. Default [`TlsVersion::Tls13`].
    pub fn set_maximum_version(&self, version: TlsVersion) {
        self.change(|state| state.settings.maximum = version);
    }

    /// The protocols to agree on inside TLS (ALPN, RFC 7301), the most wanted first, such as
    /// `["h2", "http/1.1"]`. A server refuses clients that offer protocols but none of these.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for a protocol of no or more
    /// than 255 bytes.
    pub fn set_alpn_protocols<P: AsRef<[u8]>>(&self, protocols: &[P]) -> Result<()> {
        let protocols: Vec<Vec<u8>> = protocols.iter().map(|name| name.as_ref().to_vec()).collect();
        if protocols.iter().any(|name| !(1..=255).contains(&name.len())) {
            return Err(Error::argument("the name of an ALPN protocol has 1 to 255 bytes"));
        }
        self.change(|state| state.settings.alpn = protocols);
        Ok(())
    }

    /// Whether clients and servers go on from earlier sessions, which makes handshakes cheaper
    /// (RFC 8446 section 2.2). Default true.
    pub fn set_resumption(&self, resume: bool) {
        self.change(|state| state.settings.resumption = resume);
    }

    /// Appends the secrets of all further connections to a file, for programs such as Wireshark
    /// that then can read the traffic. `None`, the default, writes none.
    ///
    /// # Errors
    ///
    /// [`Status::System`](crate::Status::System) when the file cannot be opened.
    pub fn set_key_log_file(&self, path: Option<impl AsRef<Path>>) -> Result<()> {
        let line = match path {
            None => None,
            Some(path) => Some(key_log(path.as_ref())?),
        };
        self.change(|state| state.settings.key_log = line);
        Ok(())
    }

    /// The subject of a certificate in DER as text (RFC 4514), such as
    /// `CN=client.example.com,O=Example`. `None` for what is no certificate.
    pub fn subject_of(certificate: &[u8]) -> Option<String> {
        subject(certificate)
    }

    /// Whether a certificate in DER is for a DNS name or an address (RFC 9525), also by the common
    /// name of its subject when it has no subjectAltName (RFC 2818 section 3.1).
    pub fn is_for_name(certificate: &[u8], name: &str) -> bool {
        server_name(name).is_ok_and(|name| is_for_name(certificate, &name))
    }

    /// What a server needs for its connections.
    pub(super) fn acceptor(&self) -> Result<Acceptor> {
        let mut state = self.state();
        if let Some(acceptor) = &state.acceptor {
            return Ok(acceptor.clone());
        }
        let tickets = match &state.tickets {
            Some(tickets) => tickets.clone(),
            None => state.tickets.insert(Tickets::new()?).clone(),
        };
        let mut settings = state.settings.clone();
        let trusts_system = state.system_authorities.unwrap_or(false);
        settings.roots = state.roots(settings.verifies_clients() && trusts_system)?;
        let acceptor = settings.acceptor(&tickets)?;
        Ok(state.acceptor.insert(acceptor).clone())
    }

    /// What a client needs for its connections.
    pub(super) fn connector(&self) -> Result<Connector> {
        let mut state = self.state();
        if let Some(connector) = &state.connector {
            return Ok(connector.clone());
        }
        let mut settings = state.settings.clone();
        let trusts_system = state.system_authorities.unwrap_or(state.authorities.is_empty());
        settings.roots = state.roots(settings.verifies_servers() && trusts_system)?;
        let connector = settings.connector()?;
        Ok(state.connector.insert(connector).clone())
    }

    fn take_files(
        &self,
        chain: &Path,
        key: &Path,
        password: Option<&str>,
        further: bool,
    ) -> Result<()> {
        let identity = self.identity(&read(chain)?, &read(key)?, password).map_err(|error| {
            let files = match chain == key {
                true => chain.display().to_string(),
                false => format!("{} with {}", chain.display(), key.display()),
            };
            error.about(files)
        })?;
        let files = CertificateFiles {
            chain: chain.to_owned(),
            key: key.to_owned(),
            password: password.map(str::to_owned),
        };
        self.change(|state| state.set(identity, Some(files), further));
        Ok(())
    }

    fn identity(&self, chain: &[u8], key: &[u8], password: Option<&str>) -> Result<Arc<Identity>> {
        let callback = self.state().password.clone();
        let mut panicked = None;
        let mut ask = || match (password, &callback) {
            (Some(password), _) => Some(password.to_owned()),
            (None, Some(callback)) => {
                guard("the password callback", || callback()).unwrap_or_else(|error| {
                    panicked = Some(error);
                    None
                })
            }
            (None, None) => None,
        };
        let identity = Identity::new(chain, key, &mut ask);
        match panicked {
            Some(error) => Err(error),
            None => identity.map(Arc::new),
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.changed();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The certificate for everybody, or a further one for its names.
    fn set(&mut self, identity: Arc<Identity>, files: Option<CertificateFiles>, further: bool) {
        let identities = &mut self.settings.identities;
        if further || identities.is_empty() {
            identities.push(identity);
            self.certificate_files.push(files);
        } else {
            identities[0] = identity;
            self.certificate_files[0] = files;
        }
    }

    fn changed(&mut self) {
        self.version += 1;
        self.acceptor = None;
        self.connector = None;
        // A ticket of a client stands for how it was verified at the time.
        if self.settings.verifies_clients() {
            self.tickets = None;
        }
    }

    /// The authorities to verify peers with.
    fn roots(&self, with_system: bool) -> Result<Vec<CertificateDer<'static>>> {
        let mut roots: Vec<_> =
            self.authorities.iter().flat_map(|authority| authority.certificates.clone()).collect();
        if with_system {
            let system = authorities::system().map_err(|error| {
                Error::tls_failure(
                    TlsFailure::Settings,
                    format!(
                        "the system has no certificates of authorities ({error}); install them, \
                         such as the package ca-certificates, or load those to trust"
                    ),
                )
            });
            roots.extend(system?.into_iter().map(CertificateDer::from));
        }
        Ok(roots)
    }
}

impl fmt::Debug for TlsContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        formatter
            .debug_struct("TlsContext")
            .field("certificates", &state.settings.identities.len())
            .field("authorities", &state.authorities.len())
            .finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path)
        .map_err(|error| Error::system(format!("cannot read the file {}", path.display()), &error))
}

fn certificates_of(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    certificates(&read(path)?).map_err(|error| error.about(path.display()))
}

/// Appends to a file that only its owner may read.
fn key_log(path: &Path) -> Result<KeyLogLine> {
    let mut options = File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| {
        Error::system(format!("cannot open the key log {}", path.display()), &error)
    })?;
    // One write for each line: several processes may share the file. A log that cannot be written
    // must not end the connection.
    Ok(Arc::new(move |line| drop((&file).write_all(line.as_bytes()))))
}
