"""What WebSocket servers and clients are made with: options, addresses, headers, names."""

from __future__ import annotations

from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    Option,
    TlsContext,
    WebSocketClient,
    WebSocketConnection,
    WebSocketServer,
    WebSocketSession,
    WebSocketSslClient,
    WebSocketSslServer,
    WebSocketSslSession,
)
from helpers import LoggingService, LoggingSession
from ssl_helpers import server_context
from ws_helpers import (
    LoggingWsServer,
    LoggingWsSession,
    Scheme,
)


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
