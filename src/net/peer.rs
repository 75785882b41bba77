//! What a session knows of its peer, in the least room: most are plain TCP over IPv4.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;

use super::TlsDetails;
use super::frames::Frames;
use super::framing::Framing;

#[derive(Default)]
pub(crate) enum Address {
    #[default]
    Unknown,
    V4(SocketAddrV4),
    V6(Box<SocketAddrV6>),
}

pub(crate) enum Peer {
    Plain(Address),
    /// One with more than an address.
    Known(Box<Known>),
}

#[derive(Default)]
pub(crate) struct Known {
    address: Address,
    /// After the handshake of an encrypted connection.
    tls: Option<Arc<TlsDetails>>,
    framing: Framing,
}

impl Default for Peer {
    fn default() -> Peer {
        Peer::Plain(Address::Unknown)
    }
}

/// None on Unix domain sockets, whose clients have no address.
impl From<Option<SocketAddr>> for Peer {
    fn from(address: Option<SocketAddr>) -> Peer {
        Peer::Plain(match address {
            None => Address::Unknown,
            Some(SocketAddr::V4(address)) => Address::V4(address),
            Some(SocketAddr::V6(address)) => Address::V6(Box::new(address)),
        })
    }
}

impl Peer {
    fn known(&mut self) -> &mut Known {
        if let Peer::Plain(address) = self {
            let address = std::mem::take(address);
            *self = Peer::Known(Box::new(Known { address, ..Known::default() }));
        }
        match self {
            Peer::Known(known) => known,
            Peer::Plain(_) => unreachable!("it was just made a known one"),
        }
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let address = match self {
            Peer::Plain(address) => address,
            Peer::Known(known) => &known.address,
        };
        match address {
            Address::Unknown => None,
            Address::V4(address) => Some(SocketAddr::V4(*address)),
            Address::V6(address) => Some(SocketAddr::V6(**address)),
        }
    }

    pub(crate) fn tls(&self) -> Option<&Arc<TlsDetails>> {
        match self {
            Peer::Known(known) => known.tls.as_ref(),
            Peer::Plain(_) => None,
        }
    }

    pub(crate) fn set_tls(&mut self, details: TlsDetails) {
        self.known().tls = Some(Arc::new(details));
    }

    /// The sending side of a WebSocket session.
    #[inline(always)]
    pub(crate) fn frames(&mut self) -> Option<&mut Frames> {
        match self.framing() {
            Some(Framing::WebSocket(frames)) => Some(frames),
            _ => None,
        }
    }

    /// How what is sent is made into bytes, if it is.
    #[inline(always)]
    pub(crate) fn framing(&mut self) -> Option<&mut Framing> {
        match self {
            Peer::Known(known) => Some(&mut known.framing),
            Peer::Plain(_) => None,
        }
    }

    pub(crate) fn set_framing(&mut self, framing: Framing) {
        if !matches!((&*self, &framing), (Peer::Plain(_), Framing::None)) {
            self.known().framing = framing;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known of a peer is a part of the memory of an idle session.
    #[test]
    fn a_peer_is_small() {
        assert!(size_of::<Peer>() <= 16, "{}", size_of::<Peer>());
        assert!(size_of::<Known>() <= 56, "{}", size_of::<Known>());
    }
}
