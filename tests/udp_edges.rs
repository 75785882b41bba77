//! Endpoints for datagrams at their borders: queues that run empty without a sound, starts and stops
//! that overtake each other, sockets that speak both versions of IP.

mod common;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use common::*;
use cppserver::{Reason, SendPolicy, Service, SocketOption, Status, Udp};

fn service() -> Service {
    let service = Service::new().unwrap();
    service.start(()).unwrap();
    service
}

#[test]
fn a_queue_that_runs_empty_at_the_end_of_a_turn_is_told() {
    let service = service();
    let sink = plain_udp().local_addr().unwrap();
    for count in (1..=20).map(|batches| batches * 64) {
        let (probe, mut told) = udp_probe();
        let server = udp_server(&service, probe);
        told.expect(&Heard::Started);
        let endpoint = server.clone();
        // Too large to leave as segments: each call of the system takes 64 of them.
        service.post(move || {
            for _ in 0..count {
                endpoint.send_to(sink, &[0; 1500]).unwrap();
            }
        });
        told.expect(&Heard::Empty);
        assert_eq!(server.bytes_pending(), 0);
    }
    service.stop().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_queue_that_runs_empty_by_errors_alone_is_told() {
    let service = service();
    let (probe, mut told) = udp_probe();
    let server = udp_server(&service, probe);
    told.expect(&Heard::Started);
    // Needs the option Broadcast.
    let refused = std::net::SocketAddr::from((Ipv4Addr::BROADCAST, 9));
    server.send_to(refused, b"never leaves").unwrap();
    told.error();
    told.expect(&Heard::Empty);
    service.stop().unwrap();
}

#[test]
fn a_datagram_above_the_whole_limit_drops_no_others() {
    let service = service();
    let sink = plain_udp();
    let to = sink.local_addr().unwrap();
    let (probe, mut told) = udp_probe();
    let server = udp_server(&service, probe);
    server.set_option(SocketOption::SendLimit, 1_000).unwrap();
    server.set_option(SocketOption::SendPolicy, SendPolicy::DropOldest as i64).unwrap();
    told.expect(&Heard::Started);
    let endpoint = server.clone();
    service.post(move || {
        endpoint.send_to(to, b"kept").unwrap();
        let error = endpoint.send_to(to, &[0; 1_000]).unwrap_err();
        assert_eq!(error.status(), Status::Limit);
    });
    told.expect(&Heard::Empty);
    assert_eq!((server.datagrams_sent(), server.datagrams_dropped()), (1, 1));
    assert_eq!(sink.recv(&mut [0; 8]).unwrap(), 4);
    service.stop().unwrap();
}

#[test]
fn a_start_after_a_stop_wins_over_an_earlier_restart() {
    let service = service();
    let (second, mut second_told) = udp_probe();
    let mut second = Some(second);
    let (first, mut first_told) = udp_probe();
    let server = udp_server(
        &service,
        first.on(move |udp, heard| match heard {
            Heard::Started => udp.restart().unwrap(),
            Heard::Stopped(_) => {
                if let Some(second) = second.take() {
                    udp.stop().unwrap();
                    udp.start(second).unwrap();
                }
            }
            _ => {}
        }),
    );
    assert_eq!(first_told.rest(), [Heard::Started, Heard::Stopped(Reason::Local)]);
    second_told.expect(&Heard::Started);
    assert!(server.is_started());
    server.stop().unwrap();
    assert_eq!(second_told.stopped(), Reason::Local);
    assert!(!server.is_started());
    service.stop().unwrap();
}

#[test]
fn each_of_several_starts_in_one_callback_is_told_its_end() {
    let service = service();
    let (probe, mut first_told) = udp_probe();
    let server = udp_server(&service, probe);
    first_told.expect(&Heard::Started);
    let (second, mut second_told) = udp_probe();
    let (third, mut third_told) = udp_probe();
    let endpoint = server.clone();
    service.post(move || {
        endpoint.stop().unwrap();
        endpoint.start(second).unwrap();
        endpoint.stop().unwrap();
        endpoint.start(third).unwrap();
    });
    assert_eq!(first_told.stopped(), Reason::Local);
    third_told.expect(&Heard::Started);
    assert!(matches!(second_told.rest()[..], [.., Heard::Stopped(Reason::Local)]));
    service.stop().unwrap();
    assert_eq!(third_told.stopped(), Reason::ServiceStopped);
}

/// Panics when it is dropped.
struct Bomb;

impl cppserver::UdpHandler for Bomb {}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor that panics");
    }
}

#[test]
fn a_start_that_never_came_to_its_turn_may_panic_in_its_destructor() {
    let service = service();
    let (probe, mut first_told) = udp_probe();
    let server = udp_server(&service, probe);
    first_told.expect(&Heard::Started);
    let (third, mut third_told) = udp_probe();
    let endpoint = server.clone();
    service.post(move || {
        endpoint.stop().unwrap();
        endpoint.start(Bomb).unwrap();
        endpoint.stop().unwrap();
        endpoint.start(third).unwrap();
    });
    assert_eq!(first_told.rest(), [Heard::Stopped(Reason::Local)]);
    third_told.expect(&Heard::Started);
    service.stop().unwrap();
}

#[test]
fn a_client_bound_to_one_version_of_ip_takes_no_server_of_the_other() {
    let service = service();
    for any_peer in [0, 1] {
        let client = Udp::client(&service, "::1", 9).unwrap();
        client.bind(Some("127.0.0.1:0".parse().unwrap())).unwrap();
        client.set_option(SocketOption::AnyPeer, any_peer).unwrap();
        let (probe, mut told) = udp_probe();
        client.start(probe).unwrap();
        let error = told.error();
        assert!(error.message().contains("::1"), "{error}");
        assert_eq!(told.stopped(), Reason::Error);
    }
    service.stop().unwrap();
}

#[test]
fn a_stop_for_the_limit_does_not_tell_of_a_wait() {
    let service = service();
    let sink = plain_udp().local_addr().unwrap();
    let (probe, mut told) = udp_probe();
    let server = udp_server(&service, probe);
    server.set_option(SocketOption::SendPolicy, SendPolicy::Disconnect as i64).unwrap();
    server.set_option(SocketOption::SendLimit, 8 << 20).unwrap();
    told.expect(&Heard::Started);
    let endpoint = server.clone();
    service.post(move || while endpoint.send_to(sink, &[0; 1500]).is_ok() {});
    assert_eq!(told.stopped(), Reason::Limit);
    let errors: Vec<_> =
        told.rest().into_iter().filter(|heard| matches!(heard, Heard::Error(_))).collect();
    assert!(!errors.is_empty());
    for error in &errors {
        let Heard::Error(error) = error else { continue };
        assert_eq!(error.status(), Status::Limit, "{error}");
    }
    service.stop().unwrap();
}

#[test]
fn counters_hold_what_a_callback_is_told() {
    let service = service();
    let (sender, counted) = mpsc::channel();
    let (probe, mut told) = udp_probe();
    let server = udp_server(
        &service,
        probe.on(move |udp, heard| {
            if matches!(heard, Heard::Received(..)) {
                sender.send((udp.datagrams_received(), udp.bytes_received())).unwrap();
            }
        }),
    );
    told.expect(&Heard::Started);
    let peer = plain_udp();
    let to = (Ipv4Addr::LOCALHOST, server.port());
    for number in 1..=3 {
        peer.send_to(b"four", to).unwrap();
        assert_eq!(counted.recv().unwrap(), (number, 4 * number));
    }
    service.stop().unwrap();
}

#[test]
fn an_interface_that_the_socket_refused_is_not_kept() {
    let service = service();
    let (probe, mut told) = udp_probe();
    let server = udp_server(&service, probe);
    told.expect(&Heard::Started);
    let error = server.set_multicast_interface("16777000").unwrap_err();
    assert_eq!(error.status(), Status::System);
    server.restart().unwrap();
    assert_eq!(told.stopped(), Reason::Local);
    assert_eq!(told.next(), Heard::Started, "the next start does without it");
    service.stop().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_socket_of_both_versions_has_its_options_for_both() {
    if !has_ipv6() {
        return;
    }
    let service = service();
    let (probe, mut told) = udp_probe();
    let server = Udp::server(&service, "::", 0).unwrap();
    server.set_option(SocketOption::TimeToLive, 7).unwrap();
    server.set_option(SocketOption::MulticastTimeToLive, 9).unwrap();
    server.set_option(SocketOption::MulticastLoop, 0).unwrap();
    server.start(probe).unwrap();
    told.expect(&Heard::Started);
    let look = || {
        with_socket(server.native_handle(), |socket| {
            (
                (socket.unicast_hops_v6().unwrap(), socket.ttl_v4().unwrap()),
                (socket.multicast_hops_v6().unwrap(), socket.multicast_ttl_v4().unwrap()),
                (socket.multicast_loop_v6().unwrap(), socket.multicast_loop_v4().unwrap()),
                (socket.multicast_all_v6().unwrap(), socket.multicast_all_v4().unwrap()),
            )
        })
    };
    assert_eq!(look(), ((7, 7), (9, 9), (false, false), (false, false)));
    server.set_option(SocketOption::TimeToLive, 8).unwrap();
    assert_eq!(look().0, (8, 8));
    service.stop().unwrap();
}

#[test]
fn a_client_never_hears_a_stranger() {
    let service = service();
    let own = plain_udp().local_addr().unwrap();
    let server = plain_udp();
    let over = Arc::new(AtomicBool::new(false));
    let flood = thread::spawn({
        let over = Arc::clone(&over);
        move || {
            let stranger = plain_udp();
            while !over.load(Ordering::Relaxed) {
                let _ = stranger.send_to(b"stranger", own);
            }
        }
    });
    let client = Udp::client(&service, "127.0.0.1", server.local_addr().unwrap().port()).unwrap();
    client.bind(Some(own)).unwrap();
    // Between the moment when it is bound and that when it knows its server, it is open to all.
    for _ in 0..2000 {
        let (probe, mut told) = udp_probe();
        client.start(probe).unwrap();
        told.expect(&Heard::Started);
        server.send_to(b"server", own).unwrap();
        assert_eq!(told.datagram(), (server.local_addr().unwrap(), b"server".to_vec()));
        client.stop().unwrap();
        assert_eq!(told.rest().len(), 1, "nothing but on_stopped");
    }
    over.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    service.stop().unwrap();
}
