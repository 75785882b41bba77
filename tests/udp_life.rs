//! Starts, stops and restarts of endpoints for datagrams, one after the other.

mod common;

use std::net::{Ipv4Addr, SocketAddr};

use common::*;
use cppserver::{Reason, Service};

fn service() -> Service {
    let service = Service::new().unwrap();
    service.start(()).unwrap();
    service
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[test]
fn a_stop_sends_what_was_accepted_and_hears_nothing_more() {
    let service = service();
    let sink = plain_udp();
    let to = sink.local_addr().unwrap();
    let (probe, mut told) = udp_probe();
    let server = udp_server(
        &service,
        probe.on(move |udp, heard| {
            if matches!(heard, Heard::Received(..)) {
                for number in 0..100_u8 {
                    udp.send_to(to, &[number]).unwrap();
                }
                udp.stop().unwrap();
                assert!(udp.send_to(to, b"late").is_err(), "nothing is accepted after the stop");
                assert!(udp.stop().is_err(), "the second stop has nothing to do");
            }
        }),
    );
    told.expect(&Heard::Started);
    let peer = plain_udp();
    // All of them are there when the first is told.
    service.dispatch({
        let port = server.port();
        move || (0..10).for_each(|_| assert_eq!(peer.send_to(b"x", local(port)).unwrap(), 1))
    });
    assert_eq!(told.stopped(), Reason::Local);
    let heard = told.rest();
    let count = |wanted: fn(&Heard) -> bool| heard.iter().filter(|heard| wanted(heard)).count();
    assert_eq!(count(|heard| matches!(heard, Heard::Received(..))), 1);
    assert_eq!(count(|heard| matches!(heard, Heard::Sent(..))), 100);
    assert_eq!(count(|heard| matches!(heard, Heard::Error(..))), 0);
    for number in 0..100 {
        let mut buffer = [0; 8];
        assert_eq!((sink.recv(&mut buffer).unwrap(), buffer[0]), (1, number));
    }
    assert!(!server.is_started());
    assert_eq!(server.port(), 0, "the port is the system's again");
    service.stop().unwrap();
}

#[test]
fn a_restart_keeps_handler_and_port() {
    let service = service();
    let (probe, mut told) = udp_probe();
    let server = udp_server(&service, probe.echo());
    let port = server.port();
    for _ in 0..3 {
        told.expect(&Heard::Started);
        let peer = plain_udp();
        peer.send_to(b"hello", local(port)).unwrap();
        assert_eq!(peer.recv(&mut [0; 8]).unwrap(), 5);
        assert_eq!(server.datagrams_received(), 1, "counters begin anew");
        server.restart().unwrap();
        assert_eq!(told.stopped(), Reason::Local);
    }
    told.expect(&Heard::Started);
    assert_eq!(server.port(), port);
    server.stop().unwrap();
    assert_eq!(told.stopped(), Reason::Local);
    assert_eq!(told.rest().iter().filter(|heard| **heard == Heard::Started).count(), 0);
    service.stop().unwrap();
}

#[test]
fn a_start_may_follow_a_stop_at_once() {
    let service = service();
    let (first, mut first_told) = udp_probe();
    let server = udp_server(&service, first);
    let port = server.port();
    server.stop().unwrap();
    let (second, mut second_told) = udp_probe();
    // The first is bound until its loop has come to its stop; then the second is.
    server.start(second).unwrap();
    assert_eq!(first_told.rest(), [Heard::Started, Heard::Stopped(Reason::Local)]);
    second_told.expect(&Heard::Started);
    assert_ne!(server.port(), 0);
    assert!(port != 0 && server.is_started());
    service.stop().unwrap();
    assert_eq!(second_told.rest(), [Heard::Stopped(Reason::ServiceStopped)]);
}

#[test]
fn contract_05_the_stop_of_the_service_ends_endpoints_first() {
    for never_started in [false, true] {
        let service = Service::new().unwrap();
        let (probe, mut told) = udp_probe();
        let server = udp_server(&service, probe);
        assert!(!server.is_started());
        if !never_started {
            service.start(()).unwrap();
            told.expect(&Heard::Started);
            service.stop().unwrap();
            assert_eq!(told.rest(), [Heard::Stopped(Reason::ServiceStopped)]);
            continue;
        }
        drop(service);
        drop(server);
        assert_eq!(told.rest(), [], "contract 4: the handler is dropped without a call");
    }
}
