//! Clients that connect again: with the same handler or another one, at once or later, for ever or
//! until somebody changes his mind.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::*;
use cppserver::{Client, Reason, SocketOption, Status};

fn client_of(session: &cppserver::Session) -> Client {
    session.client().expect("the session of a client knows it")
}

#[test]
fn a_client_reconnects_for_ever_with_the_same_handler() {
    let world = World::new();
    let (listener, port) = listener();
    let enough = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&enough);
    let client = world.connect(
        port,
        world.probe("client").on(move |session, event| {
            if matches!(event, Event::Disconnected(_)) && !done.load(Ordering::Relaxed) {
                client_of(session).reconnect(Duration::ZERO).unwrap();
            }
        }),
    );
    let id = client.id();
    for _ in 0..10 {
        drop(accept(&listener));
    }
    let last = accept(&listener);
    eventually("the client is connected", || client.is_connected());
    enough.store(true, Ordering::Relaxed);
    drop(last);
    world.log.wait_event("client", Event::Dropped);
    assert_eq!(client.id(), id);
    let story = world.log.of("client");
    assert_eq!(story.len(), 11 * 2 + 1);
    for pair in story[..22].chunks(2) {
        assert_eq!(pair, [Event::Connected, Event::Disconnected(Reason::PeerClosed)]);
    }
    assert_eq!(world.log.each("client").len(), 1, "one handler served all connections");
    world.finish();
}

#[test]
fn a_client_waits_for_its_server_to_come() {
    let world = World::new();
    let port = free_port();
    let late = cppserver::Server::tcp(&world.service, "127.0.0.1", port).unwrap();
    let client = world.connect(
        port,
        world.probe("client").on(|session, event| {
            if matches!(event, Event::Disconnected(Reason::Error)) {
                client_of(session).reconnect(Duration::from_millis(5)).unwrap();
            }
        }),
    );
    world.log.wait_count("client", 3, |event| *event == Event::Disconnected(Reason::Error));
    late.start(world.server_probe()).unwrap();
    world.log.wait_event("client", Event::Connected);
    client.disconnect().unwrap();
    world.log.wait_event("client", Event::Dropped);
    world.finish();
}

#[test]
fn reconnect_from_outside_delivers_first_and_then_connects_again() {
    let world = World::new();
    let (listener, port) = listener();
    let client = world.connect(port, world.probe("client"));
    let mut first = accept(&listener);
    world.log.wait_event("client", Event::Connected);
    client.send(&pattern(8 << 20)).unwrap();
    client.reconnect(Duration::from_millis(1)).unwrap();
    assert_eq!(read_all(&mut first), pattern(8 << 20));
    let second = accept(&listener);
    world.log.wait_count("client", 2, |event| *event == Event::Connected);
    assert_eq!((client.bytes_sent(), client.bytes_received()), (0, 0), "counters begin anew");
    client.disconnect().unwrap();
    world.log.wait_event("client", Event::Dropped);
    let ended = Event::Disconnected(Reason::Local);
    assert_eq!(
        world.log.story("client"),
        [Event::Connected, ended.clone(), Event::Connected, ended, Event::Dropped]
    );
    drop(second);
    world.finish();
}

#[test]
fn a_delayed_reconnect_can_be_given_up() {
    for delay in [Duration::from_secs(3600), Duration::MAX] {
        let world = World::new();
        let (listener, port) = listener();
        let client = world.connect(port, world.probe("client"));
        let peer = accept(&listener);
        world.log.wait_event("client", Event::Connected);
        client.reconnect(delay).unwrap();
        world.log.wait_event("client", Event::Disconnected(Reason::Local));
        pump(&world.service);
        let refused = client.connect(world.probe("too many")).unwrap_err();
        assert_eq!(refused.status(), Status::InvalidState);
        assert_eq!(client.reconnect(delay).unwrap_err().status(), Status::InvalidState);
        client.disconnect().unwrap();
        world.log.wait_event("client", Event::Dropped);
        let ended = Event::Disconnected(Reason::Local);
        assert_eq!(
            world.log.of("client"),
            [Event::Connected, ended.clone(), ended, Event::Dropped]
        );
        drop(peer);
        world.finish();
    }
}

#[test]
fn reconnect_needs_a_connection_to_go_on_from() {
    let world = World::new();
    let (listener, port) = listener();
    let client = world.client(port);
    assert_eq!(client.reconnect(Duration::ZERO).unwrap_err().status(), Status::NotConnected);
    client.connect(world.probe("client")).unwrap();
    drop(accept(&listener));
    world.log.wait_event("client", Event::Dropped);
    assert_eq!(client.reconnect(Duration::ZERO).unwrap_err().status(), Status::NotConnected);
    world.finish();
}

/// A handler that changes its mind each time must not keep the loop from its other work.
#[test]
fn reconnect_and_disconnect_in_every_on_disconnected_leave_room_for_others() {
    let world = World::new();
    let (_listener, port) = listener();
    let enough = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&enough);
    let client = world.connect(
        port,
        world.probe("client").on(move |session, event| {
            if matches!(event, Event::Disconnected(_)) && !done.load(Ordering::Relaxed) {
                client_of(session).reconnect(Duration::ZERO).unwrap();
                session.disconnect().unwrap();
            }
        }),
    );
    client.disconnect().unwrap();
    world.log.wait_count("client", 1000, |event| *event == Event::Disconnected(Reason::Local));
    pump(&world.service);
    enough.store(true, Ordering::Relaxed);
    world.log.wait_event("client", Event::Dropped);
    world.finish();
}

#[test]
fn a_new_handler_may_take_over_in_on_disconnected() {
    let world = World::new();
    let (listener, port) = listener();
    let log = Arc::clone(&world.log);
    let client = world.connect(
        port,
        world.probe("first").on(move |session, event| {
            if matches!(event, Event::Disconnected(_)) {
                client_of(session).connect(Probe::new(&log, "second")).unwrap();
                // There is a connect now, with a handler of its own.
                let refused = client_of(session).reconnect(Duration::ZERO).unwrap_err();
                assert_eq!(refused.status(), Status::InvalidState);
            }
        }),
    );
    drop(accept(&listener));
    let peer = accept(&listener);
    world.log.wait_event("second", Event::Connected);
    client.disconnect().unwrap();
    world.log.wait_event("second", Event::Dropped);
    let names: Vec<_> = world.log.entries().iter().map(|entry| entry.name).collect();
    let last_of_first = names.iter().rposition(|name| *name == "first");
    assert!(last_of_first < names.iter().position(|name| *name == "second"), "{names:?}");
    assert_eq!(
        world.log.of("first"),
        [Event::Connected, Event::Disconnected(Reason::PeerClosed), Event::Dropped]
    );
    drop(peer);
    world.finish();
}

/// Until on_disconnected there is a connection, also for those who hear of its end before.
#[test]
fn nothing_connects_between_the_loss_and_on_disconnected() {
    let world = World::new();
    let (listener, port) = listener();
    let client = world.client(port);
    client.set_option(SocketOption::CloseTimeout, 50).unwrap();
    let log = Arc::clone(&world.log);
    let probe = world.probe("first").on(move |session, event| match event {
        Event::Error(_) => {
            let early = client_of(session).connect(Probe::new(&log, "too early"));
            log.expect(early.is_err(), "a connect was accepted before on_disconnected");
            let again = session.disconnect();
            log.expect(again.is_err(), "a second disconnect was accepted");
        }
        Event::Disconnected(_) => {
            client_of(session).connect(Probe::new(&log, "second")).unwrap();
        }
        _ => {}
    });
    client.connect(probe).unwrap();
    // Never reads, so that the deadline of the disconnect passes.
    let first = accept(&listener);
    world.log.wait_event("first", Event::Connected);
    client.send(&pattern(12 << 20)).unwrap();
    client.disconnect().unwrap();
    let second = accept(&listener);
    world.log.wait_event("second", Event::Connected);
    client.disconnect().unwrap();
    world.log.wait_event("second", Event::Dropped);
    assert_eq!(world.log.of("too early"), [Event::Dropped]);
    assert_eq!(world.log.errors("first").len(), 1);
    drop((first, second));
    world.finish();
}
