//! Whether a peer has the key of the certificate that it shows, for certificates of every version.
//! What rustls has for this reads those of version 3 only.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use rustls::{DigitallySignedStruct, PeerMisbehaved, SignatureScheme};

use super::{Verdict, chain, parse};

/// In TLS 1.2 a scheme says nothing about the curve: the key does.
pub(super) fn check_12(
    message: &[u8],
    leaf: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Verdict<HandshakeSignatureValid> {
    check(algorithms_of(signed.scheme, algorithms)?, message, leaf, signed)
}

/// In TLS 1.3 a scheme means one algorithm, the first.
pub(super) fn check_13(
    message: &[u8],
    leaf: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Verdict<HandshakeSignatureValid> {
    if !is_scheme_of_13(signed.scheme) {
        return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
    }
    let algorithms = algorithms_of(signed.scheme, algorithms)?;
    check(algorithms.get(..1).unwrap_or_default(), message, leaf, signed)
}

/// Those of PKCS #1 and SHA-1 are for certificates only (RFC 8446 section 4.2.3).
pub(super) fn is_scheme_of_13(scheme: SignatureScheme) -> bool {
    !matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA1
            | SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
            | SignatureScheme::ECDSA_SHA1_Legacy
    )
}

fn algorithms_of(
    scheme: SignatureScheme,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Verdict<&'static [&'static dyn SignatureVerificationAlgorithm]> {
    let found = algorithms.mapping.iter().find(|(own, _)| *own == scheme);
    let unknown = PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme;
    found.map(|(_, algorithms)| *algorithms).ok_or_else(|| unknown.into())
}

fn check(
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    message: &[u8],
    leaf: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Verdict<HandshakeSignatureValid> {
    let certificate = parse(leaf)?;
    chain::check_bits(algorithms, &certificate.key, message, signed.signature())?;
    Ok(HandshakeSignatureValid::assertion())
}
