"""The server: its life, its sessions as a whole, its options and its errors."""

from __future__ import annotations

import errno
import socket
import threading
from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    CppServerError,
    HandlerError,
    NotConnectedError,
    Reason,
    ResolverError,
    StateError,
    SystemCallError,
    TcpServer,
    TcpSession,
    _server,
)
from helpers import (
    DEADLINE,
    EchoSession,
    Log,
    LoggingServer,
    LoggingService,
    LoggingSession,
    dial,
    read_exactly,
    read_to_end,
    wait_until,
)


def test_a_run_calls_back_in_order(service: LoggingService, echo_server: LoggingServer) -> None:
    log = echo_server.log
    with dial(echo_server.port) as peer:
        peer.sendall(b"hello")
        assert read_exactly(peer, 5) == b"hello"
    session = log.wait("disconnected")[1]
    echo_server.stop()
    log.wait("stopped")
    assert log.events() == [
        ("started",),
        ("session connected", session),
        ("connected", session),
        ("received", b"hello"),
        ("session disconnected", Reason.PEER_CLOSED),
        ("disconnected", session, Reason.PEER_CLOSED),
        ("stopped",),
    ]


def test_stop_calls_on_stopped_before_it_ends_the_sessions(echo_server: LoggingServer) -> None:
    with dial(echo_server.port) as peer:
        session = echo_server.session()
        echo_server.stop()
        assert read_to_end(peer) == b""
        echo_server.log.wait("disconnected", session, Reason.SERVER_STOPPED)
    names = echo_server.log.names()
    assert names.index("stopped") < names.index("session disconnected")


def test_the_stop_of_the_service_ends_server_and_sessions(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    with dial(echo_server.port) as peer:
        echo_server.session()
        service.stop()
        assert read_to_end(peer) == b""
    assert echo_server.log.events("session disconnected") == [
        ("session disconnected", Reason.SERVICE_STOPPED)
    ]
    assert len(echo_server.log.events("stopped")) == 1
    assert not echo_server.is_started


def test_properties_before_during_and_after_a_run(service: LoggingService) -> None:
    server = LoggingServer(service, "127.0.0.1", 0)
    assert server.service is service
    assert server.address == "127.0.0.1"
    assert (server.port, server.is_started, server.fileno()) == (0, False, -1)
    server.start_and_wait()
    assert server.is_started
    assert server.port > 0
    with socket.socket(fileno=socket.dup(server.fileno())) as listener:
        assert listener.getsockname() == ("127.0.0.1", server.port)
    server.stop()
    server.log.wait("stopped")
    assert (server.is_started, server.fileno()) == (False, -1)


def test_counters_count_bytes_and_sessions(echo_server: LoggingServer) -> None:
    assert echo_server.current_sessions == 0
    with dial(echo_server.port) as one, dial(echo_server.port) as two:
        for peer, data in ((one, b"12345"), (two, b"1234567")):
            peer.sendall(data)
            assert read_exactly(peer, len(data)) == data
        assert echo_server.current_sessions == 2
        wait_until(lambda: echo_server.bytes_sent == 12)
        assert echo_server.bytes_received == 12
    echo_server.log.wait("disconnected", count=2)
    wait_until(lambda: echo_server.current_sessions == 0)


def test_multicast_reaches_every_session(echo_server: LoggingServer) -> None:
    peers = [dial(echo_server.port) for _ in range(5)]
    echo_server.log.wait("connected", count=5)
    for data in (b"bytes ", bytearray(b"bytearray "), memoryview(b"a memoryview")[2:]):
        echo_server.multicast(data)
    for peer in peers:
        with peer:
            assert read_exactly(peer, 26) == b"bytes bytearray memoryview"


def test_disconnect_all_ends_the_sessions_and_not_the_server(echo_server: LoggingServer) -> None:
    peers = [dial(echo_server.port) for _ in range(3)]
    echo_server.log.wait("connected", count=3)
    echo_server.multicast(b"bye")
    echo_server.disconnect_all()
    for peer in peers:
        with peer:
            assert read_to_end(peer) == b"bye"
    echo_server.log.wait("disconnected", count=3)
    assert {event[2] for event in echo_server.log.events("disconnected")} == {Reason.LOCAL}
    with dial(echo_server.port):
        echo_server.session(4)


def test_a_restart_keeps_the_callbacks(echo_server: LoggingServer) -> None:
    with dial(echo_server.port) as peer:
        echo_server.session()
        echo_server.restart()
        assert read_to_end(peer) == b""
    echo_server.log.wait("started", count=2)
    with dial(echo_server.port) as peer:
        peer.sendall(b"again")
        assert read_exactly(peer, 5) == b"again"


def test_a_server_can_be_started_again(server: LoggingServer) -> None:
    server.stop()
    server.log.wait("stopped")
    server.start_and_wait()
    with dial(server.port):
        server.session()


def test_a_context_starts_and_stops(service: LoggingService) -> None:
    with LoggingServer(service, "127.0.0.1", 0) as server:
        with dial(server.port):
            server.session()
        server.stop()  # The exit finds it stopped.
    server.log.wait("stopped")


def test_a_server_of_a_stopped_service_starts_with_it() -> None:
    service = LoggingService()
    server = LoggingServer(service, "127.0.0.1", 0, session_class=EchoSession)
    server.start()
    assert server.port > 0
    with dial(server.port) as peer:
        peer.sendall(b"early")
        with service:
            assert read_exactly(peer, 5) == b"early"


def test_calls_in_the_wrong_state_raise(service: LoggingService) -> None:
    server = LoggingServer(service, "127.0.0.1", 0)
    for call in (server.stop, server.restart, server.disconnect_all):
        with pytest.raises(StateError):
            call()
    with pytest.raises(StateError):
        server.multicast(b"nobody")
    server.start_and_wait()
    with pytest.raises(StateError):
        server.start()
    server.stop()
    with pytest.raises(StateError):
        server.stop()
    server.log.wait("stopped")
    assert len(server.log.events("started")) == 1


def test_a_port_in_use_fails_the_start_and_nothing_else(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    second = LoggingServer(service, "127.0.0.1", echo_server.port)
    with pytest.raises(SystemCallError) as caught:
        second.start()
    assert caught.value.errno == caught.value.code == errno.EADDRINUSE
    assert caught.value.category == "system"
    assert str(echo_server.port) in str(caught.value)
    assert second.log.events() == []
    with dial(echo_server.port) as peer:
        peer.sendall(b"still here")
        assert read_exactly(peer, 10) == b"still here"
    echo_server.stop()
    echo_server.log.wait("stopped")
    second.start_and_wait()


def test_an_address_of_somebody_else_fails_the_start(service: LoggingService) -> None:
    server = LoggingServer(service, "192.0.2.1", 0)
    with pytest.raises(SystemCallError) as caught:
        server.start()
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_an_unknown_name_fails_the_start(service: LoggingService) -> None:
    server = LoggingServer(service, "no.such.host.invalid", 0)
    with pytest.raises(ResolverError) as caught:
        server.start()
    assert isinstance(caught.value, socket.gaierror)
    assert caught.value.category == "resolver"


@pytest.mark.parametrize(
    ("address", "port", "kind"),
    [
        ("", 0, ArgumentError),
        ("127.0.0.1\0", 0, ArgumentError),
        ("127.0.0.1", -1, ArgumentError),
        ("127.0.0.1", 65536, ArgumentError),
        (b"127.0.0.1", 0, TypeError),
        (None, 0, TypeError),
        ("127.0.0.1", "80", TypeError),
        ("127.0.0.1", None, TypeError),
    ],
)
def test_bad_arguments_are_refused(
    service: LoggingService, address: Any, port: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        TcpServer(service, address, port)


def test_other_bad_arguments_are_refused(service: LoggingService) -> None:
    with pytest.raises(TypeError):
        TcpServer(None, "127.0.0.1", 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        TcpServer(service, "127.0.0.1", 0, session_class=LoggingServer)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="no_such_option"):
        TcpServer(service, "127.0.0.1", 0, no_such_option=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="session"):
        TcpServer(service, "127.0.0.1", 0, session=1)  # type: ignore[call-arg]


# Making sessions


def test_the_session_class_may_be_an_attribute(service: LoggingService) -> None:
    class Server(LoggingServer):
        session_class = EchoSession

    server = Server(service, "127.0.0.1", 0)
    server.start_and_wait()
    with dial(server.port):
        assert type(server.session()) is EchoSession
    assert type(server.create_session()) is EchoSession


def test_create_session_may_pass_arguments(service: LoggingService) -> None:
    class Numbered(LoggingSession):
        def __init__(self, server: LoggingServer, number: int) -> None:
            super().__init__(server)
            self.number = number

    class Server(LoggingServer):
        numbers = iter(range(7, 100))

        def create_session(self) -> LoggingSession:
            return Numbered(self, next(self.numbers))

    server = Server(service, "127.0.0.1", 0)
    server.start_and_wait()
    for number in (7, 8):
        with dial(server.port):
            session = server.session(number - 6)
            assert isinstance(session, Numbered)
            assert session.number == number
            assert session.server is server


def test_create_session_may_refuse(service: LoggingService) -> None:
    class Server(LoggingServer):
        refusals = 2

        def create_session(self) -> LoggingSession | None:
            if self.refusals:
                self.refusals -= 1
                return None
            return super().create_session()

    server = Server(service, "127.0.0.1", 0)
    server.start_and_wait()
    for _ in range(2):
        with dial(server.port) as peer:
            assert read_to_end(peer) == b""
    with dial(server.port):
        server.session()
    server.log.wait("disconnected")
    assert len(server.log.events("session connected")) == 1
    assert not server.log.events("error")


@pytest.mark.parametrize("mistake", ["raise", "wrong type", "used before"])
def test_a_mistake_in_create_session_refuses_and_is_reported(
    service: LoggingService, mistake: str
) -> None:
    class Server(LoggingServer):
        used: LoggingSession | None = None

        def create_session(self) -> Any:
            if mistake == "raise":
                raise ZeroDivisionError("no session")
            if mistake == "wrong type":
                return "session"
            if self.used is None:
                self.used = LoggingSession(self)
            return self.used

    server = Server(service, "127.0.0.1", 0)
    server.start_and_wait()
    if mistake == "used before":
        with dial(server.port):
            server.session()
        server.log.wait("disconnected")
    with dial(server.port) as peer:
        assert read_to_end(peer) == b""
    error = server.log.wait("error")[1]
    assert isinstance(error, HandlerError)
    kinds = {"raise": ZeroDivisionError, "wrong type": TypeError, "used before": StateError}
    assert isinstance(error.__cause__, kinds[mistake])
    assert "create_session" in error.message
    server.used = None


def test_a_session_without_a_connection_is_harmless(server: LoggingServer) -> None:
    session = TcpSession(server)
    assert not session.is_connected
    assert (session.id, session.fileno(), session.bytes_pending) == (0, -1, 0)
    assert (session.bytes_sent, session.bytes_received) == (0, 0)
    with pytest.raises(CppServerError):
        session.send(b"nobody")
    with pytest.raises(CppServerError):
        _ = session.peer_address


# Exceptions


CALLBACKS = ["on_started", "on_connected", "on_disconnected", "on_stopped"]


def failing(name: str, cause: BaseException, base: type[TcpServer[Any]]) -> type[TcpServer[Any]]:
    def fail(self: Any, *arguments: Any) -> None:
        raise cause

    return type("Failing", (base,), {name: fail})


@pytest.mark.parametrize("name", CALLBACKS)
def test_an_exception_in_a_callback_comes_to_on_error(service: LoggingService, name: str) -> None:
    cause = KeyError(name)
    server = failing(name, cause, LoggingServer)(service, "127.0.0.1", 0, session_class=EchoSession)
    assert isinstance(server, LoggingServer)
    server.start()
    with dial(server.port) as peer:
        peer.sendall(b"works")
        assert read_exactly(peer, 5) == b"works"
    server.log.wait("session disconnected")
    server.stop()
    error = server.log.wait("error")[1]
    assert isinstance(error, HandlerError)
    assert error.__cause__ is cause
    assert f"Failing.{name}" in error.message


@pytest.mark.parametrize("name", CALLBACKS)
def test_an_exception_without_on_error_is_unraisable(
    service: LoggingService, unraisable: Log, name: str
) -> None:
    cause = KeyboardInterrupt(name)
    server = failing(name, cause, TcpServer)(service, "127.0.0.1", 0)
    server.start()
    with dial(server.port):
        pass
    if name in CALLBACKS[:3]:
        unraisable.wait(cause)
    server.stop()
    assert unraisable.wait(cause)[1].object is server


def test_only_overridden_callbacks_are_registered() -> None:
    plain = _server._native_handler(TcpServer)
    assert plain.on_session
    assert plain.destroy
    assert not (plain.on_started or plain.on_stopped or plain.on_connected)
    assert not (plain.on_disconnected or plain.on_error)
    full = _server._native_handler(LoggingServer)
    assert full.on_started
    assert full.on_stopped
    assert full.on_connected
    assert full.on_disconnected
    assert full.on_error


def test_many_threads_may_use_a_server(echo_server: LoggingServer) -> None:
    peers = [dial(echo_server.port) for _ in range(4)]
    echo_server.log.wait("connected", count=4)

    def multicast() -> None:
        for _ in range(100):
            echo_server.multicast(b"x" * 10)

    threads = [threading.Thread(target=multicast) for _ in range(4)]
    for thread in threads:
        thread.start()
    for peer in peers:
        assert read_exactly(peer, 4000) == b"x" * 4000
    for thread in threads:
        thread.join(DEADLINE)
    for peer in peers:
        peer.close()


def test_a_stopped_server_has_no_sessions_to_reach(server: LoggingServer) -> None:
    with dial(server.port):
        session = server.session()
        server.stop()
        server.log.wait("disconnected")
        with pytest.raises(NotConnectedError):
            session.send(b"late")
