//! `autobahn_server address [certificate key]`: sends every message back, until its input ends.

use std::io::Read;

use cppserver::{
    Error, Kind, Result, Server, ServerHandler, Service, Session, SessionHandler, SocketOption,
    TlsContext,
};

struct Echo;

impl ServerHandler for Echo {
    type Session = Echo;

    fn on_session(&self, _session: &Session) -> Option<Echo> {
        Some(Echo)
    }
}

impl SessionHandler for Echo {
    fn on_received(&mut self, session: &Session, kind: Kind, data: &[u8]) -> usize {
        if let Err(error) = session.send_message(kind, data) {
            eprintln!("cannot send: {error}");
        }
        data.len()
    }

    fn on_error(&mut self, _session: &Session, error: &Error) {
        eprintln!("{error}");
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (host, port) = arguments[0].rsplit_once(':').expect("an address such as 127.0.0.1:9001");
    let port = port.parse().expect("a port");
    let service = Service::new()?;
    service.start(())?;
    let server = match &arguments[1..] {
        [certificate, key] => {
            let context = TlsContext::new();
            context.set_certificate_files(certificate, key, None)?;
            Server::websocket_tls(&service, &context, host, port)?
        }
        _ => Server::websocket(&service, host, port)?,
    };
    server.set_option(SocketOption::Deflate, 1)?;
    // The suite asks for all four combinations.
    server.set_option(SocketOption::DeflateTakeover, 1)?;
    server.set_option(SocketOption::DeflateThreshold, 0)?;
    server.set_option(SocketOption::SendLimit, 0)?;
    server.start(Echo)?;
    println!("{}", server.port());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    service.stop()
}
