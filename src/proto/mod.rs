//! Layer 1: protocols. Bytes in, bytes out: no sockets, no clocks, no threads.

pub(crate) mod layer;
pub(crate) mod raw;
pub(crate) mod wire;

pub use layer::Kind;
pub(crate) use layer::{Event, Layer, Stage};
pub(crate) use raw::Raw;
pub(crate) use wire::{GATHER, Wire};
