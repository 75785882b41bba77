//! What came with a pause and waits for its end.

use std::collections::VecDeque;

use super::Kind;

/// Pieces of data in the order in which they came. However many they are, they take little more
/// memory than their bytes.
#[derive(Default)]
pub(super) struct HeldBack {
    pieces: VecDeque<(Kind, usize)>,
    bytes: Vec<u8>,
    /// Bytes of pieces that were taken out.
    gone: usize,
}

impl HeldBack {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn push(&mut self, kind: Kind, data: &[u8]) {
        self.pieces.push_back((kind, data.len()));
        self.bytes.extend_from_slice(data);
    }

    /// The oldest piece, which is taken out.
    pub(super) fn pop(&mut self) -> Option<(Kind, &[u8])> {
        let (kind, length) = self.pieces.pop_front()?;
        let begin = self.gone;
        self.gone += length;
        Some((kind, &self.bytes[begin..self.gone]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_as_they_were() {
        let mut held = HeldBack::default();
        assert!(held.is_empty());
        held.push(Kind::Binary, b"one");
        held.push(Kind::Text, b"");
        assert_eq!(held.pop(), Some((Kind::Binary, &b"one"[..])));
        held.push(Kind::Bytes, b"three");
        assert_eq!(held.pop(), Some((Kind::Text, &b""[..])));
        assert!(!held.is_empty());
        assert_eq!(held.pop(), Some((Kind::Bytes, &b"three"[..])));
        assert_eq!(held.pop(), None);
    }
}
