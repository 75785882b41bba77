"""Exceptions. All derive from :class:`CppServerError`, which is an :class:`OSError`.

An error has three parts, the same as in C: a ``code``, a ``category`` and a ``message``. The code
of the category ``"system"`` is an ``errno`` value, that of ``"resolver"`` one of the name resolver
and those of ``"tls"``, ``"websocket"`` and ``"sp"`` are described at :class:`TlsError`,
:class:`WebSocketError` and :class:`SpError`; in all other categories it is a :class:`Status`.
Well-known system errors also derive from the built-in class of their kind, so ``except
ConnectionRefusedError`` works.
"""

from __future__ import annotations

import enum
import errno
import socket
from typing import Any

from . import _library


class Status(enum.IntEnum):
    """Result of a native call, and the code of errors of the categories that have no own codes."""

    OK = 0
    INVALID_ARGUMENT = 1
    INVALID_STATE = 2
    NOT_CONNECTED = 3
    LIMIT = 4
    TIMEOUT = 5
    SYSTEM = 6
    RESOLVER = 7
    HANDLER = 8
    UNSUPPORTED = 9
    TLS = 10
    WEB_SOCKET = 11
    SP = 12


class TlsFailure(enum.IntEnum):
    """The codes of a :class:`TlsError` that are no alerts."""

    TRUNCATED = 2001
    """The peer closed the connection without the end of its stream: something may be missing."""
    FORMAT = 2002
    """A file or buffer holds no certificate or key that can be read."""
    PASSWORD = 2003
    """The password of an encrypted key is missing or wrong."""
    KEY_MISMATCH = 2004
    """A key does not belong to its certificate."""
    SETTINGS = 2005
    """The settings contradict each other, or nothing implements them."""


class SpFailure(enum.IntEnum):
    """The codes of a :class:`SpError`."""

    WOULD_BLOCK = 3001
    """A call that must not block would have to."""
    TIMED_OUT = 3002
    """The timeout of a call passed, or the deadline of a survey."""
    WRONG_STATE = 3003
    """The pattern does not allow the call now, such as a reply without a request."""
    CLOSED = 3004
    """The socket, or the part of it that was used, is closed."""
    TERMINATED = 3005
    """:func:`cppserver.nano.terminate` was called."""
    NOT_SUPPORTED = 3006
    """The pattern never allows the call, such as a receive on a socket that publishes."""
    ADDRESS = 3007
    """An address cannot be read."""
    TRANSPORT = 3008
    """The transport of an address is none that there is."""
    ADDRESS_IN_USE = 3009
    """Somebody listens on the address already."""
    PEER = 3010
    """The peer speaks something else, or a protocol that does not belong to this side's."""
    TOO_LARGE = 3011
    """A message is larger than the limit."""
    MALFORMED = 3012
    """A message breaks the protocol, or a header is none."""


class CppServerError(OSError):
    """Base of all errors of this package.

    Attributes:
        code: Number of the error, see the module.
        category: "system", "resolver", "argument", "state", "limit", "timeout", "handler",
            "unsupported", "tls", "websocket" or "sp".
        message: What happened, in English.
    """

    code: int
    category: str
    message: str

    def __init__(self, code: int, category: str, message: str) -> None:
        """Make an error from its three parts."""
        if category == "system":
            super().__init__(code, message)
        else:
            super().__init__(message)
        self.code = code
        self.category = category
        self.message = message

    def __str__(self) -> str:
        """Return the message alone."""
        return self.message

    def __repr__(self) -> str:
        """Return the class and the three parts."""
        return f"{type(self).__name__}({self.code}, {self.category!r}, {self.message!r})"

    def __reduce__(self) -> tuple[type[CppServerError], tuple[int, str, str]]:
        """Pickle by the three parts."""
        return type(self), (self.code, self.category, self.message)


class ArgumentError(CppServerError, ValueError):
    """A value is out of range, an address is malformed, or an option is unknown here."""


class StateError(CppServerError):
    """The object is not in the state that the call needs, for example it was started twice."""


class NotConnectedError(StateError, ConnectionError):
    """The call needs an open connection and there is none (any more)."""


class LimitError(CppServerError):
    """A limit was reached: send limit, receive limit or the number of sessions."""


class DeadlineError(CppServerError, TimeoutError):
    """Something took longer than the option for it allows: connect, idle or close."""


class SystemCallError(CppServerError):
    """The operating system refused; ``code`` and ``errno`` are its error number."""


class RefusedError(SystemCallError, ConnectionRefusedError):
    """Nobody listens at the address."""


class ResetError(SystemCallError, ConnectionResetError):
    """The peer reset the connection."""


class AbortedError(SystemCallError, ConnectionAbortedError):
    """The connection was aborted by this system."""


class BrokenError(SystemCallError, BrokenPipeError):
    """The connection was written to after its end."""


class DeniedError(SystemCallError, PermissionError):
    """The operating system denied the access, for example to a low port."""


class SystemTimeoutError(SystemCallError, TimeoutError):
    """The operating system gave up waiting for the peer."""


class ResolverError(CppServerError, socket.gaierror):
    """A name could not be resolved."""


class HandlerError(CppServerError):
    """A callback raised; ``__cause__`` is what it raised."""


class UnsupportedError(CppServerError):
    """This operating system lacks the option."""


_PEER_ALERT = 1000
"""What the library adds to an alert that the peer sent."""


class TlsError(CppServerError):
    """A certificate, a key or a TLS peer is not what it should be.

    ``code`` is the number of an alert (RFC 8446 section 6) when this side gave up, 1000 more than
    that when the peer sent it, or a :class:`TlsFailure`.
    """

    @property
    def failure(self) -> TlsFailure | None:
        """What no alert describes; None for an alert."""
        try:
            return TlsFailure(self.code)
        except ValueError:
            return None

    @property
    def alert(self) -> int | None:
        """Number of the alert, whoever sent it; None when there was none."""
        number = self.code - _PEER_ALERT if self.code >= _PEER_ALERT else self.code
        return number if 0 <= number <= 0xFF else None

    @property
    def is_from_peer(self) -> bool:
        """Whether the alert came from the peer."""
        return self.alert is not None and self.code >= _PEER_ALERT


_LEAST_CLOSE_CODE = 1000
"""What is below is a status of HTTP."""


class WebSocketError(CppServerError):
    """A WebSocket peer breaks the protocol, sends more than is allowed, or refuses the handshake.

    ``code`` is a close code (RFC 6455 section 7.4), or the status of HTTP where the handshake
    failed, 0 where there was none.
    """

    @property
    def close_code(self) -> int | None:
        """The close code, such as 1002 for a broken protocol; None when the handshake failed."""
        return self.code if self.code >= _LEAST_CLOSE_CODE else None

    @property
    def http_status(self) -> int | None:
        """The status that refused the handshake, such as 403; None when there was none."""
        return self.code if 0 < self.code < _LEAST_CLOSE_CODE else None


class SpError(CppServerError):
    """A socket of :mod:`cppserver.nano` cannot do this; ``code`` is a :class:`SpFailure`."""

    @property
    def failure(self) -> SpFailure | None:
        """What failed; None for what only a newer library knows."""
        try:
            return SpFailure(self.code)
        except ValueError:
            return None


class SpBlockedError(SpError, BlockingIOError):
    """A call that must not block would have to.

    Its timeout is 0, it is on an I/O thread, or its socket was told not to block.
    """


class SpTimeoutError(SpError, DeadlineError):
    """The timeout of a call passed, or the deadline of a survey."""


class SpClosedError(SpError, NotConnectedError):
    """The socket, or the part of it that was used, is closed, maybe by ``terminate()``."""


_BY_FAILURE: dict[int, type[SpError]] = {
    SpFailure.WOULD_BLOCK: SpBlockedError,
    SpFailure.TIMED_OUT: SpTimeoutError,
    SpFailure.CLOSED: SpClosedError,
    SpFailure.TERMINATED: SpClosedError,
}

_BY_CATEGORY: dict[str, type[CppServerError]] = {
    "system": SystemCallError,
    "resolver": ResolverError,
    "argument": ArgumentError,
    "state": StateError,
    "limit": LimitError,
    "timeout": DeadlineError,
    "handler": HandlerError,
    "unsupported": UnsupportedError,
    "tls": TlsError,
    "websocket": WebSocketError,
    "sp": SpError,
}

_BY_ERRNO: dict[int, type[SystemCallError]] = {
    errno.ECONNREFUSED: RefusedError,
    errno.ECONNRESET: ResetError,
    errno.ECONNABORTED: AbortedError,
    errno.EPIPE: BrokenError,
    errno.EACCES: DeniedError,
    errno.EPERM: DeniedError,
    errno.ETIMEDOUT: SystemTimeoutError,
}
if hasattr(errno, "WSAECONNREFUSED"):  # Windows counts its socket errors anew.
    for _name, _kind in {
        "WSAECONNREFUSED": RefusedError,
        "WSAECONNRESET": ResetError,
        "WSAECONNABORTED": AbortedError,
        "WSAEACCES": DeniedError,
        "WSAETIMEDOUT": SystemTimeoutError,
    }.items():
        _BY_ERRNO[getattr(errno, _name)] = _kind


def make_error(code: int, category: str, message: str) -> CppServerError:
    """Return an error of the class that fits the code and the category."""
    kind = _BY_CATEGORY.get(category, CppServerError)
    if kind is SystemCallError:
        kind = _BY_ERRNO.get(code, kind)
    elif kind is SpError:
        kind = _BY_FAILURE.get(code, kind)
    elif kind is StateError and code == Status.NOT_CONNECTED:
        kind = NotConnectedError
    return kind(code, category, message)


def native_error(code: int, category: bytes | None, message: bytes | None) -> CppServerError:
    """Return the error that the native library described."""
    return make_error(
        code,
        (category or b"").decode("ascii", "replace"),
        (message or b"").decode("utf-8", "replace"),
    )


def last_error() -> CppServerError:
    """Return the error of the native call that just failed on this thread."""
    return native_error(
        _library.last_error_code(),
        _library.last_error_category(),
        _library.last_error_message(),
    )


def check(status: int) -> None:
    """Raise the error of the native call that returned ``status``, unless it is 0."""
    if status:
        raise last_error()


def argument_error(message: str) -> ArgumentError:
    """Return the error of a value that never reaches the native library."""
    return ArgumentError(Status.INVALID_ARGUMENT, "argument", message)


def handler_error(source: str, cause: BaseException) -> HandlerError:
    """Return the error that tells an object that one of its callbacks raised."""
    text = f"{source} raised {type(cause).__name__}: {cause}"
    error = HandlerError(Status.HANDLER, "handler", text)
    error.__cause__ = cause
    return error


def encode_text(text: Any, what: str) -> bytes:
    """Return a text as the native library takes it; ``what`` it is goes into the error."""
    if not isinstance(text, str):
        raise TypeError(f"{what} is a str, not {type(text).__name__}")
    encoded = text.encode("utf-8")
    if b"\0" in encoded:
        raise argument_error(f"{what} contains no NUL")
    return encoded


def encode_address(address: Any) -> bytes:
    """Return a host name or an address as the native library takes it."""
    return encode_text(address, "an address")


def check_port(port: Any) -> int:
    """Return a port number, or raise: ctypes itself would cut the number to 16 bits."""
    if not isinstance(port, int):
        raise TypeError(f"a port is an int, not {type(port).__name__}")
    if not 0 <= port <= 0xFFFF:
        raise argument_error(f"a port is a number from 0 to 65535, not {port}")
    return port
