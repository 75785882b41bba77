//! Options: each has its effect on the sockets, as the system itself tells, or on what is accepted.

mod common;

use std::sync::mpsc;
use std::time::Duration;

use common::*;
use cppserver::{Category, Client, Reason, Server, Session, SocketOption, Status};

/// Of streams, and of WebSocket.
const NUMBERS: [std::ops::RangeInclusive<i32>; 2] = [1..=21, 28..=37];

/// A server and a client with options, and the session between them.
struct Pair {
    world: World,
    server: Server,
    session: Session,
    client: Client,
}

fn pair(server_options: &[(SocketOption, i64)], client_options: &[(SocketOption, i64)]) -> Pair {
    let world = World::new();
    let server = world.server();
    for (option, value) in server_options {
        server.set_option(*option, *value).unwrap();
    }
    let (sender, receiver) = mpsc::channel();
    let probe = world.server_probe().sessions(move |session, event| {
        if *event == Event::Connected {
            sender.send(session.clone()).unwrap();
        }
    });
    server.start(probe).unwrap();
    let client = world.client(server.port());
    for (option, value) in client_options {
        client.set_option(*option, *value).unwrap();
    }
    client.connect(world.probe("client")).unwrap();
    world.log.wait_event("client", Event::Connected);
    let session = receiver.recv_timeout(DEADLINE).unwrap();
    Pair { world, server, session, client }
}

/// What the system says of the sockets on both sides.
fn both<R>(pair: &Pair, look: impl Fn(socket2::SockRef<'_>) -> std::io::Result<R>) -> (R, R) {
    let of = |session: &Session| with_socket(session.native_handle(), &look).unwrap();
    (of(&pair.session), of(&pair.client))
}

#[test]
fn every_option_has_a_number_a_default_and_a_range() {
    let world = World::new();
    let (server, client) = (world.server(), world.client(1));
    for number in NUMBERS.into_iter().flatten() {
        let option = SocketOption::try_from(number).unwrap();
        assert_eq!(option as i32, number);
        let default = server.option(option).unwrap();
        for bad in [i64::MIN, -2] {
            let error = server.set_option(option, bad).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument, "{option:?} = {bad}");
            assert!(client.set_option(option, bad).is_err());
        }
        assert_eq!(server.option(option).unwrap(), default, "a refused value changes nothing");
        server.set_option(option, default).unwrap();
        let other = if default == 1 { 2 } else { 1 };
        if server.set_option(option, other).is_ok() {
            assert_eq!(server.option(option).unwrap(), other);
        }
        assert_eq!(client.option(option).unwrap(), {
            let fresh = world.client(1);
            fresh.option(option).unwrap()
        });
    }
    for number in [0, 38, -1, i32::MAX] {
        let error = SocketOption::try_from(number).unwrap_err();
        assert_eq!(
            (error.status(), error.category()),
            (Status::InvalidArgument, Category::Argument)
        );
    }
    for switch in [SocketOption::NoDelay, SocketOption::KeepAlive, SocketOption::DualStack] {
        assert!(server.set_option(switch, 2).is_err());
    }
    for of_datagrams in [SocketOption::Broadcast, SocketOption::AnyPeer] {
        let error = server.option(of_datagrams).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(client.set_option(of_datagrams, 1).is_err());
    }
    assert!(server.set_option(SocketOption::Backlog, 0).is_err());
    assert!(server.set_option(SocketOption::SendPolicy, 3).is_err());
    world.finish();
}

#[test]
fn no_delay() {
    let pair = pair(&[], &[]);
    assert_eq!(both(&pair, |socket| socket.tcp_nodelay()), (true, true));
    pair.world.finish();
    let pair = crate::pair(&[(SocketOption::NoDelay, 0)], &[(SocketOption::NoDelay, 0)]);
    assert_eq!(both(&pair, |socket| socket.tcp_nodelay()), (false, false));
    pair.world.finish();
}

#[test]
fn keep_alive() {
    let pair = pair(&[], &[]);
    assert_eq!(both(&pair, |socket| socket.keepalive()), (false, true));
    pair.world.finish();
    let pair = crate::pair(&[(SocketOption::KeepAlive, 1)], &[(SocketOption::KeepAlive, 0)]);
    assert_eq!(both(&pair, |socket| socket.keepalive()), (true, false));
    pair.world.finish();
}

/// Windows tells these times only since version 1709 of 10, and Wine 8 does not.
#[cfg(unix)]
#[test]
fn keep_alive_times() {
    let options = [
        (SocketOption::KeepAlive, 1),
        (SocketOption::KeepAliveIdle, 77),
        (SocketOption::KeepAliveInterval, 7),
        (SocketOption::KeepAliveCount, 3),
    ];
    let pair = pair(&options, &options);
    let seconds = |count| (Duration::from_secs(count), Duration::from_secs(count));
    assert_eq!(both(&pair, |socket| socket.tcp_keepalive_time()), seconds(77));
    assert_eq!(both(&pair, |socket| socket.tcp_keepalive_interval()), seconds(7));
    assert_eq!(both(&pair, |socket| socket.tcp_keepalive_retries()), (3, 3));
    pair.world.finish();
}

#[test]
fn buffers() {
    let options = [(SocketOption::SendBuffer, 20_000), (SocketOption::ReceiveBuffer, 30_000)];
    let pair = pair(&options, &options);
    // Linux doubles what it is given, for its own needs.
    let (of_session, of_client) = both(&pair, |socket| socket.send_buffer_size());
    assert!((20_000..=40_000).contains(&of_session) && (20_000..=40_000).contains(&of_client));
    let (of_session, of_client) = both(&pair, |socket| socket.recv_buffer_size());
    assert!((30_000..=60_000).contains(&of_session) && (30_000..=60_000).contains(&of_client));
    pair.world.finish();
}

#[test]
fn linger() {
    let pair = pair(&[], &[]);
    assert_eq!(both(&pair, |socket| socket.linger()), (None, None));
    pair.world.finish();
    let pair = crate::pair(&[(SocketOption::Linger, 3)], &[(SocketOption::Linger, 0)]);
    let expected = (Some(Duration::from_secs(3)), Some(Duration::ZERO));
    assert_eq!(both(&pair, |socket| socket.linger()), expected);
    // Without a second to linger the connection is reset, which the other side notices.
    pair.client.disconnect().unwrap();
    pair.world.log.wait_for("session", |event| match event {
        Event::Disconnected(Reason::Error) => true,
        // Wine 8 tells of a reset as of a close in good order.
        Event::Disconnected(Reason::PeerClosed) => cfg!(windows),
        _ => false,
    });
    pair.world.finish();
}

#[test]
fn an_open_connection_can_be_changed() {
    let pair = pair(&[], &[]);
    let set = |option, value| {
        pair.session.set_option(option, value).unwrap();
        pair.client.session().set_option(option, value).unwrap();
    };
    set(SocketOption::NoDelay, 0);
    assert_eq!(both(&pair, |socket| socket.tcp_nodelay()), (false, false));
    set(SocketOption::KeepAlive, 1);
    assert_eq!(both(&pair, |socket| socket.keepalive()), (true, true));
    set(SocketOption::Linger, 5);
    let five = Some(Duration::from_secs(5));
    assert_eq!(both(&pair, |socket| socket.linger()), (five, five));
    set(SocketOption::Linger, -1);
    assert_eq!(both(&pair, |socket| socket.linger()), (None, None));
    set(SocketOption::SendBuffer, 20_000);
    let (of_session, _) = both(&pair, |socket| socket.send_buffer_size());
    assert!((20_000..=40_000).contains(&of_session));
    set(SocketOption::ReceiveBuffer, 30_000);
    let (of_session, _) = both(&pair, |socket| socket.recv_buffer_size());
    assert!((30_000..=60_000).contains(&of_session));
    pair.world.finish();
}

/// Windows tells these times only since version 1709 of 10, and Wine 8 does not.
#[cfg(unix)]
#[test]
fn the_times_of_an_open_connection_do_not_switch_keep_alive_on() {
    for on in [0, 1] {
        let keep_alive = [(SocketOption::KeepAlive, on)];
        let pair = pair(&keep_alive, &keep_alive);
        pair.session.set_option(SocketOption::KeepAliveIdle, 66).unwrap();
        pair.session.set_option(SocketOption::KeepAliveInterval, 6).unwrap();
        pair.session.set_option(SocketOption::KeepAliveCount, 4).unwrap();
        with_socket(pair.session.native_handle(), |socket| {
            assert_eq!(socket.keepalive().unwrap(), on == 1);
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(66));
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(6));
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
        });
        pair.world.finish();
    }
}

#[test]
fn some_options_only_count_at_the_start() {
    let pair = pair(&[], &[]);
    for option in [
        SocketOption::ReuseAddress,
        SocketOption::DualStack,
        SocketOption::Backlog,
        SocketOption::ConnectTimeout,
        SocketOption::IdleTimeout,
        SocketOption::SessionLimit,
    ] {
        let error = pair.session.set_option(option, 1).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{option:?}");
        assert!(error.message().contains("on the server or client"), "{error}");
    }
    // Changed after the start, for the next one.
    pair.server.set_option(SocketOption::NoDelay, 0).unwrap();
    let peer = connect(pair.server.port());
    pair.world.log.wait_count("session", 2, |event| *event == Event::Connected);
    assert_eq!(both(&pair, |socket| socket.tcp_nodelay()), (true, true));
    let session = pair.session.clone();
    drop(peer);
    pair.world.finish();
    let error = session.set_option(SocketOption::NoDelay, 1).unwrap_err();
    assert_eq!(error.status(), Status::NotConnected);
}

/// Windows needs the one for nothing and does not have the other.
#[cfg(unix)]
#[test]
fn reuse_of_address_and_port() {
    let world = World::new();
    for on in [false, true] {
        let server = world.server();
        server.set_option(SocketOption::ReuseAddress, i64::from(on)).unwrap();
        server.set_option(SocketOption::ReusePort, i64::from(on)).unwrap();
        server.start(world.server_probe()).unwrap();
        eventually("the server has a socket", || server.native_handle().is_some());
        with_socket(server.native_handle(), |socket| {
            assert_eq!(socket.reuse_address().unwrap(), on);
            assert_eq!(socket.reuse_port().unwrap(), on);
        });
    }
    world.finish();
}

#[test]
fn dual_stack() {
    if !has_ipv6() {
        return;
    }
    let world = World::new();
    for on in [false, true] {
        let server = Server::tcp(&world.service, "::", 0).unwrap();
        server.set_option(SocketOption::DualStack, i64::from(on)).unwrap();
        server.start(world.server_probe()).unwrap();
        eventually("the server has a socket", || server.native_handle().is_some());
        with_socket(server.native_handle(), |socket| {
            assert_eq!(socket.only_v6().unwrap(), !on);
        });
    }
    world.finish();
}

/// The system lets one more wait than it was told.
#[cfg(target_os = "linux")]
#[test]
fn backlog() {
    use std::net::{Ipv4Addr, SocketAddr};

    let service = cppserver::Service::new().unwrap();
    let log = Log::new();
    for (backlog, waiting) in [(1, 2), (5, 6)] {
        let server = Server::tcp(&service, "127.0.0.1", 0).unwrap();
        server.set_option(SocketOption::Backlog, backlog).unwrap();
        // The service is not started, so nobody accepts.
        server.start(ServerProbe::new(&log)).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
        let call = |timeout| std::net::TcpStream::connect_timeout(&address, timeout);
        let guests: Vec<_> = (0..waiting).map(|_| call(DEADLINE).unwrap()).collect();
        assert!(
            call(Duration::from_millis(100)).is_err(),
            "{backlog} let more than {waiting} wait"
        );
        drop(guests);
    }
    service.start(()).unwrap();
    service.stop().unwrap();
    log.check();
}

#[test]
fn session_limit() {
    let world = World::new();
    let server = world.server();
    server.set_option(SocketOption::SessionLimit, 2).unwrap();
    server.start(world.server_probe()).unwrap();
    let mut peers: Vec<_> = (0..2).map(|_| connect(server.port())).collect();
    world.log.wait_count("session", 2, |event| *event == Event::Connected);
    // More are closed at once; the server is told of the first of them.
    for _ in 0..3 {
        assert_eq!(read_until_gone(&mut connect(server.port())), 0);
    }
    assert_eq!(server.current_sessions(), 2);
    let errors = world.log.errors("server");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!((errors[0].category(), errors[0].status()), (Category::Limit, Status::Limit));
    assert!(errors[0].message().contains("session limit of 2"), "{}", errors[0]);

    // Where one leaves, there is room for another, and the next refusal is told again.
    drop(peers.pop());
    eventually("one has left", || server.current_sessions() == 1);
    peers.push(connect(server.port()));
    world.log.wait_count("session", 3, |event| *event == Event::Connected);
    assert_eq!(read_until_gone(&mut connect(server.port())), 0);
    assert_eq!(world.log.errors("server").len(), 2);
    world.finish();
    assert_eq!(server.current_sessions(), 0);
}

/// Only Linux has all of 127.0.0.0/8 without being told.
#[cfg(target_os = "linux")]
#[test]
fn session_limit_per_address() {
    use std::net::{Ipv4Addr, SocketAddr};

    for threads in [1, 3] {
        let world = World::with_threads(threads);
        let server = world.server();
        server.set_option(SocketOption::SessionLimitPerAddress, 2).unwrap();
        server.start(world.server_probe()).unwrap();
        let from = |last: u8| {
            let socket =
                socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.bind(&SocketAddr::from(([127, 0, 0, last], 0)).into()).unwrap();
            socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, server.port())).into()).unwrap();
            let stream = std::net::TcpStream::from(socket);
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            stream
        };
        let mut peers: Vec<_> = [1, 1, 2, 2, 3].into_iter().map(from).collect();
        world.log.wait_count("session", 5, |event| *event == Event::Connected);
        assert_eq!(read_until_gone(&mut from(1)), 0);
        assert_eq!(read_until_gone(&mut from(2)), 0);
        let errors = world.log.errors("server");
        assert!(errors[0].message().contains("limit of 2 sessions per address"), "{errors:?}");
        peers.push(from(3));
        world.log.wait_count("session", 6, |event| *event == Event::Connected);
        drop(peers.remove(0));
        eventually("one of 127.0.0.1 has left", || server.current_sessions() == 5);
        peers.push(from(1));
        world.log.wait_count("session", 7, |event| *event == Event::Connected);
        world.finish();
    }
}
