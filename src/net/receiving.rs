//! What comes to a stream: from the socket through the layers to the handler.
//!
//! What runs for each message is inlined, here and in `sending`, and what runs rarely is kept
//! apart: a system call leaves little of this code in the processor's caches, and each function
//! elsewhere has to be fetched again. As ordinary functions the same code took 8 % more CPU time
//! per message.

use std::io::{self, Read};
use std::sync::atomic::Ordering;

use super::handler::guard;
use super::outbox::{Close, Phase};
use super::stream::{Fate, HeldEnd, Stream, fail};
use super::worker::{READ_BUDGET, Worker};
use super::{Kind, Reason, Request, Response, SocketOption, context};
use crate::error::{Category, Error, Status};
use crate::proto::ws::{ABNORMAL, Agreement};
use crate::proto::{Event, Layer, Raw, Up, Wire};
use crate::reactor::slots::Key;
use crate::reactor::sys;

/// Room for unhandled bytes that a stream keeps.
const HELD_ROOM: usize = 4096;

/// What layers tell a stream, until something fails.
struct Told<'a> {
    stream: &'a mut Stream,
    key: Key,
    failure: Option<Error>,
}

impl Up for Told<'_> {
    fn tell(&mut self, event: Event<'_>) {
        if self.failure.is_none() {
            self.failure = self.stream.told(self.key, event).err();
        }
    }

    fn data(&mut self, kind: Kind, data: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.stream.received(kind, data).err();
        }
    }
}

impl Stream {
    /// Whether the peer is listened to: by the handler, unless something that came with a pause
    /// has to be told first; or by a handshake, which a pause does not stop, nor a close while
    /// something that was accepted before it waits for it.
    #[inline(always)]
    fn is_reading(&self) -> bool {
        let session = &self.session.0;
        match (self.layer.is_ready(), session.is_closing()) {
            (true, false) => !session.is_paused() && !self.holds_back(),
            // Some protocols have an answer to the end.
            (true, true) => self.layer.listens(),
            (false, false) => true,
            (false, true) => session.pending.load(Ordering::Relaxed) > 0,
        }
    }

    /// Uses the layers, with the stream at hand for what they tell. Their words for the peer wait
    /// for the next flush.
    #[inline(always)]
    pub(super) fn with_layer(
        &mut self,
        key: Key,
        call: impl FnOnce(&mut dyn Layer, &mut Wire, &mut dyn Up) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // The layer and the handler are both parts of the stream; the layer comes out meanwhile.
        let mut layer = std::mem::replace(&mut self.layer, Box::new(Raw));
        let mut down = Wire::new();
        let mut told = Told { stream: self, key, failure: None };
        let result = call(&mut *layer, &mut down, &mut told);
        let failure = told.failure;
        self.layer = layer;
        if !down.is_empty() {
            self.down().wire.append(&mut down);
            context::mark_dirty(key);
        }
        failure.map_or(result, Err)
    }

    #[inline(always)]
    fn received(&mut self, kind: Kind, data: &[u8]) -> Result<(), Error> {
        if !self.is_delivering() {
            return Ok(());
        }
        self.session.0.count_received(kind, data.len());
        if self.session.0.is_paused() || self.holds_back() {
            self.rare().held_back.push(kind, data);
            return Ok(());
        }
        self.deliver(kind, data)
    }

    #[cold]
    #[inline(never)]
    fn told(&mut self, key: Key, event: Event<'_>) -> Result<(), Error> {
        match event {
            Event::Data(kind, data) => return self.received(kind, data),
            Event::Inflates(goes_on) => {
                let holds_back = self.session.0.is_paused() || self.holds_back();
                *goes_on = !(self.is_delivering() && holds_back);
                if !*goes_on {
                    self.rare().layer_waits = true;
                }
            }
            Event::Reply(bytes) => self.session.0.reply(bytes),
            Event::Secured(details) => self.session.0.outbox().peer.set_tls(details),
            Event::Request(request, response) => self.requested(request, response),
            Event::Ready(agreement) => self.handshaked(key, agreement),
            Event::Closed(frame) => {
                if let Some(frames) = self.session.0.outbox().frames() {
                    frames.set_close(frame);
                }
                self.ended(key);
            }
            Event::End => self.ended(key),
            Event::Done => {
                self.session.0.close(Close { reason: Reason::Local, discard: false });
                let lost = self.session.drop_queue();
                if lost > 0 {
                    self.on_error(&Error::state(format!(
                        "the client has asked for no session; {lost} bytes were not delivered"
                    )));
                }
            }
            Event::Failed(error) => {
                context::mark_dirty(key);
                self.failed(error);
            }
        }
        Ok(())
    }

    /// The peer has said that it sends no more.
    fn ended(&mut self, key: Key) {
        // An end that this side has asked for goes on.
        context::mark_dirty(key);
        if self.session.0.is_paused() || self.holds_back() {
            self.rare().end_held_back = Some(HeldEnd::Closed);
        } else {
            self.peer_ended();
        }
    }

    fn peer_ended(&self) {
        self.session.0.close(Close { reason: Reason::PeerClosed, discard: false });
    }

    /// The peer breaks the protocol. What was accepted before is still delivered, if it can be.
    fn failed(&mut self, mut error: Error) {
        if !self.is_delivering() {
            return;
        }
        let is_ready = self.session.0.is_ready();
        if is_ready && (self.session.0.is_paused() || self.holds_back()) {
            self.rare().end_held_back = Some(HeldEnd::Failed(Box::new(error)));
            return;
        }
        self.session.0.close(Close { reason: reason_of(&error), discard: false });
        // Before the handshake it can never leave, and after the close nothing more comes to it.
        let lost = if is_ready { 0 } else { self.session.drop_queue() };
        if lost > 0 {
            error = error.and(format!("{lost} bytes were not delivered"));
        }
        self.on_error(&error);
    }

    fn requested(&mut self, request: &Request, response: &mut Response) {
        const HANDSHAKE: u16 = 101;
        let is_handshake = response.status() == HANDSHAKE;
        let Stream { handler, session, .. } = self;
        let web_socket = session.0.endpoint.protocol.web_socket();
        let checked = match (is_handshake, web_socket) {
            (true, Some(web_socket)) => web_socket.check_request(request, response),
            _ => Ok(None),
        };
        let answered = checked.and_then(|refusal| {
            match is_handshake {
                true => guard("on_handshake", || handler.on_handshake(session, request, response))?,
                false => guard("on_request", || handler.on_request(session, request, response))?,
            }
            Ok(refusal)
        });
        if let Ok(Some(refusal)) = answered {
            self.on_error(&refusal);
        } else if let Err(error) = answered {
            // The client hears that it is not its fault, and then the session ends.
            response.fail();
            self.on_error(&error);
            self.session.0.close(Close { reason: Reason::Error, discard: false });
        }
    }

    #[inline(never)]
    fn tell_batch(&mut self) {
        self.call("on_batch", |handler, session| handler.on_batch(session));
    }

    fn holds_back(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| {
            rare.layer_waits || rare.end_held_back.is_some() || !rare.held_back.is_empty()
        })
    }

    /// Delivers what came with a pause, until the next one.
    #[cold]
    #[inline(never)]
    pub(super) fn deliver_held_back(&mut self) -> Result<(), Error> {
        let Some(rare) = &mut self.rare else { return Ok(()) };
        let mut held_back = std::mem::take(&mut rare.held_back);
        while self.is_delivering()
            && !self.session.0.is_paused()
            && let Some((kind, data)) = held_back.pop()
        {
            self.deliver(kind, data)?;
        }
        if held_back.is_empty() && !self.session.0.is_paused() {
            match self.rare().end_held_back.take() {
                None => {}
                Some(HeldEnd::Closed) => self.peer_ended(),
                Some(HeldEnd::Failed(error)) => self.failed(*error),
            }
        } else {
            self.rare().held_back = held_back;
        }
        Ok(())
    }

    /// Application data flows from here on.
    fn handshaked(&mut self, key: Key, agreement: Agreement) {
        let web_socket = self.session.0.endpoint.protocol.web_socket();
        if let Some(Err(error)) = web_socket.map(|own| own.check_agreement(&agreement)) {
            context::mark_dirty(key);
            return self.failed(error);
        }
        {
            let mut outbox = self.session.0.outbox();
            if let Some(frames) = outbox.frames() {
                frames.agree(agreement);
            }
            if outbox.phase == Phase::Handshaking {
                outbox.phase = Phase::Open;
            }
        }
        self.session.0.set_ready();
        if self.is_delivering() {
            self.call("on_handshaked", |handler, session| handler.on_handshaked(session));
        }
    }

    /// Hands data to the handler, behind what it left unhandled before.
    #[inline(always)]
    fn deliver(&mut self, kind: Kind, data: &[u8]) -> Result<(), Error> {
        if self.rare.as_ref().is_some_and(|rare| !rare.held.is_empty()) {
            return self.deliver_behind(kind, data);
        }
        let handled =
            self.call("on_received", |handler, session| handler.on_received(session, kind, data));
        match handled {
            Some(handled) if kind == Kind::Bytes && handled < data.len() => {
                self.hold(&data[handled..])
            }
            _ => Ok(()),
        }
    }

    #[inline(never)]
    fn deliver_behind(&mut self, kind: Kind, data: &[u8]) -> Result<(), Error> {
        let mut held = std::mem::take(&mut self.rare().held);
        held.extend_from_slice(data);
        let handled =
            self.call("on_received", |handler, session| handler.on_received(session, kind, &held));
        held.drain(..handled.unwrap_or(held.len()).min(held.len()));
        self.keep(held)
    }

    /// Keeps what was left unhandled.
    #[inline(never)]
    fn hold(&mut self, rest: &[u8]) -> Result<(), Error> {
        let mut held = std::mem::take(&mut self.rare().held);
        held.extend_from_slice(rest);
        self.keep(held)
    }

    /// Keeps what was left unhandled, and a little room for the next time.
    fn keep(&mut self, mut held: Vec<u8>) -> Result<(), Error> {
        let count = held.len();
        if held.capacity() / 4 > count.max(HELD_ROOM) {
            held.shrink_to(count);
        }
        if count > 0 || (1..=HELD_ROOM).contains(&held.capacity()) {
            self.rare().held = held;
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
}

/// Why a session ends with this error.
pub(super) fn reason_of(error: &Error) -> Reason {
    match error.status() {
        Status::Limit => Reason::Limit,
        _ if error.category() == Category::WebSocket && error.code() == i32::from(ABNORMAL) => {
            Reason::Truncated
        }
        _ => Reason::Error,
    }
}

impl Worker {
    /// Reads until the socket is empty, the share of this turn is used up, or the stream ends.
    #[inline(always)]
    pub(super) fn read(&mut self, key: Key, stream: &mut Stream) -> Fate {
        let mut buffer = std::mem::take(&mut self.buffer);
        let fate = self.read_into(buffer.bytes_mut(), key, stream);
        self.buffer = buffer;
        if stream.session.0.endpoint.tells_batches {
            stream.tell_batch();
        }
        fate
    }

    #[inline(always)]
    fn read_into(&mut self, buffer: &mut [u8], key: Key, stream: &mut Stream) -> Fate {
        let mut budget = READ_BUDGET;
        while stream.is_reading() {
            let count = match stream.socket.read(buffer) {
                Ok(0) => {
                    stream.read_to_the_end = true;
                    return self.peer_closed(key, stream);
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Fate::Alive,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return fail(stream, "the connection failed", &error);
                }
            };
            stream.active = self.milliseconds;
            if let Some(rare) = &mut stream.rare {
                rare.pinged = false;
            }
            let was_ready = stream.layer.is_ready();
            let bytes = &mut buffer[..count];
            let received = stream.with_layer(key, |layer, down, up| layer.receive(bytes, down, up));
            if let Err(error) = received {
                return self.break_off(stream, error);
            }
            if !was_ready && stream.layer.is_ready() {
                self.became_ready(key, stream);
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

    /// Reading goes on after a pause: no event tells what came meanwhile.
    pub(super) fn resume(&mut self, key: Key, stream: &mut Stream) -> Result<(), Error> {
        self.unfinished.push(key);
        if let Some(rare) = &mut stream.rare {
            // The answer may be among what nobody has read.
            rare.pinged = false;
        }
        stream.deliver_held_back()?;
        if let Some(rare) = &mut stream.rare {
            rare.layer_waits = false;
        }
        let went_on = stream.with_layer(key, |layer, down, up| layer.go_on(down, up));
        if stream.session.0.endpoint.tells_batches {
            stream.tell_batch();
        }
        went_on
    }

    /// Application data may flow: what was accepted before the handshake leaves, and silence
    /// counts.
    #[cold]
    #[inline(never)]
    fn became_ready(&mut self, key: Key, stream: &mut Stream) {
        if stream.closing.is_none() {
            stream.take_timer().map(|timer| self.timers.cancel(timer));
            self.watch_silence(key, stream);
        }
        if stream.layer.is_transparent() {
            // What the layers have said comes first, and now: in the queue a policy could drop it.
            let down = stream.take_down().map(|mut down| {
                // An error is left for the flush to meet.
                let _ = self.write(key, stream, &mut down.wire);
                down
            });
            let mut outbox = stream.session.0.outbox();
            outbox.transparent = true;
            if let Some(down) = down.filter(|down| !down.wire.is_empty()) {
                stream.session.0.pending.fetch_add(down.wire.len(), Ordering::Relaxed);
                outbox.put_back(down.wire);
            }
        }
        stream.release();
        context::mark_dirty(key);
    }

    /// The peer sends no more. What was accepted for it is still delivered.
    #[cold]
    #[inline(never)]
    fn peer_closed(&mut self, key: Key, stream: &mut Stream) -> Fate {
        let mut reason = Reason::PeerClosed;
        if let Err(error) = stream.layer.end()
            && stream.is_delivering()
        {
            reason = Reason::Truncated;
            stream.on_error(&error);
        }
        stream.session.0.close(Close { reason, discard: false });
        if !stream.layer.is_ready() {
            // No handshake can be finished any more.
            let close = stream.session.0.outbox().close;
            return Fate::Ended(close.map_or(reason, |close| close.reason));
        }
        self.send(key, stream)
    }
}
