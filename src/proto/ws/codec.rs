//! What comes from the peer: frames become messages, where they were received as far as possible.
//!
//! A message that is all in the received bytes is unmasked in place and handed on from there. Only
//! what was cut is kept, as it arrives: a header can announce what it wants, memory is taken for
//! what is there.

use std::sync::Arc;

use super::super::Kind;
use super::close::Violation;
use super::deflate::{self, Inflate};
use super::frame::{self, Expected, Header, MOST_CONTROL, MOST_HEADER, Opcode};
use super::utf8::{self, Text};

/// What a receiver puts up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) message: usize,
    pub(crate) frame: usize,
    pub(crate) fragments: usize,
}

/// What the frames of a peer come to.
#[derive(Debug)]
pub(super) enum Item<'a> {
    Message(Kind, &'a [u8]),
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    Close(u16, &'a str),
    /// A compressed message is all there.
    Inflates,
}

/// What takes the items. `false` when nothing more of the peer counts, and before a message is
/// inflated when it is to wait.
pub(super) trait Items {
    fn item(&mut self, item: Item<'_>) -> bool;

    /// As [`Item::Message`]; see [`Up::data`](super::super::Up::data).
    fn message(&mut self, kind: Kind, data: &[u8]) -> bool {
        self.item(Item::Message(kind, data))
    }
}

impl<F: FnMut(Item<'_>) -> bool> Items for F {
    fn item(&mut self, item: Item<'_>) -> bool {
        self(item)
    }
}

/// The receiving side of an open connection.
pub(super) struct Codec {
    config: Arc<super::Config>,
    inflate: Option<Box<Inflate>>,
    /// What is between the last whole message and the next one.
    partial: Option<Box<Partial>>,
}

/// What of the bytes of a peer was not taken.
enum Rest<'b> {
    /// None of them, or nothing more counts.
    None,
    /// It goes on with these, in another way.
    Bytes(&'b mut [u8]),
    /// The next message is to wait, with these.
    Waits(&'b mut [u8]),
}

/// What was cut.
#[derive(Default)]
struct Partial {
    /// The bytes of a header that was cut.
    header: [u8; MOST_HEADER],
    header_length: u8,
    /// The frame whose payload was cut.
    frame: Option<Frame>,
    /// The message that has begun.
    message: Option<Message>,
    /// The payload of a control frame that was cut.
    control: Vec<u8>,
}

/// A frame of which `rest` bytes are to come.
struct Frame {
    header: Header,
    rest: u64,
}

/// A message that goes on in the next frame, or in the rest of this one.
struct Message {
    kind: Kind,
    compressed: bool,
    fragments: usize,
    text: Text,
    data: Vec<u8>,
}

impl Partial {
    /// Nothing was cut any more.
    fn is_over(&self) -> bool {
        self.header_length == 0 && self.frame.is_none() && self.message.is_none()
    }
}

impl Codec {
    pub(super) fn new(config: Arc<super::Config>) -> Codec {
        Codec { config, inflate: None, partial: None }
    }

    #[inline(always)]
    pub(super) fn config(&self) -> &Arc<super::Config> {
        &self.config
    }

    /// From now on messages may be compressed.
    pub(super) fn set_inflate(&mut self, inflate: Inflate) {
        self.inflate = Some(Box::new(inflate));
    }

    fn expected(&self) -> Expected {
        Expected { masked: self.config.is_server(), compression: self.inflate.is_some() }
    }

    /// Takes bytes of the peer, which are changed. Returns those that have to come again, in front of
    /// the next ones, when a message is to wait; that may be none.
    #[inline(always)]
    pub(super) fn receive<'b>(
        &mut self,
        mut bytes: &'b mut [u8],
        up: &mut impl Items,
    ) -> Result<Option<&'b mut [u8]>, Violation> {
        loop {
            if self.partial.is_none() {
                match self.whole_frames(bytes, up)? {
                    Rest::Bytes(rest) if !rest.is_empty() => bytes = rest,
                    Rest::Waits(rest) => return Ok(Some(rest)),
                    _ => return Ok(None),
                }
            }
            match self.go_on(bytes, up)? {
                Rest::Bytes(rest) if !rest.is_empty() => bytes = rest,
                Rest::Waits(rest) => return Ok(Some(rest)),
                _ => return Ok(None),
            }
        }
    }

    /// Takes frames that are all there and messages of their own.
    #[inline(always)]
    fn whole_frames<'b>(
        &mut self,
        mut bytes: &'b mut [u8],
        up: &mut impl Items,
    ) -> Result<Rest<'b>, Violation> {
        let expected = self.expected();
        while let Some((header, size)) = Header::parse(bytes, expected)? {
            let is_whole = header.fin && header.opcode != Opcode::Continuation;
            let end = (size as u64).saturating_add(header.length);
            if !is_whole || end > bytes.len() as u64 {
                break;
            }
            if !header.opcode.is_control() {
                self.check(&header, 0)?;
            }
            if header.compressed && !up.item(Item::Inflates) {
                return Ok(Rest::Waits(bytes));
            }
            let (frame, rest) = std::mem::take(&mut bytes).split_at_mut(end as usize);
            bytes = rest;
            let payload = &mut frame[size..];
            if let Some(key) = header.mask {
                frame::mask(payload, key);
            }
            let goes_on = match header.opcode {
                Opcode::Text | Opcode::Binary => self.whole(&header, payload, up)?,
                opcode => control(opcode, payload, up)?,
            };
            if !goes_on {
                return Ok(Rest::None);
            }
        }
        Ok(Rest::Bytes(bytes))
    }

    /// A message in one frame.
    #[inline(always)]
    fn whole(
        &mut self,
        header: &Header,
        payload: &[u8],
        up: &mut impl Items,
    ) -> Result<bool, Violation> {
        if header.compressed {
            return self.inflated(header.opcode == Opcode::Text, payload, up);
        }
        match header.opcode {
            Opcode::Text if !utf8::is_text(payload) => Err(not_text()),
            Opcode::Text => Ok(up.message(Kind::Text, payload)),
            _ => Ok(up.message(Kind::Binary, payload)),
        }
    }

    fn inflated(
        &mut self,
        is_text: bool,
        bytes: &[u8],
        up: &mut dyn Items,
    ) -> Result<bool, Violation> {
        let most = self.config.limits.message;
        let Some(inflate) = &mut self.inflate else {
            return Err(Violation::protocol("a message is compressed, and nothing was agreed on"));
        };
        inflate.inflate(bytes, most, |message| match is_text {
            true if !utf8::is_text(message) => Err(not_text()),
            true => Ok(up.message(Kind::Text, message)),
            false => Ok(up.message(Kind::Binary, message)),
        })?
    }

    /// Refuses a frame that is too large, for itself or behind `before` bytes of its message.
    #[inline(always)]
    fn check(&self, header: &Header, before: usize) -> Result<(), Violation> {
        let limits = &self.config.limits;
        if header.length > limits.frame as u64 {
            return Err(Violation::too_big(format!(
                "a frame of {} bytes passes the frame limit of {}; raise the limit if that is as it \
                 should be",
                header.length, limits.frame
            )));
        }
        if header.length.saturating_add(before as u64) > limits.message as u64 {
            return Err(deflate::too_big(limits.message));
        }
        Ok(())
    }

    /// Takes bytes of what was cut, or will be, until nothing is.
    #[cold]
    #[inline(never)]
    fn go_on<'b>(
        &mut self,
        mut bytes: &'b mut [u8],
        up: &mut dyn Items,
    ) -> Result<Rest<'b>, Violation> {
        let mut partial = self.partial.take().unwrap_or_default();
        loop {
            let Some(frame) = &mut partial.frame else {
                if self.header(&mut partial, &mut bytes)? {
                    continue;
                }
                break;
            };
            let count = usize::try_from(frame.rest).unwrap_or(usize::MAX).min(bytes.len());
            let ends_message = frame.rest == count as u64 && frame.header.ends_message();
            if ends_message
                && partial.message.as_ref().is_some_and(|message| message.compressed)
                && !up.item(Item::Inflates)
            {
                self.partial = Some(partial);
                return Ok(Rest::Waits(bytes));
            }
            let (payload, rest) = std::mem::take(&mut bytes).split_at_mut(count);
            bytes = rest;
            if let Some(key) = frame.header.mask {
                frame.header.mask = Some(frame::mask(payload, key));
            }
            frame.rest -= count as u64;
            let header = frame.header;
            let ends = frame.rest == 0;
            if ends {
                partial.frame = None;
            }
            if !self.payload(&mut partial, header, payload, ends, up)? {
                return Ok(Rest::None);
            }
            if ends && partial.is_over() {
                // Most of what follows is whole.
                return Ok(Rest::Bytes(bytes));
            }
            if !ends {
                break;
            }
        }
        self.partial = Some(partial);
        Ok(Rest::None)
    }

    /// Takes the bytes of a header. Whether it is all there.
    fn header(&mut self, partial: &mut Partial, bytes: &mut &mut [u8]) -> Result<bool, Violation> {
        let before = usize::from(partial.header_length);
        let count = (MOST_HEADER - before).min(bytes.len());
        partial.header[before..before + count].copy_from_slice(&bytes[..count]);
        let known = &partial.header[..before + count];
        let Some((header, size)) = Header::parse(known, self.expected())? else {
            partial.header_length = (before + count) as u8;
            *bytes = &mut [];
            return Ok(false);
        };
        *bytes = &mut std::mem::take(bytes)[size - before..];
        partial.header_length = 0;
        match (header.opcode, &mut partial.message) {
            (Opcode::Continuation, None) => {
                return Err(Violation::protocol("a message begins with a continuation"));
            }
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(Violation::protocol("a message begins within another one"));
            }
            (Opcode::Continuation, Some(message)) => {
                message.fragments += 1;
                if message.fragments > self.config.limits.fragments {
                    return Err(Violation::too_big(format!(
                        "a message has more than {} fragments; raise the limit if that is as it \
                         should be",
                        self.config.limits.fragments
                    )));
                }
                let before = message.data.len();
                self.check(&header, before)?;
            }
            (Opcode::Text | Opcode::Binary, message) => {
                self.check(&header, 0)?;
                *message = Some(Message {
                    kind: if header.opcode == Opcode::Text { Kind::Text } else { Kind::Binary },
                    compressed: header.compressed,
                    fragments: 1,
                    text: Text::default(),
                    data: Vec::new(),
                });
            }
            _ => {}
        }
        partial.frame = Some(Frame { header, rest: header.length });
        Ok(true)
    }

    /// Takes a part of the payload of a frame, the last one of it if it `ends`.
    fn payload(
        &mut self,
        partial: &mut Partial,
        header: Header,
        payload: &[u8],
        ends: bool,
        up: &mut dyn Items,
    ) -> Result<bool, Violation> {
        if header.opcode.is_control() {
            debug_assert!(partial.control.len() + payload.len() <= MOST_CONTROL);
            partial.control.extend_from_slice(payload);
            if !ends {
                return Ok(true);
            }
            return control(header.opcode, &std::mem::take(&mut partial.control), up);
        }
        let Some(message) = &mut partial.message else {
            unreachable!("a header of data begins a message or goes on with one")
        };
        let checks_text = message.kind == Kind::Text && !message.compressed;
        if checks_text && !message.text.push(payload) {
            return Err(not_text());
        }
        message.data.extend_from_slice(payload);
        if !(ends && header.fin) {
            return Ok(true);
        }
        if checks_text && !message.text.is_complete() {
            return Err(not_text());
        }
        let Some(message) = partial.message.take() else { unreachable!("it was there just now") };
        match message.compressed {
            true => self.inflated(message.kind == Kind::Text, &message.data, up),
            false => Ok(up.message(message.kind, &message.data)),
        }
    }

    /// Forgets what was cut: nothing more of the peer counts.
    pub(super) fn stop(&mut self) {
        self.partial = None;
        self.inflate = None;
    }
}

#[inline(always)]
fn control<I: Items + ?Sized>(
    opcode: Opcode,
    payload: &[u8],
    up: &mut I,
) -> Result<bool, Violation> {
    Ok(match opcode {
        Opcode::Ping => up.item(Item::Ping(payload)),
        Opcode::Pong => up.item(Item::Pong(payload)),
        _ => {
            let (code, reason) = frame::parse_close(payload)?;
            up.item(Item::Close(code, reason))
        }
    })
}

fn not_text() -> Violation {
    Violation::payload("a text message is not UTF-8")
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
