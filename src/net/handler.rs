//! What users write: the handlers, and the guard around their code.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Kind, Request, Response, Server, Session};
use crate::error::{Error, Result};

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// This side called `disconnect`.
    Local = 1,
    /// The peer closed the connection, or its sending half.
    PeerClosed = 2,
    /// The connection failed, or a handler panicked; `on_error` has told the details.
    Error = 3,
    /// A deadline passed; `on_error` has told which.
    Timeout = 4,
    /// A limit was reached; `on_error` has told which.
    Limit = 5,
    /// The server of the session was stopped.
    ServerStopped = 6,
    /// The service was stopped.
    ServiceStopped = 7,
    /// The peer closed an encrypted connection without the end of its stream (TLS close_notify):
    /// what it sent may have been cut. `on_error` has told it too.
    Truncated = 8,
}

impl Reason {
    /// The reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Local => "disconnected by this side",
            Reason::PeerClosed => "closed by the peer",
            Reason::Error => "connection error",
            Reason::Timeout => "timeout",
            Reason::Limit => "limit reached",
            Reason::ServerStopped => "server stopped",
            Reason::ServiceStopped => "service stopped",
            Reason::Truncated => "closed by the peer without the end of its stream",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Callbacks of a [`Service`](super::Service). `()` is the handler that does nothing.
///
/// With several loops, `on_thread_initialize`, `on_thread_cleanup`, `on_idle` and `on_error` are
/// called on each loop thread; `on_started` and `on_stopped` once, on the first.
#[allow(unused_variables)]
pub trait ServiceHandler: Send + Sync + 'static {
    /// A loop thread begins, before anything else happens on it.
    fn on_thread_initialize(&self) {}
    /// A loop thread ends, after everything else on it.
    fn on_thread_cleanup(&self) {}
    /// The service runs. What was posted before the start has been done.
    fn on_started(&self) {}
    /// All servers, sessions and clients have ended with all their callbacks.
    fn on_stopped(&self) {}
    /// A polling service found nothing more to do; by default the thread yields.
    fn on_idle(&self) {
        std::thread::yield_now();
    }
    /// Something failed that belongs to no server, session or client, such as a panic in a posted
    /// closure.
    fn on_error(&self, error: &Error) {}
}

impl ServiceHandler for () {}

/// Callbacks of one [`Session`], and of a [`Client`](super::Client). `()` does nothing.
///
/// All of them run on the loop thread of the session, one at a time, in this order: `on_connected`,
/// `on_handshaked` (encrypted and WebSocket sessions), any number of `on_received`, `on_sent`,
/// `on_empty` and `on_error`, then `on_disconnected`; then the handler is dropped. A client whose
/// connect failed gets `on_error` and `on_disconnected` without `on_connected`.
///
/// A panic in a callback ends this session with [`Reason::Error`] and disturbs nothing else.
#[allow(unused_variables)]
pub trait SessionHandler: Any + Send {
    /// The connection is there; sending is possible from now on.
    fn on_connected(&mut self, session: &Session) {}
    /// A client asks a WebSocket server for a session. The answer is to open it, unless this
    /// changes its status; it may choose a subprotocol and add header fields. Not called for
    /// requests that break RFC 6455, which the library refuses.
    fn on_handshake(&mut self, session: &Session, request: &Request, response: &mut Response) {}
    /// A client asks a WebSocket server for something else by GET or HEAD, such as a page. The
    /// answer is 426 (Upgrade Required), unless this changes it. After it the session ends.
    fn on_request(&mut self, session: &Session, request: &Request, response: &mut Response) {}
    /// The handshake is done: the peer of an encrypted session is authenticated, a WebSocket
    /// session is open for messages. Not called on plain TCP streams.
    fn on_handshaked(&mut self, session: &Session) {}
    /// Data of the peer, valid during the call: a piece of a byte stream, or a whole message.
    /// Returns
    /// how many bytes were handled: on byte streams the rest comes again in front of the next
    /// bytes. More than `data.len()` counts as all, and so does every number for a message.
    fn on_received(&mut self, session: &Session, kind: Kind, data: &[u8]) -> usize {
        data.len()
    }
    /// What one read has brought is delivered. Only told where this library itself asks for it.
    #[doc(hidden)]
    fn on_batch(&mut self, session: &Session) {}
    /// `sent` bytes went to the system, `pending` wait for their turn.
    fn on_sent(&mut self, session: &Session, sent: usize, pending: usize) {}
    /// Everything was sent; the time to go on after [`Session::send`] refused for the limit.
    fn on_empty(&mut self, session: &Session) {}
    /// Something failed. Whether the session goes on is told by `on_disconnected`.
    fn on_error(&mut self, session: &Session, error: &Error) {}
    /// The connection is gone. For a client the place to
    /// [`reconnect`](super::Client::reconnect).
    fn on_disconnected(&mut self, session: &Session, reason: Reason) {}
}

impl SessionHandler for () {}

/// Callbacks of a [`Server`]. With several loops, those about sessions are called on the loop of
/// the session, so possibly at the same time.
///
/// A panic in a callback is told to `on_error` and disturbs nothing else.
#[allow(unused_variables)]
pub trait ServerHandler: Send + Sync + 'static {
    /// What handles one session.
    type Session: SessionHandler;

    /// A connection was accepted: makes its handler, or refuses it with `None`.
    fn on_session(&self, session: &Session) -> Option<Self::Session>;
    /// The server listens.
    fn on_started(&self, server: &Server) {}
    /// The server no longer listens. Its sessions end after this, each with its callbacks.
    fn on_stopped(&self, server: &Server) {}
    /// Follows the session's own `on_connected`.
    fn on_connected(&self, session: &Session, handler: &mut Self::Session) {}
    /// Follows the session's own `on_disconnected`; after this its handler is dropped.
    fn on_disconnected(&self, session: &Session, handler: &mut Self::Session, reason: Reason) {}
    /// Something failed that belongs to no session, such as an accept without free descriptors.
    fn on_error(&self, server: &Server, error: &Error) {}
}

/// A [`ServerHandler`] without its type.
pub(crate) trait AnyServerHandler: Send + Sync {
    fn on_session(&self, session: &Session) -> Option<Box<dyn SessionHandler>>;
    fn on_started(&self, server: &Server);
    fn on_stopped(&self, server: &Server);
    fn on_connected(&self, session: &Session, handler: &mut dyn SessionHandler);
    fn on_disconnected(&self, session: &Session, handler: &mut dyn SessionHandler, reason: Reason);
    fn on_error(&self, server: &Server, error: &Error);
}

impl<H: ServerHandler> AnyServerHandler for H {
    fn on_session(&self, session: &Session) -> Option<Box<dyn SessionHandler>> {
        let handler = ServerHandler::on_session(self, session)?;
        Some(Box::new(handler))
    }

    fn on_started(&self, server: &Server) {
        ServerHandler::on_started(self, server);
    }

    fn on_stopped(&self, server: &Server) {
        ServerHandler::on_stopped(self, server);
    }

    fn on_connected(&self, session: &Session, handler: &mut dyn SessionHandler) {
        let handler: &mut dyn Any = handler;
        if let Some(handler) = handler.downcast_mut::<H::Session>() {
            ServerHandler::on_connected(self, session, handler);
        }
    }

    fn on_disconnected(&self, session: &Session, handler: &mut dyn SessionHandler, reason: Reason) {
        let handler: &mut dyn Any = handler;
        if let Some(handler) = handler.downcast_mut::<H::Session>() {
            ServerHandler::on_disconnected(self, session, handler, reason);
        }
    }

    fn on_error(&self, server: &Server, error: &Error) {
        ServerHandler::on_error(self, server, error);
    }
}

/// Runs user code. A panic becomes an error and goes no further.
#[inline(always)]
pub(crate) fn guard<R>(what: &str, call: impl FnOnce() -> R) -> Result<R> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| panicked(what, payload))
}

#[cold]
#[inline(never)]
fn panicked(what: &str, payload: Box<dyn Any + Send>) -> Error {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "without a message",
    };
    let error = Error::handler(format!("{what} panicked: {text}"));
    // The payload is the user's too: its destructor may panic as well.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    error
}

/// Drops what belongs to the user, whatever its destructor does.
pub(crate) fn drop_guarded<T>(value: T) {
    let _ = guard("a destructor", || drop(value));
}
