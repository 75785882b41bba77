//! What servers, sessions and clients have for WebSocket alone.

use std::ffi::{c_char, c_void};
use std::ptr;

use super::handle::{borrow, give, lend, share};
use super::handler::cppserver_session_filter;
use super::types::{
    cppserver_client, cppserver_server, cppserver_service, cppserver_session, cppserver_tls_context,
};
use super::{argument, guard};
use crate::error::{Error, Result};
use crate::net::{Client, Kind, Server};

#[inline(always)]
fn kind(number: i32) -> Result<Kind> {
    Ok(match number {
        0 => Kind::Bytes,
        1 => Kind::Text,
        2 => Kind::Binary,
        3 => Kind::Ping,
        4 => Kind::Pong,
        _ => return Err(no_kind(number)),
    })
}

#[cold]
#[inline(never)]
fn no_kind(number: i32) -> Error {
    Error::argument(format!("there is no kind number {number}"))
}

/// Creates a WebSocket server (RFC 6455) as cppserver_server_create_tcp() creates one of TCP. Its
/// sessions are open for messages from on_handshaked on. on_handshake of cppserver_session_handler
/// decides whom they are opened for, on_request answers what else HTTP clients ask for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_create_ws(
    service: *mut cppserver_service,
    address: *const c_char,
    port: u16,
) -> *mut cppserver_server {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or C text that outlives this call.
        let address = unsafe { argument::text(address, "address") }?;
        Ok(give(Server::websocket(&service, address, port)?))
    })
}

/// Creates a server as cppserver_server_create_ws() does, whose connections are encrypted
/// with TLS: what "wss://" addresses mean.
///
/// context: needs a certificate by the time of the start. The server keeps a reference of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_create_wss(
    service: *mut cppserver_service,
    context: *mut cppserver_tls_context,
    address: *const c_char,
    port: u16,
) -> *mut cppserver_server {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or C text that outlives this call.
        let address = unsafe { argument::text(address, "address") }?;
        Ok(give(Server::websocket_tls(&service, &context, address, port)?))
    })
}

/// Sends a message to every WebSocket session of the server that is open for messages, as
/// cppserver_server_multicast() sends bytes. It is made a frame once, and compressed once for those
/// that compress alike.
///
/// kind: CPPSERVER_KIND_TEXT or CPPSERVER_KIND_BINARY; CPPSERVER_KIND_BYTES on servers of bytes.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the server is not started,
/// CPPSERVER_STATUS_INVALID_ARGUMENT for a text that is not UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_multicast_message(
    server: *mut cppserver_server,
    kind: i32,
    data: *const c_void,
    size: usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let server = unsafe { share(server) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        let data = unsafe { argument::bytes(data, size) }?;
        server.multicast_message(self::kind(kind)?, data)
    })
}

/// Sends a message as cppserver_server_multicast_message() does, to the sessions that a function
/// chooses. On servers of bytes the kind is CPPSERVER_KIND_BYTES.
///
/// wanted: called with user_data and each session in turn, on this thread and before anything is
/// sent. The session is lent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_multicast_if(
    server: *mut cppserver_server,
    kind: i32,
    data: *const c_void,
    size: usize,
    wanted: cppserver_session_filter,
    user_data: *mut c_void,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let server = unsafe { share(server) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        let data = unsafe { argument::bytes(data, size) }?;
        let wanted = wanted.ok_or_else(|| Error::argument("wanted is NULL"))?;
        server.multicast_if(self::kind(kind)?, data, |session| {
            // SAFETY: the program gave both for this call; the session is lent during it.
            unsafe { wanted(user_data, lend(session)) }
        })
    })
}

/// Sends a message to the sessions that have subscribed to a topic, once to each, as
/// cppserver_server_multicast_message() sends to all. The topic itself is not sent. Any thread, any
/// callback.
///
/// topic: a name without "*".
/// count: where to store how many subscribers there are; may be NULL.
///
/// Returns a cppserver_status as cppserver_server_multicast_message().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_publish(
    server: *mut cppserver_server,
    topic: *const c_char,
    kind: i32,
    data: *const c_void,
    size: usize,
    count: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let server = unsafe { share(server) }?;
        // SAFETY: NULL or C text that outlives this call.
        let topic = unsafe { argument::text(topic, "topic") }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        let data = unsafe { argument::bytes(data, size) }?;
        let reached = server.publish(topic, self::kind(kind)?, data)?;
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store(count, reached) };
        Ok(())
    })
}

/// The messages that all sessions sent since the start. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_messages_sent(server: *const cppserver_server) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(server) }?.messages_sent())
    })
}

/// The messages that all sessions received since the start; pings and pongs are none. Any thread.
/// NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_server_messages_received(
    server: *const cppserver_server,
) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(server) }?.messages_received())
    })
}

/// Queues a message of a WebSocket session, as cppserver_session_send() queues bytes. Before
/// on_handshaked messages wait for the handshake. Any thread, any callback.
///
/// kind: a cppserver_kind. A text has to be UTF-8; a ping or a pong has up to 125 bytes;
/// CPPSERVER_KIND_BYTES counts as binary, and is the only one on sessions of bytes.
/// pending: as for cppserver_session_send().
///
/// Returns a cppserver_status as cppserver_session_send(), and CPPSERVER_STATUS_INVALID_ARGUMENT
/// for data that the kind does not take.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_send_message(
    session: *mut cppserver_session,
    kind: i32,
    data: *const c_void,
    size: usize,
    pending: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let session = unsafe { borrow(session) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        let data = unsafe { argument::bytes(data, size) }?;
        let waiting = session.send_message(self::kind(kind)?, data)?;
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store(pending, waiting) };
        Ok(())
    })
}

/// Queues a part of a message of a WebSocket session, so that it need not be in memory as a whole.
/// Other messages that are sent meanwhile wait for the last part; pings and pongs do not. Parts are
/// never compressed, and may cut a text anywhere. Any thread, any callback.
///
/// kind: CPPSERVER_KIND_TEXT or CPPSERVER_KIND_BINARY; the first part decides.
/// last: whether the message ends with this part.
/// pending: as for cppserver_session_send().
///
/// Returns a cppserver_status as cppserver_session_send_message().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_send_part(
    session: *mut cppserver_session,
    kind: i32,
    data: *const c_void,
    size: usize,
    last: bool,
    pending: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let session = unsafe { borrow(session) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        let data = unsafe { argument::bytes(data, size) }?;
        let waiting = session.send_part(self::kind(kind)?, data, last)?;
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store(pending, waiting) };
        Ok(())
    })
}

/// Ends a WebSocket session as cppserver_session_disconnect() does, with a code and a reason for
/// the peer instead of 1000 and none. Any thread, any callback.
///
/// code: of RFC 6455 section 7.4, or 3000 to 4999; 1005 sends none.
/// reason: UTF-8, of which 123 bytes have room; NULL for none.
///
/// Returns a cppserver_status as cppserver_session_disconnect(), and
/// CPPSERVER_STATUS_INVALID_ARGUMENT for a code that must not be sent, and on other sessions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_disconnect_with(
    session: *mut cppserver_session,
    code: u16,
    reason: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let session = unsafe { share(session) }?;
        // SAFETY: NULL or C text that outlives this call.
        let reason = unsafe { argument::optional_text(reason, "reason") }?;
        session.disconnect_with(code, reason.unwrap_or_default())
    })
}

/// The code with which the peer of a WebSocket session has ended it: known in on_disconnected and
/// after it, until a client connects again. 1005 when it gave none. 0 before, when the peer said
/// nothing, and for NULL. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_close_code(session: *const cppserver_session) -> u16 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.close_frame().map_or(0, |frame| frame.code))
    })
}

/// Stores the reason that the peer gave together with cppserver_session_close_code(), as text with
/// its NUL in buffer; often empty. Any thread.
///
/// size: the bytes of buffer; 0 asks for the length alone, 126 suffice for every reason.
/// length: where to store the bytes of the text, without the NUL; may be NULL. Also stored when
/// buffer is too small.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is NULL or too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_close_reason(
    session: *const cppserver_session,
    buffer: *mut c_char,
    size: usize,
    length: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let frame = unsafe { borrow(session) }?.close_frame();
        let reason = frame.map(|frame| frame.reason).unwrap_or_default();
        // SAFETY: each NULL or valid for writes, as the header asks.
        unsafe { argument::store_text(&reason, buffer, size, length) }
    })
}

/// Stores the subprotocol that a WebSocket session has agreed on, as text with its NUL in buffer;
/// "" for none. It can be read from on_handshaked on. Any thread.
///
/// size, length: as for cppserver_session_close_reason().
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is NULL or too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_subprotocol(
    session: *const cppserver_session,
    buffer: *mut c_char,
    size: usize,
    length: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let name = unsafe { borrow(session) }?.subprotocol().unwrap_or_default();
        // SAFETY: each NULL or valid for writes, as the header asks.
        unsafe { argument::store_text(&name, buffer, size, length) }
    })
}

/// Whether a WebSocket session compresses what it sends: from on_handshaked on, if both sides want
/// it. Any thread. NULL gives false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_is_compressed(
    session: *const cppserver_session,
) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.is_compressed())
    })
}

/// The messages that the system took over since the connection began. Any thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_messages_sent(session: *const cppserver_session) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.messages_sent())
    })
}

/// The messages that came from the peer since the connection began; pings and pongs are none. Any
/// thread. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_messages_received(
    session: *const cppserver_session,
) -> u64 {
    guard::value(0, || {
        // SAFETY: NULL or a live handle, as the header asks.
        Ok(unsafe { borrow(session) }?.messages_received())
    })
}

/// Lets a session of a server have what is published under a topic, until it ends. Twice counts
/// once. Any thread, any callback.
///
/// topic: a name; a "*" at its end stands for anything, so that "news.*" means all topics that
/// begin with "news.".
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an empty topic or a "*" before
/// its end, CPPSERVER_STATUS_NOT_CONNECTED without a connection, CPPSERVER_STATUS_INVALID_STATE on
/// a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_subscribe(
    session: *mut cppserver_session,
    topic: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let session = unsafe { share(session) }?;
        // SAFETY: NULL or C text that outlives this call.
        session.subscribe(unsafe { argument::text(topic, "topic") }?)
    })
}

/// Ends a subscription, as it was written. Without one it does nothing. Any thread, any callback.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE on a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_unsubscribe(
    session: *mut cppserver_session,
    topic: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let session = unsafe { share(session) }?;
        // SAFETY: NULL or C text that outlives this call.
        session.unsubscribe(unsafe { argument::text(topic, "topic") }?).map(drop)
    })
}

/// Sends a message as cppserver_server_publish() does, to all subscribers but this session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_session_publish(
    session: *mut cppserver_session,
    topic: *const c_char,
    kind: i32,
    data: *const c_void,
    size: usize,
    count: *mut usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let session = unsafe { share(session) }?;
        // SAFETY: NULL or C text that outlives this call.
        let topic = unsafe { argument::text(topic, "topic") }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        let data = unsafe { argument::bytes(data, size) }?;
        let reached = session.publish(topic, self::kind(kind)?, data)?;
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store(count, reached) };
        Ok(())
    })
}

/// Creates a WebSocket client as cppserver_client_create_tcp() creates one of TCP. Its session is
/// open for messages from on_handshaked on.
///
/// address: such as "ws://host:port/path?query"; without a port 80 is meant.
///
/// Returns a client that the caller owns, or NULL with the reason in cppserver_last_error_...
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_create_ws(
    service: *mut cppserver_service,
    address: *const c_char,
) -> *mut cppserver_client {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or C text that outlives this call.
        let address = unsafe { argument::text(address, "address") }?;
        Ok(give(Client::websocket(&service, address)?))
    })
}

/// Creates a client as cppserver_client_create_ws() does, whose connection is encrypted with
/// TLS, as cppserver_client_create_tls() says.
///
/// context: the client keeps a reference of its own.
/// address: such as "wss://host:port/path?query"; without a port 443 is meant.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_create_wss(
    service: *mut cppserver_service,
    context: *mut cppserver_tls_context,
    address: *const c_char,
) -> *mut cppserver_client {
    guard::value(ptr::null_mut(), || {
        // SAFETY: NULL or a live handle, as the header asks.
        let service = unsafe { share(service) }?;
        // SAFETY: NULL or a live handle, as the header asks.
        let context = unsafe { share(context) }?;
        // SAFETY: NULL or C text that outlives this call.
        let address = unsafe { argument::text(address, "address") }?;
        Ok(give(Client::websocket_tls(&service, &context, address)?))
    })
}

/// Adds a header field to the request of the opening handshake, from the next connect on, such as
/// "Origin", "Authorization" or "Cookie"; "Host" replaces the one made of the address. Any thread.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what cannot be in a header,
/// for fields that the library writes itself, and on other clients.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_add_header(
    client: *mut cppserver_client,
    name: *const c_char,
    value: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let client = unsafe { share(client) }?;
        // SAFETY: NULL or C text that outlives this call.
        let name = unsafe { argument::text(name, "name") }?;
        // SAFETY: NULL or C text that outlives this call.
        client.add_header(name, unsafe { argument::text(value, "value") }?)
    })
}

/// Chooses the subprotocols that the server may choose from, from the next connect on;
/// cppserver_session_subprotocol() tells its choice. Any thread.
///
/// names: separated by commas, the preferred one first, such as "chat.v2, chat"; NULL or "" for
/// none.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for names that are no tokens (RFC
/// 9110 section 5.6.2), and on other clients.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_client_set_subprotocols(
    client: *mut cppserver_client,
    names: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or a live handle, as the header asks.
        let client = unsafe { share(client) }?;
        // SAFETY: NULL or C text that outlives this call.
        let names = unsafe { argument::optional_text(names, "names") }?.unwrap_or_default();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        client.set_subprotocols(&names.collect::<Vec<_>>())
    })
}
