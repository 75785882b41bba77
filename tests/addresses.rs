//! Contract 13: ports, names, IPv4, IPv6 and both at once.

mod common;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};

use common::*;
use cppserver::{Client, Server, SocketOption};

/// Whether a server at this address can be talked to through each of these.
#[track_caller]
fn serves(world: &World, address: &str, reachable: &[IpAddr]) {
    let server = Server::tcp(&world.service, address, 0).unwrap();
    server.start(world.server_probe().echo()).unwrap();
    for target in reachable {
        let mut peer = TcpStream::connect((*target, server.port())).unwrap();
        peer.set_read_timeout(Some(DEADLINE)).unwrap();
        peer.write_all(b"hello").unwrap();
        assert_eq!(read_some(&mut peer, 5), b"hello", "{address} through {target}");

        let client = Client::tcp(&world.service, &target.to_string(), server.port()).unwrap();
        client.connect(world.probe("client")).unwrap();
        eventually("the client connects", || client.is_connected());
        assert_eq!(client.peer_address(), Some(SocketAddr::new(*target, server.port())));
        client.disconnect().unwrap();
    }
}

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

#[test]
fn contract_13_port_0_is_any_and_the_real_one_is_told() {
    let world = World::new();
    let server = world.server();
    assert_eq!(server.port(), 0);
    server.start(world.server_probe()).unwrap();
    let port = server.port();
    assert_ne!(port, 0, "known as soon as start returned");
    drop(connect(port));
    world.log.wait_event("session", Event::Dropped);
    server.stop().unwrap();
    world.log.wait_event("server", Event::Dropped);
    assert_eq!(server.port(), 0, "the configured one again");
    world.finish();
}

#[test]
fn contract_13_a_chosen_port_is_used() {
    let world = World::new();
    let port = free_port();
    let server = Server::tcp(&world.service, "127.0.0.1", port).unwrap();
    assert_eq!(server.port(), port);
    server.start(world.server_probe()).unwrap();
    assert_eq!(server.port(), port);
    drop(connect(port));
    world.log.wait_event("session", Event::Dropped);
    world.finish();
}

#[test]
fn contract_13_ipv4() {
    let world = World::new();
    serves(&world, "127.0.0.1", &[V4]);
    serves(&world, "0.0.0.0", &[V4]);
    world.finish();
}

#[test]
fn contract_13_ipv6() {
    if !has_ipv6() {
        return;
    }
    let world = World::new();
    serves(&world, "::1", &[V6]);
    serves(&world, "[::1]", &[V6]);
    world.finish();
}

#[test]
fn contract_13_dual_stack() {
    if !has_ipv6() {
        return;
    }
    let world = World::new();
    serves(&world, "::", &[V4, V6]);
    let server = Server::tcp(&world.service, "::", 0).unwrap();
    server.set_option(SocketOption::DualStack, 0).unwrap();
    server.start(world.server_probe()).unwrap();
    assert!(TcpStream::connect((V6, server.port())).is_ok());
    assert!(TcpStream::connect((V4, server.port())).is_err(), "IPv4 is switched off");
    world.finish();
}

#[test]
fn contract_13_names() {
    let world = World::new();
    let server = Server::tcp(&world.service, "localhost", 0).unwrap();
    server.start(world.server_probe().echo()).unwrap();
    for name in ["localhost", "LOCALHOST", " localhost "] {
        let client = Client::tcp(&world.service, name, server.port()).unwrap();
        client.connect(world.probe("client")).unwrap();
        eventually("the client connects", || client.is_connected());
        assert!(client.peer_address().unwrap().ip().is_loopback());
        client.disconnect().unwrap();
    }
    world.finish();
}

/// Names that take their time must not keep a loop from its other work.
#[test]
fn contract_13_names_resolve_off_the_loop_thread() {
    let world = World::new();
    let server = world.serve(world.server_probe().echo());
    let clients: Vec<_> = (0..20)
        .map(|number| {
            let name = format!("host-{number}.invalid");
            let client = Client::tcp(&world.service, &name, 80).unwrap();
            client.connect(world.probe("lost")).unwrap();
            client
        })
        .collect();
    // Whatever the resolver is at, the loop answers.
    let mut peer = connect(server.port());
    for _ in 0..100 {
        peer.write_all(b"ping").unwrap();
        assert_eq!(read_some(&mut peer, 4), b"ping");
    }
    world.log.wait_count("lost", 20, |event| *event == Event::Dropped);
    assert_eq!(world.log.errors("lost").len(), 20);
    drop(clients);
    world.finish();
}

#[test]
fn contract_13_both_sides_know_both_addresses() {
    let world = World::new();
    let (sender, receiver) = std::sync::mpsc::channel();
    let server = world.serve(world.server_probe().sessions(move |session, event| {
        if *event == Event::Connected {
            sender.send(session.clone()).unwrap();
        }
    }));
    let peer = connect(server.port());
    let session = receiver.recv_timeout(DEADLINE).unwrap();
    assert_eq!(session.peer_address(), Some(peer.local_addr().unwrap()));
    assert_eq!(session.local_address(), Some(peer.peer_addr().unwrap()));
    let address = peer.local_addr().unwrap();
    drop(peer);
    world.log.wait_event("session", Event::Dropped);
    assert_eq!(session.peer_address(), Some(address), "known after the end");
    assert_eq!(session.local_address(), None);
    assert_eq!(session.native_handle(), None);

    let client = world.client(server.port());
    assert_eq!((client.peer_address(), client.local_address()), (None, None));
    world.finish();
}
