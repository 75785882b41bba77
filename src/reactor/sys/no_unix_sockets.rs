//! The shape of Unix domain sockets on systems without them.

use std::io;
use std::path::Path;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::{SockRef, Socket};

use crate::error::{Error, Result};

/// There is no path that could be one of a socket.
pub(crate) fn check_unix_path(path: &Path) -> Result<()> {
    Err(Error::unsupported(format!(
        "{} cannot be a socket: this system has no Unix domain sockets that this library uses; take \
         TCP on 127.0.0.1",
        path.display()
    )))
}

/// A listening socket that there never is.
pub(crate) enum UnixListener {}

impl UnixListener {
    pub(crate) fn bind(
        _path: &Path,
        _mode: Option<u32>,
        _backlog: i32,
        _prepare: impl FnOnce(&SockRef<'_>) -> io::Result<()>,
    ) -> io::Result<UnixListener> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn accept(&self) -> io::Result<mio::net::TcpStream> {
        match *self {}
    }

    pub(crate) fn native_handle(&self) -> super::NativeHandle {
        match *self {}
    }
}

impl Source for UnixListener {
    fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        match *self {}
    }

    fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        match *self {}
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        match *self {}
    }
}

pub(crate) fn connect_unix(
    _path: &Path,
    _prepare: impl FnOnce(&SockRef<'_>) -> io::Result<()>,
) -> io::Result<Socket> {
    Err(io::ErrorKind::Unsupported.into())
}
