//! Layer 1: protocols. Bytes in, bytes out: no sockets, no clocks, no threads.

mod body;
pub(crate) mod layer;
#[cfg(test)]
pub(crate) mod random;
pub(crate) mod raw;
mod secure;
pub(crate) mod sp;
pub(crate) mod tls;
pub(crate) mod wire;
pub(crate) mod ws;

pub(crate) use body::Body;
pub use layer::Kind;
pub(crate) use layer::{Event, Layer, Up};
pub(crate) use raw::Raw;
pub(crate) use secure::Secure;
pub use tls::{TlsDetails, TlsVersion};
pub(crate) use wire::{GATHER, HEAD_ROOM, JOINED, Wire};
pub use ws::{CloseFrame, Request, Response};
