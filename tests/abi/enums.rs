//! Enums cross as numbers, and any number is answered.

use cppserver::ffi::*;

use crate::support::*;

const INVALID_ARGUMENT: i32 = 1;
const NOT_CONNECTED: i32 = 3;
const NO_OPTIONS: [i32; 5] = [i32::MIN, -1, 0, 38, i32::MAX];

#[test]
fn options_that_do_not_exist() {
    let service = Service::new();
    let server = Server::new(&service, 0);
    let client = Client::new(&service, "127.0.0.1", 1);
    let udp = Udp::server(&service, 0);
    for option in NO_OPTIONS {
        let mut value = 7;
        // SAFETY: the handles are alive.
        let statuses = unsafe {
            [
                cppserver_server_set_option(server.0, option, 1),
                cppserver_server_get_option(server.0, option, &mut value),
                cppserver_client_set_option(client.0, option, 1),
                cppserver_client_get_option(client.0, option, &mut value),
                cppserver_session_set_option(client.session(), option, 1),
                cppserver_udp_set_option(udp.0, option, 1),
                cppserver_udp_get_option(udp.0, option, &mut value),
            ]
        };
        assert_eq!(statuses, [INVALID_ARGUMENT; 7], "option {option}");
        assert_eq!(value, 7);
    }
}

#[test]
fn numbers_of_threads() {
    for (threads, expected) in [(0, 1), (1, 1), (2, 2)] {
        let service = Service(cppserver_service_create(threads));
        // SAFETY: NULL or alive.
        assert_eq!(unsafe { cppserver_service_threads(service.0) }, expected);
    }
    for threads in [1025, u32::MAX] {
        assert!(cppserver_service_create(threads).is_null());
        assert_eq!(last_error().0, INVALID_ARGUMENT);
    }
}

/// What a server and a client begin with.
const DEFAULTS: [(cppserver_option, i64, i64); 21] = [
    (cppserver_option::NoDelay, 1, 1),
    (cppserver_option::KeepAlive, 0, 1),
    (cppserver_option::KeepAliveIdle, 0, 0),
    (cppserver_option::KeepAliveInterval, 0, 0),
    (cppserver_option::KeepAliveCount, 0, 0),
    (cppserver_option::ReuseAddress, 1, 1),
    (cppserver_option::ReusePort, 0, 0),
    (cppserver_option::DualStack, 1, 1),
    (cppserver_option::SendBuffer, 0, 0),
    (cppserver_option::ReceiveBuffer, 0, 0),
    (cppserver_option::Backlog, 4096, 4096),
    (cppserver_option::Linger, -1, -1),
    (cppserver_option::ConnectTimeout, 30_000, 30_000),
    (cppserver_option::IdleTimeout, 0, 0),
    (cppserver_option::CloseTimeout, 5_000, 5_000),
    (cppserver_option::SessionLimit, 0, 0),
    (cppserver_option::SessionLimitPerAddress, 0, 0),
    (cppserver_option::SendLimit, 16 << 20, 16 << 20),
    (cppserver_option::SendPolicy, 0, 0),
    (cppserver_option::ReceiveLimit, 16 << 20, 16 << 20),
    (cppserver_option::HandshakeTimeout, 10_000, 10_000),
];

#[test]
fn every_option_has_the_default_that_the_header_tells() {
    let service = Service::new();
    let server = Server::new(&service, 0);
    let client = Client::new(&service, "127.0.0.1", 1);
    for (index, (option, of_server, of_client)) in DEFAULTS.into_iter().enumerate() {
        let option = option as i32;
        assert_eq!(option, index as i32 + 1);
        let mut values = [i64::MIN; 2];
        // SAFETY: the handles are alive.
        unsafe {
            assert_eq!(cppserver_server_get_option(server.0, option, &mut values[0]), 0);
            assert_eq!(cppserver_client_get_option(client.0, option, &mut values[1]), 0);
        }
        assert_eq!(values, [of_server, of_client], "option {option}");
    }
}

/// What an endpoint for datagrams begins with, and values that it takes and does not take.
const OF_DATAGRAMS: [(cppserver_option, i64, &[i64], &[i64]); 15] = [
    (cppserver_option::ReuseAddress, 0, &[0, 1], &[-1, 2]),
    (cppserver_option::ReusePort, 0, &[0, 1], &[-1, 2]),
    (cppserver_option::DualStack, 1, &[0, 1], &[-1, 2]),
    (cppserver_option::SendBuffer, 0, &[0, 1, i32::MAX as i64], &[-1, 1 << 31]),
    (cppserver_option::ReceiveBuffer, 0, &[0, 1, i32::MAX as i64], &[-1, 1 << 31]),
    (cppserver_option::ConnectTimeout, 30_000, &[0, u32::MAX as i64], &[-1, 1 << 32]),
    (cppserver_option::CloseTimeout, 5_000, &[0, u32::MAX as i64], &[-1, 1 << 32]),
    (cppserver_option::SendLimit, 16 << 20, &[0, i64::MAX], &[-1]),
    (cppserver_option::SendPolicy, 0, &[0, 1, 2], &[-1, 3]),
    (cppserver_option::Broadcast, 0, &[0, 1], &[-1, 2]),
    (cppserver_option::TimeToLive, 0, &[0, 255], &[-1, 256]),
    (cppserver_option::MulticastTimeToLive, 1, &[0, 255], &[-1, 256]),
    (cppserver_option::MulticastLoop, 1, &[0, 1], &[-1, 2]),
    (cppserver_option::DatagramLimit, 65_535, &[0, 65_535], &[-1, 65_536]),
    (cppserver_option::AnyPeer, 0, &[0, 1], &[-1, 2]),
];

#[test]
fn the_options_of_datagrams() {
    let service = Service::new();
    let udp = Udp::client(&service, "127.0.0.1", 1);
    let server = Server::new(&service, 0);
    for option in 1..=cppserver_option::AnyPeer as i32 {
        let mut value = 7;
        // SAFETY: the handles are alive.
        let mut get = || unsafe { (cppserver_udp_get_option(udp.0, option, &mut value), value) };
        let known = OF_DATAGRAMS.iter().find(|(known, ..)| *known as i32 == option);
        let Some((_, initial, good, bad)) = known else {
            assert_eq!(get(), (INVALID_ARGUMENT, 7), "option {option} is of streams");
            // SAFETY: the handles are alive.
            let status = unsafe { cppserver_udp_set_option(udp.0, option, 1) };
            assert_eq!(status, INVALID_ARGUMENT, "option {option} is of streams");
            continue;
        };
        assert_eq!(get(), (0, *initial), "option {option}");
        for value in *good {
            // SAFETY: the handles are alive.
            assert_eq!(unsafe { cppserver_udp_set_option(udp.0, option, *value) }, 0);
            assert_eq!(get(), (0, *value), "option {option}");
        }
        let last = get();
        for value in bad.iter().chain(&[i64::MIN]) {
            // SAFETY: the handles are alive.
            let status = unsafe { cppserver_udp_set_option(udp.0, option, *value) };
            assert_eq!(status, INVALID_ARGUMENT, "option {option} to {value}");
            assert_eq!(get(), last, "option {option}");
        }
        if option >= cppserver_option::Broadcast as i32 {
            // SAFETY: the handles are alive.
            let status = unsafe { cppserver_server_set_option(server.0, option, 1) };
            assert_eq!(status, INVALID_ARGUMENT, "option {option} is of datagrams");
        }
    }
}

/// What servers and clients of messages begin with, and values that they take and do not take.
const OF_MESSAGES: [(cppserver_option, i64, &[i64], &[i64]); 10] = [
    (cppserver_option::PingInterval, 0, &[0, u32::MAX as i64], &[-1, 1 << 32]),
    (cppserver_option::MessageLimit, 16 << 20, &[0, i64::MAX], &[-1]),
    (cppserver_option::FrameLimit, 0, &[0, i64::MAX], &[-1]),
    (cppserver_option::FragmentLimit, 1_000_000, &[0, i64::MAX], &[-1]),
    (cppserver_option::ControlFrames, 0, &[0, 1], &[-1, 2]),
    (cppserver_option::Deflate, 0, &[0, 1], &[-1, 2]),
    (cppserver_option::DeflateTakeover, 0, &[0, 1], &[-1, 2]),
    (cppserver_option::DeflateWindowBits, 15, &[9, 15], &[8, 16]),
    (cppserver_option::DeflateLevel, 1, &[1, 9], &[0, 10]),
    (cppserver_option::DeflateThreshold, 256, &[0, i64::MAX], &[-1]),
];

#[test]
fn the_options_of_messages() {
    let service = Service::new();
    let server = Server::of_messages(&service);
    let client = Client::of_messages(&service, 1, "/");
    let udp = Udp::server(&service, 0);
    let first = cppserver_option::AnyPeer as i32 + 1;
    for (option, (known, initial, good, bad)) in (first..).zip(OF_MESSAGES) {
        assert_eq!(option, known as i32);
        // SAFETY: the handles are alive.
        let get = || unsafe {
            let mut values = [i64::MIN; 2];
            assert_eq!(cppserver_server_get_option(server.0, option, &mut values[0]), 0);
            assert_eq!(cppserver_client_get_option(client.0, option, &mut values[1]), 0);
            values
        };
        // SAFETY: the handles are alive.
        let set = |value| unsafe {
            [
                cppserver_server_set_option(server.0, option, value),
                cppserver_client_set_option(client.0, option, value),
            ]
        };
        assert_eq!(get(), [initial; 2], "option {option}");
        for value in good {
            assert_eq!(set(*value), [0; 2], "option {option} to {value}");
            assert_eq!(get(), [*value; 2], "option {option}");
        }
        let last = get();
        for value in bad.iter().chain(&[i64::MIN]) {
            assert_eq!(set(*value), [INVALID_ARGUMENT; 2], "option {option} to {value}");
            assert_eq!(get(), last, "option {option}");
        }
        // SAFETY: the handles are alive.
        unsafe {
            let status = cppserver_udp_set_option(udp.0, option, 1);
            assert_eq!(status, INVALID_ARGUMENT, "option {option} is of messages");
            // Neither is it a setting of an open socket.
            let status = cppserver_session_set_option(client.session(), option, 9);
            assert_eq!(status, INVALID_ARGUMENT, "option {option} of a session");
        }
    }
}

#[test]
fn kinds_that_do_not_exist() {
    let service = Service::started();
    let log = Log::new();
    let server = Server::of_messages(&service).start_with(&log, Behaviour::Watch);
    let client = Client::of_messages(&service, server.port(), "/");
    let session = client.session();
    for kind in [i32::MIN, -1, 5, i32::MAX] {
        let (mut out, data) = (7, b"x".as_ptr().cast());
        // SAFETY: the handles are alive, and the data outlives the calls.
        let statuses = unsafe {
            [
                cppserver_session_send_message(session, kind, data, 1, &mut out),
                cppserver_session_send_part(session, kind, data, 1, true, &mut out),
                cppserver_session_publish(session, c"a".as_ptr(), kind, data, 1, &mut out),
                cppserver_server_publish(server.0, c"a".as_ptr(), kind, data, 1, &mut out),
                cppserver_server_multicast_message(server.0, kind, data, 1),
            ]
        };
        assert_eq!(statuses, [INVALID_ARGUMENT; 5], "kind {kind}");
        assert_eq!(out, 7);
        assert!(last_error().2.contains("kind"));
    }
}

#[test]
fn options_read_back_and_values_out_of_range_change_nothing() {
    let service = Service::new();
    let server = Server::new(&service, 0);
    let client = Client::new(&service, "127.0.0.1", 1);
    for option in 1..=21 {
        // SAFETY: the handles are alive.
        unsafe {
            let mut value = i64::MIN;
            assert_eq!(cppserver_server_set_option(server.0, option, 1), 0, "option {option}");
            assert_eq!(cppserver_client_set_option(client.0, option, 1), 0, "option {option}");
            let status = cppserver_server_set_option(server.0, option, i64::MIN);
            assert_eq!(status, INVALID_ARGUMENT, "option {option}");
            let status = cppserver_client_set_option(client.0, option, i64::MIN);
            assert_eq!(status, INVALID_ARGUMENT, "option {option}");
            assert_eq!(cppserver_server_get_option(server.0, option, &mut value), 0);
            assert_eq!(value, 1);
            value = i64::MIN;
            assert_eq!(cppserver_client_get_option(client.0, option, &mut value), 0);
            assert_eq!(value, 1);
        }
    }
}

#[test]
fn the_options_of_an_open_socket() {
    let service = Service::new();
    let client = Client::new(&service, "127.0.0.1", 1);
    for option in cppserver_option::NoDelay as i32..=cppserver_option::HandshakeTimeout as i32 {
        // SAFETY: the client is alive, and its session with it.
        let status = unsafe { cppserver_session_set_option(client.session(), option, 1) };
        let open = [1, 2, 3, 4, 5, 9, 10, 12].contains(&option);
        let expected = if open { NOT_CONNECTED } else { INVALID_ARGUMENT };
        assert_eq!(status, expected, "option {option}");
    }
}

#[test]
fn reasons_have_words_and_other_numbers_too() {
    let words = |reason| text(cppserver_reason_text(reason));
    let unknown = words(0);
    for reason in 1..=8 {
        assert_ne!(words(reason), unknown);
    }
    for reason in [i32::MIN, -1, 9, i32::MAX] {
        assert_eq!(words(reason), unknown);
    }
    assert_eq!(words(cppserver_reason::PeerClosed as i32), "closed by the peer");
}

/// The settings of a context, with values that they take and values that they do not.
const TLS_OPTIONS: [(cppserver_tls_option, &[i64], &[i64]); 8] = [
    (cppserver_tls_option::Verify, &[0, 1, 2], &[-1, 3]),
    (cppserver_tls_option::VerifyNames, &[0, 1], &[-1, 2]),
    (cppserver_tls_option::VerifyDepth, &[-1, 0, 1, 100], &[-2, 101]),
    (cppserver_tls_option::MinimumVersion, &[0x303, 0x304], &[0, 0x302, 0x305]),
    (cppserver_tls_option::MaximumVersion, &[0x303, 0x304], &[0, 0x302, 0x305]),
    (cppserver_tls_option::Resumption, &[0, 1], &[-1, 2]),
    (cppserver_tls_option::DangerousAcceptLegacyCertificates, &[0, 1], &[-1, 2]),
    (cppserver_tls_option::SystemAuthorities, &[0, 1], &[-1, 2]),
];

#[test]
fn settings_of_a_tls_context() {
    let context = TlsContext::new();
    // SAFETY: the context is alive.
    let set = |option, value| unsafe { cppserver_tls_context_set_option(context.0, option, value) };
    for (index, (option, good, bad)) in TLS_OPTIONS.into_iter().enumerate() {
        let option = option as i32;
        assert_eq!(option, index as i32 + 1);
        for value in good {
            assert_eq!(set(option, *value), 0, "option {option} to {value}");
        }
        for value in bad.iter().chain(&[i64::MIN, i64::MAX]) {
            assert_eq!(set(option, *value), INVALID_ARGUMENT, "option {option} to {value}");
        }
    }
    for option in [i32::MIN, -1, 0, 9, i32::MAX] {
        assert_eq!(set(option, 1), INVALID_ARGUMENT, "option {option}");
    }
}
