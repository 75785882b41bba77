"""The stream of :mod:`cppserver.aio`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Self
from weakref import ref

from ._bridge import Bridge
from ._errors import CppServerError
from ._flow import Flow, FlowCallbacks
from ._session import Connection

_LIMITS_UNREAD = 16
"""How many times the limit may wait beside the reader's own buffer, before the peer has to."""


class Stream(Flow):
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
        super().__init__(bridge, loop, connection, _LIMITS_UNREAD * limit, high_water)
        self._full = False  # The reader has what it takes, as the event loop knows.
        self._reader = asyncio.StreamReader(limit, loop)
        self._reader.set_transport(_Tap(self))

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

    # On the event loop

    def _deliver(self, data: bytes) -> None:
        self._fed += len(data)
        self._reader.feed_data(data)  # Which may make it full.
        if not self._full:
            self._make_room()

    def _make_room(self) -> None:
        self._caught_up = self._fed
        self._resume()

    def _deliver_end(self, error: CppServerError) -> None:
        self._reader.feed_eof()


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
            stream._make_room()


class StreamCallbacks(FlowCallbacks):
    """Callbacks that hand everything to a stream."""

    def on_received(self, data: bytes) -> int | None:
        if self.flow is not None:
            self.flow._push_received(data, len(data))
        return None
