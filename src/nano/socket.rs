//! The handle of a socket.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
use super::pattern::OWN;
use super::state::Life;
use super::waiting::Wait;
use super::watching::{Event, RECEIVABLE};
use super::{
    Context, Endpoint, Message, Payload, Protocol, SocketHandler, SpOption, Statistics, registry,
    state,
};
use crate::error::{Error, Result};
use crate::net::{Service, TlsContext};

/// One end of a pattern, with any number of connections.
///
/// A handle is cheap to clone and may be used on every thread and in every callback. The socket is
/// closed by [`close`](Socket::close), or when its last handle is dropped.
#[derive(Clone)]
pub struct Socket(pub(crate) Arc<Owner>);

/// What the handles of a socket share.
pub(crate) struct Owner {
    pub(super) core: Arc<Core>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        // What was sent is still delivered, in the background.
        self.core.close(Life::Closed, false);
    }
}

impl Socket {
    /// A socket whose connections run on an I/O thread that all such sockets of the process share.
    ///
    /// # Errors
    ///
    /// [`SpFailure::Terminated`](crate::SpFailure::Terminated) after
    /// [`terminate`](super::terminate).
    pub fn new(protocol: Protocol) -> Result<Socket> {
        Socket::make(protocol, false, None)
    }

    /// A raw socket, which keeps no state: messages have [headers](Message::header) that tell where
    /// they came from and where they go. Made to be joined by a [`Device`](super::Device).
    ///
    /// # Errors
    ///
    /// As [`Socket::new`].
    pub fn raw(protocol: Protocol) -> Result<Socket> {
        Socket::make(protocol, true, None)
    }

    /// A socket whose connections run on this service, which the user starts and stops.
    ///
    /// # Errors
    ///
    /// As [`Socket::new`].
    pub fn with_service(service: &Service, protocol: Protocol) -> Result<Socket> {
        Socket::make(protocol, false, Some(service.clone()))
    }

    /// A [raw](Socket::raw) socket whose connections run on this service.
    ///
    /// # Errors
    ///
    /// As [`Socket::new`].
    pub fn raw_with_service(service: &Service, protocol: Protocol) -> Result<Socket> {
        Socket::make(protocol, true, Some(service.clone()))
    }

    fn make(protocol: Protocol, raw: bool, service: Option<Service>) -> Result<Socket> {
        let core = Core::new(protocol, raw, service);
        registry::add(&core)?;
        let owner = Arc::new(Owner { core });
        owner.core.set_owner(&owner);
        Ok(Socket(owner))
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    /// A number that no other socket of this process has or had.
    pub fn id(&self) -> u64 {
        self.core().id
    }

    /// The role of the socket.
    pub fn protocol(&self) -> Protocol {
        self.core().protocol
    }

    /// Whether the socket was made by [`Socket::raw`].
    pub fn is_raw(&self) -> bool {
        self.core().raw
    }

    /// Listens on an address, such as `tcp://127.0.0.1:5555`, `tcp://*:0`, `ipc:///tmp/name`,
    /// `inproc://name`, `ws://*:8080/path`; with certificates `tls+tcp://` and `wss://`. With port 0
    /// the system chooses one, which [`Endpoint::port`] tells. The host may also be the name of an
    /// interface, `tcp://eth0:5555`, and stands for the first of its addresses then, IPv4 before
    /// IPv6. Names are looked up before this returns.
    ///
    /// # Errors
    ///
    /// [`SpFailure::Address`](crate::SpFailure::Address) and
    /// [`SpFailure::Transport`](crate::SpFailure::Transport) for what can't be read,
    /// [`SpFailure::AddressInUse`](crate::SpFailure::AddressInUse) or an error of the system when
    /// the address is not free, [`SpFailure::Closed`](crate::SpFailure::Closed).
    pub fn listen(&self, address: &str) -> Result<Endpoint> {
        self.core().open_endpoint(address, false)
    }

    /// Connects to an address in the background, again and again until the endpoint is closed.
    /// Nobody has to be there yet. With `inproc` whoever listens is connected when this returns.
    /// Over TCP and WebSocket an address or an interface of this machine to come from may stand in
    /// front: `tcp://10.0.0.1;server:5555`, `tcp://eth0;server:5555`.
    ///
    /// # Errors
    ///
    /// As [`Socket::listen`] for addresses. Attempts that fail are
    /// [counted](Statistics::connect_errors), and each kind of failure is told once to
    /// [`SocketHandler::on_error`].
    pub fn dial(&self, address: &str) -> Result<Endpoint> {
        self.core().open_endpoint(address, true)
    }

    /// Sends a message, and blocks while it has to wait: for a peer, or for room. Pair and push
    /// sockets wait, all others never do. Not longer than [`SpOption::SendTimeout`].
    ///
    /// # Errors
    ///
    /// [`SpFailure::TimedOut`](crate::SpFailure::TimedOut);
    /// [`SpFailure::WrongState`](crate::SpFailure::WrongState) for an answer without a question;
    /// [`SpFailure::NotSupported`](crate::SpFailure::NotSupported) for sockets that only receive;
    /// [`SpFailure::Closed`](crate::SpFailure::Closed), also when the socket is closed meanwhile;
    /// [`SpFailure::WouldBlock`](crate::SpFailure::WouldBlock) on I/O threads.
    pub fn send<'a>(&self, message: impl Into<Payload<'a>>) -> Result<()> {
        self.core().send(OWN, &message.into(), Wait::AsSet(SpOption::SendTimeout))
    }

    /// Sends a message as [`Socket::send`], and blocks up to `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`].
    pub fn send_timeout<'a>(
        &self,
        message: impl Into<Payload<'a>>,
        timeout: Duration,
    ) -> Result<()> {
        self.core().send(OWN, &message.into(), Wait::up_to(Some(timeout)))
    }

    /// Sends a message as [`Socket::send`], and never blocks.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`], and [`SpFailure::WouldBlock`](crate::SpFailure::WouldBlock) when it
    /// would have to wait; [`SocketHandler::on_writable`] tells when not any more.
    pub fn try_send<'a>(&self, message: impl Into<Payload<'a>>) -> Result<()> {
        self.core().send(OWN, &message.into(), Wait::No)
    }

    /// Receives a message, and blocks until there is one, but not longer than
    /// [`SpOption::ReceiveTimeout`].
    ///
    /// # Errors
    ///
    /// [`SpFailure::TimedOut`](crate::SpFailure::TimedOut), also once at the end of a survey;
    /// [`SpFailure::WrongState`](crate::SpFailure::WrongState) when nothing was asked;
    /// [`SpFailure::NotSupported`](crate::SpFailure::NotSupported) for sockets that only send;
    /// [`SpFailure::Closed`](crate::SpFailure::Closed), also when the socket is closed meanwhile;
    /// [`SpFailure::WouldBlock`](crate::SpFailure::WouldBlock) on I/O threads.
    pub fn receive(&self) -> Result<Message> {
        self.core().receive(OWN, Wait::AsSet(SpOption::ReceiveTimeout))
    }

    /// Receives a message as [`Socket::receive`], and blocks up to `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Socket::receive`].
    pub fn receive_timeout(&self, timeout: Duration) -> Result<Message> {
        self.core().receive(OWN, Wait::up_to(Some(timeout)))
    }

    /// Receives a message if there is one.
    ///
    /// # Errors
    ///
    /// As [`Socket::receive`], and [`SpFailure::WouldBlock`](crate::SpFailure::WouldBlock) when
    /// there is none.
    pub fn try_receive(&self) -> Result<Message> {
        self.core().receive(OWN, Wait::No)
    }

    /// Receives an answer to a survey as [`Socket::receive`]; `None` tells that the deadline has
    /// passed, apart from the timeout of the call.
    ///
    /// # Errors
    ///
    /// As [`Socket::receive`].
    pub fn receive_answer(&self) -> Result<Option<Message>> {
        self.core().receive_answer(OWN, Wait::AsSet(SpOption::ReceiveTimeout))
    }

    /// Receives an answer as [`Socket::receive_answer`], and blocks up to `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Socket::receive`].
    pub fn receive_answer_timeout(&self, timeout: Duration) -> Result<Option<Message>> {
        self.core().receive_answer(OWN, Wait::up_to(Some(timeout)))
    }

    /// Receives an answer as [`Socket::receive_answer`] if there is one, and never blocks.
    ///
    /// # Errors
    ///
    /// As [`Socket::try_receive`].
    pub fn try_receive_answer(&self) -> Result<Option<Message>> {
        self.core().receive_answer(OWN, Wait::No)
    }

    /// Has `call` called once, on an I/O thread, when there is something to receive, the end of a
    /// survey and of the socket included; soon if that is so already. Made for event loops that are
    /// not of this library: try to receive, and when that would have to wait, be called and try
    /// again. Another thread may have been faster then, and the call may come for nothing.
    ///
    /// There is one such call at a time; the next one takes its place.
    ///
    /// # Errors
    ///
    /// An error of the system when the I/O thread can't be started. `call` is dropped then.
    pub fn when_receivable(&self, call: impl FnOnce() + Send + 'static) -> Result<()> {
        self.core().watch(RECEIVABLE, Box::new(call))
    }

    /// Has `call` called once, on an I/O thread, when a message can be sent without waiting, or the
    /// socket is closed; else as [`Socket::when_receivable`].
    ///
    /// # Errors
    ///
    /// As [`Socket::when_receivable`].
    pub fn when_sendable(&self, call: impl FnOnce() + Send + 'static) -> Result<()> {
        self.core().watch(Event::Sendable, Box::new(call))
    }

    /// An exchange of its own: several threads ask, or answer, over one socket at the same time,
    /// each with a context.
    ///
    /// # Errors
    ///
    /// [`SpFailure::NotSupported`](crate::SpFailure::NotSupported) for patterns without questions,
    /// and for raw sockets.
    pub fn context(&self) -> Result<Context> {
        Context::new(self)
    }

    /// Subscribes to what begins with `topic`, from now on; to everything with an empty one. A
    /// topic that is subscribed to twice has to be unsubscribed from twice.
    ///
    /// # Errors
    ///
    /// [`SpFailure::NotSupported`](crate::SpFailure::NotSupported) for sockets that are no
    /// subscribers.
    pub fn subscribe(&self, topic: impl AsRef<[u8]>) -> Result<()> {
        self.core().with(|state| {
            state.check_open()?;
            // What was sent before this is none of it.
            self.core().fetch_all(state);
            state.pattern.subscribe(topic.as_ref())
        })
    }

    /// Takes a subscription back. What was received and is not wanted by another one is dropped.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) when there is none;
    /// [`SpFailure::NotSupported`](crate::SpFailure::NotSupported) for sockets that are no
    /// subscribers.
    pub fn unsubscribe(&self, topic: impl AsRef<[u8]>) -> Result<()> {
        self.core().with(|state| {
            state.check_open()?;
            self.core().fetch_all(state);
            state.pattern.unsubscribe(&mut state.pipes, topic.as_ref())
        })
    }

    /// Sets an option.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for a value out of range.
    pub fn set_option(&self, option: SpOption, value: i64) -> Result<()> {
        let mut state = self.core().lock();
        state.options.set(option, value)?;
        state.pipes.rules = state.options.rules();
        Ok(())
    }

    /// Tells the value of an option.
    pub fn option(&self, option: SpOption) -> i64 {
        self.core().lock().options.get(option)
    }

    /// Gives the certificates for the addresses `tls+tcp://` and `wss://` of the calls to come.
    pub fn set_tls(&self, context: &TlsContext) {
        self.core().lock().tls = Some(context.clone());
    }

    /// Lets callbacks do the receiving, from now on. What waits already is received by them too. A
    /// handler that was set before is dropped.
    ///
    /// # Errors
    ///
    /// [`SpFailure::Closed`](crate::SpFailure::Closed), or an error of the system when the I/O
    /// thread can't be started. The handler is dropped then.
    pub fn set_handler(&self, handler: impl SocketHandler) -> Result<()> {
        self.core().set_handler(Box::new(handler))
    }

    /// Takes the handler away and drops it. Its callbacks are over, and it is dropped, when this
    /// returns, except when it is called by a callback, of whatever socket.
    pub fn clear_handler(&self) {
        self.core().clear_handler();
    }

    /// Lets messages wait: no `on_received` follows, in a callback at once and else after the one
    /// that runs. When [`SpOption::ReceiveBuffer`] is full, the peers have to wait.
    pub fn pause_receiving(&self) {
        self.core().lock().callbacks.paused = true;
    }

    /// Goes on after [`Socket::pause_receiving`].
    pub fn resume_receiving(&self) {
        self.core().with(|state| {
            state.callbacks.paused = false;
            self.core().fetch(state);
        });
    }

    /// Whether calls may block, which at first they may. With `false`, those that would have to
    /// wait fail with [`SpFailure::WouldBlock`](crate::SpFailure::WouldBlock) instead, and so do
    /// those that are blocked right now, also in [`Context`]s: a program gets its threads back, and
    /// the socket goes on.
    pub fn set_blocking(&self, blocking: bool) {
        let core = self.core();
        core.with(|state| {
            state.never_blocks = !blocking;
            if !blocking {
                state.interruptions += 1;
                state.wake_all();
            }
        });
    }

    /// The counters since the socket was made.
    pub fn statistics(&self) -> Statistics {
        let state = self.core().lock();
        let messages_dropped = state.pipes.dropped;
        Statistics { messages_dropped, ..state.statistics }
    }

    /// Closes the socket: endpoints and connections end, and calls that are blocked in it fail.
    /// Returns when what was sent before is delivered, or [`SpOption::Linger`] is over, and what
    /// was not is [counted](Statistics::messages_undelivered); in callbacks it returns at once.
    ///
    /// # Errors
    ///
    /// [`SpFailure::Closed`](crate::SpFailure::Closed) when it is closed already.
    pub fn close(&self) -> Result<()> {
        if self.core().close(Life::Closed, true) { Ok(()) } else { Err(self.why_closed()) }
    }

    /// Whether the socket was closed, by itself or by [`terminate`](super::terminate).
    pub fn is_closed(&self) -> bool {
        self.core().lock().life != Life::Open
    }

    fn why_closed(&self) -> Error {
        self.core().lock().check_open().err().unwrap_or_else(state::closed)
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Socket) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Socket {}

impl fmt::Debug for Socket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Socket")
            .field("id", &self.id())
            .field("protocol", &self.protocol())
            .field("raw", &self.is_raw())
            .field("closed", &self.is_closed())
            .finish()
    }
}
