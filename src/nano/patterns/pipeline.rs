//! Push and pull: a stream of work, shared out among many.

use std::time::Instant;

use super::super::message::Message;
use super::super::pattern::{ContextId, Parcel, Pattern, Refusal, Wake};
use super::super::pipes::{PipeKey, Pipes};
use super::super::queue::{FairQueue, Rotation};

/// The sending end: one message to one pipe, to those that accept it in turn.
#[derive(Default)]
pub(crate) struct Pushing {
    ready: Rotation,
}

impl Pattern for Pushing {
    fn attach(&mut self, pipes: &mut Pipes, pipe: PipeKey, _now: Instant) -> bool {
        self.ready.enter(pipes, pipe);
        true
    }

    fn detach(&mut self, _pipes: &mut Pipes, pipe: PipeKey, _now: Instant) {
        self.ready.remove(pipe);
    }

    fn writable(&mut self, pipes: &mut Pipes, pipe: PipeKey, _now: Instant) {
        self.ready.enter(pipes, pipe);
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
        self.ready.send(pipes, &[], parcel.body).map(drop).ok_or(Refusal::WouldBlock)
    }

    fn receive(&mut self, _: &mut Pipes, _: ContextId, _: Instant) -> Result<Message, Refusal> {
        Err(Refusal::PushesOnly)
    }

    fn can_send(&self, _pipes: &Pipes) -> bool {
        !self.ready.is_empty()
    }

    fn can_receive(&self, _context: ContextId, _now: Instant) -> bool {
        false
    }
}

/// The receiving end: from all pipes in turn.
#[derive(Default)]
pub(crate) struct Pulling {
    inbox: FairQueue,
}

impl Pattern for Pulling {
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
        Err(Refusal::PullsOnly)
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
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::super::protocol::Protocol;
    use super::super::support::{Bench, texts};
    use super::*;

    #[test]
    fn work_is_shared_out_among_those_that_accept_it() {
        let mut bench = Bench::new(Protocol::Push);
        assert_eq!(bench.send("nobody"), Err(Refusal::WouldBlock));
        let (a, to_a) = bench.attach();
        let (_, to_b) = bench.attach();
        for number in 0..4 {
            bench.send(&number.to_string()).unwrap();
        }
        assert_eq!(
            (texts(&to_a), texts(&to_b)),
            (vec!["0".into(), "2".into()], vec!["1".into(), "3".into()])
        );
        to_a.fill();
        for number in 4..8 {
            bench.send(&number.to_string()).unwrap();
        }
        assert_eq!(texts(&to_a), ["4"]);
        assert_eq!(texts(&to_b), ["5", "6", "7"]);
        to_b.fill();
        bench.send("8").unwrap();
        assert_eq!(bench.send("9"), Err(Refusal::WouldBlock));
        assert_eq!(texts(&to_b), ["8"]);
        bench.writable(a, &to_a);
        bench.send("9").unwrap();
        assert_eq!(texts(&to_a), ["9"]);
        bench.detach(a);
        assert_eq!(bench.send("10"), Err(Refusal::WouldBlock));
    }

    #[test]
    fn a_pipe_that_is_about_to_end_loses_nothing() {
        let mut bench = Bench::new(Protocol::Push);
        let (_, to_a) = bench.attach();
        let (_, to_b) = bench.attach();
        to_a.ending.store(true, Ordering::Relaxed);
        bench.send("1").unwrap();
        bench.send("2").unwrap();
        assert_eq!(texts(&to_b), ["1", "2"], "the other one takes it");
        to_b.ending.store(true, Ordering::Relaxed);
        assert_eq!(bench.send("3"), Err(Refusal::WouldBlock));
    }

    #[test]
    fn better_priorities_come_first() {
        let mut bench = Bench::new(Protocol::Push);
        let (_, far) = bench.attach_with(9).unwrap();
        let (near, to_near) = bench.attach_with(1).unwrap();
        bench.send("1").unwrap();
        to_near.fill();
        bench.send("2").unwrap();
        bench.send("3").unwrap();
        assert_eq!(texts(&to_near), ["1", "2"]);
        assert_eq!(texts(&far), ["3"]);
        bench.writable(near, &to_near);
        bench.send("4").unwrap();
        assert_eq!(texts(&to_near), ["4"]);
    }

    #[test]
    fn all_pipes_are_received_from_in_turn() {
        let mut bench = Bench::new(Protocol::Pull);
        let (a, _) = bench.attach();
        let (b, _) = bench.attach();
        for text in ["a1", "a2", "a3"] {
            assert_eq!(bench.received(a, text), Wake::Anybody);
        }
        bench.received(b, "b1");
        assert_eq!(bench.receive_all(), ["a1", "b1", "a2", "a3"]);
    }

    #[test]
    fn a_pipe_with_too_much_is_paused_until_half_of_it_is_gone() {
        let mut bench = Bench::new(Protocol::Pull);
        let (a, kept_a) = bench.attach();
        let (b, kept_b) = bench.attach();
        let text = "x".repeat(92);
        for _ in 0..9 {
            bench.received(a, &text);
        }
        assert!(!kept_a.paused.load(Ordering::Relaxed));
        bench.received(a, &text);
        bench.received(a, "what was on its way is not lost");
        assert!(kept_a.paused.load(Ordering::Relaxed));
        bench.received(b, "b");
        assert!(!kept_b.paused.load(Ordering::Relaxed), "each pipe has its own limit");
        for _ in 0..6 {
            bench.receive().unwrap();
        }
        assert!(kept_a.paused.load(Ordering::Relaxed));
        bench.receive().unwrap();
        assert!(!kept_a.paused.load(Ordering::Relaxed));
        assert_eq!(bench.receive_all().len(), 5);
        for _ in 0..99 {
            bench.received(b, "");
        }
        assert!(!kept_b.paused.load(Ordering::Relaxed));
        bench.received(b, "");
        assert!(kept_b.paused.load(Ordering::Relaxed), "messages count too");
    }

    #[test]
    fn who_comes_sends_and_leaves_again_and_again_fills_no_memory() {
        let mut bench = Bench::new(Protocol::Pull);
        let text = "x".repeat(92);
        for _ in 0..1000 {
            let (pipe, _) = bench.attach();
            bench.received(pipe, &text);
            bench.detach(pipe);
        }
        assert_eq!((bench.receive_all().len(), bench.pipes.dropped), (640, 360));
        let (pipe, _) = bench.attach();
        bench.received(pipe, "there is room again");
        bench.detach(pipe);
        assert_eq!(bench.receive_all(), ["there is room again"]);
    }

    #[test]
    fn each_end_only_does_its_part() {
        let mut push = Bench::new(Protocol::Push);
        let (peer, _) = push.attach();
        assert!(matches!(push.receive(), Err(Refusal::PushesOnly)));
        assert_eq!(push.received(peer, "what a push socket never gets"), Wake::Nobody);
        assert_eq!(push.pipes.dropped, 1);
        let mut pull = Bench::new(Protocol::Pull);
        pull.attach();
        assert!(matches!(pull.send("no"), Err(Refusal::PullsOnly)));
    }
}
