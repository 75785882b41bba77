"""What streams and WebSockets of :mod:`cppserver.aio` share: the way of one connection's data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from ._bridge import Bridge
from ._errors import CppServerError, NotConnectedError, Status, make_error
from ._options import Reason
from ._session import Connection
from ._ssl import SslConnection, TlsDetails

_FAILURES = (Reason.ERROR, Reason.TIMEOUT, Reason.LIMIT, Reason.TRUNCATED)
"""Reasons of a connection that did not end in good order."""


def ended(reason: Reason) -> CppServerError:
    """Return the error of a connection that ended for a reason without an error of its own."""
    if reason is Reason.TIMEOUT:
        return make_error(Status.TIMEOUT, "timeout", reason.text)
    if reason is Reason.LIMIT:
        return make_error(Status.LIMIT, "limit", reason.text)
    return make_error(Status.NOT_CONNECTED, "state", f"the connection has ended: {reason.text}")


class Flow:
    """One connection, for coroutines. As an asynchronous context manager it is closed on exit."""

    def __init__(
        self,
        bridge: Bridge,
        loop: asyncio.AbstractEventLoop,
        connection: Connection,
        unread_limit: int,
        high_water: int,
    ) -> None:
        """Take a connection, which has to wait when more than ``unread_limit`` bytes do."""
        self._bridge = bridge
        self._loop = loop
        self._connection = connection
        self._high_water = high_water
        self._unread_limit = unread_limit
        # The I/O thread writes these, the event loop reads them.
        self._received = 0
        self._error: CppServerError | None = None
        # The I/O thread sets it after a pause, and hears nothing until the event loop resets it.
        self._paused = False
        # The event loop writes these.
        self._fed = 0
        self._caught_up = 0  # How far whoever reads has come.
        self._closing = False
        self._draining: set[asyncio.Future[None]] = set()
        self._reason: Reason | None = None
        self._failure: CppServerError | None = None  # What reads raise at the end.
        self._when_open: Callable[[Any], None] | None = None
        self._opened: asyncio.Future[None] | None = None  # What connecting waits for.
        self._closed: asyncio.Future[None] = loop.create_future()

    async def __aenter__(self) -> Self:
        """Return the object itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection and wait for its end; after an exception as one that failed."""
        if kind is None:
            self.close()
        else:
            self._fail()
        await self.wait_closed()

    # Writing

    async def drain(self) -> None:
        """Wait until everything is written, if more than ``high_water`` bytes wait.

        Raises:
            CppServerError: The connection has ended.
        """
        if self._reason is not None:
            raise self._error or ended(self._reason)
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
        """Close the connection after everything is sent; nothing the second time."""
        self._closing = True
        self._connection.disconnect()

    def abort(self) -> None:
        """Close the connection and discard what is not sent; nothing the second time."""
        self._closing = True
        self._connection.disconnect_now()

    def is_closing(self) -> bool:
        """Whether the connection is closed or about to be."""
        return self._closing or not self._connection.is_connected

    async def wait_closed(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.shield(self._closed)

    def _fail(self) -> None:
        """Close the connection because the program on this side failed."""
        self.abort()

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
        """What the handshake came to, also after the end; None if it is not encrypted."""
        connection = self._connection
        return connection.tls if isinstance(connection, SslConnection) else None

    @property
    def reason(self) -> Reason | None:
        """Why the connection ended; None while it has not."""
        return self._reason

    # On an I/O thread

    def _push_received(self, data: Any, size: int) -> None:
        self._received += size
        if self._received - self._caught_up > self._unread_limit:
            # Before the data is on its way: whoever takes it finds the pause, and ends it.
            with suppress(NotConnectedError):
                self._connection.pause_reading()
                self._paused = True
        if not self._bridge.push(self._deliver, data):
            self._connection.disconnect_now()

    # On the event loop

    def _deliver(self, data: Any) -> None:
        """Take what was pushed, and add its size to what was fed."""
        raise NotImplementedError

    def _resume(self) -> None:
        """There is room: let the peer send again, unless there is more on the way."""
        if self._paused and self._received == self._fed:
            self._paused = False
            with suppress(NotConnectedError):
                self._connection.resume_reading()

    async def _open(self, client: Any) -> None:
        """Connect, and wait until data may flow."""
        self._when_open = type(self)._deliver_open
        client.flow = self
        opened = self._opened = self._loop.create_future()
        try:
            client.connect()
            await opened
        except BaseException:
            client.flow = None
            client.disconnect_now()
            raise

    def _deliver_open(self) -> None:
        if self._opened is not None and not self._opened.done():
            self._opened.set_result(None)

    def _deliver_empty(self, _: None) -> None:
        for waiter in self._draining:
            if not waiter.done():
                waiter.set_result(None)

    def _deliver_disconnected(self, reason: Reason) -> None:
        self._reason = reason
        error = self._error or ended(reason)
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(error)
        for waiter in self._draining:
            if not waiter.done():
                waiter.set_exception(error)
        if self._error is not None or reason in _FAILURES:
            self._failure = error
        self._deliver_end(error)
        if not self._closed.done():
            self._closed.set_result(None)

    def _deliver_end(self, error: CppServerError) -> None:
        """Tell whoever reads that nothing more comes."""
        raise NotImplementedError


class FlowCallbacks(Connection):
    """Callbacks that hand everything to a flow."""

    flow: Any = None

    def open_flow(self) -> None:
        """Announce that data may flow."""
        flow = self.flow
        if flow is not None:
            when_open, flow._when_open = flow._when_open, None
            if when_open is not None and flow._bridge.push(when_open, flow):
                return
        self.disconnect_now()

    def on_empty(self) -> None:
        flow = self.flow
        if flow is not None and flow._draining:
            flow._bridge.push(flow._deliver_empty, None)

    def on_error(self, error: CppServerError) -> None:
        if self.flow is not None:
            self.flow._error = error

    def on_disconnected(self, reason: Reason) -> None:
        flow, self.flow = self.flow, None  # A cycle would outlive the connection.
        if flow is not None:
            flow._bridge.push(flow._deliver_disconnected, reason)
