"""Every method of a WebSocket session in every callback, from threads, and what is left after."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from conftest import stop
from cppserver import CppServerError, HandlerError, Reason, Request, Response
from helpers import DEADLINE, LoggingService, wait_until
from ws_helpers import EchoWsSession, LoggingWsServer, LoggingWsSession, Message, Scheme

PLACES = [
    "on_connected",
    "on_handshake",
    "on_handshaked",
    "on_received",
    "on_ping",
    "on_sent",
    "on_empty",
    "on_disconnected",
]

Action = Callable[[Any], object]


def look(session: Any) -> None:
    """Read all that can be read."""
    for one in (session, session.server):
        for name in dir(type(one)):
            if isinstance(getattr(type(one), name), property) and "address" not in name:
                getattr(one, name)


def parts(session: Any) -> None:
    session.send_part("one ", last=False)
    session.send("behind")
    session.send_part("two", last=True)


def pause(session: Any) -> None:
    session.pause_reading()
    session.resume_reading()


ACTIONS: dict[str, Action] = {
    "send": lambda session: session.send("x"),
    "send much": lambda session: session.send(bytes(500_000)),
    "parts": parts,
    "ping": lambda session: session.ping(b"x"),
    "disconnect": lambda session: session.disconnect(4000, "now"),
    "disconnect now": lambda session: session.disconnect_now(),
    "pause": pause,
    "multicast": lambda session: session.server.multicast("x"),
    "choose": lambda session: session.server.multicast("x", wanted=lambda each: each is session),
    "subscribe": lambda session: session.subscribe("news.*"),
    "publish": lambda session: session.server.publish("news.today", "x"),
    "publish to others": lambda session: session.publish("news.today", "x"),
    "disconnect all": lambda session: session.server.disconnect_all(),
    "stop": lambda session: session.server.stop(),
    "restart": lambda session: session.server.restart(),
    "look": look,
    "stop the service": lambda session: session.server.service.stop(),
    "restart the service": lambda session: session.server.service.restart(),
}


class Acting(LoggingWsSession):
    """Acts once, in one of its callbacks."""

    place: str
    action: Action

    def act(self, place: str) -> None:
        if place == self.place and not self.server.log.events("acts"):
            self.server.log.add("acts")
            try:
                type(self).action(self)
            except CppServerError as error:
                assert not isinstance(error, HandlerError)
            self.server.log.add("acted")

    def on_connected(self) -> None:
        self.act("on_connected")

    def on_handshake(self, request: Request, response: Response) -> None:
        self.act("on_handshake")

    def on_handshaked(self) -> None:
        self.send("welcome")
        self.act("on_handshaked")

    def on_received(self, data: Message) -> None:
        self.act("on_received")

    def on_ping(self, data: bytes) -> None:
        self.act("on_ping")

    def on_sent(self, sent: int, pending: int) -> None:
        self.act("on_sent")

    def on_empty(self) -> None:
        self.act("on_empty")

    def on_disconnected(self, reason: Reason) -> None:
        self.act("on_disconnected")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_method_may_be_called_in_every_callback(place: str, action: str) -> None:
    service = LoggingService()
    service.start()
    kind = type("Kind", (Acting,), {"place": place, "action": staticmethod(ACTIONS[action])})
    scheme = Scheme("ws")
    server = scheme.server(service, kind, control_frames=True)
    client = scheme.client(service, server.port)

    def talk() -> None:
        client.send("x")
        client.ping()
        if place == "on_disconnected":
            client.disconnect()

    client.on_handshaked = talk  # type: ignore[method-assign]
    client.connect()
    server.log.wait("acted")
    stop(service)
    errors = [event[-1] for name in ("error", "session error") for event in server.log.events(name)]
    assert not [error for error in errors if isinstance(error, HandlerError)]


def test_clients_come_and_go_while_threads_send(service: LoggingService) -> None:
    scheme = Scheme("ws")
    server = scheme.server(service, EchoWsSession, deflate=True)
    running = True
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        generator = random.Random(seed)
        while running:
            try:
                choice = generator.randrange(4)
                if choice == 0:
                    server.multicast("x" * generator.randrange(1000))
                elif choice == 1:
                    server.multicast(b"x", wanted=lambda _: generator.random() < 0.5)
                elif choice == 2:
                    server.publish("news", b"x" * generator.randrange(1000))
                elif generator.random() < 0.02:
                    server.disconnect_all()
            except BaseException as failure:
                failures.append(failure)
                return

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            client = scheme.client(service, server.port, deflate=True)
            client.connect()
            client.log.wait("connected")
            client.disconnect()
            client.log.wait("disconnected")
    finally:
        running = False
        for thread in threads:
            thread.join(DEADLINE)
    assert not failures


def test_nothing_is_left_of_sessions_and_clients(service: LoggingService) -> None:
    gc.collect()
    gc.disable()  # The end of the last reference must be the end of the object.
    try:
        left: list[weakref.ref[Any]] = []
        for name in ("ws", "wss"):
            scheme = Scheme(name)
            server = scheme.server(service, EchoWsSession)
            client = scheme.connected(service, server)
            session = server.ready()
            session.subscribe("news")
            server.multicast("x", wanted=lambda _: True)
            client.log.wait("message")
            client.disconnect()
            client.log.wait("disconnected")
            server.log.wait("disconnected")
            server.stop()
            server.log.wait("stopped")
            left += [weakref.ref(each) for each in (server, client, session)]
            server.forget()
            client.log._events.clear()
            del server, client, session
        wait_until(lambda: not any(each() for each in left))
    finally:
        gc.enable()


def test_a_session_that_is_kept_still_knows_its_end(service: LoggingService) -> None:
    scheme = Scheme("ws")
    server = scheme.server(service)
    client = scheme.connected(service, server)
    session = server.ready()
    client.send("x")
    client.disconnect(4000, "bye")
    server.log.wait("session disconnected")
    service.stop()
    assert (session.close_code, session.close_reason) == (4000, "bye")
    assert (session.messages_received, session.messages_sent) == (1, 0)
    assert session.disconnect(4001) is False
    assert isinstance(server, LoggingWsServer)
