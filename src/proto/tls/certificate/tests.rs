//! The files in `certs`, and damaged ones.

use super::*;
use crate::proto::random::Random;

const SERVER: &[u8] = include_bytes!("../../../../certs/server.pem");
const SERVER_DER: &[u8] = include_bytes!("../../../../certs/server.der");
const LEGACY: &[u8] = include_bytes!("../../../../certs/legacy/server.pem");

fn message(bytes: &[u8]) -> String {
    let error = certificates(bytes).unwrap_err();
    assert_eq!(error.code(), TlsFailure::Format as i32);
    error.message().to_owned()
}

#[test]
fn pem_and_der_hold_the_same_certificate() {
    let der = certificates(SERVER).unwrap();
    assert_eq!(der, [CertificateDer::from(SERVER_DER)]);
    assert_eq!(der, certificates(SERVER_DER).unwrap());
}

#[test]
fn chains_keep_their_order_and_keys_are_no_certificates() {
    let chain = certificates(include_bytes!("../../../../certs/server-chain.pem")).unwrap();
    let leaf = Certificate::parse(&chain[0]).unwrap();
    assert_eq!(chain.len(), 2);
    assert_eq!(leaf.issuer, Certificate::parse(&chain[1]).unwrap().subject);
    assert!(!leaf.is_self_issued());
    assert_eq!(certificates(LEGACY).unwrap().len(), 1);
}

#[test]
fn what_openssl_trusts_is_cut_off() {
    let trusted = [SERVER_DER, b"\x30\x00"].concat();
    assert_eq!(first_element(&trusted), SERVER_DER);
    use base64ct::Encoding;
    let base64 = base64ct::Base64::encode_string(&trusted);
    let label = "TRUSTED CERTIFICATE-----";
    let pem = format!("-----BEGIN {label}\n{base64}\n-----END {label}\n");
    assert_eq!(certificates(pem.as_bytes()).unwrap(), [CertificateDer::from(SERVER_DER)]);
}

#[test]
fn what_is_no_certificate_is_refused() {
    assert!(message(b"").contains("no certificate in it"));
    assert!(message(b"hello").contains("no certificate in it"));
    assert!(message(include_bytes!("../../../../certs/server.key")).contains("no certificate"));
    let key = include_bytes!("../../../../certs/server-key.der");
    assert!(message(key).contains("a private key where a certificate should be"));
    let pem = b"-----BEGIN CERTIFICATE-----\nMAMEAQA=\n-----END CERTIFICATE-----\n";
    assert!(message(pem).contains("certificate 1 of 1 is damaged"));
    assert!(message(&[SERVER, pem].concat()).contains("certificate 2 of 2 is damaged"));
    assert!(message(&SERVER[..SERVER.len() - 30]).contains("without its END"));
    assert!(message(&SERVER_DER[..SERVER_DER.len() - 1]).contains("no certificate in it"));
}

#[test]
fn fields_are_read() {
    let certificate = Certificate::parse(SERVER_DER).unwrap();
    assert_eq!(certificate.version(), Version::V3);
    assert_eq!(date(certificate.not_before()), "2020-01-01T00:00:00Z");
    assert_eq!(date(certificate.not_after()), "2120-01-01T00:00:00Z");
    assert!(!certificate.basic_constraints().unwrap().unwrap().ca);
    assert!(certificate.key_usage().unwrap().unwrap().digital_signature());
    assert_eq!(certificate.extended_key_usage().unwrap().unwrap().0.len(), 1);
    assert!(!certificate.has_unknown_critical_extension());
    let legacy = certificates(LEGACY).unwrap();
    let legacy = Certificate::parse(&legacy[0]).unwrap();
    assert_eq!(legacy.version(), Version::V1);
    assert!(legacy.basic_constraints().unwrap().is_none());
    assert!(legacy.alternative_names().unwrap().is_none());
}

#[test]
fn subjects_are_text_and_names_are_for_the_choice() {
    let expected = "CN=server.example.com,O=Test certificates\\, published";
    assert_eq!(subject(SERVER_DER).unwrap(), expected);
    assert_eq!(subject(b"no certificate"), None);
    assert_eq!(names(SERVER_DER), ["localhost", "server.example.com"]);
    assert_eq!(names(&certificates(LEGACY).unwrap()[0]), ["server.example.com"]);
    assert!(names(b"no certificate").is_empty());
}

#[test]
fn patterns_match_whole_labels() {
    let cases = [
        ("example.com", "example.com", true),
        ("EXAMPLE.com", "example.COM", true),
        ("example.com.", "example.com", true),
        ("example.com", "example.com.", true),
        ("example.com", "www.example.com", false),
        ("*.example.com", "www.example.com", true),
        ("*.Example.com", "WWW.example.com.", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", "a.b.example.com", false),
        ("*.example.com", ".example.com", false),
        ("w*.example.com", "www.example.com", false),
        ("*w.example.com", "www.example.com", false),
        ("www.*.com", "www.example.com", false),
        ("*.*.com", "www.example.com", false),
        ("*.com", "example.com", false),
        ("*", "localhost", false),
        ("*.", "localhost", false),
        ("localhost", "localhost", true),
        ("", "", false),
        (".", ".", false),
    ];
    for (pattern, name, expected) in cases {
        assert_eq!(matches_pattern(pattern, name), expected, "{pattern} for {name}");
    }
}

#[test]
fn certificates_match_their_names() {
    let legacy = certificates(LEGACY).unwrap();
    let cases = [
        (SERVER_DER, "localhost", true, true),
        (SERVER_DER, "SERVER.example.com.", true, true),
        (SERVER_DER, "127.0.0.1", true, true),
        (SERVER_DER, "::1", true, true),
        (SERVER_DER, "127.0.0.2", false, false),
        (SERVER_DER, "other.example.com", false, false),
        (&legacy[0], "server.example.com", false, true),
        (&legacy[0], "www.example.com", false, false),
        (&legacy[0], "127.0.0.1", false, false),
    ];
    for (der, name, expected, with_common_name) in cases {
        let certificate = Certificate::parse(der).unwrap();
        let server_name = ServerName::try_from(name).unwrap();
        assert_eq!(matches_name(&certificate, &server_name, false), expected, "{name}");
        assert_eq!(matches_name(&certificate, &server_name, true), with_common_name, "{name}");
    }
}

#[test]
fn no_input_panics() {
    let legacy = certificates(LEGACY).unwrap();
    let mut random = Random::new(2);
    let mut read = 0;
    for _ in 0..2000 {
        for good in [SERVER_DER, &legacy[0]] {
            let damaged = random.damage(good);
            let _ = (certificates(&damaged), subject(&damaged), names(&damaged));
            if let Ok(certificate) = Certificate::parse(&damaged) {
                read += 1;
                date(certificate.not_after());
                let _ = certificate.basic_constraints();
                let _ = (certificate.key_usage(), certificate.extended_key_usage());
                certificate.has_unknown_critical_extension();
                let name = ServerName::try_from("127.0.0.1").unwrap();
                matches_name(&certificate, &name, true);
            }
        }
        let _ = certificates(&random.damage(SERVER));
        let length = random.below(50);
        let _ = certificates(&random.bytes(length));
    }
    assert!(read > 100, "{read}");
}
