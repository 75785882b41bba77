"""Servers, sessions and clients on Unix domain sockets, for programs on one machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Unpack

from . import _library
from ._certificates import read_bytes
from ._client import Client
from ._errors import argument_error, check
from ._options import ClientKeywords, ServerKeywords
from ._server import Server, Session
from ._service import Service

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
"""The path of a Unix domain socket."""


def _encode_path(path: Path) -> bytes:
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise argument_error("a path contains no NUL")
    return encoded


class UnixSession(Session):
    """A connection that a server on a Unix domain socket accepted. It has no addresses."""


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    SessionT = TypeVar("SessionT", bound=UnixSession, default=UnixSession)
else:
    # Before Python 3.13 only type checkers know the default.
    from typing import TypeVar

    SessionT = TypeVar("SessionT", bound=UnixSession)


class UnixServer(Server[SessionT]):
    """Accepts connections on a Unix domain socket and makes a session for each.

    The start makes the file of the socket, and the stop removes it. A file that a process left
    behind when it was killed is taken over; one that a process listens on is an error of the start.
    """

    session_class: type[SessionT] = UnixSession  # type: ignore[assignment]

    _session_kind = UnixSession
    _mode: int | None = None

    def __init__(
        self,
        service: Service,
        path: Path,
        *,
        mode: int | None = None,
        session_class: type[SessionT] | None = None,
        **options: Unpack[ServerKeywords],
    ) -> None:
        """Make a server that is not started. Nothing touches the file system before the start.

        Args:
            service: The service to run on.
            path: Up to 107 bytes, 103 on macOS and the BSDs.
            mode: See :attr:`mode`.
            session_class: Class of the sessions, instead of the class attribute.
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: The path is empty or too long, or an option is not valid.
            UnsupportedError: This is Windows.
        """
        self._given_path = _encode_path(path)
        super().__init__(service, session_class=session_class, **options)
        if mode is not None:
            self.mode = mode

    def _create(self, service: int) -> int | None:
        return _library.server_create_unix(service, self._given_path)

    @property
    def path(self) -> str:
        """The path of the socket, absolute."""
        return os.fsdecode(read_bytes(_library.server_path, self._handle, room=1))

    @property
    def mode(self) -> int | None:
        """The permissions of the file, such as 0o660: who may write to it may connect.

        None, the default, leaves what the umask of the process leaves. A change counts from the
        next start on.
        """
        return self._mode

    @mode.setter
    def mode(self, value: int | None) -> None:
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"mode is an int or None, not {type(value).__name__}")
            if not 0 <= value <= 0o777:
                raise argument_error(f"mode is a number from 0 to 0o777, not {value:#o}")
        check(_library.server_set_mode(self._handle, -1 if value is None else value))
        self._mode = value


class UnixClient(Client):
    """Connects to a Unix domain socket. The same object can connect again after the end."""

    def __init__(self, service: Service, path: Path, **options: Unpack[ClientKeywords]) -> None:
        """Make a client that is not connected.

        Args:
            service: The service to run on.
            path: As of :class:`UnixServer`. No file need be there before the connect.
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: The path is empty or too long, or an option is not valid.
            UnsupportedError: This is Windows.
        """
        self._given_path = _encode_path(path)
        super().__init__(service, **options)

    def _create(self, service: int) -> int | None:
        return _library.client_create_unix(service, self._given_path)

    @property
    def path(self) -> str:
        """The path of the socket, absolute."""
        return os.fsdecode(read_bytes(_library.client_path, self._client, room=1))
