//! Certificates (X.509, RFC 5280) of every version: reading them, and the names they are for.

use core::net::IpAddr;
use core::time::Duration;
use std::fmt::Write;

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use x509_cert::der::asn1::{AnyRef, BitStringRef};
use x509_cert::der::oid::db::{rfc4519::COMMON_NAME, rfc5280};
use x509_cert::der::{self, Decode, Reader, SliceReader, Tag, TagNumber};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};
use x509_cert::{TbsCertificate, Version};

use super::pem;
use crate::error::{Error, Result, TlsFailure};

/// All certificates of a file: PEM with other sections around them, or one in DER.
pub(crate) fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let mut found = Vec::new();
    if pem::is_der(bytes) {
        found.push(bytes.to_vec());
    } else {
        for section in &pem::sections(bytes)? {
            match section.label.as_str() {
                "CERTIFICATE" | "X509 CERTIFICATE" => found.push(section.der.clone()),
                // OpenSSL appends what it trusts the certificate for.
                "TRUSTED CERTIFICATE" => found.push(first_element(&section.der).to_vec()),
                _ => {}
            }
        }
    }
    if found.is_empty() {
        return Err(unreadable(
            "no certificate in it: neither PEM with \"-----BEGIN CERTIFICATE-----\" nor DER",
        ));
    }
    for (index, der) in found.iter().enumerate() {
        if Certificate::parse(der).is_err() {
            let what = if found.len() == 1 && super::key::is_key(der) {
                "this is a private key where a certificate should be".into()
            } else {
                format!(
                    "certificate {} of {} is damaged, or no certificate",
                    index + 1,
                    found.len()
                )
            };
            return Err(unreadable(what));
        }
    }
    Ok(found.into_iter().map(CertificateDer::from).collect())
}

/// Whom a certificate is for, as RFC 4514 writes it: `CN=server.example.com,O=Example`.
pub(crate) fn subject(der: &[u8]) -> Option<String> {
    Certificate::parse(der).ok()?.subject_text()
}

/// The host names that a certificate is for: those of the subject alternative names, wildcards
/// among them, or the common name when there is no such extension.
pub(crate) fn names(der: &[u8]) -> Vec<String> {
    let Ok(certificate) = Certificate::parse(der) else { return Vec::new() };
    match certificate.alternative_names() {
        Ok(Some(names)) => names.dns,
        Ok(None) => certificate.common_name().into_iter().collect(),
        Err(_) => Vec::new(),
    }
}

/// Whether a certificate in DER is for a name, by its common name when it has no other.
pub(crate) fn is_for_name(der: &[u8], name: &ServerName<'_>) -> bool {
    Certificate::parse(der).is_ok_and(|certificate| matches_name(&certificate, name, true))
}

/// Whether a certificate is for a name (RFC 9525): a wildcard stands for one whole label, the left
/// one. The common name counts only if it is accepted and no alternative name is of that kind.
pub(crate) fn matches_name(
    certificate: &Certificate<'_>,
    name: &ServerName<'_>,
    accept_common_name: bool,
) -> bool {
    let Ok(names) = certificate.alternative_names() else { return false };
    let names = names.unwrap_or_default();
    let common_name =
        || if accept_common_name { certificate.common_name() } else { None }.unwrap_or_default();
    match name {
        ServerName::DnsName(name) if names.dns.is_empty() => {
            matches_pattern(&common_name(), name.as_ref())
        }
        ServerName::DnsName(name) => {
            names.dns.iter().any(|pattern| matches_pattern(pattern, name.as_ref()))
        }
        ServerName::IpAddress(address) => {
            let address = IpAddr::from(*address);
            if names.addresses.is_empty() {
                common_name().parse() == Ok(address)
            } else {
                names.addresses.contains(&address)
            }
        }
        _ => false,
    }
}

/// Whether a host name is the one of a pattern such as `*.example.com`.
pub(super) fn matches_pattern(pattern: &str, name: &str) -> bool {
    let pattern = pattern.strip_suffix('.').unwrap_or(pattern);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return false;
    }
    let Some(parent) = pattern.strip_prefix("*.") else {
        return !pattern.contains('*') && pattern.eq_ignore_ascii_case(name);
    };
    // Nobody owns all names below a top-level domain.
    let owned = parent.contains('.') && !parent.contains('*');
    owned
        && name
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
}

/// A parsed certificate. Names, keys and what is signed are the bytes as they were sent, because
/// encoding them anew might change them.
pub(crate) struct Certificate<'a> {
    /// What the issuer signed.
    pub(super) signed: &'a [u8],
    pub(super) signature: Signature<'a>,
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    pub(super) key: PublicKey<'a>,
    fields: TbsCertificate,
}

/// A signature and its algorithm: an object identifier and its parameters in DER.
pub(super) struct Signature<'a> {
    pub(super) algorithm: &'a [u8],
    pub(super) bits: &'a [u8],
}

/// A public key and its algorithm, written as that of a signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PublicKey<'a> {
    pub(super) algorithm: &'a [u8],
    pub(super) bits: &'a [u8],
}

impl<'a> PublicKey<'a> {
    /// Reads a SubjectPublicKeyInfo.
    pub(super) fn parse(der: &'a [u8]) -> der::Result<PublicKey<'a>> {
        let mut reader = SliceReader::new(der)?;
        let key = reader.sequence(|reader| {
            Ok::<_, der::Error>(PublicKey {
                algorithm: algorithm(reader.tlv_bytes()?)?,
                bits: bits(reader.tlv_bytes()?)?,
            })
        })?;
        reader.finish()?;
        Ok(key)
    }
}

/// The names of the kinds that TLS peers have.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AlternativeNames {
    pub(super) dns: Vec<String>,
    pub(super) addresses: Vec<IpAddr>,
}

impl<'a> Certificate<'a> {
    pub(crate) fn parse(der: &'a [u8]) -> der::Result<Certificate<'a>> {
        let fields = x509_cert::Certificate::from_der(der)?.tbs_certificate().clone();
        let mut reader = SliceReader::new(der)?;
        let (signed, signature) = reader.sequence(|reader| {
            let signed = reader.tlv_bytes()?;
            let algorithm = algorithm(reader.tlv_bytes()?)?;
            let signature = Signature { algorithm, bits: bits(reader.tlv_bytes()?)? };
            Ok::<_, der::Error>((signed, signature))
        })?;
        SliceReader::new(signed)?.sequence(|reader| {
            if Tag::peek(reader)?.is_context_specific() {
                reader.tlv_bytes()?;
            }
            reader.tlv_bytes()?; // the serial number
            if algorithm(reader.tlv_bytes()?)? != signature.algorithm {
                return Err(Tag::Sequence.value_error().into());
            }
            let issuer = reader.tlv_bytes()?;
            reader.tlv_bytes()?; // the validity
            let subject = reader.tlv_bytes()?;
            let key = PublicKey::parse(reader.tlv_bytes()?)?;
            let rest = reader.remaining_len();
            reader.read_slice(rest)?;
            Ok(Certificate { signed, signature, issuer, subject, key, fields })
        })
    }

    pub(super) fn version(&self) -> Version {
        self.fields.version()
    }

    pub(super) fn not_before(&self) -> UnixTime {
        UnixTime::since_unix_epoch(self.fields.validity().not_before.to_unix_duration())
    }

    pub(super) fn not_after(&self) -> UnixTime {
        UnixTime::since_unix_epoch(self.fields.validity().not_after.to_unix_duration())
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    pub(super) fn subject_text(&self) -> Option<String> {
        let mut text = String::new();
        write!(text, "{}", self.fields.subject()).ok()?;
        Some(text)
    }

    pub(super) fn basic_constraints(&self) -> der::Result<Option<BasicConstraints>> {
        Ok(self.fields.get_extension::<BasicConstraints>()?.map(|(_, value)| value))
    }

    pub(super) fn key_usage(&self) -> der::Result<Option<KeyUsage>> {
        Ok(self.fields.get_extension::<KeyUsage>()?.map(|(_, value)| value))
    }

    pub(super) fn extended_key_usage(&self) -> der::Result<Option<ExtendedKeyUsage>> {
        Ok(self.fields.get_extension::<ExtendedKeyUsage>()?.map(|(_, value)| value))
    }

    /// Whether there is an extension that must not be ignored and that this library ignores.
    pub(super) fn has_unknown_critical_extension(&self) -> bool {
        const KNOWN: [der::oid::ObjectIdentifier; 4] = [
            rfc5280::ID_CE_BASIC_CONSTRAINTS,
            rfc5280::ID_CE_KEY_USAGE,
            rfc5280::ID_CE_EXT_KEY_USAGE,
            rfc5280::ID_CE_SUBJECT_ALT_NAME,
        ];
        self.fields.extensions().is_some_and(|extensions| {
            extensions.iter().any(|extension| {
                let ignored = extension.critical && !KNOWN.contains(&extension.extn_id);
                ignored || extension.extn_id == rfc5280::ID_CE_NAME_CONSTRAINTS
            })
        })
    }

    /// None without the extension. Names of other kinds may have any form.
    pub(super) fn alternative_names(&self) -> der::Result<Option<AlternativeNames>> {
        use x509_cert::der::oid::AssociatedOid;
        let Some(extensions) = self.fields.extensions() else { return Ok(None) };
        let mut found = extensions.iter().filter(|found| found.extn_id == SubjectAltName::OID);
        let Some(extension) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(der::ErrorKind::Failed.into());
        }
        let mut names = AlternativeNames::default();
        let mut reader = SliceReader::new(extension.extn_value.as_bytes())?;
        reader.sequence(|reader| {
            while !reader.is_finished() {
                let name = AnyRef::decode(reader)?;
                names.add(name.header().tag(), name.value());
            }
            Ok::<_, der::Error>(())
        })?;
        reader.finish()?;
        Ok(Some(names))
    }

    /// The most specific one, which is the last.
    fn common_name(&self) -> Option<String> {
        let names = self.fields.subject().iter().filter(|name| name.oid == COMMON_NAME);
        let value = &names.last()?.value;
        match value.header().tag() {
            Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::TeletexString => {
                String::from_utf8(value.value().to_vec()).ok()
            }
            _ => None,
        }
    }
}

impl AlternativeNames {
    fn add(&mut self, tag: Tag, value: &[u8]) {
        if tag == (Tag::ContextSpecific { constructed: false, number: TagNumber(2) }) {
            self.dns.extend(String::from_utf8(value.to_vec()));
        } else if tag == (Tag::ContextSpecific { constructed: false, number: TagNumber(7) }) {
            if let Ok(bytes) = <[u8; 4]>::try_from(value) {
                self.addresses.push(bytes.into());
            } else if let Ok(bytes) = <[u8; 16]>::try_from(value) {
                self.addresses.push(bytes.into());
            }
        }
    }
}

/// The inside of an AlgorithmIdentifier.
fn algorithm(der: &[u8]) -> der::Result<&[u8]> {
    let any = AnyRef::from_der(der)?;
    if any.header().tag() != Tag::Sequence {
        return Err(Tag::Sequence.value_error().into());
    }
    Ok(any.value())
}

fn bits(der: &[u8]) -> der::Result<&[u8]> {
    let bits = BitStringRef::from_der(der)?.as_bytes();
    bits.ok_or_else(|| Tag::BitString.value_error().into())
}

fn first_element(der: &[u8]) -> &[u8] {
    SliceReader::new(der).and_then(|mut reader| reader.tlv_bytes()).unwrap_or(der)
}

/// A point in time as RFC 3339 writes it: `2021-01-01T00:00:00Z`.
pub(super) fn date(time: UnixTime) -> String {
    match der::DateTime::from_unix_duration(Duration::from_secs(time.as_secs())) {
        Ok(date) => date.to_string(),
        Err(_) => format!("{} seconds after 1970", time.as_secs()),
    }
}

fn unreadable(what: impl std::fmt::Display) -> Error {
    Error::tls_failure(TlsFailure::Format, format!("cannot read the certificate: {what}"))
}

#[cfg(test)]
mod tests;
