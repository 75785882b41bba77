//! The loads over WebSocket against small servers of this test, without the driver.
#![cfg(target_os = "linux")]

use cppserver_bench::load::{
    EchoLoad, Load, MulticastLoad, Plain, Tls, Transport, WebSocket, hold_idle, json, verify_echo,
    verify_message, verify_text,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Answers to the handshake that every client of the benchmarks makes.
const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                        Connection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const DEFLATE: &str =
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";
const COMPRESSED: u8 = 0x40;

/// What a server does with the first byte of a frame and its payload; what it returns is sent.
type Answer = fn(u8, Vec<u8>) -> Vec<u8>;

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        size @ 0..126 => frame.push(size as u8),
        size @ 126..0x1_0000 => {
            frame.push(126);
            frame.extend((size as u16).to_be_bytes());
        }
        size => {
            frame.push(127);
            frame.extend((size as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// A compressed message comes back as it was compressed.
fn echo(first: u8, payload: Vec<u8>) -> Vec<u8> {
    frame(first, &payload)
}

/// Each message in three frames, with a ping before the last one.
fn in_parts(first: u8, payload: Vec<u8>) -> Vec<u8> {
    let third = payload.len() / 3;
    let mut bytes = frame(first & 0x7f, &payload[..third]);
    bytes.extend(frame(0, &payload[third..2 * third]));
    bytes.extend(frame(0x89, b"are you there?"));
    bytes.extend(frame(0x80, &payload[2 * third..]));
    bytes
}

/// Serves until the client says goodbye. Fails when the client does something else.
fn serve(mut stream: impl Read + Write, answer: Answer) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let deflate = String::from_utf8_lossy(&request).contains("permessage-deflate");
    let extension = if deflate { DEFLATE } else { "" };
    stream.write_all(format!("{ACCEPTED}{extension}\r\n").as_bytes())?;
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head)?;
        assert_eq!(head[1] & 0x80, 0x80, "clients mask");
        let size = match head[1] & 0x7f {
            126 => {
                let mut size = [0; 2];
                stream.read_exact(&mut size)?;
                u16::from_be_bytes(size).into()
            }
            127 => {
                let mut size = [0; 8];
                stream.read_exact(&mut size)?;
                u64::from_be_bytes(size) as usize
            }
            size => size.into(),
        };
        let mut mask = [0; 4];
        stream.read_exact(&mut mask)?;
        let mut payload = vec![0; size];
        stream.read_exact(&mut payload)?;
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        match head[0] & 0xf {
            1 | 2 => stream.write_all(&answer(head[0], payload))?,
            8 => return Ok(()),
            10 if payload == b"are you there?" => {}
            opcode => return Err(io::Error::other(format!("opcode {opcode}"))),
        }
    }
}

fn listen() -> (TcpListener, SocketAddrV4) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listener");
    let SocketAddr::V4(address) = listener.local_addr().expect("address") else {
        panic!("IPv4 was asked for")
    };
    (listener, address)
}

/// Each connection has a thread; how they end can be received.
fn server(answer: Answer) -> (SocketAddrV4, Receiver<io::Result<()>>) {
    let ((listener, address), (sender, ends)) = (listen(), channel());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, sender) = (stream.expect("connection"), sender.clone());
            stream.set_nodelay(true).expect("option");
            // The test may have seen enough.
            thread::spawn(move || drop(sender.send(serve(stream, answer))));
        }
    });
    (address, ends)
}

fn certificates(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../certs").join(name)
}

fn encrypted_server(answer: Answer) -> (SocketAddrV4, Receiver<io::Result<()>>) {
    let chain = CertificateDer::from_pem_file(certificates("server.pem")).expect("chain");
    let key = PrivateKeyDer::from_pem_file(certificates("server.key")).expect("key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("certificate");
    let ((listener, address), (sender, ends)) = (listen(), channel());
    let config = Arc::new(config);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, sender) = (stream.expect("connection"), sender.clone());
            stream.set_nodelay(true).expect("option");
            let session = ServerConnection::new(config.clone()).expect("session");
            let stream: StreamOwned<ServerConnection, TcpStream> =
                StreamOwned::new(session, stream);
            thread::spawn(move || drop(sender.send(serve(stream, answer))));
        }
    });
    (address, ends)
}

fn tls() -> Tls {
    Tls::full(&certificates("server.pem")).expect("settings")
}

fn run(load: &mut dyn Load) -> io::Result<()> {
    load.latency().clear();
    let slice = load.run_for(Duration::from_millis(100))?;
    assert!(slice.messages > 0 && slice.elapsed >= 100_000_000);
    assert_eq!(load.latency().total(), slice.messages, "everything that was sent came back");
    Ok(())
}

fn run_all(transport: impl Transport + Clone, address: SocketAddrV4) {
    let binary = || WebSocket::new(transport.clone());
    run(&mut EchoLoad::new(&binary(), address, 4, 1, 32).expect("connections")).expect("ping-pong");
    run(&mut EchoLoad::new(&binary(), address, 4, 32, 32).expect("connections"))
        .expect("pipelined");
    run(&mut EchoLoad::new(&binary(), address, 2, 8, 16 * 1024).expect("connections"))
        .expect("large");
    let (compressed, text) = (binary().text().compressed(), json(1024));
    run(&mut EchoLoad::of(&compressed, address, 4, 1, &text).expect("connections"))
        .expect("deflate");
}

fn verify_all(transport: impl Transport + Clone, address: SocketAddrV4) {
    let binary = || WebSocket::new(transport.clone()).various();
    verify_echo(&binary(), address).expect("bytes");
    verify_text(&binary().text(), address).expect("text");
    verify_echo(&binary().compressed(), address).expect("compressed bytes");
}

#[test]
fn echoes() {
    let (address, _) = server(echo);
    run_all(Plain, address);
    verify_all(Plain, address);
}

#[test]
fn encrypted_echoes() {
    let (address, _) = encrypted_server(echo);
    run_all(tls(), address);
    verify_all(tls(), address);
}

#[test]
fn messages_in_parts_with_pings() {
    let (address, _) = server(in_parts);
    run_all(Plain, address);
    verify_all(Plain, address);
}

#[test]
fn one_session_hears_itself() {
    let (address, _) = server(echo);
    let transport = WebSocket::new(Plain);
    run(&mut MulticastLoad::new(&transport, address, 1, 1).expect("connection")).expect("echo");
}

#[test]
fn connections_end_with_a_goodbye() {
    let (address, ends) = server(echo);
    let report = hold_idle(&WebSocket::new(Plain), address, std::process::id(), 20).expect("held");
    assert_eq!(report.connections, 20);
    for _ in 0..21 {
        ends.recv_timeout(Duration::from_secs(10)).expect("an end").expect("a goodbye");
    }
    let (address, ends) = encrypted_server(echo);
    hold_idle(&WebSocket::new(tls()), address, std::process::id(), 5).expect("held");
    for _ in 0..6 {
        ends.recv_timeout(Duration::from_secs(10)).expect("an end").expect("a goodbye");
    }
}

#[test]
fn the_size_of_the_compressed_echo_is_told() {
    let (address, _) = server(echo);
    let transport = WebSocket::new(Plain).text().compressed().various();
    let text = verify_message(&transport, address, &[b'x'; 1000]).expect("an echo").expect("size");
    let size = text.strip_prefix("permessage-deflate of 1000 bytes to ").expect("both sizes");
    assert!(size.parse::<usize>().is_ok_and(|size| (5..50).contains(&size)), "{text}");
}

/// Each of these has one thing wrong, which both the load and the check before it must find.
#[test]
fn wrong_echoes_are_found() {
    let wrong: [(&str, Answer); 9] = [
        ("a byte", |first, mut payload| {
            if let Some(last) = payload.last_mut() {
                *last ^= 1;
            }
            frame(first, &payload)
        }),
        ("the kind", |first, payload| frame(first ^ 3, &payload)),
        ("two messages", |first, payload| {
            let (one, other) = payload.split_at(payload.len() / 2);
            [frame(first, one), frame(first, other)].concat()
        }),
        ("a byte too many", |first, mut payload| {
            payload.push(b'x');
            frame(first, &payload)
        }),
        ("a byte too few", |first, payload| frame(first, &payload[1..])),
        ("twice", |first, payload| [frame(first, &payload), frame(first, &payload)].concat()),
        ("compressed", |first, payload| frame(first | COMPRESSED, &payload)),
        ("a continuation of nothing", |_, payload| frame(0x80, &payload)),
        ("closed", |_, _| frame(0x88, &1011_u16.to_be_bytes())),
    ];
    for (what, answer) in wrong {
        let (address, _) = server(answer);
        let mut load =
            EchoLoad::new(&WebSocket::new(Plain), address, 1, 1, 32).expect("connection");
        assert!(load.run_for(Duration::from_millis(100)).is_err(), "load: {what}");
        let (address, _) = server(answer);
        assert!(verify_echo(&WebSocket::new(Plain).various(), address).is_err(), "check: {what}");
    }
}

#[test]
fn wrong_compression_is_found() {
    let wrong: [(&str, Answer); 2] = [
        ("a byte", |first, mut payload| {
            payload[20] ^= 0x55;
            frame(first, &payload)
        }),
        ("cut", |first, mut payload| {
            payload.truncate(payload.len() / 2);
            frame(first, &payload)
        }),
    ];
    for (what, answer) in wrong {
        let (address, _) = server(answer);
        let transport = WebSocket::new(Plain).text().compressed();
        let mut load = EchoLoad::of(&transport, address, 1, 1, &json(1024)).expect("connection");
        assert!(load.run_for(Duration::from_millis(100)).is_err(), "load: {what}");
        let (address, _) = server(answer);
        let transport = WebSocket::new(Plain).text().compressed().various();
        assert!(verify_message(&transport, address, &json(1024)).is_err(), "check: {what}");
    }
}

/// RFC 7692 section 6 leaves it to the sender which messages it compresses. The load wants every
/// one compressed, for else it would measure something else; the check of all sizes does not.
#[test]
fn a_load_of_compressed_messages_wants_them_all_compressed() {
    let answer: Answer = |first, _| frame(first & !COMPRESSED, &json(1024));
    let (address, _) = server(answer);
    let transport = WebSocket::new(Plain).text().compressed();
    let mut load = EchoLoad::of(&transport, address, 1, 1, &json(1024)).expect("connection");
    assert!(load.run_for(Duration::from_millis(100)).is_err());
    let (address, _) = server(answer);
    let transport = WebSocket::new(Plain).text().compressed().various();
    verify_message(&transport, address, &json(1024)).expect("an echo as it is");
}

#[test]
fn the_end_of_a_connection_is_noticed() {
    let (listener, address) = listen();
    thread::spawn(move || drop(listener.accept()));
    let result = EchoLoad::new(&WebSocket::new(Plain), address, 1, 1, 32);
    assert!(result.is_err(), "the server closed before the handshake was done");
}
