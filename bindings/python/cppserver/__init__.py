"""Asynchronous TCP, TLS, UDP, WebSocket and Unix servers and clients on native I/O threads.

Objects
-------
A :class:`Service` owns the I/O threads. A :class:`TcpServer` accepts connections on it and makes a
:class:`TcpSession` for each; a :class:`TcpClient` makes one connection. A :class:`Timer` calls a
function after a time. The module :mod:`cppserver.aio` has streams for asyncio instead of callbacks.

:class:`SslServer`, :class:`SslSession` and :class:`SslClient` are the same for connections that are
encrypted with TLS. A :class:`TlsContext` holds their certificates.

:class:`WebSocketServer`, :class:`WebSocketSession` and :class:`WebSocketClient` exchange messages,
a str as text and bytes as binary ones; :class:`WebSocketSslServer` and the like are encrypted.

A :class:`UdpServer` and a :class:`UdpClient` send and receive datagrams, to and from multicast
groups too.

A :class:`UnixServer`, :class:`UnixSession` and :class:`UnixClient` connect programs on one machine
by a Unix domain socket.

The module :mod:`cppserver.nano` has the sockets of the scalability protocols: pair, pipeline,
request and reply, publish and subscribe, survey, bus.

An echo server
--------------
>>> import cppserver
>>> class EchoSession(cppserver.TcpSession):
...     def on_received(self, data):
...         self.send(data)
>>> with cppserver.Service() as service:
...     server = cppserver.TcpServer(service, "127.0.0.1", 0, session_class=EchoSession)
...     server.start()
...     # serve until service.wait() returns or the block ends

Threads
-------
Callbacks are methods that you override. They run on the threads of the service, the ones of one
connection never at the same time. Every method may be called on every thread and in every
callback. Python runs one thread at a time, so a callback that computes for long delays the others,
and a busy thread elsewhere in the program delays the callbacks.

Errors
------
All exceptions derive from :class:`CppServerError`, an :class:`OSError` with ``code``, ``category``
and ``message``. What goes wrong later, in the background, comes to ``on_error``. An exception that
a callback raises comes to the ``on_error`` of its object as :class:`HandlerError`; if that is not
overridden, it goes to ``sys.unraisablehook``.

Lifetime
--------
What runs is kept alive, also if nobody holds a reference: a service until it stopped, a server
until its last callback, a session or a client until its connection ended. The exit of the
interpreter stops all services.

Units
-----
Times are seconds as float, sizes are bytes, addresses are tuples of a numeric address and a port.

The native library
------------------
It is looked for in the file that the environment variable ``CPPSERVER_LIBRARY`` names, then beside
this package, then where the system loader looks.
"""

from ._certificates import certificate_is_for_name, certificate_subject
from ._client import Client
from ._endpoint import UdpEndpoint
from ._errors import (
    AbortedError,
    ArgumentError,
    BrokenError,
    CppServerError,
    DeadlineError,
    DeniedError,
    HandlerError,
    LimitError,
    NotConnectedError,
    RefusedError,
    ResetError,
    ResolverError,
    SpBlockedError,
    SpClosedError,
    SpError,
    SpFailure,
    SpTimeoutError,
    StateError,
    Status,
    SystemCallError,
    SystemTimeoutError,
    TlsError,
    TlsFailure,
    UnsupportedError,
    WebSocketError,
)
from ._http import Request, Response
from ._library import native_version
from ._options import Kind, Option, Reason, SendPolicy
from ._server import Server, Session
from ._service import Service
from ._session import Connection
from ._ssl import SslClient, SslConnection, SslServer, SslSession, TlsDetails
from ._tcp import TcpClient, TcpServer, TcpSession
from ._timer import Timer
from ._tls import TlsContext, TlsVerify, TlsVersion
from ._udp import UdpClient, UdpServer
from ._unix import UnixClient, UnixServer, UnixSession
from ._websocket import WebSocketClient, WebSocketConnection, WebSocketServer, WebSocketSession
from ._websocket_ssl import WebSocketSslClient, WebSocketSslServer, WebSocketSslSession

__version__ = "1.0.0"

__all__ = [
    "AbortedError",
    "ArgumentError",
    "BrokenError",
    "Client",
    "Connection",
    "CppServerError",
    "DeadlineError",
    "DeniedError",
    "HandlerError",
    "Kind",
    "LimitError",
    "NotConnectedError",
    "Option",
    "Reason",
    "RefusedError",
    "Request",
    "ResetError",
    "ResolverError",
    "Response",
    "SendPolicy",
    "Server",
    "Service",
    "Session",
    "SpBlockedError",
    "SpClosedError",
    "SpError",
    "SpFailure",
    "SpTimeoutError",
    "SslClient",
    "SslConnection",
    "SslServer",
    "SslSession",
    "StateError",
    "Status",
    "SystemCallError",
    "SystemTimeoutError",
    "TcpClient",
    "TcpServer",
    "TcpSession",
    "Timer",
    "TlsContext",
    "TlsDetails",
    "TlsError",
    "TlsFailure",
    "TlsVerify",
    "TlsVersion",
    "UdpClient",
    "UdpEndpoint",
    "UdpServer",
    "UnixClient",
    "UnixServer",
    "UnixSession",
    "UnsupportedError",
    "WebSocketClient",
    "WebSocketConnection",
    "WebSocketError",
    "WebSocketServer",
    "WebSocketSession",
    "WebSocketSslClient",
    "WebSocketSslServer",
    "WebSocketSslSession",
    "certificate_is_for_name",
    "certificate_subject",
    "native_version",
]
