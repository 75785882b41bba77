//! Threads that are blocked in a call.

use std::sync::{Arc, Condvar, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::SpOption;
use super::options::Options;
use super::state::State;

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

/// The threads that wait for one thing. A wake-up is a system call, so there is one for each thread
/// that has something to do, and none for threads that are on their way already.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    condition: Arc<Condvar>,
    blocked: usize,
    woken: usize,
}

impl Waiting {
    /// Whether a thread waits.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked > 0
    }

    /// One more thread is to be woken, if there is one.
    #[inline(always)]
    pub(crate) fn wake_one(&mut self, wakes: &mut Wakes) {
        if self.blocked > self.woken {
            self.woken += 1;
            wakes.add(&self.condition, Count::One);
        }
    }

    #[inline(always)]
    pub(crate) fn wake_all(&mut self, wakes: &mut Wakes) {
        if self.blocked > self.woken {
            self.woken = self.blocked;
            wakes.add(&self.condition, Count::All);
        }
    }
}

#[derive(Debug)]
enum Count {
    One,
    All,
}

/// Threads to be woken when the lock is given back: one that is woken before would run into it, and
/// be put to sleep once more. There is mostly one, which needs no list.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    first: Option<(Arc<Condvar>, Count)>,
    more: Vec<(Arc<Condvar>, Count)>,
}

impl Wakes {
    #[cold]
    fn add(&mut self, condition: &Arc<Condvar>, count: Count) {
        let wake = (Arc::clone(condition), count);
        match self.first {
            None => self.first = Some(wake),
            Some(_) => self.more.push(wake),
        }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    #[inline(always)]
    pub(crate) fn take(&mut self) -> Option<Wakes> {
        (!self.is_empty()).then(|| std::mem::take(self))
    }

    /// Wakes them.
    pub(crate) fn deliver(self) {
        for (condition, count) in self.first.into_iter().chain(self.more) {
            match count {
                Count::One => condition.notify_one(),
                Count::All => condition.notify_all(),
            }
        }
    }
}

/// Waits until woken or until the end. It may also be for nothing.
pub(crate) fn wait<'a>(
    mut state: MutexGuard<'a, State>,
    end: Option<Instant>,
    select: impl Fn(&mut State) -> &mut Waiting,
) -> MutexGuard<'a, State> {
    if let Some(wakes) = state.wakes.take() {
        wakes.deliver();
    }
    let waiting = select(&mut state);
    waiting.blocked += 1;
    let condition = Arc::clone(&waiting.condition);
    state = match end {
        None => condition.wait(state).unwrap_or_else(PoisonError::into_inner),
        Some(end) => {
            let rest = end.saturating_duration_since(Instant::now());
            condition.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0
        }
    };
    let waiting = select(&mut state);
    waiting.blocked -= 1;
    waiting.woken = waiting.woken.saturating_sub(1);
    state
}
