//! `cppserver_client_...`

use std::ffi::{c_char, c_void};
use std::ptr;
use std::time::Duration;

use super::callbacks::SessionCallbacks;
use super::handle::{borrow, give, release, retain, share};
use super::handler::cppserver_session_handler;
use super::types::{cppserver_client, cppserver_service, cppserver_session, cppserver_tls_context};
use super::{argument, guard};
use crate::net::Client;

/// Creates a TCP client for a host and a port. Nothing is resolved or connected before
/// cppserver_client_connect().
///
/// host: a name or a numeric IP address.
/// port: not 0.
///
/// The service may be released before the client; cppserver_service_release() says what that means.
///
/// Returns a client that the caller owns, or NULL with the reason in cppserver_last_error_...
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_create_tcp(
    service: *mut cppserver_service,
    host: *const c_char,
    port: u16,
) -> *mut cppserver_client {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or C text that outlives this call.
        let host = unsafe { argument::text(host, "host") }?;
        Ok(give(Client::tcp(&service, host, port)?))
    })
}

/// Creates a client as cppserver_client_create_tcp() does, whose connection is encrypted with TLS.
/// on_handshaked tells that the server is authenticated; what is sent before waits for that.
///
/// context: the client keeps a reference of its own.
/// host: the certificate of the server has to be for it, unless cppserver_client_set_server_name()
/// sets another name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_create_tls(
    service: *mut cppserver_service,
    context: *mut cppserver_tls_context,
    host: *const c_char,
    port: u16,
) -> *mut cppserver_client {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or C text that outlives this call.
        let host = unsafe { argument::text(host, "host") }?;
        Ok(give(Client::tls(&service, &context, host, port)?))
    })
}

/// Creates a client of the server on a Unix domain socket. No file need be there before
/// cppserver_client_connect().
///
/// path: as for cppserver_server_create_unix().
///
/// Returns a client that the caller owns, or NULL with the reason in cppserver_last_error_..., as
/// cppserver_server_create_unix() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_create_unix(
    service: *mut cppserver_service,
    path: *const c_char,
) -> *mut cppserver_client {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or C text that outlives this call.
        Ok(give(Client::unix(&service, unsafe { argument::path(path, "path") }?)?))
    })
}

/// Writes the path that a client connects to, absolute and with a NUL behind it, to buffer; "" when
/// that is no Unix domain socket. Any thread.
///
/// length, and what is returned: as for cppserver_server_path().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_path(
    client: *const cppserver_client,
    buffer: *mut c_char,
    size: usize,
    length: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let client = unsafe { borrow(client) }?;
        // SAFETY: NULL or so much room, NULL or valid for a write, as the header asks.
        unsafe { argument::store_path(client.path(), buffer, size, length) }
    })
}

/// Chooses the name that the certificate of the server has to be for and that the server is asked
/// for (SNI), from the next connect on. Any thread.
///
/// name: a DNS name or an IP address; NULL takes the host again.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what is neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_set_server_name(
    client: *mut cppserver_client,
    name: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let client = unsafe { borrow(client) }?;
        // SAFETY: NULL or C text that outlives this call.
        client.set_server_name(unsafe { argument::optional_text(name, "name") }?)
    })
}

/// Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_retain(
    client: *mut cppserver_client,
) -> *mut cppserver_client {
    guard::value(client, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { retain(client) })
    })
}

/// Takes a reference back. Any thread, any callback. NULL is allowed.
///
/// A connection that is open goes on without any handle, until it ends or its service is stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_release(client: *mut cppserver_client) {
    guard::value((), || {
        // SAFETY: NULL or a live handle of which the caller owns a reference, as the header asks.
        unsafe { release(client) };
        Ok(())
    });
}

/// Sets a cppserver_option. It counts from the next connect on; the send limit, the send policy
/// and the receive limit count at once. Any thread.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown option or a value
/// out of its range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_set_option(
    client: *mut cppserver_client,
    option: i32,
    value: i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { borrow(client) }?.set_option(argument::option(option)?, value)
    })
}

/// Stores what a cppserver_option is set to in *value. Any thread.
///
/// Returns a cppserver_status. When it is not CPPSERVER_STATUS_OK, *value is left as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_get_option(
    client: *const cppserver_client,
    option: i32,
    value: *mut i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let client = unsafe { borrow(client) }?;
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe {
            argument::store_required(value, "value", || client.option(argument::option(option)?))
        }
    })
}

/// Fixes the local address and port of the next connects. Any thread.
///
/// address: an IP address of this machine as text; "0.0.0.0" or "::" fixes the port alone. NULL,
/// with port 0, leaves both to the system again.
/// port: 0 leaves the port to the system.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the address does not parse,
/// CPPSERVER_STATUS_INVALID_STATE while connected or connecting. An address that the system refuses
/// is told by on_error of the connect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_bind(
    client: *mut cppserver_client,
    address: *const c_char,
    port: u16,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let client = unsafe { borrow(client) }?;
        // SAFETY: NULL or C text that outlives this call.
        client.bind(unsafe { argument::local_address(address, port) }?)
    })
}

/// Resolves the host, tries its addresses in turn and connects, in the background and within
/// CPPSERVER_OPTION_CONNECT_TIMEOUT. Any thread, also inside on_disconnected.
///
/// on_connected tells the success; a failure is on_error and on_disconnected. On a service that is
/// not started yet the client connects once it is.
///
/// handler: copied, not NULL.
/// user_data: owned by the client from here on, until it calls handler->destroy; that comes before
/// this function returns if it fails, unless handler is NULL or its size is not set.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE while connected or connecting, or
/// when the service is stopping; CPPSERVER_STATUS_TLS when the context of an encrypted client lacks
/// something.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_connect(
    client: *mut cppserver_client,
    handler: *const cppserver_session_handler,
    user_data: *mut c_void,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a handler with its size set, as the header asks.
        let callbacks = unsafe { SessionCallbacks::new(handler, user_data) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(client) }?.connect(callbacks)
    })
}

/// Ends the connection as cppserver_session_disconnect() does, waits, and connects again with the
/// same handler and user_data. Any thread, any callback.
///
/// Inside on_disconnected, where the connection has ended already, it connects again after the
/// delay: the way to keep a client connected. destroy does not come in between.
///
/// delay_milliseconds: the time between the end of the one connection and the next connect.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when there is no handler to connect
/// with, because the client was not connected or destroy was called; CPPSERVER_STATUS_INVALID_STATE
/// while connecting.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_reconnect(
    client: *mut cppserver_client,
    delay_milliseconds: u64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(client) }?.reconnect(Duration::from_millis(delay_milliseconds))
    })
}

/// The session of the client, for all that cppserver_session_... offers: send, disconnect,
/// counters, addresses. It is the same for all connections of the client.
///
/// The session is lent and lives as long as the client; retain it to keep it longer. Any thread.
/// NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_session(
    client: *mut cppserver_client,
) -> *mut cppserver_session {
    // Both handles are the pointer of the same Arc.
    client.cast()
}
