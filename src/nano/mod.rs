//! Scalability protocols.
#![allow(dead_code, unused_imports)]

mod header;
mod message;
mod pattern;
mod patterns;
mod pipe;
mod pipes;
mod protocol;
mod queue;

pub use message::{Message, Payload};
pub use protocol::Protocol;
