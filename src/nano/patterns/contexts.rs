//! Exchanges that go on at the same time in one socket, and the questions that they are about.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use super::super::header::QUESTION;
use super::super::pattern::{ContextId, OWN};

/// Which question belongs to which exchange.
pub(super) struct Questions {
    contexts: HashMap<u32, ContextId, BuildHasherDefault<IdHasher>>,
    next: u32,
}

/// Ids are given one after the other, by us, so that nobody can make them collide.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, id: u32) {
        // Fibonacci hashing: the table looks at the highest bits too.
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Questions {
    /// `first` is where the ids begin.
    pub(super) fn new(first: u32) -> Questions {
        Questions { contexts: HashMap::default(), next: first & !QUESTION }
    }

    /// An exchange asks something. Returns the id, which no other question has that is open.
    pub(super) fn open(&mut self, context: ContextId) -> u32 {
        loop {
            let id = self.next | QUESTION;
            self.next = (self.next + 1) & !QUESTION;
            if let Entry::Vacant(place) = self.contexts.entry(id) {
                place.insert(context);
                return id;
            }
        }
    }

    pub(super) fn close(&mut self, id: u32) -> Option<ContextId> {
        self.contexts.remove(&id)
    }

    pub(super) fn get(&self, id: u32) -> Option<ContextId> {
        self.contexts.get(&id).copied()
    }
}

/// Exchanges by their ids. The one of the socket itself is always there.
pub(super) struct Contexts<T> {
    places: Vec<Option<T>>,
    free: Vec<ContextId>,
}

impl<T: Default> Contexts<T> {
    pub(super) fn new() -> Contexts<T> {
        Contexts { places: vec![Some(T::default())], free: Vec::new() }
    }

    pub(super) fn open(&mut self) -> ContextId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            (self.places.len() - 1) as ContextId
        });
        self.places[id as usize] = Some(T::default());
        id
    }

    pub(super) fn close(&mut self, id: ContextId) -> Option<T> {
        if id == OWN {
            return None;
        }
        let context = self.places.get_mut(id as usize)?.take()?;
        self.free.push(id);
        Some(context)
    }

    pub(super) fn get(&self, id: ContextId) -> Option<&T> {
        self.places.get(id as usize)?.as_ref()
    }

    /// The exchange, which is there because its handle is.
    pub(super) fn get_mut(&mut self, id: ContextId) -> &mut T {
        let place = self.places.get_mut(id as usize).and_then(Option::as_mut);
        place.expect("a context is used only before its close")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ContextId, &T)> {
        let places = self.places.iter().enumerate();
        places.filter_map(|(id, place)| Some((id as ContextId, place.as_ref()?)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (ContextId, &mut T)> {
        let places = self.places.iter_mut().enumerate();
        places.filter_map(|(id, place)| Some((id as ContextId, place.as_mut()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_not_used_twice_and_wrap_around() {
        let mut questions = Questions::new(u32::MAX);
        assert_eq!(questions.open(5), u32::MAX);
        assert_eq!(questions.open(6), QUESTION);
        questions.next = !QUESTION;
        assert_eq!(questions.open(7), QUESTION | 1, "two are in use");
        assert_eq!((questions.close(QUESTION), questions.get(QUESTION)), (Some(6), None));
        assert_eq!(questions.get(u32::MAX), Some(5));
    }
}
