//! Pipes in memory, and a pattern with a clock of its own, for the tests of patterns.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::super::header::Header;
use super::super::message::Message;
use super::super::pattern::{ContextId, OWN, Parcel, Pattern, Refusal, Wake, pattern};
use super::super::pipe::Pipe;
use super::super::pipes::{PipeKey, Pipes, Rules, Traits};
use super::super::protocol::Protocol;
use crate::net::{Body, Flushes};

/// Keeps what was sent.
#[derive(Default)]
pub(crate) struct Kept {
    messages: Mutex<Vec<Message>>,
    is_full: AtomicBool,
    /// Takes nothing any more.
    pub(crate) ending: AtomicBool,
    pub(crate) paused: AtomicBool,
    pub(crate) resumes: AtomicUsize,
}

impl Kept {
    /// The next message is the last that is welcome.
    pub(crate) fn fill(&self) {
        self.is_full.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.messages.lock().unwrap())
    }
}

impl Pipe for Kept {
    fn send(&self, header: &[u32], body: Body<'_>, _: &mut Flushes) -> Option<bool> {
        if self.ending.load(Ordering::Relaxed) {
            return None;
        }
        let message = Message::with_header(Header::from(header), body);
        self.messages.lock().unwrap().push(message);
        Some(!self.is_full.load(Ordering::Relaxed))
    }

    fn pause(&self) {
        assert!(!self.paused.swap(true, Ordering::Relaxed));
    }

    fn resume(&self) {
        assert!(self.paused.swap(false, Ordering::Relaxed));
        self.resumes.fetch_add(1, Ordering::Relaxed);
    }

    fn close(&self, _linger: Duration) -> bool {
        false
    }
}

/// The texts that were sent, which are forgotten.
pub(crate) fn texts(kept: &Kept) -> Vec<String> {
    kept.take().iter().map(|message| message.to_text().into_owned()).collect()
}

pub(crate) const RULES: Rules = Rules {
    resend: Some(Duration::from_secs(60)),
    survey: Duration::from_secs(1),
    receive_bytes: 1000,
    receive_messages: 100,
};

/// A pattern, its pipes, and the time.
pub(crate) struct Bench {
    pub(crate) pattern: Box<dyn Pattern>,
    pub(crate) pipes: Pipes,
    pub(crate) now: Instant,
}

impl Bench {
    pub(crate) fn new(protocol: Protocol) -> Bench {
        Bench::of(pattern(protocol, false, 7))
    }

    pub(crate) fn raw(protocol: Protocol) -> Bench {
        Bench::of(pattern(protocol, true, 7))
    }

    fn of(pattern: Box<dyn Pattern>) -> Bench {
        Bench { pattern, pipes: Pipes::new(RULES, 500), now: Instant::now() }
    }

    pub(crate) fn try_attach(&mut self) -> Option<(PipeKey, Arc<Kept>)> {
        self.attach_with(8)
    }

    pub(crate) fn attach_with(&mut self, priority: u8) -> Option<(PipeKey, Arc<Kept>)> {
        let kept = Arc::new(Kept::default());
        let traits = Traits { endpoint: 1, send_priority: priority, receive_priority: priority };
        let key = self.pipes.insert(Arc::clone(&kept) as Arc<dyn Pipe>, traits);
        if self.pattern.attach(&mut self.pipes, key, self.now) {
            return Some((key, kept));
        }
        self.pipes.remove(key);
        None
    }

    pub(crate) fn attach(&mut self) -> (PipeKey, Arc<Kept>) {
        self.try_attach().expect("the pattern has a place for it")
    }

    pub(crate) fn detach(&mut self, pipe: PipeKey) {
        self.pipes.remove(pipe);
        self.pattern.detach(&mut self.pipes, pipe, self.now);
    }

    /// A full pipe has room again.
    pub(crate) fn writable(&mut self, pipe: PipeKey, kept: &Kept) {
        kept.is_full.store(false, Ordering::Relaxed);
        if self.pipes.set_accepts(pipe) {
            self.pattern.writable(&mut self.pipes, pipe, self.now);
        }
    }

    pub(crate) fn received(&mut self, pipe: PipeKey, text: &str) -> Wake {
        self.received_with(pipe, &[], text)
    }

    pub(crate) fn received_with(&mut self, pipe: PipeKey, header: &[u32], text: &str) -> Wake {
        let mut message = Message::from(text);
        message.set_header(header);
        self.pattern.received(&mut self.pipes, pipe, message, self.now)
    }

    pub(crate) fn send(&mut self, text: &str) -> Result<(), Refusal> {
        self.send_as(OWN, text)
    }

    pub(crate) fn send_as(&mut self, context: ContextId, text: &str) -> Result<(), Refusal> {
        let parcel = Parcel { header: &[], body: Body::Copied(text.as_bytes()) };
        self.pattern.send(&mut self.pipes, context, parcel, self.now)
    }

    pub(crate) fn send_with(&mut self, header: &[u32], text: &str) -> Result<(), Refusal> {
        let parcel = Parcel { header, body: Body::Copied(text.as_bytes()) };
        self.pattern.send(&mut self.pipes, OWN, parcel, self.now)
    }

    pub(crate) fn receive(&mut self) -> Result<String, Refusal> {
        self.receive_as(OWN)
    }

    pub(crate) fn receive_as(&mut self, context: ContextId) -> Result<String, Refusal> {
        let message = self.pattern.receive(&mut self.pipes, context, self.now)?;
        Ok(message.to_text().into_owned())
    }

    pub(crate) fn receive_message(&mut self) -> Result<Message, Refusal> {
        self.pattern.receive(&mut self.pipes, OWN, self.now)
    }

    pub(crate) fn receive_all(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.receive().ok()).collect()
    }

    pub(crate) fn can_send(&self) -> bool {
        self.pattern.can_send(&self.pipes)
    }

    pub(crate) fn pass(&mut self, time: Duration) -> Vec<ContextId> {
        self.now += time;
        match self.pattern.deadline() {
            Some(deadline) if deadline <= self.now => {
                self.pattern.expire(&mut self.pipes, self.now)
            }
            _ => Vec::new(),
        }
    }
}
