//! Messages within a stream of bytes: each behind its length.
//!
//! A message that is all in the received bytes is handed on from there. Only what was cut is kept,
//! as it arrives: a length can announce what it wants, memory is taken for what is there.

use super::super::HEAD_ROOM;
use crate::error::{Error, Result, SpFailure};

/// How messages are put into bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mapping {
    /// A length of 64 bits in front of each.
    Tcp,
    /// A byte that tells how the message comes, and the length.
    Ipc,
}

/// Bytes in front of a message at most.
const MOST_HEAD: usize = 9;

/// The message follows in the stream; the only way that this mapping has.
const IN_STREAM: u8 = 1;

impl Mapping {
    /// Bytes in front of each message.
    pub(crate) const fn head_size(self) -> usize {
        match self {
            Mapping::Tcp => 8,
            Mapping::Ipc => 9,
        }
    }

    /// What comes in front of a message of that length: so many of the bytes.
    #[inline(always)]
    pub(crate) fn head(self, length: usize) -> ([u8; HEAD_ROOM], usize) {
        let length = u128::from((length as u64).swap_bytes());
        let head = match self {
            Mapping::Tcp => length,
            Mapping::Ipc => length << 8 | u128::from(IN_STREAM),
        };
        (head.to_le_bytes(), self.head_size())
    }
}

/// The receiving side of a connection.
pub(super) struct Codec {
    limit: usize,
    mapping: Mapping,
    partial: Option<Box<Partial>>,
}

/// A message that was cut.
#[derive(Default)]
struct Partial {
    head: [u8; MOST_HEAD],
    head_length: u8,
    /// How long the message is, once its head is there.
    length: Option<usize>,
    body: Vec<u8>,
}

impl Codec {
    pub(super) fn new(mapping: Mapping, limit: usize) -> Codec {
        Codec { limit, mapping, partial: None }
    }

    /// Takes bytes of the peer.
    #[inline(always)]
    pub(super) fn receive(&mut self, mut bytes: &[u8], up: &mut impl FnMut(&[u8])) -> Result<()> {
        loop {
            if self.partial.is_none() {
                bytes = self.whole_messages(bytes, up)?;
            }
            if bytes.is_empty() {
                return Ok(());
            }
            bytes = self.go_on(bytes, up)?;
        }
    }

    /// Takes messages that are all there. Returns the bytes of one that is not.
    #[inline(always)]
    fn whole_messages<'b>(
        &self,
        mut bytes: &'b [u8],
        up: &mut impl FnMut(&[u8]),
    ) -> Result<&'b [u8]> {
        let size = self.mapping.head_size();
        while let Some((head, rest)) = bytes.split_at_checked(size) {
            let length = self.length(head)?;
            let Some((message, rest)) = rest.split_at_checked(length) else { break };
            up(message);
            bytes = rest;
        }
        Ok(bytes)
    }

    /// The length that a whole head tells, if it is allowed.
    #[inline(always)]
    fn length(&self, head: &[u8]) -> Result<usize> {
        if self.mapping == Mapping::Ipc && head[0] != IN_STREAM {
            return Err(wrong_kind(head[0]));
        }
        let mut length = [0; 8];
        length.copy_from_slice(&head[head.len() - 8..]);
        let length = u64::from_be_bytes(length);
        match usize::try_from(length) {
            Ok(length) if length <= self.limit => Ok(length),
            _ => Err(too_large(length, self.limit)),
        }
    }

    /// Takes bytes of a message that was cut, or will be. Returns those behind it.
    #[cold]
    #[inline(never)]
    fn go_on<'b>(&mut self, mut bytes: &'b [u8], up: &mut impl FnMut(&[u8])) -> Result<&'b [u8]> {
        let mut partial = self.partial.take().unwrap_or_default();
        let length = match partial.length {
            Some(length) => length,
            None => {
                let known = usize::from(partial.head_length);
                let size = self.mapping.head_size();
                let (head, rest) = bytes.split_at(bytes.len().min(size - known));
                partial.head[known..known + head.len()].copy_from_slice(head);
                partial.head_length += head.len() as u8;
                if usize::from(partial.head_length) < size {
                    if self.mapping == Mapping::Ipc && partial.head[0] != IN_STREAM {
                        return Err(wrong_kind(partial.head[0]));
                    }
                    self.partial = Some(partial);
                    return Ok(rest);
                }
                bytes = rest;
                *partial.length.insert(self.length(&partial.head[..size])?)
            }
        };
        let missing = length - partial.body.len();
        let (body, rest) = bytes.split_at(bytes.len().min(missing));
        if body.len() == missing && partial.body.is_empty() {
            // Only the head was cut.
            up(body);
            return Ok(rest);
        }
        partial.append(body, length);
        if partial.body.len() == length {
            up(&partial.body);
        } else {
            self.partial = Some(partial);
        }
        Ok(rest)
    }

    /// The room that a message takes that was cut.
    #[cfg(test)]
    pub(super) fn partial_room(&self) -> Option<usize> {
        self.partial.as_ref().map(|partial| partial.body.capacity())
    }

    /// The peer sends no more; an error in the middle of a message.
    pub(super) fn end(&mut self) -> Result<()> {
        match self.partial.take() {
            None => Ok(()),
            Some(_) => Err(Error::sp(
                SpFailure::Malformed,
                "the peer closed the connection in the middle of a message",
            )),
        }
    }
}

impl Partial {
    /// Keeps bytes of the message, in room that grows with what is there up to its length.
    fn append(&mut self, bytes: &[u8], length: usize) {
        let have = self.body.len();
        let needed = have + bytes.len();
        if needed > self.body.capacity() {
            self.body.reserve_exact(needed.saturating_mul(2).min(length) - have);
        }
        self.body.extend_from_slice(bytes);
    }
}

#[cold]
#[inline(never)]
fn wrong_kind(kind: u8) -> Error {
    Error::sp(
        SpFailure::Malformed,
        format!("a message of the peer begins with the byte {kind}, which nothing is defined for"),
    )
}

#[cold]
#[inline(never)]
fn too_large(length: u64, limit: usize) -> Error {
    Error::sp(
        SpFailure::TooLarge,
        format!(
            "the peer sends a message of {length} bytes, more than the limit of {limit}; raise the \
             limit if that is as it should be"
        ),
    )
}
