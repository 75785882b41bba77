//! What is between a load and the socket.

use crate::sys;
use std::io::{self, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Time for a connection to become ready.
const DEADLINE: Duration = Duration::from_secs(5);

/// Makes the connections of a load.
pub trait Transport {
    /// One connection, which never blocks.
    ///
    /// A read that does not fill its buffer has drained the socket. Reading and writing both push
    /// a handshake on, and a write waits for its end with `WouldBlock`. A flush says by it that the
    /// connection is not ready yet, or that the kernel has not taken everything.
    type Stream: Read + Write + AsRawFd;

    /// Begins on a non-blocking socket, which may still be connecting. `message` is the size of the
    /// messages that will be sent: where there are records, no two messages share one.
    fn begin(&self, socket: TcpStream, message: usize) -> io::Result<Self::Stream>;

    /// From now on messages have this size.
    fn set_message(_stream: &mut Self::Stream, _message: usize) {}

    /// What the connection agreed on, for the one who reads the results.
    fn description(_stream: &Self::Stream) -> Option<String> {
        None
    }
}

/// TCP as it is.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Transport for Plain {
    type Stream = TcpStream;

    fn begin(&self, socket: TcpStream, _message: usize) -> io::Result<TcpStream> {
        Ok(socket)
    }
}

/// Connects and waits until the connection is ready.
pub(super) fn connect<T: Transport>(
    transport: &T,
    address: SocketAddrV4,
    message: usize,
) -> io::Result<T::Stream> {
    let socket = TcpStream::connect_timeout(&address.into(), DEADLINE)?;
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)?;
    let mut stream = transport.begin(socket, message)?;
    let begin = Instant::now();
    while !done(stream.flush())? {
        sys::check_interrupt()?;
        if begin.elapsed() > DEADLINE {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the handshake took more than 5 s",
            ));
        }
        sys::wait_readable(stream.as_raw_fd(), Duration::from_millis(100))?;
    }
    Ok(stream)
}

/// Whether a call was done; false when it has to be made again later.
pub(super) fn done(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if is_later(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// True for what goes away by waiting.
pub(super) fn is_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected | io::ErrorKind::Interrupted
    )
}
