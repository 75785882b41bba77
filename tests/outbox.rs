//! Contract 10: what waits to be sent is bounded, each policy does what it says above the limit,
//! and `on_empty` tells when to go on.

mod common;

use std::net::TcpStream;
use std::sync::mpsc;

use common::*;
use cppserver::{Category, Reason, SendPolicy, Server, Session, SocketOption, Status};

const LIMIT: usize = 256 * 1024;

/// A server with the send limit and a policy, and its first session, whose peer does not read.
fn full_house(world: &World, policy: SendPolicy) -> (Server, Session, TcpStream) {
    let server = world.server();
    server.set_option(SocketOption::SendLimit, LIMIT as i64).unwrap();
    server.set_option(SocketOption::SendPolicy, policy as i64).unwrap();
    let (sender, receiver) = mpsc::channel();
    let probe = world.server_probe().sessions(move |session, event| {
        if *event == Event::Connected {
            // Only the first one is waited for.
            let _ = sender.send(session.clone());
        }
    });
    server.start(probe).unwrap();
    let peer = connect(server.port());
    let session = receiver.recv_timeout(DEADLINE).unwrap();
    (server, session, peer)
}

/// Sends from this thread until a send is refused. Returns how many bytes were accepted.
fn fill(session: &Session) -> usize {
    let piece = pattern(10_000);
    let mut accepted = 0;
    loop {
        match session.send(&piece) {
            Ok(pending) => {
                assert!((piece.len()..=LIMIT).contains(&pending), "{pending} bytes pending");
                accepted += piece.len();
            }
            Err(error) => {
                assert_eq!((error.status(), error.category()), (Status::Limit, Category::Limit));
                assert!(error.message().contains("send limit of 262144"), "{error}");
                return accepted;
            }
        }
    }
}

#[test]
fn contract_10_refuse_keeps_the_session_and_what_was_accepted() {
    let world = World::new();
    let (_server, session, mut peer) = full_house(&world, SendPolicy::Refuse);
    let mut accepted = fill(&session);
    assert!(session.bytes_pending() <= LIMIT);
    assert!(session.is_connected());

    // Once the peer has read everything there is room again.
    assert!(read_some(&mut peer, accepted).chunks(10_000).all(|chunk| *chunk == pattern(10_000)));
    eventually("on_empty tells the end of it", || {
        session.bytes_pending() == 0 && world.log.of("session").last() == Some(&Event::Empty)
    });
    accepted = fill(&session);
    session.disconnect().unwrap();
    assert_eq!(read_all(&mut peer).len(), accepted);
    world.finish();
}

#[test]
fn contract_10_one_send_above_the_limit_is_refused_as_a_whole() {
    let world = World::new();
    for policy in [SendPolicy::Refuse, SendPolicy::DropOldest] {
        let (server, session, mut peer) = full_house(&world, policy);
        assert_eq!(session.send(&pattern(LIMIT + 1)).unwrap_err().status(), Status::Limit);
        assert!(session.send(&pattern(LIMIT)).unwrap() >= LIMIT);
        session.disconnect().unwrap();
        assert_eq!(read_all(&mut peer), pattern(LIMIT));
        drop(server);
    }
    world.finish();
}

#[test]
fn contract_10_disconnect_ends_the_session_for_the_limit() {
    let world = World::new();
    let (_server, session, peer) = full_house(&world, SendPolicy::Disconnect);
    fill(&session);
    assert_eq!(session.send(b"x").unwrap_err().status(), Status::NotConnected);
    world.log.wait_event("session", Event::Dropped);
    let story = world.log.story("session");
    assert!(
        matches!(&story[1], Event::Error(error) if error.category() == Category::Limit),
        "on_error tells which limit it was: {story:?}"
    );
    assert_eq!(story[2..], [Event::Disconnected(Reason::Limit), Event::Dropped]);
    drop(peer);
    world.finish();
}

#[test]
fn contract_10_a_multicast_obeys_the_policy_of_each_session() {
    for (policy, survives) in [
        (SendPolicy::Refuse, true),
        (SendPolicy::Disconnect, false),
        (SendPolicy::DropOldest, true),
    ] {
        let world = World::new();
        let (server, session, peer) = full_house(&world, policy);
        let mut other = connect(server.port());
        world.log.wait_count("session", 2, |event| *event == Event::Connected);
        // Far more than the buffers of the system, the limit and one message hold together.
        for _ in 0..2000 {
            server.multicast(&[b'.'; 10_000]).unwrap();
            assert_eq!(read_some(&mut other, 10_000), [b'.'; 10_000], "the others do not notice");
        }
        if survives {
            assert!(session.is_connected());
            assert!((LIMIT - 10_000..=LIMIT).contains(&session.bytes_pending()));
        } else {
            world.log.wait_event("session", Event::Disconnected(Reason::Limit));
        }
        drop(peer);
        world.finish();
    }
}

/// Checks that the stream consists of whole messages with growing numbers; returns the last.
fn check_messages(bytes: &[u8], size: usize) -> u32 {
    assert_eq!(bytes.len() % size, 0, "the stream has a torn message");
    let mut last = None;
    for message in bytes.chunks(size) {
        let number = u32::from_be_bytes(message[..4].try_into().unwrap());
        assert!(last < Some(number), "message {number} came after {last:?}");
        assert!(message[4..].iter().all(|byte| *byte == number as u8), "{number} is mixed up");
        last = Some(number);
    }
    last.expect("there is a message")
}

fn message(number: u32, size: usize) -> Vec<u8> {
    let mut message = vec![number as u8; size];
    message[..4].copy_from_slice(&number.to_be_bytes());
    message
}

#[test]
fn contract_10_drop_oldest_drops_whole_messages_and_keeps_the_newest() {
    for size in [100, 1000, 40_000] {
        let world = World::new();
        let (_server, session, mut peer) = full_house(&world, SendPolicy::DropOldest);
        let count = (20 << 20) / size as u32;
        let mut newest = 0;
        for number in 0..count {
            session.send(&message(number, size)).unwrap();
            newest = number;
            // What the loop is just writing cannot be dropped, and comes on top.
            assert!(session.bytes_pending() <= 2 * LIMIT);
        }
        session.disconnect().unwrap();
        let bytes = read_all(&mut peer);
        assert!(bytes.len() < count as usize * size, "nothing was dropped");
        assert_eq!(check_messages(&bytes, size), newest);
        world.finish();
    }
}

#[test]
fn contract_10_drop_oldest_on_the_loop_thread_tears_no_message() {
    for size in [100, 1000, 40_000] {
        let world = World::new();
        let (_server, session, mut peer) = full_house(&world, SendPolicy::DropOldest);
        let count = (20 << 20) / size as u32;
        let (sender, receiver) = mpsc::channel();
        let inside = session.clone();
        world.service.post(move || {
            let refused =
                (0..count).filter(|number| inside.send(&message(*number, size)).is_err()).count();
            sender.send(refused).unwrap();
        });
        let refused = receiver.recv_timeout(DEADLINE).unwrap();
        // What has begun to leave can't be dropped; the limit has room for more than that.
        assert_eq!(refused, 0);
        session.disconnect().unwrap();
        let bytes = read_all(&mut peer);
        assert!(bytes.len() < count as usize * size, "nothing was dropped");
        assert_eq!(check_messages(&bytes, size), count - 1);
        world.finish();
    }
}

#[test]
fn contract_10_on_empty_tells_when_to_go_on() {
    let world = World::new();
    let server = world.server();
    server.set_option(SocketOption::SendLimit, LIMIT as i64).unwrap();
    const TOTAL: usize = 8 << 20;
    let probe = world.server_probe().make({
        let log = world.log.clone();
        move |_| {
            let data = pattern(TOTAL);
            let mut sent = 0;
            Some(Probe::new(&log, "session").on(move |session, event| {
                if !matches!(event, Event::Connected | Event::Empty) {
                    return;
                }
                while sent < TOTAL {
                    let end = TOTAL.min(sent + 30_000);
                    if session.send(&data[sent..end]).is_err() {
                        return;
                    }
                    sent = end;
                }
                // The first call ends the session; the later ones are told so.
                let _ = session.disconnect();
            }))
        }
    });
    server.start(probe).unwrap();
    let mut peer = connect(server.port());
    assert_eq!(read_all(&mut peer), pattern(TOTAL));
    world.finish();
}

#[test]
fn contract_10_no_limit_takes_everything_and_the_limit_may_change_at_any_time() {
    let world = World::new();
    let (server, session, mut peer) = full_house(&world, SendPolicy::Refuse);
    assert!(session.send(&pattern(32 << 20)).is_err());
    server.set_option(SocketOption::SendLimit, 0).unwrap();
    assert_eq!(session.send(&pattern(32 << 20)).unwrap(), 32 << 20);
    server.set_option(SocketOption::SendLimit, LIMIT as i64).unwrap();
    assert!(session.send(b"x").is_err());
    session.disconnect().unwrap();
    assert!(read_all(&mut peer) == pattern(32 << 20));
    world.finish();
}

#[test]
fn contract_10_the_default_limit_is_16_mib_and_refuses() {
    let world = World::new();
    let server = world.server();
    assert_eq!(server.option(SocketOption::SendLimit).unwrap(), 16 << 20);
    assert_eq!(server.option(SocketOption::SendPolicy).unwrap(), SendPolicy::Refuse as i64);
    let client = world.client(1);
    assert_eq!(client.option(SocketOption::SendLimit).unwrap(), 16 << 20);
    assert_eq!(client.option(SocketOption::SendPolicy).unwrap(), SendPolicy::Refuse as i64);
    world.finish();
}

#[test]
fn contract_10_sent_and_pending_add_up() {
    let world = World::new();
    let (_server, session, mut peer) = full_house(&world, SendPolicy::Refuse);
    let accepted = fill(&session);
    session.disconnect().unwrap();
    assert_eq!(read_all(&mut peer).len(), accepted);
    world.log.wait_event("session", Event::Dropped);
    let mut sent_in_all = 0;
    for event in world.log.of("session") {
        if let Event::Sent { sent, pending } = event {
            assert!(sent > 0 && pending <= LIMIT);
            sent_in_all += sent;
        }
    }
    assert_eq!(sent_in_all, accepted, "on_sent told of every byte once");
    assert_eq!(session.bytes_sent(), accepted as u64);
    assert_eq!(session.bytes_pending(), 0);
    world.finish();
}

#[test]
fn contract_10_an_empty_send_is_no_event() {
    let world = World::new();
    let (server, session, mut peer) = full_house(&world, SendPolicy::Refuse);
    assert_eq!(session.send(b"").unwrap(), 0);
    server.multicast(b"").unwrap();
    pump(&world.service);
    session.send(b"x").unwrap();
    assert_eq!(read_some(&mut peer, 1), b"x");
    session.disconnect().unwrap();
    let log = world.finish();
    let sent: Vec<_> =
        log.of("session").into_iter().filter(|event| matches!(event, Event::Sent { .. })).collect();
    assert_eq!(sent, [Event::Sent { sent: 1, pending: 0 }]);
}
