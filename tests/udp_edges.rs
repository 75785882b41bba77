//! Endpoints for datagrams at their borders: queues that run empty without a sound, starts and stops
//! that overtake each other, sockets that speak both versions of IP.

mod common;

use std::net::{Ipv4Addr, SocketAddr};

use common::*;
use cppserver::Service;

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
    let refused: SocketAddr = (Ipv4Addr::BROADCAST, 9).into();
    server.send_to(refused, b"never leaves").unwrap();
    told.error();
    told.expect(&Heard::Empty);
    service.stop().unwrap();
}
