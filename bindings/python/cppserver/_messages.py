"""The WebSocket of :mod:`cppserver.aio`."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from typing import Self

from ._bridge import Bridge
from ._errors import CppServerError, StateError, Status
from ._flow import Flow, FlowCallbacks, ended
from ._http import Request
from ._websocket import Message, Sendable, WebSocketConnection, WebSocketSession

_INTERNAL_ERROR = 1011


class WebSocket(Flow):
    """One WebSocket connection, for coroutines.

    Made by :func:`open_websocket` and :func:`start_websocket_server`. Iteration yields the messages
    until the connection ends. As an asynchronous context manager a WebSocket is closed on exit.

    Messages that came can be received after the end of the connection too. If that was no end in
    good order, the receive behind the last one raises its error.
    """

    def __init__(
        self,
        bridge: Bridge,
        loop: asyncio.AbstractEventLoop,
        connection: WebSocketConnection,
        limit: int,
        high_water: int,
    ) -> None:
        """Make the WebSocket of a connection. Not for users."""
        super().__init__(bridge, loop, connection, limit, high_water)
        self._socket = connection
        self._limit = limit
        self._messages: deque[tuple[Message, int]] = deque()  # With the memory they take.
        self._arrived = asyncio.Event()
        self._in_parts = asyncio.Lock()
        self._pings: dict[bytes, asyncio.Future[None]] = {}
        self._ping_count = 0
        self._request: Request | None = None

    def __aiter__(self) -> Self:
        """Return the WebSocket, which yields its messages."""
        return self

    async def __anext__(self) -> Message:
        """Return the next message."""
        if not await self._wait():
            raise StopAsyncIteration
        return self._take()

    # Receiving

    async def receive(self) -> Message:
        """Return the next message: a text as str, a binary one as bytes.

        Raises:
            NotConnectedError: The connection has ended, see :attr:`close_code`.
            CppServerError: The connection failed.
        """
        if not await self._wait():
            assert self._reason is not None
            raise ended(self._reason)
        return self._take()

    async def _wait(self) -> bool:
        """Wait for a message; False when the connection ended in good order."""
        while not self._messages:
            if self._failure is not None:
                raise self._failure
            if self._reason is not None:
                return False
            self._arrived.clear()
            await self._arrived.wait()
        return True

    def _take(self) -> Message:
        message, size = self._messages.popleft()
        self._caught_up += size
        self._make_room()
        return message

    # Sending

    async def send(self, data: Sendable) -> None:
        """Send a message: a str as text, everything else as a binary one.

        It leaves in the background; this waits while more than ``high_water`` bytes wait.

        Raises:
            NotConnectedError: The connection has ended.
            LimitError: The message exceeds the option ``send_limit``, which is off unless given.
            UnicodeEncodeError: The text has surrogates, which UTF-8 cannot express.
        """
        if self._in_parts.locked():
            async with self._in_parts:
                self._socket.send(data)
        else:
            self._socket.send(data)
        await self.drain()

    async def send_parts(self, parts: Iterable[Sendable] | AsyncIterable[Sendable]) -> None:
        """Send one message in parts, so that it need not be in memory as a whole.

        The first part decides whether it is a text. Other messages wait for the last part. If the
        parts end with an exception or this is cancelled, the message cannot be completed, and the
        connection is closed with the code 1011.

        Raises:
            NotConnectedError: The connection has ended.
            ArgumentError: The option ``send_policy`` is one that could drop a part.
            TypeError: A single message instead of its parts.
        """
        if isinstance(parts, str | bytes | bytearray | memoryview):
            raise TypeError(f"parts are several, not one {type(parts).__name__}")
        async with self._in_parts:
            begun = False
            try:
                async with aclosing(_iterate(parts)) as each:
                    async for part in each:
                        self._socket.send_part(part, last=False)
                        begun = True
                        await self.drain()
                if begun:
                    self._socket.send_part(b"", last=True)
            except BaseException:
                if begun:
                    self._fail()
                raise

    async def ping(self) -> float:
        """Ask the peer for a sign of life; return the seconds until it came.

        It comes behind the messages that the peer sent before: while these are not received, it
        may have to wait.

        Raises:
            CppServerError: The connection has ended.
        """
        self._ping_count += 1
        data = self._ping_count.to_bytes(8, "big")
        waiter: asyncio.Future[None] = self._loop.create_future()
        begin = self._loop.time()
        self._socket.ping(data)
        self._pings[data] = waiter
        try:
            await waiter
        finally:
            self._pings.pop(data, None)
        return self._loop.time() - begin

    # Topics

    def subscribe(self, topic: str) -> None:
        """Have what is published under a topic, as of :meth:`cppserver.WebSocketSession.subscribe`.

        Raises:
            StateError: This is a client's WebSocket.
        """
        self._session().subscribe(topic)

    def unsubscribe(self, topic: str) -> None:
        """End a subscription, as it was written; without one this does nothing.

        Raises:
            StateError: This is a client's WebSocket.
        """
        self._session().unsubscribe(topic)

    def publish(self, topic: str, data: Sendable) -> int:
        """Send a message to all others that have subscribed to a topic; return how many these are.

        It does not wait for them.

        Raises:
            StateError: This is a client's WebSocket.
        """
        return self._session().publish(topic, data)

    def _session(self) -> WebSocketSession:
        if isinstance(self._socket, WebSocketSession):
            return self._socket
        raise StateError(Status.INVALID_STATE, "state", "topics are of servers; this is a client")

    # End

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection after everything is sent; nothing the second time.

        Args:
            code: Why (RFC 6455 section 7.4), such as 1000, 1001 or 3000 to 4999.
            reason: More about it; up to 123 bytes of UTF-8 have room.

        Raises:
            ArgumentError: The code must not be sent.
        """
        self._socket.disconnect(code, reason)
        self._closing = True

    def _fail(self) -> None:
        self.close(_INTERNAL_ERROR)

    # State

    @property
    def connection(self) -> WebSocketConnection:
        """The connection beneath, for its counters and options. Do not send or receive with it."""
        return self._socket

    @property
    def request(self) -> Request | None:
        """What the client of a server asked for, with its path and its headers."""
        return self._request

    @property
    def close_code(self) -> int | None:
        """The code with which the peer ended the connection, 1005 if it told none.

        None before, and if the connection ended without a word of the peer.
        """
        return self._socket.close_code

    @property
    def close_reason(self) -> str:
        """The reason that the peer told together with :attr:`close_code`; often empty."""
        return self._socket.close_reason

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that both sides agreed on."""
        return self._socket.subprotocol

    # On the event loop

    def _deliver(self, message: tuple[Message, int]) -> None:
        self._fed += message[1]
        self._messages.append(message)
        self._arrived.set()
        self._make_room()

    def _make_room(self) -> None:
        if self._fed - self._caught_up <= self._limit // 2:
            self._resume()

    def _deliver_pong(self, data: bytes) -> None:
        if data not in self._pings:
            return
        # A pong answers the pings before it too (RFC 6455 section 5.5.3).
        for own, waiter in self._pings.items():
            if not waiter.done():
                waiter.set_result(None)
            if own == data:
                break

    def _deliver_end(self, error: CppServerError) -> None:
        for waiter in self._pings.values():
            if not waiter.done():
                waiter.set_exception(error)
        self._arrived.set()


async def _iterate(
    parts: Iterable[Sendable] | AsyncIterable[Sendable],
) -> AsyncGenerator[Sendable, None]:
    if isinstance(parts, AsyncIterable):
        async for part in parts:
            yield part
    else:
        for part in parts:
            yield part


class WebSocketCallbacks(FlowCallbacks, WebSocketConnection):
    """Callbacks that hand everything to a WebSocket."""

    def on_handshaked(self) -> None:
        self.open_flow()

    def on_received(self, data: Message) -> None:
        if self.flow is not None:
            size = sys.getsizeof(data)
            self.flow._push_received((data, size), size)

    def on_pong(self, data: bytes) -> None:
        flow = self.flow
        if flow is not None and flow._pings:
            flow._bridge.push(flow._deliver_pong, data)
