//! `destroy(user_data)` comes exactly once and last, whatever fails.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::ptr::{null, null_mut};

use cppserver::ffi::*;

use crate::support::*;

const INVALID_ARGUMENT: i32 = 1;
const INVALID_STATE: i32 = 2;
const SYSTEM: i32 = 6;

#[test]
fn when_the_handle_is_null() {
    let log = Log::new();
    let (service, server, session) = (service_handler(), server_handler(), session_handler());
    let user_data = || probe("it", &log);
    let refused = |status: i32, destroyed: usize| {
        assert_eq!(status, INVALID_ARGUMENT);
        assert_eq!(log.events(), vec!["it destroyed"; destroyed]);
    };
    // SAFETY: NULL is allowed everywhere, and the handlers are whole ones.
    unsafe {
        refused(cppserver_service_start(null_mut(), false, &service, user_data()), 1);
        refused(cppserver_server_start(null_mut(), &server, user_data()), 2);
        refused(cppserver_client_connect(null_mut(), &session, user_data()), 3);
        let (run, end) = (Some(run as unsafe extern "C-unwind" fn(_)), Some(destroy as _));
        refused(cppserver_service_post(null_mut(), run, user_data(), end), 4);
        refused(cppserver_service_dispatch(null_mut(), run, user_data(), end), 5);
        assert!(cppserver_timer_create(null_mut(), 0, 0, run, user_data(), end).is_null());
        refused(1, 6);
        let ask = Some(no_password as unsafe extern "C-unwind" fn(_, _, _) -> _);
        refused(cppserver_tls_context_set_password_callback(null_mut(), ask, user_data(), end), 7);
        let judge = Some(refuse as unsafe extern "C-unwind" fn(_, _, _, _) -> _);
        refused(cppserver_tls_context_set_verify_callback(null_mut(), judge, user_data(), end), 8);
        refused(cppserver_udp_start(null_mut(), &udp_handler(), user_data()), 9);
    }
}

#[test]
fn when_the_callback_is_null() {
    let log = Log::new();
    let service = Service::new();
    // SAFETY: the service is alive, and NULL is allowed everywhere.
    unsafe {
        let status = cppserver_service_post(service.0, None, probe("post", &log), Some(destroy));
        assert_eq!(status, INVALID_ARGUMENT);
        let status =
            cppserver_service_dispatch(service.0, None, probe("dispatch", &log), Some(destroy));
        assert_eq!(status, INVALID_ARGUMENT);
        let timer =
            cppserver_timer_create(service.0, 0, 0, None, probe("timer", &log), Some(destroy));
        assert!(timer.is_null());
        assert!(last_error().2.contains("callback is NULL"));
        assert_eq!(cppserver_service_post(service.0, None, null_mut(), None), INVALID_ARGUMENT);
    }
    assert_eq!(log.events(), ["post destroyed", "dispatch destroyed", "timer destroyed"]);
}

#[test]
fn when_a_callback_of_a_tls_context_is_null_replaced_or_ends_with_the_context() {
    let log = Log::new();
    let context = TlsContext::new();
    let password = |callback, name| {
        // SAFETY: the context is alive.
        unsafe {
            let (user_data, end) = (probe(name, &log), Some(destroy as _));
            cppserver_tls_context_set_password_callback(context.0, callback, user_data, end)
        }
    };
    let verify = |callback, name| {
        // SAFETY: the context is alive.
        unsafe {
            let (user_data, end) = (probe(name, &log), Some(destroy as _));
            cppserver_tls_context_set_verify_callback(context.0, callback, user_data, end)
        }
    };
    assert_eq!(password(None, "password"), INVALID_ARGUMENT);
    assert_eq!(verify(None, "verify"), INVALID_ARGUMENT);
    assert_eq!(log.events(), ["password destroyed", "verify destroyed"]);
    assert_eq!(password(Some(no_password), "first password"), 0);
    assert_eq!(verify(Some(refuse), "first verify"), 0);
    assert_eq!(log.events().len(), 2);
    assert_eq!(password(Some(no_password), "second password"), 0);
    assert_eq!(verify(Some(refuse), "second verify"), 0);
    assert_eq!(log.events()[2..], ["first password destroyed", "first verify destroyed"]);
    drop(context);
    let mut last = log.events().split_off(4);
    last.sort();
    assert_eq!(last, ["second password destroyed", "second verify destroyed"]);
}

#[test]
fn when_it_is_started_already() {
    let log = Log::new();
    let service = Service::new();
    // SAFETY: the service is alive, and the handler is a whole one.
    let start = |name| unsafe {
        cppserver_service_start(service.0, false, &service_handler(), probe(name, &log))
    };
    assert_eq!(start("service"), 0);
    assert_eq!(start("second service"), INVALID_STATE);
    assert_eq!(log.count("second service destroyed"), 1);

    let server = Server::started(&service, &log, Behaviour::Watch);
    assert_eq!(server.start(&server_handler(), probe("second server", &log)), INVALID_STATE);
    assert_eq!(log.count("second server destroyed"), 1);

    let client = Client::new(&service, "127.0.0.1", server.port());
    assert_eq!(client.connect(&session_handler(), probe("client", &log)), 0);
    log.wait_for("client connected");
    assert_eq!(client.connect(&session_handler(), probe("second client", &log)), INVALID_STATE);
    assert_eq!(log.count("second client destroyed"), 1);

    let firsts = ["service", "server", "session", "client"].map(|name| format!("{name} destroyed"));
    log.wait_for("server connected");
    for first in &firsts {
        assert_eq!(log.count(first), 0, "{first}");
    }
    service.stop();
    for first in &firsts {
        assert_eq!(log.count(first), 1, "{first}");
    }
    assert_eq!(log.events().last(), Some(&firsts[0]));
}

#[test]
fn when_the_port_is_in_use() {
    let log = Log::new();
    let service = Service::started();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let server = Server::new(&service, address.port());
    assert_eq!(server.start(&server_handler(), probe("server", &log)), SYSTEM);
    assert_eq!(log.events(), ["server destroyed"]);
    let (code, category, message) = last_error();
    let expected = TcpListener::bind(address).unwrap_err().raw_os_error();
    assert_eq!((Some(code), category.as_str()), (expected, "system"));
    assert!(message.contains(&address.to_string()), "{message:?}");
}

/// By sharing a port, which Windows does not know.
#[cfg(unix)]
#[test]
fn when_a_start_fails_another_may_succeed() {
    let log = Log::new();
    let service = Service::started();
    let share = |server: &Server| {
        // SAFETY: the server is alive.
        unsafe { cppserver_server_set_option(server.0, cppserver_option::ReusePort as i32, 1) }
    };
    let first = Server::new(&service, 0);
    assert_eq!(share(&first), 0);
    assert_eq!(first.start(&server_handler(), probe("first", &log)), 0);
    log.wait_for("first started");
    let server = Server::new(&service, first.port());
    assert_eq!(server.start(&server_handler(), probe("alone", &log)), SYSTEM);
    assert_eq!(log.events(), ["first started", "alone destroyed"]);
    assert_eq!(share(&server), 0);
    assert_eq!(server.start(&server_handler(), probe("sharing", &log)), 0);
    log.wait_for("sharing started");
    service.stop();
    assert_eq!(log.count("sharing destroyed"), 1);
    assert_eq!(log.count("alone destroyed"), 1);
}

#[test]
fn when_the_connect_fails() {
    let log = Log::new();
    let service = Service::started();
    // Bound, so that nobody else gets the port, but not listening.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    let client = Client::new(&service, "127.0.0.1", port);
    assert_eq!(client.connect(&session_handler(), probe("client", &log)), 0);
    log.wait_for("client destroyed");
    let events = log.events();
    assert!(events[0].starts_with("client error system "), "{events:?}");
    assert_eq!(events[1..], ["client disconnected 3", "client destroyed"]);
}

#[test]
fn when_a_udp_endpoint_is_started_already() {
    let log = Log::new();
    let service = Service::started();
    let udp = Udp::server(&service, 0);
    assert_eq!(udp.start(&udp_handler(), probe("first", &log)), 0);
    assert_eq!(udp.start(&udp_handler(), probe("second", &log)), INVALID_STATE);
    assert_eq!(log.count("second destroyed"), 1);
    assert_eq!(log.count("first destroyed"), 0);
    service.stop();
    assert_eq!(log.count("first destroyed"), 1);
    assert_eq!(log.count("second destroyed"), 1);
    assert_eq!(log.events().last().unwrap(), "first destroyed");
}

#[test]
fn when_the_port_of_datagrams_is_in_use() {
    let log = Log::new();
    let service = Service::started();
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let udp = Udp::server(&service, address.port());
    assert_eq!(udp.start(&udp_handler(), probe("server", &log)), SYSTEM);
    assert_eq!(log.events(), ["server destroyed"]);
    let (code, category, message) = last_error();
    let expected = UdpSocket::bind(address).unwrap_err().raw_os_error();
    assert_eq!((Some(code), category.as_str()), (expected, "system"));
    assert!(message.contains(&address.to_string()), "{message:?}");
    // That of a client is opened in the background.
    let client = Udp::client(&service, "127.0.0.1", 1);
    // SAFETY: the client is alive, and the text outlives the call.
    let status = unsafe { cppserver_udp_bind(client.0, c"127.0.0.1".as_ptr(), address.port()) };
    assert_eq!(status, 0);
    assert_eq!(client.start(&udp_handler(), probe("client", &log)), 0);
    log.wait_for("client destroyed");
    let error = format!("client error system {}", expected.unwrap());
    assert_eq!(log.events()[1..], [error.as_str(), "client stopped 3", "client destroyed"]);
}

#[test]
fn when_the_name_of_a_udp_server_is_unknown() {
    let log = Log::new();
    let service = Service::started();
    // No label of a name is that long, so no server has to be asked.
    let client = Udp::client(&service, &"x".repeat(100), 1);
    assert_eq!(client.start(&udp_handler(), probe("client", &log)), 0);
    log.wait_for("client destroyed");
    let events = log.events();
    assert!(events[0].starts_with("client error resolver "), "{events:?}");
    assert_eq!(events[1..], ["client stopped 3", "client destroyed"]);
}

#[test]
fn when_a_udp_endpoint_is_stopped_restarted_and_never_ran() {
    let log = Log::new();
    let service = Service::started();
    let udp = Udp::server(&service, 0);
    assert_eq!(udp.start(&udp_handler(), probe("it", &log)), 0);
    log.wait_for("it started");
    // SAFETY: the endpoint is alive.
    unsafe {
        assert_eq!(cppserver_udp_restart(udp.0), 0);
        log.wait_for_count("it started", 2);
        assert_eq!(cppserver_udp_stop(udp.0), 0);
        assert_eq!(cppserver_udp_stop(udp.0), INVALID_STATE);
    }
    log.wait_for("it destroyed");
    assert_eq!(
        log.events(),
        ["it started", "it stopped 1", "it started", "it stopped 1", "it destroyed"]
    );
    let idle = Service::new();
    let udp = Udp::server(&idle, 0);
    assert_eq!(udp.start(&udp_handler(), probe("never", &log)), 0);
    drop(udp);
    drop(idle);
    log.wait_for("never destroyed");
    assert_eq!(log.events()[5..], ["never destroyed"]);
}

#[test]
fn when_a_started_service_ends_with_everything_open() {
    let log = Log::new();
    let service = Service::started();
    let server = Server::started(&service, &log, Behaviour::Watch);
    let client = Client::new(&service, "127.0.0.1", server.port());
    assert_eq!(client.connect(&session_handler(), probe("client", &log)), 0);
    log.wait_for("client connected");
    log.wait_for("server connected");
    service.stop();
    for name in ["client", "session", "server"] {
        assert_eq!(log.count(&format!("{name} destroyed")), 1, "{name}");
    }
    assert_eq!(log.count("client disconnected 7"), 1);
    assert_eq!(log.count("session disconnected 7"), 1);
}

#[test]
fn when_a_session_is_refused_its_user_data_stays_the_programs() {
    let log = Log::new();
    let service = Service::started();
    let server = Server::started(&service, &log, Behaviour::Refuse);
    let mut peer = server.connect();
    // The end of the stream or a reset: either way no data.
    assert_eq!(peer.read(&mut [0; 1]).unwrap_or(0), 0);
    service.stop();
    assert_eq!(
        log.events(),
        ["server started", "server session", "server stopped", "server destroyed"]
    );
}

#[test]
fn of_a_posted_callback() {
    let log = Log::new();
    let service = Service::new();
    let post = |name| {
        // SAFETY: the service is alive.
        let status = unsafe {
            cppserver_service_post(service.0, Some(run), probe(name, &log), Some(destroy))
        };
        assert_eq!(status, 0);
    };
    post("early");
    assert_eq!(log.events(), [""; 0]);
    // SAFETY: the service is alive, and the handler may be NULL.
    assert_eq!(unsafe { cppserver_service_start(service.0, false, null(), null_mut()) }, 0);
    log.wait_for("early destroyed");
    post("late");
    log.wait_for("late destroyed");
    assert_eq!(log.events(), ["early run", "early destroyed", "late run", "late destroyed"]);
}

#[test]
fn of_a_callback_that_never_ran() {
    let log = Log::new();
    let service = Service::new();
    // SAFETY: the service is alive.
    let status =
        unsafe { cppserver_service_post(service.0, Some(run), probe("post", &log), Some(destroy)) };
    assert_eq!(status, 0);
    drop(service);
    assert_eq!(log.events(), ["post destroyed"]);
}

#[test]
fn of_a_timer_that_fires_once() {
    let log = Log::new();
    let service = Service::started();
    // SAFETY: the service is alive.
    let timer = unsafe {
        cppserver_timer_create(service.0, 1, 0, Some(run), probe("timer", &log), Some(destroy))
    };
    assert!(!timer.is_null());
    log.wait_for("timer destroyed");
    assert_eq!(log.events(), ["timer run", "timer destroyed"]);
    // SAFETY: the test owns the timer.
    unsafe {
        assert_eq!(cppserver_timer_retain(timer), timer);
        assert!(!cppserver_timer_cancel(timer), "it has fired");
        cppserver_timer_release(timer);
        cppserver_timer_release(timer);
    }
}

#[test]
fn of_a_timer_that_is_cancelled() {
    let log = Log::new();
    let service = Service::started();
    let hour = 3_600_000;
    // SAFETY: the service is alive, and the test owns the timer.
    unsafe {
        let user_data = probe("timer", &log);
        let timer =
            cppserver_timer_create(service.0, hour, hour, Some(run), user_data, Some(destroy));
        assert!(cppserver_timer_cancel(timer));
        assert!(!cppserver_timer_cancel(timer), "it was cancelled before");
        cppserver_timer_release(timer);
    }
    log.wait_for("timer destroyed");
    assert_eq!(log.events(), ["timer destroyed"]);
}

#[test]
fn of_a_timer_that_repeats_until_the_service_stops() {
    let log = Log::new();
    let service = Service::started();
    // SAFETY: the service is alive, and the test owns the timer, which goes on without its handle.
    unsafe {
        let user_data = probe("timer", &log);
        let timer = cppserver_timer_create(service.0, 1, 1, Some(run), user_data, Some(destroy));
        cppserver_timer_release(timer);
    }
    log.wait_for_count("timer run", 3);
    assert_eq!(log.count("timer destroyed"), 0);
    service.stop();
    assert_eq!(log.count("timer destroyed"), 1);
    assert_eq!(log.events().last().unwrap(), "timer destroyed");
}

#[test]
fn of_timers_beyond_the_end_of_time() {
    let log = Log::new();
    let service = Service::started();
    for (delay, interval) in [(u64::MAX, 0), (u64::MAX, u64::MAX), (u64::MAX / 1000, 1)] {
        // SAFETY: the service is alive, and the test owns the timer.
        unsafe {
            let user_data = probe("timer", &log);
            let timer = cppserver_timer_create(
                service.0,
                delay,
                interval,
                Some(run),
                user_data,
                Some(destroy),
            );
            assert!(!timer.is_null(), "{:?}", last_error());
            cppserver_timer_release(timer);
        }
    }
    service.stop();
    assert_eq!(log.events(), ["timer destroyed"; 3]);
}
