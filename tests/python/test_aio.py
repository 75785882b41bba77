"""Streams for asyncio: reading and writing."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import pytest
from aio_helpers import Pair, echo, run
from cppserver import NotConnectedError, Reason, aio
from helpers import wait_until

pytestmark = pytest.mark.usefixtures("shared_service")


# Reading and writing


def test_an_echo_of_lines() -> None:
    async def lines(stream: aio.Stream) -> None:
        async for line in stream:
            stream.write(line.upper())
            await stream.drain()

    async def main() -> None:
        async with await aio.start_server(lines, "127.0.0.1", 0) as server:
            async with await aio.connect("127.0.0.1", server.port) as stream:
                for word in (b"one\n", b"two\n"):
                    stream.write(word)
                    await stream.drain()
                    assert await stream.readline() == word.upper()

    run(main)


def test_every_way_to_read() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            there.write(b"abcdef;line\nrest")
            assert await here.readexactly(3) == b"abc"
            assert await here.read(1) == b"d"
            assert await here.readuntil(b";") == b"ef;"
            assert await here.readline() == b"line\n"
            there.writelines([b" of", bytearray(b" the"), memoryview(b" data")])
            there.close()
            assert not here.at_eof()
            assert await here.read() == b"rest of the data"
            assert here.at_eof()
            assert await here.read(10) == b""
            assert await here.readline() == b""
            with pytest.raises(asyncio.IncompleteReadError):
                await here.readexactly(1)
            assert [line async for line in here] == []

    run(main)


def test_the_end_within_a_read() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            there.write(b"short")
            there.close()
            with pytest.raises(asyncio.IncompleteReadError) as caught:
                await here.readexactly(10)
            assert caught.value.partial == b"short"
        async with Pair() as (here, there):
            there.write(b"one\ntwo")
            there.close()
            assert [line async for line in here] == [b"one\n", b"two"]

    run(main)


def test_a_line_beyond_the_limit() -> None:
    async def main() -> None:
        async with Pair(client={"limit": 10}) as (here, there):
            there.write(b"x" * 100 + b"\n")
            with pytest.raises(asyncio.LimitOverrunError):
                await here.readuntil(b"\n")
            with pytest.raises(ValueError, match="limit"):
                await here.readline()

    run(main)


def test_what_is_no_buffer_cannot_be_written() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            for data in ("text", 5, None):
                with pytest.raises(TypeError):
                    here.write(data)  # type: ignore[arg-type]
            here.write(b"works")
            assert await there.readexactly(5) == b"works"

    run(main)


def test_addresses_and_state() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            assert here.peer_address == there.local_address
            assert there.peer_address == here.local_address
            assert not here.is_closing()
            assert here.reason is None
            assert here.connection.is_connected
            here.close()
            assert here.is_closing()
            await here.wait_closed()
            assert here.reason is Reason.LOCAL
            await there.wait_closed()
            assert there.reason is Reason.PEER_CLOSED
            with pytest.raises(NotConnectedError):
                here.write(b"late")
            with pytest.raises(NotConnectedError):
                await there.drain()
            here.close()
            here.abort()

    run(main)


def test_close_delivers_and_abort_discards() -> None:
    async def main() -> None:
        data = random.Random(5).randbytes(3_000_000)
        async with Pair() as (here, there):
            here.write(data)
            here.close()
            assert await there.read() == data
        async with Pair() as (here, there):
            here.write(bytes(20_000_000))
            here.abort()
            await here.wait_closed()
            try:
                assert len(await there.read()) < 20_000_000
            except ConnectionResetError:
                pass  # What was discarded may show as a reset.

    run(main)


def test_a_context_aborts_on_an_exception() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            with pytest.raises(ZeroDivisionError):
                async with there:
                    there.write(bytes(20_000_000))
                    raise ZeroDivisionError
            assert there.reason is Reason.LOCAL
            try:
                assert len(await here.read()) < 20_000_000
            except ConnectionResetError:
                pass

    run(main)


def test_large_data_both_ways_at_once() -> None:
    data = random.Random(6).randbytes(30_000_000)

    async def send(stream: aio.Stream) -> None:
        for at in range(0, len(data), 100_000):
            stream.write(data[at : at + 100_000])
            await stream.drain()

    async def main() -> None:
        async with await aio.start_server(echo, "127.0.0.1", 0) as server:
            async with await aio.connect("127.0.0.1", server.port) as stream:
                sending = asyncio.create_task(send(stream))
                assert await stream.readexactly(len(data)) == data
                await sending

    run(main, debug=False)


def test_many_streams_at_once() -> None:
    async def talk(port: int, number: int) -> None:
        async with await aio.connect("127.0.0.1", port) as stream:
            for turn in range(10):
                line = b"%d %d\n" % (number, turn)
                stream.write(line)
                assert await stream.readline() == line

    async def main() -> None:
        async with await aio.start_server(echo, "127.0.0.1", 0) as server:
            await asyncio.gather(*(talk(server.port, number) for number in range(100)))
            assert server.native.bytes_received == server.native.bytes_sent

    run(main, debug=False)


def test_what_arrives_comes_in_batches() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        calls: list[object] = []
        original = loop.call_soon_threadsafe

        def counting(callback: Any, *arguments: Any, **others: Any) -> Any:
            calls.append(callback)
            return original(callback, *arguments, **others)

        loop.call_soon_threadsafe = counting  # type: ignore[method-assign, assignment]
        async with Pair() as (here, there):
            count = len(calls)
            sender = threading.Thread(target=send_singly, args=(there, 1000))
            sender.start()
            # The event loop is busy meanwhile, so everything arrives as one batch.
            wait_until(lambda: here.connection.bytes_received == 1000)
            sender.join()
            assert await here.readexactly(1000) == b"x" * 1000
            assert len(calls) - count <= 2

    def send_singly(stream: aio.Stream, count: int) -> None:
        for _ in range(count):
            stream.connection.send(b"x")

    run(main)
