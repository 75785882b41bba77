//! Numbered places for what a loop owns, safe against numbers of former owners.

/// A place and the generation of its owner. Fits into a `mio::Token`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(usize);

/// Bits of a key that number the place; the rest is the generation. On 64-bit systems both halves
/// are 32 bits wide, on 32-bit ones there is room for a million places.
const INDEX_BITS: u32 = if usize::BITS == 64 { 32 } else { 20 };
const INDEX_MASK: usize = (1 << INDEX_BITS) - 1;
const GENERATION_MASK: usize = usize::MAX >> INDEX_BITS;

impl Key {
    /// Belongs to no place.
    pub(crate) const NONE: Key = Key(usize::MAX);

    pub(crate) fn from_token(token: mio::Token) -> Key {
        Key(token.0)
    }

    pub(crate) fn token(self) -> mio::Token {
        mio::Token(self.0)
    }

    fn new(index: usize, generation: u32) -> Key {
        Key(index | (generation as usize & GENERATION_MASK) << INDEX_BITS)
    }

    fn index(self) -> usize {
        self.0 & INDEX_MASK
    }

    fn is_of(self, generation: u32) -> bool {
        self.0 >> INDEX_BITS == generation as usize & GENERATION_MASK
    }
}

/// A growing table. A key that was removed never finds the next owner of its place, so late
/// events, timers and operations fall through.
pub(crate) struct Slots<T> {
    places: Vec<Option<T>>,
    /// Beside the places instead of in them, where alignment would double their size.
    generations: Vec<u32>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    pub(crate) fn new() -> Slots<T> {
        Slots { places: Vec::new(), generations: Vec::new(), free: Vec::new() }
    }

    /// How many places are taken, reserved ones included.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Reserves an empty place, to be filled by [`Slots::restore`].
    pub(crate) fn reserve(&mut self) -> Key {
        let index = match self.free.pop() {
            Some(index) => index as usize,
            None => {
                assert!(self.places.len() < INDEX_MASK, "no place is left in this loop");
                self.places.push(None);
                self.generations.push(0);
                self.places.len() - 1
            }
        };
        Key::new(index, self.generations[index])
    }

    /// Takes the content out and keeps its place, or `None` when the key is out of date.
    pub(crate) fn take(&mut self, key: Key) -> Option<T> {
        self.place(key)?.take()
    }

    /// Puts content into its place.
    pub(crate) fn restore(&mut self, key: Key, content: T) {
        if let Some(place) = self.place(key) {
            debug_assert!(place.is_none());
            *place = Some(content);
        }
    }

    /// Looks at the content.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.place(key)?.as_mut()
    }

    /// Ends the life of a key; its place goes to others.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let content = self.place(key)?.take();
        let generation = &mut self.generations[key.index()];
        *generation = generation.wrapping_add(1);
        self.free.push(key.index() as u32);
        content
    }

    /// The keys of all places that have content now.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let places = self.places.iter().zip(&self.generations).enumerate();
        let filled = places.filter(|(_, (place, _))| place.is_some());
        filled.map(|(index, (_, generation))| Key::new(index, *generation)).collect()
    }

    /// Ends the lives of all keys without content.
    pub(crate) fn remove_empty(&mut self) {
        let mut empty: Vec<_> = self.places.iter().map(Option::is_none).collect();
        self.free.iter().for_each(|index| empty[*index as usize] = false);
        for index in (0..empty.len()).filter(|index| empty[*index]) {
            self.remove(Key::new(index, self.generations[index]));
        }
    }

    fn place(&mut self, key: Key) -> Option<&mut Option<T>> {
        let generation = *self.generations.get(key.index())?;
        if key.is_of(generation) { self.places.get_mut(key.index()) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_does_not_find_the_next_owner() {
        let mut slots = Slots::new();
        let first = slots.reserve();
        slots.restore(first, "first");
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.reserve();
        slots.restore(second, "second");
        assert_eq!(first.index(), second.index());
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get_mut(second), Some(&mut "second"));
        assert_eq!(slots.len(), 1);
    }

    #[test]
    fn take_keeps_the_place() {
        let mut slots = Slots::new();
        let key = slots.reserve();
        slots.restore(key, 1);
        assert_eq!(slots.take(key), Some(1));
        assert_eq!(slots.take(key), None);
        assert_ne!(slots.reserve(), key);
        slots.restore(key, 2);
        assert_eq!(slots.keys(), [key]);
        assert_eq!(slots.take(key), Some(2));
    }

    #[test]
    fn no_key_is_the_none_key() {
        let mut slots = Slots::<()>::new();
        assert_ne!(slots.reserve(), Key::NONE);
        assert!(slots.take(Key::NONE).is_none());
        assert_eq!(Key::from_token(Key::new(5, 7).token()), Key::new(5, 7));
    }
}
