//! The loads: what the generator does to a server, all on one thread with one epoll instance.

mod burst;
mod churn;
mod echo;
mod group;
mod idle;
mod multicast;
mod payload;
mod tls;
mod transport;
mod verify;
mod websocket;
mod windows;

pub use burst::BurstLoad;
pub use churn::ChurnLoad;
pub use echo::EchoLoad;
pub use group::GroupLoad;
pub use idle::{IdleReport, hold_idle};
pub use multicast::MulticastLoad;
pub use payload::json;
pub use tls::{Tls, TlsStream};
pub use transport::{Plain, Transport};
pub use verify::{verify_echo, verify_message, verify_text};
pub use websocket::{WebSocket, WebSocketStream};
pub use windows::{WindowLoad, verify_datagrams};

use crate::histogram::Histogram;
use crate::sys;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Without any progress for this long a server counts as stuck.
const STALL: u64 = 5_000_000_000;
/// After this long without any datagram those on their way are lost.
const SILENCE: u64 = 200_000_000;

/// A load that is applied in slices.
pub trait Load {
    /// Keeps the server busy for `duration`, then sends nothing more and waits for what is in
    /// flight: before and after a slice the server has nothing to do. Fails when the server closes
    /// a connection, makes no progress for five seconds, or on an interrupt.
    fn run_for(&mut self, duration: Duration) -> io::Result<Slice>;

    /// Time from handing a message to the kernel until its whole echo was read, for all messages
    /// since it was cleared.
    fn latency(&mut self) -> &mut Histogram;
}

/// What came of one `run_for`.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// Messages received back (for the connect load: connections that were opened, served and
    /// closed).
    pub messages: u64,
    /// Time from the first message until the last one was back, in nanoseconds.
    pub elapsed: u64,
    /// Datagrams that did not arrive.
    pub lost: u64,
}

/// Decides when a `run_for` ends and notices when nothing moves any more.
struct Watch {
    begin: u64,
    end: u64,
    /// When `seen` changed last.
    moved: u64,
    seen: u64,
}

impl Watch {
    fn new(duration: Duration) -> Self {
        let now = sys::now();
        Watch { begin: now, end: now + duration.as_nanos() as u64, moved: now, seen: 0 }
    }

    /// True when the time is over; an error when the server is stuck or the user interrupted.
    /// `progress` is any number that grows as long as something moves.
    fn over(&mut self, progress: u64) -> io::Result<bool> {
        let now = sys::now();
        if progress != self.seen {
            self.seen = progress;
            self.moved = now;
        } else if now - self.moved > STALL {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the server made no progress for 5 s",
            ));
        }
        sys::check_interrupt()?;
        Ok(now >= self.end)
    }

    fn finish(&self, messages: u64) -> Slice {
        Slice { messages, elapsed: sys::now() - self.begin, lost: 0 }
    }

    /// The same for datagrams. The time ends with the last one that arrived, not after the wait for
    /// those that were lost.
    fn finish_datagrams(&self, messages: u64, lost: u64) -> Slice {
        Slice { messages, elapsed: self.moved - self.begin, lost }
    }
}

/// How long one wait for events may last, so that the end of the run and interrupts are noticed.
const TICK: Duration = Duration::from_millis(5);

static SPINNING: AtomicBool = AtomicBool::new(false);

/// Lets the generator ask for events without ever going to sleep, which needs a core of its own.
///
/// A server whose peer sleeps on the other core pays for waking it up with every send, 1 to 2 us on
/// a virtual machine. Whether the generator sleeps depends on tiny differences in speed, so
/// sleeping made the same server cost 5 us per message in one run and 8 us in the next. Over a
/// network no server pays for it.
pub fn set_spinning(spinning: bool) {
    SPINNING.store(spinning, Ordering::Relaxed);
}

fn pause() -> Duration {
    if SPINNING.load(Ordering::Relaxed) { Duration::ZERO } else { TICK }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed a connection")
}
