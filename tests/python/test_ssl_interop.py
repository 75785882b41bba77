"""The other end of an encrypted connection is the standard library's module ssl."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from functools import partial
from pathlib import Path

import pytest
from cppserver import Reason, TlsError, TlsFailure, TlsVerify
from helpers import DEADLINE, LoggingService, dial, read_exactly, wait_until
from ssl_helpers import (
    CERTS,
    CLIENT,
    OTHER,
    SERVER,
    LoggingSslClient,
    client_context,
    dial_tls,
    echo,
    listening,
    server_context,
    started,
    their_client_context,
    their_server_context,
)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


# Their clients


@pytest.mark.parametrize("version", VERSIONS)
def test_their_client_speaks_each_version(service: LoggingService, version: ssl.TLSVersion) -> None:
    server = started(service, server_context())
    context = their_client_context()
    context.minimum_version = context.maximum_version = version
    data = random.Random(1).randbytes(3_000_000)
    with dial_tls(server.port, context) as peer:
        cipher = peer.cipher()
        assert cipher is not None
        details = server.log.wait("handshaked")[1]
        assert details.version == peer.version()
        assert details.server_name == "localhost"
        if version is ssl.TLSVersion.TLSv1_3:
            assert details.cipher_suite == cipher[0]
        # One thread, because theirs is not made for two at once.
        for at in range(0, len(data), 100_000):
            peer.sendall(data[at : at + 100_000])
            assert read_exactly(peer, 100_000) == data[at : at + 100_000]
        peer.unwrap()
    server.log.wait("session disconnected", Reason.PEER_CLOSED)


def test_their_records_may_be_cut_anywhere(service: LoggingService) -> None:
    # TLS in memory, so that the bytes on the wire can be cut as they please.
    server = started(service, server_context())
    generator = random.Random(2)
    data = generator.randbytes(1 << 20)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = their_client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    answer = bytearray()
    with dial(server.port) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def write() -> None:
            wire = outgoing.read()
            while wire:
                size = generator.choice((1, 2, 4, 5, 6, 100, 5000, 20_000))
                peer.sendall(wire[:size])
                wire = wire[size:]

        def read() -> None:
            piece = peer.recv(generator.choice((1, 7, 1000, 65536)))
            assert piece
            incoming.write(piece)

        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                write()
                read()
        write()
        for at in range(0, len(data), 1 << 16):
            tls.write(data[at : at + (1 << 16)])
            write()
            while len(answer) < min(at + (1 << 16), len(data)):
                try:
                    answer += tls.read(1 << 16)
                except ssl.SSLWantReadError:
                    read()
    assert bytes(answer) == data


def test_their_client_reads_the_end(service: LoggingService) -> None:
    server = started(service, server_context())
    with dial_tls(server.port) as peer:
        session = server.session()
        session.send(b"x" * 1_000_000)
        session.disconnect()
        assert read_exactly(peer, 1_000_000) == b"x" * 1_000_000
        assert peer.recv(1) == b""  # Without close_notify this would raise.


def test_their_client_chooses_the_certificate_by_name(service: LoggingService) -> None:
    context = server_context()
    context.add_certificate_files(CERTS / "other-name.pem", CERTS / "other-name.key")
    server = started(service, context)
    for number, name in enumerate(("server.example.com", "other.example.com"), start=1):
        with dial_tls(server.port, name=name) as peer:
            certificate = peer.getpeercert()
            assert certificate is not None
            assert (("commonName", name),) in certificate["subject"]
            assert server.log.wait("handshaked", count=number)[1].server_name == name


def test_their_client_shows_its_certificate(service: LoggingService) -> None:
    subjects: list[str | None] = []
    context = server_context()
    context.add_authority_file(CERTS / "ca.pem")
    context.verify = TlsVerify.REQUIRE
    server = started(service, context)
    with dial_tls(server.port, their_client_context(certificate="client")) as peer:
        details = server.log.wait("handshaked")[1]
        subjects.append(details.peer_subject)
        peer.sendall(b"hello")
        assert read_exactly(peer, 5) == b"hello"
    assert subjects == [CLIENT]
    certificate = (CERTS / "client.pem").read_text()
    certificate = certificate[certificate.index("-----BEGIN CERTIFICATE") :]
    assert details.peer_certificates[0] == ssl.PEM_cert_to_DER_cert(certificate)


def test_their_client_without_a_certificate_is_refused(service: LoggingService) -> None:
    context = server_context()
    context.add_authority_file(CERTS / "ca.pem")
    context.verify = TlsVerify.REQUIRE
    server = started(service, context)
    with dial_tls(server.port) as peer:
        with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"):
            peer.recv(1)
    assert server.log.wait("session error")[1].alert == 116


def test_their_client_agrees_on_a_protocol(service: LoggingService) -> None:
    context = server_context()
    context.alpn_protocols = ["h2", "http/1.1"]
    server = started(service, context)
    theirs = their_client_context()
    theirs.set_alpn_protocols(["http/1.1", "h2"])
    with dial_tls(server.port, theirs) as peer:
        agreed = peer.selected_alpn_protocol()
        assert agreed == "h2"
        assert server.log.wait("handshaked")[1].alpn_protocol == agreed
    theirs.set_alpn_protocols(["spdy/1"])
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        dial_tls(server.port, theirs)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("resumption", [True, False])
def test_their_client_goes_on_from_an_earlier_session(
    service: LoggingService, version: ssl.TLSVersion, resumption: bool
) -> None:
    ours = server_context()
    ours.resumption = resumption
    server = started(service, ours)
    context = their_client_context()
    context.minimum_version = context.maximum_version = version
    session: ssl.SSLSession | None = None
    for number, resumed in enumerate([False, resumption, resumption], start=1):
        with dial_tls(server.port, context, session=session) as peer:
            assert bool(peer.session_reused) is resumed
            assert server.log.wait("handshaked", count=number)[1].is_resumed is resumed
            peer.sendall(b"x")
            assert read_exactly(peer, 1) == b"x"
            session = peer.session  # With the ticket, which came before the answer.
            peer.unwrap()


def test_their_key_log_is_ours(service: LoggingService, tmp_path: Path) -> None:
    ours, theirs = server_context(), their_client_context()
    ours.key_log_file = tmp_path / "ours.log"
    theirs.keylog_filename = str(tmp_path / "theirs.log")
    server = started(service, ours)
    with dial_tls(server.port, theirs):
        server.log.wait("handshaked")

    def lines(name: str) -> set[str]:
        text = (tmp_path / name).read_text()
        return {line for line in text.splitlines() if line and line[0] != "#"}

    wait_until(lambda: len(lines("theirs.log")) >= 4)
    assert len(lines("ours.log")) >= 4
    shared = lines("ours.log") & lines("theirs.log")
    assert {line.split()[0] for line in shared} >= {
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_TRAFFIC_SECRET_0",
    }


def test_their_client_refuses_our_certificate(service: LoggingService) -> None:
    server = started(service, server_context("wrong-ca"))
    with pytest.raises(ssl.SSLCertVerificationError):
        dial_tls(server.port)
    error = server.log.wait("session error")[1]
    assert (error.alert, error.is_from_peer) == (48, True)


def test_a_client_of_asyncio(service: LoggingService) -> None:
    server = started(service, server_context())
    data = random.Random(4).randbytes(1_000_000)

    async def talk(number: int) -> None:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=their_client_context(), server_hostname="localhost"
        )
        mine = data[number * 1000 :]
        writer.write(mine)
        assert await reader.readexactly(len(mine)) == mine
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*(talk(number) for number in range(8)))

    asyncio.run(main())
    server.log.wait("disconnected", count=8)


# Their servers


def received(client: LoggingSslClient, size: int) -> bool:
    return len(client.log.received()) >= size


@pytest.mark.parametrize("version", VERSIONS)
def test_their_server_speaks_each_version(service: LoggingService, version: ssl.TLSVersion) -> None:
    context = their_server_context()
    context.minimum_version = context.maximum_version = version
    data = random.Random(3).randbytes(1_000_000)
    with listening(echo, context) as listener:
        client = LoggingSslClient(
            service, client_context(), "127.0.0.1", listener.port, server_name="localhost"
        )
        client.handshake()
        assert client.tls.version == version.name.replace("_", ".")
        assert (client.tls.peer_subject, client.tls.server_name) == (SERVER, "localhost")
        # In pieces: their end reads and writes on one thread.
        for at in range(0, len(data), 50_000):
            client.send(data[at : at + 50_000])
            wait_until(partial(received, client, at + 50_000))
        client.log.wait_received(data)
        client.disconnect()
        client.log.wait("disconnected", Reason.LOCAL)
    assert not listener.log.events()


def test_their_server_sees_the_name_and_the_certificate(service: LoggingService) -> None:
    seen: list[object] = []

    def serve(peer: ssl.SSLSocket) -> None:
        certificate = peer.getpeercert()
        assert certificate is not None
        seen.append((("commonName", "client.example.com"),) in certificate["subject"])
        echo(peer)

    context, other = their_server_context(), their_server_context("other-name")
    for each in (context, other):
        each.verify_mode = ssl.CERT_REQUIRED
        each.load_verify_locations(CERTS / "ca.pem")

    def choose(peer: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        seen.append(name)
        if name == "other.example.com":
            peer.context = other

    context.sni_callback = choose
    with listening(serve, context) as listener:
        client = LoggingSslClient(
            service,
            client_context(certificate="client"),
            "127.0.0.1",
            listener.port,
            server_name="other.example.com",
        )
        client.handshake()
        assert client.tls.peer_subject == OTHER
        client.send(b"hello")
        client.log.wait_received(b"hello")
        client.disconnect()
        client.log.wait("disconnected")
    assert seen == ["other.example.com", True]


def test_their_server_agrees_on_a_protocol(service: LoggingService) -> None:
    theirs, ours = their_server_context(), client_context()
    theirs.set_alpn_protocols(["two", "one"])
    ours.alpn_protocols = ["one", "two"]
    with listening(echo, theirs) as listener:
        client = LoggingSslClient(service, ours, "127.0.0.1", listener.port)
        client.handshake()
        assert client.tls.alpn_protocol == "two"
        client.disconnect()
        client.log.wait("disconnected")


@pytest.mark.parametrize("version", VERSIONS)
def test_our_client_goes_on_from_an_earlier_session(
    service: LoggingService, version: ssl.TLSVersion
) -> None:
    context = their_server_context()
    context.minimum_version = context.maximum_version = version
    reused: list[bool | None] = []

    def serve(peer: ssl.SSLSocket) -> None:
        reused.append(peer.session_reused)
        echo(peer)

    with listening(serve, context) as listener:
        client = LoggingSslClient(service, client_context(), "127.0.0.1", listener.port)
        for number in (1, 2):
            client.handshake()
            client.send(b"x")
            client.log.wait("received", count=number)
            assert client.tls.is_resumed is (number == 2)
            client.disconnect()
            client.log.wait("disconnected", count=number)
    assert reused == [False, True]


@pytest.mark.parametrize("clean", [True, False])
def test_their_server_ends_well_or_cuts(service: LoggingService, clean: bool) -> None:
    def serve(peer: ssl.SSLSocket) -> None:
        assert peer.recv(2) == b"go"
        peer.sendall(b"an answer")
        if clean:
            peer.unwrap()
        else:
            peer.shutdown(socket.SHUT_RDWR)

    with listening(serve) as listener:
        client = LoggingSslClient(service, client_context(), "127.0.0.1", listener.port)
        client.handshake()
        client.send(b"go")
        reason = client.log.wait("disconnected")[1]
    assert client.log.received() == b"an answer"
    if clean:
        assert reason is Reason.PEER_CLOSED
        assert not client.log.events("error")
    else:
        assert reason is Reason.TRUNCATED
        error = client.log.wait("error")[1]
        assert type(error) is TlsError
        assert error.failure is TlsFailure.TRUNCATED


def test_a_server_of_asyncio(service: LoggingService) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=their_server_context())
        async with server, asyncio.timeout(DEADLINE):
            port = server.sockets[0].getsockname()[1]
            context = client_context()
            clients = [LoggingSslClient(service, context, "127.0.0.1", port) for _ in range(8)]
            await asyncio.to_thread(converse, clients)

    def converse(clients: list[LoggingSslClient]) -> None:
        for client in clients:
            client.connect()
        for number, client in enumerate(clients):
            client.log.wait("handshaked")
            client.send(b"%d" % number * 100_000)
        for number, client in enumerate(clients):
            client.log.wait_received(b"%d" % number * 100_000)
            client.disconnect()
            client.log.wait("disconnected")

    asyncio.run(main())
