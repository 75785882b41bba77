//! Servers: stop, restart and start again, with sessions alive, on the same port, on one loop and on
//! several.

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use cppserver::{Reason, Server, Status};

#[test]
fn a_server_starts_and_stops_again_and_again() {
    for threads in [1, 3] {
        let world = World::with_threads(threads);
        let server = world.server();
        for round in 1..=50 {
            server.start(world.server_probe().echo()).unwrap();
            let mut peer = connect(server.port());
            peer.write_all(b"hello").unwrap();
            assert_eq!(read_some(&mut peer, 5), b"hello");
            assert!(server.is_started());
            assert!(server.native_handle().is_some());
            server.stop().unwrap();
            assert_eq!(server.stop().unwrap_err().status(), Status::InvalidState);
            assert_eq!(read_all(&mut peer), b"");
            world.log.wait_count("server", round, |event| *event == Event::Stopped);
        }
        world.finish();
    }
}

#[test]
fn a_start_right_after_a_stop_and_a_stop_right_after_a_start_are_in_order() {
    for threads in [1, 3] {
        let world = World::with_threads(threads);
        let server = Server::tcp(&world.service, "127.0.0.1", free_port()).unwrap();
        server.start(world.server_probe()).unwrap();
        for _ in 0..100 {
            server.stop().unwrap();
            server.start(world.server_probe()).unwrap();
        }
        server.stop().unwrap();
        world.log.wait_count("server", 101, |event| *event == Event::Dropped);
        for story in world.log.each("server") {
            assert_eq!(story, [Event::Started, Event::Stopped, Event::Dropped]);
        }
        assert!(!server.is_started());
        world.finish();
    }
}

#[test]
fn on_stopped_comes_before_the_sessions_end() {
    let world = World::new();
    let server = world.serve(world.server_probe());
    let peers: Vec<_> = (0..5).map(|_| connect(server.port())).collect();
    world.log.wait_count("session", 5, |event| *event == Event::Connected);
    server.stop().unwrap();
    world.log.wait_event("server", Event::Dropped);
    let entries = world.log.entries();
    let stopped = entries.iter().position(|entry| entry.event == Event::Stopped).unwrap();
    let ended =
        entries.iter().position(|entry| entry.event == Event::Disconnected(Reason::ServerStopped));
    assert!(stopped < ended.unwrap());
    drop(peers);
    world.finish();
}

#[test]
fn a_restart_ends_the_sessions_and_serves_again_with_the_same_handler() {
    for threads in [1, 3] {
        let world = World::with_threads(threads);
        let server = world.serve(world.server_probe().echo());
        // Chosen by the system, and kept.
        let port = server.port();
        for round in 1..=10 {
            let mut peers: Vec<_> = (0..5).map(|_| connect(port)).collect();
            for peer in &mut peers {
                peer.write_all(b"hello").unwrap();
                assert_eq!(read_some(peer, 5), b"hello");
            }
            server.restart().unwrap();
            for peer in &mut peers {
                assert_eq!(read_all(peer), b"");
            }
            world.log.wait_count("server", round + 1, |event| *event == Event::Started);
            assert_eq!(server.port(), port);
        }
        server.stop().unwrap();
        world.log.wait_count("server", 11, |event| *event == Event::Stopped);
        assert_eq!(server.port(), 0, "the next start may choose again");
        let log = world.finish();
        assert_eq!(log.each("server").len(), 1);
        let ended = Event::Disconnected(Reason::ServerStopped);
        assert_eq!(log.of("session").iter().filter(|event| **event == ended).count(), 50);
    }
}

#[test]
fn a_restart_whose_port_is_gone_is_told_and_leaves_the_server_stopped() {
    let world = World::new();
    let port = free_port();
    let server = Server::tcp(&world.service, "127.0.0.1", port).unwrap();
    let thief = Arc::new(std::sync::Mutex::new(None));
    let hands = Arc::clone(&thief);
    let probe = world.server_probe().on(move |_, event| {
        if *event == Event::Stopped {
            // Between the two lives nobody listens.
            let stolen = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
            *hands.lock().unwrap() = Some(stolen);
        }
    });
    server.start(probe).unwrap();
    world.log.wait_event("server", Event::Started);
    server.restart().unwrap();
    world.log.wait_event("server", Event::Dropped);
    let story = world.log.of("server");
    assert_eq!(story[..2], [Event::Started, Event::Stopped]);
    assert!(
        matches!(&story[2], Event::Error(error) if error.message().contains("cannot listen")),
        "{story:?}"
    );
    assert!(!server.is_started());
    assert_eq!(server.stop().unwrap_err().status(), Status::InvalidState);
    *thief.lock().unwrap() = None;
    server.start(world.server_probe()).unwrap();
    world.finish();
}

/// The side that closes first keeps the port in TIME_WAIT; a server must get it back at once.
#[test]
fn a_port_is_free_again_at_once() {
    let world = World::new();
    let port = free_port();
    for round in 1..=5 {
        let server = Server::tcp(&world.service, "127.0.0.1", port).unwrap();
        server.start(world.server_probe()).unwrap();
        let mut peer = connect(port);
        world.log.wait_count("session", round, |event| *event == Event::Connected);
        server.stop().unwrap();
        assert_eq!(read_all(&mut peer), b"");
        world.log.wait_count("server", round, |event| *event == Event::Stopped);
    }
    world.finish();
}

#[test]
fn connections_wait_for_a_service_that_is_not_started_yet() {
    let log = Log::new();
    let service = cppserver::Service::with_threads(2).unwrap();
    let server = Server::tcp(&service, "127.0.0.1", 0).unwrap();
    server.start(ServerProbe::new(&log).echo()).unwrap();
    assert!(!server.is_started());
    let mut peer = connect(server.port());
    peer.write_all(b"early").unwrap();
    service.start(()).unwrap();
    assert_eq!(read_some(&mut peer, 5), b"early");
    service.stop().unwrap();
    log.check();
}

#[test]
fn a_server_stopped_before_its_service_started_never_serves() {
    let log = Log::new();
    let service = cppserver::Service::new().unwrap();
    let server = Server::tcp(&service, "127.0.0.1", 0).unwrap();
    server.start(ServerProbe::new(&log)).unwrap();
    let mut early = connect(server.port());
    server.stop().unwrap();
    service.start(()).unwrap();
    log.wait_event("server", Event::Dropped);
    assert_eq!(log.story("session"), []);
    assert_eq!(read_until_gone(&mut early), 0);
    service.stop().unwrap();
    log.check();
}

#[test]
fn a_session_that_is_not_wanted_is_closed() {
    let world = World::new();
    let log = Arc::clone(&world.log);
    let seen = AtomicUsize::new(0);
    let server = world.serve(world.server_probe().make(move |_| {
        // Every other one.
        let wanted = seen.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        wanted.then(|| Probe::new(&log, "session").echo())
    }));
    for _ in 0..5 {
        assert_eq!(read_until_gone(&mut connect(server.port())), 0);
        let mut peer = connect(server.port());
        peer.write_all(b"hello").unwrap();
        assert_eq!(read_some(&mut peer, 5), b"hello");
    }
    eventually("only wanted ones are counted", || server.current_sessions() == 0);
    let log = world.finish();
    assert_eq!(log.each("session").len(), 5);
}

#[test]
fn a_session_may_be_disconnected_before_it_is_announced() {
    let world = World::new();
    let log = Arc::clone(&world.log);
    let server = world.serve(world.server_probe().make(move |session| {
        log.expect(session.disconnect().is_ok(), "disconnect in on_session failed");
        log.expect(session.send(b"x").is_err(), "send in on_session worked");
        Some(Probe::new(&log, "session"))
    }));
    assert_eq!(read_all(&mut connect(server.port())), b"");
    world.log.wait_event("session", Event::Dropped);
    let end = Event::Disconnected(Reason::Local);
    assert_eq!(world.log.of("session"), [Event::Connected, end, Event::Dropped]);
    world.finish();
}

/// Connections come while the server is stopped: each is served to its end or not at all, and no
/// session is forgotten.
#[test]
fn a_stop_amid_connections_forgets_none_of_them() {
    for threads in [1, 3] {
        let world = World::with_threads(threads);
        for _ in 0..30 {
            let server = world.serve(world.server_probe());
            let port = server.port();
            let callers: Vec<_> = (0..2)
                .map(|_| {
                    std::thread::spawn(move || {
                        let call = || TcpStream::connect(("127.0.0.1", port)).ok();
                        (0..20).map_while(|_| call()).collect::<Vec<_>>()
                    })
                })
                .collect();
            eventually("some are served", || server.current_sessions() > 0);
            server.stop().unwrap();
            // The peers stay: only the stop can end the sessions.
            let peers: Vec<_> =
                callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
            eventually("all sessions end", || server.current_sessions() == 0);
            drop(peers);
        }
        let log = world.finish();
        let sessions = log.each("session");
        assert!(!sessions.is_empty());
        for story in sessions {
            assert!(story.contains(&Event::Disconnected(Reason::ServerStopped)), "{story:?}");
        }
    }
}
