//! Listeners: from the bound socket to the session.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::endpoint::{Admission, Life};
use super::handler::{AnyServerHandler, SessionHandler, drop_guarded, guard};
use super::outbox::{Close, Phase};
use super::remote::Operation;
use super::session::SessionInner;
use super::stream::Stream;
use super::worker::{Due, Source, Worker};
use super::{Reason, Server, Session};
use crate::error::{Error, Result};
use crate::reactor::listening::{self, ListenSocket};
use crate::reactor::slots::Key;
use crate::reactor::sockets::{self, StreamSocket};
use crate::reactor::sys;
use crate::reactor::timers::TimerKey;

/// Connections accepted before others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// How long a listener waits when the system is out of descriptors: no event tells when there are
/// some again.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// One life of a server, from start to stop: its handler, shared by the sessions that it made.
/// With the last of them the handler is dropped.
pub(crate) struct Run {
    server: Server,
    /// Where to listen: what the host's name meant at the start. None for the path of a file.
    addresses: Vec<IpAddr>,
    handler: Option<Box<dyn AnyServerHandler>>,
    stopped: AtomicBool,
    /// The sessions that are listed have been asked to end; whoever is listed later was missed.
    swept: AtomicBool,
    /// Refusals for a limit are told once, until there is room again.
    limit_told: AtomicBool,
}

impl Run {
    pub(super) fn new(
        server: Server,
        addresses: Vec<IpAddr>,
        handler: Box<dyn AnyServerHandler>,
    ) -> Run {
        Run {
            server,
            addresses,
            handler: Some(handler),
            stopped: AtomicBool::new(false),
            swept: AtomicBool::new(false),
            limit_told: AtomicBool::new(false),
        }
    }

    /// Binds to the file, or to the first address that allows it.
    pub(super) fn bind(&self) -> Result<ListenSocket> {
        let endpoint = &*self.server.0;
        let options = endpoint.options.listen();
        if let Some(path) = endpoint.place.path() {
            return listening::listen_unix(path, endpoint.as_server().mode(), &options).map_err(
                |error| Error::file(format!("cannot listen on {}", path.display()), &error),
            );
        }
        let port = &endpoint.as_server().port;
        let mut failure = None;
        for address in &self.addresses {
            let address = SocketAddr::new(*address, port.load(Ordering::Relaxed));
            let bound = listening::listen(address, &options)
                .and_then(|listener| Ok((listener.port()?, listener)));
            match bound {
                Ok((real, listener)) => {
                    port.store(real, Ordering::Relaxed);
                    return Ok(listener);
                }
                Err(error) => failure = Some((address, error)),
            }
        }
        let (address, error) = failure.expect("a lookup gives at least one address");
        if options.reuse_port && error.kind() == io::ErrorKind::Unsupported {
            return Err(Error::unsupported(
                "this system has no SO_REUSEPORT; leave the option ReusePort off",
            ));
        }
        Err(Error::system(format!("cannot listen on {address}"), &error))
    }

    /// From now on no connection is accepted.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// The server does not start.
    pub(super) fn give_up(self: &Arc<Run>) {
        let role = self.server.0.as_server();
        let mut state = role.state();
        role.port.store(self.server.0.place.port(), Ordering::Relaxed);
        state.end(self);
    }

    /// Counts a session out.
    pub(super) fn discharge(&self, admission: Admission, peer: Option<SocketAddr>) {
        self.server.0.discharge(admission, peer.map(|peer| peer.ip()));
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Runs a callback of the server. A panic there is told to its `on_error`.
    fn call<R>(&self, what: &str, call: impl FnOnce(&dyn AnyServerHandler) -> R) -> Option<R> {
        let handler = self.handler.as_deref()?;
        match guard(what, || call(handler)) {
            Ok(result) => Some(result),
            Err(error) => {
                self.on_error(&error);
                None
            }
        }
    }

    pub(super) fn on_error(&self, error: &Error) {
        if let Some(handler) = self.handler.as_deref() {
            let _ = guard("on_error", || handler.on_error(&self.server, error));
        }
    }

    pub(super) fn on_connected(&self, session: &Session, handler: &mut dyn SessionHandler) {
        self.call("on_connected", |server| server.on_connected(session, handler));
    }

    pub(super) fn on_disconnected(
        &self,
        session: &Session,
        handler: &mut dyn SessionHandler,
        reason: Reason,
    ) {
        self.call("on_disconnected", |server| server.on_disconnected(session, handler, reason));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(handler) = self.handler.take() {
            let _ = guard("the destructor of a server handler", || drop(handler));
        }
    }
}

/// A listening socket in its loop.
pub(super) struct Listener {
    socket: ListenSocket,
    pub(super) run: Arc<Run>,
    /// The system was out of descriptors; told once, until an accept succeeds.
    starved: bool,
    retry: Option<TimerKey>,
}

impl Worker {
    /// Begins to accept. A restart, or a start during a stop, has to bind first.
    pub(super) fn start_server(&mut self, listener: Option<ListenSocket>, run: Arc<Run>) {
        let bound = match listener {
            _ if self.is_stopping() => {
                Err(Error::state("the service stopped before the server could start"))
            }
            Some(listener) => Ok(listener),
            None => run.bind(),
        };
        let key = self.slots.reserve();
        let registered = bound.and_then(|mut socket| {
            self.registrar
                .register_listener(&mut socket, key)
                .map_err(|error| Error::system("cannot watch the listener", &error))?;
            Ok(socket)
        });
        let server = run.server.clone();
        let role = server.0.as_server();
        let socket = match registered {
            Ok(socket) => socket,
            Err(error) => {
                self.slots.remove(key);
                run.give_up();
                run.on_error(&error);
                return;
            }
        };
        {
            let mut state = role.state();
            state.native_handle = socket.native_handle() as i64;
            // A stop that was asked for meanwhile comes with its own operation.
            if state.life == Life::Starting && state.is_current(&run) {
                state.life = Life::Started;
            }
        }
        run.stopped.store(false, Ordering::Release);
        run.swept.store(false, Ordering::Release);
        role.reset_counters();
        role.started.store(true, Ordering::Release);
        let listener = Listener { socket, run: Arc::clone(&run), starved: false, retry: None };
        self.slots.restore(key, Source::Listener(Box::new(listener)));
        run.call("on_started", |handler| handler.on_started(&server));
    }

    /// Ends a run, and for a restart begins it anew with the same handler.
    pub(super) fn stop_server(&mut self, run: Arc<Run>, restart: bool) {
        if !self.close_listener(&run, Reason::ServerStopped, !restart) {
            // The start failed before, and that was told.
            return;
        }
        if restart {
            self.start_server(None, run);
        }
    }

    /// Closes the listener of a run, tells `on_stopped`, and begins to end its sessions. The server
    /// is stopped then if this was the `last` of the run, and no other one was started meanwhile.
    pub(super) fn close_listener(&mut self, run: &Arc<Run>, reason: Reason, last: bool) -> bool {
        let listener = self.slots.keys().into_iter().find(|key| {
            matches!(self.slots.get_mut(*key),
                Some(Source::Listener(listener)) if Arc::ptr_eq(&listener.run, run))
        });
        let Some(key) = listener else { return false };
        // A start that came after the wish to stop has forgotten it.
        run.stop();
        if let Some(Source::Listener(listener)) = self.slots.remove(key) {
            listener.retry.map(|timer| self.timers.cancel(timer));
        }
        let server = run.server.clone();
        let role = server.0.as_server();
        {
            let mut state = role.state();
            state.native_handle = -1;
            if last {
                // Before the next start may bind.
                role.port.store(server.0.place.port(), Ordering::Relaxed);
                state.end(run);
            }
        }
        role.started.store(false, Ordering::Release);
        run.call("on_stopped", |handler| handler.on_stopped(&server));
        run.swept.store(true, Ordering::Release);
        server.close_sessions(reason);
        true
    }

    /// Accepts what waits, as far as its share of the turn goes.
    pub(super) fn accept(&mut self, key: Key, mut listener: Box<Listener>) {
        if let Some(timer) = listener.retry.take() {
            self.timers.cancel(timer);
        }
        for _ in 0..ACCEPTS_PER_TURN {
            if listener.run.is_stopped() {
                self.slots.restore(key, Source::Listener(listener));
                return;
            }
            match listener.socket.accept() {
                Ok((socket, peer)) => {
                    listener.starved = false;
                    self.admit(socket, peer, &listener.run);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.slots.restore(key, Source::Listener(listener));
                    return;
                }
                // That connection is gone; the next one may be fine.
                Err(error) if is_of_one_connection(&error) => {}
                // Sessions come before connections whose session has ended.
                Err(error) if sys::is_out_of_descriptors(&error) && self.drop_lingering() => {}
                // Nothing tells when accepting works again, so it is tried from time to time.
                Err(error) => {
                    listener.retry =
                        Some(self.timers.insert(self.now + ACCEPT_RETRY, Due::Source(key)));
                    if !listener.starved {
                        listener.starved = true;
                        let advice = if sys::is_out_of_descriptors(&error) {
                            "; raise the limit of open files or close sessions"
                        } else {
                            ""
                        };
                        let what =
                            format!("cannot accept a connection{advice}, accepting is tried again");
                        listener.run.on_error(&Error::system(what, &error));
                    }
                    self.slots.restore(key, Source::Listener(listener));
                    return;
                }
            }
        }
        self.unfinished.push(key);
        self.slots.restore(key, Source::Listener(listener));
    }

    /// Gives a connection to the loop whose turn it is, unless a limit is in the way.
    fn admit(&mut self, socket: StreamSocket, peer: Option<SocketAddr>, run: &Arc<Run>) {
        let endpoint = &run.server.0;
        let admission = match endpoint.admit(peer.map(|peer| peer.ip())) {
            Ok(admission) => admission,
            Err(error) => {
                if !run.limit_told.swap(true, Ordering::Relaxed) {
                    run.on_error(&error);
                }
                return;
            }
        };
        run.limit_told.store(false, Ordering::Relaxed);
        if self.core.threads() == 1 {
            self.open_session(socket, peer, Arc::clone(run), admission);
            return;
        }
        let (index, run) = (self.core.next_loop(), Arc::clone(run));
        if index == self.index {
            self.open_session(socket, peer, run, admission);
        } else {
            let adopt = Operation::Adopt { socket, peer, run, admission };
            self.core.remote(index).post(adopt);
        }
    }

    /// Makes an accepted connection a session and announces it.
    pub(super) fn open_session(
        &mut self,
        mut socket: StreamSocket,
        peer: Option<SocketAddr>,
        run: Arc<Run>,
        admission: Admission,
    ) {
        let endpoint = Arc::clone(&run.server.0);
        if self.is_stopping() || run.is_stopped() {
            run.discharge(admission, peer);
            return;
        }
        let inner = SessionInner::new(Arc::clone(&endpoint), self.index, Phase::Connecting);
        let session = Session(Arc::new(inner));
        {
            let mut outbox = session.0.outbox();
            outbox.peer = peer.into();
            outbox.admission = admission;
        }
        let handler = run.call("on_session", |handler| handler.on_session(&session)).flatten();
        let Some(handler) = handler else {
            run.discharge(admission, peer);
            return;
        };
        let key = self.slots.reserve();
        let prepared = endpoint.layer().and_then(|layer| {
            let options = endpoint.options.stream();
            let adopted = match peer {
                Some(_) => sockets::adopt(&socket, &options),
                None => sockets::adopt_unix(&socket, &options),
            };
            adopted.and_then(|()| self.registrar.register_stream(&mut socket, key)).map_err(
                |error| match peer {
                    Some(peer) => Error::system(format!("cannot serve {peer}"), &error),
                    None => Error::system("cannot serve a client", &error),
                },
            )?;
            Ok(layer)
        });
        let layer = match prepared {
            Ok(layer) => layer,
            Err(error) => {
                self.slots.remove(key);
                drop_guarded(handler);
                // Some systems refuse options to a socket whose peer is gone, which is no fault here.
                if sockets::check_connected(&socket).is_ok() {
                    run.on_error(&error);
                }
                run.discharge(admission, peer);
                return;
            }
        };
        endpoint.as_server().enlist(&session);
        if run.swept.load(Ordering::Acquire) {
            session.0.close(Close { reason: Reason::ServerStopped, discard: false });
        }
        let stream = Stream::new(socket, layer, session, handler, Some(run));
        self.open_stream(key, Box::new(stream));
    }
}

/// accept(2) also reports what happened to a connection while it waited. Where the address of the
/// peer is asked for afterwards, the connection may be gone by then.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown,
        NetworkUnreachable, NotConnected, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | NotConnected
            | TimedOut
    )
}
