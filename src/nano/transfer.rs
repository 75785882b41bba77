//! Sending and receiving, blocking and not.

use std::sync::MutexGuard;
use std::time::Instant;

use super::core::Core;
use super::pattern::{ContextId, Parcel, Refusal};
use super::state::State;
use super::waiting::{self, Wait};
use super::{Message, Payload};
use crate::error::{Error, Result, SpFailure};

impl Core {
    pub(super) fn send(
        &self,
        context: ContextId,
        payload: &Payload<'_>,
        mut wait: Wait,
    ) -> Result<()> {
        let parcel = Parcel { header: payload.header(), body: payload.body() };
        let mut state = self.lock();
        let interruptions = state.interruptions;
        loop {
            state.check_open()?;
            let now = self.now();
            let at_once = self.sends_at_once(&state, context, parcel.body.bytes().len());
            let State { pattern, pipes, .. } = &mut *state;
            pipes.send_at_once(at_once);
            match pattern.send(pipes, context, parcel, now) {
                Ok(()) => {
                    state.statistics.messages_sent += 1;
                    state.statistics.bytes_sent += parcel.body.bytes().len() as u64;
                    if self.protocol.answers() {
                        self.became_receivable(&mut state);
                    }
                    self.leave(state);
                    return Ok(());
                }
                Err(Refusal::WouldBlock) => {}
                Err(refusal) => return Err(refusal.into_error()),
            }
            let may_wait = match wait {
                _ if !state.may_wait(interruptions) => Err(Refusal::WouldBlock.into_error()),
                Wait::No => Err(Refusal::WouldBlock.into_error()),
                _ => may_block(),
            };
            if let Err(error) = may_wait {
                state.callbacks.awaits_writable = state.callbacks.present();
                return Err(error);
            }
            wait = wait.resolve(&state.options);
            check_end(wait, "sent")?;
            state = waiting::wait(state, wait.end(), |state| &mut state.senders);
        }
    }

    pub(super) fn receive(&self, context: ContextId, wait: Wait) -> Result<Message> {
        self.receive_answer(context, wait)?.ok_or_else(|| Refusal::TimedOut.into_error())
    }

    /// The same; `None` when the survey is over.
    #[inline(always)]
    pub(super) fn receive_answer(
        &self,
        context: ContextId,
        mut wait: Wait,
    ) -> Result<Option<Message>> {
        let mut state = self.lock();
        let interruptions = state.interruptions;
        loop {
            state.check_open()?;
            let now = self.receive_time();
            let State { pattern, pipes, .. } = &mut *state;
            match pattern.receive(pipes, context, now) {
                Ok(message) => {
                    state.statistics.messages_received += 1;
                    state.statistics.bytes_received += message.len() as u64;
                    self.leave(state);
                    return Ok(Some(message));
                }
                Err(Refusal::WouldBlock) => {}
                Err(Refusal::TimedOut) => return Ok(None),
                Err(refusal) => return Err(refusal.into_error()),
            }
            if self.fetch(&mut state) {
                continue;
            }
            wait = wait.resolve(&state.options);
            let may_wait = match wait {
                _ if !state.may_wait(interruptions) => Err(Refusal::WouldBlock.into_error()),
                Wait::No => Err(Refusal::WouldBlock.into_error()),
                _ => may_block().and_then(|()| check_end(wait, "received")),
            };
            if let Err(error) = may_wait {
                self.leave(state);
                return Err(error);
            }
            self.set_eager(&mut state, true);
            if !self.fetch(&mut state) {
                if state.pipes.has_attended() {
                    // Somebody may wait for the room that this has made.
                    self.update_eager(&mut state);
                    self.leave(state);
                    state = self.lock();
                    continue;
                }
                state = self.wait_for_message(state, context, wait);
            }
            self.update_eager(&mut state);
        }
    }

    fn wait_for_message<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        context: ContextId,
        wait: Wait,
    ) -> MutexGuard<'a, State> {
        let deadline = state.pattern.receive_deadline(context);
        let end = wait.end().into_iter().chain(deadline).min();
        if !self.waits_apart(context) {
            return waiting::wait(state, end, |state| &mut state.receivers);
        }
        waiting::wait(state, end, |state| state.contexts.entry(context).or_default())
    }
}

/// The callbacks of an I/O thread, of whatever service, must not stop it.
fn may_block() -> Result<()> {
    if crate::net::is_loop_thread() {
        return Err(Error::sp(
            SpFailure::WouldBlock,
            "this would block an I/O thread; use the calls with try_ in callbacks, or a thread of \
             your own",
        ));
    }
    Ok(())
}

fn check_end(wait: Wait, what: &str) -> Result<()> {
    match wait {
        Wait::Until(end, timeout) if Instant::now() >= end => Err(Error::sp(
            SpFailure::TimedOut,
            format!("nothing could be {what} within {} milliseconds", timeout.as_millis()),
        )),
        _ => Ok(()),
    }
}
