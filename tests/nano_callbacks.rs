//! Callbacks of sockets: threads, order, reentrance, panics, flow.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use common::*;
use cppserver::nano::{Message, Peer, Protocol, Socket, SocketHandler, SpOption};
use cppserver::{Error, Service, SpFailure, Status};

/// Tells a channel everything.
struct Teller(Sender<Told>);

#[derive(Debug, Clone, PartialEq)]
enum Told {
    Received(String),
    Writable,
    Finished,
    Connected(bool),
    Disconnected(bool),
    Error(Status),
    Dropped,
}

impl SocketHandler for Teller {
    fn on_received(&mut self, _socket: &Socket, message: Message) {
        let _ = self.0.send(Told::Received(message.to_text().into_owned()));
    }

    fn on_writable(&mut self, _socket: &Socket) {
        let _ = self.0.send(Told::Writable);
    }

    fn on_finished(&mut self, _socket: &Socket) {
        let _ = self.0.send(Told::Finished);
    }

    fn on_connected(&mut self, _socket: &Socket, peer: &Peer) {
        let _ = self.0.send(Told::Connected(peer.dialed));
    }

    fn on_disconnected(&mut self, _socket: &Socket, peer: &Peer) {
        let _ = self.0.send(Told::Disconnected(peer.dialed));
    }

    fn on_error(&mut self, _socket: &Socket, error: &Error) {
        let _ = self.0.send(Told::Error(error.status()));
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let _ = self.0.send(Told::Dropped);
    }
}

/// Answers each question with the same in capitals.
struct Shout;

impl SocketHandler for Shout {
    fn on_received(&mut self, socket: &Socket, message: Message) {
        socket.try_send(message.to_text().to_uppercase()).unwrap();
    }
}

/// Calls a closure with each message.
struct Each<F>(F);

impl<F: FnMut(&Socket, Message) + Send + 'static> SocketHandler for Each<F> {
    fn on_received(&mut self, socket: &Socket, message: Message) {
        (self.0)(socket, message);
    }
}

/// Each exactly once and in order, and the handler is dropped at the end.
#[test]
fn contracts_3_and_4_a_life_in_callbacks() {
    for transport in TRANSPORTS {
        let (pull, push) = (nano(Protocol::Pull), nano(Protocol::Push));
        let (sender, told) = mpsc::channel();
        pull.set_handler(Teller(sender)).unwrap();
        connect_over(transport, &pull, &push);
        for number in 0..3 {
            push.send(number.to_string()).unwrap();
        }
        push.close().unwrap();
        let mut story: Vec<_> = (0..5).map(|_| told.recv_timeout(DEADLINE).unwrap()).collect();
        pull.close().unwrap();
        story.extend(told.iter());
        let received = |number: u32| Told::Received(number.to_string());
        assert_eq!(
            story,
            [
                Told::Connected(false),
                received(0),
                received(1),
                received(2),
                Told::Disconnected(false),
                Told::Dropped
            ],
            "over {transport}"
        );
    }
}

#[test]
fn requests_are_answered_in_callbacks() {
    for transport in TRANSPORTS {
        let (server, client) = linked(transport, Protocol::Reply, Protocol::Request);
        server.set_handler(Shout).unwrap();
        for _ in 0..10 {
            client.send("hello").unwrap();
            assert_eq!(text(client.receive()), "HELLO");
        }
        let (sender, told) = mpsc::channel();
        client.set_handler(Teller(sender)).unwrap();
        assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Connected(true)));
        client.send("and now both").unwrap();
        assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Received("AND NOW BOTH".into())));
    }
}

#[test]
fn contract_3_connections_before_the_handler_have_a_beginning_too() {
    for transport in TRANSPORTS {
        let (pull, push) = linked(transport, Protocol::Pull, Protocol::Push);
        push.send("waits already").unwrap();
        for _ in 0..2 {
            let (sender, told) = mpsc::channel();
            pull.set_handler(Teller(sender)).unwrap();
            assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Connected(false)));
            assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Received("waits already".into())));
            pull.clear_handler();
            assert_eq!(told.iter().collect::<Vec<_>>(), [Told::Dropped]);
            push.send("waits already").unwrap();
        }
        let (sender, told) = mpsc::channel();
        pull.set_handler(Teller(sender)).unwrap();
        push.close().unwrap();
        let all = [
            Told::Connected(false),
            Told::Received("waits already".into()),
            Told::Disconnected(false),
        ];
        assert_eq!(told.iter().take(3).collect::<Vec<_>>(), all);
    }
}

#[test]
fn contract_1_callbacks_run_one_at_a_time() {
    for threads in [1, 4] {
        let service = Service::with_threads(threads).unwrap();
        service.start(()).unwrap();
        let pull = Socket::with_service(&service, Protocol::Pull).unwrap();
        let (busy, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let seen: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
        {
            let (service, seen) = (service.clone(), Arc::clone(&seen));
            let (busy, count) = (Arc::clone(&busy), Arc::clone(&count));
            let handler = Each(move |_: &Socket, _| {
                assert!(!busy.swap(true, Ordering::SeqCst), "two at a time");
                assert!(service.is_loop_thread());
                let thread = thread::current().id();
                let mut seen = seen.lock().unwrap();
                if !seen.contains(&thread) {
                    seen.push(thread);
                }
                drop(seen);
                busy.store(false, Ordering::SeqCst);
                count.fetch_add(1, Ordering::SeqCst);
            });
            pull.set_handler(handler).unwrap();
        }
        let mut addresses = vec![listen_over("tcp", &pull).1];
        addresses.push(listen_over("inproc", &pull).1);
        let pushers: Vec<_> = (0..8)
            .map(|number| {
                let push = Socket::with_service(&service, Protocol::Push).unwrap();
                push.dial(&addresses[number % 2]).unwrap();
                thread::spawn(move || {
                    for _ in 0..500 {
                        push.send("work").unwrap();
                    }
                    push.close().unwrap();
                })
            })
            .collect();
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        eventually("all of it is received", || count.load(Ordering::SeqCst) == 4000);
        assert!(seen.lock().unwrap().len() <= threads);
        pull.close().unwrap();
        service.stop().unwrap();
    }
}

/// Every method in every callback, and nothing deadlocks.
#[test]
fn contract_2_everything_may_be_called_in_a_callback() {
    within_deadline("the calls in the callback", || {
        for transport in TRANSPORTS {
            let (server, client) = linked(transport, Protocol::Reply, Protocol::Request);
            let (sender, done) = mpsc::channel();
            let handler = Each(move |socket: &Socket, message: Message| {
                socket.set_option(SpOption::Linger, 100).unwrap();
                assert_eq!(socket.option(SpOption::Linger), 100);
                assert_eq!(socket.statistics().messages_received, 1);
                let extra = socket.listen(&format!("inproc://{}", unused_name())).unwrap();
                extra.close().unwrap();
                drop(socket.context().unwrap());
                assert_failure(socket.receive(), SpFailure::WouldBlock);
                let other = nano(Protocol::Push);
                assert_failure(other.send("this would block"), SpFailure::WouldBlock);
                other.close().unwrap();
                socket.send(&message).unwrap();
                socket.pause_receiving();
                socket.resume_receiving();
                let sender = sender.clone();
                socket
                    .set_handler(Each(move |socket: &Socket, _| {
                        socket.close().unwrap();
                        sender.send(()).unwrap();
                    }))
                    .unwrap();
            });
            server.set_handler(handler).unwrap();
            client.send("first").unwrap();
            assert_eq!(text(client.receive()), "first");
            client.send("second").unwrap();
            done.recv_timeout(DEADLINE).unwrap();
            assert!(server.is_closed());
        }
    });
}

#[test]
fn a_panic_is_told_and_the_socket_goes_on() {
    struct Panics(Sender<String>);

    impl SocketHandler for Panics {
        fn on_received(&mut self, _socket: &Socket, message: Message) {
            assert!(message.as_str() != Some("panic"), "as you wish");
            self.0.send(message.to_text().into_owned()).unwrap();
        }

        fn on_error(&mut self, _socket: &Socket, error: &Error) {
            self.0.send(error.message().to_owned()).unwrap();
        }
    }

    for transport in TRANSPORTS {
        let (pull, push) = linked(transport, Protocol::Pull, Protocol::Push);
        let (sender, told) = mpsc::channel();
        pull.set_handler(Panics(sender)).unwrap();
        push.send("panic").unwrap();
        push.send("go on").unwrap();
        let error = told.recv_timeout(DEADLINE).unwrap();
        assert!(error.contains("on_received panicked: as you wish"), "{error}");
        assert_eq!(told.recv_timeout(DEADLINE).unwrap(), "go on");
    }
}

#[test]
fn a_refused_send_is_told_when_there_is_room() {
    for transport in TRANSPORTS {
        let (push, pull) = (nano(Protocol::Push), nano(Protocol::Pull));
        let (sender, told) = mpsc::channel();
        push.set_handler(Teller(sender)).unwrap();
        assert_failure(push.try_send("nobody"), SpFailure::WouldBlock);
        connect_over(transport, &pull, &push);
        assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Connected(true)));
        assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Writable));
        let mut sent = 0;
        for _ in 0..3 {
            while push.try_send(vec![1; 10_000]).is_ok() {
                sent += 1;
            }
            while told.recv_timeout(Duration::from_millis(20)).is_err() {
                // The system may still take some by itself.
                while pull.try_receive().is_ok() {
                    sent -= 1;
                }
            }
        }
        for _ in 0..sent {
            pull.receive().unwrap();
        }
    }
}

#[test]
fn a_send_that_would_block_a_loop_is_told_when_there_is_room() {
    let service = Service::new().unwrap();
    service.start(()).unwrap();
    let (push, pull) = (nano(Protocol::Push), nano(Protocol::Pull));
    let (sender, told) = mpsc::channel();
    push.set_handler(Teller(sender)).unwrap();
    let (refused, result) = mpsc::channel();
    let sends = push.clone();
    service.post(move || refused.send(sends.send("nobody")).unwrap());
    assert_failure(result.recv_timeout(DEADLINE).unwrap(), SpFailure::WouldBlock);
    connect_over("inproc", &pull, &push);
    assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Connected(true)));
    assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Writable));
    service.stop().unwrap();
}

/// Over a path, which nobody else takes meanwhile.
#[test]
#[cfg(unix)]
fn of_dials_that_fail_again_and_again_the_first_is_told() {
    let push = nano(Protocol::Push);
    let (sender, told) = mpsc::channel();
    push.set_handler(Teller(sender)).unwrap();
    push.set_option(SpOption::ReconnectInterval, 1).unwrap();
    let path = unused_path();
    let endpoint = push.dial(&format!("ipc://{}", path.display())).unwrap();
    eventually("several dials have failed", || push.statistics().connect_errors >= 5);
    let pull = nano(Protocol::Pull);
    pull.listen(&format!("ipc://{}", path.display())).unwrap();
    wait_connections(&push, 1);
    pull.close().unwrap();
    let errors = push.statistics().connect_errors;
    eventually("they fail again", || push.statistics().connect_errors >= errors + 5);
    endpoint.close().unwrap();
    push.close().unwrap();
    let error = Told::Error(Status::System);
    let (connected, gone) = (Told::Connected(true), Told::Disconnected(true));
    let mut told: Vec<Told> = told.iter().collect();
    // A listener that is about to go refuses in another way than a path where nothing is.
    told.dedup();
    assert_eq!(told, [error.clone(), connected, gone, error, Told::Dropped]);
}

#[test]
#[cfg(unix)]
fn dials_that_fail_in_another_way_are_told() {
    let push = nano(Protocol::Push);
    let (sender, told) = mpsc::channel();
    push.set_handler(Teller(sender)).unwrap();
    push.set_option(SpOption::ReconnectInterval, 1).unwrap();
    let address = format!("ipc://{}", unused_path().display());
    push.dial(&address).unwrap();
    eventually("several dials have failed", || push.statistics().connect_errors >= 5);
    let publisher = nano(Protocol::Publisher);
    publisher.listen(&address).unwrap();
    let mut told = std::iter::from_fn(|| told.recv_timeout(DEADLINE).ok());
    assert_eq!(told.next(), Some(Told::Error(Status::System)));
    assert!(told.any(|told| told == Told::Error(Status::Sp)), "push does not belong to pub");
    let errors = push.statistics().connect_errors;
    eventually("they go on", || push.statistics().connect_errors >= errors + 5);
    push.close().unwrap();
    assert!(told.all(|told| told != Told::Error(Status::Sp)), "and that is told once");
}

#[test]
fn the_end_of_a_survey_is_told() {
    for transport in TRANSPORTS {
        let (surveyor, respondent) = linked(transport, Protocol::Surveyor, Protocol::Respondent);
        respondent.set_handler(Shout).unwrap();
        surveyor.set_option(SpOption::SurveyDeadline, 200).unwrap();
        let (sender, told) = mpsc::channel();
        surveyor.set_handler(Teller(sender)).unwrap();
        assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Connected(false)));
        for _ in 0..2 {
            surveyor.send("me?").unwrap();
            assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Received("ME?".into())));
            assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Finished));
        }
        surveyor.close().unwrap();
        assert_eq!(told.iter().collect::<Vec<_>>(), [Told::Dropped]);
    }
}

#[test]
fn a_pause_lets_messages_wait() {
    for transport in TRANSPORTS {
        let (pull, push) = linked(transport, Protocol::Pull, Protocol::Push);
        let (sender, received) = mpsc::channel();
        let handler = Each(move |socket: &Socket, message: Message| {
            if message.as_str() == Some("1") {
                socket.pause_receiving();
            }
            sender.send(message.to_text().into_owned()).unwrap();
        });
        pull.set_handler(handler).unwrap();
        for number in 0..4 {
            push.send(number.to_string()).unwrap();
        }
        assert_eq!(received.recv_timeout(DEADLINE).unwrap(), "0");
        assert_eq!(received.recv_timeout(DEADLINE).unwrap(), "1");
        assert!(received.recv_timeout(Duration::from_millis(20)).is_err());
        pull.resume_receiving();
        assert_eq!(received.recv_timeout(DEADLINE).unwrap(), "2");
        assert_eq!(received.recv_timeout(DEADLINE).unwrap(), "3");
    }
}

#[test]
fn no_callback_follows_the_clearing_of_the_handler() {
    for transport in TRANSPORTS {
        let (pull, push) = linked(transport, Protocol::Pull, Protocol::Push);
        for _ in 0..20 {
            let over = Arc::new(AtomicBool::new(false));
            let (sender, first) = mpsc::channel();
            let handler = {
                let over = Arc::clone(&over);
                Each(move |_: &Socket, _| {
                    assert!(!over.load(Ordering::SeqCst));
                    let _ = sender.send(());
                })
            };
            pull.set_handler(handler).unwrap();
            for _ in 0..50 {
                push.send("work").unwrap();
            }
            first.recv_timeout(DEADLINE).unwrap();
            pull.clear_handler();
            over.store(true, Ordering::SeqCst);
            assert_eq!(Arc::strong_count(&over), 1, "the handler is dropped");
        }
        // Whatever callbacks have left is received by calls.
        push.send("the last one").unwrap();
        while text(pull.receive()) != "the last one" {}
        assert_eq!(pull.statistics().messages_received, 1001, "and none twice");
    }
}

/// Two handlers that send each other what they receive take turns, and leave others theirs.
#[test]
fn an_endless_exchange_starves_nobody() {
    for transport in TRANSPORTS {
        let (a, b) = linked(transport, Protocol::Pair, Protocol::Pair);
        for socket in [&a, &b] {
            let echo = Each(|socket: &Socket, message: Message| {
                let _ = socket.try_send(message);
            });
            socket.set_handler(echo).unwrap();
        }
        a.send("ball").unwrap();
        eventually("it goes to and fro", || a.statistics().messages_received > 100);
        let (server, client) = linked(transport, Protocol::Reply, Protocol::Request);
        server.set_handler(Shout).unwrap();
        client.send("still there?").unwrap();
        assert_eq!(text(client.receive()), "STILL THERE?");
    }
}

#[test]
fn dropping_handles_in_callbacks() {
    let kept: Arc<Mutex<Option<Socket>>> = Arc::default();
    let (pull, push) = linked("tcp", Protocol::Pull, Protocol::Push);
    *kept.lock().unwrap() = Some(pull.clone());
    let (sender, told) = mpsc::channel();
    let teller = Teller(sender);
    let handler = {
        let kept = Arc::clone(&kept);
        Each(move |_: &Socket, _| {
            let _ = &teller;
            drop(kept.lock().unwrap().take());
        })
    };
    pull.set_handler(handler).unwrap();
    drop(pull);
    push.send("drop yourself").unwrap();
    assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Dropped));
    eventually("it is gone", || push.statistics().broken_connections == 1);
}
