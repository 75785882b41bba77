//! A sender to a multicast group: `udp_multicast_server [group] [port] [interface]`. Each line of
//! input goes to everyone in the group, `!` restarts the server, an empty line ends it.
//!
//! The interface, by its name, its number or its IPv4 address, is for machines where the system's
//! choice is not the wanted one: `127.0.0.1` stays on this machine.

use std::net::{IpAddr, SocketAddr};

use cppserver::{Error, Result, Service, Udp, UdpHandler};

struct Sender;

impl UdpHandler for Sender {
    fn on_error(&mut self, _udp: &Udp, error: &Error) {
        eprintln!("Server: {error}");
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let group = arguments.next().and_then(|group| group.parse().ok());
    let group = group.unwrap_or(IpAddr::from([239, 255, 0, 1]));
    let port = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(2223);
    let service = Service::new()?;
    service.start(())?;
    // It only sends, from any port.
    let server = Udp::server(&service, if group.is_ipv6() { "::" } else { "0.0.0.0" }, 0)?;
    server.set_destination(Some(SocketAddr::new(group, port)));
    server.set_multicast_interface(&arguments.next().unwrap_or_default())?;
    server.start(Sender)?;
    println!("UDP multicast address: {group}\nUDP multicast port: {port}");
    println!("An empty line stops the server, '!' restarts it, other lines go to the group.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => server.restart()?,
            text => {
                if let Err(error) = server.send(text.as_bytes()) {
                    eprintln!("Not sent: {error}");
                }
            }
        }
    }
    service.stop()
}
