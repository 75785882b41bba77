//! Contract 11: counters count application bytes, of the session and of the whole server.

mod common;

use std::io::Write;
use std::sync::mpsc;

use common::*;
use cppserver::Session;

#[test]
fn contract_11_a_session_and_its_server_count_the_same_bytes() {
    for threads in [1, 3] {
        let world = World::with_threads(threads);
        let (sender, receiver) = mpsc::channel::<Session>();
        let server =
            world.serve(world.server_probe().sessions(move |session, event| match event {
                Event::Connected => sender.send(session.clone()).unwrap(),
                // Twice as much goes out as comes in.
                Event::Received(bytes) => drop(session.send(&bytes.repeat(2)).unwrap()),
                _ => {}
            }));
        let mut sessions = Vec::new();
        for size in [1_usize, 1000, 100_000, 3_000_000] {
            let mut peer = connect(server.port());
            let session = receiver.recv_timeout(DEADLINE).unwrap();
            assert_eq!((session.bytes_sent(), session.bytes_received()), (0, 0));
            let mut writer = peer.try_clone().unwrap();
            let writing = std::thread::spawn(move || writer.write_all(&pattern(size)).unwrap());
            read_some(&mut peer, 2 * size);
            writing.join().unwrap();
            eventually("the session counts what it sent", || {
                session.bytes_sent() == 2 * size as u64 && session.bytes_pending() == 0
            });
            assert_eq!(session.bytes_received(), size as u64);
            sessions.push((session, peer));
        }
        assert_eq!(server.current_sessions(), 4);
        assert_eq!(server.bytes_received(), 3_101_001);
        assert_eq!(server.bytes_sent(), 2 * 3_101_001);

        // Told also after the end.
        let (last, peer) = sessions.pop().unwrap();
        drop(peer);
        eventually("the session ends", || server.current_sessions() == 3);
        assert_eq!((last.bytes_sent(), last.bytes_received()), (6_000_000, 3_000_000));
        assert_eq!(server.bytes_received(), 3_101_001);
        world.finish();
        assert_eq!(server.current_sessions(), 0);
        assert_eq!(server.bytes_sent(), 2 * 3_101_001);
    }
}

#[test]
fn contract_11_the_counters_of_a_server_begin_anew_with_its_start() {
    let world = World::new();
    let server = world.serve(world.server_probe().echo());
    let mut peer = connect(server.port());
    peer.write_all(b"12345").unwrap();
    read_some(&mut peer, 5);
    eventually("it has counted", || server.bytes_sent() == 5 && server.bytes_received() == 5);
    server.stop().unwrap();
    world.log.wait_event("server", Event::Dropped);
    assert_eq!((server.bytes_sent(), server.bytes_received()), (5, 5), "kept after the stop");
    server.start(world.server_probe()).unwrap();
    world.log.wait_count("server", 2, |event| *event == Event::Started);
    assert_eq!((server.bytes_sent(), server.bytes_received()), (0, 0));
    world.finish();
}

#[test]
fn contract_11_a_multicast_counts_for_every_session() {
    let world = World::new();
    let server = world.serve(world.server_probe());
    let mut peers: Vec<_> = (0..10).map(|_| connect(server.port())).collect();
    world.log.wait_count("session", 10, |event| *event == Event::Connected);
    server.multicast(&pattern(1000)).unwrap();
    for peer in &mut peers {
        read_some(peer, 1000);
    }
    eventually("all are counted", || server.bytes_sent() == 10_000);
    world.finish();
}

#[test]
fn contract_11_a_client_counts_its_connection() {
    let world = World::new();
    let server = world.serve(world.server_probe().echo());
    let client = world.connect(server.port(), world.probe("client"));
    world.log.wait_event("client", Event::Connected);
    client.send(&pattern(100_000)).unwrap();
    world.log.wait_received("client", 100_000);
    eventually("it has counted", || client.bytes_sent() == 100_000);
    assert_eq!(client.bytes_received(), 100_000);
    assert_eq!(client.bytes_pending(), 0);
    world.finish();
    assert_eq!((client.bytes_sent(), client.bytes_received()), (100_000, 100_000));
}

#[test]
fn contract_11_sessions_count_from_their_accept_until_after_their_last_callback() {
    let world = World::new();
    let log = world.log.clone();
    let server = world.serve(world.server_probe().on(move |server, event| match event {
        Event::Accepted(_) | Event::SessionConnected(_) | Event::SessionDisconnected(..) => {
            log.expect(server.current_sessions() == 1, "this session is not counted");
        }
        _ => {}
    }));
    assert_eq!(server.current_sessions(), 0);
    drop(connect(server.port()));
    world.log.wait_event("session", Event::Dropped);
    assert_eq!(server.current_sessions(), 0);
    world.finish();
}

#[test]
fn contract_11_ids_are_unique() {
    let world = World::with_threads(3);
    let server = world.serve(world.server_probe());
    let peers: Vec<_> = (0..50).map(|_| connect(server.port())).collect();
    world.log.wait_count("session", 50, |event| *event == Event::Connected);
    let clients: Vec<_> = (0..5).map(|_| world.client(server.port())).collect();
    let mut ids: Vec<_> = world
        .log
        .of("server")
        .iter()
        .filter_map(|event| match event {
            Event::Accepted(id) => Some(*id),
            _ => None,
        })
        .chain(clients.iter().map(|client| client.id()))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 55);
    drop(peers);
    world.finish();
}
