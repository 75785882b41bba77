//! Where rules of WebSocket sessions meet: limits, pauses, ends and what the library itself sends.

mod common;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use common::*;
use cppserver::{Kind, Reason, Session, SocketOption, Status};

/// Bytes that no compression makes smaller.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..size).map(|_| next()).collect()
}

#[test]
fn answers_to_pings_take_little_memory_without_a_send_limit_too() {
    let world = World::new();
    let waiting = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&waiting);
    let options = [(SocketOption::SendLimit, 0), (SocketOption::SendBuffer, 4096)];
    let server = world.serve_ws_with(
        &options,
        world.server_probe().sessions(move |session, event| {
            if matches!(event, Event::Message(..)) {
                seen.store(session.bytes_pending(), Ordering::Relaxed);
            }
        }),
    );
    let mut peer = WsPeer::connect(server.port());
    let pings = peer.frame(PING, &[b'x'; 125]).repeat(1000);
    for _ in 0..100 {
        peer.socket.write_all(&pings).unwrap();
    }
    peer.send(TEXT, b"done");
    world.log.wait_messages("session", 1);
    let waiting = waiting.load(Ordering::Relaxed);
    assert!(waiting < 64 * 1024, "{waiting} bytes wait");
    // The answers that were given are whole.
    for _ in 0..50 {
        assert_eq!(peer.read(), (PONG, vec![b'x'; 125]));
    }
    drop(peer);
    world.finish();
}

#[test]
fn a_ping_is_answered_although_the_program_has_used_up_its_limit() {
    let world = World::new();
    let options = [(SocketOption::SendLimit, 10_000)];
    let server = world.serve_ws_with(
        &options,
        world.server_probe().sessions(|session, event| {
            if matches!(event, Event::Message(..)) {
                while session.send_text("x").is_ok() {}
            }
        }),
    );
    let mut peer = WsPeer::connect(server.port());
    let both = [peer.frame(TEXT, b"go"), peer.frame(PING, &[b'p'; 125])].concat();
    peer.socket.write_all(&both).unwrap();
    while peer.read() == (TEXT, b"x".to_vec()) {}
    peer.send(PING, b"again");
    assert_eq!(peer.read(), (PONG, b"again".to_vec()), "the one before was the first pong");
    drop(peer);
    world.finish();
}

#[test]
fn on_empty_comes_after_a_refusal_whatever_left_last() {
    let world = World::new();
    let options = [(SocketOption::SendLimit, 1000)];
    let server = world.serve_ws_with(
        &options,
        world.server_probe().sessions(|session, event| match event {
            Event::Message(..) => {
                let error = session.send_text(&"x".repeat(950)).unwrap_err();
                assert_eq!(error.status(), Status::Limit);
            }
            Event::Empty => {
                session.send_text("there is room").unwrap();
            }
            _ => {}
        }),
    );
    let mut peer = WsPeer::connect(server.port());
    let both = [peer.frame(PING, &[b'p'; 125]), peer.frame(TEXT, b"go")].concat();
    peer.socket.write_all(&both).unwrap();
    assert_eq!(peer.read().0, PONG);
    assert_eq!(peer.read(), (TEXT, b"there is room".to_vec()));
    drop(peer);
    world.finish();
}

#[test]
fn messages_that_refer_to_others_are_not_dropped_apart() {
    let world = World::new();
    let options = [
        (SocketOption::Deflate, 1),
        (SocketOption::DeflateTakeover, 1),
        (SocketOption::SendPolicy, 2),
        (SocketOption::SendLimit, 4000),
    ];
    let server = world.serve_ws_with(
        &options,
        world.server_probe().sessions(|session, event| {
            if matches!(event, Event::Message(..)) {
                for _ in 0..3 {
                    session.send(&noise(3000)).unwrap();
                }
            }
        }),
    );
    let client = world.ws_client(server.port());
    client.set_option(SocketOption::Deflate, 1).unwrap();
    client.set_option(SocketOption::DeflateTakeover, 1).unwrap();
    client.connect(world.probe("client")).unwrap();
    world.log.wait_event("client", Event::Handshaked);
    client.send_text("go").unwrap();
    let messages = world.log.wait_messages("client", 1);
    assert!(messages[0] == (Kind::Binary, noise(3000)));
    assert_eq!(world.finish().errors("client"), []);
}

#[test]
fn the_answer_of_the_handshake_is_never_dropped() {
    let world = World::new();
    let options = [(SocketOption::SendPolicy, 2), (SocketOption::SendLimit, 1000)];
    let server = world.serve_ws_with(
        &options,
        world.server_probe().sessions(|session, event| {
            if *event == Event::Handshaked {
                session.send_text(&"1".repeat(900)).unwrap();
                // Runs between the end of the handshake and the next write.
                let later = session.clone();
                session.service().post(move || {
                    later.send_text(&"2".repeat(900)).unwrap();
                });
            }
        }),
    );
    let mut peer = WsPeer::connect(server.port());
    assert_eq!(peer.read(), (TEXT, b"2".repeat(900)));
    drop(peer);
    world.finish();
}

/// What a peer sends after a pause, in one piece: two messages and what is no frame.
#[test]
fn a_failure_behind_held_back_messages_is_told_behind_them() {
    let world = World::new();
    let (sender, paused) = mpsc::channel::<Session>();
    let server = world.serve_ws(world.server_probe().sessions(move |session, event| {
        if let Event::Message(_, data) = event
            && data == b"pause"
        {
            session.pause_reading().unwrap();
            sender.send(session.clone()).unwrap();
        }
    }));
    let mut peer = WsPeer::connect(server.port());
    let mut all = [&b"pause"[..], b"one", b"two"].map(|text| peer.frame(TEXT, text)).concat();
    all.extend_from_slice(b"\x83\x80\0\0\0\0");
    peer.socket.write_all(&all).unwrap();
    let session = paused.recv().unwrap();
    // On its loop, so after all that came with the pause.
    let service = world.service.clone();
    service.post(move || session.resume_reading().unwrap());
    assert_eq!(peer.read_close().0, 1002);
    drop(peer);
    world.log.wait_event("session", Event::Disconnected(Reason::Error));
    let told: Vec<_> = world.log.messages("session").into_iter().map(|(_, data)| data).collect();
    assert_eq!(told, [&b"pause"[..], b"one", b"two"]);
    assert_eq!(world.finish().errors("session").len(), 1);
}

#[test]
fn a_peer_that_breaks_the_protocol_instead_of_ending_is_left_at_once() {
    let world = World::new();
    let options = [(SocketOption::CloseTimeout, 600_000)];
    let server = world.serve_ws_with(
        &options,
        world.server_probe().sessions(|session, event| {
            if *event == Event::Handshaked {
                session.disconnect().unwrap();
            }
        }),
    );
    let mut peer = WsPeer::connect(server.port());
    assert_eq!(peer.read_close(), (1000, String::new()));
    peer.socket.write_all(b"\x83\x80\0\0\0\0").unwrap();
    world.log.wait_event("session", Event::Disconnected(Reason::Local));
    drop(peer);
    assert_eq!(world.finish().errors("session"), []);
}

#[test]
fn contract_6_what_waited_for_a_handshake_that_failed_is_reported() {
    for request in ["GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "POST"] {
        let world = World::new();
        let server = world.serve_ws(world.server_probe().sessions(|session, event| {
            if *event == Event::Connected {
                session.send_text("hello").unwrap();
            }
        }));
        let mut socket = connect(server.port());
        socket.write_all(request.as_bytes()).unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = read_all(&mut socket);
        assert_eq!(answer.starts_with(b"HTTP/1.1 4"), request != "POST", "{request}");
        drop(socket);
        world.log.wait_for("session", |event| *event == Event::Dropped);
        let errors = world.finish().errors("session");
        let told = errors.iter().filter(|error| error.message().contains("5 bytes were not"));
        let at_the_end = errors.iter().filter(|error| error.message().contains("5 accepted bytes"));
        assert_eq!(told.count() + at_the_end.count(), 1, "{request}: {errors:?}");
    }
}

#[test]
fn contract_6_what_waited_for_the_last_part_of_a_message_is_reported() {
    let world = World::new();
    let server = world.serve_ws(world.server_probe().sessions(|session, event| {
        if *event == Event::Handshaked {
            session.send_part(Kind::Text, &[b'x'; 1000], false).unwrap();
            session.send_text("behind").unwrap();
        }
        // The part has left.
        if let Event::Sent { sent, .. } = event {
            assert_eq!(*sent, 1000, "what waits behind is not taken for sent, nor the other way");
            session.disconnect().unwrap();
        }
    }));
    let mut peer = WsPeer::connect(server.port());
    assert_eq!(peer.read().1.len(), 1000);
    assert_eq!(peer.finish(), (1000, String::new()));
    world.log.wait_event("session", Event::Disconnected(Reason::Local));
    let errors = world.finish().errors("session");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].message().starts_with("6 accepted bytes were not delivered"), "{errors:?}");
}
