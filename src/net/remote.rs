//! The side of a loop that other threads see.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use super::accept::Run;
use super::connect::ConnectRequest;
use super::context;
use super::endpoint::Admission;
use super::handler::drop_guarded;
use super::timer::{TimerInner, UserTimer};
use super::udp::UdpStart;
use crate::reactor::event_loop::Waker;
use crate::reactor::listening::ListenSocket;
use crate::reactor::mailbox::Mailbox;
use crate::reactor::slots::Key;
use crate::reactor::sockets::StreamSocket;

/// What a loop can be asked to do.
pub(super) enum Operation {
    /// User code.
    Run(Box<dyn FnOnce() + Send>),
    /// Streams have something to send, or are to be closed.
    Flush(Key),
    FlushAll(Vec<Key>),
    /// A bound listener begins its work; without one the loop binds it first.
    StartServer {
        listener: Option<ListenSocket>,
        run: Arc<Run>,
    },
    StopServer {
        run: Arc<Run>,
        restart: bool,
    },
    /// A connection that another loop accepted.
    Adopt {
        socket: StreamSocket,
        peer: Option<SocketAddr>,
        run: Arc<Run>,
        admission: Admission,
    },
    Connect(Box<ConnectRequest>),
    Resolved {
        key: Key,
        asker: Weak<()>,
        addresses: std::io::Result<Vec<SocketAddr>>,
    },
    /// An endpoint for datagrams begins its work.
    StartUdp(Box<UdpStart>),
    AddTimer(Box<UserTimer>),
    CancelTimer(Arc<TimerInner>),
    /// The service's own life.
    Started,
    Stop,
    Drained,
    Exit,
    /// An error of this library, while it was at this source.
    #[cfg(test)]
    Panic(Key),
}

impl Operation {
    /// Drops an operation that no loop comes to any more, and what of the user's is in it.
    pub(super) fn give_up(self) {
        match self {
            Operation::Run(call) => drop_guarded(call),
            Operation::StartServer { listener, run } => {
                drop(listener);
                run.give_up();
            }
            Operation::Adopt { peer, run, admission, .. } => run.discharge(admission, peer),
            Operation::Connect(request) => request.give_up(),
            Operation::StartUdp(start) => start.give_up(),
            Operation::AddTimer(timer) => timer.give_up(),
            _ => {}
        }
    }
}

/// Mailbox and bell of one loop.
pub(crate) struct Remote {
    id: u64,
    mailbox: Mailbox<Operation>,
    waker: Arc<Waker>,
    /// How often the loop came round.
    #[cfg(test)]
    pub(super) turns: AtomicU64,
}

impl Remote {
    pub(super) fn new(waker: Arc<Waker>) -> Remote {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Remote {
            id,
            mailbox: Mailbox::new(),
            waker,
            #[cfg(test)]
            turns: AtomicU64::new(0),
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Whether the caller is this loop's own thread.
    pub(super) fn is_current(&self) -> bool {
        context::loop_id() == self.id
    }

    /// Hands an operation to the loop. A loop looks into its mailbox before it sleeps, so its own
    /// thread needs no wake-up.
    pub(super) fn post(&self, operation: Operation) {
        if self.mailbox.push(operation) && !self.is_current() {
            // Fails only when the system is out of memory for the wake-up itself, and then the
            // loop is awake or comes round at its next event.
            let _ = self.waker.wake();
        }
    }

    /// Marks a stream for the next flush.
    pub(super) fn schedule(&self, key: Key) {
        if self.is_current() {
            context::mark_dirty(key);
        } else {
            self.post(Operation::Flush(key));
        }
    }

    /// Marks many streams with at most one wake-up.
    pub(super) fn schedule_all(&self, keys: Vec<Key>) {
        if keys.is_empty() {
        } else if self.is_current() {
            keys.into_iter().for_each(context::mark_dirty);
        } else {
            self.post(Operation::FlushAll(keys));
        }
    }

    pub(super) fn has_mail(&self) -> bool {
        self.mailbox.has_mail()
    }

    pub(super) fn take(&self, batch: &mut Vec<Operation>) {
        self.mailbox.take(batch);
    }
}
