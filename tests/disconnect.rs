//! Contract 6: disconnect() loses nothing, and disconnect_now() keeps nobody waiting.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::thread;

use common::*;
use cppserver::{Category, Reason, Session, SocketOption, Status};

/// More than the buffers of the system take, and less than the send limit.
const MUCH: usize = 12 << 20;

/// A close timeout, in milliseconds, that even a slow machine never reaches.
const LONG: i64 = 120_000;

/// Reads slowly, in small pieces with pauses of other work in between, and checks every byte.
fn read_slowly(peer: &mut TcpStream, expected: &[u8]) {
    let mut buffer = [0; 32 * 1024];
    let mut place = 0;
    loop {
        let count = peer.read(&mut buffer).expect("the session delivers everything");
        if count == 0 {
            break;
        }
        assert_eq!(buffer[..count], expected[place..place + count], "at byte {place}");
        place += count;
        thread::yield_now();
    }
    assert_eq!(place, expected.len());
}

/// A server whose sessions send much when they are connected, and then do what the test wants.
fn serve_much(world: &World, then: impl Fn(&Session) + Send + Sync + 'static) -> u16 {
    let server = world.server();
    server.set_option(SocketOption::CloseTimeout, LONG).unwrap();
    let probe = world.server_probe().sessions(move |session, event| {
        if *event == Event::Connected {
            session.send(&pattern(MUCH)).expect("it is below the limit");
            then(session);
        }
    });
    server.start(probe).unwrap();
    server.port()
}

#[test]
fn contract_06_disconnect_loses_nothing() {
    let world = World::new();
    let port = serve_much(&world, |session| {
        session.disconnect().unwrap();
        assert_eq!(session.send(b"more").unwrap_err().status(), Status::NotConnected);
    });
    let mut peer = connect(port);
    read_slowly(&mut peer, &pattern(MUCH));
    world.log.wait_event("session", Event::Dropped);
    assert_eq!(
        world.log.story("session"),
        [Event::Connected, Event::Disconnected(Reason::Local), Event::Dropped]
    );
    world.finish();
}

#[test]
fn contract_06_disconnect_of_a_client_loses_nothing() {
    let world = World::new();
    let (listener, port) = listener();
    let client = world.connect(port, world.probe("client"));
    client.set_option(SocketOption::CloseTimeout, LONG).unwrap();
    let mut peer = accept(&listener);
    world.log.wait_event("client", Event::Connected);
    client.send(&pattern(MUCH)).unwrap();
    client.disconnect().unwrap();
    assert_eq!(client.disconnect().unwrap_err().status(), Status::NotConnected);
    read_slowly(&mut peer, &pattern(MUCH));
    world.log.wait_event("client", Event::Dropped);
    assert_eq!(client.bytes_sent(), MUCH as u64);
    assert_eq!(world.log.errors("client"), []);
    world.finish();
}

/// A reset in answer to bytes that nobody reads any more must not destroy what is on its way.
#[test]
fn contract_06_disconnect_loses_nothing_when_the_peer_goes_on_sending() {
    let world = World::new();
    let port = serve_much(&world, |session| session.disconnect().unwrap());
    let mut peer = connect(port);
    let mut talker = peer.try_clone().unwrap();
    let talk = thread::spawn(move || while talker.write_all(&[7; 10_000]).is_ok() {});
    read_slowly(&mut peer, &pattern(MUCH));
    let _ = peer.shutdown(Shutdown::Both);
    talk.join().unwrap();
    world.log.wait_event("session", Event::Dropped);
    assert_eq!(world.log.errors("session"), []);
    world.finish();
}

#[test]
fn contract_06_the_stop_of_a_server_loses_nothing() {
    let world = World::new();
    let server = world.serve(world.server_probe());
    server.set_option(SocketOption::CloseTimeout, LONG).unwrap();
    let mut peers: Vec<_> = (0..3).map(|_| connect(server.port())).collect();
    world.log.wait_count("session", 3, |event| *event == Event::Connected);
    server.multicast(&pattern(MUCH)).unwrap();
    server.stop().unwrap();
    for peer in &mut peers {
        read_slowly(peer, &pattern(MUCH));
    }
    world.log.wait_event("server", Event::Dropped);
    assert_eq!(world.log.errors("session"), []);
    world.finish();
}

#[test]
fn contract_06_the_stop_of_a_service_loses_nothing() {
    let world = World::new();
    let port = serve_much(&world, |_| ());
    let mut peer = connect(port);
    world.log.wait_for("session", |event| matches!(event, Event::Sent { .. }));
    let reader = thread::spawn(move || read_slowly(&mut peer, &pattern(MUCH)));
    let log = world.finish();
    reader.join().unwrap();
    assert_eq!(
        log.story("session"),
        [Event::Connected, Event::Disconnected(Reason::ServiceStopped), Event::Dropped]
    );
}

/// The same as for disconnect: bytes of the peer that nobody reads must not cost it the rest. Only
/// where the system tells what the peer has confirmed; elsewhere the stop would have to wait for
/// the peer.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
#[test]
fn contract_06_the_stop_of_a_service_loses_nothing_when_the_peer_goes_on_sending() {
    let world = World::new();
    let port = serve_much(&world, |_| ());
    let mut peer = connect(port);
    let mut talker = peer.try_clone().unwrap();
    world.log.wait_for("session", |event| matches!(event, Event::Sent { .. }));
    let talk = thread::spawn(move || while talker.write_all(&[7; 10_000]).is_ok() {});
    let reader = thread::spawn(move || {
        read_slowly(&mut peer, &pattern(MUCH));
        // Ends the talk if that has not met the end of the session by itself.
        let _ = peer.shutdown(Shutdown::Both);
    });
    world.service.stop().unwrap();
    reader.join().unwrap();
    talk.join().unwrap();
    assert_eq!(world.log.errors("session"), []);
    world.log.check();
}

#[test]
fn contract_06_a_message_and_a_disconnect_in_on_connected_reach_the_peer() {
    let world = World::new();
    let server = world.serve(world.server_probe().sessions(|session, event| {
        if *event == Event::Connected {
            session.send(b"go away").unwrap();
            session.disconnect().unwrap();
        }
    }));
    for _ in 0..20 {
        let mut peer = connect(server.port());
        assert_eq!(read_all(&mut peer), b"go away");
    }
    world.finish();
}

#[test]
fn contract_06_a_reader_that_never_reads_is_given_up_and_the_loss_is_told() {
    let world = World::new();
    let server = world.server();
    server.set_option(SocketOption::CloseTimeout, 100).unwrap();
    let (sender, receiver) = mpsc::channel();
    let probe = world.server_probe().sessions(move |session, event| {
        if *event == Event::Connected {
            session.send(&pattern(MUCH)).unwrap();
            session.disconnect().unwrap();
            sender.send(session.clone()).unwrap();
        }
    });
    server.start(probe).unwrap();
    let mut peer = connect(server.port());
    let session = receiver.recv_timeout(DEADLINE).unwrap();
    world.log.wait_event("session", Event::Dropped);

    let errors = world.log.errors("session");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].category(), Category::Timeout);
    let lost = MUCH as u64 - session.bytes_sent();
    assert!(lost > 0);
    let text = errors[0].message();
    assert!(text.starts_with(&format!("{lost} accepted bytes were not delivered")), "{text}");
    let story = world.log.story("session");
    assert_eq!(story[2..], [Event::Disconnected(Reason::Local), Event::Dropped]);
    assert_eq!(session.bytes_pending(), 0);
    assert!((read_until_gone(&mut peer) as u64) <= session.bytes_sent());
    world.finish();
}

/// A stop is not held up by one peer for longer than the deadline either.
#[test]
fn contract_06_a_reader_that_never_reads_does_not_hold_up_a_stop() {
    let world = World::new();
    let server = world.server();
    server.set_option(SocketOption::CloseTimeout, 100).unwrap();
    server.start(world.server_probe()).unwrap();
    let peer = connect(server.port());
    world.log.wait_event("session", Event::Connected);
    server.multicast(&pattern(MUCH)).unwrap();
    let log = world.finish();
    let story = log.story("session");
    assert!(matches!(&story[1], Event::Error(error) if error.category() == Category::Timeout));
    assert_eq!(story[2], Event::Disconnected(Reason::ServiceStopped), "{story:?}");
    drop(peer);
}

#[test]
fn contract_06_a_peer_that_leaves_during_the_delivery_is_told() {
    let world = World::new();
    let port = serve_much(&world, |session| session.disconnect().unwrap());
    let peer = connect(port);
    world.log.wait_for("session", |event| matches!(event, Event::Sent { .. }));
    reset(peer);
    world.log.wait_event("session", Event::Dropped);
    let story = world.log.story("session");
    assert!(
        matches!(&story[1], Event::Error(error) if error.message().contains("not delivered")),
        "{story:?}"
    );
    assert_eq!(story[2], Event::Disconnected(Reason::Local));
    world.finish();
}

#[test]
fn contract_06_disconnect_now_discards() {
    let world = World::new();
    let port = serve_much(&world, |session| {
        session.disconnect_now().unwrap();
        assert_eq!(session.disconnect().unwrap_err().status(), Status::NotConnected);
        assert_eq!(session.disconnect_now().unwrap_err().status(), Status::NotConnected);
    });
    let mut peer = connect(port);
    // Nobody reads before, so that the system can't have taken everything already.
    world.log.wait_event("session", Event::Dropped);
    assert!(read_until_gone(&mut peer) < MUCH, "everything came");
    assert_eq!(
        world.log.story("session"),
        [Event::Connected, Event::Disconnected(Reason::Local), Event::Dropped],
        "what was dropped on purpose is no error"
    );
    world.finish();
}

#[test]
fn contract_06_disconnect_now_cuts_a_disconnect_short() {
    let world = World::new();
    let (sender, receiver) = mpsc::channel();
    let port = serve_much(&world, move |session| {
        session.disconnect().unwrap();
        sender.send(session.clone()).unwrap();
    });
    let peer = connect(port);
    let session = receiver.recv_timeout(DEADLINE).unwrap();
    pump(&world.service);
    assert!(session.is_connected(), "the delivery goes on while nobody reads");
    session.disconnect_now().unwrap();
    world.log.wait_event("session", Event::Dropped);
    assert_eq!(
        world.log.story("session"),
        [Event::Connected, Event::Disconnected(Reason::Local), Event::Dropped]
    );
    drop(peer);
    world.finish();
}

#[test]
fn contract_06_a_disconnected_session_is_gone_for_the_peer_before_the_deadline() {
    let world = World::new();
    let server = world.server();
    // A peer that does not close by itself would be waited for so long.
    server.set_option(SocketOption::CloseTimeout, 100).unwrap();
    server.start(world.server_probe()).unwrap();
    let mut peer = connect(server.port());
    world.log.wait_event("session", Event::Connected);
    server.disconnect_all().unwrap();
    assert_eq!(read_all(&mut peer), b"");
    // On Windows and macOS a write to a closed connection may need some tries until it fails.
    eventually("the peer learns that nobody reads any more", || peer.write_all(b"x").is_err());
    world.finish();
}

/// A peer that the session has left without waiting for it. `true` when the connection is still
/// there behind it.
fn is_kept(peer: &mut TcpStream) -> bool {
    // A closed connection answers the first write with a reset, the second one meets it.
    (0..1000).all(|_| {
        thread::yield_now();
        peer.write_all(b"x").is_ok()
    })
}

/// What a peer that does not close costs is limited like its session.
#[test]
fn no_more_closed_connections_are_kept_than_sessions_are_allowed() {
    for limit in [SocketOption::SessionLimit, SocketOption::SessionLimitPerAddress] {
        let world = World::new();
        let server = world.server();
        server.set_option(limit, 1).unwrap();
        server.set_option(SocketOption::CloseTimeout, 60_000).unwrap();
        let probe = world.server_probe().sessions(|session, event| {
            if *event == Event::Connected {
                session.send(b"bye").unwrap();
                session.disconnect().unwrap();
            }
        });
        server.start(probe).unwrap();
        let leave = || {
            eventually("there is room for a session", || server.current_sessions() == 0);
            let mut peer = connect(server.port());
            assert_eq!(read_all(&mut peer), b"bye", "even if the connection is not kept");
            peer
        };
        let mut first = leave();
        let mut second = leave();
        assert!(is_kept(&mut first));
        assert!(!is_kept(&mut second));
        drop(first);
        eventually("the place of the first one is free again", || is_kept(&mut leave()));
        assert_eq!(world.log.errors("server"), []);
        // The peers have closed, so that the stop need not wait.
        world.finish();
    }
}

/// The limit may come and go while there are sessions.
#[test]
fn a_limit_per_address_counts_those_that_it_admitted() {
    let world = World::new();
    let server = world.serve(world.server_probe());
    let before = connect(server.port());
    world.log.wait_count("session", 1, |event| *event == Event::Connected);
    server.set_option(SocketOption::SessionLimitPerAddress, 1).unwrap();
    let counted = connect(server.port());
    world.log.wait_count("session", 2, |event| *event == Event::Connected);
    drop(before);
    world.log.wait_count("session", 1, |event| *event == Event::Dropped);
    assert_eq!(read_until_gone(&mut connect(server.port())), 0, "one is there");
    server.set_option(SocketOption::SessionLimitPerAddress, 0).unwrap();
    drop(counted);
    world.log.wait_count("session", 2, |event| *event == Event::Dropped);
    server.set_option(SocketOption::SessionLimitPerAddress, 1).unwrap();
    let _again = connect(server.port());
    world.log.wait_count("session", 3, |event| *event == Event::Connected);
    world.finish();
}
