//! The end of a socket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::SpOption;
use super::core::Core;
use super::state::Life;
use super::{registry, waiting};
use crate::net::drop_guarded;

/// What the end of a connection may take beyond the linger time, so that a connection that its
/// deadline ends is counted too.
const GRACE: Duration = Duration::from_millis(200);

impl Core {
    /// Closes the socket: blocked calls fail, endpoints and connections go. `false` when it was
    /// closed before. With `waits`, returns when what was sent is delivered or the linger time is
    /// over; on loop threads at once.
    pub(super) fn close(&self, life: Life, waits: bool) -> bool {
        let mut state = self.lock();
        if state.life != Life::Open {
            return false;
        }
        state.life = life;
        let linger = state.options.time(SpOption::Linger);
        let pipes: Vec<_> = state.pipes.keys().collect();
        for pipe in pipes {
            self.drop_pipe(&mut state, pipe, linger);
        }
        state.statistics.messages_undelivered += state.pattern.unsent() as u64;
        let endpoints: Vec<_> = state.endpoints.drain().map(|(_, entry)| entry).collect();
        let handler = state.callbacks.clear();
        state.wake_all();
        state.watches.all();
        self.leave(state);
        for control in endpoints.into_iter().filter_map(|entry| entry.control) {
            control.close();
        }
        drop_guarded(handler);
        registry::remove(self.id);
        if waits && !crate::net::is_loop_thread() {
            self.wait_for_connections(Instant::now() + linger + GRACE);
        }
        true
    }

    /// Waits until the connections are gone that still deliver.
    fn wait_for_connections(&self, end: Instant) {
        let mut state = self.lock();
        while state.lingering > 0 {
            if Instant::now() >= end {
                return;
            }
            state = waiting::wait(state, Some(end), |state| &mut state.ends);
        }
    }
}

/// Closes all sockets of this process for good: blocked and later calls fail with
/// [`SpFailure::Terminated`](crate::SpFailure::Terminated), and so does [`Socket::new`]. For the
/// end of a program that can't reach all of its sockets.
///
/// [`Socket::new`]: super::Socket::new
pub fn terminate() {
    for core in registry::terminate() {
        let core: Arc<Core> = core;
        core.close(Life::Terminated, false);
    }
}
