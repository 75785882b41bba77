"""Sessions: sending, receiving, closing, their state, and exceptions in their callbacks."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    Connection,
    CppServerError,
    HandlerError,
    LimitError,
    NotConnectedError,
    Option,
    Reason,
    ResetError,
    SendPolicy,
    TcpServer,
    TcpSession,
    _session,
)
from helpers import (
    DEADLINE,
    Log,
    LoggingClient,
    LoggingServer,
    LoggingService,
    LoggingSession,
    dial,
    read_exactly,
    read_to_end,
    wait_until,
)


def start(service: LoggingService, kind: type[LoggingSession], **options: Any) -> LoggingServer:
    server = LoggingServer(service, "127.0.0.1", 0, session_class=kind, **options)
    server.start_and_wait()
    return server


# Sending


@pytest.mark.parametrize(
    "data",
    [
        b"bytes",
        bytearray(b"bytearray"),
        memoryview(b"memoryview"),
        memoryview(b"_slice_")[1:-1],
        memoryview(b"s.t.r.i.d.e.d.")[::2],
        b"with\0nul",
        b"x" * 15_000,
        b"y" * 1_000_000,
        bytearray(1_000_000),
    ],
    ids=["bytes", "bytearray", "view", "slice", "strided", "nul", "small", "large", "array"],
)
def test_every_buffer_can_be_sent(server: LoggingServer, data: Any) -> None:
    with dial(server.port) as peer:
        server.session().send(data)
        assert read_exactly(peer, len(bytes(data))) == bytes(data)


@pytest.mark.parametrize("data", ["text", 5, None, [1, 2], object()])
def test_what_is_no_buffer_cannot_be_sent(server: LoggingServer, data: Any) -> None:
    with dial(server.port) as peer:
        session = server.session()
        with pytest.raises(TypeError):
            session.send(data)
        with pytest.raises(TypeError):
            server.multicast(data)
        session.send(b"works")
        assert read_exactly(peer, 5) == b"works"


def test_a_sent_bytearray_may_be_changed_at_once(server: LoggingServer) -> None:
    data = bytearray(b"before")
    with dial(server.port) as peer:
        server.session().send(data)
        data[:] = b"after!"
        assert read_exactly(peer, 6) == b"before"


def test_an_empty_send_sends_nothing(server: LoggingServer) -> None:
    with dial(server.port) as peer:
        session = server.session()
        session.send(b"")
        session.send(b"x")
        assert read_exactly(peer, 1) == b"x"
        wait_until(lambda: session.bytes_sent == 1)


def test_sends_of_one_thread_keep_their_order(server: LoggingServer) -> None:
    with dial(server.port) as peer:
        session = server.session()
        for number in range(2000):
            session.send(b"%06d" % number)
        assert read_exactly(peer, 12_000) == b"".join(b"%06d" % number for number in range(2000))


def test_many_threads_may_send(server: LoggingServer) -> None:
    def send(session: TcpSession, letter: bytes) -> None:
        for _ in range(500):
            session.send(letter * 8)

    with dial(server.port) as peer:
        session = server.session()
        threads = [
            threading.Thread(target=send, args=(session, letter)) for letter in (b"a", b"b", b"c")
        ]
        for thread in threads:
            thread.start()
        data = read_exactly(peer, 3 * 500 * 8)
        for thread in threads:
            thread.join(DEADLINE)
    pieces = [data[at : at + 8] for at in range(0, len(data), 8)]
    for letter in (b"a", b"b", b"c"):
        assert pieces.count(letter * 8) == 500


def test_on_sent_and_on_empty_tell_what_left(service: LoggingService) -> None:
    class Session(LoggingSession):
        def on_sent(self, sent: int, pending: int) -> None:
            self.server.log.add("sent", sent, pending)

        def on_empty(self) -> None:
            self.server.log.add("empty", self.bytes_pending)

    server = start(service, Session)
    size = 8_000_000
    with dial(server.port) as peer:
        session = server.session()
        session.send(bytes(size))
        wait_until(lambda: 0 < session.bytes_sent < size)
        assert 0 < session.bytes_pending < size
        assert not server.log.events("empty")
        assert read_exactly(peer, size) == bytes(size)
        server.log.wait("empty", 0)
    sent = server.log.events("sent")
    assert sum(event[1] for event in sent) == size
    assert sent[-1][2] == 0
    assert len(server.log.events("empty")) == 1


def test_the_send_limit_refuses(service: LoggingService) -> None:
    server = start(service, LoggingSession, send_limit=1000)
    with dial(server.port) as peer:
        session = server.session()
        with pytest.raises(LimitError) as caught:
            session.send(bytes(1001))
        assert caught.value.category == "limit"
        session.send(b"x" * 1000)
        assert read_exactly(peer, 1000) == b"x" * 1000


def test_the_send_limit_may_disconnect(service: LoggingService) -> None:
    server = start(service, LoggingSession, send_limit=1000, send_policy=SendPolicy.DISCONNECT)
    with dial(server.port) as peer:
        with pytest.raises(LimitError):
            server.session().send(bytes(1001))
        assert read_to_end(peer) == b""
    server.log.wait("session disconnected", Reason.LIMIT)


# Receiving


def test_what_is_not_handled_comes_again(service: LoggingService) -> None:
    class Lines(LoggingSession):
        def on_received(self, data: bytes) -> int:
            handled = data.rfind(b"\n") + 1
            for line in data[:handled].splitlines():
                self.server.log.add("line", line)
            self.send(b"+")
            return handled

    server = start(service, Lines)
    with dial(server.port) as peer:
        for piece in (b"one\ntw", b"o", b"\nthr", b"ee\nfour\n"):
            peer.sendall(piece)
            assert read_exactly(peer, 1) == b"+"
        server.log.wait("line", b"four")
    assert [event[1] for event in server.log.events("line")] == [b"one", b"two", b"three", b"four"]


def test_reading_can_be_paused(service: LoggingService) -> None:
    class Pausing(LoggingSession):
        def on_received(self, data: bytes) -> int | None:
            self.pause_reading()
            self.server.log.add("received", data)
            return None

    server = start(service, Pausing)
    with dial(server.port) as peer:
        session = server.session()
        peer.sendall(b"first")
        server.log.wait("received", b"first")
        peer.sendall(b"second")
        peer.shutdown(socket.SHUT_WR)
        with dial(server.port) as other:  # The thread goes on, and so does sending.
            other.sendall(b"other")
            server.log.wait("received", b"other")
        session.send(b"still sending")
        assert read_exactly(peer, 13) == b"still sending"
        assert server.log.received() == b"firstother"
        assert session.is_connected  # The end lies behind the bytes.
        session.resume_reading()
        server.log.wait("received", b"second")
        session.resume_reading()
        server.log.wait("disconnected", session, Reason.PEER_CLOSED)
    for call in (session.pause_reading, session.resume_reading):
        with pytest.raises(NotConnectedError):
            call()


def test_a_fast_peer_waits_for_a_paused_client(service: LoggingService) -> None:
    class Pausing(LoggingClient):
        def on_received(self, data: bytes) -> int | None:
            self.pause_reading()
            self.log.add("pause", len(data))
            return None

    size = 16_000_000
    server = start(service, LoggingSession)
    client = Pausing(service, "127.0.0.1", server.port)
    client.connect_and_wait()
    server.session().send(bytes(size))
    client.log.wait("pause")
    assert server.session().bytes_pending > 0  # More than the system takes.
    received = turns = 0
    while received < size:
        turns += 1
        received += client.log.wait("pause", count=turns)[1]
        # One read for each resume.
        assert len(client.log.events("pause")) == turns
        assert client.bytes_received == received
        client.resume_reading()


def test_too_much_unhandled_ends_the_session(service: LoggingService) -> None:
    class Stubborn(LoggingSession):
        def on_received(self, data: bytes) -> int:
            return 0

    server = start(service, Stubborn, receive_limit=100)
    with dial(server.port) as peer:
        peer.sendall(bytes(200))
        assert read_to_end(peer) == b""
    server.log.wait("session disconnected", Reason.LIMIT)


@pytest.mark.parametrize("handled", [-1, 6, 2**64, "5"])
def test_a_wrong_number_of_handled_bytes_is_reported(service: LoggingService, handled: Any) -> None:
    class Wrong(LoggingSession):
        def on_received(self, data: bytes) -> int:
            self.server.log.add("received", data)
            result: int = handled if data == b"first" else len(data)
            return result

    server = start(service, Wrong)
    with dial(server.port) as peer:
        peer.sendall(b"first")
        error = server.log.wait("session error")[1]
        assert isinstance(error, HandlerError)
        assert isinstance(error.__cause__, TypeError if handled == "5" else ValueError)
        peer.sendall(b"second")
        # All of the first bytes counted as handled: they do not come again.
        assert server.log.wait("received", count=2) == ("received", b"second")


def test_a_view_shows_the_bytes_and_dies_with_the_call(service: LoggingService) -> None:
    views: list[memoryview] = []

    class Viewer(LoggingSession):
        def on_received_view(self, view: memoryview) -> int | None:
            views.append(view)
            self.server.log.add("view", bytes(view), view.readonly)
            self.send(view)
            return None if len(view) < 3 else len(view)

        def on_received(self, data: bytes) -> int | None:
            raise AssertionError("the view has precedence")

    server = start(service, Viewer)
    with dial(server.port) as peer:
        for data in (b"ab", b"abc"):
            peer.sendall(data)
            assert read_exactly(peer, len(data)) == data
    server.log.wait("session disconnected")
    assert server.log.events("view") == [("view", b"ab", True), ("view", b"abc", True)]
    assert not server.log.events("session error")
    for view in views:
        with pytest.raises(ValueError, match="released"):
            bytes(view)


def test_views_may_be_handled_in_part(service: LoggingService) -> None:
    class Viewer(LoggingSession):
        def on_received_view(self, view: memoryview) -> int:
            self.server.log.add("view", bytes(view))
            self.send(b"+")
            return 1

    server = start(service, Viewer)
    with dial(server.port) as peer:
        peer.sendall(b"abc")
        assert read_exactly(peer, 1) == b"+"
        peer.sendall(b"d")
        assert read_exactly(peer, 1) == b"+"
    assert server.log.events("view") == [("view", b"abc"), ("view", b"bcd")]


def test_a_session_without_on_received_reads_and_drops(service: LoggingService) -> None:
    server: TcpServer[TcpSession] = TcpServer(service, "127.0.0.1", 0)
    server.start()
    with dial(server.port) as peer:
        peer.sendall(bytes(1_000_000))
        wait_until(lambda: server.bytes_received == 1_000_000)


# State


def test_state_during_and_after_the_connection(echo_server: LoggingServer) -> None:
    with dial(echo_server.port) as peer:
        session = echo_server.session()
        assert session.is_connected
        assert session.id > 0
        assert session.server is echo_server
        assert session.peer_address == peer.getsockname()
        assert session.local_address == peer.getpeername()
        with socket.socket(fileno=socket.dup(session.fileno())) as accepted:
            assert accepted.getpeername() == peer.getsockname()
        peer.sendall(b"12345")
        assert read_exactly(peer, 5) == b"12345"
        address = peer.getsockname()
    echo_server.log.wait("disconnected")
    assert not session.is_connected
    assert (session.bytes_sent, session.bytes_received, session.bytes_pending) == (5, 5, 0)
    assert session.peer_address == address
    assert session.fileno() == -1
    with pytest.raises(NotConnectedError):
        _ = session.local_address
    with pytest.raises(NotConnectedError) as caught:
        session.send(b"late")
    assert isinstance(caught.value, ConnectionError)
    with pytest.raises(NotConnectedError):
        session.send(bytes(100_000))
    with pytest.raises(NotConnectedError):
        session.set_option(Option.NO_DELAY, 1)
    assert session.disconnect() is False
    assert session.disconnect_now() is False


def test_every_session_has_another_id(echo_server: LoggingServer) -> None:
    for _ in range(3):
        with dial(echo_server.port):
            pass
    echo_server.log.wait("connected", count=3)
    assert len({event[1].id for event in echo_server.log.events("connected")}) == 3


def test_options_of_an_open_connection(server: LoggingServer) -> None:
    with dial(server.port):
        session = server.session()
        with socket.socket(fileno=socket.dup(session.fileno())) as accepted:
            for value in (0, 1):
                session.set_option(Option.NO_DELAY, value)
                wait_until(
                    lambda value=value: (  # type: ignore[misc]
                        bool(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                        == bool(value)
                    )
                )
            session.set_option(Option.KEEP_ALIVE, 1)
            session.set_option(Option.KEEP_ALIVE_IDLE, 77)
            session.set_option(Option.KEEP_ALIVE_INTERVAL, 7)
            session.set_option(Option.KEEP_ALIVE_COUNT, 3)
            session.set_option(Option.SEND_BUFFER, 8192)
            session.set_option(Option.RECEIVE_BUFFER, 8192)
            session.set_option(Option.LINGER, -1)
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
        for option in (Option.BACKLOG, Option.IDLE_TIMEOUT, Option.SESSION_LIMIT):
            with pytest.raises(ArgumentError):
                session.set_option(option, 1)
        with pytest.raises(ArgumentError):
            session.set_option(Option.NO_DELAY, 2)
        with pytest.raises(TypeError):
            session.set_option(Option.NO_DELAY, "1")


# Closing


def test_disconnect_delivers_what_was_sent(server: LoggingServer) -> None:
    data = bytes(range(256)) * 20_000
    with dial(server.port) as peer:
        session = server.session()
        session.send(data)
        assert session.disconnect() is True
        assert session.disconnect() is False
        with pytest.raises(NotConnectedError):
            session.send(b"late")
        assert read_to_end(peer) == data
    server.log.wait("session disconnected", Reason.LOCAL)


def test_disconnect_now_discards_what_waits(server: LoggingServer) -> None:
    size = 12_000_000
    with dial(server.port) as peer:
        session = server.session()
        session.send(bytes(size))
        assert session.disconnect_now() is True
        server.log.wait("session disconnected", Reason.LOCAL)
        assert len(read_to_end(peer)) < size


def test_disconnect_now_cuts_a_disconnect_short(server: LoggingServer) -> None:
    with dial(server.port) as peer:
        session = server.session()
        session.send(bytes(12_000_000))
        assert session.disconnect() is True
        assert session.disconnect_now() is True
        server.log.wait("session disconnected", Reason.LOCAL)
        assert len(read_to_end(peer)) < 12_000_000


def test_nothing_is_received_after_disconnect(service: LoggingService) -> None:
    class Once(LoggingSession):
        def on_received(self, data: bytes) -> int | None:
            self.server.log.add("received", data)
            self.send(b"bye")
            self.disconnect()
            return 1  # The rest must not come again.

    server = start(service, Once)
    with dial(server.port) as peer:
        peer.sendall(b"hello")
        assert read_to_end(peer) == b"bye"
    server.log.wait("session disconnected")
    assert server.log.events("received") == [("received", b"hello")]


def test_a_reset_is_an_error_and_a_reason(server: LoggingServer) -> None:
    peer = dial(server.port)
    server.session()
    linger = b"\x01\0\0\0\0\0\0\0"
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    peer.close()
    server.log.wait("session disconnected", Reason.ERROR)
    error = server.log.wait("session error")[1]
    assert isinstance(error, ResetError)
    assert isinstance(error, ConnectionResetError)
    assert error.category == "system"
    names = server.log.names()
    assert names.index("session error") < names.index("session disconnected")


def test_every_reason_has_words() -> None:
    words = [reason.text for reason in Reason]
    assert all(words)
    assert len(set(words)) == len(words)
    assert Reason(12345) is Reason.ERROR  # A newer library may know more.


# Callbacks


def test_the_table_has_only_what_a_class_overrides() -> None:
    plain = _session.connection_handler(TcpSession)
    assert plain.destroy
    for name in MEMBERS:
        assert not getattr(plain, name)
    for name in MEMBERS:
        kind = type("One", (TcpSession,), {name: lambda self, *arguments: None})
        handler = _session.connection_handler(kind)
        assert [member for member in MEMBERS if getattr(handler, member)] == [name]
        derived = _session.connection_handler(type("Derived", (kind,), {}))
        assert [member for member in MEMBERS if getattr(derived, member)] == [name]


MEMBERS = ["on_connected", "on_received", "on_sent", "on_empty", "on_error", "on_disconnected"]
RAISING = ["on_connected", "on_received", "on_received_view", "on_sent", "on_empty"]


def failing(
    name: str, cause: BaseException, base: type[Connection], namespace: dict[str, Any]
) -> Any:
    def fail(self: Any, *arguments: Any) -> None:
        raise cause

    return type("Failing", (base,), {**namespace, name: fail})


@pytest.mark.parametrize("name", [*RAISING, "on_disconnected"])
def test_an_exception_in_a_callback_comes_to_on_error(service: LoggingService, name: str) -> None:
    cause = RuntimeError(name)
    server = start(service, failing(name, cause, LoggingSession, {}))
    with dial(server.port) as peer:
        peer.sendall(b"hello")
        session = server.session()
        session.send(b"works")
        assert read_exactly(peer, 5) == b"works"
        if name != "on_disconnected":
            server.log.wait("session error")
        assert session.is_connected
    error = server.log.wait("session error")[1]
    assert isinstance(error, HandlerError)
    assert error.__cause__ is cause
    assert f"Failing.{name}" in error.message
    assert cause.__traceback__ is not None


@pytest.mark.parametrize("name", [*RAISING, "on_disconnected"])
def test_an_exception_without_on_error_is_unraisable(
    service: LoggingService, unraisable: Log, name: str
) -> None:
    cause = GeneratorExit(name)
    server = LoggingServer(
        service, "127.0.0.1", 0, session_class=failing(name, cause, TcpSession, {})
    )
    server.start_and_wait()
    with dial(server.port) as peer:
        peer.sendall(b"hello")
        session = server.session()
        session.send(b"works")
        assert read_exactly(peer, 5) == b"works"
        if name != "on_disconnected":
            unraisable.wait(cause)
    assert unraisable.wait(cause)[1].object is session


def test_an_exception_in_on_error_does_not_come_again(
    service: LoggingService, unraisable: Log
) -> None:
    first, second = ValueError("first"), ValueError("second")

    def raise_second(self: Any, error: CppServerError) -> None:
        raise second

    namespace = {"on_error": raise_second}
    server = start(service, failing("on_received", first, LoggingSession, namespace))
    with dial(server.port) as peer:
        peer.sendall(b"x")
        unraisable.wait(first)
        unraisable.wait(second)
        assert server.session().is_connected
    server.log.wait("session disconnected")
    assert len(unraisable.events()) == 2


def test_an_exception_in_on_error_for_a_real_error(
    service: LoggingService, unraisable: Log
) -> None:
    cause = ValueError("in on_error")
    server = start(service, failing("on_error", cause, LoggingSession, {}))
    peer = dial(server.port)
    server.session()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    peer.close()
    server.log.wait("session disconnected", Reason.ERROR)
    unraisable.wait(cause)


def test_an_exception_without_words_is_reported_too(
    service: LoggingService, unraisable: Log
) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("no words")

    server = start(service, failing("on_received", Mute(), LoggingSession, {}))
    with dial(server.port) as peer:
        peer.sendall(b"x")
        wait_until(lambda: len(unraisable.events()) == 2)
        assert server.session().is_connected
