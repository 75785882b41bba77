"""What the tests of the streams for asyncio share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from cppserver import aio
from helpers import DEADLINE


def run(main: Callable[[], Coroutine[Any, Any, None]], debug: bool = True) -> None:
    """Run a coroutine with a deadline and without complaints of the event loop."""
    complaints: list[dict[str, Any]] = []

    async def limited() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        async with asyncio.timeout(DEADLINE):
            await main()

    asyncio.run(limited(), debug=debug)
    assert not complaints


async def echo(stream: aio.Stream) -> None:
    while data := await stream.read(65536):
        stream.write(data)
        await stream.drain()


async def hold(stream: aio.Stream) -> None:
    """Neither read nor write until the connection ends."""
    await stream.wait_closed()


class Pair:
    """A server with one connected stream at each end."""

    def __init__(self, **options: Any) -> None:
        self.server_options = options.pop("server", {})
        self.client_options = options.pop("client", {})

    async def __aenter__(self) -> tuple[aio.Stream, aio.Stream]:
        accepted: asyncio.Future[aio.Stream] = asyncio.get_running_loop().create_future()

        async def handler(stream: aio.Stream) -> None:
            accepted.set_result(stream)
            await stream.wait_closed()

        self.server = await aio.start_server(handler, "127.0.0.1", 0, **self.server_options)
        self.here = await aio.connect("127.0.0.1", self.server.port, **self.client_options)
        return self.here, await accepted

    async def __aexit__(self, *_: object) -> None:
        self.here.abort()
        self.server.close()
        await self.here.wait_closed()
        await self.server.wait_closed()
