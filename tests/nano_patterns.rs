//! Each pattern over each transport, in whatever direction the connection was made.

mod common;

use std::time::Duration;

use common::*;
use cppserver::SpFailure;
use cppserver::nano::{Protocol, Socket, SpOption};

/// Runs a test with both sockets as the listener, over all transports.
fn each_way(one: Protocol, other: Protocol, test: impl Fn(&Socket, &Socket)) {
    for transport in TRANSPORTS {
        let (a, b) = linked(transport, one, other);
        test(&a, &b);
        let (b, a) = linked(transport, other, one);
        test(&a, &b);
    }
}

#[test]
fn pair() {
    each_way(Protocol::Pair, Protocol::Pair, |a, b| {
        a.send("hello").unwrap();
        b.send("hello yourself").unwrap();
        assert_eq!(text(b.receive()), "hello");
        assert_eq!(text(a.receive()), "hello yourself");
        for size in [0, 1, 54, 55, 1000, 200_000] {
            let bytes = vec![size as u8; size];
            a.send(&bytes).unwrap();
            assert_eq!(*b.receive().unwrap(), *bytes);
        }
    });
}

#[test]
fn push_and_pull() {
    each_way(Protocol::Push, Protocol::Pull, |push, pull| {
        for number in 0..1000 {
            push.send(number.to_string()).unwrap();
            if number >= 100 {
                assert_eq!(text(pull.receive()), (number - 100).to_string());
            }
        }
        for number in 900..1000 {
            assert_eq!(text(pull.receive()), number.to_string());
        }
        assert_failure(push.receive(), SpFailure::NotSupported);
        assert_failure(pull.send("no"), SpFailure::NotSupported);
        assert_failure(pull.try_receive(), SpFailure::WouldBlock);
    });
}

#[test]
fn request_and_reply() {
    each_way(Protocol::Request, Protocol::Reply, |client, server| {
        assert_failure(client.receive(), SpFailure::WrongState);
        assert_failure(server.send("no request"), SpFailure::WrongState);
        for number in 0..10 {
            client.send(number.to_string()).unwrap();
            assert_eq!(text(server.receive()), number.to_string());
            server.send(format!("answer {number}")).unwrap();
            assert_eq!(text(client.receive()), format!("answer {number}"));
        }
        assert_failure(client.try_receive(), SpFailure::WrongState);
    });
}

#[test]
fn publish_and_subscribe() {
    each_way(Protocol::Publisher, Protocol::Subscriber, |publisher, subscriber| {
        subscriber.subscribe("a").unwrap();
        subscriber.subscribe("end").unwrap();
        for message in ["apple", "banana", "a", "", "end"] {
            publisher.send(message).unwrap();
        }
        for message in ["apple", "a", "end"] {
            assert_eq!(text(subscriber.receive()), message);
        }
        subscriber.unsubscribe("a").unwrap();
        for message in ["apple", "the end", "end"] {
            publisher.send(message).unwrap();
        }
        assert_eq!(text(subscriber.receive()), "end");
        assert_failure(publisher.receive(), SpFailure::NotSupported);
        assert_failure(publisher.subscribe("a"), SpFailure::NotSupported);
        assert_failure(subscriber.send("no"), SpFailure::NotSupported);
    });
}

#[test]
fn survey() {
    each_way(Protocol::Surveyor, Protocol::Respondent, |surveyor, respondent| {
        assert_failure(surveyor.receive(), SpFailure::WrongState);
        surveyor.set_option(SpOption::SurveyDeadline, 200).unwrap();
        surveyor.send("who is there?").unwrap();
        assert_eq!(text(respondent.receive()), "who is there?");
        respondent.send("me").unwrap();
        assert_failure(respondent.send("twice"), SpFailure::WrongState);
        assert_eq!(text(surveyor.receive()), "me");
        assert_failure(surveyor.receive(), SpFailure::TimedOut);
        assert_failure(surveyor.receive(), SpFailure::WrongState);
    });
}

#[test]
fn the_end_of_a_survey_is_told_apart_from_a_timeout() {
    each_way(Protocol::Surveyor, Protocol::Respondent, |surveyor, respondent| {
        let context = surveyor.context().unwrap();
        assert_failure(surveyor.receive_answer(), SpFailure::WrongState);
        surveyor.set_option(SpOption::SurveyDeadline, 60_000).unwrap();
        surveyor.send("who is there?").unwrap();
        let moment = Duration::from_millis(1);
        assert_failure(surveyor.receive_answer_timeout(moment), SpFailure::TimedOut);
        assert_failure(surveyor.try_receive_answer(), SpFailure::WouldBlock);
        assert_eq!(text(respondent.receive()), "who is there?");
        respondent.send("me").unwrap();
        assert_eq!(surveyor.receive_answer().unwrap().unwrap().as_str(), Some("me"));
        context.send("who else?").unwrap();
        assert_failure(context.receive_answer_timeout(moment), SpFailure::TimedOut);
        assert_failure(context.try_receive_answer(), SpFailure::WouldBlock);
        surveyor.set_option(SpOption::SurveyDeadline, 1).unwrap();
        surveyor.send("nobody answers").unwrap();
        assert_eq!(surveyor.receive_answer(), Ok(None));
        assert_failure(surveyor.receive_answer(), SpFailure::WrongState);
        context.send("here neither").unwrap();
        assert_eq!(context.receive_answer(), Ok(None));
    });
}

#[test]
fn bus() {
    each_way(Protocol::Bus, Protocol::Bus, |a, b| {
        a.send("hello").unwrap();
        assert_eq!(text(b.receive()), "hello");
        b.send("hello yourself").unwrap();
        assert_eq!(text(a.receive()), "hello yourself");
        assert_failure(a.try_receive(), SpFailure::WouldBlock);
        assert_failure(b.try_receive(), SpFailure::WouldBlock);
    });
}

#[test]
fn each_node_of_a_bus_hears_all_others() {
    for transport in TRANSPORTS {
        let nodes: Vec<_> = (0..4).map(|_| nano(Protocol::Bus)).collect();
        let mut addresses = Vec::<String>::new();
        for (number, node) in nodes.iter().enumerate() {
            for address in &addresses {
                node.dial(address).unwrap();
            }
            addresses.push(listen_over(transport, node).1);
            wait_connections(node, number as u64);
        }
        nodes.iter().for_each(|node| wait_connections(node, 3));
        for (number, node) in nodes.iter().enumerate() {
            node.send(number.to_string()).unwrap();
        }
        for (number, node) in nodes.iter().enumerate() {
            let mut heard: Vec<_> = (0..3).map(|_| text(node.receive())).collect();
            heard.sort();
            let others: Vec<_> =
                (0..4).filter(|other| *other != number).map(|other| other.to_string()).collect();
            assert_eq!(heard, others);
            assert_failure(node.try_receive(), SpFailure::WouldBlock);
        }
    }
}

#[test]
fn many_respondents_answer_one_survey() {
    for transport in TRANSPORTS {
        let surveyor = nano(Protocol::Surveyor);
        let (_, address) = listen_over(transport, &surveyor);
        let respondents: Vec<_> = (0..10).map(|_| nano(Protocol::Respondent)).collect();
        respondents.iter().for_each(|respondent| drop(respondent.dial(&address).unwrap()));
        wait_connections(&surveyor, 10);
        surveyor.send("count").unwrap();
        for (number, respondent) in respondents.iter().enumerate() {
            respondent.receive().unwrap();
            respondent.send(number.to_string()).unwrap();
        }
        let mut answers: Vec<_> =
            (0..10).map(|_| text(surveyor.receive()).parse::<u32>().unwrap()).collect();
        answers.sort_unstable();
        assert_eq!(answers, (0..10).collect::<Vec<_>>());
    }
}

#[test]
fn work_goes_to_all_workers() {
    for transport in TRANSPORTS {
        let push = nano(Protocol::Push);
        let (_, address) = listen_over(transport, &push);
        let workers: Vec<_> = (0..4).map(|_| nano(Protocol::Pull)).collect();
        workers.iter().for_each(|worker| drop(worker.dial(&address).unwrap()));
        wait_connections(&push, 4);
        for _ in 0..40 {
            push.send("work").unwrap();
        }
        for worker in &workers {
            for _ in 0..10 {
                worker.receive().unwrap();
            }
            assert_failure(worker.try_receive(), SpFailure::WouldBlock);
        }
    }
}

#[test]
fn a_pair_that_has_a_peer_takes_the_next_one_when_that_leaves() {
    for transport in TRANSPORTS {
        let listener = nano(Protocol::Pair);
        let (_, address) = listen_over(transport, &listener);
        let (first, second) = (nano(Protocol::Pair), nano(Protocol::Pair));
        second.set_option(SpOption::ReconnectInterval, 1).unwrap();
        first.dial(&address).unwrap();
        wait_connections(&listener, 1);
        second.dial(&address).unwrap();
        first.send("I was here first").unwrap();
        assert_eq!(text(listener.receive()), "I was here first");
        first.close().unwrap();
        eventually("the second one has its place", || {
            let statistics = listener.statistics();
            (statistics.broken_connections, statistics.current_connections) == (1, 1)
        });
        second.send("my turn").unwrap();
        assert_eq!(text(listener.receive()), "my turn");
    }
}
