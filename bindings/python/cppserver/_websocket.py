"""Servers, sessions and clients that exchange WebSocket messages (RFC 6455)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Unpack

from . import _library
from ._callbacks import overrides, report
from ._certificates import read_text
from ._client import Client
from ._errors import (
    argument_error,
    check,
    encode_address,
    encode_text,
    last_error,
)
from ._http import Request, Response, read_request
from ._options import (
    Kind,
    MessageOptions,
    WebSocketClientKeywords,
    WebSocketServerKeywords,
)
from ._server import HostServer, Session
from ._service import Service
from ._session import LARGE, Connection, as_bytes, closed, connections, enter

Message = str | bytes
"""What is received: a text or a binary message."""

Sendable = str | bytes | bytearray | memoryview
"""What is sent: a str as a text message, everything else as a binary one."""

_TEXT = int(Kind.TEXT)
_BINARY = int(Kind.BINARY)
_PING = int(Kind.PING)
_PONG = int(Kind.PONG)

_METHODS = {_PING: "on_ping", _PONG: "on_pong"}

_send = _library.session_send_message
_windows = _library.windows


def encode_message(data: Any) -> tuple[int, bytes]:
    """Return the kind and the bytes of a message."""
    if isinstance(data, str):
        return _TEXT, data.encode()
    return _BINARY, data if type(data) is bytes else as_bytes(data)


class WebSocketConnection(Connection):
    """One stream of messages. Base of :class:`WebSocketSession` and :class:`WebSocketClient`.

    ``on_connected`` tells that the peer is connected, ``on_handshaked`` that messages can come.
    What is sent between the two waits for that. Counters of bytes count those of messages.
    """

    _encode: Callable[[Any], tuple[int, bytes]] = staticmethod(encode_message)

    # Sending and closing

    def send(self, data: Sendable) -> None:
        """Send a message: a str as text, everything else as a binary one.

        It is copied and leaves in the background, in the order of the calls.

        Raises:
            NotConnectedError: There is no open connection.
            LimitError: The message would exceed the option ``send_limit``; it is not sent.
            UnicodeEncodeError: The text has surrogates, which UTF-8 cannot express.
        """
        kind, encoded = encode_message(data)
        self._send(kind, encoded)

    def send_part(self, data: Sendable, *, last: bool) -> None:
        """Send a part of a message, so that it need not be in memory as a whole.

        The first part decides whether the message is text. Other messages that are sent meanwhile
        wait for the last part; pings and pongs do not. Parts are never compressed, and are not
        possible with the policy :attr:`SendPolicy.DROP_OLDEST`.

        Args:
            data: A part, which may be empty.
            last: Whether the message ends with this part.

        Raises:
            ArgumentError: The policy is one that could drop a part.
            NotConnectedError: There is no open connection.
            LimitError: The part would exceed the option ``send_limit``; it is not sent.
        """
        kind, encoded = encode_message(data)
        function = _library.session_send_part
        check(function(self._handle, kind, encoded, len(encoded), bool(last), None))

    def ping(self, data: bytes | bytearray | memoryview = b"") -> None:
        """Send a ping with up to 125 bytes, which the peer sends back as a pong.

        Raises:
            ArgumentError: There are more bytes.
            NotConnectedError: There is no open connection.
        """
        self._send(_PING, as_bytes(data))

    def pong(self, data: bytes | bytearray | memoryview = b"") -> None:
        """Send a pong that nobody asked for; pings are answered by the library.

        Raises:
            ArgumentError: There are more than 125 bytes.
            NotConnectedError: There is no open connection.
        """
        self._send(_PONG, as_bytes(data))

    def _send(self, kind: int, data: bytes) -> None:
        size = len(data)
        if size < LARGE:
            if _send(self._handle, kind, data, size, None):
                raise last_error()
        else:
            check(_library.session_send_message_large(self._handle, kind, data, size, None))

    def disconnect(self, code: int = 1000, reason: str = "") -> bool:
        """Close the connection after everything that was sent has been written.

        The peer is told the code and the reason, and has ``close_timeout`` to answer. A client that
        is still connecting gives up.

        Args:
            code: Why (RFC 6455 section 7.4): 1000 for a normal end, 1001 when this side goes away,
                3000 to 4999 for applications; 1005 tells none.
            reason: More about it; up to 123 bytes of UTF-8 have room.

        Returns:
            False when there is nothing to close (any more).

        Raises:
            ArgumentError: The code must not be sent.
        """
        if not isinstance(code, int):
            raise TypeError(f"a close code is an int, not {type(code).__name__}")
        if not 0 <= code <= 0xFFFF:
            raise argument_error(f"a close code has 16 bits, which {code} exceeds")
        encoded = encode_text(reason, "a reason")
        return closed(_library.session_disconnect_with(self._handle, code, encoded))

    # State

    @property
    def close_code(self) -> int | None:
        """The code with which the peer ended the connection, 1005 if it told none.

        It is known in ``on_disconnected`` and after it. None before, and if the connection ended
        without a word of the peer.
        """
        return _library.session_close_code(self._handle) or None

    @property
    def close_reason(self) -> str:
        """The reason that the peer told together with :attr:`close_code`; often empty."""
        return self._state_text(_library.session_close_reason)

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that both sides agreed on, from ``on_handshaked`` on."""
        return self._state_text(_library.session_subprotocol) or None

    def _state_text(self, function: Callable[..., int]) -> str:
        return read_text(function, self._handle) if self._handle else ""

    @property
    def is_compressed(self) -> bool:
        """Whether this side compresses what it sends, from ``on_handshaked`` on."""
        return _library.session_is_compressed(self._handle)

    @property
    def messages_sent(self) -> int:
        """Messages written to the connection so far."""
        return _library.session_messages_sent(self._handle)

    @property
    def messages_received(self) -> int:
        """Messages that came from the peer so far, without pings and pongs."""
        return _library.session_messages_received(self._handle)

    # Callbacks

    def on_received(self, data: Message) -> None:
        """Called with a message: a text as str, a binary one as bytes."""

    def on_received_view(self, view: memoryview) -> None:
        """Called with a binary message in place, instead of :meth:`on_received` if overridden.

        This saves a copy. The view, and everything that was made of it without a copy, must not be
        used after the call: its memory is overwritten by the next message.
        """

    def on_ping(self, data: bytes) -> None:
        """Called with a ping, if the option ``control_frames`` is on. It is answered already."""

    def on_pong(self, data: bytes) -> None:
        """Called with a pong, if the option ``control_frames`` is on."""

    @classmethod
    def _receiver(cls) -> Any:
        if overrides(cls, WebSocketConnection, "on_received_view"):
            return _message_view
        methods = ("on_received", "on_ping", "on_pong")
        hears = any(overrides(cls, WebSocketConnection, name) for name in methods)
        return _message if hears else None


def _deliver(key: int, kind: int, data: int, size: int) -> int:
    connection: Any = connections[key]
    name = _METHODS.get(kind, "on_received")
    try:
        payload = _windows[data][:size]
        getattr(connection, name)(payload.decode() if kind == _TEXT else payload)
    except BaseException as exception:
        report(connection, name, exception)
    return size


_message = _library.NotifyReceived(_deliver)


@_library.NotifyReceived
def _message_view(key: int, kind: int, data: int, size: int) -> int:
    if kind != _BINARY:
        return _deliver(key, kind, data, size)
    connection: Any = connections[key]
    try:
        with _library.view_of_address(data, size) as view:
            connection.on_received_view(view)
    except BaseException as exception:
        report(connection, "on_received_view", exception)
    return size


class WebSocketSession(WebSocketConnection, Session):
    """A WebSocket connection that a server accepted."""

    _encode: Callable[[Any], tuple[int, bytes]] = staticmethod(encode_message)

    def publish(self, topic: str, data: Sendable) -> int:
        """Send a message to all other sessions that have subscribed to a topic.

        Returns:
            How many these are.

        Raises:
            ArgumentError: The topic is empty or has a "*".
            StateError: The server is not started.
        """
        return self._publish(topic, data)

    def on_handshake(self, request: Request, response: Response) -> None:
        """Called when a client asks for a connection, before ``on_handshaked``.

        It gets one, unless this changes the status of the response: 403 refuses it. The response
        may choose a subprotocol and add header fields. After an exception the status is 500.
        """

    def on_request(self, request: Request, response: Response) -> None:
        """Called when a client asks for something else by GET or HEAD, such as a page.

        The response is 426 (Upgrade Required), unless this changes it; after an exception it is
        500. The connection ends after it.
        """

    @classmethod
    def _fill(cls, handler: _library.SessionHandler) -> None:
        super()._fill(handler)
        enter(
            handler,
            cls,
            WebSocketSession,
            {"on_handshake": _handshake, "on_request": _request},
        )


def _answer(key: int, name: str, request: int, handle: int) -> None:
    connection = connections[key]
    response = Response(handle)
    try:
        getattr(connection, name)(read_request(request), response)
    except BaseException as exception:
        # Whoever should have been refused must not be let in by a mistake.
        response.status = 500
        response.body = b""
        report(connection, name, exception)
    finally:
        response._expire()


@_library.NotifyRequest
def _handshake(key: int, request: int, response: int) -> None:
    _answer(key, "on_handshake", request, response)


@_library.NotifyRequest
def _request(key: int, request: int, response: int) -> None:
    _answer(key, "on_request", request, response)


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    SessionT = TypeVar("SessionT", bound=WebSocketSession, default=WebSocketSession)
else:
    # Before Python 3.13 only type checkers know the default.
    from typing import TypeVar

    SessionT = TypeVar("SessionT", bound=WebSocketSession)


class WebSocketServer(MessageOptions, HostServer[SessionT]):
    """Accepts WebSocket connections and makes a session for each.

    Sessions decide whom they serve by ``on_handshake``, and answer other requests of HTTP clients,
    for example for the page that connects, by ``on_request``.
    """

    session_class: type[SessionT] = WebSocketSession  # type: ignore[assignment]

    _session_kind = WebSocketSession
    _encode: Callable[[Any], tuple[int, bytes]] = staticmethod(encode_message)

    def __init__(
        self,
        service: Service,
        address: str,
        port: int,
        *,
        session_class: type[SessionT] | None = None,
        **options: Unpack[WebSocketServerKeywords],
    ) -> None:
        """Make a server that is not started.

        Args:
            service: The service to run on.
            address: As of :class:`TcpServer`.
            port: As of :class:`TcpServer`.
            session_class: Class of the sessions, instead of the class attribute.
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: The address, the port or an option is not valid.
        """
        keywords: Any = options
        super().__init__(service, address, port, session_class=session_class, **keywords)

    def _create_for(self, service: int, address: bytes, port: int) -> int | None:
        return _library.server_create_ws(service, address, port)

    def multicast(
        self, data: Sendable, *, wanted: Callable[[SessionT], object] | None = None
    ) -> None:
        """Send a message to all sessions that are open for messages.

        It is made ready once for all of them, and compressed once for those that compress alike.

        Args:
            data: The message, a str as text, everything else as a binary one.
            wanted: Called with each session on this thread; those for which it returns something
                true get the message. If it raises, nobody does.

        Raises:
            StateError: The server is not started.
        """
        self._multicast(data, wanted)

    def publish(self, topic: str, data: Sendable) -> int:
        """Send a message to the sessions that have subscribed to a topic, once to each.

        Returns:
            How many these are.

        Raises:
            ArgumentError: The topic is empty or has a "*".
            StateError: The server is not started.
        """
        return self._publish(topic, data)

    @property
    def messages_sent(self) -> int:
        """Messages written by all sessions since the start."""
        return _library.server_messages_sent(self._handle)

    @property
    def messages_received(self) -> int:
        """Messages read by all sessions since the start, without pings and pongs."""
        return _library.server_messages_received(self._handle)


class WebSocketClient(MessageOptions, WebSocketConnection, Client):
    """Makes a WebSocket connection. The same object can connect again after the end."""

    def __init__(
        self,
        service: Service,
        uri: str,
        *,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        subprotocols: Iterable[str] = (),
        **options: Unpack[WebSocketClientKeywords],
    ) -> None:
        """Make a client that is not connected.

        Args:
            service: The service to run on.
            uri: Such as "ws://host:port/path?query"; without a port 80 is meant.
            headers: Names and values of header fields, see :meth:`add_header`.
            subprotocols: What the server may choose from, see :attr:`subprotocols`.
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: The URI, a header, a subprotocol or an option is not valid.
        """
        self._uri = uri
        keywords: Any = options
        super().__init__(service, **keywords)
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        for name, value in pairs:
            self.add_header(name, value)
        self.subprotocols = subprotocols

    def _create(self, service: int) -> int | None:
        return _library.client_create_ws(service, encode_address(self._uri))

    @property
    def uri(self) -> str:
        """The URI that was given to the constructor."""
        return self._uri

    def add_header(self, name: str, value: str) -> None:
        """Add a header field to the request, from the next connect on.

        Such as "Origin", "Authorization" or "Cookie"; "Host" replaces the one made of the URI.

        Raises:
            ArgumentError: A header cannot have the name or the value, or the library writes it.
        """
        encoded = encode_text(name, "a name"), encode_text(value, "a value")
        check(_library.client_add_header(self._client, *encoded))

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """The subprotocols that the server may choose from, the preferred one first.

        A change counts from the next connect on. :attr:`subprotocol` tells the server's choice.

        Raises:
            ArgumentError: A name is no token (RFC 9110 section 5.6.2).
        """
        return self._subprotocols

    @subprotocols.setter
    def subprotocols(self, value: Iterable[str]) -> None:
        if isinstance(value, str):
            raise TypeError("subprotocols are several str, not one")
        names = tuple(value)
        encoded = [encode_text(name, "a subprotocol") for name in names]
        for name in names:
            if not name.strip() or "," in name:
                raise argument_error(f"{name!r} cannot be the name of a subprotocol")
        check(_library.client_set_subprotocols(self._client, b",".join(encoded)))
        self._subprotocols = names
