"""Messages on their way across the border: what sockets and contexts send and receive.

A native message is a box that receives are filled into. Some boxes are kept to be used again,
unless what was in them took much memory.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from . import _library, _sp_library
from ._errors import SpFailure, Status, argument_error, last_error
from ._session import LARGE, as_bytes
from ._sp_options import RawMessage

Data = bytes | bytearray | memoryview
"""What can be sent."""

_data = _sp_library.sp_message_data
_size = _sp_library.sp_message_size
_windows = _library.windows

_boxes: list[int] = []
_MOST_BOXES = 64
_MOST_BYTES = 4096

_Read = TypeVar("_Read")


def body(message: int) -> bytes:
    """Return the bytes of a native message."""
    data: bytes = _windows[_data(message)][: _size(message)]
    return data


def header_and_body(message: int) -> RawMessage:
    """Return a native message with its header."""
    count = ctypes.c_size_t()
    words = _sp_library.sp_message_header(message, ctypes.byref(count))
    header = (ctypes.c_uint32 * count.value).from_address(words) if count.value else ()
    return RawMessage(tuple(header), body(message))


def receive(
    function: Callable[..., int],
    handle: int,
    timeout: int,
    *more: Any,
    read: Callable[[int], _Read],
) -> _Read | None:
    """Receive by a native function, and return what ``read`` makes of it.

    Returns:
        None when the call would have to wait and must not, for ``blocked()`` to say so.
    """
    message = _boxes.pop() if _boxes else _new_box()
    try:
        if function(handle, message, timeout, *more):
            if would_block():
                return None
            raise last_error()
        return read(message)
    finally:
        if _size(message) <= _MOST_BYTES and len(_boxes) < _MOST_BOXES:
            _boxes.append(message)
        else:
            _sp_library.sp_message_release(message)


def _new_box(data: bytes | None = None) -> int:
    message = _sp_library.sp_message_create(data, 0 if data is None else len(data))
    if not message:
        raise last_error()
    return message


def would_block() -> bool:
    """Tell whether the native call that just failed would have had to wait."""
    return _library.last_error_code() == SpFailure.WOULD_BLOCK


def encode(data: Data) -> bytes:
    """Return what is to be sent as bytes."""
    return data if type(data) is bytes else as_bytes(data)


def sent(status: int) -> bool:
    """Tell whether a message was sent; False when that would have to wait."""
    if not status:
        return True
    if status == Status.TIMEOUT and would_block():
        return False
    raise last_error()


def is_large(data: bytes) -> bool:
    """Tell whether the copy of a message takes so long that other threads may run meanwhile."""
    return len(data) >= LARGE


class RawBox:
    """A native message with a header, to be sent."""

    def __init__(self, header: Iterable[int], data: Data) -> None:
        """Make the message."""
        words = [_check_word(word) for word in header]
        self.message = _new_box(encode(data))
        array = (ctypes.c_uint32 * len(words))(*words)
        if _sp_library.sp_message_set_header(self.message, array, len(words)):
            raise last_error()

    def __del__(self) -> None:
        """Give the native message back."""
        message: int | None = getattr(self, "message", None)
        if message:
            _sp_library.sp_message_release(message)


def _check_word(word: Any) -> int:
    if isinstance(word, bool) or not isinstance(word, int):
        raise TypeError(f"a header is made of int, not {type(word).__name__}")
    if not 0 <= word <= 0xFFFFFFFF:
        raise argument_error(f"the numbers of a header have 32 bits, which {word} exceeds")
    return word
