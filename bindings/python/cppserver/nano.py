"""Sockets of the scalability protocols, on the wire those of nanomsg and NNG.

>>> from cppserver import nano
>>> with nano.ReplySocket() as server, nano.RequestSocket() as client:
...     port = server.listen("tcp://127.0.0.1:0").port
...     endpoint = client.dial(f"tcp://127.0.0.1:{port}")
...     client.send(b"what is the answer?")
...     question = server.receive()
...     server.send(b"42")
...     client.receive()
b'42'

Patterns
--------
A socket plays one role of a pattern. It listens and dials as often as it likes, and which side does
what makes no difference. What is sent goes where the pattern says; connections that break are made
again in the background.

- :class:`PairSocket`, twice: one to one. A send waits for the peer, and for room.
- :class:`PushSocket` to :class:`PullSocket`: each message goes to one of the peers, in turn. A send
  waits for a peer with room.
- :class:`RequestSocket` to :class:`ReplySocket` and back: a question goes to one of those who
  answer, and again to another one if no answer comes.
- :class:`PublisherSocket` to :class:`SubscriberSocket`: goes to all who subscribed to what it
  begins with. Who has no room misses it.
- :class:`SurveyorSocket` to :class:`RespondentSocket` and back: goes to all, and answers are
  taken until a deadline.
- :class:`BusSocket`, many: goes to all neighbours, which do not pass it on. Who has no room misses
  it.

Each can be made raw: then it keeps no state, and messages have headers. Two raw sockets make a
:class:`Device`, which passes messages on.

Blocking, trying, callbacks
---------------------------
``send`` and ``receive`` block the calling thread, with a timeout if wanted; ``try_send`` and
``try_receive`` never do. They give other threads of Python room meanwhile, and Ctrl-C ends them
within a tenth of a second. A subclass that overrides ``on_received`` is called instead, on an I/O
thread. Coroutines await the sockets of :mod:`cppserver.aio`. No socket has a thread of its own, and
none polls.

Lifetime
--------
A socket is closed by ``close``, at the end of a ``with`` block, or when nobody refers to it any
more. A socket with callbacks is kept alive from its first ``listen`` or ``dial`` until its close.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from . import _sp_library
from ._callbacks import base_implementation, next_key, overrides
from ._errors import CppServerError, SpFailure, check, last_error
from ._session import closed
from ._sp_blocking import (
    BlockingExchange,
    BlockingRequest,
    BlockingSurvey,
    interruptibly,
    patiently,
)
from ._sp_callbacks import has_callbacks, native_handler, sockets
from ._sp_exchange import NO_ROOM, failed
from ._sp_options import Peer, Protocol, RawMessage, SpOption, Statistics
from ._sp_socket import Endpoint, SpContext, SpSocket, SpSubscriber
from ._sp_transfer import Data, RawBox, encode, header_and_body, receive, sent

__all__ = [
    "BusSocket",
    "Context",
    "Device",
    "Endpoint",
    "PairSocket",
    "Peer",
    "Protocol",
    "PublisherSocket",
    "PullSocket",
    "PushSocket",
    "RawMessage",
    "ReplySocket",
    "RequestContext",
    "RequestSocket",
    "RespondentSocket",
    "Socket",
    "SpOption",
    "Statistics",
    "SubscriberSocket",
    "SurveyContext",
    "SurveyorSocket",
    "terminate",
]


class Socket(SpSocket, BlockingExchange):
    """One end of a pattern. Base of the sockets of all patterns.

    Override the ``on_...`` methods to be told what happens. They are called on an I/O thread, one
    at a time. Only the overridden ones cost anything; which ones these are is looked up once per
    class. With ``on_received`` messages are not left for :meth:`receive`. In callbacks no call
    blocks: those that would have to raise :class:`cppserver.SpBlockedError`.

    All methods may be called on every thread and in every callback. As a context manager a socket
    is closed on exit.
    """

    _is_told = False
    _count_unblocked = 0

    def __enter__(self) -> Self:
        """Return the socket."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the socket unless it is closed."""
        self.close()

    def close(self) -> bool:
        """Close the socket: endpoints and connections end, and calls that are blocked in it fail.

        This returns when what was sent before is delivered, or ``linger`` is over; in callbacks it
        returns at once.

        Returns:
            False when it was closed before.
        """
        return interruptibly(lambda: closed(_sp_library.sp_socket_close(self._handle)), self.linger)

    def _open(self, function: Any, address: str) -> Endpoint:
        if not self._is_told:
            self._is_told = True
            if has_callbacks(type(self), Socket):
                self._set_handler()
        return super()._open(function, address)

    def _set_handler(self) -> None:
        kind = type(self)
        if not _hears_messages(kind):
            # Who is told of other things only receives by calls.
            check(_sp_library.sp_socket_pause_receiving(self._handle))
        key = next_key()
        sockets[key] = self
        handler = ctypes.byref(native_handler(kind, Socket))
        if _sp_library.sp_socket_set_handler(self._handle, handler, key):
            try:
                raise last_error()
            finally:
                sockets.pop(key, None)

    # Sending and receiving

    def _receive_timeout(self) -> float | None:
        return self.receive_timeout

    def _unblocked(self) -> int:
        return self._count_unblocked

    def _send_patiently(self, call: Callable[[int], bool], timeout: float | None) -> None:
        """Send by a native call that waits."""
        if timeout == 0:
            raise failed(SpFailure.WOULD_BLOCK, NO_ROOM)
        patiently(
            lambda rest: call(rest) or None,
            timeout,
            lambda: self.send_timeout,
            self._unblocked,
            "sent",
        )

    def send(self, data: Data, *, timeout: float | None = None) -> None:
        """Send a message, and block while it has to wait: for a peer, or for room.

        Pair and push sockets wait, all others never do.

        Args:
            data: The bytes of the message, which are copied.
            timeout: Seconds to block; 0 for not at all. By default the option ``send_timeout``
                decides, which is off unless set.

        Raises:
            SpTimeoutError: The message could not be sent in time.
            SpBlockedError: It would have to wait, and the timeout is 0, this is an I/O thread, or
                the socket was told not to block.
            SpClosedError: The socket is closed, also meanwhile.
            SpError: There is no question to answer (``WRONG_STATE``), or sockets of this pattern
                only receive (``NOT_SUPPORTED``).
        """
        encoded = encode(data)
        if not self._try_send(encoded):
            self._send_patiently(lambda rest: self._send_within(encoded, rest), timeout)

    def try_send(self, data: Data) -> bool:
        """Send a message as :meth:`send` if that need not wait.

        Returns:
            False when it would have to; ``on_writable`` tells when not any more.
        """
        return self._try_send(encode(data))

    def pause_receiving(self) -> None:
        """Let messages wait: no ``on_received`` follows until :meth:`resume_receiving`.

        When ``receive_buffer`` is full, the peers have to wait.
        """
        check(_sp_library.sp_socket_pause_receiving(self._handle))

    def resume_receiving(self) -> None:
        """Go on after :meth:`pause_receiving`."""
        if _hears_messages(type(self)):
            check(_sp_library.sp_socket_resume_receiving(self._handle))

    def set_blocking(self, blocking: bool) -> None:
        """Choose whether calls may block, which at first they may.

        With False, those that would have to wait raise :class:`cppserver.SpBlockedError` instead,
        and so do those that are blocked right now, also in contexts: the program gets its threads
        back, and the socket goes on.
        """
        if not blocking:
            # A wait on the main thread is made of slices, and looks at this between two of them.
            self._count_unblocked += 1
        check(_sp_library.sp_socket_set_blocking(self._handle, blocking))

    # Raw sockets

    def send_raw(self, message: RawMessage, *, timeout: float | None = None) -> None:
        """Send a message with a header, as raw sockets do; else as :meth:`send`.

        Args:
            message: Such as one that was received; the numbers of its header have 32 bits.
            timeout: As for :meth:`send`.

        Raises:
            SpError: The header is not what the pattern needs (``MALFORMED``).
        """
        box = RawBox(*message)

        def send_within(rest: int) -> bool:
            return sent(
                _sp_library.sp_socket_send_message_blocking(self._handle, box.message, rest)
            )

        if not sent(_sp_library.sp_socket_send_message(self._handle, box.message, 0)):
            self._send_patiently(send_within, timeout)

    def receive_raw(self, *, timeout: float | None = None) -> RawMessage:
        """Receive a message with its header, as raw sockets do; else as :meth:`receive`."""

        def take(function: Callable[..., int], rest: int) -> RawMessage | None:
            return receive(function, self._handle, rest, read=header_and_body)

        message = take(self._native.receive, 0)
        if message is not None:
            return message
        return self._receive_patiently(
            lambda rest: take(self._native.receive_blocking, rest), timeout
        )

    # Callbacks

    def on_received(self, data: bytes) -> None:
        """Called with a message. A reply or respondent socket answers it here."""

    def on_received_raw(self, message: RawMessage) -> None:
        """Called with a message and its header, instead of :meth:`on_received` if overridden."""

    def on_writable(self) -> None:
        """Called when sending is possible again after a send would have had to wait."""

    def on_finished(self) -> None:
        """Called when a survey is over, after all its answers."""

    def on_connected(self, peer: Peer) -> None:
        """Called when a connection is there."""

    def on_disconnected(self, peer: Peer) -> None:
        """Called when a connection is gone, after what it brought was received."""

    @base_implementation
    def on_error(self, error: CppServerError) -> None:
        """Called with an error, or with a callback's exception; the socket goes on.

        Of dials that fail again and again, each kind of failure is told once.
        """


def _hears_messages(kind: type[Socket]) -> bool:
    """Tell whether a class has a callback for messages."""
    return any(overrides(kind, Socket, name) for name in ("on_received", "on_received_raw"))


class Context(SpContext, BlockingExchange):
    """One of several exchanges over a socket that answers.

    Each thread takes one. A context receives a question and sends its answer, while the others
    handle other ones. It keeps its socket open.
    """

    _socket: Socket

    @property
    def socket(self) -> Socket:
        """The socket of the context."""
        return self._socket

    def _receive_timeout(self) -> float | None:
        return self._socket.receive_timeout

    def _unblocked(self) -> int:
        return self._socket._unblocked()


class RequestContext(BlockingRequest, Context):
    """One of several requests over a socket. Each thread takes one, and gets its own replies."""


class SurveyContext(BlockingSurvey, Context):
    """One of several surveys over a socket. Each thread takes one, and gets its own answers."""


class PairSocket(Socket):
    """One to one, both ways. A send waits for the peer, and for room."""

    protocol = Protocol.PAIR


class PushSocket(Socket):
    """Shares its messages out among pull sockets. A send waits for a peer with room."""

    protocol = Protocol.PUSH


class PullSocket(Socket):
    """Takes its share of what push sockets send."""

    protocol = Protocol.PULL


class PublisherSocket(Socket):
    """Sends to all subscribers. A send never waits: who has no room misses the message."""

    protocol = Protocol.PUBLISHER


class SubscriberSocket(SpSubscriber, Socket):
    """Receives what begins with one of its topics; nothing before the first ``subscribe``."""

    protocol = Protocol.SUBSCRIBER


class BusSocket(Socket):
    """Sends to all its neighbours, each of which is a bus too and does not pass it on."""

    protocol = Protocol.BUS


class RequestSocket(BlockingRequest, Socket):
    """Asks one of the reply sockets, and another one when no answer comes.

    The next request gives up the one before: several at a time need a :meth:`context` each.
    """

    protocol = Protocol.REQUEST

    def context(self) -> RequestContext:
        """Return a request of its own over this socket."""
        return RequestContext(self)


class ReplySocket(Socket):
    """Answers the request that it received last."""

    protocol = Protocol.REPLY

    def context(self) -> Context:
        """Return a place of its own to answer requests."""
        return Context(self)


class SurveyorSocket(BlockingSurvey, Socket):
    """Asks all respondents, and takes answers until ``survey_deadline``.

    The next survey ends the one before: several at a time need a :meth:`context` each.
    """

    protocol = Protocol.SURVEYOR

    def context(self) -> SurveyContext:
        """Return a survey of its own over this socket."""
        return SurveyContext(self)


class RespondentSocket(Socket):
    """Answers the survey that it received last."""

    protocol = Protocol.RESPONDENT

    def context(self) -> Context:
        """Return a place of its own to answer surveys."""
        return Context(self)


class Device:
    """Joins two raw sockets of the two roles of a pattern, and passes messages on both ways.

    Both may be the same one of a bus or a pair, which then sends back what it receives. What one
    socket can't take yet waits, and then the peers of the other one wait. Messages that have gone
    through more than ``max_hops`` devices are dropped. A device has no thread of its own. It takes
    the place of the callbacks of its sockets.

    It ends with :meth:`close`, or when nobody refers to it any more; the sockets stay open. As a
    context manager it is closed on exit.
    """

    _handle: int

    def __init__(self, one: SpSocket, other: SpSocket) -> None:
        """Join two sockets, of this module or of :mod:`cppserver.aio`.

        Raises:
            ArgumentError: A socket is not raw, or they do not belong together.
            SpClosedError: A socket is closed.
        """
        for socket in (one, other):
            if not isinstance(socket, SpSocket):
                raise TypeError(f"a device joins sockets, not {type(socket).__name__}")
        handle = _sp_library.sp_device_create(one._handle, other._handle)
        if not handle:
            raise last_error()
        self._handle = handle
        self._sockets = (one, other)
        for socket in self._sockets:
            # Its own callbacks may have had no use for messages.
            check(_sp_library.sp_socket_resume_receiving(socket._handle))

    def __del__(self) -> None:
        """Give the native object back."""
        self.close()

    def __enter__(self) -> Self:
        """Return the device."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the device."""
        self.close()

    def close(self) -> None:
        """Pass nothing on any more; nothing the second time."""
        handle = vars(self).pop("_handle", 0)  # In one step: threads may close at the same time.
        if handle:
            _sp_library.sp_device_release(handle)


def terminate() -> None:
    """Close all sockets of this process for good, without waiting.

    Blocked and later calls fail, and so do new sockets. For the end of a program that can't reach
    all of its sockets.
    """
    _sp_library.sp_terminate()
