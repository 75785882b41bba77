//! The end of a connection after the end of its session.

use std::io::{self, Read};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::Session;
use super::endpoint::{ClosedPlace, Role};
use super::worker::{Due, READ_BUDGET, Source, Worker};
use crate::reactor::slots::Key;
use crate::reactor::sockets::{self, StreamSocket};
use crate::reactor::sys;
use crate::reactor::timers::TimerKey;

/// How often a service that stops looks whether a peer has confirmed everything.
const LINGER_CHECK: Duration = Duration::from_millis(2);

/// A connection whose session has ended, kept until the peer has seen the end of the data:
/// closing at once would answer bytes still on their way here with a reset, and a reset can
/// destroy what the peer has not read yet.
pub(super) struct Lingering {
    socket: StreamSocket,
    /// When the peer is given up.
    deadline: Instant,
    /// How long a service that stops still waits.
    close_timeout: Duration,
    timer: TimerKey,
    /// Clients keep no more than one connection each.
    _place: Option<ClosedPlace>,
}

impl Worker {
    /// Closes the socket, or keeps it until the peer has seen the end of a `complete` stream.
    /// Neither waits.
    pub(super) fn close_socket(
        &mut self,
        key: Key,
        socket: StreamSocket,
        session: &Session,
        complete: bool,
    ) {
        let endpoint = &session.0.endpoint;
        let mut linger = endpoint.options.linger();
        if linger.is_some() || session.0.outbox().may_linger {
            linger = sockets::take_linger(&socket).unwrap_or(linger);
        }
        let keeps =
            complete && linger != Some(Duration::ZERO) && socket.shutdown(Shutdown::Write).is_ok();
        let place = match &endpoint.role {
            _ if !keeps => None,
            Role::Client(_) => Some(None),
            Role::Server(_) => {
                let peer = session.peer_address().map(|address| address.ip());
                let admission = session.0.outbox().admission;
                endpoint.admit_closed(admission, peer).map(Some)
            }
        };
        let Some(place) = place else {
            self.slots.remove(key);
            return;
        };
        let close_timeout = endpoint.options.close_timeout();
        let deadline = self.now + linger.unwrap_or(close_timeout);
        let timer = self.timers.insert(deadline, Due::Source(key));
        let lingering = Lingering { socket, deadline, close_timeout, timer, _place: place };
        self.linger(key, Box::new(lingering));
    }

    /// The deadline of a lingering connection has passed, or it is time to look at it again.
    pub(super) fn linger_expired(&mut self, key: Key, lingering: Box<Lingering>) {
        if lingering.deadline <= self.now {
            self.slots.remove(key);
        } else {
            self.linger(key, lingering);
        }
    }

    /// Closes all lingering connections of this loop. Whether there were any.
    pub(super) fn drop_lingering(&mut self) -> bool {
        let mut dropped = false;
        for key in self.slots.keys() {
            if let Some(Source::Lingering(lingering)) = self.slots.get_mut(key) {
                self.timers.cancel(lingering.timer);
                self.slots.remove(key);
                dropped = true;
            }
        }
        dropped
    }

    /// Reads and forgets what the peer still sends, until it closes too. A service that stops
    /// waits only until the peer has confirmed everything.
    pub(super) fn linger(&mut self, key: Key, mut lingering: Box<Lingering>) {
        let closed = self.read_and_forget(key, &mut lingering.socket);
        let stopping = self.is_stopping();
        if closed || (stopping && sys::unconfirmed(&lingering.socket).unwrap_or(0) == 0) {
            self.timers.cancel(lingering.timer);
            self.slots.remove(key);
            return;
        }
        if stopping {
            // No event tells that the peer has confirmed something.
            self.timers.cancel(lingering.timer);
            lingering.deadline = lingering.deadline.min(self.now + lingering.close_timeout);
            let again = lingering.deadline.min(self.now + LINGER_CHECK);
            lingering.timer = self.timers.insert(again, Due::Source(key));
        }
        self.slots.restore(key, Source::Lingering(lingering));
    }

    /// Whether the peer sends no more.
    fn read_and_forget(&mut self, key: Key, socket: &mut StreamSocket) -> bool {
        let mut budget = READ_BUDGET;
        while budget > 0 {
            match socket.read(self.buffer.bytes_mut()) {
                Ok(0) => return true,
                Ok(count) => budget = budget.saturating_sub(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
        self.unfinished.push(key);
        false
    }
}
