//! Who this side is: certificates with their keys, and which of them a peer gets.

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use zeroize::Zeroize;

use super::certificate::{self, Certificate, PublicKey, certificates};
use super::key::{AskPassword, private_key};
use crate::error::{Error, Result, TlsFailure};

/// A certificate chain and its key.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) key: Arc<CertifiedKey>,
    names: Vec<String>,
}

impl Identity {
    /// Of files in PEM or DER: a chain that begins with the certificate of this side, and its key.
    pub(crate) fn new(chain: &[u8], key: &[u8], password: AskPassword<'_>) -> Result<Identity> {
        let chain = certificates(chain)?;
        let mut der = private_key(key, password)?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der);
        der.zeroize();
        let key = key.map_err(|_| {
            Error::tls_failure(
                TlsFailure::Format,
                "cannot use the private key: it is damaged, or of a kind that is not supported; \
                 RSA from 2048 bits on, ECDSA with P-256, P-384 or P-521, and Ed25519 are",
            )
        })?;
        let leaf = Certificate::parse(&chain[0]).map_err(|_| mismatch())?;
        // Bits alone: how the algorithm is written differs among tools. Keys of every kind that
        // is supported tell them.
        let public = key.public_key().ok_or_else(mismatch)?;
        if PublicKey::parse(&public).map_err(|_| mismatch())?.bits != leaf.key.bits {
            return Err(mismatch());
        }
        let names = certificate::names(&chain[0]);
        Ok(Identity { key: Arc::new(CertifiedKey::new(chain, key)), names })
    }

    fn fits(&self, schemes: &[SignatureScheme]) -> bool {
        self.key.key.choose_scheme(schemes).is_some()
    }

    fn is_exactly(&self, name: &str) -> bool {
        self.names
            .iter()
            .any(|own| !own.starts_with("*.") && certificate::matches_pattern(own, name))
    }

    fn is_also(&self, name: &str) -> bool {
        self.names.iter().any(|own| certificate::matches_pattern(own, name))
    }
}

fn mismatch() -> Error {
    Error::tls_failure(
        TlsFailure::KeyMismatch,
        "the private key does not belong to the certificate: load the key that the certificate \
         was made for; if the file holds a chain, the own certificate must be its first",
    )
}

/// All of one side, in the order in which they were loaded.
#[derive(Debug)]
pub(crate) struct Identities(pub(crate) Vec<Arc<Identity>>);

impl Identities {
    /// The one with that name among those whose key the peer understands, or the first of these.
    /// When there is none, the first of all: rustls then tells the peer why it cannot go on.
    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<&Arc<Identity>> {
        let fitting = || self.0.iter().filter(|identity| identity.fits(schemes));
        let named = name.and_then(|name| {
            let exact = fitting().find(|identity| identity.is_exactly(name));
            exact.or_else(|| fitting().find(|identity| identity.is_also(name)))
        });
        named.or_else(|| fitting().next()).or_else(|| self.0.first())
    }
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let identity = self.choose(hello.server_name(), hello.signature_schemes())?;
        Some(Arc::clone(&identity.key))
    }
}

impl ResolvesClientCert for Identities {
    fn resolve(
        &self,
        _authorities: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let identity = self.0.iter().find(|identity| identity.fits(schemes))?;
        Some(Arc::clone(&identity.key))
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use rustls::SignatureScheme::{ECDSA_NISTP256_SHA256, ED25519, RSA_PSS_SHA256};

    use super::super::chain::fixtures::{Blueprint, Key, element, extension};
    use super::*;

    macro_rules! file {
        ($name:literal) => {
            include_bytes!(concat!("../../../certs/", $name)).as_slice()
        };
    }

    fn identity(chain: &[u8], key: &[u8]) -> Result<Identity> {
        Identity::new(chain, key, &mut || Some("qwerty".into()))
    }

    /// With these alternative names and the key `server.key`.
    fn named(names: &[&str]) -> Arc<Identity> {
        let names: Vec<u8> =
            names.iter().flat_map(|name| element(0x82, &[name.as_bytes()])).collect();
        let extensions = vec![extension(17, false, &element(0x30, &[&names]))];
        let leaf = Blueprint::leaf("root", Key::Root);
        let leaf = Blueprint { version: 3, extensions, ..leaf }.build();
        Arc::new(identity(&leaf, file!("server.key")).unwrap())
    }

    #[test]
    fn certificates_of_every_version_have_their_keys() {
        for (chain, key, length) in [
            (file!("server.pem"), file!("server.key"), 1),
            (file!("server.der"), file!("ec-sec1.der"), 1),
            (file!("server-chain.pem"), file!("server-chain.key"), 2),
            (file!("rsa.pem"), file!("encrypted-legacy-rsa.key"), 1),
            (file!("legacy/server.pem"), file!("legacy/server.pem"), 1),
            (file!("legacy/server-3des.pem"), file!("legacy/server-3des.pem"), 1),
        ] {
            assert_eq!(identity(chain, key).unwrap().key.cert.len(), length);
        }
    }

    #[test]
    fn keys_of_others_are_refused() {
        for (chain, key) in [
            (file!("server.pem"), file!("client.key")),
            (file!("server.pem"), file!("rsa-pkcs8.key")),
            (file!("legacy/server.pem"), file!("legacy/client.pem")),
        ] {
            let error = identity(chain, key).unwrap_err();
            assert_eq!(error.code(), TlsFailure::KeyMismatch as i32, "{error}");
        }
    }

    #[test]
    fn unreadable_files_are_told() {
        let code = |chain, key| identity(chain, key).unwrap_err().code();
        let format = TlsFailure::Format as i32;
        assert_eq!(code(file!("server.key"), file!("server.key")), format);
        assert_eq!(code(file!("server.pem"), file!("server.pem")), format);
        assert_eq!(code(file!("server.pem"), b""), format);
        assert_eq!(code(file!("server.pem"), b"\x30\x03\x02\x01\x00"), format);
        let chain = file!("legacy/server.pem");
        let error = Identity::new(chain, chain, &mut || None).unwrap_err();
        assert_eq!(error.code(), TlsFailure::Password as i32);
    }

    #[test]
    fn names_choose_exactly_then_by_wildcard_then_the_first() {
        let names: [&[&str]; 4] = [
            &["first.example.com"],
            &["*.example.com", "example.org"],
            &["www.example.com"],
            &["WWW.example.org"],
        ];
        let all = Identities(names.map(named).to_vec());
        for (name, expected) in [
            (Some("www.example.com"), 2),
            (Some("WWW.EXAMPLE.COM"), 2),
            (Some("other.example.com"), 1),
            (Some("example.org"), 1),
            (Some("www.example.org"), 3),
            (Some("a.b.example.com"), 0),
            (Some("example.net"), 0),
            (Some(""), 0),
            (None, 0),
        ] {
            let chosen = all.choose(name, &[ECDSA_NISTP256_SHA256]).unwrap();
            assert!(Arc::ptr_eq(chosen, &all.0[expected]), "{name:?}");
        }
    }

    #[test]
    fn keys_must_fit_the_signatures_of_the_peer() {
        let rsa = Arc::new(identity(file!("rsa.pem"), file!("rsa-pkcs8.key")).unwrap());
        let all = Identities(vec![Arc::clone(&rsa), named(&["www.example.com"])]);
        let choose = |name, schemes: &[SignatureScheme]| {
            let chosen = all.choose(name, schemes).unwrap();
            all.0.iter().position(|identity| Arc::ptr_eq(identity, chosen)).unwrap()
        };
        assert_eq!(choose(None, &[ECDSA_NISTP256_SHA256]), 1);
        assert_eq!(choose(Some("localhost"), &[ECDSA_NISTP256_SHA256]), 1);
        assert_eq!(choose(Some("www.example.com"), &[RSA_PSS_SHA256]), 0);
        assert_eq!(choose(Some("www.example.com"), &[RSA_PSS_SHA256, ECDSA_NISTP256_SHA256]), 1);
        assert_eq!(choose(Some("www.example.com"), &[ED25519]), 0);
        assert!(Identities(vec![]).choose(None, &[ED25519]).is_none());

        let client = |schemes: &[SignatureScheme]| ResolvesClientCert::resolve(&all, &[], schemes);
        assert!(Arc::ptr_eq(&client(&[RSA_PSS_SHA256]).unwrap(), &rsa.key));
        assert!(Arc::ptr_eq(&client(&[ECDSA_NISTP256_SHA256]).unwrap(), &all.0[1].key));
        assert!(client(&[ED25519]).is_none());
        assert!(all.has_certs() && !Identities(vec![]).has_certs());
    }
}
