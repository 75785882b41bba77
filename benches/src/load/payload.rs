//! What the loads send, where it is not the same byte again and again.

/// Bytes that change in no simple way.
pub fn noise(size: usize) -> Vec<u8> {
    let mut random = Random(0x9e37_79b9);
    (0..size).map(|_| random.next() as u8).collect()
}

/// Text as programs send it to each other; compressed it is about a third as long.
pub fn json(size: usize) -> Vec<u8> {
    const NAMES: [&str; 8] = ["ask", "bid", "fill", "cancel", "open", "amend", "status", "quote"];
    let mut random = Random(0x9e37_79b9);
    let mut text = "[".to_owned();
    while text.len() < size {
        let name = NAMES[random.next() as usize % NAMES.len()];
        let (id, price) =
            (random.next() % 1_000 * 997, random.next() % 100 * 100 + random.next() % 100);
        let (whole, cents) = (price / 100, price % 100);
        text += &format!(
            "{{\"id\":{id},\"type\":\"{name}\",\"price\":{whole}.{cents:02},\"open\":{}}},",
            random.next().is_multiple_of(2)
        );
    }
    text.truncate(size - 1);
    text += "]";
    text.into_bytes()
}

struct Random(u32);

impl Random {
    /// A number of eight bits.
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 24
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_right_size() {
        for size in [1, 2, 1024, 100_000] {
            assert_eq!(noise(size).len(), size);
            let text = json(size);
            assert_eq!(text.len(), size);
            assert!(text.is_ascii());
        }
    }
}
