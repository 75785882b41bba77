//! An echo server for datagrams: `udp_echo_server [port]`. `!` restarts it, an empty line ends it.

use std::net::SocketAddr;

use cppserver::{Error, Result, Service, Udp, UdpHandler};

struct Echo;

impl UdpHandler for Echo {
    fn on_received(&mut self, udp: &Udp, from: SocketAddr, data: &[u8], _truncated: bool) {
        // Refused only above the send limit, or when the server is stopping.
        let _ = udp.send_to(from, data);
    }

    fn on_error(&mut self, _udp: &Udp, error: &Error) {
        eprintln!("Server: {error}");
    }
}

fn main() -> Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(2222);
    let service = Service::new()?;
    service.start(())?;
    let server = Udp::server(&service, "0.0.0.0", port)?;
    server.start(Echo)?;
    println!("UDP server port: {}", server.port());
    println!("An empty line stops the server, '!' restarts it.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => server.restart()?,
            _ => {}
        }
    }
    service.stop()
}
