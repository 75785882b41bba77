//! Connections between sockets of one process: what one sends, the other has at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use super::connections::End;
use super::core::Core;
use super::endpoint::EndpointControl;
use super::header::Header;
use super::message::Message;
use super::names;
use super::pipe::Pipe;
use super::pipes::PipeKey;
use super::{Protocol, SpOption};
use crate::error::Result;
use crate::net::{Body, Flushes};

/// What a message counts beside its body.
const OVERHEAD: usize = 8;

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

impl Direction {
    /// Its limits are those of the sender.
    fn from(core: &Core) -> Arc<Mutex<Direction>> {
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

    /// Takes a message out. The flag is whether the sender may go on with that.
    fn pop(&mut self) -> Option<(Message, bool)> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.len() + OVERHEAD;
        let has_room =
            self.bytes <= self.most_bytes / 2 && self.messages.len() <= self.most_messages / 2;
        Some((message, has_room && std::mem::take(&mut self.full)))
    }
}

/// One end of a connection.
pub(super) struct LocalPipe {
    name: Arc<str>,
    core: Weak<Core>,
    key: OnceLock<PipeKey>,
    peer: OnceLock<Weak<LocalPipe>>,
    out: Arc<Mutex<Direction>>,
    into: Arc<Mutex<Direction>>,
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
    let end = |core: &Arc<Core>, out: &Arc<Mutex<Direction>>, into: &Arc<Mutex<Direction>>| {
        Arc::new(LocalPipe {
            name: Arc::clone(name),
            core: Arc::downgrade(core),
            key: OnceLock::new(),
            peer: OnceLock::new(),
            out: Arc::clone(out),
            into: Arc::clone(into),
            resumed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        })
    };
    let (accepted, dialed) = (end(listener, &back, &there), end(dialer, &there, &back));
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
        Some(())
    };
    let connected = attach(listener, accepted).and_then(|()| attach(dialer, dialed));
    if connected.is_none() {
        accepted.shut();
    }
    // What was sent before both were there, and the end if one of them is not.
    accepted.look();
    dialed.look();
    if connected.is_some() { Connected::Yes } else { Connected::No }
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

    /// Takes what has come, sees whether there is room again, and whether the peer is gone.
    fn look(&self) {
        let (Some(core), Some(key)) = (self.core.upgrade(), self.key.get()) else { return };
        let (mut peer_may_send, mut is_over) = (false, false);
        core.with(|state| {
            if state.pipes.traits(*key).is_none() {
                return;
            }
            let most_hops = state.options.get(SpOption::MaxHops) as usize;
            while !state.pipes.is_paused(*key)
                && let Some((message, has_room)) = lock(&self.into).pop()
            {
                peer_may_send |= has_room;
                if message.header().len() > most_hops + 1 {
                    state.pipes.dropped += 1;
                } else {
                    core.received_locked(state, *key, message);
                }
            }
            if !lock(&self.out).full {
                core.writable_locked(state, *key);
            }
            let into = lock(&self.into);
            is_over = into.closed && into.messages.is_empty();
            drop(into);
            if is_over {
                core.detach_locked(state, *key, End::Broken);
            }
        });
        if peer_may_send && let Some(peer) = self.peer.get().and_then(Weak::upgrade) {
            peer.look();
        }
        if is_over {
            names::rematch(&self.name);
        }
    }
}

impl Pipe for LocalPipe {
    fn send(&self, header: &[u32], body: Body<'_>, _flushes: &mut Flushes) -> Option<bool> {
        let mut out = lock(&self.out);
        if out.closed {
            return None;
        }
        Some(out.push(Message::with_header(Header::from(header), body)))
    }

    fn pause(&self) {}

    fn resume(&self) {
        self.resumed.store(true, Ordering::Release);
    }

    fn close(&self, _linger: Duration) -> bool {
        self.shut();
        false
    }

    fn is_local(&self) -> bool {
        true
    }

    fn attend(&self) {
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
