"""Everything about the sockets of scalability protocols but how they wait and tell."""

from __future__ import annotations

import atexit
import ctypes
import os
import weakref
from typing import Any, ClassVar, Self, Unpack

from . import _sp_library
from ._certificates import read_text
from ._errors import check, encode_address, last_error
from ._options import check_value
from ._service import Service
from ._session import closed
from ._shared import service_or_shared
from ._sp_exchange import ContextExchange, Exchange, Functions
from ._sp_options import Protocol, SocketKeywords, SocketOptions, SpOption, Statistics
from ._sp_transfer import Data, encode, is_large, sent
from ._tls import TlsContext


class Endpoint:
    """One listener or dialer of a socket.

    It goes on when its Python object is gone; :meth:`close` ends it, and so does the close of the
    socket. As a context manager it is closed on exit.
    """

    _handle = 0
    _release = staticmethod(_sp_library.sp_endpoint_release)

    def __init__(self, handle: int | None) -> None:
        """Take over a native endpoint; None stands for the last error. Not for users."""
        if not handle:
            raise last_error()
        self._handle = handle

    def __del__(self) -> None:
        """Give the native object back."""
        if self._handle:
            self._release(self._handle)

    def __enter__(self) -> Self:
        """Return the endpoint."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the endpoint unless it is closed."""
        self.close()

    @property
    def id(self) -> int:
        """A number that no other endpoint of the socket has or had."""
        return _sp_library.sp_endpoint_id(self._handle)

    @property
    def address(self) -> str:
        """The address as it was given."""
        return read_text(_sp_library.sp_endpoint_address, self._handle)

    @property
    def port(self) -> int | None:
        """The port of a listener, also if it asked for port 0.

        None for dialers, for transports without ports, and after the close.
        """
        return _sp_library.sp_endpoint_port(self._handle) or None

    @property
    def is_closed(self) -> bool:
        """Whether the endpoint was closed, by itself or with its socket."""
        return _sp_library.sp_endpoint_is_closed(self._handle)

    def close(self) -> bool:
        """End the endpoint and its connections; what was sent is delivered within ``linger``.

        The socket, its other endpoints and its counters stay. The address of a listener is free
        again when this returns, except in callbacks, where it is soon.

        Returns:
            False when it was closed before.
        """
        return closed(_sp_library.sp_endpoint_close(self._handle))


class SpSocket(SocketOptions, Exchange):
    """One end of a pattern, with any number of connections."""

    protocol: ClassVar[Protocol]
    """The role that the sockets of a class play."""

    _native = Functions(
        _sp_library.sp_socket_receive,
        _sp_library.sp_socket_receive_blocking,
        _sp_library.sp_socket_receive_answer,
        _sp_library.sp_socket_receive_answer_blocking,
        _sp_library.sp_socket_when_receivable,
    )
    _release = staticmethod(_sp_library.sp_socket_release)

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
            raw: Make a raw socket, which keeps no state: its messages have headers that tell where
                they came from and where they go. Two of them make a :class:`cppserver.nano.Device`.
            service: The service to run on; by default all sockets of the process share one.
            tls: Certificates and rules for the addresses "tls+tcp://" and "wss://".
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: An option is not valid.
            SpClosedError: The sockets of this process were terminated.
        """
        protocol = getattr(type(self), "protocol", None)
        if protocol is None:
            raise TypeError(
                f"{type(self).__name__} has no protocol; use one of the derived classes"
            )
        if not isinstance(raw, bool):
            raise TypeError(f"raw is a bool, not {type(raw).__name__}")
        if service is None:
            service = service_or_shared(None)
        elif not isinstance(service, Service):
            raise TypeError(f"service is a Service, not {type(service).__name__}")
        handle = _sp_library.sp_socket_create_on(service._handle, protocol, raw)
        if not handle:
            raise last_error()
        self._handle = handle
        _living.add(self)
        self._service = service
        self._tls: list[TlsContext] = []  # All of them: endpoints go on with what they began with.
        if tls is not None:
            self.tls = tls
        self._apply(options)

    def __del__(self) -> None:
        """Give the native object back, which closes the socket in the background."""
        if self._handle:
            self._release(self._handle)

    # Endpoints

    def listen(self, address: str) -> Endpoint:
        """Listen on an address, any number of times.

        Args:
            address: Such as "tcp://127.0.0.1:5555", "tcp://*:0", "ipc:///tmp/name",
                "inproc://name", "ws://127.0.0.1:8080/path"; with certificates also "tls+tcp://"
                and "wss://". The host "*" stands for all addresses of the machine, the name of an
                interface ("tcp://eth0:5555") for its first one, the port 0 for a free one, which
                :attr:`Endpoint.port` tells.

        Raises:
            SpError: The address cannot be read (``ADDRESS``), has an unknown transport
                (``TRANSPORT``), or is in use (``ADDRESS_IN_USE``).
            SystemCallError: The address cannot be had.
            SpClosedError: The socket is closed.
        """
        return self._open(_sp_library.sp_socket_listen, address)

    def dial(self, address: str) -> Endpoint:
        """Connect to an address in the background, again and again, any number of times.

        Nobody has to be there yet; over "inproc://" whoever listens is connected when this returns.
        Attempts that fail are counted.

        Args:
            address: As for :meth:`listen`, with a host and a port; over TCP and WebSocket an
                address or an interface of this machine to come from may stand in front,
                "tcp://10.0.0.1;server:5555" or "tcp://eth0;server:5555".

        Raises:
            SpError: The address cannot be read (``ADDRESS``) or has an unknown transport
                (``TRANSPORT``).
            SpClosedError: The socket is closed.
        """
        return self._open(_sp_library.sp_socket_dial, address)

    def _open(self, function: Any, address: str) -> Endpoint:
        return Endpoint(function(self._handle, encode_address(address)))

    @property
    def tls(self) -> TlsContext | None:
        """Certificates and rules for the encrypted addresses of the calls to come."""
        return self._tls[-1] if self._tls else None

    @tls.setter
    def tls(self, context: TlsContext) -> None:
        if not isinstance(context, TlsContext):
            raise TypeError(f"tls is a TlsContext, not {type(context).__name__}")
        check(_sp_library.sp_socket_set_tls(self._handle, context._handle))
        self._tls.append(context)

    # State

    @property
    def service(self) -> Service:
        """The service that the socket runs on."""
        return self._service

    @property
    def id(self) -> int:
        """Number of the socket, unique in this process."""
        return _sp_library.sp_socket_id(self._handle)

    @property
    def is_raw(self) -> bool:
        """Whether the socket was made raw."""
        return _sp_library.sp_socket_is_raw(self._handle)

    @property
    def is_closed(self) -> bool:
        """Whether the socket was closed, by itself or by :func:`cppserver.nano.terminate`."""
        return _sp_library.sp_socket_is_closed(self._handle)

    @property
    def statistics(self) -> Statistics:
        """The counters since the socket was made, also after the close."""
        native = _sp_library.SpStatistics(size=ctypes.sizeof(_sp_library.SpStatistics))
        check(_sp_library.sp_socket_statistics(self._handle, ctypes.byref(native)))
        return Statistics._make(getattr(native, name) for name in Statistics._fields)

    def set_option(self, option: SpOption, value: int) -> None:
        """Set an option to a value as in C, see :class:`SpOption`.

        Raises:
            ArgumentError: The value is out of range.
        """
        check(_sp_library.sp_socket_set_option(self._handle, SpOption(option), check_value(value)))

    def get_option(self, option: SpOption) -> int:
        """Return the value of an option as in C, see :class:`SpOption`."""
        value = ctypes.c_int64()
        check(_sp_library.sp_socket_get_option(self._handle, SpOption(option), ctypes.byref(value)))
        return value.value

    # Messages

    def _try_send(self, data: bytes) -> bool:
        if is_large(data):
            return sent(_sp_library.sp_socket_send_blocking(self._handle, data, len(data), 0))
        return sent(_sp_library.sp_socket_send(self._handle, data, len(data), 0))

    def _send_within(self, data: bytes, timeout: int) -> bool:
        """Send within so many milliseconds, as :meth:`_receive_within`."""
        return sent(_sp_library.sp_socket_send_blocking(self._handle, data, len(data), timeout))


_living: weakref.WeakSet[SpSocket] = weakref.WeakSet()
_forked = False


@atexit.register
def _close_all() -> None:
    """Close what is open, before the services stop, which deliver what was sent.

    Later, the callbacks that a close makes would meet an interpreter that is gone.
    """
    if not _forked:
        if _living:
            _sp_library.sp_terminate()
        return
    # The library knows the sockets of the parent process too, and would wait for their threads.
    for socket in list(_living):
        _sp_library.sp_socket_close(socket._handle)


def _forget_all() -> None:
    """Forget the sockets of the parent process, whose I/O threads are not in this one."""
    global _forked
    _forked = True
    for socket in _living:
        socket._handle = 0
    _living.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


class SpSubscriber(SpSocket):
    """A socket that receives what begins with one of its topics."""

    def subscribe(self, topic: str | Data) -> None:
        """Subscribe to what begins with a topic, from now on; to everything with an empty one.

        What is subscribed to twice has to be unsubscribed from twice.

        Args:
            topic: Bytes, or a str that stands for its UTF-8.

        Raises:
            SpClosedError: The socket is closed.
        """
        encoded = _encode_topic(topic)
        check(_sp_library.sp_socket_subscribe(self._handle, encoded, len(encoded)))

    def unsubscribe(self, topic: str | Data) -> None:
        """Take a subscription back. What was received and is wanted by no other one is dropped.

        Raises:
            ArgumentError: There is no such subscription.
            SpClosedError: The socket is closed.
        """
        encoded = _encode_topic(topic)
        check(_sp_library.sp_socket_unsubscribe(self._handle, encoded, len(encoded)))


def _encode_topic(topic: str | Data) -> bytes:
    return topic.encode("utf-8") if isinstance(topic, str) else encode(topic)


class SpContext(ContextExchange):
    """One of several exchanges over a socket that asks or answers.

    A request and its reply, a survey and its answers, or a question that is being answered: a
    socket has one such exchange itself, and as many contexts as it likes. What they ask goes over
    the same connections, and each gets its own answers. A context keeps its socket open, and gives
    up what it has asked when nobody refers to it any more.
    """

    _release = staticmethod(_sp_library.sp_context_release)

    def __init__(self, socket: Any) -> None:
        """Make a context; sockets do so. Not for users."""
        handle = _sp_library.sp_context_create(socket._handle)
        if not handle:
            raise last_error()
        self._handle = handle
        self._socket = socket

    def __del__(self) -> None:
        """Give the native object back, which gives up what the context has asked."""
        if self._handle:
            self._release(self._handle)

    def _try_send(self, data: bytes) -> bool:
        if is_large(data):
            return sent(_sp_library.sp_context_send_large(self._handle, data, len(data)))
        return sent(_sp_library.sp_context_send(self._handle, data, len(data)))
