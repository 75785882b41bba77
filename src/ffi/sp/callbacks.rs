//! The object that stands for the program's callbacks of a socket.

use std::ffi::{CString, c_char, c_void};
use std::ptr;

use super::handler::cppserver_sp_handler;
use super::types::cppserver_sp_socket;
use crate::error::{Error, Result};
use crate::ffi::callbacks::UserData;
use crate::ffi::handle::lend;
use crate::ffi::last_error::{category_text, message_text};
use crate::ffi::table::Table;
use crate::nano::{Message, Peer, Socket, SocketHandler};

type OnSocket =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, socket: *mut cppserver_sp_socket)>;
type OnPeer = Option<
    unsafe extern "C-unwind" fn(
        user_data: *mut c_void,
        socket: *mut cppserver_sp_socket,
        endpoint: u32,
        address: *const c_char,
        dialed: bool,
    ),
>;

/// The handler of a socket.
pub(super) struct SocketCallbacks {
    table: cppserver_sp_handler,
    user_data: UserData,
}

impl SocketCallbacks {
    /// # Safety
    ///
    /// As for [`Table::copy_from`].
    pub(super) unsafe fn new(
        table: *const cppserver_sp_handler,
        user_data: *mut c_void,
    ) -> Result<SocketCallbacks> {
        // SAFETY: the contract of this function.
        let table = unsafe { Table::copy_from(table) }?;
        Ok(SocketCallbacks { table, user_data: UserData(user_data) })
    }

    fn call(&self, callback: OnSocket, socket: &Socket) {
        if let Some(callback) = callback {
            // SAFETY: the program gave both together, and `destroy` was not called yet; the socket
            // outlives the call.
            unsafe { callback(self.user_data.0, lend(socket)) };
        }
    }

    fn tell_peer(&self, callback: OnPeer, socket: &Socket, peer: &Peer) {
        if let Some(callback) = callback {
            let address = CString::new(peer.address.as_str()).unwrap_or_default();
            // SAFETY: as in `call`; the text outlives the call too.
            unsafe {
                callback(
                    self.user_data.0,
                    lend(socket),
                    peer.endpoint,
                    address.as_ptr(),
                    peer.dialed,
                );
            }
        }
    }
}

impl Drop for SocketCallbacks {
    fn drop(&mut self) {
        self.user_data.destroy(self.table.destroy);
    }
}

impl SocketHandler for SocketCallbacks {
    fn on_received(&mut self, socket: &Socket, mut message: Message) {
        if let Some(callback) = self.table.on_received {
            // SAFETY: the program gave both together, and `destroy` was not called yet; the socket
            // and the message outlive the call, and nothing else uses the message meanwhile.
            unsafe { callback(self.user_data.0, lend(socket), ptr::from_mut(&mut message).cast()) };
        }
    }

    fn on_writable(&mut self, socket: &Socket) {
        self.call(self.table.on_writable, socket);
    }

    fn on_finished(&mut self, socket: &Socket) {
        self.call(self.table.on_finished, socket);
    }

    fn on_connected(&mut self, socket: &Socket, peer: &Peer) {
        self.tell_peer(self.table.on_connected, socket, peer);
    }

    fn on_disconnected(&mut self, socket: &Socket, peer: &Peer) {
        self.tell_peer(self.table.on_disconnected, socket, peer);
    }

    fn on_error(&mut self, socket: &Socket, error: &Error) {
        if let Some(callback) = self.table.on_error {
            let message = message_text(error);
            let category = category_text(error.category());
            // SAFETY: the program gave both together, and `destroy` was not called yet; the socket
            // and both texts, which end with a NUL, outlive the call.
            unsafe {
                callback(
                    self.user_data.0,
                    lend(socket),
                    error.code(),
                    category.as_ptr(),
                    message.as_ptr(),
                );
            }
        }
    }
}
