//! Survey: a question to everybody, and answers until a deadline.

use std::collections::VecDeque;
use std::time::Instant;

use super::super::message::Message;
use super::super::pattern::{ContextId, Parcel, Pattern, Refusal, Wake};
use super::super::pipes::{PipeKey, Pipes};
use super::contexts::{Contexts, Questions};
use super::fan_out::send_to_all;

/// Surveys, one at a time in each context.
pub(crate) struct Surveying {
    respondents: Vec<PipeKey>,
    contexts: Contexts<Survey>,
    questions: Questions,
    /// No deadline comes before this.
    earliest: Option<Instant>,
}

#[derive(Default)]
struct Survey {
    /// While its end was not told.
    open: Option<Open>,
    answers: VecDeque<(PipeKey, Message)>,
}

struct Open {
    id: u32,
    deadline: Instant,
    /// The receiver was told that the deadline has passed, and has to come and see.
    woken: bool,
}

impl Surveying {
    pub(crate) fn new(first_id: u32) -> Surveying {
        Surveying {
            respondents: Vec::new(),
            contexts: Contexts::new(),
            questions: Questions::new(first_id),
            earliest: None,
        }
    }

    /// The survey of a context is over, with the answers that nobody has received.
    fn give_up(&mut self, pipes: &mut Pipes, context: ContextId) {
        let Survey { open, answers } = std::mem::take(self.contexts.get_mut(context));
        if let Some(open) = open {
            self.questions.close(open.id);
        }
        for (pipe, message) in answers {
            pipes.release(pipe, message.len());
        }
    }
}

impl Pattern for Surveying {
    fn attach(&mut self, _pipes: &mut Pipes, pipe: PipeKey, _now: Instant) -> bool {
        self.respondents.push(pipe);
        true
    }

    fn detach(&mut self, _pipes: &mut Pipes, pipe: PipeKey, _now: Instant) {
        self.respondents.retain(|other| *other != pipe);
    }

    fn received(
        &mut self,
        pipes: &mut Pipes,
        pipe: PipeKey,
        message: Message,
        now: Instant,
    ) -> Wake {
        let context = match message.header() {
            [id] => self.questions.get(*id),
            _ => None,
        };
        if let Some(context) = context {
            let survey = self.contexts.get_mut(context);
            if survey.open.as_ref().is_some_and(|open| now < open.deadline) {
                let mut message = message;
                message.take_header();
                pipes.hold(pipe, message.len());
                survey.answers.push_back((pipe, message));
                return Wake::Context(context);
            }
        }
        pipes.dropped += 1;
        Wake::Nobody
    }

    fn send(
        &mut self,
        pipes: &mut Pipes,
        context: ContextId,
        parcel: Parcel<'_>,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.give_up(pipes, context);
        let id = self.questions.open(context);
        let deadline = now + pipes.rules.survey;
        self.contexts.get_mut(context).open = Some(Open { id, deadline, woken: false });
        self.earliest = self.earliest.into_iter().chain([deadline]).min();
        send_to_all(pipes, &self.respondents, None, &[id], parcel.body);
        Ok(())
    }

    fn receive(
        &mut self,
        pipes: &mut Pipes,
        context: ContextId,
        now: Instant,
    ) -> Result<Message, Refusal> {
        let survey = self.contexts.get_mut(context);
        if let Some((pipe, message)) = survey.answers.pop_front() {
            pipes.release(pipe, message.len());
            return Ok(message);
        }
        let Some(open) = &survey.open else {
            return Err(Refusal::NoSurvey);
        };
        if now < open.deadline {
            return Err(Refusal::WouldBlock);
        }
        self.questions.close(open.id);
        survey.open = None;
        Err(Refusal::TimedOut)
    }

    fn can_send(&self, _pipes: &Pipes) -> bool {
        true
    }

    fn can_receive(&self, context: ContextId, now: Instant) -> bool {
        self.contexts.get(context).is_some_and(|survey| {
            !survey.answers.is_empty()
                || survey.open.as_ref().is_some_and(|open| open.deadline <= now)
        })
    }

    fn open_context(&mut self) -> Option<ContextId> {
        Some(self.contexts.open())
    }

    fn close_context(&mut self, pipes: &mut Pipes, context: ContextId) {
        self.give_up(pipes, context);
        self.contexts.close(context);
    }

    fn receive_deadline(&self, context: ContextId) -> Option<Instant> {
        Some(self.contexts.get(context)?.open.as_ref()?.deadline)
    }

    fn deadline(&self) -> Option<Instant> {
        self.earliest
    }

    fn expire(&mut self, _pipes: &mut Pipes, now: Instant) -> Vec<ContextId> {
        let mut over = Vec::new();
        self.earliest = None;
        for (context, survey) in self.contexts.iter_mut() {
            match &mut survey.open {
                Some(open) if open.deadline > now => {
                    self.earliest = self.earliest.into_iter().chain([open.deadline]).min();
                }
                Some(open) if !open.woken => {
                    open.woken = true;
                    over.push(context);
                }
                _ => {}
            }
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::header::QUESTION;
    use super::super::super::pattern::OWN;
    use super::super::super::protocol::Protocol;
    use super::super::support::{Bench, Kept};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn asked(kept: &Kept) -> u32 {
        let sent = kept.take();
        assert_eq!(sent.len(), 1, "{sent:?}");
        let [id] = sent[0].header() else { panic!("{sent:?}") };
        *id
    }

    #[test]
    fn everybody_is_asked_and_may_answer() {
        let mut bench = Bench::new(Protocol::Surveyor);
        assert!(matches!(bench.receive(), Err(Refusal::NoSurvey)));
        let (a, to_a) = bench.attach();
        let (b, to_b) = bench.attach();
        bench.send("who is there?").unwrap();
        let id = asked(&to_a);
        assert_eq!(asked(&to_b), id);
        assert_eq!(bench.receive(), Err(Refusal::WouldBlock));
        assert_eq!(bench.received_with(b, &[id], "b"), Wake::Context(OWN));
        bench.received_with(a, &[id], "a");
        assert_eq!(bench.receive().unwrap(), "b");
        assert_eq!(bench.receive().unwrap(), "a");
        assert_eq!(bench.receive(), Err(Refusal::WouldBlock));
    }

    #[test]
    fn the_end_is_told_once() {
        let mut bench = Bench::new(Protocol::Surveyor);
        let (a, to_a) = bench.attach();
        bench.send("question").unwrap();
        let id = asked(&to_a);
        bench.received_with(a, &[id], "in time");
        assert_eq!(bench.pass(SECOND), [OWN]);
        assert_eq!(bench.pass(SECOND), [0; 0]);
        assert_eq!(bench.received_with(a, &[id], "late"), Wake::Nobody);
        assert!(bench.pattern.can_receive(OWN, bench.now));
        assert_eq!(bench.receive().unwrap(), "in time");
        assert_eq!(bench.receive(), Err(Refusal::TimedOut));
        assert!(matches!(bench.receive(), Err(Refusal::NoSurvey)));
        assert_eq!(bench.pipes.dropped, 1);
        assert!(!bench.pattern.can_receive(OWN, bench.now));
    }

    #[test]
    fn a_deadline_needs_nobody_to_watch_it() {
        let mut bench = Bench::new(Protocol::Surveyor);
        let (a, to_a) = bench.attach();
        bench.send("question").unwrap();
        let id = asked(&to_a);
        assert_eq!(bench.pattern.receive_deadline(OWN), Some(bench.now + SECOND));
        bench.now += SECOND;
        assert_eq!(bench.received_with(a, &[id], "late"), Wake::Nobody);
        assert_eq!(bench.receive(), Err(Refusal::TimedOut));
    }

    #[test]
    fn a_new_survey_drops_late_answers_of_the_old_one() {
        let mut bench = Bench::new(Protocol::Surveyor);
        let (a, to_a) = bench.attach();
        bench.send("old").unwrap();
        let old = asked(&to_a);
        bench.received_with(a, &[old], "never received");
        bench.send("new").unwrap();
        let new = asked(&to_a);
        assert_ne!(old, new);
        bench.received_with(a, &[old], "to the old one");
        bench.received_with(a, &[new, QUESTION | 5], "no header of ours");
        bench.received_with(a, &[], "no header");
        assert_eq!(bench.receive(), Err(Refusal::WouldBlock));
        bench.received_with(a, &[new], "to the new one");
        assert_eq!(bench.receive().unwrap(), "to the new one");
        assert_eq!(bench.pipes.dropped, 3);
    }

    #[test]
    fn answers_of_a_respondent_that_is_gone_count() {
        let mut bench = Bench::new(Protocol::Surveyor);
        let (a, to_a) = bench.attach();
        bench.send("question").unwrap();
        let id = asked(&to_a);
        bench.received_with(a, &[id], "my last words");
        bench.detach(a);
        assert_eq!(bench.receive().unwrap(), "my last words");
    }

    #[test]
    fn too_many_answers_pause_their_pipe() {
        let mut bench = Bench::new(Protocol::Surveyor);
        let (a, to_a) = bench.attach();
        bench.send("question").unwrap();
        let id = asked(&to_a);
        for _ in 0..100 {
            bench.received_with(a, &[id], "");
        }
        assert!(bench.pipes.is_paused(a));
        bench.send("the next one").unwrap();
        assert!(!bench.pipes.is_paused(a), "with the survey its answers went");
    }

    #[test]
    fn contexts_have_surveys_of_their_own() {
        let mut bench = Bench::new(Protocol::Surveyor);
        let (a, to_a) = bench.attach();
        let one = bench.pattern.open_context().unwrap();
        bench.send_as(one, "one").unwrap();
        bench.now += SECOND / 2;
        bench.send("own").unwrap();
        let ids: Vec<_> = to_a.take().iter().map(|message| message.header()[0]).collect();
        bench.received_with(a, &[ids[1]], "own");
        assert_eq!(bench.received_with(a, &[ids[0]], "one"), Wake::Context(one));
        assert_eq!(bench.receive().unwrap(), "own");
        assert_eq!(bench.receive_as(one).unwrap(), "one");
        assert_eq!(bench.pass(SECOND / 2), [one]);
        assert_eq!(bench.receive_as(one), Err(Refusal::TimedOut));
        assert_eq!(bench.receive(), Err(Refusal::WouldBlock));
        bench.pattern.close_context(&mut bench.pipes, one);
        assert_eq!(bench.pass(SECOND / 2), [OWN]);
    }
}
