//! Watches: the one call that tells an event loop of somebody else that a try is worth while.

mod common;

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;

use common::*;
use cppserver::nano::{Context, Protocol, Socket, SpOption};
use cppserver::{Service, SpFailure};

/// What a watch tells.
#[derive(Debug, PartialEq)]
enum Told {
    /// It was called, on this thread.
    Called(thread::ThreadId),
    Dropped,
}

struct Watch(Sender<Told>);

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.send(Told::Dropped);
    }
}

/// A call that tells its channel.
fn watch() -> (impl FnOnce() + Send + 'static, Receiver<Told>) {
    let (sender, told) = mpsc::channel();
    let watch = Watch(sender);
    let call = move || {
        let _ = watch.0.send(Told::Called(thread::current().id()));
    };
    (call, told)
}

fn watch_receivable(socket: &Socket) -> Receiver<Told> {
    let (call, told) = watch();
    socket.when_receivable(call).unwrap();
    told
}

fn watch_sendable(socket: &Socket) -> Receiver<Told> {
    let (call, told) = watch();
    socket.when_sendable(call).unwrap();
    told
}

fn watch_context(context: &Context) -> Receiver<Told> {
    let (call, told) = watch();
    context.when_receivable(call).unwrap();
    told
}

/// The call comes once, on another thread, and nothing is left of it.
#[track_caller]
fn comes(told: &Receiver<Told>) {
    match told.recv_timeout(DEADLINE).expect("the call comes") {
        Told::Called(thread) => assert_ne!(thread, thread::current().id()),
        Told::Dropped => panic!("it was dropped"),
    }
    assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Dropped));
    assert_eq!(told.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected));
}

/// The call has not come. What could have brought it was done by this thread, or was waited for.
#[track_caller]
fn has_not_come(told: &Receiver<Told>) {
    assert!(told.try_recv().is_err());
}

#[test]
fn a_message_is_told_once() {
    for transport in TRANSPORTS {
        let (pull, push) = linked(transport, Protocol::Pull, Protocol::Push);
        assert_failure(pull.try_receive(), SpFailure::WouldBlock);
        let told = watch_receivable(&pull);
        has_not_come(&told);
        push.send("one").unwrap();
        comes(&told);
        assert_eq!(text(pull.try_receive()), "one");
        push.send("two").unwrap();
        assert_eq!(text(pull.receive()), "two");
    }
}

#[test]
fn what_has_come_already_is_told_too() {
    for transport in TRANSPORTS {
        let (pull, push) = linked(transport, Protocol::Pull, Protocol::Push);
        push.send("one").unwrap();
        comes(&watch_receivable(&pull));
        assert_eq!(text(pull.try_receive()), "one");
    }
}

#[test]
fn room_is_told() {
    for transport in TRANSPORTS {
        let push = nano(Protocol::Push);
        assert_failure(push.try_send("nobody is there"), SpFailure::WouldBlock);
        let told = watch_sendable(&push);
        let pull = nano(Protocol::Pull);
        pull.set_option(SpOption::ReceiveMessages, 1).unwrap();
        connect_over(transport, &push, &pull);
        comes(&told);
        comes(&watch_sendable(&push));
        let message = vec![b'x'; 200_000];
        while push.try_send(&message[..]).is_ok() {}
        let told = watch_sendable(&push);
        while told.try_recv().is_err() {
            let _ = pull.try_receive();
        }
        assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Dropped));
        push.try_send("goes on").unwrap();
    }
}

#[test]
fn the_end_of_a_survey_is_told() {
    for transport in TRANSPORTS {
        let (surveyor, respondent) = linked(transport, Protocol::Surveyor, Protocol::Respondent);
        surveyor.set_option(SpOption::SurveyDeadline, DEADLINE.as_millis() as i64).unwrap();
        surveyor.send("question").unwrap();
        let told = watch_receivable(&surveyor);
        assert_eq!(text(respondent.receive()), "question");
        has_not_come(&told);
        respondent.send("answer").unwrap();
        comes(&told);
        assert_eq!(text(surveyor.try_receive()), "answer");
        surveyor.set_option(SpOption::SurveyDeadline, 1).unwrap();
        surveyor.send("quickly").unwrap();
        comes(&watch_receivable(&surveyor));
        assert!(surveyor.try_receive_answer().unwrap().is_none());
    }
}

#[test]
fn each_context_is_told_of_its_own() {
    for transport in TRANSPORTS {
        let (reply, request) = linked(transport, Protocol::Reply, Protocol::Request);
        let (one, other) = (request.context().unwrap(), request.context().unwrap());
        let workers = [reply.context().unwrap(), reply.context().unwrap()];
        let told: Vec<_> = workers.iter().map(watch_context).collect();
        one.send("one").unwrap();
        // Any of them may take it, so all are told.
        told.iter().for_each(comes);
        assert_eq!(text(workers[0].try_receive()), "one");
        assert_failure(workers[1].try_receive(), SpFailure::WouldBlock);
        let told = watch_context(&workers[1]);
        other.send("other").unwrap();
        comes(&told);
        assert_eq!(text(workers[1].try_receive()), "other");
        let (of_one, of_other) = (watch_context(&one), watch_context(&other));
        workers[1].send("to the other").unwrap();
        comes(&of_other);
        assert_eq!(text(other.try_receive()), "to the other");
        has_not_come(&of_one);
        workers[0].send("to the one").unwrap();
        comes(&of_one);
        assert_eq!(text(one.try_receive()), "to the one");
    }
}

#[test]
fn the_end_of_a_survey_of_a_context_is_told() {
    let surveyor = nano(Protocol::Surveyor);
    surveyor.set_option(SpOption::SurveyDeadline, 1).unwrap();
    let context = surveyor.context().unwrap();
    context.send("is anybody there?").unwrap();
    comes(&watch_context(&context));
    assert!(context.try_receive_answer().unwrap().is_none());
}

#[test]
fn a_watch_takes_the_place_of_the_one_before() {
    let (pull, push) = linked("inproc", Protocol::Pull, Protocol::Push);
    let first = watch_receivable(&pull);
    let second = watch_receivable(&pull);
    assert_eq!(first.recv_timeout(DEADLINE), Ok(Told::Dropped));
    push.send("message").unwrap();
    comes(&second);
}

#[test]
fn a_close_is_told() {
    let reply = nano(Protocol::Reply);
    let context = reply.context().unwrap();
    let told = [watch_receivable(&reply), watch_context(&context), watch_sendable(&reply)];
    reply.close().unwrap();
    told.iter().for_each(comes);
    comes(&watch_receivable(&reply));
    assert_failure(context.try_receive(), SpFailure::Closed);
}

#[test]
fn a_watch_goes_with_its_context() {
    let reply = nano(Protocol::Reply);
    let context = reply.context().unwrap();
    let told = watch_context(&context);
    drop(context);
    assert_eq!(told.recv_timeout(DEADLINE), Ok(Told::Dropped));
}

#[test]
fn a_watch_keeps_no_socket() {
    let (pull, push) = linked("tcp", Protocol::Pull, Protocol::Push);
    let told = watch_receivable(&pull);
    drop(pull);
    wait_connections(&push, 0);
    // The end is told, unless the loop has ended with the socket.
    while let Ok(event) = told.recv_timeout(DEADLINE) {
        assert!(matches!(event, Told::Called(_) | Told::Dropped));
    }
}

#[test]
fn a_call_may_do_everything() {
    let service = Service::new().unwrap();
    service.start(()).unwrap();
    let pull = Socket::with_service(&service, Protocol::Pull).unwrap();
    let push = nano(Protocol::Push);
    connect_over("inproc", &pull, &push);
    let (sender, received) = mpsc::channel();
    receive_all(&pull, &sender);
    for number in 0..100 {
        push.send(number.to_string()).unwrap();
    }
    for number in 0..100 {
        assert_eq!(received.recv_timeout(DEADLINE).unwrap(), number.to_string());
    }
    pull.close().unwrap();
    drop(sender);
    assert_eq!(received.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected));
    service.stop().unwrap();
}

/// Receives until the end, and watches again from within each call.
fn receive_all(socket: &Socket, sender: &Sender<String>) {
    let (receiver, sender) = (socket.clone(), sender.clone());
    let call = move || {
        while let Ok(message) = receiver.try_receive() {
            sender.send(message.to_text().into_owned()).unwrap();
        }
        if !receiver.is_closed() {
            receive_all(&receiver, &sender);
        }
    };
    socket.when_receivable(call).unwrap();
}

/// Two threads send while one is told, and no message is left lying.
#[test]
fn nothing_is_missed() {
    const EACH: usize = 2000;
    for transport in TRANSPORTS {
        let pull = nano(Protocol::Pull);
        let (_endpoint, address) = listen_over(transport, &pull);
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let push = nano(Protocol::Push);
                push.dial(&address).unwrap();
                thread::spawn(move || {
                    for number in 0..EACH {
                        push.send(number.to_string()).unwrap();
                    }
                    push
                })
            })
            .collect();
        let mut count = 0;
        while count < 2 * EACH {
            match pull.try_receive() {
                Ok(_) => count += 1,
                Err(_) => comes(&watch_receivable(&pull)),
            }
        }
        senders.into_iter().for_each(|sender| drop(sender.join().unwrap()));
    }
}
