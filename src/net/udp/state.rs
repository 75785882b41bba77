//! What the handles of an endpoint share with its loop.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::core::Core;
use super::super::endpoint::{Counter, Life};
use super::super::options::{Options, Use};
use super::super::remote::Remote;
use super::super::{Reason, SendPolicy, SocketOption};
use super::Group;
use crate::error::{Error, Result};
use crate::reactor::datagrams::{self, DatagramQueue, Interface, UdpSocket, Version};
use crate::reactor::slots::Key;
use crate::reactor::sys::LentSocket;

/// Which end of the conversation an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Has an address that others know.
    Server,
    /// Knows the address of another.
    Client,
}

pub(crate) struct UdpInner {
    pub(super) core: Arc<Core>,
    loop_index: usize,
    pub(super) role: Role,
    /// The own address of a server, the peer's of a client.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) options: Options,
    pub(super) started: AtomicBool,
    /// A stop was asked for: nothing is delivered to the handler any more.
    pub(super) quiet: AtomicBool,
    /// The own port in use; that of the configuration while there is none.
    pub(super) local_port: AtomicU16,
    pub(super) datagrams_sent: Counter,
    pub(super) datagrams_received: Counter,
    pub(super) bytes_sent: Counter,
    pub(super) bytes_received: Counter,
    /// Datagrams that the system has lost because nobody took them in time.
    pub(super) lost: Counter,
    /// Datagrams that were accepted, or refused for the limit, and did not leave.
    pub(super) dropped: AtomicU64,
    pub(super) pending: AtomicUsize,
    pub(super) waiting: AtomicUsize,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) life: Life,
    /// Counts starts, so that what belongs to an earlier one is told apart.
    pub(super) run: u64,
    pub(super) stop: Option<Stop>,
    /// Where the endpoint is in its loop, [`Key::NONE`] while it is nowhere.
    pub(super) key: Key,
    /// The loop knows that it has to look here.
    pub(super) scheduled: bool,
    pub(super) queue: DatagramQueue,
    pub(super) changes: Vec<GroupChange>,
    pub(super) open: Option<Open>,
    /// Where datagrams go that name no address.
    pub(super) destination: Option<SocketAddr>,
    /// The own address of a client.
    pub(super) local: Option<SocketAddr>,
    pub(super) interface: Interface,
}

/// The end of a run that was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    pub(super) run: u64,
    pub(super) reason: Reason,
    pub(super) restart: bool,
}

pub(super) struct GroupChange {
    pub(super) group: Group,
    pub(super) join: bool,
}

/// An open socket, as the handles see it.
pub(super) struct Open {
    /// The loop takes it away, under the lock, before it closes it.
    pub(super) socket: LentSocket,
    pub(super) version: Version,
    pub(super) local: SocketAddr,
    pub(super) peer: Option<SocketAddr>,
    /// The system itself keeps the datagrams of others away.
    pub(super) connected: bool,
}

impl UdpInner {
    pub(super) fn new(core: &Arc<Core>, role: Role, host: &str, port: u16) -> UdpInner {
        UdpInner {
            core: Arc::clone(core),
            loop_index: core.next_loop(),
            role,
            host: host.to_owned(),
            port,
            options: Options::new(Use::Datagrams),
            started: AtomicBool::new(false),
            quiet: AtomicBool::new(false),
            local_port: AtomicU16::new(if role == Role::Server { port } else { 0 }),
            datagrams_sent: Counter::default(),
            datagrams_received: Counter::default(),
            bytes_sent: Counter::default(),
            bytes_received: Counter::default(),
            lost: Counter::default(),
            dropped: AtomicU64::new(0),
            pending: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            state: Mutex::new(State {
                life: Life::Stopped,
                run: 0,
                stop: None,
                key: Key::NONE,
                scheduled: false,
                queue: DatagramQueue::default(),
                changes: Vec::new(),
                open: None,
                destination: None,
                local: None,
                interface: Interface::Default,
            }),
        }
    }

    #[inline(always)]
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn remote(&self) -> &Remote {
        self.core.remote(self.loop_index)
    }

    /// Tells the loop to look here.
    #[inline(always)]
    pub(super) fn schedule(&self, mut state: MutexGuard<'_, State>) {
        if state.scheduled || state.key == Key::NONE {
            return;
        }
        state.scheduled = true;
        let key = state.key;
        drop(state);
        self.remote().schedule(key);
    }

    /// Binds to the first address that allows it.
    pub(super) fn bind(
        &self,
        addresses: &[SocketAddr],
        interface: Interface,
    ) -> Result<(UdpSocket, SocketAddr)> {
        let options = self.options.datagrams(interface);
        let mut failure = None;
        for address in addresses {
            let bound = datagrams::bind(*address, &options)
                .and_then(|socket| Ok((socket.local_addr()?, socket)));
            match bound {
                Ok((local, socket)) => return Ok((socket, local)),
                Err(error) => failure = Some((address, error)),
            }
        }
        let Some((address, error)) = failure else {
            return Err(Error::resolver(format!("the host {:?} has no address", self.host)));
        };
        if options.reuse_port && error.kind() == std::io::ErrorKind::Unsupported {
            return Err(Error::unsupported(
                "this system has no SO_REUSEPORT; leave the option ReusePort off",
            ));
        }
        Err(Error::system(format!("cannot open a UDP socket on {address}"), &error))
    }

    /// Counts are those of the run that begins.
    pub(super) fn reset_counters(&self) {
        for counter in [
            &self.datagrams_sent,
            &self.datagrams_received,
            &self.bytes_sent,
            &self.bytes_received,
            &self.lost,
        ] {
            counter.reset();
        }
        self.dropped.store(0, Ordering::Relaxed);
    }

    /// Makes room for one more datagram as the policy says, or fails.
    #[inline(always)]
    pub(super) fn admit(&self, state: &mut State, size: usize) -> Result<()> {
        let limit = self.options.limit(SocketOption::SendLimit).unwrap_or(usize::MAX);
        if self.fits(size, limit) { Ok(()) } else { self.make_room(state, size, limit) }
    }

    #[inline(always)]
    fn fits(&self, size: usize, limit: usize) -> bool {
        let pending = self.pending.load(Ordering::Relaxed) + size;
        let waiting = self.waiting.load(Ordering::Relaxed) + 1;
        cost(pending, waiting) <= limit
    }

    #[cold]
    fn make_room(&self, state: &mut State, size: usize, limit: usize) -> Result<()> {
        let policy = self.options.send_policy();
        let fits_alone = cost(size, 1) <= limit;
        if policy == SendPolicy::DropOldest && fits_alone {
            while !self.fits(size, limit) {
                let Some(dropped) = state.queue.drop_oldest() else { break };
                self.pending.fetch_sub(dropped, Ordering::Relaxed);
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            if self.fits(size, limit) {
                return Ok(());
            }
        }
        self.dropped.fetch_add(1, Ordering::Relaxed);
        if policy == SendPolicy::Disconnect && state.life == Life::Started {
            state.life = Life::Stopping;
            state.stop = Some(Stop { run: state.run, reason: Reason::Limit, restart: false });
            self.quiet.store(true, Ordering::Release);
        }
        if !fits_alone {
            return Err(Error::limit(format!(
                "a datagram of {size} bytes alone passes the send limit of {limit}; raise the limit"
            )));
        }
        Err(Error::limit(format!(
            "{} datagrams of {} bytes wait to be sent and one of {size} more would pass the send \
             limit of {limit}; go on after on_empty, or raise the limit",
            self.waiting.load(Ordering::Relaxed),
            self.pending.load(Ordering::Relaxed),
        )))
    }
}

/// What datagrams count for the limit.
fn cost(pending: usize, waiting: usize) -> usize {
    pending.saturating_add(waiting.saturating_mul(DatagramQueue::OVERHEAD))
}
