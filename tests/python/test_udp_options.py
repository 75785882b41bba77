"""Options of UDP servers and clients, and who keeps what alive."""

from __future__ import annotations

import gc
import socket
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    Option,
    SendPolicy,
    SystemCallError,
    UdpClient,
    UdpEndpoint,
    UdpServer,
)
from helpers import LoggingService, wait_until
from udp_helpers import LOOPBACK, LoggingUdpClient, LoggingUdpServer, UdpEcho, plain_socket

DEFAULTS: dict[str, Any] = {
    "reuse_address": False,
    "reuse_port": False,
    "dual_stack": True,
    "send_buffer": 0,
    "receive_buffer": 0,
    "close_timeout": 5.0,
    "send_limit": 16 << 20,
    "send_policy": SendPolicy.REFUSE,
    "broadcast": False,
    "time_to_live": 0,
    "multicast_time_to_live": 1,
    "multicast_loop": True,
    "datagram_limit": 65_535,
}

CLIENT_DEFAULTS = {**DEFAULTS, "connect_timeout": 30.0, "any_peer": False}

OTHERS: dict[str, Any] = {
    "reuse_address": True,
    "reuse_port": True,
    "dual_stack": False,
    "send_buffer": 65536,
    "receive_buffer": 32768,
    "close_timeout": 0.25,
    "send_limit": 1024,
    "send_policy": SendPolicy.DROP_OLDEST,
    "broadcast": True,
    "time_to_live": 7,
    "multicast_time_to_live": 0,
    "multicast_loop": False,
    "datagram_limit": 1500,
}

CLIENT_OTHERS = {**OTHERS, "connect_timeout": 0.5, "any_peer": True}

OF_STREAMS = {
    Option.NO_DELAY,
    Option.KEEP_ALIVE,
    Option.KEEP_ALIVE_IDLE,
    Option.KEEP_ALIVE_INTERVAL,
    Option.KEEP_ALIVE_COUNT,
    Option.BACKLOG,
    Option.LINGER,
    Option.IDLE_TIMEOUT,
    Option.SESSION_LIMIT,
    Option.SESSION_LIMIT_PER_ADDRESS,
    Option.RECEIVE_LIMIT,
    Option.HANDSHAKE_TIMEOUT,
    *(option for option in Option if option >= Option.PING_INTERVAL),
}


@pytest.mark.parametrize(
    ("kind", "defaults", "others"),
    [(UdpServer, DEFAULTS, OTHERS), (UdpClient, CLIENT_DEFAULTS, CLIENT_OTHERS)],
)
def test_every_option_has_its_default_and_can_be_set(
    service: LoggingService, kind: Any, defaults: dict[str, Any], others: dict[str, Any]
) -> None:
    endpoint = kind(service, LOOPBACK, 9)
    for name, value in defaults.items():
        assert getattr(endpoint, name) == value
        assert type(getattr(endpoint, name)) is type(value)
        setattr(endpoint, name, others[name])
        assert getattr(endpoint, name) == others[name]
    with_keywords = kind(service, LOOPBACK, 9, **others)
    for name, value in others.items():
        assert getattr(endpoint, name) == getattr(with_keywords, name) == value


def test_no_option_is_forgotten(service: LoggingService) -> None:
    names = {option.name.lower() for option in set(Option) - OF_STREAMS}
    assert names == set(CLIENT_DEFAULTS) == set(CLIENT_OTHERS)
    server = UdpServer(service, LOOPBACK, 0)
    for option in OF_STREAMS:
        with pytest.raises(ArgumentError):
            server.get_option(option)
        with pytest.raises(ArgumentError):
            server.set_option(option, 1)
    with pytest.raises(TypeError, match="no option 'any_peer'"):
        UdpServer(service, LOOPBACK, 0, any_peer=True)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("broadcast", 1, TypeError),
        ("time_to_live", 256, ArgumentError),
        ("time_to_live", "7", TypeError),
        ("multicast_time_to_live", -1, ArgumentError),
        ("datagram_limit", 65_536, ArgumentError),
        ("send_policy", 1, TypeError),
        ("close_timeout", -1, ArgumentError),
    ],
)
def test_bad_values_are_refused_and_change_nothing(
    service: LoggingService, name: str, value: Any, kind: type[Exception]
) -> None:
    server = UdpServer(service, LOOPBACK, 0)
    before = getattr(server, name)
    with pytest.raises(kind):
        setattr(server, name, value)
    assert getattr(server, name) == before


def test_options_reach_the_socket_at_once(service: LoggingService) -> None:
    server = LoggingUdpServer(
        service, LOOPBACK, 0, time_to_live=3, multicast_loop=False, reuse_address=True
    )
    server.start_and_wait()
    with socket.socket(fileno=socket.dup(server.fileno())) as plain:

        def option(name: int) -> int:
            return plain.getsockopt(socket.IPPROTO_IP, name)

        assert option(socket.IP_TTL) == 3
        assert option(socket.IP_MULTICAST_TTL) == 1
        assert option(socket.IP_MULTICAST_LOOP) == 0
        assert plain.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) != 0
        assert plain.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST) == 0
        server.time_to_live = 4
        server.multicast_time_to_live = 5
        server.multicast_loop = True
        server.broadcast = True
        assert option(socket.IP_TTL) == 4
        assert option(socket.IP_MULTICAST_TTL) == 5
        assert option(socket.IP_MULTICAST_LOOP) == 1
        assert plain.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST) != 0


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="this system has no SO_REUSEPORT")
@pytest.mark.parametrize("name", ["reuse_address", "reuse_port"])
def test_two_servers_may_share_a_port(service: LoggingService, name: str) -> None:
    options: Any = {name: True}
    one = LoggingUdpServer(service, LOOPBACK, 0, **options)
    one.start_and_wait()
    two = LoggingUdpServer(service, LOOPBACK, one.port, **options)
    two.start_and_wait()
    assert one.port == two.port
    with pytest.raises(SystemCallError):
        LoggingUdpServer(service, LOOPBACK, one.port).start()


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
@pytest.mark.skipif(sys.platform != "linux", reason="what a refused datagram leads to")
def test_one_stack_alone(service: LoggingService) -> None:
    server = LoggingUdpServer(service, "::", 0, dual_stack=False)
    server.start_and_wait()
    client = LoggingUdpClient(service, LOOPBACK, server.port)
    client.connect_and_wait()
    client.send(b"x")
    assert isinstance(client.log.wait("error")[1], ConnectionRefusedError)


# Lifetime


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """Switch the collector off: the end of the last reference must be the end of the object."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def gone_of(endpoint: UdpEndpoint) -> weakref.ref[UdpEndpoint]:
    return weakref.ref(endpoint)


@pytest.mark.usefixtures("_no_collector")
def test_a_server_lives_while_it_runs(service: LoggingService) -> None:
    echo: UdpEcho | None = UdpEcho(service, LOOPBACK, 0)
    assert echo is not None
    gone, log = gone_of(echo), echo.log
    echo.start_and_wait()
    port = echo.port
    echo = None
    with plain_socket() as plain:
        plain.sendto(b"alive", (LOOPBACK, port))
        assert plain.recv(100) == b"alive"
    running: Any = gone()
    running.stop()
    del running
    log.wait("stopped")
    wait_until(lambda: gone() is None)


@pytest.mark.usefixtures("_no_collector")
def test_a_client_lives_while_it_is_connected(service: LoggingService) -> None:
    client: LoggingUdpClient | None = LoggingUdpClient(service, LOOPBACK, 9)
    assert client is not None
    gone, log = gone_of(client), client.log
    client.connect_and_wait()
    client.reconnect()
    client = None
    log.wait("connected", count=2)
    assert gone() is not None
    service.stop()
    wait_until(lambda: gone() is None)


@pytest.mark.usefixtures("_no_collector")
def test_what_did_not_start_is_freed(service: LoggingService) -> None:
    with plain_socket() as plain:
        server = LoggingUdpServer(service, LOOPBACK, plain.getsockname()[1])
        with pytest.raises(SystemCallError):
            server.start()
    client = LoggingUdpClient(service, "no.such.host.invalid", 9)
    never = UdpServer(service, LOOPBACK, 0)
    client.connect()
    client.log.wait("disconnected")
    gone = [gone_of(each) for each in (server, client, never)]
    del server, client, never
    wait_until(lambda: all(each() is None for each in gone))


@pytest.mark.usefixtures("_no_collector")
def test_a_start_that_waits_for_a_service_goes_with_it() -> None:
    service = LoggingService()
    server = LoggingUdpServer(service, LOOPBACK, 0)
    server.start()
    assert server.port > 0
    assert not server.is_started
    gone: list[Any] = [weakref.ref(service), weakref.ref(server)]
    service.start()
    server.log.wait("started")
    service.stop()
    del service, server
    wait_until(lambda: all(each() is None for each in gone))
