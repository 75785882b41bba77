//! An encrypted WebSocket chat room: `websocket_ssl_chat_server [port] [certificate] [key] [page]`.
//! What one client sends, all of them read; a client that sends `!` is disconnected. A line of input
//! goes to everyone, `!` restarts the server, `reload` reads the certificate again, an empty line
//! ends it. Browsers get a page for it at `https://localhost:5555`.

use cppserver::{
    Error, Kind, Reason, Request, Response, Result, Server, ServerHandler, Service, Session,
    SessionHandler, SocketOption, TlsContext,
};

struct Room {
    page: String,
}

struct Guest {
    page: String,
}

impl ServerHandler for Room {
    type Session = Guest;

    fn on_session(&self, _session: &Session) -> Option<Guest> {
        Some(Guest { page: self.page.clone() })
    }

    fn on_error(&self, _server: &Server, error: &Error) {
        eprintln!("Server: {error}");
    }
}

impl SessionHandler for Guest {
    fn on_connected(&mut self, session: &Session) {
        println!("Session {} connected", session.id());
    }

    /// A browser asks for the page of the chat, which then opens a session to this server.
    fn on_request(&mut self, _session: &Session, request: &Request, response: &mut Response) {
        let page = match request.path() {
            "/" => std::fs::read(&self.page).ok(),
            _ => None,
        };
        let (status, kind, body) = match page {
            Some(page) => (200, "text/html; charset=utf-8", page),
            None => {
                let text =
                    "There is no page here. The chat itself is open for WebSocket clients.\n";
                (404, "text/plain; charset=utf-8", text.into())
            }
        };
        response.set_body(body);
        let told = response.set_status(status);
        if let Err(error) = told.and_then(|()| response.add_header("Content-Type", kind)) {
            eprintln!("Page: {error}");
        }
    }

    fn on_handshaked(&mut self, session: &Session) {
        if let Some(tls) = session.tls() {
            println!("Session {} speaks {}, {}", session.id(), tls.version(), tls.cipher_suite());
        }
        let _ = session.send_text("Welcome to the chat! Everyone reads what you send; '!' leaves.");
    }

    fn on_received(&mut self, session: &Session, kind: Kind, data: &[u8]) -> usize {
        println!("Incoming: {}", String::from_utf8_lossy(data));
        if let Some(server) = session.server() {
            let _ = server.multicast_message(kind, data);
        }
        if data == b"!" {
            // What was sent before still reaches the client.
            let _ = session.disconnect_with(1000, "as you like");
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
    let port = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(5555);
    let certificate = arguments.next().unwrap_or_else(|| "certs/server.pem".into());
    let key = arguments.next().unwrap_or_else(|| "certs/server.key".into());
    let page = arguments.next().unwrap_or_else(|| "examples/websocket_chat.html".into());
    let context = TlsContext::new();
    context.set_certificate_files(&certificate, &key, None)?;
    let service = Service::new()?;
    service.start(())?;
    let server = Server::websocket_tls(&service, &context, "0.0.0.0", port)?;
    server.set_option(SocketOption::Deflate, 1)?;
    server.start(Room { page })?;
    println!("WebSocket SSL server port: {}", server.port());
    println!("An empty line stops the server, '!' restarts it, other lines go to everyone.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => server.restart()?,
            "reload" => context.reload()?,
            text => {
                let message = format!("(admin) {text}");
                server.multicast_message(Kind::Text, message.as_bytes())?;
            }
        }
    }
    service.stop()
}
