//! Options of servers and clients, all as numbers, so that every language sets them alike.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::proto::ws::{LEAST_BITS, MOST_BITS};
use crate::reactor::datagrams::{DatagramChange, DatagramOptions, Interface};
use crate::reactor::listening::ListenOptions;
use crate::reactor::sockets::{Change, StreamOptions};

/// An option of a [`Server`](super::Server), a [`Client`](super::Client) or an open
/// [`Session`](super::Session).
///
/// Options of a server or client count from its next start or connect on, except
/// [`SendLimit`](SocketOption::SendLimit), [`SendPolicy`](SocketOption::SendPolicy) and
/// [`ReceiveLimit`](SocketOption::ReceiveLimit), which count at once. Switches are 0 or 1. What is
/// about TCP, addresses and ports has no effect on Unix domain sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum SocketOption {
    /// Send small pieces at once instead of waiting for the acknowledgement of earlier ones
    /// (TCP_NODELAY, RFC 1122 4.2.3.4). Default 1: sends of one turn are joined anyway.
    NoDelay = 1,
    /// Probe an idle peer (SO_KEEPALIVE). Default 0 on servers, 1 on clients.
    KeepAlive = 2,
    /// Seconds of silence before the first probe (TCP_KEEPIDLE). 0, the default, leaves it to the
    /// system.
    KeepAliveIdle = 3,
    /// Seconds between probes (TCP_KEEPINTVL). 0, the default, leaves it to the system.
    KeepAliveInterval = 4,
    /// Unanswered probes until the connection is given up (TCP_KEEPCNT). 0, the default, leaves it
    /// to the system.
    KeepAliveCount = 5,
    /// Let a server have its port again while old connections are in TIME_WAIT (SO_REUSEADDR).
    /// Default 1. Without effect on Windows, where nothing keeps it from the port. For
    /// [`Udp`](super::Udp) default 0: with 1 several sockets may have the port, and each gets the
    /// datagrams of its groups.
    ReuseAddress = 6,
    /// Share the port with other listeners (SO_REUSEPORT). Default 0. Unsupported on Windows.
    ReusePort = 7,
    /// An IPv6 listener on `::` takes IPv4 connections too (IPV6_V6ONLY off). Default 1.
    DualStack = 8,
    /// Bytes of the system's send buffer (SO_SNDBUF). 0, the default, leaves it to the system.
    SendBuffer = 9,
    /// Bytes of the system's receive buffer (SO_RCVBUF). 0, the default, leaves it to the system.
    ReceiveBuffer = 10,
    /// Connections that may wait to be accepted (listen(2)). Default 4096.
    Backlog = 11,
    /// Seconds that a closed connection is kept until its peer has taken the last bytes
    /// (SO_LINGER); 0 resets it instead. -1, the default, keeps it for the close timeout. Nothing
    /// waits for it.
    Linger = 12,
    /// Milliseconds to resolve the name and connect. Default 30,000; 0 leaves it to the system.
    ConnectTimeout = 13,
    /// Milliseconds without a byte in either direction until the session ends with
    /// [`Reason::Timeout`](super::Reason::Timeout). Default 0: never.
    IdleTimeout = 14,
    /// Milliseconds that `disconnect` goes on delivering what was accepted. Default 5,000.
    CloseTimeout = 15,
    /// Sessions that a server has at most; more are accepted and closed at once. As many closed
    /// connections may be kept beside them until their peers have taken the last bytes. Default 0:
    /// any.
    SessionLimit = 16,
    /// The same per address of the peer.
    SessionLimitPerAddress = 17,
    /// Bytes that may wait to be sent per session or [`Udp`](super::Udp), of which a datagram
    /// counts some 40 more than it has. Default 16 MiB; 0: any.
    SendLimit = 18,
    /// What happens above the send limit, a [`SendPolicy`] as a number. Default
    /// [`SendPolicy::Refuse`].
    SendPolicy = 19,
    /// Bytes that a handler may leave unhandled. Default 16 MiB; 0: any.
    ReceiveLimit = 20,
    /// Milliseconds for the handshake of an encrypted connection, from its beginning. Default
    /// 10,000; 0: any.
    HandshakeTimeout = 21,
    /// Let datagrams go to broadcast addresses (SO_BROADCAST). Default 0. This option and the
    /// following ones are of [`Udp`](super::Udp) alone.
    Broadcast = 22,
    /// Routers that a datagram may pass (IP_TTL, IPV6_UNICAST_HOPS). 0, the default, leaves it to
    /// the system.
    TimeToLive = 23,
    /// The same for multicasts (IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS). Default 1: the own network;
    /// 0 keeps them in this machine.
    MulticastTimeToLive = 24,
    /// Let this machine hear its own multicasts (IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP). Default
    /// 1.
    MulticastLoop = 25,
    /// Bytes of a received datagram that are delivered; the rest is cut off, and told. Default
    /// 65,535: all of them.
    DatagramLimit = 26,
    /// Take datagrams from anybody, and send to anybody, also as a client. Default 0: a client
    /// hears its peer alone. Servers always do.
    AnyPeer = 27,
    /// Milliseconds of silence after which a WebSocket session asks its peer for a sign of life,
    /// with a ping (RFC 6455 section 5.5.2). If none comes for as long again, the session ends with
    /// [`Reason::Timeout`](super::Reason::Timeout), unless it pauses reading. Default 0: never. This
    /// option and the following ones are of WebSocket alone.
    PingInterval = 28,
    /// Bytes of a message that the peer may send, after its decompression. Default 16 MiB; 0: any.
    MessageLimit = 29,
    /// Bytes of a frame that the peer may send. Default 0: as many as of a message.
    FrameLimit = 30,
    /// Frames of one message that the peer may send. Default 1,000,000; 0: any.
    FragmentLimit = 31,
    /// Deliver pings and pongs to `on_received` too. Default 0. Pings are answered by the library
    /// anyway.
    ControlFrames = 32,
    /// Compress messages if the peer can, too (permessage-deflate, RFC 7692). Default 0.
    Deflate = 33,
    /// Let compressed messages refer to earlier ones, which makes them smaller and costs some 300
    /// KiB of memory for each session. Default 0.
    DeflateTakeover = 34,
    /// How far compressed messages may refer back, as a power of two. Default 15: 32 KiB.
    DeflateWindowBits = 35,
    /// From 1, the fastest, to 9, the smallest. Default 1.
    DeflateLevel = 36,
    /// Messages below this size in bytes are not compressed. Default 256.
    DeflateThreshold = 37,
}

/// What options are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Server,
    Client,
    Datagrams,
}

/// What [`Session::send`](super::Session::send) does above the send limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum SendPolicy {
    /// Fails with [`Status::Limit`](crate::Status::Limit); the session goes on, and `on_empty`
    /// tells when to go on sending.
    Refuse = 0,
    /// Fails and ends the session with [`Reason::Limit`](super::Reason::Limit).
    Disconnect = 1,
    /// Drops the oldest sends that have not begun to leave, each as a whole. Small ones, together
    /// up to a 256th of the limit, are dropped together. What the loop is just writing comes on
    /// top of the limit, up to as much again.
    DropOldest = 2,
}

const ALL: [SocketOption; 37] = [
    SocketOption::NoDelay,
    SocketOption::KeepAlive,
    SocketOption::KeepAliveIdle,
    SocketOption::KeepAliveInterval,
    SocketOption::KeepAliveCount,
    SocketOption::ReuseAddress,
    SocketOption::ReusePort,
    SocketOption::DualStack,
    SocketOption::SendBuffer,
    SocketOption::ReceiveBuffer,
    SocketOption::Backlog,
    SocketOption::Linger,
    SocketOption::ConnectTimeout,
    SocketOption::IdleTimeout,
    SocketOption::CloseTimeout,
    SocketOption::SessionLimit,
    SocketOption::SessionLimitPerAddress,
    SocketOption::SendLimit,
    SocketOption::SendPolicy,
    SocketOption::ReceiveLimit,
    SocketOption::HandshakeTimeout,
    SocketOption::Broadcast,
    SocketOption::TimeToLive,
    SocketOption::MulticastTimeToLive,
    SocketOption::MulticastLoop,
    SocketOption::DatagramLimit,
    SocketOption::AnyPeer,
    SocketOption::PingInterval,
    SocketOption::MessageLimit,
    SocketOption::FrameLimit,
    SocketOption::FragmentLimit,
    SocketOption::ControlFrames,
    SocketOption::Deflate,
    SocketOption::DeflateTakeover,
    SocketOption::DeflateWindowBits,
    SocketOption::DeflateLevel,
    SocketOption::DeflateThreshold,
];

impl SocketOption {
    fn default_value(self, purpose: Use) -> i64 {
        match self {
            // It would let another program take datagrams away.
            SocketOption::ReuseAddress if purpose == Use::Datagrams => 0,
            SocketOption::NoDelay | SocketOption::ReuseAddress | SocketOption::DualStack => 1,
            SocketOption::KeepAlive => i64::from(purpose == Use::Client),
            SocketOption::Backlog => 4096,
            SocketOption::Linger => -1,
            SocketOption::ConnectTimeout => 30_000,
            SocketOption::CloseTimeout => 5_000,
            SocketOption::HandshakeTimeout => 10_000,
            SocketOption::SendLimit | SocketOption::ReceiveLimit => 16 << 20,
            SocketOption::MulticastTimeToLive | SocketOption::MulticastLoop => 1,
            SocketOption::DatagramLimit => 65_535,
            SocketOption::MessageLimit => 16 << 20,
            SocketOption::FragmentLimit => 1_000_000,
            SocketOption::DeflateWindowBits => i64::from(MOST_BITS),
            SocketOption::DeflateLevel => 1,
            SocketOption::DeflateThreshold => 256,
            _ => 0,
        }
    }

    fn range(self) -> std::ops::RangeInclusive<i64> {
        match self {
            SocketOption::NoDelay
            | SocketOption::KeepAlive
            | SocketOption::ReuseAddress
            | SocketOption::ReusePort
            | SocketOption::DualStack
            | SocketOption::Broadcast
            | SocketOption::MulticastLoop
            | SocketOption::AnyPeer
            | SocketOption::ControlFrames
            | SocketOption::Deflate
            | SocketOption::DeflateTakeover => 0..=1,
            SocketOption::DeflateWindowBits => i64::from(LEAST_BITS)..=i64::from(MOST_BITS),
            SocketOption::DeflateLevel => 1..=9,
            SocketOption::TimeToLive | SocketOption::MulticastTimeToLive => 0..=255,
            SocketOption::DatagramLimit => 0..=65_535,
            SocketOption::KeepAliveIdle | SocketOption::KeepAliveInterval => 0..=32_767,
            SocketOption::KeepAliveCount => 0..=127,
            SocketOption::SendBuffer | SocketOption::ReceiveBuffer => 0..=i64::from(i32::MAX),
            SocketOption::Backlog => 1..=i64::from(i32::MAX),
            SocketOption::Linger => -1..=i64::from(u16::MAX),
            SocketOption::ConnectTimeout
            | SocketOption::IdleTimeout
            | SocketOption::CloseTimeout
            | SocketOption::HandshakeTimeout
            | SocketOption::PingInterval => 0..=i64::from(u32::MAX),
            SocketOption::SendPolicy => 0..=2,
            _ => 0..=i64::MAX,
        }
    }

    /// Whether the option means anything to a server or client of streams, or to datagrams.
    fn is_for(self, purpose: Use) -> bool {
        let of_datagrams = SocketOption::Broadcast as i32..=SocketOption::AnyPeer as i32;
        let datagrams_only = of_datagrams.contains(&(self as i32));
        let both = matches!(
            self,
            SocketOption::ReuseAddress
                | SocketOption::ReusePort
                | SocketOption::DualStack
                | SocketOption::SendBuffer
                | SocketOption::ReceiveBuffer
                | SocketOption::ConnectTimeout
                | SocketOption::CloseTimeout
                | SocketOption::SendLimit
                | SocketOption::SendPolicy
        );
        both || datagrams_only == (purpose == Use::Datagrams)
    }

    fn check(self, value: i64) -> Result<()> {
        let range = self.range();
        if range.contains(&value) {
            return Ok(());
        }
        let (low, high) = (range.start(), range.end());
        Err(Error::argument(format!("option {self:?} takes {low} to {high}, not {value}")))
    }

    /// The change of an open connection, or an error for options that only count at its start.
    pub(crate) fn change(self, value: i64) -> Result<Change> {
        self.check(value)?;
        let seconds = Duration::from_secs(value.max(0) as u64);
        Ok(match self {
            SocketOption::NoDelay => Change::NoDelay(value != 0),
            SocketOption::KeepAlive => Change::KeepAlive(value != 0),
            SocketOption::KeepAliveIdle if value > 0 => Change::KeepAliveIdle(seconds),
            SocketOption::KeepAliveInterval if value > 0 => Change::KeepAliveInterval(seconds),
            SocketOption::KeepAliveCount if value > 0 => Change::KeepAliveCount(value as u32),
            SocketOption::SendBuffer if value > 0 => Change::SendBuffer(value as usize),
            SocketOption::ReceiveBuffer if value > 0 => Change::ReceiveBuffer(value as usize),
            SocketOption::Linger => Change::Linger((value >= 0).then_some(seconds)),
            _ => {
                return Err(Error::argument(format!(
                    "option {self:?} = {value} can't be set on an open connection; set it on the \
                     server or client"
                )));
            }
        })
    }
}

impl SocketOption {
    /// The change of an open socket of datagrams, if the option is more than a rule of this library
    /// and can be changed at all.
    pub(crate) fn datagram_change(self, value: i64) -> Option<DatagramChange> {
        Some(match self {
            SocketOption::SendBuffer if value > 0 => DatagramChange::SendBuffer(value as usize),
            SocketOption::ReceiveBuffer if value > 0 => {
                DatagramChange::ReceiveBuffer(value as usize)
            }
            SocketOption::Broadcast => DatagramChange::Broadcast(value != 0),
            SocketOption::TimeToLive if value > 0 => DatagramChange::TimeToLive(value as u32),
            SocketOption::MulticastTimeToLive => DatagramChange::MulticastTimeToLive(value as u32),
            SocketOption::MulticastLoop => DatagramChange::MulticastLoop(value != 0),
            _ => return None,
        })
    }
}

impl TryFrom<i32> for SocketOption {
    type Error = Error;

    fn try_from(number: i32) -> Result<SocketOption> {
        usize::try_from(i64::from(number) - 1)
            .ok()
            .and_then(|index| ALL.get(index).copied())
            .ok_or_else(|| Error::argument(format!("there is no option number {number}")))
    }
}

/// The options of one server or client. Threads read and write them freely.
pub(crate) struct Options {
    values: [AtomicI64; ALL.len()],
    purpose: Use,
}

impl Options {
    pub(crate) fn new(purpose: Use) -> Options {
        Options { values: ALL.map(|option| AtomicI64::new(option.default_value(purpose))), purpose }
    }

    pub(crate) fn get(&self, option: SocketOption) -> i64 {
        self.values[option as usize - 1].load(Ordering::Relaxed)
    }

    /// The value of an option that the user asks for.
    pub(crate) fn tell(&self, option: SocketOption) -> Result<i64> {
        self.check_purpose(option)?;
        Ok(self.get(option))
    }

    fn check_purpose(&self, option: SocketOption) -> Result<()> {
        if option.is_for(self.purpose) {
            return Ok(());
        }
        let (own, other) = match self.purpose {
            Use::Datagrams => ("datagrams", "servers and clients of streams"),
            _ => ("streams", "datagrams"),
        };
        Err(Error::argument(format!("option {option:?} means nothing to {own}, it is for {other}")))
    }

    pub(crate) fn set(&self, option: SocketOption, value: i64) -> Result<()> {
        option.check(value)?;
        self.check_purpose(option)?;
        self.values[option as usize - 1].store(value, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn is_on(&self, option: SocketOption) -> bool {
        self.get(option) != 0
    }

    /// A limit as a size, or `None` for no limit.
    pub(crate) fn limit(&self, option: SocketOption) -> Option<usize> {
        let value = self.get(option);
        (value > 0).then(|| usize::try_from(value).unwrap_or(usize::MAX))
    }

    pub(crate) fn milliseconds(&self, option: SocketOption) -> Option<Duration> {
        let value = self.get(option);
        (value > 0).then(|| Duration::from_millis(value as u64))
    }

    fn seconds(&self, option: SocketOption) -> Option<Duration> {
        let value = self.get(option);
        (value > 0).then(|| Duration::from_secs(value as u64))
    }

    pub(crate) fn close_timeout(&self) -> Duration {
        Duration::from_millis(self.get(SocketOption::CloseTimeout) as u64)
    }

    pub(crate) fn linger(&self) -> Option<Duration> {
        let value = self.get(SocketOption::Linger);
        (value >= 0).then(|| Duration::from_secs(value as u64))
    }

    pub(crate) fn send_policy(&self) -> SendPolicy {
        match self.get(SocketOption::SendPolicy) {
            1 => SendPolicy::Disconnect,
            2 => SendPolicy::DropOldest,
            _ => SendPolicy::Refuse,
        }
    }

    pub(crate) fn stream(&self) -> StreamOptions {
        StreamOptions {
            no_delay: self.is_on(SocketOption::NoDelay),
            keep_alive: self.is_on(SocketOption::KeepAlive),
            keep_alive_idle: self.seconds(SocketOption::KeepAliveIdle),
            keep_alive_interval: self.seconds(SocketOption::KeepAliveInterval),
            keep_alive_count: self.limit(SocketOption::KeepAliveCount).map(|count| count as u32),
            send_buffer: self.limit(SocketOption::SendBuffer),
            receive_buffer: self.limit(SocketOption::ReceiveBuffer),
            linger: self.linger(),
        }
    }

    pub(crate) fn datagrams(&self, multicast_interface: Interface) -> DatagramOptions {
        DatagramOptions {
            reuse_address: self.is_on(SocketOption::ReuseAddress),
            reuse_port: self.is_on(SocketOption::ReusePort),
            dual_stack: self.is_on(SocketOption::DualStack),
            send_buffer: self.limit(SocketOption::SendBuffer),
            receive_buffer: self.limit(SocketOption::ReceiveBuffer),
            broadcast: self.is_on(SocketOption::Broadcast),
            time_to_live: self.limit(SocketOption::TimeToLive).map(|hops| hops as u32),
            multicast_time_to_live: self.get(SocketOption::MulticastTimeToLive) as u32,
            multicast_loop: self.is_on(SocketOption::MulticastLoop),
            multicast_interface,
        }
    }

    pub(crate) fn listen(&self) -> ListenOptions {
        ListenOptions {
            reuse_address: self.is_on(SocketOption::ReuseAddress),
            reuse_port: self.is_on(SocketOption::ReusePort),
            dual_stack: self.is_on(SocketOption::DualStack),
            backlog: self.get(SocketOption::Backlog) as i32,
            stream: self.stream(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_options_agree() {
        for (index, option) in ALL.into_iter().enumerate() {
            assert_eq!(option as usize, index + 1);
            assert_eq!(SocketOption::try_from(option as i32).unwrap(), option);
        }
        assert!(SocketOption::try_from(0).is_err());
        assert!(SocketOption::try_from(38).is_err());
        assert!(SocketOption::try_from(i32::MIN).is_err());
    }

    #[test]
    fn values_out_of_range_are_refused_and_change_nothing() {
        let options = Options::new(Use::Server);
        assert!(options.set(SocketOption::NoDelay, 2).is_err());
        assert!(options.set(SocketOption::Backlog, 0).is_err());
        assert_eq!(options.get(SocketOption::NoDelay), 1);
        assert_eq!(options.get(SocketOption::Backlog), 4096);
        options.set(SocketOption::Linger, 0).unwrap();
        assert_eq!(options.linger(), Some(Duration::ZERO));
    }

    #[test]
    fn options_of_datagrams_are_not_those_of_streams() {
        let (streams, datagrams) = (Options::new(Use::Client), Options::new(Use::Datagrams));
        for (option, of_streams, of_datagrams) in [
            (SocketOption::NoDelay, true, false),
            (SocketOption::ReuseAddress, true, true),
            (SocketOption::MulticastLoop, false, true),
        ] {
            assert_eq!(streams.set(option, 1).is_ok(), of_streams, "{option:?}");
            assert_eq!(datagrams.set(option, 1).is_ok(), of_datagrams, "{option:?}");
        }
        assert_eq!(Options::new(Use::Datagrams).get(SocketOption::ReuseAddress), 0);
    }

    #[test]
    fn some_options_change_open_connections() {
        assert_eq!(SocketOption::NoDelay.change(0).unwrap(), Change::NoDelay(false));
        assert_eq!(SocketOption::Linger.change(-1).unwrap(), Change::Linger(None));
        assert!(SocketOption::Backlog.change(5).is_err());
        assert!(SocketOption::SendBuffer.change(0).is_err());
    }
}
