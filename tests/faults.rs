//! Peers that behave badly, and a system that is out of descriptors: none of it harms the others.

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use common::*;
use cppserver::{Category, Kind, Reason, Server, ServerHandler, Session, SessionHandler, Status};

/// A server with a well-behaved peer, which must not notice anything.
fn beside_a_good_peer(
    probe: impl FnOnce(&World) -> ServerProbe,
    fault: impl FnOnce(&World, &Server),
) {
    let world = World::new();
    let server = world.serve(probe(&world));
    let mut good = connect(server.port());
    let mut talk = || {
        good.write_all(b"still there?").unwrap();
        assert_eq!(read_some(&mut good, 12), b"still there?");
    };
    talk();
    fault(&world, &server);
    talk();
    server.disconnect_all().unwrap();
    world.finish();
}

/// Wine 8 tells of a reset as of a close in good order.
fn is_end_by_reset(event: &Event) -> bool {
    *event == Event::Disconnected(Reason::Error)
        || (cfg!(windows) && *event == Event::Disconnected(Reason::PeerClosed))
}

fn echo(world: &World) -> ServerProbe {
    world.server_probe().echo()
}

#[test]
fn a_peer_that_resets() {
    beside_a_good_peer(echo, |world, server| {
        for round in 1..=20 {
            let mut peer = connect(server.port());
            peer.write_all(b"hello").unwrap();
            world.log.wait_count("session", round + 1, |event| *event == Event::Connected);
            reset(peer);
            world.log.wait_count("session", round, |event| *event == Event::Dropped);
        }
        for story in world.log.each("session").into_iter().skip(1) {
            assert!(story.iter().any(is_end_by_reset), "{story:?}");
        }
        let errors = world.log.errors("session");
        if cfg!(not(windows)) {
            assert_eq!(errors.len(), 20, "each is told once, also where the echo meets it");
            assert!(errors.iter().all(|error| error.category() == Category::System));
        }
    });
}

/// Echoes, and answers `much` with more than all buffers of the system hold.
fn generous(world: &World) -> ServerProbe {
    world.server_probe().sessions(|session, event| match event {
        Event::Received(bytes) if bytes == b"much" => {
            session.send(&pattern(12 << 20)).unwrap();
        }
        Event::Received(bytes) => {
            session.send(bytes).unwrap();
        }
        _ => {}
    })
}

#[test]
fn a_peer_that_resets_while_much_is_sent_to_it() {
    beside_a_good_peer(generous, |world, server| {
        let mut peer = connect(server.port());
        peer.write_all(b"much").unwrap();
        let mut other = connect(server.port());
        other.write_all(b"much").unwrap();
        read_some(&mut peer, 1);
        reset(peer);
        world.log.wait_for("session", is_end_by_reset);
        let errors = world.log.errors("session");
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(read_some(&mut other, 12 << 20) == pattern(12 << 20));
    });
}

/// The peer says that it sends no more, and waits for its answer.
#[test]
fn a_peer_that_half_closes_gets_everything() {
    let world = World::new();
    let server = world.serve(world.server_probe().sessions(|session, event| {
        if let Event::Received(bytes) = event
            && bytes.ends_with(b"?")
        {
            session.send(&pattern(12 << 20)).unwrap();
        }
    }));
    let mut peer = connect(server.port());
    peer.write_all(b"how much?").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    assert!(read_all(&mut peer) == pattern(12 << 20));
    world.log.wait_event("session", Event::Disconnected(Reason::PeerClosed));
    assert_eq!(world.log.errors("session"), []);
    world.finish();
}

#[test]
fn a_peer_that_stops_reading_holds_up_nobody() {
    beside_a_good_peer(generous, |world, server| {
        let mut lazy = connect(server.port());
        lazy.write_all(b"much").unwrap();
        world.log.wait_for("session", |event| matches!(event, Event::Received(b) if b == b"much"));
        let mut other = connect(server.port());
        for _ in 0..100 {
            other.write_all(b"me too").unwrap();
            assert_eq!(read_some(&mut other, 6), b"me too");
        }
        // It gets all of it when it reads again.
        assert!(read_some(&mut lazy, 12 << 20) == pattern(12 << 20));
    });
}

#[test]
fn a_peer_that_sends_one_byte_at_a_time() {
    beside_a_good_peer(echo, |world, server| {
        let mut peer = connect(server.port());
        peer.set_nodelay(true).unwrap();
        let bytes = pattern(2000);
        let mut reader = peer.try_clone().unwrap();
        let reading = thread::spawn(move || read_some(&mut reader, 2000));
        for byte in &bytes {
            peer.write_all(&[*byte]).unwrap();
        }
        assert_eq!(reading.join().unwrap(), bytes);
        assert!(world.log.errors("session").is_empty());
    });
}

/// Counts, so that the memory of the test stays small.
struct Count(Arc<AtomicU64>);

impl SessionHandler for Count {
    fn on_received(&mut self, _session: &Session, _kind: Kind, data: &[u8]) -> usize {
        self.0.fetch_add(data.len() as u64, Ordering::Relaxed);
        data.len()
    }
}

struct Counts(Arc<AtomicU64>);

impl ServerHandler for Counts {
    type Session = Count;

    fn on_session(&self, _session: &Session) -> Option<Count> {
        Some(Count(Arc::clone(&self.0)))
    }
}

#[test]
fn a_peer_that_sends_a_gigabyte() {
    // An optimised build takes well below a second for it.
    let total: u64 = if cfg!(debug_assertions) { 256 << 20 } else { 1 << 30 };
    let world = World::new();
    let received = Arc::new(AtomicU64::new(0));
    let server = world.server();
    server.start(Counts(Arc::clone(&received))).unwrap();
    let mut peer = connect(server.port());
    let piece = vec![1; 1 << 20];
    for _ in 0..total >> 20 {
        peer.write_all(&piece).unwrap();
    }
    eventually("all of it is received", || received.load(Ordering::Relaxed) == total);
    assert_eq!(server.bytes_received(), total);
    world.finish();
}

#[test]
fn one_greedy_peer_does_not_starve_the_others() {
    let world = World::new();
    let received = Arc::new(AtomicU64::new(0));
    let greedy = world.server();
    greedy.start(Counts(Arc::clone(&received))).unwrap();
    let mut peer = connect(greedy.port());
    let done = Arc::new(AtomicU64::new(0));
    let enough = Arc::clone(&done);
    let flood = thread::spawn(move || {
        let piece = vec![1; 1 << 20];
        while enough.load(Ordering::Relaxed) == 0 && peer.write_all(&piece).is_ok() {}
    });
    eventually("the flood has begun", || received.load(Ordering::Relaxed) > 1 << 20);
    let modest = world.serve(world.server_probe().echo());
    let mut peer = connect(modest.port());
    for _ in 0..200 {
        peer.write_all(b"ping").unwrap();
        assert_eq!(read_some(&mut peer, 4), b"ping");
    }
    done.store(1, Ordering::Relaxed);
    flood.join().unwrap();
    world.finish();
}

#[test]
fn sends_before_the_connection_and_after_it_are_refused() {
    let world = World::new();
    let (listener, port) = listener();
    let client = world.client(port);
    let refused = |when: &str| {
        for result in [client.send(b"x").map(drop), client.disconnect(), client.disconnect_now()] {
            assert_eq!(result.unwrap_err().status(), Status::NotConnected, "{when}");
        }
        assert_eq!((client.is_connected(), client.bytes_pending()), (false, 0), "{when}");
    };
    refused("before the first connect");
    client.connect(world.probe("client")).unwrap();
    let mut peer = accept(&listener);
    world.log.wait_event("client", Event::Connected);
    client.send(b"once").unwrap();
    assert_eq!(read_some(&mut peer, 4), b"once");
    client.disconnect().unwrap();
    assert_eq!(client.send(b"x").unwrap_err().status(), Status::NotConnected);
    drop(peer);
    world.log.wait_event("client", Event::Dropped);
    refused("after the end");
    world.finish();
    refused("after the stop");
}

/// The handles of a session that is long gone do nothing.
#[test]
fn handles_outlive_their_session() {
    let (sender, receiver) = mpsc::channel::<Session>();
    let world = World::new();
    let server = world.serve(world.server_probe().sessions(move |session, event| {
        if *event == Event::Connected {
            sender.send(session.clone()).unwrap();
        }
    }));
    drop(connect(server.port()));
    let session = receiver.recv_timeout(DEADLINE).unwrap();
    world.log.wait_event("session", Event::Dropped);
    // Its place in the loop has gone to another one by now.
    let mut next = connect(server.port());
    world.log.wait_count("session", 2, |event| *event == Event::Connected);
    assert_eq!(session.send(b"to a ghost").unwrap_err().status(), Status::NotConnected);
    assert_eq!(session.disconnect().unwrap_err().status(), Status::NotConnected);
    assert_eq!(session.disconnect_now().unwrap_err().status(), Status::NotConnected);
    server.multicast(b"to the living").unwrap();
    assert_eq!(read_some(&mut next, 13), b"to the living");
    world.finish();
    assert_eq!(session.send(b"x").unwrap_err().status(), Status::NotConnected);
    assert_eq!(session.server().unwrap().port(), 0);
}

/// Without free descriptors a server can't accept; it lives on, says so once, and accepts again
/// when there are some.
#[cfg(unix)]
#[test]
fn a_system_without_descriptors() {
    const TEST: &str = "a_system_without_descriptors";
    if !is_child(TEST) {
        run_child(TEST);
        return;
    }
    let world = World::with_threads(2);
    let server = world.serve(world.server_probe().echo());
    let mut first = connect(server.port());
    world.log.wait_event("session", Event::Connected);
    let mut waiting: Vec<std::net::TcpStream> = Vec::new();
    let sockets = || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    for round in 1..=3 {
        // One socket for the peer, made before the limit bites, and none for the session.
        let peer = sockets().unwrap();
        let highest = std::os::fd::AsRawFd::as_raw_fd(&sockets().unwrap());
        let (before, _) = file_limit();
        set_file_limit(highest as u64);
        let mut rest = Vec::new();
        while let Ok(socket) = sockets() {
            rest.push(socket);
        }
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], server.port()));
        peer.connect(&address.into()).unwrap();
        world.log.wait_count("server", round, |event| matches!(event, Event::Error(_)));
        // Those who are there already are served.
        first.write_all(b"hello").unwrap();
        assert_eq!(read_some(&mut first, 5), b"hello");
        assert!(server.is_started());
        let mut peer = std::net::TcpStream::from(peer);
        peer.write_all(b"patience").unwrap();
        set_file_limit(before);
        drop(rest);
        assert_eq!(read_some(&mut peer, 8), b"patience");
        waiting.push(peer);
    }
    let errors = world.log.errors("server");
    assert_eq!(errors.len(), 3, "each shortage is told once: {errors:?}");
    assert!(errors.iter().all(|error| error.code() == libc::EMFILE));
    assert!(errors[0].message().contains("accepting is tried again"), "{}", errors[0]);
    drop((first, waiting));
    world.finish();
}

/// Connections whose session has ended are given up for new ones.
#[cfg(unix)]
#[test]
fn closed_connections_make_room_when_descriptors_are_short() {
    const TEST: &str = "closed_connections_make_room_when_descriptors_are_short";
    if !is_child(TEST) {
        run_child(TEST);
        return;
    }
    let world = World::new();
    let server = world.server();
    server.set_option(cppserver::SocketOption::CloseTimeout, 600_000).unwrap();
    server.start(world.server_probe().echo()).unwrap();
    // The second one because accept(2) wants a free descriptor even if nobody waits.
    let mut closed = [connect(server.port()), connect(server.port())];
    world.log.wait_count("session", 2, |event| *event == Event::Connected);
    server.disconnect_all().unwrap();
    assert_eq!(closed.each_mut().map(read_all), [b"", b""]);
    world.log.wait_count("session", 2, |event| *event == Event::Dropped);
    let sockets = || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let peer = sockets().unwrap();
    let highest = std::os::fd::AsRawFd::as_raw_fd(&sockets().unwrap());
    let (before, _) = file_limit();
    set_file_limit(highest as u64);
    let mut rest = Vec::new();
    while let Ok(socket) = sockets() {
        rest.push(socket);
    }
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], server.port()));
    peer.connect(&address.into()).unwrap();
    let mut peer = std::net::TcpStream::from(peer);
    peer.set_read_timeout(Some(DEADLINE)).unwrap();
    peer.write_all(b"room").unwrap();
    assert_eq!(read_some(&mut peer, 4), b"room");
    assert_eq!(world.log.errors("server"), []);
    set_file_limit(before);
    drop((closed, peer, rest));
    world.finish();
}

/// Connects that find no descriptor fail like any other.
#[cfg(unix)]
#[test]
fn a_client_without_a_descriptor() {
    const TEST: &str = "a_client_without_a_descriptor";
    if !is_child(TEST) {
        run_child(TEST);
        return;
    }
    let world = World::new();
    let server = world.serve(world.server_probe());
    world.log.wait_event("server", Event::Started);
    let (before, _) = file_limit();
    set_file_limit(3);
    let client = world.connect(server.port(), world.probe("client"));
    world.log.wait_event("client", Event::Dropped);
    assert_eq!(world.log.errors("client")[0].code(), libc::EMFILE);
    set_file_limit(before);
    client.connect(world.probe("again")).unwrap();
    world.log.wait_event("again", Event::Connected);
    world.finish();
}

#[test]
fn both_sides_may_send_at_once() {
    let world = World::new();
    let server = world.serve(world.server_probe().sessions(|session, event| {
        if *event == Event::Connected {
            session.send(&pattern(8 << 20)).unwrap();
        }
    }));
    let mut peer = connect(server.port());
    let mut writer = peer.try_clone().unwrap();
    let writing = thread::spawn(move || writer.write_all(&pattern(8 << 20)).unwrap());
    let mut bytes = vec![0; 8 << 20];
    peer.read_exact(&mut bytes).unwrap();
    assert!(bytes == pattern(8 << 20));
    writing.join().unwrap();
    world.log.wait_received("session", 8 << 20);
    assert!(world.log.received("session") == pattern(8 << 20));
    world.finish();
}
