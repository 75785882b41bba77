//! The comparisons: which servers, under which loads.

use crate::link::Link;
use crate::load::{ChurnLoad, EchoLoad, Load, MulticastLoad, Transport};
use std::io;
use std::net::SocketAddrV4;

/// How a server is built and started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// One C file on system calls alone, with the size of its receive buffer in bytes.
    RawEpoll(&'static str),
    /// One C file on system calls and OpenSSL.
    RawOpenssl,
    /// A binary of the package `cppserver-bench-peers`.
    RustPeer(&'static str),
    /// `g++` with the header-only asio.
    Asio,
    /// The same with OpenSSL.
    AsioSsl,
    /// `cc` with libuv.
    Libuv,
    /// `cc` with uSockets, whose sources a crate carries.
    Usockets,
    /// The standard library's event loop.
    Asyncio,
    /// The same program on uvloop.
    Uvloop,
    /// Ours: the crate.
    Crate,
    /// Ours: the C header and the shared library.
    C,
    /// Ours: the C++ headers and the shared library.
    Cpp,
    /// Ours: the Python package and the shared library.
    Python,
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
    /// Whether it can multicast.
    pub multicast: bool,
    /// Runs under this load only, if set.
    pub only: Option<Workload>,
}

impl Peer {
    /// Whether the server takes part in a load.
    pub fn takes_part(&self, workload: Workload) -> bool {
        (workload.mode() == "echo" || self.multicast)
            && self.only.is_none_or(|only| only == workload)
    }

    /// True for the servers on our own library.
    pub fn ours(&self) -> bool {
        matches!(self.recipe, Recipe::Crate | Recipe::C | Recipe::Cpp | Recipe::Python)
    }
}

const fn peer(key: &'static str, label: &'static str, recipe: Recipe) -> Peer {
    Peer { key, label, recipe, multicast: true, only: None }
}

/// One comparison, which has one table.
#[derive(Debug)]
pub struct Suite {
    /// Name on the command line.
    pub key: &'static str,
    /// Whether everything is encrypted.
    pub link: Link,
    /// The servers in the order of the table. The first is the yardstick of the others.
    pub peers: &'static [Peer],
    /// The name of the yardstick at the head of a column.
    pub yardstick: &'static str,
    /// The loads in the order of the table.
    pub workloads: &'static [Workload],
}

/// All comparisons.
pub static SUITES: [&Suite; 2] = [&TCP, &TLS];

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
            multicast: false,
            ..peer("tokio", "tokio (Rust)", Recipe::RustPeer("bench-peer-tokio"))
        },
        peer("asio", "asio (C++)", Recipe::Asio),
        peer("libuv", "libuv (C)", Recipe::Libuv),
        Peer { multicast: false, ..peer("usockets", "uSockets (C)", Recipe::Usockets) },
        peer("asyncio", "asyncio (Python)", Recipe::Asyncio),
        peer("uvloop", "uvloop (Python)", Recipe::Uvloop),
        peer("rust", "**cppserver** Rust", Recipe::Crate),
        peer("c", "**cppserver** C", Recipe::C),
        peer("cpp", "**cppserver** C++", Recipe::Cpp),
        peer("python", "**cppserver** Python", Recipe::Python),
    ],
    yardstick: "raw epoll",
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
            multicast: false,
            ..peer("tokio-rustls", "tokio-rustls (Rust)", Recipe::RustPeer("bench-peer-tokio"))
        },
        peer("asio-ssl", "asio + OpenSSL (C++)", Recipe::AsioSsl),
        peer("rust", "**cppserver** Rust", Recipe::Crate),
        peer("c", "**cppserver** C", Recipe::C),
        peer("cpp", "**cppserver** C++", Recipe::Cpp),
        peer("python", "**cppserver** Python", Recipe::Python),
    ],
    yardstick: "raw epoll + OpenSSL",
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

/// A load and its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Workload {
    /// 100 connections, one 32-byte message in flight on each.
    PingPong,
    /// 100 connections, 32 messages of 32 bytes in flight on each.
    Pipelined,
    /// 10 connections, 8 messages of 64 KiB in flight on each.
    Large,
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
}

/// Connections that the idle load holds, where the limit of open files allows it.
pub const IDLE_CONNECTIONS: usize = 10_000;

impl Workload {
    /// Name on the command line.
    pub fn key(self) -> &'static str {
        match self {
            Workload::PingPong => "ping-pong",
            Workload::Pipelined => "pipelined",
            Workload::Large => "large",
            Workload::Connect => "connect",
            Workload::Handshake => "handshake",
            Workload::Resumption => "resumption",
            Workload::Multicast => "multicast",
            Workload::MulticastBurst => "multicast-burst",
            Workload::Idle => "idle",
        }
    }

    /// Name in the table.
    pub fn title(self) -> &'static str {
        match self {
            Workload::PingPong => "ping-pong 100, 32 B",
            Workload::Pipelined => "pipelined 100 x 32, 32 B",
            Workload::Large => "large 10 x 8, 64 KiB",
            Workload::Connect => "connect, echo, close",
            Workload::Handshake => "full handshake, echo, close",
            Workload::Resumption => "resumed handshake, echo, close",
            Workload::Multicast => "multicast 1 to 1,000, 32 B",
            Workload::MulticastBurst => "multicast 16 to 1,000, 32 B",
            Workload::Idle => "idle connections",
        }
    }

    /// The argument that the servers get.
    pub fn mode(self) -> &'static str {
        match self {
            Workload::Multicast | Workload::MulticastBurst => "multicast",
            _ => "echo",
        }
    }

    /// Connects to the server and begins; `None` for the idle load, which is not measured over a
    /// time.
    pub fn begin<T: Transport + 'static>(
        self,
        transport: T,
        address: SocketAddrV4,
    ) -> io::Result<Option<Box<dyn Load>>> {
        let link = &transport;
        Ok(Some(match self {
            Workload::PingPong => Box::new(EchoLoad::new(link, address, 100, 1, 32)?),
            Workload::Pipelined => Box::new(EchoLoad::new(link, address, 100, 32, 32)?),
            Workload::Large => Box::new(EchoLoad::new(link, address, 10, 8, 64 * 1024)?),
            Workload::Connect | Workload::Handshake | Workload::Resumption => {
                Box::new(ChurnLoad::new(transport, address, 64)?)
            }
            Workload::Multicast => Box::new(MulticastLoad::new(link, address, 1_000, 1)?),
            Workload::MulticastBurst => Box::new(MulticastLoad::new(link, address, 1_000, 16)?),
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
        }
    }
}
