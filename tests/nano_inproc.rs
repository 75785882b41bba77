//! Within a process a receiver takes messages over in batches, when it comes to them. None may be
//! overlooked, whoever looks for them and whenever.

mod common;

use std::sync::mpsc::{self, Receiver};

use common::*;
use cppserver::SpFailure;
use cppserver::nano::{Context, Message, Protocol, Socket, SocketHandler, SpOption};

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

/// A server of which the contexts have taken ten of so many questions, and given nine answers; the
/// peer has taken none. So its other questions are held back.
fn held_back(questions: u32) -> (Socket, Socket, Context) {
    const QUESTION: u32 = 0x8000_0000;
    let (reply, request) = (nano(Protocol::Reply), raw_nano(Protocol::Request));
    reply.set_option(SpOption::SendMessages, 8).unwrap();
    request.set_option(SpOption::ReceiveMessages, 1).unwrap();
    connect_over("inproc", &reply, &request);
    for number in 0..questions {
        let mut question = Message::from(number.to_string());
        question.set_header(&[QUESTION | number]);
        request.send(question).unwrap();
    }
    let mut contexts: Vec<_> = (0..10).map(|_| reply.context().unwrap()).collect();
    for (number, context) in contexts.iter().enumerate() {
        assert_eq!(text(context.receive()), number.to_string());
    }
    let last = contexts.pop().unwrap();
    contexts.iter().for_each(|context| context.send("answer").unwrap());
    assert_failure(reply.try_receive(), SpFailure::WouldBlock);
    (reply, request, last)
}

/// They come when it has taken its answers, also when an answer of another context has found a
/// little room before.
#[test]
fn questions_that_were_held_back_come_when_there_is_room_for_answers() {
    let (reply, request, last) = held_back(20);
    (0..3).for_each(|_| drop(request.receive().unwrap()));
    last.send("answer").unwrap();
    (0..7).for_each(|_| drop(request.receive().unwrap()));
    for number in 10..20 {
        assert_eq!(text(reply.receive_timeout(DEADLINE)), number.to_string());
        reply.send("answer").unwrap();
        request.receive().unwrap();
    }
}

#[test]
fn whoever_waits_is_told_of_questions_that_were_held_back() {
    let (reply, request, last) = held_back(11);
    let (sender, called) = mpsc::channel();
    reply.when_receivable(move || sender.send(()).unwrap()).unwrap();
    let blocked = reply.clone();
    let receiver = std::thread::spawn(move || text(blocked.receive()));
    (0..3).for_each(|_| drop(request.receive().unwrap()));
    last.send("answer").unwrap();
    called.recv_timeout(DEADLINE).unwrap();
    assert_eq!(receiver.join().unwrap(), "10");
}

/// Thousands of requests have waited for a server that takes one at a time.
#[test]
fn a_long_chain_of_looks_needs_no_deep_stack() {
    const CONTEXTS: usize = 8000;
    let (request, reply) = (nano(Protocol::Request), nano(Protocol::Reply));
    request.set_option(SpOption::SendMessages, 1).unwrap();
    reply.set_option(SpOption::ReceiveBuffer, 1 << 30).unwrap();
    reply.set_option(SpOption::ReceiveMessages, 1 << 20).unwrap();
    let contexts: Vec<_> = (0..CONTEXTS).map(|_| request.context().unwrap()).collect();
    contexts.iter().for_each(|context| context.send("?").unwrap());
    connect_over("inproc", &reply, &request);
    for _ in 0..CONTEXTS {
        assert_eq!(text(reply.receive()), "?");
        reply.send("!").unwrap();
    }
    for context in &contexts {
        assert_eq!(text(context.receive()), "!");
    }
}
