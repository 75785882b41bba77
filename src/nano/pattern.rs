//! The contract between a socket and its pattern.

use std::time::Instant;

use super::header::Header;
use super::message::Message;
use super::patterns::{
    Answering, Asking, Bus, Forwarding, Pair, Publishing, Pulling, Pushing, Subscribing, Surveying,
};
use super::pipes::{PipeKey, Pipes};
use super::protocol::Protocol;
use crate::error::{Error, Result, SpFailure};
use crate::net::Body;

/// One of the exchanges that a socket carries on at the same time.
pub(crate) type ContextId = u32;

/// The exchange of the socket itself.
pub(crate) const OWN: ContextId = 0;

/// Why a call was not carried out. Without fields, so that it lies beside a [`Message`] in a result,
/// which is then moved as one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not now; the socket may wait.
    WouldBlock,
    /// The deadline of a survey is over.
    TimedOut,
    NothingAsked,
    NoSurvey,
    NoRequestToAnswer,
    NoSurveyToAnswer,
    PublishersSend,
    SubscribersReceive,
    PushesOnly,
    PullsOnly,
    /// The pattern has only one exchange.
    NoContexts,
    /// It does not subscribe.
    NoTopics,
    /// The message of a raw socket has not the header that it needs.
    NoHeader,
}

impl Refusal {
    pub(crate) fn into_error(self) -> Error {
        use SpFailure::{Malformed, NotSupported, TimedOut, WouldBlock, WrongState};
        let (failure, text) = match self {
            Refusal::WouldBlock => (
                WouldBlock,
                "this can't be done at once; wait for it with a call that may block, or for the \
                 callback",
            ),
            Refusal::TimedOut => {
                (TimedOut, "the deadline of the survey has passed; no more answers are taken")
            }
            Refusal::NothingAsked => {
                (WrongState, "nothing was asked; send a request before receiving")
            }
            Refusal::NoSurvey => (WrongState, "there is no survey; send one before receiving"),
            Refusal::NoRequestToAnswer => {
                (WrongState, "there is no request to answer; receive one first")
            }
            Refusal::NoSurveyToAnswer => {
                (WrongState, "there is no survey to answer; receive one first")
            }
            Refusal::PublishersSend => {
                (NotSupported, "a publisher only sends; receive with a subscriber")
            }
            Refusal::SubscribersReceive => {
                (NotSupported, "a subscriber only receives; send with a publisher")
            }
            Refusal::PushesOnly => {
                (NotSupported, "a push socket only sends; receive with a pull socket")
            }
            Refusal::PullsOnly => {
                (NotSupported, "a pull socket only receives; send with a push socket")
            }
            Refusal::NoContexts => {
                (NotSupported, "sockets of this pattern have no contexts; use the socket itself")
            }
            Refusal::NoTopics => (NotSupported, "only subscribers have topics"),
            Refusal::NoHeader => (
                Malformed,
                "a raw socket of this pattern sends messages with a header: hops with the top bit \
                 clear, then the question with the top bit set",
            ),
        };
        Error::sp(failure, text)
    }
}

/// Who can receive something now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    Nobody,
    /// Whoever comes first.
    Anybody,
    /// One exchange.
    Context(ContextId),
}

/// What is to be sent: the header of a raw socket's message, and a body.
#[derive(Clone, Copy)]
pub(crate) struct Parcel<'a> {
    pub(crate) header: &'a [u32],
    pub(crate) body: Body<'a>,
}

/// One pattern as a state machine. It does no I/O, has no clock, and is only used under the lock of
/// its socket.
pub(crate) trait Pattern: Send {
    /// A connection is there. `false` when there is no place for it.
    fn attach(&mut self, pipes: &mut Pipes, pipe: PipeKey, now: Instant) -> bool;

    /// And is gone: `pipes` does not know it any more.
    fn detach(&mut self, pipes: &mut Pipes, pipe: PipeKey, now: Instant);

    /// A pipe that had enough accepts messages again.
    fn writable(&mut self, _pipes: &mut Pipes, _pipe: PipeKey, _now: Instant) {}

    /// A message came. Its header was taken off the body, if the protocol has one.
    fn received(
        &mut self,
        pipes: &mut Pipes,
        pipe: PipeKey,
        message: Message,
        now: Instant,
    ) -> Wake;

    fn send(
        &mut self,
        pipes: &mut Pipes,
        context: ContextId,
        parcel: Parcel<'_>,
        now: Instant,
    ) -> Result<(), Refusal>;

    fn receive(
        &mut self,
        pipes: &mut Pipes,
        context: ContextId,
        now: Instant,
    ) -> Result<Message, Refusal>;

    /// Whether a send by the socket itself would be done at once.
    fn can_send(&self, pipes: &Pipes) -> bool;

    /// Whether there is something to receive in an exchange, the end of a survey included.
    fn can_receive(&self, context: ContextId, now: Instant) -> bool;

    /// Begins one more exchange, where the pattern has such.
    fn open_context(&mut self) -> Option<ContextId> {
        None
    }

    fn close_context(&mut self, _pipes: &mut Pipes, _context: ContextId) {}

    /// When a blocked receive has to look again although nothing came.
    fn receive_deadline(&self, _context: ContextId) -> Option<Instant> {
        None
    }

    /// Not later than this, [`Pattern::expire`] has to be called.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Does what is due. Returns the exchanges of which the receiver has to be told.
    fn expire(&mut self, _pipes: &mut Pipes, _now: Instant) -> Vec<ContextId> {
        Vec::new()
    }

    fn subscribe(&mut self, _topic: &[u8]) -> Result<()> {
        Err(not_a_subscriber())
    }

    fn unsubscribe(&mut self, _pipes: &mut Pipes, _topic: &[u8]) -> Result<()> {
        Err(not_a_subscriber())
    }

    /// Messages that were accepted and given to no pipe.
    fn unsent(&self) -> usize {
        0
    }
}

fn not_a_subscriber() -> Error {
    Refusal::NoTopics.into_error()
}

/// The state machine of a protocol. `first_id` is where the ids of questions begin, best at random.
pub(crate) fn pattern(protocol: Protocol, raw: bool, first_id: u32) -> Box<dyn Pattern> {
    match protocol {
        Protocol::Pair => Box::new(Pair::default()),
        Protocol::Publisher => Box::new(Publishing::default()),
        Protocol::Subscriber => Box::new(Subscribing::new(raw)),
        Protocol::Push => Box::new(Pushing::default()),
        Protocol::Pull => Box::new(Pulling::default()),
        Protocol::Bus => Box::new(Bus::new(raw)),
        Protocol::Request if raw => Box::new(Forwarding::questions_to_one()),
        Protocol::Surveyor if raw => Box::new(Forwarding::questions_to_all()),
        Protocol::Reply | Protocol::Respondent if raw => Box::new(Forwarding::answers()),
        Protocol::Request => Box::new(Asking::new(first_id)),
        Protocol::Surveyor => Box::new(Surveying::new(first_id)),
        Protocol::Reply => Box::new(Answering::new(Refusal::NoRequestToAnswer)),
        Protocol::Respondent => Box::new(Answering::new(Refusal::NoSurveyToAnswer)),
    }
}

/// Reads a message off the wire; an error when its header is none.
pub(crate) fn read(protocol: Protocol, bytes: &[u8], most_hops: usize) -> Option<Message> {
    if !protocol.has_header() {
        return Some(Message::from(bytes));
    }
    let (header, body) = Header::read(bytes, most_hops)?;
    Some(Message::with_header(header, Body::Copied(body)))
}
