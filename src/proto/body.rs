//! What messages consist of on their way to the peer.

use std::sync::Arc;

/// A message, behind the words that a protocol puts in front of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body<'a> {
    /// Bytes to be copied.
    Copied(&'a [u8]),
    /// Bytes that others have too. They are only copied if they are few.
    Shared(&'a Arc<[u8]>),
}

impl Body<'_> {
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Body::Copied(bytes) => bytes,
            Body::Shared(bytes) => bytes,
        }
    }
}
