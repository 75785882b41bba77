//! One datagram per system call, on every system that mio knows.

use std::io;
use std::net::SocketAddr;

use crate::reactor::buffer::Buffer;
use crate::reactor::datagrams::{Datagram, DatagramQueue, UdpSocket};

/// Datagrams that are taken before the handler sees them.
const BATCH: usize = 16;

/// The largest datagram that a system hands out.
const LARGEST: usize = 65_536;

/// Buffers for what comes, one set per loop.
pub(crate) struct ReceiveBatch {
    bytes: Buffer,
    /// Sender and size of each datagram of the last call.
    received: Vec<(SocketAddr, usize)>,
}

impl ReceiveBatch {
    pub(crate) fn new() -> ReceiveBatch {
        ReceiveBatch { bytes: Buffer::new(BATCH * LARGEST), received: Vec::new() }
    }

    /// Takes what waits. Returns whether that was all: then an event tells what comes later.
    pub(crate) fn receive(&mut self, socket: &UdpSocket) -> io::Result<bool> {
        self.received.clear();
        for bytes in self.bytes.bytes_mut().chunks_mut(LARGEST) {
            match socket.recv_from(bytes) {
                Ok((size, from)) => self.received.push((from, size)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                // The next call tells an error again, but for one about a datagram that was sent.
                Err(error) if self.received.is_empty() || is_report(&error) => return Err(error),
                Err(_) => break,
            }
        }
        Ok(false)
    }

    /// What the last call took, in the order in which it came.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        let parts = self.received.iter().zip(self.bytes.bytes().chunks(LARGEST));
        parts.map(|((from, size), bytes)| Datagram {
            from: *from,
            data: &bytes[..*size],
            truncated: false,
        })
    }

    /// How many datagrams the socket has lost since it was opened; these systems do not tell.
    pub(crate) fn lost(&self) -> Option<u32> {
        None
    }
}

/// What is handed to the system at a time.
pub(crate) struct SendBatch;

impl SendBatch {
    pub(crate) fn new() -> SendBatch {
        SendBatch
    }

    /// Sends from the queue and tells `gone` what left. An error is about the datagram whose index
    /// is returned with it.
    pub(crate) fn send(
        &mut self,
        socket: &UdpSocket,
        connected: bool,
        _segments: &mut bool,
        queue: &mut DatagramQueue,
        mut gone: impl FnMut(SocketAddr, usize),
    ) -> Result<(), (usize, io::Error)> {
        for index in 0..BATCH {
            let Some(entry) = queue.entry(index).copied() else { break };
            if entry.gone {
                continue;
            }
            let data = queue.data(&entry);
            let sent = match connected {
                true => socket.send(data),
                false => socket.send_to(data, entry.to),
            };
            if let Err(error) = sent {
                // The index counts from the front as it is.
                return Err((index, error));
            }
            queue.mark_gone(index);
            gone(entry.to, usize::from(entry.size));
        }
        queue.sweep();
        Ok(())
    }
}

/// Whether [`next_report`] has the details of errors about datagrams that were sent before.
pub(crate) const REPORTS: bool = false;

/// Takes a report about a datagram that was sent; these systems keep none.
pub(crate) fn next_report(_socket: &UdpSocket) -> Option<(Option<SocketAddr>, io::Error)> {
    None
}

/// Whether an error of a call is about a datagram that was sent before: the answer of ICMP that its
/// port is closed or its host not there.
pub(crate) fn is_report(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable};
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable
    )
}
