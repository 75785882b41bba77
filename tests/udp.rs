//! Endpoints for datagrams. Contract 14: one call is one datagram, empty ones and those of 65,507
//! bytes too; bursts are queued and arrive as what they were.

mod common;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use common::*;
use cppserver::{Category, Reason, SendPolicy, Service, SocketOption, Status, Udp};

fn service() -> Service {
    let service = Service::new().unwrap();
    service.start(()).unwrap();
    service
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[test]
fn contract_14_each_call_is_one_datagram() {
    let service = service();
    let (probe, _server_told) = udp_probe();
    let server = udp_server(&service, probe.echo());
    let (probe, mut told) = udp_probe();
    let mut count = 0;
    let probe = probe.on(move |udp, heard| {
        count += u64::from(matches!(heard, Heard::Received(..)));
        assert_eq!(udp.datagrams_received(), count, "counted before the callback");
    });
    let client = udp_client(&service, server.port(), probe);
    told.expect(&Heard::Started);
    for size in [0, 1, 512, 1452, 1453, 1500, 9000, 65_506, 65_507] {
        let data = pattern(size);
        client.send(&data).unwrap();
        assert_eq!(told.datagram(), (local(server.port()), data), "{size} bytes");
    }
    let error = client.send(&pattern(65_508)).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("65508"), "{error}");
    assert_eq!(client.datagrams_sent(), 9);
    assert_eq!(client.datagrams_received(), 9);
    assert_eq!(server.bytes_sent(), client.bytes_received());
    service.stop().unwrap();
    assert!(!told.rest().iter().any(|heard| matches!(heard, Heard::Error(_))));
}

#[test]
fn contract_14_a_burst_arrives_in_order_as_what_it_was() {
    const COUNT: usize = 10_000;
    let service = service();
    let (probe, mut server_told) = udp_probe();
    let server = udp_server(&service, probe.echo());
    let (probe, mut told) = udp_probe();
    let client = udp_client(&service, server.port(), probe);
    told.expect(&Heard::Started);
    // As many as surely have room in the sockets; sizes change, so that some can't join others.
    let data = |number: usize| {
        let mut data = number.to_be_bytes().to_vec();
        data.resize(8 + number % 3 * 20, number as u8);
        data
    };
    for window in (0..COUNT).step_by(100) {
        service.dispatch({
            let client = client.clone();
            move || (window..window + 100).for_each(|number| drop(client.send(&data(number))))
        });
        for number in window..window + 100 {
            assert_eq!(told.datagram().1, data(number));
        }
    }
    assert_eq!(client.datagrams_sent(), COUNT as u64);
    assert_eq!((client.datagrams_dropped(), client.bytes_pending()), (0, 0));
    service.stop().unwrap();
    let sent = |heard: &Heard| matches!(heard, Heard::Sent(..));
    assert_eq!(told.rest().iter().filter(|heard| sent(heard)).count(), COUNT, "each is told");
    assert_eq!(server_told.rest().iter().filter(|heard| sent(heard)).count(), COUNT);
}

#[test]
fn many_peers_get_their_own_answers() {
    let service = service();
    let (probe, _told) = udp_probe();
    let server = udp_server(&service, probe.echo());
    let sockets: Vec<_> = (0..50).map(|_| plain_udp()).collect();
    for round in 0..4_u8 {
        for (number, socket) in sockets.iter().enumerate() {
            for part in 0..4_u8 {
                socket.send_to(&[number as u8, round, part], local(server.port())).unwrap();
            }
        }
        for (number, socket) in sockets.iter().enumerate() {
            for part in 0..4_u8 {
                let mut buffer = [0; 16];
                let (size, from) = socket.recv_from(&mut buffer).unwrap();
                assert_eq!(from, local(server.port()));
                assert_eq!(buffer[..size], [number as u8, round, part]);
            }
        }
    }
    service.stop().unwrap();
}

#[test]
fn a_client_hears_its_server_alone_unless_told_otherwise() {
    for any_peer in [0, 1] {
        let service = service();
        let (server, stranger) = (plain_udp(), plain_udp());
        let (probe, mut told) = udp_probe();
        let port = server.local_addr().unwrap().port();
        let client = Udp::client(&service, "127.0.0.1", port).unwrap();
        client.bind(Some(local(0))).unwrap();
        client.set_option(SocketOption::AnyPeer, any_peer).unwrap();
        client.start(probe).unwrap();
        told.expect(&Heard::Started);
        let address = client.local_address().unwrap();
        assert_eq!(address.port(), client.port());
        stranger.send_to(b"stranger", address).unwrap();
        server.send_to(b"server", address).unwrap();
        let to_stranger = client.send_to(stranger.local_addr().unwrap(), b"hello");
        if any_peer == 1 {
            assert_eq!(told.datagram().1, b"stranger");
            to_stranger.unwrap();
            assert_eq!(stranger.recv(&mut [0; 8]).unwrap(), 5);
        } else {
            assert_eq!(to_stranger.unwrap_err().status(), Status::InvalidArgument);
        }
        assert_eq!(told.datagram(), (server.local_addr().unwrap(), b"server".to_vec()));
        assert_eq!(client.peer_address(), Some(server.local_addr().unwrap()));
        service.stop().unwrap();
    }
}

#[test]
fn an_endpoint_that_disappears_is_an_error_and_nothing_more() {
    let service = service();
    let gone = plain_udp().local_addr().unwrap();
    let (probe, mut told) = udp_probe();
    let client = udp_client(&service, gone.port(), probe);
    told.expect(&Heard::Started);
    client.send(b"is anybody there").unwrap();
    let error = told.error();
    assert_eq!(error.category(), Category::System);
    assert!(error.message().contains("not delivered"), "{error}");
    let back = UdpSocket::bind(gone).unwrap();
    back.set_read_timeout(Some(DEADLINE)).unwrap();
    client.send(b"again").unwrap();
    assert_eq!(back.recv(&mut [0; 32]).unwrap(), 5, "what is sent after the error is not lost");
    assert!(client.is_started());
    service.stop().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_is_told_which_of_its_peers_is_gone() {
    let service = service();
    let gone = plain_udp().local_addr().unwrap();
    let there = plain_udp();
    let (probe, mut told) = udp_probe();
    let server = udp_server(&service, probe);
    told.expect(&Heard::Started);
    for _ in 0..3 {
        server.send_to(gone, b"gone").unwrap();
        server.send_to(there.local_addr().unwrap(), b"there").unwrap();
        assert_eq!(there.recv(&mut [0; 8]).unwrap(), 5);
        let error = told.error();
        assert!(error.message().contains(&gone.to_string()), "{error}");
    }
    service.stop().unwrap();
}

#[test]
fn what_is_wrong_with_a_call_is_told_by_it() {
    let service = service();
    for error in [
        Udp::server(&service, "", 1).unwrap_err(),
        Udp::server(&service, "a\0b", 1).unwrap_err(),
        Udp::client(&service, "127.0.0.1", 0).unwrap_err(),
    ] {
        assert_eq!(error.status(), Status::InvalidArgument);
    }
    let server = Udp::server(&service, "127.0.0.1", 0).unwrap();
    let refused = |error: cppserver::Error| error.status();
    assert_eq!(refused(server.send_to(local(9), b"x").unwrap_err()), Status::NotConnected);
    assert_eq!(refused(server.stop().unwrap_err()), Status::InvalidState);
    assert_eq!(refused(server.restart().unwrap_err()), Status::InvalidState);
    assert_eq!(refused(server.bind(None).unwrap_err()), Status::InvalidState);
    let stream_option = server.set_option(SocketOption::NoDelay, 1).unwrap_err();
    assert_eq!(refused(stream_option), Status::InvalidArgument);
    assert_eq!(server.option(SocketOption::MulticastLoop).unwrap(), 1);
    let (probe, mut told) = udp_probe();
    server.start(probe).unwrap();
    told.expect(&Heard::Started);
    let (second, mut second_told) = udp_probe();
    assert_eq!(refused(server.start(second).unwrap_err()), Status::InvalidState);
    assert_eq!(second_told.rest(), [], "its handler is dropped without a call");
    for (to, what) in [("127.0.0.1:0", "no port"), ("[::1]:9", "IPv6")] {
        let error = server.send_to(to.parse().unwrap(), b"x").unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(error.message().contains(what), "{error}");
    }
    assert_eq!(refused(server.send(b"x").unwrap_err()), Status::InvalidArgument);
    let taken = Udp::server(&service, "127.0.0.1", server.port()).unwrap();
    let (probe, _told) = udp_probe();
    let error = taken.start(probe).unwrap_err();
    assert_eq!((error.status(), error.category()), (Status::System, Category::System));
    server.send_to(local(server.port()), b"still there").unwrap();
    assert_eq!(told.datagram().1, b"still there");
    service.stop().unwrap();
}

#[test]
fn an_unknown_host_is_an_error_of_the_start() {
    let service = service();
    let (probe, mut told) = udp_probe();
    let client = Udp::client(&service, "no-such-host.invalid", 1).unwrap();
    client.start(probe).unwrap();
    assert_eq!(told.error().status(), Status::Resolver);
    assert_eq!(told.stopped(), Reason::Error);
    assert_eq!(told.rest(), []);
    let server = Udp::server(&service, "no-such-host.invalid", 1).unwrap();
    let (probe, _told) = udp_probe();
    assert_eq!(server.start(probe).unwrap_err().status(), Status::Resolver);
    service.stop().unwrap();
}

#[test]
fn a_name_is_looked_up() {
    let service = service();
    let (probe, _told) = udp_probe();
    let server = Udp::server(&service, "localhost", 0).unwrap();
    server.start(probe.echo()).unwrap();
    let (probe, mut told) = udp_probe();
    let client = Udp::client(&service, "localhost", server.port()).unwrap();
    client.start(probe).unwrap();
    told.expect(&Heard::Started);
    client.send(b"by name").unwrap();
    assert_eq!(told.datagram().1, b"by name");
    service.stop().unwrap();
}

#[test]
fn both_versions_of_ip_reach_one_socket() {
    if !has_ipv6() {
        return;
    }
    let service = service();
    let (probe, mut server_told) = udp_probe();
    let server = Udp::server(&service, "::", 0).unwrap();
    server.start(probe.echo()).unwrap();
    for host in ["127.0.0.1", "::1"] {
        let (probe, mut told) = udp_probe();
        let client = Udp::client(&service, host, server.port()).unwrap();
        client.start(probe).unwrap();
        told.expect(&Heard::Started);
        client.send(host.as_bytes()).unwrap();
        let (from, data) = told.datagram();
        assert_eq!((from.ip().to_string().as_str(), data.as_slice()), (host, host.as_bytes()));
        let seen = server_told.datagram().0;
        assert_eq!(seen.ip().to_string(), host, "IPv4 is told as IPv4");
    }
    service.stop().unwrap();

    let service = self::service();
    let only_v6 = Udp::server(&service, "::", 0).unwrap();
    only_v6.set_option(SocketOption::DualStack, 0).unwrap();
    let (probe, _told) = udp_probe();
    only_v6.start(probe).unwrap();
    let v4 = Udp::server(&service, "0.0.0.0", only_v6.port()).unwrap();
    let (probe, _told) = udp_probe();
    v4.start(probe).expect("the port of the other version is free");
    service.stop().unwrap();
}

#[test]
fn a_datagram_above_the_limit_is_cut_and_told() {
    let service = service();
    let (probe, mut told) = udp_probe();
    let server = udp_server(&service, probe);
    server.set_option(SocketOption::DatagramLimit, 4).unwrap();
    told.expect(&Heard::Started);
    let peer = plain_udp();
    for (sent, received, truncated) in
        [(&b"1234"[..], &b"1234"[..], false), (b"12345", b"1234", true), (b"", b"", false)]
    {
        peer.send_to(sent, local(server.port())).unwrap();
        let from = peer.local_addr().unwrap();
        told.expect(&Heard::Received(from, received.to_vec(), truncated));
    }
    assert_eq!(server.bytes_received(), 8);
    service.stop().unwrap();
}

#[test]
fn what_the_system_loses_is_counted() {
    let service = service();
    let (entered, is_blocked) = mpsc::channel();
    let (free, blocked) = mpsc::channel::<()>();
    let (probe, mut told) = udp_probe();
    let server = with_receive_buffer(Udp::server(&service, "127.0.0.1", 0).unwrap(), 1);
    let mut wait = Some((entered, blocked));
    server
        .start(probe.on(move |_, heard| {
            if matches!(heard, Heard::Received(..))
                && let Some((entered, blocked)) = wait.take()
            {
                entered.send(()).unwrap();
                blocked.recv().unwrap();
            }
        }))
        .unwrap();
    told.expect(&Heard::Started);
    let peer = plain_udp();
    peer.send_to(&[0; 512], local(server.port())).unwrap();
    is_blocked.recv().unwrap();
    for _ in 0..1000 {
        peer.send_to(&[0; 512], local(server.port())).unwrap();
    }
    free.send(()).unwrap();
    // The system tells with a datagram that comes after the loss.
    let told_of_it = || {
        peer.send_to(b"after", local(server.port())).unwrap();
        server.datagrams_lost() + server.datagrams_received() >= 1001
    };
    if cfg!(target_os = "linux") {
        eventually("lost and received ones make all of them", told_of_it);
        assert!(server.datagrams_lost() > 500, "{}", server.datagrams_lost());
    } else {
        assert_eq!(server.datagrams_lost(), 0);
    }
    service.stop().unwrap();
}

#[test]
fn the_queue_is_bounded_as_its_policy_says() {
    let service = service();
    let sink = plain_udp();
    let to = sink.local_addr().unwrap();
    for policy in [SendPolicy::Refuse, SendPolicy::DropOldest, SendPolicy::Disconnect] {
        let (probe, mut told) = udp_probe();
        let server = udp_server(&service, probe);
        server.set_option(SocketOption::SendLimit, 4_000).unwrap();
        server.set_option(SocketOption::SendPolicy, policy as i64).unwrap();
        told.expect(&Heard::Started);
        let (sender, outcome) = mpsc::channel();
        let endpoint = server.clone();
        // On the loop, so that nothing leaves meanwhile.
        service.post(move || {
            let results: Vec<_> =
                (0..20_u8).map(|number| endpoint.send_to(to, &[number; 300]).is_ok()).collect();
            sender.send(results).unwrap();
        });
        let results = outcome.recv().unwrap();
        let accepted = results.iter().filter(|accepted| **accepted).count();
        match policy {
            SendPolicy::Refuse => {
                assert!((5..15).contains(&accepted), "{accepted}");
                assert!(results[0] && !results[19]);
                told.expect(&Heard::Empty);
                assert_eq!(server.datagrams_sent(), accepted as u64);
                assert_eq!(server.datagrams_dropped(), 20 - accepted as u64);
                server.send_to(to, b"goes on").unwrap();
            }
            SendPolicy::DropOldest => {
                assert_eq!(accepted, 20);
                told.expect(&Heard::Empty);
                assert_eq!(server.datagrams_sent() + server.datagrams_dropped(), 20);
                assert!(server.datagrams_dropped() > 5);
            }
            SendPolicy::Disconnect => {
                assert!(accepted < 15);
                assert_eq!(told.error().status(), Status::Limit);
                assert_eq!(told.stopped(), Reason::Limit);
                continue;
            }
        }
        assert!(server.is_started());
    }
    let mut first = Vec::new();
    let mut buffer = [0; 512];
    sink.set_nonblocking(true).unwrap();
    while let Ok(size) = sink.recv(&mut buffer) {
        first.push((size, buffer[0]));
    }
    assert!(first.contains(&(300, 19)), "the newest one was kept when the oldest were dropped");
    service.stop().unwrap();
}

#[test]
fn an_empty_queue_is_told_whatever_became_of_it() {
    let service = service();
    let sink = plain_udp();
    let reached = sink.local_addr().unwrap();
    let forbidden = (Ipv4Addr::BROADCAST, 9).into();
    // As many as leave in a whole number of turns, and some that can't leave.
    for (count, to) in [(1, reached), (1024, reached), (16 * 1024, reached), (3, forbidden)] {
        let (probe, mut told) = udp_probe();
        let server = udp_server(
            &service,
            probe.on(move |udp, heard| {
                if *heard == Heard::Started {
                    for _ in 0..count {
                        udp.send_to(to, &[7; 100]).unwrap();
                    }
                }
            }),
        );
        told.expect(&Heard::Empty);
        assert_eq!(server.datagrams_sent() + server.datagrams_dropped(), count);
        assert_eq!(server.datagrams_dropped() == 0, to == reached);
        server.stop().unwrap();
        assert!(!told.rest().contains(&Heard::Empty), "it is told once");
    }
    service.stop().unwrap();
}

#[test]
fn a_panic_in_a_callback_is_told_and_the_endpoint_goes_on() {
    let service = service();
    let (probe, mut told) = udp_probe();
    let server = udp_server(
        &service,
        probe.on(|udp, heard| {
            if let Heard::Received(from, data, _) = heard {
                assert_ne!(data, b"bad", "this is a bad datagram");
                udp.send_to(*from, data).unwrap();
            }
        }),
    );
    told.expect(&Heard::Started);
    let peer = plain_udp();
    for data in [b"bad", b"fin"] {
        peer.send_to(data, local(server.port())).unwrap();
    }
    let error = told.error();
    assert_eq!(error.status(), Status::Handler);
    assert!(error.message().contains("bad datagram"), "{error}");
    assert_eq!(peer.recv(&mut [0; 8]).unwrap(), 3);
    service.stop().unwrap();
}

#[test]
fn every_thread_may_send() {
    const EACH: usize = 200;
    let service = Service::with_threads(2).unwrap();
    service.start(()).unwrap();
    let (probe, mut told) = udp_probe();
    let server = with_receive_buffer(Udp::server(&service, "127.0.0.1", 0).unwrap(), 4 << 20);
    server.start(probe).unwrap();
    told.expect(&Heard::Started);
    let (probe, mut client_told) = udp_probe();
    let client = udp_client(&service, server.port(), probe);
    client_told.expect(&Heard::Started);
    let sent = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let (client, sent) = (client.clone(), Arc::clone(&sent));
            scope.spawn(move || {
                for number in 0..EACH as u16 {
                    let [high, low] = number.to_be_bytes();
                    client.send(&[thread, high, low]).unwrap();
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let mut next = [0_u16; 8];
    for _ in 0..sent.load(Ordering::Relaxed) {
        let (_, data) = told.datagram();
        let [thread, high, low] = data[..] else { panic!("not a datagram of this test: {data:?}") };
        let expected = &mut next[usize::from(thread)];
        assert_eq!(u16::from_be_bytes([high, low]), *expected, "in order for each thread");
        *expected += 1;
    }
    service.stop().unwrap();
}

#[test]
fn options_of_an_open_socket_change_at_once() {
    let service = service();
    let (probe, mut told) = udp_probe();
    let server = udp_server(&service, probe);
    told.expect(&Heard::Started);
    let look = || {
        with_socket(server.native_handle(), |socket| {
            (
                socket.broadcast().unwrap(),
                socket.ttl_v4().unwrap(),
                socket.multicast_loop_v4().unwrap(),
            )
        })
    };
    assert!(matches!(look(), (false, _, true)));
    server.set_option(SocketOption::Broadcast, 1).unwrap();
    server.set_option(SocketOption::TimeToLive, 7).unwrap();
    server.set_option(SocketOption::MulticastLoop, 0).unwrap();
    assert_eq!(look(), (true, 7, false));
    server.restart().unwrap();
    told.expect(&Heard::Started);
    assert_eq!(look(), (true, 7, false), "and hold after a restart");
    service.stop().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_broadcast_needs_its_option() {
    let service = service();
    let (probe, mut told) = udp_probe();
    let server = Udp::server(&service, "0.0.0.0", 0).unwrap();
    server.start(probe).unwrap();
    told.expect(&Heard::Started);
    let everybody: SocketAddr = (Ipv4Addr::new(127, 255, 255, 255), server.port()).into();
    server.send_to(everybody, b"hello").unwrap();
    let error = told.error();
    assert!(error.message().contains("Broadcast"), "{error}");
    assert_eq!(server.datagrams_dropped(), 1);
    server.set_option(SocketOption::Broadcast, 1).unwrap();
    server.send_to(everybody, b"hello").unwrap();
    assert_eq!(told.datagram().1, b"hello");
    service.stop().unwrap();
}
