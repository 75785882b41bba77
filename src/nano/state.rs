//! What is behind the lock of a socket.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::callbacks::Callbacks;
use super::endpoint::EndpointControl;
use super::handler::Peer;
use super::inproc::LocalPipe;
use super::options::Options;
use super::pattern::{ContextId, OWN, Pattern, Wake};
use super::pipes::{PipeKey, Pipes};
use super::statistics::Statistics;
use super::waiting::{Waiting, Wakes};
use super::watching::Watches;
use crate::error::{Error, Result, SpFailure};
use crate::net::TlsContext;

/// How far a socket has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Open,
    Closed,
    /// With all sockets of the process.
    Terminated,
}

/// What a listener or a dialer is to its socket.
pub(super) struct EndpointEntry {
    pub(super) address: String,
    pub(super) dials: bool,
    /// `None` while it is being made.
    pub(super) control: Option<Arc<dyn EndpointControl>>,
}

pub(super) struct State {
    pub(super) life: Life,
    /// Calls that would have to wait are refused.
    pub(super) never_blocks: bool,
    /// How often those were sent away who were blocked.
    pub(super) interruptions: u64,
    pub(super) pattern: Box<dyn Pattern>,
    pub(super) pipes: Pipes,
    pub(super) options: Options,
    pub(super) statistics: Statistics,
    pub(super) endpoints: HashMap<u32, EndpointEntry>,
    pub(super) next_endpoint: u32,
    /// For something to receive: whoever comes first, or those of the socket's own exchange.
    pub(super) receivers: Waiting,
    /// For the pattern to accept a message.
    pub(super) senders: Waiting,
    /// For the end of a callback, or of a connection.
    pub(super) ends: Waiting,
    /// Receivers of exchanges that have a queue of their own.
    pub(super) contexts: HashMap<ContextId, Waiting>,
    /// To be woken when the lock is given back.
    pub(super) wakes: Wakes,
    pub(super) callbacks: Callbacks,
    pub(super) watches: Watches,
    /// Connections within the process, of which something may have to be fetched.
    pub(super) locals: Vec<(PipeKey, Arc<LocalPipe>)>,
    /// What comes from within the process is looked at when it is sent. Otherwise it is fetched by
    /// the next receive, so that senders and receivers get into each other's way as little as can
    /// be.
    pub(super) eager: bool,
    /// Connections that were closed and still deliver what was sent.
    pub(super) lingering: usize,
    /// When the timer fires that was set last.
    pub(super) timer_at: Option<Instant>,
    /// For the endpoints that encrypt.
    pub(super) tls: Option<TlsContext>,
}

impl State {
    pub(super) fn check_open(&self) -> Result<()> {
        match self.life {
            Life::Open => Ok(()),
            Life::Closed => Err(closed()),
            Life::Terminated => Err(terminated()),
        }
    }

    /// Whether a call may go on waiting that began after so many interruptions.
    #[inline(always)]
    pub(super) fn may_wait(&self, interruptions: u64) -> bool {
        !self.never_blocks && self.interruptions == interruptions
    }

    /// Tells those who can receive something now.
    #[inline(always)]
    pub(super) fn wake(&mut self, wake: Wake) {
        match wake {
            Wake::Nobody => {}
            Wake::Anybody | Wake::Context(OWN) => self.receivers.wake_one(&mut self.wakes),
            Wake::Context(context) => {
                if let Some(receivers) = self.contexts.get_mut(&context) {
                    receivers.wake_one(&mut self.wakes);
                }
            }
        }
        if !self.watches.is_empty() {
            match wake {
                Wake::Nobody => {}
                Wake::Anybody => self.watches.receivable(None),
                Wake::Context(context) => self.watches.receivable(Some(context)),
            }
        }
    }

    /// Wakes everybody who is blocked in a call, to look again.
    pub(super) fn wake_all(&mut self) {
        self.receivers.wake_all(&mut self.wakes);
        self.senders.wake_all(&mut self.wakes);
        for receivers in self.contexts.values_mut() {
            receivers.wake_all(&mut self.wakes);
        }
    }

    /// Wakes those who may send now.
    pub(super) fn wake_senders(&mut self) {
        self.senders.wake_all(&mut self.wakes);
        self.watches.sendable();
    }

    /// Wakes those who wait for the end of something.
    pub(super) fn wake_for_ends(&mut self) {
        self.ends.wake_all(&mut self.wakes);
    }

    /// What the user is told of a pipe.
    pub(super) fn peer(&self, pipe: PipeKey) -> Option<Peer> {
        let endpoint = self.pipes.traits(pipe)?.endpoint;
        let entry = self.endpoints.get(&endpoint)?;
        Some(Peer { endpoint, address: entry.address.clone(), dialed: entry.dials })
    }
}

pub(super) fn closed() -> Error {
    Error::sp(SpFailure::Closed, "the socket is closed; make a new one")
}

pub(super) fn terminated() -> Error {
    Error::sp(
        SpFailure::Terminated,
        "all sockets of this process were terminated, which can't be undone",
    )
}

pub(super) fn closed_endpoint() -> Error {
    Error::sp(SpFailure::Closed, "the endpoint is closed; listen or dial again")
}
