//! Handler structs of older programs are shorter, those of newer ones longer.

use std::io::{Read, Write};
use std::mem::{offset_of, size_of};
use std::ptr::{from_ref, null_mut};

use cppserver::ffi::*;

use crate::support::*;

const INVALID_ARGUMENT: i32 = 1;

/// A handler struct of a newer program: more members than this library knows.
#[repr(C)]
struct Newer<T> {
    handler: T,
    more: [usize; 4],
}

impl<T> Newer<T> {
    fn new(handler: T) -> Newer<T> {
        Newer { handler, more: [usize::MAX; 4] }
    }

    fn as_ptr(&self) -> *const T {
        from_ref(self).cast()
    }
}

#[test]
fn a_size_that_was_not_set_is_an_error_and_the_user_data_stays_the_programs() {
    let log = Log::new();
    let service = Service::new();
    let server = Server::new(&service, 0);
    let client = Client::new(&service, "127.0.0.1", 1);
    let udp = Udp::server(&service, 0);
    for size in [0, 1, size_of::<usize>() - 1] {
        let of_service = cppserver_service_handler { size, ..service_handler() };
        let of_server = cppserver_server_handler { size, ..server_handler() };
        let of_session = cppserver_session_handler { size, ..session_handler() };
        let of_udp = cppserver_udp_handler { size, ..udp_handler() };
        // SAFETY: the service is alive, and the handler can be read.
        let status =
            unsafe { cppserver_service_start(service.0, false, &of_service, probe("it", &log)) };
        assert_eq!(status, INVALID_ARGUMENT);
        assert_eq!(server.start(&of_server, probe("it", &log)), INVALID_ARGUMENT);
        assert_eq!(client.connect(&of_session, probe("it", &log)), INVALID_ARGUMENT);
        assert_eq!(udp.start(&of_udp, probe("it", &log)), INVALID_ARGUMENT);
        assert!(last_error().2.contains("size"));
    }
    assert_eq!(log.events(), [""; 0]);
}

#[test]
fn an_older_service() {
    let log = Log::new();
    let service = Service::new();
    // As if on_started had been the last member.
    let size = offset_of!(cppserver_service_handler, on_stopped);
    let handler = cppserver_service_handler { size, ..service_handler() };
    // SAFETY: the service is alive, and the handler can be read.
    let status =
        unsafe { cppserver_service_start(service.0, false, &handler, probe("service", &log)) };
    assert_eq!(status, 0);
    log.wait_for("service started");
    service.stop();
    assert_eq!(
        log.events(),
        ["service thread initialize", "service started", "service thread cleanup"]
    );
}

#[test]
fn an_older_server() {
    let log = Log::new();
    let service = Service::started();
    let server = Server::new(&service, 0);
    // As if on_stopped had been the last member: there is no on_session then.
    let size = offset_of!(cppserver_server_handler, on_session);
    let handler = cppserver_server_handler { size, ..server_handler() };
    assert_eq!(server.start(&handler, probe("server", &log)), 0);
    let mut peer = server.connect();
    peer.write_all(b"dropped").unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
    service.stop();
    assert_eq!(log.events(), ["server started", "server stopped"]);
}

#[test]
fn an_older_client() {
    let log = Log::new();
    let server_log = Log::new();
    let service = Service::started();
    let server = Server::started(&service, &server_log, Behaviour::Watch);
    let client = Client::new(&service, "127.0.0.1", server.port());
    // As if on_disconnected had been the last member.
    let size = offset_of!(cppserver_session_handler, on_received);
    let handler = cppserver_session_handler { size, ..session_handler() };
    assert_eq!(client.connect(&handler, probe("client", &log)), 0);
    log.wait_for("client connected");
    // SAFETY: the client is alive, and its session with it.
    let status =
        unsafe { cppserver_session_send(client.session(), b"it".as_ptr().cast(), 2, null_mut()) };
    assert_eq!(status, 0);
    server_log.wait_for("session received 0 it");
    service.stop();
    assert_eq!(log.events(), ["client connected", "client disconnected 7"]);
}

#[test]
fn an_older_udp() {
    let log = Log::new();
    let service = Service::started();
    let server = Udp::server(&service, 0);
    // As if on_received had been the last member: there is no destroy then.
    let size = offset_of!(cppserver_udp_handler, on_sent);
    let handler = cppserver_udp_handler { size, ..udp_handler() };
    assert_eq!(server.start(&handler, probe("server", &log)), 0);
    log.wait_for("server started");
    let client = Udp::client(&service, "127.0.0.1", server.port());
    let client_log = Log::new();
    assert_eq!(client.start(&udp_handler(), probe("client", &client_log)), 0);
    client_log.wait_for("client started");
    client.send(b"it");
    log.wait_for("server received it");
    service.stop();
    assert_eq!(log.events(), ["server started", "server received it", "server stopped 7"]);
}

#[test]
fn a_newer_udp() {
    let log = Log::new();
    let service = Service::started();
    let server = Udp::server(&service, 0);
    let mut handler = Newer::new(udp_handler());
    handler.handler.size = size_of::<Newer<cppserver_udp_handler>>();
    // SAFETY: the endpoint is alive, and as much of the handler can be read as its size says.
    let status = unsafe { cppserver_udp_start(server.0, handler.as_ptr(), probe("server", &log)) };
    assert_eq!(status, 0);
    service.stop();
    assert_eq!(log.events(), ["server started", "server stopped 7", "server destroyed"]);
}

#[test]
fn newer_programs() {
    let log = Log::new();
    let service = Service::new();
    let mut handler = Newer::new(service_handler());
    handler.handler.size = size_of::<Newer<cppserver_service_handler>>();
    // SAFETY: the service is alive, and as much of the handler can be read as its size says.
    let status = unsafe {
        cppserver_service_start(service.0, false, handler.as_ptr(), probe("service", &log))
    };
    assert_eq!(status, 0);

    let server = Server::new(&service, 0);
    let mut handler = Newer::new(server_handler());
    handler.handler.size = size_of::<Newer<cppserver_server_handler>>();
    // SAFETY: as above.
    let status = unsafe {
        let user_data = probe_with("server", &log, Behaviour::Echo);
        cppserver_server_start(server.0, handler.as_ptr(), user_data)
    };
    assert_eq!(status, 0);

    let client = Client::new(&service, "127.0.0.1", server.port());
    let mut handler = Newer::new(session_handler());
    handler.handler.size = size_of::<Newer<cppserver_session_handler>>();
    // SAFETY: as above.
    let status =
        unsafe { cppserver_client_connect(client.0, handler.as_ptr(), probe("client", &log)) };
    assert_eq!(status, 0);
    log.wait_for("client connected");
    // SAFETY: the client is alive, and its session with it.
    let status =
        unsafe { cppserver_session_send(client.session(), b"it".as_ptr().cast(), 2, null_mut()) };
    assert_eq!(status, 0);
    log.wait_for("client received 0 it");
    service.stop();
    for name in ["client", "session", "server", "service"] {
        assert_eq!(log.count(&format!("{name} destroyed")), 1, "{name}");
    }
}

/// An `on_session` of a newer program: it assigns its whole, larger struct.
extern "C-unwind" fn on_session_of_a_newer_program(
    user_data: *mut std::ffi::c_void,
    session: *mut cppserver_session,
    handler: *mut cppserver_session_handler,
    session_user_data: *mut *mut std::ffi::c_void,
) -> bool {
    if !on_session(user_data, session, handler, session_user_data) {
        return false;
    }
    let mut newer = Newer::new(session_handler());
    newer.handler.size = size_of::<Newer<cppserver_session_handler>>();
    // SAFETY: the library keeps spare room behind the handler for this.
    unsafe { handler.cast::<Newer<cppserver_session_handler>>().write(newer) };
    true
}

#[test]
fn a_newer_on_session_fills_in_more_than_the_library_knows() {
    let log = Log::new();
    let service = Service::started();
    let server = Server::new(&service, 0);
    let handler = cppserver_server_handler {
        on_session: Some(on_session_of_a_newer_program),
        ..server_handler()
    };
    assert_eq!(server.start(&handler, probe_with("server", &log, Behaviour::Echo)), 0);
    let mut peer = server.connect();
    peer.write_all(b"it").unwrap();
    let mut echo = [0; 2];
    peer.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"it");
    drop(peer);
    log.wait_for("session destroyed");
}
