//! What a session tells of itself, before, while and after it is connected.

use std::ffi::{c_char, c_void};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::ptr::{null, null_mut};

use cppserver::ffi::*;

use crate::support::*;

const INVALID_ARGUMENT: i32 = 1;
const NOT_CONNECTED: i32 = 3;
const LIMIT: i32 = 4;

type AddressFunction =
    unsafe extern "C" fn(*const cppserver_session, *mut c_char, usize, *mut u16) -> i32;

fn address(function: AddressFunction, session: *mut cppserver_session) -> Result<SocketAddr, i32> {
    let mut buffer = [1 as c_char; 64];
    let mut port = 0;
    // SAFETY: the tests call this with live sessions only, and the buffer is as large as it says.
    match unsafe { function(session, buffer.as_mut_ptr(), buffer.len(), &mut port) } {
        0 => Ok(SocketAddr::new(text(buffer.as_ptr()).parse::<IpAddr>().unwrap(), port)),
        status => {
            assert_eq!((buffer[0], port), (0, 0));
            Err(status)
        }
    }
}

fn send(session: *mut cppserver_session, data: &[u8]) -> i32 {
    // SAFETY: the tests call this with live sessions only.
    unsafe { cppserver_session_send(session, data.as_ptr().cast(), data.len(), null_mut()) }
}

/// A started server, the user_data of its probe, and its service.
fn server(log: &std::sync::Arc<Log>, behaviour: Behaviour) -> (Service, Server, *mut c_void) {
    let service = Service::started();
    let server = Server::new(&service, 0);
    let user_data = probe_with("server", log, behaviour);
    assert_eq!(server.start(&server_handler(), user_data), 0);
    (service, server, user_data)
}

#[test]
fn while_it_is_connected_and_after() {
    let log = Log::new();
    let (service, server, user_data) = server(&log, Behaviour::Echo);
    let mut peer = server.connect();
    peer.write_all(b"hello").unwrap();
    peer.read_exact(&mut [0; 5]).unwrap();
    log.wait_for("session empty");
    // SAFETY: the server's probe keeps its latest session.
    let session = unsafe { cppserver_session_retain(session_of(user_data)) };
    assert_eq!(session, session_of(user_data));
    let addresses = (peer.local_addr().unwrap(), peer.peer_addr().unwrap());
    // SAFETY: the session is retained.
    let id = unsafe {
        assert!(cppserver_session_is_connected(session));
        assert_eq!(cppserver_session_bytes_received(session), 5);
        assert_eq!(cppserver_session_bytes_sent(session), 5);
        assert_eq!(cppserver_session_bytes_pending(session), 0);
        assert!(cppserver_session_native_handle(session) >= 0);
        let no_delay = cppserver_option::NoDelay as i32;
        assert_eq!(cppserver_session_set_option(session, no_delay, 0), 0);
        assert_eq!(cppserver_session_set_option(session, no_delay, 2), INVALID_ARGUMENT);
        cppserver_session_id(session)
    };
    assert_ne!(id, 0);
    assert_eq!(address(cppserver_session_peer_address, session), Ok(addresses.0));
    assert_eq!(address(cppserver_session_local_address, session), Ok(addresses.1));
    assert_eq!(send(session, b""), 0);
    // SAFETY: the session is retained, and there may be no data.
    assert_eq!(unsafe { cppserver_session_send(session, null(), 0, null_mut()) }, 0);

    drop(peer);
    log.wait_for("session destroyed");
    service.stop();
    log.wait_for("server destroyed");
    assert_eq!(send(session, b"late"), NOT_CONNECTED);
    assert_eq!(last_error().1, "state");
    // SAFETY: the session is retained.
    unsafe {
        assert!(!cppserver_session_is_connected(session));
        assert_eq!(cppserver_session_disconnect(session), NOT_CONNECTED);
        assert_eq!(cppserver_session_disconnect_now(session), NOT_CONNECTED);
        assert_eq!(cppserver_session_set_option(session, 1, 1), NOT_CONNECTED);
        assert_eq!(cppserver_session_native_handle(session), -1);
        assert_eq!(cppserver_session_id(session), id);
        assert_eq!(cppserver_session_bytes_received(session), 5);
        assert_eq!(cppserver_session_bytes_sent(session), 5);
        assert_eq!(cppserver_session_bytes_pending(session), 0);
    }
    assert_eq!(address(cppserver_session_peer_address, session), Ok(addresses.0));
    assert_eq!(address(cppserver_session_local_address, session), Err(NOT_CONNECTED));

    // The last handle of all may be the session's.
    drop(server);
    drop(service);
    assert_eq!(send(session, b"too late"), NOT_CONNECTED);
    // SAFETY: the test owns one reference.
    unsafe { cppserver_session_release(session) };
}

#[test]
fn of_a_client_before_it_connects() {
    let service = Service::new();
    let client = Client::new(&service, "127.0.0.1", 1);
    let session = client.session();
    assert_eq!(session.addr(), client.0.addr());
    assert_eq!(send(session, b"early"), NOT_CONNECTED);
    assert_eq!(address(cppserver_session_peer_address, session), Err(NOT_CONNECTED));
    assert_eq!(address(cppserver_session_local_address, session), Err(NOT_CONNECTED));
    // SAFETY: the session lives as long as the client.
    unsafe {
        assert_ne!(cppserver_session_id(session), 0);
        assert!(!cppserver_session_is_connected(session));
        assert_eq!(cppserver_session_disconnect(session), NOT_CONNECTED);
        assert_eq!(cppserver_session_native_handle(session), -1);
        assert_eq!(cppserver_session_bytes_pending(session), 0);
    }
    // A session that is retained keeps what it needs of its client.
    // SAFETY: the session lives as long as the client, and then by the test's own reference.
    let kept = unsafe { cppserver_session_retain(session) };
    drop(client);
    assert_eq!(send(kept, b"late"), NOT_CONNECTED);
    // SAFETY: the test owns one reference.
    unsafe { cppserver_session_release(kept) };
}

#[test]
fn a_buffer_that_is_too_small_for_the_address() {
    let log = Log::new();
    let (_service, server, user_data) = server(&log, Behaviour::Watch);
    let _peer = server.connect();
    log.wait_for("server connected");
    let session = session_of(user_data);
    let needed = "127.0.0.1".len() + 1;
    for size in 1..=needed {
        let mut buffer = [1 as c_char; 64];
        // SAFETY: the server's probe keeps the session, and the buffer has so many bytes.
        let status = unsafe {
            cppserver_session_peer_address(session, buffer.as_mut_ptr(), size, null_mut())
        };
        assert_eq!(status, if size < needed { INVALID_ARGUMENT } else { 0 });
        let expected = if size < needed { "" } else { "127.0.0.1" };
        assert_eq!(text(buffer.as_ptr()), expected);
        assert!(buffer[size..].iter().all(|byte| *byte == 1));
    }
}

#[test]
fn bytes_that_are_not_handled_come_again() {
    let log = Log::new();
    let (_service, server, _) = server(&log, Behaviour::Lines);
    let mut peer = server.connect();
    peer.write_all(b"one\ntw").unwrap();
    log.wait_for("session received 0 one\ntw");
    peer.write_all(b"o\n").unwrap();
    log.wait_for("session received 0 two\n");
    drop(peer);
    log.wait_for("session destroyed");
}

#[test]
fn a_send_above_the_limit() {
    let log = Log::new();
    let (_service, server, user_data) = server(&log, Behaviour::Watch);
    let mut peer = server.connect();
    log.wait_for("server connected");
    let session = session_of(user_data);
    let option = cppserver_option::SendLimit as i32;
    let mut pending = 7;
    // SAFETY: the handles are alive; the server's probe keeps the session.
    unsafe {
        assert_eq!(cppserver_server_set_option(server.0, option, 10), 0);
        let status = cppserver_session_send(session, [b'x'; 11].as_ptr().cast(), 11, &mut pending);
        assert_eq!((status, pending), (LIMIT, 7));
        assert_eq!(last_error().0, LIMIT);
        let status = cppserver_session_send(session, [b'x'; 10].as_ptr().cast(), 10, &mut pending);
        assert_eq!((status, pending), (0, 10));
    }
    peer.read_exact(&mut [0; 10]).unwrap();
}

#[test]
fn all_of_a_server_together() {
    let log = Log::new();
    let (_service, server, _) = server(&log, Behaviour::Watch);
    let mut peers: Vec<_> = (0..3).map(|_| server.connect()).collect();
    log.wait_for_count("server connected", 3);
    // SAFETY: the server is alive.
    unsafe {
        assert_eq!(cppserver_server_current_sessions(server.0), 3);
        assert_eq!(cppserver_server_multicast(server.0, b"all".as_ptr().cast(), 3), 0);
        assert_eq!(cppserver_server_multicast(server.0, null(), 0), 0);
        assert_eq!(cppserver_server_disconnect_all(server.0), 0);
    }
    for peer in &mut peers {
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"all");
    }
    log.wait_for_count("session destroyed", 3);
    assert_eq!(log.count("session disconnected 1"), 3);
    // SAFETY: the server is alive.
    unsafe {
        assert_eq!(cppserver_server_bytes_sent(server.0), 9);
        assert_eq!(cppserver_server_current_sessions(server.0), 0);
        assert!(cppserver_server_is_started(server.0));
    }
}

// Other systems give the loopback interface one address only, and a port of that may be taken.
#[cfg(target_os = "linux")]
#[test]
fn the_local_address_of_a_client() {
    let log = Log::new();
    let (service, server, user_data) = server(&log, Behaviour::Watch);
    // Taken on the usual address, so that no other test gets it on another one.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let local = SocketAddr::from(([127, 0, 0, 2], taken.local_addr().unwrap().port()));
    let client = Client::new(&service, "127.0.0.1", server.port());
    let ip = std::ffi::CString::new(local.ip().to_string()).unwrap();
    // SAFETY: the client is alive, and the text outlives the call.
    assert_eq!(unsafe { cppserver_client_bind(client.0, ip.as_ptr(), local.port()) }, 0);
    assert_eq!(client.connect(&session_handler(), probe("client", &log)), 0);
    log.wait_for("client connected");
    log.wait_for("server connected");
    assert_eq!(address(cppserver_session_local_address, client.session()), Ok(local));
    assert_eq!(address(cppserver_session_peer_address, session_of(user_data)), Ok(local));
}
