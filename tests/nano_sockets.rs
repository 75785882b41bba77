//! Sockets by themselves: endpoints, counters, options, the end of all of them.

mod common;

use std::sync::{Arc, Barrier};
use std::thread;

use common::*;
use cppserver::nano::{Protocol, Socket, SpOption, Statistics, terminate};
use cppserver::{SpFailure, Status};

const ALL: [Protocol; 10] = [
    Protocol::Pair,
    Protocol::Publisher,
    Protocol::Subscriber,
    Protocol::Request,
    Protocol::Reply,
    Protocol::Push,
    Protocol::Pull,
    Protocol::Surveyor,
    Protocol::Respondent,
    Protocol::Bus,
];

#[test]
fn topics_count_when_a_message_is_sent() {
    for transport in TRANSPORTS {
        let (publisher, subscriber) = linked(transport, Protocol::Publisher, Protocol::Subscriber);
        subscriber.subscribe("first").unwrap();
        publisher.send("second: too early").unwrap();
        publisher.send("first").unwrap();
        assert_eq!(text(subscriber.receive()), "first");
        subscriber.subscribe("second").unwrap();
        publisher.send("second").unwrap();
        assert_eq!(text(subscriber.receive()), "second");
    }
    let (publisher, subscriber) = linked("inproc", Protocol::Publisher, Protocol::Subscriber);
    publisher.send("before").unwrap();
    subscriber.subscribe("").unwrap();
    assert_failure(subscriber.try_receive(), SpFailure::WouldBlock);
}

#[test]
fn a_message_over_inproc_is_there_as_soon_as_it_was_sent() {
    let (a, b) = (nano(Protocol::Bus), nano(Protocol::Bus));
    let name = format!("inproc://{}", unused_name());
    a.listen(&name).unwrap();
    b.dial(&name).unwrap();
    for number in 0..100 {
        b.send(number.to_string()).unwrap();
        assert_eq!(text(a.try_receive()), number.to_string());
    }
    let c = nano(Protocol::Bus);
    c.dial(&name).unwrap();
    c.send("right after the dial").unwrap();
    assert_eq!(text(a.try_receive()), "right after the dial");
}

#[test]
fn contract_11_counters_are_exact() {
    for transport in TRANSPORTS {
        let (server, client) = (nano(Protocol::Publisher), nano(Protocol::Subscriber));
        let other = nano(Protocol::Subscriber);
        let (_, address) = listen_over(transport, &server);
        client.subscribe("").unwrap();
        let dialed = client.dial(&address).unwrap();
        other.dial(&address).unwrap();
        wait_connections(&server, 2);
        wait_connections(&client, 1);
        wait_connections(&other, 1);
        for size in [3, 0, 1000] {
            server.send(vec![1; size]).unwrap();
            client.receive().unwrap();
        }
        dialed.close().unwrap();
        assert!(dialed.is_closed());
        assert_failure(dialed.close(), SpFailure::Closed);
        eventually("the server has noticed it", || server.statistics().broken_connections == 1);
        assert_eq!(
            server.statistics(),
            Statistics {
                accepted_connections: 2,
                broken_connections: 1,
                current_connections: 1,
                messages_sent: 3,
                bytes_sent: 1003,
                ..Statistics::default()
            },
            "once for each message, over {transport}"
        );
        assert_eq!(
            client.statistics(),
            Statistics {
                established_connections: 1,
                dropped_connections: 1,
                messages_received: 3,
                bytes_received: 1003,
                ..Statistics::default()
            }
        );
        client.dial(&address).unwrap();
        wait_connections(&client, 1);
        assert_eq!(client.statistics().established_connections, 2, "the counters stay");
    }
}

#[test]
fn contract_9_failed_listens_fail_at_once_and_failed_dials_are_counted() {
    for transport in TRANSPORTS.iter().filter(|name| **name != "ws") {
        let (one, other) = (nano(Protocol::Pull), nano(Protocol::Pull));
        let (endpoint, address) = listen_over(transport, &one);
        let error = other.listen(&address).unwrap_err();
        if *transport == "inproc" {
            assert_eq!(error.code(), SpFailure::AddressInUse as i32);
        } else {
            assert_eq!(error.status(), Status::System, "{error}");
        }
        assert_eq!(other.statistics().bind_errors, 1);
        assert!(!endpoint.is_closed());
        endpoint.close().unwrap();
        other.listen(&address).unwrap();
    }
    let push = nano(Protocol::Push);
    let port = unused_port();
    push.set_option(SpOption::ReconnectInterval, 1).unwrap();
    push.dial(&format!("tcp://127.0.0.1:{}", port.port)).unwrap();
    eventually("it is dialed again", || push.statistics().connect_errors >= 3);
}

#[test]
fn an_endpoint_ends_with_its_connections_and_the_socket_stays() {
    for transport in TRANSPORTS {
        let (pull, push) = (nano(Protocol::Pull), nano(Protocol::Push));
        let (one, address) = listen_over(transport, &pull);
        push.set_option(SpOption::ReconnectInterval, 1).unwrap();
        push.dial(&address).unwrap();
        wait_connections(&pull, 1);
        wait_connections(&push, 1);
        assert_eq!(one.address().split("://").next(), Some(*transport));
        push.send("before").unwrap();
        assert_eq!(text(pull.receive()), "before");
        one.close().unwrap();
        wait_connections(&push, 0);
        assert_eq!(pull.statistics().current_connections, 0);
        assert_failure(push.try_send("nobody listens"), SpFailure::WouldBlock);
        // The same address again, and the dialer comes back.
        let again = pull.listen(&address).unwrap();
        push.send("after").unwrap();
        assert_eq!(text(pull.receive()), "after");
        assert_ne!(one.id(), again.id());
    }
}

#[test]
fn a_socket_listens_and_dials_as_often_as_it_likes() {
    let pull = nano(Protocol::Pull);
    let pushers: Vec<_> = TRANSPORTS
        .iter()
        .flat_map(|transport| {
            let (listening, dialing) = (nano(Protocol::Push), nano(Protocol::Push));
            connect_over(transport, &pull, &dialing);
            connect_over(transport, &listening, &pull);
            [listening, dialing]
        })
        .collect();
    pushers.iter().for_each(|push| push.send("work").unwrap());
    pushers.iter().for_each(|_| assert_eq!(text(pull.receive()), "work"));
    assert_eq!(pull.statistics().current_connections, pushers.len() as u64);
}

#[test]
fn dialing_comes_before_listening() {
    for transport in TRANSPORTS.iter().filter(|name| ["inproc", "ipc"].contains(name)) {
        let (client, server) = (nano(Protocol::Request), nano(Protocol::Reply));
        client.set_option(SpOption::ReconnectInterval, 1).unwrap();
        let address = match *transport {
            "inproc" => format!("inproc://{}", unused_name()),
            _ => format!("ipc://{}", unused_path().display()),
        };
        client.dial(&address).unwrap();
        client.send("anybody?").unwrap();
        server.listen(&address).unwrap();
        assert_eq!(text(server.receive()), "anybody?");
        server.send("me").unwrap();
        assert_eq!(text(client.receive()), "me");
    }
}

/// Wrong pairs are not connected.
/// A pair that has its peer elsewhere is refused, and is connected when it has a place again.
#[test]
fn a_pair_with_a_peer_waits_for_its_place_with_another_one() {
    for transport in TRANSPORTS {
        for other_way in [false, true] {
            let (first, busy) = linked(transport, Protocol::Pair, Protocol::Pair);
            let second = nano(Protocol::Pair);
            let (_listening, address) = listen_over("inproc", &second);
            let endpoint = busy.dial(&address).unwrap();
            assert_eq!(busy.statistics().current_connections, 1);
            assert_eq!(second.statistics().current_connections, 0);
            first.send("from the first").unwrap();
            assert_eq!(text(busy.receive()), "from the first");
            if other_way {
                endpoint.close().unwrap();
                second.dial(&listen_over("inproc", &busy).1).unwrap();
            }
            first.close().unwrap();
            second.send("from the second").unwrap();
            assert_eq!(text(busy.receive()), "from the second");
        }
    }
}

#[test]
fn protocols_that_do_not_belong_together() {
    for transport in TRANSPORTS {
        let (publisher, request) = (nano(Protocol::Publisher), nano(Protocol::Request));
        request.set_option(SpOption::ReconnectInterval, 1).unwrap();
        let (_, address) = listen_over(transport, &publisher);
        request.dial(&address).unwrap();
        if *transport != "inproc" {
            eventually("it is refused", || request.statistics().connect_errors >= 2);
        }
        assert_eq!(request.statistics().established_connections, 0);
        assert_eq!(publisher.statistics().accepted_connections, 0);
    }
}

#[test]
fn options_have_defaults_and_ranges() {
    let socket = nano(Protocol::Request);
    for (option, default) in [
        (SpOption::Linger, 1000),
        (SpOption::SendBuffer, 131_072),
        (SpOption::ReceiveBuffer, 131_072),
        (SpOption::ReconnectInterval, 100),
        (SpOption::ReconnectIntervalMax, 0),
        (SpOption::SendPriority, 8),
        (SpOption::ReceivePriority, 8),
        (SpOption::MaxMessageSize, 1_048_576),
        (SpOption::MaxHops, 8),
        (SpOption::ResendInterval, 60_000),
        (SpOption::SurveyDeadline, 1000),
    ] {
        assert_eq!(socket.option(option), default, "{option:?}");
    }
    let error = socket.set_option(SpOption::SendPriority, 17).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
}

#[test]
fn contract_9_addresses_that_can_not_be_read_are_refused() {
    let socket = nano(Protocol::Pair);
    for address in ["1", "tcp://", "tcp://host", "inproc://"] {
        assert_failure(socket.listen(address), SpFailure::Address);
        assert_failure(socket.dial(address), SpFailure::Address);
    }
    assert_failure(socket.dial("tcp://*:1"), SpFailure::Address);
    assert_failure(socket.dial("carrier-pigeon://roof"), SpFailure::Transport);
    assert_eq!(socket.listen("wss://127.0.0.1:0/").unwrap_err().status(), Status::InvalidArgument);
    socket.listen("inproc://a-good-one").unwrap();
}

#[test]
fn some_patterns_have_no_contexts() {
    for protocol in ALL {
        let has = [Protocol::Request, Protocol::Reply, Protocol::Surveyor, Protocol::Respondent];
        assert_eq!(nano(protocol).context().is_ok(), has.contains(&protocol), "{protocol}");
        assert!(raw_nano(protocol).context().is_err());
    }
}

#[test]
fn terminate_ends_all_sockets_for_good() {
    if !is_child("terminate_ends_all_sockets_for_good") {
        return run_child("terminate_ends_all_sockets_for_good");
    }
    let sockets: Vec<_> = ALL.into_iter().map(nano).collect();
    let (pull, _push) = linked("tcp", Protocol::Pull, Protocol::Push);
    let start = Arc::new(Barrier::new(2));
    let receiver = {
        let (pull, start) = (pull.clone(), Arc::clone(&start));
        thread::spawn(move || {
            start.wait();
            assert_failure(pull.receive(), SpFailure::Terminated);
        })
    };
    start.wait();
    terminate();
    receiver.join().unwrap();
    for socket in sockets.iter().chain([&pull]) {
        assert!(socket.is_closed());
        assert_failure(socket.try_send("too late"), SpFailure::Terminated);
        assert_failure(socket.close(), SpFailure::Terminated);
    }
    assert_failure(Socket::new(Protocol::Pair), SpFailure::Terminated);
    terminate();
}
