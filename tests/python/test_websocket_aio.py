"""WebSockets for asyncio: messages, flow control, ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aio_helpers import run
from cppserver import (
    ArgumentError,
    CppServerError,
    LimitError,
    NotConnectedError,
    Reason,
    Request,
    Response,
    WebSocketError,
    aio,
)
from helpers import DEADLINE
from ssl_helpers import client_context, server_context
from ws_aio_helpers import Pair, echo, until

pytestmark = pytest.mark.usefixtures("shared_service")

Message = str | bytes


SECURE = pytest.mark.parametrize("is_secure", [False, True], ids=["ws", "wss"])


# Messages


@SECURE
def test_messages_come_back(is_secure: bool) -> None:
    messages: list[Message] = ["", b"", "gr\u00fc\u00dfe", b"x" * 100, "y" * 300_000]

    async def main() -> None:
        options: dict[str, Any] = {"deflate": True}
        ours: dict[str, Any] = {"deflate": True}
        if is_secure:
            options["ssl"], ours["ssl"] = server_context(), client_context()
        server = await aio.start_websocket_server(echo, "127.0.0.1", 0, **options)
        scheme = "wss" if is_secure else "ws"
        async with server:
            uri = f"{scheme}://127.0.0.1:{server.port}"
            async with await aio.open_websocket(uri, **ours) as websocket:
                for message in messages:
                    await websocket.send(message)
                    assert await websocket.receive() == message
                assert (websocket.tls is not None) is is_secure
                assert websocket.peer_address == ("127.0.0.1", server.port)
            assert websocket.reason is Reason.LOCAL
            assert websocket.close_code == 1000

    run(main)


def test_both_sides_know_what_was_agreed() -> None:
    def choose(request: Request, response: Response) -> None:
        response.subprotocol = request.subprotocols[-1]

    async def main() -> None:
        pair = Pair(
            server={"on_handshake": choose},
            client={"subprotocols": ["a", "b"], "headers": {"X-Token": "secret"}},
        )
        async with pair as (here, there):
            assert here.subprotocol == there.subprotocol == "b"
            assert here.request is None
            assert there.request is not None
            assert (there.request.path, there.request.query) == ("/chat", "room=1")
            assert there.request.header("x-token") == "secret"

    run(main)


def test_parts_are_one_message() -> None:
    async def produce() -> AsyncIterator[str]:
        for part in ("one ", "two ", "three"):
            await asyncio.sleep(0)
            yield part

    async def main() -> None:
        async with Pair() as (here, there):
            sending = asyncio.gather(here.send_parts(produce()), here.send("behind"))
            received = {await there.receive(), await there.receive()}
            await sending
            assert received == {"one two three", "behind"}
            await here.send_parts([b"a", bytearray(b"b"), memoryview(b"c")])
            assert await there.receive() == b"abc"
            await here.send_parts([])
            await here.send("next")
            assert await there.receive() == "next"
            with pytest.raises(TypeError):
                await here.send_parts("text")

    run(main)


def test_parts_that_fail_end_the_connection() -> None:
    def produce() -> Iterator[bytes]:
        yield b"begin"
        raise KeyError("no more")

    async def main() -> None:
        async with Pair() as (here, there):
            with pytest.raises(KeyError):
                await here.send_parts(produce())
            with pytest.raises(CppServerError):
                await there.receive()
            await there.wait_closed()
            assert there.close_code == 1011

    run(main)


def test_a_peer_answers_pings() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            first, second = await asyncio.gather(here.ping(), here.ping())
            assert 0 <= first < DEADLINE
            assert 0 <= second < DEADLINE
            cancelled = asyncio.create_task(there.ping())
            await asyncio.sleep(0)
            cancelled.cancel()
            await there.ping()
            with pytest.raises(asyncio.CancelledError):
                await cancelled

    run(main)


def test_a_ping_that_nobody_answers_ends_with_the_connection() -> None:
    async def main() -> None:
        # A peer that reads no frames: a server of bytes with a handshake of its own.
        async def handler(websocket: aio.WebSocket) -> None:
            websocket.connection.pause_reading()
            await websocket.wait_closed()

        async with await aio.start_websocket_server(handler, "127.0.0.1", 0) as server:
            here = await aio.open_websocket(f"ws://127.0.0.1:{server.port}")
            pinging = asyncio.create_task(here.ping())
            await asyncio.sleep(0)
            here.abort()
            with pytest.raises(CppServerError):
                await pinging
            with pytest.raises(NotConnectedError):
                await here.ping()

    run(main)


# Flow control


@SECURE
def test_a_fast_sender_waits_for_a_slow_receiver(is_secure: bool) -> None:
    size, count, limit = 50_000, 400, 200_000
    generator = random.Random(5)
    messages = [generator.randbytes(size) for _ in range(count)]

    async def main() -> None:
        async with Pair(is_secure=is_secure, client={"limit": limit}) as (here, there):

            async def produce() -> None:
                for message in messages:
                    await there.send(message)
                there.close()

            producing = asyncio.create_task(produce())
            await until(lambda: here._paused)
            assert not producing.done()
            for message in messages:
                assert await here.receive() == message
                # The limit, one message beyond it, and what one read of a socket brings.
                assert here._received - here._caught_up <= limit + 2 * size + (1 << 19)
            assert [message async for message in here] == []
            await producing
            assert here.reason is Reason.PEER_CLOSED

    run(main, debug=False)


def test_messages_above_the_limit_come_one_by_one() -> None:
    async def main() -> None:
        async with Pair(client={"limit": 1000}) as (here, there):
            for _ in range(20):
                await there.send(bytes(100_000))
            for _ in range(20):
                assert await here.receive() == bytes(100_000)

    run(main)


def test_a_receiver_that_pauses_delays_no_other_connection() -> None:
    async def main() -> None:
        async with Pair(client={"limit": 1000}) as (here, there):
            sending = asyncio.create_task(there.send(b"x" * 3_000_000))
            for _ in range(20):
                await asyncio.sleep(0)
            async with Pair() as (other, another):
                for number in range(100):
                    await other.send(str(number))
                    assert await another.receive() == str(number)
            assert len(await here.receive()) == 3_000_000
            await sending

    run(main)


def test_parts_go_on_while_a_multicast_waits_for_the_last() -> None:
    async def main() -> None:
        async with Pair(server={"high_water": 0}) as (here, there):
            server = there.connection.server  # type: ignore[attr-defined]

            def produce() -> Iterator[bytes]:
                for _ in range(10):
                    server.multicast("behind")
                    yield bytes(100_000)

            await there.send_parts(produce())
            received = [await here.receive() for _ in range(11)]
            assert received == ["behind", bytes(1_000_000), *["behind"] * 9]

    run(main, debug=False)


def test_send_waits_above_high_water() -> None:
    async def main() -> None:
        async with Pair(client={"high_water": 1000}) as (here, there):
            there.connection.pause_reading()
            sending = asyncio.create_task(here.send(bytes(10_000_000)))
            await until(lambda: here.connection.bytes_pending > 1000)
            for _ in range(100):
                await asyncio.sleep(0)
            assert not sending.done()
            there.connection.resume_reading()
            await sending
            assert here.connection.bytes_pending == 0
            assert len(await there.receive()) == 10_000_000

    run(main)


def test_a_send_limit_refuses() -> None:
    async def main() -> None:
        async with Pair(client={"send_limit": 1000}) as (here, _):
            with pytest.raises(LimitError):
                await here.send(bytes(1001))

    run(main)


# The end


def test_iteration_ends_with_the_connection() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            await there.send("one")
            await there.send("two")
            there.close(4321, "bye")
            assert [message async for message in here] == ["one", "two"]
            await here.wait_closed()
            assert (here.close_code, here.close_reason) == (4321, "bye")
            assert here.reason is Reason.PEER_CLOSED
            assert here.is_closing()
            with pytest.raises(NotConnectedError):
                await here.receive()
            with pytest.raises(NotConnectedError):
                await here.send("late")
            here.close()
            await there.wait_closed()
            assert there.close_code == 4321  # The peer sends the code back.

    run(main)


def test_a_wrong_code_closes_nothing() -> None:
    async def main() -> None:
        async with Pair() as (here, _):
            with pytest.raises(ArgumentError):
                here.close(1006)
            assert not here.is_closing()

    run(main)


def test_an_end_without_a_word_raises() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            await there.send("one")
            await there.drain()
            assert await here.receive() == "one"
            there.abort()
            with pytest.raises(CppServerError):
                await here.receive()
            with pytest.raises(CppServerError):
                async for _ in here:
                    raise AssertionError

    run(main)


def test_a_message_that_is_too_long_raises() -> None:
    async def main() -> None:
        async with Pair(client={"message_limit": 100}) as (here, there):
            await there.send("x" * 101)
            with pytest.raises(WebSocketError) as raised:
                await here.receive()
            assert raised.value.close_code == 1009
            await there.wait_closed()
            assert there.close_code == 1009

    run(main)


def test_several_tasks_receive_one_each() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            tasks = [asyncio.create_task(here.receive()) for _ in range(3)]
            await asyncio.sleep(0)
            for number in range(3):
                await there.send(str(number))
            assert sorted(map(str, await asyncio.gather(*tasks))) == ["0", "1", "2"]

    run(main)


def test_a_cancelled_receive_loses_nothing() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await here.receive()
            await there.send("hello")
            assert await here.receive() == "hello"

    run(main)


def test_a_block_that_fails_tells_the_peer() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            with pytest.raises(KeyError):
                async with here:
                    raise KeyError
            await there.wait_closed()
            assert there.close_code == 1011

    run(main)
