//! What the failed call of a thread left behind, and the texts that need no handle.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};

use super::guard;
use crate::error::{Category, Error};

struct LastError {
    code: i32,
    category: &'static CStr,
    message: Cow<'static, CStr>,
}

thread_local! {
    static LAST_ERROR: RefCell<LastError> =
        const { RefCell::new(LastError { code: 0, category: c"", message: Cow::Borrowed(c"") }) };
}

/// Keeps an error for the cppserver_last_error functions of this thread.
pub(super) fn set(error: &Error) {
    let last = LastError {
        code: error.code(),
        category: category_text(error.category()),
        message: message_text(error).into(),
    };
    // A thread that is going away has no last error any more; nobody is left to read it.
    let _ = LAST_ERROR.try_with(|cell| cell.replace(last));
}

/// The category as C text that lives for ever.
pub(super) fn category_text(category: Category) -> &'static CStr {
    match category {
        Category::System => c"system",
        Category::Resolver => c"resolver",
        Category::Argument => c"argument",
        Category::State => c"state",
        Category::Limit => c"limit",
        Category::Timeout => c"timeout",
        Category::Handler => c"handler",
        Category::Unsupported => c"unsupported",
        Category::Tls => c"tls",
        Category::WebSocket => c"websocket",
        Category::Sp => c"sp",
    }
}

/// The message as C text; a NUL inside, which only a user's panic can bring in, becomes a space.
pub(super) fn message_text(error: &Error) -> CString {
    CString::new(error.message().replace('\0', " ")).unwrap_or_default()
}

/// The version of the library that runs, such as "1.0.0". The text lives as long as the library.
///
/// The macros CPPSERVER_VERSION_... tell the version of the header that the program was compiled
/// with. Within one major version a newer library serves programs of an older header.
#[unsafe(no_mangle)]
pub extern "C" fn cppserver_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => panic!("the version holds a NUL"),
        };
    VERSION.as_ptr()
}

/// The code of the last call that failed on this thread: errno (a WSA error number on Windows) in
/// the category "system", a number of the resolver in the category "resolver", an alert or a
/// cppserver_tls_failure in the category "tls", a close code or a status of HTTP in the category
/// "websocket", a cppserver_sp_failure in the category "sp", and a cppserver_status in all others.
///
/// Calls that succeed leave it as it is, so read it only after a failure. 0 before the first one.
#[unsafe(no_mangle)]
pub extern "C" fn cppserver_last_error_code() -> i32 {
    guard::value(0, || Ok(LAST_ERROR.try_with(|cell| cell.borrow().code).unwrap_or(0)))
}

/// The category of the last call that failed on this thread: "system", "resolver", "argument",
/// "state", "limit", "timeout", "handler", "unsupported", "tls", "websocket" or "sp"; "" before the
/// first failure.
///
/// The text lives as long as the library. Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn cppserver_last_error_category() -> *const c_char {
    guard::value(c"".as_ptr(), || {
        Ok(LAST_ERROR.try_with(|cell| cell.borrow().category.as_ptr()).unwrap_or(c"".as_ptr()))
    })
}

/// A sentence about the last call that failed on this thread, in UTF-8: what failed, why, and what
/// to do. "" before the first failure.
///
/// The text lives until the next call that fails on this thread; copy it to keep it. Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn cppserver_last_error_message() -> *const c_char {
    guard::value(c"".as_ptr(), || {
        Ok(LAST_ERROR.try_with(|cell| cell.borrow().message.as_ptr()).unwrap_or(c"".as_ptr()))
    })
}

/// A few words of English for a cppserver_reason, such as "closed by the peer"; "unknown reason"
/// for any other number. The text lives as long as the library. Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn cppserver_reason_text(reason: i32) -> *const c_char {
    let text = match reason {
        1 => c"disconnected by this side",
        2 => c"closed by the peer",
        3 => c"connection error",
        4 => c"timeout",
        5 => c"limit reached",
        6 => c"server stopped",
        7 => c"service stopped",
        8 => c"closed by the peer without the end of its stream",
        _ => c"unknown reason",
    };
    text.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Reason;

    #[test]
    fn reasons_have_the_words_of_the_crate() {
        for reason in [
            Reason::Local,
            Reason::PeerClosed,
            Reason::Error,
            Reason::Timeout,
            Reason::Limit,
            Reason::ServerStopped,
            Reason::ServiceStopped,
            Reason::Truncated,
        ] {
            // SAFETY: the text lives for ever.
            let text = unsafe { CStr::from_ptr(cppserver_reason_text(reason as i32)) };
            assert_eq!(text.to_str(), Ok(reason.as_str()));
        }
        for number in [i32::MIN, -1, 0, 9, i32::MAX] {
            // SAFETY: the text lives for ever.
            let text = unsafe { CStr::from_ptr(cppserver_reason_text(number)) };
            assert_eq!(text, c"unknown reason");
        }
    }

    #[test]
    fn categories_have_the_words_of_the_crate() {
        for category in [
            Category::System,
            Category::Resolver,
            Category::Argument,
            Category::State,
            Category::Limit,
            Category::Timeout,
            Category::Handler,
            Category::Unsupported,
            Category::Tls,
            Category::WebSocket,
            Category::Sp,
        ] {
            assert_eq!(category_text(category).to_str(), Ok(category.as_str()));
        }
    }
}
