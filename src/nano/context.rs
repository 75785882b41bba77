//! Several exchanges over one socket.

use std::time::Duration;

use super::pattern::{ContextId, Refusal};
use super::state::Life;
use super::waiting::Wait;
use super::waiting::Waiting;
use super::watching::Event;
use super::{Message, Payload, Socket, SpOption};
use crate::error::Result;
use crate::net::drop_guarded;

/// An exchange of its own over a [`Socket`] that asks or answers: a request and its reply, a survey
/// and its answers, or a question that is being answered.
///
/// A socket has one exchange itself, and as many contexts as it likes. Each thread takes one; what
/// they ask goes over the same connections, and each gets its own answers. Dropping a context gives
/// up what it has asked. It keeps its socket open.
///
/// ```
/// use cppserver::nano::{Protocol, Socket};
///
/// let server = Socket::new(Protocol::Reply)?;
/// server.listen("inproc://doubles")?;
/// let workers: Vec<_> = (0..2)
///     .map(|_| {
///         let worker = server.context()?;
///         Ok(std::thread::spawn(move || {
///             while let Ok(request) = worker.receive() {
///                 let _ = worker.send([&request[..], &request[..]].concat());
///             }
///         }))
///     })
///     .collect::<cppserver::Result<_>>()?;
///
/// let client = Socket::new(Protocol::Request)?;
/// client.dial("inproc://doubles")?;
/// let (one, other) = (client.context()?, client.context()?);
/// one.send("a")?;
/// assert_eq!(*other.request("b")?, *b"bb");
/// assert_eq!(*one.receive()?, *b"aa");
///
/// server.close()?;
/// workers.into_iter().for_each(|worker| worker.join().unwrap());
/// # Ok::<(), cppserver::Error>(())
/// ```
#[derive(Debug)]
pub struct Context {
    socket: Socket,
    id: ContextId,
}

impl Context {
    pub(super) fn new(socket: &Socket) -> Result<Context> {
        let mut state = socket.core().lock();
        state.check_open()?;
        let id = state.pattern.open_context().ok_or_else(|| Refusal::NoContexts.into_error())?;
        if socket.core().waits_apart(id) {
            state.contexts.insert(id, Waiting::default());
        }
        Ok(Context { socket: socket.clone(), id })
    }

    /// The socket of the context.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Sends a question, which gives up the one before, or an answer. Never waits.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`].
    pub fn send<'a>(&self, message: impl Into<Payload<'a>>) -> Result<()> {
        self.socket.core().send(self.id, &message.into(), Wait::No)
    }

    /// Receives an answer to the question of this context, or the next question; blocks as
    /// [`Socket::receive`].
    ///
    /// # Errors
    ///
    /// As [`Socket::receive`].
    pub fn receive(&self) -> Result<Message> {
        self.socket.core().receive(self.id, Wait::AsSet(SpOption::ReceiveTimeout))
    }

    /// Receives as [`Context::receive`], and blocks up to `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Socket::receive`].
    pub fn receive_timeout(&self, timeout: Duration) -> Result<Message> {
        self.socket.core().receive(self.id, Wait::up_to(Some(timeout)))
    }

    /// Receives if there is something, and never blocks.
    ///
    /// # Errors
    ///
    /// As [`Socket::try_receive`].
    pub fn try_receive(&self) -> Result<Message> {
        self.socket.core().receive(self.id, Wait::No)
    }

    /// Receives an answer to a survey as [`Context::receive`]; `None` tells that the deadline has
    /// passed, apart from the timeout of the call.
    ///
    /// # Errors
    ///
    /// As [`Context::receive`].
    pub fn receive_answer(&self) -> Result<Option<Message>> {
        self.socket.core().receive_answer(self.id, Wait::AsSet(SpOption::ReceiveTimeout))
    }

    /// Receives an answer as [`Context::receive_answer`], and blocks up to `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Context::receive`].
    pub fn receive_answer_timeout(&self, timeout: Duration) -> Result<Option<Message>> {
        self.socket.core().receive_answer(self.id, Wait::up_to(Some(timeout)))
    }

    /// Receives an answer as [`Context::receive_answer`] if there is one, and never blocks.
    ///
    /// # Errors
    ///
    /// As [`Socket::try_receive`].
    pub fn try_receive_answer(&self) -> Result<Option<Message>> {
        self.socket.core().receive_answer(self.id, Wait::No)
    }

    /// Has `call` called once when there is something to receive, as
    /// [`Socket::when_receivable`] does.
    ///
    /// # Errors
    ///
    /// As [`Socket::when_receivable`].
    pub fn when_receivable(&self, call: impl FnOnce() + Send + 'static) -> Result<()> {
        self.socket.core().watch(Event::Receivable(self.id), Box::new(call))
    }

    /// Sends a request and receives its reply.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`] and [`Socket::receive`].
    pub fn request<'a>(&self, message: impl Into<Payload<'a>>) -> Result<Message> {
        self.send(message)?;
        self.receive()
    }

    /// Sends a request and receives its reply, and blocks up to `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Context::request`].
    pub fn request_timeout<'a>(
        &self,
        message: impl Into<Payload<'a>>,
        timeout: Duration,
    ) -> Result<Message> {
        self.send(message)?;
        self.receive_timeout(timeout)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let watch = self.socket.core().with(|state| {
            if state.life == Life::Open {
                state.pattern.close_context(&mut state.pipes, self.id);
            }
            state.contexts.remove(&self.id);
            state.watches.remove(Event::Receivable(self.id))
        });
        drop_guarded(watch);
    }
}
