//! Everything that begins and ends things, from every callback and from eight threads at once, tens
//! of thousands of times. What is done is random but the same in each run; what is checked is what always
//! holds: every handler lives in the promised order and is dropped once, no client has two
//! connections, and in the end nothing is left.

mod common;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use common::*;
use cppserver::{
    Client, Error, Kind, Reason, Server, ServerHandler, Service, ServiceHandler, Session,
    SessionHandler, SocketOption,
};

const THREADS: u64 = 8;
const ROUNDS: u64 = 40_000;

/// Long enough for a debug build on a busy machine, and short enough to tell that something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What all handlers and threads share.
struct Stage {
    service: Service,
    servers: Vec<Server>,
    clients: Vec<Client>,
    /// How many connections each client has now.
    connections: Vec<AtomicI64>,
    /// The sessions seen last, dead ones among them.
    sessions: Mutex<Vec<Session>>,
    random: AtomicU64,
    /// From now on callbacks only watch.
    quiet: AtomicBool,
    alive: AtomicI64,
    connected: AtomicI64,
    violations: Mutex<Vec<String>>,
}

impl Stage {
    fn new(threads: usize) -> Arc<Stage> {
        let service = Service::with_threads(threads).unwrap();
        let servers: Vec<_> =
            (0..2).map(|_| Server::tcp(&service, "127.0.0.1", free_port()).unwrap()).collect();
        let clients: Vec<_> = (0..6)
            .map(|number| Client::tcp(&service, "127.0.0.1", servers[number % 2].port()).unwrap())
            .collect();
        // A peer that is just being stopped may not read; nobody waits for it for long.
        for server in &servers {
            server.set_option(SocketOption::CloseTimeout, 200).unwrap();
        }
        for client in &clients {
            client.set_option(SocketOption::CloseTimeout, 200).unwrap();
        }
        Arc::new(Stage {
            service,
            servers,
            connections: clients.iter().map(|_| AtomicI64::new(0)).collect(),
            clients,
            sessions: Mutex::default(),
            random: AtomicU64::new(1),
            quiet: AtomicBool::new(false),
            alive: AtomicI64::new(0),
            connected: AtomicI64::new(0),
            violations: Mutex::default(),
        })
    }

    fn violation(&self, text: impl Into<String>) {
        self.violations.lock().unwrap().push(text.into());
    }

    /// A well-mixed number (splitmix64), different for each call.
    fn random(&self) -> u64 {
        let seed = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let seed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let seed = (seed ^ seed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        seed ^ seed >> 31
    }

    /// Something that begins or ends something. Whether it succeeds depends on the others.
    fn act(self: &Arc<Stage>) {
        let random = self.random();
        let client_number = (random >> 8) as usize % self.clients.len();
        let client = &self.clients[client_number];
        let server = &self.servers[(random >> 16) as usize % self.servers.len()];
        let session = || {
            let sessions = self.sessions.lock().unwrap();
            let place = (random >> 24) as usize % sessions.len().max(1);
            sessions.get(place).cloned().unwrap_or_else(|| client.session().clone())
        };
        let delay = Duration::from_micros(random >> 32 & 0x3ff);
        match random % 208 {
            0..40 => drop(client.connect(self.watcher(Some(client_number)))),
            40..55 => drop(client.reconnect(delay)),
            55..65 => drop(client.disconnect()),
            65..70 => drop(client.disconnect_now()),
            70..90 => drop(client.send(&[1; 100])),
            90..95 => drop(client.send(&[2; 50_000])),
            95..105 => drop(session().send(b"to a session")),
            105..110 => drop(session().disconnect()),
            110..115 => drop(session().disconnect_now()),
            115..135 => drop(server.multicast(b"to all")),
            135..140 => drop(server.disconnect_all()),
            140..160 => drop(server.start(Welcome::new(self))),
            160..166 => drop(server.stop()),
            166..174 => drop(server.restart()),
            174..180 => {
                let stage = Arc::clone(self);
                self.service.post(move || stage.act_inside());
            }
            180..186 => {
                let stage = Arc::clone(self);
                self.service.timer(delay, move || stage.act_inside());
            }
            186..196 => {
                let stage = Arc::clone(self);
                let timer = self.service.timer_repeating(delay, delay, move || stage.act_inside());
                timer.cancel();
            }
            196 => drop(self.service.restart()),
            197 => drop(self.service.stop()),
            _ => drop(self.service.start(Watch::new(self))),
        }
    }

    /// The same in a callback, where most of the time nothing is done: an action that causes more
    /// than one callback on average would never come to rest.
    fn act_inside(self: &Arc<Stage>) {
        if !self.quiet.load(Ordering::Relaxed) && self.random().is_multiple_of(4) {
            self.act();
        }
    }

    fn watcher(self: &Arc<Stage>, client: Option<usize>) -> Watcher {
        self.alive.fetch_add(1, Ordering::Relaxed);
        Watcher { stage: Arc::clone(self), client, connected: false, busy: false, ended: false }
    }
}

/// The handler of a session or a client: watches the order, and acts.
struct Watcher {
    stage: Arc<Stage>,
    client: Option<usize>,
    connected: bool,
    busy: bool,
    ended: bool,
}

impl Watcher {
    fn callback(&mut self, what: &str, needs_connection: bool) {
        if self.busy {
            self.stage.violation(format!("{what} came inside another callback"));
        }
        if needs_connection && !self.connected {
            self.stage.violation(format!("{what} came without a connection"));
        }
        self.busy = true;
        self.stage.act_inside();
        self.busy = false;
    }
}

impl SessionHandler for Watcher {
    fn on_connected(&mut self, session: &Session) {
        if self.connected || (self.ended && self.client.is_none()) {
            self.stage.violation("connected twice");
        }
        self.connected = true;
        self.stage.connected.fetch_add(1, Ordering::Relaxed);
        match self.client {
            Some(number) => {
                if self.stage.connections[number].fetch_add(1, Ordering::AcqRel) != 0 {
                    self.stage.violation("a client has two connections");
                }
            }
            None => {
                let mut sessions = self.stage.sessions.lock().unwrap();
                sessions.push(session.clone());
                if sessions.len() > 16 {
                    sessions.remove(0);
                }
            }
        }
        self.callback("on_connected", true);
    }

    fn on_received(&mut self, session: &Session, _kind: Kind, data: &[u8]) -> usize {
        self.callback("on_received", true);
        if self.client.is_none() && data.len() < 1000 {
            // Refused where the action has ended the session.
            let _ = session.send(data);
        }
        data.len()
    }

    fn on_sent(&mut self, _session: &Session, _sent: usize, _pending: usize) {
        self.callback("on_sent", true);
    }

    fn on_empty(&mut self, _session: &Session) {
        self.callback("on_empty", true);
    }

    fn on_error(&mut self, _session: &Session, _error: &Error) {
        self.callback("on_error", false);
    }

    fn on_disconnected(&mut self, _session: &Session, _reason: Reason) {
        if let Some(number) = self.client
            && self.connected
        {
            self.stage.connections[number].fetch_sub(1, Ordering::AcqRel);
        }
        if self.client.is_none() && !self.connected {
            self.stage.violation("a session was disconnected without a connection");
        }
        self.connected = false;
        self.ended = true;
        self.callback("on_disconnected", false);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if self.connected {
            self.stage.violation("a handler was dropped while connected");
        }
        self.stage.alive.fetch_sub(1, Ordering::AcqRel);
        self.stage.act_inside();
    }
}

/// The handler of a server.
struct Welcome(Arc<Stage>);

impl Welcome {
    fn new(stage: &Arc<Stage>) -> Welcome {
        stage.alive.fetch_add(1, Ordering::Relaxed);
        Welcome(Arc::clone(stage))
    }
}

impl ServerHandler for Welcome {
    type Session = Watcher;

    fn on_session(&self, _session: &Session) -> Option<Watcher> {
        self.0.act_inside();
        (!self.0.random().is_multiple_of(16)).then(|| self.0.watcher(None))
    }

    fn on_started(&self, _server: &Server) {
        self.0.act_inside();
    }

    fn on_stopped(&self, _server: &Server) {
        self.0.act_inside();
    }

    fn on_connected(&self, _session: &Session, handler: &mut Watcher) {
        handler.callback("on_connected of the server", true);
    }

    fn on_disconnected(&self, _session: &Session, handler: &mut Watcher, _reason: Reason) {
        handler.callback("on_disconnected of the server", false);
    }

    fn on_error(&self, _server: &Server, _error: &Error) {
        self.0.act_inside();
    }
}

impl Drop for Welcome {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::AcqRel);
        self.0.act_inside();
    }
}

/// The handler of the service.
struct Watch(Arc<Stage>);

impl Watch {
    fn new(stage: &Arc<Stage>) -> Watch {
        stage.alive.fetch_add(1, Ordering::Relaxed);
        Watch(Arc::clone(stage))
    }
}

impl ServiceHandler for Watch {
    fn on_started(&self) {
        self.0.act_inside();
    }

    fn on_stopped(&self) {
        self.0.act_inside();
    }

    fn on_error(&self, error: &Error) {
        self.0.violation(format!("the service was told of {error}"));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::AcqRel);
    }
}

fn stress(threads: usize) {
    let stage = Stage::new(threads);
    stage.service.start(Watch::new(&stage)).unwrap();
    let (sender, receiver) = mpsc::channel();
    for _ in 0..THREADS {
        let (stage, sender) = (Arc::clone(&stage), sender.clone());
        thread::spawn(move || {
            // Two runs share the rounds. A slow machine takes more, until they had their effect.
            let mut round = 0;
            while round < ROUNDS / THREADS / 2 || stage.connected.load(Ordering::Relaxed) < 100 {
                round += 1;
                stage.act();
                // Gives the loops a share of the machine, so that much of this has its effect.
                thread::park_timeout(Duration::from_micros(200));
            }
            sender.send(()).unwrap();
        });
    }
    for _ in 0..THREADS {
        receiver.recv_timeout(PATIENCE).expect("no action blocks for ever");
    }
    stage.quiet.store(true, Ordering::Relaxed);
    let ending = Arc::clone(&stage);
    thread::spawn(move || {
        while ending.service.stop().is_ok() {}
        // What was asked of the stopped service comes up at the next start, and ends with it.
        ending.service.start(()).unwrap();
        ending.service.stop().unwrap();
        sender.send(()).unwrap();
    });
    receiver.recv_timeout(PATIENCE).expect("the service comes to rest");

    eventually("all handlers are dropped", || stage.alive.load(Ordering::Acquire) == 0);
    assert_eq!(*stage.violations.lock().unwrap(), Vec::<String>::new());
    println!("{} connections were made", stage.connected.load(Ordering::Relaxed));
    for server in &stage.servers {
        assert_eq!(server.current_sessions(), 0);
        assert!(!server.is_started());
    }
    for client in &stage.clients {
        assert!(!client.is_connected());
    }
    assert!(stage.connections.iter().all(|count| count.load(Ordering::Relaxed) == 0));
}

#[test]
fn everything_at_once_on_one_loop() {
    stress(1);
}

#[test]
fn everything_at_once_on_three_loops() {
    stress(3);
}
