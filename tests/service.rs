//! The life of a service: start, stop, restart, posted closures, loops, and services beside each
//! other.

mod common;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use common::*;
use cppserver::{Reason, Server, Service, ServiceHandler, Session, Status};

#[test]
fn a_service_has_1_to_1024_threads() {
    for threads in [0, 1025, usize::MAX] {
        let error = Service::with_threads(threads).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
    }
    assert_eq!(Service::new().unwrap().threads(), 1);
    assert_eq!(Service::with_threads(3).unwrap().threads(), 3);
}

#[test]
fn only_a_stopped_service_starts_and_only_a_started_one_stops() {
    let service = Service::new().unwrap();
    let refused = |result: cppserver::Result<()>| {
        assert_eq!(result.unwrap_err().status(), Status::InvalidState);
    };
    refused(service.stop());
    refused(service.restart());
    service.start(()).unwrap();
    refused(service.start(()));
    refused(service.start_polling(()));
    service.stop().unwrap();
    refused(service.stop());
    refused(service.restart());
}

#[test]
fn a_service_starts_and_stops_again_and_again() {
    for threads in [1, 3] {
        let log = Log::new();
        let service = Service::with_threads(threads).unwrap();
        for round in 1..=20 {
            service.start(ServiceProbe::new(&log)).unwrap();
            if round % 2 == 0 {
                log.wait_count("service", round, |event| *event == Event::Started);
                assert!(service.is_started());
            }
            service.stop().unwrap();
            assert!(!service.is_started());
            let dropped = log.of("service").iter().filter(|e| **e == Event::Dropped).count();
            assert_eq!(dropped, round, "the handler is gone when stop returns");
        }
        log.check();
        let events = log.of("service");
        let count = |wanted: Event| events.iter().filter(|event| **event == wanted).count();
        assert_eq!((count(Event::Started), count(Event::Stopped)), (20, 20));
        assert_eq!(count(Event::ThreadInitialized), 20 * threads);
        assert_eq!(count(Event::ThreadCleaned), 20 * threads);
    }
}

#[test]
fn what_was_posted_before_the_start_runs_before_on_started() {
    let log = Log::new();
    let service = Service::new().unwrap();
    let ran = Arc::new(Mutex::new(Vec::new()));
    for number in 0..100 {
        let ran = Arc::clone(&ran);
        service.post(move || ran.lock().unwrap().push(number));
    }
    let at_start = Arc::clone(&ran);
    let probe_log = Arc::clone(&log);
    let probe = ServiceProbe::new(&log).on(move |event| {
        if *event == Event::Started {
            let ran = at_start.lock().unwrap();
            probe_log.expect(ran.len() == 100, "on_started came before what was posted");
        }
    });
    service.start(probe).unwrap();
    log.wait_event("service", Event::Started);
    service.stop().unwrap();
    assert_eq!(*ran.lock().unwrap(), (0..100).collect::<Vec<_>>());
    log.check();
}

#[test]
fn posted_closures_of_each_thread_run_in_their_order() {
    let service = Service::with_threads(2).unwrap();
    service.start(()).unwrap();
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (service, sender) = (service.clone(), sender.clone());
            thread::spawn(move || {
                for number in 0..1000 {
                    let (sender, inner) = (sender.clone(), service.clone());
                    service.post(move || {
                        sender.send((thread, number, inner.is_loop_thread())).unwrap();
                    });
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop(sender);
    let mut next = [0; 4];
    for (thread, number, on_loop) in receiver.iter() {
        assert_eq!(number, next[thread]);
        assert!(on_loop);
        next[thread] += 1;
    }
    assert_eq!(next, [1000; 4]);
    service.stop().unwrap();
}

#[test]
fn dispatch_runs_at_once_on_a_loop_thread_and_is_posted_elsewhere() {
    let service = Service::new().unwrap();
    let other = Service::new().unwrap();
    service.start(()).unwrap();
    other.start(()).unwrap();
    let (sender, receiver) = mpsc::channel();
    let inner = service.clone();
    service.dispatch(move || {
        let from_dispatch = sender.clone();
        let from_post = sender.clone();
        inner.post(move || from_post.send("posted").unwrap());
        inner.dispatch(move || from_dispatch.send("dispatched").unwrap());
        sender.send("after both").unwrap();
    });
    let order: Vec<_> = receiver.iter().collect();
    assert_eq!(order, ["dispatched", "after both", "posted"]);

    // The loop of another service is a foreign thread.
    let (sender, receiver) = mpsc::channel();
    let inner = service.clone();
    other.post(move || {
        let foreign = !inner.is_loop_thread();
        let again = inner.clone();
        inner.dispatch(move || sender.send((foreign, again.is_loop_thread())).unwrap());
    });
    assert_eq!(receiver.recv_timeout(DEADLINE).unwrap(), (true, true));
    assert!(!service.is_loop_thread());
    service.stop().unwrap();
    other.stop().unwrap();
}

#[test]
fn a_polling_service_is_idle_again_and_again_and_others_never_are() {
    struct Counts(Arc<AtomicUsize>);
    impl ServiceHandler for Counts {
        fn on_idle(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let idle = Arc::new(AtomicUsize::new(0));
    let service = Service::with_threads(2).unwrap();
    service.start_polling(Counts(Arc::clone(&idle))).unwrap();
    eventually("on_idle comes often", || idle.load(Ordering::Relaxed) > 1000);
    pump(&service);
    service.restart().unwrap();
    let before = idle.load(Ordering::Relaxed);
    eventually("it polls after a restart too", || idle.load(Ordering::Relaxed) > before + 1000);
    service.stop().unwrap();

    let idle = Arc::new(AtomicUsize::new(0));
    service.start(Counts(Arc::clone(&idle))).unwrap();
    pump(&service);
    service.stop().unwrap();
    assert_eq!(idle.load(Ordering::Relaxed), 0);
}

#[test]
fn a_restart_keeps_the_handler_and_ends_everything_else() {
    for threads in [1, 3] {
        let world = World::with_threads(threads);
        let server = world.serve(world.server_probe());
        let client = world.connect(server.port(), world.probe("client"));
        world.log.wait_event("client", Event::Connected);
        world.log.wait_event("session", Event::Connected);
        world.service.restart().unwrap();
        assert!(!server.is_started() && !client.is_connected());
        for name in ["client", "session"] {
            // With several loops either side may see the other's end before its own stop.
            let story = world.log.of(name);
            assert!(
                matches!(
                    story[..],
                    [
                        Event::Connected,
                        Event::Disconnected(Reason::ServiceStopped | Reason::PeerClosed),
                        Event::Dropped
                    ]
                ),
                "{story:?}"
            );
        }
        // The service is as good as new.
        server.start(world.server_probe().echo()).unwrap();
        let mut peer = connect(server.port());
        peer.write_all(b"again").unwrap();
        assert_eq!(read_some(&mut peer, 5), b"again");
        let log = world.finish();
        let handlers = log.each("service");
        assert_eq!(handlers.len(), 1);
        let count = |wanted| handlers[0].iter().filter(|event| **event == wanted).count();
        assert_eq!((count(Event::Started), count(Event::Stopped)), (2, 2));
        assert_eq!(count(Event::ThreadInitialized), 2 * threads);
    }
}

/// The thread of the former run gives way to that of the next: nothing may fall between the two.
#[test]
fn a_service_listens_to_its_callers_after_every_restart() {
    for threads in [1, 2] {
        let log = Log::new();
        let service = Service::with_threads(threads).unwrap();
        service.start(ServiceProbe::new(&log)).unwrap();
        for round in 2..300 {
            service.restart().unwrap();
            log.wait_count("service", round, |event| *event == Event::Started);
            let (sender, receiver) = mpsc::channel();
            service.post(move || sender.send(()).unwrap());
            receiver.recv_timeout(DEADLINE).expect("the new loop hears of what is posted");
        }
        service.stop().unwrap();
        log.check();
    }
}

#[test]
fn a_stop_on_a_loop_thread_returns_at_once() {
    for restart in [false, true] {
        let world = World::with_threads(2);
        let inner = world.service.clone();
        let (sender, receiver) = mpsc::channel();
        world.service.post(move || {
            let result = if restart { inner.restart() } else { inner.stop() };
            // Here, before on_stopped: it did not wait for itself.
            sender.send((result.is_ok(), inner.is_started())).unwrap();
        });
        assert_eq!(receiver.recv_timeout(DEADLINE).unwrap(), (true, true));
        world.log.wait_event("service", Event::Stopped);
        if restart {
            world.log.wait_count("service", 2, |event| *event == Event::Started);
            world.service.stop().unwrap();
        }
        world.log.check();
    }
}

#[test]
fn a_stop_of_another_service_in_a_callback_returns_at_once() {
    let world = World::new();
    let other = World::new();
    let (sender, receiver) = mpsc::channel();
    let (first, second) = (world.service.clone(), other.service.clone());
    // Each waits for the other in its callback: a stop that waited here would never end.
    let gate = Arc::new(std::sync::Barrier::new(2));
    for (own, foreign) in [(first.clone(), second.clone()), (second, first)] {
        let (sender, gate) = (sender.clone(), Arc::clone(&gate));
        own.post(move || {
            gate.wait();
            let result = foreign.stop();
            gate.wait();
            sender.send(result.is_ok()).unwrap();
        });
    }
    for _ in 0..2 {
        assert!(receiver.recv_timeout(DEADLINE).expect("neither waits"));
    }
    world.log.check();
    other.log.check();
}

#[test]
fn contract_05_a_stop_ends_everything_before_on_stopped() {
    for threads in [1, 3] {
        let world = World::with_threads(threads);
        let server = world.serve(world.server_probe());
        let mut peers: Vec<_> = (0..5).map(|_| connect(server.port())).collect();
        for _ in 0..3 {
            world.connect(server.port(), world.probe("client"));
        }
        // One that waits for its next try.
        let waiting = world.connect(
            server.port(),
            world.probe("waiting client").on(|session, event| {
                if *event == Event::Connected {
                    let client = session.client().unwrap();
                    client.reconnect(Duration::from_secs(3600)).unwrap();
                }
            }),
        );
        world.log.wait_event("waiting client", Event::Disconnected(Reason::Local));
        world.log.wait_count("client", 3, |event| *event == Event::Connected);
        world.log.wait_count("session", 9, |event| *event == Event::Connected);
        server.multicast(&pattern(1 << 20)).unwrap();
        let reader =
            thread::spawn(move || peers.iter_mut().all(|peer| read_all(peer).len() == 1 << 20));
        let log = world.finish();
        assert!(reader.join().unwrap());

        let entries = log.entries();
        let stopped = entries
            .iter()
            .position(|entry| entry.name == "service" && entry.event == Event::Stopped)
            .unwrap();
        for entry in &entries[stopped + 1..] {
            assert_eq!(entry.name, "service", "{entry:?} came after on_stopped of the service");
        }
        let server_stopped = entries
            .iter()
            .position(|entry| entry.name == "server" && entry.event == Event::Stopped);
        assert!(server_stopped.unwrap() < stopped);
        for name in ["session", "client", "waiting client"] {
            for story in log.each(name) {
                assert_eq!(story.last(), Some(&Event::Dropped), "{name}: {story:?}");
            }
        }
        for story in log.each("client") {
            assert!(story.contains(&Event::Disconnected(Reason::ServiceStopped)), "{story:?}");
        }
        assert!(!waiting.is_connected() && server.current_sessions() == 0);
    }
}

#[test]
fn contract_05_nothing_is_called_back_after_stop_returned() {
    let world = World::with_threads(3);
    let server = world.serve(world.server_probe().echo());
    let talkers: Vec<_> = (0..4)
        .map(|_| {
            let mut peer = connect(server.port());
            thread::spawn(move || while peer.write_all(b"talk").is_ok() {})
        })
        .collect();
    world.log.wait_count("session", 4, |event| matches!(event, Event::Received(_)));
    world.service.stop().unwrap();
    let lines = world.log.entries().len();
    talkers.into_iter().for_each(|talker| talker.join().unwrap());
    assert_eq!(world.log.entries().len(), lines);
    world.log.check();
}

#[test]
fn many_threads_may_stop_a_service_at_once() {
    for _ in 0..20 {
        let world = World::with_threads(2);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (service, log) = (world.service.clone(), Arc::clone(&world.log));
                thread::spawn(move || {
                    let result = service.stop();
                    // Whoever succeeded has waited for the end.
                    let ended = log.of("service").contains(&Event::Dropped);
                    assert!(result.is_err() || ended);
                    result.is_ok()
                })
            })
            .collect();
        let stopped = threads.into_iter().filter_map(|thread| thread.join().ok());
        assert!(stopped.filter(|stopped| *stopped).count() >= 1);
        world.log.check();
    }
}

#[test]
fn on_stopped_is_too_early_for_a_start_and_early_enough_for_a_restart() {
    let log = Log::new();
    let service = Service::new().unwrap();
    let place = Arc::new(OnceLock::new());
    place.set(service.clone()).unwrap();
    let (own, inner) = (Arc::clone(&place), Arc::clone(&log));
    let stops = AtomicUsize::new(0);
    let probe = ServiceProbe::new(&log).on(move |event| {
        if *event == Event::Stopped && stops.fetch_add(1, Ordering::Relaxed) == 0 {
            let service = own.get().unwrap();
            let start = service.start(()).map_err(|error| error.status());
            inner.expect(start == Err(Status::InvalidState), "a start in on_stopped worked");
            inner.expect(service.restart().is_ok(), "a restart in on_stopped failed");
        }
    });
    service.start(probe).unwrap();
    service.stop().unwrap();
    log.wait_count("service", 2, |event| *event == Event::Started);
    service.stop().unwrap();
    log.check();
}

#[test]
fn the_destructor_of_a_handler_is_too_late_for_a_restart() {
    struct Last(Service, mpsc::Sender<(Status, Status)>);
    impl ServiceHandler for Last {}
    impl Drop for Last {
        fn drop(&mut self) {
            let start = self.0.start(()).unwrap_err().status();
            let restart = self.0.restart().unwrap_err().status();
            self.1.send((start, restart)).unwrap();
        }
    }
    let service = Service::new().unwrap();
    let (sender, receiver) = mpsc::channel();
    service.start(Last(service.clone(), sender)).unwrap();
    service.stop().unwrap();
    let refused = receiver.recv_timeout(DEADLINE).unwrap();
    assert_eq!(refused, (Status::InvalidState, Status::InvalidState));
    service.start(()).unwrap();
    service.stop().unwrap();
}

#[test]
fn services_run_beside_each_other() {
    let worlds: Vec<_> = (1..4).map(World::with_threads).collect();
    let servers: Vec<_> =
        worlds.iter().map(|world| world.serve(world.server_probe().echo())).collect();
    for world in &worlds {
        for server in &servers {
            let client = world.connect(server.port(), world.probe("client"));
            eventually("the client connects", || client.is_connected());
            client.send(b"hello").unwrap();
        }
    }
    for world in &worlds {
        world.log.wait_received("client", 3 * 5);
        world.log.wait_received("session", 3 * 5);
    }
    worlds.into_iter().for_each(|world| drop(world.finish()));
}

#[test]
fn dropping_all_handles_stops_nothing() {
    struct Echo(Arc<Log>);
    impl cppserver::ServerHandler for Echo {
        type Session = Probe;
        fn on_session(&self, _session: &Session) -> Option<Probe> {
            Some(Probe::new(&self.0, "session").on(|session, event| {
                if let Event::Received(bytes) = event {
                    if bytes == b"stop" {
                        session.service().stop().unwrap();
                    }
                    session.send(bytes).unwrap();
                }
            }))
        }
    }
    let log = Log::new();
    let port = {
        let service = Service::new().unwrap();
        service.start(ServiceProbe::new(&log)).unwrap();
        let server = Server::tcp(&service, "127.0.0.1", 0).unwrap();
        server.start(Echo(Arc::clone(&log))).unwrap();
        server.port()
    };
    let mut peer = connect(port);
    peer.write_all(b"goes on").unwrap();
    assert_eq!(read_some(&mut peer, 7), b"goes on");
    peer.write_all(b"stop").unwrap();
    assert_eq!(read_all(&mut peer), b"stop");
    log.check();
}
