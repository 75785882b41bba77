//! A member of a multicast group: `udp_multicast_client [address] [group] [port] [interface]`. It
//! prints what is sent to the group; `!` starts it anew, an empty line ends it.
//!
//! The interface, by its name, its number or its IPv4 address, is for machines where the system's
//! choice is not the wanted one: `127.0.0.1` hears this machine alone.

use std::net::{IpAddr, SocketAddr};

use cppserver::{Error, Group, Result, Service, SocketOption, Udp, UdpHandler};

struct Member(Group);

impl UdpHandler for Member {
    fn on_started(&mut self, udp: &Udp) {
        // A restart ends all memberships, so each start joins.
        if let Err(error) = udp.join(&self.0) {
            eprintln!("Not joined: {error}");
        }
    }

    fn on_joined(&mut self, _udp: &Udp, group: &Group) {
        println!("Joined {group}");
    }

    fn on_received(&mut self, _udp: &Udp, _from: SocketAddr, data: &[u8], _truncated: bool) {
        println!("Incoming: {}", String::from_utf8_lossy(data));
    }

    fn on_error(&mut self, _udp: &Udp, error: &Error) {
        eprintln!("Client: {error}");
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "0.0.0.0".into());
    let group = arguments.next().and_then(|group| group.parse().ok());
    let group = Group::new(group.unwrap_or(IpAddr::from([239, 255, 0, 1])))?;
    let port = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(2223);
    let group = group.on_interface(&arguments.next().unwrap_or_default())?;
    let service = Service::new()?;
    service.start(())?;
    // Who receives is a server of the port, which others on this machine may share.
    let client = Udp::server(&service, &address, port)?;
    client.set_option(SocketOption::ReuseAddress, 1)?;
    client.start(Member(group))?;
    println!("An empty line ends the client, '!' starts it anew.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => client.restart()?,
            _ => {}
        }
    }
    service.stop()
}
