//! Endpoints and sessions of the scalability protocols: what their sockets are made of.

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use super::endpoint::Endpoint;
use super::options::Options;
use super::outbox::{Outbox, Phase};
use super::place::Place;
use super::protocol::{Prepared, Protocol};
use super::session::SessionInner;
use super::web_socket::WebSocket;
use super::{AtOnce, Client, Flushes, Server, Service, Session, SocketOption, TlsContext};
use crate::error::{Error, Result, SpFailure};
use crate::proto::sp::{self, Config, Mapping};
use crate::proto::{Body, JOINED, ws};

/// Where sockets are found.
#[derive(Clone, Copy)]
pub(crate) enum SpAddress<'a> {
    Tcp {
        host: &'a str,
        port: u16,
    },
    Tls {
        context: &'a TlsContext,
        host: &'a str,
        port: u16,
    },
    /// A Unix domain socket.
    Ipc {
        path: &'a Path,
    },
    /// `target` is the path with the query, as in `/path?query`.
    WebSocket {
        host: &'a str,
        port: u16,
        target: &'a str,
    },
    WebSocketTls {
        context: &'a TlsContext,
        host: &'a str,
        port: u16,
        target: &'a str,
    },
}

/// Messages from this size on gain nothing from being joined with others, and much from not being
/// copied.
pub(crate) const LARGE: usize = 16 * 1024;

/// What a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpConfig {
    /// The number of its own protocol.
    pub(crate) protocol: u16,
    /// The number of the one that its peers have to speak.
    pub(crate) peer: u16,
    /// Bytes of a message that a peer may send; none for any. The option MessageLimit of the
    /// endpoint, from its next start or connect on.
    pub(crate) max_size: Option<usize>,
}

/// What became of a message that a session was to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It leaves. So much waits now.
    Accepted(Backlog),
    /// The send limit is reached. `on_empty` follows.
    Full,
    /// There is no connection.
    Gone,
}

/// What waits to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Backlog {
    /// As they are to leave.
    pub(crate) bytes: usize,
    pub(crate) messages: u64,
}

/// How an endpoint speaks a scalability protocol.
pub(super) struct Scalability {
    mapping: Mapping,
    protocol: u16,
    peer: u16,
    /// The settings of the last start or connect.
    config: Prepared<Config>,
}

impl Scalability {
    fn new(mapping: Mapping, config: &SpConfig) -> Scalability {
        let SpConfig { protocol, peer, .. } = *config;
        Scalability { mapping, protocol, peer, config: Prepared::default() }
    }

    pub(super) fn mapping(&self) -> Mapping {
        self.mapping
    }

    /// Takes the settings for the connections to come.
    pub(super) fn prepare(&self, options: &Options) {
        let Scalability { mapping, protocol, peer, .. } = *self;
        let limit = options.limit(SocketOption::MessageLimit).unwrap_or(usize::MAX);
        self.config.set(Config { mapping, protocol, peer, limit });
    }

    pub(super) fn config(&self) -> Arc<Config> {
        self.config.get()
    }
}

/// Which side of a connection an endpoint is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Server,
    Client,
}

/// What an address comes to: how it is encrypted, what is spoken, and where.
fn parts<'a>(
    address: SpAddress<'a>,
    config: &SpConfig,
    side: Side,
) -> Result<(Option<&'a TlsContext>, Protocol, Place)> {
    let bytes = |mapping| Protocol::Scalability(Scalability::new(mapping, config));
    Ok(match address {
        SpAddress::Tcp { host, port } => (None, bytes(Mapping::Tcp), Place::internet(host, port)?),
        SpAddress::Tls { context, host, port } => {
            (Some(context), bytes(Mapping::Tcp), Place::internet(host, port)?)
        }
        SpAddress::Ipc { path } => (None, bytes(Mapping::Ipc), Place::unix(path)?),
        SpAddress::WebSocket { host, port, target } => {
            let (protocol, place) = web_socket(config, side, false, host, port, target)?;
            (None, protocol, place)
        }
        SpAddress::WebSocketTls { context, host, port, target } => {
            let (protocol, place) = web_socket(config, side, true, host, port, target)?;
            (Some(context), protocol, place)
        }
    })
}

fn web_socket(
    config: &SpConfig,
    side: Side,
    secure: bool,
    host: &str,
    port: u16,
    target: &str,
) -> Result<(Protocol, Place)> {
    // The subprotocol is named after the side that listens.
    let number = if side == Side::Server { config.protocol } else { config.peer };
    let subprotocol = sp::subprotocol_of(number)
        .ok_or_else(|| Error::argument(format!("there is no protocol number {number}")))?;
    let place = Place::internet(host, port)?;
    let web_socket = match side {
        Side::Server => WebSocket::server(),
        Side::Client => {
            let (host, target) = (place.host().to_owned(), target.to_owned());
            WebSocket::client(&ws::Address { secure, host, port, target })
        }
    };
    Ok((Protocol::WebSocket(web_socket.with_subprotocol(subprotocol, target)?), place))
}

fn set_up(endpoint: &mut Endpoint, config: &SpConfig) -> Result<()> {
    endpoint.tells_batches = true;
    let limit = config.max_size.map_or(0, |size| i64::try_from(size).unwrap_or(i64::MAX));
    endpoint.options.set(SocketOption::MessageLimit, limit)
}

impl Server {
    /// A server whose sessions speak a scalability protocol. Nothing touches the network yet.
    ///
    /// A session is open from its `on_handshaked` on; each message of the peer is one
    /// `on_received`, and `on_batch` follows those that one read brought. A peer that speaks
    /// something else gets `on_error` and `on_disconnected`.
    pub(crate) fn sp(
        service: &Service,
        address: SpAddress<'_>,
        config: &SpConfig,
    ) -> Result<Server> {
        let (tls, protocol, place) = parts(address, config, Side::Server)?;
        let mut endpoint = Endpoint::server(&service.0.core, tls, protocol, place)?;
        set_up(&mut endpoint, config)?;
        Ok(Server(Arc::new(endpoint)))
    }
}

impl Client {
    /// A client as [`Server::sp`] is a server.
    pub(crate) fn sp(
        service: &Service,
        address: SpAddress<'_>,
        config: &SpConfig,
    ) -> Result<Client> {
        let (tls, protocol, place) = parts(address, config, Side::Client)?;
        let mut endpoint = Endpoint::client(&service.0.core, tls, protocol, place)?;
        set_up(&mut endpoint, config)?;
        Ok(Client::of(endpoint))
    }
}

impl Session {
    /// Sends a message: `header`, a few words that a protocol puts in front, and `body`. It may be
    /// called as [`Session::send`] may. A message is refused if others wait and it would pass the
    /// [`SendLimit`](SocketOption::SendLimit); one alone may be larger.
    #[cfg(test)]
    pub(crate) fn send_sp(&self, header: &[u8], body: Body<'_>) -> Offer {
        self.offer_sp(header, body, &mut Flushes::default())
    }

    /// The same, but the loop is told by `flushes`: once for many sends, and without the locks
    /// that the caller holds now.
    #[inline]
    pub(crate) fn offer_sp(&self, header: &[u8], body: Body<'_>, flushes: &mut Flushes) -> Offer {
        self.0.offer_sp(header, body, flushes)
    }

    /// What waits to be sent, exact for connections that speak a scalability protocol themselves;
    /// of WebSocket the number of messages is an estimate while some of them leave. In
    /// `on_disconnected`: the messages that were accepted and did not leave as a whole.
    pub(crate) fn backlog(&self) -> Backlog {
        let mut outbox = self.0.outbox();
        Backlog { bytes: self.bytes_pending(), messages: outbox.waiting_messages() }
    }
}

impl SessionInner {
    #[inline(always)]
    fn offer_sp(&self, header: &[u8], body: Body<'_>, flushes: &mut Flushes) -> Offer {
        let mut outbox = self.outbox();
        if !matches!(outbox.phase, Phase::Open | Phase::Handshaking) {
            return Offer::Gone;
        }
        let limit = self.endpoint.options.limit(SocketOption::SendLimit).unwrap_or(usize::MAX);
        let size = header.len() + body.bytes().len();
        let pending = self.pending();
        if pending > 0 && pending.saturating_add(size) > limit {
            self.await_empty();
            return Offer::Full;
        }
        let mut written = 0;
        if pending == 0 && self.writes_at_once(flushes.at_once()) {
            match self.write_at_once(&mut outbox, header, body) {
                None => return Offer::Accepted(Backlog::default()),
                Some(count) => written = count,
            }
        }
        let count = outbox.push_body(header, body, JOINED);
        if written > 0 {
            outbox.skip(written);
        }
        let bytes = self.add_pending(count - written);
        let messages = outbox.waiting_messages();
        let key = outbox.schedule();
        drop(outbox);
        if let Some(key) = key {
            flushes.add(self, key);
        }
        Offer::Accepted(Backlog { bytes, messages })
    }

    #[inline(always)]
    fn writes_at_once(&self, at_once: AtOnce) -> bool {
        match at_once {
            AtOnce::No => false,
            AtOnce::Elsewhere => !self.remote().is_current(),
            AtOnce::Everywhere => true,
        }
    }

    /// Writes a message that nothing waits before. Returns how much of it went out, `None` when that
    /// was all. The counters of the session are the loop's, and know nothing of it; sockets have
    /// their own.
    #[inline(never)]
    fn write_at_once(&self, outbox: &mut Outbox, header: &[u8], body: Body<'_>) -> Option<usize> {
        match outbox.write_message(header, body.bytes()) {
            Some((written, size)) => (written < size).then_some(written),
            None => Some(0),
        }
    }

    /// Sends bytes as a message, for those who do not know what is spoken.
    pub(super) fn send_as_message(&self, data: &[u8]) -> Result<usize> {
        let mut flushes = Flushes::default();
        match self.offer_sp(&[], Body::Copied(data), &mut flushes) {
            Offer::Accepted(backlog) => Ok(backlog.bytes.max(data.len())),
            Offer::Full => Err(Error::sp(
                SpFailure::WouldBlock,
                "so much waits to be sent that the send limit is reached; go on after on_empty",
            )),
            Offer::Gone => Err(Error::not_connected()),
        }
    }
}
