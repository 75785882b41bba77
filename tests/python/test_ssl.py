"""Encrypted servers and clients of ours: data, details, changes at run time, and ends."""

from __future__ import annotations

import dataclasses
import random
import shutil
import socket
import ssl
from pathlib import Path

import pytest
from cppserver import (
    ArgumentError,
    DeadlineError,
    HandlerError,
    NotConnectedError,
    Reason,
    SslClient,
    SslServer,
    SslSession,
    TcpSession,
    TlsContext,
    TlsDetails,
    TlsError,
    TlsFailure,
    TlsVersion,
)
from helpers import (
    Log,
    LoggingClient,
    LoggingServer,
    LoggingService,
    dial,
    read_exactly,
    read_to_end,
    wait_until,
)
from ssl_helpers import (
    CERTS,
    OTHER,
    SERVER,
    LoggingSslClient,
    LoggingSslServer,
    LoggingSslSession,
    SslEchoSession,
    client_context,
    dial_tls,
    server_context,
    started,
)


@pytest.fixture
def ssl_server(service: LoggingService) -> LoggingSslServer:
    """Return a started echo server with the good certificate."""
    return started(service, server_context())


@pytest.fixture
def ssl_client(service: LoggingService, ssl_server: LoggingSslServer) -> LoggingSslClient:
    """Return a client that has shaken hands with the echo server."""
    client = LoggingSslClient(service, client_context(), "127.0.0.1", ssl_server.port)
    client.handshake()
    return client


# Data


def test_an_echo_in_order(ssl_server: LoggingSslServer, ssl_client: LoggingSslClient) -> None:
    ssl_client.send(b"hello")
    ssl_client.log.wait_received(b"hello")
    assert ssl_client.is_handshaked
    ssl_client.disconnect()
    ssl_client.log.wait("disconnected", Reason.LOCAL)
    ssl_server.log.wait("disconnected")
    assert ("session disconnected", Reason.PEER_CLOSED) in ssl_server.log.events()
    assert not ssl_client.is_handshaked
    assert ssl_client.log.names() == ["connected", "handshaked", "received", "disconnected"]
    assert ssl_server.log.names() == [
        "started",
        "session connected",
        "connected",
        "handshaked",
        "received",
        "session disconnected",
        "disconnected",
    ]


def test_a_mebibyte_in_random_cuts(
    ssl_server: LoggingSslServer, ssl_client: LoggingSslClient
) -> None:
    generator = random.Random(1)
    data = generator.randbytes(1 << 20)
    at = 0
    while at < len(data):
        size = generator.choice((1, 2, 7, 100, 5000, 16384, 16385, 100_000))
        ssl_client.send(data[at : at + size])
        at += size
    ssl_client.log.wait_received(data)
    assert ssl_server.log.received() == data


def test_what_is_sent_before_the_handshake_leaves_after_it(service: LoggingService) -> None:
    class Greeting(LoggingSslSession):
        def on_connected(self) -> None:
            assert not self.is_handshaked
            self.send(b"from the server")

    class Client(LoggingSslClient):
        def on_connected(self) -> None:
            assert not self.is_handshaked
            self.send(b"from the client")

    server = started(service, server_context(), Greeting)
    client = Client(service, client_context(), "127.0.0.1", server.port)
    client.connect()
    client.log.wait_received(b"from the server")
    server.log.wait_received(b"from the client")
    assert client.log.names() == ["handshaked", "received"]


def test_disconnect_before_the_handshake_delivers_too(service: LoggingService) -> None:
    class Client(LoggingSslClient):
        def on_connected(self) -> None:
            self.send(b"last words")
            self.disconnect()

    server = started(service, server_context())
    client = Client(service, client_context(), "127.0.0.1", server.port)
    client.connect()
    client.log.wait("disconnected", Reason.LOCAL)
    server.log.wait("session disconnected", Reason.PEER_CLOSED)
    assert server.log.received() == b"last words"


def test_multicast_skips_sessions_before_their_handshake(
    ssl_server: LoggingSslServer, ssl_client: LoggingSslClient
) -> None:
    with dial(ssl_server.port):
        waiting = ssl_server.session(2)
        ssl_server.log.wait("handshaked")
        ssl_server.multicast(b"to all")
        ssl_client.log.wait_received(b"to all")
        assert not waiting.is_handshaked
        assert waiting.bytes_pending == 0


def test_reading_can_be_paused(service: LoggingService) -> None:
    class Pausing(LoggingSslSession):
        def on_received(self, data: bytes) -> int | None:
            self.pause_reading()
            self.server.log.add("received", data)
            self.send(b"paused")
            return None

    server = started(service, server_context(), Pausing)
    client = LoggingSslClient(service, client_context(), "127.0.0.1", server.port)
    client.handshake()
    client.send(b"first")
    client.log.wait("received", b"paused")
    client.send(b"second")
    client.disconnect()
    client.log.wait("disconnected", Reason.LOCAL)
    assert server.log.received() == b"first"
    server.session().resume_reading()
    server.log.wait("received", b"second")
    server.session().resume_reading()
    server.log.wait("disconnected", server.session(), Reason.PEER_CLOSED)
    with pytest.raises(NotConnectedError):
        server.session().pause_reading()
    with pytest.raises(NotConnectedError):
        server.session().resume_reading()


def test_received_data_in_place(service: LoggingService) -> None:
    class Viewing(LoggingSslSession):
        def on_received_view(self, view: memoryview) -> int | None:
            self.send(view)
            return None

    server = started(service, server_context(), Viewing)
    client = LoggingSslClient(service, client_context(), "127.0.0.1", server.port)
    client.handshake()
    client.send(b"hello")
    client.log.wait_received(b"hello")


def test_a_client_comes_back(ssl_server: LoggingSslServer, ssl_client: LoggingSslClient) -> None:
    ssl_client.reconnect()
    ssl_client.log.wait("handshaked", count=2)
    ssl_client.send(b"again")
    ssl_client.log.wait_received(b"again")


def test_a_server_restarts(ssl_server: LoggingSslServer, ssl_client: LoggingSslClient) -> None:
    ssl_server.log.wait("handshaked")  # Before that the end would come without a close_notify.
    ssl_server.restart()
    ssl_client.log.wait("disconnected", Reason.PEER_CLOSED)
    ssl_server.log.wait("started", count=2)
    ssl_client.handshake()


def test_an_exception_in_on_handshaked_comes_to_on_error(service: LoggingService) -> None:
    class Raising(LoggingSslSession):
        def on_handshaked(self) -> None:
            raise RuntimeError("not today")

    server = started(service, server_context(), Raising)
    client = LoggingSslClient(service, client_context(), "127.0.0.1", server.port)
    client.handshake()
    error = server.log.wait("session error")[1]
    assert type(error) is HandlerError
    assert "Raising.on_handshaked raised RuntimeError: not today" in error.message
    client.send(b"goes on")
    server.log.wait_received(b"goes on")


# Classes


def test_sessions_of_another_protocol_are_refused(service: LoggingService, unraisable: Log) -> None:
    with pytest.raises(TypeError, match="session_class is a subclass of SslSession"):
        SslServer(service, server_context(), "127.0.0.1", 0, session_class=TcpSession)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="session_class is a subclass of TcpSession"):
        LoggingServer(service, "127.0.0.1", 0, session_class=SslSession)

    class Confused(SslServer):
        def create_session(self) -> SslSession | None:
            return TcpSession(self)  # type: ignore[return-value]

    server = Confused(service, server_context(), "127.0.0.1", 0)
    server.start()
    with dial(server.port) as peer:
        assert read_to_end(peer) == b""
    ((error, _),) = unraisable.events()
    assert str(error) == "a session is a SslSession, not TcpSession"


def test_options_are_keywords(service: LoggingService) -> None:
    server = SslServer(service, server_context(), "127.0.0.1", 0, handshake_timeout=1.5, backlog=5)
    assert (server.handshake_timeout, server.backlog) == (1.5, 5)
    client = SslClient(
        service, client_context(), "127.0.0.1", 1, handshake_timeout=0, connect_timeout=2
    )
    assert (client.handshake_timeout, client.connect_timeout) == (0.0, 2.0)


# Details


def test_what_a_handshake_came_to(
    ssl_server: LoggingSslServer, ssl_client: LoggingSslClient
) -> None:
    ours = ssl_client.tls
    assert ours == ssl_client.log.wait("handshaked")[1]
    assert ours == TlsDetails(
        version="TLSv1.3",
        cipher_suite=ours.cipher_suite,
        alpn_protocol=None,
        server_name=None,
        is_resumed=False,
        peer_certificates=((CERTS / "server.der").read_bytes(),),
        peer_subject=SERVER,
    )
    assert ours.cipher_suite.startswith("TLS_")
    theirs = ssl_server.log.wait("handshaked")[1]
    assert theirs == dataclasses.replace(ours, peer_certificates=(), peer_subject=None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        ours.version = "TLSv1.4"  # type: ignore[misc]
    ssl_client.disconnect()
    ssl_client.log.wait("disconnected")
    assert ssl_client.tls == ours
    ssl_server.log.wait("disconnected")
    assert ssl_server.session().tls == theirs


def test_there_are_no_details_before_the_handshake(service: LoggingService) -> None:
    client = SslClient(service, client_context(), "127.0.0.1", 1)
    assert not client.is_handshaked
    with pytest.raises(NotConnectedError):
        _ = client.tls
    server = started(service, server_context())
    with dial(server.port):
        with pytest.raises(NotConnectedError):
            _ = server.session().tls


def test_a_chain_has_several_certificates(service: LoggingService) -> None:
    server = started(service, server_context("server-chain"))
    client = LoggingSslClient(service, client_context(), "127.0.0.1", server.port)
    client.handshake()
    chain = (CERTS / "server-chain.pem").read_text()
    blocks = chain.split("-----END CERTIFICATE-----\n")[:-1]
    expected = tuple(
        ssl.PEM_cert_to_DER_cert(block[block.index("-----BEGIN") :] + "-----END CERTIFICATE-----\n")
        for block in blocks
    )
    assert len(expected) == 2
    assert client.tls.peer_certificates == expected


@pytest.mark.parametrize("version", list(TlsVersion))
def test_each_version_is_spoken(service: LoggingService, version: TlsVersion) -> None:
    context = client_context()
    context.minimum_version = context.maximum_version = version
    server = started(service, server_context())
    client = LoggingSslClient(service, context, "127.0.0.1", server.port)
    client.handshake()
    assert client.tls.version == {0x303: "TLSv1.2", 0x304: "TLSv1.3"}[version]
    client.send(b"hello")
    client.log.wait_received(b"hello")


def test_the_name_chooses_the_certificate(service: LoggingService) -> None:
    context = server_context()
    context.add_certificate_files(CERTS / "other-name.pem", CERTS / "other-name.key")
    server = started(service, context)
    client = LoggingSslClient(
        service, client_context(), "127.0.0.1", server.port, server_name="other.example.com"
    )
    for number, (name, subject) in enumerate(
        [("other.example.com", OTHER), ("server.example.com", SERVER), (None, SERVER)], start=1
    ):
        client.server_name = name
        assert client.server_name == name
        client.handshake()
        assert (client.tls.peer_subject, client.tls.server_name) == (subject, name)
        assert server.log.wait("handshaked", count=number)[1].server_name == name
        client.disconnect()
        client.log.wait("disconnected", count=number)
        wait_until(lambda: not client.is_connected)


def test_names_that_are_none_are_refused(service: LoggingService) -> None:
    client = SslClient(service, client_context(), "127.0.0.1", 1, server_name="localhost")
    for name in ("", "no name", "a..b", "a\0b"):
        with pytest.raises(ArgumentError):
            client.server_name = name
    with pytest.raises(TypeError):
        client.server_name = 5  # type: ignore[assignment]
    assert client.server_name == "localhost"
    with pytest.raises(ArgumentError):
        SslClient(service, client_context(), "127.0.0.1", 1, server_name="no name")


def test_a_protocol_is_agreed_on(service: LoggingService) -> None:
    theirs, ours = server_context(), client_context()
    theirs.alpn_protocols = ("one", "two")
    server = started(service, theirs)
    client = LoggingSslClient(service, ours, "127.0.0.1", server.port)
    for number, (offered, agreed) in enumerate(
        [(("two",), "two"), (("three", "one"), "one"), ((), None)], start=1
    ):
        ours.alpn_protocols = offered
        client.handshake()
        assert client.tls.alpn_protocol == agreed
        assert server.log.wait("handshaked", count=number)[1].alpn_protocol == agreed
        client.disconnect()
        client.log.wait("disconnected", count=number)
    ours.alpn_protocols = ("three",)
    client.connect()
    error = client.log.wait("error")[1]
    assert (error.alert, error.is_from_peer) == (120, True)
    assert server.log.wait("session error")[1].code == 120
    client.log.wait("disconnected", count=4)


@pytest.mark.parametrize("resumption", [True, False])
def test_later_connections_are_resumed(service: LoggingService, resumption: bool) -> None:
    context = client_context()
    context.resumption = resumption
    server = started(service, server_context())
    client = LoggingSslClient(service, context, "127.0.0.1", server.port)
    for number, resumed in enumerate([False, resumption, resumption], start=1):
        client.handshake()
        client.send(b"x")  # The answer comes behind the ticket.
        client.log.wait("received", count=number)
        assert client.tls.is_resumed is resumed
        assert client.tls.peer_subject == SERVER
        assert server.log.wait("handshaked", count=number)[1].is_resumed is resumed
        client.disconnect()
        client.log.wait("disconnected", count=number)


def test_secrets_are_logged(service: LoggingService, tmp_path: Path) -> None:
    files = [tmp_path / "server.log", tmp_path / "client.log"]
    theirs, ours = server_context(), client_context()
    theirs.key_log_file, ours.key_log_file = files
    server = started(service, theirs)
    client = LoggingSslClient(service, ours, "127.0.0.1", server.port)
    client.handshake()
    server.log.wait("handshaked")
    lines = [sorted(file.read_text().splitlines()) for file in files]
    assert lines[0] == lines[1]
    assert [line.split()[0] for line in lines[0] if "EXPORTER" not in line] == [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_TRAFFIC_SECRET_0",
    ]
    ours.key_log_file = None
    client.reconnect()
    client.log.wait("handshaked", count=2)
    assert sorted(files[1].read_text().splitlines()) == lines[1]


# Changes at run time


def test_certificates_are_renewed_without_an_end(service: LoggingService, tmp_path: Path) -> None:
    def copy(name: str, kind: str) -> Path:
        return Path(shutil.copy(CERTS / f"{name}.{kind}", tmp_path / f"it.{kind}"))

    context = TlsContext()
    context.set_certificate_files(copy("server", "pem"), copy("server", "key"))
    server = started(service, context)

    def subject() -> str | None:
        trusting = client_context()  # Without a memory: a resumed session keeps its certificate.
        trusting.verify_names = False
        client = LoggingSslClient(service, trusting, "127.0.0.1", server.port)
        client.handshake()
        client.disconnect()
        return client.tls.peer_subject

    first = LoggingSslClient(service, client_context(), "127.0.0.1", server.port)
    first.handshake()
    copy("other-name", "pem")
    with pytest.raises(TlsError) as caught:  # Half of the new files: nothing changes.
        context.reload()
    assert caught.value.failure is TlsFailure.KEY_MISMATCH
    assert subject() == SERVER
    copy("other-name", "key")
    context.reload()
    assert subject() == OTHER
    context.set_certificate_files(CERTS / "server.pem", CERTS / "server.key")
    assert subject() == SERVER
    first.send(b"still here")
    first.log.wait_received(b"still here")


def test_authorities_are_renewed_too(service: LoggingService, tmp_path: Path) -> None:
    file = Path(shutil.copy(CERTS / "other-ca.pem", tmp_path / "ca.pem"))
    context = TlsContext()
    context.add_authority_file(file)
    server = started(service, server_context())
    client = LoggingSslClient(service, context, "127.0.0.1", server.port)
    client.connect()
    client.log.wait("disconnected", Reason.ERROR)
    shutil.copy(CERTS / "ca.pem", file)
    context.reload()
    client.handshake()


# Ends


def test_a_cut_stream_is_told_from_an_end(service: LoggingService) -> None:
    server = started(service, server_context())
    peer = dial_tls(server.port)
    peer.sendall(b"some of it")
    assert read_exactly(peer, 10) == b"some of it"
    peer.shutdown(socket.SHUT_RDWR)  # Beneath TLS.
    peer.close()
    error = server.log.wait("session error")[1]
    assert type(error) is TlsError
    assert (error.failure, error.alert) == (TlsFailure.TRUNCATED, None)
    assert "close_notify" in error.message
    server.log.wait("session disconnected", Reason.TRUNCATED)
    assert Reason.TRUNCATED.text not in ("", Reason.PEER_CLOSED.text)
    with dial_tls(server.port) as peer:
        peer.sendall(b"all of it")
        assert read_exactly(peer, 9) == b"all of it"
        assert peer.unwrap().recv(1) == b""
    server.log.wait("session disconnected", Reason.PEER_CLOSED)
    assert len(server.log.events("session error")) == 1


def test_disconnect_now_drops_what_waits(ssl_server: LoggingSslServer) -> None:
    with dial_tls(ssl_server.port) as peer:
        session = ssl_server.session()
        session.disconnect_now()
        ssl_server.log.wait("session disconnected", Reason.LOCAL)
        with pytest.raises((ssl.SSLEOFError, ConnectionError)):
            peer.recv(1)


def test_plain_text_is_refused(service: LoggingService) -> None:
    server = started(service, server_context())
    with dial(server.port) as peer:
        peer.sendall(b"GET / HTTP/1.0\r\n\r\n")
        alert = read_to_end(peer)
    assert alert[:1] == b"\x15"
    assert type(server.log.wait("session error")[1]) is TlsError
    server.log.wait("session disconnected", Reason.ERROR)
    assert not server.log.events("handshaked")


def test_a_plain_server_is_refused(service: LoggingService, echo_server: LoggingServer) -> None:
    client = LoggingSslClient(service, client_context(), "127.0.0.1", echo_server.port)
    client.connect()
    assert type(client.log.wait("error")[1]) is TlsError
    client.log.wait("disconnected", Reason.ERROR)


def test_a_plain_client_is_refused(service: LoggingService) -> None:
    server = started(service, server_context())
    client = LoggingClient(service, "127.0.0.1", server.port)
    client.connect_and_wait()
    client.send(b"hello, this is plain text\r\n")
    client.log.wait("disconnected")
    assert type(server.log.wait("session error")[1]) is TlsError


def test_a_silent_peer_times_out(service: LoggingService) -> None:
    server = started(service, server_context(), handshake_timeout=0.02)
    with dial(server.port) as peer:
        error = server.log.wait("session error")[1]
        assert type(error) is DeadlineError
        assert "handshake" in error.message
        server.log.wait("session disconnected", Reason.TIMEOUT)
        read_to_end(peer)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = LoggingSslClient(
            service,
            client_context(),
            "127.0.0.1",
            listener.getsockname()[1],
            handshake_timeout=0.02,
        )
        client.connect()
        assert type(client.log.wait("error")[1]) is DeadlineError
        client.log.wait("disconnected", Reason.TIMEOUT)


def test_a_peer_that_leaves_within_the_handshake(service: LoggingService) -> None:
    server = started(service, server_context())
    with dial(server.port) as peer:
        peer.sendall(b"\x16\x03\x01")
        server.session()
    error = server.log.wait("session error")[1]
    assert type(error) is TlsError
    assert "during the TLS handshake" in error.message
    server.log.wait("session disconnected", Reason.TRUNCATED)


def test_many_clients_at_once(service: LoggingService) -> None:
    server = started(service, server_context(), SslEchoSession)
    context = client_context()
    clients = [LoggingSslClient(service, context, "127.0.0.1", server.port) for _ in range(50)]
    for client in clients:
        client.connect()
    for number, client in enumerate(clients):
        client.log.wait("handshaked")
        client.send(b"%d" % number * 1000)
    for number, client in enumerate(clients):
        client.log.wait_received(b"%d" % number * 1000)
        client.disconnect()
    server.log.wait("session disconnected", Reason.PEER_CLOSED, count=50)
