r"""Streams and datagrams for asyncio (and uvloop), served by the native I/O threads.

>>> async def echo(stream):
...     async for line in stream:
...         stream.write(line)
...         await stream.drain()
>>> async def main():
...     async with await cppserver.aio.start_server(echo, "127.0.0.1", 0) as server:
...         async with await cppserver.aio.connect("127.0.0.1", server.port) as stream:
...             stream.write(b"hello\n")
...             print(await stream.readline())

>>> async def echo_datagrams():
...     async with await cppserver.aio.open_datagrams(("127.0.0.1", 0)) as datagrams:
...         async for address, data, truncated in datagrams:
...             datagrams.send_to(address, data)

Encryption
----------
With a :class:`cppserver.TlsContext` as ``ssl`` the streams are encrypted. They begin when the
handshake is done; :attr:`Stream.tls` tells what it came to. A peer that closes without the end of
its TLS stream makes reads raise :class:`cppserver.TlsError` instead of returning the end.

Threads
-------
The sockets are served on the threads of a :class:`cppserver.Service`; by default all streams of
the process share a hidden one with one thread. What happens there is gathered and handed to the
event loop in batches, with one wake-up each. :class:`Stream`, :class:`Server` and
:class:`Datagrams` belong to the event loop that they were made on and are used there only.

Flow control
------------
:meth:`Stream.drain` waits while more than ``high_water`` bytes wait to be sent. On the reading side
a stream whose unread bytes exceed about sixteen times ``limit`` stops reading from its socket, so
that TCP itself makes the peer wait; no other stream does. It goes on once all but ``limit`` of the
bytes are read, or when a read needs more than there is. Until then it does not see the end of the
connection either, which lies behind the bytes, but its timeouts go on. So no stream breaks by being
read slowly, and the option ``receive_limit`` has nothing to limit here.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, Unpack

from ._address import Address
from ._datagrams import Datagram, DatagramClient, Datagrams, DatagramServer
from ._endpoint import Interface
from ._errors import CppServerError, StateError, Status, make_error
from ._options import ClientKeywords, DatagramClientKeywords, ServerKeywords
from ._server import Server as NativeServer
from ._server import Session
from ._service import Service
from ._ssl import SslClient, SslServer, SslSession
from ._stream import Bridge, Stream, StreamCallbacks, bridge_of
from ._tcp import TcpClient, TcpServer, TcpSession
from ._tls import TlsContext

__all__ = [
    "Datagram",
    "Datagrams",
    "Server",
    "Stream",
    "connect",
    "open_datagrams",
    "start_server",
]

DEFAULT_LIMIT = 64 * 1024
"""Bytes of a line, and half the bytes that a stream's buffer takes."""

DEFAULT_HIGH_WATER = 64 * 1024
"""Bytes waiting to be sent from which on :meth:`Stream.drain` waits."""

DEFAULT_DATAGRAM_LIMIT = 4 * 1024 * 1024
"""Bytes of datagrams that may wait to be received, each with 256 more than it has."""

_Handler = Callable[[Stream], Coroutine[Any, Any, object]]

_shared_lock = threading.Lock()
_shared_service: Service | None = None


def _service_or_shared(service: Service | None) -> Service:
    global _shared_service
    if service is not None:
        if not service.is_running:
            raise make_error(Status.INVALID_STATE, "state", "the service is not started")
        return service
    with _shared_lock:
        if _shared_service is None:
            _shared_service = Service()
        if not _shared_service.is_running:
            _shared_service.start()
        return _shared_service


def _after_fork() -> None:
    """Let a forked process make its own service."""
    global _shared_lock, _shared_service
    _shared_lock = threading.Lock()
    _shared_service = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class _TcpCallbacks(StreamCallbacks):
    def on_connected(self) -> None:
        self.open_stream()


class _SslCallbacks(StreamCallbacks):
    def on_handshaked(self) -> None:
        self.open_stream()


class _TcpStreamSession(_TcpCallbacks, TcpSession):
    """A session that feeds a stream."""


class _TcpStreamClient(_TcpCallbacks, TcpClient):
    """A client that feeds a stream."""


class _SslStreamSession(_SslCallbacks, SslSession):
    """A session that feeds an encrypted stream."""


class _SslStreamClient(_SslCallbacks, SslClient):
    """A client that feeds an encrypted stream."""


class _ServerCallbacks(NativeServer[Any]):
    """Callbacks of a server whose sessions feed streams."""

    front: Server | None = None

    def create_session(self) -> Session | None:
        front = self.front
        if front is None:
            return None
        session: _TcpStreamSession | _SslStreamSession = self.session_class(self)
        session.stream = front._make_stream(session)
        return session

    def on_started(self) -> None:
        front = self.front
        if front is not None:
            front._bridge.push(front._deliver_started, None)

    def on_stopped(self) -> None:
        front, self.front = self.front, None  # A cycle would outlive the server.
        if front is not None:
            front._bridge.push(front._deliver_stopped, None)

    def on_error(self, error: CppServerError) -> None:
        front = self.front
        if front is not None:
            front._bridge.push(front._deliver_error, error)


class _TcpStreamServer(_ServerCallbacks, TcpServer[_TcpStreamSession]):
    session_class = _TcpStreamSession


class _SslStreamServer(_ServerCallbacks, SslServer[_SslStreamSession]):
    session_class = _SslStreamSession


class Server:
    """Listens, and runs the handler in a task of its own for each connection.

    Made by :func:`start_server`. As an asynchronous context manager it is closed on exit.
    """

    def __init__(
        self,
        native: NativeServer[Any],
        bridge: Bridge,
        handler: _Handler,
        limit: int,
        high_water: int,
    ) -> None:
        """Make a server that is not started. Not for users."""
        self._native = native
        self._bridge = bridge
        self._loop = asyncio.get_running_loop()
        self._handler = handler
        self._limit = limit
        self._high_water = high_water
        self._tasks: set[asyncio.Task[None]] = set()
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._stopped: asyncio.Future[None] = self._loop.create_future()

    async def __aenter__(self) -> Self:
        """Return the server."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the server and wait for its end."""
        self.close()
        await self.wait_closed()

    @property
    def native(self) -> NativeServer[Any]:
        """The server beneath, for its counters, its options and ``multicast``."""
        return self._native

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self._native.port

    def is_serving(self) -> bool:
        """Whether the server listens."""
        return self._native.is_started

    def close(self) -> None:
        """Stop listening and close all connections: the handlers read the end of their streams."""
        try:
            self._native.stop()
        except StateError:
            pass  # It is closed, or its service is.

    async def wait_closed(self) -> None:
        """Wait until the server is closed and every handler has returned."""
        await asyncio.shield(self._stopped)
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def serve_forever(self) -> None:
        """Wait until the server is closed; close it when this is cancelled."""
        try:
            await self.wait_closed()
        finally:
            self.close()

    def _make_stream(self, session: StreamCallbacks) -> Stream:
        stream = Stream(self._bridge, self._loop, session, self._limit, self._high_water)
        stream._when_open = self._serve
        return stream

    def _serve(self, stream: Stream) -> None:
        task = self._loop.create_task(self._handle(stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handle(self, stream: Stream) -> None:
        try:
            await self._handler(stream)
        except asyncio.CancelledError:
            stream.abort()
            raise
        except Exception as exception:
            stream.abort()
            self._bridge.complain("the handler of a cppserver stream failed", exception)
        finally:
            stream.close()

    def _deliver_started(self, _: None) -> None:
        if not self._started.done():
            self._started.set_result(None)

    def _deliver_stopped(self, _: None) -> None:
        if not self._started.done():
            error = make_error(Status.INVALID_STATE, "state", "the server was stopped")
            self._started.set_exception(error)
        if not self._stopped.done():
            self._stopped.set_result(None)

    def _deliver_error(self, error: CppServerError) -> None:
        self._bridge.complain("a cppserver server met an error", error)


async def start_server(
    handler: _Handler,
    host: str,
    port: int,
    *,
    ssl: TlsContext | None = None,
    service: Service | None = None,
    limit: int = DEFAULT_LIMIT,
    high_water: int = DEFAULT_HIGH_WATER,
    **options: Unpack[ServerKeywords],
) -> Server:
    """Listen for connections, and run ``handler(stream)`` for each.

    A stream is closed when its handler returns, and aborted when it raises; the exception goes to
    the event loop's exception handler.

    Args:
        handler: Coroutine function that takes a :class:`Stream`.
        host: Numeric address or name of the interface; "::" and "0.0.0.0" stand for all.
        port: Port to listen on; 0 lets the system choose, see :attr:`Server.port`.
        ssl: Certificates and rules, for encrypted connections.
        service: A started service to run on, instead of the shared one.
        limit: Bytes that a line may have, and half the bytes that a stream's buffer takes.
        high_water: Bytes waiting to be sent from which on ``drain`` waits.
        **options: Options of :class:`cppserver.TcpServer`. ``send_limit`` is 0, unlimited, unless
            given.

    Raises:
        CppServerError: The address cannot be had, or an argument is not valid.
    """
    _check_sizes(limit, high_water)
    options.setdefault("send_limit", 0)
    native: _ServerCallbacks
    if ssl is None:
        native = _TcpStreamServer(_service_or_shared(service), host, port, **options)
    else:
        native = _SslStreamServer(_service_or_shared(service), ssl, host, port, **options)
    bridge = bridge_of(asyncio.get_running_loop())
    server = native.front = Server(native, bridge, handler, limit, high_water)
    try:
        native.start()
    except BaseException:
        native.front = None
        raise
    try:
        await server._started
    except BaseException:
        server.close()
        raise
    return server


async def connect(
    host: str,
    port: int,
    *,
    ssl: TlsContext | None = None,
    server_name: str | None = None,
    service: Service | None = None,
    local_address: tuple[str, int] | None = None,
    limit: int = DEFAULT_LIMIT,
    high_water: int = DEFAULT_HIGH_WATER,
    **options: Unpack[ClientKeywords],
) -> Stream:
    """Connect, shake hands if the connection is encrypted, and return the stream.

    Args:
        host: Name or numeric address of the server.
        port: Port of the server.
        ssl: Authorities and rules, for an encrypted connection.
        server_name: Name that the server's certificate has to be for, instead of the host.
        service: A started service to run on, instead of the shared one.
        local_address: Address and port of this side; by default the system chooses.
        limit: Bytes that a line may have, and half the bytes that the stream's buffer takes.
        high_water: Bytes waiting to be sent from which on ``drain`` waits.
        **options: Options of :class:`cppserver.TcpClient`. ``send_limit`` is 0, unlimited, unless
            given.

    Raises:
        CppServerError: The connection could not be made, or an argument is not valid.
        TypeError: There is a ``server_name`` without ``ssl``.
    """
    _check_sizes(limit, high_water)
    options.setdefault("send_limit", 0)
    client = _make_client(_service_or_shared(service), host, port, ssl, server_name, options)
    if local_address is not None:
        client.bind(*local_address)
    loop = asyncio.get_running_loop()
    stream = Stream(bridge_of(loop), loop, client, limit, high_water)
    stream._when_open = Stream._deliver_open
    client.stream = stream
    opened = stream._opened = loop.create_future()
    try:
        client.connect()
        await opened
    except BaseException:
        client.stream = None
        client.disconnect_now()
        raise
    return stream


def _make_client(
    service: Service,
    host: str,
    port: int,
    ssl: TlsContext | None,
    server_name: str | None,
    options: ClientKeywords,
) -> _TcpStreamClient | _SslStreamClient:
    if ssl is not None:
        return _SslStreamClient(service, ssl, host, port, server_name=server_name, **options)
    if server_name is not None:
        raise TypeError("a server_name is for encrypted streams: it needs ssl")
    return _TcpStreamClient(service, host, port, **options)


async def open_datagrams(
    local_address: Address | None = None,
    remote_address: tuple[str, int] | None = None,
    *,
    service: Service | None = None,
    limit: int = DEFAULT_DATAGRAM_LIMIT,
    high_water: int = DEFAULT_HIGH_WATER,
    multicast_interface: Interface = None,
    on_error: Callable[[CppServerError], object] | None = None,
    **options: Unpack[DatagramClientKeywords],
) -> Datagrams:
    """Open a UDP socket for datagrams.

    Args:
        local_address: Address and port of this side, as of :class:`cppserver.UdpServer`. It may be
            left out if there is a remote address.
        remote_address: Name or address of a server and its port: ``send`` sends there, and nobody
            else is heard, as with :class:`cppserver.UdpClient`. The local address has to be numeric
            then.
        service: A started service to run on, instead of the shared one.
        limit: Bytes of datagrams that may wait to be received, each with 256 more than it has; what
            comes beyond is dropped and counted in :attr:`Datagrams.dropped`.
        high_water: Bytes waiting to be sent from which on ``drain`` waits.
        multicast_interface: Interface on which multicasts leave.
        on_error: Called on the event loop with what fails later: a datagram could not be sent, or
            nobody took it. Without it ``receive`` raises the error if there is a remote address,
            and else nothing tells it, because the errors of one peer are nothing to the others.
        **options: Options of :class:`cppserver.UdpClient`; without a remote address those of
            :class:`cppserver.UdpServer`.

    Raises:
        CppServerError: The socket could not be opened, or an argument is not valid.
    """
    _check_sizes(limit, high_water)
    keywords: Any = {"multicast_interface": multicast_interface, **options}
    native: DatagramServer | DatagramClient
    if remote_address is not None:
        native = DatagramClient(_service_or_shared(service), *remote_address, **keywords)
        if local_address is not None:
            native.bind(*local_address)
    elif local_address is not None:
        native = DatagramServer(_service_or_shared(service), *local_address, **keywords)
    else:
        raise TypeError("datagrams need a local_address, a remote_address or both")
    bridge = bridge_of(asyncio.get_running_loop())
    datagrams = native.front = Datagrams(bridge, native, limit, high_water, on_error)
    try:
        native.open()
        await datagrams._opened
    except BaseException:
        native.front = None
        native.close()
        raise
    return datagrams


def _check_sizes(limit: int, high_water: int) -> None:
    for name, value in (("limit", limit), ("high_water", high_water)):
        if not isinstance(value, int):
            raise TypeError(f"{name} is an int, not {type(value).__name__}")
    if limit <= 0:
        raise ValueError(f"limit is a number of bytes from 1 on, not {limit}")
    if high_water < 0:
        raise ValueError(f"high_water is a number of bytes from 0 on, not {high_water}")
