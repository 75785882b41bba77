//! Deadlines of one loop, in order.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// Names one deadline, to cancel it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    nanoseconds: NonZeroU64,
    number: u64,
}

/// An ordered set of deadlines. Adding, cancelling and firing take logarithmic time, and a
/// cancelled deadline leaves nothing behind.
pub(crate) struct Timers<T> {
    start: Instant,
    entries: BTreeMap<TimerKey, T>,
    next_number: u64,
}

impl<T> Timers<T> {
    pub(crate) fn new(start: Instant) -> Timers<T> {
        Timers { start, entries: BTreeMap::new(), next_number: 0 }
    }

    /// Remembers `due` for `at`. Deadlines at the same time fire in the order they were added.
    pub(crate) fn insert(&mut self, at: Instant, due: T) -> TimerKey {
        let since = at.saturating_duration_since(self.start).as_nanos();
        let nanoseconds = u64::try_from(since).unwrap_or(u64::MAX).max(1);
        let key = TimerKey {
            nanoseconds: NonZeroU64::new(nanoseconds).expect("at least one"),
            number: self.next_number,
        };
        self.next_number += 1;
        self.entries.insert(key, due);
        key
    }

    /// Forgets a deadline. `None` when it has fired or was cancelled.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<T> {
        self.entries.remove(&key)
    }

    /// The first deadline: until then the loop may sleep.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|(key, _)| self.instant(*key))
    }

    /// Takes the first deadline that has passed.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<T> {
        let (key, _) = self.entries.first_key_value()?;
        if self.instant(*key) > now {
            return None;
        }
        self.entries.pop_first().map(|(_, due)| due)
    }

    /// Takes all deadlines out that match, whatever their time.
    pub(crate) fn take_if(&mut self, matches: impl Fn(&T) -> bool) -> Vec<T> {
        let keys = self.entries.iter().filter(|(_, due)| matches(due)).map(|(key, _)| *key);
        let keys: Vec<_> = keys.collect();
        keys.iter().filter_map(|key| self.entries.remove(key)).collect()
    }

    fn instant(&self, key: TimerKey) -> Instant {
        let since = Duration::from_nanos(key.nanoseconds.get());
        self.start.checked_add(since).unwrap_or_else(|| self.start + Duration::from_secs(1 << 32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_fire_in_order_and_not_early() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        timers.insert(at(20), "second");
        timers.insert(at(10), "first");
        timers.insert(at(20), "third");
        assert_eq!(timers.first(), Some(at(10)));
        assert_eq!(timers.expired(at(9)), None);
        assert_eq!(timers.expired(at(10)), Some("first"));
        assert_eq!(timers.expired(at(30)), Some("second"));
        assert_eq!(timers.expired(at(30)), Some("third"));
        assert_eq!(timers.first(), None);
    }

    #[test]
    fn a_cancelled_deadline_does_not_fire() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        let key = timers.insert(start, 1);
        timers.insert(start, 2);
        assert_eq!(timers.cancel(key), Some(1));
        assert_eq!(timers.cancel(key), None);
        assert_eq!(timers.expired(start + Duration::from_millis(1)), Some(2));
        timers.insert(start, 3);
        timers.insert(start, 4);
        assert_eq!(timers.take_if(|due| *due > 3), [4]);
        assert_eq!(timers.take_if(|_| true), [3]);
    }

    #[test]
    fn a_deadline_in_the_past_is_due_at_once() {
        let start = Instant::now();
        let mut timers = Timers::new(start + Duration::from_secs(1));
        timers.insert(start, ());
        let now = start + Duration::from_secs(2);
        assert!(timers.first().unwrap() <= now);
        assert_eq!(timers.expired(now), Some(()));
    }

    #[test]
    fn the_optional_key_is_no_larger_than_the_key() {
        assert_eq!(size_of::<Option<TimerKey>>(), 16);
    }
}
