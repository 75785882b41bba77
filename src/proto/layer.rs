//! The contract between a stream and the protocol that it speaks.

use super::Wire;
use super::tls::TlsDetails;
use super::ws::{Agreement, CloseFrame, Request, Response};
use crate::error::{Error, Result};

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
pub(crate) enum Event<'a> {
    /// The peer is authenticated and the stream encrypted. Told once, before `Ready`.
    Secured(TlsDetails),
    /// A client asks for something, and this is the answer if nobody changes it.
    Request(&'a Request, &'a mut Response),
    /// The handshake is done and application data may flow. Told once, before any data.
    Ready(Agreement),
    /// Application data. The slice is valid during the call.
    Data(Kind, &'a [u8]),
    /// Few bytes are about to become many. `false` lets them wait for [`Layer::go_on`].
    Inflates(&'a mut bool),
    /// Bytes that have to leave as application bytes do, behind those that were accepted.
    Reply(&'a [u8]),
    /// The peer has said why it sends no more.
    Closed(CloseFrame),
    /// The peer has said that it sends no more.
    End,
    /// The peer was answered, and there is nothing more to say.
    Done,
    /// The peer breaks the protocol, and is told when the stream is closed.
    Failed(Error),
}

/// What is above a layer. Functions of an [`Event`] are.
pub(crate) trait Up {
    fn tell(&mut self, event: Event<'_>);

    /// As [`Event::Data`], which is told so often that it is worth a way of its own: what goes
    /// through memory as an event is slow to read again at once.
    fn data(&mut self, kind: Kind, data: &[u8]) {
        self.tell(Event::Data(kind, data));
    }
}

impl<F: FnMut(Event<'_>)> Up for F {
    fn tell(&mut self, event: Event<'_>) {
        self(event);
    }
}

/// One protocol as a state machine. It owns no socket: `receive` gets what the peer sent, cut at
/// random, and whatever has to go to the peer is appended to `down`.
///
/// After an error the layer is not called again, but what it appended to `down` still leaves, so
/// that an alert reaches the peer.
pub(crate) trait Layer: Send {
    /// The connection below is there. Called once, before anything else.
    fn start(&mut self, down: &mut Wire, up: &mut dyn Up) -> Result<()>;

    /// Bytes of the peer, at least one. The layer may change them in place.
    fn receive(&mut self, bytes: &mut [u8], down: &mut Wire, up: &mut dyn Up) -> Result<()>;

    /// Goes on with bytes that wait, if there are some: somebody wants to have them again.
    fn go_on(&mut self, _down: &mut Wire, _up: &mut dyn Up) -> Result<()> {
        Ok(())
    }

    /// Whether there are such bytes.
    fn waits(&self) -> bool {
        false
    }

    /// Takes what the application wants to send out of `data`, all of it or a good share, and
    /// nothing before the layer is ready. Returns how many bytes it took.
    fn send(&mut self, data: &mut Wire, down: &mut Wire) -> Result<usize>;

    /// This side sends no more: appends the last words of the protocol, as far as it is their turn.
    /// Whether nothing more is expected of the peer; until then it is called again after each event.
    fn close(&mut self, _goodbye: &CloseFrame, _down: &mut Wire) -> bool {
        true
    }

    /// Whether the peer is to be heard although this side closes.
    fn listens(&self) -> bool {
        false
    }

    /// Whether the peer says itself that it sends no more, so that nothing else has to tell it.
    fn has_goodbyes(&self) -> bool {
        false
    }

    /// The peer has closed the connection below; an error when that is not the end that the
    /// protocol knows.
    fn end(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether application data may flow. It stays so once it is.
    fn is_ready(&self) -> bool {
        true
    }

    /// Whether `send` passes bytes on as they are, so that the stream may write what is queued to
    /// the socket itself.
    fn is_transparent(&self) -> bool {
        false
    }
}
