//! Layer 3: endpoints. Decides what happens; moves no bytes itself.

mod accept;
mod backoff;
mod client;
mod connect;
mod context;
mod core;
mod endpoint;
mod flushes;
mod frames;
mod framing;
mod handler;
mod held_back;
mod linger;
mod messages;
mod multicast;
mod options;
mod outbox;
mod peer;
mod place;
mod protocol;
mod receiving;
mod remote;
mod sending;
mod server;
mod service;
mod session;
mod sp;
mod stream;
mod timer;
mod tls_context;
mod topics;
mod udp;
mod web_socket;
mod worker;

pub(crate) use crate::proto::Body;
pub use crate::proto::{CloseFrame, Kind, Request, Response, TlsDetails, TlsVersion};
pub use client::Client;
pub use handler::{Reason, ServerHandler, ServiceHandler, SessionHandler};
pub use options::{SendPolicy, SocketOption};
pub use server::Server;
pub use service::Service;
pub use session::Session;
pub use timer::Timer;
pub use tls_context::{TlsContext, TlsVerify};
pub use udp::{Group, Udp, UdpHandler};

pub(crate) use backoff::Backoff;
pub(crate) use endpoint::Endpoint;
pub(crate) use flushes::{AtOnce, Flushes};
pub(crate) use handler::{drop_guarded, guard};
pub(crate) use service::ServiceInner;
pub(crate) use session::SessionInner;
pub(crate) use sp::{LARGE, Offer, SpAddress, SpConfig};
pub(crate) use timer::TimerInner;
pub(crate) use tls_context::TlsContextInner;
pub(crate) use udp::UdpInner;

pub(crate) use crate::reactor::interfaces::addresses_of as addresses_of_interface;

/// Whether the caller is on an I/O thread, of whatever service.
pub(crate) fn is_loop_thread() -> bool {
    context::loop_id() != 0
}
