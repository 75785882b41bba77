//! Limits, pauses and ends.

use std::sync::Arc;
use std::time::Duration;

use super::world::*;
use crate::net::{AtOnce, Backoff, Flushes, Kind, Reason, SessionHandler};

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn a_full_session_refuses_and_tells_when_it_is_empty() {
    let service = started();
    let (server, ear) = serve(&service, TCP);
    let mut peer = raw_peer(&service, server.port(), b"\0SP\0\0\x30\0\0");
    let session = ear.open();
    server.set_option(SocketOption::SendLimit, 100_000).unwrap();
    let body = [7; 40_000];
    let mut accepted = 0;
    let backlog = loop {
        match session.send_sp(b"", Body::Copied(&body)) {
            Offer::Accepted(_) => accepted += 1,
            Offer::Full => break session.backlog(),
            Offer::Gone => panic!("the peer is there"),
        }
    };
    assert!((60_001..=100_016).contains(&backlog.bytes), "{backlog:?}");
    assert!((1..=3).contains(&backlog.messages), "{backlog:?}");
    assert!(accepted >= backlog.messages, "{accepted}");
    let expected = (body.len() + 8) * accepted as usize;
    assert_eq!(peer.read(8), b"\0SP\0\0\x31\0\0");
    let bytes = peer.read(expected);
    assert!(bytes.chunks(body.len() + 8).all(|frame| frame[8..] == body));
    ear.empty();
    while session.backlog() != Backlog::default() {
        ear.empty();
    }
    assert_eq!((session.messages_sent(), session.bytes_sent()), (accepted, accepted * 40_000));
    // Alone, a message may be larger than the limit.
    let large = [7; 500_000];
    assert!(matches!(session.send_sp(b"", Body::Copied(&large)), Offer::Accepted(_)));
    peer.read(500_008);
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn what_leaves_at_once_and_what_has_to_wait_keep_their_order() {
    let service = started();
    let (server, ear) = serve(&service, TCP);
    let mut peer = raw_peer(&service, server.port(), b"\0SP\0\0\x30\0\0");
    let session = ear.open();
    session.send_sp(b"", Body::Copied(b"by the loop"));
    ear.empty();
    let mut flushes = Flushes::default();
    flushes.set_at_once(AtOnce::Everywhere);
    let mut expected = Vec::new();
    let mut send = |number: usize| {
        let body = vec![number as u8; 70_001];
        expected.extend(b"\0\0\0\0\0\x01\x11\x75\x80\0\0\x07");
        expected.extend(&body);
        let offer = session.offer_sp(b"\x80\0\0\x07", Body::Copied(&body), &mut flushes);
        flushes.tell();
        offer
    };
    // Until the system takes no more, most likely in the middle of a message, and some after that.
    let whole = (0..).take_while(|number| send(*number) == Offer::Accepted(Backlog::default()));
    let whole = whole.count();
    assert!(whole > 0);
    for number in 1..4 {
        assert!(matches!(send(whole + number), Offer::Accepted(_)));
    }
    assert_eq!(peer.read(8 + 8 + 11)[16..], *b"by the loop");
    assert!(peer.read(expected.len()) == expected);
    while session.backlog() != Backlog::default() {
        ear.empty();
    }
    let offer = session.offer_sp(b"", Body::Copied(b"at once again"), &mut flushes);
    assert_eq!(offer, Offer::Accepted(Backlog::default()));
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn the_loop_joins_what_is_sent_on_its_thread_unless_it_is_told_not_to() {
    let service = started();
    let (server, ear) = serve(&service, TCP);
    let mut peer = raw_peer(&service, server.port(), b"\0SP\0\0\x30\0\0");
    let session = ear.open();
    peer.read(8);
    for (at_once, left) in [(AtOnce::Elsewhere, false), (AtOnce::Everywhere, true)] {
        // Short ones are written in one piece, others in several.
        for size in [0_usize, 1, 243, 244, 245, 4000] {
            let (sender, offers) = std::sync::mpsc::channel();
            let session = session.clone();
            let body = vec![7; size];
            service.post(move || {
                let mut flushes = Flushes::default();
                flushes.set_at_once(at_once);
                let offer = session.offer_sp(b"\x80\0\0\x07", Body::Copied(&body), &mut flushes);
                sender.send(offer).unwrap();
            });
            let offer = offers.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_eq!(offer == Offer::Accepted(Backlog::default()), left, "{offer:?}");
            let mut expected = (size as u64 + 4).to_be_bytes().to_vec();
            expected.extend(b"\x80\0\0\x07");
            expected.resize(12 + size, 7);
            assert_eq!(peer.read(expected.len()), expected);
            if !left {
                ear.empty();
            }
        }
    }
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn a_pause_takes_effect_between_messages() {
    let service = started();
    let server = Server::sp(&service, TCP, &OF_SERVER).unwrap();
    let ear = Ear::new();
    server.start(Door::of(&ear, true)).unwrap();
    let mut words = b"\0SP\0\0\x30\0\0".to_vec();
    for number in 0..200u8 {
        words.extend([0, 0, 0, 0, 0, 0, 0, 1, number]);
    }
    let peer = raw_peer(&service, server.port(), &words);
    let session = ear.open();
    for number in 0..200u8 {
        assert_eq!(ear.message(), [number], "one message for each resume");
        session.resume_reading().unwrap();
    }
    // What comes after a pause does not, and the end comes behind it.
    peer.write(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
    drop(peer);
    assert_eq!(ear.message(), [1]);
    session.resume_reading().unwrap();
    assert_eq!(ear.message(), [2]);
    session.resume_reading().unwrap();
    assert_eq!(ear.end(), (Reason::PeerClosed, 0));
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn many_messages_in_one_read_are_one_batch() {
    /// Counts the messages of each batch.
    struct Batches(std::sync::mpsc::Sender<usize>, usize);

    impl SessionHandler for Batches {
        fn on_received(&mut self, _session: &Session, _kind: Kind, data: &[u8]) -> usize {
            self.1 += 1;
            data.len()
        }

        fn on_batch(&mut self, _session: &Session) {
            self.0.send(std::mem::take(&mut self.1)).unwrap();
        }
    }

    struct Maker(std::sync::mpsc::Sender<usize>);

    impl crate::net::ServerHandler for Maker {
        type Session = Batches;

        fn on_session(&self, _session: &Session) -> Option<Batches> {
            Some(Batches(self.0.clone(), 0))
        }
    }

    let service = started();
    let server = Server::sp(&service, TCP, &OF_SERVER).unwrap();
    let (sender, batches) = std::sync::mpsc::channel();
    server.start(Maker(sender)).unwrap();
    let message = [0, 0, 0, 0, 0, 0, 0, 0];
    let words = [&b"\0SP\0\0\x30\0\0"[..], &message.repeat(1000)].concat();
    let _peer = raw_peer(&service, server.port(), &words);
    let (mut count, mut reads) = (0, 0);
    while count < 1000 {
        count += batches.recv_timeout(Duration::from_secs(60)).unwrap();
        reads += 1;
    }
    assert_eq!(count, 1000);
    assert!(reads < 100, "{reads} batches are more than there can be reads");
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn what_did_not_leave_is_counted() {
    let service = started();
    let (server, ear) = serve(&service, TCP);
    let peer = raw_peer(&service, server.port(), b"\0SP\0\0\x30\0\0");
    let session = ear.open();
    let body: Arc<[u8]> = vec![1; 300_000].into();
    let mut accepted = 0;
    // Until the system takes no more, and some messages after that.
    while session.backlog().messages < 20 {
        assert!(matches!(session.send_sp(b"", Body::Shared(&body)), Offer::Accepted(_)));
        accepted += 1;
    }
    session.disconnect_now().unwrap();
    let (reason, left) = ear.end();
    assert_eq!(reason, Reason::Local);
    assert_eq!(session.messages_sent() + left, accepted);
    assert!(left > 0);
    drop(peer);
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn a_disconnect_delivers_what_was_accepted() {
    let service = started();
    let (server, ear) = serve(&service, TCP);
    let (client, replies) = connect(&service, tcp(server.port()));
    let session = ear.open();
    replies.open();
    let body: Arc<[u8]> = vec![1; 100_000].into();
    for _ in 0..50 {
        assert!(matches!(session.send_sp(b"", Body::Shared(&body)), Offer::Accepted(_)));
    }
    session.disconnect().unwrap();
    for _ in 0..50 {
        assert_eq!(replies.message().len(), body.len());
    }
    assert_eq!(replies.end(), (Reason::PeerClosed, 0));
    assert_eq!(ear.end(), (Reason::Local, 0));
    assert_eq!(client.messages_received(), 50);
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn many_sessions_are_told_at_once() {
    let service = Service::with_threads(2).unwrap();
    service.start(()).unwrap();
    let (server, ear) = serve(&service, TCP);
    let mut clients: Vec<_> = (0..20).map(|_| connect(&service, tcp(server.port()))).collect();
    let sessions: Vec<_> = clients.iter().map(|_| ear.open()).collect();
    let body: Arc<[u8]> = Arc::from(&b"for all"[..]);
    let mut flushes = Flushes::default();
    for round in 0..10u8 {
        for session in &sessions {
            let offer = session.offer_sp(&[round], Body::Shared(&body), &mut flushes);
            assert!(matches!(offer, Offer::Accepted(_)));
        }
        if round % 2 == 0 {
            flushes.tell();
        }
    }
    drop(flushes);
    for (_, replies) in &mut clients {
        replies.open();
        for round in 0..10u8 {
            assert_eq!(replies.message(), [&[round], &body[..]].concat());
        }
    }
    service.stop().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn a_client_connects_again_until_there_is_a_server() {
    struct Persistent {
        client: Option<Client>,
        backoff: Backoff,
        told: Told,
        failures: u32,
    }

    impl SessionHandler for Persistent {
        fn on_handshaked(&mut self, session: &Session) {
            assert!(self.failures >= 3);
            self.backoff.reset();
            self.told.on_handshaked(session);
        }

        fn on_disconnected(&mut self, session: &Session, reason: Reason) {
            self.failures += 1;
            self.told.on_disconnected(session, reason);
            if let Some(client) = &self.client {
                let _ = client.reconnect(self.backoff.next_delay());
            }
        }
    }

    let service = started();
    let port = free_port();
    let client = Client::sp(&service, tcp(port), &OF_CLIENT).unwrap();
    let replies = Ear::new();
    let most = Duration::from_millis(8);
    let handler = Persistent {
        client: Some(client.clone()),
        backoff: Backoff::new(Duration::from_millis(1), most),
        told: replies.handler(),
        failures: 0,
    };
    client.connect(handler).unwrap();
    for _ in 0..3 {
        assert_eq!(replies.end().0, Reason::Error);
    }
    let server = Server::sp(&service, tcp(port), &OF_SERVER).unwrap();
    let ear = Ear::new();
    server.start(Door::of(&ear, false)).unwrap();
    while !matches!(replies.next().1, News::Open) {}
    let served = ear.open();
    served.disconnect().unwrap();
    assert_eq!(ear.end().0, Reason::Local);
    assert_eq!(replies.end().0, Reason::PeerClosed);
    replies.open();
    ear.open();
    service.stop().unwrap();
}
