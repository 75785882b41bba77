//! Callbacks: what waits for the handler of a socket, and how it is told.

use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard};
use std::thread::{self, ThreadId};

use super::core::Core;
use super::handler::{Peer, SocketHandler};
use super::pattern::{OWN, Refusal};
use super::state::{Life, State};
use super::{Message, Socket, waiting};
use crate::error::{Error, Result};
use crate::net::{drop_guarded, guard};

/// Callbacks of one socket before others get their turn.
const TURN: usize = 1024;

/// Something that the handler is to be told, beside messages.
pub(super) enum Note {
    Connected(Peer),
    Disconnected(Peer),
    Writable,
    Error(Error),
}

#[derive(Default)]
pub(super) struct Callbacks {
    handler: Option<Box<dyn SocketHandler>>,
    /// There is a handler, although it may be out for a call.
    present: bool,
    /// Who is at it.
    running: Option<ThreadId>,
    /// A loop was asked to come to it.
    posted: bool,
    /// The user wants no messages for now.
    pub(super) paused: bool,
    /// A send was refused, and the handler waits for the next one.
    pub(super) awaits_writable: bool,
    notes: VecDeque<Note>,
    /// Tells apart the handlers that the socket has had.
    generation: u64,
}

impl Callbacks {
    pub(super) fn present(&self) -> bool {
        self.present
    }

    /// There is a handler, and nobody is at it, or about to be, who looks for messages.
    pub(super) fn await_messages(&self) -> bool {
        self.present && self.running.is_none() && !self.posted
    }

    /// Notes something, if there is somebody to be told.
    pub(super) fn note(&mut self, note: impl FnOnce() -> Note) {
        if self.present {
            self.notes.push_back(note());
        }
    }

    pub(super) fn set(&mut self, handler: Box<dyn SocketHandler>) {
        self.handler = Some(handler);
        self.present = true;
    }

    /// Takes the handler away, for the caller to drop without the lock. One that is out for a call
    /// is dropped when that ends.
    pub(super) fn clear(&mut self) -> Option<Box<dyn SocketHandler>> {
        self.present = false;
        self.generation += 1;
        self.notes.clear();
        self.awaits_writable = false;
        self.handler.take()
    }

    /// Another thread is in a callback.
    pub(super) fn runs_elsewhere(&self) -> bool {
        self.running.is_some_and(|thread| thread != thread::current().id())
    }
}

impl State {
    /// Whether a loop has to be asked to come and tell the handler something.
    pub(super) fn needs_callbacks(&self, core: &Core) -> bool {
        let callbacks = &self.callbacks;
        callbacks.present
            && callbacks.running.is_none()
            && !callbacks.posted
            && (!callbacks.notes.is_empty() || self.pattern.can_receive(OWN, core.receive_time()))
            && (!callbacks.paused || self.note_is_next(core))
    }

    /// Whether a note comes before messages. The end of a connection comes behind what was received
    /// from it.
    #[inline(always)]
    fn note_is_next(&self, core: &Core) -> bool {
        match self.callbacks.notes.front() {
            None => false,
            Some(Note::Disconnected(_)) => !self.pattern.can_receive(OWN, core.receive_time()),
            Some(_) => true,
        }
    }

    /// The next message for the handler.
    #[inline(always)]
    fn next_message(&mut self, core: &Core) -> Result<Message, Refusal> {
        if self.callbacks.paused {
            return Err(Refusal::WouldBlock);
        }
        let message = self.pattern.receive(&mut self.pipes, OWN, core.receive_time())?;
        self.statistics.messages_received += 1;
        self.statistics.bytes_received += message.len() as u64;
        Ok(message)
    }
}

impl Core {
    /// Asks a loop for the callbacks. To be called without the lock, when
    /// [`State::needs_callbacks`] has held; `posted` was set then.
    pub(super) fn post_callbacks(self: &Arc<Core>) {
        // A handler is set only when there is a service.
        let Ok(service) = self.service() else { return };
        let core = Arc::downgrade(self);
        service.post(move || {
            if let Some(core) = core.upgrade() {
                let mut state = core.lock();
                state.callbacks.posted = false;
                core.run_callbacks_from(state);
            }
        });
    }

    /// Marks that a loop will come. Called under the lock.
    pub(super) fn mark_posted(&self, state: &mut State) {
        state.callbacks.posted = true;
        self.update_eager(state);
    }

    /// Tells the handler everything that there is, unless somebody is at it already. Only on loop
    /// threads.
    pub(crate) fn run_callbacks(self: &Arc<Core>) {
        self.run_callbacks_from(self.lock());
    }

    /// The same, when something has just been done under the lock.
    pub(super) fn run_callbacks_from<'a>(self: &'a Arc<Core>, mut state: MutexGuard<'a, State>) {
        let is_free = state.callbacks.running.is_none();
        let Some(mut handler) = state.callbacks.handler.take_if(|_| is_free) else {
            return self.leave_to(state, false);
        };
        let Some(socket) = &self.socket() else {
            // It is about to be closed.
            state.callbacks.handler = Some(handler);
            return self.leave_to(state, false);
        };
        let generation = state.callbacks.generation;
        state.callbacks.running = Some(thread::current().id());
        // Who sends within the process meanwhile need not come here: it is fetched.
        self.update_eager(&mut state);
        for _ in 0..TURN {
            // A message is moved as seldom as can be: it goes right on to the handler.
            let result = if state.note_is_next(self) {
                let Some(note) = state.callbacks.notes.pop_front() else { break };
                self.leave(state);
                tell(&mut *handler, socket, note)
            } else {
                match state.next_message(self) {
                    Ok(message) => {
                        self.leave(state);
                        guard("on_received", || handler.on_received(socket, message))
                    }
                    Err(Refusal::TimedOut) => {
                        self.leave(state);
                        guard("on_finished", || handler.on_finished(socket))
                    }
                    Err(_) if !state.callbacks.paused && self.fetch(&mut state) => continue,
                    Err(_) => break,
                }
            };
            if let Err(error) = result {
                let _ = guard("on_error", || handler.on_error(socket, &error));
            }
            state = self.lock();
            if state.callbacks.generation != generation {
                break;
            }
        }
        if state.callbacks.generation == generation && state.life == Life::Open {
            state.callbacks.handler = Some(handler);
        } else {
            // Taken away meanwhile. Who waits for its callbacks waits for its end too.
            self.leave(state);
            drop_guarded(Some(handler));
            state = self.lock();
        }
        state.callbacks.running = None;
        self.update_eager(&mut state);
        self.fetch(&mut state);
        state.wake_for_ends();
        self.leave(state);
    }

    pub(super) fn set_handler(self: &Arc<Core>, handler: Box<dyn SocketHandler>) -> Result<()> {
        self.service()?;
        let mut state = self.lock();
        state.check_open()?;
        let old = state.callbacks.clear();
        state.callbacks.set(handler);
        // Connections that there are already are told as new ones, so that each end has a beginning.
        let peers: Vec<_> = state.pipes.keys().filter_map(|pipe| state.peer(pipe)).collect();
        state.callbacks.notes.extend(peers.into_iter().map(Note::Connected));
        self.update_eager(&mut state);
        self.fetch(&mut state);
        self.leave(state);
        drop_guarded(old);
        Ok(())
    }

    /// Takes the handler away. Waits for the callback that another thread is in, except on loop
    /// threads.
    pub(super) fn clear_handler(self: &Arc<Core>) {
        let mut state = self.lock();
        let old = state.callbacks.clear();
        self.update_eager(&mut state);
        if !crate::net::is_loop_thread() {
            while state.callbacks.runs_elsewhere() {
                state = waiting::wait(state, None, |state| &mut state.ends);
            }
        }
        self.leave(state);
        drop_guarded(old);
    }
}

fn tell(handler: &mut dyn SocketHandler, socket: &Socket, note: Note) -> Result<()> {
    match note {
        Note::Writable => guard("on_writable", || handler.on_writable(socket)),
        Note::Connected(peer) => guard("on_connected", || handler.on_connected(socket, &peer)),
        Note::Disconnected(peer) => {
            guard("on_disconnected", || handler.on_disconnected(socket, &peer))
        }
        Note::Error(error) => guard("on_error", || handler.on_error(socket, &error)),
    }
}
