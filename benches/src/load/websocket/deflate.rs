//! Compression of messages, each by itself.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use std::io;

/// The end of each message, which is not sent.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The message in compressed form.
pub fn pack(message: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = Vec::with_capacity(message.len() + message.len() / 8 + 64);
    let mut stream = Compress::new(Compression::default(), false);
    stream.compress_vec(message, &mut packed, FlushCompress::Sync).map_err(io::Error::other)?;
    if stream.total_in() != message.len() as u64 || !packed.ends_with(&TAIL) {
        return Err(io::Error::other("a message could not be compressed"));
    }
    packed.truncate(packed.len() - TAIL.len());
    Ok(packed)
}

/// The message that was compressed, of at most `most` bytes.
pub fn unpack(packed: &mut Vec<u8>, most: usize) -> io::Result<Vec<u8>> {
    packed.extend_from_slice(&TAIL);
    // One byte more: a longer message shows.
    let mut message = Vec::with_capacity(most + 1);
    let mut stream = Decompress::new(false);
    stream.decompress_vec(packed, &mut message, FlushDecompress::Sync).map_err(io::Error::other)?;
    if message.len() > most || stream.total_in() != packed.len() as u64 {
        return Err(io::Error::other("the server compressed another message, or wrongly"));
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back() {
        for message in [&b""[..], b"x", &[b'y'; 100_000]] {
            let mut packed = pack(message).expect("packed");
            assert!(packed.len() < 200);
            assert_eq!(unpack(&mut packed, message.len()).expect("unpacked"), message);
        }
    }

    #[test]
    fn the_example_of_the_standard() {
        let mut packed = vec![0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(unpack(&mut packed, 5).expect("unpacked"), b"Hello");
    }

    #[test]
    fn more_than_expected_is_refused() {
        let mut packed = pack(b"Hello").expect("packed");
        assert!(unpack(&mut packed, 4).is_err());
        assert!(unpack(&mut vec![0xff; 8], 100).is_err());
    }
}
