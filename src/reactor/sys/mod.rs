//! What differs between operating systems: one file for each, all of the same shape.
//!
//! * `ACCEPTED_SOCKETS_INHERIT`: whether an accepted socket starts with the options of its
//!   listener, so that setting them once on the listener saves system calls per connection.
//! * `SHORT_READ_IS_THE_LAST`: whether a short read spares the one that finds nothing more.
//! * `SEND_FLAGS`, `prepare`: what keeps a closed peer from raising a signal.
//! * `native_handle`: the number that the system's own calls take.
//! * `is_out_of_descriptors`: an `accept` failure that goes away when something is closed.
//! * `keep_alive_times`: the times to set when one of them or none is asked for.
//! * `is_in_progress`: what a non-blocking `connect` answers when it goes on in the background.
//! * `unconfirmed`: how much the peer has not confirmed yet, where the system tells.
//! * `set_reuse_address`, `set_reuse_port`: options that mean different things on each system.
//! * `check_unix_path`, `UnixListener`, `connect_unix`: Unix domain sockets and their files.
//! * `ReceiveBatch`, `SendBatch`: how datagrams come and go, many per call where the system can.
//! * `prepare_datagrams`, `share_datagrams`: what their sockets need, and how they share a port.
//! * `next_report`, `is_report`, `REPORTS`: what ICMP says of datagrams that were sent.
//! * `set_multicast_interface_v4`, `change_source_membership`, `interface_index`: what the portable
//!   crates lack for multicast.

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "linux.rs"]
mod system;

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
#[path = "bsd.rs"]
mod system;

#[cfg(windows)]
#[path = "windows.rs"]
mod system;

use socket2::SockRef;

pub(crate) use system::*;

/// A socket that a loop owns and lends to handles on other threads.
///
/// The loop creates it next to the socket, inside a lock, and takes it away inside the same lock
/// before it closes the socket; everybody else uses it inside the lock only. So the socket is
/// open whenever [`LentSocket::with`] runs, and its number can't have gone to another socket.
pub(crate) struct LentSocket(Borrowed);

#[cfg(unix)]
type Borrowed = std::os::fd::BorrowedFd<'static>;
#[cfg(windows)]
type Borrowed = std::os::windows::io::BorrowedSocket<'static>;

impl LentSocket {
    #[allow(unsafe_code)]
    pub(crate) fn new(open: NativeHandle) -> LentSocket {
        // SAFETY: the number is that of an open socket now, and the rule above takes this copy of
        // it away before the socket closes.
        LentSocket(unsafe { Borrowed::borrow_raw(open) })
    }

    /// The number that the system's own calls take.
    pub(crate) fn native_handle(&self) -> i64 {
        native_handle(&self.0) as i64
    }

    /// Uses the socket.
    pub(crate) fn with<R>(&self, call: impl FnOnce(SockRef<'_>) -> R) -> R {
        call(SockRef::from(&self.0))
    }
}
