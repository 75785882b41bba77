//! The comparisons: which servers, under which loads.

mod websocket;

pub use websocket::{WS, WSS};

use crate::link::Link;
use crate::load::{
    BurstLoad, ChurnLoad, EchoLoad, GroupLoad, Load, MulticastLoad, Transport, WindowLoad, json,
};
use crate::table::Column;
use std::io;
use std::net::SocketAddrV4;

/// How a server is built and started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// One C file on system calls alone, with the size of its receive buffer in bytes.
    RawEpoll(&'static str),
    /// One C file on system calls and OpenSSL.
    RawOpenssl,
    /// One C file on `recvmmsg` and `sendmmsg`.
    RawMmsg,
    /// A binary of the package `cppserver-bench-peers`.
    RustPeer(&'static str),
    /// `g++` with the header-only asio; the file in `peers/cpp`.
    Asio(&'static str),
    /// The same with OpenSSL.
    AsioSsl,
    /// `cc` with libuv; the file in `peers/c`.
    Libuv(&'static str),
    /// `cc` with uSockets, whose sources a crate carries.
    Usockets,
    /// `g++` with uWebSockets, whose sources the same crate carries, OpenSSL and zlib.
    Uwebsockets,
    /// `g++` with Boost.Beast and OpenSSL.
    Beast,
    /// `g++` with websocketpp, the asio of Boost, and OpenSSL.
    Websocketpp,
    /// `cc` with libwebsockets.
    Libwebsockets,
    /// Node.js with the package `ws`.
    NodeWs,
    /// The standard library's event loop; the file in `peers/python`.
    Asyncio(&'static str),
    /// The same program on uvloop.
    Uvloop(&'static str),
    /// Python with packages of PyPI; the file in `peers/python`.
    PythonWith(&'static [&'static str], &'static str),
    /// One C file on system calls, for requests and replies.
    RawSp,
    /// `cc` with libnanomsg.
    Nanomsg,
    /// `cc` with libnng.
    Nng,
    /// `cc` with libzmq.
    Zeromq,
    /// The crate nng, which builds the C code of NNG with CMake.
    NngCrate,
    /// Ours: the crate; a binary of the package `cppserver-bench-servers`.
    Crate(&'static str),
    /// Ours: the C header and the shared library; the file in `servers/c`.
    C(&'static str),
    /// Ours: the C++ headers and the shared library; the file in `servers/cpp`.
    Cpp(&'static str),
    /// Ours: the Python package and the shared library; the file in `servers/python`.
    Python(&'static str),
}

/// One server of a comparison.
#[derive(Debug)]
pub struct Peer {
    /// Name on the command line.
    pub key: &'static str,
    /// Name in the table.
    pub label: &'static str,
    /// How to get it.
    pub recipe: Recipe,
    /// What of `echo`, `multicast` and the like it cannot do.
    pub cannot: &'static [&'static str],
    /// How the generator speaks with it, when it is not as with the others.
    pub link: Option<Link>,
    /// Runs under this load only, if set.
    pub only: Option<Workload>,
}

impl Peer {
    /// Whether the server takes part in a load.
    pub fn takes_part(&self, workload: Workload) -> bool {
        !self.cannot.contains(&workload.mode()) && self.only.is_none_or(|only| only == workload)
    }

    /// True for the servers on our own library.
    pub fn ours(&self) -> bool {
        matches!(self.recipe, Recipe::Crate(_) | Recipe::C(_) | Recipe::Cpp(_) | Recipe::Python(_))
    }
}

const fn peer(key: &'static str, label: &'static str, recipe: Recipe) -> Peer {
    Peer { key, label, recipe, cannot: &[], link: None, only: None }
}

/// One comparison, which has one table.
#[derive(Debug)]
pub struct Suite {
    /// Name on the command line.
    pub key: &'static str,
    /// How the generator speaks with the servers.
    pub link: Link,
    /// The servers in the order of the table. The first is the yardstick of the others.
    pub peers: &'static [Peer],
    /// The name of the yardstick at the head of a column.
    pub yardstick: &'static str,
    /// What is counted.
    pub unit: &'static str,
    /// The last columns of the table.
    pub columns: &'static [Column],
    /// The loads in the order of the table.
    pub workloads: &'static [Workload],
}

/// All comparisons.
pub static SUITES: [&Suite; 5] = [&TCP, &TLS, &UDP, &WS, &WSS];

/// Everything in the clear.
pub static TCP: Suite = Suite {
    key: "tcp",
    link: Link::Plain,
    peers: &[
        peer("raw-epoll", "raw epoll (C)", Recipe::RawEpoll("65536")),
        Peer {
            only: Some(Workload::Large),
            ..peer("raw-epoll-512k", "raw epoll, 512 KiB reads (C)", Recipe::RawEpoll("524288"))
        },
        peer("mio", "mio (Rust)", Recipe::RustPeer("bench-peer-mio")),
        Peer {
            cannot: &["multicast"],
            ..peer("tokio", "tokio (Rust)", Recipe::RustPeer("bench-peer-tokio"))
        },
        peer("asio", "asio (C++)", Recipe::Asio("asio_echo.cpp")),
        peer("libuv", "libuv (C)", Recipe::Libuv("libuv_echo.c")),
        Peer { cannot: &["multicast"], ..peer("usockets", "uSockets (C)", Recipe::Usockets) },
        peer("asyncio", "asyncio (Python)", Recipe::Asyncio("asyncio_echo.py")),
        peer("uvloop", "uvloop (Python)", Recipe::Uvloop("asyncio_echo.py")),
        peer("rust", "**cppserver** Rust", Recipe::Crate("bench-server-rust")),
        peer("c", "**cppserver** C", Recipe::C("echo.c")),
        peer("cpp", "**cppserver** C++", Recipe::Cpp("echo.cpp")),
        peer("python", "**cppserver** Python", Recipe::Python("echo.py")),
    ],
    yardstick: "raw epoll",
    unit: "message",
    columns: &[Column::IdleBytes, Column::OpenTime],
    workloads: &[
        Workload::PingPong,
        Workload::Pipelined,
        Workload::Large,
        Workload::Connect,
        Workload::Multicast,
        Workload::MulticastBurst,
        Workload::Idle,
    ],
};

/// TLS 1.3.
pub static TLS: Suite = Suite {
    key: "tls",
    link: Link::Tls,
    peers: &[
        peer("raw-openssl", "raw epoll + OpenSSL (C)", Recipe::RawOpenssl),
        Peer {
            cannot: &["multicast"],
            ..peer("tokio-rustls", "tokio-rustls (Rust)", Recipe::RustPeer("bench-peer-tokio"))
        },
        peer("asio-ssl", "asio + OpenSSL (C++)", Recipe::AsioSsl),
        peer("rust", "**cppserver** Rust", Recipe::Crate("bench-server-rust")),
        peer("c", "**cppserver** C", Recipe::C("echo.c")),
        peer("cpp", "**cppserver** C++", Recipe::Cpp("echo.cpp")),
        peer("python", "**cppserver** Python", Recipe::Python("echo.py")),
    ],
    yardstick: "raw epoll + OpenSSL",
    unit: "message",
    columns: &[Column::IdleBytes, Column::OpenTime],
    workloads: &[
        Workload::PingPong,
        Workload::Pipelined,
        Workload::Large,
        Workload::Handshake,
        Workload::Resumption,
        Workload::Multicast,
        Workload::Idle,
    ],
};

/// Datagrams.
pub static UDP: Suite = Suite {
    key: "udp",
    link: Link::Datagrams,
    peers: &[
        peer("raw-mmsg", "raw recvmmsg, sendmmsg (C)", Recipe::RawMmsg),
        peer("mio", "mio (Rust)", Recipe::RustPeer("bench-peer-mio-udp")),
        peer("tokio", "tokio (Rust)", Recipe::RustPeer("bench-peer-tokio-udp")),
        peer("asio", "asio (C++)", Recipe::Asio("asio_udp.cpp")),
        peer("libuv", "libuv (C)", Recipe::Libuv("libuv_udp.c")),
        peer("asyncio", "asyncio (Python)", Recipe::Asyncio("asyncio_udp.py")),
        peer("uvloop", "uvloop (Python)", Recipe::Uvloop("asyncio_udp.py")),
        peer("rust", "**cppserver** Rust", Recipe::Crate("bench-server-rust-udp")),
        peer("c", "**cppserver** C", Recipe::C("udp.c")),
        peer("cpp", "**cppserver** C++", Recipe::Cpp("udp.cpp")),
        peer("python", "**cppserver** Python", Recipe::Python("udp.py")),
    ],
    yardstick: "raw mmsg",
    unit: "datagram",
    columns: &[Column::Lost],
    workloads: &[
        Workload::DatagramPingPong,
        Workload::Windows,
        Workload::ManyWindows,
        Workload::Burst,
        Workload::LargeBurst,
        Workload::Group,
    ],
};

/// A load and its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Workload {
    /// One connection, one 32-byte message in flight on it.
    SinglePingPong,
    /// 100 connections, one 32-byte message in flight on each.
    PingPong,
    /// 100 connections, 32 messages of 32 bytes in flight on each.
    Pipelined,
    /// 10 connections, 8 messages of 64 KiB in flight on each.
    Large,
    /// 10 connections, 8 messages of 16 KiB in flight on each.
    Medium,
    /// 100 connections, one message of 1 KiB of text in flight on each, compressed.
    Deflate,
    /// Connect, one echo, close; 64 at a time.
    Connect,
    /// The same with a full handshake of TLS.
    Handshake,
    /// The same with a handshake that resumes a session.
    Resumption,
    /// One of 1,000 sessions speaks, all hear it.
    Multicast,
    /// 16 of 1,000 sessions speak at the same time, all hear all.
    MulticastBurst,
    /// 10,000 connections are opened, served once and held.
    Idle,
    /// 10 sockets, one datagram of 32 bytes in flight on each.
    DatagramPingPong,
    /// 10 sockets, 16 datagrams of 32 bytes in flight on each.
    Windows,
    /// 100 sockets, 16 datagrams of 32 bytes in flight on each.
    ManyWindows,
    /// One datagram is answered by 1,000 of 32 bytes.
    Burst,
    /// One datagram is answered by 1,000 of 1,200 bytes.
    LargeBurst,
    /// One datagram goes to a multicast group of 100 sockets.
    Group,
}

/// Connections that the idle load holds, where the limit of open files allows it.
pub const IDLE_CONNECTIONS: usize = 10_000;

impl Workload {
    /// Name on the command line.
    pub fn key(self) -> &'static str {
        match self {
            Workload::SinglePingPong => "single",
            Workload::PingPong | Workload::DatagramPingPong => "ping-pong",
            Workload::Pipelined => "pipelined",
            Workload::Large | Workload::Medium => "large",
            Workload::Deflate => "deflate",
            Workload::Connect => "connect",
            Workload::Handshake => "handshake",
            Workload::Resumption => "resumption",
            Workload::Multicast | Workload::Group => "multicast",
            Workload::MulticastBurst => "multicast-burst",
            Workload::Idle => "idle",
            Workload::Windows => "windows",
            Workload::ManyWindows => "many-windows",
            Workload::Burst => "burst",
            Workload::LargeBurst => "large-burst",
        }
    }

    /// Name in the table.
    pub fn title(self) -> &'static str {
        match self {
            Workload::SinglePingPong => "ping-pong 1, 32 B",
            Workload::PingPong => "ping-pong 100, 32 B",
            Workload::Pipelined => "pipelined 100 x 32, 32 B",
            Workload::Large => "large 10 x 8, 64 KiB",
            Workload::Medium => "large 10 x 8, 16 KiB",
            Workload::Deflate => "deflate 100, 1 KiB of text",
            Workload::Connect => "connect, echo, close",
            Workload::Handshake => "full handshake, echo, close",
            Workload::Resumption => "resumed handshake, echo, close",
            Workload::Multicast => "multicast 1 to 1,000, 32 B",
            Workload::MulticastBurst => "multicast 16 to 1,000, 32 B",
            Workload::Idle => "idle connections",
            Workload::DatagramPingPong => "ping-pong 10, 32 B",
            Workload::Windows => "windows 10 x 16, 32 B",
            Workload::ManyWindows => "windows 100 x 16, 32 B",
            Workload::Burst => "burst of 1,000, 32 B",
            Workload::LargeBurst => "burst of 1,000, 1,200 B",
            Workload::Group => "multicast 1 to 100, 32 B",
        }
    }

    /// The text that is compressed.
    pub fn text(self) -> Vec<u8> {
        json(1024)
    }

    /// The argument that the servers get.
    pub fn mode(self) -> &'static str {
        match self {
            Workload::Multicast | Workload::MulticastBurst | Workload::Group => "multicast",
            Workload::Burst | Workload::LargeBurst => "burst",
            Workload::Deflate => "deflate",
            _ => "echo",
        }
    }

    /// Connects to the server and begins; `None` for the idle load, which is not measured over a
    /// time. Datagrams need no transport.
    pub fn begin<T: Transport + 'static>(
        self,
        transport: T,
        address: SocketAddrV4,
    ) -> io::Result<Option<Box<dyn Load>>> {
        let link = &transport;
        Ok(Some(match self {
            Workload::SinglePingPong => Box::new(EchoLoad::new(link, address, 1, 1, 32)?),
            Workload::PingPong => Box::new(EchoLoad::new(link, address, 100, 1, 32)?),
            Workload::Pipelined => Box::new(EchoLoad::new(link, address, 100, 32, 32)?),
            Workload::Large => Box::new(EchoLoad::new(link, address, 10, 8, 64 * 1024)?),
            Workload::Medium => Box::new(EchoLoad::new(link, address, 10, 8, 16 * 1024)?),
            Workload::Deflate => Box::new(EchoLoad::of(link, address, 100, 1, &self.text())?),
            Workload::Connect | Workload::Handshake | Workload::Resumption => {
                Box::new(ChurnLoad::new(transport, address, 64)?)
            }
            Workload::Multicast => Box::new(MulticastLoad::new(link, address, 1_000, 1)?),
            Workload::MulticastBurst => Box::new(MulticastLoad::new(link, address, 1_000, 16)?),
            Workload::DatagramPingPong => Box::new(WindowLoad::new(address, 10, 1)?),
            Workload::Windows => Box::new(WindowLoad::new(address, 10, 16)?),
            Workload::ManyWindows => Box::new(WindowLoad::new(address, 100, 16)?),
            Workload::Burst => Box::new(BurstLoad::new(address, 1_000, 32)?),
            Workload::LargeBurst => Box::new(BurstLoad::new(address, 1_000, 1_200)?),
            Workload::Group => Box::new(GroupLoad::new(address, 100)?),
            Workload::Idle => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_within_a_suite() {
        for suite in SUITES {
            for (index, peer) in suite.peers.iter().enumerate() {
                assert!(!suite.peers[..index].iter().any(|other| other.key == peer.key));
            }
            for (index, workload) in suite.workloads.iter().enumerate() {
                let earlier = &suite.workloads[..index];
                assert!(!earlier.iter().any(|other| other.key() == workload.key()));
            }
        }
    }
}
