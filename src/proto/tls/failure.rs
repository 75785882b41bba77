//! Errors of rustls as errors of this library: a code, and a sentence that says what to do.

use rustls::{
    AlertDescription, CertificateError, Error as TlsError, ExtendedKeyPurpose, InvalidMessage,
    PeerIncompatible, PeerMisbehaved,
};

use super::certificate::date;
use crate::error::Error;

/// What the code of an alert that the peer sent is more than the alert.
const RECEIVED: i32 = 1000;

/// An error of rustls, during the handshake or after it.
pub(crate) fn error(error: &TlsError, handshaking: bool) -> Error {
    if let TlsError::AlertReceived(alert) = error {
        return Error::tls(RECEIVED + i32::from(u8::from(*alert)), received(*alert));
    }
    let text = match error {
        TlsError::InvalidCertificate(reason) => {
            format!("the peer's certificate is refused: {}", certificate(reason))
        }
        TlsError::InvalidMessage(reason) if handshaking && is_foreign(*reason) => {
            "the peer does not speak TLS: is it a plain TCP peer, another protocol, or the wrong \
             port?"
                .into()
        }
        TlsError::PeerIncompatible(reason) => incompatible(reason).into(),
        TlsError::PeerMisbehaved(PeerMisbehaved::TooManyRenegotiationRequests) => {
            "the peer asks for renegotiation, which is not supported because it is not safe; use \
             TLS 1.3, or a new connection"
                .into()
        }
        TlsError::NoCertificatesPresented => {
            "the peer shows no certificate, but this side requires one: load a certificate and its \
             key there, or do not require it here"
                .into()
        }
        TlsError::NoApplicationProtocol => {
            "no application protocol (ALPN) is known to both sides: add one of the peer's to the \
             list here, or leave the list empty"
                .into()
        }
        TlsError::DecryptError if handshaking => {
            "the handshake cannot be decrypted: the peer is faulty, or somebody changes what it \
             sends"
                .into()
        }
        TlsError::DecryptError => {
            "the data cannot be decrypted: it was damaged on its way, or somebody changes it".into()
        }
        TlsError::PeerSentOversizedRecord => {
            "the peer sends more in one record than TLS allows; it is faulty, or does not speak TLS"
                .into()
        }
        TlsError::InvalidMessage(_)
        | TlsError::PeerMisbehaved(_)
        | TlsError::InappropriateMessage { .. }
        | TlsError::InappropriateHandshakeMessage { .. } => {
            format!("the peer violates the TLS protocol ({error}); is its TLS library up to date?")
        }
        TlsError::FailedToGetRandomBytes => "the system gives no random numbers".into(),
        TlsError::FailedToGetCurrentTime => {
            "the system gives no time, so that no certificate can be verified; set the clock".into()
        }
        other => format!("TLS failed: {other}"),
    };
    Error::tls(i32::from(u8::from(alert(error))), text)
}

/// The alert that this side sends for an error, or the one of RFC 8446 section 6.2 that means it.
fn alert(error: &TlsError) -> AlertDescription {
    match error {
        TlsError::InvalidCertificate(reason) => reason.clone().into(),
        TlsError::InvalidMessage(reason) => (*reason).into(),
        TlsError::InappropriateMessage { .. } | TlsError::InappropriateHandshakeMessage { .. } => {
            AlertDescription::UnexpectedMessage
        }
        TlsError::NoCertificatesPresented => AlertDescription::CertificateRequired,
        TlsError::NoApplicationProtocol => AlertDescription::NoApplicationProtocol,
        TlsError::DecryptError => AlertDescription::BadRecordMac,
        TlsError::PeerSentOversizedRecord => AlertDescription::RecordOverflow,
        TlsError::PeerMisbehaved(_) => AlertDescription::IllegalParameter,
        TlsError::PeerIncompatible(reason) => match reason {
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls13RequiredForQuic => AlertDescription::ProtocolVersion,
            PeerIncompatible::NullCompressionRequired => AlertDescription::IllegalParameter,
            _ => AlertDescription::HandshakeFailure,
        },
        _ => AlertDescription::InternalError,
    }
}

/// Whether a message begins as none of TLS does.
fn is_foreign(reason: InvalidMessage) -> bool {
    matches!(reason, InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion)
}

fn certificate(reason: &CertificateError) -> String {
    match reason {
        CertificateError::UnknownIssuer => {
            "nobody whom this side trusts issued it. Load the certificate of the authority that \
             issued it as a trusted one; if there are intermediate certificates, the peer must \
             send them behind its own"
                .into()
        }
        CertificateError::ExpiredContext { time, not_after } => format!(
            "it, or one of those that issued it, expired on {}, and the clock here says {}. The \
             peer needs a new certificate, or the clock is wrong",
            date(*not_after),
            date(*time)
        ),
        CertificateError::Expired => {
            "it, or one of those that issued it, has expired. The peer needs a new certificate, or \
             the clock here is wrong"
                .into()
        }
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "it, or one of those that issued it, is not valid before {}, and the clock here says \
             {}. Is the clock wrong?",
            date(*not_before),
            date(*time)
        ),
        CertificateError::NotValidYet => {
            "it, or one of those that issued it, is not valid yet. Is the clock here wrong?".into()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            if presented.is_empty() {
                format!(
                    "it has no alternative names, and so is not for {expected}. Common names count \
                     only with dangerous_accept_legacy_certificates; better, the peer gets a \
                     certificate with alternative names"
                )
            } else {
                format!(
                    "it is not for {expected}, but for {}. Connect to one of these, or set the \
                     name to verify to one of them",
                    presented.join(", ")
                )
            }
        }
        CertificateError::NotValidForName => {
            "it is not for the name that this side connects to. Connect to a name that is in it, \
             or set that one as the name to verify"
                .into()
        }
        CertificateError::BadSignature => {
            "a signature is wrong. The one who signed it has not the key that he should have: it \
             is forged or damaged, or another certificate of the same name is trusted here"
                .into()
        }
        CertificateError::InvalidPurposeContext { required, .. } => format!(
            "it is not for {required}. The peer needs a certificate whose extended key usage has \
             {}",
            match required {
                ExtendedKeyPurpose::ServerAuth => "serverAuth",
                ExtendedKeyPurpose::ClientAuth => "clientAuth",
                ExtendedKeyPurpose::Other(_) => "that purpose",
            }
        ),
        CertificateError::InvalidPurpose => "it is for another purpose".into(),
        CertificateError::UnhandledCriticalExtension => {
            "it, or one of those that issued it, has an extension that must not be ignored and \
             that is not supported"
                .into()
        }
        CertificateError::BadEncoding => "it is damaged, or no certificate".into(),
        CertificateError::Revoked => "it is revoked".into(),
        CertificateError::ApplicationVerificationFailure => "the verify callback says no".into(),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it is signed in a way that is not supported or not safe, such as with SHA-1, MD5 or a \
             key that is too short. The peer needs a new certificate"
                .into()
        }
        // webpki's own errors are known by their names only.
        CertificateError::Other(other) => match other.to_string().as_str() {
            "UnsupportedCertVersion" => {
                "it is of X.509 version 1 or 2, which has no extensions. Use certificates of \
                 version 3, or set dangerous_accept_legacy_certificates"
                    .into()
            }
            "EndEntityUsedAsCa" => {
                "one that issued it is none of an authority. Is the chain of the peer right?".into()
            }
            "CaUsedAsEndEntity" => {
                "it is one of an authority, which must not be a peer's own. The peer needs a \
                 certificate that its authority issued"
                    .into()
            }
            "PathLenConstraintViolated" => {
                "there are more authorities above it than one of them allows".into()
            }
            "NameConstraintViolation" => {
                "the authority that issued it may not issue it for that name".into()
            }
            "MaximumSignatureChecksExceeded" | "MaximumPathBuildCallsExceeded" => {
                "its chain has too many ways to a trusted certificate".into()
            }
            other => other.into(),
        },
        other => other.to_string(),
    }
}

fn incompatible(reason: &PeerIncompatible) -> &'static str {
    match reason {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        // The extension came with TLS 1.2.
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired
        | PeerIncompatible::Tls13RequiredForQuic => {
            "no version of TLS is known to both sides: this library has TLS 1.2 and 1.3; update \
             the peer, or allow the other version in the settings"
        }
        PeerIncompatible::NoCipherSuitesInCommon => {
            "no cipher suite is known to both sides: the peer is too old, or the settings or the \
             kind of key leave none; TLS 1.2 needs one with ECDHE and AES-GCM or ChaCha20"
        }
        PeerIncompatible::NoKxGroupsInCommon
        | PeerIncompatible::NamedGroupsExtensionRequired
        | PeerIncompatible::NoEcPointFormatsInCommon => {
            "no key exchange is known to both sides: the peer needs X25519 or a NIST curve"
        }
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => {
            "no kind of signature is known to both sides: load a certificate with another kind of \
             key, RSA or ECDSA"
        }
        _ => "the peer lacks what this library needs of TLS; is its TLS library up to date?",
    }
}

fn received(alert: AlertDescription) -> String {
    let text = match alert {
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "it finds no common ground: look at versions, cipher suites, kinds of keys, and \
             whether it requires a certificate of this side"
        }
        AlertDescription::CertificateRequired => {
            "it requires a certificate of this side: load a client certificate and its key"
        }
        AlertDescription::UnknownCA => {
            "it does not trust whoever issued the certificate of this side: load the authority's \
             certificate there, or the intermediate certificates behind the own one here"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown => {
            "it refuses the certificate of this side; its own log may say why"
        }
        AlertDescription::CertificateExpired => {
            "for it the certificate of this side has expired or is not valid yet: load a new one, \
             or look at the clocks"
        }
        AlertDescription::CertificateRevoked => {
            "for it the certificate of this side is revoked: load a new one"
        }
        AlertDescription::AccessDenied => {
            "the certificate of this side is valid, but it lets nobody in with it"
        }
        AlertDescription::ProtocolVersion => {
            "it knows no version of TLS that this side allows: TLS 1.2 or 1.3"
        }
        AlertDescription::NoApplicationProtocol => {
            "it knows none of the application protocols (ALPN) of this side"
        }
        AlertDescription::UnrecognisedName => "it knows nobody with the name that was asked for",
        AlertDescription::DecryptError => {
            "a signature of this side is wrong for it: does the key belong to the certificate?"
        }
        AlertDescription::UserCanceled => "its user gave up",
        AlertDescription::InternalError => "it failed for a reason of its own; look at its log",
        AlertDescription::BadRecordMac => {
            "it cannot decrypt what it got: somebody changes the data on its way, or the peer is \
             faulty"
        }
        _ => "it objects to the messages of this side; its own log may say why",
    };
    format!("the peer ended the TLS connection ({}): {text}", alert_name(alert))
}

/// The name of an alert in RFC 8446: `handshake_failure`.
fn alert_name(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::UnknownCA => return "unknown_ca".into(),
        AlertDescription::UnrecognisedName => return "unrecognized_name".into(),
        AlertDescription::UnknownPSKIdentity => return "unknown_psk_identity".into(),
        AlertDescription::Unknown(number) => return format!("alert {number}"),
        _ => {}
    }
    let mut name = String::new();
    for letter in format!("{alert:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;
    use crate::error::{Category, Status};

    fn told(error: &TlsError) -> (i32, String) {
        let error = super::error(error, true);
        assert_eq!((error.status(), error.category()), (Status::Tls, Category::Tls));
        (error.code(), error.message().to_owned())
    }

    fn refused(reason: CertificateError) -> (i32, String) {
        told(&TlsError::InvalidCertificate(reason))
    }

    #[track_caller]
    fn assert_told((code, message): (i32, String), expected: i32, text: &str) {
        assert_eq!(code, expected, "{message}");
        assert!(message.contains(text), "{message}");
    }

    #[test]
    fn alerts_of_the_peer_are_a_thousand_more() {
        let received = |alert| told(&TlsError::AlertReceived(alert));
        let required = received(AlertDescription::CertificateRequired);
        assert_told(required, 1116, "(certificate_required): it requires a certificate");
        assert_told(received(AlertDescription::UnknownCA), 1048, "(unknown_ca)");
        assert_told(received(AlertDescription::HandshakeFailure), 1040, "(handshake_failure)");
        assert_told(received(AlertDescription::UnrecognisedName), 1112, "(unrecognized_name)");
        assert_told(received(AlertDescription::Unknown(200)), 1200, "(alert 200)");
    }

    #[test]
    fn every_alert_has_its_name_and_a_sentence() {
        for number in 0..=255 {
            let (code, message) = told(&TlsError::AlertReceived(AlertDescription::from(number)));
            assert_eq!(code, 1000 + i32::from(number));
            assert!(!message.contains("__") && message.len() > 60, "{message}");
        }
    }

    #[test]
    fn times_and_names_are_told() {
        let time = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let (now, not_after) = (time(1_893_456_000), time(1_609_459_200));
        let expired = refused(CertificateError::ExpiredContext { time: now, not_after });
        assert_told(expired.clone(), 45, "expired on 2021-01-01T00:00:00Z");
        assert_told(expired, 45, "the clock here says 2030-01-01T00:00:00Z");
        let early =
            refused(CertificateError::NotValidYetContext { time: not_after, not_before: now });
        assert_told(early, 45, "not valid before 2030-01-01T00:00:00Z");
        let end = time(u64::MAX);
        refused(CertificateError::ExpiredContext { time: end, not_after: end });
        let expected = ServerName::try_from("www.example.com").unwrap();
        let mismatch = |presented: &[&str]| {
            refused(CertificateError::NotValidForNameContext {
                expected: expected.clone(),
                presented: presented.iter().map(|name| name.to_string()).collect(),
            })
        };
        assert_told(
            mismatch(&["a.org", "b.org"]),
            42,
            "not for www.example.com, but for a.org, b.org",
        );
        assert_told(mismatch(&[]), 42, "dangerous_accept_legacy_certificates");
    }

    #[test]
    fn refusals_have_the_alert_that_means_them() {
        assert_told(refused(CertificateError::UnknownIssuer), 48, "as a trusted one");
        assert_told(refused(CertificateError::BadSignature), 51, "forged");
        assert_told(refused(CertificateError::BadEncoding), 42, "damaged");
        assert_told(
            refused(CertificateError::ApplicationVerificationFailure),
            49,
            "the verify callback says no",
        );
        let purpose = CertificateError::InvalidPurposeContext {
            required: ExtendedKeyPurpose::ClientAuth,
            presented: vec![],
        };
        assert_told(refused(purpose), 43, "clientAuth");
        let own = super::super::chain::refusal("a sentence of ours");
        assert_told(refused(own), 46, "the peer's certificate is refused: a sentence of ours");
        assert_told(told(&TlsError::NoCertificatesPresented), 116, "load a certificate");
        assert_told(told(&TlsError::NoApplicationProtocol), 120, "ALPN");
    }

    #[test]
    fn what_is_no_tls_is_told_only_during_the_handshake() {
        let foreign = TlsError::InvalidMessage(InvalidMessage::InvalidContentType);
        assert_told(told(&foreign), 50, "does not speak TLS");
        let later = error(&foreign, false);
        assert!(later.message().contains("violates the TLS protocol"), "{later}");
        let broken = TlsError::InvalidMessage(InvalidMessage::MessageTooShort);
        assert_told(told(&broken), 50, "violates the TLS protocol");
        assert_told(told(&TlsError::DecryptError), 20, "handshake cannot be decrypted");
        assert_told(told(&TlsError::PeerSentOversizedRecord), 22, "one record");
    }

    #[test]
    fn peers_without_common_ground_are_told_what_is_missing() {
        let told = |reason| told(&TlsError::PeerIncompatible(reason));
        assert_told(told(PeerIncompatible::Tls12NotOfferedOrEnabled), 70, "TLS 1.2 and 1.3");
        assert_told(told(PeerIncompatible::NoCipherSuitesInCommon), 40, "cipher suite");
        assert_told(told(PeerIncompatible::NoKxGroupsInCommon), 40, "key exchange");
        assert_told(told(PeerIncompatible::NoSignatureSchemesInCommon), 40, "RSA or ECDSA");
        assert_told(told(PeerIncompatible::KeyShareExtensionRequired), 40, "up to date");
    }
}
