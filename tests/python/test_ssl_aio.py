"""Encrypted streams for asyncio, with ours and with the standard library at the other end."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from typing import Any

import pytest
from aio_helpers import Pair, echo, run
from cppserver import (
    ArgumentError,
    DeadlineError,
    NotConnectedError,
    Reason,
    SslClient,
    SslServer,
    SslSession,
    TlsContext,
    TlsError,
    TlsFailure,
    TlsVerify,
    aio,
)
from helpers import closed_port
from ssl_helpers import (
    CERTS,
    CLIENT,
    OTHER,
    SERVER,
    client_context,
    server_context,
    their_client_context,
    their_server_context,
)

pytestmark = pytest.mark.usefixtures("shared_service")


def encrypted(**client: Any) -> Pair:
    """Return a pair of encrypted streams."""
    return Pair(server={"ssl": server_context()}, client={"ssl": client_context(), **client})


def test_an_echo_of_lines() -> None:
    async def main() -> None:
        async with await aio.start_server(echo, "127.0.0.1", 0, ssl=server_context()) as server:
            assert isinstance(server.native, SslServer)
            async with await aio.connect("127.0.0.1", server.port, ssl=client_context()) as stream:
                for word in (b"one\n", b"two\n"):
                    stream.write(word)
                    await stream.drain()
                    assert await stream.readline() == word

    run(main)


def test_what_the_handshake_came_to() -> None:
    async def main() -> None:
        async with encrypted(server_name="localhost") as (here, there):
            assert isinstance(here.connection, SslClient)
            assert isinstance(there.connection, SslSession)
            ours, theirs = here.tls, there.tls
            assert ours is not None
            assert theirs is not None
            assert (ours.version, ours.peer_subject) == ("TLSv1.3", SERVER)
            assert ours.server_name == theirs.server_name == "localhost"
            assert theirs.peer_certificates == ()
            here.close()
            await here.wait_closed()
            assert here.tls == ours
        async with Pair() as (here, there):
            assert here.tls is None
            assert there.tls is None

    run(main)


def test_a_handler_begins_after_the_handshake() -> None:
    async def main() -> None:
        began: list[aio.Stream] = []

        async def handler(stream: aio.Stream) -> None:
            assert stream.tls is not None
            began.append(stream)
            stream.write(b"welcome")
            await stream.drain()

        async with await aio.start_server(
            handler, "127.0.0.1", 0, ssl=server_context(), handshake_timeout=0.02
        ) as server:
            silent = await aio.connect("127.0.0.1", server.port)
            await silent.wait_closed()  # The deadline of the handshake ends it.
            assert not began
            async with await aio.connect("127.0.0.1", server.port, ssl=client_context()) as stream:
                assert await stream.read() == b"welcome"
                assert len(began) == 1

    run(main)


def test_both_ends_and_what_is_left() -> None:
    async def main() -> None:
        async with encrypted() as (here, there):
            there.write(b"the last words")
            there.close()
            assert await here.read() == b"the last words"
            assert here.at_eof()
            await here.wait_closed()
            assert here.reason is Reason.PEER_CLOSED
            with pytest.raises(NotConnectedError):
                here.write(b"too late")

    run(main)


def test_much_data_at_once() -> None:
    data = random.Random(5).randbytes(5_000_000)

    async def main() -> None:
        async with await aio.start_server(echo, "127.0.0.1", 0, ssl=server_context()) as server:

            async def talk(number: int) -> None:
                context = client_context()
                async with await aio.connect("127.0.0.1", server.port, ssl=context) as stream:
                    mine = data[number * 1000 :]
                    stream.write(mine)
                    assert await stream.readexactly(len(mine)) == mine

            await asyncio.gather(*(talk(number) for number in range(4)))

    run(main, debug=False)


def test_a_connect_that_is_refused() -> None:
    async def main() -> None:
        async with await aio.start_server(echo, "127.0.0.1", 0, ssl=server_context()) as server:
            for context, name, alert in (
                (client_context("other-ca"), None, 48),
                (client_context(), "other.example.com", None),
            ):
                with pytest.raises(TlsError) as caught:
                    await aio.connect("127.0.0.1", server.port, ssl=context, server_name=name)
                assert alert is None or caught.value.alert == alert
        with pytest.raises(ConnectionRefusedError):
            await aio.connect("127.0.0.1", closed_port(), ssl=client_context())

    run(main)


def test_a_silent_server_times_out() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with pytest.raises(DeadlineError):
                await aio.connect(
                    "127.0.0.1",
                    listener.getsockname()[1],
                    ssl=client_context(),
                    handshake_timeout=0.02,
                )

    run(main)


def test_a_connect_that_is_cancelled_within_the_handshake() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            connecting = asyncio.create_task(
                aio.connect("127.0.0.1", listener.getsockname()[1], ssl=client_context())
            )
            peer, _ = await asyncio.to_thread(listener.accept)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            peer.close()

    run(main)


def test_arguments_are_checked() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="needs ssl"):
            await aio.connect("127.0.0.1", 1, server_name="localhost")
        with pytest.raises(ArgumentError):
            await aio.connect("127.0.0.1", 1, ssl=client_context(), server_name="no name")
        wrong: Any = their_client_context()
        with pytest.raises(TypeError, match="TlsContext"):
            await aio.connect("127.0.0.1", 1, ssl=wrong)
        with pytest.raises(TypeError, match="TlsContext"):
            await aio.start_server(echo, "127.0.0.1", 0, ssl=wrong)
        with pytest.raises(TlsError) as caught:
            await aio.start_server(echo, "127.0.0.1", 0, ssl=TlsContext())
        assert caught.value.failure is TlsFailure.SETTINGS

    run(main)


def test_clients_with_certificates_and_servers_with_several() -> None:
    async def main() -> None:
        subjects: list[str | None] = []

        async def handler(stream: aio.Stream) -> None:
            assert stream.tls is not None
            subjects.append(stream.tls.peer_subject)

        theirs = server_context()
        theirs.add_certificate_files(CERTS / "other-name.pem", CERTS / "other-name.key")
        theirs.add_authority_file(CERTS / "ca.pem")
        theirs.verify = TlsVerify.REQUIRE
        async with await aio.start_server(handler, "127.0.0.1", 0, ssl=theirs) as server:
            stream = await aio.connect(
                "127.0.0.1",
                server.port,
                ssl=client_context(certificate="client"),
                server_name="other.example.com",
            )
            assert stream.tls is not None
            assert stream.tls.peer_subject == OTHER
            assert await stream.read() == b""
            await stream.wait_closed()
        assert subjects == [CLIENT]

    run(main)


# The standard library


def test_their_client() -> None:
    data = random.Random(6).randbytes(1_000_000)

    async def main() -> None:
        async with await aio.start_server(echo, "127.0.0.1", 0, ssl=server_context()) as server:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", server.port, ssl=their_client_context(), server_hostname="localhost"
            )
            writer.write(data)
            assert await reader.readexactly(len(data)) == data
            writer.close()
            await writer.wait_closed()

    run(main, debug=False)


def test_their_server() -> None:
    data = random.Random(7).randbytes(1_000_000)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=their_server_context())
        async with server:
            port = server.sockets[0].getsockname()[1]
            async with await aio.connect("127.0.0.1", port, ssl=client_context()) as stream:
                stream.write(data)
                assert await stream.readexactly(len(data)) == data

    run(main, debug=False)


@pytest.mark.parametrize("clean", [True, False])
def test_a_cut_stream_raises_and_an_end_does_not(clean: bool) -> None:
    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with their_server_context().wrap_socket(peer, server_side=True) as tls:
            tls.sendall(b"an answer")
            assert tls.recv(2) == b"go"
            if clean:
                tls.unwrap()
            else:
                tls.shutdown(socket.SHUT_RDWR)

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.create_task(asyncio.to_thread(serve, listener))
            port = listener.getsockname()[1]
            async with await aio.connect("127.0.0.1", port, ssl=client_context()) as stream:
                assert await stream.readexactly(9) == b"an answer"
                stream.write(b"go")
                if clean:
                    assert await stream.read() == b""
                    await stream.wait_closed()
                    assert stream.reason is Reason.PEER_CLOSED
                else:
                    with pytest.raises(TlsError) as caught:
                        await stream.read()
                    assert caught.value.failure is TlsFailure.TRUNCATED
                    await stream.wait_closed()
                    assert stream.reason is Reason.TRUNCATED
                    with pytest.raises(TlsError):
                        await stream.drain()
            await serving

    run(main)


def test_a_certificate_that_their_client_refuses() -> None:
    async def main() -> None:
        theirs = server_context("wrong-ca")
        async with await aio.start_server(echo, "127.0.0.1", 0, ssl=theirs) as server:
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.open_connection(
                    "127.0.0.1",
                    server.port,
                    ssl=their_client_context(),
                    server_hostname="localhost",
                )

    run(main)
