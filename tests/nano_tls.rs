//! Sockets over encrypted connections.

mod common;

use common::*;
use cppserver::nano::{Protocol, SpOption};
use cppserver::{Category, SpFailure};

#[test]
fn messages_over_tls_and_encrypted_web_socket() {
    for address in ["tls+tcp://127.0.0.1:0", "wss://127.0.0.1:0/path"] {
        let (server, client) = (nano(Protocol::Reply), nano(Protocol::Request));
        server.set_tls(&server_context());
        client.set_tls(&client_context());
        let port = server.listen(address).unwrap().port().unwrap();
        let address = address.replace("127.0.0.1:0", &format!("localhost:{port}"));
        client.dial(&address).unwrap();
        for size in [0, 5, 100_000] {
            client.send(vec![7; size]).unwrap();
            let request = server.receive().unwrap();
            server.send(&request).unwrap();
            assert_eq!(*client.receive().unwrap(), vec![7; size][..], "over {address}");
        }
        server.send("nobody has asked").unwrap_err();
        client.close().unwrap();
        assert_eq!(client.statistics().messages_undelivered, 0);
    }
}

#[test]
fn a_certificate_that_nobody_trusts_is_no_connection() {
    let (server, client) = (nano(Protocol::Pull), nano(Protocol::Push));
    server.set_tls(&server_context());
    // The roots of the system know nothing of the certificates of tests.
    client.set_tls(&cppserver::TlsContext::new());
    client.set_option(SpOption::ReconnectInterval, 1).unwrap();
    let port = server.listen("tls+tcp://127.0.0.1:0").unwrap().port().unwrap();
    client.dial(&format!("tls+tcp://localhost:{port}")).unwrap();
    eventually("it is refused again and again", || client.statistics().connect_errors >= 2);
    assert_eq!(client.statistics().established_connections, 0);
    assert_failure(client.try_send("secret"), SpFailure::WouldBlock);
}

#[test]
fn encrypted_addresses_need_certificates() {
    let socket = nano(Protocol::Pair);
    for address in ["tls+tcp://localhost:1", "wss://localhost:1/"] {
        for result in [socket.listen(address), socket.dial(address)] {
            let error = result.unwrap_err();
            assert_eq!(error.category(), Category::Argument);
            assert!(error.message().contains("set_tls"), "{error}");
        }
    }
}
