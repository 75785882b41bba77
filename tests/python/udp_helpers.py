"""What the tests of datagrams share: endpoints that write everything into a log."""

from __future__ import annotations

import socket
from typing import Any

from cppserver import CppServerError, Reason, UdpClient, UdpEndpoint, UdpServer
from helpers import DEADLINE, Log

LOOPBACK = "127.0.0.1"


class EndpointLog(UdpEndpoint):
    """Writes into a log of its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.log = Log()

    def on_received(self, address: tuple[str, int], data: bytes, truncated: bool) -> None:
        self.log.add("received", data, address, truncated)

    def on_sent(self, address: tuple[str, int], sent: int, pending: int) -> None:
        self.log.add("sent", sent, address, pending)

    def on_empty(self) -> None:
        self.log.add("empty")

    def on_joined(self, group: str, source: str | None) -> None:
        self.log.add("joined", group, source)

    def on_left(self, group: str, source: str | None) -> None:
        self.log.add("left", group, source)

    def on_error(self, error: CppServerError) -> None:
        self.log.add("error", error)


class LoggingUdpServer(EndpointLog, UdpServer):
    def on_started(self) -> None:
        self.log.add("started")

    def on_stopped(self, reason: Reason) -> None:
        self.log.add("stopped", reason)

    def start_and_wait(self) -> None:
        count = len(self.log.events("started")) + 1
        self.start()
        self.log.wait("started", count=count)


class UdpEcho(LoggingUdpServer):
    """Sends everything back and writes nothing of it down."""

    def on_received(self, address: tuple[str, int], data: bytes, truncated: bool) -> None:
        self.send_to(address, data)

    def on_sent(self, address: tuple[str, int], sent: int, pending: int) -> None:
        pass


class LoggingUdpClient(EndpointLog, UdpClient):
    def on_connected(self) -> None:
        self.log.add("connected")

    def on_disconnected(self, reason: Reason) -> None:
        self.log.add("disconnected", reason)

    def connect_and_wait(self) -> None:
        count = len(self.log.events("connected")) + 1
        self.connect()
        self.log.wait("connected", count=count)


def plain_socket(host: str = LOOPBACK) -> socket.socket:
    """Return a bound socket of the standard library."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    plain = socket.socket(family, socket.SOCK_DGRAM)
    plain.settimeout(DEADLINE)
    plain.bind((host, 0))
    return plain


def free_udp_port() -> int:
    """Return a port that nobody receives on."""
    with plain_socket() as probe:
        return int(probe.getsockname()[1])
