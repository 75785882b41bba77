//! `cppserver_sp_socket_...` but for connections and messages.

use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr;

use super::callbacks::SocketCallbacks;
use super::handler::cppserver_sp_handler;
use super::types::{cppserver_sp_socket, cppserver_sp_statistics};
use crate::error::{Error, Result};
use crate::ffi::handle::{borrow, give, release, retain, share};
use crate::ffi::types::{cppserver_service, cppserver_tls_context};
use crate::ffi::{argument, guard};
use crate::nano::{self, Protocol, Socket, SpOption};

/// Creates a socket of a scalability protocol, whose connections run on an I/O thread that all such
/// sockets of the process share. Any thread.
///
/// protocol: a cppserver_sp_protocol.
/// raw: false for a socket that plays its role. true for one that keeps no state: messages have
/// headers that tell where they came from and where they go, see cppserver_sp_message_header(); made
/// to be joined by a cppserver_sp_device.
///
/// Returns a socket that the caller owns, or NULL with the reason in cppserver_last_error_...:
/// CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown protocol, CPPSERVER_SP_FAILURE_TERMINATED after
/// cppserver_sp_terminate().
#[unsafe(no_mangle)]
pub extern "C" fn cppserver_sp_socket_create(protocol: i32, raw: bool) -> *mut cppserver_sp_socket {
    guard::value(ptr::null_mut(), || {
        let protocol = parse_protocol(protocol)?;
        Ok(give(if raw { Socket::raw(protocol)? } else { Socket::new(protocol)? }))
    })
}

/// Creates a socket as cppserver_sp_socket_create() does, whose connections and callbacks run on
/// this service. The program starts it, before or after, and stops it, which ends them.
///
/// The service may be released before the socket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_create_on(
    service: *mut cppserver_service,
    protocol: i32,
    raw: bool,
) -> *mut cppserver_sp_socket {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        let protocol = parse_protocol(protocol)?;
        Ok(give(match raw {
            true => Socket::raw_with_service(&service, protocol)?,
            false => Socket::with_service(&service, protocol)?,
        }))
    })
}

/// Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_retain(
    socket: *mut cppserver_sp_socket,
) -> *mut cppserver_sp_socket {
    guard::value(socket, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { retain(socket) })
    })
}

/// Takes a reference back. Any thread, any callback. NULL is allowed.
///
/// The last one closes the socket as cppserver_sp_socket_close() does, without waiting: what was
/// sent before is delivered in the background. The end of the last socket on the shared I/O thread
/// waits for that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_release(socket: *mut cppserver_sp_socket) {
    guard::value((), || {
        // SAFETY: NULL or a live handle of which the caller owns a reference, as the header asks.
        unsafe { release(socket) };
        Ok(())
    });
}

/// A number that no other socket of this process has or had. Any thread. NULL gives 0, which is
/// none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_id(socket: *const cppserver_sp_socket) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(socket) }?.id())
    })
}

/// The cppserver_sp_protocol that the socket was created with. Any thread. NULL gives 0, which is
/// none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_protocol(socket: *const cppserver_sp_socket) -> i32 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(socket) }?.protocol().number().into())
    })
}

/// Whether the socket was created raw. Any thread. NULL gives false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_is_raw(socket: *const cppserver_sp_socket) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(socket) }?.is_raw())
    })
}

/// Sets a cppserver_sp_option. Options about connections count for those that are made later, the
/// others at once. Any thread, any callback.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown option or a value
/// out of its range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_set_option(
    socket: *mut cppserver_sp_socket,
    option: i32,
    value: i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { borrow(socket) }?.set_option(SpOption::try_from(option)?, value)
    })
}

/// Stores what a cppserver_sp_option is set to in *value. Any thread, any callback.
///
/// Returns a cppserver_status. When it is not CPPSERVER_STATUS_OK, *value is left as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_get_option(
    socket: *const cppserver_sp_socket,
    option: i32,
    value: *mut i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let socket = unsafe { borrow(socket) }?;
        let get = || Ok(socket.option(SpOption::try_from(option)?));
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store_required(value, "value", get) }
    })
}

/// Gives the certificates for the addresses "tls+tcp://" and "wss://" that are listened on and
/// dialed from now on. Any thread, any callback.
///
/// context: the socket keeps a reference of its own.
///
/// Returns a cppserver_status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_set_tls(
    socket: *mut cppserver_sp_socket,
    context: *mut cppserver_tls_context,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let socket = unsafe { share(socket) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        socket.set_tls(&*unsafe { borrow(context) }?);
        Ok(())
    })
}

/// Lets callbacks do the receiving, from now on. What waits already is received by them too. Takes
/// the place of a handler that was set before. Any thread, any callback.
///
/// handler: copied, not NULL.
/// user_data: owned by the socket from here on, until it calls handler->destroy; that comes before
/// this function returns if it fails, unless handler is NULL or its size is not set.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when the socket is closed,
/// CPPSERVER_STATUS_SYSTEM when the I/O thread can't be started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_set_handler(
    socket: *mut cppserver_sp_socket,
    handler: *const cppserver_sp_handler,
    user_data: *mut c_void,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a handler with its size set, as the header asks.
        let callbacks = unsafe { SocketCallbacks::new(handler, user_data) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(socket) }?.set_handler(callbacks)
    })
}

/// Takes the handler away, and calls its destroy. Its callbacks are over when this returns, also
/// destroy, except when it is called by a callback, of whatever socket. Any thread, any callback.
///
/// Returns a cppserver_status: not CPPSERVER_STATUS_OK only for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_clear_handler(
    socket: *mut cppserver_sp_socket,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(socket) }?.clear_handler();
        Ok(())
    })
}

/// Lets messages wait: no on_received follows, in a callback at once and else after the one that
/// runs. When CPPSERVER_SP_OPTION_RECEIVE_BUFFER is full, the peers have to wait. Any thread, any
/// callback.
///
/// Returns a cppserver_status: not CPPSERVER_STATUS_OK only for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_pause_receiving(
    socket: *mut cppserver_sp_socket,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(socket) }?.pause_receiving();
        Ok(())
    })
}

/// Goes on after cppserver_sp_socket_pause_receiving(). Any thread, any callback.
///
/// Returns a cppserver_status: not CPPSERVER_STATUS_OK only for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_resume_receiving(
    socket: *mut cppserver_sp_socket,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(socket) }?.resume_receiving();
        Ok(())
    })
}

/// Whether calls may block, which at first they may. With false, those that would have to wait fail
/// with CPPSERVER_SP_FAILURE_WOULD_BLOCK instead, and so do those that are blocked right now, also
/// in contexts: a program gets its threads back, and the socket goes on. Any thread, any callback.
///
/// Returns a cppserver_status: not CPPSERVER_STATUS_OK only for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_set_blocking(
    socket: *mut cppserver_sp_socket,
    blocking: bool,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(socket) }?.set_blocking(blocking);
        Ok(())
    })
}

/// Subscribes to what begins with a topic, from now on; to everything with an empty one. A topic
/// that is subscribed to twice has to be unsubscribed from twice. Any thread, any callback.
///
/// topic: copied; NULL is allowed when size is 0.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_UNSUPPORTED for sockets that are no subscribers,
/// CPPSERVER_STATUS_NOT_CONNECTED when the socket is closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_subscribe(
    socket: *mut cppserver_sp_socket,
    topic: *const c_void,
    size: usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let socket = unsafe { share(socket) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        socket.subscribe(unsafe { argument::bytes(topic, size) }?)
    })
}

/// Takes a subscription back. What was received and is not wanted by another one is dropped. Any
/// thread, any callback.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when there is none, else as
/// cppserver_sp_socket_subscribe() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_unsubscribe(
    socket: *mut cppserver_sp_socket,
    topic: *const c_void,
    size: usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let socket = unsafe { share(socket) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        socket.unsubscribe(unsafe { argument::bytes(topic, size) }?)
    })
}

/// Stores the counters of a socket in *statistics, whose size is set to
/// sizeof(cppserver_sp_statistics): as many members as that has, all of the same moment. Any thread,
/// any callback, also after the close.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the size is not set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_statistics(
    socket: *const cppserver_sp_socket,
    statistics: *mut cppserver_sp_statistics,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let counted = unsafe { borrow(socket) }?.statistics();
        // SAFETY: NULL or a struct with its size set, as the header asks.
        unsafe { store_statistics(counted.into(), statistics) }
    })
}

/// Closes the socket: endpoints and connections end, calls that are blocked in it fail with
/// CPPSERVER_SP_FAILURE_CLOSED, and the handler's destroy is called, after this function when a
/// callback runs meanwhile. Any thread, any callback.
///
/// Returns when what was sent before is delivered, or CPPSERVER_SP_OPTION_LINGER is over, and what
/// was not is counted; in callbacks it returns at once.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when it is closed already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_close(socket: *mut cppserver_sp_socket) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(socket) }?.close()
    })
}

/// Whether the socket was closed, by itself or by cppserver_sp_terminate(). Any thread. NULL gives
/// true.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_is_closed(socket: *const cppserver_sp_socket) -> bool {
    guard::value(true, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(socket) }?.is_closed())
    })
}

/// Closes all sockets of scalability protocols of this process for good, without waiting: blocked
/// and later calls fail with CPPSERVER_SP_FAILURE_TERMINATED, and so does
/// cppserver_sp_socket_create(). For the end of a program that can't reach all of its sockets. Any
/// thread, any callback.
#[unsafe(no_mangle)]
pub extern "C" fn cppserver_sp_terminate() {
    guard::value((), || {
        nano::terminate();
        Ok(())
    });
}

fn parse_protocol(number: i32) -> Result<Protocol> {
    match u16::try_from(number) {
        Ok(number) => Protocol::try_from(number),
        Err(_) => Err(Error::argument(format!("{number} is the number of no protocol"))),
    }
}

/// Stores as many counters as the program knows; its size member stays as it is.
///
/// # Safety
///
/// `target` is NULL, or its `size` member is set and so many bytes of it are valid for writes.
unsafe fn store_statistics(
    counted: cppserver_sp_statistics,
    target: *mut cppserver_sp_statistics,
) -> Result<()> {
    if target.is_null() {
        return Err(Error::argument("statistics is NULL"));
    }
    // SAFETY: not NULL; the size is set by the contract.
    let size = unsafe { (&raw const (*target).size).read() };
    let first = offset_of!(cppserver_sp_statistics, established_connections);
    if size < first {
        return Err(Error::argument(format!(
            "the size member of the statistics is {size}: set it to sizeof of the struct"
        )));
    }
    let counters = (size.min(size_of::<cppserver_sp_statistics>()) - first) / size_of::<u64>();
    // SAFETY: both ranges begin with the first counter, and end within `counted` and within what
    // the program says it has; `counted` is a local variable, so they do not overlap.
    unsafe {
        ptr::copy_nonoverlapping(
            (&raw const counted).byte_add(first).cast::<u64>(),
            target.byte_add(first).cast::<u64>(),
            counters,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nano::Statistics;

    #[test]
    fn an_older_program_gets_the_counters_that_it_knows() {
        let counted = Statistics {
            established_connections: 1,
            accepted_connections: 2,
            messages_undelivered: 14,
            ..Statistics::default()
        };
        let first = offset_of!(cppserver_sp_statistics, established_connections);
        for (size, expected) in [
            (first, [99, 99, 99]),
            (first + 7, [99, 99, 99]),
            (first + 8, [1, 99, 99]),
            (first + 16, [1, 2, 99]),
            (size_of::<cppserver_sp_statistics>(), [1, 2, 14]),
            (size_of::<cppserver_sp_statistics>() + 80, [1, 2, 14]),
        ] {
            let mut target = cppserver_sp_statistics {
                size,
                established_connections: 99,
                accepted_connections: 99,
                messages_undelivered: 99,
                ..Statistics::default().into()
            };
            // SAFETY: the target is a whole struct, and no more than that is written.
            unsafe { store_statistics(counted.into(), &mut target) }.unwrap();
            let found = [
                target.established_connections,
                target.accepted_connections,
                target.messages_undelivered,
            ];
            assert_eq!((found, target.size), (expected, size));
        }
    }

    #[test]
    fn a_size_that_was_not_set_is_refused() {
        let mut target = Statistics::default().into();
        let cppserver_sp_statistics { size, .. } = &mut target;
        *size = 0;
        // SAFETY: the target is a whole struct.
        let result = unsafe { store_statistics(Statistics::default().into(), &mut target) };
        assert!(result.unwrap_err().message().contains("sizeof"));
    }
}
