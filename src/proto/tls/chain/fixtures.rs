//! Certificates made to order.

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;
use rustls::sign::SigningKey;

use super::super::key::private_key;

/// The keys of the fixtures; they differ in nothing but their value.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    Root,
    Middle,
    Leaf,
}

impl Key {
    pub(crate) fn signing(self) -> Arc<dyn SigningKey> {
        let pem = match self {
            Key::Root => include_bytes!("../../../../certs/ca.key").as_slice(),
            Key::Middle => include_bytes!("../../../../certs/other-ca.key"),
            Key::Leaf => include_bytes!("../../../../certs/server.key"),
        };
        let der = private_key(pem, &mut || None).unwrap();
        rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).unwrap()
    }
}

/// What a certificate says; valid from 2020 to 2040.
pub(crate) struct Blueprint {
    pub(crate) version: u8,
    pub(crate) subject: &'static str,
    pub(crate) issuer: &'static str,
    pub(crate) key: Key,
    pub(crate) signer: Key,
    pub(crate) until: &'static str,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl Blueprint {
    pub(crate) fn root() -> Blueprint {
        Blueprint {
            version: 3,
            subject: "root",
            issuer: "root",
            key: Key::Root,
            signer: Key::Root,
            until: "400101000000Z",
            extensions: vec![authority(None)],
        }
    }

    pub(crate) fn middle(subject: &'static str, issuer: &'static str, signer: Key) -> Blueprint {
        Blueprint { subject, issuer, key: Key::Middle, signer, ..Blueprint::root() }
    }

    pub(crate) fn leaf(issuer: &'static str, signer: Key) -> Blueprint {
        Blueprint {
            version: 1,
            subject: "leaf",
            issuer,
            key: Key::Leaf,
            signer,
            until: "400101000000Z",
            extensions: Vec::new(),
        }
    }

    pub(crate) fn build(&self) -> CertificateDer<'static> {
        let algorithm = element(0x30, &[b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"]);
        let version = element(0xa0, &[&[0x02, 0x01, self.version - 1]]);
        let serial = [0x02, 0x01, 0x07];
        let from = element(0x17, &[b"200101000000Z"]);
        let validity = element(0x30, &[&from, &element(0x17, &[self.until.as_bytes()])]);
        let extensions = element(0xa3, &[&element(0x30, &[&self.extensions.concat()])]);
        let key = self.key.signing();
        let signed = element(
            0x30,
            &[
                if self.version == 1 { b"" } else { version.as_slice() },
                &serial,
                &algorithm,
                &name(self.issuer),
                &validity,
                &name(self.subject),
                key.public_key().unwrap().as_ref(),
                if self.extensions.is_empty() { b"" } else { extensions.as_slice() },
            ],
        );
        let signer =
            self.signer.signing().choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]).unwrap();
        let signature = element(0x03, &[b"\0", &signer.sign(&signed).unwrap()]);
        element(0x30, &[&signed, &algorithm, &signature]).into()
    }
}

/// Basic constraints of an authority, with the most authorities below it.
pub(crate) fn authority(limit: Option<u8>) -> Vec<u8> {
    let limit = limit.map(|limit| element(0x02, &[&[limit]])).unwrap_or_default();
    extension(19, true, &element(0x30, &[b"\x01\x01\xff", &limit]))
}

pub(crate) fn no_authority() -> Vec<u8> {
    extension(19, true, b"\x30\x00")
}

/// Key usage of digitalSignature alone, or of keyCertSign alone.
pub(crate) fn key_usage(may_sign_certificates: bool) -> Vec<u8> {
    extension(
        15,
        true,
        if may_sign_certificates { b"\x03\x02\x02\x04" } else { b"\x03\x02\x07\x80" },
    )
}

/// Extended key usage: 1 is that of servers, 2 that of clients.
pub(crate) fn extended_key_usage(purpose: u8) -> Vec<u8> {
    extension(37, false, &element(0x30, &[&[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, purpose]]))
}

/// An extension of RFC 5280: 2.5.29 and a number.
pub(crate) fn extension(number: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { b"\x01\x01\xff" } else { b"" };
    element(0x30, &[&[0x06, 3, 0x55, 0x1d, number], critical, &element(0x04, &[value])])
}

fn name(text: &str) -> Vec<u8> {
    let text = element(0x0c, &[text.as_bytes()]);
    element(0x30, &[&element(0x31, &[&element(0x30, &[b"\x06\x03\x55\x04\x03", &text])])])
}

/// A DER element of parts that are DER.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let mut der = vec![tag];
    match value.len() {
        length @ 0..128 => der.push(length as u8),
        length @ 128..256 => der.extend([0x81, length as u8]),
        length => der.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    der.extend(value);
    der
}
