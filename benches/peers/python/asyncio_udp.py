"""Datagrams on asyncio: asyncio_udp.py echo|burst|multicast [uvloop]. Prints "port N"; ends when standard input does.

../c/datagrams.h tells what it does.
"""

import asyncio
import os
import socket
import struct
import sys

RECEIVE_BUFFER = 2 * 1024 * 1024


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)


class Burst(Echo):
    def datagram_received(self, data, address):
        _, count, size = struct.unpack("!III", data)
        datagram = data.ljust(size, b"\0")
        for _ in range(count):
            self.transport.sendto(datagram, address)


class Multicast(Echo):
    def datagram_received(self, data, address):
        self.transport.sendto(data, ("239.255.0.1", int.from_bytes(data[:2], "big")))


async def main() -> None:
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def on_input() -> None:
        if not os.read(0, 4096) and not ended.done():
            ended.set_result(None)

    loop.add_reader(0, on_input)
    protocol = {"echo": Echo, "burst": Burst, "multicast": Multicast}[sys.argv[1]]
    transport, _ = await loop.create_datagram_endpoint(
        protocol, local_addr=("127.0.0.1", 0)
    )
    own = transport.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    print("port", own.getsockname()[1], flush=True)
    await ended
    os._exit(0)


if sys.argv[2:] == ["uvloop"]:
    import uvloop

    uvloop.install()
asyncio.run(main())
