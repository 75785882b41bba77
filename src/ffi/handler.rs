//! The callback types and handler structs of the header.
//!
//! Callbacks are `extern "C-unwind"`: it is the same call, but a foreign exception that leaves one
//! ends the process with a message instead of being undefined behaviour, and a Rust panic becomes
//! an error with the status "handler".

use std::ffi::{c_char, c_void};

use super::address::cppserver_address;
use super::types::{cppserver_http_request, cppserver_http_response, cppserver_session};

/// A function that is called with the pointer that was given together with it.
pub type cppserver_callback = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;

/// Writes the password of an encrypted key to buffer, which has room for size bytes, and returns
/// how many bytes it wrote, without a NUL; a negative number for no password.
pub type cppserver_tls_password_callback = Option<
    unsafe extern "C-unwind" fn(user_data: *mut c_void, buffer: *mut c_char, size: usize) -> isize,
>;

/// Has the last word on the certificate of a peer, of so many bytes in DER, which are valid during
/// the call. error is NULL when the certificate passed what was asked for, else a sentence that
/// says why not. Returns whether to go on; accepting what failed is as dangerous as not verifying.
pub type cppserver_tls_verify_callback = Option<
    unsafe extern "C-unwind" fn(
        user_data: *mut c_void,
        certificate: *const c_void,
        size: usize,
        error: *const c_char,
    ) -> bool,
>;

/// Chooses sessions; it is called with the pointer that was given together with it.
pub type cppserver_session_filter = Option<
    unsafe extern "C-unwind" fn(user_data: *mut c_void, session: *mut cppserver_session) -> bool,
>;

/// What a service tells its owner. Each member may be NULL.
///
/// Set size to sizeof(cppserver_service_handler) and every unused member to NULL. The struct is
/// copied by cppserver_service_start(): it need not outlive that call.
///
/// The calls come from the service's own threads. With more than one thread on_thread_initialize,
/// on_thread_cleanup, on_idle and on_error may run at the same time on several of them.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct cppserver_service_handler {
    /// sizeof(cppserver_service_handler), as the program was compiled.
    pub size: usize,
    /// The first call on each thread of the service, before anything else happens there.
    pub on_thread_initialize: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// The last call on each thread of the service.
    pub on_thread_cleanup: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// The service runs, and what was posted before the start is done; once per start.
    pub on_started: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// The service has ended all its servers, clients and sessions; once per start.
    pub on_stopped: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// There was nothing to do. Called again and again, and only while polling. If it is NULL, the
    /// thread yields to others instead.
    pub on_idle: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// Something failed that belongs to no server and no session, such as a posted callback.
    /// The texts are UTF-8 and live until the callback returns.
    pub on_error: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            code: i32,
            category: *const c_char,
            message: *const c_char,
        ),
    >,
    /// The very last call with this user_data, exactly once: free it here. It comes at the end of
    /// the stop, or from within cppserver_service_start() when that fails. A restart keeps the
    /// handler and does not call it.
    pub destroy: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

/// What a connection tells its owner, on the server's side and on the client's. Each member may be
/// NULL.
///
/// A client's handler is given to cppserver_client_connect(); a session's is filled in by
/// on_session of cppserver_server_handler. Set size to sizeof(cppserver_session_handler) and every
/// unused member to NULL; the struct is copied.
///
/// All calls of one connection come from one thread of the service, one at a time, in this order:
/// on_connected, on_handshaked (where there is a handshake), on_received, on_sent, on_empty and
/// on_error as things happen, on_disconnected, destroy. A connect that fails is on_error,
/// on_disconnected, destroy, without on_connected. Every function of this header may be called
/// inside.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct cppserver_session_handler {
    /// sizeof(cppserver_session_handler), as the program was compiled.
    pub size: usize,
    /// The connection is open and takes sends. Once per connection.
    pub on_connected: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// The handshake of an encrypted or WebSocket session is done. Plain TCP never calls it.
    pub on_handshaked: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// The connection is over; reason is a cppserver_reason. Once per connection and per failed
    /// connect. A client may call cppserver_client_reconnect() or cppserver_client_connect() here.
    pub on_disconnected: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, reason: i32)>,
    /// Data came in, on WebSocket sessions a whole message; kind is a cppserver_kind. The data is
    /// valid until the callback returns.
    ///
    /// Returns how many bytes were handled; more than size counts as size. Messages always count as
    /// handled. Of a byte stream the
    /// rest is kept and comes again, in front of the next bytes; more than
    /// CPPSERVER_OPTION_RECEIVE_LIMIT of it ends the session with CPPSERVER_REASON_LIMIT. A member
    /// that is NULL counts as all handled.
    pub on_received: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            kind: i32,
            data: *const c_void,
            size: usize,
        ) -> usize,
    >,
    /// The system took sent bytes over; pending bytes of this session still wait.
    pub on_sent:
        Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, sent: usize, pending: usize)>,
    /// Nothing waits to be sent any more: the moment to go on after CPPSERVER_STATUS_LIMIT.
    pub on_empty: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// Something failed. If that ended the connection, on_disconnected follows. A peer that closes
    /// in good order is no error. The texts are UTF-8 and live until the callback returns.
    pub on_error: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            code: i32,
            category: *const c_char,
            message: *const c_char,
        ),
    >,
    /// The very last call with this user_data, exactly once: free it here. For a session it comes
    /// after the server's on_disconnected, or at once when the system fails an accepted connection.
    /// For a client it comes after on_disconnected, unless a
    /// reconnect was asked for by then, or from within cppserver_client_connect() when that fails.
    pub destroy: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// A client asks a WebSocket server for a session, between on_connected and on_handshaked. The
    /// response is to open it, unless this changes its status; it may choose a subprotocol and add
    /// header fields. Not called for requests that break RFC 6455, which the library refuses. Both
    /// pointers are valid until the callback returns.
    pub on_handshake: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            request: *const cppserver_http_request,
            response: *mut cppserver_http_response,
        ),
    >,
    /// A client asks a WebSocket server for something else by GET or HEAD, such as a page. The
    /// response is 426 (Upgrade Required), unless this changes it; after it the session ends. Both
    /// pointers are valid until the callback returns.
    pub on_request: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            request: *const cppserver_http_request,
            response: *mut cppserver_http_response,
        ),
    >,
}

/// What a server tells its owner. Each member may be NULL.
///
/// Set size to sizeof(cppserver_server_handler) and every unused member to NULL. The struct is
/// copied by cppserver_server_start(): it need not outlive that call.
///
/// The calls come from the service's threads. With more than one thread in the service, calls about
/// different sessions may run at the same time; all calls about one session come from its thread.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct cppserver_server_handler {
    /// sizeof(cppserver_server_handler), as the program was compiled.
    pub size: usize,
    /// The server accepts connections.
    pub on_started: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// The server accepts no more connections. The on_disconnected calls of its open sessions
    /// follow, with CPPSERVER_REASON_SERVER_STOPPED or CPPSERVER_REASON_SERVICE_STOPPED.
    pub on_stopped: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// A connection was accepted. Fill in *handler and *session_user_data, and return true. Both
    /// are zero before the call, but for handler->size, which is already right; the library owns
    /// session_user_data from here on, until it calls handler->destroy.
    ///
    /// Return false to refuse the connection: it is closed, none of its callbacks is called, and
    /// what was filled in is not used, so free it yourself.
    ///
    /// The session is lent: retain it to keep it longer than this call, and release it at the
    /// latest in handler->destroy. It is not connected before on_connected. A server whose
    /// on_session is NULL accepts connections and drops what they send.
    pub on_session: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            session: *mut cppserver_session,
            handler: *mut cppserver_session_handler,
            session_user_data: *mut *mut c_void,
        ) -> bool,
    >,
    /// A session is connected; follows the session's own on_connected. The session is lent.
    pub on_connected: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            session: *mut cppserver_session,
            session_user_data: *mut c_void,
        ),
    >,
    /// A session is over; comes between the session's own on_disconnected and its destroy. The
    /// reason is a cppserver_reason. The session is lent.
    pub on_disconnected: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            session: *mut cppserver_session,
            session_user_data: *mut c_void,
            reason: i32,
        ),
    >,
    /// Accepting failed, for example for want of file descriptors; the server tries again. The
    /// texts are UTF-8 and live until the callback returns.
    pub on_error: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            code: i32,
            category: *const c_char,
            message: *const c_char,
        ),
    >,
    /// The very last call with this user_data, exactly once: free it here. It comes when the server
    /// was stopped and its last session is over, or from within cppserver_server_start() when that
    /// fails. A restart keeps the handler and does not call it.
    pub destroy: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

/// What an endpoint for datagrams tells its owner. Each member may be NULL.
///
/// Set size to sizeof(cppserver_udp_handler) and every unused member to NULL. The struct is copied
/// by cppserver_udp_start(): it need not outlive that call.
///
/// All calls of one endpoint come from one thread of the service, one at a time: on_started, the
/// others as things happen, on_stopped, destroy. A start that fails in the background is on_error,
/// on_stopped, destroy, without on_started. Every function of this header may be called inside.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct cppserver_udp_handler {
    /// sizeof(cppserver_udp_handler), as the program was compiled.
    pub size: usize,
    /// The socket is open and takes sends. Once per start.
    pub on_started: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// The socket is closed; reason is a cppserver_reason: LOCAL after cppserver_udp_stop() and
    /// cppserver_udp_restart(), SERVICE_STOPPED, LIMIT with the send policy "disconnect", ERROR
    /// when the socket could not be opened. Once per start. cppserver_udp_start() may be called
    /// here.
    pub on_stopped: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, reason: i32)>,
    /// A datagram came in; empty ones come too. truncated tells that it was longer than
    /// CPPSERVER_OPTION_DATAGRAM_LIMIT. The address and the data are valid until the callback
    /// returns.
    pub on_received: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            from: *const cppserver_address,
            data: *const c_void,
            size: usize,
            truncated: bool,
        ),
    >,
    /// The system took a datagram of sent bytes over; pending bytes of others still wait. The
    /// address is valid until the callback returns.
    pub on_sent: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            to: *const cppserver_address,
            sent: usize,
            pending: usize,
        ),
    >,
    /// Nothing waits to be sent any more: the moment to go on after CPPSERVER_STATUS_LIMIT.
    pub on_empty: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// Datagrams to a group are received from now on. The texts are the addresses of the group and
    /// of its only source, or NULL for any source; they live until the callback returns.
    pub on_joined: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            group: *const c_char,
            source: *const c_char,
        ),
    >,
    /// Datagrams to a group are received no more; the texts as for on_joined.
    pub on_left: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            group: *const c_char,
            source: *const c_char,
        ),
    >,
    /// Something failed: a datagram could not be sent, or its receiver's machine has answered that
    /// nobody takes it (ICMP), or a group was not joined or left. The endpoint goes on. The texts
    /// are UTF-8 and live until the callback returns.
    pub on_error: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            code: i32,
            category: *const c_char,
            message: *const c_char,
        ),
    >,
    /// The very last call with this user_data, exactly once: free it here. It comes after
    /// on_stopped, or from within cppserver_udp_start() when that fails. A restart keeps the
    /// handler and does not call it.
    pub destroy: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}
