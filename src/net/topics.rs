//! Topics: what is published reaches the sessions that have subscribed to it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::endpoint::Role;
use super::multicast::Multicast;
use super::{Kind, Server, Session};
use crate::error::{Error, Result};
use crate::reactor::slots::Key;

/// The topics of one server.
#[derive(Default)]
pub(super) struct Topics(Mutex<Subscriptions>);

#[derive(Default)]
struct Subscriptions {
    exact: HashMap<Box<str>, Subscribers>,
    /// What comes before a wildcard, by its length.
    prefixes: BTreeMap<usize, HashMap<Box<str>, Subscribers>>,
    of_session: HashMap<u64, HashSet<Box<str>>>,
}

/// Sessions, and where each of them is.
#[derive(Default)]
struct Subscribers {
    sessions: Vec<Session>,
    places: HashMap<u64, usize>,
}

impl Subscribers {
    fn add(&mut self, session: &Session) {
        if let Entry::Vacant(place) = self.places.entry(session.id()) {
            place.insert(self.sessions.len());
            self.sessions.push(session.clone());
        }
    }

    fn remove(&mut self, id: u64) {
        let Some(place) = self.places.remove(&id) else { return };
        self.sessions.swap_remove(place);
        if let Some(moved) = self.sessions.get(place) {
            self.places.insert(moved.id(), place);
        }
    }
}

impl Subscriptions {
    fn add(&mut self, session: &Session, pattern: &str) {
        let new = self.of_session.entry(session.id()).or_default().insert(pattern.into());
        if !new {
            return;
        }
        let subscribers = match pattern.strip_suffix('*') {
            Some(prefix) => {
                let same_length = self.prefixes.entry(prefix.len()).or_default();
                same_length.entry(prefix.into()).or_default()
            }
            None => self.exact.entry(pattern.into()).or_default(),
        };
        subscribers.add(session);
    }

    /// Whether there was such a subscription.
    fn remove(&mut self, id: u64, pattern: &str) -> bool {
        let Entry::Occupied(mut own) = self.of_session.entry(id) else { return false };
        if !own.get_mut().remove(pattern) {
            return false;
        }
        if own.get().is_empty() {
            own.remove();
        }
        self.forget(id, pattern);
        true
    }

    /// Takes a session off the subscribers of a pattern, which goes with the last of them.
    fn forget(&mut self, id: u64, pattern: &str) {
        let Some(prefix) = pattern.strip_suffix('*') else {
            remove_from(&mut self.exact, id, pattern);
            return;
        };
        if let Some(same_length) = self.prefixes.get_mut(&prefix.len()) {
            remove_from(same_length, id, prefix);
            if same_length.is_empty() {
                self.prefixes.remove(&prefix.len());
            }
        }
    }

    /// Everybody who wants what is published under a topic, some perhaps twice.
    fn matching(&self, topic: &str) -> Vec<&Subscribers> {
        let prefixes = self.prefixes.range(..=topic.len());
        let by_prefix =
            prefixes.filter_map(|(length, same_length)| same_length.get(topic.get(..*length)?));
        self.exact.get(topic).into_iter().chain(by_prefix).collect()
    }
}

fn remove_from(subscribers: &mut HashMap<Box<str>, Subscribers>, id: u64, name: &str) {
    if let Some(own) = subscribers.get_mut(name) {
        own.remove(id);
        if own.sessions.is_empty() {
            subscribers.remove(name);
        }
    }
}

impl Topics {
    fn lock(&self) -> MutexGuard<'_, Subscriptions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a session that has ended.
    pub(super) fn leave(&self, session: &Session) {
        let mut subscriptions = self.lock();
        for pattern in subscriptions.of_session.remove(&session.id()).unwrap_or_default() {
            subscriptions.forget(session.id(), &pattern);
        }
    }
}

fn checked(topic: &str, may_be_pattern: bool) -> Result<()> {
    let name = topic.strip_suffix('*').filter(|_| may_be_pattern).unwrap_or(topic);
    if topic.is_empty() || name.contains('*') {
        return Err(Error::argument(format!(
            "{topic:?} is no topic; it needs a name, and a * is allowed at the end of a subscription \
             alone"
        )));
    }
    Ok(())
}

impl Session {
    /// Has what is published under a topic from now on, until the end of the session. A `*` at the
    /// end
    /// stands for anything: `news.*` for all topics that begin with `news.`. Twice counts once.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for an empty topic, or a `*`
    /// before its end; [`Status::NotConnected`](crate::Status::NotConnected) without a connection;
    /// [`Status::InvalidState`](crate::Status::InvalidState) on a client.
    pub fn subscribe(&self, topic: &str) -> Result<()> {
        checked(topic, true)?;
        let mut subscriptions = self.topics()?.lock();
        // Under the lock: one that ends leaves the topics after this flag has fallen.
        if !self.is_connected() {
            return Err(Error::not_connected());
        }
        subscriptions.add(self, topic);
        Ok(())
    }

    /// Ends a subscription, as it was written. Whether there was one.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) on a client.
    pub fn unsubscribe(&self, topic: &str) -> Result<bool> {
        Ok(self.topics()?.lock().remove(self.id(), topic))
    }

    /// Sends a message to all other sessions of the server that have subscribed to a topic, as
    /// [`Server::publish`] does.
    ///
    /// # Errors
    ///
    /// As [`Server::publish`], and [`Status::InvalidState`](crate::Status::InvalidState) on a
    /// client.
    pub fn publish(&self, topic: &str, kind: Kind, data: &[u8]) -> Result<usize> {
        self.topics()?;
        match self.server() {
            Some(server) => server.publish_but(topic, kind, data, self.id()),
            None => Err(Error::not_connected()),
        }
    }

    fn topics(&self) -> Result<&Topics> {
        match &self.0.endpoint.role {
            Role::Server(server) => Ok(&server.topics),
            Role::Client(_) => {
                Err(Error::state("topics are of servers; a client has no other sessions"))
            }
        }
    }
}

impl Server {
    /// Sends a message to the sessions that have subscribed to a topic, once to each, as
    /// [`Server::multicast_message`] sends to all. Returns how many subscribers there are. The
    /// topic itself is not sent. Works with sessions of bytes too, with [`Kind::Bytes`].
    ///
    /// # Errors
    ///
    /// As [`Server::multicast_message`], and
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for a topic that is empty or has
    /// a `*`.
    pub fn publish(&self, topic: &str, kind: Kind, data: &[u8]) -> Result<usize> {
        self.publish_but(topic, kind, data, 0)
    }

    /// To all but one; no session has the number 0.
    fn publish_but(&self, topic: &str, kind: Kind, data: &[u8], but: u64) -> Result<usize> {
        checked(topic, false)?;
        self.check_started()?;
        let Some(mut multicast) = Multicast::new(self, kind, data)? else { return Ok(0) };
        let mut keys: Vec<Vec<Key>> = vec![Vec::new(); self.0.core.threads()];
        let mut count = 0;
        {
            let subscriptions = self.0.as_server().topics.lock();
            let matching = subscriptions.matching(topic);
            let mut seen = HashSet::new();
            let twice_possible = matching.len() > 1;
            for session in matching.into_iter().flat_map(|subscribers| &subscribers.sessions) {
                if session.id() == but || (twice_possible && !seen.insert(session.id())) {
                    continue;
                }
                count += 1;
                if let Some(key) = session.0.send_shared(&mut multicast) {
                    keys[usize::from(session.0.loop_index)].push(key);
                }
            }
        }
        for (index, keys) in keys.into_iter().enumerate() {
            self.0.core.remote(index).schedule_all(keys);
        }
        Ok(count)
    }
}
