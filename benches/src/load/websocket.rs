//! WebSocket as a client, around any transport: what is written to a stream goes out as messages,
//! and what is read from it is what messages brought.
//!
//! Servers must return each message as one message of the same kind, with the same bytes. That is
//! checked here, down to the last byte.

mod deflate;
mod frame;
mod handshake;
mod incoming;

use super::closed;
use super::transport::{Transport, is_later};
use frame::{Opcode, push};
use incoming::{Incoming, Sink};
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;

/// What one read may bring, and what one write takes.
const BATCH: usize = 64 * 1024;
/// Where there are records, the handshake is one.
const HANDSHAKE: usize = 4096;
/// Not zero, so that servers have to take it away. For them it is as good as one that changes.
const MASK: [u8; 4] = [0x5a, 0xc3, 0x17, 0x9e];
/// Normal closure, 1000.
const GOODBYE: [u8; 2] = 1000_u16.to_be_bytes();

/// Makes WebSocket connections over another transport.
pub struct WebSocket<T> {
    inner: T,
    rules: Rules,
    shared: Rc<RefCell<Shared>>,
}

/// How the messages look.
#[derive(Clone, Copy)]
struct Rules {
    kind: Opcode,
    compressed: bool,
    various: bool,
}

/// What the connections have together.
#[derive(Default)]
struct Shared {
    /// What was read; used within a call only.
    memory: Vec<u8>,
    /// The message that all of them send.
    message: Vec<u8>,
    /// The size of its frame.
    frame: usize,
    /// This frame, many times.
    frames: Vec<u8>,
    /// The message in the server's compression, which was found to be right.
    reply: Vec<u8>,
}

impl<T> WebSocket<T> {
    /// All connections send one message of bytes again and again: the first one.
    pub fn new(inner: T) -> Self {
        let rules = Rules { kind: Opcode::Binary, compressed: false, various: false };
        WebSocket { inner, rules, shared: Rc::default() }
    }

    /// Messages of text instead of bytes.
    pub fn text(mut self) -> Self {
        self.rules.kind = Opcode::Text;
        self
    }

    /// Messages are compressed, each by itself.
    pub fn compressed(mut self) -> Self {
        self.rules.compressed = true;
        self
    }

    /// Each write is a message of its own. Kinds and sizes are checked, and whoever reads has to
    /// look at the bytes.
    pub fn various(mut self) -> Self {
        self.rules.various = true;
        self
    }
}

impl<T: Transport> Transport for WebSocket<T> {
    type Stream = WebSocketStream<T>;

    fn begin(&self, socket: TcpStream, message: usize) -> io::Result<WebSocketStream<T>> {
        let mut stream = WebSocketStream {
            inner: self.inner.begin(socket, HANDSHAKE)?,
            rules: self.rules,
            shared: self.shared.clone(),
            message,
            unsent: handshake::request(self.rules.compressed),
            answer: Vec::new(),
            ready: false,
            records: false,
            plain: Vec::new(),
            incoming: Incoming::new(self.rules, message),
            sent: 0,
        };
        // The request leaves now, or later when the socket is still connecting.
        stream.push()?;
        Ok(stream)
    }

    fn description(stream: &WebSocketStream<T>) -> Option<String> {
        let inner = T::description(&stream.inner);
        if !stream.rules.compressed {
            return inner;
        }
        let (plain, packed) = (stream.sent, stream.incoming.packed_total());
        let deflate = format!("permessage-deflate of {plain} bytes to {packed}");
        Some(inner.map_or(deflate.clone(), |inner| format!("{inner}, {deflate}")))
    }
}

/// One connection.
pub struct WebSocketStream<T: Transport> {
    inner: T::Stream,
    rules: Rules,
    shared: Rc<RefCell<Shared>>,
    /// The size of all messages, unless they are various.
    message: usize,
    /// Frames, or the request, that the transport did not take yet.
    unsent: Vec<u8>,
    /// The beginning of the answer to it.
    answer: Vec<u8>,
    ready: bool,
    /// The transport knows the size of the frames.
    records: bool,
    /// What messages brought and there was no room for.
    plain: Vec<u8>,
    incoming: Incoming,
    /// Bytes of various messages that were sent, before they were compressed.
    sent: usize,
}

impl<T: Transport> WebSocketStream<T> {
    /// Reads until the socket is drained or `buffer` is full; how much of it was filled.
    fn pull(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut plain = std::mem::take(&mut self.plain);
        let filled = plain.len().min(buffer.len());
        buffer[..filled].copy_from_slice(&plain[..filled]);
        plain.drain(..filled);
        let mut sink = Sink { buffer, filled, plain: &mut plain };
        let shared = self.shared.clone();
        let mut shared = shared.borrow_mut();
        let mut memory = std::mem::take(&mut shared.memory);
        memory.resize(BATCH, 0);
        while sink.plain.is_empty() && (sink.filled < sink.buffer.len() || !self.ready) {
            let size = match self.inner.read(&mut memory) {
                Ok(0) if sink.filled > 0 => break,
                Ok(0) => return Err(closed()),
                Ok(size) => size,
                Err(error) if is_later(&error) => break,
                Err(error) => return Err(error),
            };
            let begin = if self.ready { Some(0) } else { self.take_answer(&memory[..size])? };
            if let Some(begin) = begin {
                let (bytes, answers) = (&memory[begin..size], &mut self.unsent);
                self.incoming.take(bytes, &mut shared, &mut sink, answers)?;
            }
            if size < BATCH {
                break;
            }
        }
        shared.memory = memory;
        let filled = sink.filled;
        self.plain = plain;
        Ok(filled)
    }

    /// Takes the answer to the handshake; where the first frame begins, if the answer is whole.
    fn take_answer(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let before = self.answer.len();
        self.answer.extend_from_slice(bytes);
        let size = handshake::answer(&self.answer, self.rules.compressed)?;
        if size.is_some() {
            self.ready = true;
            self.answer = Vec::new();
        }
        Ok(size.map(|size| size - before))
    }

    /// Gives the transport what it did not take before; true when nothing is left.
    fn push(&mut self) -> io::Result<bool> {
        let sent = write_some(&mut self.inner, &self.unsent)?;
        self.unsent.drain(..sent);
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
        }
        // The transport may keep something too.
        match self.inner.flush() {
            Ok(()) => Ok(self.unsent.is_empty()),
            Err(error) if is_later(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Pushes the handshake on; an error when it is not done.
    fn need_ready(&mut self) -> io::Result<()> {
        if !self.ready {
            self.push()?;
            self.pull(&mut [])?;
        }
        if self.ready { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// Each of various messages has a frame of its own.
    fn send_various(&mut self, message: &[u8]) -> io::Result<()> {
        self.rules.frame(&mut self.unsent, message)?;
        self.incoming.expect(message.len());
        self.sent += message.len();
        self.push().map(|_| ())
    }

    /// The same frame as often as `data` has the message.
    fn send_same(&mut self, data: &[u8]) -> io::Result<()> {
        let shared = self.shared.clone();
        let mut shared = shared.borrow_mut();
        let Shared { message, frame, frames, .. } = &mut *shared;
        if message.is_empty() {
            message.extend_from_slice(&data[..self.message]);
            self.rules.frame(frames, message)?;
            *frame = frames.len();
        }
        if !self.records {
            self.records = true;
            T::set_message(&mut self.inner, *frame);
        }
        let size = data.len() / self.message * *frame;
        while frames.len() < size {
            frames.extend_from_within(..*frame);
        }
        let sent = write_some(&mut self.inner, &frames[..size])?;
        self.unsent.extend_from_slice(&frames[sent..size]);
        Ok(())
    }
}

impl Rules {
    fn frame(self, out: &mut Vec<u8>, message: &[u8]) -> io::Result<()> {
        if self.compressed {
            push(out, self.kind, true, &deflate::pack(message)?, MASK);
        } else {
            push(out, self.kind, false, message, MASK);
        }
        Ok(())
    }
}

/// Writes as much as the transport takes.
fn write_some(inner: &mut impl Write, data: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < data.len() {
        match inner.write(&data[sent..]) {
            Ok(size) => sent += size,
            Err(error) if is_later(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

impl<T: Transport> Read for WebSocketStream<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.pull(buffer)?;
        // What waited, pongs, and what the handshake has to say.
        if !self.unsent.is_empty() {
            self.push()?;
        }
        if size == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(size) }
    }
}

impl<T: Transport> Write for WebSocketStream<T> {
    /// What it accepts is whole messages.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.need_ready()?;
        if !self.unsent.is_empty() && !self.push()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if self.rules.various {
            return self.send_various(data).map(|()| data.len());
        }
        let size = data.len().min((BATCH / self.message).max(1) * self.message);
        if !size.is_multiple_of(self.message) {
            return Err(io::Error::other("a part of a message cannot be sent"));
        }
        self.send_same(&data[..size])?;
        Ok(size)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.need_ready()?;
        if self.push()? { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }
}

impl<T: Transport> Drop for WebSocketStream<T> {
    /// Says goodbye, without waiting for the server's.
    fn drop(&mut self) {
        if self.ready && self.unsent.is_empty() {
            let mut frame = Vec::new();
            push(&mut frame, Opcode::Close, false, &GOODBYE, MASK);
            // A server that has closed already does not need it.
            let _ = self.inner.write(&frame);
        }
    }
}

impl<T: Transport> AsRawFd for WebSocketStream<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}
