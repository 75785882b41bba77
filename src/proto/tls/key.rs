//! Private keys: PEM and DER, PKCS#8, PKCS#1 and SEC1, encrypted or not.

mod encryption;

use rustls::pki_types::PrivateKeyDer;
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{self, Decode, Reader, SliceReader, Tag};
use zeroize::Zeroizing;

use super::pem::{self, Section};
use crate::error::{Error, Result, TlsFailure};

/// Returns the password of a key. Called at most once, and only when the key is encrypted.
pub(crate) type AskPassword<'a> = &'a mut dyn FnMut() -> Option<String>;

/// The first key of a file: PEM with other sections around it, or DER.
pub(crate) fn private_key(
    bytes: &[u8],
    password: AskPassword<'_>,
) -> Result<PrivateKeyDer<'static>> {
    if pem::is_der(bytes) {
        return match form(bytes) {
            Form::Encrypted => pkcs8(encryption::decrypt_pkcs8(bytes, password)?),
            Form::Key => PrivateKeyDer::try_from(bytes.to_vec())
                .map_err(|_| unreadable("it is DER, but no PKCS#8, PKCS#1 or SEC1")),
            Form::Other if super::certificate::subject(bytes).is_some() => {
                Err(unreadable("this is a certificate where a private key should be"))
            }
            Form::Other => Err(unreadable("it is DER, but no key")),
        };
    }
    let sections = pem::sections(bytes)?;
    match sections.iter().find(|section| section.label.ends_with("PRIVATE KEY")) {
        Some(section) => from_pem(section, password),
        None if sections.iter().any(|section| section.label.contains("CERTIFICATE")) => {
            Err(unreadable(
                "there are only certificates in it, and no section that ends with PRIVATE KEY",
            ))
        }
        None => Err(unreadable(
            "no private key in it: neither PEM with \"-----BEGIN PRIVATE KEY-----\" nor DER",
        )),
    }
}

/// Whether these bytes begin as private keys do that are not encrypted.
pub(super) fn is_key(der: &[u8]) -> bool {
    matches!(form(der), Form::Key)
}

fn from_pem(section: &Section, password: AskPassword<'_>) -> Result<PrivateKeyDer<'static>> {
    let label = section.label.as_str();
    if !matches!(
        label,
        "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY"
    ) {
        return Err(unreadable(format_args!(
            "the format {label} is not supported; convert it with \
             `openssl pkcs8 -topk8 -in old.key -out new.key`"
        )));
    }
    if label == "ENCRYPTED PRIVATE KEY" {
        return pkcs8(encryption::decrypt_pkcs8(&section.der, password)?);
    }
    let der = if section.header("Proc-Type").is_some_and(|kind| kind.ends_with("ENCRYPTED")) {
        encryption::decrypt_traditional(section, password)?
    } else {
        Zeroizing::new(section.der.clone())
    };
    match (label, form(&der)) {
        (_, Form::Other | Form::Encrypted) => {
            Err(unreadable(format_args!("the section {label} holds something else, or is damaged")))
        }
        ("RSA PRIVATE KEY", Form::Key) => Ok(PrivateKeyDer::Pkcs1(der.to_vec().into())),
        ("EC PRIVATE KEY", Form::Key) => Ok(PrivateKeyDer::Sec1(der.to_vec().into())),
        (_, Form::Key) => pkcs8(der),
    }
}

fn pkcs8(der: Zeroizing<Vec<u8>>) -> Result<PrivateKeyDer<'static>> {
    Ok(PrivateKeyDer::Pkcs8(der.to_vec().into()))
}

enum Form {
    /// It begins with a version, as PKCS#8, PKCS#1 and SEC1 do.
    Key,
    /// EncryptedPrivateKeyInfo: an algorithm and octets.
    Encrypted,
    Other,
}

fn form(der: &[u8]) -> Form {
    match first_tags(der) {
        Ok((Tag::Integer, _)) => Form::Key,
        Ok((Tag::Sequence, Some(Tag::OctetString))) => Form::Encrypted,
        _ => Form::Other,
    }
}

/// The first tag in a sequence that takes up all bytes, and the second if there is no third.
fn first_tags(der: &[u8]) -> der::Result<(Tag, Option<Tag>)> {
    let mut reader = SliceReader::new(der)?;
    let tags = reader.sequence(|reader| {
        let first = AnyRef::decode(reader)?.header().tag();
        let second = if reader.is_finished() { None } else { Some(Tag::peek(reader)?) };
        if second.is_some() {
            reader.tlv_bytes()?;
        }
        let last = reader.is_finished();
        let rest = reader.remaining_len();
        reader.read_slice(rest)?;
        Ok::<_, der::Error>((first, second.filter(|_| last)))
    })?;
    reader.finish()?;
    Ok(tags)
}

fn unreadable(what: impl std::fmt::Display) -> Error {
    Error::tls_failure(TlsFailure::Format, format!("cannot read the private key: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::random::Random;

    macro_rules! file {
        ($name:literal) => {
            include_bytes!(concat!("../../../certs/", $name)).as_slice()
        };
    }

    /// The public key in DER, which shows that the private one can be used.
    fn public(key: &PrivateKeyDer<'static>) -> Vec<u8> {
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(key).unwrap();
        key.public_key().unwrap().to_vec()
    }

    fn load(bytes: &[u8], password: &str) -> PrivateKeyDer<'static> {
        private_key(bytes, &mut || Some(password.to_owned())).unwrap()
    }

    fn error(bytes: &[u8], password: Option<&str>) -> (i32, String) {
        let error = private_key(bytes, &mut || password.map(str::to_owned)).unwrap_err();
        (error.code(), error.message().to_owned())
    }

    fn format_error(bytes: &[u8]) -> String {
        let (code, message) = error(bytes, Some("qwerty"));
        assert_eq!(code, TlsFailure::Format as i32, "{message}");
        message
    }

    #[test]
    fn plain_keys_are_read_in_every_format_without_a_password() {
        let plain = |bytes| private_key(bytes, &mut || panic!("not encrypted")).unwrap();
        let ec = plain(file!("server.key"));
        assert!(matches!(ec, PrivateKeyDer::Pkcs8(_)));
        let sec1 = plain(file!("ec-sec1.key"));
        assert!(matches!(sec1, PrivateKeyDer::Sec1(_)));
        assert_eq!(plain(file!("server-key.der")), ec);
        assert_eq!(plain(file!("ec-sec1.der")), sec1);
        assert_eq!(public(&ec), public(&sec1));
        let rsa = plain(file!("rsa-pkcs8.key"));
        let pkcs1 = plain(file!("rsa-pkcs1.key"));
        assert!(matches!(pkcs1, PrivateKeyDer::Pkcs1(_)));
        assert_eq!(plain(file!("rsa-pkcs1.der")), pkcs1);
        assert_eq!(public(&rsa), public(&pkcs1));
    }

    #[test]
    fn encrypted_keys_are_the_same_keys() {
        let ec = load(file!("server.key"), "");
        assert_eq!(load(file!("encrypted-aes.key"), "qwerty"), ec);
        assert_eq!(load(file!("encrypted-3des.key"), "qwerty"), ec);
        assert_eq!(
            load(file!("encrypted-legacy-ec.key"), "qwerty"),
            load(file!("ec-sec1.key"), "")
        );
        let rsa = load(file!("encrypted-legacy-rsa.key"), "qwerty");
        assert_eq!(rsa, load(file!("rsa-pkcs1.key"), ""));
        let der = &pem::sections(file!("encrypted-aes.key")).unwrap()[0].der;
        assert_eq!(load(der, "qwerty"), ec);
    }

    #[test]
    fn keys_are_found_behind_certificates() {
        let modern = load(file!("legacy/server.pem"), "qwerty");
        assert_eq!(load(file!("legacy/server-3des.pem"), "qwerty"), modern);
        assert_ne!(load(file!("legacy/client.pem"), "qwerty"), modern);
        let parameters = b"-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n";
        let both = [parameters, file!("ec-sec1.key"), file!("server.key")].concat();
        assert_eq!(load(&both, ""), load(file!("ec-sec1.key"), ""), "the first one wins");
    }

    #[test]
    fn passwords_are_asked_for_once_and_errors_say_what_is_wrong() {
        for bytes in [
            file!("encrypted-aes.key"),
            file!("encrypted-3des.key"),
            file!("encrypted-legacy-ec.key"),
            file!("encrypted-legacy-rsa.key"),
            file!("legacy/server-3des.pem"),
        ] {
            let mut asked = 0;
            let mut ask = |answer: Option<&str>| {
                let error = private_key(bytes, &mut || {
                    asked += 1;
                    answer.map(str::to_owned)
                })
                .unwrap_err();
                assert_eq!(error.code(), TlsFailure::Password as i32);
                error.message().to_owned()
            };
            assert!(ask(None).contains("it is encrypted, and no password is set"));
            assert!(ask(Some("querty")).contains("the password does not open it"));
            assert!(ask(Some("")).contains("the password does not open it"));
            assert_eq!(asked, 3);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(format_error(b"").contains("no private key in it"));
        assert!(format_error(b"qwerty").contains("no private key in it"));
        assert!(format_error(file!("server.pem")).contains("only certificates"));
        assert!(format_error(file!("server.der")).contains("a certificate where a private key"));
        assert!(format_error(b"\x30\x03\x04\x01\x00").contains("DER, but no key"));
        let key = file!("server.key");
        assert!(format_error(&key[..key.len() - 40]).contains("without its END"));
        let pem = String::from_utf8_lossy(key).replace("MIGH", "MI*H");
        assert!(format_error(pem.as_bytes()).contains("line 2: the character '*'"));
        let pem = String::from_utf8_lossy(key).replace("PRIVATE", "OPENSSH PRIVATE");
        assert!(format_error(pem.as_bytes()).contains("OPENSSH PRIVATE KEY is not supported"));
        let pem =
            String::from_utf8_lossy(file!("server.pem")).replace("CERTIFICATE", "PRIVATE KEY");
        assert!(format_error(pem.as_bytes()).contains("PRIVATE KEY holds something else"));
        let pem = pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert!(format_error(pem.as_bytes()).contains("it is encrypted, and damaged"), "{pem}");
    }

    #[test]
    fn no_input_panics() {
        let mut random = Random::new(3);
        let mut read = 0;
        for _ in 0..500 {
            for good in [
                file!("server.key"),
                file!("server-key.der"),
                file!("ec-sec1.der"),
                file!("encrypted-aes.key"),
                file!("encrypted-legacy-ec.key"),
            ] {
                read += usize::from(private_key(&random.damage(good), &mut || None).is_ok());
            }
            let damaged = random.damage(file!("encrypted-legacy-ec.key"));
            let _ = private_key(&damaged, &mut || Some("qwerty".into()));
            let length = random.below(60);
            let _ = private_key(&random.bytes(length), &mut || None);
        }
        assert!(read > 50, "{read}");
    }
}
