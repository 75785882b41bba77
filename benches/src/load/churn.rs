//! Connect, send one message, wait for its echo, close: again and again.

use super::transport::{Transport, is_later};
use super::{Load, Slice, Watch, closed, pause};
use crate::histogram::Histogram;
use crate::sys::{self, Epoll};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

const MESSAGE: [u8; 32] = [b'x'; 32];
/// Connections take turns in using this many loopback addresses, so that ports in TIME_WAIT do not
/// run out.
const SOURCES: u32 = 64;

/// Keeps a number of connections in progress; each one that is done is replaced by the next.
pub struct ChurnLoad<T: Transport> {
    transport: T,
    epoll: Epoll,
    address: SocketAddrV4,
    slots: Vec<Option<Slot<T::Stream>>>,
    opened: u32,
    latency: Histogram,
    done: u64,
}

struct Slot<S> {
    stream: S,
    sent: bool,
    received: usize,
    begin: u64,
}

impl<T: Transport> ChurnLoad<T> {
    /// Will keep `concurrency` connections in progress.
    pub fn new(transport: T, address: SocketAddrV4, concurrency: usize) -> io::Result<Self> {
        let slots = (0..concurrency).map(|_| None).collect();
        Ok(ChurnLoad {
            transport,
            epoll: Epoll::new()?,
            address,
            slots,
            opened: 0,
            latency: Histogram::new(),
            done: 0,
        })
    }

    fn open(&mut self, token: usize) -> io::Result<()> {
        let source = Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + self.opened % SOURCES);
        self.opened = self.opened.wrapping_add(1);
        let begin = sys::now();
        let socket = sys::connect_from(source, self.address)?;
        let stream = self.transport.begin(socket, MESSAGE.len())?;
        // On the loopback interface TCP's handshake is mostly over when connect() returns.
        let mut slot = Slot { stream, sent: false, received: 0, begin };
        slot.try_send()?;
        self.epoll.add(&slot.stream, token)?;
        self.slots[token] = Some(slot);
        Ok(())
    }

    /// True when the connection is done and closed.
    fn serve(&mut self, token: usize) -> io::Result<bool> {
        let Some(slot) = &mut self.slots[token] else { return Ok(false) };
        slot.try_send()?;
        if !slot.sent || !slot.receive()? {
            return Ok(false);
        }
        self.latency.record(sys::now() - slot.begin, 1);
        self.done += 1;
        self.slots[token] = None;
        Ok(true)
    }
}

impl<S: Read + Write> Slot<S> {
    fn try_send(&mut self) -> io::Result<()> {
        if self.sent {
            return Ok(());
        }
        match self.stream.write(&MESSAGE) {
            Ok(size) if size == MESSAGE.len() => self.sent = true,
            Ok(_) => return Err(io::Error::other("the kernel took a part of 32 bytes")),
            Err(error) if is_later(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// True once the whole echo is there.
    fn receive(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 64];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Err(closed()),
            Ok(size) => self.received += size,
            Err(error) if is_later(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(self.received >= MESSAGE.len())
    }
}

impl<T: Transport> Load for ChurnLoad<T> {
    fn run_for(&mut self, duration: Duration) -> io::Result<Slice> {
        let mut watch = Watch::new(duration);
        let before = self.done;
        let mut open = self.slots.len();
        for token in 0..open {
            self.open(token)?;
        }
        while open > 0 {
            let draining = watch.over(self.done)?;
            for index in 0..self.epoll.wait(pause())? {
                let token = self.epoll.token(index);
                if self.serve(token)? {
                    if draining {
                        open -= 1;
                    } else {
                        self.open(token)?;
                    }
                }
            }
        }
        Ok(watch.finish(self.done - before))
    }

    fn latency(&mut self) -> &mut Histogram {
        &mut self.latency
    }
}
