//! The cipher suites: those of aws-lc, and AES-GCM of ring where that is the faster one.
//!
//! aws-lc uses the wide AES instructions (VAES) only together with AVX-512, ring also without it.
//! On the processors that have the one and not the other, ring seals and opens twice as fast.

use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs;

/// The suites in the order of preference, each from where it is the fastest on this processor.
pub(super) fn fastest() -> Vec<SupportedCipherSuite> {
    #[cfg(target_arch = "x86_64")]
    if wide::is_faster() {
        return aws_lc_rs::DEFAULT_CIPHER_SUITES.iter().map(wide::suite).collect();
    }
    aws_lc_rs::DEFAULT_CIPHER_SUITES.to_vec()
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::sync::LazyLock;

    use ring::aead;
    use rustls::crypto::aws_lc_rs::cipher_suite;
    use rustls::crypto::cipher::{
        AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter,
        Nonce, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload, Tls13AeadAlgorithm,
        UnsupportedOperationError, make_tls13_aad,
    };
    use rustls::{
        CipherSuite, ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion,
        SupportedCipherSuite, Tls13CipherSuite,
    };

    pub(super) fn is_faster() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("vaes")
            && is_x86_feature_detected!("vpclmulqdq")
            && !is_x86_feature_detected!("avx512f")
    }

    /// The same suite with the cipher of ring; hash and key derivation stay those of aws-lc.
    pub(super) fn suite(suite: &SupportedCipherSuite) -> SupportedCipherSuite {
        static AES_128_GCM: AesGcm = AesGcm(&aead::AES_128_GCM);
        static AES_256_GCM: AesGcm = AesGcm(&aead::AES_256_GCM);
        static AES_128: LazyLock<Tls13CipherSuite> =
            LazyLock::new(|| with_cipher(cipher_suite::TLS13_AES_128_GCM_SHA256, &AES_128_GCM));
        static AES_256: LazyLock<Tls13CipherSuite> =
            LazyLock::new(|| with_cipher(cipher_suite::TLS13_AES_256_GCM_SHA384, &AES_256_GCM));
        match suite.suite() {
            CipherSuite::TLS13_AES_128_GCM_SHA256 => SupportedCipherSuite::Tls13(&AES_128),
            CipherSuite::TLS13_AES_256_GCM_SHA384 => SupportedCipherSuite::Tls13(&AES_256),
            _ => *suite,
        }
    }

    fn with_cipher(
        suite: SupportedCipherSuite,
        cipher: &'static dyn Tls13AeadAlgorithm,
    ) -> Tls13CipherSuite {
        let suite = suite.tls13().expect("it is one of TLS 1.3");
        Tls13CipherSuite {
            common: rustls::CipherSuiteCommon {
                suite: suite.common.suite,
                hash_provider: suite.common.hash_provider,
                confidentiality_limit: suite.common.confidentiality_limit,
            },
            hkdf_provider: suite.hkdf_provider,
            aead_alg: cipher,
            quic: None,
        }
    }

    struct AesGcm(&'static aead::Algorithm);

    impl AesGcm {
        fn key(&self, key: &AeadKey) -> aead::LessSafeKey {
            let key = aead::UnboundKey::new(self.0, key.as_ref());
            aead::LessSafeKey::new(key.expect("the key has the length that was asked for"))
        }
    }

    impl Tls13AeadAlgorithm for AesGcm {
        fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
            Box::new(Direction { key: self.key(&key), iv })
        }

        fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
            Box::new(Direction { key: self.key(&key), iv })
        }

        fn key_len(&self) -> usize {
            self.0.key_len()
        }

        fn extract_keys(
            &self,
            key: AeadKey,
            iv: Iv,
        ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
            match self.0.key_len() {
                16 => Ok(ConnectionTrafficSecrets::Aes128Gcm { key, iv }),
                _ => Ok(ConnectionTrafficSecrets::Aes256Gcm { key, iv }),
            }
        }
    }

    /// The protection of the records of one direction (RFC 8446 section 5.2).
    struct Direction {
        key: aead::LessSafeKey,
        iv: Iv,
    }

    impl Direction {
        /// rustls counts the records and never uses a number twice with one key.
        fn nonce(&self, number: u64) -> aead::Nonce {
            aead::Nonce::assume_unique_for_key(Nonce::new(&self.iv, number).0)
        }
    }

    impl MessageEncrypter for Direction {
        fn encrypt(
            &mut self,
            message: OutboundPlainMessage<'_>,
            number: u64,
        ) -> Result<OutboundOpaqueMessage, Error> {
            let length = self.encrypted_payload_len(message.payload.len());
            let mut payload = PrefixedPayload::with_capacity(length);
            payload.extend_from_chunks(&message.payload);
            payload.extend_from_slice(&message.typ.to_array());
            let header = aead::Aad::from(make_tls13_aad(length));
            self.key
                .seal_in_place_append_tag(self.nonce(number), header, &mut payload)
                .map_err(|_| Error::EncryptError)?;
            let (kind, version) = (ContentType::ApplicationData, ProtocolVersion::TLSv1_2);
            Ok(OutboundOpaqueMessage::new(kind, version, payload))
        }

        fn encrypted_payload_len(&self, payload_len: usize) -> usize {
            payload_len + 1 + self.key.algorithm().tag_len()
        }
    }

    impl MessageDecrypter for Direction {
        fn decrypt<'a>(
            &mut self,
            mut message: InboundOpaqueMessage<'a>,
            number: u64,
        ) -> Result<InboundPlainMessage<'a>, Error> {
            let header = aead::Aad::from(make_tls13_aad(message.payload.len()));
            let opened = self.key.open_in_place(self.nonce(number), header, &mut message.payload);
            let length = opened.map_err(|_| Error::DecryptError)?.len();
            message.payload.truncate(length);
            message.into_tls13_unpadded_message()
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// All suites of TLS 1.3 that there are on this kind of processor, the slower ones too.
    pub(crate) fn all_of_tls13() -> Vec<SupportedCipherSuite> {
        let suites =
            aws_lc_rs::DEFAULT_CIPHER_SUITES.iter().filter(|suite| suite.tls13().is_some());
        #[cfg(target_arch = "x86_64")]
        let suites = suites.clone().map(wide::suite).chain(suites.copied());
        #[cfg(not(target_arch = "x86_64"))]
        let suites = suites.copied();
        suites.collect()
    }

    #[test]
    fn there_are_as_many_suites_as_aws_lc_has_and_in_its_order() {
        let names = |suites: &[SupportedCipherSuite]| -> Vec<_> {
            suites.iter().map(SupportedCipherSuite::suite).collect()
        };
        assert_eq!(names(&fastest()), names(aws_lc_rs::DEFAULT_CIPHER_SUITES));
    }
}
