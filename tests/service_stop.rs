//! Contract 5: the stop of a service ends everything first, whoever asks for it and where.

mod common;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use common::*;
use cppserver::{Reason, Service, ServiceHandler, Status};

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
                assert_eq!(story.last(), Some(&Event::Dropped), "a handler of {name} was kept");
            }
        }
        for story in log.each("client") {
            let told = |reason| story.contains(&Event::Disconnected(reason));
            // With several loops a client may see the end of its session before its own stop.
            let peer_first = threads > 1 && told(Reason::PeerClosed);
            assert!(told(Reason::ServiceStopped) || peer_first, "a client was told another reason");
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
