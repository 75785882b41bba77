//! What connections tell their socket.

use std::sync::Arc;

use super::callbacks::Note;
use super::core::Core;
use super::message::Message;
use super::pattern::OWN;
use super::pipe::Pipe;
use super::pipes::{PipeKey, Traits};
use super::state::{Life, State};
use super::{Peer, Protocol, SpOption};
use crate::error::Error;

/// Who has ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// This side.
    Dropped,
    /// The peer, or the network.
    Broken,
}

impl Core {
    /// A connection of an endpoint is there. `None` when the socket has no place for it, and it is
    /// to be closed.
    pub(crate) fn attach(&self, endpoint: u32, pipe: Arc<dyn Pipe>) -> Option<PipeKey> {
        self.with(|state| {
            let entry = state.endpoints.get(&endpoint).filter(|_| state.life == Life::Open)?;
            let (dialed, address) = (entry.dials, entry.address.clone());
            let traits = Traits {
                endpoint,
                send_priority: state.options.get(SpOption::SendPriority) as u8,
                receive_priority: state.options.get(SpOption::ReceivePriority) as u8,
            };
            let key = state.pipes.insert(pipe, traits);
            let statistics = &mut state.statistics;
            match dialed {
                true => statistics.established_connections += 1,
                false => statistics.accepted_connections += 1,
            }
            let State { pattern, pipes, .. } = state;
            if !pattern.attach(pipes, key, self.now()) {
                pipes.remove(key);
                statistics.dropped_connections += 1;
                return None;
            }
            statistics.current_connections += 1;
            state.callbacks.note(|| Note::Connected(Peer { endpoint, address, dialed }));
            self.became_writable(state);
            Some(key)
        })
    }

    /// A connection over the network is gone, and these messages were not delivered.
    pub(crate) fn ended(&self, pipe: PipeKey, undelivered: u64) {
        self.with(|state| {
            if state.pipes.traits(pipe).is_some() {
                self.detach_locked(state, pipe, End::Broken);
            } else {
                // The socket had dropped it, and it has delivered what was sent.
                state.lingering = state.lingering.saturating_sub(1);
                state.wake_for_ends();
            }
            // A request is sent again.
            if self.protocol != Protocol::Request {
                state.statistics.messages_undelivered += undelivered;
            }
        });
        self.offer_place();
    }

    pub(super) fn detach_locked(&self, state: &mut State, pipe: PipeKey, end: End) {
        let peer = state.peer(pipe);
        if state.pipes.remove(pipe).is_none() {
            return;
        }
        state.locals.retain(|(local, _)| *local != pipe);
        self.update_eager(state);
        state.pattern.detach(&mut state.pipes, pipe, self.now());
        state.statistics.current_connections -= 1;
        match end {
            End::Dropped => state.statistics.dropped_connections += 1,
            End::Broken => state.statistics.broken_connections += 1,
        }
        if let Some(peer) = peer {
            state.callbacks.note(|| Note::Disconnected(peer));
        }
        state.wake_for_ends();
    }

    /// A connection has room again.
    pub(crate) fn writable(&self, pipe: PipeKey) {
        self.with(|state| self.writable_locked(state, pipe));
    }

    pub(super) fn writable_locked(&self, state: &mut State, pipe: PipeKey) {
        if state.life == Life::Open && state.pipes.set_accepts(pipe) {
            state.pattern.writable(&mut state.pipes, pipe, self.now());
            self.became_writable(state);
        }
    }

    /// Tells those who wait to send.
    fn became_writable(&self, state: &mut State) {
        state.wake_senders();
        if state.callbacks.awaits_writable && state.pattern.can_send(&state.pipes) {
            state.callbacks.awaits_writable = false;
            state.callbacks.note(|| Note::Writable);
        }
        self.became_receivable(state);
    }

    /// What was held back until now may be received.
    pub(super) fn became_receivable(&self, state: &mut State) {
        let awaited = state.receivers.is_blocked() || !state.watches.is_empty();
        if awaited && state.pattern.can_receive(OWN, self.receive_time()) {
            state.receivers.wake_all(&mut state.wakes);
            state.watches.receivable(None);
        }
    }

    /// Messages came off the wire, and some that were none.
    pub(crate) fn received(self: &Arc<Core>, pipe: PipeKey, batch: &mut Vec<Message>, bad: u64) {
        let mut state = self.lock();
        state.pipes.dropped += bad;
        for message in batch.drain(..) {
            self.received_locked(&mut state, pipe, message);
        }
        // This is a loop, which comes to the callbacks right now.
        self.run_callbacks_from(state);
    }

    /// A message came; its header is apart.
    #[inline(always)]
    pub(super) fn received_locked(&self, state: &mut State, pipe: PipeKey, message: Message) {
        if state.life != Life::Open {
            return;
        }
        let wake = state.pattern.received(&mut state.pipes, pipe, message, self.receive_time());
        state.wake(wake);
    }

    /// Something failed that no call can return.
    pub(crate) fn failed(&self, error: Error) {
        self.with(|state| state.callbacks.note(|| Note::Error(error)));
    }
}
