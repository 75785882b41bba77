//! Sockets of datagrams, and the batches in which they come and go.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(crate) use mio::net::UdpSocket;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};

use super::sys;
pub(crate) use sys::{ReceiveBatch, SendBatch};

/// What one datagram carries at most: 65,535 bytes without the headers of IPv4 and UDP (RFC 768).
pub(crate) const DATAGRAM_MOST: usize = 65_507;

/// Options of a socket. `None` leaves the system's default alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DatagramOptions {
    pub(crate) reuse_address: bool,
    pub(crate) reuse_port: bool,
    pub(crate) dual_stack: bool,
    pub(crate) send_buffer: Option<usize>,
    pub(crate) receive_buffer: Option<usize>,
    pub(crate) broadcast: bool,
    pub(crate) time_to_live: Option<u32>,
    pub(crate) multicast_time_to_live: u32,
    pub(crate) multicast_loop: bool,
    pub(crate) multicast_interface: Interface,
}

/// A change of an open socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatagramChange {
    SendBuffer(usize),
    ReceiveBuffer(usize),
    Broadcast(bool),
    TimeToLive(u32),
    MulticastTimeToLive(u32),
    MulticastLoop(bool),
    MulticastInterface(Interface),
}

/// A network interface of this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Interface {
    /// The one that the system chooses.
    #[default]
    Default,
    /// The one that has this address.
    Address(Ipv4Addr),
    /// The one with this number.
    Index(u32),
}

/// A multicast group, and on which interface and from whom it is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) group: IpAddr,
    pub(crate) source: Option<IpAddr>,
    pub(crate) interface: Interface,
}

/// A datagram that came.
pub(crate) struct Datagram<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) data: &'a [u8],
    /// The system has cut it.
    pub(crate) truncated: bool,
}

/// Opens a socket on an address of this machine.
pub(crate) fn bind(address: SocketAddr, options: &DatagramOptions) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    sys::share_datagrams(&socket, options.reuse_address)?;
    // Only then: where sharing needs both options, this would take one of them back.
    if options.reuse_port {
        sys::set_reuse_port(&socket, true)?;
    }
    let version = Version::of(address);
    if version == Version::V6 {
        socket.set_only_v6(!options.dual_stack)?;
    }
    let reference = SockRef::from(&socket);
    let changes = [
        options.send_buffer.map(DatagramChange::SendBuffer),
        options.receive_buffer.map(DatagramChange::ReceiveBuffer),
        options.broadcast.then_some(DatagramChange::Broadcast(true)),
        options.time_to_live.map(DatagramChange::TimeToLive),
        Some(DatagramChange::MulticastTimeToLive(options.multicast_time_to_live)),
        Some(DatagramChange::MulticastLoop(options.multicast_loop)),
        (options.multicast_interface != Interface::Default)
            .then_some(DatagramChange::MulticastInterface(options.multicast_interface)),
    ];
    for change in changes.into_iter().flatten() {
        apply(&reference, version, change)?;
    }
    sys::prepare_datagrams(&reference, version == Version::V6)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

/// The version of IP that a socket speaks; one of version 6 may speak both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V4,
    V6,
}

impl Version {
    pub(crate) fn of(address: SocketAddr) -> Version {
        if address.is_ipv6() { Version::V6 } else { Version::V4 }
    }
}

/// Changes an open socket.
pub(crate) fn apply(
    socket: &SockRef<'_>,
    version: Version,
    change: DatagramChange,
) -> io::Result<()> {
    match change {
        DatagramChange::SendBuffer(size) => socket.set_send_buffer_size(size),
        DatagramChange::ReceiveBuffer(size) => socket.set_recv_buffer_size(size),
        DatagramChange::Broadcast(on) => socket.set_broadcast(on),
        DatagramChange::TimeToLive(hops) => for_each_version(
            version,
            || socket.set_ttl_v4(hops),
            || socket.set_unicast_hops_v6(hops),
        ),
        DatagramChange::MulticastTimeToLive(hops) => for_each_version(
            version,
            || socket.set_multicast_ttl_v4(hops),
            || socket.set_multicast_hops_v6(hops),
        ),
        DatagramChange::MulticastLoop(on) => for_each_version(
            version,
            || socket.set_multicast_loop_v4(on),
            || socket.set_multicast_loop_v6(on),
        ),
        DatagramChange::MulticastInterface(interface) => for_each_version(
            version,
            || match interface {
                Interface::Default => socket.set_multicast_if_v4(&Ipv4Addr::UNSPECIFIED),
                Interface::Address(address) => socket.set_multicast_if_v4(&address),
                Interface::Index(index) => sys::set_multicast_interface_v4(socket, index),
            },
            || socket.set_multicast_if_v6(index_of(interface)?),
        ),
    }
}

/// Sets what each version of IP has an option of its own for. A socket of version 6 may speak IPv4
/// too, but not every system lets it choose for that.
fn for_each_version(
    version: Version,
    set_v4: impl FnOnce() -> io::Result<()>,
    set_v6: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    match version {
        Version::V4 => set_v4(),
        Version::V6 => set_v6().map(|()| drop(set_v4())),
    }
}

/// The number of an interface, where nothing else tells which one is meant.
fn index_of(interface: Interface) -> io::Result<u32> {
    match interface {
        Interface::Default => Ok(0),
        Interface::Index(index) => Ok(index),
        Interface::Address(_) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "IPv6 chooses an interface by its name or number, not by an IPv4 address",
        )),
    }
}

/// The number of the interface with that name.
pub(crate) fn interface_named(name: &str) -> io::Result<Interface> {
    sys::interface_index(name).map(Interface::Index)
}

/// Enters or leaves a group.
pub(crate) fn change_membership(
    socket: &SockRef<'_>,
    membership: &Membership,
    join: bool,
) -> io::Result<()> {
    let Membership { group, source, interface } = *membership;
    match (group, source) {
        (IpAddr::V4(group), None) => {
            let interface = match interface {
                Interface::Default => InterfaceIndexOrAddress::Address(Ipv4Addr::UNSPECIFIED),
                Interface::Address(address) => InterfaceIndexOrAddress::Address(address),
                Interface::Index(index) => InterfaceIndexOrAddress::Index(index),
            };
            match join {
                true => socket.join_multicast_v4_n(&group, &interface),
                false => socket.leave_multicast_v4_n(&group, &interface),
            }
        }
        (IpAddr::V6(group), None) => match join {
            true => socket.join_multicast_v6(&group, index_of(interface)?),
            false => socket.leave_multicast_v6(&group, index_of(interface)?),
        },
        (IpAddr::V4(group), Some(IpAddr::V4(source)))
            if !matches!(interface, Interface::Index(_)) =>
        {
            let interface = match interface {
                Interface::Address(address) => address,
                _ => Ipv4Addr::UNSPECIFIED,
            };
            match join {
                true => socket.join_ssm_v4(&source, &group, &interface),
                false => socket.leave_ssm_v4(&source, &group, &interface),
            }
        }
        (group, Some(source)) => {
            sys::change_source_membership(socket, index_of(interface)?, group, source, join)
        }
    }
}

/// Datagrams that wait to be sent: their bytes one behind the other, so that many small ones cost
/// no allocation each.
#[derive(Debug, Default)]
pub(crate) struct DatagramQueue {
    bytes: Vec<u8>,
    entries: VecDeque<Entry>,
    /// Entries that have left though others before them have not.
    gone: usize,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) to: SocketAddr,
    offset: u32,
    pub(crate) size: u16,
    pub(crate) gone: bool,
}

/// Memory that an empty queue keeps for reuse.
const KEPT_BYTES: usize = 1 << 20;

impl DatagramQueue {
    /// What a datagram costs beside its bytes, for limits.
    pub(crate) const OVERHEAD: usize = size_of::<Entry>();

    /// Bytes of one queue at most, as far as an offset reaches.
    const BYTES_MOST: usize = u32::MAX as usize;

    /// Queues a copy. `false` when the queue can't grow any further.
    #[inline(always)]
    pub(crate) fn push(&mut self, to: SocketAddr, data: &[u8]) -> bool {
        debug_assert!(data.len() <= DATAGRAM_MOST);
        if self.bytes.len() + data.len() > Self::BYTES_MOST {
            return false;
        }
        let (offset, size) = (self.bytes.len() as u32, data.len() as u16);
        self.bytes.extend_from_slice(data);
        self.entries.push_back(Entry { to, offset, size, gone: false });
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Datagrams that have not left.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.gone
    }

    /// For systems that take many datagrams per call.
    #[cfg(any(test, target_os = "linux", target_os = "android"))]
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    #[inline(always)]
    pub(crate) fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    #[inline(always)]
    pub(crate) fn data(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.offset as usize..][..usize::from(entry.size)]
    }

    /// An entry has left, or is given up.
    #[inline(always)]
    pub(crate) fn mark_gone(&mut self, index: usize) -> Entry {
        let entry = &mut self.entries[index];
        debug_assert!(!entry.gone);
        entry.gone = true;
        self.gone += 1;
        *entry
    }

    /// Forgets what has left at the front.
    pub(crate) fn sweep(&mut self) {
        while self.entries.front().is_some_and(|entry| entry.gone) {
            self.entries.pop_front();
            self.gone -= 1;
        }
        if self.entries.is_empty() {
            self.clear();
        }
    }

    /// Drops the oldest that has not left. Returns its size.
    pub(crate) fn drop_oldest(&mut self) -> Option<usize> {
        self.sweep();
        let oldest = self.entries.pop_front()?;
        self.sweep();
        self.compact();
        Some(usize::from(oldest.size))
    }

    /// Uses the room again of what has left at the front, once it is more than what the rest takes:
    /// so moving the rest costs each datagram little.
    fn compact(&mut self) {
        let Some(first) = self.entries.front().map(|entry| entry.offset) else { return };
        let rest = self.bytes.len() - first as usize + self.entries.len() * Self::OVERHEAD;
        if first as usize > rest {
            self.bytes.drain(..first as usize);
            self.entries.iter_mut().for_each(|entry| entry.offset -= first);
        }
    }

    /// Puts the datagrams of another queue behind those of this one. When both together are too
    /// large for one queue, both stay as they are.
    pub(crate) fn append(&mut self, newer: &mut DatagramQueue) {
        self.sweep();
        self.compact();
        if self.bytes.len() + newer.bytes.len() > Self::BYTES_MOST {
            return;
        }
        for entry in newer.entries.iter().filter(|entry| !entry.gone) {
            self.push(entry.to, &newer.bytes[entry.offset as usize..][..usize::from(entry.size)]);
        }
        newer.clear();
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.gone = 0;
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
        if self.entries.capacity() * size_of::<Entry>() > KEPT_BYTES {
            self.entries = VecDeque::new();
        }
    }
}

/// An address as a socket of version 6 writes it, or unchanged.
#[inline(always)]
pub(crate) fn for_version(address: SocketAddr, version: Version) -> SocketAddr {
    match (address, version) {
        (SocketAddr::V4(v4), Version::V6) => {
            SocketAddr::new(IpAddr::V6(v4.ip().to_ipv6_mapped()), v4.port())
        }
        _ => address,
    }
}

/// An address as people write it: what is IPv4 in the notation of IPv6 becomes IPv4 again.
#[inline(always)]
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

/// The address that stands for every address of this machine.
pub(crate) fn any(version: Version) -> SocketAddr {
    match version {
        Version::V4 => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
        Version::V6 => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(port: u16) -> SocketAddr {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
    }

    fn content(queue: &DatagramQueue) -> Vec<(u16, Vec<u8>)> {
        let entries = queue.entries().filter(|entry| !entry.gone);
        entries.map(|entry| (entry.to.port(), queue.data(entry).to_vec())).collect()
    }

    #[test]
    fn a_queue_keeps_order_and_borders_and_empty_datagrams() {
        let mut queue = DatagramQueue::default();
        for (port, data) in [(1, &b"abc"[..]), (2, b""), (3, b"d")] {
            assert!(queue.push(to(port), data));
        }
        assert_eq!(content(&queue), [(1, b"abc".to_vec()), (2, vec![]), (3, b"d".to_vec())]);
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn what_left_out_of_turn_is_swept_when_its_turn_comes() {
        let mut queue = DatagramQueue::default();
        (1..=4).for_each(|port| assert!(queue.push(to(port), &[port as u8])));
        queue.mark_gone(1);
        queue.mark_gone(2);
        queue.sweep();
        assert_eq!(queue.len(), 2);
        assert_eq!(content(&queue), [(1, vec![1]), (4, vec![4])]);
        queue.mark_gone(0);
        queue.sweep();
        assert_eq!(content(&queue), [(4, vec![4])]);
        assert_eq!(queue.drop_oldest(), Some(1));
        assert!(queue.is_empty());
        assert_eq!(queue.drop_oldest(), None);
    }

    #[test]
    fn newer_datagrams_come_behind_the_rest_of_older_ones() {
        let (mut older, mut newer) = (DatagramQueue::default(), DatagramQueue::default());
        (1..=3).for_each(|port| assert!(older.push(to(port), &[port as u8; 3])));
        (4..=5).for_each(|port| assert!(newer.push(to(port), &[port as u8; 2])));
        older.mark_gone(0);
        newer.mark_gone(0);
        older.append(&mut newer);
        assert_eq!(content(&older), [(2, vec![2; 3]), (3, vec![3; 3]), (5, vec![5; 2])]);
        assert!(newer.is_empty());
    }

    #[test]
    fn what_is_dropped_at_the_front_makes_room() {
        let mut queue = DatagramQueue::default();
        for number in 0..10_000_u16 {
            assert!(queue.push(to(number), &[number as u8; 100]));
            if queue.len() > 10 {
                assert_eq!(queue.drop_oldest(), Some(100));
            }
        }
        let kept = (9_990..10_000).map(|number| (number, vec![number as u8; 100]));
        assert_eq!(content(&queue), kept.collect::<Vec<_>>());
        assert!(queue.bytes.capacity() < 10 * 10 * 100, "{}", queue.bytes.capacity());
    }

    #[test]
    fn addresses_change_their_notation_with_the_version() {
        let v4 = to(7);
        let mapped = for_version(v4, Version::V6);
        assert_eq!(mapped.to_string(), "[::ffff:127.0.0.1]:7");
        assert_eq!(canonical(mapped), v4);
        let v6: SocketAddr = "[::1]:7".parse().unwrap();
        assert_eq!((for_version(v6, Version::V6), canonical(v6)), (v6, v6));
    }
}
