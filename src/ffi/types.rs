//! The enums and the opaque handles of the header.
//!
//! The enums repeat the crate's own for the sake of their C documentation. They cross the border
//! as `int32_t`, never as an enum type: a number outside an enum must be an error, not undefined
//! behaviour. That the numbers agree is checked when the crate is compiled.

use crate::error::{Status, TlsFailure};
use crate::net::{Kind, Reason, SendPolicy, SocketOption, TlsVerify, TlsVersion};

/// What a call came to. Functions return it as int32_t.
///
/// An on_error callback and cppserver_last_error_code() carry the same number as their code, except
/// in the categories "system", "resolver", "tls", "websocket" and "sp".
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_status {
    /// The call did what it was asked for.
    Ok = 0,
    /// An argument has no meaning here: a NULL pointer, an address that does not parse, an unknown
    /// option, a value out of range.
    InvalidArgument = 1,
    /// The object is not in the state the call needs: started twice, stopped twice, connect while
    /// connected, or the service is stopping.
    InvalidState = 2,
    /// There is no connection: before it is made, or after disconnect.
    NotConnected = 3,
    /// A limit was reached: of bytes to send, of bytes left unhandled, of sessions.
    Limit = 4,
    /// A deadline passed: connect, idle, close.
    Timeout = 5,
    /// The operating system refused. The code is errno, on Windows the WSA error number.
    System = 6,
    /// A host name could not be resolved.
    Resolver = 7,
    /// A callback that is written in Rust panicked, or the library met a defect of its own.
    Handler = 8,
    /// This operating system lacks what was asked for.
    Unsupported = 9,
    /// A certificate, a key or a TLS peer is not what it should be. The code is an alert of RFC
    /// 8446 section 6 when this side gave up, 1000 more than that when the peer sent it, or a
    /// cppserver_tls_failure.
    Tls = 10,
    /// A WebSocket peer breaks the protocol, or refuses the handshake. The code is a close code of
    /// RFC 6455 section 7.4 (1000 and above), or the status of HTTP (below 600) where the handshake
    /// failed, 0 where there was none, 1006 where the peer closed the connection instead.
    WebSocket = 11,
    /// A peer breaks the scalability protocols, or speaks none. The code is a cppserver_sp_failure,
    /// as with every other status of the category "sp".
    Sp = 12,
}

/// Codes of the category "tls" that are no alerts.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_tls_failure {
    /// The peer closed the connection without saying that its data ends there (RFC 8446 section
    /// 6.1, close_notify): something may be missing.
    Truncated = 2001,
    /// A file or buffer holds no certificate or key that can be read.
    Format = 2002,
    /// The password of an encrypted key is missing or wrong.
    Password = 2003,
    /// A key does not belong to its certificate.
    KeyMismatch = 2004,
    /// The settings contradict each other, or nothing implements them.
    Settings = 2005,
}

/// Why a connection ended: the last argument of on_disconnected.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_reason {
    /// This side called disconnect, or gave up connecting.
    Local = 1,
    /// The peer closed the connection in good order, or its sending half. This is no error.
    PeerClosed = 2,
    /// The connection failed, or a callback that is written in Rust panicked; on_error told which.
    Error = 3,
    /// A deadline passed: connect, idle or close; on_error told which.
    Timeout = 4,
    /// A limit was reached: bytes to send (with the policy "disconnect") or bytes left unhandled;
    /// on_error told which.
    Limit = 5,
    /// The server was stopped or restarted.
    ServerStopped = 6,
    /// The service was stopped or restarted.
    ServiceStopped = 7,
    /// The peer closed an encrypted connection without the end of its stream (TLS close_notify):
    /// what it sent may have been cut; on_error told it too.
    Truncated = 8,
}

/// What on_received delivers. TCP and TLS sessions deliver bytes and nothing else, WebSocket
/// sessions whole messages.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_kind {
    /// A piece of a byte stream. It may end anywhere: messages are the business of the program.
    Bytes = 0,
    /// A whole text message, valid UTF-8.
    Text = 1,
    /// A whole binary message.
    Binary = 2,
    /// A ping with its payload; the answer is sent by the library.
    Ping = 3,
    /// A pong with its payload.
    Pong = 4,
}

/// Options of servers, sessions and clients. All values are int64_t.
///
/// Set on a server or a client they count from its next start or connect on, but for the send
/// limit, the send policy and the receive limit, which count at once. A server hands them to its
/// sessions. Set on a session they change the open socket.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_option {
    /// 0 or 1, default 1: send small pieces at once instead of joining them (TCP_NODELAY).
    NoDelay = 1,
    /// 0 or 1, default 0 on a server and 1 on a client: probe silent peers (SO_KEEPALIVE).
    KeepAlive = 2,
    /// Seconds of silence before the first probe, 0 = the system's default.
    KeepAliveIdle = 3,
    /// Seconds between two probes, 0 = the system's default.
    KeepAliveInterval = 4,
    /// Unanswered probes that end the connection, 0 = the system's default.
    KeepAliveCount = 5,
    /// 0 or 1, default 1, servers only: listen although old connections linger on the port.
    ReuseAddress = 6,
    /// 0 or 1, default 0, servers only: let several listeners share the port.
    ReusePort = 7,
    /// 0 or 1, default 1: a listener on the IPv6 address "::" takes IPv4 connections too.
    DualStack = 8,
    /// Bytes of the kernel's send buffer (SO_SNDBUF), 0 = the system's default.
    SendBuffer = 9,
    /// Bytes of the kernel's receive buffer (SO_RCVBUF), 0 = the system's default.
    ReceiveBuffer = 10,
    /// Connections that may wait to be accepted, default 4096, servers only.
    Backlog = 11,
    /// Seconds that a closed connection is kept until its peer has taken the last bytes, 0 = reset
    /// it, -1 = as long as the close timeout (default). Nothing waits for it.
    Linger = 12,
    /// Milliseconds for a client to resolve the name and connect, default 30000, 0 = the system's
    /// own patience.
    ConnectTimeout = 13,
    /// Milliseconds without a byte in or out that end a session, default 0 = none.
    IdleTimeout = 14,
    /// Milliseconds that disconnect goes on writing what was sent, default 5000.
    CloseTimeout = 15,
    /// Sessions that a server holds at most, default 0 = no limit.
    SessionLimit = 16,
    /// Sessions that a server holds at most from one peer address, default 0 = no limit.
    SessionLimitPerAddress = 17,
    /// Bytes that may wait to be sent in one session, default 16777216, 0 = no limit.
    SendLimit = 18,
    /// What a send above the limit does: a cppserver_send_policy, default "refuse".
    SendPolicy = 19,
    /// Bytes that on_received may leave unhandled in one session, default 16777216, 0 = no limit.
    ReceiveLimit = 20,
    /// Milliseconds for the handshake of an encrypted connection, from its beginning, default
    /// 10000, 0 = no limit.
    HandshakeTimeout = 21,
    /// 0 or 1, default 0: let datagrams go to broadcast addresses (SO_BROADCAST). This option and
    /// the following ones are for UDP alone. Of those above, UDP knows REUSE_ADDRESS (default 0
    /// there: with 1 several sockets may have the port, and each gets the datagrams of its
    /// groups), REUSE_PORT, DUAL_STACK, SEND_BUFFER, RECEIVE_BUFFER, CONNECT_TIMEOUT (to resolve
    /// the name), CLOSE_TIMEOUT, SEND_LIMIT (a queued datagram counts some 40 bytes more than it
    /// has) and SEND_POLICY.
    Broadcast = 22,
    /// Routers that a datagram may pass (IP_TTL, IPV6_UNICAST_HOPS), 0 = the system's default.
    TimeToLive = 23,
    /// The same for multicasts (IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS), default 1 = the own
    /// network.
    MulticastTimeToLive = 24,
    /// 0 or 1, default 1: let this machine hear its own multicasts (IP_MULTICAST_LOOP).
    MulticastLoop = 25,
    /// Bytes of a received datagram that are delivered, default 65535 = all; the rest is cut off,
    /// and on_received is told.
    DatagramLimit = 26,
    /// 0 or 1, default 0, clients only: take datagrams from anybody and send to anybody, instead of
    /// the server alone.
    AnyPeer = 27,
    /// Milliseconds of silence after which a WebSocket session asks its peer for a sign of life,
    /// with a ping; if none comes for as long again, the session ends with
    /// CPPSERVER_REASON_TIMEOUT, unless it pauses reading. Default 0 = never. This option and the
    /// following ones are for WebSocket alone.
    PingInterval = 28,
    /// Bytes of a message that the peer may send, after its decompression, default 16777216, 0 = no
    /// limit.
    MessageLimit = 29,
    /// Bytes of a frame that the peer may send, default 0 = as many as of a message.
    FrameLimit = 30,
    /// Frames of one message that the peer may send, default 1000000, 0 = no limit.
    FragmentLimit = 31,
    /// 0 or 1, default 0: deliver pings and pongs to on_received too. The library answers pings
    /// anyway.
    ControlFrames = 32,
    /// 0 or 1, default 0: compress messages if the peer can, too (permessage-deflate, RFC 7692).
    Deflate = 33,
    /// 0 or 1, default 0: let compressed messages refer to earlier ones, which makes them smaller
    /// and costs some 300 KiB of memory for each session.
    DeflateTakeover = 34,
    /// How far compressed messages may refer back, as a power of two from 9 to 15, default 15 = 32
    /// KiB.
    DeflateWindowBits = 35,
    /// From 1, the fastest, to 9, the smallest, default 1.
    DeflateLevel = 36,
    /// Messages below this size in bytes are not compressed, default 256.
    DeflateThreshold = 37,
}

/// What happens to a send that would exceed CPPSERVER_OPTION_SEND_LIMIT.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_send_policy {
    /// The send fails with CPPSERVER_STATUS_LIMIT and nothing of it is queued.
    Refuse = 0,
    /// The send fails with CPPSERVER_STATUS_LIMIT and the session ends with
    /// CPPSERVER_REASON_LIMIT: a peer that does not keep up is let go.
    Disconnect = 1,
    /// The oldest queued sends that have not begun to leave are dropped to make room, each as a
    /// whole. Small ones, together up to a 256th of the limit, are dropped together. What is just
    /// being written comes on top of the limit, up to as much again.
    DropOldest = 2,
}

/// Settings of a TLS context. All values are int64_t. They count for connections that begin later.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_tls_option {
    /// What is asked of the certificate of the peer: a cppserver_tls_verify. Default "peer" on
    /// clients and "none" on servers.
    Verify = 1,
    /// 0 or 1, default 1: a client verifies that the certificate of the server is for the name that
    /// it connects to (RFC 9525). With 0, everybody who has a certificate of a trusted authority
    /// can answer in the server's place.
    VerifyNames = 2,
    /// Certificates between the peer's own and that of a trusted authority, at most; -1, the
    /// default, leaves a limit of 6.
    VerifyDepth = 3,
    /// The oldest version to speak: a cppserver_tls_version, default 1.2.
    MinimumVersion = 4,
    /// The newest version to speak: a cppserver_tls_version, default 1.3.
    MaximumVersion = 5,
    /// 0 or 1, default 1: go on from earlier sessions, which makes handshakes cheaper (RFC 8446
    /// section 2.2).
    Resumption = 6,
    /// 0 or 1, default 0: take certificates as they were made long ago, of X.509 version 1 and
    /// without subjectAltName, so that the name is looked for in the subject, which RFC 9525 rules
    /// out. Chain, signatures and times are verified nevertheless.
    DangerousAcceptLegacyCertificates = 7,
    /// 0 or 1: trust the authorities of the system, which are read when a connection needs them. By
    /// default only clients do, and only while no others were added.
    SystemAuthorities = 8,
}

/// What is asked of the certificate of a peer.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_tls_verify {
    /// Nothing: a client talks to anybody who answers, a server asks for no certificate.
    None = 0,
    /// Clients verify their server. Servers ask for a certificate, verify the one that comes, and
    /// also take clients without one.
    Peer = 1,
    /// As CPPSERVER_TLS_VERIFY_PEER, but servers refuse clients without a certificate.
    Require = 2,
}

/// Versions of TLS, by the numbers that they have on the wire.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_tls_version {
    /// RFC 5246, with forward secrecy and authenticated encryption only.
    Tls12 = 0x0303,
    /// RFC 8446.
    Tls13 = 0x0304,
}

/// What cppserver_session_tls_text() tells of an encrypted session.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_tls_text {
    /// "TLSv1.2" or "TLSv1.3".
    Version = 1,
    /// The name in the registry of IANA, such as "TLS_AES_256_GCM_SHA384".
    CipherSuite = 2,
    /// The protocol that both sides agreed on (ALPN, RFC 7301), or "".
    AlpnProtocol = 3,
    /// The name of the server that the client asked for (SNI, RFC 6066 section 3), or "".
    ServerName = 4,
    /// The subject of the peer's certificate (RFC 4514), such as "CN=client.example.com,O=Example",
    /// or "" when the peer showed none.
    PeerSubject = 5,
}

/// Certificates, keys and rules for encrypted servers and clients. Reference counted: _create and
/// _retain add one, _release takes one.
pub struct cppserver_tls_context {
    _private: [u8; 0],
}

/// Owner of the I/O threads. Reference counted: _create and _retain add one, _release takes one.
pub struct cppserver_service {
    _private: [u8; 0],
}

/// A listening endpoint. Reference counted: _create and _retain add one, _release takes one.
pub struct cppserver_server {
    _private: [u8; 0],
}

/// One connection. Reference counted: callbacks lend it, _retain adds one, _release takes one.
pub struct cppserver_session {
    _private: [u8; 0],
}

/// A connecting endpoint. Reference counted: _create and _retain add one, _release takes one.
pub struct cppserver_client {
    _private: [u8; 0],
}

/// What a client asks a WebSocket server for, during the callback about it.
pub struct cppserver_http_request {
    _private: [u8; 0],
}

/// The answer to a cppserver_http_request, for the callback to change.
pub struct cppserver_http_response {
    _private: [u8; 0],
}

/// A sender and receiver of datagrams. Reference counted: _create and _retain add one, _release
/// takes one.
pub struct cppserver_udp {
    _private: [u8; 0],
}

/// A running timer. Reference counted: _create and _retain add one, _release takes one.
pub struct cppserver_timer {
    _private: [u8; 0],
}

/// Compile-time proof that an enum of the header and the crate's own agree in their numbers.
macro_rules! same_numbers {
    ($c:ident = $rust:ident: $($variant:ident)*) => {
        $(const _: () = assert!($c::$variant as i32 == $rust::$variant as i32);)*
    };
}

pub(super) use same_numbers;

same_numbers!(cppserver_status = Status: Ok InvalidArgument InvalidState NotConnected Limit Timeout
    System Resolver Handler Unsupported Tls WebSocket Sp);
same_numbers!(cppserver_tls_failure = TlsFailure: Truncated Format Password KeyMismatch Settings);
same_numbers!(cppserver_reason = Reason: Local PeerClosed Error Timeout Limit ServerStopped
    ServiceStopped Truncated);
same_numbers!(cppserver_send_policy = SendPolicy: Refuse Disconnect DropOldest);
same_numbers!(cppserver_kind = Kind: Bytes Text Binary Ping Pong);
same_numbers!(cppserver_option = SocketOption: NoDelay KeepAlive KeepAliveIdle KeepAliveInterval
    KeepAliveCount ReuseAddress ReusePort DualStack SendBuffer ReceiveBuffer Backlog Linger
    ConnectTimeout IdleTimeout CloseTimeout SessionLimit SessionLimitPerAddress SendLimit SendPolicy
    ReceiveLimit HandshakeTimeout Broadcast TimeToLive MulticastTimeToLive MulticastLoop DatagramLimit
    AnyPeer PingInterval MessageLimit FrameLimit FragmentLimit ControlFrames Deflate DeflateTakeover
    DeflateWindowBits DeflateLevel DeflateThreshold);
same_numbers!(cppserver_tls_verify = TlsVerify: None Peer Require);
same_numbers!(cppserver_tls_version = TlsVersion: Tls12 Tls13);
