//! Raw sockets of the patterns with questions: they keep no state, and show the headers that the
//! others keep to themselves, so that a device can pass messages on.

use std::time::Instant;

use super::super::header::{Header, QUESTION};
use super::super::message::Message;
use super::super::pattern::{ContextId, Parcel, Pattern, Refusal, Wake};
use super::super::pipes::{PipeKey, Pipes};
use super::super::queue::{FairQueue, Rotation};
use super::fan_out::send_to_all;

pub(crate) struct Forwarding {
    direction: Direction,
    inbox: FairQueue,
}

enum Direction {
    /// Sends questions to one pipe after the other.
    ToOne(Rotation),
    /// Sends questions to all pipes.
    ToAll(Vec<PipeKey>),
    /// Sends answers to the pipe that the header begins with.
    Back,
}

impl Forwarding {
    pub(crate) fn questions_to_one() -> Forwarding {
        Forwarding::new(Direction::ToOne(Rotation::default()))
    }

    pub(crate) fn questions_to_all() -> Forwarding {
        Forwarding::new(Direction::ToAll(Vec::new()))
    }

    pub(crate) fn answers() -> Forwarding {
        Forwarding::new(Direction::Back)
    }

    fn new(direction: Direction) -> Forwarding {
        Forwarding { direction, inbox: FairQueue::default() }
    }
}

/// Whether a header leads to a question.
fn is_whole(header: &[u32]) -> bool {
    matches!(header.split_last(), Some((last, hops))
        if last & QUESTION != 0 && hops.iter().all(|hop| hop & QUESTION == 0))
}

impl Pattern for Forwarding {
    fn attach(&mut self, pipes: &mut Pipes, pipe: PipeKey, now: Instant) -> bool {
        match &mut self.direction {
            Direction::ToAll(targets) => targets.push(pipe),
            _ => self.writable(pipes, pipe, now),
        }
        true
    }

    fn detach(&mut self, pipes: &mut Pipes, pipe: PipeKey, _now: Instant) {
        match &mut self.direction {
            Direction::ToOne(ready) => ready.remove(pipe),
            Direction::ToAll(targets) => targets.retain(|other| *other != pipe),
            Direction::Back => {
                // Nobody waits for the answers any more.
                pipes.dropped += self.inbox.forget(pipe).len() as u64;
                return;
            }
        }
        self.inbox.detach(pipes, pipe);
    }

    fn writable(&mut self, pipes: &mut Pipes, pipe: PipeKey, _now: Instant) {
        match &mut self.direction {
            Direction::ToOne(ready) => ready.enter(pipes, pipe),
            Direction::ToAll(_) => {}
            Direction::Back => self.inbox.go_on(pipes, pipe),
        }
    }

    fn received(
        &mut self,
        pipes: &mut Pipes,
        pipe: PipeKey,
        message: Message,
        _now: Instant,
    ) -> Wake {
        let mut message = message;
        if matches!(self.direction, Direction::Back) {
            let Some(word) = pipes.word(pipe) else { return Wake::Nobody };
            let header = Header::behind(word, message.header());
            message.set_header(header.as_slice());
        }
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
        if !is_whole(parcel.header) {
            return Err(Refusal::NoHeader);
        }
        match &mut self.direction {
            Direction::ToOne(ready) => {
                ready.send(pipes, parcel.header, parcel.body).ok_or(Refusal::WouldBlock)?;
            }
            Direction::ToAll(targets) => {
                send_to_all(pipes, targets, None, parcel.header, parcel.body);
            }
            Direction::Back => {
                let (word, rest) = parcel.header.split_first().unwrap_or((&QUESTION, &[]));
                let pipe = pipes.by_word(*word);
                self.inbox.answer(pipes, pipe, rest, parcel.body);
            }
        }
        Ok(())
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
        match &self.direction {
            Direction::ToOne(ready) => !ready.is_empty(),
            Direction::ToAll(_) | Direction::Back => true,
        }
    }

    fn can_receive(&self, _context: ContextId, _now: Instant) -> bool {
        !self.inbox.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::protocol::Protocol;
    use super::super::support::Bench;
    use super::*;

    const ID: u32 = QUESTION | 9;

    #[test]
    fn a_question_and_its_answer_go_through_a_device() {
        for (front, back) in
            [(Protocol::Reply, Protocol::Request), (Protocol::Respondent, Protocol::Surveyor)]
        {
            let (mut front, mut back) = (Bench::raw(front), Bench::raw(back));
            let (asker, to_asker) = front.attach();
            let (_, to_other) = front.attach();
            let (answerer, to_answerer) = back.attach();
            front.received_with(asker, &[77, ID], "question");
            let question = front.receive_message().unwrap();
            let word = front.pipes.word(asker).unwrap();
            assert_eq!(question.header(), [word, 77, ID]);
            back.send_with(question.header(), "question").unwrap();
            let sent = to_answerer.take();
            assert_eq!(sent[0].header(), [word, 77, ID], "one hop more");
            back.received_with(answerer, sent[0].header(), "answer");
            let answer = back.receive_message().unwrap();
            front.send_with(answer.header(), "answer").unwrap();
            let sent = to_asker.take();
            assert_eq!(sent[0].header(), [77, ID], "the hop is gone again");
            assert!(to_other.take().is_empty());
        }
    }

    #[test]
    fn questions_go_to_one_or_to_all() {
        let mut request = Bench::raw(Protocol::Request);
        assert_eq!(request.send_with(&[ID], "nobody"), Err(Refusal::WouldBlock));
        let (_, to_a) = request.attach();
        let (_, to_b) = request.attach();
        for _ in 0..2 {
            request.send_with(&[ID], "question").unwrap();
        }
        assert_eq!((to_a.take().len(), to_b.take().len()), (1, 1));
        let mut surveyor = Bench::raw(Protocol::Surveyor);
        surveyor.send_with(&[ID], "nobody is there, and that is no error").unwrap();
        let (_, to_a) = surveyor.attach();
        let (_, to_b) = surveyor.attach();
        surveyor.send_with(&[ID], "question").unwrap();
        assert_eq!((to_a.take().len(), to_b.take().len()), (1, 1));
    }

    #[test]
    fn answers_to_nobody_are_dropped() {
        let mut bench = Bench::raw(Protocol::Reply);
        let (pipe, sent) = bench.attach();
        bench.send_with(&[12345, ID], "unknown pipe").unwrap();
        assert!(sent.take().is_empty());
        let word = bench.pipes.word(pipe).unwrap();
        bench.detach(pipe);
        bench.send_with(&[word, ID], "it is gone").unwrap();
        assert_eq!(bench.pipes.dropped, 2);
    }

    #[test]
    fn headers_have_to_be_whole() {
        let mut bench = Bench::raw(Protocol::Reply);
        bench.attach();
        for header in [&[][..], &[1], &[1, 2], &[ID, ID], &[ID, 1]] {
            let refused = bench.send_with(header, "text");
            assert!(matches!(refused, Err(Refusal::NoHeader)), "{header:?}: {refused:?}");
        }
    }
}
