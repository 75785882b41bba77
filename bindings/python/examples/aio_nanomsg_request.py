"""A server and its client in one program, with asyncio: python aio_nanomsg_request.py."""

from __future__ import annotations

import asyncio

from cppserver import aio


async def serve(server: aio.ReplySocket) -> None:
    async for request in server:
        await server.send(request)


async def main() -> None:
    async with aio.ReplySocket() as server, aio.RequestSocket() as client:
        port = server.listen("tcp://127.0.0.1:0").port
        print(f"Nanomsg reply server address: tcp://127.0.0.1:{port}", flush=True)
        serving = asyncio.create_task(serve(server))
        client.dial(f"tcp://127.0.0.1:{port}")
        for text in ("one", "two", "three"):
            answer = await client.request(text.encode())
            print(f"Echo: {answer.decode()}", flush=True)
        await server.close()
        await serving


if __name__ == "__main__":
    asyncio.run(main())
