//! `cppserver_service_...`

use std::ffi::c_void;

use super::callbacks::{ServiceCallbacks, Task};
use super::guard;
use super::handle::{borrow, give, release, retain, share};
use super::handler::{cppserver_callback, cppserver_service_handler};
use super::types::cppserver_service;
use crate::net::Service;

/// Creates a service with so many I/O threads, at most 1024; 0 counts as 1. The threads begin with
/// cppserver_service_start().
///
/// With one thread all callbacks of the service come one at a time. With more, each session lives
/// on one of the threads for good.
///
/// Returns a service that the caller owns, or NULL with the reason in cppserver_last_error_...
#[unsafe(no_mangle)]
pub extern "C" fn cppserver_service_create(threads: u32) -> *mut cppserver_service {
    guard::value(std::ptr::null_mut(), || Ok(give(Service::with_threads(threads.max(1) as usize)?)))
}

/// Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_service_retain(
    service: *mut cppserver_service,
) -> *mut cppserver_service {
    guard::value(service, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { retain(service) })
    })
}

/// Takes a reference back. Any thread, any callback. NULL is allowed.
///
/// A service that runs goes on running without any handle; stop it first. The last handle of a
/// service that does not run takes with it what waits for a start: servers, clients, timers and
/// posted callbacks are destroyed without a call. Handles of servers, sessions, clients and timers
/// do not keep their service from that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_service_release(service: *mut cppserver_service) {
    guard::value((), || {
        // SAFETY: NULL or a live handle of which the caller owns a reference, as the header asks.
        unsafe { release(service) };
        Ok(())
    });
}

/// Starts the threads. What was started, connected or posted before runs then, and on_started
/// comes. Returns without waiting for that.
///
/// With polling the threads never sleep: they ask for work again and again and call on_idle each
/// time there is none. That costs a full core per thread and saves the time of a wakeup.
///
/// handler: copied; NULL for none, and then user_data has no destroy.
/// user_data: owned by the service from here on, until it calls handler->destroy; that comes before
/// this function returns if it fails.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when it is started already or still
/// stopping, CPPSERVER_STATUS_SYSTEM when the system gives no thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_service_start(
    service: *mut cppserver_service,
    polling: bool,
    handler: *const cppserver_service_handler,
    user_data: *mut c_void,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a handler with its size set, as the header asks.
        let callbacks = unsafe { ServiceCallbacks::new(handler, user_data) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        if polling { service.start_polling(callbacks) } else { service.start(callbacks) }
    })
}

/// Stops the service: its servers and clients end with all their callbacks, what was sent is
/// delivered within CPPSERVER_OPTION_CLOSE_TIMEOUT, timers are destroyed, then come on_stopped,
/// on_thread_cleanup and the handler's destroy.
///
/// On a thread of the program it blocks until all of that is done. On an I/O thread of any service,
/// so in every callback, it asks for the stop and returns at once.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the service is not started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_service_stop(service: *mut cppserver_service) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(service) }?.stop()
    })
}

/// Stops the service and starts it again with the same handler and polling mode.
///
/// Its servers and clients are stopped by that and stay so: start and connect them again, in
/// on_started for example. It blocks as cppserver_service_stop() does.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the service is not started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_service_restart(service: *mut cppserver_service) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(service) }?.restart()
    })
}

/// Whether the service runs: true from just before on_started until just before on_stopped. Any
/// thread. NULL gives false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_service_is_started(service: *const cppserver_service) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(service) }?.is_started())
    })
}

/// The number of I/O threads that the service was created with. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_service_threads(service: *const cppserver_service) -> u32 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        let threads = unsafe { borrow(service) }?.threads();
        Ok(u32::try_from(threads).unwrap_or(u32::MAX))
    })
}

/// Whether the calling thread is an I/O thread of this service. Any thread. NULL gives false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_service_is_loop_thread(
    service: *const cppserver_service,
) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(service) }?.is_loop_thread())
    })
}

/// Calls callback(user_data) on the first I/O thread of the service, soon and never inside this
/// function. Callbacks run in the order of the posts. Any thread.
///
/// A service that is not started keeps the callback until it is.
///
/// user_data: owned by the service from here on, until it calls destroy(user_data): once, after the
/// callback, or without it when the service ends first or this function fails. destroy may be NULL.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when service or callback is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_service_post(
    service: *mut cppserver_service,
    callback: cppserver_callback,
    user_data: *mut c_void,
    destroy: cppserver_callback,
) -> i32 {
    guard::status(|| {
        let task = Task::new(callback, user_data, destroy)?;
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(service) }?.post(move || task.run());
        Ok(())
    })
}

/// As cppserver_service_post(), but on an I/O thread of this service the callback is called at
/// once, on that thread and before this function returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_service_dispatch(
    service: *mut cppserver_service,
    callback: cppserver_callback,
    user_data: *mut c_void,
    destroy: cppserver_callback,
) -> i32 {
    guard::status(|| {
        let task = Task::new(callback, user_data, destroy)?;
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(service) }?.dispatch(move || task.run());
        Ok(())
    })
}
