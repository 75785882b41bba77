//! The service that the sockets of a process share.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::error::Result;
use crate::net::Service;

/// Runs while there is a socket that needs it.
pub(super) struct Hidden {
    service: Service,
}

static SHARED: Mutex<Weak<Hidden>> = Mutex::new(Weak::new());

impl Hidden {
    /// The service that runs, or a new one.
    pub(super) fn share() -> Result<Arc<Hidden>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hidden) = shared.upgrade() {
            return Ok(hidden);
        }
        let service = Service::new()?;
        service.start(())?;
        let hidden = Arc::new(Hidden { service });
        *shared = Arc::downgrade(&hidden);
        Ok(hidden)
    }

    pub(super) fn service(&self) -> Service {
        self.service.clone()
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Delivers what closed sockets have left. On its own thread it does not wait.
        let _ = self.service.stop();
    }
}
