"""Streams for asyncio: who writes or sends faster than the other side reads has to wait."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from aio_helpers import Pair, echo, run
from cppserver import CppServerError, LimitError, Reason, TlsError, aio
from helpers import DEADLINE, read_exactly, wait_until
from ssl_helpers import client_context, server_context, their_server_context

pytestmark = pytest.mark.usefixtures("shared_service")

LIMIT = 1000
"""The limit of the streams that are read slowly."""

MOST = 16 * LIMIT + 512 * 1024
"""What may wait beside the reader's buffer: the limits, and what one read of a socket brings."""


def plain(**client: Any) -> Pair:
    return Pair(client={"limit": LIMIT, **client})


def encrypted() -> Pair:
    return Pair(server={"ssl": server_context()}, client={"limit": LIMIT, "ssl": client_context()})


PAIRS = pytest.mark.parametrize("pair", [plain, encrypted], ids=["tcp", "ssl"])


def received(stream: aio.Stream) -> int:
    return stream.connection.bytes_received


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition while the event loop goes on."""
    while not condition():
        await asyncio.sleep(0.001)


# Writing


def test_drain_waits_above_high_water_and_not_below() -> None:
    size = 20_000_000

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            stream = await aio.connect("127.0.0.1", port, high_water=100_000)
            peer, _ = listener.accept()
            with peer:
                stream.write(bytes(100_000))
                await stream.drain()
                stream.write(bytes(size))
                draining = asyncio.create_task(stream.drain())
                for _ in range(100):
                    await asyncio.sleep(0)
                assert not draining.done()  # Nobody reads at the other end.
                assert stream.connection.bytes_pending > 100_000
                reading = asyncio.create_task(asyncio.to_thread(read_exactly, peer, size + 100_000))
                await draining
                assert stream.connection.bytes_pending == 0
                await reading
                stream.close()
                await stream.wait_closed()

    run(main)


def test_drain_ends_with_the_connection() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = await aio.connect("127.0.0.1", listener.getsockname()[1])
            stream.write(bytes(20_000_000))
            draining = [asyncio.create_task(stream.drain()) for _ in range(2)]
            await asyncio.sleep(0)
            accepted, _ = listener.accept()
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            accepted.close()
            for task in draining:
                with pytest.raises(CppServerError):
                    await task
            with pytest.raises(CppServerError):
                await stream.drain()

    run(main)


def test_a_send_limit_refuses_a_write() -> None:
    async def main() -> None:
        async with Pair(client={"send_limit": 1000}) as (here, _):
            with pytest.raises(LimitError):
                here.write(bytes(1001))
            here.write(bytes(1000))

    run(main)


# Reading


@PAIRS
def test_a_fast_sender_waits_for_a_slow_reader(pair: Callable[[], Pair]) -> None:
    data = random.Random(7).randbytes(24_000_000)

    async def main() -> None:
        async with pair() as (here, there):
            there.write(data)
            there.close()
            at = most = 0
            while piece := await here.read(1 << 16):
                assert piece == data[at : at + len(piece)]
                at += len(piece)
                most = max(most, here._received - at)
            assert at == len(data)
            assert most <= 2 * LIMIT + MOST
            await here.wait_closed()
            assert here.reason is Reason.PEER_CLOSED

    run(main, debug=False)


@PAIRS
def test_a_reader_that_never_reads_delays_no_other_stream(pair: Callable[[], Pair]) -> None:
    size = 24_000_000

    async def main() -> None:
        async with await aio.start_server(echo, "127.0.0.1", 0) as server, pair() as (here, there):
            there.write(bytes(size))
            await until(lambda: received(here) > 16 * LIMIT)
            # The other stream is on the same thread. It is answered while this one waits.
            other = await aio.connect("127.0.0.1", server.port)
            for _ in range(100):
                other.write(b"hello")
                assert await other.readexactly(5) == b"hello"
            other.close()
            # All of it is with the reader, and nothing more comes, nor does the stream break.
            assert here._received == here._fed <= 2 * LIMIT + MOST
            assert not there.is_closing()
            assert there.connection.bytes_pending > 0
            assert len(await here.readexactly(size)) == size

    run(main, debug=False)


@PAIRS
def test_a_busy_event_loop_delays_no_other_connection(pair: Callable[[], Pair]) -> None:
    size = 24_000_000

    async def main() -> None:
        async with pair() as (here, there):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                other = await aio.connect("127.0.0.1", listener.getsockname()[1])
                peer, _ = listener.accept()
            # From here on the event loop takes nothing: the thread of both streams has to stop.
            with peer:
                there.write(bytes(size))
                wait_until(lambda: received(here) > 16 * LIMIT)
                for turn in range(1, 101):
                    peer.sendall(b"hello")
                    wait_until(lambda turn=turn: received(other) == 5 * turn)  # type: ignore[misc]
                    other.write(b"world")
                    assert read_exactly(peer, 5) == b"world"
                assert here._fed == 0
                assert here._received <= MOST
            assert len(await here.readexactly(size)) == size
            assert await other.read() == b"hello" * 100

    run(main, debug=False)


@PAIRS
def test_reads_of_more_than_the_buffer_takes(pair: Callable[[], Pair]) -> None:
    data = random.Random(8).randbytes(3_000_000)

    async def main() -> None:
        async with pair() as (here, there):
            there.write(data)
            assert await here.readexactly(2_000_000) == data[:2_000_000]
            there.close()
            assert await here.read() == data[2_000_000:]

    run(main, debug=False)


@PAIRS
def test_the_end_comes_after_the_bytes(pair: Callable[[], Pair]) -> None:
    data = random.Random(9).randbytes(400_000)

    async def main() -> None:
        async with pair() as (here, there):
            there.write(data)
            there.close()
            await until(lambda: received(here) > 16 * LIMIT)
            assert here.reason is None  # The end lies behind what is unread.
            found = bytearray()
            while piece := await here.read(777):
                found += piece
            assert found == data
            await here.wait_closed()
            assert here.reason is Reason.PEER_CLOSED

    run(main)


async def broken(data: bytes) -> aio.Stream:
    """Return a stream whose peer sent some bytes and then reset the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = await aio.connect("127.0.0.1", listener.getsockname()[1])
        peer, _ = listener.accept()
    with peer:
        peer.sendall(data)
        await until(lambda: received(stream) == len(data))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await stream.wait_closed()
    assert stream.reason is Reason.ERROR
    return stream


def test_a_failure_comes_after_the_bytes() -> None:
    async def main() -> None:
        stream = await broken(b"one\ntwo\nrest")
        assert await stream.readline() == b"one\n"
        assert await stream.readuntil(b"o") == b"two"
        assert await stream.read(2) == b"\nr"
        assert await stream.readexactly(1) == b"e"
        assert await stream.read(100) == b"st"
        assert stream.at_eof()
        assert await stream.read(0) == b""
        for read in (stream.read, stream.readline, stream.readuntil, stream.__anext__):
            with pytest.raises(ConnectionResetError):
                await read()
        for count in (1, 100):
            with pytest.raises(ConnectionResetError):
                await stream.read(count)
            with pytest.raises(ConnectionResetError):
                await stream.readexactly(count)

    run(main)


@pytest.mark.parametrize(
    ("way", "arguments"),
    [("read", ()), ("readline", ()), ("readuntil", ()), ("readexactly", (100,))],
    ids=["read", "readline", "readuntil", "readexactly"],
)
def test_a_failure_is_no_end(way: str, arguments: tuple[int, ...]) -> None:
    async def main() -> None:
        stream = await broken(b"the beginning of a li")
        with pytest.raises(ConnectionResetError) as caught:
            await getattr(stream, way)(*arguments)
        cause = caught.value.__cause__
        assert isinstance(cause, asyncio.IncompleteReadError)
        assert cause.partial == b"the beginning of a li"

    run(main)


def test_a_cut_is_found_behind_the_bytes() -> None:
    data = random.Random(10).randbytes(400_000)

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        peer.settimeout(DEADLINE)
        with their_server_context().wrap_socket(peer, server_side=True) as tls:
            tls.sendall(data)
            tls.shutdown(socket.SHUT_WR)  # Without the end of the TLS stream.
            tls.recv(1)

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.create_task(asyncio.to_thread(serve, listener))
            port = listener.getsockname()[1]
            stream = await aio.connect("127.0.0.1", port, ssl=client_context(), limit=LIMIT)
            await until(lambda: received(stream) > 16 * LIMIT)
            assert await stream.readexactly(len(data)) == data
            with pytest.raises(TlsError):
                await stream.read(1)
            await stream.wait_closed()
            assert stream.reason is Reason.TRUNCATED
            await serving

    run(main)


@PAIRS
def test_a_stream_that_waits_can_be_closed(pair: Callable[[], Pair]) -> None:
    async def main() -> None:
        for end in (aio.Stream.close, aio.Stream.abort):
            async with pair() as (here, there):
                there.write(bytes(24_000_000))
                await until(lambda: received(here) > 16 * LIMIT)
                end(here)
                await here.wait_closed()
                assert here.reason is Reason.LOCAL
                await there.wait_closed()

    run(main, debug=False)


def test_the_receive_limit_has_nothing_to_limit() -> None:
    async def main() -> None:
        async with plain(receive_limit=1000) as (here, there):
            there.write(bytes(400_000))
            await until(lambda: received(here) > 16 * LIMIT)
            assert len(await here.readexactly(400_000)) == 400_000

    run(main)
