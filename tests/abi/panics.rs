//! A panic in a callback that is written in Rust becomes an error and ends nothing else.

use std::ffi::c_void;
use std::io::{Read, Write};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use cppserver::ffi::*;

use crate::support::*;

const INVALID_ARGUMENT: i32 = 1;
const HANDLER: i32 = 8;

#[test]
fn in_a_session_ends_that_session_alone() {
    let log = Log::new();
    let other_log = Log::new();
    let service = Service::started();
    let server = Server::started(&service, &log, Behaviour::Panic);
    let other = Server::started(&service, &other_log, Behaviour::Echo);

    let mut peer = server.connect();
    peer.write_all(b"it").unwrap();
    log.wait_for("session destroyed");
    let events = log.events();
    let position = events.iter().position(|event| event == "session received 0 it").unwrap();
    assert_eq!(
        events[position + 1..],
        [
            &format!("session error handler {HANDLER}"),
            "session disconnected 3",
            "server disconnected 3",
            "session destroyed"
        ]
    );
    assert_eq!(peer.read(&mut [0; 1]).unwrap_or(0), 0);

    let mut peer = other.connect();
    peer.write_all(b"on").unwrap();
    let mut echo = [0; 2];
    peer.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"on");
}

#[test]
fn in_a_udp_endpoint_is_told_and_the_endpoint_goes_on() {
    let log = Log::new();
    let service = Service::started();
    let server = Udp::server(&service, 0);
    assert_eq!(server.start(&udp_handler(), probe_with("server", &log, Behaviour::Panic)), 0);
    let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for (count, word) in [(1, "one"), (2, "two")] {
        peer.send_to(word.as_bytes(), ("127.0.0.1", server.port())).unwrap();
        log.wait_for_count(&format!("server error handler {HANDLER}"), count);
    }
    service.stop();
    assert_eq!(
        log.events(),
        [
            "server started",
            "server received one",
            &format!("server error handler {HANDLER}"),
            "server received two",
            &format!("server error handler {HANDLER}"),
            "server stopped 7",
            "server destroyed"
        ]
    );
}

#[test]
fn in_a_posted_callback_is_told_to_the_service() {
    let log = Log::new();
    let service = Service::new();
    // SAFETY: the service is alive, and the handler is a whole one.
    unsafe {
        let user_data = probe("service", &log);
        assert_eq!(cppserver_service_start(service.0, false, &service_handler(), user_data), 0);
        let user_data = probe_with("post", &log, Behaviour::Panic);
        assert_eq!(cppserver_service_post(service.0, Some(run), user_data, Some(destroy)), 0);
        log.wait_for("post destroyed");
        log.wait_for(&format!("service error handler {HANDLER}"));
        let user_data = probe("second post", &log);
        assert_eq!(cppserver_service_post(service.0, Some(run), user_data, Some(destroy)), 0);
    }
    log.wait_for("second post destroyed");
    assert_eq!(log.count("post destroyed"), 1);
}

static DISPATCHING: AtomicPtr<cppserver_service> = AtomicPtr::new(null_mut());

/// Runs on the loop thread: dispatches the user_data, and writes down the status as a reason.
extern "C-unwind" fn dispatch_inside(user_data: *mut c_void) {
    let service = DISPATCHING.load(Ordering::Acquire);
    // SAFETY: the service outlives its callbacks.
    let status =
        unsafe { cppserver_service_dispatch(service, Some(run), user_data, Some(destroy)) };
    on_disconnected(user_data, status);
    assert!(last_error().2.contains("panics"), "{:?}", last_error());
}

#[test]
fn in_a_callback_that_is_dispatched_at_once_is_the_status() {
    let log = Log::new();
    let service = Service::started();
    DISPATCHING.store(service.0, Ordering::Release);
    let user_data = probe_with("it", &log, Behaviour::Panic);
    // SAFETY: the service is alive.
    let status =
        unsafe { cppserver_service_post(service.0, Some(dispatch_inside), user_data, None) };
    assert_eq!(status, 0);
    service.stop();
    assert_eq!(log.events(), ["it run", "it destroyed", "it disconnected 8"]);
}

#[test]
fn in_a_timer_ends_the_timer_or_not_but_never_the_service() {
    let log = Log::new();
    let service = Service::new();
    // SAFETY: the service is alive, and the handler is a whole one.
    unsafe {
        let user_data = probe("service", &log);
        assert_eq!(cppserver_service_start(service.0, false, &service_handler(), user_data), 0);
        let user_data = probe_with("timer", &log, Behaviour::Panic);
        let timer = cppserver_timer_create(service.0, 0, 0, Some(run), user_data, Some(destroy));
        cppserver_timer_release(timer);
    }
    log.wait_for("timer destroyed");
    log.wait_for(&format!("service error handler {HANDLER}"));
    service.stop();
    assert_eq!(log.count("service stopped"), 1);
}

#[test]
fn in_destroy_leaves_the_status_as_it_was() {
    let log = Log::new();
    // SAFETY: NULL is allowed, and the handler is a whole one.
    let status = unsafe {
        let user_data = probe_with("server", &log, Behaviour::PanicInDestroy);
        cppserver_server_start(null_mut(), &server_handler(), user_data)
    };
    assert_eq!(status, INVALID_ARGUMENT);
    assert_eq!(last_error().2, "server is NULL");
    assert_eq!(log.events(), ["server destroyed"]);
}

#[test]
fn in_destroy_on_a_loop_thread_is_contained() {
    let log = Log::new();
    let service = Service::started();
    let server = Server::started(&service, &log, Behaviour::PanicInDestroy);
    drop(server.connect());
    log.wait_for("session destroyed");
    drop(server.connect());
    log.wait_for_count("session destroyed", 2);
    let udp = Udp::server(&service, 0);
    assert_eq!(udp.start(&udp_handler(), probe_with("udp", &log, Behaviour::PanicInDestroy)), 0);
    log.wait_for("udp started");
    // SAFETY: the endpoint is alive.
    assert_eq!(unsafe { cppserver_udp_stop(udp.0) }, 0);
    log.wait_for("udp destroyed");
    service.stop();
    assert_eq!(log.count("server destroyed"), 1);
    assert_eq!(log.count("udp destroyed"), 1);
}
