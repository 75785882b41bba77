//! What servers, sessions and clients have for WebSocket alone.

use std::io::IoSlice;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::endpoint::Role;
use super::frames::Sent;
use super::options::Options;
use super::outbox::{Close, Outbox, Phase};
use super::place::Place;
use super::protocol::{Prepared, Protocol};
use super::session::SessionInner;
use super::{
    Client, CloseFrame, Kind, Reason, Request, Response, SendPolicy, Server, Service, Session,
    SocketOption, TlsContext,
};
use crate::error::{Error, Result, SpFailure};
use crate::proto::ws::{
    self, Address, Agreement, Config, DeflateSettings, Limits, MOST_CONTROL, OVERHEAD, Target,
};
use crate::proto::{GATHER, JOINED};

/// How an endpoint speaks WebSocket.
pub(super) struct WebSocket {
    /// What a client asks for.
    target: Option<Mutex<Target>>,
    /// What both sides have to agree on, if anything.
    required: Option<Box<Required>>,
    /// The settings of the last start or connect.
    config: Prepared<Config>,
}

impl WebSocket {
    pub(super) fn server() -> WebSocket {
        WebSocket { target: None, required: None, config: Prepared::default() }
    }

    pub(super) fn client(address: &Address) -> WebSocket {
        let target = Some(Mutex::new(Target::new(address)));
        WebSocket { target, required: None, config: Prepared::default() }
    }

    /// Refuses connections without this subprotocol, and on servers those that ask for another path
    /// than that of `target`.
    pub(super) fn with_subprotocol(mut self, name: String, target: &str) -> Result<WebSocket> {
        if let Some(mut target) = self.target() {
            target.set_subprotocols(&[&name])?;
        }
        let path = target.split('?').next().unwrap_or(target).to_owned();
        self.required = Some(Box::new(Required { subprotocol: name, path }));
        Ok(self)
    }

    /// Answers a request of an opening handshake as far as something is required. Returns what is
    /// wrong with a client that comes to the right place and speaks something else.
    pub(super) fn check_request(
        &self,
        request: &Request,
        response: &mut Response,
    ) -> Result<Option<Error>> {
        const BAD_REQUEST: u16 = 400;
        const NOT_FOUND: u16 = 404;
        let Some(required) = &self.required else { return Ok(None) };
        let Required { subprotocol, path } = &**required;
        if request.path() != path {
            response.set_body(format!("There is nothing here; ask for {path}.\n"));
            response.set_status(NOT_FOUND)?;
            Ok(None)
        } else if !request.subprotocols().any(|offered| offered == subprotocol) {
            response.set_body(format!("Only the subprotocol {subprotocol} is spoken here.\n"));
            response.set_status(BAD_REQUEST)?;
            let offers: Vec<&str> = request.subprotocols().collect();
            let offers = if offers.is_empty() { "none".to_owned() } else { offers.join(", ") };
            Ok(Some(Error::sp(
                SpFailure::Peer,
                format!(
                    "the client does not speak {subprotocol}; of subprotocols it offers {offers}"
                ),
            )))
        } else {
            response.set_subprotocol(subprotocol)?;
            Ok(None)
        }
    }

    /// An error if what was agreed on is not what is required.
    pub(super) fn check_agreement(&self, agreement: &Agreement) -> Result<()> {
        match &self.required {
            Some(required) if agreement.subprotocol.as_deref() != Some(&*required.subprotocol) => {
                Err(Error::sp(
                    SpFailure::Peer,
                    format!(
                        "the server does not speak {}; is something else on that port?",
                        required.subprotocol
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn is_client(&self) -> bool {
        self.target.is_some()
    }

    fn target(&self) -> Option<MutexGuard<'_, Target>> {
        Some(self.target.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the settings for the connections to come.
    pub(super) fn prepare(&self, options: &Options) {
        let limit = |option| options.limit(option).unwrap_or(usize::MAX);
        let number = |option| options.get(option) as u8;
        self.config.set(Config {
            limits: Limits {
                message: limit(SocketOption::MessageLimit),
                frame: limit(SocketOption::FrameLimit),
                fragments: limit(SocketOption::FragmentLimit),
            },
            deflate: options.is_on(SocketOption::Deflate).then(|| DeflateSettings {
                takeover: options.is_on(SocketOption::DeflateTakeover),
                window_bits: number(SocketOption::DeflateWindowBits),
                level: number(SocketOption::DeflateLevel),
                threshold: options.limit(SocketOption::DeflateThreshold).unwrap_or(0),
            }),
            tells_control: options.is_on(SocketOption::ControlFrames),
            date: || httpdate::fmt_http_date(SystemTime::now()),
            target: self.target().map(|target| target.clone()),
        });
    }

    pub(super) fn config(&self) -> Arc<Config> {
        self.config.get()
    }
}

/// What a connection is refused without.
struct Required {
    subprotocol: String,
    /// The path that servers are asked for.
    path: String,
}

/// A message that may be sent, with bytes taken for a binary one.
#[inline(always)]
pub(super) fn checked(kind: Kind, data: &[u8]) -> Result<Kind> {
    match kind {
        Kind::Text if !ws::is_text(data) => Err(not_sendable(kind, data)),
        Kind::Ping | Kind::Pong if data.len() > MOST_CONTROL => Err(not_sendable(kind, data)),
        Kind::Bytes => Ok(Kind::Binary),
        kind => Ok(kind),
    }
}

#[cold]
#[inline(never)]
fn not_sendable(kind: Kind, data: &[u8]) -> Error {
    Error::argument(match kind {
        Kind::Ping | Kind::Pong => {
            format!("pings and pongs carry up to {MOST_CONTROL} bytes, not {}", data.len())
        }
        _ => "a text message has to be UTF-8 (RFC 6455 section 5.6); send other bytes as a binary one"
            .to_owned(),
    })
}

pub(super) fn not_for_bytes() -> Error {
    Error::argument("only WebSocket sessions have messages; send bytes to others")
}

fn not_web_socket() -> Error {
    Error::argument("this is no WebSocket session; its like is made by Server::websocket")
}

impl SessionInner {
    /// Sends a message that was [checked].
    #[inline(always)]
    pub(super) fn send_message(
        &self,
        mut outbox: MutexGuard<'_, Outbox>,
        kind: Kind,
        data: &[u8],
    ) -> Result<usize> {
        let dropped_by = self.admit(&mut outbox, data.len() + OVERHEAD)?;
        if data.len() >= JOINED
            && dropped_by.is_none()
            && self.remote().is_current()
            && let Some(count) = self.send_message_direct(&mut outbox, kind, data)
        {
            return Ok(self.queued(outbox, count).max(data.len()));
        }
        let count = outbox.push_message(kind, data, dropped_by.unwrap_or(JOINED));
        Ok(self.queued(outbox, count).max(data.len()))
    }

    /// Apart, because bytes take the same way until here and need none of this.
    #[inline(never)]
    pub(super) fn send_binary(&self, outbox: MutexGuard<'_, Outbox>, data: &[u8]) -> Result<usize> {
        match self.endpoint.protocol {
            Protocol::Scalability(_) => {
                drop(outbox);
                self.send_as_message(data)
            }
            _ => self.send_message(outbox, Kind::Binary, data),
        }
    }

    /// Tries the socket first, with a message that need not be changed. Returns how many bytes of
    /// it wait.
    fn send_message_direct(&self, outbox: &mut Outbox, kind: Kind, data: &[u8]) -> Option<usize> {
        let (head, size) = outbox.frames()?.head(kind, data.len())?;
        let head = &head[..size];
        let written = outbox.send_direct(&[IoSlice::new(head), IoSlice::new(data)]);
        if written == 0 {
            return None;
        }
        let rest = size + data.len() - written;
        let sent = Sent { bytes: written.saturating_sub(size), messages: u32::from(rest == 0) };
        outbox.add_sent_direct(sent.bytes);
        self.count_sent(sent);
        if rest > 0 {
            match written.checked_sub(size) {
                Some(written) => outbox.push(&data[written..], GATHER),
                None => outbox.push_parts(&head[written..], data, GATHER),
            }
            outbox.frames()?.add_waiting(data.len() - sent.bytes, 1);
        }
        Some(rest)
    }

    /// Sends bytes that the layers made, unless too many of them wait already. The limit is not
    /// theirs: the program may have used it up, and its peer asks nevertheless. Only on the loop.
    pub(super) fn reply(&self, bytes: &[u8]) {
        let mut outbox = self.outbox();
        if outbox.phase == Phase::Open {
            let join = self.dropped_by().unwrap_or(GATHER);
            let count = outbox.push_reply(bytes, join);
            if count > 0 {
                self.queued(outbox, count);
            }
        }
    }

    /// Asks the peer for a sign of life, whatever waits. Only on the loop.
    pub(super) fn ping(&self) {
        let mut outbox = self.outbox();
        if outbox.phase == Phase::Open {
            let join = self.dropped_by().unwrap_or(GATHER);
            let count = outbox.push_message(Kind::Ping, b"", join);
            self.queued(outbox, count);
        }
    }

    /// An outbox that takes messages.
    #[inline(always)]
    fn open_outbox(&self) -> Result<MutexGuard<'_, Outbox>> {
        let outbox = self.outbox();
        if self.endpoint.protocol.web_socket().is_none() {
            return Err(not_web_socket());
        }
        if !matches!(outbox.phase, Phase::Open | Phase::Handshaking) {
            return Err(Error::not_connected());
        }
        Ok(outbox)
    }
}

impl Session {
    /// Sends a message of a WebSocket session. Returns how many bytes wait to be sent now, never
    /// less than `data.len()`. It may be called as [`Session::send`] may; before the handshake is
    /// done, messages wait for it.
    ///
    /// [`Kind::Text`] takes UTF-8, [`Kind::Bytes`] counts as [`Kind::Binary`], [`Kind::Ping`] and
    /// [`Kind::Pong`] take up to 125 bytes. On a session of bytes only [`Kind::Bytes`] is possible.
    ///
    /// # Errors
    ///
    /// As [`Session::send`], and [`Status::InvalidArgument`](crate::Status::InvalidArgument) for
    /// data that the kind does not take. Nothing was sent then.
    pub fn send_message(&self, kind: Kind, data: &[u8]) -> Result<usize> {
        if self.0.endpoint.protocol.web_socket().is_none() {
            return if kind == Kind::Bytes { self.send(data) } else { Err(not_for_bytes()) };
        }
        let kind = checked(kind, data)?;
        self.0.send_message(self.0.open_outbox()?, kind, data)
    }

    /// Sends a text message, as [`Session::send_message`] does.
    ///
    /// # Errors
    ///
    /// As [`Session::send_message`].
    pub fn send_text(&self, text: &str) -> Result<usize> {
        self.0.send_message(self.0.open_outbox()?, Kind::Text, text.as_bytes())
    }

    /// Sends a part of a message, so that it need not be in memory as a whole. The first part
    /// chooses whether it is [`Kind::Text`] or [`Kind::Binary`]; the `last` one ends the message.
    /// Other messages that are sent meanwhile wait for that; pings and pongs do not. Parts are
    /// never compressed. Parts of a text may be cut anywhere, so it is not checked that they are
    /// UTF-8.
    ///
    /// # Errors
    ///
    /// As [`Session::send_message`].
    pub fn send_part(&self, kind: Kind, data: &[u8], last: bool) -> Result<usize> {
        let kind = match kind {
            Kind::Text | Kind::Binary => kind,
            Kind::Bytes => Kind::Binary,
            Kind::Ping | Kind::Pong => {
                return Err(Error::argument(
                    "pings and pongs have no parts (RFC 6455 section 5.5)",
                ));
            }
        };
        let inner = &*self.0;
        let mut outbox = inner.open_outbox()?;
        if inner.endpoint.options.send_policy() == SendPolicy::DropOldest {
            return Err(Error::argument(
                "a message in parts cannot be sent with the send policy DropOldest, which could drop \
                 one of them",
            ));
        }
        inner.admit(&mut outbox, data.len() + OVERHEAD)?;
        let count = outbox.push_part(kind, data, last, GATHER);
        Ok(inner.queued(outbox, count).max(data.len()))
    }

    /// Ends the session as [`disconnect`](Session::disconnect) does, with a code and a reason for
    /// the peer (RFC 6455 section 7.4) instead of 1000 and none; the code 1005 sends none at all.
    /// Of the reason 123 bytes have room.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for a code that must not be
    /// sent, and on a session that is no WebSocket one; else as
    /// [`disconnect`](Session::disconnect).
    pub fn disconnect_with(&self, code: u16, reason: &str) -> Result<()> {
        if self.0.endpoint.protocol.web_socket().is_none() {
            return Err(not_web_socket());
        }
        let goodbye = CloseFrame::checked(code, reason)?;
        let mut outbox = self.0.outbox();
        if outbox.close.is_none()
            && let Some(frames) = outbox.frames()
        {
            frames.set_goodbye(goodbye);
        }
        let close = Close { reason: Reason::Local, discard: false };
        match self.0.close_locked(&mut outbox, close) {
            true => Ok(()),
            false => Err(Error::not_connected()),
        }
    }

    /// What the peer of a WebSocket session said at its end: known in `on_disconnected` and after
    /// it, until a client connects again. `None` before, and if the peer said nothing.
    pub fn close_frame(&self) -> Option<CloseFrame> {
        self.0.outbox().frames()?.close().cloned()
    }

    /// The subprotocol that a WebSocket session has agreed on, from `on_handshaked` on.
    pub fn subprotocol(&self) -> Option<String> {
        self.0.outbox().frames()?.subprotocol().map(str::to_owned)
    }

    /// Whether a WebSocket session compresses what it sends: from `on_handshaked` on, if both sides
    /// want it.
    pub fn is_compressed(&self) -> bool {
        self.0.outbox().frames().is_some_and(|frames| frames.compresses())
    }

    /// Messages of a WebSocket session that the system took, since the connection began.
    pub fn messages_sent(&self) -> u64 {
        self.0.messages_sent.get()
    }

    /// Messages that came from the peer of a WebSocket session, since the connection began. Pings
    /// and pongs are none.
    pub fn messages_received(&self) -> u64 {
        self.0.messages_received.get()
    }

    /// The wish to end a session, with what is to be said to its peer.
    pub(super) fn goodbye(&self, reason: Reason) -> CloseFrame {
        let mut outbox = self.0.outbox();
        let own = outbox.frames().and_then(|frames| frames.goodbye().cloned());
        own.unwrap_or_else(|| match reason {
            Reason::ServerStopped | Reason::ServiceStopped => CloseFrame::going_away(),
            _ => CloseFrame::normal(),
        })
    }

    /// Nothing that was accepted can be sent any more. Returns how many bytes that were.
    pub(super) fn drop_queue(&self) -> usize {
        let mut outbox = self.0.outbox();
        outbox.take_queue().into_iter().for_each(super::stream::discard);
        let pending = self.0.pending.swap(0, Ordering::Relaxed);
        self.0.await_no_empty();
        outbox.take_undelivered(pending)
    }
}

impl Server {
    /// A WebSocket server (RFC 6455) for `address`, as [`Server::tcp`] takes it. Its sessions are
    /// ready for messages from their `on_handshaked` on. Whom it opens sessions for is decided by
    /// [`SessionHandler::on_handshake`](super::SessionHandler::on_handshake); what else HTTP
    /// clients ask for is answered by
    /// [`SessionHandler::on_request`](super::SessionHandler::on_request).
    ///
    /// # Errors
    ///
    /// As [`Server::tcp`].
    pub fn websocket(service: &Service, address: &str, port: u16) -> Result<Server> {
        let protocol = Protocol::WebSocket(WebSocket::server());
        Server::new(service, None, protocol, Place::internet(address, port)?)
    }

    /// A server as [`Server::websocket`] makes it, whose connections are encrypted with TLS: what
    /// `wss://` addresses mean. The context needs a certificate by the time of the start.
    ///
    /// # Errors
    ///
    /// As [`Server::tcp`].
    pub fn websocket_tls(
        service: &Service,
        context: &TlsContext,
        address: &str,
        port: u16,
    ) -> Result<Server> {
        let protocol = Protocol::WebSocket(WebSocket::server());
        Server::new(service, Some(context), protocol, Place::internet(address, port)?)
    }

    /// Messages sent by all WebSocket sessions since the start.
    pub fn messages_sent(&self) -> u64 {
        self.0.as_server().traffic().messages_sent
    }

    /// Messages received by all WebSocket sessions since the start.
    pub fn messages_received(&self) -> u64 {
        self.0.as_server().traffic().messages_received
    }
}

impl Client {
    /// A WebSocket client of the server at `address`, such as `ws://host:port/path?query`; without
    /// a port 80 is meant. Nothing touches the network yet.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an address that is none, or
    /// that begins with `wss://`.
    pub fn websocket(service: &Service, address: &str) -> Result<Client> {
        let parsed = Address::parse(address)?;
        if parsed.secure {
            return Err(Error::argument(format!(
                "{address} asks for an encrypted connection; make the client with a TLS context"
            )));
        }
        let protocol = Protocol::WebSocket(WebSocket::client(&parsed));
        Client::new(service, None, protocol, Place::internet(&parsed.host, parsed.port)?)
    }

    /// A client as [`Client::websocket`] makes it, of an address that begins with `wss://`; without
    /// a port 443 is meant. The server has to have a certificate for the host, or for the
    /// [name](Client::set_server_name) that is set.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an address that is none, or
    /// that begins with `ws://`.
    pub fn websocket_tls(service: &Service, context: &TlsContext, address: &str) -> Result<Client> {
        let parsed = Address::parse(address)?;
        if !parsed.secure {
            return Err(Error::argument(format!(
                "{address} asks for a plain connection; make the client without a TLS context"
            )));
        }
        let protocol = Protocol::WebSocket(WebSocket::client(&parsed));
        Client::new(service, Some(context), protocol, Place::internet(&parsed.host, parsed.port)?)
    }

    /// Adds a header field to the request of the opening handshake, from the next connect on, such
    /// as `Origin`, `Authorization` or `Cookie`; `Host` replaces the one made of the address.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for what cannot be in a header,
    /// for fields that the library writes itself, and on a client that is no WebSocket one.
    pub fn add_header(&self, name: &str, value: &str) -> Result<()> {
        self.change_target(|target| target.add_header(name, value))
    }

    /// Chooses the subprotocols that the server may choose from, the preferred one first, from the
    /// next connect on. [`Session::subprotocol`] tells its choice.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for names that are no tokens
    /// (RFC 9110 section 5.6.2), and on a client that is no WebSocket one.
    pub fn set_subprotocols(&self, names: &[&str]) -> Result<()> {
        self.change_target(|target| target.set_subprotocols(names))
    }

    fn change_target(&self, change: impl FnOnce(&mut Target) -> Result<()>) -> Result<()> {
        let endpoint = &self.session().0.endpoint;
        debug_assert!(matches!(endpoint.role, Role::Client(_)));
        match endpoint.protocol.web_socket().and_then(WebSocket::target) {
            Some(mut target) => change(&mut target),
            None => Err(not_web_socket()),
        }
    }
}
