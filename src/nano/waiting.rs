//! Threads that are blocked in a call.

use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::SpOption;
use super::options::Options;

/// How long a call may block.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    /// Not at all.
    No,
    /// As long as this option says.
    AsSet(SpOption),
    /// Until then; the timeout is for the error.
    Until(Instant, Duration),
    ForEver,
}

impl Wait {
    /// What that comes to for a call that would block now.
    pub(crate) fn resolve(self, options: &Options) -> Wait {
        match self {
            Wait::AsSet(option) => Wait::up_to(options.timeout(option)),
            wait => wait,
        }
    }

    /// `None` blocks for as long as it takes.
    pub(crate) fn up_to(timeout: Option<Duration>) -> Wait {
        timeout.map_or(Wait::ForEver, |timeout| {
            let end = Instant::now().checked_add(timeout);
            end.map_or(Wait::ForEver, |end| Wait::Until(end, timeout))
        })
    }

    pub(crate) fn end(self) -> Option<Instant> {
        match self {
            Wait::Until(end, _) => Some(end),
            _ => None,
        }
    }
}

/// How many threads wait at one condition. A wake-up is a system call, so there is one for each
/// thread that has something to do, and none for threads that are on their way already.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    blocked: usize,
    woken: usize,
}

impl Waiting {
    /// Whether a thread waits.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked > 0
    }

    /// Wakes one more thread, if there is one.
    pub(crate) fn wake_one(&mut self, condition: &Condvar) {
        if self.blocked > self.woken {
            self.woken += 1;
            condition.notify_one();
        }
    }

    pub(crate) fn wake_all(&mut self, condition: &Condvar) {
        if self.blocked > self.woken {
            self.woken = self.blocked;
            condition.notify_all();
        }
    }
}

/// Waits at a condition, until woken or until the end. It may also be for nothing.
pub(crate) fn wait<'a, T>(
    mut state: MutexGuard<'a, T>,
    condition: &Condvar,
    end: Option<Instant>,
    waiting: impl Fn(&mut T) -> Option<&mut Waiting>,
) -> MutexGuard<'a, T> {
    if let Some(waiting) = waiting(&mut state) {
        waiting.blocked += 1;
    }
    state = match end {
        None => condition.wait(state).unwrap_or_else(PoisonError::into_inner),
        Some(end) => {
            let rest = end.saturating_duration_since(Instant::now());
            condition.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0
        }
    };
    if let Some(waiting) = waiting(&mut state) {
        waiting.blocked -= 1;
        waiting.woken = waiting.woken.saturating_sub(1);
    }
    state
}
