//! Contract 8: on_disconnected carries the reason, the same for the session and its server.
//! Contract 12: deadlines end what is silent.

mod common;

use std::io::Write;
use std::net::Shutdown;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::*;
use cppserver::{Category, Reason, Server, SocketOption};

/// Runs one session to its end, and judges what it and its server were told of it.
#[track_caller]
fn ends_with(world: World, reason: Reason, error: Option<Category>) {
    world.log.wait_event("session", Event::Dropped);
    let story = world.log.story("session");
    let errors: Vec<_> = world.log.errors("session").iter().map(|error| error.category()).collect();
    assert_eq!(errors, error.into_iter().collect::<Vec<_>>());
    let count = story.len();
    assert_eq!(story[count - 2..], [Event::Disconnected(reason), Event::Dropped]);
    assert!(
        world.log.of("server").iter().any(|event| matches!(event,
            Event::SessionDisconnected(_, told) if *told == reason)),
        "the server was told another reason"
    );
    if world.service.is_started() {
        world.finish();
    }
}

fn served() -> (World, Server) {
    let world = World::new();
    let server = world.serve(world.server_probe());
    (world, server)
}

#[test]
fn contract_08_local() {
    let world = World::new();
    let server = world.serve(world.server_probe().sessions(|session, event| {
        if matches!(event, Event::Received(_)) {
            session.disconnect().unwrap();
        }
    }));
    let mut peer = connect(server.port());
    peer.write_all(b"x").unwrap();
    ends_with(world, Reason::Local, None);
}

#[test]
fn contract_08_local_by_disconnect_all() {
    let (world, server) = served();
    let peers: Vec<_> = (0..3).map(|_| connect(server.port())).collect();
    world.log.wait_count("session", 3, |event| *event == Event::Connected);
    server.disconnect_all().unwrap();
    world.log.wait_count("session", 3, |event| *event == Event::Dropped);
    assert!(server.is_started());
    drop(peers);
    // The three stories are told side by side, so each is judged by itself.
    for story in world.log.each("session") {
        assert_eq!(story[story.len() - 2..], [Event::Disconnected(Reason::Local), Event::Dropped]);
    }
    world.finish();
}

#[test]
fn contract_08_peer_closed() {
    let (world, server) = served();
    drop(connect(server.port()));
    ends_with(world, Reason::PeerClosed, None);
}

#[test]
fn contract_08_peer_closed_its_sending_half() {
    let (world, server) = served();
    let mut peer = connect(server.port());
    peer.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&mut peer), b"");
    ends_with(world, Reason::PeerClosed, None);
}

#[test]
fn contract_08_error_of_the_system() {
    let (world, server) = served();
    let peer = connect(server.port());
    world.log.wait_event("session", Event::Connected);
    reset(peer);
    ends_with(world, Reason::Error, Some(Category::System));
}

#[test]
fn contract_08_error_of_a_handler() {
    let world = World::new();
    let server = world.serve(world.server_probe().sessions(|_, event| {
        assert!(!matches!(event, Event::Received(_)), "the test wants this handler to fail");
    }));
    let mut peer = connect(server.port());
    peer.write_all(b"x").unwrap();
    ends_with(world, Reason::Error, Some(Category::Handler));
}

#[test]
fn contract_08_timeout() {
    let (world, server) = served();
    server.set_option(SocketOption::IdleTimeout, 20).unwrap();
    let _peer = connect(server.port());
    ends_with(world, Reason::Timeout, Some(Category::Timeout));
}

#[test]
fn contract_08_limit() {
    let (world, server) = served();
    server.set_option(SocketOption::SendLimit, 10).unwrap();
    server.set_option(SocketOption::SendPolicy, cppserver::SendPolicy::Disconnect as i64).unwrap();
    let _peer = connect(server.port());
    world.log.wait_event("session", Event::Connected);
    server.multicast(b"more than ten bytes").unwrap();
    ends_with(world, Reason::Limit, Some(Category::Limit));
}

#[test]
fn contract_08_server_stopped() {
    let (world, server) = served();
    let _peer = connect(server.port());
    world.log.wait_event("session", Event::Connected);
    server.stop().unwrap();
    ends_with(world, Reason::ServerStopped, None);
}

#[test]
fn contract_08_server_restarted() {
    let (world, server) = served();
    let _peer = connect(server.port());
    world.log.wait_event("session", Event::Connected);
    server.restart().unwrap();
    ends_with(world, Reason::ServerStopped, None);
}

#[test]
fn contract_08_service_stopped() {
    let (world, server) = served();
    let _peer = connect(server.port());
    world.log.wait_event("session", Event::Connected);
    world.service.stop().unwrap();
    ends_with(world, Reason::ServiceStopped, None);
}

#[test]
fn contract_08_the_first_reason_counts() {
    let world = World::new();
    let server = world.serve(world.server_probe().sessions(|session, event| {
        if matches!(event, Event::Received(_)) {
            session.disconnect().unwrap();
            session.server().unwrap().stop().unwrap();
            session.service().stop().unwrap();
        }
    }));
    let mut peer = connect(server.port());
    peer.write_all(b"x").unwrap();
    ends_with(world, Reason::Local, None);
}

#[test]
fn reasons_have_words() {
    assert_eq!(Reason::PeerClosed.to_string(), "closed by the peer");
    assert_eq!(Reason::Local.as_str(), "disconnected by this side");
}

/// Remembers when the last byte came or went.
fn idle_server(world: &World, timeout: Duration) -> (Server, Arc<Mutex<Instant>>) {
    let server = world.server();
    let milliseconds = i64::try_from(timeout.as_millis()).unwrap();
    server.set_option(SocketOption::IdleTimeout, milliseconds).unwrap();
    let last = Arc::new(Mutex::new(Instant::now()));
    let (active, log) = (Arc::clone(&last), Arc::clone(&world.log));
    let probe = world.server_probe().sessions(move |session, event| match event {
        Event::Connected => *active.lock().unwrap() = Instant::now(),
        Event::Received(bytes) => {
            *active.lock().unwrap() = Instant::now();
            session.send(bytes).unwrap();
        }
        Event::Disconnected(_) => {
            // The loop's clock ticks in milliseconds.
            let idle = active.lock().unwrap().elapsed() + Duration::from_millis(2);
            log.expect(idle >= timeout, "the session ended before it was idle for so long");
        }
        _ => {}
    });
    server.start(probe).unwrap();
    (server, last)
}

#[test]
fn contract_12_an_idle_session_ends_and_not_early() {
    let world = World::new();
    let timeout = Duration::from_millis(60);
    let (server, _) = idle_server(&world, timeout);
    let begin = Instant::now();
    let mut peer = connect(server.port());
    // Each byte gives the session its full time again.
    for _ in 0..10 {
        if peer.write_all(b"x").is_err() {
            // The machine stood still for so long that the session has ended already.
            break;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    world.log.wait_event("session", Event::Disconnected(Reason::Timeout));
    assert!(begin.elapsed() >= timeout);
    let errors = world.log.errors("session");
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].category(), Category::Timeout);
    assert!(errors[0].message().contains("60 milliseconds"), "{:?}", errors[0]);
    world.finish();
}

#[test]
fn contract_12_an_idle_client_ends() {
    let world = World::new();
    let (listener, port) = listener();
    let client = world.client(port);
    client.set_option(SocketOption::IdleTimeout, 30).unwrap();
    client.connect(world.probe("client")).unwrap();
    let peer = accept(&listener);
    world.log.wait_event("client", Event::Disconnected(Reason::Timeout));
    drop(peer);
    world.finish();
}

#[test]
fn contract_12_sending_is_not_idle() {
    let world = World::new();
    let server = world.server();
    server.set_option(SocketOption::IdleTimeout, 500).unwrap();
    server.start(world.server_probe()).unwrap();
    let mut peer = connect(server.port());
    world.log.wait_event("session", Event::Connected);
    // Three times the timeout; only a machine that stands still for half a second spoils it.
    let begin = Instant::now();
    let mut sent = 0;
    while begin.elapsed() < Duration::from_millis(1500) {
        server.multicast(b"x").unwrap();
        read_some(&mut peer, 1);
        sent += 1;
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert!(sent > 10);
    assert!(!world.log.of("session").contains(&Event::Disconnected(Reason::Timeout)));
    world.log.wait_event("session", Event::Disconnected(Reason::Timeout));
    world.finish();
}

/// What is encrypted leaves in larger pieces than the network may take at a time.
#[test]
fn contract_12_sending_slowly_is_not_idle() {
    let world = World::new();
    let context = server_context();
    let server = Server::tls(&world.service, &context, "127.0.0.1", 0).unwrap();
    server.set_option(SocketOption::IdleTimeout, 500).unwrap();
    server.set_option(SocketOption::SendBuffer, 1).unwrap();
    let probe = world.server_probe().sessions(|session, event| {
        if *event == Event::Handshaked {
            session.send(&pattern(1 << 20)).unwrap();
        }
    });
    server.start(probe).unwrap();
    let mut peer = tls_connect_with_small_buffer(server.port());
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1500) {
        read_some(&mut peer.sock, 1000);
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(!world.log.of("session").contains(&Event::Disconnected(Reason::Timeout)));
    world.finish();
}

#[test]
fn contract_12_no_deadline_is_set_unless_told() {
    let world = World::new();
    let (server, client) = (world.server(), world.client(1));
    let of = |option| (server.option(option).unwrap(), client.option(option).unwrap());
    assert_eq!(of(SocketOption::IdleTimeout), (0, 0));
    assert_eq!(of(SocketOption::CloseTimeout), (5_000, 5_000));
    assert_eq!(of(SocketOption::ConnectTimeout), (30_000, 30_000));
    world.finish();
}
