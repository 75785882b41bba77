//! Layer 1: protocols. Bytes in, bytes out: no sockets, no clocks, no threads.

pub(crate) mod layer;
#[cfg(test)]
pub(crate) mod random;
pub(crate) mod raw;
pub(crate) mod tls;
pub(crate) mod wire;
pub(crate) mod ws;

pub use layer::Kind;
pub(crate) use layer::{Event, Layer, Up};
pub(crate) use raw::Raw;
pub use tls::{TlsDetails, TlsVersion};
pub(crate) use wire::{GATHER, HEAD_ROOM, Wire};
pub use ws::{CloseFrame, Request, Response};
