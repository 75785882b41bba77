//! A socket without its handles: the lock, and what has to be done after it is given back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Instant;

use super::callbacks::Callbacks;
use super::hidden::Hidden;
use super::options::Options;
use super::pattern::{ContextId, OWN, Wake, pattern};
use super::pipes::Pipes;
use super::protocol::Protocol;
use super::random;
use super::socket::{Owner, Socket};
use super::state::{Life, State};
use super::statistics::Statistics;
use super::waiting::{Waiting, Wakes};
use super::watching::Watches;
use crate::error::Result;
use crate::net::{AtOnce, LARGE, Service};

pub(crate) struct Core {
    pub(super) id: u64,
    pub(super) protocol: Protocol,
    pub(super) raw: bool,
    state: Mutex<State>,
    /// The service that the user gave, if one was given.
    given: Option<Service>,
    hidden: OnceLock<Arc<Hidden>>,
    owner: OnceLock<Weak<Owner>>,
    me: Weak<Core>,
    born: Instant,
}

/// Whether what the pattern does depends on the time.
fn is_timed(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Request | Protocol::Surveyor)
}

/// Whether received messages only wait for the user, so that they may be fetched by a receive.
pub(super) fn fetches(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Pair | Protocol::Subscriber | Protocol::Pull | Protocol::Bus)
}

impl Core {
    pub(super) fn new(protocol: Protocol, raw: bool, given: Option<Service>) -> Arc<Core> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let options = Options::new();
        let state = State {
            life: Life::Open,
            never_blocks: false,
            interruptions: 0,
            pattern: pattern(protocol, raw, random::word()),
            pipes: Pipes::new(options.rules(), random::word()),
            options,
            statistics: Statistics::default(),
            endpoints: HashMap::new(),
            next_endpoint: 1,
            receivers: Waiting::default(),
            senders: Waiting::default(),
            ends: Waiting::default(),
            contexts: HashMap::new(),
            wakes: Wakes::default(),
            callbacks: Callbacks::default(),
            watches: Watches::default(),
            locals: Vec::new(),
            eager: !fetches(protocol),
            lingering: 0,
            timer_at: None,
            tls: None,
        };
        Arc::new_cyclic(|me| Core {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            protocol,
            raw,
            state: Mutex::new(state),
            given,
            hidden: OnceLock::new(),
            owner: OnceLock::new(),
            me: me.clone(),
            born: Instant::now(),
        })
    }

    pub(super) fn set_owner(&self, owner: &Arc<Owner>) {
        let _ = self.owner.set(Arc::downgrade(owner));
    }

    /// A handle, unless the last one is gone.
    pub(super) fn socket(&self) -> Option<Socket> {
        self.owner.get()?.upgrade().map(Socket)
    }

    /// The service that runs the connections: the given one, or the one that the sockets of the
    /// process share.
    pub(crate) fn service(&self) -> Result<Service> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        if let Some(hidden) = self.hidden.get() {
            return Ok(hidden.service());
        }
        let hidden = Hidden::share()?;
        Ok(self.hidden.get_or_init(|| hidden).service())
    }

    /// The time, for patterns that depend on it.
    #[inline(always)]
    pub(super) fn now(&self) -> Instant {
        if is_timed(self.protocol) { Instant::now() } else { self.born }
    }

    /// The time for what is received. It matters to surveys only.
    #[inline(always)]
    pub(super) fn receive_time(&self) -> Instant {
        if self.protocol == Protocol::Surveyor { Instant::now() } else { self.born }
    }

    #[inline(always)]
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        debug_assert!(state.wakes.is_empty(), "whoever is to be woken was forgotten");
        state
    }

    /// Changes the state, and then does what follows from it.
    pub(super) fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        self.leave(state);
        result
    }

    /// Gives the lock back, and does what follows from the change: wakes those who have waited for
    /// it, lets peers in this process see it, sets the timer, asks for callbacks, and tells those
    /// who watch.
    #[inline(always)]
    pub(super) fn leave(&self, state: MutexGuard<'_, State>) {
        self.leave_to(state, true);
    }

    /// The same; callbacks are asked for or left to the caller.
    #[inline(always)]
    pub(super) fn leave_to(&self, mut state: MutexGuard<'_, State>, asks: bool) {
        let attended = state.pipes.take_attended();
        let timer = self.timer(&mut state);
        let needs_callbacks = asks && state.needs_callbacks(self);
        if needs_callbacks {
            self.mark_posted(&mut state);
        }
        let due = state.watches.take_due();
        if !due.is_empty() {
            self.update_eager(&mut state);
        }
        let wakes = state.wakes.take();
        drop(state);
        if let Some(wakes) = wakes {
            wakes.deliver();
        }
        if let Some(attended) = attended {
            attended.attend();
        }
        if !due.is_empty() {
            self.post_due(due);
        }
        if timer.is_some() || needs_callbacks {
            self.ask_loop(timer, needs_callbacks);
        }
    }

    #[cold]
    fn ask_loop(&self, timer: Option<Instant>, needs_callbacks: bool) {
        let Some(core) = self.me.upgrade() else { return };
        if let Some(at) = timer {
            core.set_timer(at);
        }
        if needs_callbacks {
            core.post_callbacks();
        }
    }

    /// When a timer has to be set, if one is needed before the one that is set. A receive that
    /// blocks watches the deadline of its survey itself.
    #[inline(always)]
    fn timer(&self, state: &mut State) -> Option<Instant> {
        if !is_timed(self.protocol) || state.life != Life::Open {
            return None;
        }
        let is_told = state.callbacks.present() || state.watches.await_messages();
        if self.protocol == Protocol::Surveyor && !is_told {
            return None;
        }
        let deadline = state.pattern.deadline()?;
        if state.timer_at.is_some_and(|at| at <= deadline) {
            return None;
        }
        state.timer_at = Some(deadline);
        Some(deadline)
    }

    fn set_timer(self: &Arc<Core>, at: Instant) {
        let core = Arc::downgrade(self);
        let Ok(service) = self.service() else { return };
        let delay = at.saturating_duration_since(Instant::now());
        service.timer(delay, move || {
            if let Some(core) = core.upgrade() {
                core.expire(at);
            }
        });
    }

    /// The time of a timer has come.
    fn expire(self: &Arc<Core>, at: Instant) {
        self.with(|state| {
            if state.timer_at == Some(at) {
                state.timer_at = None;
            }
            let now = self.now();
            if state.life == Life::Open
                && state.pattern.deadline().is_some_and(|deadline| deadline <= now)
            {
                for context in state.pattern.expire(&mut state.pipes, now) {
                    state.wake(Wake::Context(context));
                }
                state.wake_senders();
            }
        });
        self.run_callbacks();
    }

    /// Whether the thread that sends a message of that size writes it itself. The socket may send one
    /// message and then wait for one, so that nothing comes to join it, unless more questions wait
    /// for answers; or the message is so large that it had better not be copied, and goes to one
    /// peer only.
    pub(super) fn sends_at_once(&self, state: &State, context: ContextId, size: usize) -> AtOnce {
        match self.protocol {
            Protocol::Publisher | Protocol::Surveyor | Protocol::Bus => AtOnce::No,
            _ if size >= LARGE => AtOnce::Everywhere,
            Protocol::Request if !self.raw && context == OWN => AtOnce::Everywhere,
            Protocol::Reply if !self.raw && context == OWN => {
                match state.pattern.can_receive(OWN, self.receive_time()) {
                    true => AtOnce::Elsewhere,
                    false => AtOnce::Everywhere,
                }
            }
            _ => AtOnce::No,
        }
    }

    /// Which exchanges have a queue of their own to wait at.
    pub(super) fn waits_apart(&self, context: u32) -> bool {
        context != OWN && is_timed(self.protocol)
    }
}
