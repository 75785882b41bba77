//! Every session gets every message: fan-out of 32-byte messages by a server that multicasts what
//! it receives.

use super::transport::{Transport, connect, is_later};
use super::{Load, Slice, Watch, closed, pause};
use crate::histogram::Histogram;
use crate::sys::{self, Epoll};
use std::io::{self, Read, Write};
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;
use std::time::Duration;

const MESSAGE: [u8; 32] = [b'x'; 32];

/// Rounds: some sessions send one message each at the same time, and the next round begins when
/// every session has received all of them. A message counts once per session that received it.
pub struct MulticastLoad<S> {
    epoll: Epoll,
    sessions: Vec<Session<S>>,
    senders: usize,
    next: usize,
    missing: usize,
    buffer: Vec<u8>,
    latency: Histogram,
    received: u64,
}

struct Session<S> {
    stream: S,
    /// Bytes of this round that have not arrived yet.
    missing: usize,
}

impl<S: Read + Write + AsRawFd> MulticastLoad<S> {
    /// Opens the sessions and waits until all of them take part.
    pub fn new<T: Transport<Stream = S>>(
        transport: &T,
        address: SocketAddrV4,
        sessions: usize,
        senders: usize,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        let sessions = (0..sessions)
            .map(|token| {
                let stream = connect(transport, address, MESSAGE.len())?;
                epoll.add(&stream, token)?;
                Ok(Session { stream, missing: 0 })
            })
            .collect::<io::Result<Vec<_>>>()?;
        let mut load = MulticastLoad {
            epoll,
            sessions,
            senders,
            next: 0,
            missing: 0,
            buffer: vec![0; 64 * 1024],
            latency: Histogram::new(),
            received: 0,
        };
        // A connection is ready before the server knows, and a message multicast in between would
        // not reach it. The server sees to connections in the order in which they were made: what
        // the last one sends reaches all.
        let last = load.sessions.len() - 1;
        load.begin_round(last, 1)?;
        load.finish_round(&mut Watch::new(Duration::ZERO))?;
        load.latency.clear();
        Ok(load)
    }

    fn begin_round(&mut self, first: usize, senders: usize) -> io::Result<()> {
        let size = senders * MESSAGE.len();
        for session in &mut self.sessions {
            session.missing = size;
        }
        self.missing = size * self.sessions.len();
        self.next = (first + senders) % self.sessions.len();
        for offset in 0..senders {
            let token = (first + offset) % self.sessions.len();
            if self.sessions[token].stream.write(&MESSAGE)? != MESSAGE.len() {
                return Err(io::Error::other("the kernel took a part of 32 bytes"));
            }
        }
        Ok(())
    }

    /// Waits until every session has everything; true when the time was over before.
    fn finish_round(&mut self, watch: &mut Watch) -> io::Result<bool> {
        let begin = sys::now();
        let messages = (self.missing / MESSAGE.len()) as u64;
        let mut over = false;
        while self.missing > 0 {
            over = watch.over(self.received)?;
            for index in 0..self.epoll.wait(pause())? {
                self.receive(self.epoll.token(index))?;
            }
        }
        self.latency.record(sys::now() - begin, messages);
        Ok(over)
    }

    fn receive(&mut self, token: usize) -> io::Result<()> {
        let session = &mut self.sessions[token];
        match session.stream.read(&mut self.buffer) {
            Ok(0) => return Err(closed()),
            Ok(size) if size > session.missing => {
                return Err(io::Error::other("a session received too much"));
            }
            Ok(size) => {
                session.missing -= size;
                self.missing -= size;
                self.received += size as u64;
            }
            Err(error) if is_later(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl<S: Read + Write + AsRawFd> Load for MulticastLoad<S> {
    fn run_for(&mut self, duration: Duration) -> io::Result<Slice> {
        let mut watch = Watch::new(duration);
        let mut rounds = 0;
        loop {
            self.begin_round(self.next, self.senders)?;
            rounds += 1;
            if self.finish_round(&mut watch)? {
                return Ok(watch.finish(rounds * (self.senders * self.sessions.len()) as u64));
            }
        }
    }

    fn latency(&mut self) -> &mut Histogram {
        &mut self.latency
    }
}
