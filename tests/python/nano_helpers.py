"""What the tests of the scalability protocols share."""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cppserver import CppServerError, SpError, SpFailure, nano
from helpers import DEADLINE, Log, wait_until
from ssl_helpers import client_context, server_context

TRANSPORTS = ["inproc", "tcp", "ws"] if sys.platform == "win32" else ["inproc", "ipc", "tcp", "ws"]

_numbers = itertools.count(1)

SocketT = TypeVar("SocketT", bound=Any)


def unused(transport: str) -> str:
    """Return an address to listen on that nobody else has."""
    if transport == "inproc":
        return f"inproc://python-{next(_numbers)}"
    if transport == "ipc":
        name = f"cppserver-{os.getpid()}-{next(_numbers)}"
        return f"ipc://{Path(tempfile.gettempdir()) / name}"
    host = "localhost" if transport in ("tls+tcp", "wss") else "127.0.0.1"
    return f"{transport}://{host}:0" + ("/nano" if transport in ("ws", "wss") else "")


def listen(socket: Any, transport: str) -> str:
    """Listen over a transport; return the address to dial."""
    if transport in ("tls+tcp", "wss"):
        socket.tls = server_context()
    endpoint = socket.listen(unused(transport))
    address: str = endpoint.address
    return address if endpoint.port is None else address.replace(":0", f":{endpoint.port}")


def dial(socket: Any, address: str) -> nano.Endpoint:
    if address.startswith(("tls+tcp", "wss")):
        socket.tls = client_context()
    endpoint: nano.Endpoint = socket.dial(address)
    return endpoint


def wait_connections(socket: Any, count: int) -> None:
    wait_until(lambda: socket.statistics.current_connections == count, lambda: socket.statistics)


def connect(listener: Any, *dialers: Any, transport: str = "tcp") -> str:
    """Connect dialers with a listener, and wait until all of them know; return the address."""
    before = listener.statistics.current_connections
    address = listen(listener, transport)
    for dialer in dialers:
        others = dialer.statistics.current_connections
        dial(dialer, address)
        wait_connections(dialer, others + 1)
    wait_connections(listener, before + len(dialers))
    return address


def raises(failure: SpFailure, match: str | None = None) -> Any:
    """Check that a call fails for a reason."""
    return pytest.raises(SpError, match=match, check=lambda error: error.failure is failure)


class InThread:
    """Calls a function on a thread of its own, and keeps what it returns or raises."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, args=(function, arguments))
        self.thread.start()

    def _run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            self.result = function(*arguments)
        except BaseException as error:
            self.error = error

    def join(self) -> Any:
        self.thread.join(DEADLINE)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


class SocketLog(nano.Socket):
    """Writes into a log of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.log = Log()

    def on_received(self, data: bytes) -> None:
        self.log.add("received", data)

    def on_writable(self) -> None:
        self.log.add("writable")

    def on_finished(self) -> None:
        self.log.add("finished")

    def on_connected(self, peer: nano.Peer) -> None:
        self.log.add("connected", peer)

    def on_disconnected(self, peer: nano.Peer) -> None:
        self.log.add("disconnected", peer)

    def on_error(self, error: CppServerError) -> None:
        self.log.add("error", error)


class LoggingPair(SocketLog, nano.PairSocket):
    pass


class LoggingPull(SocketLog, nano.PullSocket):
    pass


class LoggingPush(SocketLog, nano.PushSocket):
    pass


class LoggingSurveyor(SocketLog, nano.SurveyorSocket):
    pass


class LoggingRequest(SocketLog, nano.RequestSocket):
    pass


class EchoReply(SocketLog, nano.ReplySocket):
    def on_received(self, data: bytes) -> None:
        self.log.add("received", data)
        self.send(data)


class EchoRespondent(SocketLog, nano.RespondentSocket):
    def on_received(self, data: bytes) -> None:
        self.log.add("received", data)
        self.send(data)
