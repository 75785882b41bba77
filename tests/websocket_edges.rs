//! Where rules of WebSocket sessions meet: limits, pauses, ends and what the library itself sends.

mod common;

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use common::*;
use cppserver::{Kind, Reason, Server, Session, SocketOption, Status};

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

/// A message as permessage-deflate sends it, without its last four bytes.
fn deflated(message: &[u8]) -> Vec<u8> {
    let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
    let mut bytes = Vec::with_capacity(message.len() + 100);
    compress.compress_vec(message, &mut bytes, flate2::FlushCompress::Sync).unwrap();
    bytes.truncate(bytes.len() - 4);
    bytes
}

/// Few bytes become many; they stay few until somebody wants to have them.
#[test]
fn compressed_messages_behind_a_pause_are_not_inflated() {
    const SIZE: usize = 1 << 20;
    let world = World::new();
    let (sender, paused) = mpsc::channel::<Session>();
    let options = [(SocketOption::Deflate, 1), (SocketOption::CloseTimeout, 600_000)];
    let server = world.serve_ws_with(
        &options,
        world.server_probe().sessions(move |session, event| {
            if matches!(event, Event::Message(..)) {
                session.pause_reading().unwrap();
                sender.send(session.clone()).unwrap();
            }
        }),
    );
    let zeros = vec![0; SIZE];
    let extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let mut peer = WsPeer::connect_with(server.port(), extension);
    let whole = deflated(&zeros);
    let (head, tail) = whole.split_at(100);
    let mut all = peer.frame(0xc2, &whole);
    // In one frame, in fragments, the last one without a byte, and with a question between them.
    all.extend(peer.frame(0xc2, &whole));
    all.extend([peer.frame(0x42, head), peer.frame(PING, b"?"), peer.frame(0x80, tail)].concat());
    all.extend([peer.frame(0x42, &whole), peer.frame(0x80, b"")].concat());
    all.extend(peer.frame(0xc2, &whole).repeat(50));
    all.extend(peer.frame(CLOSE, b"\x03\xe8"));
    peer.socket.write_all(&all).unwrap();
    for number in 1..=4 {
        let session = paused.recv().unwrap();
        let (done, settled) = mpsc::channel();
        // Behind all that came together with the message.
        let counted = session.clone();
        world.service.post(move || done.send(counted.bytes_received()).unwrap());
        assert_eq!(settled.recv(), Ok(number * SIZE as u64), "message {number}");
        if number < 4 {
            session.resume_reading().unwrap();
        } else {
            // What nobody reads any more still has an end.
            session.disconnect().unwrap();
        }
    }
    assert_eq!(peer.read(), (PONG, b"?".to_vec()));
    assert_eq!(peer.read_close().0, 1000);
    world.log.wait_event("session", Event::Disconnected(Reason::Local));
    drop(peer);
    let log = world.finish();
    assert!(
        log.messages("session").iter().all(|message| *message == (Kind::Binary, vec![0; SIZE]))
    );
    assert_eq!((log.messages("session").len(), log.errors("session").len()), (4, 0));
}

#[test]
fn an_encrypted_end_behind_a_message_that_waits_is_told_behind_it() {
    for close in [&b"\x88\x82\0\0\0\0\x03\xe8"[..], b""] {
        let world = World::new();
        let (sender, paused) = mpsc::channel::<Session>();
        let server =
            Server::websocket_tls(&world.service, &server_context(), "127.0.0.1", 0).unwrap();
        server.set_option(SocketOption::Deflate, 1).unwrap();
        let probe = world.server_probe().sessions(move |session, event| {
            if matches!(event, Event::Message(..)) {
                session.pause_reading().unwrap();
                sender.send(session.clone()).unwrap();
            }
        });
        server.start(probe).unwrap();
        let mut peer = tls_connect(server.port());
        let request = REQUEST.strip_suffix("\r\n").unwrap();
        write!(peer, "{request}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            peer.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let message = deflated(b"hello");
        let frame = [&[0xc1, 0x80 | message.len() as u8, 0, 0, 0, 0][..], &message].concat();
        let all = [&frame, &frame, &frame, close].concat();
        // Records of their own.
        all.chunks(5).for_each(|piece| peer.conn.writer().write_all(piece).unwrap());
        peer.conn.send_close_notify();
        peer.flush().unwrap();
        for _ in 0..3 {
            let session = paused.recv().unwrap();
            world.service.post(move || session.resume_reading().unwrap());
        }
        let reason = if close.is_empty() { Reason::Truncated } else { Reason::PeerClosed };
        world.log.wait_event("session", Event::Disconnected(reason));
        drop(peer);
        let log = world.finish();
        assert!(log.messages("session") == vec![(Kind::Text, b"hello".to_vec()); 3]);
        assert_eq!(log.errors("session").len(), usize::from(close.is_empty()));
    }
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
