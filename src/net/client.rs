//! The handle of a client.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connect::ConnectRequest;
use super::endpoint::Endpoint;
use super::outbox::{Close, Phase};
use super::place::Place;
use super::protocol::Protocol;
use super::remote::Operation;
use super::session::SessionInner;
use super::{Reason, Service, Session, SessionHandler, SocketOption, TlsContext};
use crate::error::{Error, Result};
use crate::proto::tls::server_name;

/// Connects to a server, as often as wanted. Dereferences to the [`Session`] that is its
/// connection, so `send`, `disconnect` and the counters are at hand.
///
/// A handle is cheap to clone and may be used on every thread and in every callback; none of its
/// methods blocks. Dropping a handle disconnects nothing.
#[derive(Clone)]
pub struct Client(pub(crate) Session);

impl Client {
    /// A TCP client of the server on `host`, a name or an address, and `port`. Nothing touches
    /// the network yet.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an empty host or port 0.
    pub fn tcp(service: &Service, host: &str, port: u16) -> Result<Client> {
        Client::new(service, None, Protocol::Bytes, Place::internet(host, port)?)
    }

    /// A client as [`Client::tcp`] makes it, whose connection is encrypted with TLS. The server has
    /// to have a certificate for `host`, or for the [name](Client::set_server_name) that is set.
    ///
    /// # Errors
    ///
    /// As [`Client::tcp`].
    pub fn tls(service: &Service, context: &TlsContext, host: &str, port: u16) -> Result<Client> {
        Client::new(service, Some(context), Protocol::Bytes, Place::internet(host, port)?)
    }

    /// A client of the server on the Unix domain socket at `path`, as [`Server::unix`] takes it. No
    /// file need be there before the connect.
    ///
    /// # Errors
    ///
    /// As [`Server::unix`].
    ///
    /// [`Server::unix`]: super::Server::unix
    pub fn unix(service: &Service, path: impl AsRef<Path>) -> Result<Client> {
        Client::new(service, None, Protocol::Bytes, Place::unix(path.as_ref())?)
    }

    pub(super) fn new(
        service: &Service,
        tls: Option<&TlsContext>,
        protocol: Protocol,
        place: Place,
    ) -> Result<Client> {
        Endpoint::client(&service.0.core, tls, protocol, place).map(Client::of)
    }

    pub(super) fn of(endpoint: Endpoint) -> Client {
        let home = endpoint.core.next_loop();
        let inner = SessionInner::new(Arc::new(endpoint), home, Phase::Idle);
        Client(Session(Arc::new(inner)))
    }

    /// The path that the client connects to, if that is a Unix domain socket.
    pub fn path(&self) -> Option<&Path> {
        self.0.0.endpoint.place.path()
    }

    /// The context of an encrypted client.
    pub fn tls_context(&self) -> Option<&TlsContext> {
        self.0.0.endpoint.tls.as_ref()
    }

    /// Chooses the name that the certificate of the server has to be for and that the server is
    /// asked for (SNI), from the next connect on. `None`, the default, takes the host.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for what is neither a DNS name
    /// nor an address.
    pub fn set_server_name(&self, name: Option<&str>) -> Result<()> {
        name.map(server_name).transpose()?;
        *self.0.0.endpoint.as_client().server_name() = name.map(str::to_owned);
        Ok(())
    }

    /// The connection of this client.
    pub fn session(&self) -> &Session {
        &self.0
    }

    /// Sets an option, from the next connect on.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for a value out of range.
    pub fn set_option(&self, option: SocketOption, value: i64) -> Result<()> {
        self.0.0.endpoint.options.set(option, value)
    }

    /// Tells the value of an option.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an option of datagrams.
    pub fn option(&self, option: SocketOption) -> Result<i64> {
        self.0.0.endpoint.options.tell(option)
    }

    /// Chooses the address of this side for the next connects; port 0 lets the system choose it.
    /// `None` leaves both to the system.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) while connecting or connected;
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an address on a client of a
    /// Unix domain socket.
    pub fn bind(&self, local: Option<SocketAddr>) -> Result<()> {
        if local.is_some() && self.path().is_some() {
            return Err(Error::argument("a client of a Unix domain socket has no address to bind"));
        }
        if self.0.0.outbox().phase != Phase::Idle {
            return Err(Error::state("the client is connected; bind it before connect"));
        }
        *self.0.0.endpoint.as_client().local() = local;
        Ok(())
    }

    /// Connects in the background. Names are resolved off the loop threads, and their addresses
    /// tried in turn within [`SocketOption::ConnectTimeout`]. The loop calls `on_connected`, or
    /// `on_error` and `on_disconnected`; after `on_disconnected` the handler is dropped.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) while connecting or connected, or
    /// when the service is stopping; [`Status::Tls`](crate::Status::Tls) when the context of an
    /// encrypted client lacks something. The handler is dropped then.
    pub fn connect(&self, handler: impl SessionHandler) -> Result<()> {
        let inner = &*self.0.0;
        if inner.endpoint.core.is_stopping() {
            return Err(Error::state("the service is stopping; connect after its next start"));
        }
        inner.endpoint.prepare()?;
        // Keeps nothing in a queue that nobody takes any more.
        let _owner = self.service();
        let mut outbox = inner.outbox();
        if outbox.phase != Phase::Idle {
            return Err(Error::state("the client is connected or connecting; disconnect it first"));
        }
        outbox.phase = Phase::Connecting;
        // Another handler takes the place of one that wanted to go on.
        *inner.endpoint.as_client().reconnect() = None;
        let request = ConnectRequest {
            session: self.0.clone(),
            handler: Box::new(handler),
            not_before: Instant::now(),
        };
        inner.remote().post(Operation::Connect(Box::new(request)));
        Ok(())
    }

    /// Ends the connection, as [`Session::disconnect`] does, and connects again with the same
    /// handler when `delay` has passed after its `on_disconnected`. In `on_disconnected` it only
    /// connects again: the way to stay connected for ever.
    ///
    /// # Errors
    ///
    /// [`Status::NotConnected`](crate::Status::NotConnected) when not connected, so that there is
    /// no handler to go on with; [`Status::InvalidState`](crate::Status::InvalidState) when
    /// connecting.
    pub fn reconnect(&self, delay: Duration) -> Result<()> {
        let inner = &*self.0.0;
        let client = inner.endpoint.as_client();
        let mut outbox = inner.outbox();
        match outbox.phase {
            Phase::Idle if outbox.ending => {
                outbox.phase = Phase::Connecting;
                *client.reconnect() = Some(delay);
                Ok(())
            }
            Phase::Idle => Err(Error::not_connected()),
            Phase::Connecting => Err(Error::state("the client is connecting already")),
            Phase::Handshaking | Phase::Open | Phase::Closing => {
                *client.reconnect() = Some(delay);
                // Refused only when the connection is ending already, which is as good. Under the
                // same lock, so that it is this connection that ends and not the next one.
                inner.close_locked(&mut outbox, Close { reason: Reason::Local, discard: false });
                Ok(())
            }
        }
    }
}

impl Deref for Client {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = &self.0.0.endpoint;
        formatter
            .debug_struct("Client")
            .field("server", &format_args!("{}", endpoint.place))
            .field("connected", &self.0.is_connected())
            .finish()
    }
}
