//! Contract 9: start() itself fails with the error, and nothing else is disturbed.

mod common;

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};

use common::*;
use cppserver::{Category, Server, Service, SocketOption, Status};

/// Fails to start a server while another one of the same service goes on serving.
fn disturbs_nothing(fail: impl FnOnce(&World, &Server)) {
    let world = World::new();
    let healthy = world.serve(world.server_probe().echo());
    let mut peer = connect(healthy.port());
    peer.write_all(b"before").unwrap();
    assert_eq!(read_some(&mut peer, 6), b"before");
    fail(&world, &healthy);
    peer.write_all(b"after").unwrap();
    assert_eq!(read_some(&mut peer, 5), b"after");
    assert!(healthy.is_started());
    let log = world.finish();
    assert_eq!(log.errors("server"), [], "a failed start is told by its result alone");
    assert_eq!(log.errors("service"), []);
}

#[test]
fn contract_09_a_port_in_use() {
    disturbs_nothing(|world, healthy| {
        let foreign = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for port in [healthy.port(), foreign.local_addr().unwrap().port()] {
            let server = Server::tcp(&world.service, "127.0.0.1", port).unwrap();
            let error = server.start(world.server_probe().renamed("failed")).unwrap_err();
            assert_eq!((error.status(), error.category()), (Status::System, Category::System));
            let text = error.message();
            assert!(text.starts_with(&format!("cannot listen on 127.0.0.1:{port}: ")), "{text}");
            assert!(text.contains("choose another port"), "{text}");
            assert!(!server.is_started());
            assert_eq!(server.native_handle(), None);
        }
        assert_eq!(world.log.of("failed"), [Event::Dropped, Event::Dropped]);
    });
}

#[test]
fn contract_09_a_server_whose_start_failed_starts_later() {
    let world = World::new();
    let first = world.serve(world.server_probe());
    let second = Server::tcp(&world.service, "127.0.0.1", first.port()).unwrap();
    assert!(second.start(world.server_probe()).is_err());
    assert_eq!(second.stop().unwrap_err().status(), Status::InvalidState);
    first.stop().unwrap();
    world.log.wait_event("server", Event::Stopped);
    second.start(world.server_probe()).unwrap();
    drop(connect(second.port()));
    world.log.wait_event("session", Event::Dropped);
    world.finish();
}

#[test]
fn contract_09_an_address_that_is_none() {
    let service = Service::new().unwrap();
    for address in ["", " ", "[]", "127.0.0.1\0"] {
        let error = Server::tcp(&service, address, 0).unwrap_err();
        assert_eq!(
            (error.status(), error.category()),
            (Status::InvalidArgument, Category::Argument),
            "{address:?}"
        );
    }
}

#[test]
fn contract_09_a_name_that_nobody_knows() {
    disturbs_nothing(|world, _| {
        for address in ["no.such.host.invalid", "127.0.0.1.5", "1::2::3", "not a name"] {
            let server = Server::tcp(&world.service, address, 0).unwrap();
            let error = server.start(world.server_probe().renamed("failed")).unwrap_err();
            assert_eq!(
                (error.status(), error.category()),
                (Status::Resolver, Category::Resolver),
                "{address}: {error}"
            );
            assert!(error.message().contains(address), "{error}");
        }
    });
}

#[test]
fn contract_09_an_address_of_another_machine() {
    disturbs_nothing(|world, _| {
        // For documentation only (RFC 5737), so nobody has it.
        let server = Server::tcp(&world.service, "198.51.100.1", 0).unwrap();
        let error = server.start(world.server_probe().renamed("failed")).unwrap_err();
        assert_eq!(error.status(), Status::System);
        assert!(error.message().contains("use an address of this machine"), "{error}");
    });
}

#[test]
fn contract_09_a_server_starts_and_stops_only_in_turn() {
    disturbs_nothing(|world, healthy| {
        let error = healthy.start(world.server_probe().renamed("second")).unwrap_err();
        assert_eq!(error.status(), Status::InvalidState);
        let idle = world.server();
        for result in [idle.stop(), idle.restart(), idle.multicast(b"x"), idle.disconnect_all()] {
            assert_eq!(result.unwrap_err().status(), Status::InvalidState);
        }
    });
}

#[test]
fn contract_09_a_stopping_service_starts_no_server() {
    let world = World::new();
    let server = world.server();
    let (inner, log) = (server.clone(), world.log.clone());
    let other = world.serve(world.server_probe().on(move |_, event| {
        if *event == Event::Stopped {
            let late = ServerProbe::new(&log).renamed("late");
            let status = inner.start(late).map_err(|error| error.status());
            log.expect(status == Err(Status::InvalidState), "a server started too late");
        }
    }));
    let log = world.finish();
    assert_eq!(log.of("late"), [Event::Dropped]);
    assert!(!other.is_started() && !server.is_started());
}

#[cfg(windows)]
#[test]
fn contract_09_a_port_can_not_be_shared_here() {
    let world = World::new();
    let server = world.server();
    server.set_option(SocketOption::ReusePort, 1).unwrap();
    let error = server.start(world.server_probe()).unwrap_err();
    assert_eq!((error.status(), error.category()), (Status::Unsupported, Category::Unsupported));
    world.finish();
}

/// Windows has no such option; the test above is about that.
#[cfg(unix)]
#[test]
fn contract_09_a_port_is_shared_only_when_both_agree() {
    let world = World::new();
    let first = world.server();
    first.set_option(SocketOption::ReusePort, 1).unwrap();
    first.start(world.server_probe()).unwrap();
    let second = Server::tcp(&world.service, "127.0.0.1", first.port()).unwrap();
    assert_eq!(second.start(world.server_probe()).unwrap_err().status(), Status::System);
    second.set_option(SocketOption::ReusePort, 1).unwrap();
    second.start(world.server_probe()).unwrap();
    world.finish();
}

/// Needs a user who may not have port 1; root becomes one, in a process of its own.
#[cfg(target_os = "linux")]
#[test]
#[allow(unsafe_code)]
fn contract_09_a_port_that_is_not_allowed() {
    const TEST: &str = "contract_09_a_port_that_is_not_allowed";
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if first_free.is_ok_and(|number| number.trim() == "0") {
        println!("Every user may have every port here, so there is nothing to test.");
        return;
    }
    if !is_child(TEST) {
        run_child(TEST);
        return;
    }
    // SAFETY: changes only the user of this process, which has no threads that care.
    if unsafe { libc::geteuid() } == 0 {
        // SAFETY: as above. 65534 is nobody.
        assert_eq!(unsafe { libc::setgid(65534) }, 0);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setuid(65534) }, 0);
    }
    disturbs_nothing(|world, _| {
        let server = Server::tcp(&world.service, "127.0.0.1", 1).unwrap();
        let error = server.start(world.server_probe().renamed("failed")).unwrap_err();
        assert_eq!(error.code(), libc::EACCES);
        assert!(error.message().contains("ports below 1024 need the right"), "{error}");
    });
}
