"""Addresses of datagrams, on their way across the border.

To format an address takes longer than everything else that is done for a datagram, and most
datagrams come from few peers. So both directions remember what they have seen.
"""

from __future__ import annotations

import ctypes
from typing import Any

from . import _library
from ._errors import check, check_port, encode_address

Address = tuple[str, int]
"""Numeric address and port, such as ``("127.0.0.1", 80)`` or ``("fe80::1%2", 80)``."""

SIZE = ctypes.sizeof(_library.Address)
"""Bytes of a native address."""

_MOST = 16 * 1024
"""Addresses to remember, some 5 MiB; strangers who make up addresses must not fill the memory."""


class _FromNative(dict[bytes, Address]):
    """``from_native[data]`` is the address that native bytes stand for."""

    def __missing__(self, native: bytes) -> Address:
        text = ctypes.create_string_buffer(64)
        check(_library.address_text(native, text, len(text)))
        port = _library.Address.from_buffer_copy(native).port
        if len(self) >= _MOST:
            self.clear()
        address = self[native] = (text.value.decode("ascii"), port)
        return address


class _ToNative(dict[Address, bytes]):
    """``to_native[address]`` are the native bytes of an address; names are not looked up."""

    def __missing__(self, address: Any) -> bytes:
        if not isinstance(address, tuple) or len(address) != 2:
            raise TypeError
        native = ctypes.create_string_buffer(SIZE)
        host, port = address
        check(_library.address_parse(encode_address(host), check_port(port), native))
        if len(self) >= _MOST:
            self.clear()
        data = self[address] = native.raw
        return data


from_native = _FromNative()
to_native = _ToNative()


def wrong_address(address: object) -> TypeError:
    """Return the error for what made ``to_native`` raise a TypeError."""
    return TypeError(f"an address is a tuple of a str and a port number, not {address!r}")


def encode(address: Address) -> bytes:
    """Return the native bytes of an address."""
    try:
        return to_native[address]
    except TypeError:
        raise wrong_address(address) from None
