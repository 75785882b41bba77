"""Echo or multicast on asyncio: asyncio_echo.py echo|multicast [uvloop]. Prints "port N"; ends when standard input does."""

import asyncio
import os
import sys

BACKLOG = 4096
transports: "set[asyncio.Transport]" = set()


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    # Backpressure: while the kernel takes no more, nothing is read.
    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


class Multicast(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        transports.add(transport)

    def data_received(self, data):
        for transport in transports:
            transport.write(data)

    def connection_lost(self, error):
        transports.discard(self.transport)


async def main() -> None:
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def on_input() -> None:
        if not os.read(0, 4096) and not ended.done():
            ended.set_result(None)

    loop.add_reader(0, on_input)
    protocol = Multicast if sys.argv[1] == "multicast" else Echo
    server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=BACKLOG)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await ended
    # Thousands of open transports need no orderly end here.
    os._exit(0)


if sys.argv[2:] == ["uvloop"]:
    import uvloop

    uvloop.install()
asyncio.run(main())
