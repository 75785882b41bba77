//! The pipes of a socket, and how much each of them may hold.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::pipe::Pipe;
use crate::net::{AtOnce, Body, Flushes};

/// What one message counts beside its body: what is in front of it on the wire.
pub(crate) const OVERHEAD: usize = 8;

/// Ids of pipes on the wire have the top bit clear.
const WORDS: u32 = 0x7fff_ffff;

/// Names a pipe of a socket, and never another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PipeKey {
    index: u32,
    generation: u32,
}

impl PipeKey {
    pub(crate) fn index(self) -> usize {
        self.index as usize
    }
}

/// What patterns have to know of the options.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// After how long a request is sent again, if ever.
    pub(crate) resend: Option<Duration>,
    /// How long answers to a survey are taken.
    pub(crate) survey: Duration,
    /// Received bytes that wait in one pipe for the user.
    pub(crate) receive_bytes: usize,
    /// The same in messages.
    pub(crate) receive_messages: usize,
}

/// What a pipe is, as it was told at its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Of the endpoint that made it.
    pub(crate) endpoint: u32,
    /// Lower is better.
    pub(crate) send_priority: u8,
    pub(crate) receive_priority: u8,
}

struct Entry {
    pipe: Arc<dyn Pipe>,
    traits: Traits,
    word: u32,
    accepts: bool,
    paused: bool,
    held_bytes: usize,
    held_messages: usize,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    entry: Option<Entry>,
}

pub(crate) struct Pipes {
    pub(crate) rules: Rules,
    /// Messages that a pattern had no use for, or that a pipe had no room for.
    pub(crate) dropped: u64,
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_word: HashMap<u32, PipeKey>,
    next_word: u32,
    /// Pipes to be attended when the lock of the socket is given back.
    attended: Attended,
}

/// What is to be done when the lock of the socket is given back: loops are told of what was sent,
/// and pipes to peers in this process are attended. There is mostly one, which needs no list.
#[derive(Default)]
pub(crate) struct Attended {
    flushes: Flushes,
    first: Option<Arc<dyn Pipe>>,
    more: Vec<Arc<dyn Pipe>>,
}

impl Attended {
    fn push(&mut self, pipe: &Arc<dyn Pipe>) {
        if !pipe.needs_attention() {
            return;
        }
        match &self.first {
            None => self.first = Some(Arc::clone(pipe)),
            Some(first) if Arc::ptr_eq(first, pipe) => {}
            Some(_) => self.more.push(Arc::clone(pipe)),
        }
    }

    /// To be called without a lock.
    #[inline(always)]
    pub(crate) fn attend(mut self) {
        self.flushes.tell();
        if let Some(first) = self.first {
            attend_all(first, self.more);
        }
    }
}

/// Attends pipes, and those that have to be attended in consequence, one after the other: each may
/// let a peer go on, which lets this side go on, so that calls within calls would have no end.
fn attend_all(first: Arc<dyn Pipe>, mut more: Vec<Arc<dyn Pipe>>) {
    thread_local! {
        /// What is left to this thread, while it is at it. At its end there is no list any more.
        static LEFT: RefCell<Option<VecDeque<Arc<dyn Pipe>>>> = const { RefCell::new(None) };
    }
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            let _ = LEFT.try_with(RefCell::take);
        }
    }
    let next = || LEFT.try_with(|left| left.borrow_mut().as_mut()?.pop_front()).ok().flatten();
    let is_within = LEFT.try_with(|left| match &mut *left.borrow_mut() {
        Some(left) => {
            left.push_back(Arc::clone(&first));
            left.extend(more.drain(..));
            true
        }
        left => {
            *left = Some(VecDeque::new());
            false
        }
    });
    if is_within == Ok(true) {
        return;
    }
    let _end = End;
    first.attend();
    more.into_iter().for_each(|pipe| pipe.attend());
    while let Some(pipe) = next() {
        pipe.attend();
    }
}

impl Pipes {
    /// `first_word` is where the ids of pipes begin, best at random.
    pub(crate) fn new(rules: Rules, first_word: u32) -> Pipes {
        Pipes {
            rules,
            dropped: 0,
            slots: Vec::new(),
            free: Vec::new(),
            by_word: HashMap::new(),
            next_word: first_word & WORDS,
            attended: Attended::default(),
        }
    }

    pub(crate) fn insert(&mut self, pipe: Arc<dyn Pipe>, traits: Traits) -> PipeKey {
        while self.by_word.contains_key(&self.next_word) {
            self.next_word = (self.next_word + 1) & WORDS;
        }
        let word = self.next_word;
        self.next_word = (word + 1) & WORDS;
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.entry = Some(Entry {
            pipe,
            traits,
            word,
            accepts: true,
            paused: false,
            held_bytes: 0,
            held_messages: 0,
        });
        let key = PipeKey { index, generation: slot.generation };
        self.by_word.insert(word, key);
        key
    }

    pub(crate) fn remove(&mut self, key: PipeKey) -> Option<Traits> {
        let slot = self.slots.get_mut(key.index())?;
        let entry = slot.entry.take_if(|_| slot.generation == key.generation)?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.index);
        self.by_word.remove(&entry.word);
        Some(entry.traits)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = PipeKey> {
        let slots = self.slots.iter().enumerate().filter(|(_, slot)| slot.entry.is_some());
        slots.map(|(index, slot)| PipeKey { index: index as u32, generation: slot.generation })
    }

    fn entry(&self, key: PipeKey) -> Option<&Entry> {
        let slot = self.slots.get(key.index())?;
        slot.entry.as_ref().filter(|_| slot.generation == key.generation)
    }

    fn entry_mut(&mut self, key: PipeKey) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(key.index())?;
        slot.entry.as_mut().filter(|_| slot.generation == key.generation)
    }

    pub(crate) fn traits(&self, key: PipeKey) -> Option<Traits> {
        self.entry(key).map(|entry| entry.traits)
    }

    /// The id of a pipe on the wire.
    pub(crate) fn word(&self, key: PipeKey) -> Option<u32> {
        self.entry(key).map(|entry| entry.word)
    }

    pub(crate) fn by_word(&self, word: u32) -> Option<PipeKey> {
        self.by_word.get(&word).copied()
    }

    pub(crate) fn accepts(&self, key: PipeKey) -> bool {
        self.entry(key).is_some_and(|entry| entry.accepts)
    }

    /// A pipe has room again. Whether it had none.
    pub(crate) fn set_accepts(&mut self, key: PipeKey) -> bool {
        self.entry_mut(key).is_some_and(|entry| !std::mem::replace(&mut entry.accepts, true))
    }

    /// Gives a message to a pipe, also if that has enough for now. Returns whether it takes another
    /// one, `None` when it is gone or about to be and has not taken this one.
    pub(crate) fn send(&mut self, key: PipeKey, header: &[u32], body: Body<'_>) -> Option<bool> {
        let slot = self.slots.get_mut(key.index())?;
        let entry = slot.entry.as_mut().filter(|_| slot.generation == key.generation)?;
        let taken = entry.pipe.send(header, body, &mut self.attended.flushes);
        entry.accepts = taken == Some(true);
        self.attended.push(&entry.pipe);
        taken
    }

    /// Whether what is sent until the lock is given back leaves at once, as far as it can.
    pub(crate) fn send_at_once(&mut self, at_once: AtOnce) {
        self.attended.flushes.set_at_once(at_once);
    }

    /// A message of this pipe waits for the user. A pipe with too many of them is paused.
    pub(crate) fn hold(&mut self, key: PipeKey, size: usize) {
        let rules = self.rules;
        let Some(entry) = self.entry_mut(key) else { return };
        entry.held_bytes += size + OVERHEAD;
        entry.held_messages += 1;
        let is_full = entry.held_bytes >= rules.receive_bytes
            || entry.held_messages >= rules.receive_messages;
        if is_full && !entry.paused {
            entry.paused = true;
            entry.pipe.pause();
        }
    }

    /// The user has taken a message. A paused pipe goes on when half of them are gone.
    pub(crate) fn release(&mut self, key: PipeKey, size: usize) {
        let rules = self.rules;
        let Some(slot) = self.slots.get_mut(key.index()) else { return };
        let Some(entry) = slot.entry.as_mut().filter(|_| slot.generation == key.generation) else {
            return;
        };
        entry.held_bytes -= size + OVERHEAD;
        entry.held_messages -= 1;
        if entry.paused
            && entry.held_bytes <= rules.receive_bytes / 2
            && entry.held_messages <= rules.receive_messages / 2
        {
            entry.paused = false;
            entry.pipe.resume();
            self.attended.push(&entry.pipe);
        }
    }

    /// What a pipe may hold more until it is paused, in bytes and messages. `None` when it is, or is
    /// gone.
    pub(crate) fn room(&self, key: PipeKey) -> Option<(usize, usize)> {
        let entry = self.entry(key).filter(|entry| !entry.paused)?;
        let bytes = self.rules.receive_bytes.saturating_sub(entry.held_bytes);
        let messages = self.rules.receive_messages.saturating_sub(entry.held_messages);
        Some((bytes.max(1), messages.max(1)))
    }

    /// A pipe has something to tell its peer.
    pub(crate) fn attend(&mut self, key: PipeKey) {
        if let Some(slot) = self.slots.get(key.index())
            && let Some(entry) = &slot.entry
            && slot.generation == key.generation
        {
            self.attended.push(&entry.pipe);
        }
    }

    #[cfg(test)]
    pub(crate) fn is_paused(&self, key: PipeKey) -> bool {
        self.entry(key).is_some_and(|entry| entry.paused)
    }

    /// Ends a connection. Returns whether it goes on for a while to deliver what was sent.
    pub(crate) fn close(&mut self, key: PipeKey, linger: Duration) -> Option<bool> {
        let slot = self.slots.get(key.index())?;
        let entry = slot.entry.as_ref().filter(|_| slot.generation == key.generation)?;
        let goes_on = entry.pipe.close(linger);
        self.attended.push(&entry.pipe);
        Some(goes_on)
    }

    /// Whether a pipe has something to tell its peer.
    pub(crate) fn has_attended(&self) -> bool {
        self.attended.first.is_some()
    }

    /// What somebody has to look after without the lock, if there is anything.
    #[inline(always)]
    pub(crate) fn take_attended(&mut self) -> Option<Attended> {
        let is_idle = self.attended.first.is_none() && self.attended.flushes.is_idle();
        (!is_idle).then(|| std::mem::take(&mut self.attended))
    }
}
