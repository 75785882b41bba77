//! The layer of plain TCP: every byte passes as it is.

use super::{Event, Kind, Layer, Stage, Wire};
use crate::error::Result;

/// A byte stream without a protocol of its own.
pub(crate) struct Raw;

impl Layer for Raw {
    fn start(&mut self, _down: &mut Wire, up: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        up(Event::Ready(Stage::Connected));
        Ok(())
    }

    fn receive(
        &mut self,
        bytes: &[u8],
        _down: &mut Wire,
        up: &mut dyn FnMut(Event<'_>),
    ) -> Result<()> {
        up(Event::Data(Kind::Bytes, bytes));
        Ok(())
    }

    fn send(&mut self, data: &mut Wire, down: &mut Wire) -> Result<()> {
        down.append(data);
        Ok(())
    }

    fn is_transparent(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_unchanged_in_both_directions_under_random_cuts() {
        let message: Vec<u8> = (0..10_000u32).map(|number| (number * 31 % 251) as u8).collect();
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..50 {
            let (mut down, mut data, mut received) = (Wire::new(), Wire::new(), Vec::new());
            let mut layer = Raw;
            let mut rest = message.as_slice();
            while !rest.is_empty() {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let cut = rest.len().min(1 + random as usize % 700);
                let (head, tail) = rest.split_at(cut);
                layer
                    .receive(head, &mut down, &mut |event| match event {
                        Event::Data(Kind::Bytes, bytes) => received.extend_from_slice(bytes),
                        other => panic!("a raw layer told {other:?}"),
                    })
                    .unwrap();
                data.join(head, crate::proto::GATHER);
                layer.send(&mut data, &mut down).unwrap();
                assert!(data.is_empty());
                rest = tail;
            }
            assert_eq!(received, message);
            assert_eq!(down.to_vec(), message);
        }
    }

    #[test]
    fn start_tells_connected_once() {
        let mut stages = Vec::new();
        Raw.start(&mut Wire::new(), &mut |event| stages.push(format!("{event:?}"))).unwrap();
        assert_eq!(stages, ["Ready(Connected)"]);
    }
}
