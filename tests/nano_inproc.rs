//! Within a process a receiver takes messages over in batches, when it comes to them. None may be
//! overlooked, whoever looks for them and whenever.

mod common;

use std::sync::mpsc::{self, Receiver};

use common::*;
use cppserver::nano::{Message, Protocol, Socket, SocketHandler};

/// More than one batch.
const MANY: usize = 1000;

/// Hands each message on to a channel.
struct Forward(mpsc::Sender<String>);

impl SocketHandler for Forward {
    fn on_received(&mut self, _socket: &Socket, message: Message) {
        let _ = self.0.send(message.to_text().into_owned());
    }
}

fn told(socket: &Socket) -> Receiver<String> {
    let (sender, received) = mpsc::channel();
    socket.set_handler(Forward(sender)).unwrap();
    received
}

/// Much that nobody wants, and then what somebody wants.
fn publish_noise(publisher: &Socket) {
    for _ in 0..MANY {
        publisher.send("noise").unwrap();
    }
    publisher.send("news").unwrap();
}

#[test]
fn a_blocked_receive_finds_what_is_behind_a_lot_of_noise() {
    let (publisher, subscriber) = linked("inproc", Protocol::Publisher, Protocol::Subscriber);
    subscriber.subscribe("news").unwrap();
    publish_noise(&publisher);
    assert_eq!(text(subscriber.receive()), "news");
    publish_noise(&publisher);
    assert_eq!(text(subscriber.try_receive()), "news");
}

#[test]
fn callbacks_find_what_is_behind_a_lot_of_noise() {
    let (publisher, subscriber) = linked("inproc", Protocol::Publisher, Protocol::Subscriber);
    subscriber.subscribe("news").unwrap();
    publish_noise(&publisher);
    let received = told(&subscriber);
    assert_eq!(received.recv_timeout(DEADLINE).unwrap(), "news");
    publish_noise(&publisher);
    assert_eq!(received.recv_timeout(DEADLINE).unwrap(), "news");
}

#[test]
fn a_watch_finds_what_is_behind_a_lot_of_noise() {
    let (publisher, subscriber) = linked("inproc", Protocol::Publisher, Protocol::Subscriber);
    subscriber.subscribe("news").unwrap();
    for _ in 0..2 {
        publish_noise(&publisher);
        let (sender, called) = mpsc::channel();
        subscriber.when_receivable(move || sender.send(()).unwrap()).unwrap();
        called.recv_timeout(DEADLINE).unwrap();
        assert_eq!(text(subscriber.try_receive()), "news");
    }
}

#[test]
fn callbacks_that_go_on_after_a_pause_find_what_calls_have_left() {
    let (pull, push) = linked("inproc", Protocol::Pull, Protocol::Push);
    for taken in [0, 1, 63, 64, 65, 128, MANY - 1] {
        for number in 0..MANY {
            push.send(number.to_string()).unwrap();
        }
        pull.pause_receiving();
        let received = told(&pull);
        for number in 0..taken {
            assert_eq!(text(pull.try_receive()), number.to_string());
        }
        pull.resume_receiving();
        for number in taken..MANY {
            assert_eq!(received.recv_timeout(DEADLINE).unwrap(), number.to_string());
        }
        pull.clear_handler();
    }
}

#[test]
fn what_was_sent_before_there_were_many_connections_is_received() {
    let pull = nano(Protocol::Pull);
    let (_listening, address) = listen_over("inproc", &pull);
    let pushes: Vec<_> = (1..=12)
        .map(|number| {
            let push = nano(Protocol::Push);
            push.dial(&address).unwrap();
            wait_connections(&pull, number);
            for _ in 0..100 {
                push.send("work").unwrap();
            }
            push
        })
        .collect();
    for _ in 0..pushes.len() * 100 {
        assert_eq!(text(pull.receive()), "work");
    }
    assert!(pull.try_receive().is_err());
}

#[test]
fn contract_6_what_was_sent_before_a_close_is_received_batch_by_batch() {
    let (pull, push) = linked("inproc", Protocol::Pull, Protocol::Push);
    for number in 0..MANY {
        push.send(number.to_string()).unwrap();
    }
    assert_eq!(text(pull.receive()), "0");
    push.close().unwrap();
    for number in 1..MANY {
        assert_eq!(text(pull.receive()), number.to_string());
    }
    assert_eq!(pull.statistics().broken_connections, 1);
}
