//! Frames as a client writes and reads them.

use std::io;

/// More than the header of a frame.
const LONGEST_HEADER: usize = 14;
const FINAL: u8 = 0x80;
/// The first bit for extensions: the message is compressed.
const COMPRESSED: u8 = 0x40;
const MASKED: u8 = 0x80;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message that was begun.
    Continuation,
    /// A message of text.
    Text,
    /// A message of bytes.
    Binary,
    /// The end of the connection.
    Close,
    /// To be answered by a pong.
    Ping,
    /// The answer.
    Pong,
}

impl Opcode {
    fn number(self) -> u8 {
        match self {
            Opcode::Continuation => 0,
            Opcode::Text => 1,
            Opcode::Binary => 2,
            Opcode::Close => 8,
            Opcode::Ping => 9,
            Opcode::Pong => 10,
        }
    }

    fn from_number(number: u8) -> io::Result<Self> {
        Ok(match number {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return Err(wrong(&format!("unknown opcode {number}"))),
        })
    }

    /// True for what may stand between the frames of a message.
    pub fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it carries.
    pub opcode: Opcode,
    /// The message ends with it.
    pub last: bool,
    /// The message is compressed.
    pub compressed: bool,
    /// Bytes of its payload.
    pub size: usize,
}

impl Header {
    /// The header of a server's frame and its own size; `None` when some of it is missing.
    pub fn parse(bytes: &[u8]) -> io::Result<Option<(Header, usize)>> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        if first & 0x30 != 0 {
            return Err(wrong("a reserved bit"));
        }
        if second & MASKED != 0 {
            return Err(wrong("a mask, which only clients have"));
        }
        let (size, used) = match second {
            126 => match rest.first_chunk() {
                Some(&size) => (u64::from(u16::from_be_bytes(size)), 4),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(&size) => (u64::from_be_bytes(size), 10),
                None => return Ok(None),
            },
            size => (u64::from(size), 2),
        };
        let header = Header {
            opcode: Opcode::from_number(first & 0xf)?,
            last: first & FINAL != 0,
            compressed: first & COMPRESSED != 0,
            size: usize::try_from(size).map_err(|_| wrong("an endless frame"))?,
        };
        if header.opcode.is_control() && (second > 125 || !header.last) {
            return Err(wrong("a control frame of more than its 125 bytes, or in parts"));
        }
        Ok(Some((header, used)))
    }
}

/// Appends a whole message, or a control frame, masked.
pub fn push(out: &mut Vec<u8>, opcode: Opcode, compressed: bool, payload: &[u8], mask: [u8; 4]) {
    out.reserve(LONGEST_HEADER + payload.len());
    out.push(FINAL | if compressed { COMPRESSED } else { 0 } | opcode.number());
    match payload.len() {
        size @ 0..126 => out.push(MASKED | size as u8),
        size @ 126..0x1_0000 => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(size as u16).to_be_bytes());
        }
        size => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(size as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// What a server must not send.
pub fn wrong(what: &str) -> io::Error {
    io::Error::other(format!("wrong frame of the server: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard() {
        let mut frame = Vec::new();
        push(&mut frame, Opcode::Text, false, b"Hello", [0x37, 0xfa, 0x21, 0x3d]);
        let expected = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(frame, expected);
    }

    #[test]
    fn sizes_have_three_forms() {
        for (size, used) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut frame = Vec::new();
            push(&mut frame, Opcode::Binary, true, &vec![7; size], [0; 4]);
            assert_eq!(frame.len(), used + 4 + size);
            frame[1] &= !MASKED;
            let header = Header { opcode: Opcode::Binary, last: true, compressed: true, size };
            assert_eq!(Header::parse(&frame).expect("right"), Some((header, used)));
            for missing in 0..used {
                assert_eq!(Header::parse(&frame[..missing]).expect("right so far"), None);
            }
        }
    }

    #[test]
    fn wrong_headers_are_found() {
        for bytes in [[0x82, 0x80], [0xa2, 0], [0x83, 0], [0x09, 0], [0x89, 126]] {
            let mut frame = bytes.to_vec();
            frame.extend([0; 8]);
            assert!(Header::parse(&frame).is_err(), "{bytes:?}");
        }
    }
}
