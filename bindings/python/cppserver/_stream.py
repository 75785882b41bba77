"""The stream of :mod:`cppserver.aio`, and the way from the I/O threads to the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary, ref

from ._errors import CppServerError, Status, make_error
from ._options import Reason
from ._session import Connection
from ._ssl import SslConnection, TlsDetails

_PATIENCE = 0.1
"""Longest time in seconds that an I/O thread waits for a reader at once."""


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

    def _run(self) -> None:
        with self._lock:
            batch, self._batch = self._batch, []
            self._scheduled = False
        for function, argument in batch:
            try:
                function(argument)
            except Exception as exception:
                self.complain("cppserver could not deliver to a stream", exception)

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
    """

    def __init__(
        self,
        bridge: Bridge,
        loop: asyncio.AbstractEventLoop,
        connection: Connection,
        limit: int,
        high_water: int,
        receive_limit: int,
    ) -> None:
        """Make the stream of a connection. Not for users."""
        self._bridge = bridge
        self._loop = loop
        self._connection = connection
        self._high_water = high_water
        self._receive_limit = receive_limit
        self._patient_limit = 16 * limit
        # The I/O thread writes these, the event loop reads them.
        self._received = 0
        self._error: CppServerError | None = None
        self._stuck_at = -1
        # The event loop writes these.
        self._fed = 0
        self._held: deque[bytes] = deque()
        self._paused = False
        self._closing = False
        self._draining: set[asyncio.Future[None]] = set()
        self._relief = threading.Event()
        self._reason: Reason | None = None
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
        """Return up to ``count`` bytes, at least one; all until the end if -1; b"" at the end."""
        return await self._reader.read(count)

    async def readexactly(self, count: int) -> bytes:
        """Return ``count`` bytes.

        Raises:
            asyncio.IncompleteReadError: The stream ended before; ``partial`` is what there was.
        """
        return await self._reader.readexactly(count)

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """Return the bytes up to the separator and with it.

        Raises:
            asyncio.IncompleteReadError: The stream ended before; ``partial`` is what there was.
            asyncio.LimitOverrunError: There is no separator within the limit.
        """
        return await self._reader.readuntil(separator)

    async def readline(self) -> bytes:
        """Return a line with its line feed, which the last one may lack; b"" at the end.

        Raises:
            ValueError: The line is longer than the limit.
        """
        return await self._reader.readline()

    def at_eof(self) -> bool:
        """Whether the stream ended and everything was read."""
        return self._reader.at_eof()

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
        if not self._bridge.push(self._deliver, data):
            self._connection.disconnect_now()
            return
        unread = self._received - self._fed
        if self._receive_limit and unread > self._receive_limit:
            text = f"{unread} received bytes were not read, the limit is {self._receive_limit}"
            self._error = make_error(Status.LIMIT, "limit", text)
            self._connection.disconnect_now()
        elif unread > self._patient_limit:
            self._wait_for_reader()

    def _wait_for_reader(self) -> None:
        """Wait for a reader that has made progress since the last wait, and not for long.

        The library has no way to stop reading from one socket, so this holds up its whole thread.
        """
        fed = self._fed
        if fed == self._stuck_at:
            return
        self._relief.clear()
        if self._received - self._fed > self._patient_limit:
            self._relief.wait(_PATIENCE)
        if self._fed == fed:
            self._stuck_at = fed

    # On the event loop

    def _deliver(self, data: bytes) -> None:
        self._held.append(data)
        self._feed()

    def _feed(self) -> None:
        """Give the reader what is held, until its buffer is full; then the end, if it came."""
        while self._held and not self._paused:
            data = self._held.popleft()
            self._fed += len(data)
            self._reader.feed_data(data)
        if not self._relief.is_set() and self._received - self._fed <= self._patient_limit:
            self._relief.set()
        if self._reason is None or self._held:
            return
        if self._error is not None:
            self._reader.set_exception(self._error)
        elif self._reason in (Reason.ERROR, Reason.TIMEOUT, Reason.LIMIT, Reason.TRUNCATED):
            self._reader.set_exception(_ended(self._reason))
        self._reader.feed_eof()

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
        self._feed()
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
            stream._paused = True

    def resume_reading(self) -> None:
        stream = self._stream()
        if stream is not None:
            stream._paused = False
            # Not at once: the reader calls this amid its own bookkeeping.
            stream._loop.call_soon(stream._feed)


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
