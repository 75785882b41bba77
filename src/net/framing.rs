//! The part of a session of messages that is behind its lock: what is sent becomes frames here, on
//! the thread that sends it.

use super::frames::{Frames, Sent};
use super::messages::Messages;
use crate::proto::HEAD_ROOM;
use crate::proto::sp::Mapping;

/// How what is sent is made into bytes.
#[derive(Default)]
pub(crate) enum Framing {
    /// It is not.
    #[default]
    None,
    WebSocket(Frames),
    Scalability(Box<Messages>),
}

impl Framing {
    pub(crate) fn web_socket(masks: bool) -> Framing {
        Framing::WebSocket(Frames::new(masks))
    }

    pub(crate) fn scalability(mapping: Mapping) -> Framing {
        Framing::Scalability(Box::new(Messages::new(mapping)))
    }

    /// What comes in front of a message of that length, if nothing else depends on it.
    pub(crate) fn head(&self, length: usize) -> Option<([u8; HEAD_ROOM], usize)> {
        match self {
            Framing::Scalability(messages) => Some(messages.head(length)),
            Framing::None | Framing::WebSocket(_) => None,
        }
    }

    /// What of the user is in `count` of the `pending` bytes that wait. They leave.
    pub(crate) fn take(&mut self, count: usize, pending: usize) -> Sent {
        match self {
            Framing::None => Sent { bytes: count, messages: 0 },
            Framing::WebSocket(frames) => frames.take(count, pending),
            Framing::Scalability(messages) => messages.take(count),
        }
    }

    /// Bytes of the user that were accepted and will not be sent any more, of `pending` ones.
    pub(crate) fn take_undelivered(&mut self, pending: usize) -> usize {
        match self {
            Framing::None => pending,
            Framing::WebSocket(frames) => frames.take_undelivered(),
            Framing::Scalability(messages) => messages.give_up(),
        }
    }

    /// Messages that wait.
    pub(crate) fn waiting(&self) -> u64 {
        match self {
            Framing::None => 0,
            Framing::WebSocket(frames) => frames.waiting_messages().into(),
            Framing::Scalability(messages) => messages.waiting(),
        }
    }
}
