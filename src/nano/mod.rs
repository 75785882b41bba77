//! Scalability protocols.

mod address;
mod callbacks;
mod closing;
mod connections;
mod context;
mod core;
mod device;
mod endpoint;
mod handler;
mod header;
mod hidden;
mod inproc;
mod message;
mod names;
mod network;
mod options;
mod pattern;
mod patterns;
mod pipe;
mod pipes;
mod protocol;
mod queue;
mod random;
mod registry;
mod socket;
mod state;
mod statistics;
mod transfer;
mod waiting;

#[cfg(test)]
mod idle_tests;

pub use closing::terminate;
pub use context::Context;
pub use device::Device;
pub use endpoint::Endpoint;
pub use handler::{Peer, SocketHandler};
pub use message::{Message, Payload};
pub use options::SpOption;
pub use protocol::Protocol;
pub use socket::Socket;
pub use statistics::Statistics;
