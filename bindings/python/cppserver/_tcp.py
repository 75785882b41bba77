"""Servers, sessions and clients that speak plain TCP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _library
from ._client import HostClient
from ._server import HostServer, Session


class TcpSession(Session):
    """A TCP connection that a server accepted."""


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    SessionT = TypeVar("SessionT", bound=TcpSession, default=TcpSession)
else:
    # Before Python 3.13 only type checkers know the default.
    from typing import TypeVar

    SessionT = TypeVar("SessionT", bound=TcpSession)


class TcpServer(HostServer[SessionT]):
    """Accepts TCP connections and makes a session for each."""

    session_class: type[SessionT] = TcpSession  # type: ignore[assignment]

    _session_kind = TcpSession

    def _create_for(self, service: int, address: bytes, port: int) -> int | None:
        return _library.server_create_tcp(service, address, port)


class TcpClient(HostClient):
    """Makes a TCP connection. The same object can connect again after the end."""

    def _create_for(self, service: int, host: bytes, port: int) -> int | None:
        return _library.client_create_tcp(service, host, port)
