//! The loads over TLS against small servers of this test, without the driver.
#![cfg(target_os = "linux")]

use cppserver_bench::load::{ChurnLoad, EchoLoad, Load, Plain, Tls, hold_idle, verify_echo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::StoresServerSessions;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// How each connection of a server ended.
type Ends = Receiver<io::Result<()>>;

fn certificates(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../certs").join(name)
}

fn config(name: &str) -> ServerConfig {
    let chain = CertificateDer::from_pem_file(certificates(&format!("{name}.pem"))).expect("chain");
    let key = PrivateKeyDer::from_pem_file(certificates(&format!("{name}.key"))).expect("key");
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("certificate")
}

/// Echoes until the test ends; each connection has a thread.
fn server(config: ServerConfig) -> (SocketAddrV4, Ends) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listener");
    let SocketAddr::V4(address) = listener.local_addr().expect("address") else {
        panic!("IPv4 was asked for")
    };
    let (config, (sender, ends)) = (Arc::new(config), channel());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, sender) = (stream.expect("connection"), sender.clone());
            stream.set_nodelay(true).expect("option");
            let session = ServerConnection::new(config.clone()).expect("session");
            thread::spawn(move || end(echo(StreamOwned::new(session, stream)), &sender));
        }
    });
    (address, ends)
}

fn end(result: io::Result<()>, ends: &Sender<io::Result<()>>) {
    // The test may have seen enough.
    let _ = ends.send(result);
}

/// Fails when the client closes without close_notify.
fn echo(mut stream: StreamOwned<ServerConnection, TcpStream>) -> io::Result<()> {
    let mut buffer = [0; 10_000];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            size => stream.write_all(&buffer[..size])?,
        }
    }
}

/// Promises to remember sessions and does not.
#[derive(Debug)]
struct Forgetful;

impl StoresServerSessions for Forgetful {
    fn put(&self, _key: Vec<u8>, _value: Vec<u8>) -> bool {
        true
    }

    fn get(&self, _key: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, _key: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn can_cache(&self) -> bool {
        true
    }
}

fn full() -> Tls {
    Tls::full(&certificates("server.pem")).expect("settings")
}

fn resumed() -> Tls {
    Tls::resumed(&certificates("server.pem")).expect("settings")
}

fn run(load: &mut dyn Load) -> io::Result<()> {
    load.latency().clear();
    let slice = load.run_for(Duration::from_millis(100))?;
    assert!(slice.messages > 0 && slice.elapsed >= 100_000_000);
    assert_eq!(load.latency().total(), slice.messages, "everything that was sent came back");
    Ok(())
}

/// The first connections have nothing to resume; all of the second run have.
fn resume(address: SocketAddrV4) -> io::Result<()> {
    let mut load = ChurnLoad::new(resumed(), address, 4)?;
    run(&mut load)?;
    run(&mut load)
}

#[test]
fn ping_pong_and_pipelined_and_large() {
    let (address, _) = server(config("server"));
    run(&mut EchoLoad::new(&full(), address, 4, 1, 32).expect("connections")).expect("ping-pong");
    run(&mut EchoLoad::new(&full(), address, 4, 32, 32).expect("connections")).expect("pipelined");
    let mut load = EchoLoad::new(&full(), address, 2, 8, 64 * 1024).expect("connections");
    run(&mut load).expect("large");
}

#[test]
fn handshakes_end_with_close_notify() {
    let (address, ends) = server(config("server"));
    run(&mut ChurnLoad::new(full(), address, 4).expect("connections")).expect("handshakes");
    for end in ends.try_iter() {
        end.expect("close_notify");
    }
}

#[test]
fn sessions_are_resumed() {
    let (address, _) = server(config("server"));
    resume(address).expect("handshakes");
}

#[test]
fn a_server_that_does_not_resume_is_found() {
    let mut config = config("server");
    config.send_tls13_tickets = 0;
    let (address, _) = server(config);
    let error = resume(address).expect_err("there are no tickets");
    assert!(error.to_string().contains("gave no ticket"), "{error}");
}

#[test]
fn a_server_that_forgets_is_found() {
    let mut config = config("server");
    config.session_storage = Arc::new(Forgetful);
    let (address, _) = server(config);
    let error = resume(address).expect_err("nothing is resumed");
    assert!(error.to_string().contains("did not resume"), "{error}");
}

#[test]
fn idle_connections_are_all_served() {
    let (address, _) = server(config("server"));
    let report = hold_idle(&full(), address, std::process::id(), 50).expect("held");
    assert_eq!(report.connections, 50);
}

#[test]
fn a_right_echo_is_accepted_with_its_cipher() {
    let (address, _) = server(config("server"));
    let transport = Tls::verified(&certificates("ca.pem")).expect("settings");
    let cipher = verify_echo(&transport, address).expect("a right echo");
    assert_eq!(cipher.as_deref(), Some("TLS_AES_256_GCM_SHA384 with X25519"));
}

#[test]
fn a_server_that_is_another_is_refused() {
    let (address, _) = server(config("wrong-ca"));
    let transport = Tls::verified(&certificates("ca.pem")).expect("settings");
    verify_echo(&transport, address).expect_err("nobody trusts its authority");
    EchoLoad::new(&full(), address, 1, 1, 32).err().expect("it has another certificate");
}

#[test]
fn a_server_that_does_not_encrypt_is_refused() {
    let (address, _) = server(config("server"));
    verify_echo(&Plain, address).expect_err("the server wants TLS");
}
