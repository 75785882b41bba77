//! Multicast groups and interfaces, as users name them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::error::{Error, Result};
use crate::reactor::datagrams::{self, Interface, Membership};

/// A multicast group for [`Udp::join`](super::Udp::join).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group(Membership);

impl Group {
    /// The group of a multicast address (RFC 1112, RFC 4291 section 2.7), from any source, on the
    /// interface that the system chooses.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an address that is no
    /// multicast address.
    pub fn new(address: IpAddr) -> Result<Group> {
        if !address.is_multicast() {
            return Err(Error::argument(format!(
                "{address} is no multicast address; those of IPv4 are 224.0.0.0 to \
                 239.255.255.255, those of IPv6 begin with ff"
            )));
        }
        Ok(Group(Membership { group: address, source: None, interface: Interface::Default }))
    }

    /// Hears this source only (source-specific multicast, RFC 4607).
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) when the source is of the other
    /// version of IP, or itself a group.
    pub fn from_source(mut self, source: IpAddr) -> Result<Group> {
        if source.is_ipv4() != self.0.group.is_ipv4() || source.is_multicast() {
            return Err(Error::argument(format!(
                "{source} can't be a source of the group {}; give a unicast address of the same \
                 version of IP",
                self.0.group
            )));
        }
        self.0.source = Some(source);
        Ok(self)
    }

    /// Hears the group on this interface: its name, its number, one of its IPv4 addresses, or "" for
    /// the one that the system chooses.
    ///
    /// # Errors
    ///
    /// As [`Udp::set_multicast_interface`](super::Udp::set_multicast_interface).
    pub fn on_interface(mut self, interface: &str) -> Result<Group> {
        self.0.interface = parse_interface(interface)?;
        Ok(self)
    }

    /// The address of the group.
    pub fn address(&self) -> IpAddr {
        self.0.group
    }

    /// The only source that is heard, if there is one.
    pub fn source(&self) -> Option<IpAddr> {
        self.0.source
    }

    pub(super) fn membership(&self) -> &Membership {
        &self.0
    }
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.group)?;
        match self.0.source {
            Some(source) => write!(formatter, " from {source}"),
            None => Ok(()),
        }
    }
}

/// An interface by its name, its number or its IPv4 address.
pub(super) fn parse_interface(text: &str) -> Result<Interface> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Interface::Default);
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(if address.is_unspecified() {
            Interface::Default
        } else {
            Interface::Address(address)
        });
    }
    if let Ok(index) = text.parse::<u32>() {
        return Ok(if index == 0 { Interface::Default } else { Interface::Index(index) });
    }
    datagrams::interface_named(text)
        .map_err(|error| Error::argument(format!("there is no interface {text:?}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    #[test]
    fn a_group_is_a_multicast_address() {
        for (address, is_group) in
            [("239.255.0.1", true), ("ff02::1", true), ("127.0.0.1", false), ("::1", false)]
        {
            let group = Group::new(address.parse().unwrap());
            assert_eq!(group.is_ok(), is_group, "{address}");
            if let Err(error) = group {
                assert_eq!(error.status(), Status::InvalidArgument);
            }
        }
    }

    #[test]
    fn a_source_is_a_unicast_address_of_the_same_version() {
        let group = Group::new("232.1.1.1".parse().unwrap()).unwrap();
        let named = group.from_source("192.0.2.1".parse().unwrap()).unwrap();
        assert_eq!(named.to_string(), "232.1.1.1 from 192.0.2.1");
        assert!(group.from_source("::1".parse().unwrap()).is_err());
        assert!(group.from_source("232.1.1.2".parse().unwrap()).is_err());
    }

    #[test]
    fn interfaces_have_addresses_and_numbers() {
        let loopback = Interface::Address(Ipv4Addr::LOCALHOST);
        for (text, interface) in [
            ("", Interface::Default),
            ("0.0.0.0", Interface::Default),
            ("0", Interface::Default),
            (" 127.0.0.1 ", loopback),
            ("7", Interface::Index(7)),
        ] {
            assert_eq!(parse_interface(text).unwrap(), interface, "{text:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    #[cfg_attr(miri, ignore = "asks the system")]
    fn interfaces_have_names() {
        assert!(matches!(parse_interface("lo"), Ok(Interface::Index(_))));
        let error = parse_interface("no-such-interface").unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
    }
}
