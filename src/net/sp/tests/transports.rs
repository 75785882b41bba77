//! The same conversation over each transport.

use std::sync::Arc;

use super::world::*;
use crate::net::Reason;

/// A request and its reply, with words in front, and some that are too large to be copied.
fn converse((client, replies): (Client, Ear), ear: &Ear) {
    let served = ear.open();
    let session = replies.open();
    assert_eq!(&session, client.session());
    assert!(matches!(session.send_sp(b"\x80\0\0\x01", Body::Copied(b"hello")), Offer::Accepted(_)));
    assert_eq!(ear.message(), b"\x80\0\0\x01hello");
    let large: Arc<[u8]> = (0..300_000u32).map(|number| (number % 251) as u8).collect();
    for _ in 0..3 {
        let offer = served.send_sp(b"\x80\0\0\x01", Body::Shared(&large));
        assert!(matches!(offer, Offer::Accepted(_)), "{offer:?}");
    }
    assert!(matches!(served.send_sp(b"", Body::Copied(b"")), Offer::Accepted(_)));
    for _ in 0..3 {
        assert_eq!(replies.message(), [b"\x80\0\0\x01", &large[..]].concat());
    }
    assert_eq!(replies.message(), b"");
    assert_eq!(client.messages_received(), 4);
    assert_eq!(client.bytes_received(), 3 * (300_000 + 4));
    client.disconnect().unwrap();
    assert_eq!(replies.end(), (Reason::Local, 0));
    assert_eq!(ear.end(), (Reason::PeerClosed, 0));
    assert_eq!((session.messages_sent(), session.bytes_sent()), (1, 9));
    assert_eq!((served.messages_sent(), served.bytes_sent()), (4, 3 * (300_000 + 4)));
    assert_eq!(served.send_sp(b"", Body::Copied(b"late")), Offer::Gone);
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn over_tcp() {
    let service = started();
    let (server, ear) = serve(&service, TCP);
    converse(connect(&service, tcp(server.port())), &ear);
    let by_name = SpAddress::Tcp { host: "localhost", port: server.port() };
    converse(connect(&service, by_name), &ear);
    service.stop().unwrap();
}

#[cfg(unix)]
#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn over_ipc() {
    let service = started();
    let folder = Folder::new();
    let path = folder.file("ipc");
    let address = SpAddress::Ipc { path: &path };
    let (server, ear) = serve(&service, address);
    for _ in 0..3 {
        converse(connect(&service, address), &ear);
    }
    service.stop().unwrap();
    assert_eq!(server.current_sessions(), 0);
    assert!(!path.exists(), "the file goes with the socket");
}

#[cfg(not(unix))]
#[test]
fn there_is_no_ipc_here() {
    let service = Service::new().unwrap();
    let path = Folder::new().file("ipc");
    let error = Server::sp(&service, SpAddress::Ipc { path: &path }, &OF_SERVER).unwrap_err();
    assert_eq!(error.status(), crate::error::Status::Unsupported);
    assert!(error.message().contains("TCP on 127.0.0.1"), "{error}");
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn over_tls() {
    let service = started();
    let (of_server, of_client) = contexts();
    let (host, port) = ("127.0.0.1", 0);
    let (server, ear) = serve(&service, SpAddress::Tls { context: &of_server, host, port });
    let port = server.port();
    let client = connect(&service, SpAddress::Tls { context: &of_client, host, port });
    converse(client, &ear);
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn over_web_socket() {
    let service = started();
    let address = |port| SpAddress::WebSocket { host: "127.0.0.1", port, target: "/path?query" };
    let (server, ear) = serve(&service, address(0));
    converse(connect(&service, address(server.port())), &ear);
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn over_web_socket_and_tls() {
    let service = started();
    let (of_server, of_client) = contexts();
    let address =
        |context, port| SpAddress::WebSocketTls { context, host: "127.0.0.1", port, target: "/" };
    let (server, ear) = serve(&service, address(&of_server, 0));
    converse(connect(&service, address(&of_client, server.port())), &ear);
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn the_bytes_of_a_conversation_over_tcp() {
    let service = started();
    let (server, ear) = serve(&service, TCP);
    let mut peer = raw_peer(&service, server.port(), b"\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\x03abc");
    assert_eq!(peer.read(8), b"\0SP\0\0\x31\0\0");
    let session = ear.open();
    assert_eq!(ear.message(), b"abc");
    session.send_sp(b"\x80\0\0\x07", Body::Copied(b"reply"));
    assert_eq!(peer.read(17), b"\0\0\0\0\0\0\0\x09\x80\0\0\x07reply");
    for byte in b"\0\0\0\0\0\0\0\x02xy" {
        peer.write(&[*byte]);
    }
    assert_eq!(ear.message(), b"xy");
    drop(peer);
    assert_eq!(ear.end(), (Reason::PeerClosed, 0));
    service.stop().unwrap();
}

#[cfg(unix)]
#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn the_bytes_of_a_conversation_over_ipc() {
    let service = started();
    let folder = Folder::new();
    let path = folder.file("ipc");
    let (_server, ear) = serve(&service, SpAddress::Ipc { path: &path });
    let client = Client::unix(&service, &path).unwrap();
    let mut peer = raw(client, b"\0SP\0\0\x30\0\0\x01\0\0\0\0\0\0\0\x03abc");
    assert_eq!(peer.read(8), b"\0SP\0\0\x31\0\0");
    let session = ear.open();
    assert_eq!(ear.message(), b"abc");
    session.send_sp(b"\x80\0\0\x07", Body::Copied(b"reply"));
    assert_eq!(peer.read(18), b"\x01\0\0\0\0\0\0\0\x09\x80\0\0\x07reply");
    drop(peer);
    assert_eq!(ear.end(), (Reason::PeerClosed, 0));
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn the_bytes_of_a_handshake_of_web_socket() {
    let service = started();
    let address = SpAddress::WebSocket { host: "127.0.0.1", port: 0, target: "/" };
    let (server, ear) = serve(&service, address);
    let request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: rep.sp.nanomsg.org\r\n\r\n";
    let mut peer = raw_peer(&service, server.port(), request.as_bytes());
    let answer = peer.read_head();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(answer.contains("sec-websocket-protocol: rep.sp.nanomsg.org\r\n"), "{answer}");
    let session = ear.open();
    peer.write(&[0x82, 0x85, 0, 0, 0, 0, 0x80, 0, 0, 1, b'x']);
    assert_eq!(ear.message(), b"\x80\0\0\x01x");
    session.send_sp(b"\x80\0\0\x01", Body::Copied(b"y"));
    assert_eq!(peer.read(7), [0x82, 5, 0x80, 0, 0, 1, b'y']);
    service.stop().unwrap();
}
