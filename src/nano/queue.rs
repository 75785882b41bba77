//! Turns: which pipe is the next to send to, and which one the next to receive from.

use std::collections::VecDeque;

use super::message::Message;
use super::pattern::Refusal;
use super::pipes::{OVERHEAD, PipeKey, Pipes};
use crate::net::Body;

/// Pipes that take turns: those of the best priority among themselves, the others only when none of
/// them is there.
#[derive(Default)]
pub(crate) struct Rotation {
    /// The best priority, which is the lowest number, comes first.
    levels: Vec<(u8, VecDeque<PipeKey>)>,
}

impl Rotation {
    /// A pipe that accepts messages takes part.
    pub(crate) fn enter(&mut self, pipes: &Pipes, pipe: PipeKey) {
        if let Some(traits) = pipes.traits(pipe) {
            self.add(pipe, traits.send_priority);
        }
    }

    fn add(&mut self, key: PipeKey, priority: u8) {
        let place = self.levels.binary_search_by_key(&priority, |level| level.0);
        let place = place.unwrap_or_else(|place| {
            self.levels.insert(place, (priority, VecDeque::new()));
            place
        });
        self.levels[place].1.push_back(key);
    }

    pub(crate) fn remove(&mut self, key: PipeKey) {
        for (_, keys) in &mut self.levels {
            keys.retain(|other| *other != key);
        }
        self.levels.retain(|(_, keys)| !keys.is_empty());
    }

    fn level(&mut self) -> Option<&mut VecDeque<PipeKey>> {
        self.levels.iter_mut().map(|(_, keys)| keys).find(|keys| !keys.is_empty())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.levels.iter().all(|(_, keys)| keys.is_empty())
    }

    /// Whose turn it is.
    pub(crate) fn first(&mut self) -> Option<PipeKey> {
        self.level().and_then(|keys| keys.front().copied())
    }

    /// Gives a message to the one whose turn it is. Returns which one took it, if any.
    pub(crate) fn send(
        &mut self,
        pipes: &mut Pipes,
        header: &[u32],
        body: Body<'_>,
    ) -> Option<PipeKey> {
        while let Some(pipe) = self.first() {
            let taken = pipes.send(pipe, header, body);
            self.advance(taken == Some(true));
            if taken.is_some() {
                return Some(pipe);
            }
        }
        None
    }

    /// The first one had its turn, and takes part in the next round or not.
    pub(crate) fn advance(&mut self, stays: bool) {
        let Some(keys) = self.level() else { return };
        if keys.len() == 1 && stays {
            return;
        }
        if let Some(key) = keys.pop_front()
            && stays
        {
            keys.push_back(key);
        }
    }
}

/// Received messages, taken from one pipe after the other.
#[derive(Default)]
pub(crate) struct FairQueue {
    /// By the index of the pipe.
    queues: Vec<PipeQueue>,
    /// Pipes from which there is something, and nothing is in the way.
    turns: Rotation,
    /// What is left of pipes that are gone.
    left: VecDeque<Message>,
    left_bytes: usize,
}

/// As much as so many pipes may hold is kept of those that are gone. Otherwise who connects, sends
/// and leaves again and again would fill the memory of a socket that does not receive.
const LEFT_PIPES: usize = 64;

#[derive(Default)]
struct PipeQueue {
    messages: VecDeque<Message>,
    /// Whatever there is has to wait.
    held_back: bool,
}

impl FairQueue {
    fn queue(&mut self, pipe: PipeKey) -> &mut PipeQueue {
        if self.queues.len() <= pipe.index() {
            self.queues.resize_with(pipe.index() + 1, PipeQueue::default);
        }
        &mut self.queues[pipe.index()]
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, pipes: &mut Pipes, pipe: PipeKey, message: Message) {
        let Some(traits) = pipes.traits(pipe) else { return };
        pipes.hold(pipe, message.len());
        let queue = self.queue(pipe);
        let is_first = queue.messages.is_empty() && !queue.held_back;
        queue.messages.push_back(message);
        if is_first {
            self.turns.add(pipe, traits.receive_priority);
        }
    }

    /// The next message for the user.
    #[inline(always)]
    pub(crate) fn receive(&mut self, pipes: &mut Pipes) -> Result<Message, Refusal> {
        self.pop_as(pipes, |_, message| message).ok_or(Refusal::WouldBlock)
    }

    /// What is made of the next message, and of the pipe that it came from if that is still there.
    /// Made here, so that the message is moved only once.
    #[inline(always)]
    pub(crate) fn pop_as<R>(
        &mut self,
        pipes: &mut Pipes,
        make: impl FnOnce(Option<PipeKey>, Message) -> R,
    ) -> Option<R> {
        if let Some(message) = self.left.pop_front() {
            self.left_bytes -= message.len() + OVERHEAD;
            return Some(make(None, message));
        }
        let pipe = self.turns.first()?;
        let messages = &mut self.queues[pipe.index()].messages;
        let size = messages.front()?.len();
        let made = make(Some(pipe), messages.pop_front()?);
        self.turns.advance(!messages.is_empty());
        pipes.release(pipe, size);
        Some(made)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty() && self.turns.is_empty()
    }

    /// The messages of a pipe wait until [`FairQueue::go_on`].
    fn hold_back(&mut self, pipe: PipeKey) {
        if !std::mem::replace(&mut self.queue(pipe).held_back, true) {
            self.turns.remove(pipe);
        }
    }

    pub(crate) fn go_on(&mut self, pipes: &Pipes, pipe: PipeKey) {
        let queue = self.queue(pipe);
        if std::mem::replace(&mut queue.held_back, false)
            && !queue.messages.is_empty()
            && let Some(traits) = pipes.traits(pipe)
        {
            self.turns.add(pipe, traits.receive_priority);
        }
    }

    /// A pipe is gone. What came from it can still be received, as far as there is room.
    pub(crate) fn detach(&mut self, pipes: &mut Pipes, pipe: PipeKey) {
        let most_bytes = pipes.rules.receive_bytes.saturating_mul(LEFT_PIPES);
        let most_messages = pipes.rules.receive_messages.saturating_mul(LEFT_PIPES);
        for message in self.forget(pipe) {
            if self.left_bytes < most_bytes && self.left.len() < most_messages {
                self.left_bytes += message.len() + OVERHEAD;
                self.left.push_back(message);
            } else {
                pipes.dropped += 1;
            }
        }
    }

    /// Gives an answer to a pipe. One that does not read its answers is asked for no more questions.
    pub(crate) fn answer(
        &mut self,
        pipes: &mut Pipes,
        pipe: Option<PipeKey>,
        header: &[u32],
        body: Body<'_>,
    ) {
        match (pipe, pipe.and_then(|pipe| pipes.send(pipe, header, body))) {
            (Some(pipe), Some(false)) => self.hold_back(pipe),
            // It has taken some of them meanwhile.
            (Some(pipe), Some(true)) => self.go_on(pipes, pipe),
            (None, Some(_)) => {}
            (_, None) => pipes.dropped += 1,
        }
    }

    /// A pipe is gone, and what came from it is of no use.
    pub(crate) fn forget(&mut self, pipe: PipeKey) -> VecDeque<Message> {
        self.turns.remove(pipe);
        std::mem::take(self.queue(pipe)).messages
    }

    /// Keeps only some of the messages.
    pub(crate) fn retain(&mut self, pipes: &mut Pipes, keep: impl Fn(&Message) -> bool) {
        self.left.retain(&keep);
        self.left_bytes = self.left.iter().map(|message| message.len() + OVERHEAD).sum();
        for pipe in pipes.keys().collect::<Vec<_>>() {
            let messages = &mut self.queue(pipe).messages;
            let (mut kept, mut gone) = (VecDeque::new(), Vec::new());
            for message in messages.drain(..) {
                if keep(&message) {
                    kept.push_back(message);
                } else {
                    gone.push(message.len());
                }
            }
            let is_empty = kept.is_empty();
            *messages = kept;
            if is_empty {
                self.turns.remove(pipe);
            }
            gone.into_iter().for_each(|size| pipes.release(pipe, size));
        }
    }
}
