//! Ids in front of a message.

use std::fmt;

/// Ends a header: the id of a question. The ids of hops have this bit clear.
pub(crate) const QUESTION: u32 = 0x8000_0000;

/// Ids that need no memory of their own: a question, and a few hops.
const FEW: usize = 5;

/// The ids in front of a message, each a word: of the hops that it took, then of the question.
#[derive(Clone)]
pub(crate) struct Header(Words);

#[derive(Clone)]
enum Words {
    Few { count: u8, words: [u32; FEW] },
    Many(Vec<u32>),
}

impl Header {
    pub(crate) fn new() -> Header {
        Header(Words::Few { count: 0, words: [0; FEW] })
    }

    pub(crate) fn as_slice(&self) -> &[u32] {
        match &self.0 {
            Words::Few { count, words } => &words[..*count as usize],
            Words::Many(words) => words,
        }
    }

    /// The words of the slice behind one more.
    pub(crate) fn behind(first: u32, rest: &[u32]) -> Header {
        let mut header = Header::new();
        header.push(first);
        rest.iter().for_each(|word| header.push(*word));
        header
    }

    fn push(&mut self, word: u32) {
        match &mut self.0 {
            Words::Few { count, words } if (*count as usize) < FEW => {
                words[*count as usize] = word;
                *count += 1;
            }
            Words::Few { words, .. } => {
                let mut many = words.to_vec();
                many.push(word);
                self.0 = Words::Many(many);
            }
            Words::Many(words) => words.push(word),
        }
    }

    /// Reads the header of a message off the wire: all words up to the one of the question. Returns
    /// it with what is behind it. `None` when no question comes, or only behind more than
    /// `most_hops` hops.
    pub(crate) fn read(bytes: &[u8], most_hops: usize) -> Option<(Header, &[u8])> {
        let mut header = Header::new();
        let mut rest = bytes;
        for _ in 0..=most_hops {
            let (word, behind) = rest.split_first_chunk()?;
            let word = u32::from_be_bytes(*word);
            header.push(word);
            rest = behind;
            if word & QUESTION != 0 {
                return Some((header, rest));
            }
        }
        None
    }
}

impl From<&[u32]> for Header {
    fn from(words: &[u32]) -> Header {
        let mut header = Header::new();
        words.iter().for_each(|word| header.push(*word));
        header
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
