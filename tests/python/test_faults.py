"""Ports and addresses that the system refuses, a lack of descriptors, and a very large sender."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from cppserver import Reason, SystemCallError, TcpSession
from helpers import DEADLINE, LoggingClient, LoggingServer, LoggingService, dial, wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="as Linux does it")


def run_apart(program: str) -> str:
    """Run a program in a process of its own, which may change its user and its limits."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return finished.stdout


def first_free_port() -> int:
    """Return the first port that every user may have."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except OSError:
        return 1024


@linux
@pytest.mark.skipif(first_free_port() <= 1, reason="every user may have every port here")
def test_a_port_without_the_right_fails_the_start_and_nothing_else() -> None:
    told = run_apart(
        """
        import os
        from cppserver import SystemCallError
        from helpers import LoggingClient, LoggingServer, LoggingService

        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)  # nobody
        with LoggingService() as service:
            other = LoggingServer(service, "127.0.0.1", 0)
            other.start_and_wait()
            server = LoggingServer(service, "127.0.0.1", 1)
            try:
                server.start()
            except SystemCallError as error:
                print(error.errno, isinstance(error, PermissionError), server.is_started)
            LoggingClient(service, "127.0.0.1", other.port).connect_and_wait()
        """
    )
    assert told == f"{errno.EACCES} True False\n"


@linux
def test_a_server_without_descriptors_accepts_later() -> None:
    told = run_apart(
        """
        import os
        import resource
        import socket
        from helpers import LoggingServer, LoggingService

        with LoggingService() as service:
            server = LoggingServer(service, "127.0.0.1", 0)
            server.start_and_wait()
            peer = socket.socket()
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
            taken = []
            try:
                while True:
                    taken.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                pass
            peer.connect(("127.0.0.1", server.port))
            error = server.log.wait("error")[1]
            print(error.errno, server.is_started, server.log.events("connected"))
            for descriptor in taken:
                os.close(descriptor)
            server.session()
            print(len(server.log.events("error")))
            peer.close()
        """
    )
    assert told == f"{errno.EMFILE} True []\n1\n"


@linux
def test_an_unreachable_address_is_error_then_disconnected(service: LoggingService) -> None:
    # A connection to the address of all hosts never leaves this one.
    client = LoggingClient(service, "127.255.255.255", 80)
    for turn in range(1, 4):
        client.connect()
        client.log.wait("disconnected", Reason.ERROR, count=turn)
    assert client.log.names() == ["error", "disconnected"] * 3
    error = client.log.events("error")[0][1]
    assert isinstance(error, SystemCallError)
    assert error.errno == errno.ENETUNREACH


def test_a_peer_that_sends_byte_by_byte(service: LoggingService) -> None:
    message = b"one byte at a time makes a whole message in the end"

    class Patient(TcpSession):
        server: LoggingServer

        def on_received(self, data: bytes) -> int:
            if len(data) < len(message):
                return 0
            self.server.log.add("received", data)
            return len(data)

    server = LoggingServer(service, "127.0.0.1", 0, session_class=Patient)
    server.start_and_wait()
    with dial(server.port) as peer:
        for count in range(1, len(message) + 1):
            assert not server.log.events("received")
            peer.sendall(message[count - 1 : count])
            wait_until(lambda count=count: server.bytes_received == count)  # type: ignore[misc]
        server.log.wait("received")
    assert server.log.events("received") == [("received", message)]


def test_a_peer_that_sends_a_gigabyte(service: LoggingService) -> None:
    gigabyte = 1 << 30

    class Counting(TcpSession):
        server: LoggingServer
        count = 0

        def on_received(self, data: bytes) -> None:
            self.count += len(data)
            if self.count == gigabyte:
                self.server.log.add("all")

    server = LoggingServer(service, "127.0.0.1", 0, session_class=Counting)
    server.start_and_wait()
    block = bytes(1 << 20)
    with dial(server.port) as peer:
        for _ in range(gigabyte // len(block)):
            peer.sendall(block)
        server.log.wait("all")
    assert server.bytes_received == gigabyte
