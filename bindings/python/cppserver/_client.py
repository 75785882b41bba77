"""What the clients of all protocols have in common."""

from __future__ import annotations

import ctypes
from typing import Unpack

from . import _library
from ._callbacks import next_key
from ._errors import (
    NotConnectedError,
    check,
    check_port,
    encode_address,
    last_error,
)
from ._options import (
    LIVE_OPTIONS,
    SYSTEM_DEFAULTS,
    ClientKeywords,
    ConnectOptions,
    Option,
    check_value,
)
from ._service import Service
from ._session import Connection, connection_handler, connections
from ._timer import milliseconds


class Client(Connection, ConnectOptions):
    """Makes a connection, again and again if asked to. Make a :class:`TcpClient` or another one.

    Options are properties and keyword arguments. They count from the next connect on. The client
    is kept alive from ``connect()`` to ``on_disconnected``.
    """

    _client = 0
    _release = staticmethod(_library.client_release)

    def __init__(self, service: Service, **options: Unpack[ClientKeywords]) -> None:
        """Make a client that is not connected. The arguments are those of the derived classes."""
        if not isinstance(service, Service):
            raise TypeError(f"service is a Service, not {type(service).__name__}")
        client = self._create(service._handle)
        if not client:
            raise last_error()
        self._client = client
        self._handle = _library.client_session(client) or 0
        self._service = service
        self._apply(options)

    def _create(self, service: int) -> int | None:
        """Return a new native client, or None with the last error."""
        raise NotImplementedError

    def __del__(self) -> None:
        """Give the native object back."""
        if self._client:
            self._release(self._client)

    @property
    def service(self) -> Service:
        """The service that the client runs on."""
        return self._service

    def bind(self, address: str | None, port: int = 0) -> None:
        """Choose the local address of the next connects; None lets the system choose again.

        Raises:
            ArgumentError: The address or the port is not valid.
        """
        local = None if address is None else encode_address(address)
        check(_library.client_bind(self._client, local, check_port(port)))

    def connect(self) -> None:
        """Connect in the background; ``on_connected`` or ``on_disconnected`` tells the outcome.

        A failure comes as ``on_error`` and then ``on_disconnected``. On a service that is not
        started the connect begins with the start.

        Raises:
            StateError: The client is connecting or connected already.
            TlsError: The context of an encrypted client lacks something.
        """
        key = next_key()
        connections[key] = self
        handler = ctypes.byref(connection_handler(type(self)))
        if _library.client_connect(self._client, handler, key):
            try:
                raise last_error()
            finally:
                connections.pop(key, None)

    def reconnect(self, delay: float = 0.0) -> None:
        """End the connection, if there is one, and connect again; in ``on_disconnected`` too.

        Args:
            delay: Seconds to wait between the two.

        Raises:
            StateError: The client was never connected, or its run is over.
        """
        check(_library.client_reconnect(self._client, milliseconds(delay, "delay")))

    def set_option(self, option: Option, value: int) -> None:
        """Set an option to a value as in C, see :class:`Option`.

        It counts from the next connect on, and for an open connection too if that is possible: for
        the options of :meth:`Session.set_option`, unless the value is the system's own.

        Raises:
            ArgumentError: The option is not one of clients, or the value is out of range.
            SystemCallError: The operating system refused the value for the open connection.
        """
        option, number = Option(option), check_value(value)
        check(_library.client_set_option(self._client, option, number))
        if option in LIVE_OPTIONS and (number or option not in SYSTEM_DEFAULTS):
            try:
                check(_library.session_set_option(self._handle, option, number))
            except NotConnectedError:
                pass  # There is no open connection: the next one will have it.

    def get_option(self, option: Option) -> int:
        """Return the value of an option as in C, see :class:`Option`.

        Raises:
            ArgumentError: The option is not one of clients.
        """
        value = ctypes.c_int64()
        check(_library.client_get_option(self._client, Option(option), ctypes.byref(value)))
        return value.value


class HostClient(Client):
    """A client of a host and a port. Base of :class:`TcpClient` and :class:`SslClient`."""

    def __init__(
        self, service: Service, host: str, port: int, **options: Unpack[ClientKeywords]
    ) -> None:
        """Make a client that is not connected.

        Args:
            service: The service to run on.
            host: Name or numeric address of the server. Names are resolved in the background.
            port: Port of the server.
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: The host, the port or an option is not valid.
        """
        self._host = host
        self._port = port
        super().__init__(service, **options)

    def _create(self, service: int) -> int | None:
        return self._create_for(service, encode_address(self._host), check_port(self._port))

    def _create_for(self, service: int, host: bytes, port: int) -> int | None:
        """Return a new native client, or None with the last error."""
        raise NotImplementedError

    @property
    def host(self) -> str:
        """The host that was given to the constructor."""
        return self._host

    @property
    def port(self) -> int:
        """The port that was given to the constructor."""
        return self._port
