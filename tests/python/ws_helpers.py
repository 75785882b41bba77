"""What the tests of WebSocket share: classes of both kinds with a log, plain and encrypted."""

from __future__ import annotations

from typing import Any

from cppserver import (
    CppServerError,
    Reason,
    Request,
    Response,
    Service,
    WebSocketClient,
    WebSocketConnection,
    WebSocketServer,
    WebSocketSession,
    WebSocketSslClient,
    WebSocketSslServer,
    WebSocketSslSession,
)
from helpers import Log, ServerLog, dial, read_to_end
from ssl_helpers import client_context, server_context

Message = str | bytes


class MessageLog(WebSocketConnection):
    """Logs what comes; the class beside it knows where."""

    def tell(self, *event: Any) -> None:
        raise NotImplementedError

    def on_connected(self) -> None:
        self.tell("connected", self)

    def on_handshaked(self) -> None:
        self.tell("handshaked", self)

    def on_received(self, data: Message) -> None:
        self.tell("message", data)

    def on_ping(self, data: bytes) -> None:
        self.tell("ping", data)

    def on_pong(self, data: bytes) -> None:
        self.tell("pong", data)

    def on_error(self, error: CppServerError) -> None:
        self.tell("error", error)

    def on_disconnected(self, reason: Reason) -> None:
        self.tell("disconnected", reason, self.close_code, self.close_reason)


class LoggingWsSession(MessageLog, WebSocketSession):
    """Writes into the log of its server, every event behind the word "session"."""

    def tell(self, *event: Any) -> None:
        name, *rest = event
        self.server.log.add(f"session {name}", *rest)


class LoggingWssSession(LoggingWsSession, WebSocketSslSession):
    pass


class EchoWsSession(LoggingWsSession):
    def on_received(self, data: Message) -> None:
        self.send(data)


class EchoWssSession(EchoWsSession, WebSocketSslSession):
    pass


class PickyWsSession(EchoWsSession):
    """Lets nobody in who does not ask for the path "/chat", and serves one page."""

    def on_handshake(self, request: Request, response: Response) -> None:
        self.server.log.add("handshake", request, response)
        if request.path != "/chat":
            response.status = 403
            response.body = "This is no chat."
            return
        if "chat.v2" in request.subprotocols:
            response.subprotocol = "chat.v2"
        response.add_header("X-Room", request.query or "none")

    def on_request(self, request: Request, response: Response) -> None:
        self.server.log.add("request", request, response)
        if request.path == "/":
            response.status = 200
            response.add_header("Content-Type", "text/plain; charset=utf-8")
            response.body = "Welcome to the café"


class PickyWssSession(PickyWsSession, WebSocketSslSession):
    pass


class LoggingWsServer(ServerLog, WebSocketServer[Any]):
    session_class = LoggingWsSession

    def ready(self, number: int = 1) -> Any:
        """Wait for a session that is open for messages and return it."""
        return self.log.wait("session handshaked", count=number)[1]


class LoggingWssServer(ServerLog, WebSocketSslServer[Any]):
    session_class = LoggingWssSession

    def ready(self, number: int = 1) -> Any:
        """Wait for a session that is open for messages and return it."""
        return self.log.wait("session handshaked", count=number)[1]


class _ClientLog(MessageLog):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.log = Log()

    def tell(self, *event: Any) -> None:
        self.log.add(*event)

    def messages(self) -> list[Message]:
        return [event[1] for event in self.log.events("message")]


class LoggingWsClient(_ClientLog, WebSocketClient):
    pass


class LoggingWssClient(_ClientLog, WebSocketSslClient):
    pass


AnyServer = LoggingWsServer | LoggingWssServer
AnyClient = LoggingWsClient | LoggingWssClient

SESSIONS: dict[type[WebSocketSession], type[WebSocketSession]] = {
    LoggingWsSession: LoggingWssSession,
    EchoWsSession: EchoWssSession,
    PickyWsSession: PickyWssSession,
}


class Scheme:
    """Makes servers and clients of "ws" or "wss"."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_secure = name == "wss"

    def server(
        self,
        service: Service,
        session_class: type[WebSocketSession] = LoggingWsSession,
        **options: Any,
    ) -> AnyServer:
        """Return a started server."""
        server: AnyServer
        where = ("127.0.0.1", 0)
        if self.is_secure:
            kind: Any = SESSIONS.get(session_class) or type(
                "Secure", (session_class, WebSocketSslSession), {}
            )
            server = LoggingWssServer(
                service, server_context(), *where, session_class=kind, **options
            )
        else:
            server = LoggingWsServer(service, *where, session_class=session_class, **options)
        server.start_and_wait()
        return server

    def uri(self, port: int, target: str = "/chat") -> str:
        return f"{self.name}://127.0.0.1:{port}{target}"

    def client(
        self, service: Service, port: int, target: str = "/chat", **options: Any
    ) -> AnyClient:
        """Return a client that is not connected."""
        if self.is_secure:
            return LoggingWssClient(service, client_context(), self.uri(port, target), **options)
        return LoggingWsClient(service, self.uri(port, target), **options)

    def connected(self, service: Service, server: AnyServer, **options: Any) -> AnyClient:
        """Return a client that is open for messages."""
        client = self.client(service, server.port, **options)
        client.connect()
        client.log.wait("handshaked")
        return client


def ask(port: int, head: str) -> bytes:
    """Send a request of plain HTTP; return the whole answer."""
    with dial(port) as peer:
        peer.sendall(head.replace("\n", "\r\n").encode())
        return read_to_end(peer)
