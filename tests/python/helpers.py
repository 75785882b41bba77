"""What the tests share: a log to wait on, and classes that write everything into one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from cppserver import (
    Client,
    CppServerError,
    Reason,
    Server,
    Service,
    Session,
    TcpClient,
    TcpServer,
    TcpSession,
)

DEADLINE = 30.0
"""Seconds that anything may take on a busy machine."""

Event = tuple[Any, ...]


class Log:
    """Events in their order, written by any thread, and a way to wait for one."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._changed = threading.Condition()

    def add(self, *event: Any) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def events(self, *start: Any) -> list[Event]:
        """Return the events that begin with the given values."""
        with self._changed:
            return [event for event in self._events if event[: len(start)] == start]

    def names(self) -> list[Any]:
        """Return the first value of each event."""
        return [event[0] for event in self.events()]

    def wait(self, *start: Any, count: int = 1) -> Event:
        """Wait for an event that begins with the values, or for several; return the last."""
        found: list[Event] = []

        def come() -> bool:
            found[:] = [event for event in self._events if event[: len(start)] == start]
            return len(found) >= count

        with self._changed:
            if not self._changed.wait_for(come, DEADLINE):
                raise AssertionError(f"{start} did not come {count} times: {self._events}")
        return found[count - 1]

    def received(self) -> bytes:
        """Return all bytes of the "received" events."""
        return b"".join(event[1] for event in self.events("received"))

    def wait_received(self, expected: bytes) -> None:
        """Wait until so many bytes were received, and compare."""

        def come() -> bool:
            size = sum(len(event[1]) for event in self._events if event[0] == "received")
            return size >= len(expected)

        with self._changed:
            if not self._changed.wait_for(come, DEADLINE):
                raise AssertionError(f"{len(expected)} bytes did not come: {self._events}")
        assert self.received() == expected


def wait_until(condition: Callable[[], bool], explain: Callable[[], object] = bool) -> None:
    """Wait for a condition that nobody announces, such as the end of an object."""
    end = time.monotonic() + DEADLINE
    turn = threading.Event()
    while not condition():
        assert time.monotonic() < end, f"the condition did not come true: {explain()}"
        turn.wait(0.005)


class LoggingService(Service):
    def __init__(self, threads: int = 1, log: Log | None = None) -> None:
        super().__init__(threads)
        self.log = log or Log()

    def on_thread_initialize(self) -> None:
        self.log.add("thread_initialize", threading.get_ident())

    def on_thread_cleanup(self) -> None:
        self.log.add("thread_cleanup", threading.get_ident())

    def on_started(self) -> None:
        self.log.add("started")

    def on_stopped(self) -> None:
        self.log.add("stopped")

    def on_error(self, error: CppServerError) -> None:
        self.log.add("error", error)


class SessionLog(Session):
    """Writes into the log of its server."""

    def on_connected(self) -> None:
        self.server.log.add("session connected", self)

    def on_received(self, data: bytes) -> int | None:
        self.server.log.add("received", data)
        return None

    def on_error(self, error: CppServerError) -> None:
        self.server.log.add("session error", error)

    def on_disconnected(self, reason: Reason) -> None:
        self.server.log.add("session disconnected", reason)


class LoggingSession(SessionLog, TcpSession):
    server: LoggingServer


class EchoSession(LoggingSession):
    def on_received(self, data: bytes) -> int | None:
        self.server.log.add("received", data)
        self.send(data)
        return None


class ServerLog(Server[Any]):
    """Writes into a log of its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.log = Log()

    def on_started(self) -> None:
        self.log.add("started")

    def on_stopped(self) -> None:
        self.log.add("stopped")

    def on_connected(self, session: Any) -> None:
        self.log.add("connected", session)

    def on_disconnected(self, session: Any, reason: Reason) -> None:
        self.log.add("disconnected", session, reason)

    def on_error(self, error: CppServerError) -> None:
        self.log.add("error", error)

    def start_and_wait(self) -> None:
        count = len(self.log.events("started")) + 1
        self.start()
        self.log.wait("started", count=count)

    def session(self, number: int = 1) -> Any:
        """Wait for a session and return it."""
        return self.log.wait("connected", count=number)[1]

    def forget(self) -> None:
        """Give up the sessions in the log."""
        self.log = Log()


class LoggingServer(ServerLog, TcpServer[LoggingSession]):
    session_class = LoggingSession


class ClientLog(Client):
    """Writes into a log of its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.log = Log()

    def on_connected(self) -> None:
        self.log.add("connected")

    def on_received(self, data: bytes) -> int | None:
        self.log.add("received", data)
        return None

    def on_error(self, error: CppServerError) -> None:
        self.log.add("error", error)

    def on_disconnected(self, reason: Reason) -> None:
        self.log.add("disconnected", reason)

    def connect_and_wait(self) -> None:
        count = len(self.log.events("connected")) + 1
        self.connect()
        self.log.wait("connected", count=count)


class LoggingClient(ClientLog, TcpClient):
    pass


def dial(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Connect with the standard library."""
    return socket.create_connection((host, port), timeout=DEADLINE)


def read_exactly(peer: socket.socket, size: int) -> bytes:
    """Read so many bytes with the standard library."""
    data = bytearray()
    while len(data) < size:
        piece = peer.recv(min(size - len(data), 1 << 20))
        assert piece, f"the peer closed after {len(data)} of {size} bytes"
        data += piece
    return bytes(data)


def read_to_end(peer: socket.socket) -> bytes:
    """Read until the end; a reset is an end too."""
    data = bytearray()
    try:
        while piece := peer.recv(1 << 20):
            data += piece
    except ConnectionError:
        pass
    return bytes(data)


def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
