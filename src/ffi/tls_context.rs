//! `cppserver_tls_context_...`

use std::ffi::{c_char, c_void};
use std::slice;

use super::callbacks::{AskPassword, Judge};
use super::handle::{give, release, retain, share};
use super::handler::{
    cppserver_callback, cppserver_tls_password_callback, cppserver_tls_verify_callback,
};
use super::types::{
    cppserver_tls_context, cppserver_tls_option, cppserver_tls_verify, cppserver_tls_version,
};
use super::{argument, guard};
use crate::error::{Error, Result};
use crate::net::{TlsContext, TlsVerify, TlsVersion};

const VERIFY: i32 = cppserver_tls_option::Verify as i32;
const VERIFY_NAMES: i32 = cppserver_tls_option::VerifyNames as i32;
const VERIFY_DEPTH: i32 = cppserver_tls_option::VerifyDepth as i32;
const MINIMUM_VERSION: i32 = cppserver_tls_option::MinimumVersion as i32;
const MAXIMUM_VERSION: i32 = cppserver_tls_option::MaximumVersion as i32;
const RESUMPTION: i32 = cppserver_tls_option::Resumption as i32;
const LEGACY: i32 = cppserver_tls_option::DangerousAcceptLegacyCertificates as i32;
const SYSTEM_AUTHORITIES: i32 = cppserver_tls_option::SystemAuthorities as i32;

const NONE: i64 = cppserver_tls_verify::None as i64;
const PEER: i64 = cppserver_tls_verify::Peer as i64;
const REQUIRE: i64 = cppserver_tls_verify::Require as i64;

const TLS12: i64 = cppserver_tls_version::Tls12 as i64;
const TLS13: i64 = cppserver_tls_version::Tls13 as i64;

/// Creates a context for encrypted servers and clients, without certificates.
///
/// Without further settings a client trusts the authorities of the system and verifies the
/// certificate of its server and the name in it; a server asks its clients for no certificate; TLS
/// 1.2 and 1.3 are spoken; sessions are resumed. A context may serve any number of servers and
/// clients. All its functions may be called on any thread; changes count for connections that begin
/// later, so a certificate can be renewed while a server runs.
///
/// Returns a context that the caller owns.
#[unsafe(no_mangle)]
pub extern "C" fn cppserver_tls_context_create() -> *mut cppserver_tls_context {
    guard::value(std::ptr::null_mut(), || Ok(give(TlsContext::new())))
}

/// Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_retain(
    context: *mut cppserver_tls_context,
) -> *mut cppserver_tls_context {
    guard::value(context, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { retain(context) })
    })
}

/// Takes a reference back. Any thread, any callback. NULL is allowed. Servers and clients keep
/// references of their own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_release(context: *mut cppserver_tls_context) {
    guard::value((), || {
        // SAFETY: NULL or a live handle of which the caller owns a reference, as the header asks.
        unsafe { release(context) };
        Ok(())
    });
}

/// Reads the certificate of this side and its key from files.
///
/// chain_file: the certificate and, behind it, those of the authorities between it and the one that
/// the peer trusts; PEM with any text around, or DER.
/// key_file: may be the same file; PKCS#8, PKCS#1 or SEC 1, PEM or DER.
/// password: opens an encrypted key; NULL asks the password callback.
///
/// Of several certificates, the one that is set here serves clients that ask for none of the names.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_SYSTEM when a file cannot be read, else
/// CPPSERVER_STATUS_TLS with a cppserver_tls_failure that tells whether the format, the password or
/// the match of key and certificate is wrong. Nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_set_certificate_files(
    context: *mut cppserver_tls_context,
    chain_file: *const c_char,
    key_file: *const c_char,
    password: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or C texts that outlive this call.
        let (chain, key, password) = unsafe { files(chain_file, key_file, password) }?;
        context.set_certificate_files(chain, key, password)
    })
}

/// Reads a further certificate, for clients that ask for one of its names (SNI); otherwise as
/// cppserver_tls_context_set_certificate_files().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_add_certificate_files(
    context: *mut cppserver_tls_context,
    chain_file: *const c_char,
    key_file: *const c_char,
    password: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or C texts that outlive this call.
        let (chain, key, password) = unsafe { files(chain_file, key_file, password) }?;
        context.add_certificate_files(chain, key, password)
    })
}

/// As cppserver_tls_context_set_certificate_files(), for what is in memory; it is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_set_certificate(
    context: *mut cppserver_tls_context,
    chain: *const c_void,
    chain_size: usize,
    key: *const c_void,
    key_size: usize,
    password: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: each NULL or so many bytes, or C text, which outlive this call.
        let (chain, key, password) = unsafe { memory(chain, chain_size, key, key_size, password) }?;
        context.set_certificate(chain, key, password)
    })
}

/// As cppserver_tls_context_add_certificate_files(), for what is in memory; it is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_add_certificate(
    context: *mut cppserver_tls_context,
    chain: *const c_void,
    chain_size: usize,
    key: *const c_void,
    key_size: usize,
    password: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: each NULL or so many bytes, or C text, which outlive this call.
        let (chain, key, password) = unsafe { memory(chain, chain_size, key, key_size, password) }?;
        context.add_certificate(chain, key, password)
    })
}

/// Whom to ask for the password of an encrypted key that comes without one. Called by the functions
/// that read keys, on their thread.
///
/// user_data: owned by the context from here on, until it calls destroy(user_data): when another
/// callback takes its place, when the context ends, and also when this function fails. destroy may
/// be NULL.
///
/// Returns a cppserver_status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_set_password_callback(
    context: *mut cppserver_tls_context,
    callback: cppserver_tls_password_callback,
    user_data: *mut c_void,
    destroy: cppserver_callback,
) -> i32 {
    guard::status(|| {
        let ask = AskPassword::new(callback, user_data, destroy)?;
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        context.set_password_callback(move || ask.ask());
        Ok(())
    })
}

/// Reads all files again, of certificates, keys and authorities: the way to renew certificates at
/// run time. Open connections go on with what they began with.
///
/// Returns a cppserver_status, as the functions that read the files first; nothing has changed when
/// it is not CPPSERVER_STATUS_OK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_reload(context: *mut cppserver_tls_context) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(context) }?.reload()
    })
}

/// Trusts the authorities whose certificates are in a file, PEM with any text around or DER. The
/// authorities of the system are not trusted then unless asked for.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_SYSTEM when the file cannot be read,
/// CPPSERVER_STATUS_TLS when there is no certificate in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_add_authority_file(
    context: *mut cppserver_tls_context,
    file: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or C text that outlives this call.
        context.add_authority_file(unsafe { argument::text(file, "file") }?)
    })
}

/// As cppserver_tls_context_add_authority_file(), for what is in memory; it is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_add_authority(
    context: *mut cppserver_tls_context,
    certificates: *const c_void,
    size: usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        context.add_authority(unsafe { argument::bytes(certificates, size) }?)
    })
}

/// Sets a cppserver_tls_option.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown option or a value
/// out of its range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_set_option(
    context: *mut cppserver_tls_context,
    option: i32,
    value: i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        match option {
            VERIFY => context.set_verify(match value {
                NONE => TlsVerify::None,
                PEER => TlsVerify::Peer,
                REQUIRE => TlsVerify::Require,
                _ => return Err(out_of_range("what to verify", value)),
            }),
            VERIFY_NAMES => context.set_verify_names(switch("VERIFY_NAMES", value)?),
            VERIFY_DEPTH => context.set_verify_depth(match value {
                -1 => None,
                0..=100 => Some(value as usize),
                _ => return Err(out_of_range("the depth", value)),
            }),
            MINIMUM_VERSION => context.set_minimum_version(version(value)?),
            MAXIMUM_VERSION => context.set_maximum_version(version(value)?),
            RESUMPTION => context.set_resumption(switch("RESUMPTION", value)?),
            LEGACY => context.dangerous_accept_legacy_certificates(switch(
                "DANGEROUS_ACCEPT_LEGACY_CERTIFICATES",
                value,
            )?),
            SYSTEM_AUTHORITIES => {
                context.set_system_authorities(switch("SYSTEM_AUTHORITIES", value)?)
            }
            _ => return Err(Error::argument(format!("there is no TLS option number {option}"))),
        }
        Ok(())
    })
}

/// Sets the protocols to agree on inside TLS (ALPN, RFC 7301), the most wanted first. A server
/// refuses clients that offer protocols but none of these.
///
/// protocols: so many C texts, such as "h2" and "http/1.1"; they are copied. NULL with a count of 0
/// for none, the default.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for a protocol of no or more than
/// 255 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_set_alpn_protocols(
    context: *mut cppserver_tls_context,
    protocols: *const *const c_char,
    count: usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        let pointers: &[*const c_char] = match count {
            0 => &[],
            _ if protocols.is_null() => return Err(Error::argument("protocols is NULL")),
            // SAFETY: not NULL, and so many pointers, as the header asks.
            _ => unsafe { slice::from_raw_parts(protocols, count) },
        };
        let mut names = Vec::with_capacity(count);
        for pointer in pointers {
            // SAFETY: NULL or C text that outlives this call.
            names.push(unsafe { argument::text(*pointer, "a protocol") }?);
        }
        context.set_alpn_protocols(&names)
    })
}

/// Appends the secrets of all further connections to a file, for programs such as Wireshark that
/// then can read the traffic. NULL, the default, writes none.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_SYSTEM when the file cannot be opened.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_set_key_log_file(
    context: *mut cppserver_tls_context,
    file: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or C text that outlives this call.
        context.set_key_log_file(unsafe { argument::optional_text(file, "file") }?)
    })
}

/// Whom to ask after the certificate of a peer was verified. Called on I/O threads, during
/// handshakes.
///
/// user_data: owned by the context from here on, until it calls destroy(user_data): when another
/// callback takes its place, when the context and its connections end, and also when this function
/// fails. destroy may be NULL.
///
/// Returns a cppserver_status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_context_set_verify_callback(
    context: *mut cppserver_tls_context,
    callback: cppserver_tls_verify_callback,
    user_data: *mut c_void,
    destroy: cppserver_callback,
) -> i32 {
    guard::status(|| {
        let judge = Judge::new(callback, user_data, destroy)?;
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        context.set_verify_callback(move |certificate, error| judge.judge(certificate, error));
        Ok(())
    })
}

/// Stores the subject of a certificate in DER as text with its NUL in buffer (RFC 4514), such as
/// "CN=client.example.com,O=Example".
///
/// buffer_size: 0 asks for the length alone.
/// length: where to store the bytes of the text, without the NUL; may be NULL. Also stored when
/// buffer is too small.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what is no certificate, or
/// when buffer is NULL or too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_certificate_subject(
    certificate: *const c_void,
    size: usize,
    buffer: *mut c_char,
    buffer_size: usize,
    length: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or so many bytes, which outlive this call.
        let certificate = unsafe { argument::bytes(certificate, size) }?;
        let subject = TlsContext::subject_of(certificate)
            .ok_or_else(|| Error::argument("these bytes are no certificate in DER"))?;
        // SAFETY: each NULL or valid for writes, as the header asks.
        unsafe { argument::store_text(&subject, buffer, buffer_size, length) }
    })
}

/// Whether a certificate in DER is for a DNS name or an IP address (RFC 9525), also by the common
/// name of its subject when it has no subjectAltName (RFC 2818 section 3.1). NULL gives false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_tls_certificate_is_for_name(
    certificate: *const c_void,
    size: usize,
    name: *const c_char,
) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or so many bytes, or C text, which outlive this call.
        let (certificate, name) =
            unsafe { (argument::bytes(certificate, size)?, argument::text(name, "name")?) };
        Ok(TlsContext::is_for_name(certificate, name))
    })
}

/// The names of two files and a password.
///
/// # Safety
///
/// As for [`argument::text`], for each of them.
unsafe fn files<'a>(
    chain: *const c_char,
    key: *const c_char,
    password: *const c_char,
) -> Result<(&'a str, &'a str, Option<&'a str>)> {
    // SAFETY: the contract of this function.
    unsafe {
        Ok((
            argument::text(chain, "chain_file")?,
            argument::text(key, "key_file")?,
            argument::optional_text(password, "password")?,
        ))
    }
}

/// Two pieces of memory and a password.
///
/// # Safety
///
/// As for [`argument::bytes`] and [`argument::text`], for each of them.
unsafe fn memory<'a>(
    chain: *const c_void,
    chain_size: usize,
    key: *const c_void,
    key_size: usize,
    password: *const c_char,
) -> Result<(&'a [u8], &'a [u8], Option<&'a str>)> {
    // SAFETY: the contract of this function.
    unsafe {
        Ok((
            argument::bytes(chain, chain_size)?,
            argument::bytes(key, key_size)?,
            argument::optional_text(password, "password")?,
        ))
    }
}

fn switch(name: &str, value: i64) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(out_of_range(name, value)),
    }
}

fn version(value: i64) -> Result<TlsVersion> {
    match value {
        TLS12 => Ok(TlsVersion::Tls12),
        TLS13 => Ok(TlsVersion::Tls13),
        _ => Err(out_of_range("the version of TLS", value)),
    }
}

fn out_of_range(what: &str, value: i64) -> Error {
    Error::argument(format!("{what} cannot be {value}; the header lists the values"))
}
