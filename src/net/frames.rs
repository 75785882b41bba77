//! The part of a WebSocket session that is behind its lock: messages become frames here, on the
//! thread that sends them.

use super::{Kind, context};
use crate::proto::ws::{Agreement, Broadcast, CloseFrame, Deflate, Head, Sender};
use crate::proto::{Body, Wire};

/// Answers of the library that may wait. A peer that does not read them is owed no more than one
/// to its last question (RFC 6455 section 5.5.3).
const MOST_REPLIES: usize = 60 * 1024;

/// What was sent, as the user counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sent {
    pub(crate) bytes: usize,
    pub(crate) messages: u32,
}

/// The sending side of a WebSocket session. Its members lie flat, where they take the least room.
pub(crate) struct Frames {
    /// Bytes of the user in what waits, and messages.
    bytes: usize,
    messages: u32,
    /// Bytes of answers of the library in it.
    replies: u16,
    /// Clients mask what they send.
    masks: bool,
    deflate: Option<Box<Deflate>>,
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
    /// Bytes of the user that waited for a last part that never came.
    given_up: usize,
    /// Messages that will not be sent any more.
    lost: u32,
    /// The answer to the last question, while too many others wait.
    owed: Option<Box<[u8]>>,
}

impl Frames {
    pub(crate) fn new(masks: bool) -> Frames {
        Frames { bytes: 0, messages: 0, replies: 0, masks, deflate: None, rare: None }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The peers have agreed on something.
    pub(crate) fn agree(&mut self, agreement: Agreement) {
        self.deflate = agreement.deflate;
        if agreement.subprotocol.is_some() {
            self.rare().subprotocol = agreement.subprotocol;
        }
    }

    pub(crate) fn subprotocol(&self) -> Option<&str> {
        self.rare.as_ref()?.subprotocol.as_deref()
    }

    pub(crate) fn compresses(&self) -> bool {
        self.deflate.is_some()
    }

    /// Messages that wait may be dropped: none that comes next may need one of them.
    pub(crate) fn stand_alone(&mut self) {
        if let Some(deflate) = &mut self.deflate {
            deflate.forget();
        }
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

    #[inline(always)]
    fn sender(&mut self) -> Sender<'_> {
        Sender { masks: self.masks, deflate: self.deflate.as_deref_mut() }
    }

    /// Whether a message that begins now has to wait for the end of another one.
    fn is_in_parts(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.in_parts)
    }

    /// The head of a message whose payload may go to the socket as it is.
    pub(crate) fn head(&mut self, kind: Kind, length: usize) -> Option<(Head, usize)> {
        if self.is_in_parts() { None } else { self.sender().head(kind, length) }
    }

    /// That much of a message waits.
    pub(crate) fn add_waiting(&mut self, bytes: usize, messages: u32) {
        self.bytes += bytes;
        self.messages += messages;
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
            self.push_behind(data.len(), |mut sender, wire| sender.message(kind, data, wire, join));
            return 0;
        }
        if !is_control {
            self.add_waiting(data.len(), 1);
        }
        let wire = queue.get_or_insert_with(context::take_wire);
        self.sender().message(kind, data, wire, join)
    }

    /// The same with a binary message that consists of `words` and a body, never behind others.
    pub(crate) fn push_parts(
        &mut self,
        words: &[u8],
        body: Body<'_>,
        queue: &mut Option<Box<Wire>>,
        join: usize,
    ) -> usize {
        debug_assert!(!self.is_in_parts(), "nobody sends parts of messages here");
        self.add_waiting(words.len() + body.bytes().len(), 1);
        self.sender().parts(words, body, queue.get_or_insert_with(context::take_wire), join)
    }

    /// Messages that wait, or did when the connection ended.
    pub(crate) fn waiting_messages(&self) -> u32 {
        self.messages + self.rare.as_ref().map_or(0, |rare| rare.lost)
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
            self.push_behind(size, |mut sender, wire| sender.shared(broadcast, wire, join));
            return 0;
        }
        self.add_waiting(size, 1);
        let wire = queue.get_or_insert_with(context::take_wire);
        self.sender().shared(broadcast, wire, join)
    }

    #[cold]
    fn push_behind(&mut self, size: usize, push: impl FnOnce(Sender<'_>, &mut Wire) -> usize) {
        let Frames { masks, deflate, rare, .. } = self;
        let sender = Sender { masks: *masks, deflate: deflate.as_deref_mut() };
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
        let size = self.sender().fragment(first.then_some(kind), data, last, wire, join);
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

    /// Gives up what waits for the last part of a message.
    pub(crate) fn drop_behind(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.given_up += std::mem::take(&mut rare.behind_waiting).undelivered();
            rare.behind = None;
        }
    }

    /// Counts an answer of the library in. `false` when too many wait: it is kept then, in the
    /// place of an earlier one.
    pub(crate) fn add_reply(&mut self, bytes: &[u8]) -> bool {
        let waits = self.rare.as_ref().is_some_and(|rare| rare.owed.is_some());
        let has_room = !waits && usize::from(self.replies) + bytes.len() <= MOST_REPLIES;
        match has_room {
            true => self.replies += bytes.len() as u16,
            false => self.rare().owed = Some(bytes.into()),
        }
        has_room
    }

    /// Takes out the answer that was kept, once half of the others are gone.
    pub(crate) fn take_owed(&mut self) -> Option<Box<[u8]>> {
        let half = (MOST_REPLIES / 2) as u16;
        let owed = self.rare.as_mut()?.owed.take_if(|_| self.replies <= half)?;
        self.replies += owed.len() as u16;
        Some(owed)
    }

    /// Takes out what of the user is in `count` of the `pending` bytes: all of it with the last
    /// ones, a share before, since only the end of a frame tells what was in it.
    #[inline(always)]
    pub(crate) fn take(&mut self, count: usize, pending: usize) -> Sent {
        if count >= pending {
            return self.take_waiting();
        }
        let share = |of: usize| (of as u128 * count as u128 / pending as u128) as usize;
        let sent =
            Sent { bytes: share(self.bytes), messages: share(self.messages as usize) as u32 };
        self.bytes -= sent.bytes;
        self.messages -= sent.messages;
        self.replies -= share(self.replies.into()) as u16;
        sent
    }

    /// Takes out all that waits.
    #[inline(always)]
    fn take_waiting(&mut self) -> Sent {
        self.replies = 0;
        Sent {
            bytes: std::mem::take(&mut self.bytes),
            messages: std::mem::take(&mut self.messages),
        }
    }

    /// Bytes of the user that were accepted and are not sent, at least one if a message is not.
    pub(crate) fn take_undelivered(&mut self) -> usize {
        let given_up = self.rare.as_mut().map_or(0, |rare| std::mem::take(&mut rare.given_up));
        let lost = self.take_waiting();
        if lost.messages > 0 {
            self.rare().lost += lost.messages;
        }
        lost.undelivered() + given_up
    }
}

impl Sent {
    fn undelivered(self) -> usize {
        if self.messages == 0 { self.bytes } else { self.bytes.max(1) }
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
        assert_eq!((frames.bytes, frames.messages), (2, 0));
        assert_eq!((behind, frames.behind()), (0, 8));
        let last = frames.push_part(Kind::Text, b"e", true, &mut queue, GATHER);
        assert_eq!((last, frames.behind()), (3 + 8, 0));
        assert_eq!((frames.bytes, frames.messages), (9, 2));
        assert_eq!(queue.unwrap().to_vec(), b"\x01\x02on\x89\x00\x80\x01e\x82\x06behind",);
        let mut queue = None;
        frames.push_part(Kind::Text, b"never ends", false, &mut queue, GATHER);
        frames.push(Kind::Binary, b"lost", &mut queue, GATHER);
        assert_eq!(frames.behind(), 6);
        frames.drop_behind();
        assert_eq!(frames.behind(), 0);
        assert_eq!(frames.take_undelivered(), 9 + 14, "all of it was accepted");
    }

    #[test]
    fn the_last_question_is_answered_although_too_many_were_asked() {
        let mut frames = Frames::new(false);
        let pongs = (0u32..).take_while(|number| frames.add_reply(&[*number as u8; 100])).count();
        assert_eq!(pongs, MOST_REPLIES / 100);
        assert!(!frames.add_reply(&[b'x'; 100]) && !frames.add_reply(b"last"));
        let pending = pongs * 100;
        frames.take(100, pending);
        assert_eq!(frames.take_owed(), None);
        frames.take(pending / 2, pending - 100);
        assert_eq!(frames.take_owed().as_deref(), Some(&b"last"[..]));
        assert_eq!(frames.take_owed(), None);
    }
}
