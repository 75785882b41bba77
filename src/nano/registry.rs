//! All sockets of the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::core::Core;
use super::state::terminated;
use crate::error::Result;

struct Registry {
    sockets: Option<HashMap<u64, Weak<Core>>>,
    terminated: bool,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { sockets: None, terminated: false });

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Enters a new socket, unless there are to be none any more.
pub(super) fn add(core: &Arc<Core>) -> Result<()> {
    let mut registry = registry();
    if registry.terminated {
        return Err(terminated());
    }
    registry.sockets.get_or_insert_default().insert(core.id, Arc::downgrade(core));
    Ok(())
}

pub(super) fn remove(id: u64) {
    if let Some(sockets) = &mut registry().sockets {
        sockets.remove(&id);
    }
}

/// No socket is entered any more. Returns those that there are.
pub(super) fn terminate() -> Vec<Arc<Core>> {
    let mut registry = registry();
    registry.terminated = true;
    let sockets = registry.sockets.take().unwrap_or_default();
    sockets.into_values().filter_map(|core| core.upgrade()).collect()
}
