//! Where ids begin: nobody can guess it, and two processes rarely begin alike.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Random bits. The standard library gets its keys for hash maps from the system, new ones for each.
pub(crate) fn word() -> u32 {
    RandomState::new().build_hasher().finish() as u32
}
