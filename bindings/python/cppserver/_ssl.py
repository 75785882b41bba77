"""Servers, sessions and clients whose connections are encrypted with TLS."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Unpack

from . import _library
from ._certificates import read_bytes, read_text
from ._client import Client, HostClient
from ._errors import check, encode_address
from ._options import ClientKeywords, ServerKeywords
from ._server import HostServer, Session
from ._service import Service
from ._session import Connection
from ._tls import TlsContext


class TlsText(enum.IntEnum):
    """Numbers of the texts about an encrypted session."""

    VERSION = 1
    CIPHER_SUITE = 2
    ALPN_PROTOCOL = 3
    SERVER_NAME = 4
    PEER_SUBJECT = 5


@dataclasses.dataclass(frozen=True)
class TlsDetails:
    """What the handshake of an encrypted connection came to."""

    version: str
    """"TLSv1.2" or "TLSv1.3"."""
    cipher_suite: str
    """Name in the registry of IANA, such as "TLS_AES_256_GCM_SHA384"."""
    alpn_protocol: str | None
    """The protocol that both sides agreed on (ALPN)."""
    server_name: str | None
    """The name of the server that the client asked for (SNI); None for an address."""
    is_resumed: bool
    """Whether the handshake went on from an earlier session."""
    peer_certificates: tuple[bytes, ...]
    """The certificates of the peer in DER, its own first; none of a client that showed none."""
    peer_subject: str | None
    """Subject of the peer's own certificate (RFC 4514), such as "CN=client.example.com"."""


class SslConnection(Connection):
    """One encrypted stream of bytes. Base of :class:`SslSession` and :class:`SslClient`.

    ``on_handshaked`` tells that the peer is authenticated. What is sent before waits for that, and
    nothing is received before. A peer that closes the connection without the end of its stream, as
    an attacker who cuts it would, is told by ``on_error`` (:attr:`TlsFailure.TRUNCATED`) and
    :attr:`Reason.TRUNCATED`.
    """

    @property
    def tls(self) -> TlsDetails:
        """What the handshake came to, also after the end of the connection.

        Raises:
            NotConnectedError: No handshake was finished (yet).
        """
        return TlsDetails(
            version=self._text(TlsText.VERSION),
            cipher_suite=self._text(TlsText.CIPHER_SUITE),
            alpn_protocol=self._text(TlsText.ALPN_PROTOCOL) or None,
            server_name=self._text(TlsText.SERVER_NAME) or None,
            is_resumed=_library.session_tls_is_resumed(self._handle),
            peer_certificates=self._certificates(),
            peer_subject=self._text(TlsText.PEER_SUBJECT) or None,
        )

    def _text(self, text: TlsText) -> str:
        return read_text(_library.session_tls_text, self._handle, text)

    def _certificates(self) -> tuple[bytes, ...]:
        certificates: list[bytes] = []
        function = _library.session_tls_peer_certificate
        while certificate := read_bytes(function, self._handle, len(certificates)):
            certificates.append(certificate)
        return tuple(certificates)


class SslSession(SslConnection, Session):
    """An encrypted connection that a server accepted."""


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    SessionT = TypeVar("SessionT", bound=SslSession, default=SslSession)
else:
    # Before Python 3.13 only type checkers know the default.
    from typing import TypeVar

    SessionT = TypeVar("SessionT", bound=SslSession)


class HasContext:
    """An encrypted server or client."""

    _context: TlsContext

    def _set_context(self, context: TlsContext) -> None:
        if not isinstance(context, TlsContext):
            raise TypeError(f"context is a TlsContext, not {type(context).__name__}")
        self._context = context

    @property
    def context(self) -> TlsContext:
        """The context that was given to the constructor."""
        return self._context


class SslServer(HasContext, HostServer[SessionT]):
    """Accepts encrypted connections and makes a session for each."""

    session_class: type[SessionT] = SslSession  # type: ignore[assignment]

    _session_kind = SslSession

    def __init__(
        self,
        service: Service,
        context: TlsContext,
        address: str,
        port: int,
        *,
        session_class: type[SessionT] | None = None,
        **options: Unpack[ServerKeywords],
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
        return _library.server_create_tls(service, self._context._handle, address, port)


class EncryptedClient(HasContext, SslConnection, Client):
    """A client that verifies its server."""

    _server_name: str | None = None

    @property
    def server_name(self) -> str | None:
        """The name that the server is asked for (SNI) and that its certificate has to be for.

        None, the default, stands for the host. A change counts from the next connect on.
        """
        return self._server_name

    @server_name.setter
    def server_name(self, value: str | None) -> None:
        encoded = None if value is None else encode_address(value)
        check(_library.client_set_server_name(self._client, encoded))
        self._server_name = value


class SslClient(EncryptedClient, HostClient):
    """Makes an encrypted connection. The same object can connect again after the end."""

    def __init__(
        self,
        service: Service,
        context: TlsContext,
        host: str,
        port: int,
        *,
        server_name: str | None = None,
        **options: Unpack[ClientKeywords],
    ) -> None:
        """Make a client that is not connected.

        Args:
            service: The service to run on.
            context: Authorities and rules, and a certificate if the server asks for one.
            host: Name or numeric address of the server. The certificate has to be for it.
            port: Port of the server.
            server_name: Another name that the certificate has to be for.
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: The host, the port, the name or an option is not valid.
        """
        self._set_context(context)
        super().__init__(service, host, port, **options)
        if server_name is not None:
            self.server_name = server_name

    def _create_for(self, service: int, host: bytes, port: int) -> int | None:
        return _library.client_create_tls(service, self._context._handle, host, port)
