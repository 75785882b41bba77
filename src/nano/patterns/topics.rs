//! The topics of a subscriber.

use std::collections::BTreeMap;
use std::ops::Bound;

/// Prefixes, each as often as it was subscribed to.
#[derive(Default)]
pub(super) struct Topics(BTreeMap<Box<[u8]>, usize>);

impl Topics {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, topic: &[u8]) {
        *self.0.entry(topic.into()).or_default() += 1;
    }

    /// Takes one subscription back. `false` when there is none.
    pub(super) fn remove(&mut self, topic: &[u8]) -> bool {
        let Some(count) = self.0.get_mut(topic) else { return false };
        *count -= 1;
        if *count == 0 {
            self.0.remove(topic);
        }
        true
    }

    /// Whether a topic is a prefix of the message. Whatever lies between a prefix and the message in
    /// the order of bytes begins with that prefix too. So the last topic that is not behind the
    /// message is a prefix of it, or shares with it all that another one can consist of.
    pub(super) fn matches(&self, mut message: &[u8]) -> bool {
        let up_to = |end| self.0.range::<[u8], _>((Bound::Unbounded, Bound::Included(end)));
        while let Some((topic, _)) = up_to(message).next_back() {
            if message.starts_with(topic) {
                return true;
            }
            let shared = message.iter().zip(topic.iter()).take_while(|(own, other)| own == other);
            message = &message[..shared.count()];
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_prefixes() {
        let mut topics = Topics::default();
        assert!(!topics.matches(b"") && !topics.matches(b"anything") && topics.is_empty());
        topics.add(b"Hello");
        topics.add(b"b");
        for (message, matches) in [
            (&b"Hello"[..], true),
            (b"Hello, World!", true),
            (b"Hell", false),
            (b"hello", false),
            (b"bus", true),
            (b"", false),
        ] {
            assert_eq!(topics.matches(message), matches, "{message:?}");
        }
        topics.add(b"");
        assert!(topics.matches(b"") && topics.matches(b"anything"));
    }

    #[test]
    fn each_subscription_is_taken_back_on_its_own() {
        let mut topics = Topics::default();
        topics.add(b"a");
        topics.add(b"a");
        assert!(topics.remove(b"a"));
        assert!(topics.matches(b"abc"));
        assert!(!topics.remove(b"ab") && !topics.remove(b"b"));
        assert!(topics.remove(b"a"));
        assert!(!topics.matches(b"abc") && !topics.remove(b"a") && topics.is_empty());
    }

    #[test]
    fn every_set_of_topics_matches_what_begins_with_one_of_them() {
        let word = |mut number: usize| {
            let mut bytes = Vec::new();
            while number > 0 {
                bytes.push(b'a' + (number % 3) as u8);
                number /= 3;
            }
            bytes
        };
        for seed in 0..400 {
            let mut topics = Topics::default();
            let chosen: Vec<_> =
                (0..1 + seed % 6).map(|turn| word(seed * 31 * turn % 300)).collect();
            chosen.iter().for_each(|topic| topics.add(topic));
            for number in 0..300 {
                let message = word(number);
                let expected = chosen.iter().any(|topic| message.starts_with(topic));
                assert_eq!(topics.matches(&message), expected, "{chosen:?} {message:?}");
            }
        }
    }
}
