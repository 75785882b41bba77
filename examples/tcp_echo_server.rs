//! An echo server: `tcp_echo_server [port]`. Enter ends it.

use cppserver::{Kind, Result, Server, ServerHandler, Service, Session, SessionHandler};

struct Echo;

impl ServerHandler for Echo {
    type Session = Echo;

    fn on_session(&self, _session: &Session) -> Option<Echo> {
        Some(Echo)
    }
}

impl SessionHandler for Echo {
    fn on_received(&mut self, session: &Session, _kind: Kind, data: &[u8]) -> usize {
        // Refused only above the send limit, or when the session is ending.
        let _ = session.send(data);
        data.len()
    }
}

fn main() -> Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(1111);
    let service = Service::new()?;
    service.start(())?;
    let server = Server::tcp(&service, "0.0.0.0", port)?;
    server.start(Echo)?;
    println!("TCP server port: {}", server.port());
    let _ = std::io::stdin().read_line(&mut String::new());
    service.stop()
}
