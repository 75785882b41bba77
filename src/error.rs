//! Errors: a code, a category and a sentence that tells the user what to do.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// Result of a call that can fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a call came to, as a number that also crosses the C border.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Status {
    /// The call did what it was asked for.
    Ok = 0,
    /// An argument has no meaning here: a bad address, an unknown option, a value out of range.
    InvalidArgument = 1,
    /// The object is not in the state that the call needs, such as a second start.
    InvalidState = 2,
    /// There is no connection: before connect, or after the end of the session.
    NotConnected = 3,
    /// A limit that the user set was reached.
    Limit = 4,
    /// A deadline passed.
    Timeout = 5,
    /// The operating system refused; [`Error::code`] is its error number.
    System = 6,
    /// A host name could not be resolved.
    Resolver = 7,
    /// A handler of the user panicked.
    Handler = 8,
    /// This operating system lacks what was asked for.
    Unsupported = 9,
    /// A certificate, a key or a TLS peer is not what it should be.
    Tls = 10,
    /// A WebSocket peer breaks the protocol, or refuses the handshake.
    WebSocket = 11,
    /// A peer breaks the scalability protocols, or speaks none.
    Sp = 12,
}

/// Where an [`Error`] comes from, and so what its [code](Error::code) means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// The operating system: the code is `errno`, on Windows the WinSock error.
    System,
    /// The resolver of host names.
    Resolver,
    /// An argument of the call.
    Argument,
    /// The state of the object.
    State,
    /// A limit.
    Limit,
    /// A deadline.
    Timeout,
    /// The user's own handler.
    Handler,
    /// A feature that this system lacks.
    Unsupported,
    /// TLS: the code is an alert of RFC 8446 section 6 when this side gave up, 1000 more than that
    /// when the peer sent it, and a [`TlsFailure`] for what no alert describes.
    Tls,
    /// WebSocket: the code is a close code of RFC 6455 section 7.4 (1000 and above), or the status
    /// of HTTP (below 600) where the opening handshake failed, 0 where there was none, 1006
    /// where the peer closed the connection instead.
    WebSocket,
    /// Scalability protocols: the code is an [`SpFailure`].
    Sp,
}

impl Category {
    /// The name that `on_error` of the C, C++ and Python APIs carries.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::System => "system",
            Category::Resolver => "resolver",
            Category::Argument => "argument",
            Category::State => "state",
            Category::Limit => "limit",
            Category::Timeout => "timeout",
            Category::Handler => "handler",
            Category::Unsupported => "unsupported",
            Category::Tls => "tls",
            Category::WebSocket => "websocket",
            Category::Sp => "sp",
        }
    }
}

/// The codes of [`Category::Tls`] that are no alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum TlsFailure {
    /// The peer closed the connection without saying that its data ends there (RFC 8446 section
    /// 6.1, close_notify): something may be missing.
    Truncated = 2001,
    /// A file or buffer holds no certificate or key that can be read.
    Format = 2002,
    /// The password of an encrypted key is missing or wrong.
    Password = 2003,
    /// A key does not belong to its certificate.
    KeyMismatch = 2004,
    /// The settings contradict each other, or nothing implements them.
    Settings = 2005,
}

/// The codes of [`Category::Sp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum SpFailure {
    /// A call that does not wait would have to.
    WouldBlock = 3001,
    /// The timeout of a call passed, or the deadline of a survey.
    TimedOut = 3002,
    /// The pattern does not allow the call now, such as a reply without a request.
    WrongState = 3003,
    /// The socket, or the part of it that was used, is closed.
    Closed = 3004,
    /// All sockets of the process were closed for good.
    Terminated = 3005,
    /// The pattern never allows the call, such as a receive on a socket that publishes.
    NotSupported = 3006,
    /// An address cannot be read.
    Address = 3007,
    /// The transport of an address is none that this library has.
    Transport = 3008,
    /// Somebody listens on that address already.
    AddressInUse = 3009,
    /// The peer speaks something else, or a protocol that does not belong to this side's.
    Peer = 3010,
    /// A message is larger than the limit.
    TooLarge = 3011,
    /// A message breaks the protocol.
    Malformed = 3012,
}

impl SpFailure {
    fn status(self) -> Status {
        match self {
            SpFailure::WouldBlock | SpFailure::TimedOut => Status::Timeout,
            SpFailure::WrongState | SpFailure::AddressInUse => Status::InvalidState,
            SpFailure::Closed | SpFailure::Terminated => Status::NotConnected,
            SpFailure::NotSupported | SpFailure::Transport => Status::Unsupported,
            SpFailure::Address => Status::InvalidArgument,
            SpFailure::TooLarge => Status::Limit,
            SpFailure::Peer | SpFailure::Malformed => Status::Sp,
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// An error as a value.
///
/// ```
/// use cppserver::{Category, Server, Service, Status};
///
/// let service = Service::new()?;
/// let error = Server::tcp(&service, "", 0).unwrap_err();
/// assert_eq!(error.status(), Status::InvalidArgument);
/// assert_eq!(error.category(), Category::Argument);
/// # Ok::<(), cppserver::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    status: Status,
    category: Category,
    code: i32,
    message: Cow<'static, str>,
}

impl Error {
    fn library(status: Status, category: Category, message: Cow<'static, str>) -> Error {
        Error { status, category, code: status as i32, message }
    }

    pub(crate) fn argument(message: impl Into<Cow<'static, str>>) -> Error {
        Error::library(Status::InvalidArgument, Category::Argument, message.into())
    }

    pub(crate) fn state(message: impl Into<Cow<'static, str>>) -> Error {
        Error::library(Status::InvalidState, Category::State, message.into())
    }

    pub(crate) fn not_connected() -> Error {
        Error::library(
            Status::NotConnected,
            Category::State,
            "there is no connection: wait for on_connected, and stop using the session after \
             disconnect"
                .into(),
        )
    }

    pub(crate) fn not_started() -> Error {
        Error::library(
            Status::NotConnected,
            Category::State,
            "the endpoint is not open: wait for on_started, and stop using it after stop".into(),
        )
    }

    pub(crate) fn limit(message: impl Into<Cow<'static, str>>) -> Error {
        Error::library(Status::Limit, Category::Limit, message.into())
    }

    pub(crate) fn timeout(message: impl Into<Cow<'static, str>>) -> Error {
        Error::library(Status::Timeout, Category::Timeout, message.into())
    }

    pub(crate) fn resolver(message: impl Into<Cow<'static, str>>) -> Error {
        Error::library(Status::Resolver, Category::Resolver, message.into())
    }

    pub(crate) fn handler(message: impl Into<Cow<'static, str>>) -> Error {
        Error::library(Status::Handler, Category::Handler, message.into())
    }

    pub(crate) fn unsupported(message: impl Into<Cow<'static, str>>) -> Error {
        Error::library(Status::Unsupported, Category::Unsupported, message.into())
    }

    /// What went wrong with the peer: an alert of this side, or 1000 more than one of the peer.
    pub(crate) fn tls(code: i32, message: impl Into<Cow<'static, str>>) -> Error {
        Error { status: Status::Tls, category: Category::Tls, code, message: message.into() }
    }

    pub(crate) fn tls_failure(failure: TlsFailure, message: impl Into<Cow<'static, str>>) -> Error {
        Error::tls(failure as i32, message)
    }

    /// What a WebSocket peer did wrong: a close code or a status of HTTP.
    pub(crate) fn web_socket(code: i32, message: impl Into<Cow<'static, str>>) -> Error {
        let (status, category) = (Status::WebSocket, Category::WebSocket);
        Error { status, category, code, message: message.into() }
    }

    /// A WebSocket peer sends more than is allowed.
    pub(crate) fn web_socket_limit(code: i32, message: impl Into<Cow<'static, str>>) -> Error {
        Error { status: Status::Limit, ..Error::web_socket(code, message) }
    }

    /// What a scalability protocol refuses, or a peer that speaks one did wrong.
    pub(crate) fn sp(failure: SpFailure, message: impl Into<Cow<'static, str>>) -> Error {
        let (status, code) = (failure.status(), failure as i32);
        Error { status, category: Category::Sp, code, message: message.into() }
    }

    /// An error of the operating system while doing `action`, such as "cannot listen on [::]:80".
    pub(crate) fn system(action: impl fmt::Display, error: &io::Error) -> Error {
        let code = error.raw_os_error().unwrap_or(0);
        let message = format!("{action}: {}", describe(error));
        Error { status: Status::System, category: Category::System, code, message: message.into() }
    }

    /// An error of the operating system of which this library knows better what it means.
    pub(crate) fn system_meaning(
        message: impl Into<Cow<'static, str>>,
        error: &io::Error,
    ) -> Error {
        let code = error.raw_os_error().unwrap_or(0);
        Error { status: Status::System, category: Category::System, code, message: message.into() }
    }

    /// An error of the operating system with the file of a socket.
    pub(crate) fn file(action: impl fmt::Display, error: &io::Error) -> Error {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; stop the program that listens there, remove the file if it is no socket, or \
                 choose another path"
            }
            io::ErrorKind::PermissionDenied => {
                "; the folder, or for a client the file, has to be writable"
            }
            io::ErrorKind::NotFound => "; is the server running, and is the folder there?",
            io::ErrorKind::ConnectionRefused => "; nobody listens on that file any more",
            io::ErrorKind::WouldBlock => "; the server does not accept as fast as clients come",
            _ => "",
        };
        Error::system_meaning(format!("{action}: {}{advice}", text_of(error)), error)
    }

    /// The same error with what it is about in front, such as the name of a file.
    pub(crate) fn about(self, what: impl fmt::Display) -> Error {
        Error { message: format!("{what}: {}", self.message).into(), ..self }
    }

    /// The same error with a remark behind it.
    pub(crate) fn and(self, remark: impl fmt::Display) -> Error {
        Error { message: format!("{}; {remark}", self.message).into(), ..self }
    }

    /// What kind of failure this is.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Where the error comes from.
    pub fn category(&self) -> Category {
        self.category
    }

    /// The number within the [category](Error::category): `errno` for [`Category::System`], an
    /// alert or a [`TlsFailure`] for [`Category::Tls`], a close code or a status of HTTP for
    /// [`Category::WebSocket`], an [`SpFailure`] for [`Category::Sp`], the [`Status`] as a number for
    /// all others.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// A sentence for people: what failed, why, and what to do.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The system's own text without the "(os error N)" tail.
fn text_of(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.find(" (os error") {
        text.truncate(end);
    }
    text
}

/// The system's own text, and advice for what users meet most.
fn describe(error: &io::Error) -> String {
    let text = text_of(error);
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; stop the other program, choose another port, or use port 0 for a free one"
        }
        io::ErrorKind::AddrNotAvailable => "; use an address of this machine",
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need the right to bind them, such as CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::ConnectionRefused => "; is the server running on that port?",
        _ => "",
    };
    format!("{text}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_errors_carry_their_status_as_code() {
        let error = Error::limit("too much");
        assert_eq!((error.code(), error.status()), (4, Status::Limit));
        assert_eq!(error.category().to_string(), "limit");
        assert_eq!(error.to_string(), "too much");
    }

    #[test]
    fn system_errors_carry_the_error_number_and_advice() {
        let cause = io::Error::from(io::ErrorKind::AddrInUse);
        let error = Error::system("cannot listen on 127.0.0.1:80", &cause);
        assert_eq!(error.category(), Category::System);
        assert!(error.message().starts_with("cannot listen on 127.0.0.1:80: "));
        assert!(error.message().contains("choose another port"), "{error}");
        assert!(!error.message().contains("os error"));
    }
}
