//! Random cuts for the tests of layers, the same in every run.

/// Marsaglia's xorshift, 64 bits.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 1 to `most`, which is at least 1.
    pub(crate) fn up_to(&mut self, most: usize) -> usize {
        1 + (self.next() % most as u64) as usize
    }
}
