"""The client: connecting, failing, reconnecting, and its options."""

from __future__ import annotations

import errno
import socket
import threading
from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    DeadlineError,
    HandlerError,
    NotConnectedError,
    Option,
    Reason,
    RefusedError,
    ResolverError,
    StateError,
    SystemCallError,
    TcpClient,
)
from helpers import (
    DEADLINE,
    Log,
    LoggingClient,
    LoggingServer,
    LoggingService,
    closed_port,
    dial,
    wait_until,
)


def test_a_run_calls_back_in_order(client: LoggingClient) -> None:
    client.send(b"hello")
    client.log.wait_received(b"hello")
    assert client.disconnect() is True
    client.log.wait("disconnected")
    assert client.log.names() == ["connected", "received", "disconnected"]
    assert client.log.events("disconnected") == [("disconnected", Reason.LOCAL)]


def test_properties_before_during_and_after_a_run(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    client = LoggingClient(service, "127.0.0.1", echo_server.port)
    assert client.service is service
    assert (client.host, client.port) == ("127.0.0.1", echo_server.port)
    assert not client.is_connected
    assert client.fileno() == -1
    with pytest.raises(NotConnectedError):
        _ = client.peer_address
    client.connect_and_wait()
    assert client.is_connected
    assert client.id > 0
    assert client.peer_address == ("127.0.0.1", echo_server.port)
    assert client.local_address == echo_server.session().peer_address
    with socket.socket(fileno=socket.dup(client.fileno())) as connected:
        assert connected.getpeername() == client.peer_address
    client.send(b"12345")
    client.log.wait_received(b"12345")
    client.disconnect()
    client.log.wait("disconnected")
    assert not client.is_connected
    assert (client.bytes_sent, client.bytes_received) == (5, 5)


def test_calls_in_the_wrong_state(service: LoggingService, echo_server: LoggingServer) -> None:
    client = LoggingClient(service, "127.0.0.1", echo_server.port)
    with pytest.raises(NotConnectedError):
        client.send(b"early")
    assert client.disconnect() is False
    assert client.disconnect_now() is False
    with pytest.raises(NotConnectedError):
        client.reconnect()
    client.connect()
    with pytest.raises(StateError):
        client.connect()
    client.log.wait("connected")
    with pytest.raises(StateError):
        client.connect()
    with pytest.raises(StateError):
        client.bind("127.0.0.1")
    assert client.log.names() == ["connected"]


def test_a_client_connects_again_and_again(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    client = LoggingClient(service, "127.0.0.1", echo_server.port)
    for count in range(1, 6):
        client.connect_and_wait()
        client.send(b"x" * count)
        client.log.wait("received", b"x" * count)
        assert client.bytes_sent == count  # Counted from the start of the connection.
        client.disconnect()
        client.log.wait("disconnected", count=count)
    assert not client.log.events("error")


def test_a_refused_connect_is_error_then_disconnected(service: LoggingService) -> None:
    client = LoggingClient(service, "127.0.0.1", closed_port())
    client.connect()
    client.log.wait("disconnected")
    assert client.log.names() == ["error", "disconnected"]
    error = client.log.events("error")[0][1]
    assert isinstance(error, RefusedError)
    assert isinstance(error, ConnectionRefusedError)
    assert (error.errno, error.category) == (errno.ECONNREFUSED, "system")
    assert client.log.events("disconnected") == [("disconnected", Reason.ERROR)]


def test_an_unknown_name_is_a_resolver_error(service: LoggingService) -> None:
    client = LoggingClient(service, "no.such.host.invalid", 80)
    client.connect()
    client.log.wait("disconnected", Reason.ERROR)
    error = client.log.events("error")[0][1]
    assert isinstance(error, ResolverError)
    assert isinstance(error, socket.gaierror)


def test_a_name_is_resolved(service: LoggingService, echo_server: LoggingServer) -> None:
    client = LoggingClient(service, "localhost", echo_server.port)
    client.connect_and_wait()
    client.send(b"by name")
    client.log.wait_received(b"by name")


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
def test_a_client_speaks_ipv6(service: LoggingService) -> None:
    server = LoggingServer(service, "::1", 0)
    server.start_and_wait()
    client = LoggingClient(service, "::1", server.port)
    client.connect_and_wait()
    assert client.peer_address == ("::1", server.port)
    client.send(b"six")
    server.log.wait("received", b"six")


def full_listener() -> tuple[socket.socket, list[socket.socket]]:
    """Return a listener that answers no more connection, and what fills it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(8):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    return listener, fillers


@pytest.mark.skipif(not hasattr(socket, "SO_DOMAIN"), reason="only Linux drops what is too much")
def test_a_connect_has_a_deadline(service: LoggingService) -> None:
    listener, fillers = full_listener()
    try:
        port = listener.getsockname()[1]
        client = LoggingClient(service, "127.0.0.1", port, connect_timeout=0.1)
        client.connect()
        client.log.wait("disconnected", Reason.TIMEOUT)
        error = client.log.events("error")[0][1]
        assert isinstance(error, DeadlineError)
        assert isinstance(error, TimeoutError)
    finally:
        for filler in (listener, *fillers):
            filler.close()


@pytest.mark.skipif(not hasattr(socket, "SO_DOMAIN"), reason="only Linux drops what is too much")
@pytest.mark.parametrize("now", [False, True])
def test_disconnect_gives_up_a_connect(service: LoggingService, now: bool) -> None:
    listener, fillers = full_listener()
    try:
        client = LoggingClient(service, "127.0.0.1", listener.getsockname()[1])
        client.connect()
        assert (client.disconnect_now() if now else client.disconnect()) is True
        client.log.wait("disconnected")
        assert client.log.events() == [("disconnected", Reason.LOCAL)]
    finally:
        for filler in (listener, *fillers):
            filler.close()


def test_a_connect_waits_for_the_start_of_the_service(echo_server: LoggingServer) -> None:
    service = LoggingService()
    client = LoggingClient(service, "127.0.0.1", echo_server.port)
    client.connect()
    assert client.log.events() == []
    with service:
        client.log.wait("connected")
    assert client.log.events("disconnected") == [("disconnected", Reason.SERVICE_STOPPED)]


def test_bind_chooses_the_local_address(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    client = LoggingClient(service, "127.0.0.1", echo_server.port)
    port = closed_port()
    client.bind("127.0.0.2", port)
    client.connect_and_wait()
    assert client.local_address == ("127.0.0.2", port)
    assert echo_server.session().peer_address == ("127.0.0.2", port)
    client.disconnect()
    client.log.wait("disconnected")
    client.bind(None)
    client.connect_and_wait()
    assert client.local_address[0] == "127.0.0.1"


def test_an_address_of_somebody_else_cannot_be_bound(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    client = LoggingClient(service, "127.0.0.1", echo_server.port)
    client.bind("192.0.2.1")
    client.connect()
    client.log.wait("disconnected", Reason.ERROR)
    error = client.log.events("error")[0][1]
    assert isinstance(error, SystemCallError)
    assert error.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize(
    ("address", "port", "kind"),
    [
        ("no address", 0, ArgumentError),
        ("localhost", 0, ArgumentError),
        ("127.0.0.1", 65536, ArgumentError),
        (5, 0, TypeError),
        ("127.0.0.1", "0", TypeError),
    ],
)
def test_bad_local_addresses_are_refused(
    service: LoggingService, address: Any, port: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        TcpClient(service, "127.0.0.1", 80).bind(address, port)


@pytest.mark.parametrize(
    ("host", "port", "kind"),
    [
        ("", 80, ArgumentError),
        ("127.0.0.1", 0, ArgumentError),
        ("127.0.0.1", -1, ArgumentError),
        ("127.0.0.1", 65536, ArgumentError),
        ("local\0host", 80, ArgumentError),
        (None, 80, TypeError),
        ("127.0.0.1", 80.0, TypeError),
    ],
)
def test_bad_arguments_are_refused(
    service: LoggingService, host: Any, port: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        TcpClient(service, host, port)
    with pytest.raises(TypeError):
        TcpClient("service", "127.0.0.1", 80)  # type: ignore[arg-type]


# Reconnecting


def test_reconnect_ends_and_connects_again(client: LoggingClient) -> None:
    client.reconnect()
    client.log.wait("connected", count=2)
    assert client.log.names() == ["connected", "disconnected", "connected"]
    assert client.log.events("disconnected") == [("disconnected", Reason.LOCAL)]
    client.send(b"again")
    client.log.wait_received(b"again")


def test_reconnect_in_on_disconnected_goes_on_for_ever(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    class Loyal(LoggingClient):
        def on_disconnected(self, reason: Reason) -> None:
            super().on_disconnected(reason)
            if reason is not Reason.SERVICE_STOPPED:
                self.reconnect(0.001)

    client = Loyal(service, "127.0.0.1", echo_server.port)
    client.connect()
    for count in range(1, 4):
        echo_server.session(count).disconnect()
        client.log.wait("connected", count=count + 1)
    service.stop()
    client.log.wait("disconnected", Reason.SERVICE_STOPPED)


def test_reconnect_after_failures_until_the_server_is_there(service: LoggingService) -> None:
    class Patient(LoggingClient):
        def on_disconnected(self, reason: Reason) -> None:
            super().on_disconnected(reason)
            if reason is Reason.ERROR:
                self.reconnect(0.001)

    port = closed_port()
    client = Patient(service, "127.0.0.1", port)
    client.connect()
    client.log.wait("disconnected", count=3)
    server = LoggingServer(service, "127.0.0.1", port)
    server.start_and_wait()
    client.log.wait("connected")


def test_connect_in_on_disconnected_is_a_new_run(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    class Twice(LoggingClient):
        def on_disconnected(self, reason: Reason) -> None:
            super().on_disconnected(reason)
            if len(self.log.events("connected")) == 1:
                self.connect()

    client = Twice(service, "127.0.0.1", echo_server.port)
    client.connect_and_wait()
    client.disconnect()
    client.log.wait("connected", count=2)
    client.disconnect()
    client.log.wait("disconnected", count=2)


@pytest.mark.parametrize(
    ("delay", "kind"),
    [(-1, ArgumentError), (float("nan"), ArgumentError), ("1", TypeError), (None, TypeError)],
)
def test_bad_delays_are_refused(client: LoggingClient, delay: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        client.reconnect(delay)
    assert client.is_connected


# Options

DEFAULTS: dict[str, Any] = {
    "no_delay": True,
    "keep_alive": True,
    "keep_alive_idle": 0,
    "keep_alive_interval": 0,
    "keep_alive_count": 0,
    "send_buffer": 0,
    "receive_buffer": 0,
    "linger": -1,
    "connect_timeout": 30.0,
    "idle_timeout": 0.0,
    "close_timeout": 5.0,
    "send_limit": 16 << 20,
    "receive_limit": 16 << 20,
}


def test_every_option_has_its_default_and_can_be_set(service: LoggingService) -> None:
    client = TcpClient(service, "127.0.0.1", 80)
    for name, value in DEFAULTS.items():
        assert getattr(client, name) == value
        assert type(getattr(client, name)) is type(value)
        other: Any = (not value) if isinstance(value, bool) else value + 3
        setattr(client, name, other)
        assert getattr(client, name) == other
        assert getattr(TcpClient(service, "127.0.0.1", 80, **{name: other}), name) == other


def test_options_of_servers_are_not_those_of_clients(service: LoggingService) -> None:
    with pytest.raises(TypeError, match="backlog"):
        TcpClient(service, "127.0.0.1", 80, backlog=5)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="0"):
        TcpClient(service, "127.0.0.1", 80).set_option(0, 5)  # type: ignore[arg-type]


def test_options_count_for_the_open_connection_too(client: LoggingClient) -> None:
    with socket.socket(fileno=socket.dup(client.fileno())) as connected:

        def no_delay() -> bool:
            return connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0

        assert no_delay()
        client.no_delay = False
        wait_until(lambda: not no_delay())
        client.keep_alive_idle = 0  # The system's own: nothing to change.
        client.set_option(Option.NO_DELAY, 1)
        wait_until(no_delay)
    assert client.no_delay is True


# Exceptions


@pytest.mark.parametrize(
    "name", ["on_connected", "on_received", "on_sent", "on_empty", "on_disconnected"]
)
def test_an_exception_in_a_callback_comes_to_on_error(
    service: LoggingService, echo_server: LoggingServer, name: str
) -> None:
    cause = LookupError(name)

    def fail(self: Any, *arguments: Any) -> None:
        raise cause

    client = type("Failing", (LoggingClient,), {name: fail})(service, "127.0.0.1", echo_server.port)
    client.connect()
    echo_server.session()
    wait_until(lambda: client.is_connected)
    client.send(b"hello")
    echo_server.log.wait("received", b"hello")
    if name != "on_disconnected":
        client.log.wait("error")
    client.disconnect()
    error = client.log.wait("error")[1]
    assert isinstance(error, HandlerError)
    assert error.__cause__ is cause


def test_an_exception_without_on_error_is_unraisable(
    service: LoggingService, echo_server: LoggingServer, unraisable: Log
) -> None:
    cause = SystemExit(3)

    class Failing(TcpClient):
        def on_connected(self) -> None:
            raise cause

    client = Failing(service, "127.0.0.1", echo_server.port)
    client.connect()
    assert unraisable.wait(cause)[1].object is client


def test_many_clients_at_once(service: LoggingService, echo_server: LoggingServer) -> None:
    clients = [LoggingClient(service, "127.0.0.1", echo_server.port) for _ in range(100)]
    for client in clients:
        client.connect()
    for number, client in enumerate(clients):
        client.log.wait("connected")
        client.send(b"%d" % number)
    for number, client in enumerate(clients):
        client.log.wait_received(b"%d" % number)


def test_connect_and_disconnect_from_many_threads(
    service: LoggingService, echo_server: LoggingServer
) -> None:
    client = LoggingClient(service, "127.0.0.1", echo_server.port)
    connects: list[int] = []

    def churn() -> None:
        for _ in range(50):
            try:
                client.connect()
                connects.append(1)
            except StateError:
                pass
            client.disconnect()

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    client.disconnect()
    client.log.wait("disconnected", count=len(connects))
    assert len(client.log.events("connected")) <= len(connects)
    assert not client.log.events("error")


def test_a_client_meets_a_plain_listener(service: LoggingService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = LoggingClient(service, "127.0.0.1", listener.getsockname()[1])
        client.connect()
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"welcome")
            client.log.wait_received(b"welcome")
        client.log.wait("disconnected", Reason.PEER_CLOSED)
    assert not client.log.events("error")
    with pytest.raises(ConnectionRefusedError):
        dial(listener_port := client.port)
    assert listener_port == client.port
