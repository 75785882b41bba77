//! Whether to believe a peer: its certificate, its name, and that it has the key.

mod possession;

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
};
use x509_cert::der::Decode;
use x509_cert::der::asn1::AnyRef;

use super::certificate::{Certificate, matches_name, names};
use super::chain::{self, Check, Purpose, Roots};
use super::failure;
use crate::error::{Error, Result, TlsFailure};

type Verdict<T = ()> = std::result::Result<T, rustls::Error>;

/// How much of the peer's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VerifyMode {
    /// Nothing: only that the peer has the key of the certificate that it shows.
    None,
    /// The certificate that it shows; a client need not show one.
    Peer,
    /// The certificate, which a client must show.
    Require,
}

/// Gets the leaf in DER and what the checks say about the chain; returns whether to accept it.
pub(crate) type VerifyCallback = Arc<dyn Fn(&[u8], &Result<()>) -> bool + Send + Sync>;

/// What is asked of a peer.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) mode: VerifyMode,
    /// Whether a server's certificate must be for the name that the client connects to.
    pub(crate) names: bool,
    /// Whether to take certificates of version 1, and common names.
    pub(crate) legacy: bool,
    /// The most intermediate certificates.
    pub(crate) depth: Option<usize>,
    pub(crate) callback: Option<VerifyCallback>,
}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Policy")
            .field("mode", &self.mode)
            .field("names", &self.names)
            .field("legacy", &self.legacy)
            .field("depth", &self.depth)
            .field("callback", &self.callback.is_some())
            .finish()
    }
}

/// What a client asks of servers.
pub(crate) fn server_verifier(
    policy: &Policy,
    roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    let rules = match policy.mode {
        VerifyMode::None => Rules::Nothing,
        _ => rules(policy, roots, provider)?,
    };
    Ok(Arc::new(Verifier::new(policy, rules, roots, provider)))
}

/// What a server asks of clients.
pub(crate) fn client_verifier(
    policy: &Policy,
    roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>> {
    let rules = rules(policy, roots, provider)?;
    Ok(Arc::new(Verifier::new(policy, rules, roots, provider)))
}

/// Roots that cannot be read are left out, because systems have such among theirs, as long as one
/// can be read.
fn rules(
    policy: &Policy,
    roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Rules> {
    if roots.is_empty() && policy.callback.is_none() {
        return Err(Error::tls_failure(
            TlsFailure::Settings,
            "peers are to be verified, but no certificates are trusted: load those of the \
             authorities that issue the peers' certificates, or the system's",
        ));
    }
    let rules = if policy.legacy {
        Rules::Legacy(Roots::new(roots))
    } else {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots.iter().cloned());
        let store = Arc::new(store);
        // Without roots there is no such verifier; the callback decides then.
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&store), Arc::clone(provider));
        Rules::Strict { clients: clients.build().ok(), store }
    };
    let none_is_left = match &rules {
        Rules::Nothing => false,
        Rules::Strict { store, .. } => store.is_empty(),
        Rules::Legacy(roots) => roots.is_empty(),
    };
    if none_is_left && !roots.is_empty() {
        let text = format!(
            "cannot read the trusted certificate 1 of {}: it is damaged, or no certificate",
            roots.len()
        );
        return Err(Error::tls_failure(TlsFailure::Format, text));
    }
    Ok(rules)
}

#[derive(Debug)]
enum Rules {
    Nothing,
    /// Those of rustls.
    Strict {
        store: Arc<RootCertStore>,
        clients: Option<Arc<dyn ClientCertVerifier>>,
    },
    /// Those of [`chain`].
    Legacy(Roots),
}

#[derive(Debug)]
struct Verifier {
    policy: Policy,
    rules: Rules,
    algorithms: WebPkiSupportedAlgorithms,
    /// Told to clients, so that they choose the right certificate.
    subjects: Vec<DistinguishedName>,
}

impl Verifier {
    fn new(
        policy: &Policy,
        rules: Rules,
        roots: &[CertificateDer<'static>],
        provider: &CryptoProvider,
    ) -> Verifier {
        let subject = |der: &CertificateDer<'static>| {
            let certificate = Certificate::parse(der).ok()?;
            let names = AnyRef::from_der(certificate.subject).ok()?.value();
            Some(DistinguishedName::in_sequence(names))
        };
        Verifier {
            policy: policy.clone(),
            rules,
            algorithms: provider.signature_verification_algorithms,
            subjects: roots.iter().filter_map(subject).collect(),
        }
    }

    fn check_server(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Verdict {
        match &self.rules {
            Rules::Nothing => Ok(()),
            Rules::Strict { store, .. } => {
                let certificate = ParsedCertificate::try_from(leaf)?;
                self.within_depth(leaf, intermediates, |intermediates| {
                    verify_server_cert_signed_by_trust_anchor(
                        &certificate,
                        store,
                        intermediates,
                        now,
                        self.algorithms.all,
                    )
                })?;
                if self.policy.names { verify_server_name(&certificate, name) } else { Ok(()) }
            }
            Rules::Legacy(roots) => {
                self.check_legacy(roots, Purpose::Server, leaf, intermediates, now)?;
                let certificate = parse(leaf)?;
                if self.policy.names && !matches_name(&certificate, name, true) {
                    return Err(CertificateError::NotValidForNameContext {
                        expected: name.to_owned(),
                        presented: names(leaf),
                    }
                    .into());
                }
                Ok(())
            }
        }
    }

    fn check_client(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Verdict {
        match &self.rules {
            Rules::Nothing => Ok(()),
            Rules::Strict { clients: None, .. } => Err(CertificateError::UnknownIssuer.into()),
            Rules::Strict { clients: Some(clients), .. } => {
                self.within_depth(leaf, intermediates, |intermediates| {
                    clients.verify_client_cert(leaf, intermediates, now).map(drop)
                })
            }
            Rules::Legacy(roots) => {
                self.check_legacy(roots, Purpose::Client, leaf, intermediates, now)
            }
        }
    }

    fn check_legacy(
        &self,
        roots: &Roots,
        purpose: Purpose,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Verdict {
        let (depth, algorithms) = (self.policy.depth, self.algorithms.all);
        let check = Check { roots, purpose, depth, now, algorithms };
        Ok(check.verify(leaf, intermediates)?)
    }

    /// rustls has no limit for the depth: give it no more than one short way at a time.
    fn within_depth(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        verify: impl Fn(&[CertificateDer<'_>]) -> Verdict,
    ) -> Verdict {
        verify(intermediates)?;
        match self.policy.depth {
            Some(depth) if depth < intermediates.len() => {
                let short = short_ways(leaf, intermediates, depth);
                if short.iter().any(|way| verify(way).is_ok()) {
                    return Ok(());
                }
                Err(chain::too_long(depth).into())
            }
            _ => Ok(()),
        }
    }

    /// Lets the callback decide, if there is one.
    fn decide(&self, leaf: &CertificateDer<'_>, verdict: Verdict) -> Verdict {
        let Some(callback) = self.policy.callback.as_ref().filter(|_| self.checks()) else {
            return verdict;
        };
        let told = verdict.as_ref().map(drop).map_err(|error| failure::error(error, true));
        match catch_unwind(AssertUnwindSafe(|| callback(leaf, &told))) {
            Ok(true) => Ok(()),
            Ok(false) => verdict.and(Err(CertificateError::ApplicationVerificationFailure.into())),
            Err(payload) => Err(panicked(payload).into()),
        }
    }

    fn checks(&self) -> bool {
        !matches!(self.rules, Rules::Nothing)
    }

    /// Whether rustls checks handshakes: it reads no certificates of version 1, which may have
    /// been accepted here.
    fn leaves_signatures_to_rustls(&self) -> bool {
        matches!(self.rules, Rules::Strict { .. }) && self.policy.callback.is_none()
    }

    /// The signature that shows that the peer has the key of its certificate.
    fn check_handshake_12(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verdict<HandshakeSignatureValid> {
        if self.leaves_signatures_to_rustls() {
            verify_tls12_signature(message, leaf, signed, &self.algorithms)
        } else {
            possession::check_12(message, leaf, signed, &self.algorithms)
        }
    }

    fn check_handshake_13(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verdict<HandshakeSignatureValid> {
        if self.leaves_signatures_to_rustls() {
            verify_tls13_signature(message, leaf, signed, &self.algorithms)
        } else {
            possession::check_13(message, leaf, signed, &self.algorithms)
        }
    }
}

fn panicked(payload: Box<dyn Any + Send>) -> CertificateError {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "without a message",
    };
    let error = chain::refusal(format!("the verify callback panicked: {text}"));
    // The payload is the user's too: its destructor may panic as well.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    error
}

/// Ways up from a leaf with no more than `depth` certificates each, as their names say.
fn short_ways<'a>(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'a>],
    depth: usize,
) -> Vec<Vec<CertificateDer<'a>>> {
    /// Peers choose what they send; this bounds the work that they can cause.
    const MOST_WAYS: usize = 100;

    let Ok(leaf) = Certificate::parse(leaf) else { return Vec::new() };
    let parsed: Vec<_> = intermediates.iter().map(|der| Certificate::parse(der).ok()).collect();
    let mut ways = vec![Vec::new()];
    let mut next = 0;
    while next < ways.len() {
        let way: Vec<usize> = ways[next].clone();
        next += 1;
        let last = way.last().and_then(|&index| parsed[index].as_ref()).unwrap_or(&leaf);
        for (index, issuer) in parsed.iter().enumerate() {
            let fits = issuer.as_ref().is_some_and(|issuer| issuer.subject == last.issuer);
            if way.len() < depth && ways.len() < MOST_WAYS && fits && !way.contains(&index) {
                ways.push([way.as_slice(), &[index]].concat());
            }
        }
    }
    let certificates = |way: Vec<usize>| way.iter().map(|&i| intermediates[i].clone()).collect();
    ways.into_iter().map(certificates).collect()
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Verdict<Certificate<'a>> {
    Certificate::parse(der).map_err(|_| CertificateError::BadEncoding.into())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Verdict<ServerCertVerified> {
        let verdict = self.check_server(leaf, intermediates, name, now);
        self.decide(leaf, verdict).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verdict<HandshakeSignatureValid> {
        self.check_handshake_12(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verdict<HandshakeSignatureValid> {
        self.check_handshake_13(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.policy.mode == VerifyMode::Require
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Verdict<ClientCertVerified> {
        let verdict = self.check_client(leaf, intermediates, now);
        self.decide(leaf, verdict).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verdict<HandshakeSignatureValid> {
        self.check_handshake_12(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verdict<HandshakeSignatureValid> {
        self.check_handshake_13(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
