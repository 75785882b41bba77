//! The life of a service: start, stop, restart, posted closures, loops, and services beside each
//! other.

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use common::*;
use cppserver::{Client, Reason, Server, Service, ServiceHandler, Session, Status};

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
            let story = world.log.of(name);
            let told =
                |reason| story == [Event::Connected, Event::Disconnected(reason), Event::Dropped];
            // With several loops either side may see the other's end before its own stop.
            let peer_first = threads > 1 && told(Reason::PeerClosed);
            assert!(told(Reason::ServiceStopped) || peer_first, "{story:?}");
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

/// What waits for a start would otherwise keep the service that keeps it.
#[test]
fn the_last_handle_of_a_stopped_service_takes_what_waits_with_it() {
    for ran_before in [false, true] {
        let log = Log::new();
        let service = Service::new().unwrap();
        if ran_before {
            service.start(()).unwrap();
            service.stop().unwrap();
        }
        let server = Server::tcp(&service, "127.0.0.1", 0).unwrap();
        server.start(ServerProbe::new(&log)).unwrap();
        let port = server.port();
        let client = Client::tcp(&service, "127.0.0.1", port).unwrap();
        client.connect(Probe::new(&log, "client")).unwrap();
        let (posted, timed) = (Arc::new(()), Arc::new(()));
        let (post, time) = (Arc::clone(&posted), Arc::clone(&timed));
        service.post(move || drop(post));
        let timer = service.timer(Duration::ZERO, move || drop(time));
        let second = server.service();
        drop(service);
        assert_eq!((Arc::strong_count(&posted), log.of("client")), (2, vec![]), "one is left");
        drop(second);
        assert_eq!((Arc::strong_count(&posted), Arc::strong_count(&timed)), (1, 1));
        assert_eq!(log.of("client"), [Event::Dropped]);
        assert_eq!(log.of("server"), [Event::Dropped]);
        assert!(!timer.cancel());
        assert_eq!(client.disconnect().unwrap_err().status(), Status::NotConnected);
        assert_eq!((server.port(), server.native_handle()), (0, None));
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "it listened");

        // What comes without a handle waits for nobody.
        server.start(ServerProbe::new(&log)).unwrap();
        client.connect(Probe::new(&log, "client")).unwrap();
        assert_eq!((log.of("client").len(), log.of("server").len()), (2, 2));

        // A server or a client gives a new handle, and all goes on as if nothing had been.
        let service = client.service();
        service.start(()).unwrap();
        server.start(ServerProbe::new(&log)).unwrap();
        let client = Client::tcp(&service, "127.0.0.1", server.port()).unwrap();
        client.connect(Probe::new(&log, "again")).unwrap();
        log.wait_event("again", Event::Connected);
        service.stop().unwrap();
        log.check();
    }
}

/// A service may end by itself after the program gave up all handles.
#[test]
fn a_service_without_handles_stops_and_gives_up_what_waits() {
    let log = Log::new();
    let service = Service::new().unwrap();
    service.start(ServiceProbe::new(&log)).unwrap();
    let (inner, posted) = (service.clone(), Arc::new(()));
    let post = Arc::clone(&posted);
    service.post(move || {
        inner.stop().unwrap();
        let again = inner.clone();
        // Comes to a loop that has exited by then, or to its last turn.
        inner.post(move || drop((post, again)));
    });
    drop(service);
    eventually("all is gone", || Arc::strong_count(&posted) == 1);
    log.wait_event("service", Event::Dropped);
}
