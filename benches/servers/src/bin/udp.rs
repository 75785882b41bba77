//! Datagrams through the crate: `bench-server-rust-udp echo|burst|multicast`. Prints "port N"; ends
//! when standard input does. `benches/peers/c/datagrams.h` tells what it does.

use cppserver::{Service, SocketOption, Udp, UdpHandler};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};

const RECEIVE_BUFFER: i64 = 2 * 1024 * 1024;
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 0, 1);

struct Echo;

impl UdpHandler for Echo {
    fn on_received(&mut self, udp: &Udp, from: SocketAddr, data: &[u8], _truncated: bool) {
        report(udp.send_to(from, data));
    }
}

struct Burst(Vec<u8>);

impl UdpHandler for Burst {
    fn on_received(&mut self, udp: &Udp, from: SocketAddr, data: &[u8], _truncated: bool) {
        let number = |at: usize| data.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
        let (Some(count), Some(size)) = (number(4), number(8)) else { return };
        self.0.clear();
        self.0.extend_from_slice(data);
        self.0.resize(size as usize, 0);
        for _ in 0..count {
            report(udp.send_to(from, &self.0));
        }
    }
}

struct Multicast;

impl UdpHandler for Multicast {
    fn on_received(&mut self, udp: &Udp, _from: SocketAddr, data: &[u8], _truncated: bool) {
        let Some(port) = data.first_chunk() else { return };
        report(udp.send_to((GROUP, u16::from_be_bytes(*port)).into(), data));
    }
}

fn report<T>(result: cppserver::Result<T>) {
    if let Err(error) = result {
        eprintln!("{error}");
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::new()?;
    service.start(())?;
    let server = Udp::server(&service, "127.0.0.1", 0)?;
    server.set_option(SocketOption::ReceiveBuffer, RECEIVE_BUFFER)?;
    match std::env::args().nth(1).as_deref() {
        Some("burst") => server.start(Burst(Vec::new()))?,
        Some("multicast") => server.start(Multicast)?,
        _ => server.start(Echo)?,
    }
    println!("port {}", server.port());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    service.stop()?;
    Ok(())
}
