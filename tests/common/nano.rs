//! Sockets of the scalability protocols, connected over each transport.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use cppserver::nano::{Endpoint, Protocol, Socket, SpOption};
use cppserver::{Result, SpFailure};

use super::wait::{DEADLINE, eventually};

/// Transports that need no certificates. Those of Unix are not on every system.
pub const TRANSPORTS: &[&str] =
    if cfg!(unix) { &["inproc", "tcp", "ws", "ipc"] } else { &["inproc", "tcp", "ws"] };

/// Those among them whose bytes the system carries as they are.
pub const STREAMS: &[&str] = if cfg!(unix) { &["tcp", "ipc"] } else { &["tcp"] };

/// A socket whose calls end with an error instead of never.
pub fn nano(protocol: Protocol) -> Socket {
    bounded(Socket::new(protocol).expect("nothing is terminated"))
}

/// A raw one.
pub fn raw_nano(protocol: Protocol) -> Socket {
    bounded(Socket::raw(protocol).expect("nothing is terminated"))
}

fn bounded(socket: Socket) -> Socket {
    for option in [SpOption::SendTimeout, SpOption::ReceiveTimeout] {
        socket.set_option(option, DEADLINE.as_millis() as i64).expect("it is in range");
    }
    socket
}

/// A name that no other test of this process has.
pub fn unused_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("nano-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A path for a Unix socket that nobody else has.
pub fn unused_path() -> PathBuf {
    std::env::temp_dir().join(unused_name())
}

/// Listens over a transport. Returns the address to dial, too.
#[track_caller]
pub fn listen_over(transport: &str, socket: &Socket) -> (Endpoint, String) {
    let address = match transport {
        "inproc" => format!("inproc://{}", unused_name()),
        "ipc" => format!("ipc://{}", unused_path().display()),
        "ws" => "ws://127.0.0.1:0/".to_owned(),
        _ => "tcp://127.0.0.1:0".to_owned(),
    };
    let endpoint = socket.listen(&address).expect("nobody else has the address");
    let address = match endpoint.port() {
        Some(port) => address.replace(":0", &format!(":{port}")),
        None => address,
    };
    (endpoint, address)
}

/// Waits until a socket has so many connections.
#[track_caller]
pub fn wait_connections(socket: &Socket, count: u64) {
    eventually("so many connections", || socket.statistics().current_connections == count);
}

/// Connects a dialer with a listener, and waits for both of them.
#[track_caller]
pub fn connect_over(transport: &str, listener: &Socket, dialer: &Socket) -> (Endpoint, Endpoint) {
    let before =
        [listener.statistics().current_connections, dialer.statistics().current_connections];
    let (listening, address) = listen_over(transport, listener);
    let dialing = dialer.dial(&address).expect("the address is good");
    wait_connections(listener, before[0] + 1);
    wait_connections(dialer, before[1] + 1);
    (listening, dialing)
}

/// Two connected sockets, of which the first one listens.
#[track_caller]
pub fn linked(transport: &str, listener: Protocol, dialer: Protocol) -> (Socket, Socket) {
    let (listener, dialer) = (nano(listener), nano(dialer));
    connect_over(transport, &listener, &dialer);
    (listener, dialer)
}

/// Checks how a call has failed.
#[track_caller]
pub fn assert_failure<T: Debug>(result: Result<T>, failure: SpFailure) {
    let error = result.expect_err("the call is refused");
    assert_eq!(error.category(), cppserver::Category::Sp, "{error}");
    assert_eq!(error.code(), failure as i32, "{error}");
    assert!(error.message().len() > 20, "{error}");
}

/// A message as text.
#[track_caller]
pub fn text(message: Result<cppserver::nano::Message>) -> String {
    message.expect("a message comes").to_text().into_owned()
}
