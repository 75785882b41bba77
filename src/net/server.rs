//! The handle of a server.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::accept::Run;
use super::endpoint::{Endpoint, Life, ServerState};
use super::multicast::Multicast;
use super::outbox::Close;
use super::place::Place;
use super::protocol::Protocol;
use super::remote::Operation;
use super::{Kind, Reason, ServerHandler, Service, Session, SocketOption, TlsContext};
use crate::error::{Error, Result};
use crate::reactor::resolver;

/// Accepts connections and makes each a [`Session`](super::Session).
///
/// A handle is cheap to clone and may be used on every thread and in every callback; none of its
/// methods waits for a loop. Dropping a handle stops nothing: a started server runs until it or
/// its service is stopped.
#[derive(Clone)]
pub struct Server(pub(crate) Arc<Endpoint>);

impl Server {
    /// A TCP server for `address`: a name, an IPv4 address such as `127.0.0.1` or `0.0.0.0`, or
    /// an IPv6 address such as `::1` or `::`, which takes IPv4 connections too unless
    /// [`SocketOption::DualStack`] is off. Port 0 lets the system choose; [`Server::port`] tells.
    /// Nothing touches the network yet.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an empty address.
    pub fn tcp(service: &Service, address: &str, port: u16) -> Result<Server> {
        Server::new(service, None, Protocol::Bytes, Place::internet(address, port)?)
    }

    /// A server as [`Server::tcp`] makes it, whose connections are encrypted with TLS. The context
    /// needs a certificate by the time of the start.
    ///
    /// # Errors
    ///
    /// As [`Server::tcp`].
    pub fn tls(
        service: &Service,
        context: &TlsContext,
        address: &str,
        port: u16,
    ) -> Result<Server> {
        Server::new(service, Some(context), Protocol::Bytes, Place::internet(address, port)?)
    }

    /// A server on a Unix domain socket, for clients on this machine, at a path of up to 107 bytes
    /// (103 on macOS and the BSDs). The start makes the file and the stop removes it. One that was
    /// left behind by a process that was killed is taken over; one that another process listens on
    /// is an error of the start. Nothing touches the file system yet.
    ///
    /// Sessions are as those of [`Server::tcp`], but neither side has an address.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for a path that is empty, has a
    /// zero byte or is too long; [`Status::Unsupported`](crate::Status::Unsupported) on Windows.
    pub fn unix(service: &Service, path: impl AsRef<Path>) -> Result<Server> {
        Server::new(service, None, Protocol::Bytes, Place::unix(path.as_ref())?)
    }

    /// Chooses the permissions of the file of a Unix domain socket, such as `0o660`, from the next
    /// start on. Who may write to the file may connect. `None`, the default, leaves what the umask
    /// of the process leaves. Without effect on other servers.
    pub fn set_mode(&self, mode: Option<u32>) {
        self.0.as_server().set_mode(mode.map(|mode| mode & 0o7777));
    }

    /// The path of a server on a Unix domain socket.
    pub fn path(&self) -> Option<&Path> {
        self.0.place.path()
    }

    pub(super) fn new(
        service: &Service,
        tls: Option<&TlsContext>,
        protocol: Protocol,
        place: Place,
    ) -> Result<Server> {
        let endpoint = Endpoint::server(&service.0.core, tls, protocol, place)?;
        Ok(Server(Arc::new(endpoint)))
    }

    /// The context of an encrypted server.
    pub fn tls_context(&self) -> Option<&TlsContext> {
        self.0.tls.as_ref()
    }

    /// Sets an option, from the next start on.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for a value out of range.
    pub fn set_option(&self, option: SocketOption, value: i64) -> Result<()> {
        self.0.options.set(option, value)
    }

    /// Tells the value of an option.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an option of datagrams.
    pub fn option(&self, option: SocketOption) -> Result<i64> {
        self.0.options.tell(option)
    }

    /// Binds, listens, and hands the listener to its loop, which calls `on_started`. On a service
    /// that is not started yet, connections wait in the backlog until it is.
    ///
    /// A name is looked up here and so may block. A server that is just being stopped binds on
    /// its loop, after the stop; failures then come by `on_error`.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when started already or the service
    /// is stopping, [`Status::System`](crate::Status::System) when the port is taken or not
    /// allowed, [`Status::Resolver`](crate::Status::Resolver) for an unknown name,
    /// [`Status::Tls`](crate::Status::Tls) when the context lacks something. The handler is dropped
    /// then, and nothing else has happened.
    pub fn start(&self, handler: impl ServerHandler) -> Result<()> {
        let endpoint = &*self.0;
        let server = endpoint.as_server();
        let refusal = |state: &ServerState| {
            if endpoint.core.is_stopping() {
                Some(Error::state("the service is stopping; start the server after it"))
            } else if matches!(state.life, Life::Starting | Life::Started) {
                Some(Error::state("the server is started already; stop it first"))
            } else {
                None
            }
        };
        if let Some(error) = refusal(&server.state()) {
            return Err(error);
        }
        endpoint.prepare()?;
        // Outside the lock, because it may block.
        let addresses = match &endpoint.place {
            Place::Internet { host, port } => resolver::lookup(host, *port).map_err(|error| {
                Error::resolver(format!("cannot resolve the address {host:?}: {error}"))
            })?,
            Place::Unix(_) => Vec::new(),
        };
        let addresses = addresses.iter().map(SocketAddr::ip).collect();
        let run = Arc::new(Run::new(self.clone(), addresses, Box::new(handler)));
        // Keeps nothing in a queue that nobody takes any more.
        let _owner = self.service();
        let mut state = server.state();
        if let Some(error) = refusal(&state) {
            return Err(error);
        }
        let listener = match state.life {
            Life::Stopped => Some(run.bind()?),
            _ => None,
        };
        state.life = Life::Starting;
        state.run = Some(Arc::clone(&run));
        // Under the lock, so that a stop on another thread is queued behind the start.
        endpoint.core.remote(server.home).post(Operation::StartServer { listener, run });
        Ok(())
    }

    /// Stops listening. The loop calls `on_stopped` and then ends each session as
    /// [`Session::disconnect`](super::Session::disconnect) does, with
    /// [`Reason::ServerStopped`]; after the last one the handler is dropped.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when not started.
    pub fn stop(&self) -> Result<()> {
        self.request_stop(false)
    }

    /// Stops and starts again with the same handler on the same port, also on one that the system
    /// chose. When the port is gone by then, `on_error` tells and the server stays stopped.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when not started.
    pub fn restart(&self) -> Result<()> {
        self.request_stop(true)
    }

    fn request_stop(&self, restart: bool) -> Result<()> {
        let server = self.0.as_server();
        let mut state = server.state();
        let run = match state.life {
            Life::Starting | Life::Started => state.run.clone(),
            Life::Stopped | Life::Stopping => None,
        };
        let Some(run) = run else {
            return Err(Error::state("the server is not started"));
        };
        state.life = if restart { Life::Starting } else { Life::Stopping };
        run.stop();
        self.0.core.remote(server.home).post(Operation::StopServer { run, restart });
        Ok(())
    }

    /// Whether the server listens: true from just before `on_started` until just before
    /// `on_stopped`.
    pub fn is_started(&self) -> bool {
        self.0.as_server().started.load(Ordering::Acquire)
    }

    /// The real port from the start on, the configured one before. 0 of a Unix domain socket.
    pub fn port(&self) -> u16 {
        self.0.as_server().port.load(Ordering::Relaxed)
    }

    /// The listening socket as the system's own calls take it, while started. It stays the
    /// library's: do not close it.
    pub fn native_handle(&self) -> Option<i64> {
        let handle = self.0.as_server().state().native_handle;
        (handle >= 0).then_some(handle)
    }

    /// The service that runs the server.
    pub fn service(&self) -> Service {
        self.0.core.service()
    }

    /// How many sessions there are, from their accept until after their last callback.
    pub fn current_sessions(&self) -> u64 {
        self.0.as_server().current_sessions.load(Ordering::Relaxed)
    }

    /// Application bytes sent by all sessions since the start.
    pub fn bytes_sent(&self) -> u64 {
        self.0.as_server().traffic().bytes_sent
    }

    /// Application bytes received by all sessions since the start.
    pub fn bytes_received(&self) -> u64 {
        self.0.as_server().traffic().bytes_received
    }

    /// Sends the same bytes to every connected session, in order with the sends of this thread;
    /// encrypted and WebSocket ones are connected from their `on_handshaked` on, and the latter get
    /// a binary message. They are copied once and shared by all sessions. A session above its send
    /// limit is treated as its [`SocketOption::SendPolicy`] says; the others do not notice.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when not started.
    pub fn multicast(&self, data: &[u8]) -> Result<()> {
        self.multicast_message(Kind::Bytes, data)
    }

    /// Sends the same message to every connected WebSocket session, as [`Server::multicast`] does.
    /// It is made a frame once, and compressed once for those that compress alike.
    ///
    /// # Errors
    ///
    /// As [`Server::multicast`] and [`Session::send_message`](super::Session::send_message).
    pub fn multicast_message(&self, kind: Kind, data: &[u8]) -> Result<()> {
        self.check_started()?;
        let Some(mut multicast) = Multicast::new(self, kind, data)? else { return Ok(()) };
        for (index, sessions) in self.0.as_server().each_loop() {
            let keys = multicast.queue(sessions.iter());
            drop(sessions);
            self.0.core.remote(index).schedule_all(keys);
        }
        Ok(())
    }

    /// Sends the same message to the connected sessions that `wanted` chooses, as
    /// [`Server::multicast_message`] does; to sessions of bytes it takes [`Kind::Bytes`]. `wanted`
    /// runs on this thread, before anything is sent.
    ///
    /// # Errors
    ///
    /// As [`Server::multicast_message`].
    pub fn multicast_if(
        &self,
        kind: Kind,
        data: &[u8],
        mut wanted: impl FnMut(&Session) -> bool,
    ) -> Result<()> {
        self.check_started()?;
        let Some(mut multicast) = Multicast::new(self, kind, data)? else { return Ok(()) };
        // Copies, because no lock is held while the user's code runs.
        let mut all: Vec<_> = self
            .0
            .as_server()
            .each_loop()
            .map(|(index, sessions)| (index, sessions.clone()))
            .collect();
        for (_, sessions) in &mut all {
            sessions.retain(&mut wanted);
        }
        for (index, sessions) in all {
            let keys = multicast.queue(sessions.iter());
            self.0.core.remote(index).schedule_all(keys);
        }
        Ok(())
    }

    /// Ends every session as [`Session::disconnect`](super::Session::disconnect) does, with
    /// [`Reason::Local`].
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when not started.
    pub fn disconnect_all(&self) -> Result<()> {
        self.check_started()?;
        self.close_sessions(Reason::Local);
        Ok(())
    }

    pub(super) fn close_sessions(&self, reason: Reason) {
        for (_, sessions) in self.0.as_server().each_loop() {
            for session in sessions.iter() {
                session.0.close(Close { reason, discard: false });
            }
        }
    }

    pub(super) fn check_started(&self) -> Result<()> {
        if self.is_started() { Ok(()) } else { Err(Error::state("the server is not started")) }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("address", &format_args!("{}", self.0.place.with_port(self.port())))
            .field("started", &self.is_started())
            .finish()
    }
}
