"""The other end of a WebSocket is the package websockets."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cppserver import Reason, WebSocketError
from helpers import DEADLINE, Log, LoggingService
from ssl_helpers import their_client_context, their_server_context
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol
from ws_helpers import (
    AnyServer,
    EchoWsSession,
    LoggingWsSession,
    Message,
    PickyWsSession,
    Scheme,
)

GENERATOR = random.Random(3)

MESSAGES: list[Message] = [
    "",
    b"",
    "hello",
    "\u00fc\u20ac\U0001f600" * 100,
    b"binary" * 1000,
    "x" * 125,
    "x" * 126,
    b"x" * 65535,
    b"x" * 65536,
    GENERATOR.randbytes(700_000),
    "repeated " * 50_000,
]


SMALLER = [message for message in MESSAGES if len(message) <= 65536] + ["repeated " * 10_000]
"""Messages that do not take long to compress without optimizations."""


def theirs(scheme: Scheme, server: AnyServer, target: str = "/chat", **options: Any) -> Any:
    """Return their client, connected to our server."""
    if scheme.is_secure:
        options.update(ssl=their_client_context(), server_hostname="localhost")
    options = {"compression": None, "max_size": None, "open_timeout": DEADLINE, **options}
    return connect(scheme.uri(server.port, target), **options)


@contextmanager
def their_server(
    scheme: Scheme, handler: Callable[[ServerConnection], None], **options: Any
) -> Iterator[int]:
    """Run their server; yield its port."""
    if scheme.is_secure:
        options["ssl"] = their_server_context()
    options = {"compression": None, "max_size": None, "open_timeout": DEADLINE, **options}
    server: Server = serve(handler, "127.0.0.1", 0, **options)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        thread.join(DEADLINE)


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


OFFERS = [
    {"client_max_window_bits": True},
    {"server_no_context_takeover": True, "client_no_context_takeover": True},
    {"client_max_window_bits": 9, "server_max_window_bits": 9},
    {"server_max_window_bits": 10, "client_no_context_takeover": True},
]


# Their clients


def exchange(peer: ClientConnection, messages: list[Message] = MESSAGES) -> None:
    for message in messages:
        peer.send(message)
        answer = peer.recv(timeout=DEADLINE)
        assert type(answer) is type(message)
        assert answer == message


def test_their_client_exchanges_messages(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service, EchoWsSession)
    with theirs(scheme, server) as peer:
        exchange(peer)
    server.log.wait("session disconnected", Reason.PEER_CLOSED, 1000)
    assert server.messages_received == server.messages_sent == len(MESSAGES)


@pytest.mark.parametrize("takeover", [False, True])
@pytest.mark.parametrize("offer", OFFERS, ids=str)
def test_their_client_compresses(
    service: LoggingService, ws: Scheme, offer: dict[str, Any], takeover: bool
) -> None:
    server = ws.server(
        service, EchoWsSession, deflate=True, deflate_takeover=takeover, deflate_threshold=1
    )
    extension = ClientPerMessageDeflateFactory(**offer)
    with theirs(ws, server, extensions=[extension]) as peer:
        assert [one.name for one in peer.protocol.extensions] == ["permessage-deflate"]
        exchange(peer, SMALLER * 2)
        assert server.ready().is_compressed


def test_their_client_does_not_have_to_compress(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service, EchoWsSession, deflate=True)
    with theirs(scheme, server) as peer:
        exchange(peer)
        assert not peer.protocol.extensions
        assert not server.ready().is_compressed


def test_their_client_sends_and_reads_parts(service: LoggingService, scheme: Scheme) -> None:
    class Parts(LoggingWsSession):
        def on_received(self, data: Message) -> None:
            middle = len(data) // 2
            self.send_part(data[:middle], last=False)
            self.send_part(data[middle:], last=True)

    server = scheme.server(service, Parts)
    with theirs(scheme, server) as peer:
        peer.send(["one ", "two ", "three"])
        assert list(peer.recv_streaming()) == ["one tw", "o three"]
        peer.send(iter([b"\x00" * 10, b"\x01" * 10]))
        assert peer.recv(timeout=DEADLINE) == b"\x00" * 10 + b"\x01" * 10


def test_their_client_pings_and_is_pinged(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service, control_frames=True)
    with theirs(scheme, server) as peer:
        assert peer.ping(b"theirs").wait(DEADLINE)
        server.log.wait("session ping", b"theirs")
        server.ready().ping(b"ours")
        server.log.wait("session pong", b"ours")


def test_their_client_is_told_the_end(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service)
    with theirs(scheme, server) as peer:
        session = server.ready()
        session.send("last")
        session.disconnect(4321, "gr\u00fc\u00dfe")
        assert peer.recv(timeout=DEADLINE) == "last"
        with pytest.raises(ConnectionClosed):
            peer.recv(timeout=DEADLINE)
        assert (peer.close_code, peer.close_reason) == (4321, "gr\u00fc\u00dfe")
    server.log.wait("session disconnected", Reason.LOCAL)


def test_their_client_tells_the_end(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service)
    with theirs(scheme, server) as peer:
        peer.send("last")
        peer.close(4000, "done")
    assert server.log.wait("session disconnected")[1:] == (Reason.PEER_CLOSED, 4000, "done")
    assert server.log.events("session message") == [("session message", "last")]


def test_their_client_shakes_hands(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service, PickyWsSession)
    names = [Subprotocol("chat.v1"), Subprotocol("chat.v2")]
    with theirs(scheme, server, "/chat?room=1", subprotocols=names, origin="https://a.b") as peer:
        assert peer.subprotocol == "chat.v2"
        assert peer.response.headers["X-Room"] == "room=1"
    request = server.log.wait("handshake")[1]
    assert (request.origin, request.subprotocols) == ("https://a.b", ("chat.v1", "chat.v2"))
    with pytest.raises(InvalidStatus) as refused:
        theirs(scheme, server, "/elsewhere")
    assert refused.value.response.status_code == 403
    assert refused.value.response.body == b"This is no chat."


def test_their_client_breaks_the_protocol(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service)
    with theirs(ws, server) as peer:
        with peer.send_context():
            # A text that is no UTF-8.
            peer.protocol.writes.append(Frame(Opcode.TEXT, b"\xff").serialize(mask=True))
        with pytest.raises(ConnectionClosed):
            peer.recv(timeout=DEADLINE)
        assert peer.close_code == 1007
    error = server.log.wait("session error")[1]
    assert isinstance(error, WebSocketError)
    assert error.close_code == 1007
    server.log.wait("session disconnected", Reason.ERROR)


def test_their_clients_hear_a_multicast(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service, deflate=True)
    with theirs(ws, server) as plain, theirs(ws, server, compression="deflate") as packed:
        server.ready(2)
        for message in MESSAGES:
            server.multicast(message)
        for peer in (plain, packed):
            assert [peer.recv(timeout=DEADLINE) for _ in MESSAGES] == MESSAGES


# Their servers


def test_their_server_exchanges_messages(service: LoggingService, scheme: Scheme) -> None:
    with their_server(scheme, echo) as port:
        client = scheme.client(service, port)
        client.connect()
        client.log.wait("handshaked")
        for message in MESSAGES:
            client.send(message)
        client.log.wait("message", count=len(MESSAGES))
        assert client.messages() == MESSAGES
        client.disconnect()
        client.log.wait("disconnected", Reason.LOCAL, 1000)


@pytest.mark.parametrize("takeover", [False, True])
@pytest.mark.parametrize("bits", [9, 12, 15])
def test_their_server_compresses(
    service: LoggingService, ws: Scheme, bits: int, takeover: bool
) -> None:
    extension = ServerPerMessageDeflateFactory(
        server_no_context_takeover=not takeover, server_max_window_bits=bits
    )
    with their_server(ws, echo, extensions=[extension]) as port:
        client = ws.client(
            service,
            port,
            deflate=True,
            deflate_takeover=takeover,
            deflate_window_bits=bits,
            deflate_threshold=1,
        )
        client.connect()
        client.log.wait("handshaked")
        assert client.is_compressed
        for message in SMALLER * 2:
            client.send(message)
        client.log.wait("message", count=2 * len(SMALLER))
        assert client.messages() == SMALLER * 2
        client.disconnect()
        client.log.wait("disconnected")


def test_their_server_reads_and_sends_parts(service: LoggingService, scheme: Scheme) -> None:
    log = Log()

    def handler(connection: ServerConnection) -> None:
        log.add("parts", list(connection.recv_streaming()))
        connection.send(["gr\u00fc", "\u00dfe"])
        connection.recv()

    with their_server(scheme, handler) as port:
        client = scheme.client(service, port)
        client.connect()
        client.log.wait("handshaked")
        client.send_part("one ", last=False)
        client.send_part("two", last=False)
        client.send_part("", last=True)
        assert "".join(log.wait("parts")[1]) == "one two"
        client.log.wait("message", "gr\u00fc\u00dfe")
        client.send("end")
        client.log.wait("disconnected", Reason.PEER_CLOSED, 1000)


def test_their_server_shakes_hands(service: LoggingService, scheme: Scheme) -> None:
    log = Log()

    def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        log.add("request", connection.request.path, dict(connection.request.headers.raw_items()))
        connection.close(4004, "enough")

    with their_server(scheme, handler, subprotocols=[Subprotocol("two")]) as port:
        client = scheme.client(
            service,
            port,
            "/path?query",
            headers={"Authorization": "Basic YTpi", "Origin": "https://a.b"},
            subprotocols=["one", "two"],
        )
        client.connect()
        client.log.wait("disconnected", Reason.PEER_CLOSED, 4004, "enough")
        assert client.subprotocol == "two"
        _, path, headers = log.wait("request")
        names = {name.lower(): value for name, value in headers.items()}
        assert path == "/path?query"
        assert names["authorization"] == "Basic YTpi"
        assert names["origin"] == "https://a.b"
        assert names["host"] == f"127.0.0.1:{port}"


def test_their_server_refuses(service: LoggingService, scheme: Scheme) -> None:
    def process(connection: ServerConnection, request: Any) -> Any:
        return connection.respond(401, "Who are you?")

    with their_server(scheme, echo, process_request=process) as port:
        client = scheme.client(service, port)
        client.connect()
        assert client.log.wait("error")[1].http_status == 401
        client.log.wait("disconnected", Reason.ERROR)


def test_their_server_pings_and_is_pinged(service: LoggingService, scheme: Scheme) -> None:
    log = Log()

    def handler(connection: ServerConnection) -> None:
        log.add("pong", connection.ping(b"theirs").wait(DEADLINE))
        connection.recv()

    with their_server(scheme, handler) as port:
        client = scheme.client(service, port, control_frames=True)
        client.connect()
        assert log.wait("pong")[1]
        client.log.wait("ping", b"theirs")
        client.ping(b"ours")
        client.log.wait("pong", b"ours")
        client.send("end")
        client.log.wait("disconnected", Reason.PEER_CLOSED)
