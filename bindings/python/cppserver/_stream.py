"""The stream of :mod:`cppserver.aio`, and the way from the I/O threads to the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary, ref

from ._errors import CppServerError, NotConnectedError, Status, make_error
from ._options import Reason
from ._session import Connection
from ._ssl import SslConnection, TlsDetails

_LIMITS_UNREAD = 16
"""How many times the limit may wait beside the reader's own buffer, before the peer has to."""


class Bridge:
    """Carries what happens on I/O threads to one event loop, in batches."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)
        self._lock = threading.Lock()
        self._batch: list[tuple[Callable[[Any], None], Any]] = []
        self._scheduled = False

    def push(self, function: Callable[[Any], None], argument: Any) -> bool:
        """Have ``function(argument)`` called on the event loop; False when the loop is closed."""
        loop = self._loop()
        with self._lock:
            self._batch.append((function, argument))
            wakes, self._scheduled = not self._scheduled, True
        # A loop may be closed with a wake-up that it never follows.
        if loop is not None and not loop.is_closed():
            try:
                if wakes:
                    loop.call_soon_threadsafe(self._run)
                return True
            except RuntimeError:
                pass  # It was closed right now.
        with self._lock:
            self._batch.clear()
            self._scheduled = False
        return False

    def is_closed(self) -> bool:
        """Whether the event loop is closed. On any thread."""
        loop = self._loop()
        return loop is None or loop.is_closed()

    def _run(self) -> None:
        with self._lock:
            batch, self._batch = self._batch, []
            self._scheduled = False
        for function, argument in batch:
            try:
                function(argument)
            except Exception as exception:
                self.complain("cppserver could not deliver to the event loop", exception)

    def complain(self, message: str, exception: BaseException) -> None:
        """Report an exception that has no other place to go. On the event loop only."""
        loop = self._loop()
        if loop is not None:
            loop.call_exception_handler({"message": message, "exception": exception})


_bridges: WeakKeyDictionary[asyncio.AbstractEventLoop, Bridge] = WeakKeyDictionary()


def bridge_of(loop: asyncio.AbstractEventLoop) -> Bridge:
    """Return the bridge to an event loop; all streams of the loop share it."""
    bridge = _bridges.get(loop)
    if bridge is None:
        bridge = _bridges[loop] = Bridge(loop)
    return bridge


_FAILURES = (Reason.ERROR, Reason.TIMEOUT, Reason.LIMIT, Reason.TRUNCATED)
"""Reasons of a connection that did not end in good order."""


def _ended(reason: Reason) -> CppServerError:
    """Return the error of a connection that ended for a reason without an error of its own."""
    if reason is Reason.TIMEOUT:
        return make_error(Status.TIMEOUT, "timeout", reason.text)
    if reason is Reason.LIMIT:
        return make_error(Status.LIMIT, "limit", reason.text)
    return make_error(Status.NOT_CONNECTED, "state", f"the connection has ended: {reason.text}")


class Stream:
    """One connection, for coroutines. Made by :func:`connect` and :func:`start_server`.

    The reading methods are those of :class:`asyncio.StreamReader`, and the writing methods those of
    :class:`asyncio.StreamWriter`. Iteration yields lines. As an asynchronous context manager a
    stream is closed on exit.

    Everything that came can be read, also after the end of the connection. If that was no end in
    good order, the read that finds too little raises its error; the error's cause is an
    :class:`asyncio.IncompleteReadError`, whose ``partial`` is what there was.
    """

    def __init__(
        self,
        bridge: Bridge,
        loop: asyncio.AbstractEventLoop,
        connection: Connection,
        limit: int,
        high_water: int,
    ) -> None:
        """Make the stream of a connection. Not for users."""
        self._bridge = bridge
        self._loop = loop
        self._connection = connection
        self._high_water = high_water
        self._unread_limit = _LIMITS_UNREAD * limit
        # The I/O thread writes these, the event loop reads them.
        self._received = 0
        self._error: CppServerError | None = None
        # The I/O thread sets it after a pause, and hears nothing until the event loop resets it.
        self._paused = False
        # The event loop writes these.
        self._fed = 0
        self._caught_up = 0  # What was fed when the reader last had room.
        self._full = False
        self._closing = False
        self._draining: set[asyncio.Future[None]] = set()
        self._reason: Reason | None = None
        self._failure: CppServerError | None = None  # What reads raise at the end.
        self._reader = asyncio.StreamReader(limit, loop)
        self._reader.set_transport(_Tap(self))
        self._when_open: Callable[[Stream], None] | None = None
        self._opened: asyncio.Future[None] | None = None  # What connect() waits for.
        self._closed: asyncio.Future[None] = loop.create_future()

    async def __aenter__(self) -> Self:
        """Return the stream."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the stream and wait for its end; discard what is unsent if an exception came."""
        if kind is None:
            self.close()
        else:
            self.abort()
        await self.wait_closed()

    def __aiter__(self) -> Self:
        """Return the stream, which yields its lines."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next line with its line feed; the last one may lack it."""
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line

    # Reading

    async def read(self, count: int = -1) -> bytes:
        """Return up to ``count`` bytes, at least one; all until the end if -1; b"" at the end.

        Raises:
            CppServerError: The connection failed, and there is nothing left to return.
        """
        data = await self._reader.read(count)
        if count < 0 or (count > 0 and not data):
            self._raise_failure(data)
        return data

    async def readexactly(self, count: int) -> bytes:
        """Return ``count`` bytes.

        Raises:
            asyncio.IncompleteReadError: The stream ended before; ``partial`` is what there was.
            CppServerError: The connection failed before.
        """
        try:
            return await self._reader.readexactly(count)
        except asyncio.IncompleteReadError as incomplete:
            self._raise_failure(incomplete.partial)
            raise

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """Return the bytes up to the separator and with it.

        Raises:
            asyncio.IncompleteReadError: The stream ended before; ``partial`` is what there was.
            asyncio.LimitOverrunError: There is no separator within the limit.
            CppServerError: The connection failed before.
        """
        try:
            return await self._reader.readuntil(separator)
        except asyncio.IncompleteReadError as incomplete:
            self._raise_failure(incomplete.partial)
            raise

    async def readline(self) -> bytes:
        """Return a line with its line feed, which the last one may lack; b"" at the end.

        Raises:
            ValueError: The line is longer than the limit.
            CppServerError: The connection failed before the end of the line.
        """
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            self._raise_failure(line)
        return line

    def at_eof(self) -> bool:
        """Whether the stream ended and everything was read."""
        return self._reader.at_eof()

    def _raise_failure(self, partial: bytes) -> None:
        """Raise the error that the connection ended with, if there is one."""
        if self._failure is not None:
            raise self._failure from asyncio.IncompleteReadError(partial, None)

    # Writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes in the background. Await :meth:`drain` after it to keep pace with the peer.

        Raises:
            NotConnectedError: The stream is closed.
            LimitError: The bytes exceed the option ``send_limit``, which is off unless it is given.
        """
        self._connection.send(data)

    def writelines(self, lines: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send the pieces one after another as one write."""
        self._connection.send(b"".join(lines))

    async def drain(self) -> None:
        """Wait until everything is written, if more than ``high_water`` bytes wait.

        Raises:
            CppServerError: The connection has ended.
        """
        if self._reason is not None:
            raise self._error or _ended(self._reason)
        if self._connection.bytes_pending <= self._high_water:
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        # In this order: an I/O thread that empties the queue after the second look sees the waiter.
        self._draining.add(waiter)
        try:
            if (
                self._connection.bytes_pending > self._high_water
                or not self._connection.is_connected
            ):
                await waiter
        finally:
            self._draining.discard(waiter)

    def close(self) -> None:
        """Close the stream after everything that was written is sent; nothing the second time."""
        self._closing = True
        self._connection.disconnect()

    def abort(self) -> None:
        """Close the stream and discard what is not sent; nothing the second time."""
        self._closing = True
        self._connection.disconnect_now()

    def is_closing(self) -> bool:
        """Whether the stream is closed or about to be."""
        return self._closing or not self._connection.is_connected

    async def wait_closed(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.shield(self._closed)

    # State

    @property
    def connection(self) -> Connection:
        """The connection beneath, for its counters and options. Do not send or receive with it."""
        return self._connection

    @property
    def peer_address(self) -> tuple[str, int]:
        """Numeric address and port of the peer, also after the end."""
        return self._connection.peer_address

    @property
    def local_address(self) -> tuple[str, int]:
        """Numeric address and port of this side; NotConnectedError after the end."""
        return self._connection.local_address

    @property
    def tls(self) -> TlsDetails | None:
        """What the handshake came to, also after the end; None if the stream is not encrypted."""
        connection = self._connection
        return connection.tls if isinstance(connection, SslConnection) else None

    @property
    def reason(self) -> Reason | None:
        """Why the connection ended; None while it has not."""
        return self._reason

    # On an I/O thread

    def _push_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received - self._caught_up > self._unread_limit:
            # Before the data is on its way: whoever takes it finds the pause, and ends it.
            with suppress(NotConnectedError):
                self._connection.pause_reading()
                self._paused = True
        if not self._bridge.push(self._deliver, data):
            self._connection.disconnect_now()

    # On the event loop

    def _deliver(self, data: bytes) -> None:
        self._fed += len(data)
        self._reader.feed_data(data)  # Which may make it full.
        if not self._full:
            self._catch_up()

    def _catch_up(self) -> None:
        """The reader has room: let the peer send again, unless there is more on the way."""
        self._caught_up = self._fed
        if self._paused and self._received == self._fed:
            self._paused = False
            with suppress(NotConnectedError):
                self._connection.resume_reading()

    def _deliver_open(self) -> None:
        if self._opened is not None and not self._opened.done():
            self._opened.set_result(None)

    def _deliver_empty(self, _: None) -> None:
        for waiter in self._draining:
            if not waiter.done():
                waiter.set_result(None)

    def _deliver_disconnected(self, reason: Reason) -> None:
        self._reason = reason
        error = self._error or _ended(reason)
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(error)
        for waiter in self._draining:
            if not waiter.done():
                waiter.set_exception(error)
        if self._error is not None or reason in _FAILURES:
            self._failure = error
        self._reader.feed_eof()
        if not self._closed.done():
            self._closed.set_result(None)


class _Tap(asyncio.ReadTransport):
    """What a StreamReader takes for its transport: it turns the tap of a stream."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = ref(stream)

    def pause_reading(self) -> None:
        stream = self._stream()
        if stream is not None:
            stream._full = True

    def resume_reading(self) -> None:
        stream = self._stream()
        if stream is not None:
            stream._full = False
            stream._catch_up()


class StreamCallbacks(Connection):
    """Callbacks that hand everything to a stream."""

    stream: Stream | None = None

    def open_stream(self) -> None:
        """Announce that bytes may flow."""
        stream = self.stream
        if stream is not None:
            when_open, stream._when_open = stream._when_open, None
            if when_open is not None and stream._bridge.push(when_open, stream):
                return
        self.disconnect_now()

    def on_received(self, data: bytes) -> int | None:
        if self.stream is not None:
            self.stream._push_received(data)
        return None

    def on_empty(self) -> None:
        stream = self.stream
        if stream is not None and stream._draining:
            stream._bridge.push(stream._deliver_empty, None)

    def on_error(self, error: CppServerError) -> None:
        if self.stream is not None:
            self.stream._error = error

    def on_disconnected(self, reason: Reason) -> None:
        stream, self.stream = self.stream, None  # A cycle would outlive the connection.
        if stream is not None:
            stream._bridge.push(stream._deliver_disconnected, reason)
