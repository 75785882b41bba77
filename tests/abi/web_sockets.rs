//! Callbacks of WebSocket sessions: their order, older programs without them, and panics in them.

use std::ffi::c_void;
use std::io::{Read, Write};
use std::mem::offset_of;
use std::ptr::null_mut;

use cppserver::ffi::*;

use crate::support::*;

const HANDLER: i32 = 8;
const TEXT: i32 = cppserver_kind::Text as i32;

/// A request of HTTP and all that comes for it.
fn ask(server: &Server, request: &str) -> String {
    let mut peer = server.connect();
    peer.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).unwrap();
    answer
}

const PAGE: &str = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn the_order_on_both_sides() {
    let (log, server_log) = (Log::new(), Log::new());
    let service = Service::started();
    let server = Server::of_messages(&service).start_with(&server_log, Behaviour::Watch);
    let client = Client::of_messages(&service, server.port(), "/chat?room=7");
    assert_eq!(client.connect(&session_handler(), probe("client", &log)), 0);
    log.wait_for("client handshaked");
    let session = client.session();
    // SAFETY: the client is alive, and the data outlives the calls.
    unsafe {
        let data = b"hello".as_ptr().cast();
        assert_eq!(cppserver_session_send_message(session, TEXT, data, 5, null_mut()), 0);
        server_log.wait_for("session received 1 hello");
        assert_eq!(cppserver_session_disconnect_with(session, 4000, c"bye".as_ptr()), 0);
    }
    log.wait_for("client destroyed");
    server_log.wait_for("session destroyed");
    let seldom: Vec<_> = log.events().into_iter().filter(|event| event != "client empty").collect();
    assert_eq!(
        seldom,
        ["client connected", "client handshaked", "client disconnected 1", "client destroyed"]
    );
    assert_eq!(
        server_log.events(),
        [
            "server started",
            "server session",
            "session connected",
            "server connected",
            "session handshake GET /chat?room=7",
            "session handshaked",
            "session received 1 hello",
            "session disconnected 2",
            "server disconnected 2",
            "session destroyed",
        ]
    );
}

#[test]
fn the_order_around_a_page() {
    let log = Log::new();
    let service = Service::started();
    let server = Server::of_messages(&service).start_with(&log, Behaviour::Watch);
    assert!(ask(&server, PAGE).starts_with("HTTP/1.1 426 "));
    log.wait_for("session destroyed");
    assert_eq!(
        log.events()[2..],
        [
            "session connected",
            "server connected",
            "session request GET /page",
            "session disconnected 1",
            "server disconnected 1",
            "session destroyed",
        ]
    );
}

extern "C-unwind" fn on_session_of_an_older_program(
    user_data: *mut c_void,
    session: *mut cppserver_session,
    handler: *mut cppserver_session_handler,
    session_user_data: *mut *mut c_void,
) -> bool {
    let accepted = on_session(user_data, session, handler, session_user_data);
    // SAFETY: the library lends the handler during the call. The program knows no members behind
    // this one, and leaves them as they were.
    unsafe {
        (*handler).size = offset_of!(cppserver_session_handler, on_handshake);
        ((*handler).on_handshake, (*handler).on_request) = (None, None);
    }
    accepted
}

/// As if destroy had been the last member.
#[test]
fn an_older_program_accepts_everybody_and_has_no_page() {
    let (log, client_log) = (Log::new(), Log::new());
    let service = Service::started();
    let server = Server::of_messages(&service);
    let on_session = Some(on_session_of_an_older_program as _);
    let handler = cppserver_server_handler { on_session, ..server_handler() };
    assert_eq!(server.start(&handler, probe("server", &log)), 0);
    assert!(ask(&server, PAGE).starts_with("HTTP/1.1 426 "));
    let client = Client::of_messages(&service, server.port(), "/");
    let size = offset_of!(cppserver_session_handler, on_handshake);
    let handler = cppserver_session_handler { size, ..session_handler() };
    assert_eq!(client.connect(&handler, probe("client", &client_log)), 0);
    client_log.wait_for("client handshaked");
    service.stop();
    assert_eq!(client_log.count("client destroyed"), 1);
    assert_eq!(log.count("session destroyed"), 2);
    assert_eq!(log.count("session handshake GET /"), 0);
    assert_eq!(log.count("session request GET /page"), 0);
}

/// The peer hears that it is not its fault.
#[test]
fn a_panic_in_a_handshake_or_a_request_is_answered_by_500() {
    let log = Log::new();
    let service = Service::started();
    let server = Server::of_messages(&service).start_with(&log, Behaviour::Panic);
    let handshake = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for (number, (request, event)) in
        [(PAGE, "session request GET /page"), (handshake, "session handshake GET /chat")]
            .into_iter()
            .enumerate()
    {
        let answer = ask(&server, request);
        log.wait_for_count("session destroyed", number + 1);
        assert_eq!(log.count(event), 1);
        assert_eq!(log.count(&format!("session error handler {HANDLER}")), number + 1);
        assert_eq!(log.count("session disconnected 3"), number + 1);
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer:?}");
    }
    assert_eq!(log.count("session handshaked"), 0);
}

extern "C-unwind" fn panicking_filter(_: *mut c_void, _: *mut cppserver_session) -> bool {
    panic!("the filter panics")
}

#[test]
fn a_panic_in_a_filter_is_the_status_of_the_call() {
    let (log, client_log) = (Log::new(), Log::new());
    let service = Service::started();
    let server = Server::of_messages(&service).start_with(&log, Behaviour::Watch);
    let client = Client::of_messages(&service, server.port(), "/");
    assert_eq!(client.connect(&session_handler(), probe("client", &client_log)), 0);
    log.wait_for("session handshaked");
    client_log.wait_for("client handshaked");
    let data = b"x".as_ptr().cast();
    // SAFETY: the server is alive, and the data outlives the calls.
    unsafe {
        let filter = Some(panicking_filter as unsafe extern "C-unwind" fn(_, _) -> _);
        let status = cppserver_server_multicast_if(server.0, TEXT, data, 1, filter, null_mut());
        assert_eq!(status, HANDLER);
        assert_eq!(last_error().1, "handler");
        // Nothing was sent, and nothing is locked.
        assert_eq!(cppserver_server_multicast_message(server.0, TEXT, c"on".as_ptr().cast(), 2), 0);
    }
    client_log.wait_for("client received 1 on");
    assert_eq!(client_log.count("client received 1 x"), 0);
}
