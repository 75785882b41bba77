"""WebSockets for asyncio: servers, connecting, lifetime, and the package websockets."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from typing import Any

import pytest
import websockets
from aio_helpers import run
from cppserver import (
    ArgumentError,
    DeadlineError,
    HandlerError,
    RefusedError,
    Request,
    ResolverError,
    Response,
    Service,
    StateError,
    TlsError,
    WebSocketError,
    aio,
)
from helpers import closed_port
from ssl_helpers import client_context, server_context, their_client_context
from ws_aio_helpers import Pair, echo, until
from ws_helpers import ask

pytestmark = pytest.mark.usefixtures("shared_service")

Message = str | bytes


SECURE = pytest.mark.parametrize("is_secure", [False, True], ids=["ws", "wss"])


# Servers


def test_a_handler_that_raises_is_told_and_closes_its_connection() -> None:
    async def main() -> None:
        complaints: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))

        async def handler(websocket: aio.WebSocket) -> None:
            raise KeyError(await websocket.receive())

        async with await aio.start_websocket_server(handler, "127.0.0.1", 0) as server:
            websocket = await aio.open_websocket(f"ws://127.0.0.1:{server.port}")
            await websocket.send("broken")
            await websocket.wait_closed()
            assert websocket.close_code == 1011
        assert [context["exception"].args for context in complaints] == [("broken",)]

    run(main)


def test_a_server_that_closes_ends_its_connections() -> None:
    async def main() -> None:
        server = await aio.start_websocket_server(echo, "127.0.0.1", 0)
        websocket = await aio.open_websocket(f"ws://127.0.0.1:{server.port}")
        assert server.is_serving()
        server.close()
        await server.wait_closed()
        assert [message async for message in websocket] == []
        assert websocket.close_code == 1001

    run(main)


def test_the_server_beneath_sends_to_all() -> None:
    async def main() -> None:
        async with await aio.start_websocket_server(echo, "127.0.0.1", 0) as server:
            uri = f"ws://127.0.0.1:{server.port}"
            sockets = [await aio.open_websocket(uri) for _ in range(3)]
            await until(lambda: server.native.current_sessions == 3)
            server.native.multicast("hello")
            for websocket in sockets:
                assert await websocket.receive() == "hello"
                websocket.close()

    run(main)


def test_handlers_hear_of_topics() -> None:
    async def handler(websocket: aio.WebSocket) -> None:
        assert websocket.request is not None
        websocket.subscribe("news.*")
        websocket.subscribe("other")
        websocket.unsubscribe("other")
        await websocket.send("subscribed")
        async for message in websocket:
            websocket.publish("news.today", message)

    async def main() -> None:
        async with await aio.start_websocket_server(handler, "127.0.0.1", 0) as server:
            uri = f"ws://127.0.0.1:{server.port}"
            one, two = [await aio.open_websocket(uri) for _ in range(2)]
            for websocket in (one, two):
                assert await websocket.receive() == "subscribed"
            await one.send(b"to the other")
            assert await two.receive() == b"to the other"
            assert server.native.publish("news.now", "to both") == 2
            assert server.native.publish("other", "to nobody") == 0
            for websocket in (one, two):
                assert await websocket.receive() == "to both"
                with pytest.raises(StateError):
                    websocket.subscribe("news.*")
                websocket.close()

    run(main)


def test_pages_and_refusals() -> None:
    def handshake(request: Request, response: Response) -> None:
        if request.path != "/chat":
            response.status = 404

    def page(request: Request, response: Response) -> None:
        response.status = 200
        response.body = f"page {request.path}"

    async def main() -> None:
        async with await aio.start_websocket_server(
            echo, "127.0.0.1", 0, on_handshake=handshake, on_request=page
        ) as server:
            head = "GET /index HTTP/1.1\nHost: localhost\n\n"
            answer = await asyncio.to_thread(ask, server.port, head)
            assert answer.endswith(b"\r\n\r\npage /index")
            with pytest.raises(WebSocketError) as refused:
                await aio.open_websocket(f"ws://127.0.0.1:{server.port}/other")
            assert refused.value.http_status == 404
            async with await aio.open_websocket(f"ws://127.0.0.1:{server.port}/chat") as websocket:
                await websocket.send("hello")
                assert await websocket.receive() == "hello"

    run(main)


def test_an_exception_in_a_handshake_is_told() -> None:
    def handshake(request: Request, response: Response) -> None:
        raise KeyError(request.path)

    async def main() -> None:
        complaints: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        async with await aio.start_websocket_server(
            echo, "127.0.0.1", 0, on_handshake=handshake
        ) as server:
            with pytest.raises(WebSocketError) as refused:
                await aio.open_websocket(f"ws://127.0.0.1:{server.port}/chat")
            assert refused.value.http_status == 500
            await until(lambda: bool(complaints))
        error = complaints[0]["exception"]
        assert isinstance(error, HandlerError)
        assert isinstance(error.__cause__, KeyError)

    run(main)


# Connecting


def test_connects_that_fail() -> None:
    async def main() -> None:
        with pytest.raises(RefusedError):
            await aio.open_websocket(f"ws://127.0.0.1:{closed_port()}")
        with pytest.raises(ArgumentError):
            await aio.open_websocket("http://127.0.0.1")
        with pytest.raises(ArgumentError):
            await aio.open_websocket("ws://127.0.0.1", ssl=client_context())
        with pytest.raises(TypeError):
            await aio.open_websocket("ws://127.0.0.1", server_name="localhost")
        with pytest.raises(TypeError):
            await aio.open_websocket(5)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="limit"):
            await aio.open_websocket("ws://127.0.0.1", limit=0)
        with pytest.raises(ResolverError):
            await aio.start_websocket_server(echo, "no.such.host.invalid", 0)
        with pytest.raises(StateError):
            await aio.open_websocket("ws://127.0.0.1", service=Service())
        with socket.create_server(("127.0.0.1", 0)) as listener:
            uri = f"ws://127.0.0.1:{listener.getsockname()[1]}"
            with pytest.raises(DeadlineError):
                await aio.open_websocket(uri, handshake_timeout=0.05)

    run(main)


def test_a_certificate_that_nobody_knows_is_refused() -> None:
    async def main() -> None:
        async with await aio.start_websocket_server(
            echo, "127.0.0.1", 0, ssl=server_context()
        ) as server:
            uri = f"wss://127.0.0.1:{server.port}"
            with pytest.raises(TlsError):
                await aio.open_websocket(uri)  # The authorities of the system.
            async with await aio.open_websocket(
                uri, ssl=client_context(), server_name="server.example.com"
            ) as websocket:
                assert websocket.tls is not None
                assert websocket.tls.version == "TLSv1.3"

    run(main)


def test_a_cancelled_connect_leaves_nothing() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            uri = f"ws://127.0.0.1:{listener.getsockname()[1]}"
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await aio.open_websocket(uri)

    run(main)


def test_a_local_address_is_used() -> None:
    async def main() -> None:
        address = ("127.0.0.1", closed_port())
        async with Pair(client={"local_address": address}) as (here, there):
            assert here.local_address == there.peer_address == address

    run(main)


def test_nothing_is_left_of_a_websocket() -> None:
    left: list[weakref.ref[Any]] = []

    async def main() -> None:
        async with Pair() as (here, there):
            left.extend(weakref.ref(each) for each in (here, there, here.connection))

    run(main)
    gc.collect()
    assert [each() for each in left] == [None] * 3


# The package websockets at the other end


@SECURE
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_their_client(is_secure: bool, compression: str | None) -> None:
    async def main() -> None:
        options: dict[str, Any] = {"ssl": server_context()} if is_secure else {}
        theirs: dict[str, Any] = {"compression": compression, "max_size": None}
        if is_secure:
            theirs.update(ssl=their_client_context(), server_hostname="localhost")
        async with await aio.start_websocket_server(
            echo, "127.0.0.1", 0, deflate=True, **options
        ) as server:
            scheme = "wss" if is_secure else "ws"
            uri = f"{scheme}://127.0.0.1:{server.port}"
            async with websockets.connect(uri, **theirs) as peer:
                for message in ("", b"", "gr\u00fc\u00dfe" * 1000, bytes(500_000)):
                    await peer.send(message)
                    assert await peer.recv() == message
                await (await peer.ping())
            assert peer.close_code == 1000

    run(main, debug=False)


def test_their_server() -> None:
    async def handler(connection: websockets.ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def main() -> None:
        async with websockets.serve(handler, "127.0.0.1", 0, max_size=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            uri = f"ws://127.0.0.1:{port}"
            async with await aio.open_websocket(uri, deflate=True) as websocket:
                assert await websocket.ping() >= 0
                for message in ("", b"", "gr\u00fc\u00dfe" * 1000, bytes(500_000)):
                    await websocket.send(message)
                    assert await websocket.receive() == message
                await websocket.send_parts(["one ", "two"])
                assert await websocket.receive() == "one two"
            assert websocket.close_code == 1000

    run(main, debug=False)
