//! The check of a certificate chain that also takes certificates of version 1 (RFC 5280 section
//! 6.1, without policies and revocation).
//!
//! Roots are trusted because the user named them, so that one of version 1, or one that does not
//! say what it is, may issue certificates. Everything else in a chain must say that it may.

#[cfg(test)]
pub(super) mod fixtures;

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use rustls::{CertificateError, ExtendedKeyPurpose, OtherError};
use x509_cert::Version;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};

use super::certificate::{Certificate, PublicKey, Signature};

/// The limit of webpki, and more intermediate certificates than anybody uses.
const MOST_INTERMEDIATES: usize = 6;

/// Peers choose what they send; this bounds the work that they can cause.
const MOST_SIGNATURES: usize = 100;

/// The algorithms that a provider has for signatures in certificates.
pub(super) type Algorithms = [&'static dyn SignatureVerificationAlgorithm];

/// What a certificate is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Server,
    Client,
}

/// The certificates that the user trusts.
#[derive(Debug)]
pub(super) struct Roots(Vec<Root>);

#[derive(Debug)]
struct Root {
    der: CertificateDer<'static>,
    subject: Vec<u8>,
}

impl Roots {
    /// Leaves out what cannot be parsed.
    pub(super) fn new(certificates: &[CertificateDer<'static>]) -> Roots {
        let root = |der: &CertificateDer<'static>| {
            let subject = Certificate::parse(der).ok()?.subject.to_vec();
            Some(Root { der: der.clone(), subject })
        };
        Roots(certificates.iter().filter_map(root).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a chain is checked against.
pub(super) struct Check<'a> {
    pub(super) roots: &'a Roots,
    pub(super) purpose: Purpose,
    /// The most certificates between the leaf and the root.
    pub(super) depth: Option<usize>,
    pub(super) now: UnixTime,
    pub(super) algorithms: &'a Algorithms,
}

impl Check<'_> {
    pub(super) fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<(), CertificateError> {
        let certificate = parse(leaf)?;
        self.check_time(&certificate)?;
        self.check_extensions(&certificate)?;
        if self.roots.0.iter().any(|root| root.der == *leaf) {
            return Ok(());
        }
        let intermediates: Vec<Certificate<'_>> =
            intermediates.iter().filter_map(|der| Certificate::parse(der).ok()).collect();
        let mut search = Search {
            check: self,
            used: vec![false; intermediates.len()],
            intermediates: &intermediates,
            signatures: 0,
            error: CertificateError::UnknownIssuer,
        };
        if search.climb(&certificate, 0, 0) { Ok(()) } else { Err(search.error) }
    }

    fn check_time(&self, certificate: &Certificate<'_>) -> Result<(), CertificateError> {
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        if self.now < not_before {
            return Err(CertificateError::NotValidYetContext { time: self.now, not_before });
        }
        if self.now > not_after {
            return Err(CertificateError::ExpiredContext { time: self.now, not_after });
        }
        Ok(())
    }

    /// Those that count for every certificate of a chain.
    fn check_extensions(&self, certificate: &Certificate<'_>) -> Result<(), CertificateError> {
        if certificate.has_unknown_critical_extension() {
            return Err(CertificateError::UnhandledCriticalExtension);
        }
        let usage = certificate.extended_key_usage().map_err(|_| CertificateError::BadEncoding)?;
        let (required, identifier) = match self.purpose {
            Purpose::Server => (ExtendedKeyPurpose::ServerAuth, ID_KP_SERVER_AUTH),
            Purpose::Client => (ExtendedKeyPurpose::ClientAuth, ID_KP_CLIENT_AUTH),
        };
        match usage {
            Some(usage) if !usage.0.contains(&identifier) => {
                let presented = usage.0.iter().map(purpose).collect();
                Err(CertificateError::InvalidPurposeContext { required, presented })
            }
            _ => Ok(()),
        }
    }

    /// Whether a certificate may issue others, with so many other authorities below it.
    fn check_authority(
        &self,
        issuer: &Certificate<'_>,
        is_root: bool,
        below: usize,
    ) -> Result<(), CertificateError> {
        self.check_time(issuer)?;
        self.check_extensions(issuer)?;
        let name = || issuer.subject_text().unwrap_or_default();
        if !is_root && issuer.version() != Version::V3 {
            return Err(refusal(format!(
                "the intermediate certificate {} is of an old version, which cannot say whether \
                 it may issue others; load it as a trusted one if it may",
                name()
            )));
        }
        let constraints = issuer.basic_constraints().map_err(|_| CertificateError::BadEncoding)?;
        let is_authority = constraints.as_ref().map_or(is_root, |constraints| constraints.ca);
        let usage = issuer.key_usage().map_err(|_| CertificateError::BadEncoding)?;
        if !is_authority || usage.is_some_and(|usage| !usage.key_cert_sign()) {
            return Err(refusal(format!(
                "the certificate {} issued another one, but it is none of an authority",
                name()
            )));
        }
        let limit = constraints.and_then(|constraints| constraints.path_len_constraint);
        if limit.is_some_and(|limit| usize::from(limit) < below) {
            return Err(refusal(format!(
                "there are more authorities below {} than its certificate allows",
                name()
            )));
        }
        Ok(())
    }
}

/// The way from a leaf to a root. There may be several, and some that lead nowhere.
struct Search<'a> {
    check: &'a Check<'a>,
    intermediates: &'a [Certificate<'a>],
    used: Vec<bool>,
    signatures: usize,
    /// The first obstacle that is more than a missing issuer.
    error: CertificateError,
}

impl Search<'_> {
    /// Goes on from a certificate with so many intermediate ones behind it, of which `below` count
    /// for the limits that authorities carry.
    fn climb(&mut self, child: &Certificate<'_>, depth: usize, below: usize) -> bool {
        let (check, intermediates) = (self.check, self.intermediates);
        for root in check.roots.0.iter().filter(|root| root.subject == child.issuer) {
            let step = parse(&root.der).and_then(|root| {
                check.check_authority(&root, true, below)?;
                self.check_signature(child, &root.key)
            });
            match step {
                Ok(()) => return true,
                Err(error) => self.note(error),
            }
        }
        let most = check.depth.unwrap_or(MOST_INTERMEDIATES).min(MOST_INTERMEDIATES);
        for (index, issuer) in intermediates.iter().enumerate() {
            if self.used[index] || issuer.subject != child.issuer {
                continue;
            }
            if depth == most {
                self.note(too_long(most));
                continue;
            }
            let step = check
                .check_authority(issuer, false, below)
                .and_then(|()| self.check_signature(child, &issuer.key));
            if let Err(error) = step {
                self.note(error);
                continue;
            }
            self.used[index] = true;
            let below = below + usize::from(!issuer.is_self_issued());
            if self.climb(issuer, depth + 1, below) {
                return true;
            }
            self.used[index] = false;
        }
        false
    }

    fn check_signature(
        &mut self,
        child: &Certificate<'_>,
        key: &PublicKey<'_>,
    ) -> Result<(), CertificateError> {
        if self.signatures == MOST_SIGNATURES {
            return Err(refusal("the chain has too many ways to a trusted certificate"));
        }
        self.signatures += 1;
        check_signature(self.check.algorithms, key, child.signed, &child.signature)
    }

    fn note(&mut self, error: CertificateError) {
        if self.error == CertificateError::UnknownIssuer {
            self.error = error;
        }
    }
}

/// Checks a signature with the algorithm that it names.
fn check_signature(
    algorithms: &Algorithms,
    key: &PublicKey<'_>,
    message: &[u8],
    signature: &Signature<'_>,
) -> Result<(), CertificateError> {
    let named: Vec<_> = algorithms
        .iter()
        .copied()
        .filter(|algorithm| algorithm.signature_alg_id().as_ref() == signature.algorithm)
        .collect();
    if named.is_empty() {
        return Err(CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: signature.algorithm.to_vec(),
            supported_algorithms: algorithms.iter().map(|found| found.signature_alg_id()).collect(),
        });
    }
    check_bits(&named, key, message, signature.bits)
}

/// Checks a signature with the first of some algorithms that fits the key.
pub(super) fn check_bits(
    algorithms: &Algorithms,
    key: &PublicKey<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CertificateError> {
    let fits = |algorithm: &&&dyn SignatureVerificationAlgorithm| {
        algorithm.public_key_alg_id().as_ref() == key.algorithm
    };
    let Some(algorithm) = algorithms.iter().find(fits) else {
        let named = algorithms.first().map(|first| first.signature_alg_id());
        return Err(CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: named.map(|named| named.to_vec()).unwrap_or_default(),
            public_key_algorithm_id: key.algorithm.to_vec(),
        });
    };
    let result = algorithm.verify_signature(key.bits, message, signature);
    result.map_err(|_| CertificateError::BadSignature)
}

/// A refusal that only a sentence describes.
pub(super) fn refusal(text: impl Into<String>) -> CertificateError {
    CertificateError::Other(OtherError(Arc::new(Refusal(text.into()))))
}

pub(super) fn too_long(most: usize) -> CertificateError {
    refusal(format!(
        "the chain has more than {most} intermediate certificates; allow more with the verify \
         depth if that is as it should be"
    ))
}

/// The sentence of a refusal, which passes through rustls as it is.
#[derive(Debug)]
pub(super) struct Refusal(String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<Certificate<'a>, CertificateError> {
    Certificate::parse(der).map_err(|_| CertificateError::BadEncoding)
}

fn purpose(identifier: &ObjectIdentifier) -> ExtendedKeyPurpose {
    match *identifier {
        ID_KP_SERVER_AUTH => ExtendedKeyPurpose::ServerAuth,
        ID_KP_CLIENT_AUTH => ExtendedKeyPurpose::ClientAuth,
        other => ExtendedKeyPurpose::Other(other.arcs().map(|arc| arc as usize).collect()),
    }
}

#[cfg(test)]
mod tests;
