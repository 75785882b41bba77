//! Waits that end with a failure instead of never.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cppserver::Service;

/// Far more than anything here takes, even on a machine that is busy with other things.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until a condition holds that nobody announces, such as the value of a counter.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < end, "This did not happen within {DEADLINE:?}: {what}");
        thread::park_timeout(Duration::from_millis(1));
    }
}

/// Runs code that must not block for ever, and fails with its name if it does.
#[track_caller]
pub fn within_deadline<R: Send + 'static>(
    what: &str,
    body: impl FnOnce() -> R + Send + 'static,
) -> R {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = body();
        // The receiver may have given up.
        let _ = sender.send(());
        result
    });
    match receiver.recv_timeout(DEADLINE) {
        Err(mpsc::RecvTimeoutError::Timeout) => {
            panic!("This did not end within {DEADLINE:?}: {what}")
        }
        _ => thread.join().unwrap_or_else(|payload| {
            eprintln!("This failed: {what}");
            resume_unwind(payload)
        }),
    }
}

/// Waits until the first loop of a running service has gone through several turns, so that
/// whatever was on its way to it has arrived.
#[track_caller]
pub fn pump(service: &Service) {
    for _ in 0..3 {
        let (sender, receiver) = mpsc::channel();
        service.post(move || sender.send(()).expect("the test waits for this"));
        receiver.recv_timeout(DEADLINE).expect("the loop runs what was posted");
    }
}
