//! `cppserver_sp_socket_send...`, `cppserver_sp_socket_receive...`, `cppserver_sp_socket_when_...`

use std::ffi::c_void;

use super::handle;
use super::timeout::Timeout;
use super::types::{cppserver_sp_message, cppserver_sp_socket};
use crate::error::{Error, Result};
use crate::ffi::callbacks::Task;
use crate::ffi::handle::{borrow, share};
use crate::ffi::handler::cppserver_callback;
use crate::ffi::{argument, guard};
use crate::nano::{Message, Payload};

/// Sends bytes as a message. Any thread, any callback.
///
/// Pair and push sockets wait for a peer, and for room; all others never wait.
///
/// data: copied; NULL is allowed when size is 0.
/// timeout: milliseconds that the call may block; 0 for never; -1 for as long as
/// CPPSERVER_SP_OPTION_SEND_TIMEOUT says, which by default is for as long as it takes.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_TIMEOUT with the code
/// CPPSERVER_SP_FAILURE_TIMED_OUT, or CPPSERVER_SP_FAILURE_WOULD_BLOCK with the timeout 0 and on I/O
/// threads (after which on_writable tells when to go on); CPPSERVER_STATUS_INVALID_STATE for an
/// answer without a question; CPPSERVER_STATUS_UNSUPPORTED for sockets that only receive;
/// CPPSERVER_STATUS_NOT_CONNECTED when the socket is closed, also meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_send(
    socket: *mut cppserver_sp_socket,
    data: *const c_void,
    size: usize,
    timeout: i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or so many bytes, which outlive this call.
        let data = unsafe { argument::bytes(data, size) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { send(socket, data.into(), timeout) }
    })
}

/// Sends a message as cppserver_sp_socket_send() does. Large bytes are shared and not copied; the
/// message stays the caller's, and may be sent again, changed or released at once.
///
/// Returns a cppserver_status, as cppserver_sp_socket_send() does; CPPSERVER_STATUS_SP when the
/// header is not what a raw socket needs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_send_message(
    socket: *mut cppserver_sp_socket,
    message: *const cppserver_sp_message,
    timeout: i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live message that nobody changes, as the header asks.
        let message = unsafe { handle::message(message) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { send(socket, message.into(), timeout) }
    })
}

/// Receives a message. Any thread, any callback.
///
/// message: filled with what comes, without a copy of large bytes; what was in it is gone. The same
/// one may be used again and again. Not NULL.
/// timeout: milliseconds that the call may block; 0 for never; -1 for as long as
/// CPPSERVER_SP_OPTION_RECEIVE_TIMEOUT says, which by default is for as long as it takes.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_TIMEOUT with the code
/// CPPSERVER_SP_FAILURE_TIMED_OUT, also once at the end of a survey, or
/// CPPSERVER_SP_FAILURE_WOULD_BLOCK with the timeout 0 and on I/O threads;
/// CPPSERVER_STATUS_INVALID_STATE when nothing was asked; CPPSERVER_STATUS_UNSUPPORTED for sockets
/// that only send; CPPSERVER_STATUS_NOT_CONNECTED when the socket is closed, also meanwhile. When it
/// is not CPPSERVER_STATUS_OK, the message is left as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_receive(
    socket: *mut cppserver_sp_socket,
    message: *mut cppserver_sp_message,
    timeout: i64,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live message that nobody else uses, as the header asks.
        let target = unsafe { handle::message_mut(message) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        let lent = unsafe { borrow(socket) }?;
        *target = match timeout.into() {
            Timeout::Try => lent.try_receive(),
            // While it blocks, the handle may be released by others.
            Timeout::AsSet => (*lent).clone().receive(),
            Timeout::UpTo(timeout) => (*lent).clone().receive_timeout(timeout),
        }?;
        Ok(())
    })
}

/// Receives an answer to a survey as cppserver_sp_socket_receive() does, and tells the end of the
/// survey apart from the timeout of the call.
///
/// finished: receives true when the deadline of the survey has passed; the status is
/// CPPSERVER_STATUS_OK then too, and the message is left as it was. Else false. Not NULL.
///
/// Returns a cppserver_status, as cppserver_sp_socket_receive() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_receive_answer(
    socket: *mut cppserver_sp_socket,
    message: *mut cppserver_sp_message,
    timeout: i64,
    finished: *mut bool,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let socket = unsafe { share(socket) }?;
        let receive = || match timeout.into() {
            Timeout::Try => socket.try_receive_answer(),
            Timeout::AsSet => socket.receive_answer(),
            Timeout::UpTo(timeout) => socket.receive_answer_timeout(timeout),
        };
        // SAFETY: the contract of this function.
        unsafe { store_answer(message, finished, receive) }
    })
}

/// Calls callback(user_data) once, on an I/O thread of the socket's service, when there is something
/// to receive, the end of a survey and of the socket included; soon if that is so already. Any
/// thread, any callback.
///
/// Made for event loops that are not of this library: receive with the timeout 0, and after
/// CPPSERVER_SP_FAILURE_WOULD_BLOCK be called and do it again. Another thread may have been faster
/// then, and the call may come for nothing. There is one such call at a time; the next one takes its
/// place.
///
/// user_data: owned by the socket from here on, until it calls destroy(user_data): once, after the
/// callback, or without it when another one takes its place, the service ends first or this function
/// fails. destroy may be NULL.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when callback is NULL,
/// CPPSERVER_STATUS_SYSTEM when the I/O thread can't be started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_when_receivable(
    socket: *mut cppserver_sp_socket,
    callback: cppserver_callback,
    user_data: *mut c_void,
    destroy: cppserver_callback,
) -> i32 {
    guard::status(|| {
        let task = Task::new(callback, user_data, destroy)?;
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(socket) }?.when_receivable(move || task.run())
    })
}

/// Calls callback(user_data) once when a message can be sent without waiting, or the socket is
/// closed; everything else as for cppserver_sp_socket_when_receivable(). Any thread, any callback.
///
/// Returns a cppserver_status, as that does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_sp_socket_when_sendable(
    socket: *mut cppserver_sp_socket,
    callback: cppserver_callback,
    user_data: *mut c_void,
    destroy: cppserver_callback,
) -> i32 {
    guard::status(|| {
        let task = Task::new(callback, user_data, destroy)?;
        // SAFETY: NULL or a live handle, as the header asks.
        unsafe { share(socket) }?.when_sendable(move || task.run())
    })
}

/// # Safety
///
/// `socket` is NULL or a live handle.
unsafe fn send(socket: *mut cppserver_sp_socket, payload: Payload<'_>, timeout: i64) -> Result<()> {
    // SAFETY: the contract of this function.
    let lent = unsafe { borrow(socket) }?;
    match timeout.into() {
        Timeout::Try => lent.try_send(payload),
        // While it blocks, the handle may be released by others.
        Timeout::AsSet => (*lent).clone().send(payload),
        Timeout::UpTo(timeout) => (*lent).clone().send_timeout(payload, timeout),
    }
}

/// Stores an answer, or that there are no more.
///
/// # Safety
///
/// `message` is NULL or a live message that nobody else uses, `finished` is NULL or valid for a
/// write.
pub(super) unsafe fn store_answer(
    message: *mut cppserver_sp_message,
    finished: *mut bool,
    receive: impl FnOnce() -> Result<Option<Message>>,
) -> Result<()> {
    // SAFETY: the contract of this function.
    let target = unsafe { handle::message_mut(message) }?;
    if finished.is_null() {
        return Err(Error::argument("finished is NULL"));
    }
    // SAFETY: not NULL, and the rest is the contract.
    unsafe { finished.write(false) };
    match receive()? {
        Some(answer) => *target = answer,
        // SAFETY: as above.
        None => unsafe { finished.write(true) },
    }
    Ok(())
}
