//! Timers of the user.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::core::Core;
use super::handler;
use super::handler::drop_guarded;
use super::remote::Operation;
use super::worker::{Due, Worker};
use crate::reactor::timers::TimerKey;

/// A one-shot or repeating timer of a service, made by [`Service::timer`](super::Service::timer)
/// and [`Service::timer_repeating`](super::Service::timer_repeating). Dropping the handle does not
/// cancel it.
#[derive(Clone)]
pub struct Timer(pub(crate) Arc<TimerInner>);

pub(crate) struct TimerInner {
    core: Arc<Core>,
    /// The callback may still run.
    armed: AtomicBool,
    key: Mutex<Option<TimerKey>>,
}

/// The code of a timer.
pub(super) enum Callback {
    Once(Box<dyn FnOnce() + Send>),
    Repeating { interval: Duration, call: Box<dyn FnMut() + Send> },
}

/// What the loop keeps of a timer.
pub(super) struct UserTimer {
    inner: Arc<TimerInner>,
    at: Instant,
    callback: Callback,
}

impl Timer {
    pub(super) fn start(core: &Arc<Core>, delay: Duration, callback: Callback) -> Timer {
        let inner = Arc::new(TimerInner {
            core: Arc::clone(core),
            armed: AtomicBool::new(true),
            key: Mutex::new(None),
        });
        let at = later(Instant::now(), delay);
        let timer = UserTimer { inner: Arc::clone(&inner), at, callback };
        core.remote(0).post(Operation::AddTimer(Box::new(timer)));
        Timer(inner)
    }

    /// Cancels the timer; its closure is dropped by the loop. On the loop thread, also inside the
    /// timer's own callback, it never runs after this. Returns `false` when a one-shot timer has
    /// fired or the timer was cancelled before.
    pub fn cancel(&self) -> bool {
        let cancelled = self.0.armed.swap(false, Ordering::AcqRel);
        if cancelled {
            // Keeps nothing in a queue that nobody takes any more.
            let _owner = self.0.core.service();
            self.0.core.remote(0).post(Operation::CancelTimer(Arc::clone(&self.0)));
        }
        cancelled
    }
}

/// When a delay is over. One beyond what the clock can tell is never over.
pub(super) fn later(now: Instant, delay: Duration) -> Instant {
    now.checked_add(delay).unwrap_or(now + Duration::from_secs(1 << 32))
}

impl TimerInner {
    fn set_key(&self, key: Option<TimerKey>) -> Option<TimerKey> {
        let mut place = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, key)
    }
}

/// The next time of a timer that was due at `at` and fires at `now`: a multiple of the interval
/// after the last, so that delays do not add up. Times that a busy loop missed are left out, and
/// never is it the same turn again.
fn following(at: Instant, interval: Duration, now: Instant) -> Instant {
    let late = now.saturating_duration_since(at).as_nanos();
    let rest = match interval.as_nanos() {
        0 => 1,
        interval => interval - late % interval,
    };
    later(now, Duration::from_nanos(u64::try_from(rest).unwrap_or(u64::MAX)))
}

impl UserTimer {
    /// Drops a timer that will never fire.
    pub(super) fn give_up(self: Box<UserTimer>) {
        self.inner.armed.store(false, Ordering::Release);
        drop_guarded(self);
    }
}

impl Worker {
    /// Takes a timer in, or drops one that was cancelled on its way here.
    pub(super) fn add_timer(&mut self, timer: Box<UserTimer>) {
        if self.is_stopping() || !timer.inner.armed.load(Ordering::Acquire) {
            timer.give_up();
            return;
        }
        let inner = Arc::clone(&timer.inner);
        let key = self.timers.insert(timer.at, Due::User(timer));
        inner.set_key(Some(key));
    }

    /// Forgets a cancelled timer.
    pub(super) fn cancel_timer(&mut self, inner: &TimerInner) {
        if let Some(due) = inner.set_key(None).and_then(|key| self.timers.cancel(key)) {
            drop_guarded(due);
        }
    }

    /// Runs the callback of a timer whose time has come.
    pub(super) fn fire(&mut self, mut timer: Box<UserTimer>) {
        timer.inner.set_key(None);
        match &mut timer.callback {
            Callback::Once(_) => {
                if !timer.inner.armed.swap(false, Ordering::AcqRel) {
                    return drop_guarded(timer);
                }
                if let Callback::Once(call) = timer.callback {
                    self.report(handler::guard("a timer", call));
                }
            }
            Callback::Repeating { interval, call } => {
                if timer.inner.armed.load(Ordering::Acquire) {
                    self.report(handler::guard("a timer", call));
                    timer.at = following(timer.at, *interval, self.now);
                }
                self.add_timer(timer);
            }
        }
    }

    /// Drops all timers of the user, when the service stops.
    pub(super) fn drop_timers(&mut self) {
        let kept: Vec<_> = self.timers.take_if(|due| matches!(due, Due::User(_)));
        for due in kept {
            if let Due::User(timer) = due {
                timer.give_up();
            }
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let armed = self.0.armed.load(Ordering::Relaxed);
        formatter.debug_struct("Timer").field("armed", &armed).finish()
    }
}
