//! The loads of datagrams against small servers of this test, without the driver.
#![cfg(target_os = "linux")]

use cppserver_bench::load::{BurstLoad, GroupLoad, Load, Slice, WindowLoad, verify_datagrams};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::thread;
use std::time::Duration;

/// Serves until the test ends.
fn server(mut serve: impl FnMut(&UdpSocket, &[u8], SocketAddr) + Send + 'static) -> SocketAddrV4 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("socket");
    let SocketAddr::V4(address) = socket.local_addr().expect("address") else {
        panic!("IPv4 was asked for")
    };
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok((size, from)) = socket.recv_from(&mut buffer) {
            serve(&socket, &buffer[..size], from);
        }
    });
    address
}

fn echo() -> SocketAddrV4 {
    server(|socket, data, from| drop(socket.send_to(data, from)))
}

fn run(load: &mut dyn Load) -> Slice {
    load.run_for(Duration::from_millis(50)).expect("warm-up");
    load.latency().clear();
    let slice = load.run_for(Duration::from_millis(100)).expect("load");
    assert!(slice.messages > 0 && slice.elapsed > 0);
    assert_eq!(load.latency().total(), slice.messages, "each that arrived is counted once");
    slice
}

#[test]
fn ping_pong_and_windows() {
    let address = echo();
    assert_eq!(run(&mut WindowLoad::new(address, 4, 1).expect("sockets")).lost, 0);
    assert_eq!(run(&mut WindowLoad::new(address, 4, 16).expect("sockets")).lost, 0);
}

#[test]
fn lost_datagrams_are_counted_and_replaced() {
    let mut count = 0_u64;
    let address = server(move |socket, data, from| {
        count += 1;
        if !count.is_multiple_of(10) {
            let _ = socket.send_to(data, from);
        }
    });
    for window in [1, 16] {
        let slice = run(&mut WindowLoad::new(address, 4, window).expect("sockets"));
        let share = slice.lost as f64 / (slice.messages + slice.lost) as f64;
        assert!((0.01..0.5).contains(&share), "{slice:?}");
    }
}

#[test]
fn a_server_without_any_answer_is_an_error() {
    let address = server(|_, _, _| {});
    let mut load = WindowLoad::new(address, 4, 4).expect("sockets");
    let error = load.run_for(Duration::from_millis(50)).expect_err("no answer");
    assert!(error.to_string().contains("no progress"), "{error}");
    assert!(BurstLoad::new(address, 10, 32).is_err());
    assert!(GroupLoad::new(address, 10).is_err());
    assert!(verify_datagrams(address).is_err());
}

#[test]
fn a_changed_datagram_is_found() {
    let address = server(|socket, data, from| {
        let mut data = data.to_vec();
        *data.last_mut().expect("not empty") ^= 1;
        let _ = socket.send_to(&data, from);
    });
    let mut load = WindowLoad::new(address, 4, 4).expect("sockets");
    assert!(load.run_for(Duration::from_millis(50)).is_err());
    assert!(verify_datagrams(address).is_err());
}

#[test]
fn a_right_echo_is_accepted() {
    verify_datagrams(echo()).expect("a right echo");
}

#[test]
fn bursts_are_counted_by_datagram() {
    let address = server(|socket, data, from| {
        let number = |at: usize| u32::from_be_bytes(data[at..at + 4].try_into().expect("4 bytes"));
        let mut answer = data.to_vec();
        answer.resize(number(8) as usize, 0);
        (0..number(4)).for_each(|_| drop(socket.send_to(&answer, from)));
    });
    for size in [32, 1_200] {
        let slice = run(&mut BurstLoad::new(address, 100, size).expect("a burst"));
        assert_eq!((slice.messages + slice.lost) % 100, 0);
    }
}

#[test]
fn every_member_of_the_group_is_counted() {
    let address = server(|socket, data, _| {
        let port = u16::from_be_bytes([data[0], data[1]]);
        let _ = socket.send_to(data, (Ipv4Addr::new(239, 255, 0, 1), port));
    });
    let slice = run(&mut GroupLoad::new(address, 10).expect("members"));
    assert_eq!((slice.messages + slice.lost) % 10, 0);
}
