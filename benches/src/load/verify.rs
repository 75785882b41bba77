//! A server is only worth measuring when it returns what it was given.

use super::connect;
use std::io::{self, Read, Write};
use std::net::SocketAddrV4;
use std::time::Duration;

const TOTAL: usize = 3 * 1024 * 1024;

/// Sends three mebibytes of changing bytes in pieces of all sizes, reads slowly at first so that
/// the server's writes are refused by the kernel, and compares what comes back byte by byte.
pub fn verify_echo(address: SocketAddrV4) -> io::Result<()> {
    let stream = connect(address)?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let bytes = pattern();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut rest = &bytes[..];
            let mut piece = 1;
            while !rest.is_empty() {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                (&stream).write_all(now)?;
                rest = later;
                piece = piece * 3 % 200_003;
            }
            Ok::<(), io::Error>(())
        });
        let result = compare(&stream, &bytes);
        if result.is_err() {
            // Ends a writer that waits for a server which does not read any more.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        let written = writer.join().map_err(|_| io::Error::other("the writing thread panicked"))?;
        result.and(written)
    })
}

fn compare(mut stream: impl Read, bytes: &[u8]) -> io::Result<()> {
    // Until the writer has filled the socket buffers in both directions nothing is read.
    std::thread::sleep(Duration::from_millis(20));
    let mut buffer = vec![0; 50_000];
    let mut at = 0;
    while at < bytes.len() {
        let size = match stream.read(&mut buffer) {
            Ok(0) => return Err(super::closed()),
            Ok(size) => size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                crate::sys::check_interrupt()?;
                continue;
            }
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
    }
    Ok(())
}

fn pattern() -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    (0..TOTAL)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}
