//! `cppserver_sp_socket_listen`, `cppserver_sp_socket_dial`, `cppserver_sp_endpoint_...`

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use super::types::{cppserver_sp_endpoint, cppserver_sp_socket};
use crate::ffi::handle::{borrow, give, release, retain, share};
use crate::ffi::{argument, guard};

/// Listens on an address, any number of times. Any thread, any callback.
///
/// Names are looked up, and the address is bound, before this returns.
///
/// address: such as "tcp://127.0.0.1:5555", "ipc:///tmp/name", "inproc://name" for sockets of this
/// process, "ws://127.0.0.1:8080/path"; after cppserver_sp_socket_set_tls() also "tls+tcp://" and
/// "wss://". The host "*" stands for all addresses of the machine, the name of an interface
/// ("tcp://eth0:5555") for its first one, the port 0 for a free one, which
/// cppserver_sp_endpoint_port() tells.
///
/// Returns an endpoint that the caller owns, which may be released at once, or NULL with the reason
/// in cppserver_last_error_...: CPPSERVER_SP_FAILURE_ADDRESS and CPPSERVER_SP_FAILURE_TRANSPORT for
/// what can't be read, CPPSERVER_SP_FAILURE_ADDRESS_IN_USE or an error of the system when the
/// address is not free, CPPSERVER_SP_FAILURE_CLOSED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_listen(
    socket: *mut cppserver_sp_socket,
    address: *const c_char,
) -> *mut cppserver_sp_endpoint {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let socket = unsafe { share(socket) }?;
        // SAFETY: NULL or C text that outlives this call.
        let address = unsafe { argument::text(address, "address") }?;
        Ok(give(Arc::new(socket.listen(address)?)))
    })
}

/// Connects to an address in the background, again and again until the endpoint is closed, any
/// number of times. Nobody has to be there yet; with "inproc://" whoever listens is connected when
/// this returns. Any thread, any callback.
///
/// address: as for cppserver_sp_socket_listen(), with a host and a port; over TCP and
/// WebSocket an address or an interface of this machine to come from may stand in front,
/// "tcp://10.0.0.1;server:5555" or "tcp://eth0;server:5555".
///
/// Returns an endpoint that the caller owns, which may be released at once, or NULL with the reason
/// in cppserver_last_error_..., as cppserver_sp_socket_listen() does. Attempts that fail are
/// counted, and the first one is told to on_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_dial(
    socket: *mut cppserver_sp_socket,
    address: *const c_char,
) -> *mut cppserver_sp_endpoint {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let socket = unsafe { share(socket) }?;
        // SAFETY: NULL or C text that outlives this call.
        let address = unsafe { argument::text(address, "address") }?;
        Ok(give(Arc::new(socket.dial(address)?)))
    })
}

/// Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_endpoint_retain(
    endpoint: *mut cppserver_sp_endpoint,
) -> *mut cppserver_sp_endpoint {
    guard::value(endpoint, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { retain(endpoint) })
    })
}

/// Takes a reference back, and closes nothing. Any thread, any callback. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_endpoint_release(endpoint: *mut cppserver_sp_endpoint) {
    guard::value((), || {
        // SAFETY: NULL or a live handle of which the caller owns a reference, as the header asks.
        unsafe { release(endpoint) };
        Ok(())
    });
}

/// A number that no other endpoint of the socket has or had. Any thread. NULL gives 0, which is
/// none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_endpoint_id(endpoint: *const cppserver_sp_endpoint) -> u32 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(endpoint) }?.id())
    })
}

/// The port that a listener got, also when it asked for port 0; 0 for dialers and for transports
/// without ports. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_endpoint_port(endpoint: *const cppserver_sp_endpoint) -> u16 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(endpoint) }?.port().unwrap_or(0))
    })
}

/// Writes the address as it was given, with a NUL behind it, to buffer. Any thread.
///
/// length: receives the bytes of the address without the NUL, also when the room does not suffice;
/// may be NULL.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the room does not suffice. The
/// size 0 asks for the length alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_endpoint_address(
    endpoint: *const cppserver_sp_endpoint,
    buffer: *mut c_char,
    size: usize,
    length: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let endpoint = unsafe { borrow(endpoint) }?;
        // SAFETY: NULL or so much room, NULL or valid for a write, as the header asks.
        unsafe { argument::store_text(endpoint.address(), buffer, size, length) }
    })
}

/// Whether the endpoint was closed, by itself or with its socket. Any thread. NULL gives true.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_endpoint_is_closed(
    endpoint: *const cppserver_sp_endpoint,
) -> bool {
    guard::value(true, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(endpoint) }?.is_closed())
    })
}

/// Ends the endpoint and its connections. What was sent before is delivered within
/// CPPSERVER_SP_OPTION_LINGER; the socket, its other endpoints and its counters stay. A listener's
/// address is free again when this returns, except in callbacks, where it is soon. Any thread, any
/// callback.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when it is closed already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_endpoint_close(endpoint: *mut cppserver_sp_endpoint) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(endpoint) }?.close()
    })
}
