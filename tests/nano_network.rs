//! Sockets against hostile, silent and vanishing peers.

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use common::*;
use cppserver::nano::{Protocol, Socket, SpOption};
use cppserver::{Service, SpFailure};

/// What a peer of this protocol says first.
fn greeting(protocol: Protocol) -> [u8; 8] {
    let [high, low] = protocol.number().to_be_bytes();
    [0, b'S', b'P', 0, high, low, 0, 0]
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u64).to_be_bytes()[..], body].concat()
}

fn port_of(address: &str) -> u16 {
    address.rsplit(':').next().unwrap().parse().unwrap()
}

/// A plain TCP connection to a socket that listens, after the greetings.
fn plain_peer(socket: &Socket) -> TcpStream {
    let (_, address) = listen_over("tcp", socket);
    let mut peer = connect(port_of(&address));
    let before = socket.statistics().accepted_connections;
    peer.write_all(&greeting(socket.protocol().peer())).unwrap();
    assert_eq!(read_some(&mut peer, 8), greeting(socket.protocol()));
    eventually("it is accepted", || socket.statistics().accepted_connections == before + 1);
    peer
}

/// The connection of a hostile peer ends, and a good one is served as before.
fn still_serves(pull: &Socket) {
    let push = nano(Protocol::Push);
    connect_over("tcp", pull, &push);
    push.send("still there").unwrap();
    assert_eq!(text(pull.receive()), "still there");
}

#[test]
fn the_bytes_of_greetings_and_messages() {
    let pull = nano(Protocol::Pull);
    let mut peer = plain_peer(&pull);
    peer.write_all(&framed(b"hello")).unwrap();
    assert_eq!(text(pull.receive()), "hello");
    let push = nano(Protocol::Push);
    let mut peer = plain_peer(&push);
    push.send("hello").unwrap();
    assert_eq!(read_some(&mut peer, 13), framed(b"hello"));
    let request = nano(Protocol::Request);
    let mut peer = plain_peer(&request);
    request.send("q").unwrap();
    let bytes = read_some(&mut peer, 13);
    assert_eq!((bytes[7], bytes[12]), (5, b'q'));
    assert!(bytes[8] & 0x80 != 0, "the id has its top bit set");
    peer.write_all(&framed(&[&bytes[8..12], b"a"].concat())).unwrap();
    assert_eq!(text(request.receive()), "a");
}

#[test]
fn wrong_magic_and_wrong_peers_are_closed() {
    let pull = nano(Protocol::Pull);
    let (_, address) = listen_over("tcp", &pull);
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &greeting(Protocol::Request),
        &greeting(Protocol::Pull),
        b"\0SP\x01\0\x50\0\0",
        b"\0SP\0\0\x50\0\x01",
    ] {
        let mut peer = connect(port_of(&address));
        peer.write_all(bytes).unwrap();
        assert!(read_until_gone(&mut peer) <= 8);
    }
    assert_eq!(pull.statistics().accepted_connections, 0);
    still_serves(&pull);
}

#[test]
fn endless_lengths_and_messages_over_the_limit_end_the_connection() {
    let pull = nano(Protocol::Pull);
    pull.set_option(SpOption::MaxMessageSize, 1000).unwrap();
    for length in [1001, 1 << 32, 1 << 63, u64::MAX] {
        let mut peer = plain_peer(&pull);
        peer.write_all(&length.to_be_bytes()).unwrap();
        read_until_gone(&mut peer);
    }
    let mut peer = plain_peer(&pull);
    peer.write_all(&framed(&[7; 1000])).unwrap();
    assert_eq!(*pull.receive().unwrap(), [7; 1000], "as large as is allowed");
    eventually("the others are gone", || pull.statistics().broken_connections == 4);
    assert_eq!(pull.statistics().current_connections, 1);
    still_serves(&pull);
}

#[test]
fn a_message_of_the_default_limit_passes_and_one_byte_more_does_not() {
    let (pull, push) = linked("tcp", Protocol::Pull, Protocol::Push);
    push.set_option(SpOption::ReconnectInterval, 1).unwrap();
    push.send(vec![1; 1 << 20]).unwrap();
    assert_eq!(pull.receive().unwrap().len(), 1 << 20);
    push.send(vec![1; (1 << 20) + 1]).unwrap();
    // What is sent before the sender knows goes with the connection.
    for socket in [&pull, &push] {
        eventually("it ends the connection", || socket.statistics().broken_connections == 1);
    }
    push.send("and the next one is made").unwrap();
    assert_eq!(text(pull.receive()), "and the next one is made");
}

#[test]
fn contract_12_peers_that_say_nothing_are_given_up() {
    let pull = nano(Protocol::Pull);
    pull.set_option(SpOption::HandshakeTimeout, 50).unwrap();
    let (_, address) = listen_over("tcp", &pull);
    let mut silent: Vec<_> = (0..10).map(|_| connect(port_of(&address))).collect();
    for peer in &mut silent {
        read_until_gone(peer);
    }
    still_serves(&pull);
}

#[test]
fn peers_killed_in_the_middle_of_a_message() {
    let pull = nano(Protocol::Pull);
    for cut in [0, 1, 7, 8, 9, 500] {
        let mut peer = plain_peer(&pull);
        peer.write_all(&framed(b"whole")).unwrap();
        peer.write_all(&framed(&[1; 1000])[..cut]).unwrap();
        assert_eq!(text(pull.receive()), "whole");
        if cut % 2 == 0 { drop(peer) } else { reset(peer) }
    }
    eventually("all of them are gone", || pull.statistics().current_connections == 0);
    assert_failure(pull.try_receive(), SpFailure::WouldBlock);
    still_serves(&pull);
}

#[test]
fn headers_that_are_none_are_dropped() {
    let reply = nano(Protocol::Reply);
    let mut peer = plain_peer(&reply);
    let mut endless = vec![0; 100_000];
    endless.extend([0x80, 0, 0, 1]);
    for body in [&b""[..], b"\x80", b"\x80\0\0", b"\0\0\0\x01", b"\0\0\0\x01\x80\0\0", &endless] {
        peer.write_all(&framed(body)).unwrap();
    }
    // Eight hops are allowed, nine are not.
    for hops in [9, 8] {
        let mut body = [0, 0, 0, 5].repeat(hops);
        body.extend(b"\x80\0\0\x01question");
        peer.write_all(&framed(&body)).unwrap();
    }
    assert_eq!(text(reply.receive()), "question");
    reply.send("answer").unwrap();
    let bytes = read_some(&mut peer, 8 + 9 * 4 + 6);
    assert_eq!(bytes[8..40], [0, 0, 0, 5].repeat(8));
    assert_eq!(&bytes[40..], b"\x80\0\0\x01answer");
    assert_eq!(reply.statistics().messages_dropped, 7);
}

#[test]
fn replies_with_unknown_ids_and_replies_sent_twice() {
    let request = nano(Protocol::Request);
    let mut peer = plain_peer(&request);
    for _ in 0..2 {
        request.send("q").unwrap();
        let id = read_some(&mut peer, 13)[8..12].to_vec();
        let mut other = id.clone();
        other[3] ^= 0xff;
        for answer in [&[&other[..], b"wrong"].concat(), &[&[0, 0, 0, 1], &id[..], b"x"].concat()] {
            peer.write_all(&framed(answer)).unwrap();
        }
        let answer = framed(&[&id[..], b"right"].concat());
        peer.write_all(&[&answer[..], &answer].concat()).unwrap();
        assert_eq!(text(request.receive()), "right");
        assert_failure(request.try_receive(), SpFailure::WrongState);
    }
    eventually("the others were dropped", || request.statistics().messages_dropped == 6);
}

#[test]
fn thousands_of_dials_to_a_dead_address_back_off() {
    let push = nano(Protocol::Push);
    let dead = unused_port();
    push.set_option(SpOption::ReconnectInterval, 60_000).unwrap();
    let endpoints: Vec<_> =
        (0..1000).map(|_| push.dial(&format!("tcp://127.0.0.1:{}", dead.port)).unwrap()).collect();
    eventually("each of them has failed once", || push.statistics().connect_errors == 1000);
    endpoints.iter().for_each(|endpoint| endpoint.close().unwrap());
    push.close().unwrap();
    assert_eq!(push.statistics().connect_errors, 1000, "and none a second time");
}

/// A server that goes away under load and comes back: each request gets its answer, once.
#[test]
fn requests_survive_restarts_of_their_server() {
    for transport in STREAMS {
        let server = nano(Protocol::Reply);
        let (mut endpoint, address) = listen_over(transport, &server);
        let client = nano(Protocol::Request);
        client.set_option(SpOption::ReconnectInterval, 1).unwrap();
        // Answers that were lost with a connection are asked for again.
        client.set_option(SpOption::ResendInterval, 1000).unwrap();
        client.dial(&address).unwrap();
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let worker = server.context().unwrap();
                thread::spawn(move || {
                    while let Ok(request) = worker.receive() {
                        let _ = worker.send(&request);
                    }
                })
            })
            .collect();
        let over = Arc::new(AtomicBool::new(false));
        let askers: Vec<_> = (0..4)
            .map(|asker| {
                let (context, over) = (client.context().unwrap(), Arc::clone(&over));
                thread::spawn(move || {
                    let mut count = 0;
                    while !over.load(Ordering::Relaxed) {
                        let question = format!("{asker}/{count}");
                        assert_eq!(text(context.request(&question)), question);
                        assert_failure(context.try_receive(), SpFailure::WrongState);
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        for round in 1..=5 {
            eventually("requests are answered", || {
                client.statistics().messages_received >= round * 50
            });
            endpoint.close().unwrap();
            endpoint = server.listen(&address).unwrap();
        }
        over.store(true, Ordering::Relaxed);
        let count: u64 = askers.into_iter().map(|asker| asker.join().unwrap()).sum();
        assert_eq!(client.statistics().messages_received, count);
        server.close().unwrap();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    }
}

#[test]
fn a_request_is_sent_again_when_no_answer_comes() {
    let client = nano(Protocol::Request);
    client.set_option(SpOption::ResendInterval, 50).unwrap();
    let mut peer = plain_peer(&client);
    client.send("q").unwrap();
    let first = read_some(&mut peer, 13);
    assert_eq!(read_some(&mut peer, 13), first, "with the same id");
    peer.write_all(&framed(&[&first[8..12], b"a"].concat())).unwrap();
    assert_eq!(text(client.receive()), "a");
}

#[test]
fn what_a_broken_connection_did_not_deliver_is_counted() {
    let push = nano(Protocol::Push);
    let peer = plain_peer(&push);
    let mut sent = 0;
    while push.send_timeout(vec![1; 100_000], Duration::from_millis(100)).is_ok() {
        sent += 1;
    }
    reset(peer);
    eventually("it is noticed", || push.statistics().broken_connections == 1);
    let statistics = push.statistics();
    assert!(statistics.messages_undelivered > 0 && statistics.messages_undelivered <= sent);
    assert_eq!(statistics.messages_sent, sent);
}

#[test]
fn contract_13_hosts_addresses_and_both_versions_of_ip() {
    let pull = nano(Protocol::Pull);
    let any = pull.listen("tcp://*:0").unwrap();
    let port = any.port().unwrap();
    let mut addresses = vec![
        format!("tcp://localhost:{port}"),
        format!("tcp://127.0.0.1:{port}"),
        format!("tcp://127.0.0.1;127.0.0.1:{port}"),
    ];
    if has_ipv6() {
        addresses.push(format!("tcp://[::1]:{port}"));
    }
    for address in addresses {
        let push = nano(Protocol::Push);
        push.dial(&address).unwrap();
        push.send(&address).unwrap();
        assert_eq!(text(pull.receive()), address);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn contract_13_interfaces_stand_for_their_addresses() {
    const TEST: &str = "contract_13_interfaces_stand_for_their_addresses";
    if !is_child(TEST) {
        return run_child_in_namespace(TEST);
    }
    for transport in ["tcp", "ws"] {
        let pull = nano(Protocol::Pull);
        let port = pull.listen(&format!("{transport}://v0:0")).unwrap().port().unwrap();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "it listens on v0 only");
        let push = nano(Protocol::Push);
        push.dial(&format!("{transport}://lo;192.0.2.1:{port}")).unwrap();
        push.send(transport).unwrap();
        assert_eq!(text(pull.receive()), transport);
    }
    for (listener, local, host) in [
        ("0.0.0.0:0", "192.0.2.1", "127.0.0.1"),
        ("0.0.0.0:0", "192.0.2.1", "localhost"),
        ("[::]:0", "fd00::1", "[::1]"),
    ] {
        let listener = std::net::TcpListener::bind(listener).unwrap();
        let port = listener.local_addr().unwrap().port();
        let push = nano(Protocol::Push);
        push.dial(&format!("tcp://v0;{host}:{port}")).unwrap();
        assert_eq!(listener.accept().unwrap().1.ip().to_string(), local, "{host}");
    }
}

#[test]
fn an_interface_that_is_not_there_is_refused() {
    let push = nano(Protocol::Push);
    for address in ["tcp://nothing0;127.0.0.1:1", "ws://nothing0;127.0.0.1:1/"] {
        let error = push.dial(address).unwrap_err();
        assert_eq!(error.code(), SpFailure::Address as i32);
        assert!(error.to_string().contains("nothing0"), "{error}");
        assert_failure(push.listen(address), SpFailure::Address);
    }
}

#[test]
fn requests_and_large_messages_leave_without_the_loop() {
    let service = Service::new().unwrap();
    service.start(()).unwrap();
    for (protocol, head, size) in [(Protocol::Push, 8, 20_000), (Protocol::Request, 12, 5)] {
        let socket = Socket::with_service(&service, protocol).unwrap();
        let mut peer = plain_peer(&socket);
        let (entered, holds) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        service.post(move || {
            entered.send(()).unwrap();
            let _ = released.recv();
        });
        holds.recv().unwrap();
        socket.send(vec![7; size]).unwrap();
        assert!(read_some(&mut peer, head + size).ends_with(&[7; 5]));
        drop(release);
        socket.close().unwrap();
    }
    service.stop().unwrap();
}

#[test]
fn contract_5_the_stop_of_a_service_ends_what_runs_on_it() {
    let service = Service::new().unwrap();
    service.start(()).unwrap();
    let pull = Socket::with_service(&service, Protocol::Pull).unwrap();
    let push = Socket::with_service(&service, Protocol::Push).unwrap();
    connect_over("tcp", &pull, &push);
    push.send("work").unwrap();
    assert_eq!(text(pull.receive()), "work");
    service.stop().unwrap();
    assert_eq!(pull.statistics().current_connections, 0);
    assert_eq!(push.statistics().broken_connections, 1);
    push.close().unwrap();
    pull.close().unwrap();
}
