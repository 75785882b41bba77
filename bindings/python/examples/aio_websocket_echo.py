"""A WebSocket echo server and a client, with coroutines: python aio_websocket_echo.py [PORT]."""

from __future__ import annotations

import asyncio
import sys

from cppserver import aio


async def echo(websocket: aio.WebSocket) -> None:
    async for message in websocket:
        await websocket.send(message)


async def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    async with await aio.start_websocket_server(echo, "127.0.0.1", port) as server:
        print(f"WebSocket server port: {server.port}", flush=True)
        uri = f"ws://127.0.0.1:{server.port}"
        async with await aio.open_websocket(uri) as websocket:
            for word in ("one", "two", "three"):
                await websocket.send(word)
                print(f"Echo: {await websocket.receive()!s}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
