//! `cppserver_timer_...`

use std::ffi::c_void;
use std::ptr;
use std::time::Duration;

use super::callbacks::Task;
use super::guard;
use super::handle::{give, release, retain, share};
use super::handler::cppserver_callback;
use super::types::{cppserver_service, cppserver_timer};

/// Calls callback(user_data) on the first I/O thread of the service after a delay, and then, if the
/// interval is not 0, again and again with that interval. Both are milliseconds. Times that the
/// thread was too busy for are left out. Any thread.
///
/// The timer does not need its handle: released, it goes on. It ends when it has fired (interval
/// 0), when it is cancelled, or with the stop of the service.
///
/// user_data: owned by the timer from here on, until it calls destroy(user_data): once, after the
/// last callback, and also when this function fails. destroy may be NULL.
///
/// Returns a timer that the caller owns, or NULL with the reason in cppserver_last_error_...
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_timer_create(
    service: *mut cppserver_service,
    delay_milliseconds: u64,
    interval_milliseconds: u64,
    callback: cppserver_callback,
    user_data: *mut c_void,
    destroy: cppserver_callback,
) -> *mut cppserver_timer {
    guard::value(ptr::null_mut(), || {
        let task = Task::new(callback, user_data, destroy)?;
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        let delay = Duration::from_millis(delay_milliseconds);
        let interval = Duration::from_millis(interval_milliseconds);
        Ok(give(if interval.is_zero() {
            service.timer(delay, move || task.run())
        } else {
            service.timer_repeating(delay, interval, move || task.run())
        }))
    })
}

/// Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_timer_retain(
    timer: *mut cppserver_timer,
) -> *mut cppserver_timer {
    guard::value(timer, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { retain(timer) })
    })
}

/// Ends the timer: its callback is not called any more. Any thread, also inside its own callback.
/// Called from another thread than the timer's, a callback that has begun may still be running.
///
/// Returns true if it was still to fire, false if it has fired or was cancelled before, or for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_timer_cancel(timer: *mut cppserver_timer) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { share(timer) }?.cancel())
    })
}

/// Takes a reference back. This does not cancel the timer. Any thread. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_timer_release(timer: *mut cppserver_timer) {
    guard::value((), || {
        // SAFETY: NULL or a live handle of which the caller owns a reference, as the header asks.
        unsafe { release(timer) };
        Ok(())
    });
}
