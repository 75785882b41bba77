//! Unix domain sockets: their files, which differ from addresses of the internet in that they stay.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use crate::error::{Error, Result};

/// Bytes of a path that an address has room for, with a NUL behind them.
const MOST_PATH: usize =
    size_of::<libc::sockaddr_un>() - std::mem::offset_of!(libc::sockaddr_un, sun_path) - 1;

/// Refuses what cannot be the path of a socket.
pub(crate) fn check_unix_path(path: &Path) -> Result<()> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(Error::argument(
            "the path of the socket is empty or has a zero byte; give the path of a file",
        ));
    }
    if bytes.len() > MOST_PATH {
        return Err(Error::argument(format!(
            "the path {} has {} bytes, and the address of a socket has room for {MOST_PATH}; give a \
             shorter one",
            path.display(),
            bytes.len()
        )));
    }
    Ok(())
}

/// A listening socket with a file. The file goes when the socket does.
pub(crate) struct UnixListener {
    socket: mio::net::UnixListener,
    _file: SocketFile,
}

impl UnixListener {
    /// Binds and listens. A file that nobody listens on any more is taken over.
    pub(crate) fn bind(
        path: &Path,
        mode: Option<u32>,
        backlog: i32,
        prepare: impl FnOnce(&SockRef<'_>) -> io::Result<()>,
    ) -> io::Result<UnixListener> {
        let address = SockAddr::unix(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        prepare(&SockRef::from(&socket))?;
        match socket.bind(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && remove_stale(path)? => {
                socket.bind(&address)?;
            }
            bound => bound?,
        }
        let file = SocketFile::at(path)?;
        // Before anybody can connect.
        if let Some(mode) = mode {
            fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        socket.listen(backlog)?;
        socket.set_nonblocking(true)?;
        Ok(UnixListener { socket: mio::net::UnixListener::from_std(socket.into()), _file: file })
    }

    /// Accepts a connection that waits.
    pub(crate) fn accept(&self) -> io::Result<mio::net::TcpStream> {
        let (socket, _) = self.socket.accept()?;
        let socket = std::os::unix::net::UnixStream::from(socket);
        // What is done with a connected socket is the same for every family.
        Ok(mio::net::TcpStream::from_std(std::os::fd::OwnedFd::from(socket).into()))
    }

    pub(crate) fn native_handle(&self) -> super::NativeHandle {
        super::native_handle(&self.socket)
    }
}

impl Source for UnixListener {
    fn register(&mut self, to: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.register(to, token, interests)
    }

    fn reregister(&mut self, to: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket.reregister(to, token, interests)
    }

    fn deregister(&mut self, from: &Registry) -> io::Result<()> {
        self.socket.deregister(from)
    }
}

/// Begins to connect. `WouldBlock` when the listener has no room in its backlog now.
pub(crate) fn connect_unix(
    path: &Path,
    prepare: impl FnOnce(&SockRef<'_>) -> io::Result<()>,
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    prepare(&SockRef::from(&socket))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if !super::is_in_progress(&error) => Err(error),
        _ => Ok(socket),
    }
}

/// What tells a file from another one of the same name.
type Identity = (u64, u64);

fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The file of a listening socket, removed with it unless it is another one by then.
struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<SocketFile> {
        Ok(SocketFile { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // Somebody else may have been faster.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the file of a socket that nobody listens on, left behind by a process that was killed.
/// Whether it did.
fn remove_stale(path: &Path) -> io::Result<bool> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(false) };
    if !metadata.file_type().is_socket() {
        return Ok(false);
    }
    let found = (metadata.dev(), metadata.ino());
    match connect_unix(path, |_| Ok(())) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        _ => return Ok(false),
    }
    if identity(path)? != found {
        return Ok(false);
    }
    fs::remove_file(path)?;
    Ok(true)
}
