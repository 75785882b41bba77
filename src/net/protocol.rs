//! What an endpoint speaks over its connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::framing::Framing;
use super::options::Options;
use super::sp::Scalability;
use super::web_socket::WebSocket;
use crate::proto::sp::Sp;
use crate::proto::ws::Ws;
use crate::proto::{Layer, Raw, Secure};

pub(super) enum Protocol {
    /// Nothing: bytes pass as they are.
    Bytes,
    WebSocket(WebSocket),
    /// One of the scalability protocols.
    Scalability(Scalability),
}

/// The settings of the last start or connect, which its connections share.
pub(super) struct Prepared<C>(Mutex<Option<Arc<C>>>);

impl<C> Default for Prepared<C> {
    fn default() -> Prepared<C> {
        Prepared(Mutex::new(None))
    }
}

impl<C> Prepared<C> {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, config: C) {
        *self.lock() = Some(Arc::new(config));
    }

    pub(super) fn get(&self) -> Arc<C> {
        match &*self.lock() {
            Some(config) => Arc::clone(config),
            None => unreachable!("an endpoint is prepared before it has connections"),
        }
    }
}

impl Protocol {
    /// Whether the bytes of the application are all that passes.
    #[inline(always)]
    pub(super) fn is_bytes(&self) -> bool {
        matches!(self, Protocol::Bytes)
    }

    pub(super) fn web_socket(&self) -> Option<&WebSocket> {
        match self {
            Protocol::WebSocket(web_socket) => Some(web_socket),
            _ => None,
        }
    }

    /// Takes the settings of now for the connections to come.
    pub(super) fn prepare(&self, options: &Options) {
        match self {
            Protocol::Bytes => {}
            Protocol::WebSocket(web_socket) => web_socket.prepare(options),
            Protocol::Scalability(scalability) => scalability.prepare(options),
        }
    }

    /// The layer of a new connection.
    pub(super) fn layer(&self) -> Box<dyn Layer> {
        match self {
            Protocol::Bytes => Box::new(Raw),
            Protocol::WebSocket(web_socket) => Box::new(Ws::new(web_socket.config())),
            Protocol::Scalability(scalability) => Box::new(Sp::new(scalability.config())),
        }
    }

    /// The layers of a new encrypted connection.
    pub(super) fn layer_over(&self, tls: impl Layer + 'static) -> Box<dyn Layer> {
        match self {
            Protocol::Bytes => Box::new(tls),
            Protocol::WebSocket(web_socket) => {
                Box::new(Secure::new(tls, Ws::new(web_socket.config())))
            }
            Protocol::Scalability(scalability) => {
                Box::new(Secure::new(tls, Sp::new(scalability.config())))
            }
        }
    }

    /// How the messages of a new connection are made into bytes.
    pub(super) fn framing(&self) -> Framing {
        match self {
            Protocol::Bytes => Framing::None,
            Protocol::WebSocket(web_socket) => Framing::web_socket(web_socket.is_client()),
            Protocol::Scalability(scalability) => Framing::scalability(scalability.mapping()),
        }
    }
}
