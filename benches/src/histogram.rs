//! A fixed-size histogram of durations with a relative error below one percent.

/// Every power of two is cut into this many buckets (as a power of two itself).
const SUB_BITS: u32 = 7;
const SUB: usize = 1 << SUB_BITS;
/// Values up to 2^40 ns (18 minutes) have their own bucket; longer ones land in the last.
const GROUPS: usize = 40 - SUB_BITS as usize + 1;

/// Counts durations in nanoseconds; recording costs one increment.
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Histogram { counts: vec![0; SUB * GROUPS], total: 0 }
    }

    /// Adds `count` events that took `nanoseconds` each.
    pub fn record(&mut self, nanoseconds: u64, count: u64) {
        self.counts[Self::bucket(nanoseconds)] += count;
        self.total += count;
    }

    /// Number of recorded events.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What was recorded: durations, rounded up as [`Histogram::quantile`] does, and how many of
    /// each there were.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(bucket, count)| (Self::upper_bound(bucket), *count))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }

    /// The duration which `quantile` (0.0 to 1.0) of all events did not exceed, in nanoseconds,
    /// rounded up to the end of its bucket; `None` without events.
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let rank = ((self.total as f64 * quantile).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(Self::upper_bound(bucket));
            }
        }
        None
    }

    fn bucket(value: u64) -> usize {
        if value < SUB as u64 {
            return value as usize;
        }
        let shift = 63 - value.leading_zeros() - SUB_BITS;
        let index = (shift as usize + 1) * SUB + (value >> shift) as usize - SUB;
        index.min(SUB * GROUPS - 1)
    }

    fn upper_bound(bucket: usize) -> u64 {
        if bucket < SUB {
            return bucket as u64;
        }
        let shift = (bucket / SUB - 1) as u32;
        let base = (bucket % SUB + SUB) as u64;
        ((base + 1) << shift) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_are_exact() {
        let mut histogram = Histogram::new();
        for value in 1..=100 {
            histogram.record(value, 1);
        }
        assert_eq!(histogram.quantile(0.5), Some(50));
        assert_eq!(histogram.quantile(0.99), Some(99));
        assert_eq!(histogram.quantile(1.0), Some(100));
        assert_eq!(histogram.total(), 100);
    }

    #[test]
    fn large_values_are_within_one_percent() {
        for value in [128, 1_000, 6_543, 99_999, 1_234_567, 5_000_000_000] {
            let mut histogram = Histogram::new();
            histogram.record(value, 3);
            let found = histogram.quantile(0.5).expect("not empty");
            assert!(
                found >= value && (found - value) as f64 <= value as f64 * 0.01,
                "{value} became {found}"
            );
        }
    }

    #[test]
    fn counts_make_the_same_histogram_again() {
        let (mut one, mut other) = (Histogram::new(), Histogram::new());
        for value in [3, 3, 4_711, 1_000_000_007] {
            one.record(value, 1);
        }
        one.counts().for_each(|(value, count)| other.record(value, count));
        assert_eq!(one.counts().collect::<Vec<_>>(), other.counts().collect::<Vec<_>>());
        assert_eq!((other.total(), other.quantile(0.5)), (4, Some(3)));
    }

    #[test]
    fn buckets_follow_each_other_without_gap() {
        let mut last = Histogram::bucket(0);
        for value in 1..200_000 {
            let bucket = Histogram::bucket(value);
            assert!(bucket == last || bucket == last + 1, "gap before {value}");
            assert!(Histogram::upper_bound(bucket) >= value);
            assert!(bucket == 0 || Histogram::upper_bound(bucket - 1) < value);
            last = bucket;
        }
    }

    #[test]
    fn an_empty_histogram_has_no_quantiles_and_huge_values_are_kept() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(0.5), None);
        histogram.record(u64::MAX, 1);
        assert!(histogram.quantile(0.5).expect("one event") > 1 << 39);
        histogram.clear();
        assert_eq!(histogram.quantile(0.5), None);
    }
}
