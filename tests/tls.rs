//! Encrypted sessions keep the contracts of plain ones, and add some of their own.

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex};

use common::*;
use cppserver::{
    Category, Client, Reason, SocketOption, Status, TlsFailure, TlsVerify, TlsVersion,
};

/// More than the buffers of the system take, and less than the send limit.
const MUCH: usize = 12 << 20;

fn is_handshaked(event: &Event) -> bool {
    *event == Event::Handshaked
}

#[test]
fn contract_03_callbacks_come_in_order_and_once() {
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let world = World::new();
        let context = server_context();
        context.set_maximum_version(version);
        let server = world.serve_tls(&context, world.server_probe().echo());
        let client = world.connect_tls(&client_context(), server.port(), world.probe("client"));
        world.log.wait_for("client", is_handshaked);
        client.send(b"hello").unwrap();
        world.log.wait_received("client", 5);
        client.disconnect().unwrap();
        world.log.wait_event("session", Event::Dropped);
        let both = [Event::Connected, Event::Handshaked, Event::Received(b"hello".to_vec())];
        let end = |reason| [Event::Disconnected(reason), Event::Dropped];
        let story = |reason| [&both[..], &end(reason)[..]].concat();
        assert_eq!(world.log.story("session"), story(Reason::PeerClosed));
        world.log.wait_event("client", Event::Dropped);
        assert_eq!(world.log.story("client"), story(Reason::Local));
        assert_eq!((client.bytes_sent(), client.bytes_received()), (5, 5), "of the application");
        world.finish();
    }
}

#[test]
fn sends_before_the_handshake_leave_after_it() {
    let world = World::new();
    let probe = world.server_probe().sessions(|session, event| {
        if *event == Event::Connected {
            session.send(b"from the server").unwrap();
        }
    });
    let server = world.serve_tls(&server_context(), probe);
    let client = world.probe("client").on(|session, event| {
        if *event == Event::Connected {
            session.send(b"from the client").unwrap();
            assert_eq!(session.bytes_pending(), 15);
        }
    });
    world.connect_tls(&client_context(), server.port(), client);
    world.log.wait_received("session", 15);
    world.log.wait_received("client", 15);
    assert_eq!(world.log.received("session"), b"from the client");
    assert_eq!(world.log.received("client"), b"from the server");
    world.finish();
}

#[test]
fn contract_06_disconnect_loses_nothing() {
    for right_away in [true, false] {
        let world = World::new();
        let probe = world.server_probe().sessions(move |session, event| {
            // Also before the handshake.
            let now = if right_away { Event::Connected } else { Event::Handshaked };
            if *event == now {
                session.send(&pattern(MUCH)).expect("it is below the limit");
                session.disconnect().unwrap();
                assert_eq!(session.send(b"more").unwrap_err().status(), Status::NotConnected);
            }
        });
        let server = world.serve_tls_patiently(&server_context(), probe);
        let mut peer = tls_connect(server.port());
        let mut bytes = Vec::new();
        // Fails without close_notify.
        peer.read_to_end(&mut bytes).unwrap();
        assert!(bytes == pattern(MUCH));
        world.log.wait_event("session", Event::Dropped);
        assert_eq!(world.log.errors("session"), []);
        world.finish();
    }
}

#[test]
fn a_peer_that_sends_while_the_session_closes_gets_everything() {
    let world = World::new();
    let probe = world.server_probe().sessions(|session, event| {
        if matches!(event, Event::Received(_)) {
            session.send(&pattern(1 << 20)).unwrap();
            session.disconnect().unwrap();
        }
    });
    let server = world.serve_tls_patiently(&server_context(), probe);
    let mut peer = tls_connect(server.port());
    peer.write_all(&[1; 100_000]).unwrap();
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).unwrap();
    assert!(bytes == pattern(1 << 20));
    world.finish();
}

#[test]
fn contract_08_a_truncation_is_told_apart_from_the_end() {
    let world = World::new();
    let server = world.serve_tls(&server_context(), world.server_probe());
    let mut peer = tls_connect(server.port());
    peer.write_all(b"hello").unwrap();
    peer.flush().unwrap();
    world.log.wait_received("session", 5);
    peer.sock.shutdown(Shutdown::Write).unwrap();
    world.log.wait_event("session", Event::Dropped);
    let story = world.log.story("session");
    assert!(story.contains(&Event::Disconnected(Reason::Truncated)), "{story:?}");
    let errors = world.log.errors("session");
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (errors[0].category(), errors[0].code()),
        (Category::Tls, TlsFailure::Truncated as i32)
    );

    let mut peer = tls_connect(server.port());
    peer.conn.send_close_notify();
    peer.flush().unwrap();
    // The answer is close_notify too, before this side has closed its socket.
    assert_eq!(peer.read(&mut [0; 10]).unwrap(), 0);
    world.log.wait_event("session", Event::Disconnected(Reason::PeerClosed));
    world.finish();
}

#[test]
fn contract_12_a_handshake_has_a_deadline() {
    let world = World::new();
    let context = server_context();
    let server = cppserver::Server::tls(&world.service, &context, "127.0.0.1", 0).unwrap();
    assert_eq!(server.option(SocketOption::HandshakeTimeout).unwrap(), 10_000);
    server.set_option(SocketOption::HandshakeTimeout, 50).unwrap();
    let probe = world.server_probe().sessions(|session, event| {
        if *event == Event::Connected {
            session.send(b"in vain").unwrap();
        }
    });
    server.start(probe).unwrap();
    let mut peer = connect(server.port());
    // The beginning of a ClientHello, and nothing more.
    peer.write_all(&[22, 3, 1, 2, 0, 1, 0]).unwrap();
    world.log.wait_event("session", Event::Disconnected(Reason::Timeout));
    let error = world.log.errors("session").remove(0);
    assert_eq!(error.status(), Status::Timeout);
    assert!(error.message().contains("within 50 milliseconds"), "{error}");
    assert!(error.message().ends_with("7 bytes were not delivered"), "{error}");

    let (listener, port) = listener();
    let client = world.tls_client(&client_context(), port);
    client.set_option(SocketOption::HandshakeTimeout, 50).unwrap();
    client.connect(world.probe("client")).unwrap();
    let _silent = accept(&listener);
    world.log.wait_event("client", Event::Disconnected(Reason::Timeout));
    world.finish();
}

#[test]
fn contract_12_the_close_of_a_silent_peer_has_a_deadline() {
    let world = World::new();
    let context = server_context();
    let server = cppserver::Server::tls(&world.service, &context, "127.0.0.1", 0).unwrap();
    server.set_option(SocketOption::CloseTimeout, 50).unwrap();
    let probe = world.server_probe().sessions(|session, event| {
        if *event == Event::Connected {
            session.send(b"never to be delivered").unwrap();
            session.disconnect().unwrap();
        }
    });
    server.start(probe).unwrap();
    let _silent = connect(server.port());
    world.log.wait_event("session", Event::Disconnected(Reason::Local));
    let error = world.log.errors("session").remove(0);
    assert!(error.message().starts_with("21 accepted bytes were not delivered"), "{error}");
    world.finish();
}

#[test]
fn multicast_reaches_the_sessions_that_are_handshaked() {
    let world = World::with_threads(2);
    let server = world.serve_tls(&server_context(), world.server_probe());
    let _early = connect(server.port());
    let mut peers: Vec<_> = (0..5).map(|_| tls_connect(server.port())).collect();
    world.log.wait_count("session", 5, is_handshaked);
    world.log.wait_count("session", 6, |event| *event == Event::Connected);
    server.multicast(b"to all of you").unwrap();
    for peer in &mut peers {
        let mut bytes = [0; 13];
        peer.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"to all of you");
    }
    world.finish();
}

#[test]
fn other_protocols_meet_a_clear_error() {
    let world = World::new();
    let server = world.serve_tls(&server_context(), world.server_probe());
    let mut healthy = tls_connect(server.port());
    for bytes in [&b"GET / HTTP/1.0\r\n\r\n"[..], &[0; 100], &[255; 5]] {
        let mut peer = connect(server.port());
        peer.write_all(bytes).unwrap();
        // An alert, or the end.
        let _ = peer.read(&mut [0; 100]);
    }
    world.log.wait_count("session", 3, |event| *event == Event::Disconnected(Reason::Error));
    for error in world.log.errors("session") {
        assert_eq!((error.status(), error.category()), (Status::Tls, Category::Tls), "{error}");
    }
    // Nobody else has noticed.
    healthy.write_all(b"still here").unwrap();
    healthy.flush().unwrap();
    world.log.wait_received("session", 10);

    // The other way round: a plain server answers in plain text.
    let (listener, port) = listener();
    world.connect_tls(&client_context(), port, world.probe("client"));
    let mut plain = accept(&listener);
    plain.write_all(b"220 mail.example.com ESMTP\r\n").unwrap();
    world.log.wait_event("client", Event::Disconnected(Reason::Error));
    let error = world.log.errors("client").remove(0);
    assert_eq!(error.category(), Category::Tls);
    assert!(error.message().contains("does not speak TLS"), "{error}");
    world.finish();
}

/// What a client is told about the server of this certificate.
fn verdict(chain: &str, key: &str, host: &str, change: impl FnOnce(&Client)) -> (i32, String) {
    let world = World::new();
    let context = cppserver::TlsContext::new();
    context.set_certificate_files(certificate(chain), certificate(key), None).unwrap();
    let server = world.serve_tls(&context, world.server_probe());
    let client = Client::tls(&world.service, &client_context(), host, server.port()).unwrap();
    change(&client);
    client.connect(world.probe("client")).unwrap();
    world.log.wait_event("client", Event::Dropped);
    assert!(!world.log.of("client").contains(&Event::Handshaked));
    let error = world.log.errors("client").remove(0);
    assert_eq!(error.category(), Category::Tls);
    // The server is told why by an alert.
    world.log.wait_event("session", Event::Dropped);
    assert_eq!(world.log.errors("session")[0].code(), 1000 + error.code(), "{error}");
    world.finish();
    (error.code(), error.message().to_owned())
}

#[test]
fn contract_09_each_bad_certificate_has_its_own_error() {
    const BAD_CERTIFICATE: i32 = 42;
    const EXPIRED: i32 = 45;
    const UNKNOWN_CA: i32 = 48;
    let nothing = |_: &Client| {};
    for (chain, key, code, words) in [
        ("expired.pem", "expired.key", EXPIRED, "expired"),
        ("wrong-ca.pem", "wrong-ca.key", UNKNOWN_CA, "authority"),
        ("not-yet-valid.pem", "not-yet-valid.key", EXPIRED, "not valid before"),
    ] {
        let (found, message) = verdict(chain, key, "localhost", nothing);
        assert_eq!(found, code, "{chain}: {message}");
        assert!(message.contains(words), "{chain}: {message}");
    }
    for (chain, key) in [
        ("forged.pem", "server.key"),
        ("issued-by-not-a-ca.pem", "issued-by-not-a-ca.key"),
        ("wrong-usage.pem", "wrong-usage.key"),
    ] {
        let (_, message) = verdict(chain, key, "localhost", nothing);
        assert!(!message.is_empty(), "{chain}");
    }
    let (code, message) = verdict("other-name.pem", "other-name.key", "localhost", nothing);
    assert_eq!(code, BAD_CERTIFICATE, "{message}");
    assert!(message.contains("localhost") && message.contains("other.example.com"), "{message}");
    let (code, _) = verdict("server.pem", "server.key", "localhost", |client| {
        client.set_server_name(Some("other.example.com")).unwrap();
    });
    assert_eq!(code, BAD_CERTIFICATE);
}

#[test]
fn names_are_those_of_the_host_or_as_chosen_or_not_verified() {
    let world = World::new();
    let server = world.serve_tls(&server_context(), world.server_probe());
    let by_address = Client::tls(&world.service, &client_context(), "127.0.0.1", server.port());
    by_address.unwrap().connect(world.probe("by address")).unwrap();
    world.log.wait_for("by address", is_handshaked);
    let chosen = world.tls_client(&client_context(), server.port());
    assert_eq!(chosen.set_server_name(Some("a b")).unwrap_err().status(), Status::InvalidArgument);
    chosen.set_server_name(Some("server.example.com")).unwrap();
    chosen.connect(world.probe("chosen")).unwrap();
    world.log.wait_for("chosen", is_handshaked);
    assert_eq!(chosen.tls().unwrap().server_name(), Some("server.example.com"));
    let context = client_context();
    context.set_verify_names(false);
    let any = world.tls_client(&context, server.port());
    any.set_server_name(Some("somebody.else.example.com")).unwrap();
    any.connect(world.probe("any")).unwrap();
    world.log.wait_for("any", is_handshaked);
    world.finish();
}

#[test]
fn certificates_of_clients_are_asked_for_verified_and_shown() {
    use cppserver::TlsVerify;
    for (verify, shows, accepted) in [
        (TlsVerify::Require, true, true),
        (TlsVerify::Require, false, false),
        (TlsVerify::Peer, false, true),
        (TlsVerify::Peer, true, true),
    ] {
        let world = World::new();
        let server = server_context();
        server.add_authority_file(certificate("ca.pem")).unwrap();
        server.set_verify(verify);
        let subject = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&subject);
        let probe = world.server_probe().sessions(move |session, event| {
            if *event == Event::Handshaked {
                *seen.lock().unwrap() = session.tls().unwrap().peer_subject();
                session.send(b"welcome").unwrap();
            }
        });
        let server = world.serve_tls(&server, probe);
        let context = client_context();
        if shows {
            let (chain, key) = (certificate("client.pem"), certificate("client.key"));
            context.set_certificate_files(chain, key, None).unwrap();
        }
        world.connect_tls(&context, server.port(), world.probe("client"));
        if accepted {
            world.log.wait_received("client", 7);
            let subject = subject.lock().unwrap().clone();
            assert_eq!(subject.is_some_and(|name| name.contains("client.example.com")), shows);
        } else {
            world.log.wait_event("client", Event::Dropped);
            assert_eq!(world.log.errors("client")[0].code(), 1116, "certificate_required");
            assert_eq!(world.log.errors("session")[0].code(), 116);
            assert!(!world.log.of("session").contains(&Event::Handshaked));
        }
        world.finish();
    }
}

#[test]
fn a_certificate_is_renewed_without_a_session_noticing() {
    let folder = std::env::temp_dir().join(format!("cppserver-renewed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (chain, key) = (folder.join("server.pem"), folder.join("server.key"));
    let install = |name: &str| {
        std::fs::copy(certificate(&format!("{name}.pem")), &chain).unwrap();
        std::fs::copy(certificate(&format!("{name}.key")), &key).unwrap();
    };
    install("server");
    let world = World::new();
    let context = cppserver::TlsContext::new();
    context.set_certificate_files(&chain, &key, None).unwrap();
    let server = world.serve_tls(&context, world.server_probe().echo());
    let mut before = tls_connect(server.port());
    // Half of it only: the key is missing, and everything stays as it is.
    std::fs::copy(certificate("rsa.pem"), &chain).unwrap();
    let error = context.reload().unwrap_err();
    assert_eq!(error.code(), TlsFailure::KeyMismatch as i32, "{error}");
    assert_eq!(certificate_of(&tls_connect(server.port())), certificate_of(&before));
    std::fs::copy(certificate("rsa-pkcs8.key"), &key).unwrap();
    context.reload().unwrap();
    let after = tls_connect(server.port());
    assert_ne!(certificate_of(&after), certificate_of(&before));
    before.write_all(b"still here").unwrap();
    let mut bytes = [0; 10];
    before.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"still here");
    world.finish();
    std::fs::remove_dir_all(folder).unwrap();
}

fn certificate_of(peer: &TlsPeer) -> Vec<u8> {
    peer.conn.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn a_storm_of_handshakes_leaves_open_sessions_their_turns() {
    let world = World::new();
    let server = world.serve_tls_patiently(&server_context(), world.server_probe().echo());
    let mut open = tls_connect(server.port());
    // Hellos by the hundred, all of which the server has to sign for.
    let hello = {
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let config = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let mut connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        connection.write_tls(&mut bytes).unwrap();
        bytes
    };
    let mut storm: Vec<_> = (0..300).map(|_| connect(server.port())).collect();
    storm.iter_mut().for_each(|peer| peer.write_all(&hello).unwrap());
    for round in 0..50_u8 {
        open.write_all(&[round; 100]).unwrap();
        let mut bytes = [0; 100];
        open.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, [round; 100]);
    }
    // Every one of them is answered all the same.
    for peer in &mut storm {
        let mut header = [0; 5];
        peer.read_exact(&mut header).unwrap();
        assert_eq!(header[..3], [22, 3, 3], "a handshake record");
    }
    world.finish();
}

#[test]
fn a_context_that_lacks_something_fails_the_start_and_nothing_else() {
    let world = World::new();
    let empty = cppserver::TlsContext::new();
    let server = cppserver::Server::tls(&world.service, &empty, "127.0.0.1", 0).unwrap();
    let error = server.start(world.server_probe().renamed("refused")).unwrap_err();
    assert_eq!(
        (error.status(), error.code()),
        (Status::Tls, TlsFailure::Settings as i32),
        "{error}"
    );
    world.log.wait_event("refused", Event::Dropped);
    empty
        .set_certificate_files(certificate("server.pem"), certificate("server.key"), None)
        .unwrap();
    server.start(world.server_probe()).unwrap();
    tls_connect(server.port());

    let contradiction = client_context();
    contradiction.set_minimum_version(TlsVersion::Tls13);
    contradiction.set_maximum_version(TlsVersion::Tls12);
    let client = world.tls_client(&contradiction, server.port());
    let error = client.connect(world.probe("never")).unwrap_err();
    assert_eq!(error.code(), TlsFailure::Settings as i32, "{error}");
    world.finish();
}

#[test]
fn who_trusts_nobody_may_still_accept_by_a_callback() {
    let world = World::new();
    let server = world.serve_tls(&server_context(), world.server_probe());
    let context = cppserver::TlsContext::new();
    context.set_system_authorities(false);
    let client = world.tls_client(&context, server.port());
    let error = client.connect(world.probe("nobody")).unwrap_err();
    assert_eq!(error.code(), TlsFailure::Settings as i32, "{error}");
    let subject = cppserver::TlsContext::subject_of;
    context.set_verify_callback(move |certificate, error| {
        error.is_some() && subject(certificate).is_some_and(|text| text.contains("server.example"))
    });
    client.connect(world.probe("pinned")).unwrap();
    world.log.wait_for("pinned", is_handshaked);
    context.set_verify_callback(|_, error| error.is_none());
    let other = world.tls_client(&context, server.port());
    other.connect(world.probe("refused")).unwrap();
    world.log.wait_event("refused", Event::Dropped);
    assert_eq!(world.log.errors("refused")[0].code(), 48, "unknown_ca");
    // An authority that is given counts nevertheless.
    context.add_authority_file(certificate("ca.pem")).unwrap();
    other.connect(world.probe("given")).unwrap();
    world.log.wait_for("given", is_handshaked);
    world.finish();
}

/// A session that was begun under other rules is not resumed under these.
#[test]
fn a_change_of_trust_ends_resumption() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        // A server that begins to require certificates.
        let world = World::new();
        let context = server_context();
        let server = world.serve_tls(&context, world.server_probe().echo());
        let config = tls_client_config(&[version]);
        let connect = || {
            tls_connect_with(server.port(), |own| *own = config.clone()).and_then(|mut peer| {
                // Tickets and refusals come behind the handshake of the client.
                peer.write_all(b"x")?;
                peer.read_exact(&mut [0])?;
                Ok(peer.conn.handshake_kind())
            })
        };
        assert_eq!(connect().unwrap(), Some(rustls::HandshakeKind::Full));
        assert_eq!(connect().unwrap(), Some(rustls::HandshakeKind::Resumed));
        context.add_authority_file(certificate("ca.pem")).unwrap();
        context.set_verify(TlsVerify::Require);
        assert!(connect().is_err());
        world.finish();
    }

    // A client that begins to verify the names of its servers.
    let world = World::new();
    let server = world.serve_tls(&server_context(), world.server_probe().echo());
    let context = client_context();
    context.set_verify_names(false);
    let client = world.tls_client(&context, server.port());
    client.set_server_name(Some("elsewhere.example.com")).unwrap();
    for (name, resumed) in [("first", false), ("second", true)] {
        let probe = world.probe(name).on(|session, event| match event {
            Event::Handshaked => drop(session.send(b"x").unwrap()),
            // Tickets have come by now.
            Event::Received(_) => session.disconnect().unwrap(),
            _ => {}
        });
        client.connect(probe).unwrap();
        world.log.wait_event(name, Event::Dropped);
        assert_eq!(client.tls().unwrap().is_resumed(), resumed);
    }
    context.set_verify_names(true);
    client.connect(world.probe("refused")).unwrap();
    world.log.wait_event("refused", Event::Disconnected(Reason::Error));
    assert!(world.log.errors("refused")[0].message().contains("elsewhere.example.com"));
    world.finish();
}
