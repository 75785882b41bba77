//! Peers that do not do as they should.

use super::world::*;
use crate::error::{Category, Error, SpFailure, Status};
use crate::net::Reason;

/// What a server makes of bytes.
fn refusal(words: &[u8]) -> (Error, Reason) {
    let service = started();
    let (server, ear) = serve(&service, TCP);
    let mut peer = raw_peer(&service, server.port(), words);
    let mut opened = false;
    let error = loop {
        match ear.next().1 {
            News::Open => opened = true,
            News::Error(error) => break error,
            other => panic!("unexpected: {other:?}"),
        }
    };
    assert_eq!(opened, words.starts_with(b"\0SP\0\0\x30\0\0"));
    let (reason, left) = ear.end();
    assert_eq!(left, 0);
    // The connection is closed, whatever was said before.
    let rest = peer.read_to_the_end();
    assert!(rest.len() <= 8, "{rest:?}");
    service.stop().unwrap();
    (error, reason)
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn what_is_no_greeting_ends_the_session() {
    for (words, sentence) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "something else"),
        (b"\0SP\0\0\x20\0\0", "pub"),
        (b"\0SP\0\0\x31\0\0", "rep"),
        (b"\0SP\0\0\x30\0\x01", "version"),
        (b"\0SP\x01\0\x30\0\0", "something else"),
    ] {
        let (error, reason) = refusal(words);
        assert_eq!((error.category(), error.status()), (Category::Sp, Status::Sp), "{error}");
        assert!(error.message().contains(sentence), "{error}");
        assert_eq!(reason, Reason::Error);
    }
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn messages_over_the_limit_end_the_session() {
    for length in [(1 << 20) + 1, 1 << 32, u64::MAX - 8, u64::MAX] {
        let words = [&b"\0SP\0\0\x30\0\0"[..], &length.to_be_bytes()].concat();
        let (error, reason) = refusal(&words);
        assert_eq!((error.category(), error.status()), (Category::Sp, Status::Limit));
        assert!(error.message().contains(&length.to_string()), "{error}");
        assert_eq!(reason, Reason::Limit);
    }
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn a_peer_that_is_gone_in_the_middle_of_a_message_is_told() {
    let service = started();
    let (server, ear) = serve(&service, TCP);
    let peer = raw_peer(&service, server.port(), b"\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\x05abc");
    ear.open();
    drop(peer);
    let error = ear.error();
    assert!(error.message().contains("in the middle"), "{error}");
    assert_eq!(ear.end().0, Reason::Truncated);
    drop(raw_peer(&service, server.port(), b"\0SP"));
    assert!(ear.error().message().contains("without the greeting"));
    assert_eq!(ear.end().0, Reason::Truncated);
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn a_peer_that_says_nothing_has_a_deadline() {
    let service = started();
    let server = Server::sp(&service, TCP, &OF_SERVER).unwrap();
    server.set_option(SocketOption::HandshakeTimeout, 50).unwrap();
    let ear = Ear::new();
    server.start(Door::of(&ear, false)).unwrap();
    let _peer = raw_peer(&service, server.port(), b"\0SP\0\0");
    assert_eq!(ear.error().status(), Status::Timeout);
    assert_eq!(ear.end().0, Reason::Timeout);
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn the_limit_of_messages_is_an_option() {
    let service = started();
    let server = Server::sp(&service, TCP, &SpConfig { max_size: None, ..OF_SERVER }).unwrap();
    assert_eq!(server.option(SocketOption::MessageLimit).unwrap(), 0);
    server.set_option(SocketOption::MessageLimit, 3).unwrap();
    let ear = Ear::new();
    server.start(Door::of(&ear, false)).unwrap();
    let peer = raw_peer(&service, server.port(), b"\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\x03abc");
    ear.open();
    assert_eq!(ear.message(), b"abc");
    peer.write(b"\0\0\0\0\0\0\0\x04");
    assert_eq!(ear.error().status(), Status::Limit);
    assert_eq!(ear.end().0, Reason::Limit);
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn web_socket_without_the_subprotocol_or_at_another_path_is_refused() {
    let service = started();
    let address = SpAddress::WebSocket { host: "127.0.0.1", port: 0, target: "/here" };
    let (server, ear) = serve(&service, address);
    for (path, offers, status) in [
        ("/here", "", 400),
        ("/here", "Sec-WebSocket-Protocol: req.sp.nanomsg.org\r\n", 400),
        ("/there", "Sec-WebSocket-Protocol: rep.sp.nanomsg.org\r\n", 404),
        ("/here?query", "Sec-WebSocket-Protocol: chat, rep.sp.nanomsg.org\r\n", 101),
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {offers}\r\n"
        );
        let mut peer = raw_peer(&service, server.port(), request.as_bytes());
        let answer = peer.read_head();
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{path} {offers}: {answer}");
        if status == 101 {
            ear.open();
        } else {
            if status == 400 {
                let error = ear.error();
                assert_eq!(
                    (error.category(), error.code()),
                    (Category::Sp, SpFailure::Peer as i32)
                );
            }
            assert_eq!(ear.end().0, Reason::Local);
        }
    }
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn a_server_of_web_socket_that_speaks_something_else_is_refused() {
    let service = started();
    let server = Server::websocket(&service, "127.0.0.1", 0).unwrap();
    let visits = Ear::new();
    server.start(Door::of(&visits, false)).unwrap();
    let address = |port| SpAddress::WebSocket { host: "127.0.0.1", port, target: "/" };
    let (_client, replies) = connect(&service, address(server.port()));
    let error = replies.error();
    assert_eq!((error.category(), error.status()), (Category::Sp, Status::Sp));
    assert!(error.message().contains("rep.sp.nanomsg.org"), "{error}");
    assert_eq!(replies.end(), (Reason::Error, 0));
    service.stop().unwrap();
}

#[test]
fn protocols_without_a_name_have_no_subprotocol() {
    let service = Service::new().unwrap();
    let address = SpAddress::WebSocket { host: "127.0.0.1", port: 1, target: "/" };
    let config = SpConfig { protocol: 1, peer: 2, max_size: None };
    let error = Server::sp(&service, address, &config).unwrap_err();
    assert!(error.message().contains("number 1"), "{error}");
    let error = Client::sp(&service, address, &config).unwrap_err();
    assert!(error.message().contains("number 2"), "{error}");
}
