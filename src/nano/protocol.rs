//! The patterns by name and number.

use std::fmt;

use crate::error::{Error, Result};

/// The role that a socket plays in a pattern. The numbers are those of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Protocol {
    /// One to one, both ways.
    Pair = 16,
    /// Sends to all [`Protocol::Subscriber`]s.
    Publisher = 32,
    /// Receives what begins with one of its topics.
    Subscriber = 33,
    /// Asks one of the [`Protocol::Reply`] sockets and waits for its answer.
    Request = 48,
    /// Answers requests.
    Reply = 49,
    /// Shares its messages out among [`Protocol::Pull`] sockets.
    Push = 80,
    /// Takes its share.
    Pull = 81,
    /// Asks all [`Protocol::Respondent`]s, and takes answers until a deadline.
    Surveyor = 98,
    /// Answers surveys.
    Respondent = 99,
    /// Sends to all its neighbours, each of which is a bus too.
    Bus = 112,
}

/// All protocols, in the order of their numbers.
pub(crate) const ALL: [Protocol; 10] = [
    Protocol::Pair,
    Protocol::Publisher,
    Protocol::Subscriber,
    Protocol::Request,
    Protocol::Reply,
    Protocol::Push,
    Protocol::Pull,
    Protocol::Surveyor,
    Protocol::Respondent,
    Protocol::Bus,
];

impl Protocol {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The protocol at the other end of each connection.
    pub fn peer(self) -> Protocol {
        match self {
            Protocol::Pair => Protocol::Pair,
            Protocol::Publisher => Protocol::Subscriber,
            Protocol::Subscriber => Protocol::Publisher,
            Protocol::Request => Protocol::Reply,
            Protocol::Reply => Protocol::Request,
            Protocol::Push => Protocol::Pull,
            Protocol::Pull => Protocol::Push,
            Protocol::Surveyor => Protocol::Respondent,
            Protocol::Respondent => Protocol::Surveyor,
            Protocol::Bus => Protocol::Bus,
        }
    }

    /// The short name that the specifications of the protocols use, such as "pair" or "req".
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Pair => "pair",
            Protocol::Publisher => "pub",
            Protocol::Subscriber => "sub",
            Protocol::Request => "req",
            Protocol::Reply => "rep",
            Protocol::Push => "push",
            Protocol::Pull => "pull",
            Protocol::Surveyor => "surveyor",
            Protocol::Respondent => "respondent",
            Protocol::Bus => "bus",
        }
    }

    /// Whether what it sends are answers.
    pub(crate) fn answers(self) -> bool {
        matches!(self, Protocol::Reply | Protocol::Respondent)
    }

    /// Whether messages have ids in front of their bodies: of the hops that they took, and of the
    /// question.
    pub(crate) fn has_header(self) -> bool {
        matches!(
            self,
            Protocol::Request | Protocol::Reply | Protocol::Surveyor | Protocol::Respondent
        )
    }
}

impl TryFrom<u16> for Protocol {
    type Error = Error;

    fn try_from(number: u16) -> Result<Protocol> {
        ALL.into_iter()
            .find(|protocol| protocol.number() == number)
            .ok_or_else(|| Error::argument(format!("{number} is the number of no protocol")))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_peers_are_those_of_the_wire() {
        let numbers = ALL.map(Protocol::number);
        assert_eq!(numbers, [16, 32, 33, 48, 49, 80, 81, 98, 99, 112]);
        for protocol in ALL {
            assert_eq!(protocol.peer().peer(), protocol);
            assert_eq!(Protocol::try_from(protocol.number()).unwrap(), protocol);
            assert_eq!(protocol.has_header(), protocol.peer().has_header());
        }
        assert!(Protocol::try_from(17).is_err());
    }
}
