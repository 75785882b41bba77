//! The border that no panic crosses: every exported function runs its body in here.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::last_error;
use crate::error::{Error, Result, Status};

/// Runs the body of a function that returns a cppserver_status, and keeps its error for the thread.
#[inline(always)]
pub(super) fn status(body: impl FnOnce() -> Result<()>) -> i32 {
    match run(body) {
        Ok(()) => Status::Ok as i32,
        Err(error) => failed(&error),
    }
}

#[cold]
#[inline(never)]
fn failed(error: &Error) -> i32 {
    last_error::set(error);
    error.status() as i32
}

/// Runs the body of a function that returns a value, and `fallback` in its place when it fails.
pub(super) fn value<T>(fallback: T, body: impl FnOnce() -> Result<T>) -> T {
    run(body).unwrap_or_else(|error| {
        last_error::set(&error);
        fallback
    })
}

/// Runs a call into the program from where a panic has nowhere to go, such as a destructor. The
/// panic hook has told the panic by then.
pub(super) fn contain(body: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(body)) {
        discard(payload);
    }
}

#[inline(always)]
fn run<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // Unwind safe in the sense that counts: what a body shares with others are handles, and those
    // keep their own invariants behind locks and atomics.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(panicked(payload)))
}

#[cold]
#[inline(never)]
fn panicked(payload: Box<dyn Any + Send>) -> Error {
    let text = if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    };
    discard(payload);
    Error::handler(format!("the call panicked: {text}"))
}

/// Drops what a panic carried. Its destructor may panic in turn: once is enough, the rest leaks.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(payload);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;
    use std::panic::panic_any;

    use super::*;
    use crate::ffi::{
        cppserver_last_error_category, cppserver_last_error_code, cppserver_last_error_message,
    };

    fn last_error() -> (i32, String, String) {
        // SAFETY: both functions return C text that lives until the next failure on this thread.
        let [category, message] = unsafe {
            [
                CStr::from_ptr(cppserver_last_error_category()),
                CStr::from_ptr(cppserver_last_error_message()),
            ]
        };
        let text = |text: &CStr| text.to_str().unwrap().to_owned();
        (cppserver_last_error_code(), text(category), text(message))
    }

    #[test]
    fn a_panic_becomes_a_status_with_its_text() {
        assert_eq!(status(|| panic!("oh {}", 7)), Status::Handler as i32);
        assert_eq!(last_error(), (8, "handler".into(), "the call panicked: oh 7".into()));
        assert_eq!(status(|| panic!("static")), Status::Handler as i32);
        assert_eq!(last_error().2, "the call panicked: static");
        assert_eq!(status(|| panic_any(7)), Status::Handler as i32);
        assert_eq!(last_error().2, "the call panicked: no message");
    }

    #[test]
    fn a_panic_becomes_the_fallback() {
        assert_eq!(value(-1, || panic!("no value")), -1);
        assert_eq!(last_error().2, "the call panicked: no value");
    }

    #[test]
    fn a_nul_in_the_message_does_not_cut_it() {
        assert_eq!(status(|| panic!("one\0two")), Status::Handler as i32);
        assert_eq!(last_error().2, "the call panicked: one two");
    }

    #[test]
    fn a_payload_whose_destructor_panics_is_contained() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in the destructor");
            }
        }
        assert_eq!(status(|| panic_any(Bomb)), Status::Handler as i32);
        contain(|| panic_any(Bomb));
    }

    #[test]
    fn success_keeps_the_last_error_as_it_was() {
        assert_eq!(status(|| Err(Error::argument("first"))), Status::InvalidArgument as i32);
        assert_eq!(status(|| Ok(())), 0);
        assert_eq!(value(0, || Ok(5)), 5);
        assert_eq!(last_error(), (1, "argument".into(), "first".into()));
    }

    #[test]
    fn each_thread_has_its_own_last_error() {
        status(|| Err(Error::argument("mine")));
        let other = std::thread::spawn(last_error).join().unwrap();
        assert_eq!(other, (0, String::new(), String::new()));
        assert_eq!(last_error().2, "mine");
    }
}
