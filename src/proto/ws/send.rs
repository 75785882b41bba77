//! What goes to the peer: messages become frames where they are sent, on any thread.

use std::sync::Arc;

use super::super::{Body, GATHER, Kind, Wire};
use super::close::CloseFrame;
use super::deflate::Deflate;
use super::frame::{self, Head, Header, MOST_CONTROL, MOST_HEADER, Opcode};
use super::random;

/// More than a frame adds to its payload.
pub(crate) const OVERHEAD: usize = MOST_HEADER;

/// The sending side of a session, as far as it makes frames.
pub(crate) struct Sender<'a> {
    /// Clients mask what they send.
    pub(crate) masks: bool,
    pub(crate) deflate: Option<&'a mut Deflate>,
}

impl Sender<'_> {
    /// The head of a message whose payload may follow as it is, if that is possible.
    pub(crate) fn head(&self, kind: Kind, length: usize) -> Option<(Head, usize)> {
        let plain = !self.masks && self.deflate.is_none();
        plain.then(|| Header::new(kind.into(), length).write())
    }

    /// Appends a message as one frame, to a chunk of up to `most` bytes or as one of its own.
    /// Returns how many bytes that are.
    #[inline(always)]
    pub(crate) fn message(
        &mut self,
        kind: Kind,
        data: &[u8],
        wire: &mut Wire,
        most: usize,
    ) -> usize {
        let masks = self.masks;
        match &mut self.deflate {
            Some(deflate) if matches!(kind, Kind::Text | Kind::Binary) => {
                deflate.compress(data, |compressed| {
                    let mut header = Header::new(kind.into(), compressed.unwrap_or(data).len());
                    header.compressed = compressed.is_some();
                    append(header, compressed.unwrap_or(data), masks, wire, most)
                })
            }
            _ => append(Header::new(kind.into(), data.len()), data, masks, wire, most),
        }
    }

    /// Appends a binary message that consists of `words` and a body.
    pub(crate) fn parts(
        &mut self,
        words: &[u8],
        body: Body<'_>,
        wire: &mut Wire,
        most: usize,
    ) -> usize {
        if self.deflate.is_some() {
            return self.message(Kind::Binary, &[words, body.bytes()].concat(), wire, most);
        }
        let length = words.len() + body.bytes().len();
        let mut header = Header::new(Opcode::Binary, length);
        if self.masks {
            header.mask = Some(random::mask_key());
        }
        let (head, size) = header.write();
        match (body, header.mask) {
            (Body::Shared(bytes), None) => {
                wire.join_parts_shared([&head[..size], words], bytes, most)
            }
            (body, mask) => {
                let payload = wire.join_frame(&head, size, [words, body.bytes()], most);
                if let Some(key) = mask {
                    frame::mask(payload, key);
                }
            }
        }
        size + length
    }

    /// Appends a part of a message, which is not compressed. Of several parts all but the first are
    /// continuations.
    pub(crate) fn fragment(
        &mut self,
        kind: Option<Kind>,
        data: &[u8],
        last: bool,
        wire: &mut Wire,
        most: usize,
    ) -> usize {
        let opcode = kind.map_or(Opcode::Continuation, Opcode::from);
        let header = Header { fin: last, ..Header::new(opcode, data.len()) };
        append(header, data, self.masks, wire, most)
    }

    /// Appends a message that other sessions of the same server get too. Returns how many bytes
    /// that are.
    pub(crate) fn shared(
        &mut self,
        broadcast: &mut Broadcast<'_>,
        wire: &mut Wire,
        most: usize,
    ) -> usize {
        debug_assert!(!self.masks, "a mask is for one frame, and servers have none");
        let frame = match &mut self.deflate {
            None => broadcast.plain(),
            Some(deflate) => match deflate.shares() {
                Some(bits) => broadcast.compressed(bits, deflate),
                None => return self.message(broadcast.kind, broadcast.data, wire, most),
            },
        };
        wire.join_shared(frame, most);
        frame.len()
    }
}

/// A message for many sessions, made into a frame once for all that have agreed on the same.
pub(crate) struct Broadcast<'a> {
    pub(crate) kind: Kind,
    pub(crate) data: &'a [u8],
    plain: Option<Arc<[u8]>>,
    /// By the window that they were compressed for.
    compressed: Vec<(u8, Arc<[u8]>)>,
}

impl<'a> Broadcast<'a> {
    pub(crate) fn new(kind: Kind, data: &'a [u8]) -> Broadcast<'a> {
        Broadcast { kind, data, plain: None, compressed: Vec::new() }
    }

    fn plain(&mut self) -> &Arc<[u8]> {
        self.plain
            .get_or_insert_with(|| alone(Header::new(self.kind.into(), self.data.len()), self.data))
    }

    fn compressed(&mut self, bits: u8, deflate: &mut Deflate) -> &Arc<[u8]> {
        let place = match self.compressed.iter().position(|(own, _)| *own == bits) {
            Some(place) => place,
            None => {
                let frame = deflate.compress(self.data, |compressed| {
                    let payload = compressed.unwrap_or(self.data);
                    let mut header = Header::new(self.kind.into(), payload.len());
                    header.compressed = compressed.is_some();
                    alone(header, payload)
                });
                self.compressed.push((bits, frame));
                self.compressed.len() - 1
            }
        };
        &self.compressed[place].1
    }
}

fn alone(header: Header, payload: &[u8]) -> Arc<[u8]> {
    let (head, size) = header.write();
    let mut bytes = Vec::with_capacity(size + payload.len());
    bytes.extend_from_slice(&head[..size]);
    bytes.extend_from_slice(payload);
    bytes.into()
}

#[inline(always)]
fn append(mut header: Header, payload: &[u8], masks: bool, wire: &mut Wire, most: usize) -> usize {
    if masks {
        header.mask = Some(random::mask_key());
    }
    let (head, size) = header.write();
    let body = wire.join_frame(&head, size, [payload], most);
    if let Some(key) = header.mask {
        frame::mask(body, key);
    }
    size + payload.len()
}

/// Appends a Close frame.
pub(super) fn close(frame: &CloseFrame, masks: bool, wire: &mut Wire) {
    let payload = frame.payload();
    append(Header::new(Opcode::Close, payload.len()), &payload, masks, wire, GATHER);
}

/// A pong, as the bytes that it is sent with.
#[inline]
pub(super) fn pong(payload: &[u8], masks: bool) -> ([u8; MOST_HEADER + MOST_CONTROL], usize) {
    let mut header = Header::new(Opcode::Pong, payload.len());
    if masks {
        header.mask = Some(random::mask_key());
    }
    let (head, size) = header.write();
    let mut bytes = [0; MOST_HEADER + MOST_CONTROL];
    bytes[..size].copy_from_slice(&head[..size]);
    let end = size + payload.len();
    bytes[size..end].copy_from_slice(payload);
    if let Some(key) = header.mask {
        frame::mask(&mut bytes[size..end], key);
    }
    (bytes, end)
}
