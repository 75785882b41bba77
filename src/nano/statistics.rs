//! What a socket has counted.

/// The counters of a socket since it was made. They stay when endpoints and connections go, and
/// can be read after the close.
///
/// Messages and bytes count when a call of the user has succeeded: once for each message, however
/// many peers get it, and only the bytes of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Connections that this socket made by dialing.
    pub established_connections: u64,
    /// Connections that this socket accepted by listening.
    pub accepted_connections: u64,
    /// Connections that this side ended, by closing their endpoint or the socket, or because the
    /// pattern has no place for them.
    pub dropped_connections: u64,
    /// Connections that the peer or the network ended.
    pub broken_connections: u64,
    /// Dials that failed; each is tried again.
    pub connect_errors: u64,
    /// Listens that failed.
    pub bind_errors: u64,
    /// Connections that could not be accepted.
    pub accept_errors: u64,
    /// Connections that there are now.
    pub current_connections: u64,
    /// Messages that were sent.
    pub messages_sent: u64,
    /// Messages that were received.
    pub messages_received: u64,
    /// Bytes of the messages that were sent.
    pub bytes_sent: u64,
    /// Bytes of the messages that were received.
    pub bytes_received: u64,
    /// Messages that went nowhere: a peer had no room for what is published, an answer came too
    /// late or without a question, a header was none.
    pub messages_dropped: u64,
    /// Messages that were accepted and not delivered, because the connection broke or the linger
    /// time of a close was over.
    pub messages_undelivered: u64,
}
