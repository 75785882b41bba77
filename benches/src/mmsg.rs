//! Many datagrams per system call, and the sockets of the generator for them.

use crate::sys::{self, check_interrupt};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd};
use std::time::Duration;

/// What a socket that takes whole bursts asks for as its receive buffer.
const RECEIVE_BUFFER: libc::c_int = 4 * 1024 * 1024;
/// How long one wait for room in the socket's send buffer lasts.
const ROOM: Duration = Duration::from_millis(5);

/// Buffers for datagrams up to one size, which are received into or sent from together.
pub struct Batch {
    size: usize,
    bytes: Vec<u8>,
    slices: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

impl Batch {
    /// Room for `count` datagrams of up to `size` bytes.
    pub fn new(count: usize, size: usize) -> Self {
        Batch {
            size,
            bytes: vec![b'x'; count * size],
            slices: Vec::with_capacity(count),
            headers: Vec::with_capacity(count),
        }
    }

    /// How many datagrams one call takes.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.size
    }

    /// True without any room.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes that the next [`Batch::send`] sends as the datagram at `index`.
    pub fn buffer(&mut self, index: usize) -> &mut [u8] {
        &mut self.bytes[index * self.size..][..self.size]
    }

    /// The datagram at `index` of the last [`Batch::receive`].
    pub fn datagram(&self, index: usize) -> &[u8] {
        &self.bytes[index * self.size..][..self.headers[index].msg_len as usize]
    }

    /// Takes what waits at the socket. When that is less than there is room for, the socket is
    /// drained.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.prepare(0, self.len());
        // SAFETY: the headers were made just now, and their slices are parts of `bytes` that do not
        // overlap and do not move during the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        match usize::try_from(count) {
            Ok(count) => Ok(count),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                error if error.kind() == io::ErrorKind::Interrupted => Ok(0),
                error => Err(error),
            },
        }
    }

    /// Sends the first `count` buffers to where the socket is connected to.
    pub fn send(&mut self, socket: &UdpSocket, count: usize) -> io::Result<()> {
        let mut sent = 0;
        while sent < count {
            self.prepare(sent, count);
            // SAFETY: the headers were made just now, and their slices are parts of `bytes`, which
            // does not move during the call.
            let result = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    self.headers.as_mut_ptr(),
                    self.headers.len() as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            };
            match usize::try_from(result) {
                Ok(more) => sent += more,
                Err(_) => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error if error.kind() == io::ErrorKind::WouldBlock => {
                        sys::wait_writable(socket.as_raw_fd(), ROOM)?;
                    }
                    error => return Err(error),
                },
            }
            check_interrupt()?;
        }
        Ok(())
    }

    /// Makes headers for the buffers from `first` up to `end`.
    fn prepare(&mut self, first: usize, end: usize) {
        self.slices.clear();
        self.headers.clear();
        let buffers = self.bytes.chunks_mut(self.size).take(end).skip(first);
        self.slices.extend(buffers.map(|buffer| libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        }));
        self.headers.extend(self.slices.iter_mut().map(|slice| {
            // SAFETY: a message header of zeros has no name, no buffers and no control messages.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_iov = slice;
            header.msg_hdr.msg_iovlen = 1;
            header
        }));
    }
}

/// A socket that speaks with the server alone and never blocks.
pub fn connect(address: SocketAddrV4) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A socket that hears a multicast group on the loopback interface. Port 0 lets the system choose
/// one; more members may follow on the same port.
pub fn join(group: Ipv4Addr, port: u16) -> io::Result<UdpSocket> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers; a descriptor that is not negative belongs to the UdpSocket alone.
    let socket = unsafe {
        match libc::socket(libc::AF_INET, kind, 0) {
            descriptor if descriptor < 0 => return Err(io::Error::last_os_error()),
            descriptor => UdpSocket::from_raw_fd(descriptor),
        }
    };
    let share = || set(&socket, libc::SO_REUSEADDR, 1);
    // A socket that shares its port from the beginning might be given one that others share.
    if port != 0 {
        share()?;
    }
    sys::bind(&socket, SocketAddrV4::new(group, port))?;
    share()?;
    socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
    Ok(socket)
}

/// Makes room at the socket for what arrives in one burst.
pub fn enlarge(socket: &UdpSocket) -> io::Result<()> {
    // Without the limit of the system, if this process may.
    set(socket, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER)
        .or_else(|_| set(socket, libc::SO_RCVBUF, RECEIVE_BUFFER))
}

fn set(socket: &UdpSocket, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the option value is a valid int during the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_keeps_order_and_borders() {
        let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("socket");
        let std::net::SocketAddr::V4(address) = receiver.local_addr().expect("address") else {
            panic!("IPv4 was asked for")
        };
        let sender = connect(address).expect("socket");
        let mut batch = Batch::new(3, 8);
        (0..3).for_each(|index| batch.buffer(index).fill(index as u8));
        batch.send(&sender, 3).expect("sent");
        batch.send(&sender, 1).expect("sent");
        let mut taken = Batch::new(8, 16);
        assert_eq!(taken.receive(&receiver).expect("received"), 4);
        let all: Vec<_> = (0..4).map(|index| taken.datagram(index).to_vec()).collect();
        assert_eq!(all, [[0; 8], [1; 8], [2; 8], [0; 8]]);
        assert_eq!(taken.receive(&receiver).expect("nothing"), 0);
    }
}
