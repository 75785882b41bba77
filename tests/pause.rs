//! Pausing and resuming the reads of one session.

mod common;

use std::io::Write;
use std::net::Shutdown;
use std::sync::{Arc, Mutex};

use common::*;
use cppserver::{Reason, Session, Status};

/// A server whose sessions pause with the first bytes, and a place where they are found.
fn pausing(world: &World) -> (ServerProbe, Arc<Mutex<Option<Session>>>) {
    let found = Arc::new(Mutex::new(None));
    let place = Arc::clone(&found);
    let probe = world.server_probe().sessions(move |session, event| {
        if matches!(event, Event::Received(_)) && place.lock().unwrap().is_none() {
            session.pause_reading().unwrap();
            *place.lock().unwrap() = Some(session.clone());
        }
    });
    (probe, found)
}

fn paused(world: &World, found: &Mutex<Option<Session>>) -> Session {
    world.log.wait_for("session", |event| matches!(event, Event::Received(_)));
    eventually("the session is kept", || found.lock().unwrap().is_some());
    found.lock().unwrap().clone().unwrap()
}

#[test]
fn a_paused_session_receives_nothing_and_everything_after_the_resume() {
    let world = World::new();
    let (probe, found) = pausing(&world);
    let server = world.serve(probe);
    let mut peer = connect(server.port());
    peer.write_all(b"first").unwrap();
    let session = paused(&world, &found);
    peer.write_all(b"second").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    // The loop goes on: another session is served, and this one can send.
    let mut other = connect(server.port());
    other.write_all(b"other").unwrap();
    world.log.wait_received("session", 10);
    session.send(b"still sending").unwrap();
    read_some(&mut peer, 13);
    assert_eq!(world.log.received("session"), b"firstother");
    assert!(session.is_connected(), "the end of the peer waits too");
    session.resume_reading().unwrap();
    world.log.wait_event("session", Event::Disconnected(Reason::PeerClosed));
    assert_eq!(world.log.received("session"), b"firstothersecond");
    assert_eq!(session.pause_reading().unwrap_err().status(), Status::NotConnected);
    assert_eq!(session.resume_reading().unwrap_err().status(), Status::NotConnected);
    world.finish();
}

#[test]
fn a_fast_peer_waits_for_a_paused_session() {
    const MUCH: usize = 64 << 20;
    let world = World::new();
    let (probe, found) = pausing(&world);
    let server = world.serve(probe);
    let mut peer = connect(server.port());
    let writer = std::thread::spawn(move || {
        peer.write_all(&vec![5; MUCH]).unwrap();
        peer
    });
    let session = paused(&world, &found);
    // A turn of the loop later still only what one read brought.
    let (done, turn) = std::sync::mpsc::channel();
    world.service.post(move || done.send(()).unwrap());
    turn.recv().unwrap();
    let received = session.bytes_received();
    assert!(received <= 1 << 20, "{received}");
    assert!(!writer.is_finished(), "the system does not take that much either");
    session.resume_reading().unwrap();
    world.log.wait_received("session", MUCH);
    drop(writer.join().unwrap());
    world.finish();
}

#[test]
fn an_encrypted_session_keeps_what_was_decrypted_with_the_pause() {
    let world = World::new();
    let (probe, found) = pausing(&world);
    let server = world.serve_tls(&server_context(), probe);
    let mut peer = tls_connect(server.port());
    // Three records and the end of the stream in one write.
    for piece in ["one ", "two ", "three"] {
        peer.conn.writer().write_all(piece.as_bytes()).unwrap();
    }
    peer.conn.send_close_notify();
    let mut bytes = Vec::new();
    while peer.conn.wants_write() {
        peer.conn.write_tls(&mut bytes).unwrap();
    }
    peer.sock.write_all(&bytes).unwrap();
    let session = paused(&world, &found);
    let (done, turn) = std::sync::mpsc::channel();
    world.service.post(move || done.send(()).unwrap());
    turn.recv().unwrap();
    assert_eq!(world.log.received("session"), b"one ");
    assert!(session.is_connected());
    session.resume_reading().unwrap();
    world.log.wait_event("session", Event::Disconnected(Reason::PeerClosed));
    assert_eq!(world.log.received("session"), b"one two three");
    world.finish();
}

#[test]
fn pauses_and_resumes_in_callbacks_lose_nothing() {
    let world = World::new();
    // Pauses with every delivery, and resumes from a posted closure.
    let service = world.service.clone();
    let probe = world.server_probe().sessions(move |session, event| {
        if matches!(event, Event::Received(_)) {
            session.pause_reading().unwrap();
            let session = session.clone();
            service.post(move || drop(session.resume_reading()));
        }
    });
    let server = world.serve(probe);
    let mut peer = connect(server.port());
    let bytes = pattern(3 << 20);
    peer.write_all(&bytes).unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    world.log.wait_event("session", Event::Disconnected(Reason::PeerClosed));
    assert!(world.log.received("session") == bytes);
    world.finish();
}

#[test]
fn resumes_of_another_thread_lose_nothing_of_an_encrypted_session() {
    let world = World::new();
    let found = Arc::new(Mutex::new(None::<Session>));
    let place = Arc::clone(&found);
    let probe = world.server_probe().sessions(move |session, event| {
        if matches!(event, Event::Received(_)) {
            session.pause_reading().unwrap();
            *place.lock().unwrap() = Some(session.clone());
        }
    });
    let server = world.serve_tls(&server_context(), probe);
    let bytes = pattern(100_000);
    let mut expected = Vec::new();
    for turn in 1..=10 {
        // Many records and the end in one write: most of them are held back by a pause.
        let mut peer = tls_connect(server.port());
        let mut encrypted = Vec::new();
        for piece in bytes.chunks(1000) {
            peer.conn.writer().write_all(piece).unwrap();
            peer.conn.write_tls(&mut encrypted).unwrap();
        }
        peer.conn.send_close_notify();
        peer.conn.write_tls(&mut encrypted).unwrap();
        peer.sock.write_all(&encrypted).unwrap();
        peer.sock.shutdown(Shutdown::Write).unwrap();
        expected.extend_from_slice(&bytes);
        let ended = Event::Disconnected(Reason::PeerClosed);
        eventually("the session ends", || {
            // As often as it goes, so that some come while the loop is amid the records.
            for _ in 0..1000 {
                if let Some(session) = &*found.lock().unwrap() {
                    let _ = session.resume_reading();
                }
            }
            world.log.of("session").iter().filter(|event| **event == ended).count() == turn
        });
        assert!(world.log.received("session") == expected, "the bytes of connection {turn}");
    }
    world.finish();
}

#[test]
fn a_paused_session_ends_like_any_other() {
    let world = World::new();
    let (probe, found) = pausing(&world);
    let server = world.serve(probe);
    let mut peer = connect(server.port());
    peer.write_all(b"first").unwrap();
    let session = paused(&world, &found);
    peer.write_all(b"never told").unwrap();
    session.send(b"last words").unwrap();
    session.disconnect().unwrap();
    assert_eq!(read_all(&mut peer), b"last words");
    world.log.wait_event("session", Event::Disconnected(Reason::Local));
    assert_eq!(world.log.received("session"), b"first");
    // A paused client reads again with its next connection.
    let (listener, port) = listener();
    let client = world.connect(port, world.probe("client"));
    let peer = accept(&listener);
    world.log.wait_event("client", Event::Connected);
    client.pause_reading().unwrap();
    client.disconnect().unwrap();
    drop(peer);
    world.log.wait_event("client", Event::Dropped);
    client.connect(world.probe("again")).unwrap();
    accept(&listener).write_all(b"hello").unwrap();
    world.log.wait_received("again", 5);
    world.finish();
}
