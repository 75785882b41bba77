"""A UDP echo and a client of it, with coroutines: python aio_udp_echo.py [PORT]."""

from __future__ import annotations

import asyncio
import sys

from cppserver import aio


async def echo(server: aio.Datagrams) -> None:
    async for address, data, _ in server:
        server.send_to(address, data)


async def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    async with await aio.open_datagrams(("127.0.0.1", port)) as server:
        print(f"UDP server port: {server.local_address[1]}", flush=True)
        echoing = asyncio.create_task(echo(server))
        async with await aio.open_datagrams(remote_address=server.local_address) as client:
            for word in ("one", "two", "three"):
                client.send(word.encode())
                answer = await client.receive()
                print(f"Echo: {answer.data.decode()}", flush=True)
        server.close()
        await echoing


if __name__ == "__main__":
    asyncio.run(main())
