//! The network interfaces of this machine.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// The addresses of the interface with that name, with port 0; none when there is no such
/// interface. Those come first that most peers reach: IPv4, then IPv6, and last what is valid on
/// the link only, with the number of the interface in it.
pub(crate) fn addresses_of(name: &str) -> io::Result<Vec<SocketAddr>> {
    let mut addresses: Vec<_> = if_addrs::get_if_addrs()?
        .into_iter()
        .filter(|interface| interface.name == name)
        .map(|interface| match interface.ip() {
            IpAddr::V6(address) if interface.is_link_local() => {
                SocketAddrV6::new(address, 0, 0, interface.index.unwrap_or(0)).into()
            }
            address => SocketAddr::new(address, 0),
        })
        .collect();
    addresses.sort_by_key(|address| match address {
        SocketAddr::V4(address) => (0, address.ip().is_link_local()),
        SocketAddr::V6(address) => (1, address.scope_id() != 0),
    });
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "asks the system")]
    fn an_interface_has_the_addresses_that_sockets_can_bind() {
        let interfaces = if_addrs::get_if_addrs().unwrap();
        let loopback = interfaces.iter().find(|interface| interface.is_loopback()).unwrap();
        let addresses = addresses_of(&loopback.name).unwrap();
        assert!(addresses.iter().any(|address| address.ip().is_loopback()), "{addresses:?}");
        assert!(addresses.is_sorted_by_key(SocketAddr::is_ipv6), "{addresses:?}");
        for address in addresses {
            std::net::UdpSocket::bind(address).unwrap();
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the system")]
    fn no_interface_has_no_addresses() {
        assert_eq!(addresses_of("no such interface").unwrap(), []);
    }
}
