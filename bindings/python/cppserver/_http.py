"""What HTTP clients ask a WebSocket server for, and the answers to them."""

from __future__ import annotations

import ctypes
import dataclasses
import threading
from collections.abc import Callable
from typing import Any

from . import _library
from ._errors import StateError, Status, argument_error, check, encode_text


@dataclasses.dataclass(frozen=True)
class Request:
    """What a client asks for. It stays valid after the callback about it."""

    method: str
    """"GET" or "HEAD"."""
    target: str
    """The path and the query, such as "/chat?room=7", as the client has written them."""
    path: str
    """The path alone, such as "/chat"."""
    query: str | None
    """What follows the question mark of the target; None without one."""
    headers: tuple[tuple[str, str], ...]
    """Names, in small letters, and values of the header fields; those that are UTF-8."""

    def header(self, name: str) -> str | None:
        """Return the first value of a header field, in any case of letters; None without one."""
        name = name.lower()
        return next((value for own, value in self.headers if own == name), None)

    @property
    def origin(self) -> str | None:
        """The page that a browser connects from, such as "https://example.com"."""
        return self.header("origin")

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """The subprotocols that the client offers, the preferred one first."""
        lists = (value for name, value in self.headers if name == "sec-websocket-protocol")
        names = (name.strip() for names in lists for name in names.split(","))
        return tuple(name for name in names if name)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def read_request(handle: int) -> Request:
    """Return a copy of a native request, which is valid during its callback only."""
    headers: list[tuple[str, str]] = []
    name, value = ctypes.c_char_p(), ctypes.c_char_p()
    places = ctypes.byref(name), ctypes.byref(value)
    while _library.http_request_header_at(handle, len(headers), *places):
        headers.append((_text(name.value), _text(value.value)))
    query = _library.http_request_query(handle)
    return Request(
        method=_text(_library.http_request_method(handle)),
        target=_text(_library.http_request_target(handle)),
        path=_text(_library.http_request_path(handle)),
        query=None if query is None else _text(query),
        headers=tuple(headers),
    )


class Response:
    """The answer to a :class:`Request`, to be changed in the callback about it, and only there."""

    def __init__(self, handle: int) -> None:
        """Wrap the response of a running callback. Not for users."""
        self._handle = handle
        # The callback may return on its thread while another one uses the response.
        self._lock = threading.Lock()
        self._subprotocol: str | None = None
        self._body = b""

    def _use(self, function: Callable[..., int], *arguments: Any) -> int:
        with self._lock:
            if not self._handle:
                raise StateError(
                    Status.INVALID_STATE,
                    "state",
                    "a response can be used during the callback about its request only",
                )
            return function(self._handle, *arguments)

    def _expire(self) -> None:
        """End the use of the response: the callback about it is over."""
        with self._lock:
            self._handle = 0

    @property
    def status(self) -> int:
        """The status (RFC 9110 section 15), such as 200 for a page or 403 to refuse a handshake.

        It is 101 before a handshake that will be accepted, 426 before the answer to anything else.

        Raises:
            ArgumentError: The value is not from 200 to 599.
            StateError: The callback is over.
        """
        return self._use(_library.http_response_status)

    @status.setter
    def status(self, value: int) -> None:
        if not isinstance(value, int):
            raise TypeError(f"a status is an int, not {type(value).__name__}")
        if not 0 <= value <= 0xFFFF:
            raise argument_error(f"the status of an answer is from 200 to 599, not {value}")
        check(self._use(_library.http_response_set_status, value))

    def add_header(self, name: str, value: str) -> None:
        """Add a header field, such as "Content-Type" or "Set-Cookie".

        Those about the connection, the handshake and the length are written by the library.

        Raises:
            ArgumentError: A header cannot have the name or the value, or the library writes it.
            StateError: The callback is over.
        """
        encoded = encode_text(name, "a name"), encode_text(value, "a value")
        check(self._use(_library.http_response_add_header, *encoded))

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol of the connection; choose one of :attr:`Request.subprotocols`.

        Raises:
            ArgumentError: The name is no token (RFC 9110 section 5.6.2).
            StateError: The callback is over.
        """
        return self._subprotocol

    @subprotocol.setter
    def subprotocol(self, value: str) -> None:
        encoded = encode_text(value, "a subprotocol")
        check(self._use(_library.http_response_set_subprotocol, encoded))
        self._subprotocol = value

    @property
    def body(self) -> bytes:
        """What follows the head: a page, or a sentence on why the handshake is refused.

        A str becomes UTF-8. Name what it is by the header "Content-Type".

        Raises:
            StateError: The callback is over.
        """
        return self._body

    @body.setter
    def body(self, value: str | bytes | bytearray | memoryview) -> None:
        body = value.encode() if isinstance(value, str) else bytes(memoryview(value))
        check(self._use(_library.http_response_set_body, body, len(body)))
        self._body = body
