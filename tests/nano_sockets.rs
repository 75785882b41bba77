//! Sockets by themselves: blocking calls and their end, options, counters, endpoints, linger.

mod common;

use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

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

/// Contract 2 for blocking calls: a receive ends with a message, its timeout, or the socket.
#[test]
fn a_blocked_receive_ends_with_a_message() {
    for transport in TRANSPORTS {
        let (push, pull) = linked(transport, Protocol::Push, Protocol::Pull);
        let receiver = thread::spawn(move || text(pull.receive()));
        push.send("work").unwrap();
        assert_eq!(receiver.join().unwrap(), "work");
    }
}

#[test]
fn timeouts_of_calls_and_options() {
    let pull = nano(Protocol::Pull);
    let before = Instant::now();
    let timeout = Duration::from_millis(30);
    assert_failure(pull.receive_timeout(timeout), SpFailure::TimedOut);
    assert!(before.elapsed() >= timeout);
    pull.set_option(SpOption::ReceiveTimeout, 1).unwrap();
    assert_failure(pull.receive(), SpFailure::TimedOut);
    let push = nano(Protocol::Push);
    assert_failure(push.try_send("nobody"), SpFailure::WouldBlock);
    assert_failure(push.send_timeout("nobody", Duration::ZERO), SpFailure::TimedOut);
    push.set_option(SpOption::SendTimeout, 1).unwrap();
    assert_failure(push.send("nobody"), SpFailure::TimedOut);
    assert_eq!(push.statistics(), Statistics::default());
}

#[test]
fn a_receive_timeout_does_not_give_a_request_up() {
    for transport in TRANSPORTS {
        let (server, client) = linked(transport, Protocol::Reply, Protocol::Request);
        client.send("question").unwrap();
        server.receive().unwrap();
        assert_failure(client.receive_timeout(Duration::from_millis(1)), SpFailure::TimedOut);
        server.send("answer").unwrap();
        assert_eq!(text(client.receive()), "answer");
    }
}

#[test]
fn a_blocked_send_ends_with_a_peer_or_with_room() {
    for transport in TRANSPORTS {
        let push = nano(Protocol::Push);
        let sender = {
            let push = push.clone();
            thread::spawn(move || push.send("first").unwrap())
        };
        let pull = nano(Protocol::Pull);
        connect_over(transport, &pull, &push);
        sender.join().unwrap();
        assert_eq!(text(pull.receive()), "first");
        // Sends more than all buffers together have room for.
        let body = vec![7; 10_000];
        let sender = thread::spawn(move || {
            for _ in 0..2000 {
                push.send(&body).unwrap();
            }
            push
        });
        for _ in 0..2000 {
            assert_eq!(pull.receive().unwrap().len(), 10_000);
        }
        assert_eq!(sender.join().unwrap().statistics().messages_sent, 2001);
    }
}

#[test]
fn a_receiver_that_does_not_receive_stops_its_sender() {
    for transport in TRANSPORTS {
        let (pull, push) = linked(transport, Protocol::Pull, Protocol::Push);
        let mut sent = 0_u64;
        // Buffers of this library and of the system fill up; each message is 1 KB.
        eventually("the sender has to wait", || {
            while push.try_send(vec![1; 1000]).is_ok() {
                sent += 1;
            }
            assert!(sent < 100_000, "nothing stops the sender");
            push.send_timeout(vec![1; 1000], Duration::from_millis(50)).is_err() || {
                sent += 1;
                false
            }
        });
        assert!(sent > 100, "only {sent} messages had room");
        for _ in 0..sent {
            pull.receive().unwrap();
        }
        assert_failure(pull.try_receive(), SpFailure::WouldBlock);
        assert_eq!(pull.statistics().messages_received, sent, "nothing was lost");
        push.send("and on it goes").unwrap();
        assert_eq!(text(pull.receive()), "and on it goes");
    }
}

#[test]
fn limits_in_messages() {
    let (push, pull) = (nano(Protocol::Push), nano(Protocol::Pull));
    push.set_option(SpOption::SendMessages, 3).unwrap();
    pull.set_option(SpOption::ReceiveMessages, 4).unwrap();
    connect_over("inproc", &pull, &push);
    let sent = (0..100).take_while(|_| push.try_send("").is_ok()).count();
    assert!((5..=7).contains(&sent), "both buffers have room for {sent} messages");
    assert_failure(push.try_send("one too many"), SpFailure::WouldBlock);
    for _ in 0..sent {
        pull.receive().unwrap();
    }
    assert_failure(pull.try_receive(), SpFailure::WouldBlock);
    push.try_send("room again").unwrap();
    assert_eq!(text(pull.receive()), "room again");
}

/// Whoever is about to wait, and whoever sends at that moment, must not miss each other.
#[test]
fn receivers_and_senders_within_the_process_do_not_miss_each_other() {
    let (a, b) = linked("inproc", Protocol::Pair, Protocol::Pair);
    let echo = {
        let a = a.clone();
        thread::spawn(move || {
            while let Ok(message) = a.receive() {
                a.send(message).unwrap();
            }
        })
    };
    for number in 0..20_000_u32 {
        b.send(&number.to_be_bytes()).unwrap();
        // Both sides wait with the lock of the other one at different times.
        if number % 3 == 0 {
            thread::yield_now();
        }
        assert_eq!(*b.receive().unwrap(), number.to_be_bytes());
    }
    a.close().unwrap();
    echo.join().unwrap();
}

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

/// Eight threads are blocked while eight others close.
#[test]
fn close_wakes_blocked_calls() {
    for transport in TRANSPORTS {
        let pairs: Vec<_> = (0..8)
            .map(|number| match number % 2 {
                0 => linked(transport, Protocol::Pull, Protocol::Push).0,
                _ => nano(Protocol::Push),
            })
            .collect();
        let start = Arc::new(Barrier::new(16));
        let threads: Vec<_> = pairs
            .iter()
            .enumerate()
            .flat_map(|(number, socket)| {
                let (blocked, closing) = (socket.clone(), socket.clone());
                let (a, b) = (Arc::clone(&start), Arc::clone(&start));
                [
                    thread::spawn(move || {
                        a.wait();
                        match number % 2 {
                            0 => assert_failure(blocked.receive(), SpFailure::Closed),
                            _ => assert_failure(blocked.send("nobody"), SpFailure::Closed),
                        }
                    }),
                    thread::spawn(move || {
                        b.wait();
                        closing.close().unwrap();
                    }),
                ]
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        for socket in pairs {
            assert!(socket.is_closed());
            assert_failure(socket.close(), SpFailure::Closed);
            assert_failure(socket.send("too late"), SpFailure::Closed);
            assert_failure(socket.try_receive(), SpFailure::Closed);
            assert_failure(socket.listen("inproc://late"), SpFailure::Closed);
            assert_eq!(socket.statistics().current_connections, 0);
        }
    }
}

#[test]
fn close_wakes_blocked_contexts() {
    let client = nano(Protocol::Request);
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let (context, sender) = (client.context().unwrap(), sender.clone());
            thread::spawn(move || {
                context.send(number.to_string()).unwrap();
                sender.send(()).unwrap();
                assert_failure(context.receive(), SpFailure::Closed);
            })
        })
        .collect();
    (0..8).for_each(|_| receiver.recv_timeout(DEADLINE).unwrap());
    client.close().unwrap();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(client.statistics().messages_undelivered, 8, "nobody was there to be asked");
}

#[test]
fn what_was_sent_before_a_close_is_delivered() {
    for transport in TRANSPORTS {
        let (pull, push) = linked(transport, Protocol::Pull, Protocol::Push);
        for number in 0..100 {
            push.send(number.to_string()).unwrap();
        }
        push.close().unwrap();
        assert_eq!(push.statistics().messages_undelivered, 0);
        for number in 0..100 {
            assert_eq!(text(pull.receive()), number.to_string());
        }
        eventually("the end was noticed", || pull.statistics().broken_connections == 1);
        assert_eq!(push.statistics().dropped_connections, 1);
    }
}

#[test]
fn what_a_close_can_not_deliver_is_counted() {
    for transport in ["tcp", "ipc"] {
        let (pull, push) = linked(transport, Protocol::Pull, Protocol::Push);
        push.set_option(SpOption::Linger, 50).unwrap();
        let mut sent = 0;
        eventually("the sender has to wait", || {
            while push.try_send(vec![1; 100_000]).is_ok() {
                sent += 1;
            }
            push.send_timeout(vec![1; 100_000], Duration::from_millis(100)).is_err() || {
                sent += 1;
                false
            }
        });
        push.close().unwrap();
        let undelivered = push.statistics().messages_undelivered;
        assert!(undelivered > 0, "nobody has received them");
        let mut received = 0;
        while pull.receive_timeout(Duration::from_millis(500)).is_ok() {
            received += 1;
        }
        assert_eq!(received + undelivered, sent, "over {transport}");
    }
}

#[test]
fn counters_are_exact() {
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
fn failed_listens_and_dials_are_counted() {
    for transport in ["inproc", "tcp", "ipc"] {
        let (one, other) = (nano(Protocol::Pull), nano(Protocol::Pull));
        let (endpoint, address) = listen_over(transport, &one);
        let error = other.listen(&address).unwrap_err();
        if transport == "inproc" {
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
        assert_eq!(one.address().split("://").next(), Some(transport));
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
    assert_eq!(pull.statistics().current_connections, 8);
}

#[test]
fn dialing_comes_before_listening() {
    for transport in ["inproc", "ipc"] {
        let (client, server) = (nano(Protocol::Request), nano(Protocol::Reply));
        client.set_option(SpOption::ReconnectInterval, 1).unwrap();
        let address = match transport {
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
#[test]
fn protocols_that_do_not_belong_together() {
    for transport in TRANSPORTS {
        let (publisher, request) = (nano(Protocol::Publisher), nano(Protocol::Request));
        request.set_option(SpOption::ReconnectInterval, 1).unwrap();
        let (_, address) = listen_over(transport, &publisher);
        request.dial(&address).unwrap();
        if transport != "inproc" {
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
fn addresses_that_can_not_be_read_are_refused() {
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
fn the_last_handle_closes_the_socket() {
    for transport in TRANSPORTS {
        let (pull, push) = linked(transport, Protocol::Pull, Protocol::Push);
        push.send("my last words").unwrap();
        drop(push);
        assert_eq!(text(pull.receive()), "my last words");
        eventually("it is gone", || pull.statistics().broken_connections == 1);
    }
}

#[test]
fn contexts_ask_and_answer_at_the_same_time() {
    for transport in TRANSPORTS {
        let (server, client) = linked(transport, Protocol::Reply, Protocol::Request);
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let worker = server.context().unwrap();
                thread::spawn(move || {
                    while let Ok(request) = worker.receive() {
                        worker.send(&request).unwrap();
                    }
                })
            })
            .collect();
        let askers: Vec<_> = (0..8)
            .map(|asker| {
                let context = client.context().unwrap();
                thread::spawn(move || {
                    for number in 0..50 {
                        let question = format!("{asker}/{number}");
                        assert_eq!(text(context.request(&question)), question);
                    }
                })
            })
            .collect();
        askers.into_iter().for_each(|asker| asker.join().unwrap());
        assert_eq!(server.statistics().messages_sent, 400);
        assert_eq!(client.statistics().messages_received, 400);
        server.close().unwrap();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    }
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
