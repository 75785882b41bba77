//! `cppserver_sp_context_...`

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use super::handle;
use super::timeout::Timeout;
use super::transfer::store_answer;
use super::types::{cppserver_sp_context, cppserver_sp_message, cppserver_sp_socket};
use crate::error::Result;
use crate::ffi::callbacks::Task;
use crate::ffi::handle::{give, release, retain, share};
use crate::ffi::handler::cppserver_callback;
use crate::ffi::{argument, guard};
use crate::nano::{Context, Message};

/// Creates an exchange of its own over a socket that asks or answers: a request and its reply, a
/// survey and its answers, or a question that is being answered. Any thread, any callback.
///
/// A socket has one exchange itself, and as many contexts as it likes. Each thread takes one; what
/// they ask goes over the same connections, and each gets its own answers. A context keeps its
/// socket open.
///
/// Returns a context that the caller owns, or NULL with the reason in cppserver_last_error_...:
/// CPPSERVER_SP_FAILURE_NOT_SUPPORTED for patterns without questions, and for raw sockets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_context_create(
    socket: *mut cppserver_sp_socket,
) -> *mut cppserver_sp_context {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(give(Arc::new(unsafe { share(socket) }?.context()?)))
    })
}

/// Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_context_retain(
    context: *mut cppserver_sp_context,
) -> *mut cppserver_sp_context {
    guard::value(context, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { retain(context) })
    })
}

/// Takes a reference back. The last one gives up what the context has asked. Any thread, any
/// callback. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_context_release(context: *mut cppserver_sp_context) {
    guard::value((), || {
        // SAFETY: NULL or a live handle of which the caller owns a reference, as the header asks.
        unsafe { release(context) };
        Ok(())
    });
}

/// Sends a question, which gives up the one before, or an answer. Never waits. Any thread, any
/// callback.
///
/// data: copied; NULL is allowed when size is 0.
///
/// Returns a cppserver_status, as cppserver_sp_socket_send() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_context_send(
    context: *mut cppserver_sp_context,
    data: *const c_void,
    size: usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        context.send(unsafe { argument::bytes(data, size) }?)
    })
}

/// Sends a message as cppserver_sp_context_send() does. Large bytes are shared and not copied; the
/// message stays the caller's.
///
/// Returns a cppserver_status, as cppserver_sp_socket_send() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_context_send_message(
    context: *mut cppserver_sp_context,
    message: *const cppserver_sp_message,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or a live message that nobody changes, as the header asks.
        context.send(unsafe { handle::message(message) }?)
    })
}

/// Receives an answer to the question of this context, or the next question. Any thread, any
/// callback.
///
/// message, timeout: as for cppserver_sp_socket_receive().
///
/// Returns a cppserver_status, as cppserver_sp_socket_receive() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_context_receive(
    context: *mut cppserver_sp_context,
    message: *mut cppserver_sp_message,
    timeout: i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or a live message that nobody else uses, as the header asks.
        let target = unsafe { handle::message_mut(message) }?;
        *target = receive(&context, timeout)?;
        Ok(())
    })
}

/// Receives an answer to the survey of this context, and tells its end apart from the timeout of the
/// call. Any thread, any callback.
///
/// message, timeout, finished: as for cppserver_sp_socket_receive_answer().
///
/// Returns a cppserver_status, as cppserver_sp_socket_receive_answer() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_context_receive_answer(
    context: *mut cppserver_sp_context,
    message: *mut cppserver_sp_message,
    timeout: i64,
    finished: *mut bool,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        let receive = || match timeout.into() {
            Timeout::Try => context.try_receive_answer(),
            Timeout::AsSet => context.receive_answer(),
            Timeout::UpTo(timeout) => context.receive_answer_timeout(timeout),
        };
        // SAFETY: NULL or a live message that nobody else uses, NULL or valid for a write, as the
        // header asks.
        unsafe { store_answer(message, finished, receive) }
    })
}

/// Calls callback(user_data) once when there is something to receive for this context; everything
/// else as for cppserver_sp_socket_when_receivable(). The last release of the context calls destroy
/// alone. Any thread, any callback.
///
/// Returns a cppserver_status, as that does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_context_when_receivable(
    context: *mut cppserver_sp_context,
    callback: cppserver_callback,
    user_data: *mut c_void,
    destroy: cppserver_callback,
) -> i32 {
    guard::status(|| {
        let task = Task::new(callback, user_data, destroy)?;
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(context) }?.when_receivable(move || task.run())
    })
}

/// Sends a request and receives its reply: cppserver_sp_context_send() and
/// cppserver_sp_context_receive() in one. Any thread.
///
/// Returns a cppserver_status, as those do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_context_request(
    context: *mut cppserver_sp_context,
    data: *const c_void,
    size: usize,
    message: *mut cppserver_sp_message,
    timeout: i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or a live message that nobody else uses, as the header asks.
        let target = unsafe { handle::message_mut(message) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        context.send(unsafe { argument::bytes(data, size) }?)?;
        *target = receive(&context, timeout)?;
        Ok(())
    })
}

fn receive(context: &Context, timeout: i64) -> Result<Message> {
    match timeout.into() {
        Timeout::Try => context.try_receive(),
        Timeout::AsSet => context.receive(),
        Timeout::UpTo(timeout) => context.receive_timeout(timeout),
    }
}
