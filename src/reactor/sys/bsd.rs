//! macOS and the BSDs.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use socket2::{SockRef, Socket};

#[path = "single.rs"]
mod single;
#[path = "unix_sockets.rs"]
mod unix_sockets;

pub(crate) use single::*;
pub(crate) use unix_sockets::*;

/// Which options are inherited differs between these systems, so all are set again.
pub(crate) const ACCEPTED_SOCKETS_INHERIT: bool = false;

/// A read that fills less than its buffer has emptied the socket, and what comes later is an event
/// of its own.
pub(crate) const SHORT_READ_IS_THE_LAST: bool = true;

pub(crate) type NativeHandle = RawFd;

/// Flags of each send: a peer that is gone must be an error, not a signal that ends the process of
/// a program that has not blocked SIGPIPE. Apple's systems have SO_NOSIGPIPE instead.
#[cfg(target_vendor = "apple")]
pub(crate) const SEND_FLAGS: i32 = 0;
#[cfg(not(target_vendor = "apple"))]
pub(crate) const SEND_FLAGS: i32 = libc::MSG_NOSIGNAL;

/// What an accepted socket needs besides the user's options.
pub(crate) fn prepare(socket: &SockRef<'_>) -> io::Result<()> {
    #[cfg(target_vendor = "apple")]
    socket.set_nosigpipe(true)?;
    let _ = socket;
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
#[cfg(target_vendor = "apple")]
#[allow(unsafe_code)]
pub(crate) fn unconfirmed(socket: &impl AsRawFd) -> Option<usize> {
    let mut count: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the socket is open during this call, which writes one int (getsockopt(2)).
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NWRITE,
            (&raw mut count).cast(),
            &mut size,
        )
    };
    if result == 0 { usize::try_from(count).ok() } else { None }
}

/// Bytes that the peer has not confirmed yet, on a connection that has been shut down for sending.
/// `None` where the system does not tell.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn unconfirmed(_socket: &impl AsRawFd) -> Option<usize> {
    None
}

/// Lets a server take its port again while connections of its former life are in TIME_WAIT.
pub(crate) fn set_reuse_address(socket: &Socket, on: bool) -> io::Result<()> {
    socket.set_reuse_address(on)
}

/// Shares a port among listeners of the same user. macOS gives all connections to one of them.
pub(crate) fn set_reuse_port(socket: &Socket, on: bool) -> io::Result<()> {
    socket.set_reuse_port(on)
}

/// Lets several sockets have the same port, of which each gets the datagrams of its groups. These
/// systems want both options for that.
pub(crate) fn share_datagrams(socket: &Socket, on: bool) -> io::Result<()> {
    socket.set_reuse_address(on)?;
    if on { socket.set_reuse_port(true) } else { Ok(()) }
}

/// What a socket of datagrams needs besides the user's options: nothing.
pub(crate) fn prepare_datagrams(_socket: &SockRef<'_>, _v6: bool) -> io::Result<()> {
    Ok(())
}

/// Chooses by its number the interface on which IPv4 multicasts leave. A sender address of
/// 0.0.0.0/8 stands for a number.
pub(crate) fn set_multicast_interface_v4(socket: &SockRef<'_>, index: u32) -> io::Result<()> {
    socket.set_multicast_if_v4(&Ipv4Addr::from(index & 0x00ff_ffff))
}

/// Enters or leaves a group as far as one source sends to it (RFC 3678 section 5).
#[allow(unsafe_code)]
pub(crate) fn change_source_membership(
    socket: &SockRef<'_>,
    index: u32,
    group: IpAddr,
    source: IpAddr,
    join: bool,
) -> io::Result<()> {
    const MCAST_JOIN_SOURCE_GROUP: libc::c_int = 82;
    const MCAST_LEAVE_SOURCE_GROUP: libc::c_int = 83;
    // SAFETY: zeros are interface 0 and addresses of no family.
    let mut request: libc::group_source_req = unsafe { std::mem::zeroed() };
    request.gsr_interface = index;
    let write = |room: *mut libc::sockaddr_storage, address: IpAddr| {
        let address = socket2::SockAddr::from(SocketAddr::new(address, 0));
        // SAFETY: the address is `len` bytes long, which every sockaddr_storage has room for; the
        // structure may be packed, so bytes are copied.
        unsafe {
            std::ptr::copy_nonoverlapping(
                address.as_ptr().cast::<u8>(),
                room.cast::<u8>(),
                address.len() as usize,
            );
        }
    };
    write(&raw mut request.gsr_group, group);
    write(&raw mut request.gsr_source, source);
    let level = if group.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    let option = if join { MCAST_JOIN_SOURCE_GROUP } else { MCAST_LEAVE_SOURCE_GROUP };
    // SAFETY: the socket is open during this call, which reads so many bytes of the request.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const request).cast(),
            size_of_val(&request) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The number of the interface with that name (if_nametoindex(3)).
#[allow(unsafe_code)]
pub(crate) fn interface_index(name: &str) -> io::Result<u32> {
    let name = std::ffi::CString::new(name)?;
    // SAFETY: the name ends with a NUL and outlives the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}
