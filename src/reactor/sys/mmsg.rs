//! Many datagrams per system call: recvmmsg(2) with UDP_GRO, sendmmsg(2) with UDP_SEGMENT.
//!
//! Linux cuts what it is given with UDP_SEGMENT into datagrams of that size as late as it can, so
//! that many of them for one address go through its layers as one; with UDP_GRO it hands what came
//! like that to the receiver as one (udp(7)).

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::ptr;

use super::name::Name;
use crate::reactor::buffer::Buffer;
use crate::reactor::datagrams::{Datagram, DatagramQueue, Entry, UdpSocket};

/// Datagrams per call.
const BATCH: usize = 64;

/// From one buffer to the next: the largest datagram that the system hands out, and some more, so
/// that the beginnings of all buffers do not fall on the same few lines of a cache.
const STRIDE: usize = 65_536 + 192;

/// Datagrams per message of UDP_SEGMENT (UDP_MAX_SEGMENTS).
const SEGMENTS: usize = 64;

/// The largest datagrams that are sent as segments: they have to fit the smallest MTU of the path,
/// and 1,500 bytes are what nearly all have.
const SEGMENT_MOST: usize = 1452;

/// Bytes of one message of segments.
const SEGMENTS_MOST: usize = 65_000;

/// How many of the last messages a datagram may join.
const OPEN_MESSAGES: usize = 16;

/// Room for the control messages of one datagram, aligned as cmsg(3) asks.
type Control = [u64; 4];

/// The same for what comes: also for control messages that the program asked the socket for.
type ReceivedControl = [u64; 24];

/// Buffers for what comes, one set per loop.
pub(crate) struct ReceiveBatch {
    bytes: Buffer,
    names: Box<[Name]>,
    controls: Box<[ReceivedControl]>,
    slices: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
    /// Messages of the last call.
    count: usize,
    /// Headers at the beginning that have to be filled in before the next call.
    stale: usize,
}

impl ReceiveBatch {
    #[allow(unsafe_code)]
    pub(crate) fn new() -> ReceiveBatch {
        // SAFETY: a message header of zeros has no name, no buffers and no control messages.
        let empty: libc::mmsghdr = unsafe { mem::zeroed() };
        let slice = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        ReceiveBatch {
            bytes: Buffer::new(BATCH * STRIDE),
            names: vec![Name::EMPTY; BATCH].into(),
            controls: vec![ReceivedControl::default(); BATCH].into(),
            slices: vec![slice; BATCH].into(),
            headers: vec![empty; BATCH].into(),
            count: 0,
            stale: BATCH,
        }
    }

    /// Takes what waits. Returns whether that was all: then an event tells what comes later.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn receive(&mut self, socket: &UdpSocket) -> io::Result<bool> {
        self.count = 0;
        let parts = self
            .names
            .iter_mut()
            .zip(&mut self.controls)
            .zip(self.bytes.bytes_mut().chunks_mut(STRIDE));
        for (((name, control), bytes), (slice, header)) in
            parts.zip(self.slices.iter_mut().zip(&mut self.headers)).take(self.stale)
        {
            *slice = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
            let header = &mut header.msg_hdr;
            header.msg_name = ptr::from_mut(name).cast();
            header.msg_namelen = size_of::<Name>() as libc::socklen_t;
            header.msg_iov = slice;
            header.msg_iovlen = 1;
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = size_of::<ReceivedControl>() as _;
        }
        // A call that took a few of 64 has not touched the others.
        self.stale = 1;
        // SAFETY: the headers were filled in, just now or before an earlier call that did not use
        // them: each points at a name, a buffer and control room of its own with their true sizes,
        // in boxes of this struct that are never replaced, and nothing else uses them during the
        // call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        self.count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        self.stale = (self.count + 1).min(BATCH);
        Ok(self.count < BATCH)
    }

    /// What the last call took, in the order in which it came.
    #[inline(always)]
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        let messages = self.headers[..self.count].iter().zip(&self.names);
        let messages = messages.zip(self.bytes.bytes().chunks(STRIDE));
        messages
            .filter_map(|((header, name), bytes)| {
                let from = name.address()?;
                let bytes = &bytes[..header.msg_len as usize];
                let truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
                let size = control(&header.msg_hdr, libc::SOL_UDP, libc::UDP_GRO);
                let size = size.map_or(bytes.len(), |size| size as usize).max(1);
                Some((from, bytes, truncated, size))
            })
            .flat_map(|(from, bytes, truncated, size)| {
                let empty = bytes.is_empty().then_some(bytes);
                empty.into_iter().chain(bytes.chunks(size)).map(move |data| Datagram {
                    from,
                    data,
                    truncated,
                })
            })
    }

    /// How many datagrams the socket has lost since it was opened, modulo 2^32, if it has told.
    pub(crate) fn lost(&self) -> Option<u32> {
        let last = self.headers[..self.count].last()?;
        control(&last.msg_hdr, libc::SOL_SOCKET, libc::SO_RXQ_OVFL)
    }
}

/// The first 4 bytes of a control message of that kind, which are all of UDP_GRO and SO_RXQ_OVFL.
/// `None` also when the message was cut for want of room.
#[inline(always)]
#[allow(unsafe_code)]
pub(super) fn control(header: &libc::msghdr, level: i32, kind: i32) -> Option<u32> {
    if header.msg_controllen == 0 {
        return None;
    }
    // SAFETY: the system has filled in the control messages, whose room lives as long as the
    // header, and the macros of cmsg(3) stay within msg_controllen. A value is read only when the
    // length of its message says that it is there.
    unsafe {
        let least = libc::CMSG_LEN(size_of::<u32>() as u32) as usize;
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            let is_it = ((*message).cmsg_level, (*message).cmsg_type) == (level, kind);
            if is_it && (*message).cmsg_len as usize >= least {
                return Some(libc::CMSG_DATA(message).cast::<u32>().read_unaligned());
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    None
}

/// One message to the system: datagrams for one address, all of one size but the last, which may be
/// smaller.
#[derive(Clone, Copy)]
struct Message {
    /// [`address_key`] of where it goes.
    key: u32,
    first: u32,
    last: u32,
    /// Of each datagram but the last.
    size: u16,
    count: u16,
    bytes: u32,
    /// Takes no more.
    closed: bool,
}

/// Room for what is handed to the system at a time, one per loop.
pub(crate) struct SendBatch {
    messages: Vec<Message>,
    /// For each entry of the queue's beginning the next one of its message, or [`END`].
    following: Vec<u32>,
    names: Vec<(Name, libc::socklen_t)>,
    controls: Vec<Control>,
    slices: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// This socket's path takes no segments.
    segments_refused: bool,
}

const END: u32 = u32::MAX;

/// Entries that are looked at for one call.
const ENTRIES: usize = 4 * BATCH;

impl SendBatch {
    pub(crate) fn new() -> SendBatch {
        SendBatch {
            messages: Vec::with_capacity(BATCH),
            following: Vec::with_capacity(ENTRIES),
            names: Vec::with_capacity(BATCH),
            controls: Vec::with_capacity(BATCH),
            slices: Vec::with_capacity(ENTRIES),
            headers: Vec::with_capacity(BATCH),
            segments_refused: false,
        }
    }

    /// Sends from the queue with one system call and tells `gone` what left. An error is about the
    /// first datagram of the queue, or the one whose index is returned with it.
    pub(crate) fn send(
        &mut self,
        socket: &UdpSocket,
        connected: bool,
        segments: &mut bool,
        queue: &mut DatagramQueue,
        gone: impl FnMut(SocketAddr, usize),
    ) -> Result<(), (usize, io::Error)> {
        self.segments_refused = !*segments;
        self.group(queue);
        let mut sent = self.hand_over(socket, connected, queue);
        if let Err(error) = &sent
            && self.messages[0].count > 1
            && is_about_segments(error)
        {
            *segments = is_about_one_path(error);
            sent = self.hand_over_singly(socket, connected, queue);
        }
        match sent {
            Ok(count) => {
                self.forget(count, queue, gone);
                Ok(())
            }
            Err(error) => Err((self.messages[0].first as usize, error)),
        }
    }

    /// Once more without segments. Apart, so that what is inlined there is not there twice.
    #[cold]
    fn hand_over_singly(
        &mut self,
        socket: &UdpSocket,
        connected: bool,
        queue: &DatagramQueue,
    ) -> io::Result<usize> {
        self.segments_refused = true;
        self.group(queue);
        self.hand_over(socket, connected, queue)
    }

    /// Takes the datagrams of the first messages, which have left, out of the queue.
    #[inline(always)]
    fn forget(
        &self,
        count: usize,
        queue: &mut DatagramQueue,
        mut gone: impl FnMut(SocketAddr, usize),
    ) {
        for message in &self.messages[..count] {
            let mut index = message.first;
            while index != END {
                let entry = queue.mark_gone(index as usize);
                gone(entry.to, usize::from(entry.size));
                index = self.following[index as usize];
            }
        }
        queue.sweep();
    }

    /// Puts datagrams together that go to the same address.
    #[inline(always)]
    fn group(&mut self, queue: &DatagramQueue) {
        self.messages.clear();
        self.following.clear();
        for (index, entry) in queue.entries().take(ENTRIES).enumerate() {
            self.following.push(END);
            if entry.gone {
                continue;
            }
            let index = index as u32;
            let key = address_key(entry.to);
            if let Some(at) = self.message_for(queue, key, entry) {
                let message = &mut self.messages[at];
                self.following[message.last as usize] = index;
                message.last = index;
                message.count += 1;
                message.bytes += u32::from(entry.size);
                message.closed = entry.size < message.size
                    || usize::from(message.count) == SEGMENTS
                    || message.bytes as usize + usize::from(message.size) > SEGMENTS_MOST;
                continue;
            }
            if self.messages.len() == BATCH {
                self.following.pop();
                break;
            }
            self.messages.push(Message {
                key,
                first: index,
                last: index,
                size: entry.size,
                count: 1,
                bytes: entry.size.into(),
                closed: self.segments_refused || !(1..=SEGMENT_MOST).contains(&entry.size.into()),
            });
        }
    }

    /// The message that a datagram may join. The newest one to the address decides, for the order.
    #[inline(always)]
    fn message_for(&self, queue: &DatagramQueue, key: u32, entry: &Entry) -> Option<usize> {
        let oldest = self.messages.len().saturating_sub(OPEN_MESSAGES);
        let is_for = |message: &Message| {
            let first = || queue.entry(message.first as usize);
            message.key == key && first().is_some_and(|first| first.to == entry.to)
        };
        let at = oldest + self.messages[oldest..].iter().rposition(is_for)?;
        let message = &self.messages[at];
        let fits = !message.closed && (1..=message.size).contains(&entry.size);
        fits.then_some(at)
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn hand_over(
        &mut self,
        socket: &UdpSocket,
        connected: bool,
        queue: &DatagramQueue,
    ) -> io::Result<usize> {
        self.names.clear();
        self.controls.clear();
        self.slices.clear();
        self.headers.clear();
        // All of this first: the headers point into it, and it must not move any more.
        for message in &self.messages {
            let mut index = message.first;
            while index != END {
                let entry = queue.entry(index as usize).expect("it was there when it was grouped");
                let data = queue.data(entry);
                if index == message.first {
                    self.names.push((Name::new(entry.to), Name::size(entry.to)));
                }
                let slice =
                    libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
                self.slices.push(slice);
                index = self.following[index as usize];
            }
            self.controls.push(Control::default());
        }
        let mut slices = self.slices.as_mut_slice();
        let parts = self.messages.iter().zip(&mut self.names).zip(&mut self.controls);
        for ((message, (name, size)), room) in parts {
            let (own, rest) = slices.split_at_mut(message.count.into());
            slices = rest;
            // SAFETY: a message header of zeros has no name, no buffers and no control messages.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            let parts = &mut header.msg_hdr;
            if !connected {
                parts.msg_name = ptr::from_mut(name).cast();
                parts.msg_namelen = *size;
            }
            parts.msg_iov = own.as_mut_ptr();
            parts.msg_iovlen = own.len() as _;
            if message.count > 1 {
                parts.msg_control = room.as_mut_ptr().cast();
                // SAFETY: the macros of cmsg(3) compute sizes; the control room is larger than
                // what one message of 2 bytes takes, aligned, and nobody else uses it.
                unsafe {
                    parts.msg_controllen = libc::CMSG_SPACE(size_of::<u16>() as u32) as _;
                    let control = libc::CMSG_FIRSTHDR(parts);
                    (*control).cmsg_level = libc::SOL_UDP;
                    (*control).cmsg_type = libc::UDP_SEGMENT;
                    (*control).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as _;
                    libc::CMSG_DATA(control).cast::<u16>().write_unaligned(message.size);
                }
            }
            self.headers.push(header);
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: each header points at a name, slices and control room that were filled in above
        // and do not move until this call is over; the slices are of the queue, which is borrowed.
        let count = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                flags as _,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}

/// A number that differs for most different addresses, to compare many of them fast.
fn address_key(address: SocketAddr) -> u32 {
    let ip = match address.ip() {
        IpAddr::V4(ip) => u32::from(ip),
        IpAddr::V6(ip) => {
            let ip = u128::from(ip);
            (ip ^ (ip >> 32) ^ (ip >> 64) ^ (ip >> 96)) as u32
        }
    };
    ip ^ (u32::from(address.port()) << 16)
}

/// What the system answers when segments can't be cut: the path has a smaller MTU, or its device
/// computes no checksums (udp(7), UDP_SEGMENT).
fn is_about_segments(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP | libc::ENOPROTOOPT)
    )
}

/// Whether such an error is about one address, so that others may go on taking segments: a peer must
/// not be able to switch them off for all by reporting a small MTU.
fn is_about_one_path(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EMSGSIZE))
}

#[cfg(test)]
#[path = "mmsg_tests.rs"]
mod tests;
