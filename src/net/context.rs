//! What a loop thread keeps for the handles that are used on it.
//!
//! A handle never touches a loop. On a loop's own thread it leaves its wishes here, where the loop
//! finds them after the callback, without a lock and without a wake-up.

use std::cell::{Cell, RefCell};

use crate::proto::Wire;
use crate::reactor::slots::Key;

/// Emptied wires that a thread keeps, and the memory that they may hold together.
const POOL_WIRES: usize = 4096;
const POOL_BYTES: usize = 1 << 20;

struct Context {
    /// 0 on threads that are no loop.
    loop_id: Cell<u64>,
    dirty: RefCell<Vec<Key>>,
    /// Boxed, because an outbox holds one by a single word.
    #[allow(clippy::vec_box)]
    pool: RefCell<Vec<Box<Wire>>>,
    pool_bytes: Cell<usize>,
}

thread_local! {
    static CONTEXT: Context = const {
        Context {
            loop_id: Cell::new(0),
            dirty: RefCell::new(Vec::new()),
            pool: RefCell::new(Vec::new()),
            pool_bytes: Cell::new(0),
        }
    };
}

/// Makes this thread the thread of a loop, until [`leave`].
pub(super) fn enter(loop_id: u64) {
    CONTEXT.with(|context| context.loop_id.set(loop_id));
}

/// Makes this an ordinary thread again.
pub(super) fn leave() {
    CONTEXT.with(|context| {
        context.loop_id.set(0);
        context.dirty.borrow_mut().clear();
        context.pool.borrow_mut().clear();
        context.pool_bytes.set(0);
    });
}

/// The loop that this thread belongs to, 0 for none. A thread that is being torn down is none.
pub(super) fn loop_id() -> u64 {
    CONTEXT.try_with(|context| context.loop_id.get()).unwrap_or(0)
}

/// Marks a stream of this thread's loop for the next flush.
pub(super) fn mark_dirty(key: Key) {
    CONTEXT.with(|context| context.dirty.borrow_mut().push(key));
}

pub(super) fn has_dirty() -> bool {
    CONTEXT.with(|context| !context.dirty.borrow().is_empty())
}

/// Swaps the marked streams with the empty `keys`.
pub(super) fn take_dirty(keys: &mut Vec<Key>) {
    CONTEXT.with(|context| std::mem::swap(&mut *context.dirty.borrow_mut(), keys));
}

/// An empty wire, on loop threads one that was used before.
pub(super) fn take_wire() -> Box<Wire> {
    CONTEXT
        .try_with(|context| {
            let wire = context.pool.borrow_mut().pop()?;
            context.pool_bytes.set(context.pool_bytes.get() - wire.reserved());
            Some(wire)
        })
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Takes an emptied wire back for later use on this thread.
pub(super) fn give_wire(mut wire: Box<Wire>) {
    debug_assert!(wire.is_empty());
    CONTEXT.with(|context| {
        let mut pool = context.pool.borrow_mut();
        if context.loop_id.get() == 0 || pool.len() >= POOL_WIRES {
            return;
        }
        if context.pool_bytes.get() + wire.reserved() > POOL_BYTES {
            wire.release();
        }
        context.pool_bytes.set(context.pool_bytes.get() + wire.reserved());
        pool.push(wire);
    });
}
