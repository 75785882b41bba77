"""Every method of an endpoint for datagrams in every callback, and from several threads."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from conftest import stop
from cppserver import CppServerError, HandlerError, NotConnectedError, Reason
from helpers import DEADLINE, LoggingService
from udp_helpers import (
    LOOPBACK,
    LoggingUdpClient,
    LoggingUdpServer,
    UdpEcho,
    free_udp_port,
    plain_socket,
)

GROUP = "239.255.0.9"

PLACES = [
    "on_started",
    "on_received",
    "on_sent",
    "on_empty",
    "on_joined",
    "on_left",
    "on_error",
    "on_stopped",
]

Action = Callable[[LoggingUdpServer], object]


def look(server: LoggingUdpServer) -> None:
    """Read all that can be read."""
    names = [name for name in dir(type(server)) if not name.startswith("_")]
    for name in names:
        if isinstance(getattr(type(server), name), property) and name != "local_address":
            getattr(server, name)
    server.fileno()


ACTIONS: dict[str, Action] = {
    "send": lambda server: server.send_to((LOOPBACK, 9), b"x"),
    "start": lambda server: server.start(),
    "stop": lambda server: server.stop(),
    "restart": lambda server: server.restart(),
    "join": lambda server: server.join(GROUP, interface=LOOPBACK),
    "leave": lambda server: server.leave(GROUP, interface=LOOPBACK),
    "destination": lambda server: setattr(server, "destination", (LOOPBACK, 9)),
    "interface": lambda server: setattr(server, "multicast_interface", LOOPBACK),
    "option": lambda server: setattr(server, "time_to_live", 9),
    "look": look,
    "stop the service": lambda server: server.service.stop(),
    "restart the service": lambda server: server.service.restart(),
}


class Acting(LoggingUdpServer):
    """Acts once, in one of its callbacks."""

    place: str
    action: Action

    def act(self, place: str) -> None:
        if place == self.place and not self.log.events("acts"):
            self.log.add("acts")
            try:
                type(self).action(self)
            except CppServerError as error:
                assert not isinstance(error, HandlerError)
            self.log.add("acted")


def acting(name: str) -> Callable[..., None]:
    def callback(self: Acting, *arguments: Any) -> None:
        getattr(LoggingUdpServer, name)(self, *arguments)
        self.act(name)

    return callback


for _name in PLACES:
    setattr(Acting, _name, acting(_name))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("place", PLACES)
def test_every_method_in_every_callback(place: str, action: str) -> None:
    service = LoggingService()
    service.start()
    kind = type("Here", (Acting,), {"place": place, "action": ACTIONS[action]})
    server = kind(service, LOOPBACK, 0)
    server.start_and_wait()
    with plain_socket() as plain:

        def provoke() -> None:
            """Lead to each of the callbacks."""
            plain.sendto(b"x", (LOOPBACK, server.port))
            server.send_to(plain.getsockname(), b"x")
            server.join(GROUP, interface=LOOPBACK)
            server.leave(GROUP, interface=LOOPBACK)
            server.leave(GROUP, interface=LOOPBACK)
            if place == "on_stopped":
                server.stop()

        try:
            provoke()
        except OSError:
            assert server.log.events("acts")  # It was stopped by then.
        server.log.wait("acted")
    stop(service)
    assert not [event for event in server.log.events("error") if isinstance(event[1], HandlerError)]
    assert server.log.events("started")[0] == server.log.events()[0]
    assert server.log.events()[-1][0] in ("stopped", "acted")
    assert not server.is_started
    # The endpoint is as good as new.
    service.start()
    server.start_and_wait()
    stop(service)


def test_a_storm_of_starts_and_stops_from_eight_threads() -> None:
    service = LoggingService(2)
    service.start()
    port = free_udp_port()
    echo = UdpEcho(service, LOOPBACK, port)
    client = LoggingUdpClient(service, LOOPBACK, port, close_timeout=0.1)
    calls: list[Callable[[], object]] = [
        echo.start,
        echo.stop,
        echo.restart,
        client.connect,
        client.disconnect,
        client.reconnect,
        *[lambda: client.send(bytes(100))] * 6,
        lambda: echo.join(GROUP, interface=LOOPBACK),
        lambda: echo.leave(GROUP, interface=LOOPBACK),
        lambda: echo.send_to((LOOPBACK, port), b""),
        lambda: client.local_address,
    ]
    failures: list[BaseException] = []

    def blow(seed: int) -> None:
        choice = random.Random(seed)
        for _ in range(400):
            try:
                choice.choice(calls)()
            except CppServerError:
                pass  # It is in the other state.
            except BaseException as failure:
                failures.append(failure)

    threads = [threading.Thread(target=blow, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    assert not failures
    stop(service)
    for endpoint, (begin, end) in {
        echo: ("started", "stopped"),
        client: ("connected", "disconnected"),
    }.items():
        # Beginnings and ends take turns, but for starts that failed.
        life = [event for event in endpoint.log.events() if event[0] in (begin, end)]
        assert life[-1][0] == end
        for one, other in itertools.pairwise(life):
            assert one[0] != other[0] or other[0] == end
        assert all(isinstance(event[1], Reason) for event in endpoint.log.events(end))
        for _, error in endpoint.log.events("error"):
            # Another thread may stop the echo while it answers.
            raised = error.__cause__ if isinstance(error, HandlerError) else None
            assert raised is None or isinstance(raised, NotConnectedError)


def test_a_callback_may_wait_for_an_endpoint_of_another_service() -> None:
    here, there = LoggingService(), LoggingService()
    here.start()
    there.start()
    other = UdpEcho(there, LOOPBACK, 0)
    other.start_and_wait()

    class Server(LoggingUdpServer):
        def on_started(self) -> None:
            other.stop()
            other.log.wait("stopped", Reason.LOCAL)
            super().on_started()

    server = Server(here, LOOPBACK, 0)
    server.start_and_wait()
    stop(here)
    stop(there)
