//! Contracts 2 to 4 for datagrams: everything that begins and ends endpoints, from every callback
//! and from eight threads at once. What is done is random but the same in each run; what is checked
//! is what always holds: every handler lives in the promised order and is dropped once, no endpoint
//! has two handlers at work, and in the end nothing is left.

mod common;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use common::*;
use cppserver::{Error, Group, Reason, Service, SocketOption, Status, Udp, UdpHandler};

const THREADS: u64 = 8;
const ROUNDS: u64 = 10_000;

/// What all handlers and threads share.
struct Stage {
    service: Service,
    endpoints: Vec<Udp>,
    /// How many handlers of each endpoint are between their on_started and on_stopped.
    open: Vec<AtomicI64>,
    random: AtomicU64,
    /// From now on callbacks only watch.
    quiet: AtomicBool,
    alive: AtomicI64,
    starts: AtomicI64,
    stops: AtomicI64,
    violations: Mutex<Vec<String>>,
}

impl Stage {
    fn new(threads: usize) -> Arc<Stage> {
        let service = Service::with_threads(threads).unwrap();
        let servers: Vec<_> =
            (0..2).map(|_| Udp::server(&service, "127.0.0.1", 0).unwrap()).collect();
        let port = plain_udp().local_addr().unwrap().port();
        let clients =
            ["127.0.0.1", "localhost"].map(|host| Udp::client(&service, host, port).unwrap());
        let endpoints: Vec<_> = servers.into_iter().chain(clients).collect();
        for endpoint in &endpoints {
            endpoint.set_option(SocketOption::CloseTimeout, 200).unwrap();
        }
        Arc::new(Stage {
            service,
            open: endpoints.iter().map(|_| AtomicI64::new(0)).collect(),
            endpoints,
            random: AtomicU64::new(1),
            quiet: AtomicBool::new(false),
            alive: AtomicI64::new(0),
            starts: AtomicI64::new(0),
            stops: AtomicI64::new(0),
            violations: Mutex::default(),
        })
    }

    fn random(&self, bound: u64) -> u64 {
        let number = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn violation(&self, text: String) {
        self.violations.lock().unwrap().push(text);
    }

    /// One random call. Whatever its result, it must return.
    fn act(self: &Arc<Stage>) {
        let index = self.random(self.endpoints.len() as u64) as usize;
        let udp = &self.endpoints[index];
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, self.endpoints[0].port().max(1)));
        match self.random(12) {
            0..=3 => drop(udp.start(Actor::new(self, index))),
            4 => drop(udp.stop()),
            5 => drop(udp.restart()),
            6..=8 => drop(udp.send_to(to, b"hello")),
            9 => drop(udp.send(b"hello")),
            10 => {
                let group = Group::new(Ipv4Addr::new(239, 255, 0, 9).into())
                    .and_then(|group| group.on_interface("127.0.0.1"))
                    .unwrap();
                drop(udp.join(&group));
                drop(udp.leave(&group));
            }
            _ => {
                let _ = (udp.port(), udp.local_address(), udp.native_handle(), udp.is_started());
                let _ = udp.set_option(SocketOption::TimeToLive, 3);
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Started,
    Stopped,
}

struct Actor {
    stage: Arc<Stage>,
    index: usize,
    phase: Phase,
    /// It failed to open, so that on_stopped comes alone.
    failed: bool,
}

impl Actor {
    fn new(stage: &Arc<Stage>, index: usize) -> Actor {
        stage.alive.fetch_add(1, Ordering::Relaxed);
        Actor { stage: Arc::clone(stage), index, phase: Phase::New, failed: false }
    }

    fn expect(&self, holds: bool, what: &str) {
        if !holds {
            self.stage.violation(format!("{what} in {:?}", self.phase));
        }
    }

    fn act(&self) {
        if !self.stage.quiet.load(Ordering::Relaxed) && self.stage.random(3) == 0 {
            self.stage.act();
        }
    }
}

impl UdpHandler for Actor {
    fn on_started(&mut self, _udp: &Udp) {
        // A restart starts the same handler anew.
        self.expect(self.phase != Phase::Started, "on_started");
        self.phase = Phase::Started;
        self.stage.starts.fetch_add(1, Ordering::Relaxed);
        let open = self.stage.open[self.index].fetch_add(1, Ordering::Relaxed);
        self.expect(open == 0, "a second handler");
        self.act();
    }

    fn on_received(&mut self, udp: &Udp, from: SocketAddr, data: &[u8], truncated: bool) {
        self.expect(self.phase == Phase::Started && data == b"hello" && !truncated, "on_received");
        if self.stage.random(4) == 0 {
            let _ = udp.send_to(from, data);
        }
        self.act();
    }

    fn on_sent(&mut self, _udp: &Udp, _to: SocketAddr, sent: usize, _pending: usize) {
        self.expect(self.phase == Phase::Started && sent == 5, "on_sent");
        self.act();
    }

    fn on_empty(&mut self, _udp: &Udp) {
        self.expect(self.phase == Phase::Started, "on_empty");
        self.act();
    }

    fn on_joined(&mut self, _udp: &Udp, _group: &Group) {
        self.expect(self.phase == Phase::Started, "on_joined");
        self.act();
    }

    fn on_left(&mut self, _udp: &Udp, _group: &Group) {
        self.expect(self.phase == Phase::Started, "on_left");
        self.act();
    }

    fn on_error(&mut self, _udp: &Udp, error: &Error) {
        self.failed = self.phase != Phase::Started;
        self.expect(error.status() != Status::Handler, error.message());
        self.act();
    }

    fn on_stopped(&mut self, _udp: &Udp, _reason: Reason) {
        if self.phase == Phase::Started {
            self.stage.stops.fetch_add(1, Ordering::Relaxed);
            self.stage.open[self.index].fetch_sub(1, Ordering::Relaxed);
        }
        self.phase = Phase::Stopped;
        self.act();
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.expect(self.phase != Phase::Started, "dropped");
        self.stage.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

fn everything_at_once(threads: usize) {
    let stage = Stage::new(threads);
    stage.service.start(()).unwrap();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    stage.act();
                    thread::yield_now();
                    if round % 1000 == 999 {
                        let _ = stage.service.restart();
                    }
                }
            });
        }
    });
    stage.quiet.store(true, Ordering::Relaxed);
    stage.service.stop().unwrap();
    assert_eq!(*stage.violations.lock().unwrap(), Vec::<String>::new());
    assert_eq!(stage.alive.load(Ordering::Relaxed), 0, "every handler is dropped");
    let starts = stage.starts.load(Ordering::Relaxed);
    assert!(starts > 20, "{starts} starts");
    assert_eq!(stage.starts.load(Ordering::Relaxed), stage.stops.load(Ordering::Relaxed));
    for udp in &stage.endpoints {
        assert!(!udp.is_started() && udp.native_handle().is_none() && udp.bytes_pending() == 0);
        assert_eq!(udp.stop().unwrap_err().status(), Status::InvalidState);
    }
    // And all of it can begin again.
    stage.service.start(()).unwrap();
    let (probe, mut told) = udp_probe();
    stage.endpoints[0].start(probe).unwrap();
    told.expect(&Heard::Started);
    stage.service.stop().unwrap();
}

#[test]
fn from_eight_threads_and_every_callback() {
    within_deadline("one loop", || everything_at_once(1));
}

#[test]
fn from_eight_threads_and_every_callback_with_two_loops() {
    within_deadline("two loops", || everything_at_once(2));
}
