"""Fixtures: a started service, things on it, and the check that nothing is left behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from cppserver import (
    StateError,
    _endpoint,
    _server,
    _service,
    _session,
    _shared,
    _sp_aio,
    _sp_callbacks,
)
from helpers import (
    DEADLINE,
    EchoSession,
    Log,
    LoggingClient,
    LoggingServer,
    LoggingService,
    wait_until,
)
from ws_helpers import Scheme


def stop(service: _service.Service) -> None:
    """Stop a service that a test may have stopped or restarted itself; wait for the end."""
    for _ in range(3):  # A restart in a late callback of the run begins another one.
        try:
            service.stop()
        except StateError:
            pass
        if not service.is_running:
            return
    assert service.wait(DEADLINE)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Every run that a test began ends, with its destroy, when the test is over."""
    before = {id(table): set(table) for table in tables()}
    yield

    def left() -> list[Any]:
        return [
            table[key] for table in tables() for key in list(table) if key not in before[id(table)]
        ]

    wait_until(lambda: not left(), left)


def tables() -> list[dict[int, Any]]:
    """Return the tables of what runs."""
    return [
        _service._runs,
        _service._calls,
        _session.connections,
        _server._servers,
        _endpoint.endpoints,
        _sp_callbacks.sockets,
        _sp_aio._watches,
    ]


@pytest.fixture
def service(_nothing_is_left: None) -> Iterator[LoggingService]:
    """Yield a started service with one thread."""
    service = LoggingService()
    service.start()
    service.log.wait("started")
    yield service
    stop(service)
    assert not service.log.events("error")


@pytest.fixture
def server(service: LoggingService) -> LoggingServer:
    """Return a started server whose sessions only log."""
    server = LoggingServer(service, "127.0.0.1", 0)
    server.start_and_wait()
    return server


@pytest.fixture
def echo_server(service: LoggingService) -> LoggingServer:
    """Return a started echo server."""
    server = LoggingServer(service, "127.0.0.1", 0, session_class=EchoSession)
    server.start_and_wait()
    return server


@pytest.fixture
def client(service: LoggingService, echo_server: LoggingServer) -> LoggingClient:
    """Return a client that is connected to the echo server."""
    client = LoggingClient(service, "127.0.0.1", echo_server.port)
    client.connect_and_wait()
    return client


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Return a log of the exceptions that go to sys.unraisablehook."""
    log = Log()
    monkeypatch.setattr(sys, "unraisablehook", lambda raised: log.add(raised.exc_value, raised))
    return log


@pytest.fixture(params=["ws", "wss"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    """Return what makes plain or encrypted servers and clients."""
    return Scheme(request.param)


@pytest.fixture
def ws() -> Scheme:
    """Return what makes plain servers and clients."""
    return Scheme("ws")


@pytest.fixture(scope="session")
def shared_service() -> Iterator[None]:
    """Start the shared service before the tests, for it is none of what a test leaves behind."""
    service = _shared.service_or_shared(None)
    yield
    stop(service)
