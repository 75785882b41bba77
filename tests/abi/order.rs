//! The order of the callbacks.

use std::ffi::c_void;
use std::io::{Read, Write};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use cppserver::ffi::*;

use crate::support::*;

const INVALID_STATE: i32 = 2;
const NOT_CONNECTED: i32 = 3;

#[test]
fn of_a_service() {
    let log = Log::new();
    let service = Service::new();
    // SAFETY: the service is alive, and the handler is a whole one.
    unsafe {
        assert_eq!(cppserver_service_threads(service.0), 1);
        assert!(!cppserver_service_is_started(service.0));
        let user_data = probe("service", &log);
        assert_eq!(cppserver_service_start(service.0, false, &service_handler(), user_data), 0);
        assert!(!cppserver_service_is_loop_thread(service.0));
        log.wait_for("service started");
        assert!(cppserver_service_is_started(service.0));
        assert_eq!(cppserver_service_restart(service.0), 0);
        log.wait_for_count("service started", 2);
        assert_eq!(cppserver_service_stop(service.0), 0);
        assert!(!cppserver_service_is_started(service.0));
        assert_eq!(cppserver_service_stop(service.0), INVALID_STATE);
    }
    let run = [
        "service thread initialize",
        "service started",
        "service stopped",
        "service thread cleanup",
    ];
    assert_eq!(log.events()[..8], [run, run].concat());
    assert_eq!(log.events()[8..], ["service destroyed"]);
}

#[test]
fn of_a_service_with_threads() {
    let log = Log::new();
    let service = Service(cppserver_service_create(3));
    // SAFETY: the service is alive, and the handler is a whole one.
    unsafe {
        assert_eq!(cppserver_service_threads(service.0), 3);
        let user_data = probe("service", &log);
        assert_eq!(cppserver_service_start(service.0, false, &service_handler(), user_data), 0);
    }
    service.stop();
    assert_eq!(log.count("service thread initialize"), 3);
    assert_eq!(log.count("service thread cleanup"), 3);
    assert_eq!(log.count("service started"), 1);
    assert_eq!(log.count("service stopped"), 1);
    assert_eq!(log.events().last().unwrap(), "service destroyed");
}

static POLLING: AtomicPtr<cppserver_service> = AtomicPtr::new(null_mut());

extern "C-unwind" fn stop_on_idle(user_data: *mut c_void) {
    on_idle(user_data);
    // SAFETY: the service outlives its callbacks. On its own thread a stop returns at once; a
    // further one fails, because the service is stopping by then.
    unsafe { cppserver_service_stop(POLLING.load(Ordering::Acquire)) };
}

#[test]
fn of_a_polling_service() {
    let log = Log::new();
    let service = Service::new();
    POLLING.store(service.0, Ordering::Release);
    let handler = cppserver_service_handler { on_idle: Some(stop_on_idle), ..service_handler() };
    // SAFETY: the service is alive, and the handler is a whole one.
    let status =
        unsafe { cppserver_service_start(service.0, true, &handler, probe("service", &log)) };
    assert_eq!(status, 0);
    log.wait_for("service destroyed");
    assert!(log.count("service idle") >= 1);
    assert_eq!(log.count("service stopped"), 1);
}

static DISPATCHING: AtomicPtr<cppserver_service> = AtomicPtr::new(null_mut());

/// Runs on the loop thread; the inner callback takes the user_data over.
extern "C-unwind" fn dispatch_inside(user_data: *mut c_void) {
    let service = DISPATCHING.load(Ordering::Acquire);
    // SAFETY: the service outlives its callbacks.
    unsafe {
        assert!(cppserver_service_is_loop_thread(service));
        assert_eq!(cppserver_service_post(service, Some(on_stopped), user_data, Some(destroy)), 0);
        assert_eq!(cppserver_service_dispatch(service, Some(run), user_data, None), 0);
    }
    on_started(user_data);
}

#[test]
fn of_post_and_dispatch_on_the_loop_thread() {
    let log = Log::new();
    let service = Service::started();
    DISPATCHING.store(service.0, Ordering::Release);
    let user_data = probe("it", &log);
    // SAFETY: the service is alive.
    let status =
        unsafe { cppserver_service_dispatch(service.0, Some(dispatch_inside), user_data, None) };
    assert_eq!(status, 0);
    log.wait_for("it destroyed");
    // Dispatched at once, posted after the callback that posted it.
    assert_eq!(log.events(), ["it run", "it started", "it stopped", "it destroyed"]);
}

#[test]
fn of_a_connection_that_the_peer_ends() {
    let log = Log::new();
    let service = Service::started();
    let server = Server::started(&service, &log, Behaviour::Echo);
    let mut peer = server.connect();
    peer.write_all(b"one").unwrap();
    peer.read_exact(&mut [0; 3]).unwrap();
    log.wait_for("session empty");
    drop(peer);
    log.wait_for("session destroyed");
    assert_eq!(
        log.events(),
        [
            "server started",
            "server session",
            "session connected",
            "server connected",
            "session received 0 one",
            "session empty",
            "session disconnected 2",
            "server disconnected 2",
            "session destroyed",
        ]
    );
}

#[test]
fn of_a_server_that_is_stopped() {
    let log = Log::new();
    let service = Service::started();
    let server = Server::started(&service, &log, Behaviour::Watch);
    let mut peer = server.connect();
    log.wait_for("server connected");
    // SAFETY: the server is alive.
    unsafe {
        assert!(cppserver_server_is_started(server.0));
        assert_eq!(cppserver_server_current_sessions(server.0), 1);
        assert!(cppserver_server_native_handle(server.0) >= 0);
        assert_eq!(cppserver_server_stop(server.0), 0);
        assert_eq!(cppserver_server_stop(server.0), INVALID_STATE);
    }
    log.wait_for("server destroyed");
    assert_eq!(
        log.events()[4..],
        [
            "server stopped",
            "session disconnected 6",
            "server disconnected 6",
            "session destroyed",
            "server destroyed",
        ]
    );
    assert_eq!(peer.read(&mut [0; 1]).unwrap_or(0), 0);
    // SAFETY: the server is alive.
    unsafe {
        assert!(!cppserver_server_is_started(server.0));
        assert_eq!(cppserver_server_current_sessions(server.0), 0);
        assert_eq!(cppserver_server_native_handle(server.0), -1);
    }
}

#[test]
fn of_a_server_that_is_restarted() {
    let log = Log::new();
    let service = Service::started();
    let server = Server::started(&service, &log, Behaviour::Watch);
    // SAFETY: the server is alive.
    assert_eq!(unsafe { cppserver_server_restart(server.0) }, 0);
    log.wait_for_count("server started", 2);
    let _peer = server.connect();
    log.wait_for("server connected");
    service.stop();
    assert_eq!(log.count("server stopped"), 2);
    assert_eq!(log.count("server destroyed"), 1);
    assert_eq!(log.events().last().unwrap(), "server destroyed");
}

#[test]
fn of_a_client_that_disconnects_and_connects_again() {
    let log = Log::new();
    let server_log = Log::new();
    let service = Service::started();
    let server = Server::started(&service, &server_log, Behaviour::Watch);
    let client = Client::new(&service, "localhost", server.port());
    for round in 1..=2 {
        assert_eq!(client.connect(&session_handler(), probe("client", &log)), 0);
        log.wait_for_count("client connected", round);
        // SAFETY: the client is alive, and its session with it.
        unsafe {
            let data = b"bye".as_ptr().cast();
            let mut pending = 0;
            assert_eq!(cppserver_session_send(client.session(), data, 3, &mut pending), 0);
            assert!(pending >= 3);
            assert_eq!(cppserver_session_disconnect(client.session()), 0);
        }
        log.wait_for_count("client destroyed", round);
        // disconnect loses nothing that was sent before it.
        server_log.wait_for_count("session received 0 bye", round);
    }
    let events = log.events();
    let seldom: Vec<_> = events.iter().filter(|event| *event != "client empty").collect();
    let round = ["client connected", "client disconnected 1", "client destroyed"];
    assert_eq!(seldom, [round, round].concat());
}

extern "C-unwind" fn reconnect_once(user_data: *mut c_void, reason: i32) {
    on_disconnected(user_data, reason);
    let client = CLIENT.swap(null_mut(), Ordering::AcqRel);
    if !client.is_null() {
        // SAFETY: the client outlives its callbacks.
        assert_eq!(unsafe { cppserver_client_reconnect(client, 1) }, 0);
    }
}

static CLIENT: AtomicPtr<cppserver_client> = AtomicPtr::new(null_mut());

#[test]
fn of_a_client_that_reconnects_with_the_same_handler() {
    let log = Log::new();
    let server_log = Log::new();
    let service = Service::started();
    let server = Server::started(&service, &server_log, Behaviour::Watch);
    let client = Client::new(&service, "127.0.0.1", server.port());
    CLIENT.store(client.0, Ordering::Release);
    let handler =
        cppserver_session_handler { on_disconnected: Some(reconnect_once), ..session_handler() };
    assert_eq!(client.connect(&handler, probe("client", &log)), 0);
    log.wait_for("client connected");
    // SAFETY: the client is alive, and its session with it.
    assert_eq!(unsafe { cppserver_session_disconnect(client.session()) }, 0);
    log.wait_for_count("client connected", 2);
    // SAFETY: as above.
    assert_eq!(unsafe { cppserver_session_disconnect_now(client.session()) }, 0);
    log.wait_for("client destroyed");
    let round = ["client connected", "client disconnected 1"];
    assert_eq!(log.events()[..4], [round, round].concat());
    assert_eq!(log.events()[4..], ["client destroyed"]);
    // SAFETY: the client is alive.
    assert_eq!(unsafe { cppserver_client_reconnect(client.0, 0) }, NOT_CONNECTED);
}
