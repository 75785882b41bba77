//! One call when a socket can receive or send, for event loops that are not of this library.

use super::core::Core;
use super::pattern::{ContextId, OWN};
use super::state::{Life, State};
use crate::error::Result;
use crate::net::drop_guarded;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Receivable(ContextId),
    Sendable,
}

type Call = Box<dyn FnOnce() + Send>;

/// At most one watch for each event.
#[derive(Default)]
pub(super) struct Watches {
    armed: Vec<(Event, Call)>,
    /// To be called as soon as the lock is given back.
    due: Vec<Call>,
}

impl Watches {
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// Whether somebody waits for messages.
    pub(super) fn await_messages(&self) -> bool {
        self.armed.iter().any(|(event, _)| *event != Event::Sendable)
    }

    /// Takes a watch away, for the caller to drop without the lock.
    pub(super) fn remove(&mut self, event: Event) -> Option<Call> {
        let place = self.armed.iter().position(|(armed, _)| *armed == event)?;
        Some(self.armed.swap_remove(place).1)
    }

    /// Somebody can receive: each who waits for that is called, because who is called may have
    /// left. `None` stands for all exchanges.
    pub(super) fn receivable(&mut self, context: Option<ContextId>) {
        self.fire(|event| match event {
            Event::Receivable(armed) => context.is_none_or(|context| context == armed),
            Event::Sendable => false,
        });
    }

    pub(super) fn sendable(&mut self) {
        self.fire(|event| event == Event::Sendable);
    }

    pub(super) fn all(&mut self) {
        self.fire(|_| true);
    }

    fn fire(&mut self, holds: impl Fn(Event) -> bool) {
        if !self.armed.is_empty() {
            self.due.extend(self.armed.extract_if(.., |(event, _)| holds(*event)).map(|it| it.1));
        }
    }

    #[inline(always)]
    pub(super) fn take_due(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.due)
    }
}

impl State {
    /// Whether a call would not have to wait now.
    fn has_come(&self, event: Event, core: &Core) -> bool {
        self.life != Life::Open
            || match event {
                Event::Receivable(context) => self.pattern.can_receive(context, core.now()),
                Event::Sendable => self.pattern.can_send(&self.pipes),
            }
    }
}

impl Core {
    /// Has `call` called once on a loop thread, when the event comes or if it has come already. It
    /// takes the place of the one before that was for the same event.
    pub(super) fn watch(&self, event: Event, call: Call) -> Result<()> {
        if let Err(error) = self.service() {
            drop_guarded(Some(call));
            return Err(error);
        }
        let old = self.with(|state| {
            let old = state.watches.remove(event);
            state.watches.armed.push((event, call));
            // Whoever sends from now on looks after it; whoever has sent before has not.
            self.update_eager(state);
            self.fetch(state);
            if state.has_come(event, self) {
                let call = state.watches.remove(event);
                state.watches.due.extend(call);
            }
            old
        });
        drop_guarded(old);
        Ok(())
    }

    /// Lets the loop make the calls that are due.
    #[cold]
    pub(super) fn post_due(&self, due: Vec<Call>) {
        // A watch is taken only when there is a service.
        let Ok(service) = self.service() else { return };
        for call in due {
            service.post(call);
        }
    }
}

/// The event of the socket's own exchange.
pub(super) const RECEIVABLE: Event = Event::Receivable(OWN);
