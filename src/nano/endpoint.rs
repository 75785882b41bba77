//! Listeners and dialers of a socket.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::address::Address;
use super::core::Core;
use super::pipes::PipeKey;
use super::state::{self, EndpointEntry, Life, State};
use super::{SpOption, inproc};
use crate::error::{Error, Result};

/// How an endpoint is closed, by its transport.
pub(crate) trait EndpointControl: Send + Sync {
    /// Listens or dials no more. The connections are closed by the socket.
    fn close(&self);

    /// The port of a listener.
    fn port(&self) -> Option<u16> {
        None
    }
}

/// One listener or dialer of a [`Socket`](super::Socket), of which a socket has as many as it
/// likes. A handle is cheap to clone, and dropping it closes nothing.
#[derive(Clone)]
pub struct Endpoint {
    pub(super) core: Weak<Core>,
    pub(super) id: u32,
    pub(super) address: String,
    pub(super) control: Arc<dyn EndpointControl>,
}

impl Endpoint {
    /// A number that no other endpoint of the socket has or had.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The address as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The port that a listener got, also when it asked for port 0. `None` for dialers and for
    /// transports without ports.
    pub fn port(&self) -> Option<u16> {
        self.control.port()
    }

    /// Whether the endpoint was closed, by itself or with its socket.
    pub fn is_closed(&self) -> bool {
        let Some(core) = self.core.upgrade() else { return true };
        let state = core.lock();
        !state.endpoints.contains_key(&self.id)
    }

    /// Ends the endpoint and its connections. What was sent before is delivered within
    /// [`SpOption::Linger`]; the socket, its other endpoints and its counters stay. A listener's
    /// address is free again when this returns, except in callbacks, where it is soon.
    ///
    /// # Errors
    ///
    /// [`SpFailure::Closed`](crate::SpFailure::Closed) when it is closed already.
    pub fn close(&self) -> Result<()> {
        let closed = self.core.upgrade().is_some_and(|core| core.close_endpoint(self.id));
        if closed { Ok(()) } else { Err(state::closed_endpoint()) }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Endpoint")
            .field("id", &self.id)
            .field("address", &self.address)
            .finish()
    }
}

impl Core {
    /// Listens or dials.
    pub(super) fn open_endpoint(self: &Arc<Core>, text: &str, dials: bool) -> Result<Endpoint> {
        let address = Address::parse(text)?;
        if dials {
            address.check_dial(text)?;
        }
        let id = {
            let mut state = self.lock();
            state.check_open()?;
            let id = state.next_endpoint;
            state.next_endpoint += 1;
            let entry = EndpointEntry { address: text.to_owned(), dials, control: None };
            state.endpoints.insert(id, entry);
            id
        };
        let control = match address {
            Address::Inproc(name) => inproc::open(self, id, &name, dials),
            address => super::network::open(self, id, address, dials),
        };
        let control = match control {
            Ok(control) => control,
            Err(error) => {
                self.close_endpoint(id);
                if !dials {
                    self.lock().statistics.bind_errors += 1;
                }
                return Err(error);
            }
        };
        let is_kept = {
            let mut state = self.lock();
            let entry = state.endpoints.get_mut(&id);
            entry.map(|entry| entry.control = Some(Arc::clone(&control))).is_some()
        };
        if !is_kept {
            // Closed meanwhile, with the socket.
            control.close();
            self.lock().check_open()?;
            return Err(state::closed_endpoint());
        }
        Ok(Endpoint { core: Arc::downgrade(self), id, address: text.to_owned(), control })
    }

    /// Whether there was such an endpoint.
    pub(super) fn close_endpoint(&self, id: u32) -> bool {
        let control = self.with(|state| {
            let linger = state.options.time(SpOption::Linger);
            let pipes = state.pipes_of(id);
            for pipe in pipes {
                self.drop_pipe(state, pipe, linger);
            }
            state.endpoints.remove(&id)
        });
        let Some(entry) = control else { return false };
        if let Some(control) = entry.control {
            control.close();
        }
        self.offer_place();
        true
    }

    /// Ends a connection. What was sent is delivered within `linger`.
    pub(super) fn drop_pipe(&self, state: &mut State, pipe: PipeKey, linger: Duration) {
        if state.life == Life::Open {
            self.fetch_all(state);
        }
        if let Some(goes_on) = state.pipes.close(pipe, linger) {
            state.lingering += usize::from(goes_on);
        }
        self.detach_locked(state, pipe, super::connections::End::Dropped);
    }

    /// The dial of an endpoint has failed, and is tried again. The user may be told why.
    pub(crate) fn connect_failed(&self, error: Option<Error>) {
        self.with(|state| {
            if state.life == Life::Open {
                state.statistics.connect_errors += 1;
            }
        });
        if let Some(error) = error {
            self.failed(error);
        }
    }

    /// A connection could not be accepted.
    pub(crate) fn accept_failed(&self, error: Error) {
        self.with(|state| state.statistics.accept_errors += 1);
        self.failed(error);
    }

    /// Whether an endpoint is to go on.
    pub(crate) fn has_endpoint(&self, id: u32) -> bool {
        self.lock().endpoints.contains_key(&id)
    }
}

impl State {
    fn pipes_of(&self, endpoint: u32) -> Vec<PipeKey> {
        let of_endpoint = |key: &PipeKey| {
            self.pipes.traits(*key).is_some_and(|traits| traits.endpoint == endpoint)
        };
        self.pipes.keys().filter(of_endpoint).collect()
    }
}
