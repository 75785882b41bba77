//! WebSocket sessions: messages in both directions, and what is counted.

mod common;

use std::sync::Arc;
use std::thread;

use common::*;
use cppserver::{Client, Kind, Reason, Server, SocketOption, Status};

/// Messages of all sizes that have a form of their own, and of all kinds.
fn messages() -> Vec<(Kind, Vec<u8>)> {
    let text = |size: usize| "größer".chars().cycle().take(size).collect::<String>().into_bytes();
    let mut messages = Vec::new();
    for size in [0, 1, 100, 125, 126, 1000, 16_383, 16_384, 65_535, 65_536, 300_000] {
        messages.push((Kind::Binary, pattern(size)));
        messages.push((Kind::Text, text(size / 2)));
    }
    messages
}

#[test]
fn messages_of_every_size_come_back_in_order() {
    let compressed = [(SocketOption::Deflate, 1), (SocketOption::DeflateThreshold, 0)];
    let with_context = [compressed[0], compressed[1], (SocketOption::DeflateTakeover, 1)];
    for options in [&[][..], &compressed, &with_context] {
        let world = World::new();
        let server = world.serve_ws_with(options, world.server_probe().echo());
        let client = world.ws_client(server.port());
        for (option, value) in options {
            client.set_option(*option, *value).unwrap();
        }
        // Sent before the handshake, so that they wait for it.
        let sent = messages();
        let probe = world.probe("client").on({
            let sent = sent.clone();
            move |session, event| {
                if *event == Event::Connected {
                    for (kind, data) in &sent {
                        session.send_message(*kind, data).unwrap();
                    }
                }
            }
        });
        client.connect(probe).unwrap();
        let received = world.log.wait_messages("client", sent.len());
        assert!(received == sent, "{options:?}");
        assert_eq!(client.is_compressed(), !options.is_empty());
        client.disconnect().unwrap();
        world.log.wait_event("session", Event::Disconnected(Reason::PeerClosed));
        world.log.wait_event("client", Event::Disconnected(Reason::Local));
        let bytes: usize = sent.iter().map(|(_, data)| data.len()).sum();
        let counted = |sent, received| (sent, received) == (bytes as u64, bytes as u64);
        assert!(counted(client.bytes_sent(), client.bytes_received()), "{client:?}");
        assert!(counted(server.bytes_sent(), server.bytes_received()), "{server:?}");
        let count = sent.len() as u64;
        assert_eq!((client.messages_sent(), client.messages_received()), (count, count));
        assert_eq!((server.messages_sent(), server.messages_received()), (count, count));
        assert_eq!(world.finish().errors("client"), []);
    }
}

#[test]
fn messages_pass_encrypted_too() {
    let world = World::new();
    let server = Server::websocket_tls(&world.service, &server_context(), "127.0.0.1", 0).unwrap();
    server.start(world.server_probe().echo()).unwrap();
    let address = format!("wss://localhost:{}/", server.port());
    let client = Client::websocket_tls(&world.service, &client_context(), &address).unwrap();
    client.connect(world.probe("client")).unwrap();
    world.log.wait_event("client", Event::Handshaked);
    assert!(client.tls().is_some());
    let sent = messages();
    for (kind, data) in &sent {
        client.send_message(*kind, data).unwrap();
    }
    assert!(world.log.wait_messages("client", sent.len()) == sent);
    client.disconnect_with(4000, "encrypted").unwrap();
    world.log.wait_event("session", Event::Disconnected(Reason::PeerClosed));
    world.log.wait_event("client", Event::Disconnected(Reason::Local));
    assert_eq!(client.close_frame().unwrap().code, 4000);
    let log = world.finish();
    assert_eq!((log.errors("client"), log.errors("session")), (vec![], vec![]));
}

#[test]
fn frames_that_were_cut_and_fragments_are_whole_messages() {
    let world = World::new();
    let server = world.serve_ws(world.server_probe().echo());
    let mut peer = WsPeer::connect(server.port());
    peer.send(0x01, "grö".as_bytes());
    peer.send(PING, b"in between");
    peer.send(0x00, &"ß".as_bytes()[..1]);
    peer.send(0x80, &"ß".as_bytes()[1..]);
    assert_eq!(peer.read(), (PONG, b"in between".to_vec()));
    assert_eq!(peer.read(), (TEXT, "größ".as_bytes().to_vec()));
    peer.send(CLOSE, b"\x0b\xb8done");
    assert_eq!(peer.finish(), (3000, String::new()));
    world.log.wait_event("session", Event::Disconnected(Reason::PeerClosed));
    world.finish();
}

#[test]
fn parts_are_fragments_and_others_wait_for_the_last() {
    let world = World::new();
    let probe = world.server_probe().sessions(|session, event| {
        if *event == Event::Handshaked {
            session.send_part(Kind::Text, b"one ", false).unwrap();
            session.send_text("behind").unwrap();
            session.send_message(Kind::Ping, b"now").unwrap();
            session.send_part(Kind::Text, b"two ", false).unwrap();
            session.send_part(Kind::Text, b"three", true).unwrap();
            session.send_part(Kind::Binary, b"alone", true).unwrap();
            let error = session.send_part(Kind::Ping, b"", true).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
        }
    });
    let server = world.serve_ws(probe);
    let mut peer = WsPeer::connect(server.port());
    let frames: Vec<_> = (0..6).map(|_| peer.read()).collect();
    let expected: [(u8, &[u8]); 6] = [
        (0x01, b"one "),
        (PING, b"now"),
        (0x00, b"two "),
        (0x80, b"three"),
        (TEXT, b"behind"),
        (BINARY, b"alone"),
    ];
    assert_eq!(frames, expected.map(|(first, payload)| (first, payload.to_vec())));
    let session = server.clone();
    eventually("all is counted", || session.messages_sent() == 3);
    assert_eq!(server.bytes_sent(), 24);
    server.stop().unwrap();
    assert_eq!(peer.finish(), (1001, String::new()));
    world.finish();
}

#[test]
fn what_waits_for_a_last_part_keeps_nobody_from_going_on() {
    let world = World::new();
    let probe = world.server_probe().sessions(|session, event| match event {
        Event::Handshaked => {
            session.send_part(Kind::Text, b"one ", false).unwrap();
            session.send_text("behind").unwrap();
        }
        // The part has left: the next one may follow.
        Event::Empty if session.messages_sent() == 0 => {
            assert_eq!(session.bytes_pending(), 0);
            session.send_part(Kind::Text, b"two", true).unwrap();
        }
        _ => {}
    });
    let server = world.serve_ws(probe);
    let mut peer = WsPeer::connect(server.port());
    let frames: Vec<_> = (0..3).map(|_| peer.read()).collect();
    let expected: [(u8, &[u8]); 3] = [(0x01, b"one "), (0x80, b"two"), (TEXT, b"behind")];
    assert_eq!(frames, expected.map(|(first, payload)| (first, payload.to_vec())));
    drop(peer);
    world.finish();
}

#[test]
fn what_waits_for_a_last_part_counts_for_the_limit() {
    let world = World::new();
    let (listener, port) = listener();
    let client = world.ws_client(port);
    client.set_option(SocketOption::SendLimit, 1000).unwrap();
    client.connect(world.probe("client")).unwrap();
    let mut peer = WsPeer::accept(&listener);
    world.log.wait_event("client", Event::Handshaked);
    client.send_part(Kind::Text, b"part", false).unwrap();
    assert_eq!(peer.read(), (0x01, b"part".to_vec()));
    client.send_text(&"x".repeat(600)).unwrap();
    assert_eq!(client.send_text(&"x".repeat(600)).unwrap_err().status(), Status::Limit);
    client.send_part(Kind::Text, b"", true).unwrap();
    assert_eq!(peer.read(), (0x80, Vec::new()));
    assert_eq!(peer.read().1.len(), 600);
    eventually("there is room again", || client.bytes_pending() == 0);
    client.send_text(&"x".repeat(600)).unwrap();
    drop(peer);
    world.finish();
}

#[test]
fn everybody_is_asked_before_a_multicast_begins() {
    let world = World::with_threads(2);
    let server = world.serve_ws(world.server_probe());
    let clients = [(); 4].map(|()| world.connect_ws(server.port(), world.probe("client")));
    world.log.wait_count("client", clients.len(), |event| *event == Event::Handshaked);
    world.log.wait_count("session", clients.len(), |event| *event == Event::Handshaked);
    let mut asked: Vec<cppserver::Session> = Vec::new();
    let choose = |session: &cppserver::Session| {
        asked.push(session.clone());
        asked.iter().all(|session| session.bytes_pending() == 0 && session.messages_sent() == 0)
    };
    server.multicast_if(Kind::Text, b"to all", choose).unwrap();
    assert_eq!(asked.len(), clients.len());
    world.log.wait_messages("client", clients.len());
    world.finish();
}

#[test]
fn what_a_kind_does_not_take_is_refused_and_nothing_is_sent() {
    let world = World::new();
    let server = world.serve_ws(world.server_probe().echo());
    let client = world.connect_ws(server.port(), world.probe("client"));
    world.log.wait_event("client", Event::Handshaked);
    for (kind, data) in [
        (Kind::Text, &b"\xff"[..]),
        (Kind::Text, "ä".repeat(100).as_bytes().split_last().unwrap().1),
        (Kind::Ping, &[0; 126]),
        (Kind::Pong, &[0; 126]),
    ] {
        let error = client.send_message(kind, data).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{kind:?}: {error}");
    }
    client.send(b"bytes are binary").unwrap();
    client.send_message(Kind::Bytes, b"here too").unwrap();
    let received = world.log.wait_messages("client", 2);
    assert_eq!(received[0], (Kind::Binary, b"bytes are binary".to_vec()));
    assert_eq!(received[1], (Kind::Binary, b"here too".to_vec()));
    // Sessions of bytes have no messages.
    let plain = world.serve(world.server_probe().renamed("plain").echo());
    let tcp = world.connect(plain.port(), world.probe("tcp"));
    world.log.wait_event("tcp", Event::Connected);
    assert_eq!(tcp.send_text("x").unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(tcp.send_message(Kind::Text, b"x").unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(tcp.disconnect_with(1000, "").unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(tcp.add_header("A", "b").unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(
        plain.multicast_message(Kind::Text, b"x").unwrap_err().status(),
        Status::InvalidArgument
    );
    assert_eq!(
        server.multicast_message(Kind::Ping, b"").unwrap_err().status(),
        Status::InvalidArgument
    );
    tcp.send_message(Kind::Bytes, b"bytes").unwrap();
    world.log.wait_received("tcp", 5);
    world.finish();
}

#[test]
fn control_frames_are_told_to_those_who_ask() {
    let world = World::new();
    let options = [(SocketOption::ControlFrames, 1)];
    let server = world.serve_ws_with(&options, world.server_probe());
    let mut peer = WsPeer::connect(server.port());
    peer.send(PING, b"are you there?");
    peer.send(PONG, b"not asked for");
    assert_eq!(peer.read(), (PONG, b"are you there?".to_vec()));
    let told = world.log.wait_messages("session", 2);
    assert_eq!(told[0], (Kind::Ping, b"are you there?".to_vec()));
    assert_eq!(told[1], (Kind::Pong, b"not asked for".to_vec()));
    assert_eq!((server.messages_received(), server.bytes_received()), (0, 0));
    drop(peer);
    world.finish();
}

#[test]
fn a_multicast_reaches_everybody_once_however_they_compress() {
    let world = World::with_threads(2);
    let options = [(SocketOption::Deflate, 1), (SocketOption::DeflateThreshold, 0)];
    let server = world.serve_ws_with(&options, world.server_probe());
    let names = ["plain", "small window", "compressed", "with context"];
    let clients: Vec<Client> = names
        .into_iter()
        .map(|name| {
            let client = world.ws_client(server.port());
            client.set_option(SocketOption::Deflate, i64::from(name != "plain")).unwrap();
            let context = i64::from(name == "with context");
            client.set_option(SocketOption::DeflateTakeover, context).unwrap();
            let bits = if name == "small window" { 9 } else { 15 };
            client.set_option(SocketOption::DeflateWindowBits, bits).unwrap();
            client.connect(world.probe(name)).unwrap();
            world.log.wait_event(name, Event::Handshaked);
            assert_eq!(client.is_compressed(), name != "plain");
            client
        })
        .collect();
    let mut plain = WsPeer::connect(server.port());
    eventually("all are there", || server.current_sessions() == 5);
    world.log.wait_count("session", 5, |event| *event == Event::Handshaked);
    let text = "to all of you ".repeat(500);
    server.multicast_message(Kind::Text, text.as_bytes()).unwrap();
    server.multicast(b"binary").unwrap();
    server.multicast_message(Kind::Text, b"").unwrap();
    let expected = vec![
        (Kind::Text, text.clone().into_bytes()),
        (Kind::Binary, b"binary".to_vec()),
        (Kind::Text, Vec::new()),
    ];
    for name in names {
        assert!(world.log.wait_messages(name, 3) == expected, "{name}");
    }
    assert_eq!(plain.read(), (TEXT, text.into_bytes()));
    assert_eq!((plain.read().0, plain.read().0), (BINARY, TEXT));
    // To some of them.
    let chosen = clients[2].local_address();
    server.multicast_if(Kind::Text, b"to one", |session| session.peer_address() == chosen).unwrap();
    assert_eq!(world.log.wait_messages("compressed", 4)[3].1, b"to one");
    eventually("all is counted", || server.messages_sent() == 16);
    drop(plain);
    let log = world.finish();
    assert_eq!(log.messages("plain").len(), 3);
}

#[test]
fn sends_of_many_threads_stay_whole() {
    const THREADS: usize = 4;
    const EACH: usize = 300;
    let world = World::with_threads(2);
    let server = world.serve_ws(world.server_probe());
    let client = world.connect_ws(server.port(), world.probe("client"));
    world.log.wait_event("client", Event::Handshaked);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let client = &client;
            scope.spawn(move || {
                for number in 0..EACH {
                    let size = [3, 200, 20_000][number % 3];
                    let text = format!("{thread} {number} {}", "x".repeat(size));
                    client.send_text(&text).unwrap();
                }
            });
        }
    });
    let received = world.log.wait_messages("session", THREADS * EACH);
    let mut next = [0; THREADS];
    for (_, message) in received {
        let text = String::from_utf8(message).unwrap();
        let mut words = text.split(' ');
        let mut number = || words.next().unwrap().parse::<usize>().unwrap();
        let (thread, number) = (number(), number());
        assert_eq!(number, next[thread], "in the order of their thread");
        next[thread] += 1;
    }
    world.finish();
}

#[test]
fn what_drops_the_oldest_drops_whole_messages() {
    let world = World::new();
    let (listener, port) = listener();
    let client = world.ws_client(port);
    client.set_option(SocketOption::SendLimit, 100_000).unwrap();
    client.set_option(SocketOption::SendPolicy, 2).unwrap();
    client.connect(world.probe("client")).unwrap();
    let mut peer = WsPeer::accept(&listener);
    world.log.wait_event("client", Event::Handshaked);
    // More than the system and the limit take together.
    for number in 0..20_000_u32 {
        let text = format!("{number} {}", "x".repeat(1000));
        client.send_text(&text).unwrap();
    }
    assert_eq!(
        client.send_part(Kind::Text, b"x", false).unwrap_err().status(),
        Status::InvalidArgument
    );
    client.disconnect().unwrap();
    let mut last = None;
    let count = loop {
        let (first, payload) = peer.read();
        if first == CLOSE {
            break last.unwrap();
        }
        assert_eq!(first, TEXT);
        let text = String::from_utf8(payload).unwrap();
        let number: u32 = text.split(' ').next().unwrap().parse().unwrap();
        assert!(last.is_none_or(|last| number > last) && text.ends_with("x"));
        last = Some(number);
    };
    assert_eq!(count, 19_999, "the newest stay");
    peer.send(CLOSE, b"\x03\xe8");
    drop(peer);
    world.log.wait_event("client", Event::Disconnected(Reason::Local));
    world.finish();
}

#[test]
fn above_the_limit_a_send_fails_and_on_empty_says_when_to_go_on() {
    let world = World::new();
    let (listener, port) = listener();
    let client = world.ws_client(port);
    client.set_option(SocketOption::SendLimit, 10_000).unwrap();
    client.connect(world.probe("client")).unwrap();
    let mut peer = WsPeer::accept(&listener);
    world.log.wait_event("client", Event::Handshaked);
    let mut sent = 0;
    while client.send_text(&"x".repeat(1000)).is_ok() {
        sent += 1;
        assert!(sent < 100_000, "the limit is reached");
    }
    assert_eq!(client.send_text(&"x".repeat(20_000)).unwrap_err().status(), Status::Limit);
    for _ in 0..sent {
        assert_eq!(peer.read().1.len(), 1000);
    }
    world.log.wait_for("client", |event| *event == Event::Empty);
    eventually("there is room again", || client.bytes_pending() == 0);
    client.send_text("again").unwrap();
    assert_eq!(peer.read(), (TEXT, b"again".to_vec()));
    drop(peer);
    world.finish();
}

#[test]
fn a_client_connects_again_with_everything_new() {
    let world = World::new();
    let options = [(SocketOption::Deflate, 1), (SocketOption::DeflateTakeover, 1)];
    let server = world.serve_ws_with(&options, world.server_probe().echo());
    let client = world.ws_client(server.port());
    for (option, value) in options {
        client.set_option(option, value).unwrap();
    }
    let text = Arc::new("again and again ".repeat(100));
    for round in 1..=3 {
        client.connect(world.probe("client")).unwrap();
        world.log.wait_count("client", round, |event| *event == Event::Handshaked);
        client.send_text(&text).unwrap();
        assert_eq!(world.log.wait_messages("client", round)[round - 1].1, text.as_bytes());
        assert_eq!(client.messages_received(), 1, "since the connection began");
        client.disconnect().unwrap();
        world.log.wait_count("client", round, |event| *event == Event::Dropped);
    }
    world.finish();
}
