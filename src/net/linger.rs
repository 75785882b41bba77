//! The end of a connection after the end of its session.

use std::io::{self, Read};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::Session;
use super::worker::{Due, Source, Worker};
use crate::reactor::slots::Key;
use crate::reactor::sockets::TcpStream;
use crate::reactor::sys;
use crate::reactor::timers::TimerKey;

/// How often a service that stops looks whether a peer has confirmed everything.
const LINGER_CHECK: Duration = Duration::from_millis(2);

/// A connection whose session has ended, kept until the peer has seen the end of the data:
/// closing at once would answer bytes still on their way here with a reset, and a reset can
/// destroy what the peer has not read yet.
pub(super) struct Lingering {
    socket: TcpStream,
    /// When the peer is given up.
    deadline: Instant,
    timer: TimerKey,
}

impl Worker {
    /// Closes the socket, or keeps it until the peer has seen the end of a `complete` stream.
    pub(super) fn close_socket(
        &mut self,
        key: Key,
        socket: TcpStream,
        session: &Session,
        complete: bool,
    ) {
        let options = &session.0.endpoint.options;
        let lingers = complete && options.linger().is_none();
        if !lingers || socket.shutdown(Shutdown::Write).is_err() {
            self.slots.remove(key);
            return;
        }
        let deadline = self.now + options.close_timeout();
        let timer = self.timers.insert(deadline, Due::Source(key));
        self.linger(key, Box::new(Lingering { socket, deadline, timer }));
    }

    /// The deadline of a lingering connection has passed, or it is time to look at it again.
    pub(super) fn linger_expired(&mut self, key: Key, lingering: Box<Lingering>) {
        if lingering.deadline <= self.now {
            self.slots.remove(key);
        } else {
            self.linger(key, lingering);
        }
    }

    /// Reads and forgets what the peer still sends, until it closes too. A service that stops
    /// waits only until the peer has confirmed everything.
    pub(super) fn linger(&mut self, key: Key, mut lingering: Box<Lingering>) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let closed = loop {
            match lingering.socket.read(&mut buffer) {
                Ok(0) => break true,
                Ok(count) if count == buffer.len() => {
                    self.unfinished.push(key);
                    break false;
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break error.kind() != io::ErrorKind::WouldBlock,
            }
        };
        self.buffer = buffer;
        let stopping = self.is_stopping();
        if closed || (stopping && sys::unconfirmed(&lingering.socket).unwrap_or(0) == 0) {
            self.timers.cancel(lingering.timer);
            self.slots.remove(key);
            return;
        }
        if stopping {
            // No event tells that the peer has confirmed something.
            self.timers.cancel(lingering.timer);
            let again = lingering.deadline.min(self.now + LINGER_CHECK);
            lingering.timer = self.timers.insert(again, Due::Source(key));
        }
        self.slots.restore(key, Source::Lingering(lingering));
    }
}
