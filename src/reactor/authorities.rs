//! The authorities that the system trusts.

use std::io;

/// Their certificates in DER: of the system's store on Windows and macOS, elsewhere of the files
/// that OpenSSL reads there, or those that SSL_CERT_FILE and SSL_CERT_DIR name. Reads files.
pub(crate) fn system() -> io::Result<Vec<Vec<u8>>> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why =
            found.errors.first().map_or_else(|| "it has none".to_owned(), ToString::to_string);
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    Ok(found.certs.into_iter().map(|certificate| certificate.to_vec()).collect())
}
