"""An echo server and a client of it, with coroutines: python aio_echo.py [PORT]."""

from __future__ import annotations

import asyncio
import sys

from cppserver import aio


async def echo(stream: aio.Stream) -> None:
    while data := await stream.read(65536):
        stream.write(data)
        await stream.drain()


async def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    async with await aio.start_server(echo, "127.0.0.1", port) as server:
        print(f"TCP server port: {server.port}", flush=True)
        async with await aio.connect("127.0.0.1", server.port) as stream:
            for word in ("one", "two", "three"):
                stream.write(f"{word}\n".encode())
                await stream.drain()
                line = await stream.readline()
                print(f"Echo: {line.decode().rstrip()}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
