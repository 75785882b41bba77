//! The same conversation over each transport.

use std::io::Write;
use std::sync::Arc;

use super::super::*;
use super::world::*;
use crate::net::Reason;

/// A request and its reply, with words in front, and one that is too large to be copied.
fn converse(client: (Client, Ear), ear: &Ear) {
    let (client, replies) = client;
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

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn the_bytes_of_a_conversation() {
    let service = started();
    let (server, ear) = serve(&service, TCP);
    let mut peer = raw_peer(server.port(), b"\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\x03abc");
    assert_eq!(read(&mut peer, 8), b"\0SP\0\0\x31\0\0");
    let session = ear.open();
    assert_eq!(ear.message(), b"abc");
    session.send_sp(b"\x80\0\0\x07", Body::Copied(b"reply"));
    assert_eq!(read(&mut peer, 17), b"\0\0\0\0\0\0\0\x09\x80\0\0\x07reply");
    for byte in b"\0\0\0\0\0\0\0\x02xy" {
        peer.write_all(&[*byte]).unwrap();
    }
    assert_eq!(ear.message(), b"xy");
    drop(peer);
    assert_eq!(ear.end(), (Reason::PeerClosed, 0));
    service.stop().unwrap();
}
