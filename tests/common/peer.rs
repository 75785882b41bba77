//! The other end of a connection, made of plain sockets of the standard library.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};

use socket2::{Domain, SockRef, Socket, Type};

use super::wait::{DEADLINE, eventually};

/// Connects to a server of this machine. Reads and writes end with an error instead of never.
#[track_caller]
pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the server listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline is allowed");
    stream.set_write_timeout(Some(DEADLINE)).expect("a deadline is allowed");
    stream
}

/// Reads until the other side closes.
#[track_caller]
pub fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the other side closes in an orderly way");
    bytes
}

/// Reads so many bytes.
#[track_caller]
pub fn read_some(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).expect("so many bytes arrive");
    bytes
}

/// Reads until the connection is gone in whatever way, and tells how many bytes there were.
#[track_caller]
pub fn read_until_gone(stream: &mut TcpStream) -> usize {
    let mut buffer = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return total,
            Ok(count) => total += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                let timed_out = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                assert!(!timed_out, "the connection goes on");
                return total;
            }
        }
    }
}

/// Closes so that the other side sees a reset instead of an end.
pub fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(std::time::Duration::ZERO))
        .expect("lingering can be switched off");
}

/// Bytes in which every place looks different from its neighbours.
pub fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|place| (place % 251) as u8 ^ (place >> 16) as u8).collect()
}

/// A port on which nobody listens for as long as this lives.
pub struct Unused {
    _socket: Socket,
    pub port: u16,
}

/// Takes a port and does not listen on it: connects are refused, and no other test gets it.
pub fn unused_port() -> Unused {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&address.into()).expect("there are ports");
    let address = socket.local_addr().ok().and_then(|address| address.as_socket());
    Unused { port: address.expect("it is bound to an address").port(), _socket: socket }
}

/// A port that was free a moment ago, for servers that need to know theirs before the start. It is
/// below those that systems give to clients, so that no connection of another test takes it.
pub fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let of_process = std::process::id().wrapping_mul(97);
    (0..COUNT)
        .map(|_| of_process.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT + FIRST)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("one of many ports is free")
}

/// Whether this machine has an IPv6 loopback address.
pub fn has_ipv6() -> bool {
    let has = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has {
        println!("This machine has no IPv6, so there is nothing to test.");
    }
    has
}

/// Looks at a socket of the library by its native handle.
#[allow(unsafe_code)]
pub fn with_socket<R>(handle: Option<i64>, look: impl FnOnce(SockRef<'_>) -> R) -> R {
    let handle = handle.expect("the socket is open");
    #[cfg(unix)]
    // SAFETY: the library keeps the socket open while the test has not ended the session.
    let socket = unsafe { std::os::fd::BorrowedFd::borrow_raw(handle as i32) };
    #[cfg(windows)]
    // SAFETY: the library keeps the socket open while the test has not ended the session.
    let socket = unsafe { std::os::windows::io::BorrowedSocket::borrow_raw(handle as u64) };
    look(SockRef::from(&socket))
}

/// A listener of the standard library on this machine, as the server of a client under test.
pub fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there are ports");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

/// Accepts one connection, with the deadlines of [`connect`].
#[track_caller]
pub fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).expect("a listener need not block");
    let mut accepted = None;
    eventually("the client connects", || {
        accepted = listener.accept().ok();
        accepted.is_some()
    });
    let (stream, _) = accepted.expect("accepted just now");
    stream.set_nonblocking(false).expect("a stream may block");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline is allowed");
    stream.set_write_timeout(Some(DEADLINE)).expect("a deadline is allowed");
    stream
}
