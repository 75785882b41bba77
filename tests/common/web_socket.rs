//! Peers that speak WebSocket by hand, so that they can also break its rules.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::peer::{accept, connect};

/// The first byte of a whole message, and of frames that control the connection.
pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;

/// What a peer of a server asks with; the key is the one of RFC 6455 section 1.3.
pub const REQUEST: &str = "GET /path?query HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                           Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                           Sec-WebSocket-Version: 13\r\n\r\n";

/// One end of a connection, after its handshake.
pub struct WsPeer {
    pub socket: TcpStream,
    masks: bool,
}

/// Reads a head, up to its empty line.
#[track_caller]
pub fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).expect("the head goes on");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("heads are text")
}

impl WsPeer {
    /// A client.
    #[track_caller]
    pub fn connect(port: u16) -> WsPeer {
        WsPeer::connect_with(port, "")
    }

    /// The same with more lines in its request.
    #[track_caller]
    pub fn connect_with(port: u16, lines: &str) -> WsPeer {
        let mut socket = connect(port);
        let request = REQUEST.strip_suffix("\r\n").unwrap();
        socket.write_all(format!("{request}{lines}\r\n").as_bytes()).unwrap();
        let head = read_head(&mut socket);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        WsPeer { socket, masks: true }
    }

    /// A server's side of the next client.
    #[track_caller]
    pub fn accept(listener: &TcpListener) -> WsPeer {
        let mut socket = accept(listener);
        let head = read_head(&mut socket);
        let field =
            |line: &str| Some(line.to_lowercase().strip_prefix("sec-websocket-key: ")?.len());
        let line = head.lines().find(|line| field(line).is_some()).expect("a key is sent");
        let key = &line["sec-websocket-key: ".len()..];
        let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        socket.write_all(answer.as_bytes()).unwrap();
        WsPeer { socket, masks: false }
    }

    /// Sends a frame whose length takes one, two or eight bytes as it must.
    pub fn send(&mut self, first: u8, payload: &[u8]) {
        let bytes = self.frame(first, payload);
        self.socket.write_all(&bytes).expect("the other side reads");
    }

    /// The bytes of a frame.
    pub fn frame(&self, first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = if self.masks { 0x80 } else { 0 };
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..=125 => bytes.push(mask | length as u8),
            length @ 126..=0xffff => {
                bytes.push(mask | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            length => {
                bytes.push(mask | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        let key = [9, 8, 7, 6];
        if self.masks {
            bytes.extend(key);
            bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        } else {
            bytes.extend(payload);
        }
        bytes
    }

    /// Reads a frame: its first byte and its payload.
    #[track_caller]
    pub fn read(&mut self) -> (u8, Vec<u8>) {
        let mut exactly = |count: usize| {
            let mut bytes = vec![0; count];
            self.socket.read_exact(&mut bytes).expect("a frame comes");
            bytes
        };
        let head = exactly(2);
        assert_eq!(head[1] & 0x80 == 0, self.masks, "clients mask, servers do not");
        let length = match head[1] & 0x7f {
            126 => usize::from(u16::from_be_bytes(exactly(2).try_into().unwrap())),
            127 => u64::from_be_bytes(exactly(8).try_into().unwrap()) as usize,
            length => usize::from(length),
        };
        let key = if self.masks { vec![0; 4] } else { exactly(4) };
        let masked = exactly(length);
        let payload = masked.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        (head[0], payload)
    }

    /// Reads a Close frame: its code and its reason.
    #[track_caller]
    pub fn read_close(&mut self) -> (u16, String) {
        let (first, payload) = self.read();
        assert_eq!(first, CLOSE, "{payload:x?}");
        match payload.split_at_checked(2) {
            Some((code, reason)) => {
                let code = u16::from_be_bytes(code.try_into().unwrap());
                (code, String::from_utf8(reason.to_vec()).unwrap())
            }
            None => (1005, String::new()),
        }
    }

    /// Answers the Close frame of the other side and waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> (u16, String) {
        let close = self.read_close();
        self.send(CLOSE, &close.0.to_be_bytes());
        let _ = self.socket.shutdown(Shutdown::Write);
        let mut rest = Vec::new();
        self.socket.read_to_end(&mut rest).expect("the other side closes in an orderly way");
        assert!(rest.is_empty(), "{rest:x?}");
        close
    }
}
