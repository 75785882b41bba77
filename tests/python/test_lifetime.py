"""Who keeps what alive, and that everything is freed without the garbage collector's help."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from cppserver import (
    RefusedError,
    StateError,
    SystemCallError,
    TcpClient,
    TcpServer,
    TcpSession,
    Timer,
)
from helpers import (
    EchoSession,
    Log,
    LoggingClient,
    LoggingServer,
    LoggingService,
    closed_port,
    dial,
    read_exactly,
    wait_until,
)


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """Switch the collector off: the end of the last reference must be the end of the object."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Session(TcpSession):
    """A session that keeps no log, and so no reference to itself."""

    living: ClassVar[weakref.WeakSet[Session]] = weakref.WeakSet()
    log: Log

    def __init__(self, server: TcpServer[Any]) -> None:
        super().__init__(server)
        self.living.add(self)

    def on_received(self, data: bytes) -> None:
        self.send(data)


def test_a_session_is_freed_after_its_end(service: LoggingService) -> None:
    server = TcpServer(service, "127.0.0.1", 0, session_class=Session)
    server.start()
    with dial(server.port) as peer:
        peer.sendall(b"x")
        assert read_exactly(peer, 1) == b"x"
        assert len(Session.living) == 1
    wait_until(lambda: not Session.living)


def test_many_sessions_are_freed(service: LoggingService) -> None:
    server = TcpServer(service, "127.0.0.1", 0, session_class=Session)
    server.start()
    for _ in range(5):
        peers = [dial(server.port) for _ in range(20)]
        for peer in peers:
            peer.sendall(b"x")
        for peer in peers:
            assert read_exactly(peer, 1) == b"x"
            peer.close()
    wait_until(lambda: not Session.living)


def test_a_reference_keeps_a_session_and_its_state(service: LoggingService) -> None:
    server = LoggingServer(service, "127.0.0.1", 0, session_class=EchoSession)
    server.start_and_wait()
    with dial(server.port) as peer:
        peer.sendall(b"123")
        assert read_exactly(peer, 3) == b"123"
        session = server.session()
    server.log.wait("disconnected")
    server.forget()
    gone = weakref.ref(session)
    service.stop()
    assert session.bytes_received == 3
    assert session.disconnect() is False
    del session
    assert gone() is None


def test_a_refused_session_is_freed(service: LoggingService) -> None:
    class Server(TcpServer[Session]):
        session_class = Session

        def create_session(self) -> Session | None:
            super().create_session()
            return None

    server = Server(service, "127.0.0.1", 0)
    server.start()
    with dial(server.port) as peer:
        assert peer.recv(1) == b""
    assert not Session.living


def test_a_server_is_freed_after_its_stop(service: LoggingService) -> None:
    server: LoggingServer | None = LoggingServer(service, "127.0.0.1", 0)
    assert server is not None
    gone, log = weakref.ref(server), server.log
    server.start_and_wait()
    server = None
    server = gone()
    assert server is not None
    server.stop()
    server = None
    log.wait("stopped")
    wait_until(lambda: gone() is None)


def test_a_server_that_never_ran_is_freed(service: LoggingService) -> None:
    server = LoggingServer(service, "127.0.0.1", 0)
    gone = weakref.ref(server)
    del server
    assert gone() is None


def test_a_server_whose_start_failed_is_freed(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    server = LoggingServer(service, "127.0.0.1", echo_server.port)
    gone = weakref.ref(server)
    with pytest.raises(SystemCallError):
        server.start()
    del server
    assert gone() is None
    with pytest.raises(StateError):
        echo_server.start()
    assert echo_server.is_started


def test_a_client_lives_while_it_is_connected(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    client: LoggingClient | None = LoggingClient(service, "127.0.0.1", echo_server.port)
    assert client is not None
    gone, log = weakref.ref(client), client.log
    client.connect_and_wait()
    client.send(b"hello")
    client = None
    log.wait_received(b"hello")
    assert gone() is not None
    echo_server.disconnect_all()
    log.wait("disconnected")
    wait_until(lambda: gone() is None)


def test_a_client_whose_connect_failed_is_freed(service: LoggingService) -> None:
    client: LoggingClient | None = LoggingClient(service, "127.0.0.1", closed_port())
    assert client is not None
    gone, log = weakref.ref(client), client.log
    client.connect()
    client = None
    log.wait("disconnected")
    assert isinstance(log.events("error")[0][1], RefusedError)
    wait_until(lambda: gone() is None)


def test_a_client_that_never_ran_is_freed(service: LoggingService) -> None:
    client = TcpClient(service, "127.0.0.1", 80)
    gone = weakref.ref(client)
    del client
    assert gone() is None


def test_a_client_that_was_refused_a_second_run_lives_until_the_first_ends(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    client: LoggingClient | None = LoggingClient(service, "127.0.0.1", echo_server.port)
    assert client is not None
    gone, log = weakref.ref(client), client.log
    client.connect_and_wait()
    with pytest.raises(StateError):
        client.connect()
    client = None
    assert gone() is not None
    echo_server.disconnect_all()
    log.wait("disconnected")
    wait_until(lambda: gone() is None)


def test_a_client_goes_on_living_while_it_reconnects(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    client: LoggingClient | None = LoggingClient(service, "127.0.0.1", echo_server.port)
    assert client is not None
    gone, log = weakref.ref(client), client.log
    client.connect_and_wait()
    client.reconnect(0.01)
    client = None
    log.wait("connected", count=2)
    assert gone() is not None
    service.stop()
    wait_until(lambda: gone() is None)


def test_an_exception_of_a_callback_keeps_nothing_alive(service: LoggingService) -> None:
    class Failing(Session):
        def on_received(self, data: bytes) -> None:
            raise ValueError("in a callback")

        def on_error(self, error: Exception) -> None:
            self.server.log.add("error")

    server = LoggingServer(service, "127.0.0.1", 0, session_class=Failing)
    server.start()
    with dial(server.port) as peer:
        peer.sendall(b"x")
        server.log.wait("error")
    server.log.wait("disconnected")
    server.forget()
    # The exception, its traceback and the session refer to each other in no circle.
    wait_until(lambda: not Session.living)


def test_a_service_lives_as_long_as_what_runs_on_it() -> None:
    service: LoggingService | None = LoggingService()
    assert service is not None
    gone = weakref.ref(service)
    server = LoggingServer(service, "127.0.0.1", 0)
    service = None
    assert gone() is server.service
    del server
    assert gone() is None


def test_what_waits_on_a_service_goes_with_its_next_stop() -> None:
    service = LoggingService()
    server = LoggingServer(service, "127.0.0.1", 0)
    client = LoggingClient(service, "127.0.0.1", closed_port())
    gone = [weakref.ref(each) for each in (service, server, client)]
    for _ in range(2):
        server.start()
        client.connect()
        Timer(service, 3600, service.log.add, "never")
        assert not server.is_started
        assert not client.is_connected
        service.start()
        service.stop()
    assert not service.log.events("never")
    del service, server, client
    wait_until(lambda: all(each() is None for each in gone))
