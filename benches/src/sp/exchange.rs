//! What Rust programs do, apart from the library that they do it with.

use super::Job;
use crate::histogram::Histogram;
use crate::sys;

/// The first byte of a message.
pub(super) const WORK: u8 = 0;
/// For who is not known to be there.
pub(super) const HELLO: u8 = 1;
/// Of any size; all bytes are looked at.
pub(super) const CHECK: u8 = 2;
/// The last one of a window. Behind it is the number of messages that its socket should have had.
pub(super) const MARK: u8 = 3;

/// Messages that are pushed between two looks at the clock.
const PUSHES_PER_LOOK: u64 = 16;

/// A message of this kind and size.
pub(super) fn compose(kind: u8, size: usize) -> Vec<u8> {
    let mut message: Vec<u8> = (0..size).map(|index| check_byte(index, size)).collect();
    message[0] = kind;
    message
}

fn check_byte(index: usize, size: usize) -> u8 {
    (index * 31 + size) as u8
}

fn mark(message: &mut [u8], count: u64) {
    message[0] = MARK;
    message[1..9].copy_from_slice(&count.to_le_bytes());
}

/// Says what is wrong, and ends the program.
pub fn fail(what: impl std::fmt::Display) -> ! {
    eprintln!("{what}");
    std::process::exit(1)
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More answers to the same question.
    Wait,
    /// The question once more.
    Ask,
    /// Nothing: the time is over.
    Done,
}

/// The same question again and again.
pub struct Questions {
    question: Vec<u8>,
    receivers: usize,
    until: u64,
    asked: u64,
    answers: usize,
    /// Answers to questions that all have answered.
    pub(super) done: u64,
    pub(super) latencies: Histogram,
}

impl Questions {
    pub(super) fn new(question: Vec<u8>, receivers: usize, until: u64) -> Self {
        Questions {
            question,
            receivers,
            until,
            asked: sys::now(),
            answers: 0,
            done: 0,
            latencies: Histogram::new(),
        }
    }

    /// What to ask.
    pub fn question(&self) -> &[u8] {
        &self.question
    }

    /// An answer came.
    pub fn answered(&mut self, answer: &[u8]) -> Next {
        if answer != self.question {
            fail("a wrong answer");
        }
        self.answers += 1;
        if self.answers < self.receivers {
            return Next::Wait;
        }
        let now = sys::now();
        self.latencies.record(now - self.asked, 1);
        self.asked = now;
        self.answers = 0;
        self.done += self.receivers as u64;
        if now < self.until { Next::Ask } else { Next::Done }
    }
}

/// The same message to who pulls, as fast as it goes.
pub struct Pushes {
    message: Vec<u8>,
    until: u64,
    pub(super) sent: u64,
}

impl Pushes {
    /// `sent` is how many there were before.
    pub(super) fn new(message: Vec<u8>, sent: u64, until: u64) -> Self {
        Pushes { message, until, sent }
    }

    /// What to send.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// It was sent. Whether there is another one.
    pub fn pushed(&mut self) -> bool {
        self.sent += 1;
        if self.message[0] == MARK {
            return false;
        }
        if self.sent.is_multiple_of(PUSHES_PER_LOOK) && sys::now() >= self.until {
            mark(&mut self.message, self.sent + 1);
        }
        true
    }
}

/// One window of a publisher.
pub(super) fn publish_window(
    message: &mut [u8],
    window: usize,
    sent: &mut u64,
    send: &mut impl FnMut(&[u8]),
) {
    message[0] = WORK;
    for _ in 1..window {
        send(message);
    }
    *sent += window as u64;
    mark(message, *sent);
    send(message);
}

/// What an answering socket has had.
#[derive(Default)]
pub struct Receiver {
    count: u64,
    greeted: bool,
}

impl Receiver {
    /// A message came. Whether it is to be sent back. `credit` tells the other side that all is
    /// well up to here.
    pub fn arrived(&mut self, job: &Job, message: &[u8], credit: impl Fn()) -> bool {
        match message.first() {
            Some(&HELLO) => {
                if !std::mem::replace(&mut self.greeted, true) {
                    credit();
                }
                return false;
            }
            _ if job.pattern.asks() => return true,
            Some(&CHECK) => {
                if message != compose(CHECK, message.len()) {
                    fail("a message has changed");
                }
                credit();
                return false;
            }
            _ => {}
        }
        if message.len() != job.size {
            fail("a message of another size");
        }
        self.count += 1;
        if message[0] == MARK {
            if message[1..9] != self.count.to_le_bytes() {
                fail("messages were lost");
            }
            credit();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sp::Load;
    use std::cell::Cell;

    #[test]
    fn questions_end_with_the_time_and_count_the_answers_of_all() {
        let mut questions = Questions::new(vec![1, 2, 3], 3, sys::now() + 3_600_000_000_000);
        let mut answer = || questions.answered(&[1, 2, 3]);
        assert_eq!([answer(), answer(), answer()], [Next::Wait, Next::Wait, Next::Ask]);
        questions.until = 0;
        let mut answer = || questions.answered(&[1, 2, 3]);
        assert_eq!([answer(), answer(), answer()], [Next::Wait, Next::Wait, Next::Done]);
        assert_eq!((questions.done, questions.latencies.total()), (6, 2));
    }

    #[test]
    fn what_is_pushed_ends_with_a_mark_that_has_the_number() {
        let job = Load::Push.job(String::new());
        let mut pushes = Pushes::new(compose(WORK, 32), 0, 0);
        let (mut receiver, credits) = (Receiver::default(), Cell::new(0));
        let mut sent = 0;
        loop {
            let credit = || credits.set(credits.get() + 1);
            assert!(!receiver.arrived(&job, pushes.message(), credit));
            sent += 1;
            if !pushes.pushed() {
                break;
            }
        }
        assert_eq!((sent, pushes.sent, credits.get()), (PUSHES_PER_LOOK + 1, sent, 1));
    }

    #[test]
    fn windows_of_a_publisher_go_on_counting() {
        let job = Load::Publish.job(String::new());
        let (mut receiver, credits) = (Receiver::default(), Cell::new(0));
        let (mut message, mut sent) = (compose(WORK, 32), 0);
        for window in 1..=3 {
            publish_window(&mut message, 128, &mut sent, &mut |message: &[u8]| {
                receiver.arrived(&job, message, || credits.set(credits.get() + 1));
            });
            assert_eq!((sent, credits.get()), (window * 128, window));
        }
    }

    #[test]
    fn greetings_and_checks_do_not_count_as_work() {
        let job = Load::Publish.job(String::new());
        let (mut receiver, credits) = (Receiver::default(), Cell::new(0));
        let messages =
            [compose(HELLO, 1), compose(HELLO, 1), compose(CHECK, 1), compose(CHECK, 70_000)];
        for message in messages {
            assert!(!receiver.arrived(&job, &message, || credits.set(credits.get() + 1)));
        }
        assert_eq!((receiver.count, credits.get()), (0, 3));
        let survey = Load::Survey.job(String::new());
        assert!(receiver.arrived(&survey, &compose(CHECK, 5), || panic!("it is answered")));
    }
}
