//! `cppserver_session_...`

use std::ffi::{c_char, c_void};

use super::handle::{borrow, release, retain, share};
use super::types::{cppserver_session, cppserver_tls_text};
use super::{argument, guard};
use crate::error::Error;

/// Adds a reference and returns the same pointer: keeps a session that a callback lends. Any
/// thread. NULL gives NULL.
///
/// A session that is over stays a valid handle: calls fail with CPPSERVER_STATUS_NOT_CONNECTED, and
/// its counters can still be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_retain(
    session: *mut cppserver_session,
) -> *mut cppserver_session {
    guard::value(session, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { retain(session) })
    })
}

/// Takes a reference back. This does not disconnect. Any thread, any callback. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_release(session: *mut cppserver_session) {
    guard::value((), || {
        // SAFETY: NULL or a live handle of which the caller owns a reference, as the header asks.
        unsafe { release(session) };
        Ok(())
    });
}

/// A number that no other session of this process has, never 0. A client's session keeps its own
/// over all connections. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_id(session: *const cppserver_session) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.id())
    })
}

/// Queues bytes to be sent, in order, all of them or none. Never blocks. The bytes are copied
/// before it returns. Any thread, any callback: sends made inside a callback leave together after
/// it.
///
/// pending: where to store the number of bytes that wait in this session now, these included; may
/// be NULL, and is left as it was when the send fails. on_sent and on_empty tell how the queue
/// drains.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED before on_connected and after
/// disconnect, CPPSERVER_STATUS_LIMIT when CPPSERVER_OPTION_SEND_LIMIT does not leave the room,
/// CPPSERVER_STATUS_INVALID_ARGUMENT when data is NULL and size is not 0. A size of 0 sends
/// nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_send(
    session: *mut cppserver_session,
    data: *const c_void,
    size: usize,
    pending: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let session = unsafe { borrow(session) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        let waiting = session.send(unsafe { argument::bytes(data, size) }?)?;
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store(pending, waiting) };
        Ok(())
    })
}

/// Ends the session in good order: reading stops, what was sent is written out, then the socket
/// closes and on_disconnected comes with CPPSERVER_REASON_LOCAL. Writing out takes
/// CPPSERVER_OPTION_CLOSE_TIMEOUT at most; what the peer did not take by then is lost, and on_error
/// tells how much, in the category "timeout". Any thread, any callback.
///
/// On a client that is still connecting it gives up: on_disconnected with CPPSERVER_REASON_LOCAL.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when the session is over or about to
/// be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_disconnect(session: *mut cppserver_session) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(session) }?.disconnect()
    })
}

/// Ends the session at once: what still waits to be sent is discarded. Also cuts short a disconnect
/// that is still writing. on_disconnected comes with CPPSERVER_REASON_LOCAL. Any thread, any
/// callback.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when the session is over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_disconnect_now(session: *mut cppserver_session) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(session) }?.disconnect_now()
    })
}

/// Stops reading from the peer, until cppserver_session_resume_reading() or the end of the
/// connection: the way to let a peer that sends faster than this side works wait. No on_received
/// follows a pause inside a callback. What the system has received meanwhile, the end of the
/// connection included, is told after the resume. Handshakes, sending and timeouts go on. Any
/// thread, any callback.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when there is no connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_pause_reading(session: *mut cppserver_session) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(session) }?.pause_reading()
    })
}

/// Reads again after cppserver_session_pause_reading(); without a pause it does nothing. Any
/// thread, any callback.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when there is no connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_resume_reading(session: *mut cppserver_session) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(session) }?.resume_reading()
    })
}

/// Whether the session is connected: true from just before on_connected until just before
/// on_disconnected. Any thread. NULL gives false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_is_connected(session: *const cppserver_session) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.is_connected())
    })
}

/// The bytes that the system took over since the connection began. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_bytes_sent(session: *const cppserver_session) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.bytes_sent())
    })
}

/// The bytes that came from the peer since the connection began. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_bytes_received(
    session: *const cppserver_session,
) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.bytes_received())
    })
}

/// The bytes that wait to be sent. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_bytes_pending(
    session: *const cppserver_session,
) -> usize {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.bytes_pending())
    })
}

/// Stores the peer's IP address as numeric text with its NUL in buffer, and its port in *port. They
/// can be read after the end of the connection too. Any thread.
///
/// size: the bytes of buffer; 64 suffice for every address.
/// port: may be NULL.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when there was no connection,
/// CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is NULL or too small. On failure buffer holds an
/// empty text and *port is left as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_peer_address(
    session: *const cppserver_session,
    buffer: *mut c_char,
    size: usize,
    port: *mut u16,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let session = unsafe { borrow(session) }?;
        // SAFETY: each NULL or valid for writes, as the header asks.
        unsafe { argument::store_address(|| session.peer_address(), buffer, size, port) }
    })
}

/// As cppserver_session_peer_address(), for this side of the connection, and only while it is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_local_address(
    session: *const cppserver_session,
    buffer: *mut c_char,
    size: usize,
    port: *mut u16,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let session = unsafe { borrow(session) }?;
        // SAFETY: each NULL or valid for writes, as the header asks.
        unsafe { argument::store_address(|| session.local_address(), buffer, size, port) }
    })
}

/// The socket (a file descriptor, a SOCKET on Windows), or -1 when there is no connection or for
/// NULL. It stays the library's: do not read, write or close it. It is certain to be open only on
/// the session's own thread, so inside its callbacks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_native_handle(session: *const cppserver_session) -> i64 {
    guard::value(-1, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.native_handle().unwrap_or(-1))
    })
}

/// Changes a cppserver_option of the open socket: CPPSERVER_OPTION_NO_DELAY, KEEP_ALIVE and its
/// companions, SEND_BUFFER, RECEIVE_BUFFER or LINGER. Any thread, any callback.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for another option or a value out
/// of range, CPPSERVER_STATUS_NOT_CONNECTED when there is no connection, CPPSERVER_STATUS_SYSTEM
/// with errno when the system refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_set_option(
    session: *mut cppserver_session,
    option: i32,
    value: i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(session) }?.set_option(argument::option(option)?, value)
    })
}

/// Whether the handshake of an encrypted session is done: true from just before on_handshaked until
/// just before on_disconnected. Never on plain sessions. Any thread. NULL gives false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_is_handshaked(
    session: *const cppserver_session,
) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.is_handshaked())
    })
}

/// Stores what the handshake of an encrypted session came to, as text with its NUL in buffer: the
/// cppserver_tls_text that is asked for. It can be read after the end of the connection too. Any
/// thread.
///
/// size: the bytes of buffer; 0 asks for the length alone.
/// length: where to store the bytes of the text, without the NUL; may be NULL. Also stored when
/// buffer is too small.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED before on_handshaked and on plain
/// sessions, CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is NULL or too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_tls_text(
    session: *const cppserver_session,
    text: i32,
    buffer: *mut c_char,
    size: usize,
    length: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let details = unsafe { borrow(session) }?.tls().ok_or_else(Error::not_connected)?;
        const VERSION: i32 = cppserver_tls_text::Version as i32;
        const CIPHER_SUITE: i32 = cppserver_tls_text::CipherSuite as i32;
        const ALPN_PROTOCOL: i32 = cppserver_tls_text::AlpnProtocol as i32;
        const SERVER_NAME: i32 = cppserver_tls_text::ServerName as i32;
        const PEER_SUBJECT: i32 = cppserver_tls_text::PeerSubject as i32;
        let text = match text {
            VERSION => details.version().into(),
            CIPHER_SUITE => details.cipher_suite().into(),
            ALPN_PROTOCOL => String::from_utf8_lossy(details.alpn_protocol().unwrap_or_default()),
            SERVER_NAME => details.server_name().unwrap_or_default().into(),
            PEER_SUBJECT => details.peer_subject().unwrap_or_default().into(),
            _ => return Err(Error::argument(format!("there is no TLS text number {text}"))),
        };
        // SAFETY: each NULL or valid for writes, as the header asks.
        unsafe { argument::store_text(&text, buffer, size, length) }
    })
}

/// Whether the handshake of an encrypted session went on from an earlier session. Any thread. NULL
/// gives false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_tls_is_resumed(
    session: *const cppserver_session,
) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.tls().is_some_and(|details| details.is_resumed()))
    })
}

/// Stores a certificate of the peer in DER in buffer. It can be read after the end of the
/// connection too. Any thread.
///
/// index: 0 for the peer's own, then those of the authorities that it sent.
/// size: the bytes of buffer; 0 asks for the length alone.
/// length: where to store the bytes of the certificate; may be NULL. 0 when there is none of that
/// index. Also stored when buffer is too small.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED before on_handshaked and on plain
/// sessions, CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is NULL or too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_tls_peer_certificate(
    session: *const cppserver_session,
    index: usize,
    buffer: *mut c_void,
    size: usize,
    length: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let details = unsafe { borrow(session) }?.tls().ok_or_else(Error::not_connected)?;
        let certificate = details.peer_certificates().nth(index).unwrap_or_default();
        // SAFETY: each NULL or valid for writes, as the header asks.
        unsafe { argument::store_bytes(certificate, buffer, size, length) }
    })
}
