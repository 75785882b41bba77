//! What users write for callbacks.

use super::{Message, Socket};
use crate::error::Error;

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The [number](super::Endpoint::id) of the endpoint that the connection belongs to.
    pub endpoint: u32,
    /// Where the endpoint listens, or what it has dialed.
    pub address: String,
    /// This side has dialed.
    pub dialed: bool,
}

/// Callbacks of a [`Socket`]. `()` does nothing, and drops what is received.
///
/// They run on an I/O thread of the socket's service, one at a time, and no lock is held meanwhile:
/// every method of every socket may be called, except that none of them blocks there. A panic is
/// told to `on_error`, and the socket goes on.
#[allow(unused_variables)]
pub trait SocketHandler: Send + 'static {
    /// A message came. With [`Protocol::Reply`](super::Protocol::Reply) and
    /// [`Protocol::Respondent`](super::Protocol::Respondent) this is the place to answer it.
    fn on_received(&mut self, socket: &Socket, message: Message) {}

    /// Sending is possible again after a send was refused because it would have had to wait: by
    /// [`Socket::try_send`], or by [`Socket::send`] on an I/O thread.
    fn on_writable(&mut self, socket: &Socket) {}

    /// The deadline of a survey has passed, and all its answers were received.
    fn on_finished(&mut self, socket: &Socket) {}

    /// A connection is there; also told of those that were there before the handler.
    fn on_connected(&mut self, socket: &Socket, peer: &Peer) {}

    /// A connection is gone.
    fn on_disconnected(&mut self, socket: &Socket, peer: &Peer) {}

    /// Something failed. The socket goes on, and dials again where it has dialed: of dials that fail
    /// again and again, each kind of failure is told once, and anew after a connection.
    fn on_error(&mut self, socket: &Socket, error: &Error) {}
}

impl SocketHandler for () {}
