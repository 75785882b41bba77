//! The layer of plain TCP: every byte passes as it is.

use super::{Kind, Layer, Up, Wire};
use crate::error::Result;

/// A byte stream without a protocol of its own.
pub(crate) struct Raw;

impl Layer for Raw {
    fn start(&mut self, _down: &mut Wire, _up: &mut dyn Up) -> Result<()> {
        Ok(())
    }

    fn receive(&mut self, bytes: &mut [u8], _down: &mut Wire, up: &mut dyn Up) -> Result<()> {
        up.data(Kind::Bytes, bytes);
        Ok(())
    }

    fn send(&mut self, data: &mut Wire, down: &mut Wire) -> Result<usize> {
        let count = data.len();
        down.append(data);
        Ok(count)
    }

    fn is_transparent(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::super::random::Random;
    use super::*;

    #[test]
    fn bytes_pass_unchanged_in_both_directions_under_random_cuts() {
        let message: Vec<u8> = (0..10_000u32).map(|number| (number * 31 % 251) as u8).collect();
        let mut random = Random::new(1);
        for _ in 0..50 {
            let (mut down, mut data, mut received) = (Wire::new(), Wire::new(), Vec::new());
            let mut layer = Raw;
            let mut copy = message.clone();
            let mut rest = copy.as_mut_slice();
            while !rest.is_empty() {
                let cut = random.up_to(rest.len().min(700));
                let (head, tail) = rest.split_at_mut(cut);
                layer
                    .receive(head, &mut down, &mut |event: Event<'_>| match event {
                        Event::Data(Kind::Bytes, bytes) => received.extend_from_slice(bytes),
                        _ => panic!("a raw layer told something else"),
                    })
                    .unwrap();
                data.join(head, crate::proto::GATHER);
                assert_eq!(layer.send(&mut data, &mut down).unwrap(), cut);
                assert!(data.is_empty());
                rest = tail;
            }
            assert_eq!(received, message);
            assert_eq!(down.to_vec(), message);
        }
    }
}
