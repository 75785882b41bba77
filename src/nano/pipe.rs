//! A connection as a socket and its pattern see it.

use std::time::Duration;

use crate::net::{Body, Flushes};

/// A connection to one peer. The socket calls it under its own lock, so it does not call back:
/// what it has to tell, it tells later, or when it is [looked after](Pipe::attend).
pub(crate) trait Pipe: Send + Sync {
    /// Queues a message for the peer, whose id words come first. Returns whether the next one is
    /// welcome too; after `Some(false)` the pipe tells its socket when it is. `None` when it is
    /// about to end, and the message was not taken. The loop that has to know is told by `flushes`.
    fn send(&self, header: &[u32], body: Body<'_>, flushes: &mut Flushes) -> Option<bool>;

    /// The socket has enough for now. A few messages may still come.
    fn pause(&self);

    /// And wants more again.
    fn resume(&self);

    /// Ends the connection. What was sent is delivered within this time. Returns whether it goes on
    /// until then, and the socket is told when it is gone.
    fn close(&self, linger: Duration) -> bool;

    /// Whether the peer is in this process and has to be told by [`Pipe::attend`] what was done,
    /// after the lock is given back.
    fn needs_attention(&self) -> bool {
        false
    }

    /// Lets the peer see what was sent, resumed or closed.
    fn attend(&self) {}
}
