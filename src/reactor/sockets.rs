//! Making sockets with the options that the user chose.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

pub(crate) use socket2::SockRef;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::sys;

/// A connected socket of any family: what is done with it is the same for TCP and for Unix domain
/// sockets, which differ in how they are made.
pub(crate) type StreamSocket = mio::net::TcpStream;

/// Options of a connected socket. `None` leaves the system's default alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StreamOptions {
    pub(crate) no_delay: bool,
    pub(crate) keep_alive: bool,
    pub(crate) keep_alive_idle: Option<Duration>,
    pub(crate) keep_alive_interval: Option<Duration>,
    pub(crate) keep_alive_count: Option<u32>,
    pub(crate) send_buffer: Option<usize>,
    pub(crate) receive_buffer: Option<usize>,
    pub(crate) linger: Option<Duration>,
}

impl StreamOptions {
    pub(super) fn apply(&self, socket: &SockRef<'_>) -> io::Result<()> {
        if self.no_delay {
            socket.set_tcp_nodelay(true)?;
        }
        if self.keep_alive {
            let (idle, interval) = (self.keep_alive_idle, self.keep_alive_interval);
            let parameters = keep_alive_parameters(socket, idle, interval, self.keep_alive_count);
            socket.set_tcp_keepalive(&parameters)?;
        }
        self.apply_buffers(socket)?;
        if self.linger.is_some() {
            socket.set_linger(self.linger)?;
        }
        Ok(())
    }

    /// Buffer sizes count before the connection is made: they bound the TCP window scale.
    pub(super) fn apply_buffers(&self, socket: &SockRef<'_>) -> io::Result<()> {
        if let Some(size) = self.send_buffer {
            socket.set_send_buffer_size(size)?;
        }
        if let Some(size) = self.receive_buffer {
            socket.set_recv_buffer_size(size)?;
        }
        Ok(())
    }
}

fn keep_alive_parameters(
    socket: &SockRef<'_>,
    idle: Option<Duration>,
    interval: Option<Duration>,
    count: Option<u32>,
) -> TcpKeepalive {
    let (idle, interval) = sys::keep_alive_times(socket, idle, interval);
    let mut parameters = TcpKeepalive::new();
    if let Some(idle) = idle {
        parameters = parameters.with_time(idle);
    }
    if let Some(interval) = interval {
        parameters = parameters.with_interval(interval);
    }
    if let Some(count) = count {
        parameters = parameters.with_retries(count);
    }
    parameters
}

/// Prepares an accepted socket.
pub(crate) fn adopt(stream: &StreamSocket, options: &StreamOptions) -> io::Result<()> {
    let socket = SockRef::from(stream);
    sys::prepare(&socket)?;
    if sys::ACCEPTED_SOCKETS_INHERIT { Ok(()) } else { options.apply(&socket) }
}

/// Prepares an accepted Unix domain socket, which has less to choose.
pub(crate) fn adopt_unix(stream: &StreamSocket, options: &StreamOptions) -> io::Result<()> {
    let socket = SockRef::from(stream);
    sys::prepare(&socket)?;
    options.apply_buffers(&socket)
}

/// Begins to connect. The socket becomes writable when the connection is there or has failed.
pub(crate) fn connect(
    address: SocketAddr,
    local: Option<SocketAddr>,
    options: &StreamOptions,
) -> io::Result<StreamSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    options.apply(&SockRef::from(&socket))?;
    if let Some(local) = local {
        sys::set_reuse_address(&socket, true)?;
        socket.bind(&local.into())?;
    }
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => {}
        Err(error) if sys::is_in_progress(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(StreamSocket::from_std(socket.into()))
}

/// Begins to connect to the file of a Unix domain socket, as [`connect`] does. `WouldBlock` when
/// the server has no room in its backlog, and nothing tells when it has.
pub(crate) fn connect_unix(path: &Path, options: &StreamOptions) -> io::Result<StreamSocket> {
    let prepare = |socket: &SockRef<'_>| {
        sys::prepare(socket)?;
        options.apply_buffers(socket)
    };
    Ok(StreamSocket::from_std(sys::connect_unix(path, prepare)?.into()))
}

/// Whether a connection has come about; the error `NotConnected` if not yet.
pub(crate) fn check_connected(stream: &StreamSocket) -> io::Result<()> {
    SockRef::from(stream).peer_addr().map(drop)
}

/// Sends bytes; a closed peer is an error and never a signal.
pub(crate) fn send(socket: &SockRef<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        [only] => socket.send_with_flags(only, sys::SEND_FLAGS),
        _ => socket.send_vectored_with_flags(slices, sys::SEND_FLAGS),
    }
}

/// Sends the slices in one system call.
pub(crate) fn send_vectored(stream: &StreamSocket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let socket = SockRef::from(stream);
    // Through mio, which has to see a WouldBlock to watch for the next chance.
    stream.try_io(|| send(&socket, slices))
}

/// Takes SO_LINGER off a socket, so that its close does not wait in the system. Zero stays, which
/// makes the close a reset. Returns what it was.
pub(crate) fn take_linger(stream: &StreamSocket) -> io::Result<Option<Duration>> {
    let socket = SockRef::from(stream);
    let linger = socket.linger()?;
    if linger.is_some_and(|linger| !linger.is_zero()) {
        socket.set_linger(None)?;
    }
    Ok(linger)
}

/// The address of this side.
pub(crate) fn local_address(socket: &SockRef<'_>) -> io::Result<SocketAddr> {
    let address = socket.local_addr()?;
    address.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// One option to change on an open connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    NoDelay(bool),
    KeepAlive(bool),
    KeepAliveIdle(Duration),
    KeepAliveInterval(Duration),
    KeepAliveCount(u32),
    SendBuffer(usize),
    ReceiveBuffer(usize),
    Linger(Option<Duration>),
}

/// Changes one option of an open connection.
pub(crate) fn change(socket: &SockRef<'_>, change: Change) -> io::Result<()> {
    match change {
        Change::NoDelay(on) => socket.set_tcp_nodelay(on),
        Change::KeepAlive(on) => socket.set_keepalive(on),
        Change::KeepAliveIdle(idle) => set_keep_alive(socket, Some(idle), None, None),
        Change::KeepAliveInterval(interval) => set_keep_alive(socket, None, Some(interval), None),
        Change::KeepAliveCount(count) => set_keep_alive(socket, None, None, Some(count)),
        Change::SendBuffer(size) => socket.set_send_buffer_size(size),
        Change::ReceiveBuffer(size) => socket.set_recv_buffer_size(size),
        Change::Linger(linger) => socket.set_linger(linger),
    }
}

/// Changes how probes are sent and leaves it as it was whether there are any.
fn set_keep_alive(
    socket: &SockRef<'_>,
    idle: Option<Duration>,
    interval: Option<Duration>,
    count: Option<u32>,
) -> io::Result<()> {
    let on = socket.keepalive()?;
    let changed = socket.set_tcp_keepalive(&keep_alive_parameters(socket, idle, interval, count));
    // Also after an error, which comes when the probes are on already.
    if !on {
        socket.set_keepalive(false)?;
    }
    changed
}
