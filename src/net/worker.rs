//! One I/O thread: its turns, and the operations that others ask of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::accept::{Listener, Run};
use super::connect::Connecting;
use super::handler::{ServiceHandler, guard};
use super::linger::Lingering;
use super::outbox::Close;
use super::remote::{Operation, Remote};
use super::stream::Stream;
use super::timer::UserTimer;
use super::{Reason, Service, context};
use crate::error::Result;
use crate::reactor::event_loop::{EventLoop, Readiness, Registrar};
use crate::reactor::slots::{Key, Slots};
use crate::reactor::timers::Timers;

/// Bytes that one source reads before others get their turn.
pub(super) const READ_BUDGET: usize = 256 * 1024;

/// What one read takes at most. One buffer per loop, none per connection.
const RECEIVE_BUFFER: usize = 256 * 1024;

/// Events after which sends leave even if more events wait: few enough that what they touched is
/// still in the caches, and that the sends of a busy turn need little memory.
const EVENTS_PER_FLUSH: usize = 64;

/// The parts of a loop that outlive its thread, for the next start.
pub(super) struct Engine {
    pub(super) index: usize,
    pub(super) event_loop: EventLoop,
    pub(super) registrar: Registrar,
}

/// What a loop owns.
pub(super) enum Source {
    Listener(Box<Listener>),
    Connecting(Box<Connecting>),
    Stream(Box<Stream>),
    Lingering(Box<Lingering>),
}

/// What waits for its time.
pub(super) enum Due {
    Source(Key),
    User(Box<UserTimer>),
}

pub(super) struct Worker {
    pub(super) service: Service,
    pub(super) index: usize,
    pub(super) registrar: Registrar,
    pub(super) slots: Slots<Source>,
    pub(super) timers: Timers<Due>,
    pub(super) buffer: Vec<u8>,
    /// When this turn began.
    pub(super) now: Instant,
    /// Sources that used up their share of the last turn and go on without an event.
    pub(super) unfinished: Vec<Key>,
    handler: Arc<dyn ServiceHandler>,
    start: Instant,
    stopping: bool,
    drained: bool,
    exit: bool,
}

/// Runs one loop until its service is stopped, and gives its engine back.
pub(super) fn run(
    engine: Engine,
    service: &Service,
    handler: Arc<dyn ServiceHandler>,
    polling: bool,
) -> Engine {
    let Engine { index, mut event_loop, registrar } = engine;
    let start = Instant::now();
    let mut worker = Worker {
        service: service.clone(),
        index,
        registrar,
        slots: Slots::new(),
        timers: Timers::new(start),
        buffer: vec![0; RECEIVE_BUFFER],
        now: start,
        unfinished: Vec::new(),
        handler,
        start,
        stopping: false,
        drained: false,
        exit: false,
    };
    worker.call("on_thread_initialize", |handler| handler.on_thread_initialize());
    let remote = service.remote(index);
    let mut batch = Vec::new();
    while !worker.exit {
        worker.turn(&mut event_loop, remote, &mut batch, polling);
    }
    // What was asked for until now is done or refused; nothing that belongs to the user stays
    // behind in the mailbox.
    remote.take(&mut batch);
    worker.operate(&mut batch);
    worker.drop_timers();
    worker.call("on_thread_cleanup", |handler| handler.on_thread_cleanup());
    Engine { index, event_loop, registrar: worker.registrar }
}

impl Worker {
    fn turn(
        &mut self,
        event_loop: &mut EventLoop,
        remote: &Remote,
        batch: &mut Vec<Operation>,
        polling: bool,
    ) {
        let timeout = if polling || self.has_work(remote) {
            Some(Duration::ZERO)
        } else {
            self.timers.until_next(Instant::now())
        };
        if let Err(error) = event_loop.wait(timeout) {
            let error = crate::Error::system("cannot wait for events", &error);
            self.call("on_error", |handler| handler.on_error(&error));
        }
        self.now = Instant::now();
        for (count, (key, readiness)) in event_loop.ready().enumerate() {
            self.ready(key, readiness);
            if count % EVENTS_PER_FLUSH == EVENTS_PER_FLUSH - 1 {
                self.flush_all();
            }
        }
        // An event of this turn may have put a source here again: one share for each.
        let mut unfinished = std::mem::take(&mut self.unfinished);
        unfinished.sort_unstable();
        unfinished.dedup();
        for key in unfinished {
            self.ready(key, Readiness { readable: true, writable: false, closed: false });
        }
        remote.take(batch);
        self.operate(batch);
        // What was asked for goes before a deadline that passed meanwhile: an idle timeout must not
        // drop what was just accepted.
        self.flush_all();
        while let Some(due) = self.timers.expired(self.now) {
            match due {
                Due::Source(key) => self.expired(key),
                Due::User(timer) => self.fire(timer),
            }
        }
        self.flush_all();
        if self.stopping && !self.drained && self.slots.len() == 0 {
            self.drained = true;
            if self.service.loop_drained() {
                self.service.remote(0).post(Operation::Drained);
            }
        }
        if polling && !self.exit {
            self.call("on_idle", |handler| handler.on_idle());
        }
    }

    fn has_work(&self, remote: &Remote) -> bool {
        !self.unfinished.is_empty() || remote.has_mail() || context::has_dirty()
    }

    fn ready(&mut self, key: Key, readiness: Readiness) {
        match self.slots.take(key) {
            Some(Source::Stream(stream)) => self.stream_ready(key, stream, readiness),
            Some(Source::Listener(listener)) => self.accept(key, listener),
            Some(Source::Connecting(connecting)) => self.connect_ready(key, connecting, readiness),
            Some(Source::Lingering(lingering)) => self.linger(key, lingering),
            None => {}
        }
    }

    fn expired(&mut self, key: Key) {
        match self.slots.take(key) {
            Some(Source::Stream(stream)) => self.stream_expired(key, stream),
            Some(Source::Listener(listener)) => self.accept(key, listener),
            Some(Source::Connecting(connecting)) => self.connect_expired(key, connecting),
            Some(Source::Lingering(lingering)) => self.linger_expired(key, lingering),
            None => {}
        }
    }

    fn flush_all(&mut self) {
        let mut keys = Vec::new();
        context::take_dirty(&mut keys);
        for key in keys.drain(..) {
            self.flush(key);
        }
        // The room of the list is used again, unless a turn filled it anew.
        if !context::has_dirty() {
            context::take_dirty(&mut keys);
        }
    }

    fn flush(&mut self, key: Key) {
        match self.slots.take(key) {
            Some(Source::Stream(stream)) => self.flush_stream(key, stream),
            Some(Source::Connecting(connecting)) => self.connect_flush(key, connecting),
            Some(other) => self.slots.restore(key, other),
            None => {}
        }
    }

    fn operate(&mut self, batch: &mut Vec<Operation>) {
        for operation in batch.drain(..) {
            match operation {
                Operation::Run(call) => self.report(guard("a posted closure", call)),
                Operation::Flush(key) => context::mark_dirty(key),
                Operation::FlushAll(keys) => keys.into_iter().for_each(context::mark_dirty),
                Operation::StartServer { listener, run } => self.start_server(listener, run),
                Operation::StopServer { run, restart } => self.stop_server(run, restart),
                Operation::Adopt { socket, peer, run, admission } => {
                    self.open_session(socket, peer, run, admission);
                }
                Operation::Connect(request) => self.connect(*request),
                Operation::Resolved { key, question, addresses } => {
                    self.resolved(key, question, addresses);
                }
                Operation::AddTimer(timer) => self.add_timer(timer),
                Operation::CancelTimer(timer) => self.cancel_timer(&timer),
                Operation::Started => {
                    self.service.set_started(true);
                    self.call("on_started", |handler| handler.on_started());
                }
                Operation::Stop => self.stop(),
                Operation::Drained => {
                    self.service.set_started(false);
                    self.call("on_stopped", |handler| handler.on_stopped());
                    for index in 0..self.service.threads() {
                        self.service.remote(index).post(Operation::Exit);
                    }
                }
                Operation::Exit => {
                    self.stopping = true;
                    self.exit = true;
                }
            }
        }
    }

    /// Ends everything that the loop owns, each with its callbacks.
    fn stop(&mut self) {
        self.stopping = true;
        self.drop_timers();
        for key in self.slots.keys() {
            match self.slots.take(key) {
                Some(Source::Listener(listener)) => {
                    let run: Arc<Run> = Arc::clone(&listener.run);
                    self.slots.restore(key, Source::Listener(listener));
                    run.stop();
                    self.close_listener(&run, Reason::ServiceStopped, true);
                }
                Some(Source::Stream(stream)) => {
                    let close = Close { reason: Reason::ServiceStopped, discard: false };
                    stream.session.0.close(close);
                    self.slots.restore(key, Source::Stream(stream));
                }
                Some(Source::Connecting(connecting)) => {
                    let close = Close { reason: Reason::ServiceStopped, discard: false };
                    connecting.session.0.close(close);
                    self.slots.restore(key, Source::Connecting(connecting));
                }
                Some(Source::Lingering(lingering)) => self.linger(key, lingering),
                None => {}
            }
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Milliseconds since this loop began, for coarse comparisons; wraps after 49 days.
    pub(super) fn milliseconds(&self) -> u32 {
        self.now.duration_since(self.start).as_millis() as u32
    }

    /// Tells the service's handler of a failure in user code that belongs to nothing else.
    pub(super) fn report(&self, result: Result<()>) {
        if let Err(error) = result {
            let _ = guard("on_error", || self.handler.on_error(&error));
        }
    }

    fn call(&self, what: &str, call: impl FnOnce(&dyn ServiceHandler)) {
        self.report(guard(what, || call(&*self.handler)));
    }
}
