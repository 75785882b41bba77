//! Request: a question to one of those who answer, again and again until the answer comes.

use std::collections::VecDeque;
use std::time::Instant;

use super::super::header::Header;
use super::super::message::Message;
use super::super::pattern::{ContextId, Parcel, Pattern, Refusal, Wake};
use super::super::pipes::{PipeKey, Pipes};
use super::super::queue::Rotation;
use super::contexts::{Contexts, Questions};

/// Requests, one at a time in each context.
pub(crate) struct Asking {
    contexts: Contexts<Exchange>,
    questions: Questions,
    ready: Rotation,
    /// Requests that no pipe accepts for now, by their ids.
    unsent: VecDeque<u32>,
    /// Nothing is to be sent again before this.
    earliest: Option<Instant>,
}

#[derive(Default)]
enum Exchange {
    #[default]
    Idle,
    Asked(Question),
    Answered(Message),
}

struct Question {
    id: u32,
    message: Message,
    sent_to: Option<PipeKey>,
    resend_at: Option<Instant>,
}

impl Asking {
    pub(crate) fn new(first_id: u32) -> Asking {
        Asking {
            contexts: Contexts::new(),
            questions: Questions::new(first_id),
            ready: Rotation::default(),
            unsent: VecDeque::new(),
            earliest: None,
        }
    }

    /// Whatever the context has asked is over.
    fn give_up(&mut self, context: ContextId) {
        let exchange = std::mem::take(self.contexts.get_mut(context));
        if let Exchange::Asked(question) = exchange {
            self.questions.close(question.id);
            if question.sent_to.is_none() {
                self.unsent.retain(|id| *id != question.id);
            }
        }
    }

    /// Sends a question to the next pipe, or lets it wait for one.
    fn dispatch(&mut self, pipes: &mut Pipes, id: u32, now: Instant) {
        let Some(context) = self.questions.get(id) else { return };
        let Exchange::Asked(question) = self.contexts.get_mut(context) else { return };
        question.resend_at = None;
        question.sent_to = self.ready.send(pipes, &[id], question.message.body());
        if question.sent_to.is_none() {
            self.unsent.push_back(id);
            return;
        }
        question.resend_at = pipes.rules.resend.and_then(|resend| now.checked_add(resend));
        self.earliest = self.earliest.into_iter().chain(question.resend_at).min();
    }

    /// Sends what has waited.
    fn dispatch_unsent(&mut self, pipes: &mut Pipes, now: Instant) {
        while !self.ready.is_empty()
            && let Some(id) = self.unsent.pop_front()
        {
            self.dispatch(pipes, id, now);
        }
    }

    /// Sends again the questions that it holds for.
    fn dispatch_if(&mut self, pipes: &mut Pipes, now: Instant, holds: impl Fn(&Question) -> bool) {
        let again: Vec<_> = self
            .contexts
            .iter()
            .filter_map(|(_, exchange)| match exchange {
                Exchange::Asked(question) if holds(question) => Some(question.id),
                _ => None,
            })
            .collect();
        for id in again {
            self.dispatch(pipes, id, now);
        }
    }
}

impl Pattern for Asking {
    fn attach(&mut self, pipes: &mut Pipes, pipe: PipeKey, now: Instant) -> bool {
        self.writable(pipes, pipe, now);
        true
    }

    fn detach(&mut self, pipes: &mut Pipes, pipe: PipeKey, now: Instant) {
        self.ready.remove(pipe);
        // Who was asked has not answered and never will.
        self.dispatch_if(pipes, now, |question| question.sent_to == Some(pipe));
    }

    fn writable(&mut self, pipes: &mut Pipes, pipe: PipeKey, now: Instant) {
        self.ready.enter(pipes, pipe);
        self.dispatch_unsent(pipes, now);
    }

    fn received(
        &mut self,
        pipes: &mut Pipes,
        _pipe: PipeKey,
        message: Message,
        _now: Instant,
    ) -> Wake {
        let context = match message.header() {
            [id] => self.questions.close(*id),
            _ => None,
        };
        // An answer to nothing, to what is given up, or once more.
        let Some(context) = context else {
            pipes.dropped += 1;
            return Wake::Nobody;
        };
        let mut message = message;
        message.take_header();
        *self.contexts.get_mut(context) = Exchange::Answered(message);
        Wake::Context(context)
    }

    fn send(
        &mut self,
        pipes: &mut Pipes,
        context: ContextId,
        parcel: Parcel<'_>,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.give_up(context);
        let id = self.questions.open(context);
        let message = Message::with_header(Header::new(), parcel.body);
        let question = Question { id, message, sent_to: None, resend_at: None };
        *self.contexts.get_mut(context) = Exchange::Asked(question);
        self.dispatch(pipes, id, now);
        Ok(())
    }

    fn receive(
        &mut self,
        _pipes: &mut Pipes,
        context: ContextId,
        _now: Instant,
    ) -> Result<Message, Refusal> {
        let exchange = self.contexts.get_mut(context);
        match exchange {
            Exchange::Idle => Err(Refusal::NothingAsked),
            Exchange::Asked(_) => Err(Refusal::WouldBlock),
            Exchange::Answered(message) => {
                let message = std::mem::take(message);
                *exchange = Exchange::Idle;
                Ok(message)
            }
        }
    }

    fn can_send(&self, _pipes: &Pipes) -> bool {
        true
    }

    fn can_receive(&self, context: ContextId, _now: Instant) -> bool {
        matches!(self.contexts.get(context), Some(Exchange::Answered(_)))
    }

    fn open_context(&mut self) -> Option<ContextId> {
        Some(self.contexts.open())
    }

    fn close_context(&mut self, _pipes: &mut Pipes, context: ContextId) {
        self.give_up(context);
        self.contexts.close(context);
    }

    fn deadline(&self) -> Option<Instant> {
        self.earliest
    }

    fn expire(&mut self, pipes: &mut Pipes, now: Instant) -> Vec<ContextId> {
        self.dispatch_if(pipes, now, |question| question.resend_at.is_some_and(|at| at <= now));
        self.earliest = self
            .contexts
            .iter()
            .filter_map(|(_, exchange)| match exchange {
                Exchange::Asked(question) => question.resend_at,
                _ => None,
            })
            .min();
        Vec::new()
    }

    fn unsent(&self) -> usize {
        self.unsent.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::header::QUESTION;
    use super::super::super::pattern::OWN;
    use super::super::super::protocol::Protocol;
    use super::super::support::{Bench, Kept, texts};
    use super::*;

    /// The id of the only question that was sent.
    fn asked(kept: &Kept, text: &str) -> u32 {
        let sent = kept.take();
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert_eq!(sent[0].as_str(), Some(text));
        let [id] = sent[0].header() else { panic!("{sent:?}") };
        assert!(id & QUESTION != 0);
        *id
    }

    #[test]
    fn a_request_waits_inside_until_somebody_is_there() {
        let mut bench = Bench::new(Protocol::Request);
        assert!(matches!(bench.receive(), Err(Refusal::NothingAsked)));
        bench.send("question").unwrap();
        assert_eq!(bench.pattern.unsent(), 1);
        assert_eq!(bench.receive(), Err(Refusal::WouldBlock));
        let (peer, sent) = bench.attach();
        let id = asked(&sent, "question");
        assert_eq!(bench.pattern.unsent(), 0);
        assert_eq!(bench.received_with(peer, &[id], "answer"), Wake::Context(OWN));
        assert_eq!(bench.receive().unwrap(), "answer");
        assert!(matches!(bench.receive(), Err(Refusal::NothingAsked)));
    }

    #[test]
    fn a_new_request_cancels_the_old_one() {
        let mut bench = Bench::new(Protocol::Request);
        let (peer, sent) = bench.attach();
        bench.send("old").unwrap();
        let old = asked(&sent, "old");
        bench.send("new").unwrap();
        let new = asked(&sent, "new");
        assert_ne!(old, new);
        assert_eq!(bench.received_with(peer, &[old], "too late"), Wake::Nobody);
        assert_eq!(bench.receive(), Err(Refusal::WouldBlock));
        bench.received_with(peer, &[new], "in time");
        assert_eq!(bench.receive().unwrap(), "in time");
        assert_eq!(bench.pipes.dropped, 1);
    }

    #[test]
    fn wrong_and_repeated_answers_are_dropped() {
        let mut bench = Bench::new(Protocol::Request);
        let (peer, sent) = bench.attach();
        bench.send("question").unwrap();
        let id = asked(&sent, "question");
        bench.received_with(peer, &[id ^ 1], "unknown id");
        bench.received_with(peer, &[5, id], "a hop that is none of ours");
        bench.received_with(peer, &[], "no id");
        assert_eq!(bench.receive(), Err(Refusal::WouldBlock));
        assert_eq!(bench.received_with(peer, &[id], "answer"), Wake::Context(OWN));
        assert_eq!(bench.received_with(peer, &[id], "once more"), Wake::Nobody);
        assert_eq!(bench.receive().unwrap(), "answer");
        assert!(matches!(bench.receive(), Err(Refusal::NothingAsked)));
        assert_eq!(bench.pipes.dropped, 4);
    }

    #[test]
    fn a_request_is_sent_again_after_a_while() {
        let mut bench = Bench::new(Protocol::Request);
        let (_, to_a) = bench.attach();
        let (b, to_b) = bench.attach();
        bench.send("question").unwrap();
        let id = asked(&to_a, "question");
        bench.pass(Duration::from_secs(59));
        assert!(to_a.take().is_empty() && to_b.take().is_empty());
        bench.pass(Duration::from_secs(1));
        assert_eq!(asked(&to_b, "question"), id, "the other one has its turn");
        bench.received_with(b, &[id], "answer");
        assert_eq!(bench.receive().unwrap(), "answer");
        bench.pass(Duration::from_secs(60));
        assert!(to_a.take().is_empty() && to_b.take().is_empty(), "nobody waits for it");
        assert_eq!(bench.pattern.deadline(), None);
    }

    #[test]
    fn a_request_to_somebody_who_is_gone_is_sent_again_at_once() {
        let mut bench = Bench::new(Protocol::Request);
        let (a, to_a) = bench.attach();
        bench.send("question").unwrap();
        let id = asked(&to_a, "question");
        bench.detach(a);
        assert_eq!(bench.pattern.unsent(), 1);
        let (b, to_b) = bench.attach();
        assert_eq!(asked(&to_b, "question"), id);
        bench.received_with(b, &[id], "answer");
        assert_eq!(bench.receive().unwrap(), "answer");
        bench.detach(b);
        bench.attach();
        assert_eq!(bench.pattern.unsent(), 0);
    }

    #[test]
    fn without_an_interval_nothing_is_sent_again() {
        let mut bench = Bench::new(Protocol::Request);
        bench.pipes.rules.resend = None;
        let (_, sent) = bench.attach();
        bench.send("question").unwrap();
        assert_eq!(bench.pattern.deadline(), None);
        assert_eq!(texts(&sent).len(), 1);
    }

    #[test]
    fn contexts_ask_at_the_same_time() {
        let mut bench = Bench::new(Protocol::Request);
        let (peer, sent) = bench.attach();
        let contexts: Vec<_> = (0..5).map(|_| bench.pattern.open_context().unwrap()).collect();
        for context in &contexts {
            bench.send_as(*context, &context.to_string()).unwrap();
        }
        let questions = sent.take();
        assert_eq!(questions.len(), 5);
        for question in questions.iter().rev() {
            let text = question.as_str().unwrap();
            let woken = bench.received_with(peer, question.header(), text);
            assert_eq!(woken, Wake::Context(text.parse().unwrap()));
        }
        for context in &contexts {
            assert_eq!(bench.receive_as(*context).unwrap(), context.to_string());
        }
        bench.send_as(contexts[0], "given up").unwrap();
        let id = asked(&sent, "given up");
        bench.pattern.close_context(&mut bench.pipes, contexts[0]);
        assert_eq!(bench.received_with(peer, &[id], "too late"), Wake::Nobody);
        assert_eq!(bench.pattern.open_context(), Some(contexts[0]), "its place is used again");
        assert!(matches!(bench.receive_as(contexts[0]), Err(Refusal::NothingAsked)));
    }

    #[test]
    fn requests_that_are_given_up_take_no_memory() {
        let mut bench = Bench::new(Protocol::Request);
        for _ in 0..1000 {
            bench.send("nobody is there").unwrap();
        }
        assert_eq!(bench.pattern.unsent(), 1);
        let (_, sent) = bench.attach();
        asked(&sent, "nobody is there");
    }
}
