//! Streams: one socket, one layer stack, one handler, from the first byte to the last callback.

use std::io::{self, IoSlice, Read};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::accept::Run;
use super::endpoint::{Admission, Role};
use super::handler::{SessionHandler, drop_guarded, guard};
use super::outbox::{Close, Phase};
use super::worker::{Due, READ_BUDGET, Source, Worker};
use super::{Kind, Reason, Session, SocketOption, context};
use crate::error::Error;
use crate::proto::{Event, Layer, Raw, Stage, Wire};
use crate::reactor::event_loop::Readiness;
use crate::reactor::slots::Key;
use crate::reactor::sockets::{self, TcpStream};
use crate::reactor::sys::{self, LentSocket};
use crate::reactor::timers::TimerKey;

/// Room for unhandled bytes that a stream keeps.
const HELD_ROOM: usize = 4096;

/// Slices of one vectored write.
const SLICES: usize = 64;

/// Writes of one stream before others get their turn.
const WRITES_PER_TURN: usize = 16;

pub(super) struct Stream {
    /// Before the socket, so that it goes first.
    pub(super) session: Lending,
    socket: TcpStream,
    layer: Box<dyn Layer>,
    handler: Box<dyn SessionHandler>,
    /// The server's side; clients have none.
    run: Option<Arc<Run>>,
    /// What most streams do without.
    rare: Option<Box<Rare>>,
    /// When the last byte came or went, in the loop's milliseconds.
    active: u32,
    /// The socket takes no more for now.
    blocked: bool,
    /// The loop is told when it takes more; that begins with the first time it takes no more.
    watches_writes: bool,
    /// The peer has closed its side: reading goes on to the end without waiting for events.
    pub(super) read_closed: bool,
    /// Why the stream is being closed.
    closing: Option<Reason>,
}

/// The session of a stream, to which the stream lends its socket.
pub(super) struct Lending {
    session: Session,
    admission: Admission,
}

impl Deref for Lending {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

/// However a stream ends, its socket is not lent any more when it closes. One that is still lent
/// tells of an error of this library, after which the server must not keep the session either.
impl Drop for Lending {
    fn drop(&mut self) {
        let inner = &*self.session.0;
        let mut outbox = inner.outbox();
        if outbox.socket.take().is_none() {
            return;
        }
        inner.rest(&mut outbox);
        inner.connected.store(false, Ordering::Release);
        drop(outbox);
        self.leave_server();
    }
}

impl Lending {
    /// Takes the session off its server's list and counts it out.
    fn leave_server(&self) {
        let endpoint = &self.session.0.endpoint;
        if let Role::Server(server) = &endpoint.role {
            server.delist(&self.session);
            let peer = self.session.peer_address().map(|address| address.ip());
            endpoint.discharge(self.admission, peer);
        }
    }
}

/// The parts of a stream that are apart so that an idle one stays small.
#[derive(Default)]
struct Rare {
    /// Received bytes that the handler left unhandled.
    held: Vec<u8>,
    /// The idle timeout while open, the close deadline while closing.
    timer: Option<TimerKey>,
}

/// What became of a stream.
#[must_use]
enum Fate {
    Alive,
    Ended(Reason),
}

impl Stream {
    pub(super) fn new(
        socket: TcpStream,
        session: Session,
        handler: Box<dyn SessionHandler>,
        run: Option<Arc<Run>>,
        admission: Admission,
    ) -> Stream {
        Stream {
            session: Lending { session, admission },
            socket,
            layer: Box::new(Raw),
            handler,
            // A client's socket was watched for its connect.
            watches_writes: run.is_none(),
            run,
            rare: None,
            active: 0,
            blocked: false,
            read_closed: false,
            closing: None,
        }
    }

    /// Tells the handler of a failure.
    fn on_error(&mut self, error: &Error) {
        let Stream { handler, session, .. } = self;
        let _ = guard("on_error", || handler.on_error(session, error));
    }

    /// Runs a callback. A panic is told to `on_error` and ends the session.
    fn call<R>(
        &mut self,
        what: &str,
        call: impl FnOnce(&mut dyn SessionHandler, &Session) -> R,
    ) -> Option<R> {
        let Stream { handler, session, .. } = self;
        match guard(what, || call(&mut **handler, session)) {
            Ok(result) => Some(result),
            Err(error) => {
                self.on_error(&error);
                self.session.0.close(Close { reason: Reason::Error, discard: true });
                None
            }
        }
    }

    /// Whether received bytes still go to the handler.
    fn is_reading(&self) -> bool {
        !self.session.0.closing.load(Ordering::Acquire)
    }

    /// Passes received bytes through the layers to the handler.
    fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.session.0.count_received(bytes.len());
        // The layer and the handler are both parts of the stream; the layer comes out meanwhile.
        let mut layer = std::mem::replace(&mut self.layer, Box::new(Raw));
        let mut down = Wire::new();
        let mut held_too_much = None;
        let received = layer.receive(bytes, &mut down, &mut |event| {
            if let Event::Data(kind, data) = event
                && let Err(error) = self.deliver(kind, data)
            {
                held_too_much = Some(error);
            }
        });
        self.layer = layer;
        debug_assert!(down.is_empty(), "a raw layer answers nothing by itself");
        received?;
        held_too_much.map_or(Ok(()), Err)
    }

    /// Hands data to the handler, behind what it left unhandled before.
    fn deliver(&mut self, kind: Kind, data: &[u8]) -> Result<(), Error> {
        let mut held = match &mut self.rare {
            Some(rare) => std::mem::take(&mut rare.held),
            None => Vec::new(),
        };
        if held.is_empty() {
            let handled = self
                .call("on_received", |handler, session| handler.on_received(session, kind, data));
            let rest = handled.map_or(&[][..], |handled| &data[handled.min(data.len())..]);
            held.extend_from_slice(rest);
        } else {
            held.extend_from_slice(data);
            let handled = self
                .call("on_received", |handler, session| handler.on_received(session, kind, &held));
            held.drain(..handled.unwrap_or(held.len()).min(held.len()));
        }
        self.hold(held)
    }

    /// Keeps what was left unhandled, and a little room for the next time.
    fn hold(&mut self, mut held: Vec<u8>) -> Result<(), Error> {
        let count = held.len();
        if held.capacity() / 4 > count.max(HELD_ROOM) {
            held.shrink_to(count);
        }
        if count > 0 || (1..=HELD_ROOM).contains(&held.capacity()) {
            self.rare.get_or_insert_default().held = held;
        }
        let limit = self.session.0.endpoint.options.limit(SocketOption::ReceiveLimit);
        match limit {
            Some(limit) if count > limit => Err(Error::limit(format!(
                "the handler left {count} received bytes unhandled, more than the receive limit \
                 of {limit}; handle them in on_received, or raise the limit"
            ))),
            _ => Ok(()),
        }
    }

    fn set_timer(&mut self, timer: TimerKey) {
        self.rare.get_or_insert_default().timer = Some(timer);
    }

    fn take_timer(&mut self) -> Option<TimerKey> {
        self.rare.as_mut()?.timer.take()
    }

    /// Passes what the application sends through the layers.
    fn encode(&mut self, mut queue: Box<Wire>) -> Result<Box<Wire>, Error> {
        if self.layer.is_transparent() {
            return Ok(queue);
        }
        let mut wire = context::take_wire();
        self.layer.send(&mut queue, &mut wire)?;
        context::give_wire(queue);
        Ok(wire)
    }

    fn write_some(&self, wire: &Wire) -> io::Result<usize> {
        if let Some(bytes) = wire.only_slice() {
            return sockets::send_vectored(&self.socket, &[IoSlice::new(bytes)]);
        }
        let mut room = [IoSlice::new(&[]); SLICES];
        sockets::send_vectored(&self.socket, wire.slices(&mut room))
    }

    /// Writes what waits, as far as the socket takes it. Returns how many bytes went out.
    fn write(&mut self, wire: &mut Wire) -> io::Result<usize> {
        let mut written = 0;
        for _ in 0..WRITES_PER_TURN {
            if wire.is_empty() {
                break;
            }
            match self.write_some(wire) {
                Ok(count) => {
                    wire.consume(count);
                    written += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }
}

impl Worker {
    /// Announces a connection that is there.
    pub(super) fn open_stream(&mut self, key: Key, mut stream: Box<Stream>) {
        stream.active = self.milliseconds();
        let inner = Arc::clone(&stream.session.0);
        inner.bytes_sent.reset();
        inner.bytes_received.reset();
        inner.pending.store(0, Ordering::Relaxed);
        {
            let mut outbox = inner.outbox();
            outbox.key = key;
            outbox.transparent = stream.layer.is_transparent();
            outbox.socket = Some(LentSocket::new(&stream.socket));
            outbox.scheduled = false;
            outbox.may_linger = false;
            // A disconnect in on_session, or while connecting, counts from here on.
            outbox.phase = match outbox.close {
                None => Phase::Open,
                Some(_) => {
                    context::mark_dirty(key);
                    Phase::Closing
                }
            };
        }
        inner.connected.store(true, Ordering::Release);
        if let Some(timeout) = inner.endpoint.options.milliseconds(SocketOption::IdleTimeout) {
            stream.set_timer(self.timers.insert(self.now + timeout, Due::Source(key)));
        }
        let mut connected = false;
        let mut down = Wire::new();
        let started = stream.layer.start(&mut down, &mut |event| {
            connected |= matches!(event, Event::Ready(Stage::Connected));
        });
        debug_assert!(started.is_ok() && connected);
        stream.call("on_connected", |handler, session| handler.on_connected(session));
        if let Some(run) = stream.run.clone() {
            run.on_connected(&stream.session, &mut *stream.handler);
        }
        self.slots.restore(key, Source::Stream(stream));
    }

    pub(super) fn stream_ready(&mut self, key: Key, mut stream: Box<Stream>, ready: Readiness) {
        stream.read_closed |= ready.closed;
        let mut fate = Fate::Alive;
        if ready.readable {
            fate = self.read(key, &mut stream);
        }
        if let Fate::Alive = fate
            && ready.writable
            && stream.blocked
        {
            stream.blocked = false;
            context::mark_dirty(key);
        }
        self.settle(key, stream, fate);
    }

    pub(super) fn flush_stream(&mut self, key: Key, mut stream: Box<Stream>) {
        let fate = self.send(key, &mut stream);
        self.settle(key, stream, fate);
    }

    pub(super) fn stream_expired(&mut self, key: Key, mut stream: Box<Stream>) {
        stream.take_timer();
        let fate = match stream.closing {
            Some(reason) => Fate::Ended(reason),
            None => self.check_idle(key, &mut stream),
        };
        self.settle(key, stream, fate);
    }

    fn settle(&mut self, key: Key, stream: Box<Stream>, fate: Fate) {
        match fate {
            Fate::Alive => self.slots.restore(key, Source::Stream(stream)),
            Fate::Ended(reason) => self.end_stream(key, *stream, reason),
        }
    }

    /// Reads until the socket is empty, the share of this turn is used up, or the stream ends.
    fn read(&mut self, key: Key, stream: &mut Stream) -> Fate {
        let mut buffer = std::mem::take(&mut self.buffer);
        let fate = self.read_into(&mut buffer, key, stream);
        self.buffer = buffer;
        fate
    }

    fn read_into(&mut self, buffer: &mut [u8], key: Key, stream: &mut Stream) -> Fate {
        let mut budget = READ_BUDGET;
        while stream.is_reading() {
            let count = match stream.socket.read(buffer) {
                Ok(0) => return self.peer_closed(key, stream),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Fate::Alive,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return fail(stream, "the connection failed", &error);
                }
            };
            stream.active = self.milliseconds();
            if let Err(error) = stream.receive(&buffer[..count]) {
                return end_with(stream, error, Reason::Limit);
            }
            // Less than asked for means that nothing is left; what comes later has its own event.
            if sys::SHORT_READ_IS_THE_LAST && count < buffer.len() && !stream.read_closed {
                return Fate::Alive;
            }
            budget = budget.saturating_sub(count);
            if budget == 0 {
                self.unfinished.push(key);
                return Fate::Alive;
            }
        }
        Fate::Alive
    }

    /// The peer sends no more. What was accepted for it is still delivered.
    fn peer_closed(&mut self, key: Key, stream: &mut Stream) -> Fate {
        stream.session.0.close(Close { reason: Reason::PeerClosed, discard: false });
        self.send(key, stream)
    }

    /// Sends what waits and goes on with the end of the stream if that is wanted.
    fn send(&mut self, key: Key, stream: &mut Stream) -> Fate {
        let (queue, sent_direct, close) = {
            let mut outbox = stream.session.0.outbox();
            let queue = if stream.blocked {
                // Stays scheduled: the socket itself tells when to go on.
                None
            } else {
                outbox.scheduled = false;
                outbox.take_queue()
            };
            (queue, std::mem::take(&mut outbox.sent_direct), outbox.close)
        };
        if let Some(close) = close.filter(|close| close.discard) {
            queue.into_iter().for_each(discard);
            return cut(stream, close.reason);
        }
        let mut sent = sent_direct as usize;
        if let Some(queue) = queue {
            let mut wire = match stream.encode(queue) {
                Ok(wire) => wire,
                Err(error) => return end_with(stream, error, Reason::Error),
            };
            let written = stream.write(&mut wire).and_then(|count| {
                if stream.blocked && !stream.watches_writes {
                    self.registrar.watch_writes(&mut stream.socket, key)?;
                    stream.watches_writes = true;
                }
                Ok(count)
            });
            if let Ok(count) = written {
                stream.session.0.count_sent(count);
                stream.session.0.pending.fetch_sub(count, Ordering::Relaxed);
                sent += count;
            }
            if wire.is_empty() {
                context::give_wire(wire);
            } else {
                let mut outbox = stream.session.0.outbox();
                outbox.put_back(wire);
                outbox.scheduled = true;
                if !stream.blocked {
                    context::mark_dirty(key);
                }
            }
            if let Err(error) = written {
                return fail(stream, "cannot send", &error);
            }
        }
        if sent > 0 {
            stream.active = self.milliseconds();
            self.tell_sent(stream, sent);
        }
        if stream.is_reading() {
            return Fate::Alive;
        }
        let close = stream.session.0.outbox().close;
        match close {
            None => Fate::Alive,
            Some(close) if close.discard => cut(stream, close.reason),
            Some(close) => self.go_on_closing(key, stream, close.reason),
        }
    }

    fn tell_sent(&mut self, stream: &mut Stream, sent: usize) {
        let pending = stream.session.0.pending.load(Ordering::Relaxed);
        stream.call("on_sent", |handler, session| handler.on_sent(session, sent, pending));
        if pending == 0 {
            stream.call("on_empty", |handler, session| handler.on_empty(session));
        }
    }

    /// Ends the stream when everything is delivered; until then a deadline runs.
    fn go_on_closing(&mut self, key: Key, stream: &mut Stream, reason: Reason) -> Fate {
        if stream.session.0.pending.load(Ordering::Relaxed) == 0 {
            return Fate::Ended(reason);
        }
        if stream.closing.is_none() {
            stream.closing = Some(reason);
            stream.take_timer().map(|timer| self.timers.cancel(timer));
            let timeout = stream.session.0.endpoint.options.close_timeout();
            stream.set_timer(self.timers.insert(self.now + timeout, Due::Source(key)));
        }
        Fate::Alive
    }

    fn check_idle(&mut self, key: Key, stream: &mut Stream) -> Fate {
        let options = &stream.session.0.endpoint.options;
        let Some(timeout) = options.milliseconds(SocketOption::IdleTimeout) else {
            return Fate::Alive;
        };
        let idle = self.milliseconds().wrapping_sub(stream.active);
        let rest = (timeout.as_millis() as u64).saturating_sub(u64::from(idle));
        if rest > 0 {
            let at = self.now + Duration::from_millis(rest);
            stream.set_timer(self.timers.insert(at, Due::Source(key)));
            return Fate::Alive;
        }
        let text = format!("no byte came or went for {} milliseconds", timeout.as_millis());
        end_with(stream, Error::timeout(text), Reason::Timeout)
    }

    /// Closes the socket and tells everybody, in the promised order.
    fn end_stream(&mut self, key: Key, mut stream: Stream, reason: Reason) {
        stream.take_timer().map(|timer| self.timers.cancel(timer));
        let inner = Arc::clone(&stream.session.0);
        let discarded = {
            let mut outbox = inner.outbox();
            // A client may connect again from its on_disconnected on, and not before.
            let close = outbox.close.replace(Close { reason, discard: true });
            outbox.key = Key::NONE;
            outbox.phase = Phase::Closing;
            outbox.scheduled = false;
            outbox.transparent = false;
            outbox.sent_direct = 0;
            outbox.socket = None;
            outbox.take_queue().into_iter().for_each(discard);
            close.is_some_and(|close| close.discard)
        };
        let undelivered = inner.pending.swap(0, Ordering::Relaxed);
        if undelivered > 0 && !discarded {
            stream.on_error(&undelivered_error(undelivered, &stream));
        }
        let Stream { session: lending, socket, mut handler, run, .. } = stream;
        let session = lending.session.clone();
        let complete = undelivered == 0 && !discarded;
        let waits = complete && reason != Reason::PeerClosed;
        self.close_socket(key, socket, &session, lending.admission, waits);
        session.0.connected.store(false, Ordering::Release);
        let Some(run) = run else {
            return self.disconnected(session, handler, reason);
        };
        self.report(guard("on_disconnected", || handler.on_disconnected(&session, reason)));
        run.on_disconnected(&session, &mut *handler, reason);
        lending.leave_server();
        drop_guarded(handler);
        drop(run);
    }
}

fn discard(mut wire: Box<Wire>) {
    wire.clear();
    context::give_wire(wire);
}

/// The connection is broken: tells the error and ends with it, or with the reason of a close that
/// was under way.
fn fail(stream: &mut Stream, what: &str, error: &io::Error) -> Fate {
    let close = stream.session.0.outbox().close;
    match close {
        // What is lost by it is told at the end.
        Some(close) => Fate::Ended(close.reason),
        None => {
            let pending = stream.session.0.pending.load(Ordering::Relaxed);
            let error = match pending {
                0 => Error::system(what, error),
                _ => Error::system(format!("{what}, {pending} bytes were not delivered"), error),
            };
            end_with(stream, error, Reason::Error)
        }
    }
}

/// Ends a stream without what still waits. A limit was passed by a send, where nobody could tell
/// the handler.
fn cut(stream: &mut Stream, reason: Reason) -> Fate {
    if reason == Reason::Limit {
        let limit = stream.session.0.endpoint.options.get(SocketOption::SendLimit);
        stream.on_error(&Error::limit(format!(
            "more bytes waited to be sent than the send limit of {limit} allows, and the send \
             policy is to disconnect"
        )));
    }
    Fate::Ended(reason)
}

fn end_with(stream: &mut Stream, error: Error, reason: Reason) -> Fate {
    stream.session.0.close(Close { reason, discard: true });
    stream.on_error(&error);
    Fate::Ended(reason)
}

fn undelivered_error(count: usize, stream: &Stream) -> Error {
    let timeout = stream.session.0.endpoint.options.close_timeout().as_millis();
    Error::timeout(format!(
        "{count} accepted bytes were not delivered: the peer closed the connection or did not \
         read them within {timeout} milliseconds"
    ))
}

#[cfg(all(test, target_pointer_width = "64", not(windows)))]
mod tests {
    use super::super::session::SessionInner;
    use super::Stream;

    /// Together with their allocator headers, a place in the loop and one in the server's list,
    /// these make the memory of an idle session.
    #[test]
    fn an_idle_session_is_small() {
        // mio keeps 8 more bytes in builds with debug assertions, aligned to 8.
        let debug = if cfg!(debug_assertions) { 16 } else { 0 };
        assert!(size_of::<Stream>() <= 72 + debug, "{}", size_of::<Stream>());
        assert!(size_of::<SessionInner>() <= 104, "{}", size_of::<SessionInner>());
    }
}
