//! Clients: the ways to fail, to give up, and to connect again.

mod common;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::*;
use cppserver::{Category, Client, Reason, Service, Status};

fn client_of(session: &cppserver::Session) -> Client {
    session.client().expect("the session of a client knows it")
}

#[test]
fn a_refused_connect_is_an_error_and_an_end() {
    let world = World::new();
    let nobody = unused_port();
    let client = world.connect(nobody.port, world.probe("client"));
    world.log.wait_event("client", Event::Dropped);
    let story = world.log.of("client");
    let Event::Error(error) = &story[0] else { panic!("{story:?}") };
    assert_eq!(error.category(), Category::System);
    let text = format!("cannot connect to 127.0.0.1:{}", nobody.port);
    assert!(error.message().starts_with(&text), "{error}");
    assert!(error.message().contains("is the server running"), "{error}");
    assert_eq!(story[1..], [Event::Disconnected(Reason::Error), Event::Dropped]);
    // It may try again.
    client.connect(world.probe("again")).unwrap();
    world.log.wait_event("again", Event::Dropped);
    world.finish();
}

/// A connection to the address of all hosts never leaves this one.
#[cfg(target_os = "linux")]
#[test]
fn an_unreachable_address_is_an_error_and_an_end() {
    let world = World::new();
    let client = Client::tcp(&world.service, "127.255.255.255", 80).unwrap();
    for name in ["client", "again"] {
        client.connect(world.probe(name)).unwrap();
        world.log.wait_event(name, Event::Dropped);
        let story = world.log.of(name);
        let Event::Error(error) = &story[0] else { panic!("{story:?}") };
        assert_eq!((error.category(), error.code()), (Category::System, libc::ENETUNREACH));
        assert!(error.message().starts_with("cannot connect to 127.255.255.255:80"), "{error}");
        assert_eq!(story[1..], [Event::Disconnected(Reason::Error), Event::Dropped]);
    }
    world.finish();
}

#[test]
fn an_unknown_host_is_an_error_of_the_resolver() {
    let world = World::new();
    let client = Client::tcp(&world.service, "no.such.host.invalid", 80).unwrap();
    client.connect(world.probe("client")).unwrap();
    world.log.wait_event("client", Event::Dropped);
    let story = world.log.of("client");
    let Event::Error(error) = &story[0] else { panic!("{story:?}") };
    assert_eq!((error.category(), error.status()), (Category::Resolver, Status::Resolver));
    assert!(error.message().contains("no.such.host.invalid"), "{error}");
    assert_eq!(story[1..], [Event::Disconnected(Reason::Error), Event::Dropped]);
    world.finish();
}

#[test]
fn a_client_needs_a_host_and_a_port() {
    let service = Service::new().unwrap();
    for (host, port) in [("", 80), ("  ", 80), ("a\0b", 80), ("127.0.0.1", 0)] {
        let error = Client::tcp(&service, host, port).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{host:?} {port}");
    }
}

/// A server that is there and does not answer: its queue of connections is full.
#[cfg(target_os = "linux")]
mod silent {
    use super::*;
    use cppserver::SocketOption;
    use socket2::{Domain, Socket, Type};
    use std::net::TcpStream;

    struct Silent {
        _listener: Socket,
        _guest: TcpStream,
        port: u16,
    }

    fn silent_server() -> Silent {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let port = listener.local_addr().unwrap().as_socket().unwrap().port();
        Silent { _listener: listener, _guest: connect(port), port }
    }

    #[test]
    fn a_connect_without_an_answer_times_out() {
        let world = World::new();
        let server = silent_server();
        let client = world.client(server.port);
        client.set_option(SocketOption::ConnectTimeout, 100).unwrap();
        client.connect(world.probe("client")).unwrap();
        world.log.wait_event("client", Event::Dropped);
        let story = world.log.of("client");
        let Event::Error(error) = &story[0] else { panic!("{story:?}") };
        assert_eq!((error.category(), error.status()), (Category::Timeout, Status::Timeout));
        assert!(error.message().ends_with("within 100 milliseconds"), "{error}");
        assert_eq!(story[1..], [Event::Disconnected(Reason::Timeout), Event::Dropped]);
        world.finish();
    }

    #[test]
    fn disconnect_gives_a_connect_up() {
        for now in [false, true] {
            let world = World::new();
            let server = silent_server();
            let client = world.connect(server.port, world.probe("client"));
            pump(&world.service);
            assert_eq!(client.send(b"early").unwrap_err().status(), Status::NotConnected);
            if now { client.disconnect_now() } else { client.disconnect() }.unwrap();
            world.log.wait_event("client", Event::Dropped);
            assert_eq!(
                world.log.of("client"),
                [Event::Disconnected(Reason::Local), Event::Dropped],
                "giving up is no error"
            );
            world.finish();
        }
    }

    #[test]
    fn the_stop_of_a_service_gives_a_connect_up() {
        let world = World::new();
        let server = silent_server();
        world.connect(server.port, world.probe("client"));
        pump(&world.service);
        let log = world.finish();
        assert_eq!(log.of("client"), [Event::Disconnected(Reason::ServiceStopped), Event::Dropped]);
    }
}

#[test]
fn a_connect_that_is_given_up_at_once_never_connects() {
    let world = World::new();
    let (_listener, port) = listener();
    let client = world.client(port);
    let (inner, probe) = (client.clone(), world.probe("client"));
    let (sender, receiver) = mpsc::channel();
    world.service.post(move || {
        inner.connect(probe).unwrap();
        inner.disconnect().unwrap();
        sender.send(inner.disconnect()).unwrap();
    });
    let second = receiver.recv_timeout(DEADLINE).unwrap();
    assert_eq!(second.unwrap_err().status(), Status::NotConnected);
    world.log.wait_event("client", Event::Dropped);
    assert_eq!(world.log.of("client"), [Event::Disconnected(Reason::Local), Event::Dropped]);
    world.finish();
}

/// Given up on the loop thread after the connection was made and before the loop has seen it.
#[test]
fn a_connect_that_was_given_up_never_connects() {
    let log = Log::new();
    let service = Service::new().unwrap();
    let (_listener, port) = listener();
    let client = Client::tcp(&service, "127.0.0.1", port).unwrap();
    let (for_probe, inner) = (Arc::clone(&log), client.clone());
    struct Idle {
        log: Arc<Log>,
        client: Client,
        turn: AtomicUsize,
    }
    impl cppserver::ServiceHandler for Idle {
        fn on_idle(&self) {
            // The loop takes the connect up in the turn between these two.
            match self.turn.fetch_add(1, Ordering::Relaxed) {
                0 => self.client.connect(Probe::new(&self.log, "client")).unwrap(),
                1 => self.client.disconnect().unwrap(),
                _ => {}
            }
        }
    }
    service.start_polling(Idle { log: for_probe, client: inner, turn: 0.into() }).unwrap();
    log.wait_event("client", Event::Dropped);
    service.stop().unwrap();
    assert_eq!(log.of("client"), [Event::Disconnected(Reason::Local), Event::Dropped]);
    assert!(!client.is_connected());
}

#[test]
fn a_client_tries_all_addresses_of_a_name() {
    // `localhost` is both 127.0.0.1 and ::1 on most machines, and a server listens on one.
    for address in ["127.0.0.1", "::1"] {
        let names_ipv6 = || {
            use std::net::ToSocketAddrs;
            ("localhost", 1).to_socket_addrs().unwrap().any(|address| address.is_ipv6())
        };
        if address == "::1" && !(has_ipv6() && names_ipv6()) {
            continue;
        }
        let world = World::new();
        let server = cppserver::Server::tcp(&world.service, address, 0).unwrap();
        server.start(world.server_probe()).unwrap();
        let client = Client::tcp(&world.service, "localhost", server.port()).unwrap();
        client.connect(world.probe("client")).unwrap();
        world.log.wait_event("client", Event::Connected);
        let peer: SocketAddr = client.peer_address().unwrap();
        assert_eq!(peer.ip().to_string(), address);
        world.finish();
    }
}

#[test]
fn bind_chooses_the_address_of_this_side() {
    let world = World::new();
    let server = world.serve(world.server_probe());
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let client = world.client(server.port());
    client.bind(Some(local)).unwrap();
    client.connect(world.probe("client")).unwrap();
    world.log.wait_event("client", Event::Connected);
    assert_eq!(client.local_address(), Some(local));
    assert_eq!(client.bind(None).unwrap_err().status(), Status::InvalidState);
    client.disconnect().unwrap();
    world.log.wait_event("client", Event::Dropped);

    // An address that this machine does not have.
    client.bind(Some(SocketAddr::from(([198, 51, 100, 1], 0)))).unwrap();
    client.connect(world.probe("elsewhere")).unwrap();
    world.log.wait_event("elsewhere", Event::Dropped);
    let errors = world.log.errors("elsewhere");
    assert!(errors[0].message().contains("from 198.51.100.1:0 to 127.0.0.1:"), "{errors:?}");
    world.finish();
}

#[test]
fn a_connect_before_the_start_of_the_service_runs_then() {
    let log = Log::new();
    let service = Service::new().unwrap();
    let (listener, port) = listener();
    let client = Client::tcp(&service, "127.0.0.1", port).unwrap();
    client.connect(Probe::new(&log, "client")).unwrap();
    let refused = client.connect(Probe::new(&log, "second")).unwrap_err();
    assert_eq!(refused.status(), Status::InvalidState);
    service.start(()).unwrap();
    let peer = accept(&listener);
    log.wait_event("client", Event::Connected);
    service.stop().unwrap();
    log.check();
    drop(peer);
}

#[test]
fn a_client_of_a_stopping_service_connects_no_more() {
    let world = World::new();
    let (listener, port) = listener();
    let log = Arc::clone(&world.log);
    let client = world.connect(
        port,
        world.probe("client").on(move |session, event| {
            if *event == Event::Disconnected(Reason::ServiceStopped) {
                let refused = client_of(session).connect(Probe::new(&log, "late")).unwrap_err();
                log.expect(refused.status() == Status::InvalidState, "the connect was accepted");
                // Accepted, as the handler can't know better, but nothing comes of it.
                let _ = client_of(session).reconnect(Duration::ZERO);
            }
        }),
    );
    let peer = accept(&listener);
    world.log.wait_event("client", Event::Connected);
    let log = world.finish();
    assert_eq!(
        log.of("client"),
        [Event::Connected, Event::Disconnected(Reason::ServiceStopped), Event::Dropped]
    );
    assert!(!client.is_connected());
    drop(peer);
}

#[test]
fn a_client_may_be_used_on_its_service_by_many_threads_at_once() {
    let world = World::new();
    let server = world.serve(world.server_probe().echo());
    let client = world.connect(server.port(), world.probe("client"));
    world.log.wait_event("client", Event::Connected);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            std::thread::spawn(move || {
                for _ in 0..250 {
                    client.send(b"ab").unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    world.log.wait_received("client", 4 * 250 * 2);
    assert_eq!(world.log.received("client"), b"ab".repeat(1000));
    world.finish();
}
