"""What UDP servers and clients have in common: one socket for datagrams and its callbacks."""

from __future__ import annotations

import ctypes
from typing import Any
from weakref import WeakKeyDictionary

from . import _library
from ._address import SIZE, Address, encode, from_native, to_native, wrong_address
from ._callbacks import base_implementation, next_key, overrides, report
from ._errors import (
    CppServerError,
    NotConnectedError,
    check,
    encode_address,
    encode_text,
    last_error,
    native_error,
)
from ._options import DatagramOptions, Option, check_value
from ._service import Service
from ._session import as_bytes

_send = _library.udp_send
_send_to = _library.udp_send_to
_windows = _library.windows

Interface = str | int | None
"""Name, index or IPv4 address of a network interface; None stands for the system's choice."""


class UdpEndpoint(DatagramOptions):
    """Sends and receives datagrams. Base of :class:`UdpServer` and :class:`UdpClient`.

    One send is one datagram of 0 to 65507 bytes. Datagrams may get lost on their way, come twice or
    in another order, and nobody tells.

    Override the ``on_...`` methods to be told what happens. They are called on one thread of the
    service, one at a time, between the two that tell the start and the end. Only the overridden
    ones cost anything; which ones these are is looked up once per class.

    All other methods may be called on every thread and in every callback. What runs is kept alive
    until its end.
    """

    _handle = 0
    _release = staticmethod(_library.udp_release)
    _multicast_interface: Interface = None

    def __init__(self, service: Service, handle: int | None) -> None:
        """Take over a native endpoint; None stands for the last error. Not for users."""
        if not handle:
            raise last_error()
        self._handle = handle
        self._service = service

    def __del__(self) -> None:
        """Give the native object back."""
        if self._handle:
            self._release(self._handle)

    # Sending

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send a datagram to the :attr:`destination`. It is copied and leaves in the background.

        Raises:
            NotConnectedError: The endpoint is not started.
            ArgumentError: There are more than 65507 bytes, or there is no destination.
            LimitError: The datagram would exceed the option ``send_limit``; it is not sent.
        """
        if type(data) is not bytes:
            data = as_bytes(data)
        if _send(self._handle, data, len(data), None):
            raise last_error()

    def send_to(self, address: Address, data: bytes | bytearray | memoryview) -> None:
        """Send a datagram to an address, else as :meth:`send`.

        Args:
            address: Numeric address and port; names are not looked up.
            data: Up to 65507 bytes.

        Raises:
            ArgumentError: Also for an address that the socket cannot reach: of the other version of
                IP, or of somebody else than the server of a client without ``any_peer``.
        """
        if type(data) is not bytes:
            data = as_bytes(data)
        try:
            native = to_native[address]
        except TypeError:
            raise wrong_address(address) from None
        if _send_to(self._handle, native, data, len(data), None):
            raise last_error()

    @property
    def destination(self) -> Address | None:
        """Where :meth:`send` sends. It may be set at any time, for example to a multicast group.

        None, the default, is the server of a client, and nothing on a server. A client knows the
        address of its server once it is connected.
        """
        native = ctypes.create_string_buffer(SIZE)
        try:
            check(_library.udp_destination(self._handle, native))
        except NotConnectedError:
            return None
        return from_native[native.raw]

    @destination.setter
    def destination(self, address: Address | None) -> None:
        native = None if address is None else encode(address)
        check(_library.udp_set_destination(self._handle, native))

    # Multicast

    @property
    def multicast_interface(self) -> Interface:
        """Interface on which multicasts leave: its name, index or IPv4 address; None: any.

        It may be set at any time. IPv6 takes no address, Windows no name.
        """
        return self._multicast_interface

    @multicast_interface.setter
    def multicast_interface(self, interface: Interface) -> None:
        check(_library.udp_set_multicast_interface(self._handle, _encode_interface(interface)))
        self._multicast_interface = interface

    def join(self, group: str, *, source: str | None = None, interface: Interface = None) -> None:
        """Ask for the datagrams of a multicast group; ``on_joined`` or ``on_error`` tells how.

        It ends with :meth:`leave` or with the end of the run: join again after a restart.

        Args:
            group: Numeric multicast address, such as "239.255.0.1" or "ff02::4242".
            source: Numeric address of the only sender to hear (RFC 4607), or None for any.
            interface: Interface to hear it on, as for :attr:`multicast_interface`.

        Raises:
            ArgumentError: That is no group, no source or no interface.
            NotConnectedError: The endpoint is not started.
        """
        self._change_group(_library.udp_join, group, source, interface)

    def leave(self, group: str, *, source: str | None = None, interface: Interface = None) -> None:
        """Ask for the datagrams of a group no more; ``on_left`` or ``on_error`` tells how.

        The arguments have to be those of the :meth:`join`.

        Raises:
            ArgumentError: That is no group, no source or no interface.
            NotConnectedError: The endpoint is not started.
        """
        self._change_group(_library.udp_leave, group, source, interface)

    def _change_group(
        self, function: Any, group: str, source: str | None, interface: Interface
    ) -> None:
        only = None if source is None else encode_address(source)
        check(function(self._handle, encode_address(group), only, _encode_interface(interface)))

    # State

    @property
    def service(self) -> Service:
        """The service that the endpoint runs on."""
        return self._service

    @property
    def local_address(self) -> Address:
        """Numeric address and port of this side.

        With "0.0.0.0" or "::" the system chooses the real address for each datagram.

        Raises:
            NotConnectedError: The endpoint is not started.
        """
        native = ctypes.create_string_buffer(SIZE)
        check(_library.udp_local_address(self._handle, native))
        return from_native[native.raw]

    @property
    def datagrams_sent(self) -> int:
        """Datagrams that the system took since the start."""
        return _library.udp_datagrams_sent(self._handle)

    @property
    def datagrams_received(self) -> int:
        """Datagrams received since the start."""
        return _library.udp_datagrams_received(self._handle)

    @property
    def datagrams_dropped(self) -> int:
        """Datagrams since the start that did not leave: beyond the limit, or refused."""
        return _library.udp_datagrams_dropped(self._handle)

    @property
    def datagrams_lost(self) -> int:
        """Datagrams since the start that the system lost because its receive buffer was full.

        Linux tells with the next datagram, other systems not at all.
        """
        return _library.udp_datagrams_lost(self._handle)

    @property
    def bytes_sent(self) -> int:
        """Bytes of the datagrams that were sent."""
        return _library.udp_bytes_sent(self._handle)

    @property
    def bytes_received(self) -> int:
        """Bytes of the datagrams that were received, as far as they were delivered."""
        return _library.udp_bytes_received(self._handle)

    @property
    def bytes_pending(self) -> int:
        """Bytes that were sent here but wait to leave."""
        return _library.udp_bytes_pending(self._handle)

    def fileno(self) -> int:
        """Return the system's socket, which stays the library's; -1 when not started."""
        return _library.udp_native_handle(self._handle)

    def set_option(self, option: Option, value: int) -> None:
        """Set an option to a value as in C, see :class:`Option`.

        Raises:
            ArgumentError: The option is not one of UDP, or the value is out of range.
            SystemCallError: The operating system refused the value for the open socket.
        """
        check(_library.udp_set_option(self._handle, Option(option), check_value(value)))

    def get_option(self, option: Option) -> int:
        """Return the value of an option as in C, see :class:`Option`.

        Raises:
            ArgumentError: The option is not one of UDP.
        """
        value = ctypes.c_int64()
        check(_library.udp_get_option(self._handle, Option(option), ctypes.byref(value)))
        return value.value

    # Callbacks

    def on_received(self, address: Address, data: bytes, truncated: bool) -> None:
        """Called with a datagram and the address of its sender; empty ones come too.

        ``truncated`` tells that it was longer than the option ``datagram_limit``.
        """

    def on_received_view(self, address: Address, view: memoryview, truncated: bool) -> None:
        """Called with a datagram in place, instead of :meth:`on_received` if overridden.

        This saves the copy of a large datagram. The view, and everything that was made of it
        without a copy, must not be used after the call: its memory is overwritten by the next ones.
        """

    def on_sent(self, address: Address, sent: int, pending: int) -> None:
        """Called when a datagram of ``sent`` bytes has left; ``pending`` bytes of others wait."""

    def on_empty(self) -> None:
        """Called when nothing waits to be sent any more: go on here after a LimitError."""

    def on_joined(self, group: str, source: str | None) -> None:
        """Called when the datagrams of a group are received from now on."""

    def on_left(self, group: str, source: str | None) -> None:
        """Called when the datagrams of a group are received no more."""

    @base_implementation
    def on_error(self, error: CppServerError) -> None:
        """Called with an error, or with a callback's exception; the endpoint goes on.

        A datagram could not be sent, or the machine that it went to answered that nobody takes it,
        or a group was not joined or left. Only a client that could not begin ends after it, and a
        server that could not begin again.
        """

    # The run

    @classmethod
    def _life(cls) -> dict[str, Any]:
        """Return the native callbacks of the start and the end."""
        raise NotImplementedError

    def _start(self) -> None:
        key = next_key()
        endpoints[key] = self
        handler = ctypes.byref(_native_handler(type(self)))
        if _library.udp_start(self._handle, handler, key):
            try:
                raise last_error()
            finally:
                endpoints.pop(key, None)


def _encode_interface(interface: Any) -> bytes | None:
    if interface is None:
        return None
    if isinstance(interface, int) and not isinstance(interface, bool):
        interface = str(interface)
    return encode_text(interface, "an interface")


endpoints: dict[int, Any] = {}
"""The running endpoints by the key that is their native ``user_data``."""

_handlers: WeakKeyDictionary[type[UdpEndpoint], _library.UdpHandler] = WeakKeyDictionary()


@_library.NotifyDatagram
def _received(key: int, source: int, data: int, size: int, truncated: bool) -> None:
    endpoint = endpoints[key]
    try:
        endpoint.on_received(from_native[_windows[source][:SIZE]], _windows[data][:size], truncated)
    except BaseException as exception:
        report(endpoint, "on_received", exception)


@_library.NotifyDatagram
def _received_view(key: int, source: int, data: int, size: int, truncated: bool) -> None:
    endpoint = endpoints[key]
    try:
        with _library.view_of_address(data, size) as view:
            endpoint.on_received_view(from_native[_windows[source][:SIZE]], view, truncated)
    except BaseException as exception:
        report(endpoint, "on_received_view", exception)


@_library.NotifyDatagramSent
def _sent(key: int, destination: int, sent: int, pending: int) -> None:
    endpoint = endpoints[key]
    try:
        endpoint.on_sent(from_native[_windows[destination][:SIZE]], sent, pending)
    except BaseException as exception:
        report(endpoint, "on_sent", exception)


@_library.Notify
def _empty(key: int) -> None:
    endpoint = endpoints[key]
    try:
        endpoint.on_empty()
    except BaseException as exception:
        report(endpoint, "on_empty", exception)


@_library.NotifyGroup
def _joined(key: int, group: bytes, source: bytes | None) -> None:
    endpoint = endpoints[key]
    try:
        endpoint.on_joined(
            group.decode("ascii"), None if source is None else source.decode("ascii")
        )
    except BaseException as exception:
        report(endpoint, "on_joined", exception)


@_library.NotifyGroup
def _left(key: int, group: bytes, source: bytes | None) -> None:
    endpoint = endpoints[key]
    try:
        endpoint.on_left(group.decode("ascii"), None if source is None else source.decode("ascii"))
    except BaseException as exception:
        report(endpoint, "on_left", exception)


@_library.NotifyError
def _error(key: int, code: int, category: bytes | None, message: bytes | None) -> None:
    endpoint = endpoints[key]
    try:
        endpoint.on_error(native_error(code, category, message))
    except BaseException as exception:
        report(endpoint, "on_error", exception)


@_library.Notify
def _destroy(key: int) -> None:
    endpoints.pop(key, None)


def _native_handler(kind: type[UdpEndpoint]) -> _library.UdpHandler:
    """Return the native handler with the callbacks that a class overrides."""
    handler = _handlers.get(kind)
    if handler is None:
        handler = _library.UdpHandler(size=ctypes.sizeof(_library.UdpHandler), destroy=_destroy)
        for name, function in {
            "on_received": _received,
            "on_sent": _sent,
            "on_empty": _empty,
            "on_joined": _joined,
            "on_left": _left,
            "on_error": _error,
        }.items():
            if overrides(kind, UdpEndpoint, name):
                setattr(handler, name, function)
        if overrides(kind, UdpEndpoint, "on_received_view"):
            handler.on_received = _received_view
        for name, function in kind._life().items():
            setattr(handler, name, function)
        _handlers[kind] = handler
    return handler
