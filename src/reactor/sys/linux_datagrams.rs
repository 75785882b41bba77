//! Options of sockets for datagrams, and what ICMP says of what they sent.

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::ptr;

use socket2::{SockRef, Socket};

use super::mmsg::control;
use super::name::Name;
use crate::reactor::datagrams::UdpSocket;

/// Asks for what the batches read: how many datagrams were lost for want of room, which ones were
/// answered by ICMP, and several at once.
pub(crate) fn prepare_datagrams(socket: &SockRef<'_>, v6: bool) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, &1)?;
    // Also for the IPv4 that a socket of version 6 speaks.
    let v4 = set(socket, libc::SOL_IP, libc::IP_RECVERR, &1);
    match v6 {
        true => set(socket, libc::SOL_IPV6, libc::IPV6_RECVERR, &1)?,
        false => v4?,
    }
    // Else a socket hears every group that any other socket of this machine has joined (ip(7)).
    let v4 = socket.set_multicast_all_v4(false);
    match v6 {
        // Since Linux 4.20.
        true => drop(socket.set_multicast_all_v6(false)),
        false => v4?,
    }
    // Unknown before Linux 5.0, and everything works without it.
    let _ = set(socket, libc::SOL_UDP, libc::UDP_GRO, &1);
    Ok(())
}

/// Lets several sockets have the same port, of which each gets the datagrams of its groups.
pub(crate) fn share_datagrams(socket: &Socket, on: bool) -> io::Result<()> {
    socket.set_reuse_address(on)
}

/// Takes the oldest report about a datagram that was sent: where it went, and what became of it.
/// `None` when there is none.
#[allow(unsafe_code)]
pub(crate) fn next_report(socket: &UdpSocket) -> Option<(Option<SocketAddr>, io::Error)> {
    let mut name = Name::EMPTY;
    let mut room = [0_u64; 64];
    // SAFETY: a message header of zeros has no name, no buffers and no control messages.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_name = ptr::from_mut(&mut name).cast();
    header.msg_namelen = size_of::<Name>() as libc::socklen_t;
    header.msg_control = room.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&room) as _;
    // SAFETY: the header points at a name and control room with their true sizes.
    let result = unsafe {
        libc::recvmsg(socket.as_raw_fd(), &mut header, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)
    };
    if result < 0 {
        return None;
    }
    // The first member of struct sock_extended_err is the error number (ip(7), IP_RECVERR).
    let number = control(&header, libc::SOL_IP, libc::IP_RECVERR)
        .or_else(|| control(&header, libc::SOL_IPV6, libc::IPV6_RECVERR))?;
    Some((name.address(), io::Error::from_raw_os_error(number as i32)))
}

/// Whether an error of a call is about a datagram that was sent before, of which [`next_report`]
/// tells more.
pub(crate) fn is_report(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNREFUSED
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::ENOPROTOOPT
                | libc::EPROTO
                | libc::EACCES
                | libc::EMSGSIZE
        )
    )
}

/// Whether [`next_report`] has the details of such errors.
pub(crate) const REPORTS: bool = true;

/// Chooses by its number the interface on which IPv4 multicasts leave.
pub(crate) fn set_multicast_interface_v4(socket: &SockRef<'_>, index: u32) -> io::Result<()> {
    let request = libc::ip_mreqn {
        imr_multiaddr: libc::in_addr { s_addr: 0 },
        imr_address: libc::in_addr { s_addr: 0 },
        imr_ifindex: index as libc::c_int,
    };
    set(socket, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, &request)
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
    // SAFETY: zeros are interface 0 and addresses of no family.
    let mut request: libc::group_source_req = unsafe { mem::zeroed() };
    request.gsr_interface = index;
    for (room, address) in [(&mut request.gsr_group, group), (&mut request.gsr_source, source)] {
        // SAFETY: a sockaddr_storage has room for every address and is aligned for it.
        unsafe { ptr::from_mut(room).cast::<Name>().write(Name::new(SocketAddr::new(address, 0))) };
    }
    let level = if group.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    let option = if join { libc::MCAST_JOIN_SOURCE_GROUP } else { libc::MCAST_LEAVE_SOURCE_GROUP };
    set(socket, level, option, &request)
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

#[allow(unsafe_code)]
pub(super) fn set<T>(socket: &SockRef<'_>, level: i32, option: i32, value: &T) -> io::Result<()> {
    // SAFETY: the socket is open during this call, which reads so many bytes of the value.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
