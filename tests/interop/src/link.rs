//! Sockets of ours, and how they are connected with a peer.

use std::fmt::Display;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use cppserver::nano::{Message, Protocol, Socket, SpOption};

use crate::peer::Peer;
use crate::{DEADLINE, Outcome};

/// Over what, and who listens.
#[derive(Clone, Copy)]
pub struct Link {
    pub transport: &'static str,
    pub we_listen: bool,
}

impl Link {
    pub fn over(transport: &'static str) -> [Link; 2] {
        [true, false].map(|we_listen| Link { transport, we_listen })
    }

    pub fn name(self) -> String {
        format!("{}, {} listens", self.transport, if self.we_listen { "ours" } else { "the peer" })
    }
}

/// How often a peer tries another port when somebody took the free one before it.
const TRIES: usize = 5;

/// A socket whose calls end with an error instead of never.
pub fn socket(protocol: Protocol) -> Outcome<Socket> {
    let socket = Socket::new(protocol).map_err(words)?;
    let limit = DEADLINE.as_millis() as i64;
    for (option, value) in [
        (SpOption::SendTimeout, limit),
        (SpOption::ReceiveTimeout, limit),
        (SpOption::SurveyDeadline, limit),
        (SpOption::ReconnectInterval, 10),
    ] {
        socket.set_option(option, value).map_err(words)?;
    }
    Ok(socket)
}

pub fn words(error: impl Display) -> String {
    error.to_string()
}

/// Starts to connect a socket with a peer.
pub fn join(ours: &Socket, peer: &mut Peer, link: Link) -> Outcome {
    if link.we_listen {
        return peer.dial(&listen(ours, link.transport)?);
    }
    let mut why = String::new();
    for _ in 0..TRIES {
        let address = free_address(link.transport)?;
        match peer.listen(&address) {
            Ok(()) => return ours.dial(&address).map(drop).map_err(words),
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// Connects a socket with a peer. The peer may learn of it later.
pub fn connect(ours: &Socket, peer: &mut Peer, link: Link) -> Outcome {
    join(ours, peer, link)?;
    await_connection(ours)
}

pub fn await_connection(ours: &Socket) -> Outcome {
    eventually("a connection", || ours.statistics().current_connections == 1)
}

/// Waits for what nobody announces.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) -> Outcome {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        if Instant::now() > end {
            return Err(format!("{what} within {DEADLINE:?}: no"));
        }
        thread::park_timeout(std::time::Duration::from_millis(1));
    }
    Ok(())
}

/// Listens, and tells what to dial.
pub fn listen(ours: &Socket, transport: &str) -> Outcome<String> {
    let address = match transport {
        "ipc" => free_address(transport)?,
        _ => address_of(transport, 0),
    };
    let endpoint = ours.listen(&address).map_err(words)?;
    let address = endpoint.port().map_or(address, |port| address_of(transport, port));
    // Listeners of libnanomsg take no path, and NNG needs one to dial.
    Ok(if transport == "ws" { address + "/" } else { address })
}

/// An address that nobody listens on.
pub fn free_address(transport: &str) -> Outcome<String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    if transport == "ipc" {
        let name = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        return Ok(format!("ipc://{}", directory().join(name).display()));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(words)?;
    Ok(address_of(transport, listener.local_addr().map_err(words)?.port()))
}

/// Where the Unix sockets of this process are.
pub fn directory() -> PathBuf {
    std::env::temp_dir().join(format!("interop-{}", std::process::id()))
}

fn address_of(transport: &str, port: u16) -> String {
    format!("{transport}://127.0.0.1:{port}")
}

/// Receives a message, and checks that it is this one.
pub fn expect(ours: &Socket, message: &[u8]) -> Outcome {
    check(&ours.receive().map_err(words)?, message)
}

/// The same, where the message before may come more than once.
pub fn expect_after(ours: &Socket, message: &[u8], before: &[u8]) -> Outcome {
    loop {
        let found = ours.receive().map_err(words)?;
        if *found != *before {
            return check(&found, message);
        }
    }
}

fn check(found: &Message, message: &[u8]) -> Outcome {
    if **found == *message {
        return Ok(());
    }
    let shown: String = found.to_text().chars().take(30).collect();
    let lengths = (found.len(), message.len());
    Err(format!("received {} bytes instead of {}: {shown}", lengths.0, lengths.1))
}
