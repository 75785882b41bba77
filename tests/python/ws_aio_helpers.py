"""What the tests of WebSockets for asyncio share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from cppserver import (
    aio,
)
from ssl_helpers import client_context, server_context


async def echo(websocket: aio.WebSocket) -> None:
    async for message in websocket:
        await websocket.send(message)


class Pair:
    """A server with one connected WebSocket at each end."""

    def __init__(self, *, is_secure: bool = False, **options: Any) -> None:
        self.is_secure = is_secure
        self.server_options = options.pop("server", {})
        self.client_options = options.pop("client", {})
        if is_secure:
            self.server_options["ssl"] = server_context()
            self.client_options["ssl"] = client_context()

    async def __aenter__(self) -> tuple[aio.WebSocket, aio.WebSocket]:
        accepted: asyncio.Future[aio.WebSocket] = asyncio.get_running_loop().create_future()

        async def handler(websocket: aio.WebSocket) -> None:
            accepted.set_result(websocket)
            await websocket.wait_closed()

        self.server = await aio.start_websocket_server(
            handler, "127.0.0.1", 0, **self.server_options
        )
        scheme = "wss" if self.is_secure else "ws"
        uri = f"{scheme}://127.0.0.1:{self.server.port}/chat?room=1"
        self.here = await aio.open_websocket(uri, **self.client_options)
        return self.here, await accepted

    async def __aexit__(self, *_: object) -> None:
        self.here.abort()
        self.server.close()
        await self.here.wait_closed()
        await self.server.wait_closed()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition while the event loop goes on."""
    while not condition():
        await asyncio.sleep(0.001)
