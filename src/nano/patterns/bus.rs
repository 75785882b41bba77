//! Bus: to all neighbours, and never back to the one it came from.

use std::time::Instant;

use super::super::message::Message;
use super::super::pattern::{ContextId, Parcel, Pattern, Refusal, Wake};
use super::super::pipes::{PipeKey, Pipes};
use super::super::queue::FairQueue;
use super::fan_out::send_to_all;

pub(crate) struct Bus {
    /// Messages tell where they came from, and those that are sent go everywhere but there.
    raw: bool,
    neighbours: Vec<PipeKey>,
    inbox: FairQueue,
}

impl Bus {
    pub(crate) fn new(raw: bool) -> Bus {
        Bus { raw, neighbours: Vec::new(), inbox: FairQueue::default() }
    }
}

impl Pattern for Bus {
    fn attach(&mut self, _pipes: &mut Pipes, pipe: PipeKey, _now: Instant) -> bool {
        self.neighbours.push(pipe);
        true
    }

    fn detach(&mut self, pipes: &mut Pipes, pipe: PipeKey, _now: Instant) {
        self.neighbours.retain(|other| *other != pipe);
        self.inbox.detach(pipes, pipe);
    }

    fn received(
        &mut self,
        pipes: &mut Pipes,
        pipe: PipeKey,
        message: Message,
        _now: Instant,
    ) -> Wake {
        let mut message = message;
        if self.raw {
            let Some(word) = pipes.word(pipe) else { return Wake::Nobody };
            message.set_header(&[word]);
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
        let origin = match parcel.header {
            [word] if self.raw => pipes.by_word(*word),
            _ => None,
        };
        send_to_all(pipes, &self.neighbours, origin, &[], parcel.body);
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
        true
    }

    fn can_receive(&self, _context: ContextId, _now: Instant) -> bool {
        !self.inbox.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::protocol::Protocol;
    use super::super::support::{Bench, texts};

    #[test]
    fn all_neighbours_hear_what_is_sent() {
        let mut bench = Bench::new(Protocol::Bus);
        bench.send("nobody hears it, and that is no error").unwrap();
        let (_, to_a) = bench.attach();
        let (b, to_b) = bench.attach();
        bench.send("hello").unwrap();
        assert_eq!((texts(&to_a), texts(&to_b)), (vec!["hello".into()], vec!["hello".into()]));
        bench.received(b, "hello yourself");
        assert_eq!(bench.receive_all(), ["hello yourself"]);
        assert!(texts(&to_a).is_empty() && texts(&to_b).is_empty(), "nothing is passed on");
    }

    #[test]
    fn a_neighbour_without_room_misses_a_message() {
        let mut bench = Bench::new(Protocol::Bus);
        let (a, to_a) = bench.attach();
        let (_, to_b) = bench.attach();
        to_a.fill();
        for text in ["1", "2", "3"] {
            bench.send(text).unwrap();
        }
        assert_eq!(texts(&to_a), ["1"]);
        assert_eq!(texts(&to_b), ["1", "2", "3"]);
        assert_eq!(bench.pipes.dropped, 2);
        bench.writable(a, &to_a);
        bench.send("4").unwrap();
        assert_eq!(texts(&to_a), ["4"]);
    }

    #[test]
    fn a_raw_bus_sends_everywhere_but_back() {
        let mut bench = Bench::raw(Protocol::Bus);
        let (a, to_a) = bench.attach();
        let (_, to_b) = bench.attach();
        bench.received(a, "from a");
        let message = bench.receive_message().unwrap();
        assert_eq!(message.header(), [bench.pipes.word(a).unwrap()]);
        bench.send_with(message.header(), "passed on").unwrap();
        assert_eq!((texts(&to_a), texts(&to_b)), (vec![], vec!["passed on".into()]));
        bench.send_with(&[], "to all").unwrap();
        assert_eq!((texts(&to_a).len(), texts(&to_b).len()), (1, 1));
    }
}
