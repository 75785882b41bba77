//! What the sessions of a server, or the one session of a client, have in common.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::accept::Run;
use super::core::Core;
use super::options::{Options, Use};
use super::place::Place;
use super::protocol::Protocol;
use super::session::SessionInner;
use super::topics::Topics;
use super::{Session, SocketOption, TlsContext};
use crate::error::{Error, Result};
use crate::proto::Layer;
use crate::proto::tls::server_name;

pub(crate) struct Endpoint {
    pub(super) core: Arc<Core>,
    pub(super) place: Place,
    pub(super) options: Options,
    /// How connections are encrypted, if they are.
    pub(super) tls: Option<TlsContext>,
    pub(super) protocol: Protocol,
    /// Its handlers are told when what one read has brought is delivered.
    pub(super) tells_batches: bool,
    pub(super) role: Role,
}

pub(super) enum Role {
    Server(ServerRole),
    Client(ClientRole),
}

/// The permissions that the umask of the process leaves.
const MODE_OF_UMASK: u32 = u32::MAX;

/// How far a server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Stopped,
    /// Bound; its loop has not come to it yet.
    Starting,
    Started,
    /// Its loop has not come to the stop yet.
    Stopping,
}

pub(super) struct ServerState {
    pub(super) life: Life,
    /// The run that `life` is about: the one that was started last.
    pub(super) run: Option<Arc<Run>>,
    pub(super) native_handle: i64,
}

impl ServerState {
    pub(super) fn is_current(&self, run: &Arc<Run>) -> bool {
        self.run.as_ref().is_some_and(|current| Arc::ptr_eq(current, run))
    }

    /// The last operation about a run is done. Nothing changes if another one was started since.
    pub(super) fn end(&mut self, run: &Arc<Run>) {
        if self.is_current(run) {
            self.run = None;
            self.life = Life::Stopped;
        }
    }
}

pub(super) struct ServerRole {
    pub(super) state: Mutex<ServerState>,
    pub(super) started: AtomicBool,
    /// The loop of the listener.
    pub(super) home: usize,
    /// The port in use, the configured one while there is none.
    pub(super) port: AtomicU16,
    /// The permissions of the file of a Unix domain socket.
    mode: AtomicU32,
    /// Sessions from their accept until after their last callback.
    pub(super) current_sessions: AtomicU64,
    shares: Box<[Share]>,
    /// The traffic before the start, which does not count.
    before: Mutex<Traffic>,
    /// Closed connections that are kept until their peer has taken the last bytes.
    lingering: AtomicU64,
    /// Sessions and closed connections per address of the peer, of those that were admitted while
    /// there was a limit on them.
    addresses: Mutex<HashMap<IpAddr, PerAddress>>,
    pub(super) topics: Box<Topics>,
}

/// What one loop has of a server, apart in memory from what the other loops write.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Share {
    /// For multicast.
    sessions: Mutex<Vec<Session>>,
    pub(super) bytes_sent: Counter,
    pub(super) bytes_received: Counter,
    pub(super) messages_sent: Counter,
    pub(super) messages_received: Counter,
}

/// The traffic of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Traffic {
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) messages_sent: u64,
    pub(super) messages_received: u64,
}

/// A count that everybody may read and one loop writes.
#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: usize) {
        self.0.store(self.get() + count as u64, Ordering::Relaxed);
    }

    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
struct PerAddress {
    sessions: u64,
    lingering: u64,
}

/// How a session is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Admission {
    /// With its peer's address, and not only as one more.
    by_address: bool,
}

/// The place of a closed connection among those that its server keeps; given back by its drop.
pub(super) struct ClosedPlace {
    endpoint: Arc<Endpoint>,
    admission: Admission,
    peer: Option<IpAddr>,
}

#[derive(Default)]
pub(super) struct ClientRole {
    pub(super) local: Mutex<Option<SocketAddr>>,
    /// Connect again, with the same handler, after this time.
    pub(super) reconnect: Mutex<Option<Duration>>,
    /// The name that the certificate of the server is for, if it is not the host.
    pub(super) server_name: Mutex<Option<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Endpoint {
    pub(super) fn server(
        core: &Arc<Core>,
        tls: Option<&TlsContext>,
        protocol: Protocol,
        place: Place,
    ) -> Result<Endpoint> {
        let role = ServerRole {
            state: Mutex::new(ServerState { life: Life::Stopped, run: None, native_handle: -1 }),
            started: AtomicBool::new(false),
            home: core.next_loop(),
            port: AtomicU16::new(place.port()),
            mode: AtomicU32::new(MODE_OF_UMASK),
            current_sessions: AtomicU64::new(0),
            shares: (0..core.threads()).map(|_| Share::default()).collect(),
            before: Mutex::default(),
            lingering: AtomicU64::new(0),
            addresses: Mutex::default(),
            topics: Box::default(),
        };
        Ok(Endpoint::new(core, tls, protocol, place, Role::Server(role)))
    }

    pub(super) fn client(
        core: &Arc<Core>,
        tls: Option<&TlsContext>,
        protocol: Protocol,
        place: Place,
    ) -> Result<Endpoint> {
        if matches!(place, Place::Internet { port: 0, .. }) {
            return Err(Error::argument("a client needs the port of its server, not 0"));
        }
        let role = Role::Client(ClientRole::default());
        Ok(Endpoint::new(core, tls, protocol, place, role))
    }

    fn new(
        core: &Arc<Core>,
        tls: Option<&TlsContext>,
        protocol: Protocol,
        place: Place,
        role: Role,
    ) -> Endpoint {
        let options = Options::new(match role {
            Role::Server(_) => Use::Server,
            Role::Client(_) => Use::Client,
        });
        let (core, tls) = (Arc::clone(core), tls.cloned());
        Endpoint { core, place, options, tls, protocol, tells_batches: false, role }
    }

    /// Takes the settings of now for the connections to come, or tells what they lack.
    pub(super) fn prepare(&self) -> Result<()> {
        self.protocol.prepare(&self.options);
        match (&self.tls, &self.role) {
            (None, _) => Ok(()),
            (Some(tls), Role::Server(_)) => tls.acceptor().map(drop),
            (Some(tls), Role::Client(client)) => {
                server_name(client.server_name().as_deref().unwrap_or(self.place.host()))?;
                tls.connector().map(drop)
            }
        }
    }

    /// The layers of a new connection.
    pub(super) fn layer(&self) -> Result<Box<dyn Layer>> {
        let Some(tls) = &self.tls else { return Ok(self.protocol.layer()) };
        match &self.role {
            Role::Server(_) => Ok(self.protocol.layer_over(tls.acceptor()?.layer()?)),
            Role::Client(client) => {
                let name = client.server_name();
                let name = name.as_deref().unwrap_or(self.place.host());
                Ok(self.protocol.layer_over(tls.connector()?.layer(name)?))
            }
        }
    }

    /// The role of a server; only called where the endpoint is one.
    pub(super) fn as_server(&self) -> &ServerRole {
        match &self.role {
            Role::Server(server) => server,
            Role::Client(_) => unreachable!("a client has no sessions to serve"),
        }
    }

    /// The role of a client; only called where the endpoint is one.
    pub(super) fn as_client(&self) -> &ClientRole {
        match &self.role {
            Role::Client(client) => client,
            Role::Server(_) => unreachable!("a server does not connect"),
        }
    }

    /// Counts a new session in, or tells the limit that is in its way.
    pub(super) fn admit(&self, peer: Option<IpAddr>) -> Result<Admission> {
        let server = self.as_server();
        let current = server.current_sessions.load(Ordering::Relaxed);
        if let Some(limit) = self.options.limit(SocketOption::SessionLimit)
            && current >= limit as u64
        {
            return Err(Error::limit(format!(
                "the session limit of {limit} is reached; further connections are closed at once"
            )));
        }
        let limit = self.options.limit(SocketOption::SessionLimitPerAddress).zip(peer);
        if let Some((limit, peer)) = limit {
            let mut addresses = lock(&server.addresses);
            let count = addresses.entry(peer).or_default();
            if count.sessions >= limit as u64 {
                return Err(Error::limit(format!(
                    "the limit of {limit} sessions per address is reached by {peer}; its further \
                     connections are closed at once"
                )));
            }
            count.sessions += 1;
        }
        server.current_sessions.fetch_add(1, Ordering::Relaxed);
        Ok(Admission { by_address: limit.is_some() })
    }

    /// Counts a session out.
    pub(super) fn discharge(&self, admission: Admission, peer: Option<IpAddr>) {
        let server = self.as_server();
        server.current_sessions.fetch_sub(1, Ordering::Relaxed);
        server.count_address(admission, peer, |count| count.sessions -= 1);
    }

    /// Counts a closed connection in, unless there are as many as sessions are allowed.
    pub(super) fn admit_closed(
        self: &Arc<Endpoint>,
        admission: Admission,
        peer: Option<IpAddr>,
    ) -> Option<ClosedPlace> {
        let server = self.as_server();
        let has_room = |option, count| match self.options.limit(option) {
            Some(limit) => count < limit as u64,
            None => true,
        };
        if !has_room(SocketOption::SessionLimit, server.lingering.load(Ordering::Relaxed)) {
            return None;
        }
        let mut admitted = true;
        server.count_address(admission, peer, |count| {
            admitted = has_room(SocketOption::SessionLimitPerAddress, count.lingering);
            count.lingering += u64::from(admitted);
        });
        admitted.then(|| {
            server.lingering.fetch_add(1, Ordering::Relaxed);
            ClosedPlace { endpoint: Arc::clone(self), admission, peer }
        })
    }
}

impl Drop for ClosedPlace {
    fn drop(&mut self) {
        let server = self.endpoint.as_server();
        server.lingering.fetch_sub(1, Ordering::Relaxed);
        server.count_address(self.admission, self.peer, |count| count.lingering -= 1);
    }
}

impl ServerRole {
    pub(super) fn state(&self) -> MutexGuard<'_, ServerState> {
        lock(&self.state)
    }

    /// The permissions to give to the file of a Unix domain socket.
    pub(super) fn mode(&self) -> Option<u32> {
        Some(self.mode.load(Ordering::Relaxed)).filter(|mode| *mode != MODE_OF_UMASK)
    }

    pub(super) fn set_mode(&self, mode: Option<u32>) {
        self.mode.store(mode.unwrap_or(MODE_OF_UMASK), Ordering::Relaxed);
    }

    /// The sessions of each loop.
    pub(super) fn each_loop(&self) -> impl Iterator<Item = (usize, MutexGuard<'_, Vec<Session>>)> {
        self.shares.iter().map(|share| lock(&share.sessions)).enumerate()
    }

    /// What the loop of a session has of this server.
    pub(super) fn share(&self, session: &SessionInner) -> &Share {
        &self.shares[session.loop_index as usize]
    }

    /// The traffic since the start.
    pub(super) fn traffic(&self) -> Traffic {
        let (before, now) = (*lock(&self.before), self.all_traffic());
        Traffic {
            bytes_sent: now.bytes_sent.wrapping_sub(before.bytes_sent),
            bytes_received: now.bytes_received.wrapping_sub(before.bytes_received),
            messages_sent: now.messages_sent.wrapping_sub(before.messages_sent),
            messages_received: now.messages_received.wrapping_sub(before.messages_received),
        }
    }

    /// The counters themselves belong to the loops, of which some may be counting.
    pub(super) fn reset_counters(&self) {
        *lock(&self.before) = self.all_traffic();
    }

    fn all_traffic(&self) -> Traffic {
        let sum = |count: fn(&Share) -> &Counter| {
            self.shares.iter().map(|share| count(share).get()).sum()
        };
        Traffic {
            bytes_sent: sum(|share| &share.bytes_sent),
            bytes_received: sum(|share| &share.bytes_received),
            messages_sent: sum(|share| &share.messages_sent),
            messages_received: sum(|share| &share.messages_received),
        }
    }

    /// Changes the counts of an address that has some, and forgets it when nothing is left.
    fn count_address(
        &self,
        admission: Admission,
        peer: Option<IpAddr>,
        change: impl FnOnce(&mut PerAddress),
    ) {
        let Some(peer) = peer.filter(|_| admission.by_address) else { return };
        let mut addresses = lock(&self.addresses);
        if let Entry::Occupied(mut entry) = addresses.entry(peer) {
            change(entry.get_mut());
            if matches!(entry.get(), PerAddress { sessions: 0, lingering: 0 }) {
                entry.remove();
            }
        }
    }

    /// Adds a session to its loop's list.
    pub(super) fn enlist(&self, session: &Session) {
        let mut sessions = lock(&self.share(&session.0).sessions);
        session.0.place.store(sessions.len() as u32, Ordering::Relaxed);
        sessions.push(session.clone());
    }

    /// Removes a session from its loop's list.
    pub(super) fn delist(&self, session: &Session) {
        let mut sessions = lock(&self.share(&session.0).sessions);
        let place = session.0.place.load(Ordering::Relaxed);
        debug_assert!(sessions.get(place as usize) == Some(session));
        sessions.swap_remove(place as usize);
        match sessions.get(place as usize) {
            Some(moved) => moved.0.place.store(place, Ordering::Relaxed),
            None if sessions.is_empty() => sessions.shrink_to(64),
            None => {}
        }
    }
}

impl ClientRole {
    pub(super) fn local(&self) -> MutexGuard<'_, Option<SocketAddr>> {
        lock(&self.local)
    }

    pub(super) fn reconnect(&self) -> MutexGuard<'_, Option<Duration>> {
        lock(&self.reconnect)
    }

    pub(super) fn server_name(&self) -> MutexGuard<'_, Option<String>> {
        lock(&self.server_name)
    }
}
