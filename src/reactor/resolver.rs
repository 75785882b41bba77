//! Host names, off the loop threads.
//!
//! `getaddrinfo` blocks for as long as the name servers please, so it runs on a few threads of its
//! own that come with the first question and go when there is nothing to ask.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// A slow name server holds up this many questions before others wait.
const MAX_THREADS: usize = 4;

/// How long a thread waits for another question.
const IDLE: Duration = Duration::from_secs(5);

/// Receives the addresses, in the order in which to try them.
pub(crate) type Answer = Box<dyn FnOnce(io::Result<Vec<SocketAddr>>) + Send>;

struct Question {
    host: String,
    port: u16,
    /// Gone when nobody wants the answer any more.
    asker: Weak<()>,
    answer: Answer,
}

struct State {
    questions: VecDeque<Question>,
    threads: usize,
    idle: usize,
}

struct Resolver {
    state: Mutex<State>,
    arrived: Condvar,
}

static RESOLVER: Resolver = Resolver {
    state: Mutex::new(State { questions: VecDeque::new(), threads: 0, idle: 0 }),
    arrived: Condvar::new(),
};

/// Asks for the addresses of a host; `answer` is called on another thread. Not if `asker` is gone
/// by the time that its turn comes: patience for others is not spent on it.
pub(crate) fn resolve(host: String, port: u16, asker: Weak<()>, answer: Answer) {
    let mut state = RESOLVER.lock();
    state.questions.push_back(Question { host, port, asker, answer });
    if state.idle >= state.questions.len() {
        RESOLVER.arrived.notify_one();
    } else if state.threads < MAX_THREADS {
        let builder = std::thread::Builder::new().name("cppserver-resolver".into());
        match builder.spawn(work) {
            Ok(_) => state.threads += 1,
            Err(error) if state.threads == 0 => {
                let question = state.questions.pop_back().expect("pushed above");
                drop(state);
                (question.answer)(Err(error));
            }
            // The threads that are there will come to it.
            Err(_) => {}
        }
    }
}

impl Resolver {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn work() {
    let mut state = RESOLVER.lock();
    loop {
        if let Some(question) = state.questions.pop_front() {
            drop(state);
            if question.asker.strong_count() > 0 {
                let addresses = lookup(&question.host, question.port);
                (question.answer)(addresses);
            }
            state = RESOLVER.lock();
            continue;
        }
        state.idle += 1;
        let (guard, timeout) =
            RESOLVER.arrived.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
        state = guard;
        state.idle -= 1;
        if timeout.timed_out() && state.questions.is_empty() {
            state.threads -= 1;
            return;
        }
    }
}

/// The blocking look-up, for calls that may block because they only set something up.
pub(crate) fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    // Tests name hosts of several addresses by all of them.
    #[cfg(test)]
    if host.contains(',') {
        return Ok(host.split(',').map(|address| address.parse().unwrap()).collect());
    }
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, mpsc};

    #[test]
    #[cfg_attr(miri, ignore = "needs the resolver of the system")]
    fn names_are_answered_on_another_thread() {
        let (sender, receiver) = mpsc::channel();
        let asker = Arc::new(());
        let ask = move |asker| {
            let sender = sender.clone();
            let answer: Answer = Box::new(move |addresses| {
                sender.send((std::thread::current().id(), addresses)).unwrap();
            });
            resolve("localhost".into(), 7, asker, answer);
        };
        for _ in 0..10 {
            ask(Weak::new());
            ask(Arc::downgrade(&asker));
        }
        for _ in 0..10 {
            let (thread, addresses) = receiver.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_ne!(thread, std::thread::current().id());
            assert!(addresses.unwrap().iter().all(|address| address.ip().is_loopback()));
        }
        drop(ask);
        assert!(receiver.recv().is_err(), "nobody asks for the others");
    }
}
