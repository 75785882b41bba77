//! Streams whose loops have to be told that there is something to send.

use std::sync::Arc;

use super::core::Core;
use super::session::SessionInner;
use crate::reactor::slots::Key;

/// Whether messages are written by the threads that send them, where nothing waits before them, so
/// that no loop need come to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AtOnce {
    #[default]
    No,
    /// But not on the loop's own thread, which joins what a callback sends.
    Elsewhere,
    /// There is nothing to join.
    Everywhere,
}

/// Tells the loops of several sessions at once, at the latest when it is dropped.
#[derive(Default)]
pub(crate) struct Flushes {
    /// The first one, apart because mostly it is the only one.
    first: Option<(Arc<Core>, u16, Key)>,
    /// Others of the same service.
    others: Vec<(u16, Key)>,
    at_once: AtOnce,
}

impl Flushes {
    pub(crate) fn set_at_once(&mut self, at_once: AtOnce) {
        self.at_once = at_once;
    }

    #[inline(always)]
    pub(super) fn at_once(&self) -> AtOnce {
        self.at_once
    }

    /// Whether there is nothing to be told, nor anything else in here.
    #[inline(always)]
    pub(crate) fn is_idle(&self) -> bool {
        self.first.is_none() && self.at_once == AtOnce::No
    }

    pub(super) fn add(&mut self, session: &SessionInner, key: Key) {
        let core = &session.endpoint.core;
        match &self.first {
            Some((own, ..)) if Arc::ptr_eq(own, core) => {
                self.others.push((session.loop_index, key));
            }
            _ => {
                self.tell();
                self.first = Some((Arc::clone(core), session.loop_index, key));
            }
        }
    }

    /// Tells the loops, and may be used again.
    pub(crate) fn tell(&mut self) {
        let Some((core, index, key)) = self.first.take() else { return };
        if self.others.is_empty() {
            return core.remote(index.into()).schedule(key);
        }
        self.others.push((index, key));
        self.others.sort_unstable();
        for group in self.others.chunk_by(|one, other| one.0 == other.0) {
            let keys = group.iter().map(|(_, key)| *key).collect();
            core.remote(group[0].0.into()).schedule_all(keys);
        }
        self.others.clear();
    }
}

impl Drop for Flushes {
    fn drop(&mut self) {
        self.tell();
    }
}
