//! Frames (RFC 6455 section 5.2): the header, and the mask of what clients send.

use super::super::{HEAD_ROOM, Kind};
use super::close::{self, Violation};

/// The most bytes of a header: two, a length of eight, a mask of four.
pub(super) const MOST_HEADER: usize = 14;

/// Room for a header.
pub(crate) type Head = [u8; HEAD_ROOM];

/// The most payload of a control frame (RFC 6455 section 5.5).
pub(crate) const MOST_CONTROL: usize = 125;

/// What a frame is (RFC 6455 section 11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn of(number: u8) -> Option<Opcode> {
        Some(match number {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }

    pub(super) fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

impl From<Kind> for Opcode {
    fn from(kind: Kind) -> Opcode {
        match kind {
            Kind::Text => Opcode::Text,
            Kind::Bytes | Kind::Binary => Opcode::Binary,
            Kind::Ping => Opcode::Ping,
            Kind::Pong => Opcode::Pong,
        }
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    /// The first reserved bit, which permessage-deflate sets on compressed messages.
    pub(super) compressed: bool,
    pub(super) length: u64,
    pub(super) mask: Option<[u8; 4]>,
}

/// What a receiver takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// Clients mask what they send, servers do not.
    pub(super) masked: bool,
    /// permessage-deflate was agreed on.
    pub(super) compression: bool,
}

impl Header {
    pub(super) fn new(opcode: Opcode, length: usize) -> Header {
        Header { opcode, fin: true, compressed: false, length: length as u64, mask: None }
    }

    /// Whether it is the last one of a message.
    pub(super) fn ends_message(&self) -> bool {
        self.fin && !self.opcode.is_control()
    }

    /// Reads a header. `None` when it is not all there; what is there is checked nevertheless, so
    /// that a faulty peer hears of it with the first wrong byte.
    #[inline(always)]
    pub(super) fn parse(
        bytes: &[u8],
        expected: Expected,
    ) -> Result<Option<(Header, usize)>, Violation> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let Some(opcode) = Opcode::of(first & 0x0f) else {
            return Err(Violation::protocol("a frame has a reserved opcode"));
        };
        let fin = first & 0x80 != 0;
        let compressed = first & 0x40 != 0;
        let may_be_compressed =
            expected.compression && matches!(opcode, Opcode::Text | Opcode::Binary);
        if first & 0x30 != 0 || (compressed && !may_be_compressed) {
            return Err(Violation::protocol("a frame has reserved bits of no agreed extension"));
        }
        if opcode.is_control() && !fin {
            return Err(Violation::protocol("a control frame is fragmented"));
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        let masked = second & 0x80 != 0;
        if masked != expected.masked {
            return Err(Violation::protocol(match masked {
                true => "a frame of the server is masked",
                false => "a frame of the client is not masked",
            }));
        }
        let short = second & 0x7f;
        if opcode.is_control() && usize::from(short) > MOST_CONTROL {
            return Err(Violation::protocol("a control frame has more than 125 bytes"));
        }
        let (length, mut end) = match short {
            126 => {
                let Some(bytes) = bytes.get(2..4) else { return Ok(None) };
                let length = u64::from(u16::from_be_bytes([bytes[0], bytes[1]]));
                if length < 126 {
                    return Err(Violation::protocol("the length of a frame takes too many bytes"));
                }
                (length, 4)
            }
            127 => {
                let Some(bytes) = bytes.get(2..10) else { return Ok(None) };
                let length = u64::from_be_bytes(bytes.try_into().expect("eight bytes"));
                if !(1 << 16..1 << 63).contains(&length) {
                    return Err(Violation::protocol(
                        "the length of a frame is not written as it must be",
                    ));
                }
                (length, 10)
            }
            _ => (u64::from(short), 2),
        };
        let mask = match masked {
            true => {
                let Some(bytes) = bytes.get(end..end + 4) else { return Ok(None) };
                end += 4;
                Some([bytes[0], bytes[1], bytes[2], bytes[3]])
            }
            false => None,
        };
        Ok(Some((Header { opcode, fin, compressed, length, mask }, end)))
    }

    /// Writes the header. Returns how many of the bytes count, at most [`MOST_HEADER`].
    ///
    /// It is made as one number and not byte by byte: bytes that were just written one by one are
    /// slow to read as a whole.
    #[inline(always)]
    pub(super) fn write(self) -> (Head, usize) {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let first = bit(self.fin, 0x80) | bit(self.compressed, 0x40) | self.opcode as u8;
        let (short, long, mut end) = match self.length {
            length @ 0..=125 => (length as u8, 0, 2),
            length @ 126..=0xffff => (126, u64::from((length as u16).swap_bytes()), 4),
            length => (127, length.swap_bytes(), 10),
        };
        let masked = bit(self.mask.is_some(), 0x80);
        let begin = u16::from_le_bytes([first, short | masked]);
        let mut bytes = u128::from(begin) | u128::from(long) << 16;
        if let Some(mask) = self.mask {
            bytes |= u128::from(u32::from_le_bytes(mask)) << (end * 8);
            end += 4;
        }
        (bytes.to_le_bytes(), end)
    }
}

/// Masks or unmasks (RFC 6455 section 5.3). Returns the mask for the bytes that follow.
#[inline(always)]
pub(super) fn mask(bytes: &mut [u8], key: [u8; 4]) -> [u8; 4] {
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let masked = u64::from_ne_bytes(chunk.try_into().expect("eight bytes")) ^ wide;
        chunk.copy_from_slice(&masked.to_ne_bytes());
    }
    let rest = chunks.into_remainder();
    for (byte, key) in rest.iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
    let mut next = key;
    next.rotate_left(rest.len() % 4);
    next
}

/// The payload of a Close frame (RFC 6455 section 5.5.1): its code, if it has one, and its reason.
pub(super) fn parse_close(payload: &[u8]) -> Result<(u16, &str), Violation> {
    let [high, low, reason @ ..] = payload else {
        return match payload {
            [] => Ok((close::NO_STATUS, "")),
            _ => Err(Violation::protocol("a Close frame has half a code")),
        };
    };
    let code = u16::from_be_bytes([*high, *low]);
    if !close::may_be_sent(code) {
        return Err(Violation::protocol("a Close frame has a code that must not be sent"));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok((code, reason)),
        Err(_) => Err(Violation::payload("the reason of a Close frame is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Expected = Expected { masked: false, compression: false };

    #[test]
    fn headers_are_read_as_they_are_written() {
        for opcode in [Opcode::Continuation, Opcode::Text, Opcode::Binary] {
            for length in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, (1 << 63) - 1] {
                for mask in [None, Some([1, 2, 3, 4])] {
                    for (fin, compressed) in [(true, false), (false, false), (true, true)] {
                        let compressed = compressed && opcode != Opcode::Continuation;
                        let header = Header { opcode, fin, compressed, length, mask };
                        let (bytes, end) = header.write();
                        let expected = Expected { masked: mask.is_some(), compression: true };
                        for cut in 0..end {
                            assert_eq!(Header::parse(&bytes[..cut], expected).unwrap(), None);
                        }
                        let read = Header::parse(&bytes[..end], expected).unwrap();
                        assert_eq!(read, Some((header, end)));
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_wrong_byte_is_enough() {
        for first in [0x83, 0x8b, 0x8f, 0xc1, 0xa1, 0x91, 0x08, 0x09, 0xc9] {
            assert!(Header::parse(&[first], ANY).is_err(), "{first:#x}");
        }
        let compression = Expected { masked: false, compression: true };
        assert!(Header::parse(&[0xc1], compression).is_ok());
        assert!(Header::parse(&[0xc0], compression).is_err(), "only the first frame is marked");
        assert!(Header::parse(&[0x89, 126], ANY).is_err());
        assert!(Header::parse(&[0x81, 0x80], ANY).is_err());
        assert!(
            Header::parse(&[0x81, 0x01], Expected { masked: true, compression: false }).is_err()
        );
        assert!(Header::parse(&[0x82, 126, 0, 125], ANY).is_err());
        assert!(Header::parse(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], ANY).is_err());
        assert!(Header::parse(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], ANY).is_err());
    }

    #[test]
    fn masks_go_on_where_they_stopped() {
        let key = [0x12, 0x34, 0x56, 0x78];
        let plain: Vec<u8> = (0..100).collect();
        let expected: Vec<u8> =
            plain.iter().enumerate().map(|(index, byte)| byte ^ key[index % 4]).collect();
        for cut in 0..plain.len() {
            let mut bytes = plain.clone();
            let (head, tail) = bytes.split_at_mut(cut);
            let next = mask(head, key);
            mask(tail, next);
            assert_eq!(bytes, expected, "{cut}");
        }
    }

    #[test]
    fn close_frames_have_a_good_code_and_a_text() {
        assert_eq!(parse_close(b"").unwrap(), (1005, ""));
        assert_eq!(parse_close(b"\x03\xe8bye").unwrap(), (1000, "bye"));
        assert_eq!(parse_close(b"\x03").unwrap_err().code, 1002);
        assert_eq!(parse_close(b"\x03\xed").unwrap_err().code, 1002);
        assert_eq!(parse_close(b"\x03\xe8\xff").unwrap_err().code, 1007);
    }
}
