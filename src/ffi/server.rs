//! `cppserver_server_...`

use std::ffi::{c_char, c_void};
use std::ptr;

use super::callbacks::ServerCallbacks;
use super::handle::{borrow, give, release, retain, share};
use super::handler::cppserver_server_handler;
use super::types::{cppserver_server, cppserver_service, cppserver_tls_context};
use super::{argument, guard};
use crate::error::Error;
use crate::net::Server;

/// Creates a TCP server for a local address and port. Nothing is bound before
/// cppserver_server_start().
///
/// address: an IP address as text, such as "127.0.0.1", "0.0.0.0" (all of IPv4) or "::" (all of
/// IPv6, and of IPv4 too unless CPPSERVER_OPTION_DUAL_STACK is 0), or the name of an interface's
/// address, such as "localhost", which is looked up by cppserver_server_start().
/// port: 0 lets the system choose one; cppserver_server_port() tells it after the start.
///
/// The service may be released before the server; cppserver_service_release() says what that means.
///
/// Returns a server that the caller owns, or NULL with the reason in cppserver_last_error_...
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_create_tcp(
    service: *mut cppserver_service,
    address: *const c_char,
    port: u16,
) -> *mut cppserver_server {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or C text that outlives this call.
        let address = unsafe { argument::text(address, "address") }?;
        Ok(give(Server::tcp(&service, address, port)?))
    })
}

/// Creates a server as cppserver_server_create_tcp() does, whose connections are encrypted with
/// TLS. The sessions call on_handshaked once the peer is authenticated; what is sent before waits
/// for that.
///
/// context: needs a certificate by the time of the start. The server keeps a reference of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_create_tls(
    service: *mut cppserver_service,
    context: *mut cppserver_tls_context,
    address: *const c_char,
    port: u16,
) -> *mut cppserver_server {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or C text that outlives this call.
        let address = unsafe { argument::text(address, "address") }?;
        Ok(give(Server::tls(&service, &context, address, port)?))
    })
}

/// Creates a server on a Unix domain socket, for clients on this machine. Nothing touches the file
/// system before cppserver_server_start(), which makes the file; the stop removes it. A file that a
/// process left behind when it was killed is taken over; one that a process listens on is an error
/// of the start.
///
/// Sessions are as those of TCP, but neither side has an address.
///
/// path: up to 107 bytes, 103 on macOS and the BSDs, in the encoding of the file system.
///
/// Returns a server that the caller owns, or NULL with the reason in cppserver_last_error_...:
/// CPPSERVER_STATUS_INVALID_ARGUMENT for a path that is empty or too long,
/// CPPSERVER_STATUS_UNSUPPORTED on Windows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_create_unix(
    service: *mut cppserver_service,
    path: *const c_char,
) -> *mut cppserver_server {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or C text that outlives this call.
        Ok(give(Server::unix(&service, unsafe { argument::path(path, "path") }?)?))
    })
}

/// Chooses the permissions of the file of a Unix domain socket, from the next start on. Who may
/// write to the file may connect. Without effect on other servers. Any thread.
///
/// mode: such as 0660; -1, the default, leaves what the umask of the process leaves.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for a mode that is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_set_mode(
    server: *mut cppserver_server,
    mode: i32,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let server = unsafe { borrow(server) }?;
        let mode = match mode {
            -1 => None,
            0..=0o7777 => Some(mode.unsigned_abs()),
            _ => {
                return Err(Error::argument(format!(
                    "the mode is -1 or the permissions of a file, such as 0660, not {mode}"
                )));
            }
        };
        server.set_mode(mode);
        Ok(())
    })
}

/// Writes the path of a server on a Unix domain socket, absolute and with a NUL behind it, to
/// buffer; "" for other servers. Any thread.
///
/// length: receives the bytes of the path without the NUL, also when the room does not suffice; may
/// be NULL.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the room does not suffice. The
/// size 0 asks for the length alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_path(
    server: *const cppserver_server,
    buffer: *mut c_char,
    size: usize,
    length: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let server = unsafe { borrow(server) }?;
        // SAFETY: NULL or so much room, NULL or valid for a write, as the header asks.
        unsafe { argument::store_path(server.path(), buffer, size, length) }
    })
}

/// Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_retain(
    server: *mut cppserver_server,
) -> *mut cppserver_server {
    guard::value(server, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { retain(server) })
    })
}

/// Takes a reference back. Any thread, any callback. NULL is allowed.
///
/// A server that is started goes on running without any handle, until its service is stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_release(server: *mut cppserver_server) {
    guard::value((), || {
        // SAFETY: NULL or a live handle of which the caller owns a reference, as the header asks.
        unsafe { release(server) };
        Ok(())
    });
}

/// Sets a cppserver_option. It counts from the next start on; the send limit, the send policy and
/// the receive limit count at once. Any thread.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown option or a value
/// out of its range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_set_option(
    server: *mut cppserver_server,
    option: i32,
    value: i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { borrow(server) }?.set_option(argument::option(option)?, value)
    })
}

/// Stores what a cppserver_option is set to in *value. Any thread.
///
/// Returns a cppserver_status. When it is not CPPSERVER_STATUS_OK, *value is left as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_get_option(
    server: *const cppserver_server,
    option: i32,
    value: *mut i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let server = unsafe { borrow(server) }?;
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe {
            argument::store_required(value, "value", || server.option(argument::option(option)?))
        }
    })
}

/// Binds the address, listens, and accepts connections from then on. Any thread.
///
/// The address is bound when this function returns, also on a service that is not started yet: a
/// port in use fails here. Connections are accepted, and on_started comes, once the service runs.
/// A server that is just being stopped binds after that; a failure is then told by on_error.
///
/// handler: copied, not NULL.
/// user_data: owned by the server from here on, until it calls handler->destroy; that comes before
/// this function returns if it fails, unless handler is NULL or its size is not set.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when it is started already or the
/// service is stopping, CPPSERVER_STATUS_SYSTEM with errno when the address cannot be bound,
/// CPPSERVER_STATUS_RESOLVER for an unknown name, CPPSERVER_STATUS_TLS when the context of an
/// encrypted server lacks something.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_start(
    server: *mut cppserver_server,
    handler: *const cppserver_server_handler,
    user_data: *mut c_void,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a handler with its size set, as the header asks.
        let callbacks = unsafe { ServerCallbacks::new(handler, user_data) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(server) }?.start(callbacks)
    })
}

/// Stops listening and ends all sessions as cppserver_session_disconnect() does: on_stopped, then
/// on_disconnected of each session with CPPSERVER_REASON_SERVER_STOPPED, then the handler's
/// destroy. Any thread, any callback; the callbacks may come after this function has returned.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the server is not started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_stop(server: *mut cppserver_server) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(server) }?.stop()
    })
}

/// Stops the server and starts it again with the same handler on the same port, also on one that
/// the system chose. When the port is gone, on_error tells it and the server stays stopped. Any
/// thread, any callback.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the server is not started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_restart(server: *mut cppserver_server) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(server) }?.restart()
    })
}

/// Whether the server listens: true from just before on_started until just before on_stopped. Any
/// thread. NULL gives false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_is_started(server: *const cppserver_server) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(server) }?.is_started())
    })
}

/// The port: the real one from a successful start until the stop, else the one that the server was
/// created with. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_port(server: *const cppserver_server) -> u16 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(server) }?.port())
    })
}

/// The listening socket (a file descriptor, a SOCKET on Windows), or -1 when the server is not
/// started or NULL. It stays the library's: do not close it. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_native_handle(server: *const cppserver_server) -> i64 {
    guard::value(-1, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(server) }?.native_handle().unwrap_or(-1))
    })
}

/// The number of sessions, each from its accept until after its last callback. Any thread. NULL
/// gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_current_sessions(server: *const cppserver_server) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(server) }?.current_sessions())
    })
}

/// The bytes that all sessions of the server have sent since its start. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_bytes_sent(server: *const cppserver_server) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(server) }?.bytes_sent())
    })
}

/// The bytes that all sessions of the server have received since its start. Any thread. NULL gives
/// 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_bytes_received(server: *const cppserver_server) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(server) }?.bytes_received())
    })
}

/// Sends the same bytes to all sessions that are connected. The bytes are copied once for all of
/// them. Any thread, any callback.
///
/// A session whose send limit is reached goes by its send policy; the others are not affected.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the server is not started,
/// CPPSERVER_STATUS_INVALID_ARGUMENT when data is NULL and size is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_multicast(
    server: *mut cppserver_server,
    data: *const c_void,
    size: usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let server = unsafe { share(server) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        server.multicast(unsafe { argument::bytes(data, size) }?)
    })
}

/// Ends all sessions as cppserver_session_disconnect() does; the server goes on accepting new ones.
/// Any thread, any callback.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the server is not started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_disconnect_all(server: *mut cppserver_server) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(server) }?.disconnect_all()
    })
}
