//! The contract between a stream and the protocol that it speaks.

use super::Wire;
use crate::error::Result;

/// What a piece of received data is.
///
/// TCP and SSL streams only know [`Kind::Bytes`]; the others tell the messages of framed
/// protocols apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Kind {
    /// A part of a byte stream, cut wherever the network cut it.
    Bytes = 0,
    /// A whole text message in UTF-8.
    Text = 1,
    /// A whole binary message.
    Binary = 2,
    /// A ping control message.
    Ping = 3,
    /// A pong control message.
    Pong = 4,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The transport below is there; for a raw stream that is all there is.
    Connected,
}

/// What a layer tells the one above it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// The stage was reached. Each stage is told once.
    Ready(Stage),
    /// Application data. The slice is valid during the call.
    Data(Kind, &'a [u8]),
}

/// One protocol as a state machine. It owns no socket: `receive` gets what the peer sent, cut at
/// random, and whatever has to go to the peer is appended to `down`.
///
/// After an error the layer is not called again, but what it appended to `down` still leaves, so
/// that an alert or a close frame reaches the peer.
pub(crate) trait Layer: Send {
    /// The connection is there. Called once, before anything else.
    fn start(&mut self, down: &mut Wire, up: &mut dyn FnMut(Event<'_>)) -> Result<()>;

    /// Bytes of the peer, at least one.
    fn receive(
        &mut self,
        bytes: &[u8],
        down: &mut Wire,
        up: &mut dyn FnMut(Event<'_>),
    ) -> Result<()>;

    /// Takes what the application wants to send out of `data`.
    fn send(&mut self, data: &mut Wire, down: &mut Wire) -> Result<()>;

    /// Whether `send` and `receive` pass bytes on as they are, so that the stream may write
    /// application bytes to the socket itself.
    fn is_transparent(&self) -> bool {
        false
    }
}
