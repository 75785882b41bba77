//! Contracts 1, 3 and 4: threads and order of callbacks, each exactly once, the handler's drop last.

mod common;

use std::collections::HashSet;
use std::io::Write;
use std::sync::Mutex;
use std::thread::ThreadId;

use common::*;
use cppserver::{Client, Reason, Server, Service, Status};

/// Servers, sessions and clients of one service talk to each other, and the test to all of them.
fn conversation(world: &World, lane: Option<&Lane>) {
    let log = world.log.clone();
    let session_lane = lane.cloned();
    let probe = world.server_probe().make(move |_| {
        let probe = Probe::new(&log, "session").echo();
        Some(match &session_lane {
            Some(lane) => probe.lane(lane),
            None => probe,
        })
    });
    let server = world.serve(match lane {
        Some(lane) => probe.lane(lane),
        None => probe,
    });
    let clients: Vec<Client> = (0..8)
        .map(|_| {
            let probe = world.probe("client").on(|client, event| {
                if *event == Event::Connected {
                    client.send(b"hello").expect("a connected client sends");
                }
            });
            world.connect(
                server.port(),
                match lane {
                    Some(lane) => probe.lane(lane),
                    None => probe,
                },
            )
        })
        .collect();
    let mut peers: Vec<_> = (0..8).map(|_| connect(server.port())).collect();
    for peer in &mut peers {
        peer.write_all(b"from outside").unwrap();
        assert_eq!(read_some(peer, 12), b"from outside");
    }
    world.log.wait_received("client", 8 * 5);
    drop(peers);
    for client in &clients {
        client.disconnect().unwrap();
    }
    world.log.wait_count("session", 16, |event| *event == Event::Dropped);
    server.stop().unwrap();
}

#[test]
fn contract_01_one_loop_runs_all_callbacks_on_one_thread_one_at_a_time() {
    let world = World::new();
    conversation(&world, Some(&Lane::default()));
    let log = world.finish();
    let entries = log.entries();
    let thread = entries.iter().find(|entry| entry.event == Event::ThreadInitialized).unwrap();
    for entry in entries.iter().filter(|entry| entry.event != Event::Dropped) {
        assert_eq!(entry.thread, thread.thread, "{entry:?} ran elsewhere");
    }
}

#[test]
fn contract_01_of_three_loops_each_session_keeps_to_one() {
    let world = World::with_threads(3);
    conversation(&world, None);
    let log = world.finish();
    let entries = log.entries();
    let loops: HashSet<ThreadId> = entries
        .iter()
        .filter(|entry| entry.event == Event::ThreadInitialized)
        .map(|entry| entry.thread)
        .collect();
    assert_eq!(loops.len(), 3);
    let mut used = HashSet::new();
    for number in entries.iter().filter(|entry| entry.name == "session").map(|entry| entry.number) {
        let threads: HashSet<ThreadId> = entries
            .iter()
            .filter(|entry| entry.number == number)
            .map(|entry| entry.thread)
            .collect();
        assert_eq!(threads.len(), 1, "session {number} was called on several threads");
        assert!(threads.is_subset(&loops), "session {number} was called on a foreign thread");
        used.extend(threads);
    }
    assert_eq!(used.len(), 3, "the sessions are spread over all loops");
}

#[test]
fn contract_01_the_server_is_told_of_a_session_on_the_loop_of_the_session() {
    let world = World::with_threads(3);
    conversation(&world, None);
    let entries = world.finish().entries();
    let accepted: Vec<u64> = entries
        .iter()
        .filter_map(|entry| match entry.event {
            Event::Accepted(id) => Some(id),
            _ => None,
        })
        .collect();
    assert_eq!(accepted.len(), 16);
    for id in accepted {
        let threads: HashSet<ThreadId> = entries
            .iter()
            .filter(|entry| match entry.event {
                Event::Accepted(number)
                | Event::SessionConnected(number)
                | Event::SessionDisconnected(number, _) => number == id,
                _ => false,
            })
            .map(|entry| entry.thread)
            .collect();
        assert_eq!(threads.len(), 1, "the server heard of session {id} on several threads");
    }
}

#[test]
fn contract_03_a_session_lives_in_the_promised_order() {
    let world = World::new();
    let server = world.serve(world.server_probe().echo());
    let mut peer = connect(server.port());
    peer.write_all(b"one").unwrap();
    assert_eq!(read_some(&mut peer, 3), b"one");
    drop(peer);
    world.log.wait_event("session", Event::Dropped);
    server.stop().unwrap();
    let log = world.finish();

    let mut entries = log.entries();
    entries.retain(|entry| ["server", "session"].contains(&entry.name));
    let Event::Accepted(id) = entries[1].event else { panic!("{entries:?}") };
    let story: Vec<_> = entries.into_iter().map(|entry| (entry.name, entry.event)).collect();
    assert_eq!(
        story,
        [
            ("server", Event::Started),
            ("server", Event::Accepted(id)),
            ("session", Event::Connected),
            ("server", Event::SessionConnected(id)),
            ("session", Event::Received(b"one".to_vec())),
            ("session", Event::Sent { sent: 3, pending: 0 }),
            ("session", Event::Empty),
            ("session", Event::Disconnected(Reason::PeerClosed)),
            ("server", Event::SessionDisconnected(id, Reason::PeerClosed)),
            ("session", Event::Dropped),
            ("server", Event::Stopped),
            ("server", Event::Dropped),
        ]
    );
}

#[test]
fn contract_03_a_client_lives_in_the_promised_order() {
    let world = World::new();
    let (listener, port) = listener();
    let client = world.connect(port, world.probe("client").echo());
    let mut peer = accept(&listener);
    peer.write_all(b"one").unwrap();
    assert_eq!(read_some(&mut peer, 3), b"one");
    drop(peer);
    world.log.wait_event("client", Event::Dropped);
    assert!(!client.is_connected());
    let log = world.finish();
    assert_eq!(
        log.of("client"),
        [
            Event::Connected,
            Event::Received(b"one".to_vec()),
            Event::Sent { sent: 3, pending: 0 },
            Event::Empty,
            Event::Disconnected(Reason::PeerClosed),
            Event::Dropped,
        ]
    );
}

#[test]
fn contract_03_a_service_lives_in_the_promised_order() {
    for threads in [1, 3] {
        let world = World::with_threads(threads);
        world.log.wait_event("service", Event::Started);
        let log = world.finish();
        let mut events = log.of("service");
        let started = events.iter().position(|event| *event == Event::Started).unwrap();
        assert!(started > 0, "the first loop begins before the service is started");
        // With several loops they begin and end in any order among each other.
        let others =
            |event: &Event| matches!(event, Event::ThreadInitialized | Event::ThreadCleaned);
        assert_eq!(events.iter().filter(|event| others(event)).count(), 2 * threads);
        assert_eq!(events.pop(), Some(Event::Dropped));
        let stopped = events.iter().position(|event| *event == Event::Stopped).unwrap();
        assert!(events[stopped + 1..].iter().all(|event| *event == Event::ThreadCleaned));
        assert_eq!(events.len() - stopped - 1, threads);
    }
}

#[test]
fn contract_03_nothing_is_received_after_disconnect_on_the_loop_thread() {
    let world = World::new();
    let log = world.log.clone();
    let server = world.serve(world.server_probe().sessions(move |session, event| {
        if let Event::Received(_) = event {
            log.expect(session.disconnect().is_ok(), "the first disconnect works");
            let again = session.disconnect().map_err(|error| error.status());
            log.expect(again == Err(Status::NotConnected), "the second disconnect is refused");
            let send = session.send(b"late").map_err(|error| error.status());
            log.expect(send == Err(Status::NotConnected), "a send after disconnect is refused");
        }
    }));
    let mut peer = connect(server.port());
    // More than one read of the loop takes, so that there is something left to receive.
    let bytes = pattern(4 << 20);
    // The session reads on to the end without its handler, or the write would fail.
    peer.write_all(&bytes).unwrap();
    assert_eq!(read_all(&mut peer), b"");
    drop(peer);
    world.log.wait_event("session", Event::Dropped);
    let story = world.log.story("session");
    assert_eq!(story.iter().filter(|event| matches!(event, Event::Received(_))).count(), 1);
    assert_eq!(story[2], Event::Disconnected(Reason::Local), "{story:?}");
    world.finish();
}

/// Fails to be started or connected, in every way that there is.
#[test]
fn contract_04_a_handler_that_was_refused_is_dropped_before_the_call_returns() {
    let world = World::new();
    let log = &world.log;
    let dropped = |name: &'static str, result: cppserver::Result<()>, status: Status| {
        assert_eq!(result.unwrap_err().status(), status, "{name}");
        assert_eq!(log.of(name), [Event::Dropped], "{name}");
    };

    let server = world.serve(world.server_probe());
    let again = ServerProbe::new(log).renamed("server started twice");
    dropped("server started twice", server.start(again), Status::InvalidState);

    let taken = Server::tcp(&world.service, "127.0.0.1", server.port()).unwrap();
    let probe = ServerProbe::new(log).renamed("server on a taken port");
    dropped("server on a taken port", taken.start(probe), Status::System);

    let unknown = Server::tcp(&world.service, "no.such.host.invalid", 0).unwrap();
    let probe = ServerProbe::new(log).renamed("server with an unknown name");
    dropped("server with an unknown name", unknown.start(probe), Status::Resolver);

    let client = world.connect(server.port(), world.probe("client"));
    let again = world.probe("client connected twice");
    dropped("client connected twice", client.connect(again), Status::InvalidState);

    let again = ServiceProbe::new(log).renamed("service started twice");
    dropped("service started twice", world.service.start(again), Status::InvalidState);
    world.finish();
}

#[test]
fn contract_04_a_handler_whose_connect_failed_is_dropped_last() {
    let world = World::new();
    let nobody = unused_port();
    let client = world.connect(nobody.port, world.probe("refused"));
    world.log.wait_event("refused", Event::Dropped);
    let story = world.log.of("refused");
    assert!(matches!(story[0], Event::Error(_)), "{story:?}");
    assert_eq!(story[1..], [Event::Disconnected(Reason::Error), Event::Dropped]);
    assert_eq!(client.send(b"x").unwrap_err().status(), Status::NotConnected);
    world.finish();
}

#[test]
fn contract_04_the_handler_of_a_server_outlives_those_of_its_sessions() {
    for threads in [1, 3] {
        let world = World::with_threads(threads);
        let server = world.serve(world.server_probe());
        let peers: Vec<_> = (0..10).map(|_| connect(server.port())).collect();
        world.log.wait_count("session", 10, |event| *event == Event::Connected);
        server.stop().unwrap();
        world.log.wait_event("server", Event::Dropped);
        let entries = world.log.entries();
        let server_dropped = entries
            .iter()
            .position(|entry| entry.name == "server" && entry.event == Event::Dropped)
            .unwrap();
        let sessions_dropped = entries[..server_dropped]
            .iter()
            .filter(|entry| entry.name == "session" && entry.event == Event::Dropped);
        assert_eq!(sessions_dropped.count(), 10);
        drop(peers);
        world.finish();
    }
}

/// What the user's closures own is dropped too, whether they ran or not.
#[test]
fn contract_04_closures_are_dropped_once() {
    struct Witness(&'static str);
    static DROPPED: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    impl Drop for Witness {
        fn drop(&mut self) {
            DROPPED.lock().unwrap().push(self.0);
        }
    }
    let service = Service::new().unwrap();
    let posted = Witness("posted");
    service.post(move || drop(posted));
    let never = Witness("a timer that never fires");
    service.timer(std::time::Duration::from_secs(3600), move || drop(never));
    let repeating = Witness("a repeating timer");
    let hour = std::time::Duration::from_secs(3600);
    service.timer_repeating(hour, hour, move || {
        let _ = &repeating;
    });
    service.start(()).unwrap();
    pump(&service);
    service.stop().unwrap();
    let mut dropped = DROPPED.lock().unwrap().clone();
    dropped.sort_unstable();
    assert_eq!(dropped, ["a repeating timer", "a timer that never fires", "posted"]);
}
