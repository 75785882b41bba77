//! The contract between a stream and the protocol that it speaks.

use super::Wire;
use super::tls::TlsDetails;
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

/// What a layer tells the one above it.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The peer is authenticated and the stream encrypted. Told once, before any data.
    Handshaked(TlsDetails),
    /// Application data. The slice is valid during the call.
    Data(Kind, &'a [u8]),
    /// The peer has said that it sends no more.
    End,
}

/// One protocol as a state machine. It owns no socket: `receive` gets what the peer sent, cut at
/// random, and whatever has to go to the peer is appended to `down`.
///
/// After an error the layer is not called again, but what it appended to `down` still leaves, so
/// that an alert or a close frame reaches the peer.
pub(crate) trait Layer: Send {
    /// The connection below is there. Called once, before anything else.
    fn start(&mut self, down: &mut Wire, up: &mut dyn FnMut(Event<'_>)) -> Result<()>;

    /// Bytes of the peer, at least one. The layer may change them in place.
    fn receive(
        &mut self,
        bytes: &mut [u8],
        down: &mut Wire,
        up: &mut dyn FnMut(Event<'_>),
    ) -> Result<()>;

    /// Takes what the application wants to send out of `data`, all of it or a good share, and
    /// nothing before the layer is ready. Returns how many bytes it took.
    fn send(&mut self, data: &mut Wire, down: &mut Wire) -> Result<usize>;

    /// This side sends no more: appends the last words of the protocol.
    fn close(&mut self, _down: &mut Wire) {}

    /// The peer has closed the connection below; an error when that is not the end that the
    /// protocol knows.
    fn end(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether application data may flow. It stays so once it is.
    fn is_ready(&self) -> bool {
        true
    }

    /// Whether `send` and `receive` pass bytes on as they are, so that the stream may write
    /// application bytes to the socket itself.
    fn is_transparent(&self) -> bool {
        false
    }
}
