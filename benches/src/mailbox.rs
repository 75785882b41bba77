//! How operations reach a loop from other threads: the library's mailbox beside the lock-free queue
//! of crossbeam, both behind the same wake-up flag, and a wake-up for each operation.

use crossbeam_queue::SegQueue;
use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[allow(dead_code, missing_docs)]
#[path = "../../src/reactor/mailbox.rs"]
mod library;

/// Threads that post.
const SENDERS: usize = 2;

/// A queue with one receiver that sleeps in `epoll_wait`, woken by an eventfd as the library's
/// loops are.
trait Queue: Sync {
    /// Appends an operation; on `true` the receiver has to be woken.
    fn push(&self, operation: u64) -> bool;
    /// Takes everything that is there; returns how many operations that was.
    fn take(&self, batch: &mut Vec<u64>) -> usize;
}

struct Locked(library::Mailbox<u64>);

impl Queue for Locked {
    fn push(&self, operation: u64) -> bool {
        self.0.push(operation)
    }

    fn take(&self, batch: &mut Vec<u64>) -> usize {
        batch.clear();
        self.0.take(batch);
        batch.len()
    }
}

struct LockFree {
    queue: SegQueue<u64>,
    notified: AtomicBool,
    /// Whether the flag is used; otherwise every operation wakes.
    flag: bool,
}

impl Queue for LockFree {
    fn push(&self, operation: u64) -> bool {
        self.queue.push(operation);
        !self.flag || !self.notified.swap(true, Ordering::AcqRel)
    }

    fn take(&self, batch: &mut Vec<u64>) -> usize {
        self.notified.store(false, Ordering::Release);
        batch.clear();
        while let Some(operation) = self.queue.pop() {
            batch.push(operation);
        }
        batch.len()
    }
}

/// Runs the comparison and prints a table of medians.
pub fn run(rounds: usize, seconds: f64) -> io::Result<ExitCode> {
    let length = Duration::from_secs_f64(seconds);
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        rates[0].push(measure(&Locked(library::Mailbox::new()), length)?);
        for (rate, flag) in [(1, true), (2, false)] {
            let queue = LockFree { queue: SegQueue::new(), notified: AtomicBool::new(false), flag };
            rates[rate].push(measure(&queue, length)?);
        }
    }
    println!("| {SENDERS} threads to one loop | operations per second |");
    println!("|---|---:|");
    let names = [
        "the library's mailbox: lock, vector, wake-up flag",
        "crossbeam-queue `SegQueue`, wake-up flag",
        "crossbeam-queue `SegQueue`, a wake-up per operation",
    ];
    for (name, rates) in names.into_iter().zip(&mut rates) {
        rates.sort_by(f64::total_cmp);
        println!("| {name} | {:.1} M |", rates[rates.len() / 2] / 1e6);
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(queue: &dyn Queue, length: Duration) -> io::Result<f64> {
    let bell = Bell::new()?;
    let (stop, taken) = (AtomicBool::new(false), AtomicU64::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    // Bounded, as a program is by what it waits for.
                    if number > taken.load(Ordering::Relaxed) + 100_000 {
                        std::thread::yield_now();
                        continue;
                    }
                    number += 1;
                    if queue.push(number) {
                        bell.ring();
                    }
                }
            });
        }
        let mut batch = Vec::new();
        while start.elapsed() < length {
            let count = queue.take(&mut batch);
            taken.fetch_add(count as u64, Ordering::Relaxed);
            if count == 0 {
                bell.wait();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    Ok(taken.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64())
}

/// An eventfd.
struct Bell(i32);

impl Bell {
    fn new() -> io::Result<Bell> {
        // SAFETY: the call takes no pointers.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
        if descriptor < 0 { Err(io::Error::last_os_error()) } else { Ok(Bell(descriptor)) }
    }

    fn ring(&self) {
        let one = 1_u64;
        // SAFETY: the descriptor is open while `self` lives, and eight bytes are read from `one`.
        unsafe { libc::write(self.0, (&raw const one).cast(), 8) };
    }

    /// Waits for a ring, 10 ms at most: the senders may have stopped.
    fn wait(&self) {
        let mut poll = libc::pollfd { fd: self.0, events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd is passed and told so.
        if unsafe { libc::poll(&mut poll, 1, 10) } > 0 {
            let mut count = 0_u64;
            // SAFETY: the descriptor is open while `self` lives, and `count` has eight bytes.
            unsafe { libc::read(self.0, (&raw mut count).cast(), 8) };
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours and not used any more.
        unsafe { libc::close(self.0) };
    }
}
