//! Devices: messages over several hops.

mod common;

use std::thread;

use common::*;
use cppserver::SpFailure;
use cppserver::nano::{Device, Protocol, Socket, SpOption};

/// One side of a device.
struct Side {
    socket: Socket,
    address: String,
}

impl Side {
    /// A socket that is connected with it, as both of them know.
    fn dialed(&self, protocol: Protocol) -> Socket {
        let before = self.socket.statistics().current_connections;
        let socket = nano(protocol);
        socket.dial(&self.address).unwrap();
        wait_connections(&socket, 1);
        wait_connections(&self.socket, before + 1);
        socket
    }
}

/// A device between two sides to dial.
fn device(transport: &str, front: Protocol, back: Protocol) -> (Device, Side, Side) {
    let side = |protocol| {
        let socket = raw_nano(protocol);
        let (_, address) = listen_over(transport, &socket);
        Side { socket, address }
    };
    let (front, back) = (side(front), side(back));
    (Device::new(&front.socket, &back.socket).unwrap(), front, back)
}

#[test]
fn requests_and_surveys_go_through_a_device_and_back() {
    for transport in TRANSPORTS {
        for (asks, answers) in
            [(Protocol::Request, Protocol::Reply), (Protocol::Surveyor, Protocol::Respondent)]
        {
            let (_device, front, back) = device(transport, answers, asks);
            let server = back.dialed(answers);
            let clients: Vec<_> = (0..3).map(|_| front.dialed(asks)).collect();
            for (number, client) in clients.iter().enumerate() {
                client.send(number.to_string()).unwrap();
            }
            for _ in &clients {
                let question = server.receive().unwrap();
                server.send(&question).unwrap();
            }
            for (number, client) in clients.iter().enumerate() {
                assert_eq!(text(client.receive()), number.to_string());
            }
        }
    }
}

#[test]
fn all_patterns_go_through_a_device() {
    for transport in TRANSPORTS {
        for (sends, receives) in [
            (Protocol::Push, Protocol::Pull),
            (Protocol::Publisher, Protocol::Subscriber),
            (Protocol::Pair, Protocol::Pair),
            (Protocol::Bus, Protocol::Bus),
        ] {
            let (_device, front, back) = device(transport, receives, sends);
            let (from, to) = (front.dialed(sends), back.dialed(receives));
            if receives == Protocol::Subscriber {
                to.subscribe("").unwrap();
            }
            for number in 0..100 {
                from.send(number.to_string()).unwrap();
                assert_eq!(text(to.receive()), number.to_string(), "{sends} over {transport}");
            }
            assert_failure(
                from.try_receive().map(drop),
                match sends {
                    Protocol::Push | Protocol::Publisher => SpFailure::NotSupported,
                    _ => SpFailure::WouldBlock,
                },
            );
        }
    }
}

#[test]
fn a_device_holds_up_senders_and_loses_nothing() {
    for transport in TRANSPORTS {
        let (_device, front, back) = device(transport, Protocol::Pull, Protocol::Push);
        let push = front.dialed(Protocol::Push);
        let sender = thread::spawn(move || {
            for number in 0..5000_u32 {
                let body = [&number.to_be_bytes()[..], &[0; 1000]].concat();
                push.send(body).unwrap();
            }
            push
        });
        // Nobody takes it for as long as the sender gets on.
        let pull = back.dialed(Protocol::Pull);
        for number in 0..5000_u32 {
            assert_eq!(pull.receive().unwrap()[..4], number.to_be_bytes());
        }
        drop(sender.join().unwrap());
    }
}

#[test]
fn a_question_may_take_so_many_hops_and_no_more() {
    for (limit, arrives) in [(3, true), (2, false)] {
        let (client, server) = (nano(Protocol::Request), nano(Protocol::Reply));
        let mut devices = Vec::new();
        let (_, mut next) = listen_over("inproc", &server);
        for _ in 0..3 {
            let (front, back) = (raw_nano(Protocol::Reply), raw_nano(Protocol::Request));
            back.dial(&next).unwrap();
            next = listen_over("tcp", &front).1;
            devices.push(Device::new(&front, &back).unwrap());
            wait_connections(&back, 1);
        }
        server.set_option(SpOption::MaxHops, limit).unwrap();
        client.dial(&next).unwrap();
        client.send("far away").unwrap();
        if arrives {
            assert_eq!(text(server.receive()), "far away");
            server.send("and back").unwrap();
            assert_eq!(text(client.receive()), "and back");
        } else {
            eventually("it is dropped", || server.statistics().messages_dropped == 1);
            assert_failure(server.try_receive(), SpFailure::WouldBlock);
        }
    }
}

#[test]
fn devices_join_what_belongs_together() {
    let (reply, request) = (raw_nano(Protocol::Reply), raw_nano(Protocol::Request));
    assert!(Device::new(&reply, &nano(Protocol::Request)).is_err(), "it is not raw");
    assert!(Device::new(&reply, &raw_nano(Protocol::Push)).is_err());
    assert!(Device::new(&reply, &reply).is_err());
    Device::new(&reply, &request).unwrap().close();
    assert!(!reply.is_closed() && !request.is_closed());
    reply.close().unwrap();
    assert_failure(Device::new(&reply, &request), SpFailure::Closed);
}

#[test]
fn a_device_of_one_socket_sends_back_what_it_receives() {
    let bus = raw_nano(Protocol::Pair);
    let (_, address) = listen_over("tcp", &bus);
    let _device = Device::new(&bus, &bus).unwrap();
    let pair = nano(Protocol::Pair);
    pair.dial(&address).unwrap();
    pair.send("echo").unwrap();
    assert_eq!(text(pair.receive()), "echo");
}
