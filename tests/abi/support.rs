//! A probe stands behind each `user_data`: its callbacks write down what happens, in one log.

use std::ffi::{CStr, c_char, c_void};
use std::mem::size_of;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use cppserver::ffi::*;

pub use super::handles::*;

/// How long a test waits for what must happen. Only a broken library lets it pass.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// What happened, in order.
#[derive(Default)]
pub struct Log {
    events: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Log {
    pub fn new() -> Arc<Log> {
        Arc::default()
    }

    pub fn push(&self, event: String) {
        self.events.lock().unwrap().push(event);
        self.changed.notify_all();
    }

    pub fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    pub fn count(&self, event: &str) -> usize {
        self.events().iter().filter(|other| *other == event).count()
    }

    /// Waits until the event is in the log.
    pub fn wait_for(&self, event: &str) {
        self.wait_for_count(event, 1);
    }

    /// Waits until the event is in the log so many times.
    pub fn wait_for_count(&self, event: &str, count: usize) {
        let end = Instant::now() + DEADLINE;
        let mut events = self.events.lock().unwrap();
        while events.iter().filter(|other| *other == event).count() < count {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {event:?} ({count} times) in {events:#?}");
            events = self.changed.wait_timeout(events, left).unwrap().0;
        }
    }
}

/// What a probe does beside writing the log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Nothing.
    Watch,
    /// A session sends back what it receives.
    Echo,
    /// A session handles what it received in whole lines, and leaves the rest.
    Lines,
    /// A server refuses connections.
    Refuse,
    /// `on_received`, `on_handshake`, `on_request`, a posted callback or a timer panics.
    Panic,
    /// `destroy` panics.
    PanicInDestroy,
}

/// The object behind a `user_data`. Never freed: a second `destroy` is counted and crashes nothing.
pub struct Probe {
    name: &'static str,
    behaviour: Behaviour,
    log: Arc<Log>,
    /// Of a session's probe its session, of a server's probe the latest one; released by `destroy`.
    session: AtomicPtr<cppserver_session>,
}

/// A `user_data` whose events begin with `name`.
pub fn probe(name: &'static str, log: &Arc<Log>) -> *mut c_void {
    probe_with(name, log, Behaviour::Watch)
}

pub fn probe_with(name: &'static str, log: &Arc<Log>, behaviour: Behaviour) -> *mut c_void {
    let session = AtomicPtr::new(ptr::null_mut());
    let probe = Probe { name, behaviour, log: Arc::clone(log), session };
    ptr::from_mut(Box::leak(Box::new(probe))).cast()
}

fn of(user_data: *mut c_void) -> &'static Probe {
    // SAFETY: each user_data of these tests comes from `probe_with`, which leaks.
    unsafe { &*user_data.cast::<Probe>() }
}

/// The session that the probe keeps, lent.
pub fn session_of(user_data: *mut c_void) -> *mut cppserver_session {
    of(user_data).session.load(Ordering::Acquire)
}

impl Probe {
    /// Retains the session in place of the one that was kept before.
    ///
    /// # Safety
    ///
    /// The session is alive or NULL.
    unsafe fn keep(&self, session: *mut cppserver_session) {
        // SAFETY: the contract of this function; the probe owns a reference of the earlier one.
        unsafe {
            let session = cppserver_session_retain(session);
            cppserver_session_release(self.session.swap(session, Ordering::AcqRel));
        }
    }

    fn push(&self, event: &str) {
        self.log.push(format!("{} {event}", self.name));
    }
}

macro_rules! simple_callbacks {
    ($($callback:ident: $event:literal)*) => {$(
        pub extern "C-unwind" fn $callback(user_data: *mut c_void) {
            of(user_data).push($event);
        }
    )*};
}

simple_callbacks! {
    on_thread_initialize: "thread initialize"
    on_thread_cleanup: "thread cleanup"
    on_started: "started"
    on_stopped: "stopped"
    on_idle: "idle"
    on_connected: "connected"
    on_handshaked: "handshaked"
    on_empty: "empty"
}

/// A posted callback or a timer's.
pub extern "C-unwind" fn run(user_data: *mut c_void) {
    of(user_data).push("run");
    if of(user_data).behaviour == Behaviour::Panic {
        panic!("the callback of {} panics", of(user_data).name);
    }
}

pub extern "C-unwind" fn destroy(user_data: *mut c_void) {
    let probe = of(user_data);
    // SAFETY: NULL is allowed.
    unsafe { probe.keep(ptr::null_mut()) };
    probe.push("destroyed");
    if probe.behaviour == Behaviour::PanicInDestroy {
        panic!("destroy of {} panics", probe.name);
    }
}

pub extern "C-unwind" fn on_error(
    user_data: *mut c_void,
    code: i32,
    category: *const c_char,
    message: *const c_char,
) {
    assert!(!text(message).is_empty());
    of(user_data).push(&format!("error {} {code}", text(category)));
}

pub extern "C-unwind" fn on_disconnected(user_data: *mut c_void, reason: i32) {
    of(user_data).push(&format!("disconnected {reason}"));
}

pub extern "C-unwind" fn on_received(
    user_data: *mut c_void,
    kind: i32,
    data: *const c_void,
    size: usize,
) -> usize {
    let probe = of(user_data);
    // SAFETY: the library promises so many bytes during the call.
    let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) };
    probe.push(&format!("received {kind} {}", String::from_utf8_lossy(bytes)));
    match probe.behaviour {
        Behaviour::Echo => {
            // SAFETY: the session belongs to the probe, the data is valid during the call.
            let status = unsafe {
                cppserver_session_send(session_of(user_data), data, size, ptr::null_mut())
            };
            assert_eq!(status, 0);
            size
        }
        Behaviour::Lines => bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1),
        Behaviour::Panic => panic!("on_received of {} panics", probe.name),
        _ => size,
    }
}

pub extern "C-unwind" fn on_handshake(
    user_data: *mut c_void,
    request: *const cppserver_http_request,
    response: *mut cppserver_http_response,
) {
    // SAFETY: the library lends both during the call.
    unsafe {
        assert_eq!(cppserver_http_response_status(response), 101);
        asked(user_data, "handshake", request);
    }
}

pub extern "C-unwind" fn on_request(
    user_data: *mut c_void,
    request: *const cppserver_http_request,
    response: *mut cppserver_http_response,
) {
    // SAFETY: the library lends both during the call.
    unsafe {
        assert_eq!(cppserver_http_response_status(response), 426);
        asked(user_data, "request", request);
    }
}

/// # Safety
///
/// The request is the one of the running callback.
unsafe fn asked(user_data: *mut c_void, what: &str, request: *const cppserver_http_request) {
    let probe = of(user_data);
    // SAFETY: the contract of this function.
    let (method, target) =
        unsafe { (cppserver_http_request_method(request), cppserver_http_request_target(request)) };
    probe.push(&format!("{what} {} {}", text(method), text(target)));
    if probe.behaviour == Behaviour::Panic {
        panic!("on_{what} of {} panics", probe.name);
    }
}

pub extern "C-unwind" fn on_session(
    user_data: *mut c_void,
    session: *mut cppserver_session,
    handler: *mut cppserver_session_handler,
    session_user_data: *mut *mut c_void,
) -> bool {
    let server = of(user_data);
    server.push("session");
    let user_data = probe_with("session", &server.log, server.behaviour);
    // SAFETY: the library lends the session and both targets during the call.
    unsafe {
        assert_eq!((*handler).size, size_of::<cppserver_session_handler>());
        assert!((*handler).on_received.is_none() && (*handler).destroy.is_none());
        assert!((*session_user_data).is_null());
        *handler = session_handler();
        *session_user_data = user_data;
        if server.behaviour != Behaviour::Refuse {
            of(user_data).keep(session);
            server.keep(session);
        }
    }
    server.behaviour != Behaviour::Refuse
}

pub extern "C-unwind" fn on_server_connected(
    user_data: *mut c_void,
    session: *mut cppserver_session,
    session_user_data: *mut c_void,
) {
    assert_eq!(session, session_of(session_user_data));
    of(user_data).push("connected");
}

pub extern "C-unwind" fn on_server_disconnected(
    user_data: *mut c_void,
    session: *mut cppserver_session,
    session_user_data: *mut c_void,
    reason: i32,
) {
    assert_eq!(session, session_of(session_user_data));
    of(user_data).push(&format!("disconnected {reason}"));
}

pub extern "C-unwind" fn on_udp_stopped(user_data: *mut c_void, reason: i32) {
    of(user_data).push(&format!("stopped {reason}"));
}

pub extern "C-unwind" fn on_udp_received(
    user_data: *mut c_void,
    from: *const cppserver_address,
    data: *const c_void,
    size: usize,
    truncated: bool,
) {
    let probe = of(user_data);
    // SAFETY: the library promises the address and so many bytes during the call.
    let (from, bytes) = unsafe { (*from, std::slice::from_raw_parts(data.cast::<u8>(), size)) };
    assert_eq!((from.version, truncated), (4, false));
    probe.push(&format!("received {}", String::from_utf8_lossy(bytes)));
    if probe.behaviour == Behaviour::Panic {
        panic!("on_received of {} panics", probe.name);
    }
}

pub extern "C-unwind" fn on_udp_sent(
    user_data: *mut c_void,
    to: *const cppserver_address,
    sent: usize,
    _pending: usize,
) {
    // SAFETY: the library promises the address during the call.
    assert_eq!(unsafe { (*to).version }, 4);
    of(user_data).push(&format!("sent {sent}"));
}

pub extern "C-unwind" fn on_joined(
    user_data: *mut c_void,
    group: *const c_char,
    source: *const c_char,
) {
    assert!(source.is_null());
    of(user_data).push(&format!("joined {}", text(group)));
}

pub extern "C-unwind" fn on_left(
    user_data: *mut c_void,
    group: *const c_char,
    source: *const c_char,
) {
    assert!(source.is_null());
    of(user_data).push(&format!("left {}", text(group)));
}

/// All callbacks but `on_idle`, which would flood the log.
pub fn service_handler() -> cppserver_service_handler {
    cppserver_service_handler {
        size: size_of::<cppserver_service_handler>(),
        on_thread_initialize: Some(on_thread_initialize),
        on_thread_cleanup: Some(on_thread_cleanup),
        on_started: Some(on_started),
        on_stopped: Some(on_stopped),
        on_idle: None,
        on_error: Some(on_error),
        destroy: Some(destroy),
    }
}

/// All callbacks but `on_sent`, whose cuts depend on the system.
pub fn session_handler() -> cppserver_session_handler {
    cppserver_session_handler {
        size: size_of::<cppserver_session_handler>(),
        on_connected: Some(on_connected),
        on_handshaked: Some(on_handshaked),
        on_disconnected: Some(on_disconnected),
        on_received: Some(on_received),
        on_sent: None,
        on_empty: Some(on_empty),
        on_error: Some(on_error),
        destroy: Some(destroy),
        on_handshake: Some(on_handshake),
        on_request: Some(on_request),
    }
}

pub fn server_handler() -> cppserver_server_handler {
    cppserver_server_handler {
        size: size_of::<cppserver_server_handler>(),
        on_started: Some(on_started),
        on_stopped: Some(on_stopped),
        on_session: Some(on_session),
        on_connected: Some(on_server_connected),
        on_disconnected: Some(on_server_disconnected),
        on_error: Some(on_error),
        destroy: Some(destroy),
    }
}

/// All callbacks but `on_empty`, whose number depends on what leaves together.
pub fn udp_handler() -> cppserver_udp_handler {
    cppserver_udp_handler {
        size: size_of::<cppserver_udp_handler>(),
        on_started: Some(on_started),
        on_stopped: Some(on_udp_stopped),
        on_received: Some(on_udp_received),
        on_sent: Some(on_udp_sent),
        on_empty: None,
        on_joined: Some(on_joined),
        on_left: Some(on_left),
        on_error: Some(on_error),
        destroy: Some(destroy),
    }
}

/// A copy of a C text.
pub fn text(text: *const c_char) -> String {
    assert!(!text.is_null());
    // SAFETY: not NULL, and C texts of the library end with a NUL.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
}

/// Code, category and message of the last failure on this thread.
pub fn last_error() -> (i32, String, String) {
    (
        cppserver_last_error_code(),
        text(cppserver_last_error_category()),
        text(cppserver_last_error_message()),
    )
}

/// A password callback that knows none.
pub extern "C-unwind" fn no_password(_: *mut c_void, _: *mut c_char, _: usize) -> isize {
    -1
}

/// A verify callback that refuses everybody.
pub extern "C-unwind" fn refuse(
    _: *mut c_void,
    _: *const c_void,
    _: usize,
    _: *const c_char,
) -> bool {
    false
}
