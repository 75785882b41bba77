//! How WebSocket sessions end: by either side, by a deadline, by what breaks the protocol.

mod common;

use std::io::Write;
use std::time::Duration;

use common::*;
use cppserver::{Category, CloseFrame, Reason, SocketOption, Status};

fn frame(code: u16, reason: &str) -> CloseFrame {
    CloseFrame { code, reason: reason.into() }
}

#[test]
fn an_end_delivers_what_was_sent_and_says_why() {
    let world = World::new();
    let server = world.serve_ws(world.server_probe().sessions(|session, event| {
        if matches!(event, Event::Message(..)) {
            for number in 0..100 {
                session.send_text(&format!("{number} {}", "x".repeat(10_000))).unwrap();
            }
            session.disconnect_with(3000, "that is all").unwrap();
            assert!(session.send_text("too late").is_err());
            assert!(session.disconnect().is_err(), "only once");
        }
    }));
    let client = world.connect_ws(server.port(), world.probe("client"));
    world.log.wait_event("client", Event::Handshaked);
    client.send_text("go on").unwrap();
    world.log.wait_event("client", Event::Disconnected(Reason::PeerClosed));
    world.log.wait_event("session", Event::Disconnected(Reason::Local));
    assert_eq!(world.log.messages("client").len(), 100);
    assert_eq!(client.close_frame(), Some(frame(3000, "that is all")));
    let log = world.finish();
    assert_eq!((log.errors("client"), log.errors("session")), (vec![], vec![]));
}

#[test]
fn both_sides_may_end_at_the_same_time() {
    let world = World::new();
    let server = world.serve_ws(world.server_probe());
    for round in 1..=50 {
        let client = world.connect_ws(server.port(), world.probe("client"));
        world.log.wait_count("client", round, |event| *event == Event::Handshaked);
        world.log.wait_count("session", round, |event| *event == Event::Handshaked);
        let _ = (server.disconnect_all(), client.disconnect());
        world.log.wait_count("client", round, |event| *event == Event::Dropped);
        world.log.wait_count("session", round, |event| *event == Event::Dropped);
    }
    let log = world.finish();
    assert_eq!((log.errors("client"), log.errors("session")), (vec![], vec![]));
}

#[test]
fn codes_that_must_not_be_sent_are_refused_and_the_session_goes_on() {
    let world = World::new();
    let server = world.serve_ws(world.server_probe().echo());
    let client = world.connect_ws(server.port(), world.probe("client"));
    world.log.wait_event("client", Event::Handshaked);
    for code in [0, 999, 1004, 1006, 1015, 2999, 5000] {
        let error = client.disconnect_with(code, "").unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{code}");
    }
    assert!(client.disconnect_with(1005, "no room").is_err());
    client.send_text("still here").unwrap();
    world.log.wait_messages("client", 1);
    client.disconnect_with(1005, "").unwrap();
    world.log.wait_event("client", Event::Disconnected(Reason::Local));
    world.finish();
}

#[test]
fn contract_12_a_peer_that_never_answers_the_end_is_left_after_the_deadline() {
    let world = World::new();
    let options = [(SocketOption::CloseTimeout, 50)];
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
    // It says everything but that.
    peer.send(TEXT, b"I stay");
    world.log.wait_event("session", Event::Disconnected(Reason::Local));
    assert_eq!(world.log.messages("session"), []);
    world.finish();
}

#[test]
fn a_client_waits_for_the_server_to_close_but_not_for_ever() {
    let world = World::new();
    let (listener, port) = listener();
    let client = world.ws_client(port);
    // Long enough for the answer on a slow machine.
    client.set_option(SocketOption::CloseTimeout, 2_000).unwrap();
    client.connect(world.probe("client")).unwrap();
    let mut peer = WsPeer::accept(&listener);
    world.log.wait_event("client", Event::Handshaked);
    client.disconnect().unwrap();
    assert_eq!(peer.read_close(), (1000, String::new()));
    peer.send(CLOSE, b"\x03\xe8");
    world.log.wait_event("client", Event::Disconnected(Reason::Local));
    assert_eq!(client.close_frame(), Some(frame(1000, "")));
    drop(peer);
    assert_eq!(world.finish().errors("client"), []);
}

#[test]
fn a_connection_that_ends_without_a_close_frame_is_truncated() {
    let world = World::new();
    let server = world.serve_ws(world.server_probe());
    let mut peer = WsPeer::connect(server.port());
    peer.send(0x01, b"half of it");
    drop(peer);
    world.log.wait_event("session", Event::Disconnected(Reason::Truncated));
    let errors = world.log.errors("session");
    assert_eq!((errors.len(), errors[0].code()), (1, 1006), "{errors:?}");
    assert_eq!(errors[0].category(), Category::WebSocket);
    world.finish();
}

#[test]
fn what_breaks_the_protocol_ends_its_session_alone_and_says_why() {
    let world = World::new();
    let options = [(SocketOption::MessageLimit, 1000), (SocketOption::FragmentLimit, 3)];
    let server = world.serve_ws_with(&options, world.server_probe().echo());
    let bystander = world.connect_ws(server.port(), world.probe("bystander"));
    world.log.wait_event("bystander", Event::Handshaked);
    let wrong: [(&[u8], u16); 15] = [
        (b"\x81\x02hi", 1002),
        (b"\xc1\x80\0\0\0\0", 1002),
        (b"\xb1\x80\0\0\0\0", 1002),
        (b"\x83\x80\0\0\0\0", 1002),
        (b"\x8b\x80\0\0\0\0", 1002),
        (b"\x09\x80\0\0\0\0", 1002),
        (b"\x89\xfe\0\x7e\0\0\0\0", 1002),
        (b"\x80\x80\0\0\0\0", 1002),
        (b"\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 1002),
        (b"\x88\x81\0\0\0\0x", 1002),
        (b"\x88\x82\0\0\0\0\x03\xee", 1002),
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\x82\xfe\x03\xe9\0\0\0\0", 1009),
        (b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009),
        (b"\x01\x80\0\0\0\0\0\x80\0\0\0\0\0\x80\0\0\0\0\0\x80\0\0\0\0", 1009),
    ];
    for (round, (bytes, code)) in wrong.into_iter().enumerate() {
        let mut peer = WsPeer::connect(server.port());
        // What came before is answered before the end.
        let mut all = peer.frame(TEXT, b"before");
        all.extend_from_slice(bytes);
        peer.socket.write_all(&all).unwrap();
        assert_eq!(peer.read(), (TEXT, b"before".to_vec()), "{bytes:x?}");
        let (told, reason) = peer.read_close();
        assert_eq!(told, code, "{bytes:x?}: {reason}");
        assert!(!reason.is_empty());
        drop(peer);
        world.log.wait_count("session", round + 1, |event| *event == Event::Dropped);
        let errors = world.log.errors("session");
        assert_eq!((errors.len(), errors[round].code()), (round + 1, i32::from(code)));
    }
    let ends = |reason| {
        let events = world.log.of("session");
        events.iter().filter(|event| **event == Event::Disconnected(reason)).count()
    };
    assert_eq!((ends(Reason::Error), ends(Reason::Limit)), (12, 3));
    bystander.send_text("still here").unwrap();
    world.log.wait_messages("bystander", 1);
    world.finish();
}

#[test]
fn a_bomb_ends_its_session_at_the_limit() {
    let world = World::new();
    let options = [(SocketOption::Deflate, 1), (SocketOption::MessageLimit, 1 << 20)];
    let server = world.serve_ws_with(&options, world.server_probe());
    let client = world.ws_client(server.port());
    client.set_option(SocketOption::Deflate, 1).unwrap();
    client.connect(world.probe("client")).unwrap();
    world.log.wait_event("client", Event::Handshaked);
    client.send(&vec![0; 8 << 20]).unwrap();
    world.log.wait_event("session", Event::Disconnected(Reason::Limit));
    world.log.wait_event("client", Event::Disconnected(Reason::PeerClosed));
    assert_eq!(client.close_frame().unwrap().code, 1009);
    world.finish();
}

#[test]
fn a_peer_that_pings_and_does_not_read_costs_no_memory() {
    let world = World::new();
    let options = [(SocketOption::SendLimit, 10_000), (SocketOption::SendBuffer, 4096)];
    let server = world.serve_ws_with(&options, world.server_probe());
    let mut peer = WsPeer::connect(server.port());
    let pings = peer.frame(PING, &[b'x'; 125]).repeat(1000);
    for _ in 0..40 {
        peer.socket.write_all(&pings).unwrap();
    }
    peer.send(TEXT, b"done");
    world.log.wait_messages("session", 1);
    let session = server.clone();
    assert!(session.current_sessions() == 1);
    // The answers that were given are whole.
    let (mut first, mut payload) = peer.read();
    for _ in 0..50 {
        assert_eq!((first, payload.len()), (PONG, 125));
        (first, payload) = peer.read();
    }
    drop(peer);
    world.finish();
}

#[test]
fn a_silent_peer_is_asked_and_then_left() {
    let world = World::new();
    // The time for an answer, too, which takes long on a busy machine.
    let options = [(SocketOption::PingInterval, 200)];
    let server = world.serve_ws_with(&options, world.server_probe());
    let mut lively = WsPeer::connect(server.port());
    for _ in 0..3 {
        assert_eq!(lively.read(), (PING, Vec::new()));
        lively.send(PONG, b"");
    }
    // From here on it is silent.
    world.log.wait_event("session", Event::Disconnected(Reason::Timeout));
    let errors = world.log.errors("session");
    assert!(errors[0].message().contains("did not answer a ping"), "{errors:?}");
    world.finish();
}

#[test]
fn a_session_that_pauses_does_not_miss_the_answers_to_its_pings() {
    let world = World::new();
    // The time for an answer, too, which takes long on a busy machine.
    let options = [(SocketOption::PingInterval, 200)];
    let probe = world.server_probe().sessions(|session, event| {
        if *event == Event::Handshaked {
            session.pause_reading().unwrap();
        }
    });
    let server = world.serve_ws_with(&options, probe);
    let mut peer = WsPeer::connect(server.port());
    for _ in 0..4 {
        assert_eq!(peer.read(), (PING, Vec::new()));
        peer.send(PONG, b"");
    }
    assert_eq!(server.current_sessions(), 1);
    drop(peer);
    server.stop().unwrap();
    world.log.wait_event("session", Event::Disconnected(Reason::ServerStopped));
    world.finish();
}

#[test]
fn a_stop_says_that_the_server_goes_away() {
    let world = World::new();
    let server = world.serve_ws(world.server_probe());
    let client = world.connect_ws(server.port(), world.probe("client"));
    world.log.wait_event("client", Event::Handshaked);
    world.log.wait_event("session", Event::Handshaked);
    server.restart().unwrap();
    world.log.wait_event("session", Event::Disconnected(Reason::ServerStopped));
    world.log.wait_event("client", Event::Disconnected(Reason::PeerClosed));
    assert_eq!(client.close_frame(), Some(frame(1001, "")));
    client.connect(world.probe("again")).unwrap();
    world.log.wait_event("again", Event::Handshaked);
    world.service.stop().unwrap();
    let ends: Vec<_> = ["again", "session"].map(|name| world.log.of(name)).concat();
    assert!(ends.contains(&Event::Disconnected(Reason::ServiceStopped)), "{ends:?}");
    world.log.check();
}

#[test]
fn everything_may_end_a_session_in_its_callbacks() {
    let world = World::new();
    let server = world.serve_ws(world.server_probe().sessions(|session, event| match event {
        Event::Message(_, data) if data == b"disconnect" => session.disconnect().unwrap(),
        Event::Message(_, data) if data == b"now" => session.disconnect_now().unwrap(),
        Event::Message(_, data) if data == b"restart" => {
            session.server().unwrap().restart().unwrap()
        }
        Event::Message(..) => panic!("on purpose"),
        _ => {}
    }));
    for (round, word) in ["disconnect", "now", "panic", "restart"].into_iter().enumerate() {
        let client = world.connect_ws(server.port(), world.probe("client"));
        world.log.wait_count("client", round + 1, |event| *event == Event::Handshaked);
        client.send_text(word).unwrap();
        // Does not come after the first. The session may be over already.
        let _ = client.send_text("disconnect");
        world.log.wait_count("client", round + 1, |event| *event == Event::Dropped);
        world.log.wait_count("session", round + 1, |event| *event == Event::Dropped);
    }
    world.finish();
}

#[test]
fn a_message_that_waits_for_the_last_part_is_given_up_with_its_session() {
    let world = World::new();
    let server = world.serve_ws(world.server_probe().sessions(|session, event| {
        if *event == Event::Handshaked {
            session.send_part(cppserver::Kind::Text, b"never ends", false).unwrap();
            session.send_text("behind").unwrap();
            session.disconnect().unwrap();
        }
    }));
    let mut peer = WsPeer::connect(server.port());
    peer.socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(peer.read(), (0x01, b"never ends".to_vec()));
    assert_eq!(peer.finish(), (1000, String::new()));
    world.finish();
}
