//! The topics of a subscriber.

use std::collections::{BTreeMap, HashMap};

/// Prefixes, each as often as it was subscribed to.
#[derive(Default)]
pub(super) struct Topics {
    /// By their lengths, so that a message costs one look for each length that there is, however
    /// many topics have it.
    by_length: BTreeMap<usize, HashMap<Box<[u8]>, usize>>,
}

impl Topics {
    pub(super) fn is_empty(&self) -> bool {
        self.by_length.is_empty()
    }

    pub(super) fn add(&mut self, topic: &[u8]) {
        *self.by_length.entry(topic.len()).or_default().entry(topic.into()).or_default() += 1;
    }

    /// Takes one subscription back. `false` when there is none.
    pub(super) fn remove(&mut self, topic: &[u8]) -> bool {
        let Some(topics) = self.by_length.get_mut(&topic.len()) else { return false };
        let Some(count) = topics.get_mut(topic) else { return false };
        *count -= 1;
        if *count == 0 {
            topics.remove(topic);
            if topics.is_empty() {
                self.by_length.remove(&topic.len());
            }
        }
        true
    }

    pub(super) fn matches(&self, message: &[u8]) -> bool {
        let mut short_enough = self.by_length.range(..=message.len());
        short_enough.any(|(length, topics)| topics.contains_key(&message[..*length]))
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
}
