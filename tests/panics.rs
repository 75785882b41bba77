//! Handlers that panic, in every callback and in their destructors: it is told, it ends at most the
//! session that it belongs to, and it disturbs nothing else.

mod common;

use std::io::Write;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::*;
use cppserver::{Category, Reason, Service, ServiceHandler, Session};

/// Fails, in the words of the test.
fn fail(callback: &str) {
    panic!("the test wants {callback} to fail");
}

/// Whether these errors tell of exactly one failure, of that callback.
#[track_caller]
fn told_of(errors: &[cppserver::Error], callback: &str) {
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].category(), Category::Handler);
    assert!(
        errors[0].message().contains(&format!("the test wants {callback} to fail")),
        "{errors:?}"
    );
}

/// A healthy peer of a healthy server in the same service talks before and after.
fn beside_a_healthy_server(body: impl FnOnce(&World)) -> Arc<Log> {
    let world = World::new();
    let healthy_log = Log::new();
    let healthy = world.serve(ServerProbe::new(&healthy_log).echo());
    let mut peer = connect(healthy.port());
    let mut talk = || {
        peer.write_all(b"fine?").unwrap();
        assert_eq!(read_some(&mut peer, 5), b"fine?");
    };
    talk();
    body(&world);
    talk();
    drop(peer);
    let log = world.finish();
    healthy_log.check();
    assert_eq!(healthy_log.errors("server"), []);
    assert_eq!(healthy_log.errors("session"), []);
    log
}

/// The name of a session's callback.
fn name(event: &Event) -> &'static str {
    match event {
        Event::Connected => "connected",
        Event::Received(_) => "received",
        Event::Sent { .. } => "sent",
        Event::Empty => "empty",
        Event::Error(_) => "error",
        _ => "disconnected",
    }
}

/// Reacts like an echo, and fails in one callback.
fn failing(callback: &'static str) -> impl Fn(&Session, &Event) + Send + Sync {
    move |session, event| {
        if name(event) == callback {
            fail(callback);
        }
        if let Event::Received(bytes) = event {
            // In on_error's turn something else has to fail before.
            assert!(callback != "error", "the test wants received to fail");
            session.send(bytes).unwrap();
        }
    }
}

#[test]
fn a_panic_in_a_callback_of_a_session_ends_this_session() {
    for callback in ["connected", "received", "sent", "empty", "error"] {
        let log = beside_a_healthy_server(|world| {
            let server = world.serve(world.server_probe().sessions(failing(callback)));
            let mut peer = connect(server.port());
            // On some machines the session is gone before this.
            let _ = peer.write_all(b"hello");
            world.log.wait_event("session", Event::Dropped);
            // Another session of the same server gets its own chance.
            let mut peer = connect(server.port());
            let _ = peer.write_all(b"hello");
            world.log.wait_count("session", 2, |event| *event == Event::Dropped);
            assert!(server.is_started());
        });
        for story in log.each("session") {
            let errors: Vec<_> = story
                .iter()
                .filter_map(|event| match event {
                    Event::Error(error) => Some(error.clone()),
                    _ => None,
                })
                .collect();
            told_of(&errors, if callback == "error" { "received" } else { callback });
            assert_eq!(story[story.len() - 2], Event::Disconnected(Reason::Error), "{callback}");
        }
        assert_eq!(log.errors("service"), []);
        assert_eq!(log.errors("server"), []);
    }
}

#[test]
fn a_panic_in_on_disconnected_is_told_to_the_service() {
    let log = beside_a_healthy_server(|world| {
        let server = world.serve(world.server_probe().sessions(failing("disconnected")));
        drop(connect(server.port()));
        world.log.wait_event("session", Event::Dropped);
        eventually("it is counted out", || server.current_sessions() == 0);
    });
    told_of(&log.errors("service"), "disconnected");
    let ends = log.of("server").into_iter().filter(|e| matches!(e, Event::SessionDisconnected(..)));
    assert_eq!(ends.count(), 1, "the server is told all the same");
}

#[test]
fn a_panic_in_a_callback_of_a_client_ends_its_connection() {
    for callback in ["connected", "received", "sent", "empty", "error"] {
        let log = beside_a_healthy_server(|world| {
            let (listener, port) = listener();
            let client = world.connect(port, world.probe("client").on(failing(callback)));
            let mut peer = accept(&listener);
            let _ = peer.write_all(b"hello");
            world.log.wait_event("client", Event::Dropped);
            // The client itself is as good as before.
            client.connect(world.probe("again")).unwrap();
            let _peer = accept(&listener);
            world.log.wait_event("again", Event::Connected);
        });
        told_of(&log.errors("client"), if callback == "error" { "received" } else { callback });
        assert!(log.of("client").contains(&Event::Disconnected(Reason::Error)));
        assert_eq!(log.errors("service"), []);
    }
}

/// Without a connection there is nobody but the service to tell.
#[test]
fn a_panic_of_a_client_that_did_not_connect_is_told_to_the_service() {
    for callback in ["error", "disconnected"] {
        let log = beside_a_healthy_server(|world| {
            let nobody = unused_port();
            world.connect(nobody.port, world.probe("client").on(failing(callback)));
            world.log.wait_event("client", Event::Dropped);
        });
        told_of(&log.errors("service"), callback);
        assert!(log.of("client").contains(&Event::Disconnected(Reason::Error)));
    }
}

#[test]
fn a_panic_in_a_callback_of_a_server_is_told_to_its_on_error() {
    for callback in ["started", "session", "connected", "disconnected", "stopped"] {
        let log = beside_a_healthy_server(|world| {
            let server = world.serve(world.server_probe().on(move |_, event| {
                let this = match event {
                    Event::Started => "started",
                    Event::Accepted(_) => "session",
                    Event::SessionConnected(_) => "connected",
                    Event::SessionDisconnected(..) => "disconnected",
                    Event::Stopped => "stopped",
                    _ => "error",
                };
                if this == callback {
                    fail(callback);
                }
            }));
            let mut peer = connect(server.port());
            if callback == "session" {
                // Without a handler there is no session.
                assert_eq!(read_until_gone(&mut peer), 0);
            } else {
                world.log.wait_for("server", |e| matches!(e, Event::SessionConnected(_)));
                drop(peer);
                world.log.wait_for("session", |event| *event == Event::Dropped);
            }
            assert!(server.is_started());
            eventually("no session is left", || server.current_sessions() == 0);
            server.stop().unwrap();
            world.log.wait_event("server", Event::Dropped);
        });
        told_of(&log.errors("server"), callback);
        assert_eq!(log.errors("service"), []);
        assert_eq!(log.errors("session"), []);
    }
}

#[test]
fn a_panic_in_on_error_of_a_server_goes_no_further() {
    beside_a_healthy_server(|world| {
        let server = world.serve(world.server_probe().on(|_, event| {
            if matches!(event, Event::Accepted(_) | Event::Error(_)) {
                fail("both");
            }
        }));
        for _ in 0..3 {
            assert_eq!(read_until_gone(&mut connect(server.port())), 0);
        }
        assert!(server.is_started());
    });
}

#[test]
fn a_panic_in_a_callback_of_a_service_is_told_to_its_on_error() {
    for callback in ["initialize", "started", "stopped", "cleanup"] {
        let log = Log::new();
        let service = Service::with_threads(2).unwrap();
        let probe = ServiceProbe::new(&log).on(move |event| {
            let this = match event {
                Event::ThreadInitialized => "initialize",
                Event::Started => "started",
                Event::Stopped => "stopped",
                Event::ThreadCleaned => "cleanup",
                _ => "error",
            };
            if this == callback {
                fail(callback);
            }
        });
        service.start(probe).unwrap();
        pump(&service);
        service.stop().unwrap();
        log.check();
        let errors = log.errors("service");
        let each_loop = ["initialize", "cleanup"].contains(&callback);
        assert_eq!(errors.len(), if each_loop { 2 } else { 1 }, "{errors:?}");
        for error in errors {
            told_of(&[error], callback);
        }
    }
}

#[test]
fn a_panic_in_on_idle_or_on_error_of_a_service_goes_no_further() {
    struct Hopeless(mpsc::Sender<()>);
    impl ServiceHandler for Hopeless {
        fn on_idle(&self) {
            fail("idle");
        }
        fn on_error(&self, _error: &cppserver::Error) {
            // The test may have seen enough.
            let _ = self.0.send(());
            fail("error");
        }
    }
    let service = Service::new().unwrap();
    let (sender, receiver) = mpsc::channel();
    service.start_polling(Hopeless(sender)).unwrap();
    for _ in 0..3 {
        receiver.recv_timeout(DEADLINE).expect("the loop goes on");
    }
    pump(&service);
    service.stop().unwrap();
}

#[test]
fn a_panic_in_a_closure_or_a_timer_is_told_to_the_service() {
    let log = beside_a_healthy_server(|world| {
        let service = &world.service;
        service.post(|| fail("post"));
        service.dispatch(|| fail("dispatch"));
        service.timer(Duration::ZERO, || fail("timer"));
        world.log.wait_count("service", 3, |event| matches!(event, Event::Error(_)));
    });
    let mut texts: Vec<_> =
        log.errors("service").iter().map(|error| error.message().to_owned()).collect();
    texts.sort_unstable();
    assert_eq!(
        texts,
        [
            "a posted closure panicked: the test wants dispatch to fail",
            "a posted closure panicked: the test wants post to fail",
            "a timer panicked: the test wants timer to fail",
        ]
    );
}

#[test]
fn a_repeating_timer_survives_its_panics() {
    let world = World::new();
    let mut round = 0;
    let (sender, receiver) = mpsc::channel();
    let timer =
        world.service.timer_repeating(Duration::ZERO, Duration::from_millis(1), move || {
            round += 1;
            sender.send(round).unwrap();
            if round < 3 {
                fail("the first rounds");
            }
        });
    while receiver.recv_timeout(DEADLINE).unwrap() < 5 {}
    timer.cancel();
    pump(&world.service);
    assert_eq!(world.log.errors("service").len(), 2);
    world.finish();
}

/// Fails when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            fail("a destructor");
        }
    }
}

#[test]
fn a_panic_in_a_destructor_goes_no_further() {
    let log = beside_a_healthy_server(|world| {
        let (service, log) = (&world.service, Arc::clone(&world.log));
        // Of a session, a server, and a client that connects and one that does not.
        let of_server = Bomb;
        let server = world.serve(
            world
                .server_probe()
                .on(move |_, _| {
                    let _ = &of_server;
                })
                .make(move |_| {
                    let of_session = Bomb;
                    Some(Probe::new(&log, "session").on(move |_, _| {
                        let _ = &of_session;
                    }))
                }),
        );
        let probe = |of_client: Bomb| {
            world.probe("client").on(move |_, _| {
                let _ = &of_client;
            })
        };
        let client = world.connect(server.port(), probe(Bomb));
        world.log.wait_event("client", Event::Connected);
        client.disconnect().unwrap();
        let nobody = unused_port();
        world.connect(nobody.port, probe(Bomb));
        world.log.wait_count("client", 2, |event| *event == Event::Dropped);
        world.log.wait_event("session", Event::Dropped);
        server.stop().unwrap();
        world.log.wait_event("server", Event::Dropped);
        // Of closures that run, and of timers that never do.
        let (posted, timer, repeating) = (Bomb, Bomb, Bomb);
        service.post(move || drop(posted));
        let hour = Duration::from_secs(3600);
        service.timer(hour, move || drop(timer)).cancel();
        service.timer_repeating(hour, hour, move || {
            let _ = &repeating;
        });
        pump(service);
    });
    assert_eq!(log.errors("session"), []);
    assert_eq!(log.errors("server"), []);
    // The closure that ran was called; the destructors of others are no callbacks.
    told_of(&log.errors("service"), "a destructor");
}

/// A panic need not carry a text, and what it carries may fail as well.
#[test]
fn a_panic_may_carry_anything() {
    let world = World::new();
    world.service.post(|| std::panic::panic_any(42));
    world.service.post(|| std::panic::panic_any(String::from("a String")));
    world.service.post(|| std::panic::panic_any(Bomb));
    world.log.wait_count("service", 3, |event| matches!(event, Event::Error(_)));
    let errors = world.log.errors("service");
    let texts: Vec<_> = errors.iter().map(|error| error.message()).collect();
    assert_eq!(
        texts,
        [
            "a posted closure panicked: without a message",
            "a posted closure panicked: a String",
            "a posted closure panicked: without a message",
        ]
    );
    world.finish();
}
