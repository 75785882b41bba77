"""Servers and clients that speak UDP."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self, Unpack

from . import _library
from ._address import Address
from ._callbacks import report
from ._endpoint import Interface, UdpEndpoint, endpoints
from ._errors import StateError, Status, check, check_port, encode_address
from ._options import DatagramClientKeywords, DatagramClientOptions, DatagramKeywords, Reason
from ._service import Service


class UdpServer(UdpEndpoint):
    """Sends and receives datagrams on an address that others know.

    A receiver of multicasts is a server on the port of the group, with the option
    ``reuse_address`` if others on this machine receive them too, that joins the group in
    :meth:`on_started`. A sender of multicasts is a server on port 0 whose ``destination`` is the
    group.

    As a context manager a server starts on entry and stops on exit.
    """

    def __init__(
        self,
        service: Service,
        address: str,
        port: int,
        *,
        destination: Address | None = None,
        multicast_interface: Interface = None,
        **options: Unpack[DatagramKeywords],
    ) -> None:
        """Make a server that is not started.

        Args:
            service: The service to run on.
            address: Numeric address or name of the interface to receive on; "::" and "0.0.0.0"
                stand for all.
            port: Port to receive on; 0 lets the system choose.
            destination: Where :meth:`send` sends.
            multicast_interface: Interface on which multicasts leave.
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: An address, the port or an option is not valid.
        """
        if not isinstance(service, Service):
            raise TypeError(f"service is a Service, not {type(service).__name__}")
        create = _library.udp_create_server
        super().__init__(
            service, create(service._handle, encode_address(address), check_port(port))
        )
        self._address = address
        if destination is not None:
            self.destination = destination
        if multicast_interface is not None:
            self.multicast_interface = multicast_interface
        self._apply(options)

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server unless it is stopped."""
        try:
            self.stop()
        except StateError:
            pass  # Somebody else stopped it, or the service.

    # Life

    def start(self) -> None:
        """Open the socket. When this returns, it is bound and :attr:`port` is the real one.

        On a service that is not started, datagrams wait in the socket until the service starts.

        Raises:
            SystemCallError: The address cannot be had, for example because the port is in use.
            ResolverError: The name of the interface could not be resolved.
            StateError: The server is started already.
        """
        self._start()

    def stop(self) -> None:
        """Receive no more, send what waits within ``close_timeout``, and close the socket.

        This returns before the last callbacks were made.

        Raises:
            StateError: The server is not started.
        """
        check(_library.udp_stop(self._handle))

    def restart(self) -> None:
        """Stop and start again on the same port. Groups have to be joined anew.

        Raises:
            StateError: The server is not started.
        """
        check(_library.udp_restart(self._handle))

    # State

    @property
    def address(self) -> str:
        """The address that was given to the constructor."""
        return self._address

    @property
    def port(self) -> int:
        """The port that the server receives on, or the one that was given before the start."""
        return _library.udp_port(self._handle)

    @property
    def is_started(self) -> bool:
        """Whether the server works: from just before ``on_started`` to just before ``on_stopped``.

        :meth:`start` does not wait for that.
        """
        return _library.udp_is_started(self._handle)

    # Callbacks

    def on_started(self) -> None:
        """Called when the server receives and sends."""

    def on_stopped(self, reason: Reason) -> None:
        """Called when the socket is closed. :meth:`start` may be called here."""

    @classmethod
    def _life(cls) -> dict[str, Any]:
        return {"on_started": _started, "on_stopped": _stopped}


class UdpClient(UdpEndpoint, DatagramClientOptions):
    """Sends datagrams to a server and receives its own; with ``any_peer`` those of all others too.

    UDP itself has no connections: that the client is connected means that its socket is open and
    that it knows the address of the server. Whether there is a server is not asked.
    """

    def __init__(
        self,
        service: Service,
        host: str,
        port: int,
        *,
        multicast_interface: Interface = None,
        **options: Unpack[DatagramClientKeywords],
    ) -> None:
        """Make a client that is not connected.

        Args:
            service: The service to run on.
            host: Name or numeric address of the server. Names are resolved in the background.
            port: Port of the server.
            multicast_interface: Interface on which multicasts leave.
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: The host, the port or an option is not valid.
        """
        if not isinstance(service, Service):
            raise TypeError(f"service is a Service, not {type(service).__name__}")
        create = _library.udp_create_client
        super().__init__(service, create(service._handle, encode_address(host), check_port(port)))
        self._host = host
        self._port = port
        if multicast_interface is not None:
            self.multicast_interface = multicast_interface
        self._apply(options)

    # Life

    def bind(self, address: str | None, port: int = 0) -> None:
        """Choose the local address of the next connects; None lets the system choose again.

        Raises:
            ArgumentError: The address or the port is not valid.
            StateError: The client is connected.
        """
        local = None if address is None else encode_address(address)
        check(_library.udp_bind(self._handle, local, check_port(port)))

    def connect(self) -> None:
        """Open the socket in the background; ``on_connected`` or ``on_disconnected`` follows.

        A failure comes as ``on_error`` and then ``on_disconnected``. On a service that is not
        started the connect begins with the start.

        Raises:
            StateError: The client is connected already.
        """
        self._start()

    def disconnect(self) -> bool:
        """Receive no more, send what waits within ``close_timeout``, and close the socket.

        Returns:
            False when there is nothing to close (any more).
        """
        status = _library.udp_stop(self._handle)
        if status == Status.INVALID_STATE:
            return False
        check(status)
        return True

    def reconnect(self) -> None:
        """Disconnect and connect again. Groups have to be joined anew.

        Raises:
            StateError: The client is not connected. In ``on_disconnected`` call :meth:`connect`.
        """
        check(_library.udp_restart(self._handle))

    # State

    @property
    def host(self) -> str:
        """The host that was given to the constructor."""
        return self._host

    @property
    def port(self) -> int:
        """The port that was given to the constructor; the own one is in ``local_address``."""
        return self._port

    @property
    def is_connected(self) -> bool:
        """Whether the socket is open."""
        return _library.udp_is_started(self._handle)

    # Callbacks

    def on_connected(self) -> None:
        """Called when the client sends and receives."""

    def on_disconnected(self, reason: Reason) -> None:
        """Called when the socket is closed, or could not be opened."""

    @classmethod
    def _life(cls) -> dict[str, Any]:
        return {"on_started": _connected, "on_stopped": _disconnected}


@_library.Notify
def _started(key: int) -> None:
    server = endpoints[key]
    try:
        server.on_started()
    except BaseException as exception:
        report(server, "on_started", exception)


@_library.NotifyReason
def _stopped(key: int, reason: int) -> None:
    server = endpoints[key]
    try:
        server.on_stopped(Reason(reason))
    except BaseException as exception:
        report(server, "on_stopped", exception)


@_library.Notify
def _connected(key: int) -> None:
    client = endpoints[key]
    try:
        client.on_connected()
    except BaseException as exception:
        report(client, "on_connected", exception)


@_library.NotifyReason
def _disconnected(key: int, reason: int) -> None:
    client = endpoints[key]
    try:
        client.on_disconnected(Reason(reason))
    except BaseException as exception:
        report(client, "on_disconnected", exception)
