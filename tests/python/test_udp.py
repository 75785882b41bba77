"""Servers and clients for datagrams: what is sent and received, and what goes wrong."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    HandlerError,
    LimitError,
    NotConnectedError,
    Reason,
    RefusedError,
    ResolverError,
    SendPolicy,
    StateError,
    SystemCallError,
    UdpClient,
    UdpServer,
    _address,
)
from helpers import DEADLINE, Log, LoggingService, wait_until
from udp_helpers import (
    LOOPBACK,
    LoggingUdpClient,
    LoggingUdpServer,
    UdpEcho,
    free_udp_port,
    plain_socket,
)

LARGEST = 65_507


@pytest.fixture
def server(service: LoggingService) -> LoggingUdpServer:
    """Return a started server that only logs."""
    server = LoggingUdpServer(service, LOOPBACK, 0)
    server.start_and_wait()
    return server


@pytest.fixture
def echo(service: LoggingService) -> UdpEcho:
    """Return a started echo server."""
    echo = UdpEcho(service, LOOPBACK, 0)
    echo.start_and_wait()
    return echo


@pytest.fixture
def client(service: LoggingService, echo: UdpEcho) -> LoggingUdpClient:
    """Return a connected client of the echo server."""
    client = LoggingUdpClient(service, LOOPBACK, echo.port)
    client.connect_and_wait()
    return client


@pytest.fixture
def plain() -> Iterator[socket.socket]:
    """Yield a socket of the standard library."""
    with plain_socket() as plain:
        yield plain


# Datagrams


@pytest.mark.parametrize("size", [0, 1, 1472, 1473, 9000, LARGEST])
def test_one_send_is_one_datagram(client: LoggingUdpClient, echo: UdpEcho, size: int) -> None:
    data = bytes(index % 251 for index in range(size))
    client.send(data)
    client.log.wait("received", data, (LOOPBACK, echo.port), False)
    client.log.wait("sent", size, (LOOPBACK, echo.port), 0)
    client.log.wait("empty")
    assert (client.datagrams_sent, client.datagrams_received) == (1, 1)
    assert (client.bytes_sent, client.bytes_received) == (size, size)
    assert (client.datagrams_dropped, client.datagrams_lost, client.bytes_pending) == (0, 0, 0)


def test_a_datagram_that_is_too_large_is_an_error_of_the_call(client: LoggingUdpClient) -> None:
    with pytest.raises(ArgumentError, match="65508"):
        client.send(bytes(LARGEST + 1))
    with pytest.raises(ArgumentError, match="65508"):
        client.send_to((LOOPBACK, client.port), bytes(LARGEST + 1))
    client.send(b"goes on")
    client.log.wait("received", b"goes on")
    assert not client.log.events("error")


def test_every_buffer_can_be_sent(server: LoggingUdpServer, plain: socket.socket) -> None:
    address = plain.getsockname()
    for data in (b"bytes", bytearray(b"bytearray"), memoryview(b"a memory view")[2:8]):
        server.send_to(address, data)
        assert plain.recvfrom(100) == (bytes(data), ("127.0.0.1", server.port))
    for wrong in ("text", 5, None):
        with pytest.raises(TypeError):
            server.send_to(address, wrong)  # type: ignore[arg-type]


def test_the_standard_library_is_answered(echo: UdpEcho, plain: socket.socket) -> None:
    for data in (b"", b"x", bytes(LARGEST)):
        plain.sendto(data, (LOOPBACK, echo.port))
        assert plain.recvfrom(LARGEST) == (data, (LOOPBACK, echo.port))


def test_a_burst_keeps_its_order(service: LoggingService, echo: UdpEcho) -> None:
    window, count = 50, 10_000  # What is under way has room in the sockets.
    arrived = threading.Semaphore(window)
    received: list[bytes] = []

    class Client(LoggingUdpClient):
        def on_received(self, address: tuple[str, int], data: bytes, truncated: bool) -> None:
            received.append(data)
            arrived.release()
            if len(received) == count:
                self.log.add("all")

    client = Client(service, LOOPBACK, echo.port)
    client.connect_and_wait()
    for number in range(count):
        assert arrived.acquire(timeout=DEADLINE)
        client.send(number.to_bytes(4, "big"))
    client.log.wait("all")
    assert [int.from_bytes(data, "big") for data in received] == list(range(count))
    assert client.datagrams_sent == client.datagrams_received == count


def test_a_burst_of_ten_thousand_in_one_callback(service: LoggingService) -> None:
    count = 10_000

    class Bursting(LoggingUdpServer):
        def on_started(self) -> None:
            for number in range(count):
                self.send(number.to_bytes(4, "big"))
            super().on_started()

        def on_sent(self, address: tuple[str, int], sent: int, pending: int) -> None:
            pass

    sink = LoggingUdpServer(service, LOOPBACK, 0, receive_buffer=16 << 20)
    sink.start_and_wait()
    server = Bursting(service, LOOPBACK, 0, destination=sink.local_address)
    server.start_and_wait()
    server.log.wait("empty")
    assert (server.datagrams_sent, server.bytes_sent) == (count, 4 * count)
    assert server.log.names().count("empty") == 1
    # What had no room in the buffer, which the system may bound, is lost for good.
    numbers = [int.from_bytes(event[1], "big") for event in sink.log.events("received")]
    assert numbers == sorted(numbers)


def test_a_truncated_datagram_is_told(service: LoggingService, plain: socket.socket) -> None:
    server = LoggingUdpServer(service, LOOPBACK, 0, datagram_limit=5)
    server.start_and_wait()
    for data in (b"12345", b"123456", b"1"):
        plain.sendto(data, (LOOPBACK, server.port))
    server.log.wait("received", count=3)
    received = [(event[1], event[3]) for event in server.log.events("received")]
    assert received == [(b"12345", False), (b"12345", True), (b"1", False)]
    assert server.bytes_received == 11


def test_a_view_saves_the_copy(service: LoggingService, plain: socket.socket) -> None:
    class Server(LoggingUdpServer):
        def on_received_view(
            self, address: tuple[str, int], view: memoryview, truncated: bool
        ) -> None:
            assert view.readonly
            self.log.add("view", bytes(view), address, truncated)

    server = Server(service, LOOPBACK, 0)
    server.start_and_wait()
    for data in (b"in place", b""):
        plain.sendto(data, (LOOPBACK, server.port))
        server.log.wait("view", data, plain.getsockname(), False)
    assert not server.log.events("received")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what its buffer lost")
def test_what_the_system_lost_is_counted(service: LoggingService, plain: socket.socket) -> None:
    gate = threading.Event()

    class Server(LoggingUdpServer):
        def on_received(self, address: tuple[str, int], data: bytes, truncated: bool) -> None:
            if data == b"wait":
                self.log.add("waits")
                gate.wait(DEADLINE)
            super().on_received(address, data, truncated)

    server = Server(service, LOOPBACK, 0, receive_buffer=4096)
    server.start_and_wait()
    to = (LOOPBACK, server.port)
    plain.sendto(b"wait", to)
    server.log.wait("waits")
    for _ in range(100):
        plain.sendto(bytes(1000), to)
    gate.set()

    def is_told() -> bool:
        plain.sendto(b"told with this", to)
        return server.datagrams_lost > 0

    wait_until(is_told)


# Addresses


def test_addresses_are_remembered_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_address, "_MOST", 10)
    to_native, from_native = _address._ToNative(), _address._FromNative()
    for port in range(1, 25):
        address = ("127.0.0.1", port)
        native = to_native[address]
        assert from_native[native] == address
        assert to_native[address] is native
        assert from_native[native] is from_native[native]
        assert len(to_native) <= 10
        assert len(from_native) <= 10


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "255.255.255.255", "::1", "2001:db8::7", "fe80::1%1"]
)
def test_addresses_cross_the_border_and_come_back(host: str) -> None:
    assert _address.from_native[_address.encode((host, 65535))] == (host, 65535)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (("localhost", 80), ArgumentError),
        (("", 80), ArgumentError),
        (("127.0.0.1\0", 80), ArgumentError),
        (("127.0.0.1", 65536), ArgumentError),
        (("127.0.0.1", -1), ArgumentError),
        (("127.0.0.1", 0), ArgumentError),
        (("::1", 80), ArgumentError),
        (("127.0.0.1", "80"), TypeError),
        ((b"127.0.0.1", 80), TypeError),
        (("127.0.0.1",), TypeError),
        (("127.0.0.1", 80, 0), TypeError),
        (["127.0.0.1", 80], TypeError),
        ("127.0.0.1:80", TypeError),
        (None, TypeError),
    ],
)
def test_wrong_addresses_are_errors_of_the_call(
    server: LoggingUdpServer, address: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        server.send_to(address, b"x")
    assert not server.log.events("error")


def test_the_destination_of_a_server(server: LoggingUdpServer, plain: socket.socket) -> None:
    assert server.destination is None
    with pytest.raises(ArgumentError, match="destination"):
        server.send(b"nowhere")
    server.destination = plain.getsockname()
    assert server.destination == plain.getsockname()
    server.send(b"there")
    assert plain.recv(100) == b"there"
    server.destination = None
    assert server.destination is None
    with pytest.raises(TypeError):
        server.destination = ["127.0.0.1", 80]  # type: ignore[assignment]


def test_the_destination_of_a_client_is_its_server(client: LoggingUdpClient) -> None:
    server = (LOOPBACK, client.port)
    assert client.destination == server
    client.disconnect()
    client.log.wait("disconnected")
    assert client.destination is None


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
def test_ipv6_and_both_at_once(service: LoggingService) -> None:
    echo = UdpEcho(service, "::", 0)
    echo.start_and_wait()
    for host in ("127.0.0.1", "::1"):
        client = LoggingUdpClient(service, host, echo.port)
        client.connect_and_wait()
        client.send(b"hello")
        client.log.wait("received", b"hello", (host, echo.port))
        client.disconnect()
    assert echo.local_address == ("::", echo.port)


# Clients


def test_a_client_hears_its_server_alone(
    service: LoggingService, client: LoggingUdpClient, plain: socket.socket
) -> None:
    plain.sendto(b"from a stranger", client.local_address)
    with pytest.raises(ArgumentError, match="AnyPeer"):
        client.send_to(plain.getsockname(), b"x")
    client.send(b"from the server")
    client.log.wait("received")
    assert [event[1] for event in client.log.events("received")] == [b"from the server"]
    assert not service.log.events("error")


def test_a_client_may_hear_anybody(
    service: LoggingService, echo: UdpEcho, plain: socket.socket
) -> None:
    client = LoggingUdpClient(service, LOOPBACK, echo.port, any_peer=True)
    client.bind(LOOPBACK)
    client.connect_and_wait()
    plain.sendto(b"from a stranger", client.local_address)
    client.log.wait("received", b"from a stranger", plain.getsockname())
    client.send_to(plain.getsockname(), b"answer")
    assert plain.recvfrom(100) == (b"answer", client.local_address)
    client.send(b"from the server")
    client.log.wait("received", b"from the server", (LOOPBACK, echo.port))


def test_bind_chooses_the_local_address(service: LoggingService, echo: UdpEcho) -> None:
    port = free_udp_port()
    client = LoggingUdpClient(service, LOOPBACK, echo.port)
    client.bind(LOOPBACK, port)
    client.connect_and_wait()
    assert client.local_address == (LOOPBACK, port)
    with pytest.raises(StateError):
        client.bind(LOOPBACK, port)
    with pytest.raises(ArgumentError):
        client.bind("no address", port)
    client.disconnect()
    client.log.wait("disconnected")
    client.bind(None)
    client.connect_and_wait()
    assert client.local_address[1] != port


def test_a_name_is_resolved(service: LoggingService) -> None:
    echo = UdpEcho(service, "::" if socket.has_ipv6 else LOOPBACK, 0)
    echo.start_and_wait()
    client = LoggingUdpClient(service, "localhost", echo.port)
    client.connect_and_wait()
    client.send(b"by name")
    client.log.wait("received", b"by name")


def test_an_unknown_name_is_error_then_disconnected(service: LoggingService) -> None:
    client = LoggingUdpClient(service, "no.such.host.invalid", 80)
    client.connect()
    client.log.wait("disconnected", Reason.ERROR)
    assert client.log.names() == ["error", "disconnected"]
    assert isinstance(client.log.events("error")[0][1], ResolverError)


def test_an_endpoint_that_is_gone_is_an_error_and_nothing_more(
    service: LoggingService, client: LoggingUdpClient, echo: UdpEcho
) -> None:
    port = echo.port
    echo.stop()
    echo.log.wait("stopped")
    client.send(b"anybody there?")
    error = client.log.wait("error")[1]
    assert isinstance(error, RefusedError)
    assert f"{LOOPBACK}:{port}" in str(error)
    assert client.is_connected
    again = UdpEcho(service, LOOPBACK, port)
    again.start_and_wait()
    client.send(b"again")
    client.log.wait("received", b"again")
    assert not client.log.events("disconnected")


# Limits


@pytest.mark.parametrize("policy", SendPolicy)
def test_the_send_limit(service: LoggingService, plain: socket.socket, policy: SendPolicy) -> None:
    class Server(LoggingUdpServer):
        def on_started(self) -> None:
            for number in range(20):
                try:
                    self.send(bytes([number]) * 300)
                except LimitError:
                    self.log.add("refused", number)
                except NotConnectedError:
                    assert self.send_policy is SendPolicy.DISCONNECT

    to = plain.getsockname()
    server = Server(service, LOOPBACK, 0, send_limit=4000, send_policy=policy, destination=to)
    server.start()
    if policy is SendPolicy.DISCONNECT:
        server.log.wait("stopped", Reason.LIMIT)
        assert isinstance(server.log.events("error")[0][1], LimitError)
        assert server.log.events("refused")
        return
    server.log.wait("empty")
    refused = server.log.events("refused")
    assert (len(refused) > 5) == (policy is SendPolicy.REFUSE)
    assert server.datagrams_dropped > 5
    assert server.datagrams_sent + server.datagrams_dropped == 20
    first = plain.recv(1000)[0]
    assert (first == 0) == (policy is SendPolicy.REFUSE)
    server.send(b"goes on")
    server.log.wait("empty", count=2)


def test_a_broadcast_needs_its_option(service: LoggingService) -> None:
    server = LoggingUdpServer(service, "0.0.0.0", 0)
    server.start_and_wait()
    server.send_to(("255.255.255.255", 9), b"x")
    error = server.log.wait("error")[1]
    assert isinstance(error, PermissionError)
    server.log.wait("empty")
    assert server.datagrams_dropped == 1
    server.broadcast = True
    server.send_to(("127.255.255.255", 9), b"x")
    server.log.wait("sent", 1, ("127.255.255.255", 9))


# Life


def test_a_server_starts_and_stops(server: LoggingUdpServer) -> None:
    assert server.is_started
    assert server.port > 0
    assert server.address == LOOPBACK
    assert server.local_address == (LOOPBACK, server.port)
    assert server.fileno() >= 0
    with pytest.raises(StateError):
        server.start()
    server.stop()
    server.log.wait("stopped", Reason.LOCAL)
    assert not server.is_started
    assert server.port == 0
    assert server.fileno() == -1
    for call in (server.stop, server.restart, lambda: server.local_address):
        with pytest.raises(StateError):
            call()
    with pytest.raises(NotConnectedError):
        server.send_to((LOOPBACK, 9), b"x")
    server.start_and_wait()
    assert server.log.names() == ["started", "stopped", "started"]


def test_a_restart_keeps_the_port(server: LoggingUdpServer, plain: socket.socket) -> None:
    port = server.port
    server.restart()
    server.log.wait("started", count=2)
    assert server.log.names() == ["started", "stopped", "started"]
    assert server.port == port
    plain.sendto(b"still here", (LOOPBACK, port))
    server.log.wait("received", b"still here")


def test_a_client_reconnects(client: LoggingUdpClient) -> None:
    client.reconnect()
    client.log.wait("connected", count=2)
    assert client.log.names() == ["connected", "disconnected", "connected"]
    client.send(b"again")
    client.log.wait("received", b"again")
    assert client.disconnect() is True
    client.log.wait("disconnected", Reason.LOCAL, count=2)
    assert client.disconnect() is False
    with pytest.raises(StateError):
        client.reconnect()
    with pytest.raises(NotConnectedError):
        client.send(b"late")


def test_a_client_connects_again_in_on_disconnected(service: LoggingService, echo: UdpEcho) -> None:
    class Client(LoggingUdpClient):
        def on_disconnected(self, reason: Reason) -> None:
            super().on_disconnected(reason)
            if len(self.log.events("disconnected")) < 3:
                self.connect()

    client = Client(service, LOOPBACK, echo.port)
    for count in (1, 2, 3):
        if count == 1:
            client.connect()
        client.log.wait("connected", count=count)
        client.disconnect()
    client.log.wait("disconnected", count=3)
    assert client.log.names() == ["connected", "disconnected"] * 3


def test_a_port_in_use_is_an_error_of_the_start(
    service: LoggingService, plain: socket.socket
) -> None:
    server = LoggingUdpServer(service, LOOPBACK, plain.getsockname()[1])
    with pytest.raises(SystemCallError, match="in use"):
        server.start()
    assert server.log.events() == []


def test_a_stop_sends_what_was_accepted(service: LoggingService, plain: socket.socket) -> None:
    server = LoggingUdpServer(service, LOOPBACK, 0, destination=plain.getsockname())
    server.start_and_wait()
    for number in range(20):
        server.send(bytes([number]))
    server.stop()
    assert [plain.recv(10) for _ in range(20)] == [bytes([number]) for number in range(20)]


def test_the_stop_of_the_service_comes_last(service: LoggingService, echo: UdpEcho) -> None:
    client = LoggingUdpClient(service, LOOPBACK, echo.port)
    client.connect_and_wait()
    service.stop()
    assert client.log.events("disconnected") == [("disconnected", Reason.SERVICE_STOPPED)]
    assert echo.log.events("stopped") == [("stopped", Reason.SERVICE_STOPPED)]
    for start in (echo.start, client.connect):
        start()  # It waits for the next start of the service.
    service.start()
    client.log.wait("connected", count=2)


def test_a_server_is_a_context(service: LoggingService, plain: socket.socket) -> None:
    with UdpEcho(service, LOOPBACK, 0) as echo:
        plain.sendto(b"x", (LOOPBACK, echo.port))
        assert plain.recv(1) == b"x"
    echo.log.wait("stopped", Reason.LOCAL)
    with UdpEcho(service, LOOPBACK, 0) as echo:
        echo.stop()


@pytest.mark.parametrize("kind", [UdpServer, UdpClient])
def test_wrong_arguments_of_the_constructors(service: LoggingService, kind: Any) -> None:
    for arguments, error in [
        ((None, LOOPBACK, 1), TypeError),
        ((service, b"127.0.0.1", 1), TypeError),
        ((service, "", 1), ArgumentError),
        ((service, LOOPBACK, 65536), ArgumentError),
        ((service, LOOPBACK, "1"), TypeError),
    ]:
        with pytest.raises(error):
            kind(*arguments)
    with pytest.raises(TypeError, match="no option 'no_delay'"):
        kind(service, LOOPBACK, 1, no_delay=True)
    with pytest.raises(ArgumentError, match="not 0"):
        UdpClient(service, LOOPBACK, 0)


# Exceptions


FAILING = ["on_started", "on_received", "on_received_view", "on_sent", "on_empty", "on_stopped"]


def fail(self: Any, *arguments: Any) -> None:
    raise ValueError("in a callback")


@pytest.mark.parametrize("name", FAILING)
def test_an_exception_of_a_callback_is_told(
    service: LoggingService, plain: socket.socket, name: str
) -> None:
    kind = type("Failing", (LoggingUdpServer,), {name: fail})
    server = kind(service, LOOPBACK, 0)
    server.start()
    wait_until(lambda: server.is_started)
    plain.sendto(b"x", (LOOPBACK, server.port))
    server.send_to(plain.getsockname(), b"goes on")
    assert plain.recv(100) == b"goes on"
    server.log.wait("error") if name != "on_stopped" else server.stop()
    error = server.log.wait("error")[1]
    assert isinstance(error, HandlerError)
    assert str(error) == f"Failing.{name} raised ValueError: in a callback"
    assert isinstance(error.__cause__, ValueError)


def test_an_exception_without_on_error_is_unraisable(
    service: LoggingService, plain: socket.socket, unraisable: Log
) -> None:
    failing = type("Failing", (UdpServer,), {"on_received": fail})
    with failing(service, LOOPBACK, 0) as server:
        plain.sendto(b"x", (LOOPBACK, server.port))
        wait_until(lambda: bool(unraisable.events()))
    assert isinstance(unraisable.events()[0][0], ValueError)


@pytest.mark.parametrize("name", ["on_connected", "on_disconnected"])
def test_an_exception_of_a_callback_of_a_client_is_told(
    service: LoggingService, echo: UdpEcho, name: str
) -> None:
    client = type("Failing", (LoggingUdpClient,), {name: fail})(service, LOOPBACK, echo.port)
    client.connect()
    wait_until(lambda: client.is_connected)
    client.disconnect()
    error = client.log.wait("error")[1]
    assert str(error) == f"Failing.{name} raised ValueError: in a callback"
