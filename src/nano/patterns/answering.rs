//! Reply and respondent: answers to whoever has asked.

use std::time::Instant;

use super::super::header::Header;
use super::super::message::Message;
use super::super::pattern::{ContextId, Parcel, Pattern, Refusal, Wake};
use super::super::pipes::{PipeKey, Pipes};
use super::super::queue::FairQueue;
use super::contexts::Contexts;

/// Takes questions, and sends answers back the way that the questions came. Each context answers
/// one at a time.
pub(crate) struct Answering {
    /// Why an answer is refused to which there is no question.
    nothing_to_answer: Refusal,
    contexts: Contexts<Option<Origin>>,
    inbox: FairQueue,
}

/// Where a question came from.
struct Origin {
    pipe: Option<PipeKey>,
    header: Header,
}

impl Answering {
    pub(crate) fn new(nothing_to_answer: Refusal) -> Answering {
        Answering { nothing_to_answer, contexts: Contexts::new(), inbox: FairQueue::default() }
    }
}

impl Pattern for Answering {
    fn attach(&mut self, _pipes: &mut Pipes, _pipe: PipeKey, _now: Instant) -> bool {
        true
    }

    fn detach(&mut self, pipes: &mut Pipes, pipe: PipeKey, _now: Instant) {
        // Nobody waits for the answers any more.
        pipes.dropped += self.inbox.forget(pipe).len() as u64;
    }

    fn writable(&mut self, pipes: &mut Pipes, pipe: PipeKey, _now: Instant) {
        self.inbox.go_on(pipes, pipe);
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
        context: ContextId,
        parcel: Parcel<'_>,
        _now: Instant,
    ) -> Result<(), Refusal> {
        let Some(origin) = self.contexts.get_mut(context).take() else {
            return Err(self.nothing_to_answer);
        };
        self.inbox.answer(pipes, origin.pipe, origin.header.as_slice(), parcel.body);
        Ok(())
    }

    fn receive(
        &mut self,
        pipes: &mut Pipes,
        context: ContextId,
        _now: Instant,
    ) -> Result<Message, Refusal> {
        let Answering { contexts, inbox, .. } = self;
        let message = inbox.pop_as(pipes, |pipe, mut message| {
            let header = message.take_header();
            *contexts.get_mut(context) = Some(Origin { pipe, header });
            message
        });
        message.ok_or(Refusal::WouldBlock)
    }

    fn can_send(&self, _pipes: &Pipes) -> bool {
        self.contexts.get(0).is_some_and(Option::is_some)
    }

    fn can_receive(&self, _context: ContextId, _now: Instant) -> bool {
        !self.inbox.is_empty()
    }

    fn open_context(&mut self) -> Option<ContextId> {
        Some(self.contexts.open())
    }

    fn close_context(&mut self, _pipes: &mut Pipes, context: ContextId) {
        self.contexts.close(context);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::super::header::QUESTION;
    use super::super::super::pattern::OWN;
    use super::super::super::protocol::Protocol;
    use super::super::support::Bench;
    use super::*;

    #[test]
    fn an_answer_goes_where_the_question_came_from() {
        for (protocol, refusal) in [
            (Protocol::Reply, Refusal::NoRequestToAnswer),
            (Protocol::Respondent, Refusal::NoSurveyToAnswer),
        ] {
            let mut bench = Bench::new(protocol);
            let (a, to_a) = bench.attach();
            let (b, to_b) = bench.attach();
            assert_eq!(bench.send("no question"), Err(refusal));
            bench.received_with(a, &[QUESTION | 1], "from a");
            bench.received_with(b, &[3, 4, QUESTION | 1], "from b");
            assert_eq!(bench.receive().unwrap(), "from a");
            bench.send("to a").unwrap();
            assert_eq!(bench.send("twice"), Err(refusal));
            assert_eq!(bench.receive().unwrap(), "from b");
            bench.send("to b").unwrap();
            let (sent_a, sent_b) = (to_a.take(), to_b.take());
            assert_eq!((sent_a.len(), sent_b.len()), (1, 1));
            assert_eq!(sent_a[0].header(), [QUESTION | 1]);
            assert_eq!(sent_b[0].header(), [3, 4, QUESTION | 1], "the way back is kept");
            assert_eq!(sent_b[0].as_str(), Some("to b"));
        }
    }

    #[test]
    fn a_receive_gives_up_the_question_before() {
        let mut bench = Bench::new(Protocol::Reply);
        let (peer, sent) = bench.attach();
        bench.received_with(peer, &[QUESTION | 1], "one");
        bench.received_with(peer, &[QUESTION | 2], "two");
        bench.receive().unwrap();
        bench.receive().unwrap();
        bench.send("answer").unwrap();
        assert_eq!(sent.take()[0].header(), [QUESTION | 2]);
        assert!(!bench.can_send());
    }

    #[test]
    fn answers_to_somebody_who_is_gone_are_dropped() {
        let mut bench = Bench::new(Protocol::Reply);
        let (peer, _) = bench.attach();
        bench.received_with(peer, &[QUESTION | 1], "question");
        bench.received_with(peer, &[QUESTION | 2], "never received");
        bench.receive().unwrap();
        bench.detach(peer);
        let (_, to_next) = bench.attach();
        bench.send("to nobody").unwrap();
        assert!(to_next.take().is_empty(), "the one at the same place is another one");
        assert_eq!(bench.receive(), Err(Refusal::WouldBlock));
        assert_eq!(bench.pipes.dropped, 2);
    }

    #[test]
    fn contexts_answer_in_any_order() {
        let mut bench = Bench::new(Protocol::Reply);
        let (peer, sent) = bench.attach();
        let (one, two) =
            (bench.pattern.open_context().unwrap(), bench.pattern.open_context().unwrap());
        bench.received_with(peer, &[QUESTION | 1], "1");
        bench.received_with(peer, &[QUESTION | 2], "2");
        assert_eq!(bench.receive_as(one).unwrap(), "1");
        assert_eq!(bench.receive_as(two).unwrap(), "2");
        bench.send_as(two, "answer 2").unwrap();
        bench.send_as(one, "answer 1").unwrap();
        let headers: Vec<_> = sent.take().iter().map(|message| message.header()[0]).collect();
        assert_eq!(headers, [QUESTION | 2, QUESTION | 1]);
    }

    #[test]
    fn who_does_not_read_answers_is_asked_for_no_more_questions() {
        let mut bench = Bench::new(Protocol::Reply);
        let (slow, to_slow) = bench.attach();
        let (quick, to_quick) = bench.attach();
        for id in 1..=3 {
            bench.received_with(slow, &[QUESTION | id], "slow");
            bench.received_with(quick, &[QUESTION | id], "quick");
        }
        to_slow.fill();
        let mut order = Vec::new();
        while let Ok(text) = bench.receive() {
            order.push(text);
            bench.send("answer").unwrap();
        }
        assert_eq!(order, ["slow", "quick", "quick", "quick"]);
        assert!(!bench.pattern.can_receive(OWN, bench.now));
        bench.writable(slow, &to_slow);
        while bench.receive().is_ok() {
            bench.send("answer").unwrap();
        }
        assert_eq!((to_slow.take().len(), to_quick.take().len()), (3, 3), "and nothing was lost");
        assert!(!to_slow.paused.load(Ordering::Relaxed));
    }
}
