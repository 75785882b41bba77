//! The layer of WebSocket (RFC 6455) with permessage-deflate (RFC 7692).
//!
//! Only what comes from the peer passes through the layer. Messages to the peer are made into
//! frames where they are sent, see [`Sender`]; they leave as they are then.

mod close;
mod codec;
mod deflate;
mod frame;
mod handshake;
mod http;
mod random;
mod send;
#[cfg(test)]
mod tests;
mod uri;
mod utf8;

use std::sync::Arc;

use tungstenite::http::header::{HeaderName, HeaderValue};

pub(crate) use close::ABNORMAL;
pub use close::CloseFrame;
pub(crate) use codec::Limits;
use codec::{Codec, Item, Items};
use deflate::{Agreed, Inflate};
pub(crate) use deflate::{Deflate, LEAST_BITS, MOST_BITS, Settings as DeflateSettings};
pub(crate) use frame::{Head, MOST_CONTROL};
use handshake::{Handshake, Step};
pub use http::{Request, Response};
pub(crate) use send::{Broadcast, OVERHEAD, Sender};
pub(crate) use uri::Address;
pub(crate) use utf8::is_text;

use super::{Event, Kind, Layer, Up, Wire};
use crate::error::{Error, Result};

/// What the sessions of a server have in common, or the connections of a client.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) limits: Limits,
    pub(crate) deflate: Option<DeflateSettings>,
    /// Whether pings and pongs are told too.
    pub(crate) tells_control: bool,
    /// Tells the time in the words of HTTP (RFC 9110 section 5.6.7).
    pub(crate) date: fn() -> String,
    /// What a client asks for; servers have none.
    pub(crate) target: Option<Target>,
}

impl Config {
    fn is_server(&self) -> bool {
        self.target.is_none()
    }
}

/// What a client asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    /// The value of the header field Host.
    pub(crate) host: String,
    /// The path and the query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) subprotocols: Vec<String>,
}

impl Target {
    pub(crate) fn new(address: &Address) -> Target {
        Target { host: address.host_field(), target: address.target.clone(), ..Target::default() }
    }

    /// Adds a header field to the request.
    pub(crate) fn add_header(&mut self, name: &str, value: &str) -> Result<()> {
        if name.eq_ignore_ascii_case("host") {
            self.host = http::checked("x-host", value)?.1.to_str().unwrap_or_default().to_owned();
            return Ok(());
        }
        if name.eq_ignore_ascii_case("sec-websocket-key") {
            return Err(Error::argument(
                "the header field Sec-WebSocket-Key is written by the library",
            ));
        }
        self.headers.push(http::checked(name, value)?);
        Ok(())
    }

    /// Chooses the subprotocols to offer, the preferred one first.
    pub(crate) fn set_subprotocols(&mut self, names: &[&str]) -> Result<()> {
        let names = names.iter().map(|name| http::checked_token(name).map(str::to_owned));
        self.subprotocols = names.collect::<Result<_>>()?;
        Ok(())
    }
}

/// What two peers have agreed on, as far as the sending side has to know.
#[derive(Default)]
pub(crate) struct Agreement {
    pub(crate) subprotocol: Option<Box<str>>,
    pub(crate) deflate: Option<Box<Deflate>>,
}

/// One WebSocket connection.
pub(crate) struct Ws {
    codec: Codec,
    special: Option<Box<Special>>,
    /// The code of the peer's Close frame, 0 before it.
    received: u16,
    is_ready: bool,
    /// A Close frame was sent.
    sent: bool,
    /// The connection below has ended.
    ended: bool,
}

/// What most connections have not, most of the time. A server whose client asks in one piece needs
/// none of it for the handshake.
enum Special {
    /// A handshake that has begun.
    Handshake(Handshake),
    /// The peer has got another answer than a handshake, or the handshake failed.
    Over,
    /// The connection is failed, with this Close frame.
    Failed(CloseFrame),
    /// A message waits until somebody wants to have it, and these bytes behind it.
    Waiting(Vec<u8>),
}

impl Ws {
    pub(crate) fn new(config: Arc<Config>) -> Ws {
        Ws {
            codec: Codec::new(config),
            special: None,
            received: 0,
            is_ready: false,
            sent: false,
            ended: false,
        }
    }

    fn config(&self) -> &Arc<Config> {
        self.codec.config()
    }

    fn is_failed(&self) -> bool {
        matches!(self.special.as_deref(), Some(Special::Failed(_)))
    }

    /// Whether more of the peer counts: until its Close frame, and on clients until the server has
    /// closed the connection (RFC 6455 section 7.1.1).
    fn expects_more(&self) -> bool {
        let over = self.received != 0 && self.config().is_server();
        self.is_ready && !over && !self.ended && !self.is_failed()
    }

    /// Takes frames of the peer, in front of which nothing waits.
    #[inline(always)]
    fn frames(&mut self, bytes: &mut [u8], up: &mut dyn Up) {
        let Ws { codec, received, .. } = self;
        let (masks, tells_control) = (!codec.config().is_server(), codec.config().tells_control);
        match codec.receive(bytes, &mut Passed { up, received, masks, tells_control }) {
            Ok(None) => {}
            Ok(Some(rest)) => self.special = Some(Box::new(Special::Waiting(rest.to_vec()))),
            Err(violation) => {
                self.codec.stop();
                self.special = Some(Box::new(Special::Failed(violation.frame())));
                up.tell(Event::Failed(violation.error()));
            }
        }
    }

    /// Goes on with the handshake. Returns how many of the bytes belonged to it when it is done.
    #[cold]
    #[inline(never)]
    fn shake_hands(&mut self, bytes: &[u8], down: &mut Wire, up: &mut dyn Up) -> Option<usize> {
        let mut handshake = match self.special.take().map(|own| *own) {
            None => Handshake::new(),
            Some(Special::Handshake(handshake)) => handshake,
            Some(other) => {
                self.special = Some(Box::new(other));
                return None;
            }
        };
        match handshake.receive(bytes, self.codec.config(), down, up) {
            Step::More => {
                self.special = Some(Box::new(Special::Handshake(handshake)));
                None
            }
            Step::Open(used, opened) => {
                self.is_ready = true;
                let agreed = opened.deflate.zip(self.config().deflate);
                let deflate = agreed.and_then(|(agreed, settings)| self.compress(agreed, settings));
                let deflate = deflate.map(Box::new);
                up.tell(Event::Ready(Agreement { subprotocol: opened.subprotocol, deflate }));
                Some(used)
            }
            Step::Answered => {
                self.special = Some(Box::new(Special::Over));
                up.tell(Event::Done);
                None
            }
            Step::Failed(error) => {
                self.special = Some(Box::new(Special::Over));
                up.tell(Event::Failed(error));
                None
            }
        }
    }

    /// From now on messages may be compressed. Returns what compresses those of this side.
    fn compress(&mut self, agreed: Agreed, settings: DeflateSettings) -> Option<Deflate> {
        let server = (agreed.server_takeover, agreed.server_bits);
        let client = (agreed.client_takeover, agreed.client_bits);
        let ((takeover, bits), (peer_takeover, _)) = match self.config().is_server() {
            true => (server, client),
            false => (client, server),
        };
        self.codec.set_inflate(Inflate::new(peer_takeover));
        Deflate::new(settings, takeover, bits)
    }
}

/// What passes the items on, and answers what the RFC wants to have answered.
struct Passed<'a> {
    up: &'a mut dyn Up,
    received: &'a mut u16,
    masks: bool,
    tells_control: bool,
}

impl Items for Passed<'_> {
    #[inline(always)]
    fn message(&mut self, kind: Kind, data: &[u8]) -> bool {
        self.up.data(kind, data);
        true
    }

    #[inline(never)]
    fn item(&mut self, item: Item<'_>) -> bool {
        match item {
            Item::Message(kind, data) => self.up.data(kind, data),
            Item::Inflates => {
                let mut goes_on = true;
                self.up.tell(Event::Inflates(&mut goes_on));
                return goes_on;
            }
            Item::Ping(payload) => {
                let (pong, size) = send::pong(payload, self.masks);
                self.up.tell(Event::Reply(&pong[..size]));
                if self.tells_control {
                    self.up.data(Kind::Ping, payload);
                }
            }
            Item::Pong(payload) if self.tells_control => self.up.data(Kind::Pong, payload),
            Item::Pong(_) => {}
            Item::Close(code, reason) => {
                *self.received = code;
                self.up.tell(Event::Closed(CloseFrame { code, reason: reason.to_owned() }));
                return false;
            }
        }
        true
    }
}

impl Layer for Ws {
    fn start(&mut self, down: &mut Wire, _up: &mut dyn Up) -> Result<()> {
        let config = self.codec.config();
        if let Some(target) = &config.target {
            let mut handshake = Handshake::new();
            handshake.ask(config, target, down)?;
            self.special = Some(Box::new(Special::Handshake(handshake)));
        }
        Ok(())
    }

    #[inline(always)]
    fn receive(&mut self, mut bytes: &mut [u8], down: &mut Wire, up: &mut dyn Up) -> Result<()> {
        if !self.is_ready {
            let Some(used) = self.shake_hands(bytes, down, up) else { return Ok(()) };
            bytes = &mut bytes[used..];
        }
        if let Some(Special::Waiting(waiting)) = self.special.as_deref_mut() {
            waiting.extend_from_slice(bytes);
            return self.go_on(down, up);
        }
        if self.received == 0 && self.special.is_none() {
            self.frames(bytes, up);
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn go_on(&mut self, _down: &mut Wire, up: &mut dyn Up) -> Result<()> {
        let mut goes_on = self.waits();
        if goes_on {
            up.tell(Event::Inflates(&mut goes_on));
        }
        if goes_on && let Some(Special::Waiting(mut bytes)) = self.special.take().map(|own| *own) {
            self.frames(&mut bytes, up);
        }
        Ok(())
    }

    /// Messages are frames already.
    fn send(&mut self, data: &mut Wire, down: &mut Wire) -> Result<usize> {
        let count = data.len();
        down.append(data);
        Ok(count)
    }

    fn close(&mut self, goodbye: &CloseFrame, down: &mut Wire) -> bool {
        if self.is_ready && !self.sent {
            self.sent = true;
            let echo = CloseFrame { code: self.received, reason: String::new() };
            let frame = match self.special.as_deref() {
                Some(Special::Failed(frame)) => frame,
                _ if self.received != 0 => &echo,
                _ => goodbye,
            };
            send::close(frame, !self.config().is_server(), down);
        }
        !self.expects_more()
    }

    fn listens(&self) -> bool {
        self.expects_more()
    }

    fn waits(&self) -> bool {
        matches!(self.special.as_deref(), Some(Special::Waiting(_)))
    }

    fn has_goodbyes(&self) -> bool {
        self.is_ready
    }

    fn end(&mut self) -> Result<()> {
        self.ended = true;
        if !self.is_ready && !matches!(self.special.as_deref(), Some(Special::Over)) {
            return Err(handshake::end(self.config()));
        }
        if self.is_ready && self.received == 0 && !self.sent && !self.is_failed() {
            return Err(Error::web_socket(
                i32::from(ABNORMAL),
                "the peer closed the connection without a Close frame: what it sent may have been cut",
            ));
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn is_transparent(&self) -> bool {
        self.is_ready
    }
}
