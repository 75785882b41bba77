//! Connections between sockets of one process: what one sends, the other has at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use super::connections::End;
use super::core::{Core, fetches};
use super::endpoint::EndpointControl;
use super::header::Header;
use super::message::Message;
use super::names;
use super::pattern::OWN;
use super::pipe::Pipe;
use super::pipes::{OVERHEAD, PipeKey};
use super::state::State;
use super::{Protocol, SpOption};
use crate::error::Result;
use crate::net::{Body, Flushes};

/// Messages that are taken in together: few enough to be in the cache of the processor when the user
/// gets them.
const BATCH: usize = 64;

/// A socket with more connections than these within the process has what they bring looked at when
/// it is sent: asking all of them with each receive would cost more.
const FEW: usize = 8;

/// What addresses of such connections begin with.
const SCHEME: &str = "inproc://";

/// One direction of a connection, as the sender fills it.
struct Direction {
    messages: VecDeque<Message>,
    /// What counts against the limits, which is also what the receiver has only moved over to its
    /// [`Inflow`].
    bytes: usize,
    count: usize,
    most_bytes: usize,
    most_messages: usize,
    /// The sender was told that there is enough.
    full: bool,
    /// The receiver looks at each message when it is sent.
    watched: bool,
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
            count: 0,
            most_bytes: options.limit(SpOption::SendBuffer),
            most_messages: options.limit(SpOption::SendMessages),
            full: false,
            watched: true,
            closed: false,
        }))
    }

    fn push(&mut self, message: Message) -> bool {
        self.bytes += message.len() + OVERHEAD;
        self.count += 1;
        self.messages.push_back(message);
        self.full = self.bytes >= self.most_bytes || self.count >= self.most_messages;
        !self.full
    }

    /// The receiver has taken something in. Whether that lets the sender go on.
    fn release(&mut self, bytes: usize, count: usize) -> bool {
        self.bytes -= bytes;
        self.count -= count;
        self.full
            && self.bytes <= self.most_bytes / 2
            && self.count <= self.most_messages / 2
            && std::mem::take(&mut self.full)
    }

    fn is_over(&self) -> bool {
        self.closed && self.count == 0
    }
}

/// What the receiver has moved over from the sender: all at once, so that neither waits for the
/// other, and to be taken in bit by bit.
type Inflow = VecDeque<Message>;

/// One end of a connection.
pub(super) struct LocalPipe {
    name: Arc<str>,
    core: Weak<Core>,
    key: OnceLock<PipeKey>,
    peer: OnceLock<Weak<LocalPipe>>,
    out: Shared,
    into: Shared,
    /// Only used under the lock of the socket.
    inflow: Mutex<Inflow>,
    /// There is something that the peer has to see as soon as the lock of the socket is given back.
    news: AtomicBool,
    /// This end has taken enough for a while, and goes on.
    resumed: AtomicBool,
    /// The connection is over.
    ended: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    let end = |core: &Arc<Core>, out: &Shared, into: &Shared| {
        Arc::new(LocalPipe {
            name: Arc::clone(name),
            core: Arc::downgrade(core),
            key: OnceLock::new(),
            peer: OnceLock::new(),
            out: Arc::clone(out),
            into: Arc::clone(into),
            inflow: Mutex::default(),
            news: AtomicBool::new(false),
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
        core.with(|state| {
            if state.pipes.traits(key).is_some() {
                state.locals.push((key, Arc::clone(pipe)));
                lock(&pipe.into).watched = state.eager;
                core.update_eager(state);
                if state.locals.len() == FEW + 1 {
                    // From now on all is looked at when it is sent, but not what was sent before.
                    for (key, pipe) in state.locals.clone() {
                        pipe.take_in_all(&core, state, key);
                    }
                }
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

    /// Takes in what has come, but for what there is no room for.
    fn take_in_all(&self, core: &Core, state: &mut State, key: PipeKey) {
        while self.take_in(core, state, key) > 0 {}
    }

    /// Takes in a batch of what has come. Returns how many messages that were.
    fn take_in(&self, core: &Core, state: &mut State, key: PipeKey) -> usize {
        let Some((room, most)) = state.pipes.room(key) else { return 0 };
        let mut inflow = lock(&self.inflow);
        if inflow.is_empty() {
            std::mem::swap(&mut *inflow, &mut lock(&self.into).messages);
        }
        let most_words = state.options.get(SpOption::MaxHops) as usize + 1;
        let (mut bytes, mut count) = (0, 0);
        while bytes < room
            && count < most.min(BATCH)
            && let Some(message) = inflow.pop_front()
        {
            bytes += message.len() + OVERHEAD;
            count += 1;
            if message.header().len() > most_words {
                state.pipes.dropped += 1;
            } else {
                core.received_locked(state, key, message);
            }
        }
        let mut into = lock(&self.into);
        if into.count == count && inflow.capacity() > 4 * BATCH {
            // At rest it keeps little memory.
            *inflow = VecDeque::new();
        }
        if into.release(bytes, count) {
            self.news.store(true, Ordering::Release);
            state.pipes.attend(key);
        }
        count
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
            self.take_in_all(&core, state, *key);
            if !lock(&self.out).full {
                core.writable_locked(state, *key);
            }
            let is_over = lock(&self.into).is_over();
            if is_over {
                core.detach_locked(state, *key, End::Broken);
            }
            is_over
        })
    }
}

impl Core {
    /// Whoever sends within the process from now on, or no longer, looks after it. Who has sent
    /// before has not.
    pub(super) fn set_eager(&self, state: &mut State, eager: bool) {
        if eager != state.eager {
            state.eager = eager;
            state.locals.iter().for_each(|(_, pipe)| lock(&pipe.into).watched = eager);
        }
    }

    /// Somebody waits for messages, or nobody does any more.
    pub(super) fn update_eager(&self, state: &mut State) {
        let awaits = state.callbacks.await_messages()
            || state.receivers.is_blocked()
            || state.watches.await_messages();
        let eager = !fetches(self.protocol)
            || state.locals.len() > FEW
            || (awaits && !state.locals.is_empty());
        self.set_eager(state, eager);
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

    /// Looks for something to receive in what was sent within the process and not looked at.
    /// Whether there is something.
    #[inline]
    pub(super) fn fetch(&self, state: &mut State) -> bool {
        self.fetch_until(state, |state| state.pattern.can_receive(OWN, self.receive_time()))
    }

    /// Takes in everything that was sent within the process before this and not looked at.
    pub(super) fn fetch_all(&self, state: &mut State) {
        self.fetch_until(state, |_| false);
    }

    /// Takes in, by turns, what was sent before this until there is enough. Whether there is.
    #[inline]
    fn fetch_until(&self, state: &mut State, enough: impl Fn(&State) -> bool) -> bool {
        if !(1..=FEW).contains(&state.locals.len()) || !fetches(self.protocol) {
            return false;
        }
        let locals = std::mem::take(&mut state.locals);
        let mut unseen = [0; FEW];
        for (unseen, (_, pipe)) in unseen.iter_mut().zip(&locals) {
            *unseen = lock(&pipe.into).count;
        }
        let mut any = true;
        while any && !enough(state) {
            any = false;
            for (unseen, (key, pipe)) in unseen.iter_mut().zip(&locals).filter(|(n, _)| **n > 0) {
                let taken = pipe.take_in(self, state, *key);
                *unseen = if taken > 0 { unseen.saturating_sub(taken) } else { 0 };
                any |= taken > 0;
            }
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
        if !accepts_more || out.watched {
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
        self.news.load(Ordering::Acquire) || self.resumed.load(Ordering::Acquire)
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

#[cfg(test)]
mod tests {
    use super::super::Socket;
    use super::*;

    /// Two sockets that are connected by this name.
    fn connected(name: &str, listens: Protocol, dials: Protocol) -> (Socket, Socket) {
        let (listener, dialer) = (Socket::new(listens).unwrap(), Socket::new(dials).unwrap());
        listener.listen(&format!("inproc://{name}")).unwrap();
        dialer.dial(&format!("inproc://{name}")).unwrap();
        (listener, dialer)
    }

    /// Who sends without an end does not keep a receiver that holds its lock, and looks for
    /// something else.
    #[test]
    fn what_is_sent_while_a_receiver_looks_is_left_for_later() {
        let (subscriber, publisher) =
            connected("noise without an end", Protocol::Subscriber, Protocol::Publisher);
        subscriber.subscribe("news").unwrap();
        (0..3 * BATCH).for_each(|_| publisher.send("noise").unwrap());
        let looks = std::cell::Cell::new(0);
        let found = subscriber.core().with(|state| {
            subscriber.core().fetch_until(state, |_| {
                looks.set(looks.get() + 1);
                assert!(looks.get() < 100, "there is no end");
                (0..BATCH).for_each(|_| publisher.send("noise").unwrap());
                false
            })
        });
        assert!(!found);
        assert_eq!(looks.get(), 4, "three batches were there");
        publisher.send("news").unwrap();
        assert_eq!(*subscriber.try_receive().unwrap(), *b"news");
    }

    #[test]
    fn connections_at_rest_keep_little_memory() {
        let (pull, push) = connected("at rest", Protocol::Pull, Protocol::Push);
        for _ in 0..2 {
            (0..2000).for_each(|_| push.try_send("").unwrap());
            (0..2000).for_each(|_| drop(pull.try_receive().unwrap()));
            assert!(pull.try_receive().is_err());
        }
        let state = pull.core().lock();
        let capacity = lock(&state.locals[0].1.inflow).capacity();
        assert!(capacity <= 4 * BATCH, "{capacity}");
    }
}
