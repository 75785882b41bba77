"""A server and a client that are started and stopped by eight threads and by their callbacks."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import stop
from cppserver import CppServerError, HandlerError, Timer
from helpers import (
    DEADLINE,
    EchoSession,
    Log,
    LoggingClient,
    LoggingServer,
    LoggingService,
    closed_port,
)

THREADS = 8
ROUNDS = 10_000
CONNECTIONS = 100


class ActingLog(Log):
    """Makes its storm act in the callbacks that write into it."""

    def __init__(self, storm: Storm) -> None:
        super().__init__()
        self.storm = storm

    def add(self, *event: Any) -> None:
        super().add(*event)
        self.storm.connections += event[0] == "session connected"
        if self.storm.blows and self.storm.random.randrange(4) == 0:
            self.storm.act(False)


class Storm:
    """A server and a client that are started and stopped all the time."""

    def __init__(self, threads: int) -> None:
        self.blows = True
        self.connections = 0
        self.random = random.Random(8)
        self.service = LoggingService(threads, ActingLog(self))
        port = closed_port()
        # A peer that is just being stopped may not read; nobody waits for it for long.
        self.server = LoggingServer(
            self.service, "127.0.0.1", port, session_class=EchoSession, close_timeout=0.2
        )
        self.client = LoggingClient(self.service, "127.0.0.1", port, close_timeout=0.2)
        self.server.log = ActingLog(self)
        self.client.log = ActingLog(self)
        self.harmless: list[Callable[[], object]] = [
            self.server.start,
            self.client.connect,
            lambda: self.client.send(b"again"),
            lambda: self.server.multicast(b"to all"),
            lambda: self.service.post(int),
            lambda: Timer(self.service, 0, int),
        ]
        self.ending: list[Callable[[], object]] = [
            self.server.stop,
            self.server.restart,
            self.server.disconnect_all,
            self.client.disconnect,
            self.client.disconnect_now,
            self.client.reconnect,
        ]
        self.of_service: list[Callable[[], object]] = [
            self.service.start,
            self.service.stop,
            self.service.restart,
        ]

    def act(self, with_service: bool) -> None:
        """Do something at random; what ends something is rare enough that something goes on."""
        number = self.random.randrange(64)
        actions = self.ending if number % 8 == 0 else self.harmless
        if with_service and number == 1:
            actions = self.of_service
        attempt(self.random.choice(actions))

    def call_around(self, with_service: bool, end: float) -> None:
        """Act, and go on until there were connections, too."""
        turn = 0
        while turn < ROUNDS // THREADS or (
            self.connections < CONNECTIONS and time.monotonic() < end
        ):
            self.act(with_service)
            if turn % 16 == 0:  # Whatever stopped is started again now and then.
                for action in (self.service.start, self.server.start, self.client.connect):
                    attempt(action)
            turn += 1
            # Leaves the loops their share of the machine, so that much of this has its effect.
            time.sleep(0.0002)


def attempt(action: Callable[[], object]) -> None:
    try:
        action()
    except CppServerError as error:
        # It is the wrong time, or somebody else has the port meanwhile.
        assert error.category in ("state", "system")


@pytest.mark.parametrize(("threads", "with_service"), [(1, False), (1, True), (2, True)])
def test_eight_threads_at_once(threads: int, with_service: bool) -> None:
    storm = Storm(threads)
    storm.service.start()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            storm.call_around(with_service, time.monotonic() + DEADLINE)
        except BaseException as error:
            failures.append(error)
            raise

    callers = [threading.Thread(target=run) for _ in range(THREADS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(4 * DEADLINE)
        assert not caller.is_alive()
    assert not failures
    storm.blows = False
    stop(storm.service)
    # What was asked of the stopped service comes up at the next start, and ends with it.
    storm.service.start()
    stop(storm.service)
    assert storm.connections >= CONNECTIONS
    assert not storm.service.log.events("error")
    for log in (storm.server.log, storm.client.log):
        assert not [error for _, error in log.events("error") if isinstance(error, HandlerError)]
    names = storm.server.log.names()
    assert names.count("session connected") == names.count("session disconnected")
    assert names.count("connected") == names.count("disconnected")
    names = [name for name in storm.client.log.names() if name in ("connected", "disconnected")]
    for before, after in itertools.pairwise(names):
        assert (before, after) != ("connected", "connected")
    assert not storm.server.current_sessions
    assert not storm.server.is_started
    assert not storm.client.is_connected
