//! Calls that wait, what ends them, and what becomes of messages at the end of a socket.

mod common;

use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use cppserver::SpFailure;
use cppserver::nano::{Protocol, SpOption, Statistics};

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
fn contract_10_a_receiver_that_does_not_receive_stops_its_sender() {
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
fn contract_10_limits_in_messages() {
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

/// Eight threads are blocked while eight others close.
#[test]
fn contract_2_close_wakes_blocked_calls() {
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
fn contract_2_close_wakes_blocked_contexts() {
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
fn contract_2_blocked_threads_can_be_had_back_without_a_close() {
    let (client, push, pair) =
        (nano(Protocol::Request), nano(Protocol::Push), nano(Protocol::Pair));
    let (sender, receiver) = mpsc::channel();
    let context = client.context().unwrap();
    context.send("question").unwrap();
    let blocked = [
        thread::spawn({
            let sender = sender.clone();
            move || {
                sender.send(()).unwrap();
                assert_failure(context.receive(), SpFailure::WouldBlock);
            }
        }),
        thread::spawn({
            let (push, sender) = (push.clone(), sender.clone());
            move || {
                sender.send(()).unwrap();
                assert_failure(push.send("nobody"), SpFailure::WouldBlock);
            }
        }),
        thread::spawn({
            let pair = pair.clone();
            move || {
                sender.send(()).unwrap();
                assert_failure(pair.receive_timeout(DEADLINE), SpFailure::WouldBlock);
            }
        }),
    ];
    (0..3).for_each(|_| receiver.recv_timeout(DEADLINE).unwrap());
    for (socket, thread) in [&client, &push, &pair].into_iter().zip(blocked) {
        eventually("it is not blocked any more", || {
            socket.set_blocking(false);
            // Who was blocked does not go on because others may block again.
            socket.set_blocking(true);
            thread.is_finished()
        });
        thread.join().unwrap();
        socket.set_blocking(false);
    }
    assert_failure(push.send("nobody"), SpFailure::WouldBlock);
    // What need not wait is done nevertheless.
    let peer = nano(Protocol::Pair);
    connect_over("inproc", &peer, &pair);
    peer.send("here").unwrap();
    assert_eq!(text(pair.receive()), "here");
    pair.set_blocking(true);
    let receiver = thread::spawn(move || text(pair.receive()));
    peer.send("there").unwrap();
    assert_eq!(receiver.join().unwrap(), "there");
}

#[test]
fn contract_6_what_was_sent_before_a_close_is_delivered() {
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
fn contract_6_what_a_close_can_not_deliver_is_counted() {
    for transport in STREAMS {
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
