//! Echo or multicast of messages through the crate: `bench-server-rust-ws echo|multicast|deflate
//! [--tls CERTIFICATE KEY]`. Prints "port N"; ends when standard input does.

use cppserver::{
    Kind, Server, ServerHandler, Service, Session, SessionHandler, SocketOption, TlsContext,
};
use std::io::Read;

struct Echo;

impl SessionHandler for Echo {
    fn on_received(&mut self, session: &Session, kind: Kind, data: &[u8]) -> usize {
        report(session.send_message(kind, data));
        data.len()
    }
}

struct EchoServer;

impl ServerHandler for EchoServer {
    type Session = Echo;

    fn on_session(&self, _session: &Session) -> Option<Echo> {
        Some(Echo)
    }
}

struct Multicast(Server);

impl SessionHandler for Multicast {
    fn on_received(&mut self, _session: &Session, kind: Kind, data: &[u8]) -> usize {
        report(self.0.multicast_message(kind, data));
        data.len()
    }
}

struct MulticastServer(Server);

impl ServerHandler for MulticastServer {
    type Session = Multicast;

    fn on_session(&self, _session: &Session) -> Option<Multicast> {
        Some(Multicast(self.0.clone()))
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let server = match &arguments[..] {
        [_, option, certificate, key] if option == "--tls" => {
            let context = TlsContext::new();
            context.set_certificate_files(certificate, key, None)?;
            Server::websocket_tls(&service, &context, "127.0.0.1", 0)?
        }
        _ => Server::websocket(&service, "127.0.0.1", 0)?,
    };
    let mode = arguments.first().map(String::as_str);
    server.set_option(SocketOption::Deflate, i64::from(mode == Some("deflate")))?;
    if mode == Some("multicast") {
        server.start(MulticastServer(server.clone()))?;
    } else {
        server.start(EchoServer)?;
    }
    println!("port {}", server.port());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    service.stop()?;
    Ok(())
}
