"""What the tests of TLS share: certificates, contexts of both sides, and classes with a log."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cppserver import Service, SslClient, SslConnection, SslServer, SslSession, TlsContext
from helpers import DEADLINE, ClientLog, Log, ServerLog, SessionLog, dial

CERTS = Path(__file__).resolve().parents[2] / "certs"

_OWNER = "O=Test certificates\\, published"
SERVER = f"CN=server.example.com,{_OWNER}"
OTHER = f"CN=other.example.com,{_OWNER}"
CLIENT = f"CN=client.example.com,{_OWNER}"


def server_context(name: str = "server", key: str | None = None) -> TlsContext:
    """Return our context with a certificate of the folder, for a server."""
    context = TlsContext()
    context.set_certificate_files(CERTS / f"{name}.pem", CERTS / f"{key or name}.key")
    return context


def client_context(authority: str = "ca", certificate: str | None = None) -> TlsContext:
    """Return our context that trusts an authority of the folder, for a client."""
    context = TlsContext()
    context.add_authority_file(CERTS / f"{authority}.pem")
    if certificate is not None:
        context.set_certificate_files(CERTS / f"{certificate}.pem", CERTS / f"{certificate}.key")
    return context


def their_server_context(name: str = "server") -> ssl.SSLContext:
    """Return a context of the standard library for a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTS / f"{name}.pem", CERTS / f"{name}.key")
    return context


def their_client_context(authority: str = "ca", certificate: str | None = None) -> ssl.SSLContext:
    """Return a context of the standard library for a client."""
    context = ssl.create_default_context(cafile=str(CERTS / f"{authority}.pem"))
    if certificate is not None:
        context.load_cert_chain(CERTS / f"{certificate}.pem", CERTS / f"{certificate}.key")
    return context


class HandshakeLog(SslConnection):
    """Logs the handshake; the class beside it knows where."""

    def event_log(self) -> Log:
        raise NotImplementedError

    def on_handshaked(self) -> None:
        self.event_log().add("handshaked", self.tls)


class LoggingSslSession(HandshakeLog, SessionLog, SslSession):
    server: LoggingSslServer

    def event_log(self) -> Log:
        return self.server.log


class SslEchoSession(LoggingSslSession):
    def on_received(self, data: bytes) -> int | None:
        self.server.log.add("received", data)
        self.send(data)
        return None


class LoggingSslServer(ServerLog, SslServer[LoggingSslSession]):
    session_class = LoggingSslSession


class LoggingSslClient(HandshakeLog, ClientLog, SslClient):
    def event_log(self) -> Log:
        return self.log

    def handshake(self) -> None:
        """Connect and wait for the handshake."""
        count = len(self.log.events("handshaked")) + 1
        self.connect()
        self.log.wait("handshaked", count=count)


def started(
    service: Service, context: TlsContext, session_class: Any = SslEchoSession, **options: Any
) -> LoggingSslServer:
    """Return a started server, an echo server unless its sessions are of another class."""
    server = LoggingSslServer(
        service, context, "127.0.0.1", 0, session_class=session_class, **options
    )
    server.start_and_wait()
    return server


def dial_tls(
    port: int, context: ssl.SSLContext | None = None, name: str = "localhost", **options: Any
) -> ssl.SSLSocket:
    """Connect with the standard library and shake hands."""
    peer = dial(port)
    try:
        return (context or their_client_context()).wrap_socket(
            peer, server_hostname=name, suppress_ragged_eofs=False, **options
        )
    except BaseException:
        peer.close()
        raise


class Listener:
    """A server of the standard library, which serves each connection on one thread."""

    def __init__(
        self, context: ssl.SSLContext | None, serve: Callable[[ssl.SSLSocket], None]
    ) -> None:
        self.log = Log()
        self._context = context
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            peer.settimeout(DEADLINE)
            try:
                with peer:
                    self._talk(peer)
            except OSError as error:
                self.log.add("error", error)

    def _talk(self, peer: Any) -> None:
        if self._context is not None:
            peer = self._context.wrap_socket(peer, server_side=True, suppress_ragged_eofs=False)
        with peer:
            self._serve(peer)

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # Not every system shuts listeners down.
        self._socket.close()
        self._thread.join(DEADLINE)


@contextmanager
def listening(
    serve: Callable[[ssl.SSLSocket], None], context: ssl.SSLContext | None = None
) -> Iterator[Listener]:
    """Run a server of the standard library with the good certificate or another context."""
    listener = Listener(context or their_server_context(), serve)
    try:
        yield listener
    finally:
        listener.close()


def echo(peer: ssl.SSLSocket) -> None:
    """Send back until the peer says that it ends, and say so too."""
    while data := peer.recv(1 << 16):
        peer.sendall(data)
    peer.unwrap()
