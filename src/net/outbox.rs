//! What any thread leaves for a stream: bytes to send, the wish to close.

use std::io::IoSlice;
use std::sync::Arc;

use super::endpoint::Admission;
use super::frames::{Frames, Sent};
use super::framing::Framing;
use super::peer::Peer;
use super::{Kind, Reason, context};
use crate::proto::ws::Broadcast;
use crate::proto::{Body, GATHER, Wire};
use crate::reactor::slots::Key;
use crate::reactor::sockets::{self, SockRef};
use crate::reactor::sys::LentSocket;

/// How far a connection has come, as handles see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There is none.
    Idle,
    /// A client connects, or a server has not yet announced the session.
    Connecting,
    /// The connection is there, its handshake is not done. What is sent leaves after it.
    Handshaking,
    /// Data flows.
    Open,
    /// No more data is accepted; what was accepted is being delivered.
    Closing,
}

/// The wish to end a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) reason: Reason,
    /// Whether what was accepted but not sent is dropped.
    pub(crate) discard: bool,
}

/// The part of a session that is behind its lock.
pub(crate) struct Outbox {
    /// Where the stream is in its loop, [`Key::NONE`] while it is nowhere.
    pub(crate) key: Key,
    pub(crate) phase: Phase,
    /// The loop knows that it has to look here; further sends need not tell it.
    pub(crate) scheduled: bool,
    pub(crate) close: Option<Close>,
    /// `on_disconnected` runs and the handler may still be kept for another connection.
    pub(crate) ending: bool,
    pub(crate) peer: Peer,
    /// How the server has counted the session.
    pub(crate) admission: Admission,
    /// Bytes that [`Outbox::send_direct`] sent since the last flush.
    pub(crate) sent_direct: u32,
    /// Whether application bytes may go to the socket as they are.
    pub(crate) transparent: bool,
    /// The stream's socket. The loop takes it away, under the lock, before it closes it.
    pub(crate) socket: Option<LentSocket>,
    /// The option Linger of the socket may differ from that of the endpoint.
    pub(crate) may_linger: bool,
    queue: Option<Box<Wire>>,
}

/// Messages up to this size are written in one piece.
const SHORT: usize = 256;

impl Outbox {
    pub(crate) fn new(phase: Phase) -> Outbox {
        Outbox {
            key: Key::NONE,
            phase,
            scheduled: false,
            close: None,
            ending: false,
            peer: Peer::default(),
            admission: Admission::default(),
            sent_direct: 0,
            transparent: false,
            socket: None,
            may_linger: false,
            queue: None,
        }
    }

    /// Writes to the socket at once if nothing waits before the bytes, which spares a copy. Only
    /// where the loop can't be writing, as on its own thread. Returns how many bytes went
    /// out; an error is left for the flush to meet.
    pub(crate) fn send_direct(&mut self, bytes: &[IoSlice<'_>]) -> usize {
        let Some(socket) = self.socket.as_ref().filter(|_| self.transparent) else { return 0 };
        if self.queue.is_some() {
            return 0;
        }
        socket.with(|socket| sockets::send(&socket, bytes)).unwrap_or(0)
    }

    /// Writes a message to the socket at once, where that is a matter of a head, `words` and the
    /// bytes: else `None`. Only while nothing waits, in the loop's hands neither; then every thread
    /// may. Returns how many bytes went out, and how many there are.
    pub(crate) fn write_message(&mut self, words: &[u8], bytes: &[u8]) -> Option<(usize, usize)> {
        let length = words.len() + bytes.len();
        let (head, head_size) = self.peer.framing().and_then(|framing| framing.head(length))?;
        let head = &head[..head_size];
        let size = head_size + length;
        if size <= SHORT {
            // A copy costs less than the pieces cost the system.
            let mut whole = [0; SHORT];
            let (start, rest) = whole.split_at_mut(head_size);
            start.copy_from_slice(head);
            let (middle, rest) = rest.split_at_mut(words.len());
            middle.copy_from_slice(words);
            rest[..bytes.len()].copy_from_slice(bytes);
            return Some((self.send_direct(&[IoSlice::new(&whole[..size])]), size));
        }
        let slices = [IoSlice::new(head), IoSlice::new(words), IoSlice::new(bytes)];
        Some((self.send_direct(&slices), size))
    }

    /// The first of the bytes that wait have left already.
    pub(crate) fn skip(&mut self, count: usize) {
        if let Some(queue) = &mut self.queue {
            queue.consume(count);
        }
        self.take_sent(count, 0);
    }

    /// That much of the user was sent by [`Outbox::send_direct`], and is to be told.
    pub(crate) fn add_sent_direct(&mut self, count: usize) {
        self.sent_direct =
            self.sent_direct.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// The sending side of a WebSocket session.
    #[inline(always)]
    pub(crate) fn frames(&mut self) -> Option<&mut Frames> {
        self.peer.frames()
    }

    /// Uses the socket, if there is one.
    pub(crate) fn with_socket<R>(&self, call: impl FnOnce(SockRef<'_>) -> R) -> Option<R> {
        self.socket.as_ref().map(|socket| socket.with(call))
    }

    pub(crate) fn native_handle(&self) -> Option<i64> {
        self.socket.as_ref().map(LentSocket::native_handle)
    }

    /// Queues a copy of `bytes`, joined with others to pieces of up to `join` bytes.
    pub(crate) fn push(&mut self, bytes: &[u8], join: usize) {
        self.queue.get_or_insert_with(context::take_wire).join(bytes, join);
    }

    /// Queues shared bytes.
    pub(crate) fn push_shared(&mut self, bytes: &Arc<[u8]>, join: usize) {
        self.queue.get_or_insert_with(context::take_wire).join_shared(bytes, join);
    }

    /// Queues bytes that have to stay in one piece behind others.
    pub(crate) fn push_parts(&mut self, head: &[u8], body: &[u8], join: usize) {
        self.queue.get_or_insert_with(context::take_wire).join_parts([head, body], join);
    }

    /// Queues a message as a frame. Returns how many bytes wait more.
    #[inline(always)]
    pub(crate) fn push_message(&mut self, kind: Kind, data: &[u8], join: usize) -> usize {
        let Outbox { peer, queue, .. } = self;
        peer.frames().map_or(0, |frames| frames.push(kind, data, queue, join))
    }

    /// Queues a message that other sessions get too. Returns how many bytes wait more.
    pub(crate) fn push_broadcast(&mut self, broadcast: &mut Broadcast<'_>, join: usize) -> usize {
        let Outbox { peer, queue, .. } = self;
        peer.frames().map_or(0, |frames| frames.push_shared(broadcast, queue, join))
    }

    /// Queues a message that consists of `words` and a body. Returns how many bytes wait more.
    #[inline(always)]
    pub(crate) fn push_body(&mut self, words: &[u8], body: Body<'_>, join: usize) -> usize {
        let Outbox { peer, queue, .. } = self;
        match peer.framing() {
            Some(Framing::Scalability(messages)) => messages.push(words, body, queue, join),
            Some(Framing::WebSocket(frames)) => frames.push_parts(words, body, queue, join),
            Some(Framing::None) | None => 0,
        }
    }

    /// Messages that wait.
    pub(crate) fn waiting_messages(&mut self) -> u64 {
        self.peer.framing().map_or(0, |framing| framing.waiting())
    }

    /// What of the user is in `count` of the `pending` bytes that wait. They leave.
    pub(crate) fn take_sent(&mut self, count: usize, pending: usize) -> Sent {
        match self.peer.framing() {
            Some(framing) => framing.take(count, pending),
            None => Sent { bytes: count, messages: 0 },
        }
    }

    /// Bytes of the user that were accepted and will not be sent any more, of `pending` ones.
    pub(crate) fn take_undelivered(&mut self, pending: usize) -> usize {
        match self.peer.framing() {
            Some(framing) => framing.take_undelivered(pending),
            None => pending,
        }
    }

    /// Queues a part of a message. Returns how many bytes wait more.
    pub(crate) fn push_part(&mut self, kind: Kind, data: &[u8], last: bool, join: usize) -> usize {
        let Outbox { peer, queue, .. } = self;
        peer.frames().map_or(0, |frames| frames.push_part(kind, data, last, queue, join))
    }

    /// Queues an answer of the library, unless too many wait. Returns how many bytes wait more.
    pub(crate) fn push_reply(&mut self, bytes: &[u8], join: usize) -> usize {
        if !self.frames().is_some_and(|frames| frames.add_reply(bytes)) {
            return 0;
        }
        self.push_parts(bytes, &[], join);
        bytes.len()
    }

    /// Queues the answer that had to wait for the others. Returns how many bytes wait more.
    pub(crate) fn push_owed(&mut self) -> usize {
        if self.phase != Phase::Open {
            return 0;
        }
        let Some(owed) = self.frames().and_then(Frames::take_owed) else { return 0 };
        self.push_parts(&owed, &[], GATHER);
        owed.len()
    }

    /// Drops the oldest sends that have not begun to leave. Returns how many bytes went.
    pub(crate) fn drop_oldest(&mut self, excess: usize) -> usize {
        self.queue.as_mut().map_or(0, |wire| wire.drop_oldest(excess))
    }

    /// Bytes that the loop has not taken out, or has put back.
    pub(crate) fn queued(&self) -> usize {
        self.queue.as_ref().map_or(0, |wire| wire.len())
    }

    /// What is to be sent.
    pub(crate) fn take_queue(&mut self) -> Option<Box<Wire>> {
        self.queue.take()
    }

    /// Puts back what the socket did not take, in front of what came since.
    pub(crate) fn put_back(&mut self, mut rest: Box<Wire>) {
        if let Some(mut newer) = self.queue.take() {
            rest.append(&mut newer);
        }
        self.queue = Some(rest);
    }

    /// Asks for a flush; the key of the stream if the loop has to be told.
    pub(crate) fn schedule(&mut self) -> Option<Key> {
        if self.scheduled || self.key == Key::NONE {
            return None;
        }
        self.scheduled = true;
        Some(self.key)
    }
}
