//! What users write for datagrams.

use std::net::SocketAddr;

use super::super::Reason;
use super::{Group, Udp};
use crate::error::Error;

/// Callbacks of a [`Udp`] endpoint. `()` does nothing.
///
/// All of them run on the loop thread of the endpoint, one at a time: `on_started`, any number of
/// the others, then `on_stopped`; then the handler is dropped. A start that fails on the loop, as
/// that of a client whose server has no address, gets `on_error` and `on_stopped` without
/// `on_started`; one that is stopped before its turn comes gets `on_stopped` alone.
///
/// A panic in a callback is told to `on_error` and disturbs nothing else.
#[allow(unused_variables)]
pub trait UdpHandler: Send + 'static {
    /// The socket is open; sending is possible from now on.
    fn on_started(&mut self, udp: &Udp) {}
    /// A datagram, valid during the call; empty ones come too. `truncated` tells that it was longer
    /// than [`SocketOption::DatagramLimit`](super::super::SocketOption::DatagramLimit).
    fn on_received(&mut self, udp: &Udp, from: SocketAddr, data: &[u8], truncated: bool) {}
    /// A datagram of `sent` bytes went to the system; `pending` bytes wait for their turn.
    fn on_sent(&mut self, udp: &Udp, to: SocketAddr, sent: usize, pending: usize) {}
    /// Nothing waits to be sent any more; the time to go on after [`Udp::send`] refused for the
    /// limit.
    fn on_empty(&mut self, udp: &Udp) {}
    /// Datagrams to a group are received from now on.
    fn on_joined(&mut self, udp: &Udp, group: &Group) {}
    /// Datagrams to a group are received no more.
    fn on_left(&mut self, udp: &Udp, group: &Group) {}
    /// Something failed: a datagram could not be sent, or its receiver's machine has answered that
    /// nobody takes it (ICMP, RFC 1122 section 4.1.3.3), or a group was not joined or left. The
    /// endpoint goes on.
    fn on_error(&mut self, udp: &Udp, error: &Error) {}
    /// The socket is closed: [`Reason::Local`] after [`Udp::stop`] and [`Udp::restart`],
    /// [`Reason::ServiceStopped`], [`Reason::Limit`] with
    /// [`SendPolicy::Disconnect`](super::super::SendPolicy::Disconnect), or [`Reason::Error`] when
    /// it could not be opened. [`Udp::start`] may be called here.
    fn on_stopped(&mut self, udp: &Udp, reason: Reason) {}
}

impl UdpHandler for () {}
