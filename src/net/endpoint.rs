//! What the sessions of a server, or the one session of a client, have in common.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::accept::Run;
use super::options::Options;
use super::{Service, Session, SocketOption};
use crate::error::{Error, Result};

pub(crate) struct Endpoint {
    pub(super) service: Service,
    /// Where to listen or to connect, as the user gave it.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) options: Options,
    pub(super) bytes_sent: AtomicU64,
    pub(super) bytes_received: AtomicU64,
    pub(super) role: Role,
}

pub(super) enum Role {
    Server(ServerRole),
    Client(ClientRole),
}

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
    /// Sessions from their accept until after their last callback.
    pub(super) current_sessions: AtomicU64,
    /// The sessions of each loop, for multicast.
    sessions: Box<[Mutex<Vec<Session>>]>,
    /// Sessions per address of the peer, kept only with a limit on it.
    addresses: Mutex<HashMap<IpAddr, u64>>,
}

#[derive(Default)]
pub(super) struct ClientRole {
    pub(super) local: Mutex<Option<SocketAddr>>,
    /// Connect again, with the same handler, after this time.
    pub(super) reconnect: Mutex<Option<Duration>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Endpoint {
    pub(super) fn server(service: &Service, host: &str, port: u16) -> Result<Endpoint> {
        let role = ServerRole {
            state: Mutex::new(ServerState { life: Life::Stopped, run: None, native_handle: -1 }),
            started: AtomicBool::new(false),
            home: service.next_loop(),
            port: AtomicU16::new(port),
            current_sessions: AtomicU64::new(0),
            sessions: (0..service.threads()).map(|_| Mutex::default()).collect(),
            addresses: Mutex::default(),
        };
        Endpoint::new(service, host, port, Options::new(false), Role::Server(role))
    }

    pub(super) fn client(service: &Service, host: &str, port: u16) -> Result<Endpoint> {
        if port == 0 {
            return Err(Error::argument("a client needs the port of its server, not 0"));
        }
        let role = Role::Client(ClientRole::default());
        Endpoint::new(service, host, port, Options::new(true), role)
    }

    fn new(
        service: &Service,
        host: &str,
        port: u16,
        options: Options,
        role: Role,
    ) -> Result<Endpoint> {
        let host = host.trim().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains('\0') {
            return Err(Error::argument(
                "the address is empty or has a zero byte; give a name, an IPv4 or an IPv6 address",
            ));
        }
        Ok(Endpoint {
            service: service.clone(),
            host: host.to_owned(),
            port,
            options,
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            role,
        })
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

    /// The name for messages, such as `[::1]:80`.
    pub(super) fn name(&self, port: u16) -> String {
        if self.host.contains(':') {
            format!("[{}]:{port}", self.host)
        } else {
            format!("{}:{port}", self.host)
        }
    }

    pub(super) fn reset_counters(&self) {
        self.bytes_sent.store(0, Ordering::Relaxed);
        self.bytes_received.store(0, Ordering::Relaxed);
    }

    /// Counts a new session in, or tells the limit that is in its way.
    pub(super) fn admit(&self, peer: IpAddr) -> Result<()> {
        let server = self.as_server();
        let current = server.current_sessions.load(Ordering::Relaxed);
        if let Some(limit) = self.options.limit(SocketOption::SessionLimit)
            && current >= limit as u64
        {
            return Err(Error::limit(format!(
                "the session limit of {limit} is reached; further connections are closed at once"
            )));
        }
        if let Some(limit) = self.options.limit(SocketOption::SessionLimitPerAddress) {
            let mut addresses = lock(&server.addresses);
            let count = addresses.entry(peer).or_insert(0);
            if *count >= limit as u64 {
                return Err(Error::limit(format!(
                    "the limit of {limit} sessions per address is reached by {peer}; its further \
                     connections are closed at once"
                )));
            }
            *count += 1;
        }
        server.current_sessions.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Counts a session out.
    pub(super) fn discharge(&self, peer: Option<IpAddr>) {
        let server = self.as_server();
        server.current_sessions.fetch_sub(1, Ordering::Relaxed);
        let mut addresses = lock(&server.addresses);
        if let Some(count) = peer.and_then(|peer| addresses.get_mut(&peer)) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&peer.expect("it has a count"));
            }
        }
    }
}

impl ServerRole {
    pub(super) fn state(&self) -> MutexGuard<'_, ServerState> {
        lock(&self.state)
    }

    /// The sessions of each loop.
    pub(super) fn each_loop(&self) -> impl Iterator<Item = (usize, MutexGuard<'_, Vec<Session>>)> {
        self.sessions.iter().map(lock).enumerate()
    }

    /// Adds a session to its loop's list.
    pub(super) fn enlist(&self, session: &Session) {
        let mut sessions = lock(&self.sessions[session.0.loop_index as usize]);
        session.0.place.store(sessions.len() as u32, Ordering::Relaxed);
        sessions.push(session.clone());
    }

    /// Removes a session from its loop's list.
    pub(super) fn delist(&self, session: &Session) {
        let mut sessions = lock(&self.sessions[session.0.loop_index as usize]);
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
}
