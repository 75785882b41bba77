//! A chat room: `tcp_chat_server [port]`. What one client sends, all of them read; a client that
//! sends `!` is disconnected. A line of input goes to everyone, `!` restarts the server, `stats`
//! prints the counters, an empty line ends it.

use cppserver::{
    Error, Kind, Reason, Result, Server, ServerHandler, Service, Session, SessionHandler,
};

struct Room;

struct Guest;

impl ServerHandler for Room {
    type Session = Guest;

    fn on_session(&self, _session: &Session) -> Option<Guest> {
        Some(Guest)
    }

    fn on_error(&self, _server: &Server, error: &Error) {
        eprintln!("Server: {error}");
    }
}

impl SessionHandler for Guest {
    fn on_connected(&mut self, session: &Session) {
        println!("Session {} connected", session.id());
        let _ = session.send(b"Welcome to the chat! Everyone reads what you send; '!' leaves.");
    }

    fn on_received(&mut self, session: &Session, _kind: Kind, data: &[u8]) -> usize {
        println!("Incoming: {}", String::from_utf8_lossy(data));
        if let Some(server) = session.server() {
            let _ = server.multicast(data);
        }
        if data == b"!" {
            // What was sent before still reaches the client.
            let _ = session.disconnect();
        }
        data.len()
    }

    fn on_error(&mut self, session: &Session, error: &Error) {
        eprintln!("Session {}: {error}", session.id());
    }

    fn on_disconnected(&mut self, session: &Session, reason: Reason) {
        println!("Session {} disconnected: {reason}", session.id());
    }
}

fn main() -> Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(1111);
    let service = Service::new()?;
    service.start(())?;
    let server = Server::tcp(&service, "0.0.0.0", port)?;
    server.start(Room)?;
    println!("TCP server port: {}", server.port());
    println!("An empty line stops the server, '!' restarts it, other lines go to everyone.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => server.restart()?,
            "stats" => println!(
                "{} sessions, {} bytes sent, {} bytes received",
                server.current_sessions(),
                server.bytes_sent(),
                server.bytes_received()
            ),
            text => drop(server.multicast(format!("(admin) {text}").as_bytes())),
        }
    }
    service.stop()
}
