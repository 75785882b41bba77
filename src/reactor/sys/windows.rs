//! Windows.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::windows::io::{AsRawSocket, RawSocket};
use std::time::Duration;

use socket2::{SockAddrStorage, SockRef, Socket};

#[path = "single.rs"]
mod single;
#[path = "no_unix_sockets.rs"]
mod unix_sockets;

pub(crate) use single::*;
pub(crate) use unix_sockets::*;

/// An accepted socket starts with the options of its listener only after
/// SO_UPDATE_ACCEPT_CONTEXT, so all are set again.
pub(crate) const ACCEPTED_SOCKETS_INHERIT: bool = false;

/// mio watches a socket again only after a read has answered that there is nothing left.
pub(crate) const SHORT_READ_IS_THE_LAST: bool = false;

pub(crate) type NativeHandle = RawSocket;

/// Flags of each send; there are no signals here.
pub(crate) const SEND_FLAGS: i32 = 0;

/// What an accepted socket needs besides the user's options: nothing.
pub(crate) fn prepare(_socket: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}

pub(crate) fn native_handle(socket: &impl AsRawSocket) -> NativeHandle {
    socket.as_raw_socket()
}

/// WSAEMFILE and WSAENOBUFS.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(10024 | 10055))
}

/// What the system waits before the first keep-alive probe and between probes, unless told.
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(2 * 60 * 60);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(1);

/// One call sets both times of keep-alive probes, so the one that is not asked for is set to what
/// it was. Windows tells that since version 1709 of 10.
pub(crate) fn keep_alive_times(
    socket: &SockRef<'_>,
    idle: Option<Duration>,
    interval: Option<Duration>,
) -> (Option<Duration>, Option<Duration>) {
    const TCP_KEEPIDLE: i32 = 3;
    const TCP_KEEPINTVL: i32 = 17;
    let or_as_it_was = |time: Option<Duration>, option, default| {
        time.or_else(|| tcp_seconds(socket, option)).or(Some(default))
    };
    (
        or_as_it_was(idle, TCP_KEEPIDLE, KEEP_ALIVE_IDLE),
        or_as_it_was(interval, TCP_KEEPINTVL, KEEP_ALIVE_INTERVAL),
    )
}

/// Reads an option of TCP that counts seconds; `None` where the system does not know it.
#[allow(unsafe_code)]
fn tcp_seconds(socket: &SockRef<'_>, option: i32) -> Option<Duration> {
    #[link(name = "ws2_32")]
    unsafe extern "system" {
        fn getsockopt(
            socket: RawSocket,
            level: i32,
            option: i32,
            value: *mut u32,
            size: *mut i32,
        ) -> i32;
    }
    const IPPROTO_TCP: i32 = 6;
    let mut value = 0u32;
    let mut size = size_of::<u32>() as i32;
    // SAFETY: the socket is open during this call, which writes at most `size` bytes of `value`.
    let result =
        unsafe { getsockopt(socket.as_raw_socket(), IPPROTO_TCP, option, &mut value, &mut size) };
    (result == 0).then(|| Duration::from_secs(value.into()))
}

/// A non-blocking connect of WinSock answers WSAEWOULDBLOCK.
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Bytes that the peer has not confirmed yet; this system does not tell.
pub(crate) fn unconfirmed(_socket: &impl AsRawSocket) -> Option<usize> {
    None
}

/// TIME_WAIT does not keep a listener from its port here, and SO_REUSEADDR would let any other
/// program steal the port, so it stays off.
pub(crate) fn set_reuse_address(_socket: &Socket, _on: bool) -> io::Result<()> {
    Ok(())
}

/// There is no such option; asking for it is an error rather than a surprise.
pub(crate) fn set_reuse_port(_socket: &Socket, on: bool) -> io::Result<()> {
    if on { Err(io::ErrorKind::Unsupported.into()) } else { Ok(()) }
}

/// Lets several sockets have the same port, of which each gets the datagrams of its groups.
pub(crate) fn share_datagrams(socket: &Socket, on: bool) -> io::Result<()> {
    socket.set_reuse_address(on)
}

/// What a socket of datagrams needs besides the user's options: nothing.
pub(crate) fn prepare_datagrams(_socket: &SockRef<'_>, _v6: bool) -> io::Result<()> {
    Ok(())
}

/// Chooses by its number the interface on which IPv4 multicasts leave: an address of 0.0.0.0/8
/// stands for a number (IP_MULTICAST_IF).
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
    #[link(name = "ws2_32")]
    unsafe extern "system" {
        fn setsockopt(
            socket: RawSocket,
            level: i32,
            option: i32,
            value: *const GroupSourceRequest,
            size: i32,
        ) -> i32;
    }
    /// GROUP_SOURCE_REQ of ws2ipdef.h.
    #[repr(C)]
    struct GroupSourceRequest {
        interface: u32,
        group: SockAddrStorage,
        source: SockAddrStorage,
    }
    const MCAST_JOIN_SOURCE_GROUP: i32 = 45;
    const MCAST_LEAVE_SOURCE_GROUP: i32 = 46;
    const IPPROTO_IP: i32 = 0;
    const IPPROTO_IPV6: i32 = 41;
    let storage = |address| socket2::SockAddr::from(SocketAddr::new(address, 0)).as_storage();
    let request =
        GroupSourceRequest { interface: index, group: storage(group), source: storage(source) };
    let level = if group.is_ipv4() { IPPROTO_IP } else { IPPROTO_IPV6 };
    let option = if join { MCAST_JOIN_SOURCE_GROUP } else { MCAST_LEAVE_SOURCE_GROUP };
    let size = size_of::<GroupSourceRequest>() as i32;
    // SAFETY: the socket is open during this call, which reads `size` bytes of the request.
    let result = unsafe { setsockopt(socket.as_raw_socket(), level, option, &request, size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The number of an interface is what Windows knows; names differ from tool to tool.
pub(crate) fn interface_index(_name: &str) -> io::Result<u32> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "on Windows give the number of the interface or its IPv4 address",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Type};

    #[test]
    fn a_time_of_keep_alive_that_is_not_asked_for_stays() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let socket = SockRef::from(&socket);
        let seven = Duration::from_secs(7);
        let (idle, interval) = keep_alive_times(&socket, None, Some(seven));
        assert_eq!(interval, Some(seven));
        assert!(idle.unwrap() > seven);
        let (idle, interval) = keep_alive_times(&socket, Some(seven), None);
        assert_eq!(idle, Some(seven));
        assert!(interval.unwrap() >= Duration::from_secs(1));
    }
}
