//! Connections between sockets of one process: what one sends, the other has at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use super::connections::End;
use super::core::{Core, fetches};
use super::endpoint::EndpointControl;
use super::header::Header;
use super::message::Message;
use super::names;
use super::pipe::Pipe;
use super::pipes::{OVERHEAD, PipeKey};
use super::state::State;
use super::{Protocol, SpOption};
use crate::error::Result;
use crate::net::{Body, Flushes};

/// Messages that are taken out together.
const BATCH: usize = 256;

/// A socket with more connections than these within the process has what they bring looked at when
/// it is sent: asking all of them with each receive would cost more.
const FEW: usize = 8;

/// What addresses of such connections begin with.
const SCHEME: &str = "inproc://";

/// One direction of a connection.
struct Direction {
    messages: VecDeque<Message>,
    bytes: usize,
    most_bytes: usize,
    most_messages: usize,
    /// The sender was told that there is enough.
    full: bool,
    /// Nothing more comes.
    closed: bool,
}

type Shared = Arc<Mutex<Direction>>;

impl Direction {
    /// Its limits are those of the sender.
    fn from(core: &Core) -> Shared {
        let options = &core.lock().options;
        Arc::new(Mutex::new(Direction {
            messages: VecDeque::new(),
            bytes: 0,
            most_bytes: options.limit(SpOption::SendBuffer),
            most_messages: options.limit(SpOption::SendMessages),
            full: false,
            closed: false,
        }))
    }

    fn push(&mut self, message: Message) -> bool {
        self.bytes += message.len() + OVERHEAD;
        self.messages.push_back(message);
        self.full = self.bytes >= self.most_bytes || self.messages.len() >= self.most_messages;
        !self.full
    }

    /// Takes messages out until there is no room for more. Whether the sender may go on with that.
    fn take(&mut self, batch: &mut Vec<Message>, (room, most): (usize, usize)) -> bool {
        let mut taken = 0;
        while batch.len() < most.min(BATCH)
            && taken < room
            && let Some(message) = self.messages.pop_front()
        {
            taken += message.len() + OVERHEAD;
            batch.push(message);
        }
        self.bytes -= taken;
        self.full
            && self.bytes <= self.most_bytes / 2
            && self.messages.len() <= self.most_messages / 2
            && std::mem::take(&mut self.full)
    }
}

/// One end of a connection.
pub(super) struct LocalPipe {
    name: Arc<str>,
    core: Weak<Core>,
    key: OnceLock<PipeKey>,
    peer: OnceLock<Weak<LocalPipe>>,
    out: Shared,
    into: Shared,
    /// Whether the peer wants to look at each message when it is sent.
    peer_is_eager: Arc<AtomicBool>,
    /// There is something that the peer has to see in any case.
    news: AtomicBool,
    /// This end has taken enough for a while, and goes on.
    resumed: AtomicBool,
    /// The connection is over.
    ended: AtomicBool,
}

fn lock(direction: &Mutex<Direction>) -> MutexGuard<'_, Direction> {
    direction.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether two sockets were connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connected {
    Yes,
    /// One of them has no place for the other.
    No,
}

/// Both ends of a connection to be.
pub(super) fn pair(
    name: &Arc<str>,
    listener: &Arc<Core>,
    dialer: &Arc<Core>,
) -> (Arc<LocalPipe>, Arc<LocalPipe>) {
    let (there, back) = (Direction::from(dialer), Direction::from(listener));
    let end = |core: &Arc<Core>, peer: &Arc<Core>, out: &Shared, into: &Shared| {
        Arc::new(LocalPipe {
            name: Arc::clone(name),
            core: Arc::downgrade(core),
            key: OnceLock::new(),
            peer: OnceLock::new(),
            out: Arc::clone(out),
            into: Arc::clone(into),
            peer_is_eager: Arc::clone(&peer.eager),
            news: AtomicBool::new(false),
            resumed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        })
    };
    let (accepted, dialed) =
        (end(listener, dialer, &back, &there), end(dialer, listener, &there, &back));
    let _ = accepted.peer.set(Arc::downgrade(&dialed));
    let _ = dialed.peer.set(Arc::downgrade(&accepted));
    (accepted, dialed)
}

/// Connects a listener and a dialer. To be called without any lock.
pub(super) fn connect(
    (listener, accepted): (u32, &Arc<LocalPipe>),
    (dialer, dialed): (u32, &Arc<LocalPipe>),
) -> Connected {
    let attach = |endpoint: u32, pipe: &Arc<LocalPipe>| {
        let core = pipe.core.upgrade()?;
        let key = core.attach(endpoint, Arc::clone(pipe) as Arc<dyn Pipe>)?;
        let _ = pipe.key.set(key);
        core.with(|state| {
            if state.pipes.traits(key).is_some() {
                // The last time, should this be one too many: from now on all is looked at.
                core.fetch(state);
                state.locals.push((key, Arc::clone(pipe)));
                core.update_eager(state);
            }
        });
        Some(())
    };
    if attach(listener, accepted).and_then(|()| attach(dialer, dialed)).is_none() {
        accepted.shut();
        // It goes again, and has made no place that was not there before.
        accepted.catch_up();
        return Connected::No;
    }
    // What was sent before both were there.
    accepted.look();
    dialed.look();
    Connected::Yes
}

impl LocalPipe {
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn shut(&self) {
        self.ended.store(true, Ordering::Release);
        let peer = self.peer.get().and_then(Weak::upgrade);
        peer.inspect(|peer| peer.ended.store(true, Ordering::Release));
        lock(&self.out).closed = true;
        lock(&self.into).closed = true;
    }

    /// Takes what has come. Whether that was anything.
    fn take_in(&self, core: &Core, state: &mut State, key: PipeKey) -> bool {
        let most_hops = state.options.get(SpOption::MaxHops) as usize;
        let mut batch = std::mem::take(&mut state.scratch);
        let (mut any, mut peer_may_send) = (false, false);
        while let Some(room) = state.pipes.room(key) {
            peer_may_send |= lock(&self.into).take(&mut batch, room);
            if batch.is_empty() {
                break;
            }
            any = true;
            for message in batch.drain(..) {
                if message.header().len() > most_hops + 1 {
                    state.pipes.dropped += 1;
                } else {
                    core.received_locked(state, key, message);
                }
            }
        }
        state.scratch = batch;
        if peer_may_send {
            self.news.store(true, Ordering::Release);
            state.pipes.attend(key);
        }
        any
    }

    /// Catches up with the peer. When that is gone, there is a place for another one.
    fn look(&self) {
        if self.catch_up() {
            names::rematch(&self.name);
            if let Some(core) = self.core.upgrade() {
                core.offer_place();
            }
        }
    }

    /// Takes what has come, and sees whether there is room again. Whether the peer is gone.
    fn catch_up(&self) -> bool {
        let (Some(core), Some(key)) = (self.core.upgrade(), self.key.get()) else { return false };
        core.with(|state| {
            if state.pipes.traits(*key).is_none() {
                return false;
            }
            self.take_in(&core, state, *key);
            if !lock(&self.out).full {
                core.writable_locked(state, *key);
            }
            let into = lock(&self.into);
            let is_over = into.closed && into.messages.is_empty();
            drop(into);
            if is_over {
                core.detach_locked(state, *key, End::Broken);
            }
            is_over
        })
    }
}

impl Core {
    pub(super) fn set_eager(&self, eager: bool) {
        self.eager.store(eager, Ordering::Relaxed);
        // Before this side looks for messages: a sender looks for this after each of them.
        fence(Ordering::SeqCst);
    }

    /// Somebody waits for messages, or nobody does any more.
    pub(super) fn update_eager(&self, state: &State) {
        let awaits = state.callbacks.await_messages()
            || state.receivers.is_blocked()
            || state.watches.await_messages();
        let eager = !fetches(self.protocol)
            || state.locals.len() > FEW
            || (awaits && !state.locals.is_empty());
        if eager != self.eager.load(Ordering::Relaxed) {
            self.set_eager(eager);
        }
    }

    /// A connection is gone. Where there is a place for one only, those within the process who were
    /// refused may have it. To be called without any lock.
    pub(super) fn offer_place(&self) {
        if self.protocol != Protocol::Pair {
            return;
        }
        let names: Vec<Arc<str>> = {
            let state = self.lock();
            let addresses = state.endpoints.values().map(|entry| &entry.address);
            addresses.filter_map(|address| address.strip_prefix(SCHEME)).map(Arc::from).collect()
        };
        for name in &names {
            names::rematch(name);
        }
    }

    /// Takes in what was sent within the process and not looked at. Whether there was anything.
    #[inline]
    pub(super) fn fetch(&self, state: &mut State) -> bool {
        if !(1..=FEW).contains(&state.locals.len()) || !fetches(self.protocol) {
            return false;
        }
        let locals = std::mem::take(&mut state.locals);
        let mut any = false;
        for (key, pipe) in &locals {
            any |= pipe.take_in(self, state, *key);
        }
        state.locals = locals;
        any
    }
}

impl Pipe for LocalPipe {
    fn send(&self, header: &[u32], body: Body<'_>, _flushes: &mut Flushes) -> Option<bool> {
        let mut out = lock(&self.out);
        if out.closed {
            return None;
        }
        let accepts_more = out.push(Message::with_header(Header::from(header), body));
        if !accepts_more {
            self.news.store(true, Ordering::Release);
        }
        Some(accepts_more)
    }

    fn pause(&self) {}

    fn resume(&self) {
        self.resumed.store(true, Ordering::Release);
    }

    fn close(&self, _linger: Duration) -> bool {
        self.shut();
        self.news.store(true, Ordering::Release);
        false
    }

    fn needs_attention(&self) -> bool {
        // Behind what was sent: a receiver that waits says so before it looks for messages.
        fence(Ordering::SeqCst);
        self.peer_is_eager.load(Ordering::Relaxed)
            || self.news.load(Ordering::Acquire)
            || self.resumed.load(Ordering::Acquire)
    }

    fn attend(&self) {
        self.news.store(false, Ordering::Release);
        if let Some(peer) = self.peer.get().and_then(Weak::upgrade) {
            peer.look();
        }
        if self.resumed.swap(false, Ordering::AcqRel) {
            self.look();
        }
        if self.has_ended() {
            names::rematch(&self.name);
        }
    }
}

struct LocalEndpoint {
    name: Arc<str>,
    core: u64,
    endpoint: u32,
}

impl EndpointControl for LocalEndpoint {
    fn close(&self) {
        names::remove(&self.name, self.core, self.endpoint);
    }
}

/// Listens to a name, or dials it. Whom it fits to is connected when this returns.
pub(super) fn open(
    core: &Arc<Core>,
    endpoint: u32,
    name: &str,
    dials: bool,
) -> Result<Arc<dyn EndpointControl>> {
    let name: Arc<str> = Arc::from(name);
    names::add(&name, core, endpoint, dials)?;
    names::rematch(&name);
    Ok(Arc::new(LocalEndpoint { name, core: core.id, endpoint }))
}

/// Whether two sockets may be connected.
pub(super) fn fit(one: Protocol, other: Protocol) -> bool {
    one.peer() == other
}
