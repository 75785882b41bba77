//! `cppserver_udp_...`

use std::ffi::{c_char, c_void};
use std::ptr;

use super::address::{self, cppserver_address};
use super::callbacks::UdpCallbacks;
use super::handle::{borrow, give, release, retain, share};
use super::handler::cppserver_udp_handler;
use super::types::{cppserver_service, cppserver_udp};
use super::{argument, guard};
use crate::error::{Error, Result};
use crate::net::{Group, Udp};

/// Creates a UDP server for a local address and port. Nothing is bound before
/// cppserver_udp_start().
///
/// address: an IP address as text, such as "127.0.0.1", "0.0.0.0" (all of IPv4) or "::" (all of
/// IPv6, and of IPv4 too unless CPPSERVER_OPTION_DUAL_STACK is 0), or a name of this machine, which
/// is looked up by cppserver_udp_start().
/// port: 0 lets the system choose one; cppserver_udp_port() tells it after the start.
///
/// The service may be released before the endpoint; cppserver_service_release() says what that
/// means.
///
/// Returns an endpoint that the caller owns, or NULL with the reason in cppserver_last_error_...
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_create_server(
    service: *mut cppserver_service,
    address: *const c_char,
    port: u16,
) -> *mut cppserver_udp {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or C text that outlives this call.
        let address = unsafe { argument::text(address, "address") }?;
        Ok(give(Udp::server(&service, address, port)?))
    })
}

/// Creates a UDP client of the server on a host and port, to which cppserver_udp_send() sends. It
/// hears that server alone, unless CPPSERVER_OPTION_ANY_PEER is 1. Nothing touches the network
/// before cppserver_udp_start().
///
/// host: a name or a numeric IP address.
/// port: not 0.
///
/// Returns an endpoint that the caller owns, or NULL with the reason in cppserver_last_error_...
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_create_client(
    service: *mut cppserver_service,
    host: *const c_char,
    port: u16,
) -> *mut cppserver_udp {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or C text that outlives this call.
        let host = unsafe { argument::text(host, "host") }?;
        Ok(give(Udp::client(&service, host, port)?))
    })
}

/// Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_retain(udp: *mut cppserver_udp) -> *mut cppserver_udp {
    guard::value(udp, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { retain(udp) })
    })
}

/// Takes a reference back. Any thread, any callback. NULL is allowed.
///
/// An endpoint that is started goes on running without any handle, until its service is stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_release(udp: *mut cppserver_udp) {
    guard::value((), || {
        // SAFETY: NULL or a live handle of which the caller owns a reference, as the header asks.
        unsafe { release(udp) };
        Ok(())
    });
}

/// Sets a cppserver_option. Buffer sizes, broadcast, times to live, the multicast loop and the send
/// limit and policy count at once, the others from the next start on. Any thread.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown option, one of
/// streams, or a value out of its range, CPPSERVER_STATUS_SYSTEM when the open socket refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_set_option(
    udp: *mut cppserver_udp,
    option: i32,
    value: i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { borrow(udp) }?.set_option(argument::option(option)?, value)
    })
}

/// Stores what a cppserver_option is set to in *value. Any thread.
///
/// Returns a cppserver_status. When it is not CPPSERVER_STATUS_OK, *value is left as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_get_option(
    udp: *const cppserver_udp,
    option: i32,
    value: *mut i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let udp = unsafe { borrow(udp) }?;
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe {
            argument::store_required(value, "value", || udp.option(argument::option(option)?))
        }
    })
}

/// Chooses the interface on which multicasts leave, now and after the next starts. Any thread.
///
/// network_interface: its name, its index, or one of its IPv4 addresses; NULL or "" leaves the
/// choice to the system. IPv6 takes no address, Windows no name.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when there is no such interface,
/// CPPSERVER_STATUS_SYSTEM when the open socket refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_set_multicast_interface(
    udp: *mut cppserver_udp,
    network_interface: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let udp = unsafe { borrow(udp) }?;
        // SAFETY: NULL or C text that outlives this call.
        udp.set_multicast_interface(unsafe {
            text_or_nothing(network_interface, "network_interface")
        }?)
    })
}

/// Chooses where cppserver_udp_send() sends, at once: for a server that sends to a multicast group.
/// Any thread.
///
/// destination: NULL stands for the server of a client, and for nothing on a server.
///
/// Returns a cppserver_status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_set_destination(
    udp: *mut cppserver_udp,
    destination: *const cppserver_address,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let udp = unsafe { borrow(udp) }?;
        // SAFETY: NULL or valid for a read, as the header asks.
        udp.set_destination(unsafe { address::optional(destination) }?);
        Ok(())
    })
}

/// Fixes the local address and port of the next starts of a client. Any thread.
///
/// address: an IP address of this machine as text; "0.0.0.0" or "::" fixes the port alone. NULL,
/// with port 0, leaves both to the system again.
/// port: 0 leaves the port to the system.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the address does not parse,
/// CPPSERVER_STATUS_INVALID_STATE while started or on a server. An address that the system refuses
/// is told by on_error and on_stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_bind(
    udp: *mut cppserver_udp,
    address: *const c_char,
    port: u16,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let udp = unsafe { borrow(udp) }?;
        // SAFETY: NULL or C text that outlives this call.
        udp.bind(unsafe { argument::local_address(address, port) }?)
    })
}

/// Opens the socket, and receives and sends from then on. Any thread, also inside on_stopped.
///
/// A server is bound when this function returns, also on a service that is not started yet: a port
/// in use fails here. The host of a client is resolved in the background and within
/// CPPSERVER_OPTION_CONNECT_TIMEOUT; a failure is on_error and on_stopped. So is that of a server
/// which is just being stopped, since it is bound after that. on_started comes once the service
/// runs.
///
/// handler: copied, not NULL.
/// user_data: owned by the endpoint from here on, until it calls handler->destroy; that comes
/// before this function returns if it fails, unless handler is NULL or its size is not set.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when it is started already or the
/// service is stopping, CPPSERVER_STATUS_SYSTEM with errno when the address cannot be bound,
/// CPPSERVER_STATUS_RESOLVER for an unknown name of a server's own address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_start(
    udp: *mut cppserver_udp,
    handler: *const cppserver_udp_handler,
    user_data: *mut c_void,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a handler with its size set, as the header asks.
        let callbacks = unsafe { UdpCallbacks::new(handler, user_data) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(udp) }?.start(callbacks)
    })
}

/// Stops: on_received is not called any more, what was accepted is sent within
/// CPPSERVER_OPTION_CLOSE_TIMEOUT, then on_stopped and the handler's destroy are called. Any
/// thread, any callback; the callbacks may come after this function has returned.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the endpoint is not started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_stop(udp: *mut cppserver_udp) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(udp) }?.stop()
    })
}

/// Stops the endpoint and starts it again with the same handler and user_data, a server on the same
/// port, also on one that the system chose. Groups have to be joined anew. Any thread, any
/// callback.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the endpoint is not started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_restart(udp: *mut cppserver_udp) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(udp) }?.restart()
    })
}

/// Sends a datagram to the destination: the server of a client, or what
/// cppserver_udp_set_destination() chose. It is copied and queued. Any thread, any callback.
///
/// data: NULL is allowed when size is 0.
/// size: 0 to 65507; an empty datagram is one too.
/// pending: receives the bytes that wait to be sent, those of this datagram included; may be NULL.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when not started,
/// CPPSERVER_STATUS_INVALID_ARGUMENT for more than 65507 bytes or when there is no destination,
/// CPPSERVER_STATUS_LIMIT above the send limit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_send(
    udp: *mut cppserver_udp,
    data: *const c_void,
    size: usize,
    pending: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let udp = unsafe { borrow(udp) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        let count = udp.send(unsafe { argument::bytes(data, size) }?)?;
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store(pending, count) };
        Ok(())
    })
}

/// Sends a datagram to an address, as cppserver_udp_send() does.
///
/// to: not NULL.
///
/// Returns a cppserver_status: as cppserver_udp_send(), and CPPSERVER_STATUS_INVALID_ARGUMENT for
/// an address that the socket can't reach: of the other version of IP, without a port, or of
/// somebody else than the server of a client without CPPSERVER_OPTION_ANY_PEER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_send_to(
    udp: *mut cppserver_udp,
    to: *const cppserver_address,
    data: *const c_void,
    size: usize,
    pending: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let udp = unsafe { borrow(udp) }?;
        // SAFETY: NULL or valid for a read, as the header asks.
        let to = unsafe { address::required(to) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        let count = udp.send_to(to, unsafe { argument::bytes(data, size) }?)?;
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store(pending, count) };
        Ok(())
    })
}

/// Asks to receive the datagrams of a multicast group; on_joined or on_error tells how it went. It
/// ends with cppserver_udp_leave() or with the stop. Any thread, any callback.
///
/// group: a multicast address as text, such as "239.255.0.1" or "ff02::4242".
/// source: the only sender that is heard, as text (RFC 4607), or NULL for any.
/// network_interface: as for cppserver_udp_set_multicast_interface().
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what is no group, no source or
/// no interface, CPPSERVER_STATUS_NOT_CONNECTED when not started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_join(
    udp: *mut cppserver_udp,
    group: *const c_char,
    source: *const c_char,
    network_interface: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let udp = unsafe { borrow(udp) }?;
        // SAFETY: NULL or C texts that outlive this call.
        udp.join(&unsafe { parse_group(group, source, network_interface) }?)
    })
}

/// Asks to receive the datagrams of a multicast group no more; on_left or on_error tells how it
/// went. The group, the source and the interface have to be those that were joined. Any thread, any
/// callback.
///
/// Returns a cppserver_status: as cppserver_udp_join().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_leave(
    udp: *mut cppserver_udp,
    group: *const c_char,
    source: *const c_char,
    network_interface: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let udp = unsafe { borrow(udp) }?;
        // SAFETY: NULL or C texts that outlive this call.
        udp.leave(&unsafe { parse_group(group, source, network_interface) }?)
    })
}

/// Whether the socket is open: true from just before on_started until just before on_stopped. Any
/// thread. NULL gives false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_is_started(udp: *const cppserver_udp) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(udp) }?.is_started())
    })
}

/// The own port while there is one: of a server from a successful start on, of a client while it is
/// started. Else that which a server was created with, and 0 for a client. Any thread. NULL gives
/// 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_port(udp: *const cppserver_udp) -> u16 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(udp) }?.port())
    })
}

/// Stores the own address in *address, while started. Any thread.
///
/// With "0.0.0.0" or "::" the system chooses the real one for each datagram.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when not started; *address is left as
/// it was then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_local_address(
    udp: *const cppserver_udp,
    address: *mut cppserver_address,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let udp = unsafe { borrow(udp) }?;
        let local = || udp.local_address().map(Into::into).ok_or_else(Error::not_started);
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store_required(address, "address", local) }
    })
}

/// Stores where cppserver_udp_send() sends in *address. Any thread.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when there is no destination, as
/// before the start of a client; *address is left as it was then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_destination(
    udp: *const cppserver_udp,
    address: *mut cppserver_address,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let udp = unsafe { borrow(udp) }?;
        let to = || udp.destination().map(Into::into).ok_or_else(Error::not_started);
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store_required(address, "address", to) }
    })
}

/// The socket (a file descriptor, a SOCKET on Windows), or -1 when the endpoint is not started or
/// NULL. It stays the library's: do not close it. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_native_handle(udp: *const cppserver_udp) -> i64 {
    guard::value(-1, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(udp) }?.native_handle().unwrap_or(-1))
    })
}

/// The datagrams that went to the system since the start. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_datagrams_sent(udp: *const cppserver_udp) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(udp) }?.datagrams_sent())
    })
}

/// The datagrams received since the start. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_datagrams_received(udp: *const cppserver_udp) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(udp) }?.datagrams_received())
    })
}

/// The datagrams since the start that were to be sent and did not leave: refused or dropped for the
/// limit, or refused by the system. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_datagrams_dropped(udp: *const cppserver_udp) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(udp) }?.datagrams_dropped())
    })
}

/// The datagrams that the system received since the start and lost because its receive buffer was
/// full. Linux tells with the next datagram (SO_RXQ_OVFL), and counts those that came to it in one
/// piece (UDP_GRO) as one; other systems do not tell. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_datagrams_lost(udp: *const cppserver_udp) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(udp) }?.datagrams_lost())
    })
}

/// The bytes of the datagrams that were sent. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_bytes_sent(udp: *const cppserver_udp) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(udp) }?.bytes_sent())
    })
}

/// The bytes of the datagrams that were received, as far as they were delivered. Any thread. NULL
/// gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_bytes_received(udp: *const cppserver_udp) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(udp) }?.bytes_received())
    })
}

/// The bytes that wait to be sent. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_udp_bytes_pending(udp: *const cppserver_udp) -> usize {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(udp) }?.bytes_pending())
    })
}

/// # Safety
///
/// `text` is NULL or C text that outlives the result.
unsafe fn text_or_nothing<'a>(text: *const c_char, name: &str) -> Result<&'a str> {
    if text.is_null() {
        return Ok("");
    }
    // SAFETY: the contract of this function.
    unsafe { argument::text(text, name) }
}

/// # Safety
///
/// Each is NULL or C text.
unsafe fn parse_group(
    group: *const c_char,
    source: *const c_char,
    network_interface: *const c_char,
) -> Result<Group> {
    // SAFETY: the contract of this function, here and below.
    let group = unsafe { argument::text(group, "group") }?;
    // SAFETY: as above.
    let source = unsafe { text_or_nothing(source, "source") }?;
    // SAFETY: as above.
    let interface = unsafe { text_or_nothing(network_interface, "network_interface") }?;
    let group = Group::new(address::parse_ip(group, "group")?)?.on_interface(interface)?;
    match source {
        "" => Ok(group),
        source => group.from_source(address::parse_ip(source, "source")?),
    }
}
