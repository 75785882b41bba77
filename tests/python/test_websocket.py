"""WebSocket servers, sessions and clients with callbacks, plain and encrypted."""

from __future__ import annotations

import random
import threading

import pytest
from cppserver import (
    ArgumentError,
    LimitError,
    NotConnectedError,
    Reason,
    SendPolicy,
    Service,
    WebSocketClient,
    WebSocketError,
    WebSocketServer,
    WebSocketSession,
)
from helpers import DEADLINE, Log, LoggingService, wait_until
from ws_helpers import (
    AnyServer,
    EchoWsSession,
    LoggingWsSession,
    Message,
    Scheme,
)

MESSAGES: list[Message] = [
    "",
    b"",
    "hello",
    b"hello",
    "gr\u00fc\u00dfe \u20ac \U0001f600",
    bytes(range(256)),
    "x" * 125,
    b"x" * 126,
    "x" * 65535,
    b"x" * 65536,
    "\u20ac" * 100_000,
    random.Random(1).randbytes(1_000_000),
]


# Messages


@pytest.mark.parametrize("deflate", [False, True])
def test_messages_come_back_as_they_were(
    service: LoggingService, scheme: Scheme, deflate: bool
) -> None:
    server = scheme.server(service, EchoWsSession, deflate=deflate)
    client = scheme.connected(service, server, deflate=deflate)
    for message in MESSAGES:
        client.send(message)
    client.log.wait("message", count=len(MESSAGES))
    assert client.messages() == MESSAGES
    assert [type(message) for message in client.messages()] == [type(m) for m in MESSAGES]
    assert client.is_compressed is server.ready().is_compressed is deflate
    assert client.messages_received == server.messages_received == len(MESSAGES)
    assert client.messages_sent == len(MESSAGES)
    wait_until(lambda: server.messages_sent == len(MESSAGES))
    size = sum(len(m.encode() if isinstance(m, str) else m) for m in MESSAGES)
    assert client.bytes_received == server.bytes_received == size
    assert client.disconnect()
    assert client.log.wait("disconnected") == ("disconnected", Reason.LOCAL, 1000, "")


def test_every_kind_of_buffer_is_a_binary_message(service: LoggingService, ws: Scheme) -> None:
    client = ws.connected(service, ws.server(service, EchoWsSession))
    for data in (bytearray(b"abc"), memoryview(b"abcd")[:3], memoryview(b"aXbXcX")[::2]):
        client.send(data)
    client.log.wait("message", count=3)
    assert client.messages() == [b"abc"] * 3
    with pytest.raises(TypeError):
        client.send(5)  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        client.send("\ud800")


def test_a_str_of_a_class_of_its_own_is_a_text(service: LoggingService, ws: Scheme) -> None:
    class Name(str):
        __slots__ = ()

    client = ws.connected(service, ws.server(service, EchoWsSession))
    client.send(Name("hello"))
    assert client.log.wait("message")[1] == "hello"


def test_what_is_sent_before_the_handshake_waits_for_it(
    service: LoggingService, scheme: Scheme
) -> None:
    class Eager(LoggingWsSession):
        def on_connected(self) -> None:
            assert not self.is_handshaked
            self.send("welcome")

    server = scheme.server(service, Eager)
    client = scheme.client(service, server.port)
    with pytest.raises(NotConnectedError):
        client.send("too early")
    client.connect()
    assert client.log.wait("message")[1] == "welcome"
    assert client.is_handshaked
    assert client.log.names() == ["connected", "handshaked", "message"]


def test_parts_are_one_message(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service)
    client = scheme.connected(service, server, control_frames=True)
    client.send_part("gr\u00fc", last=False)
    client.send("behind")  # Waits for the last part.
    client.ping(b"between")  # Does not.
    client.log.wait("pong", b"between")
    assert not server.log.events("session message")
    client.send_part("\u00dfe".encode()[:1], last=False)
    client.send_part("\u00dfe".encode()[1:], last=True)
    client.send_part(b"one", last=True)
    server.log.wait("session message", count=3)
    events = [event[1] for event in server.log.events("session message")]
    assert events == ["gr\u00fc\u00dfe", "behind", b"one"]


def test_parts_and_the_policy_that_drops(service: LoggingService, ws: Scheme) -> None:
    client = ws.client(
        service,
        ws.server(service).port,
        send_limit=1000,
        send_policy=SendPolicy.DROP_OLDEST,
    )
    client.connect()
    client.log.wait("handshaked")
    with pytest.raises(ArgumentError, match="in parts"):
        client.send_part(bytes(100), last=False)


def test_a_view_is_the_binary_message_in_place(service: LoggingService, scheme: Scheme) -> None:
    kept: list[memoryview] = []

    class Viewing(LoggingWsSession):
        def on_received_view(self, view: memoryview) -> None:
            kept.append(view)
            self.tell("view", bytes(view))

    server = scheme.server(service, Viewing)
    client = scheme.connected(service, server)
    client.send(b"binary")
    client.send("text")
    assert server.log.wait("session message")[1] == "text"
    assert server.log.events("session view") == [("session view", b"binary")]
    with pytest.raises(ValueError, match="released"):
        bytes(kept[0])


def test_sessions_that_hear_nothing_cost_nothing(service: LoggingService, ws: Scheme) -> None:
    class Deaf(WebSocketSession):
        pass

    class Mute(WebSocketClient):
        log = Log()

        def on_handshaked(self) -> None:
            self.log.add("handshaked")

    server = WebSocketServer(service, "127.0.0.1", 0, session_class=Deaf)
    server.start()
    client = Mute(service, ws.uri(server.port))
    client.connect()
    client.log.wait("handshaked")
    client.send("hello")
    wait_until(lambda: server.messages_received == 1)
    client.disconnect()


# Pings


def test_pings_are_answered_and_told_if_wanted(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service, control_frames=True)
    client = scheme.connected(service, server, control_frames=True)
    client.ping(b"are you there?")
    client.log.wait("pong", b"are you there?")
    assert server.log.wait("session ping")[1] == b"are you there?"
    client.pong(b"unasked")
    server.log.wait("session pong", b"unasked")
    server.ready().ping()
    client.log.wait("ping", b"")
    server.log.wait("session pong", b"")
    with pytest.raises(ArgumentError, match="125"):
        client.ping(bytes(126))
    assert client.messages_sent == client.messages_received == server.messages_received == 0


def test_pings_are_not_told_unless_wanted(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service, EchoWsSession)
    client = ws.connected(service, server)
    client.ping(b"quiet")
    client.send("hello")
    client.log.wait("message", "hello")
    assert not client.log.events("pong")
    assert not server.log.events("session ping")


def test_silent_peers_are_pinged(service: LoggingService, ws: Scheme) -> None:
    # The time for an answer, too, which takes long on a busy machine.
    server = ws.server(service, ping_interval=0.2)
    client = ws.connected(service, server, control_frames=True)
    client.log.wait("ping", count=3)
    assert client.is_connected


# The end


@pytest.mark.parametrize(("code", "reason"), [(1001, "gone"), (4999, "\u00fc" * 61), (3000, "")])
def test_the_peer_is_told_code_and_reason(
    service: LoggingService, scheme: Scheme, code: int, reason: str
) -> None:
    server = scheme.server(service)
    client = scheme.connected(service, server)
    assert (client.close_code, client.close_reason) == (None, "")
    assert client.disconnect(code, reason)
    told = server.log.wait("session disconnected")
    assert told == ("session disconnected", Reason.PEER_CLOSED, code, reason)
    client.log.wait("disconnected", Reason.LOCAL)
    assert not client.disconnect(code=1000)
    session = server.ready()
    assert (session.close_code, session.close_reason) == (code, reason)


def test_the_code_may_be_left_out(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service)
    client = ws.connected(service, server)
    server.ready().disconnect(1005)
    assert client.log.wait("disconnected") == ("disconnected", Reason.PEER_CLOSED, 1005, "")


@pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 2999, 5000, -1, 65536, 66536])
def test_codes_that_must_not_be_sent_are_refused(
    service: LoggingService, ws: Scheme, code: int
) -> None:
    client = ws.connected(service, ws.server(service))
    with pytest.raises(ArgumentError):
        client.disconnect(code)
    with pytest.raises(TypeError):
        client.disconnect("1000")  # type: ignore[arg-type]
    assert client.is_connected


def test_a_long_reason_is_cut(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service)
    ws.connected(service, server).disconnect(4000, "\u20ac" * 100)
    assert server.log.wait("session disconnected")[3] == "\u20ac" * 41


def test_what_was_sent_arrives_before_the_end(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service)
    client = scheme.connected(service, server)
    data = bytes(3_000_000)
    client.send(data)
    client.send("last")
    client.disconnect()
    server.log.wait("session disconnected", Reason.PEER_CLOSED, 1000)
    assert [len(event[1]) for event in server.log.events("session message")] == [len(data), 4]


def test_an_end_without_a_word_is_an_error(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service)
    client = ws.connected(service, server)
    server.ready().disconnect_now()
    assert client.log.wait("disconnected")[2] is None
    error = client.log.wait("error")[1]
    assert isinstance(error, WebSocketError | ConnectionResetError)


def test_a_server_that_stops_goes_away(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service)
    client = scheme.connected(service, server)
    server.stop()
    assert client.log.wait("disconnected") == ("disconnected", Reason.PEER_CLOSED, 1001, "")
    server.log.wait("session disconnected", Reason.SERVER_STOPPED)
    server.log.wait("stopped")


def test_a_client_connects_again(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service, EchoWsSession)
    client = scheme.connected(service, server)
    for count in (2, 3):
        client.disconnect(4000 + count)
        client.log.wait("disconnected", count=count - 1)
        client.connect()
        client.log.wait("handshaked", count=count)
        assert client.close_code is None
        client.send(f"again {count}")
        client.log.wait("message", f"again {count}")


def test_a_client_may_reconnect_in_its_last_callback(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service, EchoWsSession)
    client = ws.client(service, server.port)
    codes: list[int | None] = []

    def reconnect(reason: Reason) -> None:
        codes.append(client.close_code)
        if len(codes) == 1:
            client.reconnect()
        client.tell("over")

    client.on_disconnected = reconnect  # type: ignore[method-assign]
    client.connect()
    server.ready(1).disconnect(4001)
    server.ready(2).disconnect(4002)
    client.log.wait("over", count=2)
    assert codes == [4001, 4002]


# Limits


def test_a_message_above_the_limit_ends_the_connection(
    service: LoggingService, scheme: Scheme
) -> None:
    server = scheme.server(service, message_limit=1000)
    client = scheme.connected(service, server)
    client.send(bytes(1000))
    client.send("x" * 1001)
    error = server.log.wait("session error")[1]
    assert isinstance(error, WebSocketError)
    assert (error.close_code, error.http_status) == (1009, None)
    server.log.wait("session disconnected", Reason.LIMIT)
    assert client.log.wait("disconnected")[2] == 1009
    assert server.log.events("session message") == [("session message", bytes(1000))]


def test_a_bomb_is_stopped_by_the_limit(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service, message_limit=100_000, deflate=True)
    client = ws.connected(service, server, deflate=True)
    client.send(bytes(3_000_000))
    assert client.log.wait("disconnected")[2] == 1009
    server.log.wait("session disconnected", Reason.LIMIT)


def test_a_send_above_the_limit_is_refused(service: LoggingService, ws: Scheme) -> None:
    client = ws.connected(service, ws.server(service, EchoWsSession), send_limit=1000)
    with pytest.raises(LimitError):
        client.send(bytes(1001))
    with pytest.raises(LimitError):
        client.send(bytes(1_000_000))
    client.send("small")
    client.log.wait("message", "small")


def test_a_paused_connection_hears_nothing(service: LoggingService, scheme: Scheme) -> None:
    class Pausing(LoggingWsSession):
        def on_received(self, data: Message) -> None:
            self.tell("message", data)
            self.pause_reading()

    server = scheme.server(service, Pausing)
    client = scheme.connected(service, server)
    session = server.ready()
    for number in range(10):
        client.send(f"{number}")
    client.disconnect()
    for number in range(10):
        server.log.wait("session message", f"{number}")
        answered = threading.Event()
        service.post(answered.set)
        assert answered.wait(DEADLINE)
        assert len(server.log.events("session message")) == number + 1
        session.resume_reading()
    server.log.wait("session disconnected", Reason.PEER_CLOSED)


# Exceptions


def test_exceptions_in_callbacks_are_told_and_the_connection_goes_on(
    service: LoggingService, scheme: Scheme
) -> None:
    class Failing(LoggingWsSession):
        def on_handshaked(self) -> None:
            super().on_handshaked()
            raise KeyError("on_handshaked")

        def on_received(self, data: Message) -> None:
            raise KeyError(data)

        def on_ping(self, data: bytes) -> None:
            raise KeyError("ping")

    server = scheme.server(service, Failing, control_frames=True)
    client = scheme.connected(service, server, control_frames=True)
    client.send("text")
    client.send(b"binary")
    client.ping(b"alive?")
    client.log.wait("pong", b"alive?")
    server.log.wait("session error", count=4)
    causes = [event[1].__cause__.args for event in server.log.events("session error")]
    assert causes == [("on_handshaked",), ("text",), (b"binary",), ("ping",)]
    assert client.is_connected


def test_an_exception_without_on_error_goes_to_the_hook(
    service: LoggingService, unraisable: Log
) -> None:
    failure = KeyError("nobody listens")

    class Failing(WebSocketSession):
        def on_received(self, data: Message) -> None:
            raise failure

    scheme = Scheme("ws")
    server = WebSocketServer(service, "127.0.0.1", 0, session_class=Failing)
    server.start()
    client = scheme.client(service, server.port)
    client.connect()
    client.log.wait("handshaked")
    client.send("x")
    raised = unraisable.wait(failure)[1]
    assert "on_received" in raised.err_msg


# Threads


def test_threads_send_at_once_without_mixing(ws: Scheme) -> None:
    threads, count = 4, 200
    with Service(2) as service:
        server: AnyServer = ws.server(service, EchoWsSession, deflate=True)
        client = ws.connected(service, server, deflate=True)

        def send(number: int) -> None:
            for each in range(count):
                client.send(f"{number}:{each}:" + "x" * (each * 7 % 1000))

        running = [threading.Thread(target=send, args=(number,)) for number in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join(DEADLINE)
        client.log.wait("message", count=threads * count)
        for number in range(threads):
            own = [m for m in client.messages() if str(m).startswith(f"{number}:")]
            assert [int(str(m).split(":")[1]) for m in own] == list(range(count))
