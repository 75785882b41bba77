//! Handles that are released at the end of their test, however it ends.

use std::ffi::{CString, c_void};
use std::net::TcpStream;
use std::ptr;
use std::sync::Arc;

use cppserver::ffi::*;

use super::support::*;

/// A service with one thread, stopped and released at the end of the test.
pub struct Service(pub *mut cppserver_service);

impl Service {
    pub fn new() -> Service {
        let service = cppserver_service_create(1);
        assert!(!service.is_null());
        Service(service)
    }

    /// Started without a handler.
    pub fn started() -> Service {
        let service = Service::new();
        // SAFETY: the service is alive, and the handler may be NULL.
        let status =
            unsafe { cppserver_service_start(service.0, false, ptr::null(), ptr::null_mut()) };
        assert_eq!(status, 0);
        service
    }

    pub fn stop(&self) {
        // SAFETY: the service is alive.
        assert_eq!(unsafe { cppserver_service_stop(self.0) }, 0);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // SAFETY: the service is alive, and this was the last reference of the test.
        unsafe {
            cppserver_service_stop(self.0);
            cppserver_service_release(self.0);
        }
    }
}

/// A server on a free port of 127.0.0.1, released at the end of the test.
pub struct Server(pub *mut cppserver_server);

impl Server {
    pub fn new(service: &Service, port: u16) -> Server {
        // SAFETY: the service is alive.
        let server = unsafe { cppserver_server_create_tcp(service.0, c"127.0.0.1".as_ptr(), port) };
        assert!(!server.is_null());
        Server(server)
    }

    /// One of messages instead of bytes.
    pub fn of_messages(service: &Service) -> Server {
        // SAFETY: the service is alive.
        let server = unsafe { cppserver_server_create_ws(service.0, c"127.0.0.1".as_ptr(), 0) };
        assert!(!server.is_null());
        Server(server)
    }

    /// Started, with a probe called "server" that makes probes called "session".
    pub fn started(service: &Service, log: &Arc<Log>, behaviour: Behaviour) -> Server {
        Server::new(service, 0).start_with(log, behaviour)
    }

    pub fn start_with(self, log: &Arc<Log>, behaviour: Behaviour) -> Server {
        let server = self;
        assert_eq!(server.start(&server_handler(), probe_with("server", log, behaviour)), 0);
        log.wait_for("server started");
        server
    }

    pub fn start(&self, handler: &cppserver_server_handler, user_data: *mut c_void) -> i32 {
        // SAFETY: the server is alive, and the handler is a whole one.
        unsafe { cppserver_server_start(self.0, handler, user_data) }
    }

    pub fn port(&self) -> u16 {
        // SAFETY: the server is alive.
        unsafe { cppserver_server_port(self.0) }
    }

    /// A plain socket that is connected to the server.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SAFETY: the test owns one reference.
        unsafe { cppserver_server_release(self.0) };
    }
}

/// A client, released at the end of the test.
pub struct Client(pub *mut cppserver_client);

impl Client {
    pub fn new(service: &Service, host: &str, port: u16) -> Client {
        let host = CString::new(host).unwrap();
        // SAFETY: the service is alive, and the text outlives the call.
        let client = unsafe { cppserver_client_create_tcp(service.0, host.as_ptr(), port) };
        assert!(!client.is_null());
        Client(client)
    }

    /// One of messages instead of bytes.
    pub fn of_messages(service: &Service, port: u16, target: &str) -> Client {
        let address = CString::new(format!("ws://127.0.0.1:{port}{target}")).unwrap();
        // SAFETY: the service is alive, and the text outlives the call.
        let client = unsafe { cppserver_client_create_ws(service.0, address.as_ptr()) };
        assert!(!client.is_null());
        Client(client)
    }

    pub fn connect(&self, handler: &cppserver_session_handler, user_data: *mut c_void) -> i32 {
        // SAFETY: the client is alive, and the handler is a whole one.
        unsafe { cppserver_client_connect(self.0, handler, user_data) }
    }

    pub fn session(&self) -> *mut cppserver_session {
        // SAFETY: the client is alive.
        unsafe { cppserver_client_session(self.0) }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: the test owns one reference.
        unsafe { cppserver_client_release(self.0) };
    }
}

/// An endpoint for datagrams, released at the end of the test.
pub struct Udp(pub *mut cppserver_udp);

impl Udp {
    /// A server on a port of 127.0.0.1, 0 for a free one.
    pub fn server(service: &Service, port: u16) -> Udp {
        // SAFETY: the service is alive.
        let udp = unsafe { cppserver_udp_create_server(service.0, c"127.0.0.1".as_ptr(), port) };
        assert!(!udp.is_null());
        Udp(udp)
    }

    pub fn client(service: &Service, host: &str, port: u16) -> Udp {
        let host = CString::new(host).unwrap();
        // SAFETY: the service is alive, and the text outlives the call.
        let udp = unsafe { cppserver_udp_create_client(service.0, host.as_ptr(), port) };
        assert!(!udp.is_null());
        Udp(udp)
    }

    pub fn start(&self, handler: &cppserver_udp_handler, user_data: *mut c_void) -> i32 {
        // SAFETY: the endpoint is alive, and the handler is a whole one.
        unsafe { cppserver_udp_start(self.0, handler, user_data) }
    }

    pub fn port(&self) -> u16 {
        // SAFETY: the endpoint is alive.
        unsafe { cppserver_udp_port(self.0) }
    }

    /// Sends to the server of a client.
    pub fn send(&self, data: &[u8]) {
        let (data, size) = (data.as_ptr().cast(), data.len());
        // SAFETY: the endpoint is alive, and so is the data.
        assert_eq!(unsafe { cppserver_udp_send(self.0, data, size, ptr::null_mut()) }, 0);
    }
}

impl Drop for Udp {
    fn drop(&mut self) {
        // SAFETY: the test owns one reference.
        unsafe { cppserver_udp_release(self.0) };
    }
}

/// A TLS context, released at the end of the test.
pub struct TlsContext(pub *mut cppserver_tls_context);

impl TlsContext {
    pub fn new() -> TlsContext {
        let context = cppserver_tls_context_create();
        assert!(!context.is_null());
        TlsContext(context)
    }
}

impl Drop for TlsContext {
    fn drop(&mut self) {
        // SAFETY: the test owns one reference.
        unsafe { cppserver_tls_context_release(self.0) };
    }
}
