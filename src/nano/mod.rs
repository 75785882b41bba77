//! Scalability protocols: patterns of communication that are agreed on once, and not written anew
//! for each program. On the wire they are those of nanomsg and NNG.
//!
//! A [`Socket`] plays one role of a pattern, its [`Protocol`]. It [listens](Socket::listen) and
//! [dials](Socket::dial) as often as it likes, and which side does what makes no difference. What is
//! sent goes where the pattern says; connections that break are made again in the background.
//!
//! ```
//! use cppserver::nano::{Protocol, Socket};
//!
//! let server = Socket::new(Protocol::Reply)?;
//! let port = server.listen("tcp://127.0.0.1:0")?.port().unwrap();
//!
//! let client = Socket::new(Protocol::Request)?;
//! client.dial(&format!("tcp://127.0.0.1:{port}"))?;
//! client.send("what is the answer?")?;
//!
//! assert_eq!(*server.receive()?, *b"what is the answer?");
//! server.send("42")?;
//! assert_eq!(*client.receive()?, *b"42");
//! # Ok::<(), cppserver::Error>(())
//! ```
//!
//! # The patterns
//!
//! | pattern | roles | what happens to a message | a send waits |
//! |---|---|---|---|
//! | pair | [`Pair`](Protocol::Pair), twice | goes to the one peer | without a peer or room |
//! | pipeline | [`Push`](Protocol::Push) to [`Pull`](Protocol::Pull) | goes to one of the peers, in turn | without a peer or room |
//! | request | [`Request`](Protocol::Request) to [`Reply`](Protocol::Reply) and back | goes to one of those who answer, and again if no answer comes | never; a request waits inside |
//! | publish | [`Publisher`](Protocol::Publisher) to [`Subscriber`](Protocol::Subscriber) | goes to all who subscribed to what it begins with | never; who has no room misses it |
//! | survey | [`Surveyor`](Protocol::Surveyor) to [`Respondent`](Protocol::Respondent) and back | goes to all, and answers are taken until a deadline | never |
//! | bus | [`Bus`](Protocol::Bus), many | goes to all neighbours, which do not pass it on | never; who has no room misses it |
//!
//! * A pair has one peer. Others are turned away, dial again, and have their turn when it leaves.
//! * A request socket asks one question at a time; the next one cancels it. When the peer that was
//!   asked is gone, or [`SpOption::ResendInterval`] has passed, another one is asked. So a question
//!   may be answered twice, but its answer is received once.
//! * A reply or respondent socket answers the question that it received last. Who does not read its
//!   answers is asked for no more questions until it does.
//! * Subscribers filter: with no topic they receive nothing, with an empty one everything.
//! * The answers to a survey are received until [`SpFailure::TimedOut`](crate::SpFailure::TimedOut),
//!   or `None` from [`receive_answer`](Socket::receive_answer), tells once that
//!   [`SpOption::SurveyDeadline`] has passed. What comes later is dropped.
//! * [`Context`]s ask several questions, or answer several, at the same time over one socket.
//!
//! # Addresses
//!
//! `tcp://host:port`, `ipc://path`, `ws://host:port/path`, encrypted `tls+tcp://` and `wss://` with a
//! [`TlsContext`](crate::TlsContext) that [`Socket::set_tls`] gives, and `inproc://name` for sockets
//! of one process: over it a message can be received as soon as its send has returned. To listen, a
//! host may be `*` for all addresses of the machine and a port 0 for a free one.
//!
//! # Blocking, trying, callbacks
//!
//! [`send`](Socket::send) and [`receive`](Socket::receive) block the calling thread, with a timeout
//! if wanted; [`try_send`](Socket::try_send) and [`try_receive`](Socket::try_receive) never do. A
//! [`SocketHandler`] is called instead with what is received, on the I/O thread that all sockets of
//! the process share, or on a [`Service`](crate::Service) of the user:
//!
//! ```
//! use std::sync::mpsc::{self, Sender};
//!
//! use cppserver::nano::{Message, Protocol, Socket, SocketHandler};
//!
//! struct Printer(Sender<Message>);
//!
//! impl SocketHandler for Printer {
//!     fn on_received(&mut self, _socket: &Socket, message: Message) {
//!         let _ = self.0.send(message);
//!     }
//! }
//!
//! let (sender, received) = mpsc::channel();
//! let subscriber = Socket::new(Protocol::Subscriber)?;
//! subscriber.subscribe("weather")?;
//! subscriber.set_handler(Printer(sender))?;
//! let publisher = Socket::new(Protocol::Publisher)?;
//! publisher.listen("inproc://news")?;
//! subscriber.dial("inproc://news")?;
//! publisher.send("sports: 2 to 1")?;
//! publisher.send("weather: rain")?;
//! assert_eq!(received.recv().unwrap().as_str(), Some("weather: rain"));
//! # Ok::<(), cppserver::Error>(())
//! ```
//!
//! For event loops of others, [`when_receivable`](Socket::when_receivable) and
//! [`when_sendable`](Socket::when_sendable) tell once when a try is worth while.
//!
//! No socket has a thread of its own and none polls: a thousand idle ones cost no time at all.
//!
//! # Flow
//!
//! Each connection holds up to [`SpOption::SendBuffer`] on its way out and
//! [`SpOption::ReceiveBuffer`] on its way to the user. A receiver that does not keep up is not read
//! from any more, so its sender's buffer fills, and the sender waits, or its message is
//! [counted](Statistics::messages_dropped) as dropped, as the pattern says.
//!
//! # The end
//!
//! [`Socket::close`] wakes the calls that are blocked, and delivers what was sent before within
//! [`SpOption::Linger`]. The drop of the last handle closes too, and delivers in the background; the
//! shared I/O thread ends with the last socket, and waits for that.

mod address;
mod callbacks;
mod closing;
mod connections;
mod context;
mod core;
mod device;
mod endpoint;
mod handler;
mod header;
mod hidden;
mod inproc;
mod message;
mod names;
mod net_pipe;
mod network;
mod options;
mod pattern;
mod patterns;
mod pipe;
mod pipes;
mod protocol;
mod queue;
mod random;
mod registry;
mod socket;
mod state;
mod statistics;
mod transfer;
mod waiting;
mod watching;

#[cfg(test)]
mod idle_tests;

pub use closing::terminate;
pub use context::Context;
pub use device::Device;
pub use endpoint::Endpoint;
pub use handler::{Peer, SocketHandler};
pub use message::{Message, Payload};
pub use options::SpOption;
pub use protocol::Protocol;
pub(crate) use socket::Owner;
pub use socket::Socket;
pub use statistics::Statistics;
