//! Devices: two raw sockets joined, so that patterns reach farther than one hop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Message, Socket, SocketHandler};
use crate::error::{Error, Result, SpFailure};

/// Passes messages on between two raw sockets of the two roles of a pattern, both ways and without
/// a thread of its own.
///
/// ```
/// use cppserver::nano::{Device, Protocol, Socket};
///
/// // Clients connect to the front, workers to the back.
/// let (front, back) = (Socket::raw(Protocol::Reply)?, Socket::raw(Protocol::Request)?);
/// front.listen("inproc://front")?;
/// back.listen("inproc://back")?;
/// let device = Device::new(&front, &back)?;
///
/// let (client, worker) = (Socket::new(Protocol::Request)?, Socket::new(Protocol::Reply)?);
/// client.dial("inproc://front")?;
/// worker.dial("inproc://back")?;
/// client.send("question")?;
/// assert_eq!(*worker.receive()?, *b"question");
/// worker.send("answer")?;
/// assert_eq!(*client.receive()?, *b"answer");
/// device.close();
/// # Ok::<(), cppserver::Error>(())
/// ```
///
/// What one socket can't take yet waits, and then the peers of the other one wait. Messages that
/// have gone through more than [`MaxHops`](super::SpOption::MaxHops) devices are dropped. The device
/// takes the handlers of its sockets; it ends with [`Device::close`], its drop, or one of the
/// sockets.
#[derive(Debug)]
pub struct Device {
    one: Socket,
    other: Socket,
}

impl Device {
    /// Joins two sockets, which have the roles of one pattern. Both may be the same one of a bus or
    /// a pair, which then sends back what it receives.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) when one of them is not raw, or
    /// they do not belong together; [`SpFailure::Closed`].
    pub fn new(one: &Socket, other: &Socket) -> Result<Device> {
        if !one.is_raw() || !other.is_raw() {
            return Err(Error::argument("a device joins raw sockets; make them with Socket::raw"));
        }
        if one.protocol().peer() != other.protocol() {
            return Err(Error::argument(format!(
                "a device joins the two roles of a pattern; {} belongs to {}, not to {}",
                one.protocol(),
                one.protocol().peer(),
                other.protocol()
            )));
        }
        let (there, back) = (Lane::new(one, other), Lane::new(other, one));
        let into_one = Forward { takes: Arc::clone(&there), gives: Arc::clone(&back) };
        one.set_handler(into_one)?;
        if one != other {
            other.set_handler(Forward { takes: back, gives: there })?;
        }
        Ok(Device { one: one.clone(), other: other.clone() })
    }

    /// Passes nothing on any more. The sockets stay open.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        for socket in [&self.one, &self.other] {
            socket.clear_handler();
            socket.resume_receiving();
        }
    }
}

/// One direction of a device.
struct Lane {
    /// Weakly, by their handlers: the device holds the sockets.
    from: std::sync::Weak<super::socket::Owner>,
    to: std::sync::Weak<super::socket::Owner>,
    /// What the target could not take yet. There is at most one, because then the source pauses,
    /// unless it was about to be passed on at that time.
    waiting: Mutex<Vec<Message>>,
}

impl Lane {
    fn new(from: &Socket, to: &Socket) -> Arc<Lane> {
        let (from, to) = (Arc::downgrade(&from.0), Arc::downgrade(&to.0));
        Arc::new(Lane { from, to, waiting: Mutex::default() })
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Message>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a message on, or keeps it until the target takes it.
    fn pass(&self, message: Message) {
        let (Some(from), Some(to)) = (self.from.upgrade(), self.to.upgrade()) else { return };
        let (from, to) = (Socket(from), Socket(to));
        let mut waiting = self.waiting();
        if !waiting.is_empty() {
            return waiting.push(message);
        }
        // Under the lock, so that the target can't become writable unseen.
        if is_blocked(&to.try_send(&message)) {
            waiting.push(message);
            from.pause_receiving();
        }
    }

    /// The target takes messages again.
    fn go_on(&self) {
        let (Some(from), Some(to)) = (self.from.upgrade(), self.to.upgrade()) else { return };
        let (from, to) = (Socket(from), Socket(to));
        let mut waiting = self.waiting();
        let mut sent = 0;
        while sent < waiting.len() && !is_blocked(&to.try_send(&waiting[sent])) {
            sent += 1;
        }
        waiting.drain(..sent);
        if waiting.is_empty() {
            drop(waiting);
            from.resume_receiving();
        }
    }
}

fn is_blocked(result: &Result<()>) -> bool {
    // What is refused for good, such as a header that is none, is dropped.
    result.as_ref().is_err_and(|error| error.code() == SpFailure::WouldBlock as i32)
}

/// The handler of a socket: what it receives goes on, and when it can send, what waits for it.
struct Forward {
    takes: Arc<Lane>,
    gives: Arc<Lane>,
}

impl SocketHandler for Forward {
    fn on_received(&mut self, _socket: &Socket, message: Message) {
        self.takes.pass(message);
    }

    fn on_writable(&mut self, _socket: &Socket) {
        self.gives.go_on();
    }
}
