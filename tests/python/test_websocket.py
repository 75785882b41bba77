"""WebSocket servers, sessions and clients with callbacks, plain and encrypted."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    LimitError,
    NotConnectedError,
    Option,
    Reason,
    SendPolicy,
    Service,
    StateError,
    TlsContext,
    WebSocketClient,
    WebSocketConnection,
    WebSocketError,
    WebSocketServer,
    WebSocketSession,
    WebSocketSslClient,
    WebSocketSslServer,
    WebSocketSslSession,
)
from helpers import DEADLINE, Log, LoggingService, LoggingSession, dial, read_exactly, wait_until
from ssl_helpers import server_context
from ws_helpers import (
    AnyServer,
    EchoWsSession,
    LoggingWsServer,
    LoggingWsSession,
    Message,
    Scheme,
)


@pytest.fixture(params=["ws", "wss"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    """Return what makes plain or encrypted servers and clients."""
    return Scheme(request.param)


@pytest.fixture
def ws() -> Scheme:
    """Return what makes plain servers and clients."""
    return Scheme("ws")


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
    server = ws.server(service, ping_interval=0.02)
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


# Many sessions


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


# Arguments


def test_options_have_their_defaults_and_can_be_set(service: LoggingService) -> None:
    options: dict[str, tuple[Any, Any]] = {
        "ping_interval": (0.0, 2.5),
        "message_limit": (16 << 20, 1000),
        "frame_limit": (0, 100),
        "fragment_limit": (1_000_000, 7),
        "control_frames": (False, True),
        "deflate": (False, True),
        "deflate_takeover": (False, True),
        "deflate_window_bits": (15, 10),
        "deflate_level": (1, 9),
        "deflate_threshold": (256, 0),
    }
    names = {option.name.lower() for option in Option if option >= Option.PING_INTERVAL}
    assert names == set(options)
    uri = "ws://127.0.0.1:9"
    others: Any = {name: other for name, (_, other) in options.items()}
    for default, changed in (
        (
            WebSocketServer(service, "127.0.0.1", 0),
            WebSocketServer(service, "127.0.0.1", 0, **others),
        ),
        (WebSocketClient(service, uri), WebSocketClient(service, uri, **others)),
    ):
        for name, (value, other) in options.items():
            assert getattr(default, name) == value
            assert type(getattr(default, name)) is type(value)
            assert getattr(changed, name) == other
            setattr(default, name, other)
            assert getattr(default, name) == other
    with pytest.raises(ArgumentError):
        WebSocketServer(service, "127.0.0.1", 0, deflate_window_bits=8)
    with pytest.raises(TypeError, match="no option 'datagram_limit'"):
        WebSocketServer(service, "127.0.0.1", 0, datagram_limit=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "uri", ["", "http://localhost", "ws://", "ws://host:99999/", "ws://host/a b", "wss://host/"]
)
def test_addresses_that_are_none(service: LoggingService, uri: str) -> None:
    with pytest.raises(ArgumentError):
        WebSocketClient(service, uri)


def test_wrong_arguments_are_refused(service: LoggingService) -> None:
    context = TlsContext()
    with pytest.raises(ArgumentError):
        WebSocketSslClient(service, context, "ws://localhost/")
    with pytest.raises(TypeError):
        WebSocketSslClient(service, None, "wss://localhost/")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        WebSocketSslServer(service, None, "127.0.0.1", 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        WebSocketClient(service, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        WebSocketClient(None, "ws://localhost/")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="subclass of WebSocketSession"):
        LoggingWsServer(service, "127.0.0.1", 0, session_class=LoggingSession)
    with pytest.raises(TypeError, match="subclass of WebSocketSslSession"):
        WebSocketSslServer(
            service,
            context,
            "127.0.0.1",
            0,
            session_class=LoggingWsSession,  # type: ignore[type-var]
        )
    for header in (("Na me", "x"), ("Name", "a\r\nb"), ("Upgrade", "x"), ("Name", "\u20ac")):
        with pytest.raises(ArgumentError):
            WebSocketClient(service, "ws://localhost/", headers=[header])
    for name in ("", "a b", "a,b", "\u20ac", " "):
        with pytest.raises(ArgumentError):
            WebSocketClient(service, "ws://localhost/", subprotocols=[name])
    with pytest.raises(TypeError):
        WebSocketClient(service, "ws://localhost/", subprotocols="chat")


def test_what_the_arguments_were_can_be_read(service: LoggingService) -> None:
    context = server_context()
    uri = "wss://localhost:99/path?query"
    client = WebSocketSslClient(
        service, context, uri, server_name="server.example.com", subprotocols=["a", "b"]
    )
    assert (client.uri, client.context, client.service) == (uri, context, service)
    assert (client.server_name, client.subprotocols) == ("server.example.com", ("a", "b"))
    client.server_name = None
    client.subprotocols = []
    assert (client.server_name, client.subprotocols) == (None, ())
    server = WebSocketSslServer(service, context, "127.0.0.1", 99)
    assert (server.address, server.port, server.context) == ("127.0.0.1", 99, context)


def test_a_session_without_a_connection_knows_nothing(service: LoggingService) -> None:
    server = WebSocketServer(service, "127.0.0.1", 0)
    session = WebSocketSession(server)
    assert (session.close_code, session.close_reason, session.subprotocol) == (None, "", None)
    assert not session.is_compressed
    assert not session.is_handshaked
    assert (session.messages_sent, session.messages_received) == (0, 0)
    with pytest.raises(ArgumentError):
        session.send("x")


def test_the_classes_are_what_their_names_say() -> None:
    assert issubclass(WebSocketSslSession, WebSocketSession)
    assert issubclass(WebSocketSslServer, WebSocketServer)
    assert issubclass(WebSocketSslClient, WebSocketClient)
    assert issubclass(WebSocketClient, WebSocketConnection)


def test_an_encrypted_connection_tells_its_details(service: LoggingService) -> None:
    scheme = Scheme("wss")
    server = scheme.server(service)
    client = scheme.connected(service, server)
    assert isinstance(client, WebSocketSslClient)
    assert client.tls.version == server.ready().tls.version == "TLSv1.3"
    assert client.tls.peer_certificates


def test_a_plain_client_of_an_encrypted_server_fails(service: LoggingService) -> None:
    server = Scheme("wss").server(service)
    client = Scheme("ws").client(service, server.port)
    client.connect()
    client.log.wait("error")
    client.log.wait("disconnected")
    assert not client.log.events("handshaked")


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
