//! The messages of a server: each must be one that it was given, as it was given.

use super::frame::{Header, Opcode, push, wrong};
use super::{MASK, Rules, Shared, deflate};
use std::collections::VecDeque;
use std::io;

/// Takes frames and gives what messages brought.
pub struct Incoming {
    rules: Rules,
    /// The size of all messages, unless they are various.
    message: usize,
    /// Sizes of the various messages that have not come back.
    sizes: VecDeque<usize>,
    /// The beginning of a header.
    kept: Vec<u8>,
    /// The frame that is arriving.
    frame: Option<Header>,
    /// Bytes of it that have not arrived.
    missing: usize,
    /// Whether a message has begun whose last frame is not there yet.
    begun: bool,
    /// Whether it is compressed.
    is_packed: bool,
    /// Bytes of the message so far.
    size: usize,
    /// These bytes, when the message is compressed.
    packed: Vec<u8>,
    /// Payload of a control frame.
    control: Vec<u8>,
    /// Bytes that came compressed, of all messages.
    packed_total: usize,
}

/// Where the payload goes: the caller's memory, and what does not fit into it is kept.
pub struct Sink<'a> {
    /// The caller's memory.
    pub buffer: &'a mut [u8],
    /// How much of it is filled.
    pub filled: usize,
    /// What is kept.
    pub plain: &'a mut Vec<u8>,
}

impl Sink<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let (now, later) = bytes.split_at(bytes.len().min(self.buffer.len() - self.filled));
        self.buffer[self.filled..self.filled + now.len()].copy_from_slice(now);
        self.filled += now.len();
        self.plain.extend_from_slice(later);
    }
}

impl Incoming {
    /// Will check messages by the rules; `message` is the size of all, unless they are various.
    pub fn new(rules: Rules, message: usize) -> Self {
        Incoming {
            rules,
            message,
            sizes: VecDeque::new(),
            kept: Vec::new(),
            frame: None,
            missing: 0,
            begun: false,
            is_packed: false,
            size: 0,
            packed: Vec::new(),
            control: Vec::new(),
            packed_total: 0,
        }
    }

    /// One of various messages was sent.
    pub fn expect(&mut self, size: usize) {
        self.sizes.push_back(size);
    }

    /// Bytes that came compressed so far.
    pub fn packed_total(&self) -> usize {
        self.packed_total
    }

    /// Takes what has arrived. Answers to pings are appended to `answers`.
    pub fn take(
        &mut self,
        bytes: &[u8],
        shared: &mut Shared,
        sink: &mut Sink<'_>,
        answers: &mut Vec<u8>,
    ) -> io::Result<()> {
        if self.kept.is_empty() {
            self.kept = self.frames(bytes, shared, sink, answers)?.to_vec();
        } else {
            let mut all = std::mem::take(&mut self.kept);
            all.extend_from_slice(bytes);
            self.kept = self.frames(&all, shared, sink, answers)?.to_vec();
        }
        Ok(())
    }

    /// What is left is the beginning of a header.
    fn frames<'a>(
        &mut self,
        mut bytes: &'a [u8],
        shared: &mut Shared,
        sink: &mut Sink<'_>,
        answers: &mut Vec<u8>,
    ) -> io::Result<&'a [u8]> {
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => {
                    let Some((frame, used)) = Header::parse(bytes)? else { return Ok(bytes) };
                    bytes = &bytes[used..];
                    self.check(frame)?;
                    self.frame = Some(frame);
                    self.missing = frame.size;
                    frame
                }
            };
            let (payload, rest) = bytes.split_at(bytes.len().min(self.missing));
            bytes = rest;
            self.missing -= payload.len();
            if frame.opcode.is_control() {
                self.control.extend_from_slice(payload);
            } else if self.is_packed {
                self.packed.extend_from_slice(payload);
            } else {
                self.compare(payload, shared)?;
                sink.put(payload);
            }
            if self.missing > 0 {
                return Ok(bytes);
            }
            self.frame = None;
            if frame.opcode.is_control() {
                self.end_control(frame.opcode, answers)?;
            } else if frame.last {
                self.end_message(shared, sink)?;
            }
        }
    }

    /// Whether a frame may come now.
    fn check(&mut self, frame: Header) -> io::Result<()> {
        if frame.opcode.is_control() {
            return Ok(());
        }
        let expected = if self.begun { Opcode::Continuation } else { self.rules.kind };
        if frame.opcode != expected {
            return Err(wrong(&format!("{:?} in place of {expected:?}", frame.opcode)));
        }
        let may_be_compressed = self.rules.compressed && !self.begun;
        if frame.compressed && !may_be_compressed {
            return Err(wrong("a reserved bit"));
        }
        // Various messages may be such that compression makes them larger.
        if may_be_compressed && !frame.compressed && !self.rules.various {
            return Err(wrong("a message is not compressed"));
        }
        if !self.begun {
            self.is_packed = frame.compressed;
        }
        self.begun = !frame.last;
        Ok(())
    }

    /// Whether these are the next bytes of the message.
    fn compare(&mut self, bytes: &[u8], shared: &Shared) -> io::Result<()> {
        let begin = self.size;
        self.size += bytes.len();
        if self.rules.various || shared.message.get(begin..self.size) == Some(bytes) {
            return Ok(());
        }
        Err(io::Error::other("the server sent another message than it was given"))
    }

    fn end_message(&mut self, shared: &mut Shared, sink: &mut Sink<'_>) -> io::Result<()> {
        let expected = match self.rules.various {
            true => self.sizes.pop_front().ok_or_else(|| wrong("a message too many"))?,
            false => self.message,
        };
        if self.is_packed {
            self.packed_total += self.packed.len();
            self.end_packed(expected, shared, sink)?;
            self.packed.clear();
        }
        let size = std::mem::take(&mut self.size);
        if size != expected {
            return Err(wrong(&format!("a message of {size} bytes in place of {expected}")));
        }
        Ok(())
    }

    /// A server compresses the same message in the same way again and again, so that it is unpacked
    /// only when it looks different.
    fn end_packed(
        &mut self,
        expected: usize,
        shared: &mut Shared,
        sink: &mut Sink<'_>,
    ) -> io::Result<()> {
        if !self.rules.various && self.packed == shared.reply {
            self.size = expected;
            sink.put(&shared.message);
            return Ok(());
        }
        let reply = self.packed.clone();
        let message = deflate::unpack(&mut self.packed, expected)?;
        self.compare(&message, shared)?;
        sink.put(&message);
        shared.reply = reply;
        Ok(())
    }

    fn end_control(&mut self, opcode: Opcode, answers: &mut Vec<u8>) -> io::Result<()> {
        let payload = std::mem::take(&mut self.control);
        match opcode {
            Opcode::Ping => push(answers, Opcode::Pong, false, &payload, MASK),
            Opcode::Close => {
                let code = payload.first_chunk().map_or(1005, |&code| u16::from_be_bytes(code));
                let text = format!("the server closed a WebSocket with status {code}");
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
            }
            _ => {}
        }
        Ok(())
    }
}
