"""The callbacks of the sockets of scalability protocols."""

from __future__ import annotations

import ctypes
import os
from typing import Any
from weakref import WeakKeyDictionary

from . import _library, _sp_library
from ._callbacks import overrides, report
from ._errors import native_error
from ._sp_options import Peer
from ._sp_transfer import body, header_and_body

sockets: dict[int, Any] = {}
"""The sockets with callbacks that are open, by the key that is their native ``user_data``."""

_handlers: WeakKeyDictionary[type[Any], _sp_library.SpHandler] = WeakKeyDictionary()


@_sp_library.NotifyMessage
def _received(key: int, _: int, message: int) -> None:
    socket = sockets[key]
    try:
        socket.on_received(body(message))
    except BaseException as exception:
        report(socket, "on_received", exception)


@_sp_library.NotifyMessage
def _received_raw(key: int, _: int, message: int) -> None:
    socket = sockets[key]
    try:
        socket.on_received_raw(header_and_body(message))
    except BaseException as exception:
        report(socket, "on_received_raw", exception)


@_sp_library.NotifySocket
def _writable(key: int, _: int) -> None:
    socket = sockets[key]
    try:
        socket.on_writable()
    except BaseException as exception:
        report(socket, "on_writable", exception)


@_sp_library.NotifySocket
def _finished(key: int, _: int) -> None:
    socket = sockets[key]
    try:
        socket.on_finished()
    except BaseException as exception:
        report(socket, "on_finished", exception)


@_sp_library.NotifyPeer
def _connected(key: int, _: int, endpoint: int, address: bytes | None, dialed: bool) -> None:
    socket = sockets[key]
    try:
        socket.on_connected(Peer(endpoint, (address or b"").decode("utf-8", "replace"), dialed))
    except BaseException as exception:
        report(socket, "on_connected", exception)


@_sp_library.NotifyPeer
def _disconnected(key: int, _: int, endpoint: int, address: bytes | None, dialed: bool) -> None:
    socket = sockets[key]
    try:
        socket.on_disconnected(Peer(endpoint, (address or b"").decode("utf-8", "replace"), dialed))
    except BaseException as exception:
        report(socket, "on_disconnected", exception)


@_sp_library.NotifySocketError
def _error(key: int, _: int, code: int, category: bytes | None, message: bytes | None) -> None:
    socket = sockets[key]
    try:
        socket.on_error(native_error(code, category, message))
    except BaseException as exception:
        report(socket, "on_error", exception)


@_library.Notify
def _destroy(key: int) -> None:
    sockets.pop(key, None)


_CALLBACKS: dict[str, Any] = {
    "on_received": _received,
    "on_received_raw": _received_raw,
    "on_writable": _writable,
    "on_finished": _finished,
    "on_connected": _connected,
    "on_disconnected": _disconnected,
    "on_error": _error,
}


def native_handler(kind: type[Any], base: type[Any]) -> _sp_library.SpHandler:
    """Return the native handler with the callbacks that a class overrides."""
    handler = _handlers.get(kind)
    if handler is None:
        handler = _sp_library.SpHandler(size=ctypes.sizeof(_sp_library.SpHandler), destroy=_destroy)
        for name, function in _CALLBACKS.items():
            if overrides(kind, base, name):
                setattr(handler, name.removesuffix("_raw"), function)
        _handlers[kind] = handler
    return handler


if hasattr(os, "register_at_fork"):
    # The sockets of the parent process are none of this one.
    os.register_at_fork(after_in_child=sockets.clear)


def has_callbacks(kind: type[Any], base: type[Any]) -> bool:
    """Tell whether a class overrides a callback."""
    return any(overrides(kind, base, name) for name in _CALLBACKS)
