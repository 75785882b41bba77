//! Contract 7: on_received tells how many bytes it handled, and the rest comes again in front of
//! the next bytes.

mod common;

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex};

use common::*;
use cppserver::{
    Category, Kind, Reason, Server, ServerHandler, Session, SessionHandler, SocketOption,
};

type Handle = dyn Fn(&[u8]) -> usize + Send + Sync;

/// Answers on_received as the test wants, and remembers what it was shown.
struct Eater {
    handle: Arc<Handle>,
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
    probe: Probe,
}

impl SessionHandler for Eater {
    fn on_connected(&mut self, session: &Session) {
        self.probe.on_connected(session);
    }

    fn on_received(&mut self, _session: &Session, _kind: Kind, data: &[u8]) -> usize {
        self.shown.lock().unwrap().push(data.to_vec());
        (self.handle)(data)
    }

    fn on_error(&mut self, session: &Session, error: &cppserver::Error) {
        self.probe.on_error(session, error);
    }

    fn on_disconnected(&mut self, session: &Session, reason: Reason) {
        self.probe.on_disconnected(session, reason);
    }
}

struct Eaters {
    log: Arc<Log>,
    handle: Arc<Handle>,
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl ServerHandler for Eaters {
    type Session = Eater;

    fn on_session(&self, _session: &Session) -> Option<Eater> {
        Some(Eater {
            handle: Arc::clone(&self.handle),
            shown: Arc::clone(&self.shown),
            probe: Probe::new(&self.log, "session"),
        })
    }
}

/// Everything that the sessions of a server were shown, call by call.
type Shown = Arc<Mutex<Vec<Vec<u8>>>>;

fn serve(
    world: &World,
    handle: impl Fn(&[u8]) -> usize + Send + Sync + 'static,
) -> (Server, Shown) {
    serve_with(world, world.server(), handle)
}

fn serve_with(
    world: &World,
    server: Server,
    handle: impl Fn(&[u8]) -> usize + Send + Sync + 'static,
) -> (Server, Shown) {
    let shown = Shown::default();
    let (log, handle) = (Arc::clone(&world.log), Arc::new(handle));
    server.start(Eaters { log, handle, shown: Arc::clone(&shown) }).unwrap();
    (server, shown)
}

/// Sends one piece and waits until the session has been called for it.
fn feed(peer: &mut std::net::TcpStream, shown: &Shown, piece: &[u8]) {
    let before = shown.lock().unwrap().len();
    peer.write_all(piece).unwrap();
    eventually("the handler is shown it", || shown.lock().unwrap().len() > before);
}

#[test]
fn contract_07_what_is_not_handled_comes_again_in_front_of_the_next_bytes() {
    let world = World::new();
    // Wants pairs.
    let (server, shown) = serve(&world, |data| data.len() / 2 * 2);
    let mut peer = connect(server.port());
    for piece in ["abc", "d", "e", "f", "ghi", "jklm"] {
        feed(&mut peer, &shown, piece.as_bytes());
    }
    assert_eq!(
        *shown.lock().unwrap(),
        ["abc", "cd", "e", "ef", "ghi", "ijklm"].map(|text| text.as_bytes().to_vec())
    );
    assert_eq!(server.bytes_received(), 13, "every byte is counted once");
    world.finish();
}

#[test]
fn contract_07_a_handler_may_wait_for_as_much_as_it_likes() {
    let world = World::new();
    const WHOLE: usize = 1 << 20;
    let (server, shown) = serve(&world, |data| if data.len() >= WHOLE { WHOLE } else { 0 });
    let mut peer = connect(server.port());
    let bytes = pattern(WHOLE + 5);
    peer.write_all(&bytes).unwrap();
    eventually("all of it is shown at once", || {
        shown.lock().unwrap().iter().any(|data| data.len() >= WHOLE)
    });
    feed(&mut peer, &shown, b"end");
    let shown = shown.lock().unwrap();
    let whole = shown.iter().find(|data| data.len() >= WHOLE).unwrap();
    assert_eq!(whole[..], bytes[..whole.len()]);
    let mut rest = bytes[WHOLE..].to_vec();
    rest.extend_from_slice(b"end");
    assert_eq!(*shown.last().unwrap(), rest);
    world.finish();
}

#[test]
fn contract_07_the_rest_alone_is_no_reason_for_a_call() {
    let world = World::new();
    let (server, shown) = serve(&world, |_| 0);
    let mut peer = connect(server.port());
    feed(&mut peer, &shown, b"abc");
    pump(&world.service);
    pump(&world.service);
    assert_eq!(shown.lock().unwrap().len(), 1, "nothing new came");
    drop(peer);
    world.log.wait_event("session", Event::Disconnected(Reason::PeerClosed));
    assert_eq!(shown.lock().unwrap().len(), 1, "the end is no new byte either");
    world.finish();
}

#[test]
fn contract_07_more_than_there_is_counts_as_all() {
    let world = World::new();
    let (server, shown) = serve(&world, |data| match data.len() {
        1 => 0,
        2 => 3,
        _ => usize::MAX,
    });
    let mut peer = connect(server.port());
    for piece in ["a", "b", "c", "def"] {
        feed(&mut peer, &shown, piece.as_bytes());
    }
    // The fourth piece finds the third still unhandled.
    assert_eq!(
        *shown.lock().unwrap(),
        ["a", "ab", "c", "cdef"].map(|text| text.as_bytes().to_vec())
    );
    world.finish();
}

/// Messages of a length and so many bytes, cut at random, by a decoder that only ever takes whole
/// ones.
#[test]
fn contract_07_messages_are_whole_however_they_were_cut() {
    let world = World::new();
    let messages: Vec<Vec<u8>> =
        (0..500_usize).map(|number| pattern(number * number % 3000)).collect();
    let wanted = Arc::new(Mutex::new(VecDeque::from(messages.clone())));
    let decoder = Arc::clone(&wanted);
    let log = Arc::clone(&world.log);
    let (server, _shown) = serve(&world, move |data| {
        let mut handled = 0;
        while let Some((size, rest)) = data[handled..].split_first_chunk::<4>() {
            let size = u32::from_be_bytes(*size) as usize;
            let Some(message) = rest.get(..size) else { break };
            let expected = decoder.lock().unwrap().pop_front();
            log.expect(expected.as_deref() == Some(message), "a message came wrong");
            handled += 4 + size;
        }
        handled
    });
    let mut bytes = Vec::new();
    for message in &messages {
        bytes.extend_from_slice(&(message.len() as u32).to_be_bytes());
        bytes.extend_from_slice(message);
    }
    let mut peer = connect(server.port());
    peer.set_nodelay(true).unwrap();
    let mut random = 88_172_645_463_325_252_u64;
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (piece, later) = rest.split_at(rest.len().min(1 + random as usize % 2000));
        peer.write_all(piece).unwrap();
        rest = later;
    }
    eventually("all messages arrive", || wanted.lock().unwrap().is_empty());
    world.finish();
}

#[test]
fn contract_07_unhandled_bytes_are_bounded() {
    let world = World::new();
    let (server, shown) = serve(&world, |_| 0);
    server.set_option(SocketOption::ReceiveLimit, 10).unwrap();
    let mut peer = connect(server.port());
    feed(&mut peer, &shown, b"01234");
    feed(&mut peer, &shown, b"56789");
    assert!(world.log.errors("session").is_empty(), "ten are still allowed");
    peer.write_all(b"!").unwrap();
    world.log.wait_event("session", Event::Dropped);
    let story = world.log.of("session");
    assert!(
        matches!(&story[1], Event::Error(error) if error.category() == Category::Limit
            && error.message().contains("receive limit of 10")),
        "{story:?}"
    );
    assert_eq!(story[2..], [Event::Disconnected(Reason::Limit), Event::Dropped]);
    world.finish();
}

/// One read brings several records, and each of them is shown.
#[test]
fn contract_07_nothing_is_shown_above_the_limit() {
    let world = World::new();
    let server = Server::tls(&world.service, &server_context(), "127.0.0.1", 0).unwrap();
    server.set_option(SocketOption::ReceiveLimit, 10).unwrap();
    let (server, shown) = serve_with(&world, server, |_| 0);
    let client = world.connect_tls(&client_context(), server.port(), world.probe("client"));
    world.log.wait_event("client", Event::Connected);
    client.send(&pattern(1 << 20)).unwrap();
    world.log.wait_event("session", Event::Disconnected(Reason::Limit));
    assert_eq!(shown.lock().unwrap().len(), 1);
    world.finish();
}

#[test]
fn contract_07_no_limit_holds_everything() {
    let world = World::new();
    const MUCH: usize = 20 << 20;
    let (server, shown) = serve(&world, move |data| if data.len() < MUCH { 0 } else { MUCH });
    assert_eq!(server.option(SocketOption::ReceiveLimit).unwrap(), 16 << 20);
    server.set_option(SocketOption::ReceiveLimit, 0).unwrap();
    let mut peer = connect(server.port());
    peer.write_all(&vec![5; MUCH]).unwrap();
    eventually("all of it is shown at once", || {
        shown.lock().unwrap().last().is_some_and(|data| data.len() == MUCH)
    });
    assert!(world.log.errors("session").is_empty());
    world.finish();
}

/// What a client receives goes the same way.
#[test]
fn contract_07_a_client_holds_its_rest_too() {
    struct Lines(Arc<Mutex<Vec<Vec<u8>>>>);
    impl SessionHandler for Lines {
        fn on_received(&mut self, _session: &Session, _kind: Kind, data: &[u8]) -> usize {
            let mut handled = 0;
            while let Some(end) = data[handled..].iter().position(|byte| *byte == b'\n') {
                self.0.lock().unwrap().push(data[handled..handled + end].to_vec());
                handled += end + 1;
            }
            handled
        }
    }
    let world = World::new();
    let (listener, port) = listener();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let client = world.client(port);
    client.connect(Lines(Arc::clone(&lines))).unwrap();
    let mut peer = accept(&listener);
    peer.set_nodelay(true).unwrap();
    for piece in ["one\ntw", "o\n", "\nthr", "ee", "\n"] {
        peer.write_all(piece.as_bytes()).unwrap();
    }
    eventually("four lines", || lines.lock().unwrap().len() == 4);
    assert_eq!(*lines.lock().unwrap(), ["one", "two", "", "three"].map(|line| line.as_bytes()));
    world.finish();
}
