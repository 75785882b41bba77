//! The messages of a session of the scalability protocols on their way out: made into frames, and
//! counted one by one, so that it is known of each whether it left as a whole.

use std::collections::VecDeque;

use super::context;
use super::frames::Sent;
use crate::proto::sp::Mapping;
use crate::proto::{Body, HEAD_ROOM, Wire};

/// The sending side of such a session.
pub(crate) struct Messages {
    mapping: Mapping,
    runs: VecDeque<Run>,
    /// Bytes of the first message that have left.
    gone: usize,
    waiting: u64,
}

/// Messages of the same size, one behind the other.
struct Run {
    /// Bytes of one of them, its head included.
    size: usize,
    count: u64,
}

impl Messages {
    pub(crate) fn new(mapping: Mapping) -> Messages {
        Messages { mapping, runs: VecDeque::new(), gone: 0, waiting: 0 }
    }

    /// Messages that have not left as a whole.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting
    }

    pub(crate) fn head(&self, length: usize) -> ([u8; HEAD_ROOM], usize) {
        self.mapping.head(length)
    }

    /// Makes a message a frame in `queue`, joined with others to pieces of up to `join` bytes.
    /// Returns how many bytes wait more there.
    #[inline(always)]
    pub(crate) fn push(
        &mut self,
        header: &[u8],
        body: Body<'_>,
        queue: &mut Option<Box<Wire>>,
        join: usize,
    ) -> usize {
        let length = header.len() + body.bytes().len();
        let (head, head_size) = self.mapping.head(length);
        let wire = queue.get_or_insert_with(context::take_wire);
        match body {
            Body::Copied(bytes) => {
                wire.join_frame(&head, head_size, [header, bytes], join);
            }
            Body::Shared(bytes) => {
                wire.join_parts_shared([&head[..head_size], header], bytes, join);
            }
        }
        self.add(head_size + length);
        head_size + length
    }

    #[inline(always)]
    fn add(&mut self, size: usize) {
        self.waiting += 1;
        match self.runs.back_mut() {
            Some(run) if run.size == size => run.count += 1,
            _ => self.runs.push_back(Run { size, count: 1 }),
        }
    }

    /// So many bytes have left. Returns which messages are gone with them.
    pub(crate) fn take(&mut self, count: usize) -> Sent {
        let mut sent = Sent::default();
        self.gone += count;
        while let Some(run) = self.runs.front_mut()
            && run.size <= self.gone
        {
            let whole = run.count.min((self.gone / run.size) as u64);
            self.gone -= whole as usize * run.size;
            sent.bytes += whole as usize * (run.size - self.mapping.head_size());
            sent.messages += whole as u32;
            run.count -= whole;
            if run.count == 0 {
                self.runs.pop_front();
            }
        }
        self.waiting -= u64::from(sent.messages);
        sent
    }

    /// Nothing more leaves. Returns the bytes of the messages that have not left as a whole, at
    /// least one if there are any; how many they are stays known.
    pub(crate) fn give_up(&mut self) -> usize {
        let head = self.mapping.head_size();
        let bytes = self.runs.drain(..).map(|run| (run.size - head) * run.count as usize).sum();
        self.gone = 0;
        if self.waiting == 0 { 0 } else { usize::max(bytes, 1) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::proto::GATHER;

    fn push(messages: &mut Messages, queue: &mut Option<Box<Wire>>, length: usize) -> usize {
        messages.push(b"", Body::Copied(&vec![b'x'; length]), queue, GATHER)
    }

    #[test]
    fn messages_become_frames() {
        let mut messages = Messages::new(Mapping::Tcp);
        let mut queue = None;
        let shared: Arc<[u8]> = Arc::from(&b"shared"[..]);
        assert_eq!(messages.push(b"\x80\0\0\x01", Body::Copied(b"ab"), &mut queue, GATHER), 14);
        assert_eq!(messages.push(b"", Body::Shared(&shared), &mut queue, GATHER), 14);
        assert_eq!(
            queue.unwrap().to_vec(),
            b"\0\0\0\0\0\0\0\x06\x80\0\0\x01ab\0\0\0\0\0\0\0\x06shared"
        );
        let mut messages = Messages::new(Mapping::Ipc);
        let mut queue = None;
        assert_eq!(messages.push(b"", Body::Copied(b""), &mut queue, GATHER), 9);
        assert_eq!(queue.unwrap().to_vec(), b"\x01\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn messages_count_when_they_have_left_as_a_whole() {
        let mut messages = Messages::new(Mapping::Tcp);
        let mut queue = None;
        for length in [10, 10, 10, 0, 5] {
            push(&mut messages, &mut queue, length);
        }
        assert_eq!((messages.waiting(), messages.runs.len()), (5, 3));
        let mut take = |count| {
            let sent = messages.take(count);
            (sent.messages, sent.bytes, messages.waiting())
        };
        assert_eq!(take(17), (0, 0, 5));
        assert_eq!(take(1), (1, 10, 4));
        assert_eq!(take(36 + 7), (2, 20, 2));
        assert_eq!(take(1), (1, 0, 1));
        assert_eq!(take(0), (0, 0, 1));
        assert_eq!(take(13), (1, 5, 0));
        push(&mut messages, &mut queue, 4);
        push(&mut messages, &mut queue, 6);
        messages.take(13);
        assert_eq!(messages.give_up(), 6, "the second one has begun to leave");
        assert_eq!(messages.waiting(), 1);
    }

    #[test]
    fn every_way_to_leave_counts_the_same() {
        let mut random = crate::proto::random::Random::new(3);
        for _ in 0..200 {
            let mut messages = Messages::new(Mapping::Ipc);
            let mut queue = None;
            let (mut pending, mut count, mut bytes) = (0, 0, 0);
            for _ in 0..random.up_to(40) {
                let length = random.below(3) * 7;
                pending += push(&mut messages, &mut queue, length);
                count += 1;
                bytes += length;
            }
            let mut sent = Sent::default();
            while pending > 0 {
                let left = random.up_to(pending);
                let more = messages.take(left);
                sent.messages += more.messages;
                sent.bytes += more.bytes;
                pending -= left;
            }
            assert_eq!(sent, Sent { bytes, messages: count });
            assert_eq!((messages.give_up(), messages.gone), (0, 0));
        }
    }
}
