"""Datagrams through the Python package: udp.py echo|burst|multicast.

Prints "port N"; ends when standard input does. ../../peers/c/datagrams.h tells what it does.
"""

import struct
import sys

from cppserver import Service, UdpServer


class Echo(UdpServer):
    def on_received(self, address, data, truncated):
        self.send_to(address, data)


class Burst(UdpServer):
    def on_received(self, address, data, truncated):
        _, count, size = struct.unpack("!III", data)
        datagram = bytes(data).ljust(size, b"\0")
        for _ in range(count):
            self.send_to(address, datagram)


class Multicast(UdpServer):
    def on_received(self, address, data, truncated):
        self.send_to(("239.255.0.1", int.from_bytes(data[:2], "big")), data)


server_class = {"echo": Echo, "burst": Burst, "multicast": Multicast}[sys.argv[1]]
with (
    Service() as service,
    server_class(service, "127.0.0.1", 0, receive_buffer=2 * 1024 * 1024) as server,
):
    print("port", server.port, flush=True)
    sys.stdin.read()
