//! The handler struct of sockets.

use std::ffi::{c_char, c_void};

use super::types::{cppserver_sp_message, cppserver_sp_socket};

/// What a socket of a scalability protocol tells its owner. Each member may be NULL.
///
/// Set size to sizeof(cppserver_sp_handler) and every unused member to NULL. The struct is copied by
/// cppserver_sp_socket_set_handler(): it need not outlive that call.
///
/// The calls come from an I/O thread of the socket's service, one at a time; the thread may change
/// from call to call. Every function of this header may be called inside, but none blocks there:
/// sends and receives that would have to wait fail with CPPSERVER_SP_FAILURE_WOULD_BLOCK.
///
/// The socket is lent. A user_data that keeps a reference to its own socket keeps it open until
/// cppserver_sp_socket_close() or cppserver_sp_socket_clear_handler().
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct cppserver_sp_handler {
    /// sizeof(cppserver_sp_handler), as the program was compiled.
    pub size: usize,
    /// A message came; it is lent, and its bytes are valid until the callback returns. To keep it,
    /// use cppserver_sp_message_clone(), which copies no large bytes. It may be changed and sent. A
    /// reply or respondent socket answers here. If the member is NULL, messages are dropped.
    pub on_received: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            socket: *mut cppserver_sp_socket,
            message: *mut cppserver_sp_message,
        ),
    >,
    /// Sending is possible again after a send was refused because it would have had to wait: with
    /// the timeout 0, or on an I/O thread.
    pub on_writable: Option<
        unsafe extern "C-unwind" fn(user_data: *mut c_void, socket: *mut cppserver_sp_socket),
    >,
    /// The deadline of a survey has passed, and all its answers were received.
    pub on_finished: Option<
        unsafe extern "C-unwind" fn(user_data: *mut c_void, socket: *mut cppserver_sp_socket),
    >,
    /// A connection is there, or was there before the handler. endpoint is the
    /// cppserver_sp_endpoint_id() that it belongs to, address where that listens or what it has
    /// dialed, in UTF-8 and valid until the callback returns; dialed tells which of both.
    pub on_connected: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            socket: *mut cppserver_sp_socket,
            endpoint: u32,
            address: *const c_char,
            dialed: bool,
        ),
    >,
    /// A connection is gone, after what it brought was received; the arguments as for on_connected.
    pub on_disconnected: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            socket: *mut cppserver_sp_socket,
            endpoint: u32,
            address: *const c_char,
            dialed: bool,
        ),
    >,
    /// Something failed. The socket goes on, and dials again where it has dialed: of dials that fail
    /// again and again only the first failure is told, and the next one after a connection. The
    /// texts are UTF-8 and live until the callback returns.
    pub on_error: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            socket: *mut cppserver_sp_socket,
            code: i32,
            category: *const c_char,
            message: *const c_char,
        ),
    >,
    /// The very last call with this user_data, exactly once: free it here. It comes when the socket
    /// is closed, when the handler is taken away or another one is set, or from within
    /// cppserver_sp_socket_set_handler() when that fails; after the callback that runs.
    pub destroy: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}
