//! `cppserver_sp_device_...`

use std::ptr;
use std::sync::Arc;

use super::types::{cppserver_sp_device, cppserver_sp_socket};
use crate::ffi::guard;
use crate::ffi::handle::{give, release, retain, share};
use crate::nano::Device;

/// Joins two raw sockets of the two roles of a pattern, which then pass messages on, both ways and
/// without a thread of their own. Both may be the same one of a bus or a pair, which then sends back
/// what it receives. Any thread.
///
/// What one socket can't take yet waits, and then the peers of the other one wait. Messages that
/// have gone through more than CPPSERVER_SP_OPTION_MAX_HOPS devices are dropped. The device takes
/// the place of the handlers of its sockets, and keeps a reference to both. It ends with its last
/// reference, and passes nothing on after one of the sockets was closed.
///
/// Returns a device that the caller owns, or NULL with the reason in cppserver_last_error_...:
/// CPPSERVER_STATUS_INVALID_ARGUMENT when a socket is not raw or they do not belong together,
/// CPPSERVER_SP_FAILURE_CLOSED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_device_create(
    one: *mut cppserver_sp_socket,
    other: *mut cppserver_sp_socket,
) -> *mut cppserver_sp_device {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let one = unsafe { share(one) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        let other = unsafe { share(other) }?;
        Ok(give(Arc::new(Device::new(&one, &other)?)))
    })
}

/// Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_device_retain(
    device: *mut cppserver_sp_device,
) -> *mut cppserver_sp_device {
    guard::value(device, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { retain(device) })
    })
}

/// Takes a reference back. After the last one nothing is passed on any more; the sockets stay open
/// while there are references to them. Any thread, any callback. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_device_release(device: *mut cppserver_sp_device) {
    guard::value((), || {
        // SAFETY: NULL or a live handle of which the caller owns a reference, as the header asks.
        unsafe { release(device) };
        Ok(())
    });
}
