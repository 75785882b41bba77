//! Linux and Android.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use socket2::{SockRef, Socket};

#[path = "linux_datagrams.rs"]
mod datagrams;
#[path = "mmsg.rs"]
mod mmsg;
#[path = "linux_name.rs"]
mod name;
#[path = "unix_sockets.rs"]
mod unix_sockets;

pub(crate) use datagrams::*;
pub(crate) use mmsg::{ReceiveBatch, SendBatch};
pub(crate) use unix_sockets::*;

pub(crate) const ACCEPTED_SOCKETS_INHERIT: bool = true;

/// A read that fills less than its buffer has emptied the socket, and what comes later is an event
/// of its own.
pub(crate) const SHORT_READ_IS_THE_LAST: bool = true;

pub(crate) type NativeHandle = RawFd;

/// Flags of each send: a peer that is gone must be an error, not a signal that ends the process of
/// a program that has not blocked SIGPIPE.
pub(crate) const SEND_FLAGS: i32 = libc::MSG_NOSIGNAL;

/// What an accepted socket needs besides the user's options: nothing.
pub(crate) fn prepare(_socket: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}

pub(crate) fn native_handle(socket: &impl AsRawFd) -> NativeHandle {
    socket.as_raw_fd()
}

/// accept(2): EMFILE and ENFILE are limits on descriptors, ENOBUFS and ENOMEM on memory.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// Each time of keep-alive probes is an option of its own.
pub(crate) fn keep_alive_times(
    _socket: &SockRef<'_>,
    idle: Option<Duration>,
    interval: Option<Duration>,
) -> (Option<Duration>, Option<Duration>) {
    (idle, interval)
}

pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

/// Bytes that the peer has not confirmed yet, on a connection that has been shut down for sending.
/// `None` where the system does not tell.
#[allow(unsafe_code)]
pub(crate) fn unconfirmed(socket: &impl AsRawFd) -> Option<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: the socket is open during this call, which writes one int (tcp(7), SIOCOUTQ).
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &mut count) };
    // The end of the stream counts as one more, and is confirmed last.
    if result == 0 {
        usize::try_from(count).ok().map(|count| count.saturating_sub(1))
    } else {
        None
    }
}

/// Lets a server take its port again while connections of its former life are in TIME_WAIT.
pub(crate) fn set_reuse_address(socket: &Socket, on: bool) -> io::Result<()> {
    socket.set_reuse_address(on)
}

/// Shares a port among listeners of the same user; the kernel spreads connections over them.
pub(crate) fn set_reuse_port(socket: &Socket, on: bool) -> io::Result<()> {
    socket.set_reuse_port(on)
}
