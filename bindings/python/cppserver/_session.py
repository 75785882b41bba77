"""What sessions and clients have in common: one connection and its callbacks."""

from __future__ import annotations

import ctypes
from typing import Any
from weakref import WeakKeyDictionary

from . import _library
from ._callbacks import base_implementation, overrides, report
from ._errors import CppServerError, Status, check, last_error, native_error
from ._options import Kind, Reason

_send = _library.session_send
_windows = _library.windows
LARGE = 16 * 1024
"""Bytes from which on a send takes long enough to let other Python threads run meanwhile."""


_BYTES = int(Kind.BYTES)


def as_bytes(data: bytes | bytearray | memoryview) -> bytes:
    """Return a bytes object with the content of any other buffer; refuse what is none."""
    return bytes(memoryview(data))


def encode_bytes(data: Any) -> tuple[int, bytes]:
    """Return the kind and the bytes of what a connection without messages sends."""
    return _BYTES, data if type(data) is bytes else as_bytes(data)


class Connection:
    """One stream of bytes to a peer. Base of :class:`Session` and :class:`Client`.

    Override the ``on_...`` methods to be told what happens. They are called on the thread of the
    service that owns the connection, one at a time, in this order: ``on_connected``,
    ``on_handshaked`` where there is a handshake, ``on_received`` again and again,
    ``on_disconnected``. Only the overridden ones cost anything; which ones these are is looked up
    once per class.

    All other methods may be called on every thread and in every callback, also after the end of
    the connection.
    """

    _handle = 0  # The native session.

    # Sending and closing

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes. They are copied and leave in the background, in the order of the calls.

        Raises:
            NotConnectedError: There is no open connection.
            LimitError: The bytes would exceed the option ``send_limit``; nothing is sent.
        """
        if type(data) is not bytes:
            data = as_bytes(data)
        size = len(data)
        if size < LARGE:
            if _send(self._handle, data, size, None):
                raise last_error()
        else:
            check(_library.session_send_large(self._handle, data, size, None))

    def disconnect(self) -> bool:
        """Close the connection after everything that was sent has been written.

        Reading stops at once. Writing goes on for at most ``close_timeout``. A client that is
        still connecting gives up.

        Returns:
            False when there is nothing to close (any more).
        """
        return closed(_library.session_disconnect(self._handle))

    def disconnect_now(self) -> bool:
        """Close the connection and discard what waits to be sent.

        Returns:
            False when there is nothing to close (any more).
        """
        return closed(_library.session_disconnect_now(self._handle))

    # Receiving

    def pause_reading(self) -> None:
        """Stop reading from the peer until :meth:`resume_reading`, so that it has to wait.

        No ``on_received`` follows a pause inside a callback. What the system receives meanwhile,
        the end of the connection included, is told after the resume. Handshakes, sending and
        timeouts go on.

        Raises:
            NotConnectedError: There is no open connection.
        """
        check(_library.session_pause_reading(self._handle))

    def resume_reading(self) -> None:
        """Read again after :meth:`pause_reading`; without a pause this does nothing.

        Raises:
            NotConnectedError: There is no open connection.
        """
        check(_library.session_resume_reading(self._handle))

    # State

    @property
    def id(self) -> int:
        """Number of the connection, unique in this process."""
        return _library.session_id(self._handle)

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open."""
        return _library.session_is_connected(self._handle)

    @property
    def is_handshaked(self) -> bool:
        """Whether the connection is open and its handshake is done; never of plain TCP."""
        return _library.session_is_handshaked(self._handle)

    @property
    def bytes_sent(self) -> int:
        """Bytes written to the connection so far."""
        return _library.session_bytes_sent(self._handle)

    @property
    def bytes_received(self) -> int:
        """Bytes read from the connection so far."""
        return _library.session_bytes_received(self._handle)

    @property
    def bytes_pending(self) -> int:
        """Bytes that were sent here but wait to be written."""
        return _library.session_bytes_pending(self._handle)

    @property
    def peer_address(self) -> tuple[str, int]:
        """Numeric address and port of the peer, also after the end of the connection.

        Raises:
            NotConnectedError: There never was a connection.
        """
        return _address(_library.session_peer_address, self._handle)

    @property
    def local_address(self) -> tuple[str, int]:
        """Numeric address and port of this side.

        Raises:
            NotConnectedError: There is no open connection.
        """
        return _address(_library.session_local_address, self._handle)

    def fileno(self) -> int:
        """Return the system's socket, which stays the library's; -1 when there is none."""
        return _library.session_native_handle(self._handle)

    # Callbacks

    def on_connected(self) -> None:
        """Called when the connection is open."""

    def on_handshaked(self) -> None:
        """Called when the handshake of an encrypted or WebSocket connection is done.

        What was sent before leaves now. Plain TCP never calls it.
        """

    def on_received(self, data: bytes) -> int | None:
        """Called with received bytes.

        Returns:
            How many of the bytes were handled; None stands for all. The rest comes again in front
            of the next bytes that arrive. After an exception all bytes count as handled.
        """
        return None

    def on_received_view(self, view: memoryview) -> int | None:
        """Called with received bytes in place, instead of :meth:`on_received` if overridden.

        This saves a copy. The view, and everything that was made of it without a copy, must not be
        used after the call: its memory is overwritten by the next bytes.
        """
        return None

    def on_sent(self, sent: int, pending: int) -> None:
        """Called when ``sent`` bytes were written; ``pending`` more wait."""

    def on_empty(self) -> None:
        """Called when everything that was sent has been written."""

    @base_implementation
    def on_error(self, error: CppServerError) -> None:
        """Called with an error of the connection, or with a callback's exception.

        After an error of the connection ``on_disconnected`` follows; after an exception in a
        callback (:class:`HandlerError`) the connection goes on.
        """

    def on_disconnected(self, reason: Reason) -> None:
        """Called when the connection has ended, or could not be made."""

    @classmethod
    def _fill(cls, handler: _library.SessionHandler) -> None:
        """Enter the callbacks that this class overrides."""
        enter(handler, cls, Connection, _CALLBACKS)
        receive = cls._receiver()
        if receive is not None:
            handler.on_received = receive

    @classmethod
    def _receiver(cls) -> Any:
        """Return the native callback for what comes in; None if this class does not want it."""
        if overrides(cls, Connection, "on_received_view"):
            return _received_view
        return _received if overrides(cls, Connection, "on_received") else None


def closed(status: int) -> bool:
    """Tell whether a native call that closes found something to close."""
    if status == Status.NOT_CONNECTED:
        return False
    check(status)
    return True


def _address(function: Any, handle: int) -> tuple[str, int]:
    text = ctypes.create_string_buffer(64)
    port = ctypes.c_uint16()
    check(function(handle, text, len(text), ctypes.byref(port)))
    return text.value.decode("ascii"), port.value


connections: dict[int, Connection] = {}
"""The running connections by the key that is their native ``user_data``."""

_handlers: WeakKeyDictionary[type[Connection], _library.SessionHandler] = WeakKeyDictionary()


@_library.Notify
def _connected(key: int) -> None:
    connection = connections[key]
    try:
        connection.on_connected()
    except BaseException as exception:
        report(connection, "on_connected", exception)


@_library.Notify
def _handshaked(key: int) -> None:
    connection = connections[key]
    try:
        connection.on_handshaked()
    except BaseException as exception:
        report(connection, "on_handshaked", exception)


def _handled(handled: int, size: int) -> int:
    if not 0 <= handled <= size:
        raise ValueError(f"the bytes handled are 0 to {size}, not {handled}")
    return handled


@_library.NotifyReceived
def _received(key: int, kind: int, data: int, size: int) -> int:
    connection = connections[key]
    try:
        handled = connection.on_received(_windows[data][:size])
        return size if handled is None else _handled(handled, size)
    except BaseException as exception:
        report(connection, "on_received", exception)
        return size


@_library.NotifyReceived
def _received_view(key: int, kind: int, data: int, size: int) -> int:
    connection = connections[key]
    try:
        with _library.view_of_address(data, size) as view:
            handled = connection.on_received_view(view)
        return size if handled is None else _handled(handled, size)
    except BaseException as exception:
        report(connection, "on_received_view", exception)
        return size


@_library.NotifySent
def _sent(key: int, sent: int, pending: int) -> None:
    connection = connections[key]
    try:
        connection.on_sent(sent, pending)
    except BaseException as exception:
        report(connection, "on_sent", exception)


@_library.Notify
def _empty(key: int) -> None:
    connection = connections[key]
    try:
        connection.on_empty()
    except BaseException as exception:
        report(connection, "on_empty", exception)


@_library.NotifyError
def _error(key: int, code: int, category: bytes | None, message: bytes | None) -> None:
    connection = connections[key]
    try:
        connection.on_error(native_error(code, category, message))
    except BaseException as exception:
        report(connection, "on_error", exception)


@_library.NotifyReason
def _disconnected(key: int, reason: int) -> None:
    connection = connections[key]
    try:
        connection.on_disconnected(Reason(reason))
    except BaseException as exception:
        report(connection, "on_disconnected", exception)


@_library.Notify
def _destroy(key: int) -> None:
    connections.pop(key, None)


_CALLBACKS = {
    "on_connected": _connected,
    "on_handshaked": _handshaked,
    "on_sent": _sent,
    "on_empty": _empty,
    "on_error": _error,
    "on_disconnected": _disconnected,
}


def enter(
    handler: _library.SessionHandler,
    kind: type[Connection],
    base: type[Connection],
    callbacks: dict[str, Any],
) -> None:
    """Enter the native callbacks of the methods that a class has other ones of than its base."""
    for name, function in callbacks.items():
        if overrides(kind, base, name):
            setattr(handler, name, function)


def connection_handler(kind: type[Connection]) -> _library.SessionHandler:
    """Return the native handler with the callbacks that a class overrides."""
    handler = _handlers.get(kind)
    if handler is None:
        handler = _library.SessionHandler(
            size=ctypes.sizeof(_library.SessionHandler), destroy=_destroy
        )
        kind._fill(handler)
        _handlers[kind] = handler
    return handler
