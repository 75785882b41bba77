//! Operations that any thread hands to a loop.
//!
//! A lock, a vector and one flag. The flag makes the difference: while it is up, the loop is known
//! to be awake or about to be, and nobody pays for a second wake-up.

#[cfg(loom)]
use loom::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};
use std::sync::PoisonError;
#[cfg(not(loom))]
use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

/// A queue from many threads to one loop.
pub(crate) struct Mailbox<T> {
    queue: Mutex<Vec<T>>,
    /// Up while the loop has something to take that it was told about.
    notified: AtomicBool,
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> Mailbox<T> {
        Mailbox { queue: Mutex::new(Vec::new()), notified: AtomicBool::new(false) }
    }

    /// Appends an operation. On `true` the caller has to wake the loop.
    #[must_use]
    pub(crate) fn push(&self, operation: T) -> bool {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
        !self.notified.swap(true, Ordering::AcqRel)
    }

    /// Whether an operation came since the last take. Only for the loop, to decide on its sleep.
    pub(crate) fn has_mail(&self) -> bool {
        self.notified.load(Ordering::Acquire)
    }

    /// Moves all operations into `batch`, which must be empty.
    ///
    /// The flag goes down before the queue is taken: an operation pushed in between is taken now
    /// and costs one wake-up too many. The other way round it would be left behind by a loop that
    /// goes to sleep.
    pub(crate) fn take(&self, batch: &mut Vec<T>) {
        debug_assert!(batch.is_empty());
        if self.notified.swap(false, Ordering::AcqRel) {
            std::mem::swap(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner), batch);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_wake_up_serves_many_operations() {
        let mailbox = Mailbox::new();
        assert!(mailbox.push(1));
        assert!(!mailbox.push(2));
        let mut batch = Vec::new();
        mailbox.take(&mut batch);
        assert_eq!(batch, [1, 2]);
        assert!(!mailbox.has_mail());
        assert!(mailbox.push(3), "after a take the next push wakes again");
    }

    #[test]
    fn operations_of_one_thread_stay_in_order() {
        let mailbox = std::sync::Arc::new(Mailbox::new());
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let mailbox = std::sync::Arc::clone(&mailbox);
                std::thread::spawn(move || {
                    for number in 0..if cfg!(miri) { 50 } else { 1000 } {
                        let _ = mailbox.push((thread, number));
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let mut batch = Vec::new();
        mailbox.take(&mut batch);
        for thread in 0..4 {
            let numbers: Vec<_> =
                batch.iter().filter(|entry| entry.0 == thread).map(|entry| entry.1).collect();
            assert!(numbers.is_sorted() && !numbers.is_empty());
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::sync::Arc;

    /// Every interleaving of two senders with a loop that sleeps when it was not notified: no
    /// operation is left in the queue of a sleeping loop.
    #[test]
    fn loom_no_wake_up_is_lost() {
        loom::model(|| {
            let mailbox = Arc::new(Mailbox::new());
            let wakes = Arc::new(loom::sync::atomic::AtomicUsize::new(0));
            let senders: Vec<_> = (0..2)
                .map(|number| {
                    let (mailbox, wakes) = (Arc::clone(&mailbox), Arc::clone(&wakes));
                    loom::thread::spawn(move || {
                        if mailbox.push(number) {
                            wakes.fetch_add(1, Ordering::AcqRel);
                        }
                    })
                })
                .collect();
            let mut taken = 0;
            let mut served = 0;
            while taken < 2 {
                while wakes.load(Ordering::Acquire) == served {
                    loom::thread::yield_now();
                }
                served += 1;
                let mut batch = Vec::new();
                mailbox.take(&mut batch);
                taken += batch.len();
            }
            for sender in senders {
                sender.join().unwrap();
            }
        });
    }
}
