"""One WebSocket message for many sessions: multicast, chosen sessions, topics."""

from __future__ import annotations

from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    NotConnectedError,
    StateError,
    WebSocketServer,
)
from helpers import LoggingService, dial, read_exactly, wait_until
from ws_helpers import (
    Scheme,
)


def test_multicast_reaches_all_or_the_wanted(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service, deflate=True)
    clients = [scheme.connected(service, server, deflate=number % 2 == 0) for number in range(4)]
    sessions = [server.ready(number + 1) for number in range(4)]
    server.multicast("to all")
    server.multicast(b"x" * 1000)
    asked: list[Any] = []

    def choose(session: Any) -> bool:
        asked.append(session)
        return session is sessions[1]

    server.multicast("to some", wanted=choose)
    assert set(asked) == set(sessions)
    server.multicast(bytearray(b"end"))
    for client in clients:
        client.log.wait("message", b"end")
    common = ["to all", b"x" * 1000, b"end"]
    got = [client.messages() for client in clients]
    assert sorted(map(len, got)) == [3, 3, 3, 4]
    some = next(messages for messages in got if len(messages) == 4)
    assert some == ["to all", b"x" * 1000, "to some", b"end"]
    assert [messages for messages in got if messages is not some] == [common] * 3


def test_a_choice_that_fails_sends_nothing(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service)
    clients = [ws.connected(service, server) for _ in range(2)]
    sessions = [server.ready(number + 1) for number in range(2)]

    def choose(session: Any) -> bool:
        if session is sessions[1]:
            raise KeyError("which?")
        return True

    with pytest.raises(KeyError, match="which"):
        server.multicast("nobody hears this", wanted=choose)
    server.multicast("all do")
    for client in clients:
        client.log.wait("message", "all do")
        assert client.messages() == ["all do"]


def test_tcp_servers_choose_too(service: LoggingService, server: Any, ws: Scheme) -> None:
    with dial(server.port) as one, dial(server.port) as two:
        first = server.session(1)
        server.session(2)
        server.multicast(b"one ", wanted=lambda session: session.id == first.id)
        server.session(2).subscribe("news.*")
        assert server.publish("news.today", b"two ") == 1
        assert first.publish("news.today", b"too ") == 1
        server.multicast(b"all")
        own = one if first.peer_address == one.getsockname() else two
        other = two if own is one else one
        assert read_exactly(own, 7) == b"one all"
        assert read_exactly(other, 11) == b"two too all"


def test_what_is_published_reaches_the_subscribers(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service)
    clients = [scheme.connected(service, server) for _ in range(3)]
    numbers = {client.local_address: client for client in clients}
    sessions = [server.ready(number + 1) for number in range(3)]
    hear = [numbers[session.peer_address] for session in sessions]
    sessions[0].subscribe("news.sport")
    sessions[0].subscribe("news.*")  # Twice the same message would be once too much.
    sessions[1].subscribe("news.*")
    sessions[2].subscribe("weather")
    assert server.publish("news.sport", "goal") == 2
    assert server.publish("nobody", "hears") == 0
    assert sessions[0].publish("news.sport", b"binary") == 1
    sessions[1].unsubscribe("news.*")
    sessions[1].unsubscribe("news.*")
    assert server.publish("news.other", "late") == 1
    assert server.publish("weather", "rain") == 1
    server.multicast("end")
    for client in hear:
        client.log.wait("message", "end")
    assert [client.messages()[:-1] for client in hear] == [
        ["goal", "late"],
        ["goal", b"binary"],
        ["rain"],
    ]
    hear[2].disconnect()
    wait_until(lambda: server.publish("weather", "sun") == 0)
    with pytest.raises(NotConnectedError):
        sessions[2].subscribe("weather")


@pytest.mark.parametrize("topic", ["", "*", "a*b", "*a"])
def test_topics_that_are_none(service: LoggingService, ws: Scheme, topic: str) -> None:
    server = ws.server(service)
    ws.connected(service, server)
    session = server.ready()
    with pytest.raises(ArgumentError):
        server.publish(topic, "x")
    if topic != "*":
        with pytest.raises(ArgumentError):
            session.subscribe(topic)
    with pytest.raises(TypeError):
        session.subscribe(5)
    with pytest.raises(ArgumentError):
        session.subscribe("a\0b")


def test_a_server_that_is_not_started_sends_to_nobody(service: LoggingService) -> None:
    server = WebSocketServer(service, "127.0.0.1", 0)
    for send in (server.multicast, lambda data: server.publish("news", data)):
        with pytest.raises(StateError):
            send("x")
