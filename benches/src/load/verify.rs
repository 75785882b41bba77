//! A server is only worth measuring when it returns what it was given.

use super::closed;
use super::payload::{json, noise};
use super::transport::{Transport, connect, done, is_later};
use crate::sys;
use std::io::{self, Read, Write};
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;
use std::time::Duration;

const TOTAL: usize = 3 * 1024 * 1024;
/// A server that takes nothing for this long has filled the socket buffers in both directions.
const FULL: Duration = Duration::from_millis(20);
/// Without any byte for this long a server counts as stuck.
const STALL: Duration = Duration::from_secs(5);

/// Sends three mebibytes of changing bytes in pieces of all sizes, reads nothing at first so that
/// the server's writes are refused by the kernel, and compares what comes back byte by byte.
/// Returns what the connection agreed on.
pub fn verify_echo<T: Transport>(
    transport: &T,
    address: SocketAddrV4,
) -> io::Result<Option<String>> {
    verify(transport, address, &noise(TOTAL), 1)
}

/// The same with text.
pub fn verify_text<T: Transport>(
    transport: &T,
    address: SocketAddrV4,
) -> io::Result<Option<String>> {
    verify(transport, address, &json(TOTAL), 1)
}

/// The same with one message.
pub fn verify_message<T: Transport>(
    transport: &T,
    address: SocketAddrV4,
    message: &[u8],
) -> io::Result<Option<String>> {
    verify(transport, address, message, message.len())
}

fn verify<T: Transport>(
    transport: &T,
    address: SocketAddrV4,
    bytes: &[u8],
    first: usize,
) -> io::Result<Option<String>> {
    let mut stream = connect(transport, address, bytes.len())?;
    let mut pieces = Pieces { bytes, at: 0, piece: first };
    while !pieces.are_done()
        && (pieces.write(&mut stream)? || sys::wait_writable(stream.as_raw_fd(), FULL)?)
    {}
    let mut buffer = vec![0; 50_000];
    let mut at = 0;
    while at < bytes.len() {
        let wrote = pieces.write(&mut stream)?;
        let size = match stream.read(&mut buffer) {
            Ok(0) => return Err(closed()),
            Ok(size) => size,
            Err(error) if is_later(&error) => 0,
            Err(error) => {
                return Err(io::Error::new(
                    error.kind(),
                    format!("{at} bytes came back, then: {error}"),
                ));
            }
        };
        if at + size > bytes.len() || buffer[..size] != bytes[at..at + size] {
            return Err(io::Error::other(format!("wrong echo after {at} bytes")));
        }
        at += size;
        sys::check_interrupt()?;
        if wrote || size > 0 {
            continue;
        }
        let all_sent = pieces.are_done() && done(stream.flush())?;
        let wait = if all_sent { sys::wait_readable } else { sys::wait_readable_or_writable };
        if !wait(stream.as_raw_fd(), STALL)? {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{at} bytes came back, then nothing for 5 s"),
            ));
        }
    }
    Ok(T::description(&stream))
}

/// What is left to write.
struct Pieces<'a> {
    bytes: &'a [u8],
    at: usize,
    piece: usize,
}

impl Pieces<'_> {
    fn are_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Writes one piece, or what the kernel takes of it; false when that is nothing.
    fn write(&mut self, stream: &mut impl Write) -> io::Result<bool> {
        if self.are_done() {
            return Ok(false);
        }
        let rest = &self.bytes[self.at..];
        match stream.write(&rest[..self.piece.min(rest.len())]) {
            Ok(size) => {
                self.at += size;
                self.piece = self.piece * 3 % 200_003;
                Ok(true)
            }
            Err(error) if is_later(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
