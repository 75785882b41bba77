//! A guest of the WebSocket chat room: `websocket_chat_client [host] [port]`. Lines of input are
//! sent, `!` reconnects, an empty line ends it. When the server goes away, it tries again each
//! second.

use std::time::Duration;

use cppserver::{Client, Error, Kind, Reason, Result, Service, Session, SessionHandler};

struct Guest;

impl SessionHandler for Guest {
    fn on_connected(&mut self, session: &Session) {
        println!("Client {} connected", session.id());
    }

    fn on_handshaked(&mut self, session: &Session) {
        println!("Client {} is in the chat", session.id());
    }

    fn on_received(&mut self, _session: &Session, kind: Kind, data: &[u8]) -> usize {
        match kind {
            Kind::Text => println!("Incoming: {}", String::from_utf8_lossy(data)),
            _ => println!("Incoming: {} bytes", data.len()),
        }
        data.len()
    }

    fn on_error(&mut self, _session: &Session, error: &Error) {
        eprintln!("Client: {error}");
    }

    fn on_disconnected(&mut self, session: &Session, reason: Reason) {
        println!("Client disconnected: {reason}");
        if let Some(client) = session.client() {
            let _ = client.reconnect(Duration::from_secs(1));
        }
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let host = arguments.next().unwrap_or_else(|| "127.0.0.1".into());
    let port: u16 = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(4444);
    let service = Service::new()?;
    service.start(())?;
    let client = Client::websocket(&service, &format!("ws://{host}:{port}/"))?;
    client.connect(Guest)?;
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => drop(client.disconnect()),
            text => drop(client.session().send_text(text)),
        }
    }
    service.stop()
}
