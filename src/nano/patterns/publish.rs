//! Publish and subscribe: to everybody who wants to hear it.

use std::time::Instant;

use super::super::message::Message;
use super::super::pattern::{ContextId, Parcel, Pattern, Refusal, Wake};
use super::super::pipes::{PipeKey, Pipes};
use super::super::queue::FairQueue;
use super::fan_out::send_to_all;
use super::topics::Topics;
use crate::error::{Error, Result};

/// The sending end. Never waits: who has no room misses the message.
#[derive(Default)]
pub(crate) struct Publishing {
    subscribers: Vec<PipeKey>,
}

impl Pattern for Publishing {
    fn attach(&mut self, _pipes: &mut Pipes, pipe: PipeKey, _now: Instant) -> bool {
        self.subscribers.push(pipe);
        true
    }

    fn detach(&mut self, _pipes: &mut Pipes, pipe: PipeKey, _now: Instant) {
        self.subscribers.retain(|other| *other != pipe);
    }

    fn received(&mut self, pipes: &mut Pipes, _: PipeKey, _: Message, _: Instant) -> Wake {
        pipes.dropped += 1;
        Wake::Nobody
    }

    fn send(
        &mut self,
        pipes: &mut Pipes,
        _context: ContextId,
        parcel: Parcel<'_>,
        _now: Instant,
    ) -> Result<(), Refusal> {
        send_to_all(pipes, &self.subscribers, None, &[], parcel.body);
        Ok(())
    }

    fn receive(&mut self, _: &mut Pipes, _: ContextId, _: Instant) -> Result<Message, Refusal> {
        Err(Refusal::PublishersSend)
    }

    fn can_send(&self, _pipes: &Pipes) -> bool {
        true
    }

    fn can_receive(&self, _context: ContextId, _now: Instant) -> bool {
        false
    }
}

/// The receiving end. Keeps what begins with one of its topics.
pub(crate) struct Subscribing {
    /// Without topics it takes everything, to pass it on.
    raw: bool,
    topics: Topics,
    inbox: FairQueue,
}

impl Subscribing {
    pub(crate) fn new(raw: bool) -> Subscribing {
        Subscribing { raw, topics: Topics::default(), inbox: FairQueue::default() }
    }

    fn wants(&self, message: &[u8]) -> bool {
        self.topics.matches(message) || (self.raw && self.topics.is_empty())
    }
}

impl Pattern for Subscribing {
    fn attach(&mut self, _pipes: &mut Pipes, _pipe: PipeKey, _now: Instant) -> bool {
        true
    }

    fn detach(&mut self, pipes: &mut Pipes, pipe: PipeKey, _now: Instant) {
        self.inbox.detach(pipes, pipe);
    }

    fn received(
        &mut self,
        pipes: &mut Pipes,
        pipe: PipeKey,
        message: Message,
        _now: Instant,
    ) -> Wake {
        if !self.wants(&message) {
            return Wake::Nobody;
        }
        self.inbox.push(pipes, pipe, message);
        Wake::Anybody
    }

    fn send(
        &mut self,
        _: &mut Pipes,
        _: ContextId,
        _: Parcel<'_>,
        _: Instant,
    ) -> Result<(), Refusal> {
        Err(Refusal::SubscribersReceive)
    }

    fn receive(
        &mut self,
        pipes: &mut Pipes,
        _context: ContextId,
        _now: Instant,
    ) -> Result<Message, Refusal> {
        self.inbox.receive(pipes)
    }

    fn can_send(&self, _pipes: &Pipes) -> bool {
        false
    }

    fn can_receive(&self, _context: ContextId, _now: Instant) -> bool {
        !self.inbox.is_empty()
    }

    fn subscribe(&mut self, topic: &[u8]) -> Result<()> {
        self.topics.add(topic);
        Ok(())
    }

    fn unsubscribe(&mut self, pipes: &mut Pipes, topic: &[u8]) -> Result<()> {
        if !self.topics.remove(topic) {
            return Err(Error::argument(format!(
                "there is no subscription to {:?}; unsubscribe from what was subscribed to",
                String::from_utf8_lossy(topic)
            )));
        }
        let Subscribing { raw, topics, inbox } = self;
        if !(*raw && topics.is_empty()) {
            inbox.retain(pipes, |message| topics.matches(message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::protocol::Protocol;
    use super::super::support::{Bench, texts};
    use super::*;

    #[test]
    fn every_subscriber_gets_it_and_nobody_is_waited_for() {
        let mut bench = Bench::new(Protocol::Publisher);
        bench.send("to nobody").unwrap();
        let (_, to_a) = bench.attach();
        let (b, to_b) = bench.attach();
        to_b.fill();
        for text in ["1", "2"] {
            bench.send(text).unwrap();
        }
        assert_eq!((texts(&to_a).len(), texts(&to_b).len()), (2, 1));
        assert_eq!(bench.pipes.dropped, 1, "what a pipe missed is counted");
        bench.detach(b);
        bench.send("3").unwrap();
        assert_eq!(texts(&to_a), ["3"]);
        assert!(matches!(bench.receive(), Err(Refusal::PublishersSend)));
    }

    #[test]
    fn large_messages_are_shared_by_the_pipes() {
        let mut bench = Bench::new(Protocol::Publisher);
        let (_, to_a) = bench.attach();
        let (_, to_b) = bench.attach();
        bench.send(&"x".repeat(5000)).unwrap();
        let (a, b) = (to_a.take(), to_b.take());
        assert_eq!(a[0].len(), 5000);
        assert_eq!(a[0].as_ptr(), b[0].as_ptr());
    }

    #[test]
    fn subscribers_filter_what_they_receive() {
        let mut bench = Bench::new(Protocol::Subscriber);
        let (peer, _) = bench.attach();
        assert_eq!(bench.received(peer, "before any subscription"), Wake::Nobody);
        bench.pattern.subscribe(b"Hello").unwrap();
        assert_eq!(bench.received(peer, "Hello, World!"), Wake::Anybody);
        bench.received(peer, "Goodbye");
        assert_eq!(bench.receive_all(), ["Hello, World!"]);
        assert_eq!(bench.pipes.dropped, 0, "what nobody wants is not lost");
        bench.received(peer, "Hello again");
        bench.pattern.subscribe(b"G").unwrap();
        bench.received(peer, "Good day");
        bench.pattern.unsubscribe(&mut bench.pipes, b"Hello").unwrap();
        assert_eq!(bench.receive_all(), ["Good day"], "what waits is filtered too");
        let error = bench.pattern.unsubscribe(&mut bench.pipes, b"Hello").unwrap_err();
        assert!(error.message().contains("no subscription"), "{error}");
        assert!(matches!(bench.send("no"), Err(Refusal::SubscribersReceive)));
    }

    #[test]
    fn a_raw_subscriber_without_topics_takes_everything() {
        let mut bench = Bench::raw(Protocol::Subscriber);
        let (peer, _) = bench.attach();
        bench.received(peer, "anything");
        assert_eq!(bench.receive_all(), ["anything"]);
        bench.pattern.subscribe(b"a").unwrap();
        bench.received(peer, "b");
        assert!(bench.receive_all().is_empty());
    }

    #[test]
    fn only_subscribers_have_topics() {
        let mut bench = Bench::new(Protocol::Pair);
        let error = bench.pattern.subscribe(b"a").unwrap_err();
        assert_eq!(error.code(), crate::error::SpFailure::NotSupported as i32);
        assert!(bench.pattern.unsubscribe(&mut bench.pipes, b"a").is_err());
    }
}
