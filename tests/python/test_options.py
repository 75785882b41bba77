"""Options of servers: their names, defaults, bounds and effects."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from cppserver import ArgumentError, Option, Reason, SendPolicy, TcpServer
from helpers import (
    EchoSession,
    LoggingServer,
    LoggingService,
    dial,
    read_exactly,
    read_to_end,
    wait_until,
)

DEFAULTS: dict[str, Any] = {
    "no_delay": True,
    "keep_alive": False,
    "keep_alive_idle": 0,
    "keep_alive_interval": 0,
    "keep_alive_count": 0,
    "reuse_address": True,
    "reuse_port": False,
    "dual_stack": True,
    "send_buffer": 0,
    "receive_buffer": 0,
    "backlog": 4096,
    "linger": -1,
    "idle_timeout": 0.0,
    "close_timeout": 5.0,
    "session_limit": 0,
    "session_limit_per_address": 0,
    "send_limit": 16 << 20,
    "send_policy": SendPolicy.REFUSE,
    "receive_limit": 16 << 20,
    "handshake_timeout": 10.0,
}

OTHERS: dict[str, Any] = {
    "no_delay": False,
    "keep_alive": True,
    "keep_alive_idle": 60,
    "keep_alive_interval": 10,
    "keep_alive_count": 4,
    "reuse_address": False,
    "reuse_port": True,
    "dual_stack": False,
    "send_buffer": 65536,
    "receive_buffer": 32768,
    "backlog": 16,
    "linger": 0,
    "idle_timeout": 1.5,
    "close_timeout": 0.25,
    "session_limit": 10,
    "session_limit_per_address": 2,
    "send_limit": 1024,
    "send_policy": SendPolicy.DROP_OLDEST,
    "receive_limit": 2048,
    "handshake_timeout": 0.75,
}


def test_every_option_has_its_default_and_can_be_set(service: LoggingService) -> None:
    server = TcpServer(service, "127.0.0.1", 0)
    for name, value in DEFAULTS.items():
        assert getattr(server, name) == value
        assert type(getattr(server, name)) is type(value)
        setattr(server, name, OTHERS[name])
        assert getattr(server, name) == OTHERS[name]
    for name, value in OTHERS.items():
        assert getattr(server, name) == value


def test_every_option_is_a_keyword(service: LoggingService) -> None:
    server = TcpServer(service, "127.0.0.1", 0, **OTHERS)
    for name, value in OTHERS.items():
        assert getattr(server, name) == value
    names = {option.name.lower() for option in Option if option < Option.BROADCAST}
    assert names - {"connect_timeout"} == set(OTHERS) == set(DEFAULTS)


def test_options_are_numbers_too(service: LoggingService) -> None:
    server = TcpServer(service, "127.0.0.1", 0)
    server.set_option(Option.IDLE_TIMEOUT, 1234)
    assert server.get_option(Option.IDLE_TIMEOUT) == 1234
    assert server.idle_timeout == 1.234
    server.idle_timeout = 0.0001  # Rounded up: 0 would mean no timeout at all.
    assert server.get_option(Option.IDLE_TIMEOUT) == 1


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("no_delay", 1, TypeError),
        ("no_delay", "yes", TypeError),
        ("backlog", 0, ArgumentError),
        ("backlog", 1.5, TypeError),
        ("backlog", True, TypeError),
        ("backlog", 2**63, ArgumentError),
        ("linger", -2, ArgumentError),
        ("idle_timeout", -1, ArgumentError),
        ("idle_timeout", float("nan"), ArgumentError),
        ("idle_timeout", float("inf"), ArgumentError),
        ("idle_timeout", "1", TypeError),
        ("idle_timeout", 1e11, ArgumentError),
        ("send_policy", 1, TypeError),
        ("send_limit", -1, ArgumentError),
    ],
)
def test_bad_values_of_options_are_refused_and_change_nothing(
    service: LoggingService, name: str, value: Any, kind: type[Exception]
) -> None:
    server = TcpServer(service, "127.0.0.1", 0)
    before = getattr(server, name)
    with pytest.raises(kind):
        setattr(server, name, value)
    assert getattr(server, name) == before


def test_unknown_options_are_refused(service: LoggingService) -> None:
    server = TcpServer(service, "127.0.0.1", 0)
    with pytest.raises(ValueError, match="99"):
        server.set_option(99, 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="99"):
        server.get_option(99)  # type: ignore[arg-type]


def test_options_reach_the_sockets(service: LoggingService) -> None:
    server = LoggingServer(service, "127.0.0.1", 0, no_delay=False, keep_alive=True)
    server.start_and_wait()
    with dial(server.port):
        with socket.socket(fileno=socket.dup(server.session().fileno())) as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0


def test_the_session_limit_refuses_more(service: LoggingService) -> None:
    server = LoggingServer(service, "127.0.0.1", 0, session_class=EchoSession, session_limit=1)
    server.start_and_wait()
    with dial(server.port) as first:
        session = server.session()
        with dial(server.port) as second:
            assert read_to_end(second) == b""
        first.sendall(b"first")
        assert read_exactly(first, 5) == b"first"
    server.log.wait("disconnected", session)
    wait_until(lambda: server.current_sessions == 0)
    with dial(server.port):
        server.session(2)


def test_two_servers_may_share_a_port(service: LoggingService) -> None:
    one = LoggingServer(service, "127.0.0.1", 0, reuse_port=True)
    one.start_and_wait()
    two = LoggingServer(service, "127.0.0.1", one.port, reuse_port=True)
    two.start_and_wait()
    assert one.port == two.port


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
def test_a_dual_stack_server_takes_both_families(service: LoggingService) -> None:
    server = LoggingServer(service, "::", 0, session_class=EchoSession)
    server.start_and_wait()
    for host in ("127.0.0.1", "::1"):
        with dial(server.port, host) as peer:
            peer.sendall(b"hi")
            assert read_exactly(peer, 2) == b"hi"


def test_an_idle_session_times_out(service: LoggingService) -> None:
    server = LoggingServer(service, "127.0.0.1", 0, idle_timeout=0.05)
    server.start_and_wait()
    with dial(server.port) as peer:
        assert read_to_end(peer) == b""
    server.log.wait("session disconnected", Reason.TIMEOUT)
