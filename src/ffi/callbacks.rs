//! The objects that stand for the program's callbacks: they implement the handler traits of the
//! crate, pass each call on, and call `destroy` when they are dropped.

use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::size_of;
use std::net::{IpAddr, SocketAddr};
use std::ptr;
use std::sync::Arc;
use std::thread;

use super::address::cppserver_address;
use super::guard;
use super::handle::lend;
use super::handler::{
    cppserver_callback, cppserver_server_handler, cppserver_service_handler,
    cppserver_session_handler, cppserver_tls_password_callback, cppserver_tls_verify_callback,
    cppserver_udp_handler,
};
use super::http::RequestTexts;
use super::last_error::{category_text, message_text};
use super::table::{Form, SessionTables, Table};
use super::types::{cppserver_http_request, cppserver_http_response};
use crate::error::{Error, Result};
use crate::net::{
    Group, Kind, Reason, Request, Response, Server, ServerHandler, ServiceHandler, Session,
    SessionHandler, Udp, UdpHandler,
};

/// The pointer that the program gave together with its callbacks.
#[repr(transparent)]
pub(super) struct UserData(pub(super) *mut c_void);

// SAFETY: the library never follows the pointer, it only hands it back to the callbacks. From which
// threads they come is written in the header, and coping with that is the program's part.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

type OnRequest = Option<
    unsafe extern "C-unwind" fn(
        user_data: *mut c_void,
        request: *const cppserver_http_request,
        response: *mut cppserver_http_response,
    ),
>;
type Destroy = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;
type OnError = Option<
    unsafe extern "C-unwind" fn(
        user_data: *mut c_void,
        code: i32,
        category: *const c_char,
        message: *const c_char,
    ),
>;

impl UserData {
    /// Calls a callback that takes the pointer alone.
    fn call(&self, callback: cppserver_callback) {
        if let Some(callback) = callback {
            // SAFETY: the program gave both together, and `destroy` was not called yet.
            unsafe { callback(self.0) };
        }
    }

    fn report(&self, callback: OnError, error: &Error) {
        if let Some(callback) = callback {
            let message = message_text(error);
            let category = category_text(error.category());
            // SAFETY: as in `call`; both texts end with a NUL and outlive the call.
            unsafe { callback(self.0, error.code(), category.as_ptr(), message.as_ptr()) };
        }
    }

    fn ask(&self, callback: OnRequest, request: &Request, response: &mut Response) {
        if let Some(callback) = callback {
            let texts = RequestTexts::new(request);
            let response = ptr::from_mut(response).cast();
            // SAFETY: as in `call`; the texts and the response outlive the call, and nothing else uses
            // the response meanwhile.
            unsafe { callback(self.0, texts.as_ptr(), response) };
        }
    }

    /// The last call with this pointer; the drop of the object that owns it.
    pub(super) fn destroy(&self, destroy: Destroy) {
        guard::contain(|| self.call(destroy));
    }
}

/// A posted callback or a timer's.
pub(super) struct Task {
    callback: unsafe extern "C-unwind" fn(user_data: *mut c_void),
    user_data: UserData,
    destroy: Destroy,
}

impl Task {
    /// Takes `user_data` over, also when it fails: then `destroy` is called here.
    pub(super) fn new(
        callback: cppserver_callback,
        user_data: *mut c_void,
        destroy: cppserver_callback,
    ) -> Result<Task> {
        let user_data = UserData(user_data);
        match callback {
            Some(callback) => Ok(Task { callback, user_data, destroy }),
            None => {
                user_data.destroy(destroy);
                Err(Error::argument("callback is NULL"))
            }
        }
    }

    pub(super) fn run(&self) {
        self.user_data.call(Some(self.callback));
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.user_data.destroy(self.destroy);
    }
}

/// Who is asked for the password of a key.
pub(super) struct AskPassword {
    callback: unsafe extern "C-unwind" fn(*mut c_void, *mut c_char, usize) -> isize,
    user_data: UserData,
    destroy: Destroy,
}

impl AskPassword {
    /// Takes `user_data` over, also when it fails: then `destroy` is called here.
    pub(super) fn new(
        callback: cppserver_tls_password_callback,
        user_data: *mut c_void,
        destroy: cppserver_callback,
    ) -> Result<AskPassword> {
        let user_data = UserData(user_data);
        match callback {
            Some(callback) => Ok(AskPassword { callback, user_data, destroy }),
            None => {
                user_data.destroy(destroy);
                Err(Error::argument("callback is NULL"))
            }
        }
    }

    pub(super) fn ask(&self) -> Option<String> {
        let mut buffer = [0_u8; 1024];
        // SAFETY: the program gave both together, and `destroy` was not called yet; the buffer is
        // as long as it is told.
        let length =
            unsafe { (self.callback)(self.user_data.0, buffer.as_mut_ptr().cast(), buffer.len()) };
        let length = usize::try_from(length).ok()?.min(buffer.len());
        let password = String::from_utf8_lossy(&buffer[..length]).into_owned();
        buffer.fill(0);
        Some(password)
    }
}

impl Drop for AskPassword {
    fn drop(&mut self) {
        self.user_data.destroy(self.destroy);
    }
}

/// Who has the last word on a certificate.
pub(super) struct Judge {
    callback: unsafe extern "C-unwind" fn(*mut c_void, *const c_void, usize, *const c_char) -> bool,
    user_data: UserData,
    destroy: Destroy,
}

impl Judge {
    /// Takes `user_data` over, also when it fails: then `destroy` is called here.
    pub(super) fn new(
        callback: cppserver_tls_verify_callback,
        user_data: *mut c_void,
        destroy: cppserver_callback,
    ) -> Result<Judge> {
        let user_data = UserData(user_data);
        match callback {
            Some(callback) => Ok(Judge { callback, user_data, destroy }),
            None => {
                user_data.destroy(destroy);
                Err(Error::argument("callback is NULL"))
            }
        }
    }

    pub(super) fn judge(&self, certificate: &[u8], error: Option<&Error>) -> bool {
        let text = error.map(message_text);
        let text = text.as_deref().map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: the program gave both together, and `destroy` was not called yet; certificate
        // and text outlive the call.
        unsafe {
            (self.callback)(self.user_data.0, certificate.as_ptr().cast(), certificate.len(), text)
        }
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        self.user_data.destroy(self.destroy);
    }
}

/// The handler of a service.
pub(super) struct ServiceCallbacks {
    table: cppserver_service_handler,
    user_data: UserData,
}

impl ServiceCallbacks {
    /// # Safety
    ///
    /// `table` is NULL, which means no callbacks, or as [`Table::copy_from`] wants it.
    pub(super) unsafe fn new(
        table: *const cppserver_service_handler,
        user_data: *mut c_void,
    ) -> Result<ServiceCallbacks> {
        let table = if table.is_null() {
            Table::empty()
        } else {
            // SAFETY: the contract of this function.
            unsafe { Table::copy_from(table) }?
        };
        Ok(ServiceCallbacks { table, user_data: UserData(user_data) })
    }
}

impl Drop for ServiceCallbacks {
    fn drop(&mut self) {
        self.user_data.destroy(self.table.destroy);
    }
}

impl ServiceHandler for ServiceCallbacks {
    fn on_thread_initialize(&self) {
        self.user_data.call(self.table.on_thread_initialize);
    }

    fn on_thread_cleanup(&self) {
        self.user_data.call(self.table.on_thread_cleanup);
    }

    fn on_started(&self) {
        self.user_data.call(self.table.on_started);
    }

    fn on_stopped(&self) {
        self.user_data.call(self.table.on_stopped);
    }

    fn on_idle(&self) {
        match self.table.on_idle {
            Some(_) => self.user_data.call(self.table.on_idle),
            None => thread::yield_now(),
        }
    }

    fn on_error(&self, error: &Error) {
        self.user_data.report(self.table.on_error, error);
    }
}

/// The handler of a session or a client: two words, because there is one per connection.
pub(super) struct SessionCallbacks {
    table: Arc<cppserver_session_handler>,
    user_data: UserData,
}

const _: () = assert!(size_of::<SessionCallbacks>() == 2 * size_of::<usize>());

impl SessionCallbacks {
    /// # Safety
    ///
    /// As for [`Table::copy_from`].
    pub(super) unsafe fn new(
        table: *const cppserver_session_handler,
        user_data: *mut c_void,
    ) -> Result<SessionCallbacks> {
        // SAFETY: the contract of this function.
        let table = unsafe { Table::copy_from(table) }?;
        Ok(SessionCallbacks { table: Arc::new(table), user_data: UserData(user_data) })
    }
}

impl Drop for SessionCallbacks {
    fn drop(&mut self) {
        self.user_data.destroy(self.table.destroy);
    }
}

impl SessionHandler for SessionCallbacks {
    fn on_connected(&mut self, _session: &Session) {
        self.user_data.call(self.table.on_connected);
    }

    fn on_handshake(&mut self, _session: &Session, request: &Request, response: &mut Response) {
        self.user_data.ask(self.table.on_handshake, request, response);
    }

    fn on_request(&mut self, _session: &Session, request: &Request, response: &mut Response) {
        self.user_data.ask(self.table.on_request, request, response);
    }

    fn on_handshaked(&mut self, _session: &Session) {
        self.user_data.call(self.table.on_handshaked);
    }

    fn on_received(&mut self, _session: &Session, kind: Kind, data: &[u8]) -> usize {
        let Some(callback) = self.table.on_received else {
            return data.len();
        };
        // SAFETY: the program gave both together, and `destroy` was not called yet; the data
        // outlives the call.
        let handled =
            unsafe { callback(self.user_data.0, kind as i32, data.as_ptr().cast(), data.len()) };
        handled.min(data.len())
    }

    fn on_sent(&mut self, _session: &Session, sent: usize, pending: usize) {
        if let Some(callback) = self.table.on_sent {
            // SAFETY: the program gave both together, and `destroy` was not called yet.
            unsafe { callback(self.user_data.0, sent, pending) };
        }
    }

    fn on_empty(&mut self, _session: &Session) {
        self.user_data.call(self.table.on_empty);
    }

    fn on_error(&mut self, _session: &Session, error: &Error) {
        self.user_data.report(self.table.on_error, error);
    }

    fn on_disconnected(&mut self, _session: &Session, reason: Reason) {
        if let Some(callback) = self.table.on_disconnected {
            // SAFETY: the program gave both together, and `destroy` was not called yet.
            unsafe { callback(self.user_data.0, reason as i32) };
        }
    }
}

/// The handler of a server.
pub(super) struct ServerCallbacks {
    table: cppserver_server_handler,
    user_data: UserData,
    session_tables: SessionTables,
}

impl ServerCallbacks {
    /// # Safety
    ///
    /// As for [`Table::copy_from`].
    pub(super) unsafe fn new(
        table: *const cppserver_server_handler,
        user_data: *mut c_void,
    ) -> Result<ServerCallbacks> {
        // SAFETY: the contract of this function.
        let table = unsafe { Table::copy_from(table) }?;
        let session_tables = SessionTables::new();
        Ok(ServerCallbacks { table, user_data: UserData(user_data), session_tables })
    }
}

impl Drop for ServerCallbacks {
    fn drop(&mut self) {
        self.user_data.destroy(self.table.destroy);
    }
}

impl ServerHandler for ServerCallbacks {
    type Session = SessionCallbacks;

    fn on_session(&self, session: &Session) -> Option<SessionCallbacks> {
        let mut form = Form::new();
        let mut session_user_data = ptr::null_mut();
        if let Some(callback) = self.table.on_session {
            // SAFETY: the program gave both together, and `destroy` was not called yet; the other
            // pointers are valid during the call.
            let accepted = unsafe {
                callback(self.user_data.0, lend(session), form.as_mut_ptr(), &mut session_user_data)
            };
            if !accepted {
                return None;
            }
        }
        let table = self.session_tables.share(form.read());
        Some(SessionCallbacks { table, user_data: UserData(session_user_data) })
    }

    fn on_started(&self, _server: &Server) {
        self.user_data.call(self.table.on_started);
    }

    fn on_stopped(&self, _server: &Server) {
        self.user_data.call(self.table.on_stopped);
    }

    fn on_connected(&self, session: &Session, handler: &mut SessionCallbacks) {
        if let Some(callback) = self.table.on_connected {
            // SAFETY: as in `on_session`; the session's `destroy` was not called yet either.
            unsafe { callback(self.user_data.0, lend(session), handler.user_data.0) };
        }
    }

    fn on_disconnected(&self, session: &Session, handler: &mut SessionCallbacks, reason: Reason) {
        if let Some(callback) = self.table.on_disconnected {
            // SAFETY: as in `on_connected`.
            unsafe {
                callback(self.user_data.0, lend(session), handler.user_data.0, reason as i32);
            }
        }
    }

    fn on_error(&self, _server: &Server, error: &Error) {
        self.user_data.report(self.table.on_error, error);
    }
}
/// The handler of an endpoint for datagrams.
pub(super) struct UdpCallbacks {
    table: cppserver_udp_handler,
    user_data: UserData,
}

impl UdpCallbacks {
    /// # Safety
    ///
    /// As for [`Table::copy_from`].
    pub(super) unsafe fn new(
        table: *const cppserver_udp_handler,
        user_data: *mut c_void,
    ) -> Result<UdpCallbacks> {
        // SAFETY: the contract of this function.
        let table = unsafe { Table::copy_from(table) }?;
        Ok(UdpCallbacks { table, user_data: UserData(user_data) })
    }

    /// Calls a callback with a group and its source.
    fn tell_group(
        &self,
        callback: Option<unsafe extern "C-unwind" fn(*mut c_void, *const c_char, *const c_char)>,
        group: &Group,
    ) {
        let Some(callback) = callback else { return };
        let text = |address: IpAddr| CString::new(address.to_string()).unwrap_or_default();
        let (address, source) = (text(group.address()), group.source().map(text));
        let source = source.as_deref().map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: the program gave both together, and `destroy` was not called yet; the texts
        // outlive the call.
        unsafe { callback(self.user_data.0, address.as_ptr(), source) };
    }
}

impl Drop for UdpCallbacks {
    fn drop(&mut self) {
        self.user_data.destroy(self.table.destroy);
    }
}

impl UdpHandler for UdpCallbacks {
    fn on_started(&mut self, _udp: &Udp) {
        self.user_data.call(self.table.on_started);
    }

    fn on_received(&mut self, _udp: &Udp, from: SocketAddr, data: &[u8], truncated: bool) {
        if let Some(callback) = self.table.on_received {
            let from = cppserver_address::from(from);
            // SAFETY: the program gave both together, and `destroy` was not called yet; the address
            // and the data outlive the call.
            unsafe {
                callback(self.user_data.0, &from, data.as_ptr().cast(), data.len(), truncated);
            }
        }
    }

    fn on_sent(&mut self, _udp: &Udp, to: SocketAddr, sent: usize, pending: usize) {
        if let Some(callback) = self.table.on_sent {
            let to = cppserver_address::from(to);
            // SAFETY: the program gave both together, and `destroy` was not called yet; the address
            // outlives the call.
            unsafe { callback(self.user_data.0, &to, sent, pending) };
        }
    }

    fn on_empty(&mut self, _udp: &Udp) {
        self.user_data.call(self.table.on_empty);
    }

    fn on_joined(&mut self, _udp: &Udp, group: &Group) {
        self.tell_group(self.table.on_joined, group);
    }

    fn on_left(&mut self, _udp: &Udp, group: &Group) {
        self.tell_group(self.table.on_left, group);
    }

    fn on_error(&mut self, _udp: &Udp, error: &Error) {
        self.user_data.report(self.table.on_error, error);
    }

    fn on_stopped(&mut self, _udp: &Udp, reason: Reason) {
        if let Some(callback) = self.table.on_stopped {
            // SAFETY: the program gave both together, and `destroy` was not called yet.
            unsafe { callback(self.user_data.0, reason as i32) };
        }
    }
}
