//! How the generator speaks with the servers of a comparison: in the clear, encrypted, or by
//! datagrams.

use crate::load::{IdleReport, Load, Plain, Tls, hold_idle, verify_datagrams, verify_echo};
use crate::peers::Workload;
use std::io;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

/// One of these ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// TCP as it is.
    Plain,
    /// TLS 1.3, with the certificate that [`certificate`] names.
    Tls,
    /// UDP.
    Datagrams,
}

/// The certificate of all encrypted servers, of the key type that is cheapest for a server: EC
/// P-256.
pub fn certificate() -> PathBuf {
    certificates().join("server.pem")
}

/// Its key.
pub fn key() -> PathBuf {
    certificates().join("server.key")
}

fn authority() -> PathBuf {
    certificates().join("ca.pem")
}

fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../certs")
}

impl Link {
    /// Checks that the server returns what it gets, and that it is who it should be. Returns the
    /// cipher, if there is one. Where datagrams are not echoed, the load itself checks them.
    pub fn verify(self, workload: Workload, address: SocketAddrV4) -> io::Result<Option<String>> {
        match self {
            Link::Datagrams if workload.mode() != "echo" => Ok(None),
            Link::Datagrams => verify_datagrams(address).map(|()| None),
            Link::Plain => verify_echo(&Plain, address),
            Link::Tls => verify_echo(&Tls::verified(&authority())?, address),
        }
    }

    /// Connects the load; `None` for the idle load.
    pub fn begin(
        self,
        workload: Workload,
        address: SocketAddrV4,
    ) -> io::Result<Option<Box<dyn Load>>> {
        match (self, workload) {
            (Link::Plain | Link::Datagrams, _) => workload.begin(Plain, address),
            (Link::Tls, Workload::Resumption) => {
                workload.begin(Tls::resumed(&certificate())?, address)
            }
            (Link::Tls, _) => workload.begin(Tls::full(&certificate())?, address),
        }
    }

    /// Holds idle connections.
    pub fn hold_idle(
        self,
        address: SocketAddrV4,
        pid: u32,
        count: usize,
    ) -> io::Result<IdleReport> {
        match self {
            Link::Plain | Link::Datagrams => hold_idle(&Plain, address, pid, count),
            Link::Tls => hold_idle(&Tls::full(&certificate())?, address, pid, count),
        }
    }
}
