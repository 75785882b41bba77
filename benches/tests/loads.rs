//! The loads against small servers of this test, without the driver.
#![cfg(target_os = "linux")]

use cppserver_bench::load::{
    ChurnLoad, EchoLoad, Load, MulticastLoad, Plain, Slice, hold_idle, verify_echo,
};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

type Others = Arc<Mutex<Vec<TcpStream>>>;

/// Accepts until the test ends; each connection has a thread that runs `serve`.
fn server(serve: fn(TcpStream, Others)) -> SocketAddrV4 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listener");
    let SocketAddr::V4(address) = listener.local_addr().expect("address") else {
        panic!("IPv4 was asked for")
    };
    let others = Others::default();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, others) = (stream.expect("connection"), others.clone());
            stream.set_nodelay(true).expect("option");
            others.lock().expect("list").push(stream.try_clone().expect("clone"));
            thread::spawn(move || serve(stream, others));
        }
    });
    address
}

fn copy(mut stream: TcpStream, mut deliver: impl FnMut(&[u8]) -> io::Result<()>) {
    let mut buffer = [0; 10_000];
    while let Ok(size) = stream.read(&mut buffer) {
        if size == 0 || deliver(&buffer[..size]).is_err() {
            return;
        }
    }
}

/// Keeps no clone of the stream, so that its end closes the connection.
fn echo(stream: TcpStream, others: Others) {
    others.lock().expect("list").clear();
    let mut output = stream.try_clone().expect("clone");
    copy(stream, |data| output.write_all(data));
}

fn multicast(stream: TcpStream, others: Others) {
    copy(stream, |data| {
        others.lock().expect("list").iter_mut().try_for_each(|other| other.write_all(data))
    });
}

fn wrong(stream: TcpStream, others: Others) {
    others.lock().expect("list").clear();
    let mut output = stream.try_clone().expect("clone");
    let mut seen = 0;
    copy(stream, |data| {
        let mut data = data.to_vec();
        seen += data.len();
        if seen > 1_000_000 {
            data[0] ^= 1;
        }
        output.write_all(&data)
    });
}

fn run(load: &mut dyn Load) -> Slice {
    load.run_for(Duration::from_millis(50)).expect("warm-up");
    load.latency().clear();
    let slice = load.run_for(Duration::from_millis(100)).expect("load");
    assert!(slice.messages > 0 && slice.elapsed >= 100_000_000);
    assert_eq!(load.latency().total(), slice.messages, "everything that was sent came back");
    let median = load.latency().quantile(0.5).expect("latencies");
    assert!((1_000..200_000_000).contains(&median), "median {median} ns");
    slice
}

#[test]
fn ping_pong_and_pipelined_and_large() {
    let address = server(echo);
    run(&mut EchoLoad::new(&Plain, address, 4, 1, 32).expect("connections"));
    run(&mut EchoLoad::new(&Plain, address, 4, 32, 32).expect("connections"));
    run(&mut EchoLoad::new(&Plain, address, 2, 8, 64 * 1024).expect("connections"));
}

#[test]
fn connections_come_and_go() {
    run(&mut ChurnLoad::new(Plain, server(echo), 4).expect("connections"));
}

#[test]
fn multicast_counts_every_delivery() {
    let mut load = MulticastLoad::new(&Plain, server(multicast), 10, 1).expect("sessions");
    assert_eq!(run(&mut load).messages % 10, 0);
    let mut load = MulticastLoad::new(&Plain, server(multicast), 10, 4).expect("sessions");
    assert_eq!(run(&mut load).messages % 40, 0);
}

#[test]
fn idle_connections_are_all_served() {
    let report = hold_idle(&Plain, server(echo), std::process::id(), 50).expect("held");
    assert_eq!(report.connections, 50);
    assert!(report.open_time > 0);
}

#[test]
fn a_right_echo_is_accepted_and_a_wrong_one_found() {
    verify_echo(&Plain, server(echo)).expect("a right echo");
    let error = verify_echo(&Plain, server(wrong)).expect_err("a wrong echo");
    assert!(error.to_string().contains("wrong echo"), "{error}");
}

#[test]
fn a_server_that_closes_is_an_error() {
    let address = server(|stream, others| {
        others.lock().expect("list").clear();
        drop(stream);
    });
    let mut load = EchoLoad::new(&Plain, address, 1, 1, 32);
    let result = load.as_mut().map(|load| load.run_for(Duration::from_secs(2)));
    assert!(!matches!(result, Ok(Ok(_))), "the end of the connection went unnoticed");
}
