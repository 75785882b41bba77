//! Streams: one socket, one layer stack, one handler, from the first byte to the last callback.
//! What comes to a stream is in `receiving.rs`, what leaves it in `sending.rs`.

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::accept::Run;
use super::endpoint::Role;
use super::handler::{SessionHandler, drop_guarded, guard};
use super::held_back::HeldBack;
use super::outbox::{Close, Phase};
use super::receiving::reason_of;
use super::worker::{Due, Source, Worker};
use super::{Reason, Session, SocketOption, context};
use crate::error::Error;
use crate::proto::{Layer, Wire};
use crate::reactor::event_loop::Readiness;
use crate::reactor::slots::Key;
use crate::reactor::sockets::StreamSocket;
use crate::reactor::sys::{self, LentSocket};
use crate::reactor::timers::TimerKey;

pub(super) struct Stream {
    /// Before the socket, so that it goes first.
    pub(super) session: Lending,
    pub(super) socket: StreamSocket,
    pub(super) layer: Box<dyn Layer>,
    pub(super) handler: Box<dyn SessionHandler>,
    /// The server's side; clients have none.
    run: Option<Arc<Run>>,
    /// What most streams do without.
    pub(super) rare: Option<Box<Rare>>,
    /// When the last byte came or went, in the loop's milliseconds.
    pub(super) active: u32,
    /// The socket takes no more for now.
    pub(super) blocked: bool,
    /// The loop is told when it takes more; that begins with the first time it takes no more, and
    /// ends when it is told for nothing.
    pub(super) watches_writes: bool,
    /// The peer has closed its side: reading goes on to the end without waiting for events.
    pub(super) read_closed: bool,
    /// And that end was read.
    pub(super) read_to_the_end: bool,
    /// Why the stream is being closed.
    pub(super) closing: Option<Reason>,
}

/// The session of a stream, to which the stream lends its socket.
pub(super) struct Lending {
    session: Session,
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
        leave_server(&self.session);
    }
}

/// Takes a session off the list of its server and counts it out.
fn leave_server(session: &Session) {
    let endpoint = &session.0.endpoint;
    if let Role::Server(server) = &endpoint.role {
        server.delist(session);
        server.topics.leave(session);
        let peer = session.peer_address().map(|address| address.ip());
        let admission = session.0.outbox().admission;
        endpoint.discharge(admission, peer);
    }
}

/// The parts of a stream that are apart so that an idle one stays small.
#[derive(Default)]
pub(super) struct Rare {
    /// Received bytes that the handler left unhandled.
    pub(super) held: Vec<u8>,
    /// What came with a pause, in order, and whether the peer's end came behind it.
    pub(super) held_back: HeldBack,
    pub(super) end_held_back: Option<HeldEnd>,
    /// The layer keeps a message back, and what follows it.
    pub(super) layer_waits: bool,
    /// The deadline of the handshake, then the idle timeout, while closing the close deadline.
    timer: Option<TimerKey>,
    /// What the layers made for the peer and the socket has not taken yet.
    down: Option<Down>,
    /// It waits for its turn among the handshakes of the loop.
    in_handshakes: bool,
    /// The peer was asked for a sign of life, and nothing came since.
    pub(super) pinged: bool,
    /// An alert went to the peer, who should be able to read it.
    alerted: bool,
}

/// How the peer has ended behind what is held back.
pub(super) enum HeldEnd {
    Closed,
    Failed(Box<Error>),
}

/// Bytes for the peer, and how many application bytes are in them.
#[derive(Default)]
pub(super) struct Down {
    pub(super) wire: Box<Wire>,
    pub(super) application: usize,
}

/// What became of a stream.
#[must_use]
pub(super) enum Fate {
    Alive,
    Ended(Reason),
}

impl Stream {
    pub(super) fn new(
        socket: StreamSocket,
        layer: Box<dyn Layer>,
        session: Session,
        handler: Box<dyn SessionHandler>,
        run: Option<Arc<Run>>,
    ) -> Stream {
        Stream {
            session: Lending { session },
            socket,
            layer,
            handler,
            // A client's socket was watched for its connect.
            watches_writes: run.is_none(),
            run,
            rare: None,
            active: 0,
            blocked: false,
            read_closed: false,
            read_to_the_end: false,
            closing: None,
        }
    }

    /// Tells the handler of a failure.
    pub(super) fn on_error(&mut self, error: &Error) {
        let Stream { handler, session, .. } = self;
        let _ = guard("on_error", || handler.on_error(session, error));
    }

    /// Runs a callback. A panic is told to `on_error` and ends the session.
    #[inline(always)]
    pub(super) fn call<R>(
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

    /// After how much silence the peer is asked for a sign of life.
    fn ping_interval(&self) -> Option<Duration> {
        let endpoint = &self.session.0.endpoint;
        endpoint.protocol.web_socket()?;
        endpoint.options.milliseconds(SocketOption::PingInterval)
    }

    /// Whether the bytes of the application are all that passes.
    pub(super) fn is_plain(&self) -> bool {
        let endpoint = &self.session.0.endpoint;
        endpoint.tls.is_none() && endpoint.protocol.is_bytes()
    }

    /// Whether received bytes still go to the handler.
    pub(super) fn is_delivering(&self) -> bool {
        !self.session.0.is_closing()
    }

    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// What the layers made for the peer.
    pub(super) fn down(&mut self) -> &mut Down {
        self.rare().down.get_or_insert_default()
    }

    pub(super) fn take_down(&mut self) -> Option<Down> {
        self.rare.as_mut()?.down.take()
    }

    pub(super) fn put_down(&mut self, down: Down) {
        self.rare().down = Some(down);
    }

    /// Gives memory back that a quiet stream does without.
    pub(super) fn release(&mut self) {
        if let Some(rare) = &self.rare
            && rare.held.capacity() == 0
            && rare.timer.is_none()
            && rare.down.is_none()
            && rare.held_back.is_empty()
            && rare.end_held_back.is_none()
            && !(rare.layer_waits || rare.in_handshakes)
        {
            self.rare = None;
        }
    }

    pub(super) fn set_timer(&mut self, timer: TimerKey) {
        self.rare().timer = Some(timer);
    }

    pub(super) fn take_timer(&mut self) -> Option<TimerKey> {
        self.rare.as_mut()?.timer.take()
    }
}

impl Worker {
    /// Announces a connection that is there.
    pub(super) fn open_stream(&mut self, key: Key, mut stream: Box<Stream>) {
        stream.active = self.milliseconds;
        let inner = Arc::clone(&stream.session.0);
        inner.bytes_sent.reset();
        inner.bytes_received.reset();
        inner.messages_sent.reset();
        inner.messages_received.reset();
        inner.pending.store(0, Ordering::Relaxed);
        {
            let mut outbox = inner.outbox();
            outbox.key = key;
            outbox.transparent = stream.layer.is_transparent();
            outbox.socket = Some(LentSocket::new(sys::native_handle(&stream.socket)));
            outbox.scheduled = false;
            outbox.may_linger = false;
            outbox.peer.set_framing(inner.endpoint.protocol.framing());
            // A disconnect in on_session, or while connecting, counts from here on.
            outbox.phase = match outbox.close {
                None if stream.layer.is_ready() => Phase::Open,
                None => Phase::Handshaking,
                Some(_) => {
                    context::mark_dirty(key);
                    Phase::Closing
                }
            };
        }
        inner.connected.store(true, Ordering::Release);
        let deadline = match stream.layer.is_ready() {
            true => SocketOption::IdleTimeout,
            false => SocketOption::HandshakeTimeout,
        };
        if let Some(timeout) = inner.endpoint.options.milliseconds(deadline) {
            stream.set_timer(self.timers.insert(self.now + timeout, Due::Source(key)));
        }
        stream.call("on_connected", |handler, session| handler.on_connected(session));
        if let Some(run) = stream.run.clone() {
            run.on_connected(&stream.session, &mut *stream.handler);
        }
        let fate = match stream.with_layer(key, |layer, down, up| layer.start(down, up)) {
            Ok(()) => Fate::Alive,
            Err(error) => self.break_off(&mut stream, error),
        };
        self.settle(key, stream, fate);
    }

    #[inline(always)]
    pub(super) fn stream_ready(&mut self, key: Key, mut stream: Box<Stream>, ready: Readiness) {
        stream.read_closed |= ready.closed;
        if ready.writable {
            if stream.blocked {
                stream.blocked = false;
                context::mark_dirty(key);
            } else if stream.watches_writes && !ready.readable {
                self.unwatch_writes(key, &mut stream);
            }
        }
        let fate = match ready.readable {
            true if !stream.layer.is_ready() => {
                // Handshakes cost so much that they have a share of their own in each turn.
                if !std::mem::replace(&mut stream.rare().in_handshakes, true) {
                    self.handshakes.push_back(key);
                }
                Fate::Alive
            }
            true => self.read(key, &mut stream),
            false => Fate::Alive,
        };
        self.settle(key, stream, fate);
    }

    /// Nobody has waited for this event. Some sockets, those of the Unix domain on Linux for one,
    /// have one whenever the peer has read something.
    #[cold]
    fn unwatch_writes(&mut self, key: Key, stream: &mut Stream) {
        // Else there are events too many, and nothing worse.
        let _ = self.registrar.watch_reads(&mut stream.socket, key);
        stream.watches_writes = false;
    }

    /// A handshake has its turn.
    pub(super) fn go_on_shaking_hands(&mut self, key: Key, mut stream: Box<Stream>) {
        stream.rare().in_handshakes = false;
        let fate = self.read(key, &mut stream);
        self.settle(key, stream, fate);
    }

    #[inline(always)]
    pub(super) fn flush_stream(&mut self, key: Key, mut stream: Box<Stream>) {
        let fate = self.send(key, &mut stream);
        self.settle(key, stream, fate);
    }

    pub(super) fn stream_expired(&mut self, key: Key, mut stream: Box<Stream>) {
        stream.take_timer();
        let fate = match stream.closing {
            Some(reason) => Fate::Ended(reason),
            None if !stream.layer.is_ready() => {
                let options = &stream.session.0.endpoint.options;
                let limit = options.get(SocketOption::HandshakeTimeout);
                let text = format!("the handshake was not finished within {limit} milliseconds");
                end_with(&mut stream, Error::timeout(text), Reason::Timeout)
            }
            None => self.check_silence(key, &mut stream),
        };
        self.settle(key, stream, fate);
    }

    #[inline(always)]
    fn settle(&mut self, key: Key, stream: Box<Stream>, fate: Fate) {
        match fate {
            Fate::Alive => self.slots.restore(key, Source::Stream(stream)),
            Fate::Ended(reason) => self.end_stream(key, *stream, reason),
        }
    }

    /// The layers, or the limit of unhandled bytes, allow no more. What the layers have said to the
    /// peer about it leaves.
    #[cold]
    #[inline(never)]
    pub(super) fn break_off(&mut self, stream: &mut Stream, error: Error) -> Fate {
        let reason = reason_of(&error);
        if let Some(mut down) = stream.take_down()
            && !stream.blocked
        {
            // Once, and if the socket does not take it now, then not.
            stream.rare().alerted = stream.write(&mut down.wire).is_ok() && down.wire.is_empty();
        }
        end_with(stream, error, reason)
    }

    /// Ends the stream when everything is delivered; until then a deadline runs.
    pub(super) fn go_on_closing(&mut self, key: Key, stream: &mut Stream, reason: Reason) -> Fate {
        if stream.session.0.pending.load(Ordering::Relaxed) == 0
            && self.say_goodbye(key, stream, reason)
        {
            return Fate::Ended(reason);
        }
        if stream.closing.is_none() {
            stream.closing = Some(reason);
            stream.take_timer().map(|timer| self.timers.cancel(timer));
            let timeout = stream.session.0.endpoint.options.close_timeout();
            stream.set_timer(self.timers.insert(self.now + timeout, Due::Source(key)));
            if stream.layer.listens() {
                // What came while nobody read has no event any more, and its end may be in it.
                self.unfinished.push(key);
                let heard = stream.with_layer(key, |layer, down, up| layer.go_on(down, up));
                if let Err(error) = heard {
                    return self.break_off(stream, error);
                }
            }
        }
        Fate::Alive
    }

    /// Begins to look at how long nothing comes and goes, if that is wanted.
    pub(super) fn watch_silence(&mut self, key: Key, stream: &mut Stream) {
        let options = &stream.session.0.endpoint.options;
        let idle = options.milliseconds(SocketOption::IdleTimeout);
        if let Some(first) = idle.into_iter().chain(stream.ping_interval()).min() {
            stream.set_timer(self.timers.insert(self.now + first, Due::Source(key)));
        }
    }

    /// Ends the stream if nothing came or went for too long, or asks its peer for a sign of life.
    fn check_silence(&mut self, key: Key, stream: &mut Stream) -> Fate {
        let silence = Duration::from_millis(self.milliseconds.wrapping_sub(stream.active).into());
        let idle = stream.session.0.endpoint.options.milliseconds(SocketOption::IdleTimeout);
        if let Some(timeout) = idle.filter(|timeout| *timeout <= silence) {
            let text = format!("no byte came or went for {} milliseconds", timeout.as_millis());
            return end_with(stream, Error::timeout(text), Reason::Timeout);
        }
        let mut next = idle.map(|timeout| timeout - silence);
        if let Some(interval) = stream.ping_interval() {
            let mut rest = interval.saturating_sub(silence);
            if rest.is_zero() {
                // Who does not read cannot hear the answer.
                let listens = !stream.session.0.is_paused();
                if std::mem::replace(&mut stream.rare().pinged, listens) && listens {
                    let text = format!(
                        "the peer did not answer a ping within {} milliseconds",
                        interval.as_millis()
                    );
                    return end_with(stream, Error::timeout(text), Reason::Timeout);
                }
                stream.session.0.ping();
                rest = interval;
            }
            next = Some(next.map_or(rest, |next| next.min(rest)));
        }
        if let Some(next) = next {
            stream.set_timer(self.timers.insert(self.now + next, Due::Source(key)));
        }
        Fate::Alive
    }

    /// Closes the socket and tells everybody, in the promised order.
    #[cold]
    #[inline(never)]
    fn end_stream(&mut self, key: Key, mut stream: Stream, reason: Reason) {
        stream.take_timer().map(|timer| self.timers.cancel(timer));
        let inner = Arc::clone(&stream.session.0);
        let undelivered;
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
            let pending = inner.pending.swap(0, Ordering::Relaxed);
            undelivered = outbox.take_undelivered(pending);
            close.is_some_and(|close| close.discard)
        };
        if undelivered > 0 && !discarded {
            stream.on_error(&undelivered_error(undelivered, &stream));
        }
        let session = stream.session.session.clone();
        let Stream { socket, mut handler, run, rare, read_to_the_end, .. } = stream;
        let complete = undelivered == 0 && !discarded;
        let alerted = rare.is_some_and(|rare| rare.alerted);
        let waits = (complete || alerted) && !read_to_the_end;
        self.close_socket(key, socket, &session, waits);
        session.0.connected.store(false, Ordering::Release);
        let Some(run) = run else {
            return self.disconnected(session, handler, reason);
        };
        self.report(guard("on_disconnected", || handler.on_disconnected(&session, reason)));
        run.on_disconnected(&session, &mut *handler, reason);
        leave_server(&session);
        drop_guarded(handler);
        drop(run);
    }
}

pub(super) fn discard(mut wire: Box<Wire>) {
    wire.clear();
    context::give_wire(wire);
}

/// The connection is broken: tells the error and ends with it, or with the reason of a close that
/// was under way.
pub(super) fn fail(stream: &mut Stream, what: &str, error: &io::Error) -> Fate {
    let close = stream.session.0.outbox().close;
    match close {
        // What is lost by it is told at the end.
        Some(close) => Fate::Ended(close.reason),
        None => end_with(stream, Error::system(what, error), Reason::Error),
    }
}

/// Ends a stream without what still waits. A limit was passed by a send, where nobody could tell
/// the handler.
pub(super) fn cut(stream: &mut Stream, reason: Reason) -> Fate {
    if reason == Reason::Limit {
        let limit = stream.session.0.endpoint.options.get(SocketOption::SendLimit);
        stream.on_error(&Error::limit(format!(
            "more bytes waited to be sent than the send limit of {limit} allows, and the send \
             policy is to disconnect"
        )));
    }
    Fate::Ended(reason)
}

/// Ends a stream by an error. What is lost by it is told with it.
pub(super) fn end_with(stream: &mut Stream, error: Error, reason: Reason) -> Fate {
    let error = match stream.session.0.pending.load(Ordering::Relaxed) {
        0 => error,
        pending => error.and(format!("{pending} bytes were not delivered")),
    };
    stream.session.0.close(Close { reason, discard: true });
    stream.on_error(&error);
    Fate::Ended(reason)
}

fn undelivered_error(count: usize, stream: &Stream) -> Error {
    let timeout = stream.session.0.endpoint.options.close_timeout().as_millis();
    Error::timeout(format!(
        "{count} accepted bytes were not delivered: the peer closed the connection or did not \
         read them within {timeout} milliseconds, or the last part of a message was not sent"
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
        assert!(size_of::<SessionInner>() <= 120, "{}", size_of::<SessionInner>());
    }
}
