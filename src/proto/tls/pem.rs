//! PEM (RFC 7468): text with sections of base64 between lines of dashes.

use base64ct::{Base64, Encoding};
use x509_cert::der::{Header, Reader, SliceReader};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Result, TlsFailure};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// What stands between one pair of BEGIN and END lines.
pub(super) struct Section {
    pub(super) label: String,
    /// Those of RFC 1421, such as `Proc-Type` and `DEK-Info`.
    pub(super) headers: Vec<(String, String)>,
    pub(super) der: Vec<u8>,
}

impl Section {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// It may be a private key.
impl Drop for Section {
    fn drop(&mut self) {
        self.der.zeroize();
    }
}

/// All sections, in their order. Text around and between them is ignored; a section that cannot be
/// read is an error, whatever it holds.
pub(super) fn sections(bytes: &[u8]) -> Result<Vec<Section>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = Lines { rest: bytes, number: 0 };
    let mut sections = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(label) = label(line, BEGIN) {
            sections.push(section(label, &mut lines)?);
        } else if line.starts_with(END) {
            let text = "END without a BEGIN before it";
            return Err(malformed(lines.number, text));
        }
    }
    Ok(sections)
}

/// Whether the bytes are one DER sequence from the first byte to the last, as certificates and
/// keys are.
pub(super) fn is_der(bytes: &[u8]) -> bool {
    let length = || {
        let mut reader = SliceReader::new(bytes).ok()?;
        let header = Header::peek(&reader).ok()?;
        let sequence = header.tag() == x509_cert::der::Tag::Sequence;
        let whole = reader.tlv_bytes().ok()?;
        sequence.then_some(whole.len())
    };
    length() == Some(bytes.len())
}

fn section(label: String, lines: &mut Lines<'_>) -> Result<Section> {
    let begin = lines.number;
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut base64 = Zeroizing::new(Vec::with_capacity(lines.rest.len()));
    let mut in_headers = true;
    loop {
        let Some(line) = lines.next() else {
            let text =
                format!("\"-----BEGIN {label}-----\" without its END; is the file complete?");
            return Err(malformed(begin, text));
        };
        if let Some(end) = self::label(line, END) {
            if end != label {
                let text = format!("END {end} where END {label} should be");
                return Err(malformed(lines.number, text));
            }
            break;
        }
        if line.starts_with(DASHES) {
            let text = format!("END {label} should be here; is a part of the file missing?");
            return Err(malformed(lines.number, text));
        }
        if in_headers && let Some(colon) = line.iter().position(|&byte| byte == b':') {
            headers.push((text(&line[..colon]), text(&line[colon + 1..])));
        } else if in_headers && !headers.is_empty() && !line.is_empty() {
            // RFC 1421 ends headers with an empty line; until then a line goes on with the last.
            let (_, value) = headers.last_mut().expect("there is one");
            value.push_str(&text(line));
        } else {
            in_headers &= line.is_empty() && headers.is_empty();
            append(&mut base64, line, lines.number)?;
        }
    }
    let base64 = std::str::from_utf8(&base64).expect("only ASCII was appended");
    let Ok(der) = Base64::decode_vec(base64) else {
        let text = format!(
            "the base64 text of the section {label} that begins here is incomplete; was it cut or \
             edited?"
        );
        return Err(malformed(begin, text));
    };
    Ok(Section { label, headers, der })
}

fn append(base64: &mut Vec<u8>, line: &[u8], number: usize) -> Result<()> {
    for &byte in line {
        match byte {
            b' ' | b'\t' => {}
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => base64.push(byte),
            _ => {
                let text = format!(
                    "the character {:?} is no base64; was the text edited?",
                    char::from(byte)
                );
                return Err(malformed(number, text));
            }
        }
    }
    Ok(())
}

/// The label of a BEGIN or END line.
fn label(line: &[u8], keyword: &[u8]) -> Option<String> {
    line.strip_prefix(keyword)?.strip_suffix(DASHES).map(text)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}

fn malformed(line: usize, what: impl std::fmt::Display) -> Error {
    Error::tls_failure(TlsFailure::Format, format!("malformed PEM, line {line}: {what}"))
}

/// Lines without their ends and the white space around them, and the number of the last one.
struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let end = self.rest.iter().position(|&byte| byte == b'\n').unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        Some(line.trim_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::random::Random;

    fn error(text: &str) -> String {
        let Err(error) = sections(text.as_bytes()) else { panic!("{text:?} was read") };
        assert_eq!(error.code(), TlsFailure::Format as i32);
        error.message().to_owned()
    }

    #[test]
    fn sections_are_found_between_other_text() {
        let text = "\u{feff}subject=/CN=x\r\n-----BEGIN CERTIFICATE-----\r\naGVs\r\n bG8=\r\n\
                    -----END CERTIFICATE-----\r\nBag Attributes: none\n\n\
                    -----BEGIN EC PARAMETERS-----\n-----END EC PARAMETERS-----";
        let sections = sections(text.as_bytes()).unwrap();
        assert_eq!(sections.len(), 2);
        assert_eq!((sections[0].label.as_str(), sections[0].der.as_slice()), {
            ("CERTIFICATE", b"hello".as_slice())
        });
        assert_eq!(sections[1].label, "EC PARAMETERS");
        assert!(sections[1].der.is_empty());
    }

    #[test]
    fn headers_are_kept() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                    DEK-Info: DES-EDE3-CBC,\n  0011223344556677\n\naGVsbG8=\n\
                    -----END RSA PRIVATE KEY-----\n";
        let sections = sections(text.as_bytes()).unwrap();
        assert_eq!(sections[0].header("proc-type"), Some("4,ENCRYPTED"));
        assert_eq!(sections[0].header("DEK-Info"), Some("DES-EDE3-CBC,0011223344556677"));
        assert_eq!(sections[0].header("Comment"), None);
        assert_eq!(sections[0].der, b"hello");
    }

    #[test]
    fn text_without_sections_has_none() {
        for text in ["", "\n\n", "hello", "-----BEGIN", "----- BEGIN X -----"] {
            assert!(sections(text.as_bytes()).unwrap().is_empty(), "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases = [
            ("x\n-----BEGIN A-----\naGVs", "line 2: \"-----BEGIN A-----\" without its END"),
            ("-----BEGIN A-----\n-----END B-----", "line 2: END B where END A should be"),
            ("-----BEGIN A-----\n-----BEGIN A-----", "line 2: END A should be here"),
            ("-----BEGIN A-----\naGVs\n-----EN", "line 3: END A should be here"),
            ("\n-----END A-----", "line 2: END without a BEGIN"),
            ("-----BEGIN A-----\naG\nV*=\n-----END A-----", "line 3: the character '*'"),
            ("-----BEGIN A-----\naGVsb\n-----END A-----", "line 1: the base64 text"),
            ("-----BEGIN A-----\naG=sbG8=\n-----END A-----", "line 1: the base64 text"),
        ];
        for (text, expected) in cases {
            let message = error(text);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn der_is_one_whole_sequence() {
        assert!(is_der(include_bytes!("../../../certs/server.der")));
        assert!(is_der(b"\x30\x03\x02\x01\x00"));
        for bytes in [b"".as_slice(), b"0", b"0123 text", b"\x30\x03\x02\x01", b"\x02\x01\x00"] {
            assert!(!is_der(bytes), "{bytes:?}");
        }
        assert!(!is_der(b"\x30\x03\x02\x01\x00\x00"));
        assert!(!is_der(include_bytes!("../../../certs/server.pem")));
    }

    #[test]
    fn no_input_panics() {
        let good = include_bytes!("../../../certs/encrypted-legacy-ec.key");
        let mut random = Random::new(1);
        let mut read = 0;
        for _ in 0..3000 {
            read += usize::from(sections(&random.damage(good)).is_ok());
            let length = random.below(100);
            let bytes = random.bytes(length);
            is_der(&bytes);
            let _ = sections(&[b"-----BEGIN A-----\n".as_slice(), &bytes].concat());
        }
        assert!(read > 100 && read < 2900, "{read}");
    }
}
