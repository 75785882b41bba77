//! Multicast: who has joined a group hears it, and nobody else does.

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use common::*;
use cppserver::{Category, Group, Service, SocketOption, Status, Udp};

/// The interface of these tests: they leave nothing on the network.
const INTERFACE: &str = if cfg!(windows) { "127.0.0.1" } else { "lo" };

fn group(address: &str, interface: &str) -> Group {
    Group::new(address.parse().unwrap()).unwrap().on_interface(interface).unwrap()
}

fn interface() -> &'static str {
    // macOS names its loopback interface otherwise.
    if cfg!(target_vendor = "apple") { "lo0" } else { INTERFACE }
}

fn service() -> Service {
    let service = Service::new().unwrap();
    service.start(()).unwrap();
    service
}

/// A receiver on a port that others may share.
fn receiver(service: &Service, address: &str, port: u16) -> (Udp, Told) {
    let (probe, mut told) = udp_probe();
    let udp = Udp::server(service, address, port).unwrap();
    udp.set_option(SocketOption::ReuseAddress, 1).unwrap();
    udp.start(probe).unwrap();
    told.expect(&Heard::Started);
    (udp, told)
}

/// A server whose sends go to a group.
fn sender(service: &Service, address: &str, group: &Group, port: u16, interface: &str) -> Udp {
    let (probe, mut told) = udp_probe();
    let udp = Udp::server(service, address, 0).unwrap();
    udp.set_multicast_interface(interface).unwrap();
    udp.set_destination(Some(SocketAddr::new(group.address(), port)));
    udp.start(probe).unwrap();
    told.expect(&Heard::Started);
    assert_eq!(udp.destination(), Some(SocketAddr::new(group.address(), port)));
    udp
}

/// Members join and leave while another thread goes on sending numbers; each hears exactly what was
/// sent while it was a member, and who never was hears nothing.
fn members_hear_the_group(any: &str, group: &Group, other: &Group, interface: &str) {
    let service = service();
    let (first, mut first_told) = receiver(&service, any, 0);
    let port = first.port();
    let (second, mut second_told) = receiver(&service, any, port);
    let (stranger, mut stranger_told) = receiver(&service, any, port);
    // It has the same port and another group. Linux would mix the groups of all sockets of a port,
    // unless told otherwise.
    stranger.join(other).unwrap();
    stranger_told.expect(&Heard::Joined(*other));
    let udp = sender(&service, any, group, port, interface);
    let send = |number: u8| {
        udp.send(&[number]).unwrap();
    };
    first.join(group).unwrap();
    first_told.expect(&Heard::Joined(*group));
    for number in 0..50 {
        send(number);
        assert_eq!(first_told.datagram().1, [number]);
    }
    second.join(group).unwrap();
    second_told.expect(&Heard::Joined(*group));
    for number in 50..100 {
        send(number);
        assert_eq!(first_told.datagram().1, [number]);
        assert_eq!(second_told.datagram().1, [number]);
    }
    first.leave(group).unwrap();
    first_told.expect(&Heard::Left(*group));
    for number in 100..150 {
        send(number);
        assert_eq!(second_told.datagram().1, [number]);
    }
    second.leave(group).unwrap();
    second_told.expect(&Heard::Left(*group));
    send(200);
    eventually("it has left", || udp.datagrams_sent() == 151);
    // Who is to hear it has it in the socket now, and a turn of the loop takes it out.
    pump(&service);
    service.stop().unwrap();
    let numbers = |told: &mut Told| {
        let heard = told.rest().into_iter().filter_map(|heard| match heard {
            Heard::Received(_, data, _) => Some(data),
            _ => None,
        });
        heard.collect::<Vec<_>>()
    };
    assert_eq!(numbers(&mut first_told), Vec::<Vec<u8>>::new(), "left means left");
    assert_eq!(numbers(&mut second_told), Vec::<Vec<u8>>::new());
    assert_eq!(numbers(&mut stranger_told), Vec::<Vec<u8>>::new(), "never joined");
}

#[test]
fn members_of_an_ipv4_group() {
    let on = |address| group(address, interface());
    members_hear_the_group("0.0.0.0", &on("239.255.0.1"), &on("239.255.0.2"), interface());
}

/// The loopback interface of Linux carries no multicasts of IPv6.
#[test]
#[cfg(target_os = "linux")]
fn members_of_groups_on_a_network() {
    const TEST: &str = "members_of_groups_on_a_network";
    if !is_child(TEST) {
        return run_child_in_namespace(TEST);
    }
    for (any, first, second) in
        [("::", "ff02::4242", "ff02::4243"), ("0.0.0.0", "239.255.0.1", "239.255.0.2")]
    {
        members_hear_the_group(any, &group(first, "v0"), &group(second, "v0"), "v0");
    }
    only_the_chosen_source_of_ipv6_is_heard();
    the_own_machine_is_deaf_without_the_loop();
}

/// On the loopback interface itself nothing can be kept away from this machine.
#[cfg(target_os = "linux")]
fn the_own_machine_is_deaf_without_the_loop() {
    let service = service();
    let group = group("239.255.0.5", "v0");
    let (member, mut told) = receiver(&service, "0.0.0.0", 0);
    member.join(&group).unwrap();
    told.expect(&Heard::Joined(group));
    let udp = sender(&service, "0.0.0.0", &group, member.port(), "v0");
    udp.set_option(SocketOption::MulticastLoop, 0).unwrap();
    udp.send(b"silent").unwrap();
    eventually("it has left", || udp.datagrams_sent() == 1);
    udp.set_option(SocketOption::MulticastLoop, 1).unwrap();
    udp.send(b"loud").unwrap();
    assert_eq!(told.datagram().1, b"loud");
    service.stop().unwrap();
}

#[cfg(target_os = "linux")]
fn only_the_chosen_source_of_ipv6_is_heard() {
    let service = service();
    let (udp, mut told) = receiver(&service, "::", 0);
    let join = |address: &str, source: &str| {
        let group = group(address, "v0").from_source(source.parse().unwrap()).unwrap();
        udp.join(&group).unwrap();
        group
    };
    let heard = join("ff35::4242", "fd00::1");
    told.expect(&Heard::Joined(heard));
    let unheard = join("ff35::4243", "fd00::2");
    told.expect(&Heard::Joined(unheard));
    let sender = sender(&service, "::", &heard, udp.port(), "v0");
    sender.send_to(SocketAddr::new(unheard.address(), udp.port()), b"unheard").unwrap();
    sender.send(b"heard").unwrap();
    assert_eq!(told.datagram().1, b"heard");
    udp.leave(&heard).unwrap();
    told.expect(&Heard::Left(heard));
    service.stop().unwrap();
}

#[test]
fn joining_twice_and_leaving_without_a_join_are_errors() {
    let service = service();
    let (udp, mut told) = receiver(&service, "0.0.0.0", 0);
    let group = group("239.255.0.3", interface());
    udp.leave(&group).unwrap();
    let error = told.error();
    assert_eq!(error.category(), Category::System);
    assert!(error.message().contains("not joined"), "{error}");
    udp.join(&group).unwrap();
    told.expect(&Heard::Joined(group));
    udp.join(&group).unwrap();
    let error = told.error();
    assert!(error.message().contains("joined already"), "{error}");
    udp.leave(&group).unwrap();
    told.expect(&Heard::Left(group));
    assert!(udp.is_started(), "errors of groups stop nothing");
    service.stop().unwrap();
}

#[test]
fn what_is_no_group_is_an_error_at_once() {
    let service = service();
    for address in ["127.0.0.1", "255.255.255.255", "::1"] {
        let error = Group::new(address.parse().unwrap()).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
    }
    let any = Group::new(IpAddr::V4(Ipv4Addr::new(239, 255, 0, 4))).unwrap();
    assert!(any.on_interface("no such interface").is_err());
    let udp = Udp::server(&service, "0.0.0.0", 0).unwrap();
    assert_eq!(udp.join(&any).unwrap_err().status(), Status::NotConnected);
    // A group of the other version is refused by the socket.
    let (udp, mut told) = receiver(&service, "0.0.0.0", 0);
    udp.join(&group_v6()).unwrap();
    assert_eq!(told.error().category(), Category::System);
    service.stop().unwrap();
}

fn group_v6() -> Group {
    Group::new("ff02::4244".parse().unwrap()).unwrap()
}

/// Source-specific multicast: 127.0.0.0/8 belongs to this machine as a whole.
#[test]
#[cfg(target_os = "linux")]
fn only_the_chosen_source_is_heard() {
    let service = service();
    for by_index in [false, true] {
        let (udp, mut told) = receiver(&service, "0.0.0.0", 0);
        let interface = if by_index { "lo" } else { "127.0.0.1" };
        let source: IpAddr = "127.0.0.2".parse().unwrap();
        let group = Group::new("232.1.2.3".parse().unwrap())
            .and_then(|group| group.from_source(source))
            .and_then(|group| group.on_interface(interface))
            .unwrap();
        assert_eq!(group.source(), Some(source));
        udp.join(&group).unwrap();
        told.expect(&Heard::Joined(group));
        let to = SocketAddr::new(group.address(), udp.port());
        let from = |address: &str| {
            let (probe, mut told) = udp_probe();
            let udp = Udp::server(&service, address, 0).unwrap();
            udp.set_multicast_interface("lo").unwrap();
            udp.start(probe).unwrap();
            told.expect(&Heard::Started);
            udp
        };
        let (refused, chosen) = (from("127.0.0.3"), from("127.0.0.2"));
        for number in 0..10_u8 {
            refused.send_to(to, &[number, 3]).unwrap();
            chosen.send_to(to, &[number, 2]).unwrap();
            let (from, data) = told.datagram();
            assert_eq!((from.ip(), data), (source, vec![number, 2]));
        }
        udp.leave(&group).unwrap();
        told.expect(&Heard::Left(group));
        udp.stop().unwrap();
        told.rest();
    }
    service.stop().unwrap();
}
