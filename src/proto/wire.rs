//! A queue of outgoing bytes in chunks that are owned or shared.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

/// Small pieces are joined into owned chunks up to this size: copying them costs less than one
/// more entry in a vectored write.
pub(crate) const GATHER: usize = 16 * 1024;

/// Messages up to this size, and together up to it, leave as one piece: copying them costs less than
/// a system call for each.
pub(crate) const JOINED: usize = 64 * 1024;

/// Room for the head of a frame, of any protocol.
pub(crate) const HEAD_ROOM: usize = 16;

/// A shared piece up to this size is copied when something is queued before it.
const SHARED_COPY: usize = 1024;

/// The room of a chunk made for a small piece.
const FIRST_ROOM: usize = 128;

/// A buffer above this size is given back to the allocator instead of being kept for reuse. Four
/// full TLS records fit.
const SPARE_LIMIT: usize = 72 * 1024;

enum Chunk {
    Owned(Buffer),
    Shared(Arc<[u8]>),
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Owned(buffer) => &buffer.room[..buffer.end],
            Chunk::Shared(bytes) => bytes,
        }
    }
}

/// Room whose first `end` bytes count. The others mean nothing; they are there because room that
/// was written to once need not be cleared again.
struct Buffer {
    room: Vec<u8>,
    end: usize,
}

impl Buffer {
    /// Appends the first `size` bytes of a head. All of it is copied where there is room, since
    /// how many count is then not the concern of the copy.
    #[inline(always)]
    fn extend_head(&mut self, head: &[u8; HEAD_ROOM], size: usize) {
        match self.room.get_mut(self.end..).and_then(<[u8]>::first_chunk_mut) {
            Some(room) => {
                *room = *head;
                self.end += size;
            }
            None => self.extend(&head[..size]),
        }
    }

    #[inline(always)]
    fn extend(&mut self, bytes: &[u8]) {
        let rest = &mut self.room[self.end..];
        let (head, tail) = bytes.split_at(bytes.len().min(rest.len()));
        rest[..head.len()].copy_from_slice(head);
        self.room.extend_from_slice(tail);
        self.end += bytes.len();
    }
}

/// Bytes on their way to the peer.
///
/// An emptied wire keeps the room of one chunk, so that a wire that is used again and again
/// allocates nothing.
#[derive(Default)]
pub(crate) struct Wire {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that are gone already.
    offset: usize,
    length: usize,
    /// Room for the next chunk.
    spare: Vec<u8>,
}

impl Wire {
    pub(crate) fn new() -> Wire {
        Wire::default()
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Bytes of memory that an empty wire holds on to.
    pub(crate) fn reserved(&self) -> usize {
        self.spare.capacity() + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// Copies `bytes` to the end, joined to a chunk of up to `most` bytes or as one of their own.
    #[inline(always)]
    pub(crate) fn join(&mut self, bytes: &[u8], most: usize) {
        if let Some(Chunk::Owned(last)) = self.chunks.back_mut()
            && last.end + bytes.len() <= most
        {
            last.extend(bytes);
            self.length += bytes.len();
        } else {
            self.push_owned(bytes);
        }
    }

    /// Copies parts to the end as [`Wire::join`] does, and never apart.
    #[inline(always)]
    pub(crate) fn join_parts<const N: usize>(&mut self, parts: [&[u8]; N], most: usize) {
        let last = self.last_of(parts.iter().map(|part| part.len()).sum(), most);
        parts.into_iter().for_each(|part| last.extend(part));
    }

    /// The same with the first `size` bytes of `head` and what follows it. Returns the copy of
    /// that.
    #[inline(always)]
    pub(crate) fn join_frame<const N: usize>(
        &mut self,
        head: &[u8; HEAD_ROOM],
        size: usize,
        parts: [&[u8]; N],
        most: usize,
    ) -> &mut [u8] {
        let rest: usize = parts.iter().map(|part| part.len()).sum();
        let last = self.last_of(size + rest, most);
        last.extend_head(head, size);
        parts.into_iter().for_each(|part| last.extend(part));
        &mut last.room[last.end - rest..last.end]
    }

    /// The chunk for `size` bytes more, which are counted in and have to be appended.
    #[inline(always)]
    fn last_of(&mut self, size: usize, most: usize) -> &mut Buffer {
        let fits = matches!(self.chunks.back(),
            Some(Chunk::Owned(last)) if last.end + size <= most);
        if !fits {
            let buffer = Buffer { room: self.take_spare(size), end: 0 };
            self.chunks.push_back(Chunk::Owned(buffer));
        }
        self.length += size;
        match self.chunks.back_mut() {
            Some(Chunk::Owned(last)) => last,
            _ => unreachable!("the room was just made"),
        }
    }

    #[inline(always)]
    fn push_owned(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut buffer = Buffer { room: self.take_spare(bytes.len()), end: 0 };
        buffer.extend(bytes);
        self.length += bytes.len();
        self.chunks.push_back(Chunk::Owned(buffer));
    }

    /// Room for a new chunk, as large as it has to be at least.
    #[inline(always)]
    fn take_spare(&mut self, size: usize) -> Vec<u8> {
        let room = std::mem::take(&mut self.spare);
        let size = size.max(FIRST_ROOM);
        if room.capacity() < size { Vec::with_capacity(size) } else { room }
    }

    /// Appends shared bytes as [`Wire::join`] does, but without a copy unless they are few and
    /// something waits before them.
    pub(crate) fn join_shared(&mut self, bytes: &Arc<[u8]>, most: usize) {
        if bytes.len() <= SHARED_COPY.min(most) && !self.is_empty() {
            self.own_last();
            self.join(bytes, most);
        } else {
            self.push_shared(bytes);
        }
    }

    /// Appends parts that have to stay together, of which the last one is shared and only copied if
    /// it is small.
    #[inline(always)]
    pub(crate) fn join_parts_shared(
        &mut self,
        [head, middle]: [&[u8]; 2],
        last: &Arc<[u8]>,
        most: usize,
    ) {
        if last.len() <= SHARED_COPY {
            self.join_parts([head, middle, last], most);
        } else {
            self.join_parts([head, middle], most);
            self.push_shared(last);
        }
    }

    fn push_shared(&mut self, bytes: &Arc<[u8]>) {
        if bytes.is_empty() {
            return;
        }
        self.length += bytes.len();
        self.chunks.push_back(Chunk::Shared(Arc::clone(bytes)));
    }

    /// Room for at least `size` bytes at the end, to be written to; [`Wire::commit`] tells how many
    /// were. Several small pieces after a large one that was not used up share its room.
    pub(crate) fn room(&mut self, size: usize) -> &mut [u8] {
        let fits = matches!(self.chunks.back(),
            Some(Chunk::Owned(last)) if last.room.len() - last.end >= size);
        if !fits {
            let mut room = std::mem::take(&mut self.spare);
            if room.len() < size.max(FIRST_ROOM) {
                room.resize(size.max(FIRST_ROOM), 0);
            }
            self.chunks.push_back(Chunk::Owned(Buffer { room, end: 0 }));
        }
        match self.chunks.back_mut() {
            Some(Chunk::Owned(last)) => &mut last.room[last.end..],
            _ => unreachable!("the room was just made"),
        }
    }

    /// The first `count` bytes of the last [`Wire::room`] were written.
    pub(crate) fn commit(&mut self, count: usize) {
        let Some(Chunk::Owned(last)) = self.chunks.back_mut() else { return };
        last.end += count;
        debug_assert!(last.end <= last.room.len());
        self.length += count;
        if last.end == 0 {
            self.drop_last();
        }
    }

    /// The bytes of the first chunk.
    pub(crate) fn first_slice(&self) -> &[u8] {
        self.chunks.front().map_or(&[], |chunk| &chunk.bytes()[self.offset..])
    }

    /// Copies the first bytes, up to `most`, into the empty `target`.
    pub(crate) fn copy_to(&self, target: &mut Vec<u8>, most: usize) {
        let mut skip = self.offset;
        for chunk in &self.chunks {
            let bytes = &chunk.bytes()[skip..];
            let count = bytes.len().min(most - target.len());
            target.extend_from_slice(&bytes[..count]);
            if target.len() == most {
                return;
            }
            skip = 0;
        }
    }

    /// Moves everything out of `other` to the end of this wire.
    pub(crate) fn append(&mut self, other: &mut Wire) {
        if self.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        if other.offset > 0 {
            let first = other.chunks.pop_front().expect("an offset lies in a first chunk");
            let rest = &first.bytes()[other.offset..];
            self.push_owned(rest);
            other.length -= rest.len();
            other.offset = 0;
        }
        self.length += other.length;
        self.chunks.append(&mut other.chunks);
        other.length = 0;
    }

    /// All bytes, if they are in one piece.
    pub(crate) fn only_slice(&self) -> Option<&[u8]> {
        match self.chunks.len() {
            1 => Some(&self.chunks[0].bytes()[self.offset..]),
            _ => None,
        }
    }

    /// Fills `slices` with the first bytes, for a vectored write, and returns the filled part.
    pub(crate) fn slices<'a, 'b>(&'a self, slices: &'b mut [IoSlice<'a>]) -> &'b [IoSlice<'a>] {
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            let skip = if count == 0 { self.offset } else { 0 };
            *slice = IoSlice::new(&chunk.bytes()[skip..]);
            count += 1;
        }
        &slices[..count]
    }

    /// Removes the first `count` bytes, which must be there.
    #[inline(always)]
    pub(crate) fn consume(&mut self, mut count: usize) {
        debug_assert!(count <= self.length);
        self.length -= count;
        while count > 0 {
            let Some(first) = self.chunks.front() else { return };
            let rest = first.bytes().len() - self.offset;
            if count < rest {
                self.offset += count;
                return;
            }
            count -= rest;
            self.offset = 0;
            self.drop_first();
        }
    }

    /// Removes whole chunks that have not begun to leave, oldest first, until `excess` bytes are
    /// gone or none is left. Returns how many bytes were removed.
    pub(crate) fn drop_oldest(&mut self, excess: usize) -> usize {
        let begun = usize::from(self.offset > 0);
        let mut dropped = 0;
        while dropped < excess && self.chunks.len() > begun {
            let chunk = self.chunks.remove(begun).expect("the index is in range");
            dropped += chunk.bytes().len();
        }
        self.length -= dropped;
        dropped
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.consume(self.length);
    }

    /// Gives the memory back that an empty wire keeps for reuse.
    pub(crate) fn release(&mut self) {
        self.spare = Vec::new();
        if self.is_empty() {
            self.chunks = VecDeque::new();
        }
    }

    /// Copies a last chunk that is shared and small, so that others can be joined to it.
    fn own_last(&mut self) {
        if self.offset == 0
            && let Some(Chunk::Shared(last)) = self.chunks.back()
            && last.len() <= SHARED_COPY
        {
            let last = Arc::clone(last);
            self.chunks.pop_back();
            self.length -= last.len();
            self.push_owned(&last);
        }
    }

    fn drop_first(&mut self) {
        if let Some(chunk) = self.chunks.pop_front() {
            self.reuse(chunk);
        }
    }

    fn drop_last(&mut self) {
        if let Some(chunk) = self.chunks.pop_back() {
            self.reuse(chunk);
        }
    }

    fn reuse(&mut self, chunk: Chunk) {
        if let Chunk::Owned(Buffer { room, .. }) = chunk
            && room.capacity() <= SPARE_LIMIT
            && room.capacity() > self.spare.capacity()
        {
            self.spare = room;
        }
    }

    #[cfg(test)]
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for (index, chunk) in self.chunks.iter().enumerate() {
            let skip = if index == 0 { self.offset } else { 0 };
            all.extend_from_slice(&chunk.bytes()[skip..]);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(bytes: &[u8]) -> Arc<[u8]> {
        Arc::from(bytes)
    }

    #[test]
    fn small_pieces_are_joined_and_large_ones_stay_apart() {
        let mut wire = Wire::new();
        wire.join(b"one ", GATHER);
        wire.join(b"two ", GATHER);
        assert_eq!(wire.chunks.len(), 1);
        wire.join(&[7; GATHER], GATHER);
        assert_eq!(wire.chunks.len(), 2);
        assert_eq!(wire.len(), 8 + GATHER);
        wire.join(b"three", 4);
        wire.join(b"4", 4);
        wire.join(b"five", 4);
        wire.join_shared(&shared(b"seven"), 4);
        assert_eq!(wire.chunks.len(), 6);
    }

    #[test]
    fn heads_fit_into_any_room() {
        for used in 0..40 {
            let mut wire = Wire::new();
            // Room that was used before is written over.
            wire.join(&[b'x'; 40], GATHER);
            wire.consume(40);
            wire.join(&vec![b'-'; used], GATHER);
            wire.join_frame(b"0123456789abcdef", 10, [b"bo", b"dy"], GATHER);
            wire.join_frame(b"0123456789abcdef", 16, [], GATHER);
            let expected = [&vec![b'-'; used][..], b"0123456789body0123456789abcdef"].concat();
            assert_eq!(wire.to_vec(), expected, "{used}");
        }
    }

    #[test]
    fn parts_stay_together() {
        let mut wire = Wire::new();
        wire.join_frame(b"he..............", 2, [b"a", b"d"], GATHER).copy_from_slice(b"AD");
        wire.join_parts([], GATHER);
        assert_eq!((wire.chunks.len(), wire.len()), (1, 4));
        wire.join_parts([b"1", b"23"], 6);
        wire.join_frame(b"4...............", 1, [&[b'x'; 500]], 6).make_ascii_uppercase();
        assert_eq!(wire.chunks.len(), 3);
        assert_eq!(wire.to_vec(), [&b"heAD1234"[..], &[b'X'; 500]].concat());
        wire.consume(4);
        assert_eq!(wire.drop_oldest(1), 3);
        assert_eq!(wire.len(), 501);
    }

    #[test]
    fn a_large_shared_part_is_not_copied() {
        let (small, large) = (shared(&[1; 100]), shared(&[2; 5000]));
        let mut wire = Wire::new();
        for body in [&small, &large, &small] {
            wire.join_parts_shared([b"he", b"ad"], body, GATHER);
        }
        assert_eq!((Arc::strong_count(&small), Arc::strong_count(&large)), (1, 2));
        assert_eq!(wire.chunks.len(), 3);
        let expected = [&b"head"[..], &small, b"head", &large, b"head", &small].concat();
        assert_eq!(wire.to_vec(), expected);
    }

    #[test]
    fn shared_bytes_are_not_copied_into_an_empty_wire() {
        let bytes = shared(b"hello");
        let mut wire = Wire::new();
        wire.join_shared(&bytes, GATHER);
        assert_eq!(Arc::strong_count(&bytes), 2);
        wire.join_shared(&bytes, GATHER);
        assert_eq!(Arc::strong_count(&bytes), 1, "two small ones are joined");
        assert_eq!(wire.chunks.len(), 1);
        assert_eq!(wire.to_vec(), b"hellohello");
        wire.consume(10);
        assert_eq!(Arc::strong_count(&bytes), 1);
    }

    #[test]
    fn consume_crosses_chunks_and_keeps_room_for_the_next_use() {
        let mut wire = Wire::new();
        wire.join(b"abc", GATHER);
        wire.push_owned(b"defg");
        wire.push_shared(&shared(b"hij"));
        wire.consume(4);
        assert_eq!(wire.to_vec(), b"efghij");
        wire.consume(6);
        assert!(wire.is_empty() && wire.chunks.is_empty() && wire.offset == 0);
        let room = wire.spare.as_ptr();
        wire.join(b"again", GATHER);
        assert_eq!(wire.chunks[0].bytes().as_ptr(), room);
    }

    #[test]
    fn rooms_are_shared_used_again_and_never_shorter_than_asked_for() {
        let mut wire = Wire::new();
        wire.join(b"first", GATHER);
        wire.room(1000)[..2].copy_from_slice(b"ab");
        wire.commit(2);
        wire.room(998)[..1].copy_from_slice(b"c");
        wire.commit(1);
        assert_eq!((wire.chunks.len(), wire.len()), (2, 8));
        assert_eq!(wire.room(998).len(), 998);
        wire.commit(0);
        assert_eq!(wire.to_vec(), b"firstabc");
        let mut copied = Vec::new();
        wire.consume(1);
        assert_eq!(wire.first_slice(), b"irst");
        wire.copy_to(&mut copied, 6);
        assert_eq!(copied, b"irstab");
        wire.consume(7);
        assert!(wire.spare.len() >= 1000, "room is kept with its bytes");
        let room = wire.spare.as_ptr();
        assert_eq!(wire.room(1000).as_ptr(), room);
        wire.commit(0);
        wire.join(b"x", GATHER);
        assert_eq!(wire.to_vec(), b"x");
        wire.consume(1);
        assert!(wire.spare.len() >= 1000, "also after a chunk that was joined");
        wire.join(&[1; 1500], GATHER);
        wire.join(&[2; 1500], GATHER);
        assert_eq!(wire.to_vec(), [[1; 1500], [2; 1500]].concat());
    }

    #[test]
    fn append_keeps_the_order_and_leaves_the_other_empty() {
        let (mut first, mut second) = (Wire::new(), Wire::new());
        second.join(b"xab", GATHER);
        second.consume(1);
        first.append(&mut second);
        assert_eq!((first.to_vec().as_slice(), second.len()), (b"ab".as_slice(), 0));
        second.join(b"ycd", GATHER);
        second.consume(1);
        second.push_shared(&shared(b"ef"));
        first.append(&mut second);
        assert_eq!(first.to_vec(), b"abcdef");
        assert!(second.is_empty() && second.chunks.is_empty());
        assert_eq!(first.len(), 6);
    }

    #[test]
    fn drop_oldest_spares_what_has_begun_to_leave() {
        let mut wire = Wire::new();
        for piece in [b"aaaa", b"bbbb", b"cccc", b"dddd"] {
            wire.join(piece, 4);
        }
        wire.consume(1);
        assert_eq!(wire.drop_oldest(5), 8);
        assert_eq!(wire.to_vec(), b"aaadddd");
        assert_eq!(wire.drop_oldest(100), 4);
        assert_eq!(wire.to_vec(), b"aaa");
    }

    #[test]
    fn slices_start_behind_the_consumed_bytes() {
        let mut wire = Wire::new();
        wire.push_owned(b"abc");
        wire.push_owned(b"def");
        wire.push_owned(b"ghi");
        assert_eq!(wire.only_slice(), None);
        wire.consume(2);
        let mut room = [IoSlice::new(&[]); 2];
        let slices = wire.slices(&mut room);
        assert_eq!(slices.iter().map(|slice| slice.len()).collect::<Vec<_>>(), [1, 3]);
        wire.consume(5);
        assert_eq!(wire.only_slice(), Some(b"hi".as_slice()));
    }

    #[test]
    fn clear_and_release_give_everything_back() {
        let mut wire = Wire::new();
        wire.join(&[1; 1000], GATHER);
        wire.clear();
        assert!(wire.is_empty() && wire.reserved() > 0);
        wire.release();
        assert_eq!(wire.reserved(), 0);
    }
}
