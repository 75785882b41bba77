"""The sockets of scalability protocols of :mod:`cppserver.aio`.

Messages stay in the library until a coroutine takes them: it tries, and where that would have to
wait, it has itself woken by a watch of the library and tries again. So nothing is lost when a
coroutine is cancelled, and who does not receive makes its peers wait as anywhere else.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, Self, Unpack
from weakref import ref

from . import _library, _sp_library
from ._bridge import Bridge, bridge_of
from ._callbacks import next_key
from ._errors import SpClosedError, SpFailure, last_error
from ._service import Service
from ._session import closed
from ._shared import service_or_shared
from ._sp_exchange import Exchange
from ._sp_options import Protocol, RawMessage, SocketKeywords
from ._sp_socket import SpContext, SpSocket, SpSubscriber
from ._sp_transfer import Data, RawBox, encode, header_and_body, receive, sent
from ._tls import TlsContext

_TURN = 64
"""Calls in a row that found everything ready, before the other coroutines get their turn."""

_watches: dict[int, ref[Watch]] = {}
"""The watches that the library keeps, by the key that is their native ``user_data``."""


if hasattr(os, "register_at_fork"):
    # The sockets of the parent process are none of this one.
    os.register_at_fork(after_in_child=_watches.clear)


@_library.Notify
def _told(key: int) -> None:
    """Called for the event, and once more when the library forgets the watch."""
    reference = _watches.pop(key, None)
    watch = None if reference is None else reference()
    if watch is not None:
        watch._bridge.push(watch._deliver, None)


class Watch:
    """Wakes the coroutines that wait for one event of a socket or a context."""

    def __init__(self, arm: Callable[[Any, int, Any], int]) -> None:
        """Take the native function that begins to watch."""
        self._arm = arm
        self._loop = asyncio.get_running_loop()
        self._bridge: Bridge = bridge_of(self._loop)
        self._armed = False
        self._waiters: set[asyncio.Future[None]] = set()

    async def wait(self) -> None:
        """Wait until a try is worth while. It may be for nothing."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.add(waiter)
        try:
            if not self._armed:
                self._begin()
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _begin(self) -> None:
        key = next_key()
        _watches[key] = ref(self)
        self._armed = True
        if self._arm(_told, key, _told):
            try:
                raise last_error()
            finally:
                _watches.pop(key, None)
                self._armed = False

    def _deliver(self, _: None) -> None:
        self._armed = False
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class AsyncExchange(Exchange):
    """An exchange that coroutines wait for."""

    _receivable: Watch
    _calls = 0

    def _watch(self) -> None:
        """Prepare to wait, on the running event loop."""
        self._receivable = Watch(partial(self._native.when_receivable, self._handle))

    async def _turn(self) -> None:
        """Give the other coroutines their turn, now and then."""
        self._calls += 1
        if self._calls >= _TURN:
            self._calls = 0
            await asyncio.sleep(0)

    def __aiter__(self) -> Self:
        """Return the object itself, which yields messages."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next message; the close of the socket ends the iteration."""
        try:
            return await self.receive()
        except SpClosedError as error:
            if error.code == SpFailure.CLOSED:
                raise StopAsyncIteration from None
            raise

    async def send(self, data: Data) -> None:
        """Send a question, which gives up the one before, or an answer. Never waits.

        Raises:
            SpClosedError: The socket is closed.
            SpError: There is no question to answer (``WRONG_STATE``).
        """
        await self._turn()
        self._try_send(encode(data))

    async def receive(self) -> bytes:
        """Receive a message. It is not lost when this is cancelled.

        Raises:
            SpTimeoutError: A survey is over: told once.
            SpClosedError: The socket is closed, also meanwhile.
            SpError: Nothing was asked (``WRONG_STATE``), or sockets of this pattern only send
                (``NOT_SUPPORTED``).
        """
        await self._turn()
        while (data := self._try_receive()) is None:
            await self._receivable.wait()
        return data

    def receive_nowait(self) -> bytes | None:
        """Receive a message if there is one, else return None. Errors as :meth:`receive`."""
        return self._try_receive()


class AsyncSurvey(AsyncExchange):
    """An exchange that makes surveys."""

    async def receive_answer(self) -> bytes | None:
        """Receive an answer; None tells that the survey is over.

        Raises:
            SpClosedError: The socket is closed, also meanwhile.
            SpError: There is no survey (``WRONG_STATE``).
        """
        await self._turn()
        while (answer := self._try_receive_answer()) is None:
            await self._receivable.wait()
        return answer[0]

    async def survey(self, question: Data) -> AsyncGenerator[bytes, None]:
        """Begin a survey and yield its answers as they come, until its deadline."""
        await self.send(question)
        while (answer := await self.receive_answer()) is not None:
            yield answer


class AsyncRequest(AsyncExchange):
    """An exchange that asks."""

    async def request(self, data: Data) -> bytes:
        """Send a request and receive its reply."""
        await self.send(data)
        return await self.receive()


class Socket(SpSocket, AsyncExchange):
    """One end of a pattern, for coroutines. Base of the sockets of all patterns.

    It belongs to the event loop that it was made on. Iteration yields messages until the socket is
    closed. As an asynchronous context manager it is closed on exit. Options, endpoints and counters
    are those of :class:`cppserver.nano.Socket`, except that timeouts are the business of
    :func:`asyncio.timeout`.
    """

    def __init__(
        self,
        *,
        raw: bool = False,
        service: Service | None = None,
        tls: TlsContext | None = None,
        **options: Unpack[SocketKeywords],
    ) -> None:
        """Make a socket without connections.

        Args:
            raw: As of :class:`cppserver.nano.Socket`.
            service: A started service to run on, instead of the shared one.
            tls: As of :class:`cppserver.nano.Socket`.
            **options: Options by the names of the properties.

        Raises:
            RuntimeError: No event loop runs.
            ArgumentError: An option is not valid.
            SpClosedError: The sockets of this process were terminated.
        """
        self._loop = asyncio.get_running_loop()
        super().__init__(raw=raw, service=service_or_shared(service), tls=tls, **options)
        self._watch()
        self._sendable = Watch(partial(_sp_library.sp_socket_when_sendable, self._handle))

    async def __aenter__(self) -> Self:
        """Return the socket."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the socket unless it is closed."""
        await self.close()

    async def close(self) -> bool:
        """Close the socket: endpoints and connections end, and coroutines that wait in it fail.

        This returns when what was sent before is delivered, or ``linger`` is over. It goes on when
        this is cancelled.

        Returns:
            False when it was closed before.
        """
        if self.is_closed:
            return False
        # Whatever waits for the delivery is a thread, for that long. All threads may be busy; a
        # close that waits for one is shielded, or cancelling would take it back.
        return await asyncio.shield(self._loop.run_in_executor(None, self._close))

    def _close(self) -> bool:
        """Close, on another thread. The reference to the socket keeps the handle meanwhile."""
        return closed(_sp_library.sp_socket_close(self._handle))

    async def send(self, data: Data) -> None:
        """Send a message, and wait while that is not possible: for a peer, or for room.

        Pair and push sockets wait, all others never do. Cancelled, it has not sent.

        Raises:
            SpClosedError: The socket is closed, also meanwhile.
            SpError: There is no question to answer (``WRONG_STATE``), or sockets of this pattern
                only receive (``NOT_SUPPORTED``).
        """
        encoded = encode(data)
        await self._turn()
        while not self._try_send(encoded):
            await self._sendable.wait()

    def send_nowait(self, data: Data) -> bool:
        """Send a message as :meth:`send` if that need not wait; False when it would have to."""
        return self._try_send(encode(data))

    async def send_raw(self, message: RawMessage) -> None:
        """Send a message with a header, as raw sockets do; else as :meth:`send`.

        Raises:
            SpError: The header is not what the pattern needs (``MALFORMED``).
        """
        box = RawBox(*message)
        await self._turn()
        while not sent(_sp_library.sp_socket_send_message(self._handle, box.message, 0)):
            await self._sendable.wait()

    async def receive_raw(self) -> RawMessage:
        """Receive a message with its header, as raw sockets do; else as :meth:`receive`."""
        await self._turn()
        while True:
            message = receive(self._native.receive, self._handle, 0, read=header_and_body)
            if message is not None:
                return message
            await self._receivable.wait()


class Context(SpContext, AsyncExchange):
    """One of several exchanges over a socket that answers, for coroutines.

    Each coroutine takes one. It keeps its socket open.
    """

    _socket: Socket

    def __init__(self, socket: Socket) -> None:
        """Make a context; sockets do so. Not for users."""
        super().__init__(socket)
        self._watch()

    @property
    def socket(self) -> Socket:
        """The socket of the context."""
        return self._socket


class RequestContext(AsyncRequest, Context):
    """One of several requests over a socket. Each coroutine takes one, and gets its own replies."""


class SurveyContext(AsyncSurvey, Context):
    """One of several surveys over a socket. Each coroutine takes one, and gets its own answers."""


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


class RequestSocket(AsyncRequest, Socket):
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


class SurveyorSocket(AsyncSurvey, Socket):
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
