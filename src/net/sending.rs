//! What leaves a stream: the queue of the application through the layers to the socket.

use std::io::{self, IoSlice};
use std::sync::atomic::Ordering;

use super::frames::Sent;
use super::stream::{Down, Fate, Stream, cut, discard, end_with, fail};
use super::worker::Worker;
use super::{Reason, context};
use crate::proto::Wire;
use crate::reactor::slots::Key;
use crate::reactor::sockets;

/// Slices of one vectored write.
const SLICES: usize = 64;

/// Writes of one stream before others get their turn.
const WRITES_PER_TURN: usize = 16;

impl Stream {
    #[inline(always)]
    fn write_some(&self, wire: &Wire) -> io::Result<usize> {
        if let Some(bytes) = wire.only_slice() {
            return sockets::send_vectored(&self.socket, &[IoSlice::new(bytes)]);
        }
        let mut room = [IoSlice::new(&[]); SLICES];
        sockets::send_vectored(&self.socket, wire.slices(&mut room))
    }

    /// Writes what waits, as far as the socket takes it. Returns how many bytes went out.
    #[inline(always)]
    pub(super) fn write(&mut self, wire: &mut Wire) -> io::Result<usize> {
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

    /// The system has taken that many bytes of the queue. Returns what of the user was in them.
    #[inline(always)]
    fn count_sent(&self, count: usize) -> Sent {
        let inner = &*self.session.0;
        if inner.endpoint.protocol.is_bytes() {
            let sent = Sent { bytes: count, messages: 0 };
            inner.count_sent(sent);
            inner.pending.fetch_sub(count, Ordering::Relaxed);
            return sent;
        }
        self.count_frames_sent(count)
    }

    #[inline(never)]
    fn count_frames_sent(&self, count: usize) -> Sent {
        let inner = &*self.session.0;
        let mut outbox = inner.outbox();
        let pending = inner.pending.fetch_sub(count, Ordering::Relaxed);
        let sent = outbox.take_sent(count, pending);
        let owed = outbox.push_owed();
        if owed > 0 {
            inner.pending.fetch_add(owed, Ordering::Relaxed);
            outbox.schedule().into_iter().for_each(context::mark_dirty);
        }
        drop(outbox);
        inner.count_sent(sent);
        sent
    }
}

impl Worker {
    /// Sends what waits and goes on with the end of the stream if that is wanted.
    pub(super) fn send(&mut self, key: Key, stream: &mut Stream) -> Fate {
        let transparent = stream.layer.is_transparent();
        let (queue, sent_direct, close) = {
            let mut outbox = stream.session.0.outbox();
            let queue = if stream.blocked || !transparent {
                // When it is blocked it stays scheduled: the socket itself tells when to go on.
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
        let outcome = match queue {
            Some(queue) => self.send_queue(key, stream, queue),
            None if transparent => Ok(Sent::default()),
            None => self.send_layered(key, stream),
        };
        let sent = match outcome {
            Ok(sent) => sent,
            Err(fate) => return fate,
        };
        let bytes = sent.bytes + sent_direct as usize;
        if bytes > 0 || sent.messages > 0 {
            stream.active = self.milliseconds;
            self.tell_sent(stream, bytes);
        } else if stream.session.0.awaits_empty()
            && stream.session.0.pending.load(Ordering::Relaxed) == 0
        {
            // What left last was not of the application.
            self.tell_awaited_empty(stream);
        }
        if stream.session.0.take_resumed()
            && let Err(error) = self.resume(key, stream)
        {
            return self.break_off(stream, error);
        }
        if stream.is_delivering() {
            return Fate::Alive;
        }
        let close = stream.session.0.outbox().close;
        match close {
            None => Fate::Alive,
            Some(close) if close.discard => cut(stream, close.reason),
            Some(close) => self.go_on_closing(key, stream, close.reason),
        }
    }

    /// Writes the bytes of the application as they are.
    #[inline(always)]
    fn send_queue(
        &mut self,
        key: Key,
        stream: &mut Stream,
        mut queue: Box<Wire>,
    ) -> Result<Sent, Fate> {
        let written = self.write(key, stream, &mut queue).map(|count| stream.count_sent(count));
        if queue.is_empty() {
            context::give_wire(queue);
        } else {
            let mut outbox = stream.session.0.outbox();
            outbox.put_back(queue);
            outbox.scheduled = true;
            if !stream.blocked {
                context::mark_dirty(key);
            }
        }
        written.map_err(|error| fail(stream, "cannot send", &error))
    }

    /// Writes, and has the loop told when a socket that takes no more takes more.
    #[inline(always)]
    pub(super) fn write(
        &mut self,
        key: Key,
        stream: &mut Stream,
        wire: &mut Wire,
    ) -> io::Result<usize> {
        let count = stream.write(wire)?;
        if count > 0 {
            // Also while it is only a part of what is told at once.
            stream.active = self.milliseconds;
        }
        if stream.blocked && !stream.watches_writes {
            self.registrar.watch_writes(&mut stream.socket, key)?;
            stream.watches_writes = true;
        }
        Ok(count)
    }

    /// Writes what the layers make of the bytes of the application, and what they have to say
    /// themselves. Returns how many bytes of the application are gone.
    #[inline(never)]
    fn send_layered(&mut self, key: Key, stream: &mut Stream) -> Result<Sent, Fate> {
        let mut sent = Sent::default();
        for _ in 0..WRITES_PER_TURN {
            let Some(mut down) = self.next_down(stream)? else {
                stream.release();
                return Ok(sent);
            };
            let written = match stream.blocked {
                true => Ok(0),
                false => self.write(key, stream, &mut down.wire),
            };
            if let Err(error) = written {
                return Err(fail(stream, "cannot send", &error));
            }
            if !down.wire.is_empty() {
                // The socket itself tells when to go on.
                stream.session.0.outbox().scheduled = true;
                stream.put_down(down);
                if !stream.blocked {
                    context::mark_dirty(key);
                }
                return Ok(sent);
            }
            let more = stream.count_sent(down.application);
            sent.bytes += more.bytes;
            sent.messages += more.messages;
            context::give_wire(down.wire);
        }
        stream.session.0.outbox().scheduled = true;
        context::mark_dirty(key);
        Ok(sent)
    }

    /// What is to be written next: what the socket did not take before, or a share of the queue.
    fn next_down(&mut self, stream: &mut Stream) -> Result<Option<Down>, Fate> {
        if let Some(down) = stream.take_down() {
            return Ok(Some(down));
        }
        let queue = {
            let mut outbox = stream.session.0.outbox();
            outbox.scheduled = false;
            match stream.layer.is_ready() {
                true => outbox.take_queue(),
                false => None,
            }
        };
        let Some(mut queue) = queue else { return Ok(None) };
        let mut wire = context::take_wire();
        let application = match stream.layer.send(&mut queue, &mut wire) {
            Ok(count) => count,
            Err(error) => {
                discard(queue);
                return Err(end_with(stream, error, Reason::Error));
            }
        };
        if queue.is_empty() {
            context::give_wire(queue);
        } else {
            stream.session.0.outbox().put_back(queue);
        }
        Ok(Some(Down { wire, application }))
    }

    /// Lets the layers say their last words. Whether they are out, and nothing more is expected of
    /// the peer.
    #[inline(never)]
    pub(super) fn say_goodbye(&mut self, key: Key, stream: &mut Stream, reason: Reason) -> bool {
        if stream.is_plain() {
            return true;
        }
        let goodbye = stream.session.goodbye(reason);
        let mut words = Wire::new();
        let done = stream.layer.close(&goodbye, &mut words);
        let Some(mut down) = stream.take_down().or_else(|| (!words.is_empty()).then(Down::default))
        else {
            return done;
        };
        down.wire.append(&mut words);
        // An error means that nobody is there to hear it.
        if !stream.blocked && self.write(key, stream, &mut down.wire).is_err() {
            return true;
        }
        if down.wire.is_empty() {
            return done;
        }
        stream.put_down(down);
        false
    }

    #[inline(always)]
    fn tell_sent(&mut self, stream: &mut Stream, sent: usize) {
        let pending = stream.session.0.pending.load(Ordering::Relaxed);
        stream.call("on_sent", |handler, session| handler.on_sent(session, sent, pending));
        if pending == 0 {
            if stream.session.0.awaits_empty() {
                stream.session.0.await_no_empty();
            }
            stream.call("on_empty", |handler, session| handler.on_empty(session));
        } else {
            stream.session.0.await_empty();
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_awaited_empty(&mut self, stream: &mut Stream) {
        stream.session.0.await_no_empty();
        stream.call("on_empty", |handler, session| handler.on_empty(session));
    }
}
