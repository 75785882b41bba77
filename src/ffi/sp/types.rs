//! The enums, the opaque handles and the counters of the scalability protocols.

use crate::error::SpFailure;
use crate::ffi::types::same_numbers;
use crate::nano::{Protocol, SpOption, Statistics};

/// The role that a socket plays in a pattern. The numbers are those of the wire.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_sp_protocol {
    /// One to one, both ways. A send waits for the peer, and for room.
    Pair = 16,
    /// Sends to all subscribers. A send never waits: who has no room misses the message.
    Publisher = 32,
    /// Receives what begins with one of its topics: cppserver_sp_socket_subscribe().
    Subscriber = 33,
    /// Asks one of the reply sockets, and another one when no answer comes. A send never waits: the
    /// question waits inside. The next question gives up the one before.
    Request = 48,
    /// Answers the question that it received last.
    Reply = 49,
    /// Shares its messages out among pull sockets. A send waits for a peer with room.
    Push = 80,
    /// Takes its share.
    Pull = 81,
    /// Asks all respondents, and takes answers until CPPSERVER_SP_OPTION_SURVEY_DEADLINE. A send
    /// never waits.
    Surveyor = 98,
    /// Answers the survey that it received last.
    Respondent = 99,
    /// Sends to all its neighbours, each of which is a bus too and does not pass it on. A send never
    /// waits: who has no room misses the message.
    Bus = 112,
}

/// Options of the sockets of scalability protocols. All values are int64_t, times in milliseconds.
///
/// Options about connections count for those that are made after the change, the others at once.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_sp_option {
    /// How long a close delivers what was sent before, default 1000.
    Linger = 1,
    /// Bytes that may wait in one connection to be sent, default 131072; a message that passes the
    /// limit is the last one.
    SendBuffer = 2,
    /// Bytes that may wait in one connection to be received, default 131072; then its peer has to
    /// wait.
    ReceiveBuffer = 3,
    /// The same limit for sending in messages, default 0 = none.
    SendMessages = 4,
    /// The same limit for receiving in messages, default 0 = none.
    ReceiveMessages = 5,
    /// How long a send with the timeout -1 blocks; default -1 = for as long as it takes.
    SendTimeout = 6,
    /// How long a receive with the timeout -1 blocks; default -1 = for as long as it takes.
    ReceiveTimeout = 7,
    /// After how long a connection that failed or was lost is dialed again, default 100.
    ReconnectInterval = 8,
    /// The interval doubles with each failure up to this one; default 0 = it stays the same.
    ReconnectIntervalMax = 9,
    /// 1 to 16, default 8, for the connections made from now on: who sends to one of many takes
    /// those with the lowest number as long as they accept messages.
    SendPriority = 10,
    /// 1 to 16, default 8, the same for receiving.
    ReceivePriority = 11,
    /// Bytes of the largest message that is received, with its header; one byte more, and the
    /// connection is closed. Default 1048576, 0 = no limit.
    MaxMessageSize = 12,
    /// Devices that a question may go through, 1 to 255, default 8; with more it is dropped.
    MaxHops = 13,
    /// After how long a request without an answer is sent again, default 60000, 0 = never.
    ResendInterval = 14,
    /// How long answers to a survey are taken, at least 1, default 1000.
    SurveyDeadline = 15,
    /// How long a new connection may take until its peer has said what it speaks, default 10000, 0 =
    /// for as long as it likes.
    HandshakeTimeout = 16,
    /// 0 or 1, default 1: small messages leave over TCP at once (TCP_NODELAY).
    NoDelay = 17,
}

/// Codes of the category "sp": those of cppserver_last_error_code() and of on_error.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cppserver_sp_failure {
    /// A call with the timeout 0 would have to wait, or one with another timeout on an I/O thread.
    /// The status is CPPSERVER_STATUS_TIMEOUT.
    WouldBlock = 3001,
    /// The timeout of a call passed, or the deadline of a survey. The status is
    /// CPPSERVER_STATUS_TIMEOUT.
    TimedOut = 3002,
    /// The pattern does not allow the call now, such as a reply without a request. The status is
    /// CPPSERVER_STATUS_INVALID_STATE.
    WrongState = 3003,
    /// The socket, or the part of it that was used, is closed. The status is
    /// CPPSERVER_STATUS_NOT_CONNECTED.
    Closed = 3004,
    /// cppserver_sp_terminate() was called. The status is CPPSERVER_STATUS_NOT_CONNECTED.
    Terminated = 3005,
    /// The pattern never allows the call, such as a receive on a socket that publishes. The status
    /// is CPPSERVER_STATUS_UNSUPPORTED.
    NotSupported = 3006,
    /// An address cannot be read. The status is CPPSERVER_STATUS_INVALID_ARGUMENT.
    Address = 3007,
    /// The transport of an address is none that this library has. The status is
    /// CPPSERVER_STATUS_UNSUPPORTED.
    Transport = 3008,
    /// Somebody listens on that address already. The status is CPPSERVER_STATUS_INVALID_STATE.
    AddressInUse = 3009,
    /// The peer speaks something else, or a protocol that does not belong to this side's. The status
    /// is CPPSERVER_STATUS_SP.
    Peer = 3010,
    /// A message is larger than the limit. The status is CPPSERVER_STATUS_LIMIT.
    TooLarge = 3011,
    /// A message breaks the protocol, or a header is none. The status is CPPSERVER_STATUS_SP.
    Malformed = 3012,
}

/// One end of a pattern of the scalability protocols, with any number of connections. Reference
/// counted: _create and _retain add one, _release takes one, and the last one closes it.
pub struct cppserver_sp_socket {
    _private: [u8; 0],
}

/// One listener or dialer of a cppserver_sp_socket. Reference counted: _listen, _dial and _retain
/// add one, _release takes one and closes nothing.
pub struct cppserver_sp_endpoint {
    _private: [u8; 0],
}

/// One of several exchanges over a cppserver_sp_socket that asks or answers. Reference counted:
/// _create and _retain add one, _release takes one, and the last one gives up what it has asked.
pub struct cppserver_sp_context {
    _private: [u8; 0],
}

/// Two raw sockets joined, which pass on what they receive. Reference counted: _create and _retain
/// add one, _release takes one, and the last one ends it.
pub struct cppserver_sp_device {
    _private: [u8; 0],
}

/// Bytes that travel as a whole. Not reference counted: each _create and _clone is paired with one
/// _release. Clones share large bytes, so that a message is received, kept and sent again without a
/// copy. One thread at a time may use a message; different messages are independent, also clones.
pub struct cppserver_sp_message {
    _private: [u8; 0],
}

/// The counters of a cppserver_sp_socket since it was made. They stay when endpoints and connections
/// go, and can be read after the close.
///
/// Messages and bytes count when a call of the program, or a callback, has succeeded: once for each
/// message, however many peers get it, and only the bytes of its body.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct cppserver_sp_statistics {
    /// sizeof(cppserver_sp_statistics), as the program was compiled.
    pub size: usize,
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
    /// Messages that went nowhere: a peer had no room for what is published, an answer came too late
    /// or without a question, a header was none.
    pub messages_dropped: u64,
    /// Messages that were accepted and not delivered, because the connection broke or the linger
    /// time of a close was over.
    pub messages_undelivered: u64,
}

impl From<Statistics> for cppserver_sp_statistics {
    fn from(counted: Statistics) -> cppserver_sp_statistics {
        cppserver_sp_statistics {
            size: size_of::<cppserver_sp_statistics>(),
            established_connections: counted.established_connections,
            accepted_connections: counted.accepted_connections,
            dropped_connections: counted.dropped_connections,
            broken_connections: counted.broken_connections,
            connect_errors: counted.connect_errors,
            bind_errors: counted.bind_errors,
            accept_errors: counted.accept_errors,
            current_connections: counted.current_connections,
            messages_sent: counted.messages_sent,
            messages_received: counted.messages_received,
            bytes_sent: counted.bytes_sent,
            bytes_received: counted.bytes_received,
            messages_dropped: counted.messages_dropped,
            messages_undelivered: counted.messages_undelivered,
        }
    }
}

same_numbers!(cppserver_sp_protocol = Protocol: Pair Publisher Subscriber Request Reply Push Pull
    Surveyor Respondent Bus);
same_numbers!(cppserver_sp_option = SpOption: Linger SendBuffer ReceiveBuffer SendMessages
    ReceiveMessages SendTimeout ReceiveTimeout ReconnectInterval ReconnectIntervalMax SendPriority
    ReceivePriority MaxMessageSize MaxHops ResendInterval SurveyDeadline HandshakeTimeout NoDelay);
same_numbers!(cppserver_sp_failure = SpFailure: WouldBlock TimedOut WrongState Closed Terminated
    NotSupported Address Transport AddressInUse Peer TooLarge Malformed);
