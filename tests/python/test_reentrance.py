"""Every method in every callback, and from other threads while callbacks run.

Whatever is called, a session's callbacks come once and in their order, nothing waits for itself,
and nothing is left behind (the fixture of all tests checks that).
"""

from __future__ import annotations

import itertools
import select
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from conftest import stop
from cppserver import CppServerError, HandlerError, Option, Reason, Timer
from helpers import (
    DEADLINE,
    EchoSession,
    Log,
    LoggingClient,
    LoggingServer,
    LoggingService,
    LoggingSession,
    dial,
    wait_until,
)

Action = Callable[["World", Any], object]


class World:
    """A service with a server, and one callback in which something happens once."""

    def __init__(self, place: str, action: Action) -> None:
        self.place = place
        self.action = action
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.orders: list[list[str]] = []
        self.service = Service(self)
        self.server = Server(self)

    def here(self, place: str, session: Any = None) -> None:
        """Do the action, if this is its place and it was not done."""
        if place != self.place:
            return
        with self.lock:
            if self.done.is_set():
                return
            self.done.set()
        try:
            self.action(self, session)
        except CppServerError as error:
            # The callback may come too early or too late for it; the error tells so.
            assert error.category in ("state", "system", "argument")


class Service(LoggingService):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def on_thread_initialize(self) -> None:
        self.world.here("service.on_thread_initialize")

    def on_thread_cleanup(self) -> None:
        self.world.here("service.on_thread_cleanup")

    def on_started(self) -> None:
        super().on_started()
        self.world.here("service.on_started")

    def on_stopped(self) -> None:
        super().on_stopped()
        self.world.here("service.on_stopped")


class Session(LoggingSession):
    server: Server

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.world = server.world
        self.order: list[str] = []
        self.world.orders.append(self.order)

    def on_connected(self) -> None:
        self.order.append("connected")
        self.world.here("session.on_connected", self)

    def on_received(self, data: bytes) -> int | None:
        self.order.append("received")
        self.world.here("session.on_received", self)
        if self.is_connected:
            try:
                self.send(data)
            except CppServerError:
                self.order.append("send refused")
        return None

    def on_sent(self, sent: int, pending: int) -> None:
        self.order.append("sent")
        self.world.here("session.on_sent", self)

    def on_empty(self) -> None:
        self.order.append("empty")
        self.world.here("session.on_empty", self)

    def on_disconnected(self, reason: Reason) -> None:
        self.order.append("disconnected")
        self.world.here("session.on_disconnected", self)


class Server(LoggingServer):
    session_class = Session  # type: ignore[assignment]

    def __init__(self, world: World) -> None:
        super().__init__(world.service, "127.0.0.1", 0)
        self.world = world

    def create_session(self) -> LoggingSession | None:
        self.world.here("server.create_session")
        return super().create_session()

    def on_started(self) -> None:
        super().on_started()
        self.world.here("server.on_started")

    def on_stopped(self) -> None:
        super().on_stopped()
        self.world.here("server.on_stopped")

    def on_connected(self, session: LoggingSession) -> None:
        assert isinstance(session, Session)
        session.order.append("server connected")
        self.world.here("server.on_connected", session)

    def on_disconnected(self, session: LoggingSession, reason: Reason) -> None:
        assert isinstance(session, Session)
        session.order.append("server disconnected")
        self.world.here("server.on_disconnected", session)


PLACES = [
    "service.on_thread_initialize",
    "service.on_started",
    "service.on_stopped",
    "service.on_thread_cleanup",
    "server.create_session",
    "server.on_started",
    "server.on_stopped",
    "server.on_connected",
    "server.on_disconnected",
    "session.on_connected",
    "session.on_received",
    "session.on_sent",
    "session.on_empty",
    "session.on_disconnected",
]


def of_session(method: str, *arguments: Any) -> Action:
    """Return an action on the session of the callback, or nothing where there is none."""

    def act(world: World, session: Any) -> None:
        if session is not None:
            getattr(session, method)(*arguments)

    return act


def read_everything(world: World, session: Any) -> None:
    states: list[Any] = [world.service.is_started, world.service.is_loop_thread]
    states += [world.server.port, world.server.is_started, world.server.fileno()]
    states += [world.server.current_sessions, world.server.bytes_sent, world.server.bytes_received]
    if session is not None:
        states += [session.id, session.bytes_sent, session.bytes_pending, session.fileno()]
        states += [session.peer_address]
    assert None not in states


ACTIONS: dict[str, Action] = {
    "stop the service": lambda world, _: world.service.stop(),
    "restart the service": lambda world, _: world.service.restart(),
    "start the service": lambda world, _: world.service.start(),
    "stop the server": lambda world, _: world.server.stop(),
    "restart the server": lambda world, _: world.server.restart(),
    "start the server": lambda world, _: world.server.start(),
    "multicast": lambda world, _: world.server.multicast(b"to all"),
    "disconnect all": lambda world, _: world.server.disconnect_all(),
    "post": lambda world, _: world.service.post(read_everything, world, None),
    "dispatch": lambda world, _: world.service.dispatch(read_everything, world, None),
    "timer": lambda world, _: Timer(world.service, 0, read_everything, world, None),
    "read everything": read_everything,
    "send": of_session("send", b"more"),
    "send much": of_session("send", bytes(300_000)),
    "disconnect": of_session("disconnect"),
    "disconnect now": of_session("disconnect_now"),
    "set an option": of_session("set_option", Option.NO_DELAY, 0),
}


def talk(world: World) -> None:
    """Have a conversation with the server that may end at any time, or never begin."""
    try:
        with dial(world.server.port) as peer:
            peer.sendall(b"hello")
            # Of a server that is started on a stopped service, nobody ever answers.
            wait_until(lambda: answers(peer) or not world.service.is_running)
    except ConnectionError:
        pass  # Refused or reset: the server has stopped.


def answers(peer: socket.socket) -> bool:
    """Tell whether a peer has sent something, or closed."""
    return bool(select.select([peer], [], [], 0.01)[0])


def check_orders(world: World) -> None:
    for order in world.orders:
        if not order:
            continue  # Made, and then not used: the service stopped during the accept.
        assert order.count("connected") == 1
        assert order.count("disconnected") == 1
        assert order[:1] == ["connected"]
        assert order[-2:] == ["disconnected", "server disconnected"]
        assert "received" not in order[order.index("disconnected") :]
        if "server connected" in order:
            assert order[1] == "server connected"


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("place", PLACES)
def test_every_method_in_every_callback(place: str, action: str) -> None:
    world = World(place, ACTIONS[action])
    world.service.start()
    try:
        world.server.start()
        talk(world)
    except CppServerError as error:
        assert error.category == "state"  # The action stopped the service.
    if place not in ("service.on_stopped", "service.on_thread_cleanup", "server.on_stopped"):
        assert world.done.wait(DEADLINE)
    stop(world.service)
    assert world.done.is_set()
    # What the last callbacks posted waits for the next start.
    world.service.start()
    stop(world.service)
    check_orders(world)
    for log in (world.service.log, world.server.log):
        assert not [error for _, error in log.events("error") if isinstance(error, HandlerError)]


@pytest.mark.parametrize(
    "action", [name for name in ACTIONS if not ACTIONS[name].__qualname__.startswith("of_session")]
)
def test_every_method_from_another_thread_amid_traffic(action: str) -> None:
    world = World("nowhere", ACTIONS[action])
    world.service.start()
    world.server.start_and_wait()
    traffic = [threading.Thread(target=keep_talking, args=(world,)) for _ in range(3)]
    for thread in traffic:
        thread.start()
    for _ in range(5):
        world.server.log.wait("started")
        try:
            ACTIONS[action](world, None)
        except CppServerError as error:
            assert error.category in ("state", "system")
    for thread in traffic:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    stop(world.service)
    check_orders(world)


def keep_talking(world: World) -> None:
    for _ in range(20):
        talk(world)


@pytest.mark.parametrize("method", ["disconnect", "disconnect_now", "send"])
def test_sessions_from_another_thread_amid_traffic(method: str) -> None:
    arguments = (b"more",) if method == "send" else ()
    world = World("session.on_received", lambda *_: None)
    world.service.start()
    world.server.start_and_wait()
    known: list[Session] = []
    over = threading.Event()

    def interfere() -> None:
        while not over.is_set():
            for session in known[-5:]:
                try:
                    getattr(session, method)(*arguments)
                except CppServerError as error:
                    assert error.category == "state"

    original = world.server.create_session

    def create() -> LoggingSession | None:
        session = original()
        assert isinstance(session, Session)
        known.append(session)
        return session

    world.server.create_session = create  # type: ignore[method-assign]
    interferer = threading.Thread(target=interfere)
    interferer.start()
    for _ in range(30):
        talk(world)
    over.set()
    interferer.join(DEADLINE)
    stop(world.service)
    check_orders(world)
    del world.server.create_session


CLIENT_CALLBACKS = ["on_connected", "on_received", "on_sent", "on_empty", "on_disconnected"]
CLIENT_ACTIONS: dict[str, Callable[[LoggingClient], object]] = {
    "send": lambda client: client.send(b"more"),
    "disconnect": lambda client: client.disconnect(),
    "disconnect now": lambda client: client.disconnect_now(),
    "connect": lambda client: client.connect(),
    "reconnect": lambda client: client.reconnect(),
    "bind": lambda client: client.bind(None),
    "stop the service": lambda client: client.service.stop(),
    "restart the service": lambda client: client.service.restart(),
    "set an option": lambda client: client.set_option(Option.NO_DELAY, 0),
}


@pytest.mark.parametrize("action", CLIENT_ACTIONS)
@pytest.mark.parametrize("place", CLIENT_CALLBACKS)
def test_every_method_in_every_callback_of_a_client(
    echo_server: LoggingServer, place: str, action: str
) -> None:
    done = threading.Event()

    def act(self: LoggingClient, *arguments: Any) -> None:
        getattr(LoggingClient, place)(self, *arguments)
        if not done.is_set():
            done.set()
            try:
                CLIENT_ACTIONS[action](self)
            except CppServerError as error:
                assert error.category == "state"

    service = LoggingService()
    client = type("Acting", (LoggingClient,), {place: act})(service, "127.0.0.1", echo_server.port)
    service.start()
    client.connect()
    echo_server.session()
    try:
        client.log.wait("connected")
        client.send(b"hello")
        if place == "on_disconnected":
            client.disconnect()
    except CppServerError as error:
        assert error.category == "state"  # The action came first.
    assert done.wait(DEADLINE)
    stop(service)
    names = [name for name in client.log.names() if name in ("connected", "disconnected")]
    assert names[:2] == ["connected", "disconnected"]
    # A second connect may have been cut off before its end, with "disconnected" alone.
    for before, after in itertools.pairwise(names):
        assert (before, after) != ("connected", "connected")
    assert names[-1] == "disconnected"
    assert not client.log.events("error")


def test_a_callback_may_wait_for_a_client_of_another_service(echo_server: LoggingServer) -> None:
    # Two services do not hold each other up.
    log = Log()

    class Waiting(LoggingService):
        def on_started(self) -> None:
            with dial(echo_server.port) as peer:
                peer.sendall(b"hello")
                log.add("answer", peer.recv(5, socket.MSG_WAITALL))

    with Waiting():
        assert log.wait("answer") == ("answer", b"hello")


def test_sessions_of_a_service_with_several_threads() -> None:
    service = LoggingService(threads=3)
    threads: set[int] = set()

    class Where(EchoSession):
        def on_received(self, data: bytes) -> int | None:
            threads.add(threading.get_ident())
            return super().on_received(data)

    with service:
        server = LoggingServer(service, "127.0.0.1", 0, session_class=Where)
        server.start_and_wait()
        peers = [dial(server.port) for _ in range(30)]
        for number, peer in enumerate(peers):
            peer.sendall(b"%02d" % number)
        for number, peer in enumerate(peers):
            assert peer.recv(2, socket.MSG_WAITALL) == b"%02d" % number
        server.multicast(b"all")
        for peer in peers:
            assert peer.recv(3, socket.MSG_WAITALL) == b"all"
            peer.close()
        server.log.wait("disconnected", count=30)
    begun = {event[1] for event in service.log.events("thread_initialize")}
    assert threads == begun
    assert len(threads) == 3
