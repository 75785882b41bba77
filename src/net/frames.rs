//! The part of a WebSocket session that is behind its lock: messages become frames here, on the
//! thread that sends them.

use super::{Kind, context};
use crate::proto::Wire;
use crate::proto::ws::{Agreement, Broadcast, CloseFrame, OVERHEAD, Sender};

/// What was sent, as the user counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sent {
    pub(crate) bytes: usize,
    pub(crate) messages: u32,
}

/// The sending side of a WebSocket session.
pub(crate) struct Frames {
    sender: Sender,
    /// What of the user is in the bytes that wait.
    waiting: Sent,
    rare: Option<Box<Rare>>,
}

/// What most sessions do without.
#[derive(Default)]
struct Rare {
    subprotocol: Option<Box<str>>,
    /// What this side says at the end.
    goodbye: Option<CloseFrame>,
    /// What the peer has said.
    close: Option<CloseFrame>,
    /// A message is sent in parts, of which more are to come.
    in_parts: bool,
    /// What was sent meanwhile, and waits for the last part.
    behind: Option<Box<Wire>>,
    behind_waiting: Sent,
}

impl Frames {
    pub(crate) fn new(masks: bool) -> Frames {
        Frames { sender: Sender::new(masks), waiting: Sent::default(), rare: None }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The peers have agreed on something.
    pub(crate) fn agree(&mut self, agreement: Agreement) {
        self.sender.set_deflate(agreement.deflate);
        if agreement.subprotocol.is_some() {
            self.rare().subprotocol = agreement.subprotocol;
        }
    }

    pub(crate) fn subprotocol(&self) -> Option<&str> {
        self.rare.as_ref()?.subprotocol.as_deref()
    }

    pub(crate) fn compresses(&self) -> bool {
        self.sender.compresses()
    }

    pub(crate) fn set_goodbye(&mut self, frame: CloseFrame) {
        self.rare().goodbye = Some(frame);
    }

    pub(crate) fn goodbye(&self) -> Option<&CloseFrame> {
        self.rare.as_ref()?.goodbye.as_ref()
    }

    pub(crate) fn set_close(&mut self, frame: CloseFrame) {
        self.rare().close = Some(frame);
    }

    pub(crate) fn close(&self) -> Option<&CloseFrame> {
        self.rare.as_ref()?.close.as_ref()
    }

    /// Whether a message that begins now has to wait for the end of another one.
    fn is_in_parts(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.in_parts)
    }

    /// The head of a message whose payload may go to the socket as it is.
    pub(crate) fn head(&self, kind: Kind, length: usize) -> Option<([u8; OVERHEAD], usize)> {
        self.sender.head(kind, length).filter(|_| !self.is_in_parts())
    }

    /// That much of a message waits.
    pub(crate) fn add_waiting(&mut self, bytes: usize, messages: u32) {
        self.waiting.bytes += bytes;
        self.waiting.messages += messages;
    }

    /// Makes a message a frame in `queue`. Returns how many bytes wait more there: none of a message
    /// that has to wait for the end of another one.
    #[inline(always)]
    pub(crate) fn push(
        &mut self,
        kind: Kind,
        data: &[u8],
        queue: &mut Option<Box<Wire>>,
        join: usize,
    ) -> usize {
        let is_control = matches!(kind, Kind::Ping | Kind::Pong);
        if !is_control && self.is_in_parts() {
            self.push_behind(data.len(), |sender, wire| sender.message(kind, data, wire, join));
            return 0;
        }
        if !is_control {
            self.add_waiting(data.len(), 1);
        }
        let wire = queue.get_or_insert_with(context::take_wire);
        self.sender.message(kind, data, wire, join)
    }

    /// The same with a message that other sessions get too.
    pub(crate) fn push_shared(
        &mut self,
        broadcast: &mut Broadcast<'_>,
        queue: &mut Option<Box<Wire>>,
        join: usize,
    ) -> usize {
        let size = broadcast.data.len();
        if self.is_in_parts() {
            self.push_behind(size, |sender, wire| sender.shared(broadcast, wire, join));
            return 0;
        }
        self.add_waiting(size, 1);
        let wire = queue.get_or_insert_with(context::take_wire);
        self.sender.shared(broadcast, wire, join)
    }

    #[cold]
    fn push_behind(&mut self, size: usize, push: impl FnOnce(&mut Sender, &mut Wire) -> usize) {
        let Frames { sender, rare, .. } = self;
        let rare = rare.get_or_insert_default();
        rare.behind_waiting.bytes += size;
        rare.behind_waiting.messages += 1;
        push(sender, rare.behind.get_or_insert_default());
    }

    /// Makes a part of a message a frame in `queue`. Returns how many bytes wait more there; with
    /// the last part that is what waited for it, too.
    pub(crate) fn push_part(
        &mut self,
        kind: Kind,
        data: &[u8],
        last: bool,
        queue: &mut Option<Box<Wire>>,
        join: usize,
    ) -> usize {
        let first = !self.is_in_parts();
        self.add_waiting(data.len(), u32::from(last));
        let wire = queue.get_or_insert_with(context::take_wire);
        let size = self.sender.fragment(first.then_some(kind), data, last, wire, join);
        if first && last {
            return size;
        }
        let rare = self.rare.get_or_insert_default();
        rare.in_parts = !last;
        if last && let Some(mut behind) = rare.behind.take() {
            let size = size + behind.len();
            wire.append(&mut behind);
            let waiting = std::mem::take(&mut rare.behind_waiting);
            self.add_waiting(waiting.bytes, waiting.messages);
            return size;
        }
        size
    }

    /// Bytes that wait for the last part of a message, and in no queue yet.
    #[inline(always)]
    pub(crate) fn behind(&self) -> usize {
        let behind = self.rare.as_ref().and_then(|rare| rare.behind.as_ref());
        behind.map_or(0, |behind| behind.len())
    }

    /// Forgets what waits for the last part of a message.
    pub(crate) fn drop_behind(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.behind_waiting = Sent::default();
            rare.behind = None;
        }
    }

    /// Takes out what of the user is in `count` of the `pending` bytes: all of it with the last
    /// ones, a share before, since only the end of a frame tells what was in it.
    #[inline(always)]
    pub(crate) fn take(&mut self, count: usize, pending: usize) -> Sent {
        if count >= pending {
            return std::mem::take(&mut self.waiting);
        }
        let share = |of: usize| (of as u128 * count as u128 / pending as u128) as usize;
        let sent = Sent {
            bytes: share(self.waiting.bytes),
            messages: share(self.waiting.messages as usize) as u32,
        };
        self.waiting.bytes -= sent.bytes;
        self.waiting.messages -= sent.messages;
        sent
    }

    /// Bytes of the user that wait, at least one if a message does.
    pub(crate) fn take_undelivered(&mut self) -> usize {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.messages == 0 { waiting.bytes } else { waiting.bytes.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::GATHER;

    #[test]
    fn what_was_sent_is_exact_at_the_end_and_grows_until_then() {
        let mut frames = Frames::new(false);
        let mut queue = None;
        let mut pending: usize =
            (0..10).map(|_| frames.push(Kind::Text, &[b'x'; 10], &mut queue, GATHER)).sum();
        pending += frames.push(Kind::Ping, b"ping", &mut queue, GATHER);
        assert_eq!(pending, 126);
        let (mut bytes, mut messages) = (0, 0);
        for count in [1, 50, 70, 5] {
            let sent = frames.take(count, pending);
            pending -= count;
            bytes += sent.bytes;
            messages += sent.messages;
        }
        assert_eq!((bytes, messages, pending), (100, 10, 0));
        assert_eq!(frames.take_undelivered(), 0);
    }

    #[test]
    fn messages_wait_for_the_last_part_of_another_one_and_pings_do_not() {
        let mut frames = Frames::new(false);
        let mut queue = None;
        frames.push_part(Kind::Text, b"on", false, &mut queue, GATHER);
        let behind = frames.push(Kind::Binary, b"behind", &mut queue, GATHER);
        frames.push(Kind::Ping, b"", &mut queue, GATHER);
        assert_eq!(frames.waiting, Sent { bytes: 2, messages: 0 });
        assert_eq!((behind, frames.behind()), (0, 8));
        let last = frames.push_part(Kind::Text, b"e", true, &mut queue, GATHER);
        assert_eq!((last, frames.behind()), (3 + 8, 0));
        assert_eq!(frames.waiting, Sent { bytes: 9, messages: 2 });
        assert_eq!(queue.unwrap().to_vec(), b"\x01\x02on\x89\x00\x80\x01e\x82\x06behind",);
        let mut queue = None;
        frames.push_part(Kind::Text, b"never ends", false, &mut queue, GATHER);
        frames.push(Kind::Binary, b"lost", &mut queue, GATHER);
        assert_eq!(frames.behind(), 6);
        frames.drop_behind();
        assert_eq!(frames.behind(), 0);
    }
}
