"""Servers, sessions and clients whose WebSocket connections are encrypted with TLS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Unpack

from . import _library
from ._errors import encode_address
from ._options import WebSocketClientKeywords, WebSocketServerKeywords
from ._service import Service
from ._ssl import EncryptedClient, HasContext, SslConnection
from ._tls import TlsContext
from ._websocket import WebSocketClient, WebSocketServer, WebSocketSession


class WebSocketSslSession(SslConnection, WebSocketSession):
    """An encrypted WebSocket connection that a server accepted."""


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    SessionT = TypeVar("SessionT", bound=WebSocketSslSession, default=WebSocketSslSession)
else:
    # Before Python 3.13 only type checkers know the default.
    from typing import TypeVar

    SessionT = TypeVar("SessionT", bound=WebSocketSslSession)


class WebSocketSslServer(HasContext, WebSocketServer[SessionT]):
    """Accepts encrypted WebSocket connections and makes a session for each."""

    session_class: type[SessionT] = WebSocketSslSession  # type: ignore[assignment]

    _session_kind = WebSocketSslSession

    def __init__(
        self,
        service: Service,
        context: TlsContext,
        address: str,
        port: int,
        *,
        session_class: type[SessionT] | None = None,
        **options: Unpack[WebSocketServerKeywords],
    ) -> None:
        """Make a server that is not started.

        Args:
            service: The service to run on.
            context: Certificates and rules; it needs a certificate by the time of the start.
            address: As of :class:`TcpServer`.
            port: As of :class:`TcpServer`.
            session_class: Class of the sessions, instead of the class attribute.
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: The address, the port or an option is not valid.
        """
        self._set_context(context)
        super().__init__(service, address, port, session_class=session_class, **options)

    def _create_for(self, service: int, address: bytes, port: int) -> int | None:
        return _library.server_create_wss(service, self._context._handle, address, port)


class WebSocketSslClient(EncryptedClient, WebSocketClient):
    """Makes an encrypted WebSocket connection. The same object can connect again after the end."""

    def __init__(
        self,
        service: Service,
        context: TlsContext,
        uri: str,
        *,
        server_name: str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        subprotocols: Iterable[str] = (),
        **options: Unpack[WebSocketClientKeywords],
    ) -> None:
        """Make a client that is not connected.

        Args:
            service: The service to run on.
            context: Authorities and rules, and a certificate if the server asks for one.
            uri: Such as "wss://host:port/path?query"; without a port 443 is meant. The server's
                certificate has to be for the host.
            server_name: Another name that the certificate has to be for.
            headers: As of :class:`WebSocketClient`.
            subprotocols: As of :class:`WebSocketClient`.
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: The URI, the name, a header, a subprotocol or an option is not valid.
        """
        self._set_context(context)
        super().__init__(service, uri, headers=headers, subprotocols=subprotocols, **options)
        if server_name is not None:
            self.server_name = server_name

    def _create(self, service: int) -> int | None:
        return _library.client_create_wss(service, self._context._handle, encode_address(self._uri))
