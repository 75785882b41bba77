//! Encrypted private keys: PKCS#8 with PBES2 (RFC 8018), and what OpenSSL wrote before that, with
//! headers in the PEM (RFC 1421).

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use md5::{Digest, Md5};
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::{EncryptionScheme, pbes2};
use x509_cert::der::asn1::{AnyRef, OctetStringRef};
use x509_cert::der::{self, Decode, Reader, SliceReader};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::super::pem::Section;
use super::{AskPassword, Form, form, unreadable};
use crate::error::{Error, Result, TlsFailure};

/// The most memory and work that scrypt may take: far above what any tool asks for, and far below
/// what stops a program.
const SCRYPT_LIMIT: u128 = 1 << 30;

/// Opens an EncryptedPrivateKeyInfo; the result is PKCS#8.
pub(super) fn decrypt_pkcs8(der: &[u8], password: AskPassword<'_>) -> Result<Zeroizing<Vec<u8>>> {
    check_scheme(der)?;
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| unsupported())?;
    let EncryptionScheme::Pbes2(parameters) = &encrypted.encryption_algorithm else {
        return Err(unsupported());
    };
    check_cost(parameters)?;
    let password = ask(password)?;
    let result = encrypted.decrypt(password.as_bytes());
    match result {
        Ok(document) if matches!(form(document.as_bytes()), Form::Key) => {
            Ok(Zeroizing::new(document.as_bytes().to_vec()))
        }
        Err(pkcs8::Error::EncryptedPrivateKey(
            pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs8::pkcs5::Error::AlgorithmParametersInvalid { .. },
        )) => Err(unsupported()),
        _ => Err(wrong_password()),
    }
}

/// Opens a section with `Proc-Type: 4,ENCRYPTED`; the result is what its label says.
pub(super) fn decrypt_traditional(
    section: &Section,
    password: AskPassword<'_>,
) -> Result<Zeroizing<Vec<u8>>> {
    let Some((cipher, iv)) = section.header("DEK-Info").and_then(|info| info.split_once(','))
    else {
        return Err(unreadable("it is encrypted, but the line DEK-Info is missing or damaged"));
    };
    let (cipher, iv) = (cipher.trim().to_ascii_uppercase(), hexadecimal(iv.trim()));
    let open = match cipher.as_str() {
        "DES-CBC" => open::<des::Des>,
        "DES-EDE3-CBC" => open::<des::TdesEde3>,
        "AES-128-CBC" => open::<aes::Aes128Dec>,
        "AES-192-CBC" => open::<aes::Aes192Dec>,
        "AES-256-CBC" => open::<aes::Aes256Dec>,
        _ => return Err(unsupported()),
    };
    let block = if cipher.starts_with("DES") { 8 } else { 16 };
    let Some(iv) = iv.filter(|iv| iv.len() == block) else {
        return Err(unreadable("it is encrypted, but the line DEK-Info is damaged"));
    };
    if section.der.is_empty() || !section.der.len().is_multiple_of(block) {
        return Err(unreadable("it is encrypted, and incomplete"));
    }
    let password = ask(password)?;
    let plain = open(&section.der, password.as_bytes(), &iv);
    plain.filter(|plain| matches!(form(plain), Form::Key)).ok_or_else(wrong_password)
}

fn open<Cipher: BlockCipherDecrypt + KeyInit>(
    bytes: &[u8],
    password: &[u8],
    iv: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let key = derive(password, &iv[..8], Cipher::key_size());
    let mut buffer = Zeroizing::new(bytes.to_vec());
    let cipher = cbc::Decryptor::<Cipher>::new_from_slices(&key, iv).ok()?;
    let length = cipher.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

/// OpenSSL's EVP_BytesToKey with MD5 and one round.
fn derive(password: &[u8], salt: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(length + 16));
    let mut last = None;
    while key.len() < length {
        let mut hash = Md5::new();
        if let Some(last) = last {
            hash.update(last);
        }
        hash.update(password);
        hash.update(salt);
        let digest = hash.finalize();
        key.extend_from_slice(&digest);
        last = Some(digest);
    }
    key.truncate(length);
    key
}

/// The decoder of pkcs5 takes the first eight bytes of the vector of DES without looking how many
/// there are.
fn check_scheme(der: &[u8]) -> Result<()> {
    let check = || -> der::Result<usize> {
        let mut reader = SliceReader::new(der)?;
        let scheme = reader.sequence(|reader| {
            let scheme = AlgorithmIdentifierRef::decode(reader)?;
            <&OctetStringRef>::decode(reader)?;
            Ok::<_, der::Error>(scheme)
        })?;
        if scheme.oid != pbes2::PBES2_OID {
            return Ok(usize::MAX);
        }
        let parameters = scheme.parameters.unwrap_or(AnyRef::NULL);
        parameters.sequence(|reader| {
            AlgorithmIdentifierRef::decode(reader)?;
            let cipher = AlgorithmIdentifierRef::decode(reader)?;
            Ok(cipher.parameters.unwrap_or(AnyRef::NULL).value().len())
        })
    };
    match check() {
        Ok(length) if length >= 8 => Ok(()),
        _ => Err(unreadable("it is encrypted, and damaged")),
    }
}

fn check_cost(parameters: &pbes2::Parameters) -> Result<()> {
    let pbes2::Kdf::Scrypt(scrypt) = &parameters.kdf else { return Ok(()) };
    let blocks = u128::from(scrypt.block_size) * u128::from(scrypt.parallelization);
    let cost = u128::from(scrypt.cost_parameter).saturating_mul(blocks * 128);
    if scrypt.cost_parameter < 2 || cost == 0 || cost > SCRYPT_LIMIT {
        return Err(unreadable(
            "it is encrypted with scrypt, whose cost is out of range; encrypt it with PBKDF2",
        ));
    }
    Ok(())
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |&byte: &u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}

fn ask(password: AskPassword<'_>) -> Result<Zeroizing<String>> {
    password().map(Zeroizing::new).ok_or_else(|| {
        Error::tls_failure(
            TlsFailure::Password,
            "cannot read the private key: it is encrypted, and no password is set; set the \
             password, or the callback that returns it, before the key is loaded",
        )
    })
}

fn wrong_password() -> Error {
    Error::tls_failure(
        TlsFailure::Password,
        "cannot read the private key: the password does not open it; check the password and the \
         file",
    )
}

fn unsupported() -> Error {
    unreadable(
        "its encryption is not supported, only PBES2 with AES or DES and the same in CBC mode with \
         DEK-Info; encrypt it anew with \
         `openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.key -out new.key`",
    )
}

#[cfg(test)]
mod tests {
    use base64ct::Encoding;
    use rustls::pki_types::PrivateKeyDer;

    use super::super::private_key;
    use super::*;

    /// A key of the tables below that is not encrypted; the password of the others is `qwerty`.
    const PLAIN: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyJh6XgHxP4fgXF4cbMI5t/9huOI1tj/H\
         KHX6EYs0Y2uhRANCAARrUJ4m4DPw4uFcMND55y3BlsjWAIy1Ca5Z/XS+I1T/3xfv23fE12OsehfmePiZ\
         VG1lQz1taauIC80WA3zJ68IZ";

    const PBES2: [(&str, &str); 7] = [
        (
            "DES",
            "MIHgMEsGCSqGSIb3DQEFDTA+MCkGCSqGSIb3DQEFDDAcBAjkyS2g+6ftKAICCAAwDAYIKoZIhvcNAgkF\
             ADARBgUrDgMCBwQIrOy6/xxVB/cEgZCExYC93A4zT2g5hX1gnz3VIve6NrX6NstnqkiZgT1RMlMdoI4V\
             9yxbFE8TMq9t1Lzv8pGUSfz52P/enFCKQ4hDyxYcuUJ4GJMZWrvWXoMZRScvOMRjeBcXeVTCKG4NXKFj\
             1VBW2vU55/PYFFwka9fzjj5YrqtxGHujUn0OFUCP+MjQQ6VSS4q5CYvz77flbgQ=",
        ),
        (
            "3DES, HMAC-SHA-1",
            "MIHVMEAGCSqGSIb3DQEFDTAzMBsGCSqGSIb3DQEFDDAOBAjHkaCjZXLIvAICCAAwFAYIKoZIhvcNAwcE\
             CGQamOdwyDWwBIGQDcJ7n6OsTVxqyoknt1IspHq0YjZ8jVWnw0qkrc/zul2pAh4NfRjb2muQr5FJA/A0\
             hQH++v1R5kA1sb2s7SaBKqL9kqkufyHXZrAeiTjlzEr7HMnFtZea9xfdbhZuvqYeunPPJ2mPwSToYqDG\
             H8LMyootLMqSeo0K1MtbFXuD1Byql/mpPj/yriKTwSe+zdPz",
        ),
        (
            "AES-128",
            "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgKyXPBugkoOQICCAAwDAYIKoZIhvcNAgkF\
             ADAdBglghkgBZQMEAQIEECPA58snkolYRDP4TFhHu90EgZDxlY8yMe+7QNaAGBeO9FGutoEAf0om4/7g\
             mimPMN6oF5pFXkXz1xIsHzloLDj4VKRClGZ89goxKzdbnNDfnqcMQ5JcBmzQx+iqMI1WR2eoiZooPP26\
             R3MXbgMB/YWHT/4emOkZHc4s3lSSrueb/uDExEzbX8K2ye+7FLKmtMOzrkFZAc4BtNby7/htxpVmFyc=",
        ),
        (
            "AES-192",
            "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhvZxSM3OyCRQICCAAwDAYIKoZIhvcNAgkF\
             ADAdBglghkgBZQMEARYEEHEzGJrHbZClZTbxPA77FWIEgZDgnfj4lD8OY6hCnEotD/S8Z0taazblMk/t\
             HexhFMCoSTMz1QfATweP14lzPhTQgtzZKPi0j9+3ef8H6WBLNL+txsLK4m1DQX4iDM3LVfZTLP4UKgyz\
             oXg8lpQGhPKm09Hw7+i6tHEStDd2nAsOVTsLSYdgfPM90pg50MizLHNF1OnllNwgHsK2ekbp+PhPMcc=",
        ),
        (
            "AES-256",
            "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgcdTmwU7CV4wICCAAwDAYIKoZIhvcNAgkF\
             ADAdBglghkgBZQMEASoEEO+8p3DN9mpfSPqTM672QuQEgZD9xCMwvmXObjkj5h6YtOe9YwkdMTInksw0\
             XvSDzHYTVf+9pXSsEUTpZKngMLtgFRfve69N9NaiM4mkUKF9qjnATjnRqXOMgdU7K2ZH/qZIWsVUvpYz\
             JDqj7v3WWAoirV3s18WLjLTkTG6nks6EWQwxAyb0PxHve95rxFpodmLzGUvoBwSWMw5zJDECsxA/5S4=",
        ),
        (
            "AES-256, HMAC-SHA-512",
            "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiEAirGgNk9tQICCAAwDAYIKoZIhvcNAgsF\
             ADAdBglghkgBZQMEASoEEGy3SHNyjlPwfjTqEWfqyigEgZDV+Hs//7gVrE50DhSbo1KAEfKlEfK6AuNA\
             IsNCi/zStQj5zFp0zZlKPfRLBs6zaQpQdRtetldEkWt5w3V6pjg3ir9E7yHliZw4hkdBTyq20X8880+u\
             io0AaaDDbMUolNMnUgOxjkxSXTHh0Pql4ZAj7/vS8qK7hiIx9ORi6n0huzJ0CqajB+Gcsnl1W8neLmI=",
        ),
        (
            "scrypt",
            "MIHjME4GCSqGSIb3DQEFDTBBMCAGCSsGAQQB2kcECzATBAhHZDk0/Jy++AIBQAIBCAIBATAdBglghkgB\
             ZQMEASoEEOgU63FpvYxiopsX/DwNSjoEgZDUUf8u9GMMAOiGot0UxDoe9VE93cdZ7xVifbFeX42gdMHM\
             BCgEWuvOYsJFjAYa0e26BWq3rd8WHRaCBZDocS5bJooF889FpTEf+U1k9mEX9nLRMwKS+czEN4CprcnB\
             2jiLonV1lw6NEZHVn43h9ShJpKuq8mOQ8KV42GOnvWU9OgtC9ehLo3NF9OHqG3pG+9I=",
        ),
    ];

    const PBES1: [&str; 2] = [
        "MIGwMBsGCSqGSIb3DQEFAzAOBAiYB4zWjU8cqgICCAAEgZBje53rc75VIfZ7aM2HZBiSD8LjMQRw58NV\
         PO9rU0WxDbhgCAGsZx9LDoqFD3Urdmn4GhzD7AxniPS1yR29gcp4H62bEyzHYBZyrVH+mRRLQdKTuE62\
         NeHjMa5HZLXokxTJ6EgrpB21pLnOONpOFBImtKntluNj5K0l3D3C+V/SYsfk0CriLzc5gC+4FSJ7TVs=",
        "MIGxMBwGCiqGSIb3DQEMAQMwDgQI0i/db815SrcCAggABIGQk8LYDZIRLaisUGW+p5j0sIXgSxhmwc7o\
         lo5AgJVulY5ZTHdD+wTnrqunSfV4KBRprCPLMT3aiYAQRUUHjxUY9wsspytSA0gwj+F/MwjaITPMmKq3\
         6TCiBUbHwjXil09QQoCRf/yMVzdTCy+jUCFMEl3sq5wyJq3UZs8Zq1qZcWfUvSWY1t/6spKJXQshPQJX",
    ];

    const TRADITIONAL: [(&str, &str); 5] = [
        (
            "DES-CBC,1AEA957AC366231D",
            "/bBoluISBz0rE3zsl3pYHaVIopa/SvZE6dqH0LxdpOm5CSFo2in0bF+tRjB2+u0O5dVIEoXCWbnyVgz6\
             RBYz7Lwev0y2u68WZWpI5BEJ6soOESaQHk3i/O13sBwpJjaA3ZlEfHnDdHbD6ZLGYlRUMKE/sN6Z6ti3\
             k7TgG5S2ojI=",
        ),
        (
            "DES-EDE3-CBC,B9312868798CB608",
            "dyxILBxaosqUa9e8SHId18x9DsGXI0d7fIB7GQlXgM9CFjNWSDyL6Naock8BTLuKjLGImV8nMRfRL8Xe\
             Kn+TmUROD0HVKuXeslUeootOahZBpQaNJPBXWPF18vOAIbKn7hCPjUyHhUR5ncStqnPJO9iYSLHIXn1q\
             sKZYTbfg0sY=",
        ),
        (
            "AES-128-CBC,653AF8DCDCF5FEA859D3DD942A086467",
            "N18AAATMyJ68wDHaV7M8Sv+KSyp4bITIh+Y/4/MNu2mO5itETbdwpIqJDV6YzU901GNF8lXO0FKlJKbP\
             6hHGeCrhwcEztdtDDSkMsoZQG2yxMKEhYweYH5G25KNcemcXrCfk9NiW/i7lSAa54t4jbbn7RDvUiWfV\
             dGjSXZfC4B0=",
        ),
        (
            "AES-192-CBC,217D2B7359BED079CCEA33D9A9D22BFC",
            "IuxlW++L6I8Vdx9W2zrdd5947UmGCbCCd1Uort1JVmE4XBG+DrCWg0xYjgElTH1cLM06tlLJSptjfrRS\
             5ncSjntXmlyUT8h2nSbz1hqu7YlfQHBPq0t9V1h7jmxZRs1JGGd7TcEi9rJQT9bcgXwd1moYlmQCei5z\
             LnGSFzdEilE=",
        ),
        (
            "AES-256-CBC,4A5075955770D7B46D73100AA7907DC9",
            "T3CA7m5tcka8q6JBG1cXx5pq2YhRM5v/DYPnHZpJ8Vz3q88WIBNtFnUzoZ86a5fwVp9LzWhuzhqCVWOQ\
             jSVKA5/EqtSTj4Xxtewci/kcE/Yhz3s30vapSJ2l8qqIeEe+xalPa0/Rw8k+86i5rKZxYTMz7w4W14/P\
             f6fRsYUpFYQ=",
        ),
    ];

    fn decode(base64: &str) -> Vec<u8> {
        base64ct::Base64::decode_vec(base64).unwrap()
    }

    fn public(key: &PrivateKeyDer<'static>) -> Vec<u8> {
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(key).unwrap();
        key.public_key().unwrap().to_vec()
    }

    fn traditional(info: &str, base64: &str) -> String {
        format!(
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: {info}\n\n{base64}\n\
             -----END EC PRIVATE KEY-----\n"
        )
    }

    fn failure(bytes: &[u8], password: Option<&str>) -> (i32, String) {
        let error = private_key(bytes, &mut || password.map(str::to_owned)).unwrap_err();
        (error.code(), error.message().to_owned())
    }

    #[test]
    fn what_openssl_wrote_opens() {
        let expected = private_key(&decode(PLAIN), &mut || None).unwrap();
        for (name, base64) in PBES2 {
            let key = private_key(&decode(base64), &mut || Some("qwerty".into()));
            assert_eq!(key.as_ref(), Ok(&expected), "{name}");
            let (code, message) = failure(&decode(base64), Some("azerty"));
            assert_eq!(code, TlsFailure::Password as i32, "{name}: {message}");
        }
        for (info, base64) in TRADITIONAL {
            let pem = traditional(info, base64);
            let key = private_key(pem.as_bytes(), &mut || Some("qwerty".into())).unwrap();
            assert_eq!(public(&key), public(&expected), "{info}");
            let (code, message) = failure(pem.as_bytes(), Some("azerty"));
            assert_eq!(code, TlsFailure::Password as i32, "{info}: {message}");
        }
    }

    #[test]
    fn what_is_too_old_is_refused_before_a_password_is_asked_for() {
        for base64 in PBES1 {
            let Err(error) = private_key(&decode(base64), &mut || panic!("asked")) else {
                panic!("PBES1 was read")
            };
            assert_eq!(error.code(), TlsFailure::Format as i32);
            assert!(error.message().contains("encrypt it anew"), "{error}");
        }
        let (info, base64) = TRADITIONAL[0];
        let (_, message) =
            failure(traditional("RC2-CBC,0011223344556677", base64).as_bytes(), None);
        assert!(message.contains("encrypt it anew"), "{message}");
        for bad in ["DES-CBC,00112233", "DES-CBC,001122334455667g", "DES-CBC", "DES-CBC,0"] {
            let (code, message) = failure(traditional(bad, base64).as_bytes(), None);
            assert_eq!(code, TlsFailure::Format as i32);
            assert!(message.contains("DEK-Info"), "{message}");
        }
        let (_, message) = failure(traditional(info, "AAAA").as_bytes(), None);
        assert!(message.contains("incomplete"), "{message}");
        let (_, message) = failure(traditional(info, "").as_bytes(), None);
        assert!(message.contains("incomplete"), "{message}");
    }

    const OID_PBES2: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
    const OID_PBKDF2: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c";
    const OID_SCRYPT: &[u8] = b"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x04\x0b";
    const OID_AES_256: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a";
    const OID_DES: &[u8] = b"\x06\x05\x2b\x0e\x03\x02\x07";

    fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let value = parts.concat();
        assert!(value.len() < 128);
        [&[tag, value.len() as u8], value.as_slice()].concat()
    }

    /// An EncryptedPrivateKeyInfo of the two algorithms of PBES2.
    fn encrypted(function: &[u8], cipher: &[u8]) -> Vec<u8> {
        let algorithms = [element(0x30, &[function]), element(0x30, &[cipher])].concat();
        let scheme = element(0x30, &[OID_PBES2, &element(0x30, &[&algorithms])]);
        element(0x30, &[&scheme, &element(0x04, &[&[9; 16]])])
    }

    #[test]
    fn damaged_parameters_are_refused() {
        let aes = [OID_AES_256.to_vec(), element(0x04, &[&[7; 16]])].concat();
        let des = |iv: &[u8]| [OID_DES.to_vec(), element(0x04, &[iv])].concat();
        let salt = element(0x04, &[&[1; 8]]);
        let pbkdf2 = [OID_PBKDF2, &element(0x30, &[&salt, &[0x02, 0x01, 0x01]])].concat();
        let scrypt = |cost: &[u8], block: u8| {
            let cost = element(0x02, &[cost]);
            let rest = [0x02, 0x01, block, 0x02, 0x01, 0x01];
            [OID_SCRYPT, &element(0x30, &[&salt, &cost, &rest])].concat()
        };
        // The decoder of pkcs5 would not survive these.
        for iv in [b"".as_slice(), b"1234567"] {
            assert!(failure(&encrypted(&pbkdf2, &des(iv)), Some("")).1.contains("damaged"));
        }
        let costs =
            [(b"\x00".as_slice(), 8), (b"\x01", 8), (b"\x40\0\0\0\0\0\0\0", 8), (b"\x40\0", 0)];
        for (cost, block) in costs {
            let (_, message) = failure(&encrypted(&scrypt(cost, block), &aes), Some(""));
            assert!(message.contains("cost is out of range"), "{cost:?}: {message}");
        }
        // The others are as they should be, up to the password.
        for (function, cipher) in
            [(&pbkdf2, &des(b"12345678")), (&pbkdf2, &aes), (&scrypt(b"\x02", 8), &aes)]
        {
            let (code, message) = failure(&encrypted(function, cipher), Some(""));
            assert_eq!(code, TlsFailure::Password as i32, "{message}");
        }
    }

    #[test]
    fn keys_are_derived_as_openssl_does() {
        let key = derive(b"qwerty", &[1, 2, 3, 4, 5, 6, 7, 8], 24);
        assert_eq!(key.len(), 24);
        assert_eq!(key[..16], derive(b"qwerty", &[1, 2, 3, 4, 5, 6, 7, 8], 16)[..]);
        assert_eq!(hexadecimal("0aFf"), Some(vec![10, 255]));
        assert_eq!(hexadecimal("0aF"), None);
        assert_eq!(hexadecimal("0x"), None);
    }
}
