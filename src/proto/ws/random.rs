//! Keys for masks, which nobody may foresee (RFC 6455 section 10.3).

use std::cell::RefCell;

/// Bytes that are fetched at once: the call costs more than the bytes.
const FETCHED: usize = 1024;

struct Pool {
    bytes: [u8; FETCHED],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; FETCHED], used: FETCHED }) };
}

/// A key for one frame.
#[inline]
pub(super) fn mask_key() -> [u8; 4] {
    POOL.with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.used == FETCHED {
            fetch(&mut pool.bytes);
            pool.used = 0;
        }
        let used = pool.used;
        pool.used += 4;
        pool.bytes[used..used + 4].try_into().expect("four bytes")
    })
}

#[cold]
fn fetch(bytes: &mut [u8]) {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.secure_random.fill(bytes).expect("the cryptographic library has random bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "calls the cryptographic library, which is not Rust")]
    fn keys_differ() {
        let keys: std::collections::HashSet<_> = (0..FETCHED).map(|_| mask_key()).collect();
        assert!(keys.len() > FETCHED - 4, "{}", keys.len());
    }
}
