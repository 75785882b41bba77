r"""Streams, WebSockets, datagrams and sockets of patterns for asyncio (and uvloop).

>>> async def echo(stream):
...     async for line in stream:
...         stream.write(line)
...         await stream.drain()
>>> async def main():
...     async with await cppserver.aio.start_server(echo, "127.0.0.1", 0) as server:
...         async with await cppserver.aio.connect("127.0.0.1", server.port) as stream:
...             stream.write(b"hello\n")
...             print(await stream.readline())

>>> async def echo_messages(websocket):
...     async for message in websocket:
...         await websocket.send(message)
>>> async def converse():
...     server = await cppserver.aio.start_websocket_server(echo_messages, "127.0.0.1", 0)
...     uri = f"ws://127.0.0.1:{server.port}/chat"
...     async with server, await cppserver.aio.open_websocket(uri) as websocket:
...         await websocket.send("hello")
...         print(await websocket.receive())

>>> async def echo_datagrams():
...     async with await cppserver.aio.open_datagrams(("127.0.0.1", 0)) as datagrams:
...         async for address, data, truncated in datagrams:
...             datagrams.send_to(address, data)

>>> async def ask():
...     async with cppserver.aio.RequestSocket() as socket:
...         socket.dial("tcp://127.0.0.1:5555")
...         async with asyncio.timeout(10):
...             print(await socket.request(b"what is the answer?"))

Encryption
----------
With a :class:`cppserver.TlsContext` as ``ssl`` the streams are encrypted. They begin when the
handshake is done; :attr:`Stream.tls` tells what it came to. A peer that closes without the end of
its TLS stream makes reads raise :class:`cppserver.TlsError` instead of returning the end. The
WebSockets of "wss://" addresses are encrypted in the same way.

Threads
-------
Everything is served on the threads of a :class:`cppserver.Service`; by default all streams of
the process share a hidden one with one thread. What happens there is gathered and handed to the
event loop in batches, with one wake-up each. :class:`Stream`, :class:`WebSocket`, :class:`Server`,
:class:`Datagrams` and :class:`Socket` belong to the event loop that they were made on and are used
there only.

Sockets of the scalability protocols
------------------------------------
:class:`RequestSocket` and the others are those of :mod:`cppserver.nano`, with ``send`` and
``receive`` to be awaited. Messages stay in the library until they are received, so a receive that
is cancelled loses none, and a peer has to wait while nobody receives.

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
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Unpack

from ._address import Address
from ._bridge import bridge_of
from ._datagrams import Datagram, DatagramClient, Datagrams, DatagramServer
from ._endpoint import Interface
from ._errors import CppServerError, HandlerError
from ._flow_server import Server, ServerCallbacks
from ._http import Request, Response
from ._messages import WebSocket, WebSocketCallbacks
from ._options import (
    ClientKeywords,
    DatagramClientKeywords,
    ServerKeywords,
    WebSocketClientKeywords,
    WebSocketServerKeywords,
)
from ._service import Service
from ._shared import service_or_shared
from ._sp_aio import (
    BusSocket,
    Context,
    PairSocket,
    PublisherSocket,
    PullSocket,
    PushSocket,
    ReplySocket,
    RequestContext,
    RequestSocket,
    RespondentSocket,
    Socket,
    SubscriberSocket,
    SurveyContext,
    SurveyorSocket,
)
from ._ssl import SslClient, SslServer, SslSession
from ._stream import Stream, StreamCallbacks
from ._tcp import TcpClient, TcpServer, TcpSession
from ._tls import TlsContext
from ._unix import Path, UnixClient, UnixServer, UnixSession
from ._websocket import WebSocketClient, WebSocketServer, WebSocketSession
from ._websocket_ssl import WebSocketSslClient, WebSocketSslServer, WebSocketSslSession

__all__ = [
    "BusSocket",
    "Context",
    "Datagram",
    "Datagrams",
    "PairSocket",
    "PublisherSocket",
    "PullSocket",
    "PushSocket",
    "ReplySocket",
    "RequestContext",
    "RequestSocket",
    "RespondentSocket",
    "Server",
    "Socket",
    "Stream",
    "SubscriberSocket",
    "SurveyContext",
    "SurveyorSocket",
    "WebSocket",
    "connect",
    "connect_unix",
    "open_datagrams",
    "open_websocket",
    "start_server",
    "start_unix_server",
    "start_websocket_server",
]

DEFAULT_LIMIT = 64 * 1024
"""Bytes of a line, and half the bytes that a stream's buffer takes."""

DEFAULT_HIGH_WATER = 64 * 1024
"""Bytes waiting to be sent from which on :meth:`Stream.drain` waits."""

DEFAULT_UNREAD_LIMIT = 1024 * 1024
"""Bytes of memory that messages may take until they are received, before the peer has to wait."""

DEFAULT_DATAGRAM_LIMIT = 4 * 1024 * 1024
"""Bytes of datagrams that may wait to be received, each with 256 more than it has."""

_Handler = Callable[[Stream], Coroutine[Any, Any, object]]
_WebSocketHandler = Callable[[WebSocket], Coroutine[Any, Any, object]]
_Answer = Callable[[Request, Response], object]

_NEEDS_SSL = "a server_name is for encrypted connections: it needs ssl"


class _TcpCallbacks(StreamCallbacks):
    def on_connected(self) -> None:
        self.open_flow()


class _SslCallbacks(StreamCallbacks):
    def on_handshaked(self) -> None:
        self.open_flow()


class _TcpStreamSession(_TcpCallbacks, TcpSession):
    """A session that feeds a stream."""


class _TcpStreamClient(_TcpCallbacks, TcpClient):
    """A client that feeds a stream."""


class _SslStreamSession(_SslCallbacks, SslSession):
    """A session that feeds an encrypted stream."""


class _SslStreamClient(_SslCallbacks, SslClient):
    """A client that feeds an encrypted stream."""


class _TcpStreamServer(ServerCallbacks, TcpServer[_TcpStreamSession]):
    session_class = _TcpStreamSession


class _SslStreamServer(ServerCallbacks, SslServer[_SslStreamSession]):
    session_class = _SslStreamSession


class _UnixStreamSession(_TcpCallbacks, UnixSession):
    """A session on a Unix domain socket that feeds a stream."""


class _UnixStreamClient(_TcpCallbacks, UnixClient):
    """A client on a Unix domain socket that feeds a stream."""


class _UnixStreamServer(ServerCallbacks, UnixServer[_UnixStreamSession]):
    session_class = _UnixStreamSession


class _WebSocketSession(WebSocketCallbacks, WebSocketSession):
    """A session that feeds a WebSocket."""

    def on_handshake(self, request: Request, response: Response) -> None:
        if self.flow is not None:
            self.flow._request = request
        self.server.handshake(request, response)

    def on_request(self, request: Request, response: Response) -> None:
        self.server.request(request, response)

    def on_error(self, error: CppServerError) -> None:
        if isinstance(error, HandlerError):
            # There is no task that could be told: the connection is not open.
            self.server.on_error(error)
        super().on_error(error)


class _WebSocketSslSession(_WebSocketSession, WebSocketSslSession):
    """A session that feeds an encrypted WebSocket."""


class _WebSocketClient(WebSocketCallbacks, WebSocketClient):
    """A client that feeds a WebSocket."""


class _WebSocketSslClient(WebSocketCallbacks, WebSocketSslClient):
    """A client that feeds an encrypted WebSocket."""


def _leave(request: Request, response: Response) -> None:
    """Leave an answer as it is."""


class _AnsweringServer(ServerCallbacks):
    handshake: _Answer = staticmethod(_leave)
    request: _Answer = staticmethod(_leave)


class _WebSocketServer(_AnsweringServer, WebSocketServer[_WebSocketSession]):
    session_class = _WebSocketSession


class _WebSocketSslServer(_AnsweringServer, WebSocketSslServer[_WebSocketSslSession]):
    session_class = _WebSocketSslSession


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
    native: ServerCallbacks
    if ssl is None:
        native = _TcpStreamServer(service_or_shared(service), host, port, **options)
    else:
        native = _SslStreamServer(service_or_shared(service), ssl, host, port, **options)
    server: Server = Server(native, handler, Stream, limit, high_water)
    await server._start(native)
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
    client = _make_client(service_or_shared(service), host, port, ssl, server_name, options)
    if local_address is not None:
        client.bind(*local_address)
    loop = asyncio.get_running_loop()
    stream = Stream(bridge_of(loop), loop, client, limit, high_water)
    await stream._open(client)
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
        raise TypeError(_NEEDS_SSL)
    return _TcpStreamClient(service, host, port, **options)


async def start_unix_server(
    handler: _Handler,
    path: Path,
    *,
    mode: int | None = None,
    service: Service | None = None,
    limit: int = DEFAULT_LIMIT,
    high_water: int = DEFAULT_HIGH_WATER,
    **options: Unpack[ServerKeywords],
) -> Server[UnixServer[Any]]:
    """Listen on a Unix domain socket, and run ``handler(stream)`` for each connection.

    Args:
        handler: As of :func:`start_server`.
        path: As of :class:`cppserver.UnixServer`.
        mode: Permissions of the file, such as 0o660; by default what the umask leaves.
        service: As of :func:`start_server`.
        limit: As of :func:`start_server`.
        high_water: As of :func:`start_server`.
        **options: As of :func:`start_server`.

    Raises:
        CppServerError: The path cannot be had, or an argument is not valid.
    """
    _check_sizes(limit, high_water)
    options.setdefault("send_limit", 0)
    native = _UnixStreamServer(service_or_shared(service), path, mode=mode, **options)
    server: Server[UnixServer[Any]] = Server(native, handler, Stream, limit, high_water)
    await server._start(native)
    return server


async def connect_unix(
    path: Path,
    *,
    service: Service | None = None,
    limit: int = DEFAULT_LIMIT,
    high_water: int = DEFAULT_HIGH_WATER,
    **options: Unpack[ClientKeywords],
) -> Stream:
    """Connect to a Unix domain socket and return the stream.

    Args:
        path: As of :class:`cppserver.UnixServer`.
        service: As of :func:`connect`.
        limit: As of :func:`connect`.
        high_water: As of :func:`connect`.
        **options: As of :func:`connect`.

    Raises:
        CppServerError: The connection could not be made, or an argument is not valid.
    """
    _check_sizes(limit, high_water)
    options.setdefault("send_limit", 0)
    client = _UnixStreamClient(service_or_shared(service), path, **options)
    loop = asyncio.get_running_loop()
    stream = Stream(bridge_of(loop), loop, client, limit, high_water)
    await stream._open(client)
    return stream


async def start_websocket_server(
    handler: _WebSocketHandler,
    host: str,
    port: int,
    *,
    ssl: TlsContext | None = None,
    on_handshake: _Answer | None = None,
    on_request: _Answer | None = None,
    service: Service | None = None,
    limit: int = DEFAULT_UNREAD_LIMIT,
    high_water: int = DEFAULT_HIGH_WATER,
    **options: Unpack[WebSocketServerKeywords],
) -> Server[WebSocketServer[Any]]:
    """Listen for WebSocket connections, and run ``handler(websocket)`` for each.

    A WebSocket is closed when its handler returns. When it raises, it is closed with the code 1011,
    and the exception goes to the event loop's exception handler.

    Args:
        handler: Coroutine function that takes a :class:`WebSocket`. Its :attr:`WebSocket.request`
            tells the path.
        host: Numeric address or name of the interface; "::" and "0.0.0.0" stand for all.
        port: Port to listen on; 0 lets the system choose, see :attr:`Server.port`.
        ssl: Certificates and rules, for encrypted connections.
        on_handshake: As :meth:`cppserver.WebSocketSession.on_handshake`: called with the request
            for a connection and the response, on an I/O thread, where it must not wait nor touch
            the event loop. What it raises refuses the connection, and goes to the event loop's
            exception handler.
        on_request: As :meth:`cppserver.WebSocketSession.on_request`, in the same way.
        service: A started service to run on, instead of the shared one.
        limit: Bytes of memory that messages may take until they are received, before the peer has
            to wait.
        high_water: Bytes waiting to be sent from which on ``send`` waits.
        **options: Options of :class:`cppserver.WebSocketServer`. ``send_limit`` is 0, unlimited,
            unless given.

    Raises:
        CppServerError: The address cannot be had, or an argument is not valid.
    """
    _check_sizes(limit, high_water)
    keywords: WebSocketServerKeywords = {"send_limit": 0, **options, "control_frames": True}
    native: _WebSocketServer | _WebSocketSslServer
    if ssl is None:
        native = _WebSocketServer(service_or_shared(service), host, port, **keywords)
    else:
        native = _WebSocketSslServer(service_or_shared(service), ssl, host, port, **keywords)
    if on_handshake is not None:
        native.handshake = on_handshake
    if on_request is not None:
        native.request = on_request
    server: Server[WebSocketServer[Any]] = Server(native, handler, WebSocket, limit, high_water)
    await server._start(native)
    return server


async def open_websocket(
    uri: str,
    *,
    ssl: TlsContext | None = None,
    server_name: str | None = None,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    subprotocols: Iterable[str] = (),
    service: Service | None = None,
    local_address: tuple[str, int] | None = None,
    limit: int = DEFAULT_UNREAD_LIMIT,
    high_water: int = DEFAULT_HIGH_WATER,
    **options: Unpack[WebSocketClientKeywords],
) -> WebSocket:
    """Connect, shake hands and return the WebSocket.

    Args:
        uri: Such as "ws://host:port/path?query", or "wss://..." for an encrypted connection.
        ssl: Authorities and rules of an encrypted connection; by default the authorities of the
            system are trusted.
        server_name: Name that the server's certificate has to be for, instead of the host.
        headers: Names and values of header fields, such as "Origin" and "Authorization".
        subprotocols: What the server may choose from, see :attr:`WebSocket.subprotocol`.
        service: A started service to run on, instead of the shared one.
        local_address: Address and port of this side; by default the system chooses.
        limit: Bytes of memory that messages may take until they are received, before the peer has
            to wait.
        high_water: Bytes waiting to be sent from which on ``send`` waits.
        **options: Options of :class:`cppserver.WebSocketClient`. ``send_limit`` is 0, unlimited,
            unless given.

    Raises:
        WebSocketError: The server refused, see :attr:`cppserver.WebSocketError.http_status`.
        CppServerError: The connection could not be made, or an argument is not valid.
        TypeError: There is a ``server_name`` for a connection that is not encrypted.
    """
    _check_sizes(limit, high_water)
    if ssl is None and str(uri)[:6].lower() == "wss://":
        ssl = TlsContext()
    keywords: WebSocketClientKeywords = {"send_limit": 0, **options, "control_frames": True}
    client: _WebSocketClient | _WebSocketSslClient
    if ssl is not None:
        client = _WebSocketSslClient(
            service_or_shared(service),
            ssl,
            uri,
            server_name=server_name,
            headers=headers,
            subprotocols=subprotocols,
            **keywords,
        )
    elif server_name is not None:
        raise TypeError(_NEEDS_SSL)
    else:
        client = _WebSocketClient(
            service_or_shared(service),
            uri,
            headers=headers,
            subprotocols=subprotocols,
            **keywords,
        )
    if local_address is not None:
        client.bind(*local_address)
    loop = asyncio.get_running_loop()
    websocket = WebSocket(bridge_of(loop), loop, client, limit, high_water)
    await websocket._open(client)
    return websocket


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
        native = DatagramClient(service_or_shared(service), *remote_address, **keywords)
        if local_address is not None:
            native.bind(*local_address)
    elif local_address is not None:
        native = DatagramServer(service_or_shared(service), *local_address, **keywords)
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
