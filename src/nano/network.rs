//! Listeners and dialers over the network.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::SpOption;
use super::address::Address;
use super::core::Core;
use super::endpoint::EndpointControl;
use super::net_pipe::NetHandler;
use crate::error::{Error, Result, SpFailure};
use crate::net::{
    Backoff, Client, Server, ServerHandler, Session, SocketOption, SpAddress, SpConfig, TlsContext,
    addresses_of_interface,
};

/// How long the close of a listener waits for its loop, which a callback may hold up.
const STOP: Duration = Duration::from_secs(5);

/// Whether the listener of a server is closed.
#[derive(Default)]
struct Stopped {
    stopped: Mutex<bool>,
    changed: Condvar,
}

struct NetServer {
    core: Weak<Core>,
    endpoint: u32,
    stopped: Arc<Stopped>,
}

impl ServerHandler for NetServer {
    type Session = NetHandler;

    fn on_session(&self, _session: &Session) -> Option<NetHandler> {
        let core = self.core.upgrade()?;
        Some(NetHandler::new(&core, self.endpoint, None))
    }

    fn on_stopped(&self, _server: &Server) {
        *self.stopped.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stopped.changed.notify_all();
    }

    fn on_error(&self, _server: &Server, error: &Error) {
        if let Some(core) = self.core.upgrade() {
            core.accept_failed(error.clone());
            core.run_callbacks();
        }
    }
}

struct Listener {
    server: Server,
    stopped: Arc<Stopped>,
}

impl EndpointControl for Listener {
    fn close(&self) {
        if self.server.stop().is_err() || crate::net::is_loop_thread() {
            return;
        }
        let stopped = self.stopped.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.stopped.changed.wait_timeout_while(stopped, STOP, |stopped| !*stopped);
    }

    fn port(&self) -> Option<u16> {
        // A Unix socket has none.
        Some(self.server.port()).filter(|port| *port > 0)
    }
}

struct Dialer {
    client: Client,
}

impl EndpointControl for Dialer {
    fn close(&self) {
        // An open connection delivers what was sent; refused when it ends already.
        let _ = self.client.disconnect();
    }
}

/// Listens on an address, or dials it.
pub(super) fn open(
    core: &Arc<Core>,
    endpoint: u32,
    address: Address,
    dials: bool,
) -> Result<Arc<dyn EndpointControl>> {
    if dials { dial(core, endpoint, &address) } else { listen(core, endpoint, address) }
}

fn listen(
    core: &Arc<Core>,
    endpoint: u32,
    mut address: Address,
) -> Result<Arc<dyn EndpointControl>> {
    let is_any = replace_host(&mut address, "*", "::");
    name_address(&mut address)?;
    let listened = try_listen(core, endpoint, &address);
    match listened {
        // A machine without IPv6.
        Err(_) if is_any && replace_host(&mut address, "::", "0.0.0.0") => {
            try_listen(core, endpoint, &address).or(listened)
        }
        listened => listened,
    }
}

fn replace_host(address: &mut Address, from: &str, to: &str) -> bool {
    match address {
        Address::Tcp { host, .. } | Address::WebSocket { host, .. } if host == from => {
            *host = to.to_owned();
            true
        }
        _ => false,
    }
}

/// An interface's name as the host of a listener becomes the first of its addresses.
fn name_address(address: &mut Address) -> Result<()> {
    let (Address::Tcp { host, .. } | Address::WebSocket { host, .. }) = address else {
        return Ok(());
    };
    if host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    if let Some(first) = addresses_of(host)?.first() {
        *host = match first {
            SocketAddr::V6(first) if first.scope_id() != 0 => {
                format!("{}%{}", first.ip(), first.scope_id())
            }
            first => first.ip().to_string(),
        };
    }
    Ok(())
}

fn addresses_of(interface: &str) -> Result<Vec<SocketAddr>> {
    addresses_of_interface(interface)
        .map_err(|error| Error::system("cannot list the interfaces of this machine", &error))
}

/// Where a dial to that host comes from, by an address or the name of an interface.
fn local_address(local: &str, host: &str) -> Result<SocketAddr> {
    if let Ok(address) = local.trim_matches(['[', ']']).parse() {
        return Ok(SocketAddr::new(address, 0));
    }
    let refused = |why: String| Err(Error::sp(SpFailure::Address, why));
    let addresses = addresses_of(local)?;
    let Some(first) = addresses.first() else {
        return refused(format!(
            "{local:?} is no interface and no address of this machine; give one to dial from"
        ));
    };
    // The host may be a name, whose addresses are not known yet. Those that the first address does
    // not reach are passed over.
    let Ok(host) = host.parse::<IpAddr>() else { return Ok(*first) };
    match addresses.iter().find(|address| address.is_ipv6() == host.is_ipv6()) {
        Some(address) => Ok(*address),
        None => refused(format!("the interface {local:?} has no address that reaches {host}")),
    }
}

fn try_listen(
    core: &Arc<Core>,
    endpoint: u32,
    address: &Address,
) -> Result<Arc<dyn EndpointControl>> {
    if let Address::Tcp { local: Some(_), .. } | Address::WebSocket { local: Some(_), .. } = address
    {
        return Err(Error::sp(
            SpFailure::Address,
            "a listener has one address; what is in front of the semicolon is for dialers",
        ));
    }
    let tls = core.lock().tls.clone();
    let server = Server::sp(&core.service()?, sp_address(address, tls.as_ref())?, &config(core))?;
    for (option, value) in options(core) {
        server.set_option(option, value)?;
    }
    let stopped = Arc::default();
    let handler = NetServer { core: Arc::downgrade(core), endpoint, stopped: Arc::clone(&stopped) };
    server.start(handler)?;
    Ok(Arc::new(Listener { server, stopped }))
}

fn dial(core: &Arc<Core>, endpoint: u32, address: &Address) -> Result<Arc<dyn EndpointControl>> {
    let tls = core.lock().tls.clone();
    let client = Client::sp(&core.service()?, sp_address(address, tls.as_ref())?, &config(core))?;
    for (option, value) in options(core) {
        client.set_option(option, value)?;
    }
    if let Address::Tcp { local: Some(local), host, .. }
    | Address::WebSocket { local: Some(local), host, .. } = address
    {
        client.bind(Some(local_address(local, host)?))?;
    }
    let backoff = {
        let options = &core.lock().options;
        let first = options.time(SpOption::ReconnectInterval);
        Backoff::new(first, options.time(SpOption::ReconnectIntervalMax))
    };
    client.connect(NetHandler::new(core, endpoint, Some(backoff)))?;
    Ok(Arc::new(Dialer { client }))
}

fn sp_address<'a>(address: &'a Address, tls: Option<&'a TlsContext>) -> Result<SpAddress<'a>> {
    let context = || {
        tls.ok_or_else(|| {
            Error::argument(
                "tls+tcp and wss need certificates; give the socket a context with set_tls first",
            )
        })
    };
    Ok(match address {
        Address::Inproc(_) => unreachable!("this is no matter of the network"),
        Address::Ipc(path) => SpAddress::Ipc { path: Path::new(path) },
        Address::Tcp { host, port, tls: false, .. } => SpAddress::Tcp { host, port: *port },
        Address::Tcp { host, port, tls: true, .. } => {
            SpAddress::Tls { context: context()?, host, port: *port }
        }
        Address::WebSocket { host, port, path, tls: false, .. } => {
            SpAddress::WebSocket { host, port: *port, target: path }
        }
        Address::WebSocket { host, port, path, tls: true, .. } => {
            SpAddress::WebSocketTls { context: context()?, host, port: *port, target: path }
        }
    })
}

fn config(core: &Core) -> SpConfig {
    let limit = core.lock().options.limit(SpOption::MaxMessageSize);
    SpConfig {
        protocol: core.protocol.number(),
        peer: core.protocol.peer().number(),
        max_size: (limit != usize::MAX).then_some(limit),
    }
}

fn options(core: &Core) -> [(SocketOption, i64); 4] {
    let options = &core.lock().options;
    [
        // The socket keeps to its own limits, and never loses what it has given to a pipe.
        (SocketOption::SendLimit, 0),
        (SocketOption::HandshakeTimeout, options.get(SpOption::HandshakeTimeout)),
        (SocketOption::CloseTimeout, options.get(SpOption::Linger).max(1)),
        (SocketOption::NoDelay, options.get(SpOption::NoDelay)),
    ]
}
