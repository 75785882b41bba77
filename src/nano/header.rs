//! Ids in front of a message.

use std::fmt;

/// Ends a header: the id of a question. The ids of hops have this bit clear.
pub(crate) const QUESTION: u32 = 0x8000_0000;

/// Ids that need no memory of their own: a question, and two hops.
const FEW: usize = 3;

/// The ids in front of a message, each a word: of the hops that it took, then of the question.
///
/// No enum, and neither is the body: the fields of one that is moved would be copied in pieces
/// around its tag, which stalls the processor each time, and a message is moved several times.
#[derive(Clone)]
pub(crate) struct Header {
    few: [u32; FEW],
    count: u32,
    /// All of them, when they are more.
    many: Option<Box<[u32]>>,
}

impl Header {
    #[inline(always)]
    pub(crate) fn new() -> Header {
        Header { few: [0; FEW], count: 0, many: None }
    }

    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[u32] {
        match &self.many {
            None => &self.few[..self.count as usize],
            Some(many) => many,
        }
    }

    /// The words of the slice behind one more.
    pub(crate) fn behind(first: u32, rest: &[u32]) -> Header {
        Header::of(rest.len() + 1, [first].into_iter().chain(rest.iter().copied()))
    }

    /// Of so many words.
    #[inline(always)]
    fn of(count: usize, words: impl Iterator<Item = u32>) -> Header {
        let mut header = Header::new();
        if count > FEW {
            header.many = Some(words.collect());
            return header;
        }
        header.count = count as u32;
        for (place, word) in header.few.iter_mut().zip(words) {
            *place = word;
        }
        header
    }

    /// Reads the header of a message off the wire: all words up to the one of the question. Returns
    /// it with what is behind it. `None` when no question comes, or only behind more than
    /// `most_hops` hops.
    pub(crate) fn read(bytes: &[u8], most_hops: usize) -> Option<(Header, &[u8])> {
        let (words, _) = bytes.as_chunks::<4>();
        let words = words.iter().map(|word| u32::from_be_bytes(*word));
        let count = words.clone().take(most_hops + 1).position(|word| word & QUESTION != 0)? + 1;
        let header = Header::of(count, words.take(count));
        Some((header, &bytes[count * 4..]))
    }
}

impl From<&[u32]> for Header {
    #[inline(always)]
    fn from(words: &[u32]) -> Header {
        Header::of(words.len(), words.iter().copied())
    }
}

impl PartialEq for Header {
    fn eq(&self, other: &Header) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Header {}

impl fmt::Debug for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.as_slice()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_any_length() {
        for count in 0..20_u32 {
            let words: Vec<_> = (0..count).collect();
            let header = Header::from(&words[..]);
            assert_eq!(header.as_slice(), words);
            let longer = Header::behind(77, header.as_slice());
            assert_eq!(longer.as_slice()[0], 77);
            assert_eq!(&longer.as_slice()[1..], words);
        }
    }

    #[test]
    fn a_header_ends_with_the_question() {
        let (header, body) = Header::read(b"\0\0\0\x01\x80\0\0\x02body", 8).unwrap();
        assert_eq!(header.as_slice(), [1, QUESTION | 2]);
        assert_eq!(body, b"body");
        let (header, body) = Header::read(b"\xff\xff\xff\xff", 0).unwrap();
        assert_eq!(header.as_slice(), [u32::MAX]);
        assert_eq!(body, b"");
    }

    #[test]
    fn headers_that_are_cut_or_never_end_are_refused() {
        for bytes in [&b""[..], b"\x80\0\0", b"\0\0\0\x01", b"\0\0\0\x01\x80"] {
            assert_eq!(Header::read(bytes, 8), None);
        }
        assert_eq!(Header::read(&[0; 1 << 20], 255), None);
        let mut hops = [0; 9 * 4];
        hops[32] = 0x80;
        assert!(Header::read(&hops, 8).is_some());
        assert!(Header::read(&hops, 7).is_none(), "one hop more than allowed");
    }
}
