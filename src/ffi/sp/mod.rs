//! `cppserver_sp_...`: the scalability protocols.
//!
//! A socket's handle is the pointer of its `Arc`, as for all others; endpoints, contexts and devices
//! get an `Arc` of their own. A message is a box, which calls that receive fill anew, so that a loop
//! needs no memory for each message.

mod types;

mod handler;

mod message;

mod socket;

mod endpoint;

mod transfer;

mod context;

mod device;

mod callbacks;
mod handle;
mod timeout;

pub use context::*;
pub use device::*;
pub use endpoint::*;
pub use handler::*;
pub use message::*;
pub use socket::*;
pub use transfer::*;
pub use types::*;
