"""Certificates by themselves, and texts and bytes of any length that the library stores."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from . import _library
from ._errors import check, encode_text

Bytes = bytes | bytearray | memoryview
"""What a certificate or a key is in memory."""


def read_text(function: Callable[..., int], *arguments: Any) -> str:
    """Return the text that a native function stores, whatever its length.

    The arguments are those in front of buffer, size and length.
    """
    return read_bytes(function, *arguments, room=1).decode("utf-8", "replace")


def read_bytes(function: Callable[..., int], *arguments: Any, room: int = 0) -> bytes:
    """Return the bytes that a native function stores; ``room`` is for what follows them."""
    length = ctypes.c_size_t()
    check(function(*arguments, None, 0, ctypes.byref(length)))
    buffer = ctypes.create_string_buffer(length.value + room)
    if len(buffer):
        check(function(*arguments, buffer, len(buffer), ctypes.byref(length)))
    return buffer.raw[: length.value]


def certificate_subject(certificate: Bytes) -> str:
    """Return the subject of a certificate in DER (RFC 4514), such as "CN=server.example.com".

    Raises:
        ArgumentError: This is no certificate.
    """
    data = bytes(memoryview(certificate))
    return read_text(_library.tls_certificate_subject, data, len(data))


def certificate_is_for_name(certificate: Bytes, name: str) -> bool:
    """Tell whether a certificate in DER is for a DNS name or an address (RFC 9525).

    Without a subjectAltName the common name of its subject counts (RFC 2818 section 3.1).
    """
    data = bytes(memoryview(certificate))
    return _library.tls_certificate_is_for_name(data, len(data), encode_text(name, "a name"))
