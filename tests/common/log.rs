//! A log of all callbacks, to wait for some of them and to judge all of them at the end.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use cppserver::{Error, Kind, Reason};

use super::wait::DEADLINE;

/// One callback, with what it was told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// `on_session` of a server, with the id of the session.
    Accepted(u64),
    Connected,
    Handshaked,
    Received(Vec<u8>),
    /// What a WebSocket session received.
    Message(Kind, Vec<u8>),
    Sent {
        sent: usize,
        pending: usize,
    },
    Empty,
    Error(Error),
    Disconnected(Reason),
    /// `on_started` of a server or a service.
    Started,
    /// `on_stopped` of a server or a service.
    Stopped,
    /// `on_connected` of a server, with the id of the session.
    SessionConnected(u64),
    /// `on_disconnected` of a server, with the id of the session.
    SessionDisconnected(u64, Reason),
    ThreadInitialized,
    ThreadCleaned,
    Idle,
    /// The handler was dropped.
    Dropped,
}

/// One line of the log.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The kind of handler, as the test named it.
    pub name: &'static str,
    /// Tells the handlers of one name apart.
    pub number: u64,
    pub event: Event,
    pub thread: ThreadId,
}

#[derive(Default)]
pub struct Log {
    entries: Mutex<Vec<Entry>>,
    /// What a handler saw that must never be; told by [`Log::check`], since a panic inside a
    /// callback is caught by the library.
    violations: Mutex<Vec<String>>,
    changed: Condvar,
    /// Handlers made so far; each gets the next number.
    made: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    pub fn new() -> Arc<Log> {
        Arc::default()
    }

    /// A number for a new handler.
    pub fn number(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    pub fn tell(&self, name: &'static str, number: u64, event: Event) {
        let thread = thread::current().id();
        lock(&self.entries).push(Entry { name, number, event, thread });
        self.changed.notify_all();
    }

    /// Notes something that must never happen.
    pub fn violation(&self, text: String) {
        lock(&self.violations).push(text);
    }

    /// Notes a failed expectation inside a callback.
    pub fn expect(&self, holds: bool, text: &str) {
        if !holds {
            self.violation(text.to_owned());
        }
    }

    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).clone()
    }

    /// The events of all handlers of this name.
    pub fn of(&self, name: &str) -> Vec<Event> {
        let entries = lock(&self.entries);
        entries.iter().filter(|entry| entry.name == name).map(|entry| entry.event.clone()).collect()
    }

    /// The same without how the bytes happened to leave, which depends on the machine.
    pub fn story(&self, name: &str) -> Vec<Event> {
        let mut events = self.of(name);
        events.retain(|event| !matches!(event, Event::Sent { .. } | Event::Empty));
        events
    }

    /// The events of each handler of this name, in the order in which the handlers were made.
    pub fn each(&self, name: &str) -> Vec<Vec<Event>> {
        let mut handlers = BTreeMap::<u64, Vec<Event>>::new();
        for entry in lock(&self.entries).iter().filter(|entry| entry.name == name) {
            handlers.entry(entry.number).or_default().push(entry.event.clone());
        }
        handlers.into_values().collect()
    }

    /// The errors that handlers of this name were told.
    pub fn errors(&self, name: &str) -> Vec<Error> {
        self.of(name)
            .into_iter()
            .filter_map(|event| match event {
                Event::Error(error) => Some(error),
                _ => None,
            })
            .collect()
    }

    /// All bytes that handlers of this name received.
    pub fn received(&self, name: &str) -> Vec<u8> {
        self.of(name)
            .into_iter()
            .filter_map(|event| match event {
                Event::Received(bytes) => Some(bytes),
                _ => None,
            })
            .flatten()
            .collect()
    }

    /// All messages that handlers of this name received.
    pub fn messages(&self, name: &str) -> Vec<(Kind, Vec<u8>)> {
        self.of(name)
            .into_iter()
            .filter_map(|event| match event {
                Event::Message(kind, data) => Some((kind, data)),
                _ => None,
            })
            .collect()
    }

    /// Waits until handlers of this name have received so many messages.
    #[track_caller]
    pub fn wait_messages(&self, name: &str, count: usize) -> Vec<(Kind, Vec<u8>)> {
        self.wait_count(name, count, |event| matches!(event, Event::Message(..)));
        self.messages(name)
    }

    /// Waits until the log satisfies a condition.
    #[track_caller]
    pub fn wait(&self, what: &str, mut holds: impl FnMut(&[Entry]) -> bool) {
        let end = Instant::now() + DEADLINE;
        let mut entries = lock(&self.entries);
        while !holds(&entries) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "This did not happen within {DEADLINE:?}: {what}. The log:\n{}",
                describe(&entries)
            );
            entries =
                self.changed.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until handlers of this name were told `count` events of this kind.
    #[track_caller]
    pub fn wait_count(&self, name: &str, count: usize, matches: impl Fn(&Event) -> bool) {
        self.wait(&format!("{count} such events of {name}"), |entries| {
            let found = entries.iter().filter(|entry| entry.name == name && matches(&entry.event));
            found.count() >= count
        });
    }

    /// Waits for one event of this kind.
    #[track_caller]
    pub fn wait_for(&self, name: &str, matches: impl Fn(&Event) -> bool) {
        self.wait_count(name, 1, matches);
    }

    /// Waits until a handler of this name was told exactly this.
    #[track_caller]
    pub fn wait_event(&self, name: &str, event: Event) {
        self.wait(&format!("{name}: {event:?}"), |entries| {
            entries.iter().any(|entry| entry.name == name && entry.event == event)
        });
    }

    /// Waits until handlers of this name have received at least so many bytes.
    #[track_caller]
    pub fn wait_received(&self, name: &str, count: usize) {
        self.wait(&format!("{name} receives {count} bytes"), |entries| {
            let received = entries.iter().filter(|entry| entry.name == name).map(|entry| {
                if let Event::Received(bytes) = &entry.event { bytes.len() } else { 0 }
            });
            received.sum::<usize>() >= count
        });
    }

    /// Waits until all handlers have been dropped, and then judges what
    /// each of them was told: nothing after the drop, one drop, callbacks in the promised order.
    #[track_caller]
    pub fn check(&self) {
        self.wait("every handler is dropped", |entries| {
            let dropped = entries.iter().filter(|entry| entry.event == Event::Dropped);
            dropped.count() as u64 >= self.made.load(Ordering::Relaxed)
        });
        self.check_so_far();
    }

    /// Judges what was called back until now.
    #[track_caller]
    pub fn check_so_far(&self) {
        let entries = lock(&self.entries);
        let mut handlers = BTreeMap::<u64, Vec<&Entry>>::new();
        for entry in entries.iter() {
            handlers.entry(entry.number).or_default().push(entry);
        }
        let mut problems = lock(&self.violations).clone();
        for (number, story) in handlers {
            if let Some(problem) = judge(&story) {
                problems.push(format!("{} {number}: {problem}", story[0].name));
            }
        }
        assert!(problems.is_empty(), "{problems:#?}\nThe log:\n{}", describe(&entries));
    }
}

/// What is wrong with the life of one handler, if anything.
fn judge(story: &[&Entry]) -> Option<String> {
    let (mut connected, mut handshaked, mut started, mut dropped) = (false, false, false, false);
    for entry in story {
        let event = &entry.event;
        if dropped {
            return Some(format!("{event:?} came after the drop"));
        }
        match event {
            Event::Connected if connected => return Some("connected twice".into()),
            Event::Connected => connected = true,
            Event::Handshaked if !connected || handshaked => {
                return Some("handshaked twice, or without a connection".into());
            }
            Event::Handshaked => handshaked = true,
            Event::Message(..) if !handshaked => {
                return Some("a message before on_handshaked".into());
            }
            Event::Received(_) | Event::Sent { .. } | Event::Empty if !connected => {
                return Some(format!("{event:?} came without a connection"));
            }
            // A client whose connect failed is told this without having been connected.
            Event::Disconnected(_) => (connected, handshaked) = (false, false),
            Event::Started if started => return Some("started twice".into()),
            Event::Started => started = true,
            Event::Stopped if !started => return Some("stopped without a start".into()),
            Event::Stopped => started = false,
            Event::Dropped if connected => return Some("dropped while connected".into()),
            Event::Dropped if started => return Some("dropped while started".into()),
            Event::Dropped => dropped = true,
            _ => {}
        }
    }
    None
}

fn describe(entries: &[Entry]) -> String {
    let mut text = String::new();
    for Entry { name, number, event, thread } in entries {
        let event = match event {
            Event::Received(bytes) if bytes.len() > 40 => format!("Received {} bytes", bytes.len()),
            Event::Message(kind, data) if data.len() > 40 => {
                format!("Message {kind:?} of {} bytes", data.len())
            }
            other => format!("{other:?}"),
        };
        let _ = writeln!(text, "  {name} {number} on {thread:?}: {event}");
    }
    text
}

/// A place where at most one callback may be at a time.
#[derive(Clone, Default)]
pub struct Lane(Arc<AtomicBool>);

impl Lane {
    /// Enters until the guard is dropped, also by a panic. Whoever meets another is a violation.
    pub fn enter(&self, log: &Log) -> Turn {
        if self.0.swap(true, Ordering::AcqRel) {
            log.violation("two callbacks ran at the same time".into());
        }
        Turn(self.clone())
    }
}

pub struct Turn(Lane);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}
