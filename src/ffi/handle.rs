//! Handles: the raw pointer of the `Arc` inside a Rust handle, under a name of the header.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::types::{
    cppserver_client, cppserver_server, cppserver_service, cppserver_session, cppserver_timer,
    cppserver_tls_context, cppserver_udp,
};
use crate::error::{Error, Result};
use crate::net::{
    Client, Endpoint, Server, Service, ServiceInner, Session, SessionInner, Timer, TimerInner,
    TlsContext, TlsContextInner, Udp, UdpInner,
};

/// A handle type of the header and the Rust handle that it stands for.
///
/// A `*mut Self` that is not NULL is an `Arc::into_raw` of `Inner`.
pub(super) trait Handle: Sized {
    type Inner;
    type Object: Clone;
    /// The name of the argument, for error messages.
    const NAME: &'static str;

    fn wrap(inner: Arc<Self::Inner>) -> Self::Object;
    fn inner(object: &Self::Object) -> &Arc<Self::Inner>;
}

macro_rules! handle {
    ($c:ident, $name:literal, $inner:ident, $inner_variable:ident => $wrap:expr,
     $object:ident, $object_variable:ident => $unwrap:expr) => {
        impl $crate::ffi::handle::Handle for $c {
            type Inner = $inner;
            type Object = $object;
            const NAME: &'static str = $name;

            fn wrap($inner_variable: Arc<$inner>) -> $object {
                $wrap
            }

            fn inner($object_variable: &$object) -> &Arc<$inner> {
                $unwrap
            }
        }
    };
}

pub(super) use handle;

handle!(cppserver_service, "service", ServiceInner, inner => Service(inner),
    Service, object => &object.0);
handle!(cppserver_server, "server", Endpoint, inner => Server(inner),
    Server, object => &object.0);
handle!(cppserver_session, "session", SessionInner, inner => Session(inner),
    Session, object => &object.0);
// A client is its session under another type: both are the same pointer.
handle!(cppserver_client, "client", SessionInner, inner => Client(Session(inner)),
    Client, object => &object.0.0);
handle!(cppserver_udp, "udp", UdpInner, inner => Udp(inner),
    Udp, object => &object.0);
handle!(cppserver_timer, "timer", TimerInner, inner => Timer(inner),
    Timer, object => &object.0);
handle!(cppserver_tls_context, "context", TlsContextInner, inner => TlsContext(inner),
    TlsContext, object => &object.0);

/// The pointer of a handle that is lent to a callback; no reference is added.
pub(super) fn lend<H: Handle>(object: &H::Object) -> *mut H {
    Arc::as_ptr(H::inner(object)).cast_mut().cast()
}

/// Gives a handle away: the caller owns one reference.
pub(super) fn give<H: Handle>(object: H::Object) -> *mut H {
    let object = ManuallyDrop::new(object);
    lend::<H>(&object)
}

/// The Rust handle behind a pointer, without a reference of its own.
///
/// For calls that run no code of the program, which could release the handle meanwhile.
///
/// # Safety
///
/// `handle` is NULL or a handle of this type that lives while the result is in use.
#[inline(always)]
pub(super) unsafe fn borrow<H: Handle>(handle: *const H) -> Result<ManuallyDrop<H::Object>> {
    if handle.is_null() {
        return Err(no_handle(H::NAME));
    }
    // SAFETY: the pointer came from `lend` or `give`, so from an Arc of this type, which is alive
    // by the contract. ManuallyDrop keeps the count as it is.
    let inner = unsafe { Arc::from_raw(handle.cast::<H::Inner>()) };
    Ok(ManuallyDrop::new(H::wrap(inner)))
}

#[cold]
#[inline(never)]
fn no_handle(name: &str) -> Error {
    Error::argument(format!("{name} is NULL"))
}

/// The Rust handle behind a pointer, with a reference of its own: for calls inside which code of
/// the program may run and release the handle.
///
/// # Safety
///
/// `handle` is NULL or a handle of this type that is alive.
pub(super) unsafe fn share<H: Handle>(handle: *const H) -> Result<H::Object> {
    // SAFETY: the same contract; the borrow ends with this statement.
    unsafe { borrow(handle) }.map(|object| (*object).clone())
}

/// Adds a reference; NULL stays NULL.
///
/// # Safety
///
/// `handle` is NULL or a handle of this type that is alive.
pub(super) unsafe fn retain<H: Handle>(handle: *mut H) -> *mut H {
    if !handle.is_null() {
        // SAFETY: the pointer came from an Arc of this type that is alive.
        unsafe { Arc::increment_strong_count(handle.cast::<H::Inner>()) };
    }
    handle
}

/// Takes a reference back; NULL is no handle.
///
/// # Safety
///
/// `handle` is NULL or a handle of this type of which the caller owns a reference.
pub(super) unsafe fn release<H: Handle>(handle: *mut H) {
    if !handle.is_null() {
        // SAFETY: the pointer came from an Arc of this type, and the caller gives its reference up.
        drop(H::wrap(unsafe { Arc::from_raw(handle.cast::<H::Inner>()) }));
    }
}
