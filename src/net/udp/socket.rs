//! What a loop keeps of an endpoint.
//!
//! What runs for each datagram is inlined, as in `receiving`.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::super::Reason;
use super::super::endpoint::Life;
use super::super::handler::{drop_guarded, guard};
use super::state::{Role, Stop};
use super::{Udp, UdpHandler};
use crate::error::Error;
use crate::reactor::datagrams::{DatagramQueue, ReceiveBatch, SendBatch, UdpSocket, canonical};
use crate::reactor::slots::Key;
use crate::reactor::sys;
use crate::reactor::timers::TimerKey;

/// Reports about lost datagrams that are told before others get their turn.
const REPORTS_PER_TURN: usize = 64;

/// An endpoint that is to begin.
pub(crate) struct UdpStart {
    pub(super) udp: Udp,
    pub(super) run: u64,
    pub(super) handler: Box<dyn UdpHandler>,
    /// Where a server is bound.
    pub(super) addresses: Vec<SocketAddr>,
    /// Bound already.
    pub(super) socket: Option<UdpSocket>,
}

impl UdpStart {
    /// Drops a start that no loop comes to any more.
    pub(in super::super) fn give_up(self) {
        let UdpStart { udp, run, handler, socket, .. } = self;
        drop(socket);
        udp.rest(run);
        drop_guarded(handler);
    }

    /// Ends a start that was stopped before its turn came.
    pub(super) fn skip(self) {
        let UdpStart { udp, mut handler, .. } = self;
        if let Err(error) = guard("on_stopped", || handler.on_stopped(&udp, Reason::Local)) {
            let _ = guard("on_error", || handler.on_error(&udp, &error));
        }
        drop_guarded(handler);
    }
}

/// An endpoint in its loop.
pub(crate) struct Datagrams {
    /// The first field, so that it ends before the socket closes.
    pub(super) lending: Lending,
    pub(super) udp: Udp,
    pub(super) run: u64,
    pub(super) handler: Box<dyn UdpHandler>,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) stage: Stage,
    /// The only one that is heard. The system knows it, and datagrams need no address.
    pub(super) peer: Option<SocketAddr>,
    /// Many datagrams may go to the system as one.
    pub(super) segments: bool,
    /// The socket takes no more for now, and is watched for when it does.
    pub(super) blocked: bool,
    /// There may be more reports than were taken.
    pub(super) has_reports: bool,
    /// What the loop has taken out of the queue.
    pub(super) sending: DatagramQueue,
    /// Something has waited to be sent since `on_empty` was told.
    pub(super) has_waited: bool,
    /// What the socket has told of lost datagrams.
    pub(super) lost: u32,
    /// For the name, or for what is still to be sent at the end.
    pub(super) timer: Option<TimerKey>,
    pub(super) closing: Option<Stop>,
    /// The starts after this run, of which the last one counts.
    pub(super) next: Vec<UdpStart>,
}

/// What handles see of an endpoint, as long as it is in its loop. Its end takes that away, also when
/// an error of this library is the end.
pub(super) struct Lending {
    pub(super) udp: Udp,
    pub(super) run: u64,
    pub(super) key: Key,
}

impl Lending {
    /// Returns how many datagrams were still to be sent, or `None` when it was ended before.
    pub(super) fn end(&self) -> Option<usize> {
        let inner = &*self.udp.0;
        let mut state = inner.state();
        if state.key != self.key {
            return None;
        }
        state.key = Key::NONE;
        state.open = None;
        state.scheduled = false;
        state.queue.clear();
        state.changes.clear();
        inner.pending.store(0, Ordering::Relaxed);
        Some(inner.waiting.swap(0, Ordering::Relaxed))
    }
}

impl Drop for Lending {
    fn drop(&mut self) {
        if self.end().is_some() {
            self.udp.rest(self.run);
            self.udp.0.started.store(false, Ordering::Release);
        }
    }
}

pub(super) enum Stage {
    /// Until the answer to the question that this one asks.
    Resolving(Arc<()>),
    Open(UdpSocket),
}

/// Room that all endpoints of a loop share.
pub(crate) struct Batches {
    pub(super) receive: ReceiveBatch,
    pub(super) send: SendBatch,
    /// What a call has sent.
    pub(super) sent: Vec<(SocketAddr, usize)>,
}

impl Batches {
    pub(super) fn new() -> Batches {
        Batches { receive: ReceiveBatch::new(), send: SendBatch::new(), sent: Vec::new() }
    }
}

impl Udp {
    /// Nothing is started any more, unless another start came since.
    pub(super) fn rest(&self, run: u64) {
        let mut state = self.0.state();
        if state.run == run {
            state.life = Life::Stopped;
            state.stop = None;
            if self.0.role == Role::Client {
                self.0.local_port.store(0, Ordering::Relaxed);
            } else {
                self.0.local_port.store(self.0.port, Ordering::Relaxed);
            }
        }
    }
}

impl Datagrams {
    /// Runs a callback. A panic there is told to `on_error`.
    #[inline(always)]
    pub(super) fn call(&mut self, what: &str, call: impl FnOnce(&mut dyn UdpHandler, &Udp)) {
        let Datagrams { handler, udp, .. } = self;
        if let Err(error) = guard(what, || call(&mut **handler, udp)) {
            self.on_error(&error);
        }
    }

    #[inline(never)]
    pub(super) fn on_error(&mut self, error: &Error) {
        let Datagrams { handler, udp, .. } = self;
        let _ = guard("on_error", || handler.on_error(udp, error));
    }

    pub(super) fn socket(&mut self) -> Option<&mut UdpSocket> {
        match &mut self.stage {
            Stage::Open(socket) => Some(socket),
            Stage::Resolving(_) => None,
        }
    }

    pub(in super::super) fn asks(&self, asker: &Weak<()>) -> bool {
        matches!(&self.stage, Stage::Resolving(own) if Arc::as_ptr(own) == asker.as_ptr())
    }

    /// Whether the handler hears what comes.
    #[inline(always)]
    pub(super) fn is_delivering(&self) -> bool {
        self.closing.is_none() && !self.udp.0.quiet.load(Ordering::Acquire)
    }

    /// Takes a wish to end this run.
    pub(super) fn take_stop(&mut self) {
        let mut state = self.udp.0.state();
        if let Some(stop) = state.stop.filter(|stop| stop.run == self.run) {
            state.stop = None;
            self.closing = Some(stop);
        }
    }

    /// A datagram does not leave.
    pub(super) fn give_up(&mut self, index: usize) -> SocketAddr {
        let entry = self.sending.mark_gone(index);
        self.sending.sweep();
        let inner = &self.udp.0;
        inner.dropped.fetch_add(1, Ordering::Relaxed);
        inner.waiting.fetch_sub(1, Ordering::Relaxed);
        inner.pending.fetch_sub(usize::from(entry.size), Ordering::Relaxed);
        canonical(entry.to)
    }

    /// Tells what became of datagrams that were sent before.
    #[inline(never)]
    pub(super) fn take_reports(&mut self) {
        self.has_reports = false;
        for _ in 0..REPORTS_PER_TURN {
            let report = match &self.stage {
                Stage::Open(socket) => sys::next_report(socket),
                Stage::Resolving(_) => None,
            };
            let Some((to, error)) = report else { return };
            self.on_error(&undelivered(to.map(canonical), &error));
        }
        self.has_reports = true;
    }
}

pub(super) fn undelivered(to: Option<SocketAddr>, error: &io::Error) -> Error {
    match to {
        Some(to) => Error::system(format!("a datagram to {to} was not delivered"), error),
        None => Error::system("a datagram that was sent before was not delivered", error),
    }
}
