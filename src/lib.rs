//! Callback-driven networking: one I/O thread or several, the same objects from Rust, C, C++ and
//! Python.
//!
//! A [`Service`] owns the I/O threads. On it run [`Server`]s, which make a [`Session`] of each
//! connection, and [`Client`]s, which connect to servers. All of them are handles: cheap to clone,
//! usable on every thread and in every callback, and never blocking on the network. What happens
//! is told to handlers: [`ServiceHandler`], [`ServerHandler`] and [`SessionHandler`].
//!
//! # An echo server and its client
//!
//! ```
//! use std::sync::mpsc;
//!
//! use cppserver::{Client, Kind, Result, Server, ServerHandler, Service, Session, SessionHandler};
//!
//! /// One for the server: makes the handler of each session.
//! struct EchoServer;
//!
//! impl ServerHandler for EchoServer {
//!     type Session = EchoSession;
//!
//!     fn on_session(&self, _session: &Session) -> Option<EchoSession> {
//!         Some(EchoSession)
//!     }
//! }
//!
//! /// One for each session.
//! struct EchoSession;
//!
//! impl SessionHandler for EchoSession {
//!     fn on_received(&mut self, session: &Session, _kind: Kind, data: &[u8]) -> usize {
//!         // Refused only above the send limit, or when the session is ending.
//!         let _ = session.send(data);
//!         data.len()
//!     }
//! }
//!
//! /// Sends a greeting and passes on what comes back.
//! struct Greeter(mpsc::Sender<String>);
//!
//! impl SessionHandler for Greeter {
//!     fn on_connected(&mut self, session: &Session) {
//!         let _ = session.send(b"hello");
//!     }
//!
//!     fn on_received(&mut self, session: &Session, _kind: Kind, data: &[u8]) -> usize {
//!         if data.len() < 5 {
//!             return 0; // the rest comes again in front of the next bytes
//!         }
//!         let _ = self.0.send(String::from_utf8_lossy(data).into_owned());
//!         let _ = session.disconnect();
//!         data.len()
//!     }
//! }
//!
//! fn main() -> Result<()> {
//!     let service = Service::new()?;
//!     service.start(())?;
//!
//!     let server = Server::tcp(&service, "127.0.0.1", 0)?;
//!     server.start(EchoServer)?;
//!
//!     let (sender, receiver) = mpsc::channel();
//!     let client = Client::tcp(&service, "localhost", server.port())?;
//!     client.connect(Greeter(sender))?;
//!     assert_eq!(receiver.recv().unwrap(), "hello");
//!
//!     server.stop()?;
//!     service.stop()
//! }
//! ```
//!
//! # Threads
//!
//! * With one I/O thread, the default, no two callbacks of a service run at the same time, so
//!   handlers need no locks among themselves. [`Service::with_threads`] makes more; then each
//!   session lives on one of them, and its callbacks run there, one at a time.
//! * No lock is held and nothing is borrowed while a callback runs: every method of every handle
//!   may be called in it, also `stop` and `restart`.
//! * A callback that blocks stops its I/O thread. Long work belongs on a thread of its own, which
//!   sends its answer through a clone of the [`Session`].
//! * [`Service::stop`] waits for the end on ordinary threads, and only asks for it on I/O threads.
//!
//! # Life of a session
//!
//! `on_connected`, `on_handshaked` if it is encrypted or WebSocket, then data, then
//! `on_disconnected` with a [`Reason`], each exactly once; then the handler is dropped.
//! [`Session::disconnect`] delivers what [`Session::send`] accepted before it closes,
//! [`Session::disconnect_now`] does not. The server's `on_connected` and `on_disconnected` follow
//! those of the session. A client whose connect fails gets `on_error` and `on_disconnected`;
//! [`Client::reconnect`] in there makes it try again.
//!
//! # Sending
//!
//! [`Session::send`] copies and returns. Sends of one turn of the loop leave together in one
//! system call. The queue is bounded by [`SocketOption::SendLimit`]; above it `send` fails, and
//! `on_empty` tells when to go on. [`Server::multicast`] copies once, however many sessions there
//! are.
//!
//! # TLS
//!
//! [`Server::tls`] and [`Client::tls`] make encrypted servers and clients with the same sessions
//! and handlers. A [`TlsContext`] holds certificates, keys and rules. `on_handshaked` follows
//! `on_connected` when the peer is authenticated; what is sent before it waits for it.
//! [`Session::tls`] tells what was agreed on. A peer that goes away without the end of its stream
//! is told apart by [`Reason::Truncated`].
//!
//! # WebSocket
//!
//! [`Server::websocket`] and [`Client::websocket`], and their encrypted likes
//! [`Server::websocket_tls`] and [`Client::websocket_tls`], make sessions of messages (RFC 6455):
//! [`Session::send_text`], [`Session::send_message`], and [`SessionHandler::on_received`] with
//! whole ones, of which [`Kind`] tells what they are. They are open from `on_handshaked` on.
//! [`SessionHandler::on_handshake`] decides whom a server opens sessions for, and
//! [`SessionHandler::on_request`] answers browsers that ask for a page.
//! [`Session::disconnect_with`] ends a session with a code and a reason, [`Session::close_frame`]
//! tells those of the peer. Sessions of a server [subscribe](Session::subscribe) to topics, and
//! [`Server::publish`] reaches those that have. With [`SocketOption::Deflate`] messages are
//! compressed (RFC 7692).
//!
//! ```
//! use std::sync::mpsc::{self, Sender};
//!
//! use cppserver::{
//!     Client, Kind, Request, Response, Result, Server, ServerHandler, Service, Session,
//!     SessionHandler,
//! };
//!
//! struct Chat;
//!
//! impl ServerHandler for Chat {
//!     type Session = Guest;
//!
//!     fn on_session(&self, _session: &Session) -> Option<Guest> {
//!         Some(Guest)
//!     }
//! }
//!
//! struct Guest;
//!
//! impl SessionHandler for Guest {
//!     fn on_handshake(&mut self, _: &Session, request: &Request, response: &mut Response) {
//!         if request.path() != "/chat" {
//!             let _ = response.set_status(404);
//!         }
//!     }
//!
//!     fn on_received(&mut self, session: &Session, kind: Kind, data: &[u8]) -> usize {
//!         if let Some(server) = session.server() {
//!             let _ = server.multicast_message(kind, data);
//!         }
//!         data.len()
//!     }
//! }
//!
//! struct Visitor(Sender<String>);
//!
//! impl SessionHandler for Visitor {
//!     fn on_handshaked(&mut self, session: &Session) {
//!         let _ = session.send_text("hello");
//!     }
//!
//!     fn on_received(&mut self, session: &Session, _kind: Kind, data: &[u8]) -> usize {
//!         let _ = self.0.send(String::from_utf8_lossy(data).into_owned());
//!         let _ = session.disconnect_with(1000, "bye");
//!         data.len()
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let service = Service::new()?;
//! service.start(())?;
//! let server = Server::websocket(&service, "127.0.0.1", 0)?;
//! server.start(Chat)?;
//!
//! let address = format!("ws://localhost:{}/chat", server.port());
//! let client = Client::websocket(&service, &address)?;
//! let (sender, receiver) = mpsc::channel();
//! client.connect(Visitor(sender))?;
//! assert_eq!(receiver.recv().unwrap(), "hello");
//! service.stop()
//! # }
//! ```
//!
//! # Within one machine
//!
//! [`Server::unix`] and [`Client::unix`] do over Unix domain sockets what `tcp` does over the network,
//! where there are such sockets. Their place is the path of a file, whose permissions say who may
//! connect; the library makes it and removes it.
//!
//! # Datagrams
//!
//! A [`Udp`] endpoint sends and receives datagrams, as a server or as a client, to one address or
//! to a multicast [`Group`], with one [`UdpHandler`] and the same rules for threads and errors.
//!
//! # Scalability protocols
//!
//! [`nano`] has the patterns of nanomsg: pair, push and pull, request and reply, publish and
//! subscribe, survey, bus. Their [`Socket`](nano::Socket)s connect programs without a server that
//! has to be written, over TCP, TLS, WebSocket, Unix sockets and within one process.
//!
//! # Errors
//!
//! An [`Error`] has a code, a [`Category`] and a sentence. Calls that set something up return it;
//! what goes wrong later comes by `on_error`. A panic in a handler ends the session it belongs to,
//! is told by `on_error`, and disturbs nothing else.

pub mod error;
#[allow(unsafe_code)]
pub mod ffi;
pub mod nano;
mod net;
mod proto;
mod reactor;

pub use error::{Category, Error, Result, SpFailure, Status, TlsFailure};
pub use net::{
    Client, CloseFrame, Group, Kind, Reason, Request, Response, SendPolicy, Server, ServerHandler,
    Service, ServiceHandler, Session, SessionHandler, SocketOption, Timer, TlsContext, TlsDetails,
    TlsVerify, TlsVersion, Udp, UdpHandler,
};
