//! One connection takes no more than its share of a loop, and a deadline goes behind what was asked
//! for before it passed.

mod common;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use cppserver::{Reason, Session, SocketOption};

/// Needs a handler that sees what waits in its socket, which it asks in the way of Linux.
#[cfg(target_os = "linux")]
mod shares {
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use cppserver::{Kind, Server, ServerHandler, Service, ServiceHandler, SessionHandler};

    /// What one stream may read in a turn: the budget, and one more read that ends above it.
    const SHARE: usize = 2 * 512 * 1024;

    /// Counts what is read between two calls of `on_idle`, which ends each turn of a polling loop.
    #[derive(Clone, Default)]
    struct Turns {
        read: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
        full: Arc<AtomicUsize>,
    }

    impl ServiceHandler for Turns {
        fn on_idle(&self) {
            let read = self.read.swap(0, Ordering::Relaxed);
            self.most.fetch_max(read, Ordering::Relaxed);
            self.full.fetch_add(usize::from(read >= SHARE / 2), Ordering::Relaxed);
        }
    }

    impl ServerHandler for Turns {
        type Session = Turns;

        fn on_session(&self, _session: &Session) -> Option<Turns> {
            Some(self.clone())
        }
    }

    impl SessionHandler for Turns {
        #[allow(unsafe_code)]
        fn on_received(&mut self, session: &Session, _kind: Kind, data: &[u8]) -> usize {
            self.read.fetch_add(data.len(), Ordering::Relaxed);
            // A handler so slow that the peer always has the next read ready.
            let socket = session.native_handle().unwrap() as i32;
            let begin = Instant::now();
            let mut waiting = 0;
            while waiting < SHARE as i32 / 2 && begin.elapsed() < Duration::from_millis(5) {
                // SAFETY: the socket is open during its callback, and the call writes one int.
                unsafe { libc::ioctl(socket, libc::FIONREAD, &mut waiting) };
            }
            data.len()
        }
    }

    #[test]
    fn a_fast_peer_takes_one_share_of_each_turn() {
        let turns = Turns::default();
        let service = Service::new().unwrap();
        service.start_polling(turns.clone()).unwrap();
        let server = Server::tcp(&service, "127.0.0.1", 0).unwrap();
        server.start(turns.clone()).unwrap();
        let mut peer = connect(server.port());
        let done = Arc::new(AtomicBool::new(false));
        let writer = thread::spawn({
            let done = Arc::clone(&done);
            move || {
                let block = vec![7; 256 * 1024];
                while !done.load(Ordering::Relaxed) && peer.write_all(&block).is_ok() {}
            }
        });
        eventually("many turns read all they may", || turns.full.load(Ordering::Relaxed) > 300);
        done.store(true, Ordering::Relaxed);
        service.stop().unwrap();
        writer.join().unwrap();
        let most = turns.most.load(Ordering::Relaxed);
        assert!(most <= SHARE, "one stream read {most} bytes in one turn");
    }
}

/// Another thread sends and disconnects while the loop is busy beyond the idle timeout.
#[test]
fn an_idle_timeout_goes_behind_what_was_sent_before() {
    const TIMEOUT: Duration = Duration::from_millis(50);
    let world = World::new();
    let server = world.server();
    server.set_option(SocketOption::IdleTimeout, TIMEOUT.as_millis() as i64).unwrap();
    let (sender, sessions) = mpsc::channel();
    server
        .start(world.server_probe().sessions(move |session, event| {
            if *event == Event::Connected {
                let (session, sender) = (session.clone(), sender.clone());
                let (reached, arrived) = mpsc::channel::<()>();
                let (release, released) = mpsc::channel::<()>();
                session.service().post(move || {
                    reached.send(()).unwrap();
                    released.recv_timeout(DEADLINE).unwrap();
                });
                sender.send((session, arrived, release)).unwrap();
            }
        }))
        .unwrap();
    let mut peer = connect(server.port());
    let (session, arrived, release) = sessions.recv_timeout(DEADLINE).unwrap();
    arrived.recv_timeout(DEADLINE).unwrap();
    session.send(b"hello").unwrap();
    session.disconnect().unwrap();
    let begin = Instant::now();
    while begin.elapsed() < 2 * TIMEOUT {
        thread::yield_now();
    }
    release.send(()).unwrap();
    assert_eq!(read_all(&mut peer), b"hello");
    drop(peer);
    world.log.wait_event("session", Event::Disconnected(Reason::Local));
    world.finish();
}

/// Sets the option Linger, or leaves that to the server.
type Way = fn(&Session);

/// The system's own close would wait here, and with it every other connection of the loop.
#[test]
fn a_connection_that_lingers_holds_up_nobody() {
    let of_the_server = |_: &Session| ();
    let of_the_session = |session: &Session| session.set_option(SocketOption::Linger, 60).unwrap();
    let of_the_socket = |session: &Session| {
        let minute = Some(Duration::from_secs(60));
        with_socket(session.native_handle(), |socket| socket.set_linger(minute).unwrap());
    };
    let ways: [(i64, Way); 3] = [(60, of_the_server), (-1, of_the_session), (-1, of_the_socket)];
    for (on_server, on_session) in ways {
        let world = World::new();
        let server = world.server();
        server.set_option(SocketOption::Linger, on_server).unwrap();
        let (sender, sent) = mpsc::channel();
        server
            .start(world.server_probe().sessions(move |session, event| {
                if *event == Event::Connected {
                    on_session(session);
                    session.send(&pattern(12 << 20)).unwrap();
                } else if matches!(event, Event::Sent { .. }) {
                    let _ = sender.send(session.clone());
                }
            }))
            .unwrap();
        let peer = connect(server.port());
        sent.recv_timeout(DEADLINE).unwrap().disconnect_now().unwrap();
        world.log.wait_event("session", Event::Dropped);
        let (done, answer) = mpsc::channel();
        world.service.post(move || done.send(()).unwrap());
        answer.recv_timeout(DEADLINE).expect("the loop goes on");
        drop(peer);
        world.finish();
    }
}

/// What was asked for during a stop must not meet the next connection.
#[test]
fn a_disconnect_during_a_stop_does_not_end_the_next_connection() {
    let world = World::new();
    let others = World::new();
    let server = others.serve(others.server_probe());
    let client = world.connect(
        server.port(),
        world.probe("first").on(|session, event| {
            if matches!(event, Event::Disconnected(_)) {
                let client = session.client().unwrap();
                let _ = client.reconnect(Duration::ZERO);
                let _ = client.disconnect();
            }
        }),
    );
    world.log.wait_event("first", Event::Connected);
    world.service.restart().unwrap();
    world.log.wait_event("first", Event::Dropped);
    client.connect(world.probe("second")).unwrap();
    world.log.wait_event("second", Event::Connected);
    assert!(client.is_connected());
    world.finish();
    others.finish();
}
