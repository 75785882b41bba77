//! How the generator speaks with the servers of a comparison: in the clear, encrypted, or by
//! datagrams, and by messages of WebSocket over the first two.

use crate::load::{
    IdleReport, Load, Plain, Tls, Transport, WebSocket, hold_idle, verify_datagrams, verify_echo,
    verify_message, verify_text,
};
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
    /// WebSocket over TCP as it is.
    WebSocket,
    /// WebSocket over TLS.
    SecureWebSocket,
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
    /// True where the servers need a certificate.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Link::Tls | Link::SecureWebSocket)
    }

    /// Checks that the server returns what it gets, and that it is who it should be. Returns the
    /// cipher, if there is one. Where datagrams are not echoed, the load itself checks them.
    pub fn verify(self, workload: Workload, address: SocketAddrV4) -> io::Result<Option<String>> {
        match self {
            Link::Datagrams if workload.mode() != "echo" => Ok(None),
            Link::Datagrams => verify_datagrams(address).map(|()| None),
            Link::Plain => verify_echo(&Plain, address),
            Link::Tls => verify_echo(&Tls::verified(&authority())?, address),
            Link::WebSocket => verify_messages(Plain, workload, address),
            Link::SecureWebSocket => {
                verify_messages(Tls::verified(&authority())?, workload, address)
            }
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
            (Link::WebSocket, _) => workload.begin(messages(Plain, workload), address),
            (Link::SecureWebSocket, _) => {
                workload.begin(messages(Tls::full(&certificate())?, workload), address)
            }
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
            Link::WebSocket => hold_idle(&WebSocket::new(Plain), address, pid, count),
            Link::SecureWebSocket => {
                hold_idle(&WebSocket::new(Tls::full(&certificate())?), address, pid, count)
            }
        }
    }
}

/// The messages of a load: text where they are compressed.
fn messages<T>(transport: T, workload: Workload) -> WebSocket<T> {
    match workload {
        Workload::Deflate => WebSocket::new(transport).text().compressed(),
        _ => WebSocket::new(transport),
    }
}

/// Messages of both kinds come back as they were, and compressed ones where the load has them.
fn verify_messages<T: Transport + Clone>(
    transport: T,
    workload: Workload,
    address: SocketAddrV4,
) -> io::Result<Option<String>> {
    let binary = WebSocket::new(transport.clone()).various();
    let text = WebSocket::new(transport).text().various();
    if workload == Workload::Deflate {
        let text = text.compressed();
        verify_echo(&binary.compressed(), address)?;
        verify_text(&text, address)?;
        verify_message(&text, address, &workload.text())
    } else {
        verify_echo(&binary, address)?;
        verify_text(&text, address)
    }
}
