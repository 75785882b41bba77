//! One message for many sessions: made ready once, and shared.

use std::sync::Arc;

use super::outbox::Outbox;
use super::protocol::Protocol;
use super::{Kind, Server, Session};
use crate::error::{Error, Result};
use crate::proto::ws::{Broadcast, OVERHEAD};
use crate::reactor::slots::Key;

/// What many sessions get.
pub(super) enum Multicast<'a> {
    /// Bytes as they are.
    Bytes(Arc<[u8]>),
    /// A message, as a frame.
    Message(Broadcast<'a>),
}

impl<'a> Multicast<'a> {
    /// What a server can send to its sessions. `None` for no bytes, which are nothing.
    pub(super) fn new(
        server: &Server,
        kind: Kind,
        data: &'a [u8],
    ) -> Result<Option<Multicast<'a>>> {
        match (&server.0.protocol, kind) {
            (Protocol::Bytes, Kind::Bytes) if data.is_empty() => return Ok(None),
            (Protocol::Bytes, Kind::Bytes) => return Ok(Some(Multicast::Bytes(Arc::from(data)))),
            (Protocol::Bytes, _) => return Err(super::web_socket::not_for_bytes()),
            (Protocol::Scalability(_), _) => {
                return Err(Error::argument("the patterns decide who gets a message"));
            }
            (Protocol::WebSocket(_), _) => {}
        }
        let kind = super::web_socket::checked(kind, data)?;
        if !matches!(kind, Kind::Text | Kind::Binary) {
            return Err(Error::argument("pings and pongs are for one session, not for many"));
        }
        Ok(Some(Multicast::Message(Broadcast::new(kind, data))))
    }

    /// The most bytes that a session queues of it.
    pub(super) fn size(&self) -> usize {
        match self {
            Multicast::Bytes(bytes) => bytes.len(),
            Multicast::Message(broadcast) => broadcast.data.len() + OVERHEAD,
        }
    }

    /// Queues it. Returns how many bytes that are.
    #[inline(always)]
    pub(super) fn push(&mut self, outbox: &mut Outbox, join: usize) -> usize {
        match self {
            Multicast::Bytes(bytes) => {
                outbox.push_shared(bytes, join);
                bytes.len()
            }
            Multicast::Message(broadcast) => outbox.push_broadcast(broadcast, join),
        }
    }

    /// Queues it in sessions of one loop. Returns the streams that the loop has to be told of.
    pub(super) fn queue<'s>(&mut self, sessions: impl Iterator<Item = &'s Session>) -> Vec<Key> {
        sessions.filter_map(|session| session.0.send_shared(self)).collect()
    }
}
