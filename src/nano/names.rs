//! Names within the process: who listens to them, and who dials them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::core::Core;
use super::inproc::{self, Connected, LocalPipe};
use crate::error::{Error, Result, SpFailure};

/// An endpoint of a socket.
struct Party {
    core: Weak<Core>,
    socket: u64,
    endpoint: u32,
    /// The last connection of a dialer.
    pipe: Option<Arc<LocalPipe>>,
}

impl Party {
    fn is(&self, socket: u64, endpoint: u32) -> bool {
        self.socket == socket && self.endpoint == endpoint
    }

    /// The socket, if the endpoint is still one of it. `kept` outlives the lock of the names: should
    /// nobody else have the socket any more, its end may wait for threads that want the lock.
    fn core(&self, kept: &mut Vec<Arc<Core>>) -> Option<Arc<Core>> {
        let core = self.core.upgrade()?;
        kept.push(Arc::clone(&core));
        core.has_endpoint(self.endpoint).then_some(core)
    }
}

#[derive(Default)]
struct Name {
    listener: Option<Party>,
    dialers: Vec<Party>,
    /// Counts what may have made a place for a dialer.
    events: u64,
}

static NAMES: Mutex<Option<HashMap<Arc<str>, Name>>> = Mutex::new(None);

fn names() -> MutexGuard<'static, Option<HashMap<Arc<str>, Name>>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn add(name: &Arc<str>, core: &Arc<Core>, endpoint: u32, dials: bool) -> Result<()> {
    let mut names = names();
    let entry = names.get_or_insert_default().entry(Arc::clone(name)).or_default();
    let party = Party { core: Arc::downgrade(core), socket: core.id, endpoint, pipe: None };
    if dials {
        entry.dialers.push(party);
        return Ok(());
    }
    if entry.listener.is_some() {
        return Err(Error::sp(
            SpFailure::AddressInUse,
            format!("somebody listens to inproc://{name} already; choose another name"),
        ));
    }
    entry.listener = Some(party);
    Ok(())
}

pub(super) fn remove(name: &Arc<str>, socket: u64, endpoint: u32) {
    let mut all = names();
    let Some(names) = &mut *all else { return };
    let Some(entry) = names.get_mut(name) else { return };
    entry.listener.take_if(|party| party.is(socket, endpoint));
    entry.dialers.retain(|party| !party.is(socket, endpoint));
    if entry.listener.is_none() && entry.dialers.is_empty() {
        names.remove(name);
    }
}

/// A connection that is to be made.
struct Match {
    listener: u32,
    dialer: u32,
    accepted: Arc<LocalPipe>,
    dialed: Arc<LocalPipe>,
}

/// Connects dialers that have no connection, if somebody listens who fits to them. To be called
/// without any lock.
pub(super) fn rematch(name: &Arc<str>) {
    loop {
        let (matches, events) = find_matches(name);
        let mut refused = false;
        for found in matches {
            let (listener, dialer) =
                ((found.listener, &found.accepted), (found.dialer, &found.dialed));
            refused |= inproc::connect(listener, dialer) == Connected::No;
        }
        // A place may have become free while a dialer was about to be refused.
        if !refused || !has_changed(name, events) {
            return;
        }
    }
}

fn find_matches(name: &Arc<str>) -> (Vec<Match>, u64) {
    // Before the lock, so that it is dropped behind it.
    let mut kept = Vec::new();
    let mut names = names();
    let Some(entry) = names.as_mut().and_then(|names| names.get_mut(name)) else {
        return (Vec::new(), 0);
    };
    entry.events += 1;
    let mut matches = Vec::new();
    if let Some(listener) = &entry.listener
        && let Some(server) = listener.core(&mut kept)
    {
        for party in &mut entry.dialers {
            if party.pipe.as_ref().is_none_or(|pipe| pipe.has_ended())
                && let Some(client) = party.core(&mut kept)
                && inproc::fit(server.protocol, client.protocol)
            {
                let (accepted, dialed) = inproc::pair(name, &server, &client);
                party.pipe = Some(Arc::clone(&dialed));
                let (listener, dialer) = (listener.endpoint, party.endpoint);
                matches.push(Match { listener, dialer, accepted, dialed });
            }
        }
    }
    (matches, entry.events)
}

fn has_changed(name: &Arc<str>, events: u64) -> bool {
    let names = names();
    let entry = names.as_ref().and_then(|names| names.get(name));
    entry.is_some_and(|entry| entry.events != events)
}
