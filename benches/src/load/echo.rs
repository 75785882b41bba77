//! N connections, each with W messages of S bytes in flight: ping-pong, pipelined and large
//! messages.

use super::transport::{Transport, connect};
use super::{Load, Slice, Watch, closed, pause};
use crate::histogram::Histogram;
use crate::sys::{self, Epoll};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// A closed loop: every echo that comes back whole is answered by a new message at once.
pub struct EchoLoad<S> {
    epoll: Epoll,
    connections: Vec<Connection<S>>,
    window: usize,
    size: usize,
    payload: Vec<u8>,
    buffer: Vec<u8>,
    latency: Histogram,
    received: u64,
    messages: u64,
    /// Messages in flight on all connections.
    open: usize,
    draining: bool,
}

struct Connection<S> {
    stream: S,
    /// Bytes of the message that has arrived in part.
    partial: usize,
    /// Bytes that the kernel did not take yet.
    unsent: usize,
    /// Messages in flight, oldest first: how many, and when they were sent.
    in_flight: VecDeque<(usize, u64)>,
}

impl<S: Read + Write + AsRawFd> EchoLoad<S> {
    /// Opens `connections` connections; each will have `window` messages of `size` bytes in flight.
    pub fn new<T: Transport<Stream = S>>(
        transport: &T,
        address: SocketAddrV4,
        connections: usize,
        window: usize,
        size: usize,
    ) -> io::Result<Self> {
        Self::of(transport, address, connections, window, &vec![b'x'; size])
    }

    /// The same with this message.
    pub fn of<T: Transport<Stream = S>>(
        transport: &T,
        address: SocketAddrV4,
        connections: usize,
        window: usize,
        message: &[u8],
    ) -> io::Result<Self> {
        let size = message.len();
        let epoll = Epoll::new()?;
        let connections = (0..connections)
            .map(|token| {
                let stream = connect(transport, address, size)?;
                epoll.add(&stream, token)?;
                Ok(Connection {
                    stream,
                    partial: 0,
                    unsent: 0,
                    in_flight: VecDeque::with_capacity(window + 1),
                })
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(EchoLoad {
            epoll,
            connections,
            window,
            size,
            payload: message.repeat(window),
            buffer: vec![0; (window * size).max(64 * 1024)],
            latency: Histogram::new(),
            received: 0,
            messages: 0,
            open: 0,
            draining: false,
        })
    }

    fn serve(&mut self, token: usize) -> io::Result<()> {
        let connection = &mut self.connections[token];
        loop {
            match connection.stream.read(&mut self.buffer) {
                Ok(0) => return Err(closed()),
                Ok(size) => {
                    connection.partial += size;
                    self.received += size as u64;
                    if size < self.buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let complete = connection.partial / self.size;
        connection.partial %= self.size;
        if complete == 0 && connection.unsent == 0 {
            return Ok(());
        }
        let now = sys::now();
        let mut left = complete;
        while left > 0 {
            let Some((count, sent)) = connection.in_flight.front_mut() else {
                return Err(io::Error::other("the server sent more than it was given"));
            };
            let part = left.min(*count);
            self.latency.record(now - *sent, part as u64);
            left -= part;
            *count -= part;
            if *count == 0 {
                connection.in_flight.pop_front();
            }
        }
        self.messages += complete as u64;
        self.open -= complete;
        self.send(token, if self.draining { 0 } else { complete }, now)
    }

    /// Queues `messages` more messages and writes as much as the kernel takes.
    fn send(&mut self, token: usize, messages: usize, now: u64) -> io::Result<()> {
        let connection = &mut self.connections[token];
        if messages > 0 {
            connection.in_flight.push_back((messages, now));
            connection.unsent += messages * self.size;
            self.open += messages;
        }
        while connection.unsent > 0 {
            match connection.stream.write(&self.payload[..connection.unsent]) {
                Ok(size) => connection.unsent -= size,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<S: Read + Write + AsRawFd> Load for EchoLoad<S> {
    fn run_for(&mut self, duration: Duration) -> io::Result<Slice> {
        let mut watch = Watch::new(duration);
        self.messages = 0;
        self.draining = false;
        for token in 0..self.connections.len() {
            self.send(token, self.window, sys::now())?;
        }
        while self.open > 0 {
            self.draining = watch.over(self.received)?;
            for index in 0..self.epoll.wait(pause())? {
                self.serve(self.epoll.token(index))?;
            }
        }
        Ok(watch.finish(self.messages))
    }

    fn latency(&mut self) -> &mut Histogram {
        &mut self.latency
    }
}
