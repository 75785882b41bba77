//! Sockets that wait for connections.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use mio::event::Source;
use mio::net::TcpListener;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::sockets::{StreamOptions, StreamSocket};
use super::sys;

/// Options of a listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListenOptions {
    pub(crate) reuse_address: bool,
    pub(crate) reuse_port: bool,
    pub(crate) dual_stack: bool,
    pub(crate) backlog: i32,
    pub(crate) stream: StreamOptions,
}

/// A listening socket.
pub(crate) enum ListenSocket {
    Internet(TcpListener),
    Unix(sys::UnixListener),
}

impl ListenSocket {
    /// Accepts a connection that waits. Clients of Unix domain sockets have no address.
    pub(crate) fn accept(&self) -> io::Result<(StreamSocket, Option<SocketAddr>)> {
        match self {
            ListenSocket::Internet(socket) => {
                socket.accept().map(|(socket, peer)| (socket, Some(peer)))
            }
            ListenSocket::Unix(socket) => Ok((socket.accept()?, None)),
        }
    }

    /// The port in use, 0 where there is none.
    pub(crate) fn port(&self) -> io::Result<u16> {
        match self {
            ListenSocket::Internet(socket) => Ok(socket.local_addr()?.port()),
            ListenSocket::Unix(_) => Ok(0),
        }
    }

    pub(crate) fn native_handle(&self) -> sys::NativeHandle {
        match self {
            ListenSocket::Internet(socket) => sys::native_handle(socket),
            ListenSocket::Unix(socket) => socket.native_handle(),
        }
    }
}

impl Source for ListenSocket {
    fn register(&mut self, to: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            ListenSocket::Internet(socket) => socket.register(to, token, interests),
            ListenSocket::Unix(socket) => socket.register(to, token, interests),
        }
    }

    fn reregister(&mut self, to: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            ListenSocket::Internet(socket) => socket.reregister(to, token, interests),
            ListenSocket::Unix(socket) => socket.reregister(to, token, interests),
        }
    }

    fn deregister(&mut self, from: &Registry) -> io::Result<()> {
        match self {
            ListenSocket::Internet(socket) => socket.deregister(from),
            ListenSocket::Unix(socket) => socket.deregister(from),
        }
    }
}

/// Binds and listens. The options of later connections are set here where they are inherited.
pub(crate) fn listen(address: SocketAddr, options: &ListenOptions) -> io::Result<ListenSocket> {
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
    Ok(ListenSocket::Internet(TcpListener::from_std(socket.into())))
}

/// Binds to a file and listens. A file that nobody listens on any more is taken over; with the
/// socket it goes. `mode` is its permissions, instead of those that the umask leaves.
pub(crate) fn listen_unix(
    path: &Path,
    mode: Option<u32>,
    options: &ListenOptions,
) -> io::Result<ListenSocket> {
    let prepare = |socket: &SockRef<'_>| options.stream.apply_buffers(socket);
    Ok(ListenSocket::Unix(sys::UnixListener::bind(path, mode, options.backlog, prepare)?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::sockets::adopt;
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

    fn accept(listener: &ListenSocket) -> StreamSocket {
        loop {
            match listener.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::yield_now();
                }
                other => return other.unwrap().0,
            }
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
        let _peer = std::net::TcpStream::connect(("127.0.0.1", listener.port().unwrap())).unwrap();
        let stream = accept(&listener);
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
        let address = SocketAddr::from(([127, 0, 0, 1], first.port().unwrap()));
        let error = listen(address, &listen_options()).err().expect("it is taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
