//! A hundred megabytes in messages of very different lengths, compared byte by byte.

use cppserver::nano::Protocol;

use crate::Outcome;
use crate::link::{Link, connect, socket, words};
use crate::peer::Program;

const BYTES: usize = 100_000_000;

/// Messages have up to this many bytes.
const LONGEST: usize = 300_000;

/// The peer sends, and ours receives.
pub fn receive(program: &Program, link: Link) -> Outcome {
    let mut peer = program.start(Protocol::Pair)?;
    let ours = socket(Protocol::Pair)?;
    connect(&ours, &mut peer, link)?;
    let command = format!("produce {BYTES}");
    peer.begin(&command)?;
    for (number, message) in Messages::new().enumerate() {
        let found = ours.receive().map_err(|error| format!("message {number}: {error}"))?;
        if *found != *message {
            return Err(format!("message {number} has other bytes"));
        }
    }
    peer.finish(&command)
}

/// Ours sends, and the peer receives.
pub fn send(program: &Program, link: Link) -> Outcome {
    let mut peer = program.start(Protocol::Pair)?;
    let ours = socket(Protocol::Pair)?;
    connect(&ours, &mut peer, link)?;
    let command = format!("consume {BYTES}");
    peer.begin(&command)?;
    for message in Messages::new() {
        ours.send(&message).map_err(words)?;
    }
    peer.finish(&command)
}

/// The messages; peers make the same ones.
struct Messages {
    state: u64,
    left: usize,
}

impl Messages {
    fn new() -> Messages {
        Messages { state: 88_172_645_463_325_252, left: BYTES }
    }

    fn number(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }
}

impl Iterator for Messages {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.left == 0 {
            return None;
        }
        let number = self.number();
        // Every other message is a short one.
        let limit = if number.is_multiple_of(2) { 300 } else { LONGEST as u64 + 1 };
        let length = (number / 2 % limit) as usize;
        let mut message = Vec::with_capacity(length + 8);
        while message.len() < length {
            message.extend_from_slice(&self.number().to_le_bytes());
        }
        message.truncate(length);
        self.left -= length.min(self.left);
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_many_and_short_and_long() {
        let lengths: Vec<usize> = Messages::new().map(|message| message.len()).collect();
        let (first, rest) = lengths.split_first().unwrap();
        assert!(lengths.iter().sum::<usize>() >= BYTES && first + rest.len() > 1000);
        assert!(lengths.iter().any(|length| *length < 10));
        assert!(lengths.iter().any(|length| *length > LONGEST - 1000));
        assert!(lengths.iter().all(|length| *length <= LONGEST));
    }
}
