//! What an endpoint speaks over its connections.

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
