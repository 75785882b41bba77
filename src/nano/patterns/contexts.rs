//! Exchanges that go on at the same time in one socket.

use super::super::pattern::{ContextId, OWN};

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
