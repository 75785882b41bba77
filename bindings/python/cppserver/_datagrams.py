"""The datagrams of :mod:`cppserver.aio`: one UDP socket for coroutines."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from ._address import Address
from ._bridge import Bridge
from ._endpoint import Interface, UdpEndpoint
from ._errors import CppServerError, NotConnectedError, StateError, Status, make_error
from ._options import Reason
from ._udp import UdpClient, UdpServer

OVERHEAD = 256
"""Bytes that a datagram which waits to be received takes, beside its own."""

_ErrorHandler = Callable[[CppServerError], object]


class Datagram(NamedTuple):
    """A datagram that was received."""

    address: Address
    """Numeric address and port of the sender."""
    data: bytes
    truncated: bool
    """Whether it was longer than the option ``datagram_limit``."""


class Datagrams:
    """One UDP socket, for coroutines. Made by :func:`open_datagrams`.

    Iteration yields the datagrams, each as a :class:`Datagram`, and ends when the socket is closed.
    As an asynchronous context manager it is closed on exit.
    """

    def __init__(
        self,
        bridge: Bridge,
        native: _Callbacks,
        limit: int,
        high_water: int,
        on_error: _ErrorHandler | None,
    ) -> None:
        """Make the front of an endpoint that is not started. Not for users."""
        self._bridge = bridge
        self._loop = asyncio.get_running_loop()
        self._native = native
        self._limit = limit
        self._high_water = high_water
        self._on_error = on_error
        # The I/O thread appends and counts what it appended and what it dropped, the event loop
        # takes and counts what it took. No lock: each number has one writer.
        self._queue: deque[tuple[Address, bytes, bool]] = deque()
        self._appended = 0
        self._taken = 0
        self._dropped = 0
        # The event loop sets it when it waits for a datagram, the I/O thread resets it.
        self._listens = False
        self._arrived = asyncio.Event()
        self._error: CppServerError | None = None  # What the next receive() raises.
        self._reason: Reason | None = None
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._draining: set[asyncio.Future[None]] = set()
        self._changes: deque[asyncio.Future[None]] = deque()  # Of groups, in their order.

    async def __aenter__(self) -> Self:
        """Return the datagrams."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the socket and wait for its end."""
        self.close()
        await self.wait_closed()

    def __aiter__(self) -> Self:
        """Return the datagrams themselves."""
        return self

    async def __anext__(self) -> Datagram:
        """Return the next datagram."""
        try:
            return await self.receive()
        except NotConnectedError:
            if self._reason in (Reason.LOCAL, Reason.SERVICE_STOPPED):
                raise StopAsyncIteration from None
            raise

    # Receiving

    async def receive(self) -> Datagram:
        """Return the next datagram. What came before the end can be received after it.

        Raises:
            NotConnectedError: The socket is closed.
            CppServerError: Something failed, see :func:`open_datagrams`. Call again to go on.
        """
        while not self._queue:
            self._raise_error()
            # In this order: an I/O thread that appends after the second look sees the wish.
            self._arrived.clear()
            self._listens = True
            if not self._queue:
                await self._arrived.wait()
        return self._take()

    def receive_nowait(self) -> Datagram | None:
        """Return a datagram that has arrived already, or None.

        Raises:
            NotConnectedError: The socket is closed, and there is nothing left.
            CppServerError: Something failed, see :func:`open_datagrams`. Call again to go on.
        """
        if self._queue:
            return self._take()
        self._raise_error()
        return None

    def _take(self) -> Datagram:
        address, data, truncated = self._queue.popleft()
        self._taken += len(data) + OVERHEAD
        return Datagram(address, data, truncated)

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
        if self._reason is not None:
            raise _ended(self._reason)

    # Sending

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send a datagram to the remote address, or to the ``destination`` of :attr:`native`.

        It leaves in the background. Await :meth:`drain` after it to keep pace with the system.

        Raises:
            NotConnectedError: The socket is closed.
            ArgumentError: There are more than 65507 bytes, or there is no destination.
            LimitError: The datagram would exceed the option ``send_limit``; it is not sent.
        """
        self._native.send(data)

    def send_to(self, address: Address, data: bytes | bytearray | memoryview) -> None:
        """Send a datagram to a numeric address and a port, else as :meth:`send`."""
        self._native.send_to(address, data)

    async def drain(self) -> None:
        """Wait until everything has left, if more than ``high_water`` bytes wait.

        Raises:
            NotConnectedError: The socket is closed.
        """
        if self._reason is not None:
            raise _ended(self._reason)
        if self._native.bytes_pending <= self._high_water:
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        # In this order: an I/O thread that empties the queue after the second look sees the waiter.
        self._draining.add(waiter)
        try:
            if self._native.bytes_pending > self._high_water:
                await waiter
        finally:
            self._draining.discard(waiter)

    # Multicast

    async def join(
        self, group: str, *, source: str | None = None, interface: Interface = None
    ) -> None:
        """Join a multicast group. Its datagrams are received when this returns.

        Args:
            group: Numeric multicast address, such as "239.255.0.1" or "ff02::4242".
            source: Numeric address of the only sender to hear (RFC 4607), or None for any.
            interface: Name, index or IPv4 address of the interface; None: the system's choice.

        Raises:
            ArgumentError: That is no group, no source or no interface.
            NotConnectedError: The socket is closed.
            SystemCallError: The system refused, for example because the group is joined already.
        """
        self._native.join(group, source=source, interface=interface)
        await self._change()

    async def leave(
        self, group: str, *, source: str | None = None, interface: Interface = None
    ) -> None:
        """Leave a multicast group, with the arguments of the :meth:`join`.

        Raises:
            ArgumentError: That is no group, no source or no interface.
            NotConnectedError: The socket is closed.
            SystemCallError: The system refused, for example because the group is not joined.
        """
        self._native.leave(group, source=source, interface=interface)
        await self._change()

    async def _change(self) -> None:
        # The outcome is delivered on this thread, so it cannot have come yet.
        change: asyncio.Future[None] = self._loop.create_future()
        self._changes.append(change)
        await change

    # End

    def close(self) -> None:
        """Close the socket after everything that was sent has left; nothing the second time."""
        self._native.close()

    async def wait_closed(self) -> None:
        """Wait until the socket is closed."""
        await asyncio.shield(self._closed)

    # State

    @property
    def native(self) -> UdpEndpoint:
        """The endpoint beneath, for its counters, its options and its ``destination``.

        Use the methods of this object, not the ones beneath, to send, receive, join and leave.
        """
        return self._native

    @property
    def local_address(self) -> Address:
        """Numeric address and port of this side; NotConnectedError after the end."""
        return self._native.local_address

    @property
    def dropped(self) -> int:
        """Datagrams that came and were dropped, because the ones before were not received yet."""
        return self._dropped

    @property
    def reason(self) -> Reason | None:
        """Why the socket was closed; None while it is not."""
        return self._reason

    # On an I/O thread

    def _push_received(self, address: Address, data: bytes, truncated: bool) -> None:
        size = len(data) + OVERHEAD
        if self._appended - self._taken + size > self._limit:
            self._dropped += 1
            if self._bridge.is_closed():
                self._native.close()
            return
        self._appended += size
        self._queue.append((address, data, truncated))
        # A loop that is busy finds it without being woken.
        if self._listens:
            self._listens = False
            if not self._bridge.push(self._deliver_arrival, None):
                self._native.close()

    # On the event loop

    def _deliver_arrival(self, _: None) -> None:
        self._arrived.set()

    def _deliver_open(self, _: None) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def _deliver_empty(self, _: None) -> None:
        for waiter in self._draining:
            if not waiter.done():
                waiter.set_result(None)

    def _deliver_changed(self, _: None) -> None:
        self._end_change(None)

    def _end_change(self, error: CppServerError | None) -> None:
        """Tell the outcome of the oldest change of a group: they come in the order of the calls."""
        if not self._changes:
            return
        change = self._changes.popleft()
        if change.done():
            return  # Nobody waits for it any more.
        if error is None:
            change.set_result(None)
        else:
            change.set_exception(error)

    def _deliver_error(self, error: CppServerError) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)
        elif self._changes and _GROUP in error.message:
            self._end_change(error)
        elif self._on_error is not None:
            self._on_error(error)
        elif isinstance(self._native, UdpClient):
            self._error = error
            self._arrived.set()

    def _deliver_closed(self, reason: Reason) -> None:
        self._reason = reason
        error = _ended(reason)
        if not self._opened.done():
            self._opened.set_exception(error)
        for waiter in (*self._draining, *self._changes):
            if not waiter.done():
                waiter.set_exception(error)
        self._changes.clear()
        self._arrived.set()
        if not self._closed.done():
            self._closed.set_result(None)


_GROUP = "the group "
"""What only the errors about groups have in their messages."""


def _ended(reason: Reason) -> CppServerError:
    """Return the error of a socket that was closed."""
    return make_error(Status.NOT_CONNECTED, "state", f"the socket is closed: {reason.text}")


class _Callbacks(UdpEndpoint):
    """Callbacks that hand everything to datagrams."""

    front: Datagrams | None = None

    def open(self) -> None:
        """Open the socket."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the socket unless it is closed."""
        raise NotImplementedError

    def on_received(self, address: Address, data: bytes, truncated: bool) -> None:
        if self.front is not None:
            self.front._push_received(address, data, truncated)

    def on_empty(self) -> None:
        front = self.front
        if front is not None and front._draining:
            front._bridge.push(front._deliver_empty, None)

    def on_joined(self, group: str, source: str | None) -> None:
        if self.front is not None:
            self.front._bridge.push(self.front._deliver_changed, None)

    def on_left(self, group: str, source: str | None) -> None:
        if self.front is not None:
            self.front._bridge.push(self.front._deliver_changed, None)

    def on_error(self, error: CppServerError) -> None:
        if self.front is not None:
            self.front._bridge.push(self.front._deliver_error, error)

    def _push_open(self) -> None:
        front = self.front
        if front is None or not front._bridge.push(front._deliver_open, None):
            self.close()

    def _push_closed(self, reason: Reason) -> None:
        front, self.front = self.front, None  # A cycle would outlive the socket.
        if front is not None:
            front._bridge.push(front._deliver_closed, reason)


class DatagramServer(_Callbacks, UdpServer):
    """A server that feeds datagrams."""

    def open(self) -> None:
        """Open the socket."""
        self.start()

    def close(self) -> None:
        """Close the socket unless it is closed."""
        with suppress(StateError):
            self.stop()

    def on_started(self) -> None:
        self._push_open()

    def on_stopped(self, reason: Reason) -> None:
        self._push_closed(reason)


class DatagramClient(_Callbacks, UdpClient):
    """A client that feeds datagrams."""

    def open(self) -> None:
        """Open the socket."""
        self.connect()

    def close(self) -> None:
        """Close the socket unless it is closed."""
        self.disconnect()

    def on_connected(self) -> None:
        self._push_open()

    def on_disconnected(self, reason: Reason) -> None:
        self._push_closed(reason)
