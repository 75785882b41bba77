//! `cppserver_sp_message_...`

use std::ffi::c_void;
use std::iter;
use std::mem;
use std::ptr;
use std::slice;
use std::sync::Arc;

use super::handle::{self, give_message, release_message};
use super::types::cppserver_sp_message;
use crate::error::{Error, Result};
use crate::ffi::{argument, guard};
use crate::nano::Message;

/// Creates a message.
///
/// data: copied. NULL makes a message of size zero bytes, to be filled in through
/// cppserver_sp_message_mutable_data().
///
/// Returns a message that the caller owns, or NULL with the reason in cppserver_last_error_... Any
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_message_create(
    data: *const c_void,
    size: usize,
) -> *mut cppserver_sp_message {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or so many bytes, which outlive this call.
        Ok(give_message(unsafe { new_message(data, size) }?))
    })
}

/// Creates another message with the same bytes and header. Large bytes are shared and not copied,
/// until one of both is changed. Also for a message that a callback lends.
///
/// Returns a message that the caller owns; NULL gives NULL. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_message_clone(
    message: *const cppserver_sp_message,
) -> *mut cppserver_sp_message {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live message that nobody changes, as the header asks.
        Ok(give_message(unsafe { handle::message(message) }?.clone()))
    })
}

/// Frees a message that the caller owns. NULL is allowed. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_message_release(message: *mut cppserver_sp_message) {
    guard::value((), || {
        // SAFETY: NULL or a message that the caller owns, as the header asks.
        unsafe { release_message(message) };
        Ok(())
    });
}

/// The bytes of a message, valid until it is changed, filled by a receive, or released. Not NULL,
/// also without bytes; NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_message_data(
    message: *const cppserver_sp_message,
) -> *const c_void {
    guard::value(ptr::null(), || {
        // SAFETY: NULL or a live message that nobody changes, as the header asks.
        Ok(unsafe { handle::message(message) }?.as_ptr().cast())
    })
}

/// The number of bytes of a message. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_message_size(message: *const cppserver_sp_message) -> usize {
    guard::value(0, || {
        // SAFETY: NULL or a live message that nobody changes, as the header asks.
        Ok(unsafe { handle::message(message) }?.len())
    })
}

/// The bytes of a message, to be changed; bytes that are shared with a clone, or that wait to be
/// sent, are copied first. Valid as for cppserver_sp_message_data(), and to be written to only until
/// the message is cloned or sent. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_message_mutable_data(
    message: *mut cppserver_sp_message,
) -> *mut c_void {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live message that nobody else uses, as the header asks.
        Ok(unsafe { handle::message_mut(message) }?.to_mut().as_mut_ptr().cast())
    })
}

/// Gives a message other bytes, as cppserver_sp_message_create() does, and no header.
///
/// Returns a cppserver_status. When it is not CPPSERVER_STATUS_OK, the message is left as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_message_assign(
    message: *mut cppserver_sp_message,
    data: *const c_void,
    size: usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or so many bytes, which outlive this call.
        let new = unsafe { new_message(data, size) }?;
        // SAFETY: NULL or a live message that nobody else uses, as the header asks.
        *unsafe { handle::message_mut(message) }? = new;
        Ok(())
    })
}

/// Exchanges what is in two messages, bytes and headers, without a copy: also that of a message
/// which a callback lends, to keep it or to answer it.
///
/// Returns a cppserver_status: not CPPSERVER_STATUS_OK only for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_message_swap(
    message: *mut cppserver_sp_message,
    other: *mut cppserver_sp_message,
) -> i32 {
    guard::status(|| {
        if ptr::eq(message, other) {
            // SAFETY: NULL or a live message that nobody else uses, as the header asks.
            return unsafe { handle::message_mut(message) }.map(|_| ());
        }
        // SAFETY: NULL or live messages that nobody else uses, as the header asks, and not the same.
        let (message, other) =
            unsafe { (handle::message_mut(message)?, handle::message_mut(other)?) };
        mem::swap(message, other);
        Ok(())
    })
}

/// The ids in front of a message, which only raw sockets show: where it came from, the hops that it
/// took, the question that it is or answers. A device passes them on as they are.
///
/// count: receives the number of ids; may be NULL.
///
/// Returns the ids, in the byte order of this machine and valid as long as the bytes of the message
/// are; not NULL, also without ids. NULL gives NULL and the number 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_message_header(
    message: *const cppserver_sp_message,
    count: *mut usize,
) -> *const u32 {
    guard::value(ptr::null(), || {
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store(count, 0) };
        // SAFETY: NULL or a live message that nobody changes, as the header asks.
        let words = unsafe { handle::message(message) }?.header();
        // SAFETY: as above.
        unsafe { argument::store(count, words.len()) };
        Ok(words.as_ptr())
    })
}

/// Changes the ids in front of a message, for raw sockets to send.
///
/// words: copied; NULL is allowed when count is 0.
///
/// Returns a cppserver_status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_message_set_header(
    message: *mut cppserver_sp_message,
    words: *const u32,
    count: usize,
) -> i32 {
    guard::status(|| {
        let words = match count {
            0 => &[],
            _ if words.is_null() || count > isize::MAX as usize / size_of::<u32>() => {
                return Err(Error::argument(format!("words is NULL, or {count} are too many")));
            }
            // SAFETY: not NULL and no larger than an object can be; so many words outlive this
            // call, as the header asks.
            _ => unsafe { slice::from_raw_parts(words, count) },
        };
        // SAFETY: NULL or a live message that nobody else uses, as the header asks.
        unsafe { handle::message_mut(message) }?.set_header(words);
        Ok(())
    })
}

/// A message with a copy of these bytes, or for NULL with as many zeros.
///
/// # Safety
///
/// `data` is NULL or points to `size` bytes.
unsafe fn new_message(data: *const c_void, size: usize) -> Result<Message> {
    if data.is_null() && size <= isize::MAX as usize {
        return Ok(Message::from(iter::repeat_n(0, size).collect::<Arc<[u8]>>()));
    }
    // SAFETY: the contract of this function.
    Ok(Message::from(unsafe { argument::bytes(data, size) }?))
}
