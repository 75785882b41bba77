//! One I/O thread: its turns, and the operations that others ask of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::accept::{Listener, Run};
use super::connect::Connecting;
use super::core::Core;
use super::handler::{ServiceHandler, guard};
use super::linger::Lingering;
use super::outbox::Close;
use super::remote::{Operation, Remote};
use super::stream::Stream;
use super::timer::UserTimer;
use super::udp::{Batches, Datagrams};
use super::{Reason, context};
use crate::error::Result;
use crate::reactor::buffer::Buffer;
use crate::reactor::event_loop::{EventLoop, Readiness, Registrar};
use crate::reactor::slots::{Key, Slots};
use crate::reactor::timers::Timers;

/// Bytes that one source reads before others get their turn.
pub(super) const READ_BUDGET: usize = 512 * 1024;

/// What one read takes at most. One buffer per loop, none per connection.
const RECEIVE_BUFFER: usize = 512 * 1024;

/// Events after which sends leave even if more events wait: few enough that what they touched is
/// still in the caches, and that the sends of a busy turn need little memory.
const EVENTS_PER_FLUSH: usize = 64;

/// The time that handshakes take of a turn, and one of them more.
const HANDSHAKES_PER_TURN: Duration = Duration::from_micros(500);

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
    Udp(Box<Datagrams>),
}

/// What waits for its time.
pub(super) enum Due {
    Source(Key),
    User(Box<UserTimer>),
}

pub(super) struct Worker {
    pub(super) core: Arc<Core>,
    pub(super) index: usize,
    pub(super) registrar: Registrar,
    pub(super) slots: Slots<Source>,
    pub(super) timers: Timers<Due>,
    pub(super) buffer: Buffer,
    /// For datagrams, from the first one on.
    pub(super) batches: Option<Box<Batches>>,
    /// When this turn began.
    pub(super) now: Instant,
    /// The same in milliseconds since this loop began, for coarse comparisons; wraps after 49 days.
    pub(super) milliseconds: u32,
    /// Sources that used up their share of the last turn and go on without an event.
    pub(super) unfinished: Vec<Key>,
    /// Streams whose handshake goes on, in the order of their events.
    pub(super) handshakes: VecDeque<Key>,
    /// What was taken from the mailbox, the first at the end.
    mail: Vec<Operation>,
    handler: Arc<dyn ServiceHandler>,
    start: Instant,
    stopping: bool,
    drained: bool,
    exit: bool,
}

/// Runs one loop until its service is stopped, and gives its engine back.
pub(super) fn run(
    engine: Engine,
    core: &Arc<Core>,
    handler: Arc<dyn ServiceHandler>,
    polling: bool,
) -> Engine {
    let Engine { index, mut event_loop, registrar } = engine;
    let start = Instant::now();
    let mut worker = Worker {
        core: Arc::clone(core),
        index,
        registrar,
        slots: Slots::new(),
        timers: Timers::new(start),
        buffer: Buffer::new(RECEIVE_BUFFER),
        batches: None,
        now: start,
        milliseconds: 0,
        unfinished: Vec::new(),
        handshakes: VecDeque::new(),
        mail: Vec::new(),
        handler,
        start,
        stopping: false,
        drained: false,
        exit: false,
    };
    worker.call("on_thread_initialize", |handler| handler.on_thread_initialize());
    let remote = core.remote(index);
    while !worker.exit {
        worker.survive(|worker| worker.turn(&mut event_loop, remote, polling));
    }
    // What was asked for until now is done or refused; nothing that belongs to the user stays
    // behind in the mailbox.
    worker.survive(|worker| {
        worker.take_mail(remote);
        worker.operate();
        worker.drop_timers();
    });
    worker.call("on_thread_cleanup", |handler| handler.on_thread_cleanup());
    Engine { index, event_loop, registrar: worker.registrar }
}

impl Worker {
    /// User code is guarded where it is called. Should this library itself panic, then what it was
    /// at is gone, but not the loop with everything else.
    fn survive(&mut self, turn: impl FnOnce(&mut Worker)) {
        let result = guard("an I/O thread, by an error of this library,", || turn(self));
        if result.is_err() {
            self.slots.remove_empty();
            if self.buffer.is_empty() {
                self.buffer = Buffer::new(RECEIVE_BUFFER);
            }
        }
        self.report(result);
    }

    fn turn(&mut self, event_loop: &mut EventLoop, remote: &Remote, polling: bool) {
        let timeout = if polling || self.has_work(remote) {
            Some(Duration::ZERO)
        } else {
            self.timers.first().map(|at| at.saturating_duration_since(Instant::now()))
        };
        #[cfg(test)]
        remote.turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if let Err(error) = event_loop.wait(timeout) {
            let error = crate::Error::system("cannot wait for events", &error);
            self.call("on_error", |handler| handler.on_error(&error));
        }
        self.now = Instant::now();
        self.milliseconds = self.now.duration_since(self.start).as_millis() as u32;
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
        self.shake_hands();
        self.take_mail(remote);
        self.operate();
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
            if self.core.loop_drained() {
                self.core.remote(0).post(Operation::Drained);
            }
        }
        if polling && !self.exit {
            self.call("on_idle", |handler| handler.on_idle());
        }
    }

    /// Goes on with handshakes for a while, so that many of them do not hold up open streams.
    fn shake_hands(&mut self) {
        let begin = Instant::now();
        while let Some(key) = self.handshakes.pop_front() {
            match self.slots.take(key) {
                Some(Source::Stream(stream)) => self.go_on_shaking_hands(key, stream),
                Some(other) => self.slots.restore(key, other),
                None => {}
            }
            if begin.elapsed() >= HANDSHAKES_PER_TURN {
                break;
            }
        }
    }

    fn has_work(&self, remote: &Remote) -> bool {
        !self.unfinished.is_empty()
            || !self.handshakes.is_empty()
            || !self.mail.is_empty()
            || remote.has_mail()
            || context::has_dirty()
    }

    fn take_mail(&mut self, remote: &Remote) {
        if self.mail.is_empty() {
            remote.take(&mut self.mail);
            self.mail.reverse();
        }
    }

    fn ready(&mut self, key: Key, readiness: Readiness) {
        match self.slots.take(key) {
            Some(Source::Stream(stream)) => self.stream_ready(key, stream, readiness),
            Some(Source::Listener(listener)) => self.accept(key, listener),
            Some(Source::Connecting(connecting)) => self.connect_ready(key, connecting, readiness),
            Some(Source::Lingering(lingering)) => self.linger(key, lingering),
            Some(Source::Udp(source)) => self.udp_ready(key, source, readiness),
            None => {}
        }
    }

    fn expired(&mut self, key: Key) {
        match self.slots.take(key) {
            Some(Source::Stream(stream)) => self.stream_expired(key, stream),
            Some(Source::Listener(listener)) => self.accept(key, listener),
            Some(Source::Connecting(connecting)) => self.connect_expired(key, connecting),
            Some(Source::Lingering(lingering)) => self.linger_expired(key, lingering),
            Some(Source::Udp(source)) => self.udp_expired(key, source),
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
            Some(Source::Udp(source)) => self.udp_flush(key, source),
            Some(other) => self.slots.restore(key, other),
            None => {}
        }
    }

    fn operate(&mut self) {
        while let Some(operation) = self.mail.pop() {
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
                Operation::Resolved { key, asker, addresses } => {
                    self.resolved(key, &asker, addresses);
                }
                Operation::StartUdp(start) => self.start_udp(*start),
                Operation::AddTimer(timer) => self.add_timer(timer),
                Operation::CancelTimer(timer) => self.cancel_timer(&timer),
                Operation::Started => {
                    self.core.set_started(true);
                    self.call("on_started", |handler| handler.on_started());
                }
                Operation::Stop => self.stop(),
                Operation::Drained => {
                    self.core.set_started(false);
                    self.call("on_stopped", |handler| handler.on_stopped());
                    for index in 0..self.core.threads() {
                        self.core.remote(index).post(Operation::Exit);
                    }
                }
                Operation::Exit => {
                    self.stopping = true;
                    self.exit = true;
                }
                #[cfg(test)]
                Operation::Panic(key) => {
                    let _source = self.slots.take(key);
                    panic!("of a test");
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
                Some(Source::Udp(source)) => self.stop_udp(key, source),
                None => {}
            }
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, SyncSender};

    use super::super::{Client, Kind, Server, ServerHandler, Service, Session, SessionHandler};
    use super::*;
    use crate::error::{Error, Status};

    struct Errors(SyncSender<Error>);

    impl ServiceHandler for Errors {
        fn on_error(&self, error: &Error) {
            self.0.send(error.clone()).unwrap();
        }
    }

    /// Returns what it receives, and tells of its sessions.
    struct Echo(SyncSender<Session>);

    impl ServerHandler for Echo {
        type Session = Echo;

        fn on_session(&self, session: &Session) -> Option<Echo> {
            self.0.send(session.clone()).unwrap();
            Some(Echo(self.0.clone()))
        }
    }

    impl SessionHandler for Echo {
        fn on_received(&mut self, session: &Session, _kind: Kind, data: &[u8]) -> usize {
            session.send(data).unwrap();
            data.len()
        }
    }

    /// Tells of its connection, of its end, and of each answer.
    struct Peer(SyncSender<&'static str>);

    impl SessionHandler for Peer {
        fn on_connected(&mut self, _session: &Session) {
            self.0.send("connected").unwrap();
        }

        fn on_received(&mut self, _session: &Session, _kind: Kind, data: &[u8]) -> usize {
            self.0.send("answered").unwrap();
            data.len()
        }

        fn on_disconnected(&mut self, _session: &Session, _reason: Reason) {
            self.0.send("disconnected").unwrap();
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn an_error_of_this_library_costs_one_connection() {
        let (errors, told) = mpsc::sync_channel(8);
        let (sessions, session) = mpsc::sync_channel(8);
        let service = Service::new().unwrap();
        let server = Server::tcp(&service, "127.0.0.1", 0).unwrap();
        server.start(Echo(sessions)).unwrap();
        service.start(Errors(errors)).unwrap();
        let clients = Service::new().unwrap();
        clients.start(()).unwrap();
        let peers = [(); 2].map(|()| {
            let (sender, news) = mpsc::sync_channel(8);
            let client = Client::tcp(&clients, "127.0.0.1", server.port()).unwrap();
            client.connect(Peer(sender)).unwrap();
            assert_eq!(news.recv(), Ok("connected"));
            (client, news, session.recv().unwrap())
        });
        for (client, news, _) in &peers {
            client.send(b"hello").unwrap();
            assert_eq!(news.recv(), Ok("answered"));
        }
        let [(_, gone, victim), (client, news, other)] = peers;
        let remote = service.0.core.remote(0);
        let (done, after) = mpsc::channel();
        remote.post(Operation::Panic(victim.0.outbox().key));
        remote.post(Operation::Run(Box::new(move || done.send(()).unwrap())));
        after.recv().expect("what was asked for after it is done");
        let error = told.recv().unwrap();
        assert!(error.message().contains("an error of this library"), "{error}");
        assert!(!victim.is_connected());
        assert_eq!(victim.send(b"x").unwrap_err().status(), Status::NotConnected);
        assert_eq!(victim.native_handle(), None, "it is not lent longer than it is open");
        assert_eq!(server.current_sessions(), 1, "the server does not keep it");
        assert_eq!(gone.recv(), Ok("disconnected"));
        assert!(other.is_connected());
        client.send(b"hello").unwrap();
        assert_eq!(news.recv(), Ok("answered"));
        service.stop().unwrap();
        assert_eq!(news.recv(), Ok("disconnected"));
        clients.stop().unwrap();
    }
}
