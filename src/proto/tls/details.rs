//! What a handshake came to.

use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, CommonState, HandshakeKind, ProtocolVersion};

use super::certificate;

/// What the handshake of an encrypted session came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsDetails {
    version: &'static str,
    cipher_suite: &'static str,
    alpn_protocol: Option<Box<[u8]>>,
    server_name: Option<Box<str>>,
    resumed: bool,
    certificates: Box<[CertificateDer<'static>]>,
}

impl TlsDetails {
    pub(super) fn new(common: &CommonState, server_name: Option<Box<str>>) -> TlsDetails {
        let suite = common.negotiated_cipher_suite().map(|suite| suite.suite());
        TlsDetails {
            version: version_name(common.protocol_version()),
            cipher_suite: suite.map_or("", suite_name),
            alpn_protocol: common.alpn_protocol().map(Box::from),
            server_name,
            resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
            certificates: common.peer_certificates().unwrap_or_default().into(),
        }
    }

    /// `TLSv1.2` or `TLSv1.3`.
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// The name in the registry of IANA, such as `TLS_AES_256_GCM_SHA384`.
    pub fn cipher_suite(&self) -> &'static str {
        self.cipher_suite
    }

    /// The protocol that both sides agreed on (ALPN, RFC 7301).
    pub fn alpn_protocol(&self) -> Option<&[u8]> {
        self.alpn_protocol.as_deref()
    }

    /// The name of the server that the client asked for (SNI, RFC 6066 section 3). `None` when it
    /// did not ask, as for an address.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Whether the handshake went on from an earlier session, without certificates on the wire.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// The certificates of the peer in DER, its own first; a client without one has none.
    pub fn peer_certificates(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.certificates.iter().map(|certificate| certificate.as_ref())
    }

    /// The subject of the peer's own certificate as text (RFC 4514), such as
    /// `CN=client.example.com,O=Example`.
    pub fn peer_subject(&self) -> Option<String> {
        certificate::subject(self.certificates.first()?)
    }
}

fn version_name(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "",
    }
}

/// rustls names the suites of TLS 1.3 after the version.
fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or(""),
    }
}
