//! Contract 2: every handle method may be called in every callback, and nothing deadlocks, spins or
//! is called twice after it.
//!
//! A fixed script makes each callback of a service, a server, a session and a client happen. For
//! each pair of a callback and an action, the script runs once in a world of its own: the action
//! is done inside the callback, and from then on only the promises that always hold are checked:
//! everything can be stopped, every handler is dropped once and last, and its story is in order.

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use common::*;
use cppserver::{Client, Server, Service, Session, SocketOption};

/// The callbacks, as `handler.callback`.
const SERVICE_CALLBACKS: [&str; 9] = [
    "service.thread_initialize",
    "service.started",
    "service.idle",
    "service.error",
    "service.stopped",
    "service.thread_cleanup",
    "service.drop",
    "posted",
    "timer",
];
const SERVER_CALLBACKS: [&str; 7] = [
    "server.started",
    "server.session",
    "server.connected",
    "server.error",
    "server.disconnected",
    "server.stopped",
    "server.drop",
];
const SESSION_CALLBACKS: [&str; 7] = [
    "session.connected",
    "session.received",
    "session.sent",
    "session.empty",
    "session.error",
    "session.disconnected",
    "session.drop",
];
const CLIENT_CALLBACKS: [&str; 7] = [
    "client.connected",
    "client.received",
    "client.sent",
    "client.empty",
    "client.error",
    "client.disconnected",
    "client.drop",
];

type Action = (&'static str, fn(&Stage));

/// What users may do at any time. Whether it succeeds depends on the callback; what matters is
/// that it returns.
const ACTIONS: [Action; 25] = [
    ("questions", ask_everything),
    ("session.send", |stage| each(stage, |session| drop(session.send(b"from inside")))),
    ("session.disconnect", |stage| each(stage, |session| drop(session.disconnect()))),
    ("session.disconnect_now", |stage| each(stage, |session| drop(session.disconnect_now()))),
    ("session.set_option", |stage| {
        each(stage, |session| drop(session.set_option(SocketOption::NoDelay, 0)));
    }),
    ("client.send", |stage| drop(stage.client.send(b"from inside"))),
    ("client.disconnect", |stage| drop(stage.client.disconnect())),
    ("client.connect", |stage| {
        drop(stage.client.connect(Probe::new(&stage.log, "second client")));
    }),
    ("client.reconnect", |stage| drop(stage.client.reconnect(Duration::ZERO))),
    ("client.reconnect later", |stage| drop(stage.client.reconnect(Duration::from_secs(3600)))),
    ("client.reconnect and disconnect", |stage| {
        drop(stage.client.reconnect(Duration::ZERO));
        drop(stage.client.disconnect());
    }),
    ("client.bind", |stage| drop(stage.client.bind(None))),
    ("server.start", |stage| drop(stage.server.start(ServerProbe::new(&stage.log)))),
    ("server.stop", |stage| drop(stage.server.stop())),
    ("server.restart", |stage| drop(stage.server.restart())),
    ("server.stop and start", |stage| {
        drop(stage.server.stop());
        drop(stage.server.start(ServerProbe::new(&stage.log)));
    }),
    ("server.multicast", |stage| drop(stage.server.multicast(b"from inside"))),
    ("server.disconnect_all", |stage| drop(stage.server.disconnect_all())),
    ("service.start", |stage| drop(stage.service.start(ServiceProbe::new(&stage.log)))),
    ("service.stop", |stage| drop(stage.service.stop())),
    ("service.restart", |stage| drop(stage.service.restart())),
    ("service.post", |stage| stage.service.post(|| ())),
    ("service.dispatch", |stage| stage.service.dispatch(|| ())),
    ("service.timer", |stage| {
        let timer = stage.service.timer(Duration::ZERO, || ());
        let _ = timer.cancel();
        stage.service.timer_repeating(Duration::ZERO, Duration::from_secs(1), || ());
    }),
    ("stop of another service", |stage| drop(stage.foreign.stop())),
];

/// What the script plays with.
struct Stage {
    log: Arc<Log>,
    service: Service,
    /// A running service that has nothing to do with the script.
    foreign: Service,
    server: Server,
    client: Client,
    sessions: Mutex<Vec<Session>>,
    callback: &'static str,
    action: fn(&Stage),
    fired: AtomicBool,
    done: AtomicBool,
}

impl Stage {
    /// A callback runs: does the action if it is the one, the first time.
    fn reach(&self, callback: &str) {
        if self.callback == callback && !self.fired.swap(true, Ordering::AcqRel) {
            (self.action)(self);
            self.done.store(true, Ordering::Release);
        }
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// A step that can only fail after the action.
    fn step(&self, result: cppserver::Result<()>) {
        if let Err(error) = result {
            assert!(self.is_done() || self.fired.load(Ordering::Acquire), "{error}");
        }
    }

    /// Waits for the next step of the script, or for the action, after which no step is certain.
    fn wait(&self, name: &str, count: usize, matches: fn(&Event) -> bool) {
        eventually(&format!("the next step of {name}"), || {
            let found = self.log.of(name).iter().filter(|event| matches(event)).count();
            found >= count || self.is_done()
        });
    }
}

/// Tells the stage when a handler is dropped.
struct Curtain {
    stage: Arc<OnceLock<Arc<Stage>>>,
    callback: &'static str,
}

impl Drop for Curtain {
    fn drop(&mut self) {
        reach(&self.stage, self.callback);
    }
}

fn reach(stage: &OnceLock<Arc<Stage>>, callback: &str) {
    stage.get().expect("the stage is set before anything starts").reach(callback);
}

fn each(stage: &Stage, call: impl Fn(&Session)) {
    for session in stage.sessions.lock().unwrap().iter() {
        call(session);
    }
}

/// Every method that only tells something.
fn ask_everything(stage: &Stage) {
    let Stage { service, server, client, .. } = stage;
    let _ = (service.threads(), service.is_started(), service.is_loop_thread());
    let _ = (server.is_started(), server.port(), server.native_handle(), server.service());
    let _ = (server.current_sessions(), server.bytes_sent(), server.bytes_received());
    let _ = (server.option(SocketOption::Backlog), client.option(SocketOption::NoDelay));
    let _ = (server.set_option(SocketOption::Backlog, 5), client.bind(None));
    let _ = client.set_option(SocketOption::ConnectTimeout, 1000);
    let _ = (format!("{service:?}"), format!("{server:?}"), format!("{client:?}"));
    each(stage, |session| {
        let _ = (session.id(), session.service(), session.server(), session.client());
        let _ = (session.is_connected(), session.bytes_sent(), session.bytes_received());
        let _ = (session.bytes_pending(), session.native_handle());
        let _ = (session.peer_address(), session.local_address(), format!("{session:?}"));
    });
}

/// Builds the stage with a probe for every callback.
fn build(callback: &'static str, action: fn(&Stage)) -> (Arc<Stage>, ServiceProbe, ServerProbe) {
    let log = Log::new();
    let service = Service::new().unwrap();
    let server = Server::tcp(&service, "127.0.0.1", free_port()).unwrap();
    server.set_option(SocketOption::SessionLimit, 2).unwrap();
    let foreign = Service::new().unwrap();
    foreign.start(()).unwrap();
    let place = Arc::new(OnceLock::new());
    let curtain = |callback| Curtain { stage: Arc::clone(&place), callback };

    let (for_service, at_end) = (Arc::clone(&place), curtain("service.drop"));
    let service_probe = ServiceProbe::new(&log).on(move |event| {
        let _ = &at_end;
        reach(
            &for_service,
            match event {
                Event::ThreadInitialized => "service.thread_initialize",
                Event::ThreadCleaned => "service.thread_cleanup",
                Event::Started => "service.started",
                Event::Stopped => "service.stopped",
                Event::Idle => "service.idle",
                _ => "service.error",
            },
        );
    });

    let (for_server, at_end) = (Arc::clone(&place), curtain("server.drop"));
    let (for_session, session_log) = (Arc::clone(&place), Arc::clone(&log));
    let server_probe = ServerProbe::new(&log)
        .on(move |_, event| {
            let _ = &at_end;
            reach(
                &for_server,
                match event {
                    Event::Started => "server.started",
                    Event::Stopped => "server.stopped",
                    Event::Accepted(_) => "server.session",
                    Event::SessionConnected(_) => "server.connected",
                    Event::SessionDisconnected(..) => "server.disconnected",
                    _ => "server.error",
                },
            );
        })
        .make(move |session| {
            let stage = for_session.get().unwrap();
            stage.sessions.lock().unwrap().push(session.clone());
            Some(Probe::new(&session_log, "session").on(reaction(&for_session, true)))
        });

    let client = Client::tcp(&service, "127.0.0.1", server.port()).unwrap();
    let sessions = Mutex::new(vec![client.session().clone()]);
    let (fired, done) = (false.into(), false.into());
    let stage =
        Stage { log, service, foreign, server, client, sessions, callback, action, fired, done };
    let stage = Arc::new(stage);
    assert!(place.set(Arc::clone(&stage)).is_ok());
    (stage, service_probe, server_probe)
}

/// Echoes, fails when asked to, and tells the stage of each callback.
fn reaction(
    place: &Arc<OnceLock<Arc<Stage>>>,
    server_side: bool,
) -> impl FnMut(&Session, &Event) + Send + use<> {
    let place = Arc::clone(place);
    let curtain = Curtain {
        stage: Arc::clone(&place),
        callback: if server_side { "session.drop" } else { "client.drop" },
    };
    move |session, event| {
        let _ = &curtain;
        let callback = match event {
            Event::Connected => "connected",
            Event::Received(_) => "received",
            Event::Sent { .. } => "sent",
            Event::Empty => "empty",
            Event::Error(_) => "error",
            _ => "disconnected",
        };
        let side = if server_side { "session" } else { "client" };
        reach(&place, &format!("{side}.{callback}"));
        if let Event::Received(bytes) = event {
            assert!(bytes != b"fail", "the script wants this handler to fail");
            if server_side {
                // Fails only after the action.
                let _ = session.send(bytes);
            }
        }
    }
}

/// Plays the script once. Every step may fail after the action, and must not before.
fn play(callback: &'static str, action: fn(&Stage)) {
    let (stage, service_probe, server_probe) = build(callback, action);
    let place = Arc::new(OnceLock::from(Arc::clone(&stage)));
    let client_probe = || Probe::new(&stage.log, "client").on(reaction(&place, false));
    let service = &stage.service;
    let nobody = unused_port();

    service.start_polling(service_probe).unwrap();
    stage.wait("service", 1, |event| *event == Event::Idle);
    service.post(|| panic!("the script wants this closure to fail"));
    let posted = Arc::clone(&stage);
    service.post(move || posted.reach("posted"));
    let timer = Arc::clone(&stage);
    service.timer(Duration::ZERO, move || timer.reach("timer"));
    let refused = Client::tcp(service, "127.0.0.1", nobody.port).unwrap();
    stage.step(refused.connect(client_probe()));
    stage.wait("client", 1, |event| *event == Event::Dropped);

    stage.step(stage.server.start(server_probe));
    stage.wait("server", 1, |event| *event == Event::Started);
    stage.step(stage.client.connect(client_probe()));
    stage.wait("client", 1, |event| *event == Event::Connected);
    stage.step(stage.client.send(b"hello").map(drop));
    stage.wait("client", 1, |event| matches!(event, Event::Received(_)));

    // The last of three is one too many; then one of the others fails.
    let port = stage.server.port();
    let mut peers: Vec<_> =
        (0..2).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    stage.wait("server", 1, |event| matches!(event, Event::Error(_)));
    for peer in &mut peers {
        let _ = peer.write_all(b"fail");
    }
    stage.wait("session", 1, |event| *event == Event::Dropped);

    stage.step(stage.client.disconnect());
    stage.wait("client", 2, |event| *event == Event::Dropped);
    stage.wait("session", 2, |event| *event == Event::Dropped);
    stage.step(stage.server.stop());
    stage.wait("server", 1, |event| *event == Event::Dropped);
    drop(peers);
    // The action may have started the service again, but does so only once.
    while service.stop().is_ok() {}
    // What the script asked of a service that the action had stopped waits for the next start.
    service.start(()).unwrap();
    service.stop().unwrap();
    let _ = stage.foreign.stop();

    assert!(stage.is_done(), "the script never came to {callback}");
    assert_eq!(stage.server.current_sessions(), 0);
    assert!(!service.is_started() && !stage.server.is_started() && !stage.client.is_connected());
    stage.log.check();
}

fn play_all(callbacks: &[&'static str]) {
    for &callback in callbacks {
        for (name, action) in ACTIONS {
            within_deadline(&format!("{name} in {callback}"), move || play(callback, action));
        }
    }
}

#[test]
fn contract_02_every_method_may_be_called_in_every_callback_of_a_service() {
    play_all(&SERVICE_CALLBACKS);
}

#[test]
fn contract_02_every_method_may_be_called_in_every_callback_of_a_server() {
    play_all(&SERVER_CALLBACKS);
}

#[test]
fn contract_02_every_method_may_be_called_in_every_callback_of_a_session() {
    play_all(&SESSION_CALLBACKS);
}

#[test]
fn contract_02_every_method_may_be_called_in_every_callback_of_a_client() {
    play_all(&CLIENT_CALLBACKS);
}
