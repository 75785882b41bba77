//! A client of an echo server: `udp_echo_client [address] [port]`. Each line of input is sent as a
//! datagram, `!` starts the client anew, from another port, an empty line ends it.

use std::net::SocketAddr;

use cppserver::{Error, Reason, Result, Service, Udp, UdpHandler};

struct Listener;

impl UdpHandler for Listener {
    fn on_started(&mut self, udp: &Udp) {
        println!("Client started on port {}", udp.port());
    }

    fn on_received(&mut self, _udp: &Udp, _from: SocketAddr, data: &[u8], _truncated: bool) {
        println!("Incoming: {}", String::from_utf8_lossy(data));
    }

    fn on_error(&mut self, _udp: &Udp, error: &Error) {
        // Without a server on the port, its machine says so; the client may go on.
        eprintln!("Client: {error}");
    }

    fn on_stopped(&mut self, _udp: &Udp, reason: Reason) {
        println!("Client stopped: {reason}");
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1".into());
    let port = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(2222);
    let service = Service::new()?;
    service.start(())?;
    let client = Udp::client(&service, &address, port)?;
    client.start(Listener)?;
    println!("An empty line ends the client, '!' starts it anew, other lines are sent.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => drop(client.restart()),
            text => {
                if let Err(error) = client.send(text.as_bytes()) {
                    eprintln!("Not sent: {error}");
                }
            }
        }
    }
    service.stop()
}
