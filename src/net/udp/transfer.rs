//! How datagrams come and go.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::worker::{Due, READ_BUDGET, Source, Worker};
use super::super::{Reason, SocketOption, context};
use super::Group;
use super::socket::{Batches, Datagrams, Stage, undelivered};
use super::state::GroupChange;
use crate::error::Error;
use crate::reactor::datagrams::{self, ReceiveBatch, canonical};
use crate::reactor::event_loop::Readiness;
use crate::reactor::slots::Key;
use crate::reactor::sockets::SockRef;
use crate::reactor::sys;

/// Batches that one endpoint receives before others get their turn.
const BATCHES_PER_TURN: usize = 4;

/// Calls that send from one endpoint before others get their turn.
const SENDS_PER_TURN: usize = 16;

impl Worker {
    pub(in super::super) fn udp_ready(
        &mut self,
        key: Key,
        mut source: Box<Datagrams>,
        ready: Readiness,
    ) {
        if ready.writable && source.blocked {
            source.blocked = false;
            if let Stage::Open(socket) = &mut source.stage {
                // Else there are events too many, and nothing worse.
                let _ = self.registrar.watch_reads(socket, key);
            }
            context::mark_dirty(key);
        }
        if ready.closed || source.has_reports {
            source.take_reports();
        }
        if ready.readable {
            self.udp_receive(key, &mut source);
        }
        if source.has_reports {
            self.unfinished.push(key);
        }
        self.slots.restore(key, Source::Udp(source));
    }

    /// Receives until the socket is empty or the share of this turn is used up, and sends the
    /// answers of each batch at once.
    #[inline(always)]
    fn udp_receive(&mut self, key: Key, source: &mut Datagrams) {
        let mut batches = self.batches.take().unwrap_or_else(|| Box::new(Batches::new()));
        let mut budget = READ_BUDGET;
        for _ in 0..BATCHES_PER_TURN {
            let Stage::Open(socket) = &source.stage else { break };
            if !source.is_delivering() {
                break;
            }
            match batches.receive.receive(socket) {
                Ok(drained) => {
                    // What the callbacks ask for is done right after them, without a flush.
                    source.udp.0.state().scheduled = true;
                    budget = budget.saturating_sub(deliver(source, &batches.receive));
                    self.udp_send(key, source, &mut batches);
                    if drained {
                        self.batches = Some(batches);
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.batches = Some(batches);
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if sys::is_report(&error) && sys::REPORTS => source.take_reports(),
                Err(error) if sys::is_report(&error) => {
                    source.on_error(&undelivered(None, &error));
                }
                // It may last: the next datagram that comes is an event of its own.
                Err(error) => {
                    source.on_error(&Error::system("cannot receive", &error));
                    self.batches = Some(batches);
                    return;
                }
            }
            if budget == 0 {
                break;
            }
        }
        self.batches = Some(batches);
        if source.is_delivering() {
            self.unfinished.push(key);
        }
    }

    /// Somebody wants something: datagrams to be sent, groups to be joined, an end.
    pub(in super::super) fn udp_flush(&mut self, key: Key, mut source: Box<Datagrams>) {
        source.take_stop();
        if matches!(source.stage, Stage::Resolving(_)) {
            return match source.closing {
                Some(stop) => self.end_udp(key, source, stop.reason),
                None => self.slots.restore(key, Source::Udp(source)),
            };
        }
        let mut batches = self.batches.take().unwrap_or_else(|| Box::new(Batches::new()));
        self.udp_send(key, &mut source, &mut batches);
        self.batches = Some(batches);
        // A callback may have asked for the end.
        source.take_stop();
        let Some(stop) = source.closing else {
            return self.slots.restore(key, Source::Udp(source));
        };
        if stop.reason == Reason::Limit {
            let error = Error::limit("the send limit was reached, and the policy is to stop then");
            source.on_error(&error);
            return self.end_udp(key, source, Reason::Limit);
        }
        if source.udp.0.waiting.load(Ordering::Relaxed) == 0 {
            return self.end_udp(key, source, stop.reason);
        }
        if source.timer.is_none() {
            let at = self.now + source.udp.0.options.close_timeout();
            source.timer = Some(self.timers.insert(at, Due::Source(key)));
        }
        self.slots.restore(key, Source::Udp(source));
    }

    /// Changes groups and sends what waits, as far as the socket takes it.
    #[inline(always)]
    pub(super) fn udp_send(&mut self, key: Key, source: &mut Datagrams, batches: &mut Batches) {
        for _ in 0..SENDS_PER_TURN {
            let changes = {
                let mut state = source.udp.0.state();
                // The end of the run is a matter of the flush.
                state.scheduled = state.stop.is_some_and(|stop| stop.run == source.run);
                if state.scheduled {
                    context::mark_dirty(key);
                }
                if source.sending.is_empty() && !source.blocked {
                    std::mem::swap(&mut source.sending, &mut state.queue);
                }
                std::mem::take(&mut state.changes)
            };
            for change in changes {
                source.change_group(&change);
            }
            if source.blocked || source.sending.is_empty() {
                return source.tell_empty();
            }
            source.has_waited = true;
            self.send_batch(key, source, batches);
            if source.udp.0.waiting.load(Ordering::Relaxed) == 0 {
                return source.tell_empty();
            }
        }
        // Others have their turn; it stays marked.
        source.udp.0.state().scheduled = true;
        context::mark_dirty(key);
    }

    /// Hands one batch to the system.
    #[inline(always)]
    fn send_batch(&mut self, key: Key, source: &mut Datagrams, batches: &mut Batches) {
        let Stage::Open(socket) = &source.stage else { return };
        let Batches { send, sent, .. } = batches;
        sent.clear();
        let queue = &mut source.sending;
        let mut attempt = || {
            let tell = |to, size| sent.push((to, size));
            send.send(socket, source.peer.is_some(), &mut source.segments, queue, tell)
        };
        // The first call may have told what became of an earlier datagram, and sent nothing.
        let outcome = match attempt() {
            Err((_, error)) if sys::is_report(&error) => attempt(),
            other => other,
        };
        if !sent.is_empty() {
            source.tell_sent(sent);
        }
        match outcome {
            Ok(()) => {}
            Err((_, error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err((_, error)) if error.kind() == io::ErrorKind::WouldBlock => {
                self.udp_blocked(key, source);
            }
            Err((index, error)) => {
                let to = source.give_up(index);
                let refused = error.kind() == io::ErrorKind::PermissionDenied;
                let error = Error::system(format!("cannot send a datagram to {to}"), &error);
                let broadcast = source.udp.0.options.is_on(SocketOption::Broadcast);
                source.on_error(&match refused && !broadcast {
                    true => error.and("for a broadcast address switch the option Broadcast on"),
                    false => error,
                });
            }
        }
    }

    /// The socket takes no more: what is left waits in the queue, and an event tells when to go on.
    #[inline(never)]
    fn udp_blocked(&mut self, key: Key, source: &mut Datagrams) {
        source.blocked = true;
        {
            let mut state = source.udp.0.state();
            source.sending.append(&mut state.queue);
            if state.queue.is_empty() {
                std::mem::swap(&mut source.sending, &mut state.queue);
            }
        }
        let Stage::Open(socket) = &mut source.stage else { return };
        if let Err(error) = self.registrar.watch_writes(socket, key) {
            source.on_error(&Error::system("cannot watch the socket", &error));
        }
    }
}

/// Hands a batch to the handler. Returns how many bytes it had.
#[inline(always)]
fn deliver(source: &mut Datagrams, batch: &ReceiveBatch) -> usize {
    let inner = Arc::clone(&source.udp.0);
    let limit = inner.options.get(SocketOption::DatagramLimit) as usize;
    // Before the callbacks, which may look at the counters.
    if let Some(lost) = batch.lost() {
        inner.lost.add(lost.wrapping_sub(source.lost) as usize);
        source.lost = lost;
    }
    let mut bytes = 0;
    for datagram in batch.datagrams() {
        if !source.is_delivering() {
            break;
        }
        // Those of others came before the system knew the peer.
        let is_same = |peer: SocketAddr| {
            (peer.ip(), peer.port()) == (datagram.from.ip(), datagram.from.port())
        };
        if !source.peer.is_none_or(is_same) {
            continue;
        }
        let from = canonical(datagram.from);
        let data = &datagram.data[..datagram.data.len().min(limit)];
        let truncated = datagram.truncated || data.len() < datagram.data.len();
        inner.datagrams_received.add(1);
        inner.bytes_received.add(data.len());
        bytes += data.len();
        source.call("on_received", |handler, udp| handler.on_received(udp, from, data, truncated));
    }
    bytes
}

impl Datagrams {
    #[inline(always)]
    fn tell_sent(&mut self, sent: &[(SocketAddr, usize)]) {
        let inner = Arc::clone(&self.udp.0);
        let bytes = sent.iter().map(|(_, size)| size).sum();
        inner.datagrams_sent.add(sent.len());
        inner.bytes_sent.add(bytes);
        inner.waiting.fetch_sub(sent.len(), Ordering::Relaxed);
        let pending = inner.pending.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        for (to, size) in sent {
            let to = canonical(*to);
            self.call("on_sent", |handler, udp| handler.on_sent(udp, to, *size, pending));
        }
    }

    /// Tells that nothing waits any more, whether it left or was given up.
    fn tell_empty(&mut self) {
        if self.has_waited && self.udp.0.waiting.load(Ordering::Relaxed) == 0 {
            self.has_waited = false;
            self.call("on_empty", |handler, udp| handler.on_empty(udp));
        }
    }

    #[inline(never)]
    fn change_group(&mut self, change: &GroupChange) {
        let GroupChange { group, join } = change;
        let Some(socket) = self.socket() else { return };
        let changed =
            datagrams::change_membership(&SockRef::from(&*socket), group.membership(), *join);
        match (changed, join) {
            (Ok(()), true) => self.call("on_joined", |handler, udp| handler.on_joined(udp, group)),
            (Ok(()), false) => self.call("on_left", |handler, udp| handler.on_left(udp, group)),
            (Err(error), _) => self.on_error(&group_error(group, *join, &error)),
        }
    }
}

fn group_error(group: &Group, join: bool, error: &io::Error) -> Error {
    match (error.kind(), join) {
        (io::ErrorKind::AddrInUse, true) => {
            Error::system_meaning(format!("the group {group} is joined already"), error)
        }
        // The second is Windows' word for it.
        (io::ErrorKind::AddrNotAvailable | io::ErrorKind::InvalidInput, false) => {
            Error::system_meaning(
                format!("the group {group} is not joined, or was on another interface"),
                error,
            )
        }
        (_, true) => Error::system(format!("cannot join the group {group}"), error),
        (_, false) => Error::system(format!("cannot leave the group {group}"), error),
    }
}
