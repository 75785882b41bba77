//! An encrypted chat room: `ssl_chat_server [port] [certificate] [key]`. What one client sends, all
//! of them read; a client that sends `!` is disconnected. A line of input goes to everyone, `!`
//! restarts the server, `reload` reads the certificate again, an empty line ends it.
//! `openssl s_client -quiet -connect 127.0.0.1:3333` takes part.

use cppserver::{
    Error, Kind, Reason, Result, Server, ServerHandler, Service, Session, SessionHandler,
    TlsContext,
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
    }

    fn on_handshaked(&mut self, session: &Session) {
        if let Some(tls) = session.tls() {
            println!("Session {} speaks {}, {}", session.id(), tls.version(), tls.cipher_suite());
        }
        let _ = session.send(b"Welcome to the chat! Everyone reads what you send; '!' leaves.");
    }

    fn on_received(&mut self, session: &Session, _kind: Kind, data: &[u8]) -> usize {
        println!("Incoming: {}", String::from_utf8_lossy(data));
        if let Some(server) = session.server() {
            let _ = server.multicast(data);
        }
        // Programs such as openssl send the line with its end.
        if data.trim_ascii_end() == b"!" {
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
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(3333);
    let certificate = arguments.next().unwrap_or_else(|| "certs/server.pem".into());
    let key = arguments.next().unwrap_or_else(|| "certs/server.key".into());
    let context = TlsContext::new();
    context.set_certificate_files(&certificate, &key, None)?;
    let service = Service::new()?;
    service.start(())?;
    let server = Server::tls(&service, &context, "0.0.0.0", port)?;
    server.start(Room)?;
    println!("SSL server port: {}", server.port());
    println!("An empty line stops the server, '!' restarts it, other lines go to everyone.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => server.restart()?,
            "reload" => context.reload()?,
            text => drop(server.multicast(format!("(admin) {text}").as_bytes())),
        }
    }
    service.stop()
}
