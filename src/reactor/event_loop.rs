//! The wait for readiness and the wake-up from other threads.

use std::io;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use mio::Waker;
use mio::event::{Event, Source};
use mio::{Events, Interest, Poll, Registry, Token};

use super::slots::Key;

/// Events taken from the system at a time.
const EVENTS: usize = 1024;

/// A loop that has nothing to do looks at its timers at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// What a socket is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer has closed its side, or the socket has failed: reading goes on to the end.
    pub(crate) closed: bool,
}

impl Readiness {
    fn of(event: &Event) -> Readiness {
        let closed = event.is_read_closed() || event.is_error();
        Readiness { readable: event.is_readable() || closed, writable: event.is_writable(), closed }
    }
}

/// One poll object. Sockets are registered edge-triggered: no system call per operation.
pub(crate) struct EventLoop {
    poll: Poll,
    events: Events,
}

/// Registers sockets with the loop that it was taken from.
pub(crate) struct Registrar(Registry);

impl EventLoop {
    pub(crate) fn new() -> io::Result<(EventLoop, Registrar, Arc<Waker>)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), Key::NONE.token())?;
        let registrar = Registrar(poll.registry().try_clone()?);
        let events = Events::with_capacity(EVENTS);
        Ok((EventLoop { poll, events }, registrar, Arc::new(waker)))
    }

    /// Sleeps until something is ready, a wake-up comes, or the time is over.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        // Some systems refuse long times, or take them for ever.
        let timeout = timeout.map(|timeout| timeout.min(LONGEST_SLEEP));
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            other => other,
        }
    }

    /// What the last wait found, without wake-ups.
    pub(crate) fn ready(&self) -> impl Iterator<Item = (Key, Readiness)> {
        let wake: Token = Key::NONE.token();
        self.events
            .iter()
            .filter(move |event| event.token() != wake)
            .map(|event| (Key::from_token(event.token()), Readiness::of(event)))
    }
}

impl Registrar {
    /// Watches a connection that is on its way, in both directions.
    pub(crate) fn register_connecting(&self, source: &mut impl Source, key: Key) -> io::Result<()> {
        self.0.register(source, key.token(), Interest::READABLE | Interest::WRITABLE)
    }

    /// Watches a connection, or a socket of datagrams, for what it receives. A new one is writable
    /// anyway, and saying so would cost each connection a wake-up.
    pub(crate) fn register_stream(&self, source: &mut impl Source, key: Key) -> io::Result<()> {
        self.0.register(source, key.token(), Interest::READABLE)
    }

    /// Watches a registered connection in both directions from now on.
    pub(crate) fn watch_writes(&self, source: &mut impl Source, key: Key) -> io::Result<()> {
        self.0.reregister(source, key.token(), Interest::READABLE | Interest::WRITABLE)
    }

    /// Watches a registered socket for what it receives alone again: each datagram that leaves it, or
    /// each read of its peer, would be an event.
    pub(crate) fn watch_reads(&self, source: &mut impl Source, key: Key) -> io::Result<()> {
        self.0.reregister(source, key.token(), Interest::READABLE)
    }

    /// Watches a listener.
    pub(crate) fn register_listener(&self, source: &mut impl Source, key: Key) -> io::Result<()> {
        self.0.register(source, key.token(), Interest::READABLE)
    }
}
