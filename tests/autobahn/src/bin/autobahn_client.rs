//! `autobahn_client ws://address agent [insecure]`: runs every case that the suite has.

use std::sync::mpsc::{self, Sender};

use cppserver::{
    Client, Error, Kind, Reason, Result, Service, Session, SessionHandler, SocketOption,
    TlsContext, TlsVerify,
};

/// Sends messages back, or passes the first one on.
struct Case {
    echoes: bool,
    told: Sender<Option<String>>,
}

impl SessionHandler for Case {
    fn on_received(&mut self, session: &Session, kind: Kind, data: &[u8]) -> usize {
        if self.echoes {
            let _ = session.send_message(kind, data);
        } else {
            let _ = self.told.send(Some(String::from_utf8_lossy(data).into_owned()));
        }
        data.len()
    }

    fn on_error(&mut self, _session: &Session, error: &Error) {
        eprintln!("{error}");
    }

    fn on_disconnected(&mut self, _session: &Session, _reason: Reason) {
        let _ = self.told.send(None);
    }
}

fn run(
    service: &Service,
    context: Option<&TlsContext>,
    address: &str,
    echoes: bool,
) -> Result<Option<String>> {
    let client = match context {
        Some(context) => Client::websocket_tls(service, context, address)?,
        None => Client::websocket(service, address)?,
    };
    client.set_option(SocketOption::Deflate, 1)?;
    client.set_option(SocketOption::DeflateTakeover, 1)?;
    client.set_option(SocketOption::DeflateThreshold, 0)?;
    client.set_option(SocketOption::SendLimit, 0)?;
    // The suite prepares a case, and writes its whole report, before its answer leaves.
    client.set_option(SocketOption::HandshakeTimeout, 120_000)?;
    let (told, heard) = mpsc::channel();
    client.connect(Case { echoes, told })?;
    Ok(heard.recv().ok().flatten())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, agent) = (&arguments[0], &arguments[1]);
    let context = address.starts_with("wss://").then(TlsContext::new);
    if let Some(context) = &context {
        context.set_verify(TlsVerify::None);
    }
    let context = context.as_ref();
    let service = Service::new()?;
    service.start(())?;
    let count = run(&service, context, &format!("{address}/getCaseCount"), false)?;
    let count: u32 = count.and_then(|count| count.trim().parse().ok()).unwrap_or(0);
    for case in 1..=count {
        run(&service, context, &format!("{address}/runCase?case={case}&agent={agent}"), true)?;
    }
    run(&service, context, &format!("{address}/updateReports?agent={agent}"), true)?;
    println!("{count} cases");
    service.stop()
}
