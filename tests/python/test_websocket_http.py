"""The handshake of WebSockets, and what else HTTP clients ask for."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    HandlerError,
    Reason,
    Request,
    Response,
    StateError,
    WebSocketError,
    WebSocketServer,
    WebSocketSession,
)
from helpers import Log, LoggingService, closed_port
from ssl_helpers import dial_tls
from ws_helpers import LoggingWsSession, PickyWsSession, Scheme, ask

# Requests


def test_the_server_reads_what_is_asked_for(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service, PickyWsSession)
    client = scheme.client(
        service,
        server.port,
        "/chat?room=7&x=%20",
        headers={"Origin": "https://example.com", "X-Token": "secret"},
        subprotocols=["chat.v1", "chat.v2"],
    )
    client.add_header("Cookie", "a=b")
    client.connect()
    client.log.wait("handshaked")
    request: Request = server.log.wait("handshake")[1]
    assert request.method == "GET"
    assert request.target == "/chat?room=7&x=%20"
    assert request.path == "/chat"
    assert request.query == "room=7&x=%20"
    assert request.origin == "https://example.com"
    assert request.header("x-TOKEN") == "secret"
    assert request.header("Cookie") == "a=b"
    assert request.header("missing") is None
    assert request.header("host") == f"127.0.0.1:{server.port}"
    assert request.subprotocols == ("chat.v1", "chat.v2")
    assert ("x-token", "secret") in request.headers
    assert client.subprotocol == server.ready().subprotocol == "chat.v2"


def test_what_is_missing_is_none(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service, PickyWsSession)
    client = ws.connected(service, server)
    request: Request = server.log.wait("handshake")[1]
    assert (request.query, request.origin, request.subprotocols) == (None, None, ())
    assert client.subprotocol is None
    assert server.ready().subprotocol is None


def test_a_handshake_may_be_refused(service: LoggingService, scheme: Scheme) -> None:
    server = scheme.server(service, PickyWsSession)
    client = scheme.client(service, server.port, "/elsewhere")
    client.connect()
    error = client.log.wait("error")[1]
    assert isinstance(error, WebSocketError)
    assert (error.http_status, error.close_code, error.code) == (403, None, 403)
    assert client.log.wait("disconnected")[1:3] == (Reason.ERROR, None)
    server.log.wait("session disconnected")
    assert not server.log.events("session handshaked")
    assert not client.log.events("handshaked")


def test_a_subprotocol_that_nobody_offered_fails_the_handshake(
    service: LoggingService, ws: Scheme
) -> None:
    class Wrong(LoggingWsSession):
        def on_handshake(self, request: Request, response: Response) -> None:
            response.subprotocol = "soap"
            assert response.subprotocol == "soap"

    server = ws.server(service, Wrong)
    client = ws.client(service, server.port, subprotocols=["chat"])
    client.connect()
    client.log.wait("disconnected")
    server.log.wait("session error")
    assert not client.log.events("handshaked")


def test_an_exception_refuses_the_handshake(service: LoggingService, scheme: Scheme) -> None:
    class Failing(LoggingWsSession):
        def on_handshake(self, request: Request, response: Response) -> None:
            response.body = "half an answer"
            raise KeyError(request.path)

    server = scheme.server(service, Failing)
    client = scheme.client(service, server.port, "/private")
    client.connect()
    assert client.log.wait("error")[1].http_status == 500
    error = server.log.wait("session error")[1]
    assert isinstance(error, HandlerError)
    assert error.__cause__ is not None
    assert error.__cause__.args == ("/private",)
    assert "Failing.on_handshake" in error.message or "Secure.on_handshake" in error.message


def test_the_exception_of_a_handshake_goes_to_the_hook(
    service: LoggingService, ws: Scheme, unraisable: Log
) -> None:
    failure = KeyError("no idea")

    class Failing(WebSocketSession):
        def on_handshake(self, request: Request, response: Response) -> None:
            raise failure

    server = WebSocketServer(service, "127.0.0.1", 0, session_class=Failing)
    server.start()
    client = ws.client(service, server.port)
    client.connect()
    assert client.log.wait("error")[1].http_status == 500
    unraisable.wait(failure)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", None),
        ("nonsense\r\n\r\n", None),
        ("", None),
    ],
)
def test_answers_that_are_no_handshake(
    service: LoggingService, ws: Scheme, answer: str, status: int | None
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = ws.client(service, listener.getsockname()[1])
        client.connect()
        peer, _ = listener.accept()
        with peer:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += peer.recv(1000)
            assert request.startswith(b"GET /chat HTTP/1.1\r\n")
            peer.sendall(answer.encode())
        error = client.log.wait("error")[1]
        assert isinstance(error, WebSocketError)
        if status is not None:
            assert error.http_status == status
        assert client.log.wait("disconnected")[1] in (Reason.ERROR, Reason.TRUNCATED)


def test_a_server_that_is_not_there(service: LoggingService, scheme: Scheme) -> None:
    client = scheme.client(service, closed_port())
    client.connect()
    assert isinstance(client.log.wait("error")[1], ConnectionRefusedError)
    client.log.wait("disconnected", Reason.ERROR)
    assert client.log.names() == ["error", "disconnected"]


def test_a_peer_that_says_nothing_times_out(service: LoggingService, ws: Scheme) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = ws.client(service, listener.getsockname()[1], handshake_timeout=0.05)
        client.connect()
        client.log.wait("disconnected", Reason.TIMEOUT)


# Plain HTTP


def test_a_page_is_served(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service, PickyWsSession)
    answer = ask(server.port, "GET /?a=b HTTP/1.1\nHost: localhost\n\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-type: text/plain; charset=utf-8" in head.lower()
    assert body.decode() == "Welcome to the café"
    request: Request = server.log.wait("request")[1]
    assert (request.method, request.path, request.query) == ("GET", "/", "a=b")
    answer = ask(server.port, "HEAD / HTTP/1.1\nHost: localhost\n\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert server.log.wait("request", count=2)[1].method == "HEAD"
    server.log.wait("session disconnected", count=2)
    assert not server.log.events("session handshaked")


def test_a_page_is_served_over_tls(service: LoggingService) -> None:
    server = Scheme("wss").server(service, PickyWsSession)
    with dial_tls(server.port) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while piece := peer.recv(1000):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.decode().endswith("Welcome to the café")


def test_other_requests_are_told_to_upgrade(service: LoggingService, ws: Scheme) -> None:
    for session_class in (PickyWsSession, LoggingWsSession):
        server = ws.server(service, session_class)
        answer = ask(server.port, "GET /other HTTP/1.1\nHost: localhost\n\n")
        assert answer.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")


def test_an_exception_answers_500(service: LoggingService, ws: Scheme) -> None:
    class Failing(LoggingWsSession):
        def on_request(self, request: Request, response: Response) -> None:
            response.status = 200
            response.body = "half a page"
            raise KeyError("on_request")

    server = ws.server(service, Failing)
    answer = ask(server.port, "GET / HTTP/1.1\nHost: localhost\n\n")
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"half a page" not in answer
    server.log.wait("session error")


# Responses


def test_wrong_answers_are_refused(service: LoggingService, ws: Scheme) -> None:
    class Wrong(LoggingWsSession):
        def on_request(self, request: Request, response: Response) -> None:
            assert response.status == 426
            values: Any = [99, 101, 199, 600, -1, 70_000, "200", None]
            for value in values:
                with pytest.raises((ArgumentError, TypeError)):
                    response.status = value
            headers: Any = [
                ("Na me", "x"),
                ("X", "a\nb"),
                ("Content-Length", "5"),
                (5, "x"),
                ("X", 5),
            ]
            for name, content in headers:
                with pytest.raises((ArgumentError, TypeError)):
                    response.add_header(name, content)
            with pytest.raises(ArgumentError):
                response.subprotocol = "no token"
            with pytest.raises(TypeError):
                response.body = 5  # type: ignore[assignment]
            response.status = 299
            response.body = memoryview(b"body")
            assert (response.status, response.body, response.subprotocol) == (299, b"body", None)
            self.tell("checked")

    server = ws.server(service, Wrong)
    answer = ask(server.port, "GET / HTTP/1.1\nHost: localhost\n\n")
    assert not server.log.events("session error")
    assert answer.startswith(b"HTTP/1.1 299")
    assert answer.endswith(b"\r\n\r\nbody")
    server.log.wait("session checked")


def test_a_response_cannot_be_used_later(service: LoggingService, ws: Scheme) -> None:
    server = ws.server(service, PickyWsSession)
    ws.connected(service, server)
    _, request, response = server.log.wait("handshake")
    uses: Any = [
        lambda: response.status,
        lambda: setattr(response, "status", 403),
        lambda: setattr(response, "body", b"late"),
        lambda: setattr(response, "subprotocol", "late"),
        lambda: response.add_header("X", "late"),
    ]
    for use in uses:
        with pytest.raises(StateError, match="during the callback"):
            use()
    assert request.path == "/chat"  # The request stays what it was.


def test_a_response_that_ends_while_another_thread_uses_it(
    service: LoggingService, ws: Scheme
) -> None:
    threads: list[threading.Thread] = []
    ends = Log()

    class Leaking(LoggingWsSession):
        def on_handshake(self, request: Request, response: Response) -> None:
            def use() -> None:
                try:
                    while True:
                        response.body = b"x" * 1000
                except StateError as error:
                    ends.add("ended", error)

            threads.append(threading.Thread(target=use))
            threads[-1].start()

    server = ws.server(service, Leaking)
    for _ in range(20):
        client = ws.connected(service, server)
        client.disconnect()
    for thread in threads:
        thread.join()
    assert len(ends.events("ended")) == 20


def test_a_kept_request_is_a_value() -> None:
    headers = (("sec-websocket-protocol", "a, b"), ("sec-websocket-protocol", " c ,"))
    request = Request("GET", "/?", "/", "", headers)
    assert request == Request("GET", "/?", "/", "", headers)
    assert request.subprotocols == ("a", "b", "c")
    with pytest.raises(AttributeError):
        request.path = "/other"  # type: ignore[misc]
