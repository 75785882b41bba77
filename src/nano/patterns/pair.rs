//! Pair: one to one.

use std::time::Instant;

use super::super::message::Message;
use super::super::pattern::{ContextId, Parcel, Pattern, Refusal, Wake};
use super::super::pipes::{PipeKey, Pipes};
use super::super::queue::FairQueue;

#[derive(Default)]
pub(crate) struct Pair {
    peer: Option<PipeKey>,
    inbox: FairQueue,
}

impl Pattern for Pair {
    fn attach(&mut self, _pipes: &mut Pipes, pipe: PipeKey, _now: Instant) -> bool {
        let is_free = self.peer.is_none();
        if is_free {
            self.peer = Some(pipe);
        }
        is_free
    }

    fn detach(&mut self, pipes: &mut Pipes, pipe: PipeKey, _now: Instant) {
        if self.peer == Some(pipe) {
            self.peer = None;
        }
        self.inbox.detach(pipes, pipe);
    }

    fn received(
        &mut self,
        pipes: &mut Pipes,
        pipe: PipeKey,
        message: Message,
        _now: Instant,
    ) -> Wake {
        self.inbox.push(pipes, pipe, message);
        Wake::Anybody
    }

    fn send(
        &mut self,
        pipes: &mut Pipes,
        _context: ContextId,
        parcel: Parcel<'_>,
        _now: Instant,
    ) -> Result<(), Refusal> {
        let peer = self.peer.filter(|peer| pipes.accepts(*peer)).ok_or(Refusal::WouldBlock)?;
        pipes.send(peer, &[], parcel.body).map(drop).ok_or(Refusal::WouldBlock)
    }

    fn receive(
        &mut self,
        pipes: &mut Pipes,
        _context: ContextId,
        _now: Instant,
    ) -> Result<Message, Refusal> {
        self.inbox.receive(pipes)
    }

    fn can_send(&self, pipes: &Pipes) -> bool {
        self.peer.is_some_and(|peer| pipes.accepts(peer))
    }

    fn can_receive(&self, _context: ContextId, _now: Instant) -> bool {
        !self.inbox.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::protocol::Protocol;
    use super::super::support::{Bench, texts};
    use super::*;

    #[test]
    fn a_pair_has_one_peer() {
        let mut bench = Bench::new(Protocol::Pair);
        assert_eq!(bench.send("nobody is there"), Err(Refusal::WouldBlock));
        let (first, sent) = bench.attach();
        assert!(bench.try_attach().is_none(), "a second one has no place");
        bench.send("hello").unwrap();
        assert_eq!(texts(&sent), ["hello"]);
        bench.detach(first);
        assert_eq!(bench.send("gone"), Err(Refusal::WouldBlock));
        let (_, sent) = bench.attach();
        bench.send("the next one").unwrap();
        assert_eq!(texts(&sent), ["the next one"]);
    }

    #[test]
    fn a_peer_that_has_enough_is_waited_for() {
        let mut bench = Bench::new(Protocol::Pair);
        let (peer, sent) = bench.attach();
        sent.fill();
        bench.send("one more than it has room for").unwrap();
        assert_eq!(bench.send("two"), Err(Refusal::WouldBlock));
        assert!(!bench.can_send());
        bench.writable(peer, &sent);
        bench.send("two").unwrap();
        assert_eq!(texts(&sent), ["one more than it has room for", "two"]);
    }

    #[test]
    fn what_came_from_a_peer_stays_when_that_is_gone() {
        let mut bench = Bench::new(Protocol::Pair);
        let (peer, _) = bench.attach();
        bench.received(peer, "one");
        bench.received(peer, "two");
        bench.detach(peer);
        let (next, _) = bench.attach();
        bench.received(next, "three");
        assert_eq!(bench.receive_all(), ["one", "two", "three"]);
        assert_eq!(bench.receive(), Err(Refusal::WouldBlock));
    }
}
