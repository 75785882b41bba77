//! Datagrams: the handle of an endpoint.

mod group;
mod handler;
mod life;
mod socket;
mod state;
mod transfer;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::endpoint::Life;
use super::place::checked_host;
use super::remote::Operation;
use super::{Reason, Service, SocketOption};
use crate::error::{Error, Result};
use crate::reactor::datagrams::{
    DATAGRAM_MOST, DatagramChange, Version, apply, canonical, for_version,
};
use crate::reactor::resolver;

pub use group::Group;
pub use handler::UdpHandler;
pub(super) use socket::{Batches, Datagrams, UdpStart};
pub(crate) use state::UdpInner;
use state::{GroupChange, Role, State, Stop};

/// Sends and receives datagrams (UDP, RFC 768): a server, which others know the address of, or a
/// client, which knows the address of a server.
///
/// One call of [`send`](Udp::send) is one datagram of up to 65,507 bytes, empty ones too; what is
/// sent in one turn of the loop leaves in few system calls. Datagrams may get lost on their way,
/// come twice or out of order, and nobody tells; above the
/// [`SendLimit`](SocketOption::SendLimit), [`send`](Udp::send) itself refuses.
///
/// A handle is cheap to clone and may be used on every thread and in every callback; none of its
/// methods waits for a loop. Dropping a handle stops nothing: a started endpoint runs until it or
/// its service is stopped.
///
/// ```
/// use std::net::SocketAddr;
/// use std::sync::mpsc;
///
/// use cppserver::{Service, Udp, UdpHandler};
///
/// struct Echo;
///
/// impl UdpHandler for Echo {
///     fn on_received(&mut self, udp: &Udp, from: SocketAddr, data: &[u8], _truncated: bool) {
///         let _ = udp.send_to(from, data);
///     }
/// }
///
/// struct Greeter(mpsc::Sender<Vec<u8>>);
///
/// impl UdpHandler for Greeter {
///     fn on_started(&mut self, udp: &Udp) {
///         let _ = udp.send(b"hello");
///     }
///
///     fn on_received(&mut self, _udp: &Udp, _from: SocketAddr, data: &[u8], _truncated: bool) {
///         let _ = self.0.send(data.to_vec());
///     }
/// }
///
/// let service = Service::new()?;
/// service.start(())?;
/// let server = Udp::server(&service, "127.0.0.1", 0)?;
/// server.start(Echo)?;
/// let (sender, receiver) = mpsc::channel();
/// let client = Udp::client(&service, "localhost", server.port())?;
/// client.bind(Some("127.0.0.1:0".parse().unwrap()))?;
/// client.start(Greeter(sender))?;
/// assert_eq!(receiver.recv().unwrap(), b"hello");
/// service.stop()?;
/// # Ok::<(), cppserver::Error>(())
/// ```
///
/// # Multicast
///
/// A receiver is a server on the port of the group, with
/// [`ReuseAddress`](SocketOption::ReuseAddress) if others on this machine receive too, that
/// [joins](Udp::join) the group in `on_started`. A sender is a server on port 0 whose
/// [destination](Udp::set_destination) is the group, or just sends to it.
#[derive(Clone)]
pub struct Udp(pub(crate) Arc<UdpInner>);

impl Udp {
    /// A server on `address`: a name, an IPv4 address such as `127.0.0.1` or `0.0.0.0`, or an IPv6
    /// address such as `::1` or `::`, which takes IPv4 too unless
    /// [`DualStack`](SocketOption::DualStack) is off. Port 0 lets the system choose;
    /// [`Udp::port`] tells. Nothing touches the network yet.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an empty address.
    pub fn server(service: &Service, address: &str, port: u16) -> Result<Udp> {
        Udp::new(service, Role::Server, address, port)
    }

    /// A client of the server on `host`, a name or an address, and `port`, where
    /// [`Udp::send`] goes. It hears that server alone, unless [`AnyPeer`](SocketOption::AnyPeer) is
    /// on. Nothing touches the network yet.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an empty host or port 0.
    pub fn client(service: &Service, host: &str, port: u16) -> Result<Udp> {
        if port == 0 {
            return Err(Error::argument("a client needs the port of its server, not 0"));
        }
        Udp::new(service, Role::Client, host, port)
    }

    fn new(service: &Service, role: Role, host: &str, port: u16) -> Result<Udp> {
        let host = checked_host(host)?;
        Ok(Udp(Arc::new(UdpInner::new(&service.0.core, role, host, port))))
    }

    /// Sets an option. What the open socket itself keeps, such as
    /// [`Broadcast`](SocketOption::Broadcast) or [`TimeToLive`](SocketOption::TimeToLive), is
    /// changed at once, and so are the limits; the others count from the next start on.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for a value out of range or an
    /// option of streams, [`Status::System`](crate::Status::System) when the socket refuses.
    pub fn set_option(&self, option: SocketOption, value: i64) -> Result<()> {
        let state = self.0.state();
        self.0.options.set(option, value)?;
        match option.datagram_change(value) {
            Some(change) => change_open(&state, change, format!("{option:?} = {value}")),
            None => Ok(()),
        }
    }

    /// Tells the value of an option.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an option of streams.
    pub fn option(&self, option: SocketOption) -> Result<i64> {
        self.0.options.tell(option)
    }

    /// Chooses the interface on which multicasts leave, now and after the next starts: its name, its
    /// number, one of its IPv4 addresses, or "" for the one that the system chooses. IPv6 takes no
    /// address, Windows no name.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) when there is no such interface,
    /// [`Status::System`](crate::Status::System) when the socket refuses.
    pub fn set_multicast_interface(&self, interface: &str) -> Result<()> {
        let parsed = group::parse_interface(interface)?;
        let mut state = self.0.state();
        let change = DatagramChange::MulticastInterface(parsed);
        change_open(&state, change, format!("the multicast interface {interface:?}"))?;
        state.interface = parsed;
        Ok(())
    }

    /// Chooses where [`Udp::send`] goes, at once: for a server that sends to a multicast group.
    /// `None` is the server of a client, and nothing for a server.
    pub fn set_destination(&self, destination: Option<SocketAddr>) {
        self.0.state().destination = destination.map(canonical);
    }

    /// Where [`Udp::send`] goes. A client knows it once it is started.
    pub fn destination(&self) -> Option<SocketAddr> {
        let state = self.0.state();
        state.destination.or_else(|| state.open.as_ref().and_then(|open| open.peer))
    }

    /// Chooses the own address of a client for the next starts; port 0 lets the system choose it.
    /// `None` leaves both to the system.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when started, or for a server, which
    /// has its address from the beginning.
    pub fn bind(&self, local: Option<SocketAddr>) -> Result<()> {
        let mut state = self.0.state();
        if self.0.role == Role::Server {
            return Err(Error::state("a server is bound to the address it was created with"));
        }
        if state.life != Life::Stopped {
            return Err(Error::state("the client is started; bind it before"));
        }
        state.local = local;
        Ok(())
    }

    /// Opens the socket and hands it to its loop, which calls `on_started`. On a service that is
    /// not started yet, datagrams wait in the socket until it is.
    ///
    /// A server is bound when this returns. The name of a client's server is looked up off the loop
    /// threads within [`ConnectTimeout`](SocketOption::ConnectTimeout); a failure comes by
    /// `on_error` and `on_stopped`, and so does that of a server which is just being stopped, since
    /// it is bound after the stop.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when started already or the service is
    /// stopping, [`Status::System`](crate::Status::System) when the port is taken or not allowed,
    /// [`Status::Resolver`](crate::Status::Resolver) for an unknown name of a server's own address.
    /// The handler is dropped then, and nothing else has happened.
    pub fn start(&self, handler: impl UdpHandler) -> Result<()> {
        let inner = &*self.0;
        let refusal = |state: &State| {
            if inner.core.is_stopping() {
                Some(Error::state("the service is stopping; start the endpoint after it"))
            } else if matches!(state.life, Life::Starting | Life::Started) {
                Some(Error::state("the endpoint is started already; stop it first"))
            } else {
                None
            }
        };
        if let Some(error) = refusal(&inner.state()) {
            return Err(error);
        }
        // Outside the lock, because it may block.
        let addresses = match inner.role {
            Role::Client => Vec::new(),
            Role::Server => resolver::lookup(&inner.host, inner.port).map_err(|error| {
                Error::resolver(format!("cannot resolve the address {:?}: {error}", inner.host))
            })?,
        };
        // Keeps nothing in a queue that nobody takes any more.
        let _owner = self.service();
        let mut state = inner.state();
        if let Some(error) = refusal(&state) {
            return Err(error);
        }
        let socket = match (inner.role, state.life) {
            (Role::Server, Life::Stopped) => {
                let (socket, local) = inner.bind(&addresses, state.interface)?;
                inner.local_port.store(local.port(), Ordering::Relaxed);
                Some(socket)
            }
            _ => None,
        };
        state.life = Life::Starting;
        state.run += 1;
        let start = UdpStart {
            udp: self.clone(),
            run: state.run,
            handler: Box::new(handler),
            addresses,
            socket,
        };
        // Under the lock, so that a stop on another thread is queued behind the start.
        inner.remote().post(Operation::StartUdp(Box::new(start)));
        Ok(())
    }

    /// Stops: nothing is received any more, what was accepted is sent within
    /// [`CloseTimeout`](SocketOption::CloseTimeout), then the loop closes the socket and calls
    /// `on_stopped`; after that the handler is dropped.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when not started.
    pub fn stop(&self) -> Result<()> {
        self.request_stop(false)
    }

    /// Stops and starts again with the same handler on the same port, also on one that the system
    /// chose for a server. When the port is gone by then, `on_error` and `on_stopped` tell. Groups
    /// have to be joined anew.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when not started.
    pub fn restart(&self) -> Result<()> {
        self.request_stop(true)
    }

    fn request_stop(&self, restart: bool) -> Result<()> {
        let mut state = self.0.state();
        if !matches!(state.life, Life::Starting | Life::Started) {
            return Err(Error::state("the endpoint is not started"));
        }
        state.life = if restart { Life::Starting } else { Life::Stopping };
        state.stop = Some(Stop { run: state.run, reason: Reason::Local, restart });
        self.0.quiet.store(true, Ordering::Release);
        self.0.schedule(state);
        Ok(())
    }

    /// Sends a datagram to the [destination](Udp::destination). It is copied and queued. Returns the
    /// bytes that wait to be sent, those of this datagram included.
    ///
    /// # Errors
    ///
    /// [`Status::NotConnected`](crate::Status::NotConnected) when not started,
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for more than 65,507 bytes or
    /// when there is no destination, [`Status::Limit`](crate::Status::Limit) above the send limit.
    pub fn send(&self, data: &[u8]) -> Result<usize> {
        self.push(None, data)
    }

    /// Sends a datagram to an address, as [`Udp::send`] does.
    ///
    /// # Errors
    ///
    /// As [`Udp::send`]; [`Status::InvalidArgument`](crate::Status::InvalidArgument) also for an
    /// address that the socket can't reach: of the other version of IP, without a port, or of
    /// somebody else than the server of a client without [`AnyPeer`](SocketOption::AnyPeer).
    pub fn send_to(&self, to: SocketAddr, data: &[u8]) -> Result<usize> {
        self.push(Some(to), data)
    }

    #[inline(always)]
    fn push(&self, to: Option<SocketAddr>, data: &[u8]) -> Result<usize> {
        let inner = &*self.0;
        if data.len() > DATAGRAM_MOST {
            return Err(Error::argument(format!(
                "a datagram carries {DATAGRAM_MOST} bytes at most, not {}; send several",
                data.len()
            )));
        }
        let mut state = inner.state();
        let to = state.address(to)?;
        if let Err(error) = inner.admit(&mut state, data.len()) {
            // A stop for the limit is noticed like a datagram.
            if state.stop.is_some() {
                inner.schedule(state);
            }
            return Err(error);
        }
        if !state.queue.push(to, data) {
            return Err(Error::limit("4 GiB of datagrams wait to be sent; go on after on_empty"));
        }
        inner.waiting.fetch_add(1, Ordering::Relaxed);
        let pending = inner.pending.fetch_add(data.len(), Ordering::Relaxed) + data.len();
        inner.schedule(state);
        Ok(pending)
    }

    /// Asks to receive the datagrams of a multicast group; `on_joined` or `on_error` tells how it
    /// went. It ends with [`Udp::leave`] or with the stop.
    ///
    /// # Errors
    ///
    /// [`Status::NotConnected`](crate::Status::NotConnected) when not started.
    pub fn join(&self, group: &Group) -> Result<()> {
        self.change_group(group, true)
    }

    /// Asks to receive the datagrams of a multicast group no more; `on_left` or `on_error` tells how
    /// it went. The group has to be named as it was joined.
    ///
    /// # Errors
    ///
    /// [`Status::NotConnected`](crate::Status::NotConnected) when not started.
    pub fn leave(&self, group: &Group) -> Result<()> {
        self.change_group(group, false)
    }

    fn change_group(&self, group: &Group, join: bool) -> Result<()> {
        let mut state = self.0.state();
        state.open()?;
        state.changes.push(GroupChange { group: *group, join });
        self.0.schedule(state);
        Ok(())
    }

    /// Whether the socket is open: true from just before `on_started` until just before
    /// `on_stopped`.
    pub fn is_started(&self) -> bool {
        self.0.started.load(Ordering::Acquire)
    }

    /// The own port while there is one: of a server from the start on, of a client while it is
    /// started. Else that of the configuration, for a client 0.
    pub fn port(&self) -> u16 {
        self.0.local_port.load(Ordering::Relaxed)
    }

    /// The own address, while started. With the address `0.0.0.0` or `::` the system chooses the
    /// real one for each datagram.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.0.state().open.as_ref().map(|open| open.local)
    }

    /// The server of a client, while started.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.0.state().open.as_ref().and_then(|open| open.peer)
    }

    /// The socket as the system's own calls take it, while started. It stays the library's: do not
    /// close it.
    pub fn native_handle(&self) -> Option<i64> {
        self.0.state().open.as_ref().map(|open| open.socket.native_handle())
    }

    /// The service that runs the endpoint.
    pub fn service(&self) -> Service {
        self.0.core.service()
    }

    /// Datagrams that went to the system since the start.
    pub fn datagrams_sent(&self) -> u64 {
        self.0.datagrams_sent.get()
    }

    /// Datagrams received since the start.
    pub fn datagrams_received(&self) -> u64 {
        self.0.datagrams_received.get()
    }

    /// Datagrams since the start that were to be sent and did not leave: refused or dropped for the
    /// limit, or refused by the system.
    pub fn datagrams_dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Datagrams that the system received since the start and lost, because its receive buffer was
    /// full ([`ReceiveBuffer`](SocketOption::ReceiveBuffer)). Linux tells with the next datagram
    /// (SO_RXQ_OVFL, socket(7)), and counts those that came to it in one piece (UDP_GRO, udp(7)) as
    /// one; other systems do not tell.
    pub fn datagrams_lost(&self) -> u64 {
        self.0.lost.get()
    }

    /// Bytes of the datagrams that were sent.
    pub fn bytes_sent(&self) -> u64 {
        self.0.bytes_sent.get()
    }

    /// Bytes of the datagrams that were received, as far as they were delivered.
    pub fn bytes_received(&self) -> u64 {
        self.0.bytes_received.get()
    }

    /// Bytes that wait to be sent.
    pub fn bytes_pending(&self) -> usize {
        self.0.pending.load(Ordering::Relaxed)
    }
}

impl State {
    /// The open socket, unless it is to be closed.
    fn open(&self) -> Result<&state::Open> {
        match (&self.open, self.life) {
            (Some(open), Life::Started) => Ok(open),
            _ => Err(Error::not_started()),
        }
    }

    /// The address that a datagram goes to, in the notation of the socket.
    #[inline(always)]
    fn address(&self, to: Option<SocketAddr>) -> Result<SocketAddr> {
        let open = self.open()?;
        let Some(to) = to.or(self.destination).or(open.peer).map(canonical) else {
            return Err(no_address());
        };
        let elsewhere = open.connected && open.peer != Some(to);
        if elsewhere || to.port() == 0 || open.version == Version::V4 && to.is_ipv6() {
            return Err(unreachable(open, to));
        }
        Ok(for_version(to, open.version))
    }
}

#[cold]
fn no_address() -> Error {
    Error::argument("the datagram has no address; use send_to, or set a destination")
}

#[cold]
fn unreachable(open: &state::Open, to: SocketAddr) -> Error {
    Error::argument(if open.connected && open.peer != Some(to) {
        format!(
            "this client sends to its server only, not to {to}; switch the option AnyPeer on \
             before it starts"
        )
    } else if to.port() == 0 {
        format!("{to} has no port")
    } else {
        let local = open.local;
        format!("a socket on {local} can't send to {to}; open one on an IPv6 address")
    })
}

fn change_open(state: &State, change: DatagramChange, what: String) -> Result<()> {
    let Some(open) = &state.open else { return Ok(()) };
    open.socket
        .with(|socket| apply(&socket, open.version, change))
        .map_err(|error| Error::system(format!("cannot set {what}"), &error))
}

impl fmt::Debug for Udp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Udp")
            .field("role", &self.0.role)
            .field("host", &self.0.host)
            .field("port", &self.port())
            .field("started", &self.is_started())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::error::Status;

    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn an_error_of_this_library_costs_one_endpoint_and_one_start() {
        struct Started(mpsc::Sender<()>);

        impl UdpHandler for Started {
            fn on_started(&mut self, _udp: &Udp) {
                self.0.send(()).unwrap();
            }
        }

        let service = Service::new().unwrap();
        service.start(()).unwrap();
        let udp = Udp::server(&service, "127.0.0.1", 0).unwrap();
        let (sender, started) = mpsc::channel();
        udp.start(Started(sender.clone())).unwrap();
        started.recv().unwrap();
        let (done, after) = mpsc::channel();
        let key = udp.0.state().key;
        udp.0.remote().post(Operation::Panic(key));
        udp.0.remote().post(Operation::Run(Box::new(move || done.send(()).unwrap())));
        after.recv().unwrap();
        assert!(!udp.is_started());
        assert_eq!(udp.native_handle(), None, "it is not lent longer than it is open");
        let to = "127.0.0.1:9".parse().unwrap();
        assert_eq!(udp.send_to(to, b"x").unwrap_err().status(), Status::NotConnected);
        udp.start(Started(sender)).expect("it can begin anew");
        started.recv().unwrap();
        service.stop().unwrap();
    }
}
