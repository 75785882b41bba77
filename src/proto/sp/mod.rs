//! The layer of the scalability protocols over byte streams, as nanomsg maps them to TCP and IPC.
//!
//! Only what comes from the peer passes through the layer. Messages to the peer are made into
//! frames where they are sent, see [`Mapping::head`]; they leave as they are then.

mod codec;
mod protocol;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use codec::Codec;
pub(crate) use codec::Mapping;
pub(crate) use protocol::{name_of, subprotocol_of};

use super::ws::Agreement;
use super::{Event, Kind, Layer, Up, Wire};
use crate::error::{Error, Result, SpFailure};

/// Bytes that each side says first.
const GREETING: usize = 8;

/// The part of them that is always the same, and the part that ends with the protocol's number.
const MAGIC: usize = 4;
const NUMBER: usize = 6;

/// What the connections of an endpoint have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) mapping: Mapping,
    /// The number of the protocol that this side speaks.
    pub(crate) protocol: u16,
    /// The one that the peer has to speak.
    pub(crate) peer: u16,
    /// Bytes of a message that the peer may send.
    pub(crate) limit: usize,
}

/// One connection.
pub(crate) struct Sp {
    config: Arc<Config>,
    codec: Codec,
    /// The peer's greeting, as far as it has come.
    greeting: [u8; GREETING],
    greeted: u8,
}

impl Sp {
    pub(crate) fn new(config: Arc<Config>) -> Sp {
        let codec = Codec::new(config.mapping, config.limit);
        Sp { codec, config, greeting: [0; GREETING], greeted: 0 }
    }

    fn is_greeted(&self) -> bool {
        usize::from(self.greeted) == GREETING
    }

    /// Takes bytes of the peer's greeting. Returns those behind it when it is all there.
    #[cold]
    #[inline(never)]
    fn greet<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8]> {
        let before = usize::from(self.greeted);
        let (own, rest) = bytes.split_at(bytes.len().min(GREETING - before));
        self.greeting[before..before + own.len()].copy_from_slice(own);
        self.greeted += own.len() as u8;
        self.check()?;
        Ok(rest)
    }

    /// Refuses what is wrong as soon as it is there.
    fn check(&self) -> Result<()> {
        let known = &self.greeting[..usize::from(self.greeted)];
        let Config { protocol, peer, .. } = *self.config;
        let expected = greeting(peer);
        let starts = |count: usize| {
            let count = count.min(known.len());
            known[..count] == expected[..count]
        };
        let message = if !starts(MAGIC) {
            "the peer does not begin with the greeting of the scalability protocols; is something \
             else on that port?"
                .into()
        } else if known.len() >= NUMBER && !starts(NUMBER) {
            let (own, wanted) = (name_of(protocol), name_of(peer));
            let theirs = name_of(u16::from_be_bytes([known[MAGIC], known[MAGIC + 1]]));
            format!(
                "the peer speaks the protocol {theirs}, which does not belong to {own}; connect \
                 {own} to {wanted}"
            )
        } else if known.len() > NUMBER && !starts(GREETING) {
            "the peer speaks a version of the scalability protocols that does not exist yet".into()
        } else {
            return Ok(());
        };
        Err(Error::sp(SpFailure::Peer, message))
    }
}

/// What a side that speaks this protocol says first.
fn greeting(protocol: u16) -> [u8; GREETING] {
    let [high, low] = protocol.to_be_bytes();
    [0, b'S', b'P', 0, high, low, 0, 0]
}

impl Layer for Sp {
    fn start(&mut self, down: &mut Wire, _up: &mut dyn Up) -> Result<()> {
        down.join(&greeting(self.config.protocol), GREETING);
        Ok(())
    }

    #[inline(always)]
    fn receive(&mut self, bytes: &mut [u8], _down: &mut Wire, up: &mut dyn Up) -> Result<()> {
        let mut bytes: &[u8] = bytes;
        if !self.is_greeted() {
            bytes = self.greet(bytes)?;
            if !self.is_greeted() {
                return Ok(());
            }
            up.tell(Event::Ready(Agreement::default()));
        }
        self.codec.receive(bytes, &mut |message| up.data(Kind::Binary, message))
    }

    /// Messages are frames already.
    fn send(&mut self, data: &mut Wire, down: &mut Wire) -> Result<usize> {
        let count = data.len();
        down.append(data);
        Ok(count)
    }

    fn end(&mut self) -> Result<()> {
        if !self.is_greeted() {
            return Err(Error::sp(
                SpFailure::Peer,
                "the peer closed the connection without the greeting of the scalability protocols",
            ));
        }
        self.codec.end()
    }

    fn is_ready(&self) -> bool {
        self.is_greeted()
    }

    fn is_transparent(&self) -> bool {
        self.is_greeted()
    }
}
