//! How long to wait before the next attempt to connect.

use std::time::Duration;

/// Grows with each failure, up to a limit, and begins anew with success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// From `first` on each delay is twice the one before, up to `most`; without growth if that is
    /// not more than `first`.
    pub(crate) fn new(first: Duration, most: Duration) -> Backoff {
        Backoff { first, most: most.max(first), next: first }
    }

    /// The delay before the next attempt.
    pub(crate) fn next_delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = delay.saturating_mul(2).min(self.most);
        delay
    }

    /// There was a connection.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_up_to_the_limit_and_begin_anew() {
        let millis = Duration::from_millis;
        let mut backoff = Backoff::new(millis(100), millis(500));
        let delays = [(); 5].map(|()| backoff.next_delay().as_millis());
        assert_eq!(delays, [100, 200, 400, 500, 500]);
        backoff.reset();
        assert_eq!(backoff.next_delay(), millis(100));
        let mut steady = Backoff::new(millis(100), Duration::ZERO);
        assert_eq!([(); 3].map(|()| steady.next_delay()), [millis(100); 3]);
        let mut endless = Backoff::new(Duration::MAX / 2, Duration::MAX);
        assert_eq!(endless.next_delay(), Duration::MAX / 2);
        assert_eq!(endless.next_delay(), Duration::MAX - Duration::from_nanos(1));
        assert_eq!(endless.next_delay(), Duration::MAX);
    }
}
