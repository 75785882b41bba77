//! The handles of the scalability protocols, and the boxes of messages.

use std::sync::Arc;

use super::types::{
    cppserver_sp_context, cppserver_sp_device, cppserver_sp_endpoint, cppserver_sp_message,
    cppserver_sp_socket,
};
use crate::error::{Error, Result};
use crate::ffi::handle::handle;
use crate::nano::{Context, Device, Endpoint, Message, Owner, Socket};

type SharedEndpoint = Arc<Endpoint>;
type SharedContext = Arc<Context>;
type SharedDevice = Arc<Device>;

handle!(cppserver_sp_socket, "socket", Owner, inner => Socket(inner),
    Socket, object => &object.0);
handle!(cppserver_sp_endpoint, "endpoint", Endpoint, inner => inner,
    SharedEndpoint, object => object);
handle!(cppserver_sp_context, "context", Context, inner => inner,
    SharedContext, object => object);
handle!(cppserver_sp_device, "device", Device, inner => inner,
    SharedDevice, object => object);

/// Gives a message away: the caller owns it.
pub(super) fn give_message(message: Message) -> *mut cppserver_sp_message {
    Box::into_raw(Box::new(message)).cast()
}

/// Takes a message back; NULL is none.
///
/// # Safety
///
/// `message` is NULL or a message that the caller owns.
pub(super) unsafe fn release_message(message: *mut cppserver_sp_message) {
    if !message.is_null() {
        // SAFETY: the pointer came from `give_message`, and the caller gives it up.
        drop(unsafe { Box::from_raw(message.cast::<Message>()) });
    }
}

/// The message behind a pointer.
///
/// # Safety
///
/// `message` is NULL or a message that lives, and that nobody changes, while the result is in use.
pub(super) unsafe fn message<'a>(message: *const cppserver_sp_message) -> Result<&'a Message> {
    // SAFETY: NULL, or the pointer of a Message, which is alive by the contract.
    unsafe { message.cast::<Message>().as_ref() }.ok_or_else(no_message)
}

/// The message behind a pointer, to be changed.
///
/// # Safety
///
/// `message` is NULL or a message that lives, and that nobody else uses, while the result is in use.
pub(super) unsafe fn message_mut<'a>(
    message: *mut cppserver_sp_message,
) -> Result<&'a mut Message> {
    // SAFETY: NULL, or the pointer of a Message, which is alive and used by nobody else by the
    // contract.
    unsafe { message.cast::<Message>().as_mut() }.ok_or_else(no_message)
}

#[cold]
fn no_message() -> Error {
    Error::argument("message is NULL")
}
