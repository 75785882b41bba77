//! Making sockets with the options that the user chose.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) use mio::net::{TcpListener, TcpStream};
pub(crate) use socket2::SockRef;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::sys;

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
    fn apply(&self, socket: &SockRef<'_>) -> io::Result<()> {
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
    fn apply_buffers(&self, socket: &SockRef<'_>) -> io::Result<()> {
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

/// Options of a listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListenOptions {
    pub(crate) reuse_address: bool,
    pub(crate) reuse_port: bool,
    pub(crate) dual_stack: bool,
    pub(crate) backlog: i32,
    pub(crate) stream: StreamOptions,
}

/// Binds and listens. The options of later connections are set here where they are inherited.
pub(crate) fn listen(address: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    sys::set_reuse_address(&socket, options.reuse_address)?;
    sys::set_reuse_port(&socket, options.reuse_port)?;
    if address.is_ipv6() {
        socket.set_only_v6(!options.dual_stack)?;
    }
    if sys::ACCEPTED_SOCKETS_INHERIT {
        options.stream.apply(&SockRef::from(&socket))?;
    } else {
        options.stream.apply_buffers(&SockRef::from(&socket))?;
    }
    socket.bind(&address.into())?;
    socket.listen(options.backlog)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Prepares an accepted socket.
pub(crate) fn adopt(stream: &TcpStream, options: &StreamOptions) -> io::Result<()> {
    let socket = SockRef::from(stream);
    sys::prepare(&socket)?;
    if sys::ACCEPTED_SOCKETS_INHERIT { Ok(()) } else { options.apply(&socket) }
}

/// Begins to connect. The socket becomes writable when the connection is there or has failed.
pub(crate) fn connect(
    address: SocketAddr,
    local: Option<SocketAddr>,
    options: &StreamOptions,
) -> io::Result<TcpStream> {
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
    Ok(TcpStream::from_std(socket.into()))
}

/// Sends bytes; a closed peer is an error and never a signal.
pub(crate) fn send(socket: &SockRef<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        [only] => socket.send_with_flags(only, sys::SEND_FLAGS),
        _ => socket.send_vectored_with_flags(slices, sys::SEND_FLAGS),
    }
}

/// Sends the slices in one system call.
pub(crate) fn send_vectored(stream: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let socket = SockRef::from(stream);
    // Through mio, which has to see a WouldBlock to watch for the next chance.
    stream.try_io(|| send(&socket, slices))
}

/// Takes SO_LINGER off a socket, so that its close does not wait in the system. Zero stays, which
/// makes the close a reset. Returns what it was.
pub(crate) fn take_linger(stream: &TcpStream) -> io::Result<Option<Duration>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn listen_options() -> ListenOptions {
        ListenOptions {
            reuse_address: true,
            reuse_port: false,
            dual_stack: true,
            backlog: 16,
            stream: StreamOptions { no_delay: true, ..StreamOptions::default() },
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn accepted_sockets_carry_the_options_of_the_server() {
        let options = ListenOptions {
            stream: StreamOptions {
                no_delay: true,
                keep_alive: true,
                keep_alive_idle: Some(Duration::from_secs(77)),
                linger: Some(Duration::from_secs(3)),
                ..StreamOptions::default()
            },
            ..listen_options()
        };
        let listener = listen("127.0.0.1:0".parse().unwrap(), &options).unwrap();
        let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = loop {
            match listener.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::yield_now();
                }
                other => break other.unwrap(),
            }
        };
        adopt(&stream, &options.stream).unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.linger().unwrap(), Some(Duration::from_secs(3)));
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(77));
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn a_port_in_use_is_an_error_of_listen() {
        let first = listen("127.0.0.1:0".parse().unwrap(), &listen_options()).unwrap();
        let error = listen(first.local_addr().unwrap(), &listen_options()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
