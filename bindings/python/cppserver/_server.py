"""What the servers of all protocols have in common, and their sessions."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, Unpack
from weakref import WeakKeyDictionary

from . import _library
from ._callbacks import base_implementation, next_key, overrides, report
from ._errors import (
    CppServerError,
    StateError,
    Status,
    check,
    check_port,
    encode_address,
    encode_text,
    last_error,
    native_error,
)
from ._options import (
    ListenOptions,
    Option,
    Reason,
    ServerKeywords,
    check_value,
)
from ._service import Service
from ._session import Connection, connection_handler, connections, encode_bytes


def encode_topic(topic: str) -> bytes:
    """Return the name of a topic as the native library takes it."""
    return encode_text(topic, "a topic")


class Session(Connection):
    """A connection that a server accepted. Base of :class:`TcpSession` and the other ones.

    The server makes one for each connection, by calling its ``session_class`` with itself. It has
    no address and no connection before ``on_connected``. It is kept alive until its end.
    """

    _release = staticmethod(_library.session_release)
    _encode: Callable[[Any], tuple[int, bytes]] = staticmethod(encode_bytes)

    server: Any
    """The :class:`Server` of this session. Annotate it with your own class if you have one."""

    def __init__(self, server: Server[Any]) -> None:
        """Make a session without a connection; the server gives it one."""
        self.server = server

    def __del__(self) -> None:
        """Give the native object back."""
        if self._handle:
            self._release(self._handle)

    def _attach(self, handle: int) -> None:
        if self._handle:
            raise StateError(
                Status.INVALID_STATE, "state", "the session already has another connection"
            )
        self._handle = _library.session_retain(handle) or 0

    def set_option(self, option: Option, value: int) -> None:
        """Set an option of the open connection to a value as in C, see :class:`Option`.

        Possible are NO_DELAY, KEEP_ALIVE and its times, SEND_BUFFER, RECEIVE_BUFFER and LINGER.

        Raises:
            ArgumentError: This option cannot be set on an open connection.
            NotConnectedError: There is no open connection.
            SystemCallError: The operating system refused.
        """
        check(_library.session_set_option(self._handle, Option(option), check_value(value)))

    # Topics

    def subscribe(self, topic: str) -> None:
        """Have what is published under a topic from now on; twice counts once.

        Args:
            topic: A name; a "*" at its end stands for anything, so that "news.*" means all topics
                that begin with "news.".

        Raises:
            ArgumentError: The topic is empty or has a "*" before its end.
            NotConnectedError: There is no open connection.
        """
        check(_library.session_subscribe(self._handle, encode_topic(topic)))

    def unsubscribe(self, topic: str) -> None:
        """End a subscription, as it was written; without one this does nothing."""
        check(_library.session_unsubscribe(self._handle, encode_topic(topic)))

    def publish(self, topic: str, data: bytes | bytearray | memoryview) -> int:
        """Send bytes to all other sessions that have subscribed to a topic.

        Returns:
            How many these are.

        Raises:
            ArgumentError: The topic is empty or has a "*".
            StateError: The server is not started.
        """
        return self._publish(topic, data)

    def _publish(self, topic: str, data: Any) -> int:
        return publish(_library.session_publish, self._handle, topic, self._encode(data))


def publish(function: Any, handle: int, topic: str, message: tuple[int, bytes]) -> int:
    """Publish a message by a native function; return how many sessions get it."""
    kind, data = message
    count = ctypes.c_size_t()
    check(function(handle, encode_topic(topic), kind, data, len(data), ctypes.byref(count)))
    return count.value


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    SessionT = TypeVar("SessionT", bound=Session, default=Session)
else:
    # Before Python 3.13 only type checkers know the default.
    from typing import TypeVar

    SessionT = TypeVar("SessionT", bound=Session)


class Server(ListenOptions, Generic[SessionT]):
    """Accepts connections and makes a session for each. Make a :class:`TcpServer` or another one.

    The class of the sessions is the class attribute or the argument ``session_class``. Options are
    properties and keyword arguments and count from the next start on.

    The ``on_...`` methods are called on the threads of the service, never two at a time if the
    service has one thread. ``on_connected`` follows the session's own, and so does
    ``on_disconnected``. The server is kept alive while it runs.

    As a context manager a server starts on entry and stops on exit.
    """

    session_class: type[SessionT]

    _session_kind: type[Session] = Session  # What the class of the sessions derives from.
    _encode: Callable[[Any], tuple[int, bytes]] = staticmethod(encode_bytes)
    _handle = 0
    _release = staticmethod(_library.server_release)

    def __init__(
        self,
        service: Service,
        *,
        session_class: type[SessionT] | None = None,
        **options: Unpack[ServerKeywords],
    ) -> None:
        """Make a server that is not started. The arguments are those of the derived classes."""
        if not isinstance(service, Service):
            raise TypeError(f"service is a Service, not {type(service).__name__}")
        if session_class is not None:
            self.session_class = session_class
        if not issubclass(self.session_class, self._session_kind):
            raise TypeError(f"session_class is a subclass of {self._session_kind.__name__}")
        handle = self._create(service._handle)
        if not handle:
            raise last_error()
        self._handle = handle
        self._service = service
        self._apply(options)

    def _create(self, service: int) -> int | None:
        """Return a new native server, or None with the last error."""
        raise NotImplementedError

    def __del__(self) -> None:
        """Give the native object back."""
        if self._handle:
            self._release(self._handle)

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server unless it is stopped."""
        try:
            self.stop()
        except StateError:
            pass  # Somebody else stopped it, or the service.

    # Life

    def start(self) -> None:
        """Listen. When this returns, the address is bound and :attr:`port` is the real one.

        On a service that is not started the server begins to listen with the start of the service.

        Raises:
            SystemCallError: The address cannot be had, for example because the port is in use.
            ResolverError: The name of the interface could not be resolved.
            StateError: The server is started already.
            TlsError: The context of an encrypted server lacks something.
        """
        key = next_key()
        _servers[key] = self
        handler = ctypes.byref(_native_handler(type(self)))
        if _library.server_start(self._handle, handler, key):
            try:
                raise last_error()
            finally:
                _servers.pop(key, None)

    def stop(self) -> None:
        """Stop listening and end all sessions with :attr:`Reason.SERVER_STOPPED`.

        This returns before the last callbacks were made.

        Raises:
            StateError: The server is not started.
        """
        check(_library.server_stop(self._handle))

    def restart(self) -> None:
        """Stop and start again.

        Raises:
            StateError: The server is not started.
        """
        check(_library.server_restart(self._handle))

    # All sessions

    def multicast(
        self,
        data: bytes | bytearray | memoryview,
        *,
        wanted: Callable[[SessionT], object] | None = None,
    ) -> None:
        """Send bytes to all sessions. They are copied once for all of them.

        Args:
            data: The bytes.
            wanted: Called with each session on this thread; those for which it returns something
                true get the bytes. If it raises, nobody does.

        Raises:
            StateError: The server is not started.
        """
        self._multicast(data, wanted)

    def _multicast(self, data: Any, wanted: Callable[[SessionT], object] | None) -> None:
        kind, encoded = self._encode(data)
        size = len(encoded)
        if wanted is None:
            check(_library.server_multicast_message(self._handle, kind, encoded, size))
            return
        # A copy, since sessions come and go meanwhile; it keeps the handles of the chosen ones.
        own: list[Any] = [
            connection
            for connection in connections.copy().values()
            if isinstance(connection, Session) and connection.server is self
        ]
        chosen = {session._handle for session in own if wanted(session)}
        choose = _library.SessionFilter(lambda _, handle: handle in chosen)
        check(_library.server_multicast_if(self._handle, kind, encoded, size, choose, None))

    def publish(self, topic: str, data: bytes | bytearray | memoryview) -> int:
        """Send bytes to the sessions that have subscribed to a topic, once to each.

        Returns:
            How many these are.

        Raises:
            ArgumentError: The topic is empty or has a "*".
            StateError: The server is not started.
        """
        return self._publish(topic, data)

    def _publish(self, topic: str, data: Any) -> int:
        return publish(_library.server_publish, self._handle, topic, self._encode(data))

    def disconnect_all(self) -> None:
        """Call ``disconnect()`` on all sessions. The server goes on listening.

        Raises:
            StateError: The server is not started.
        """
        check(_library.server_disconnect_all(self._handle))

    # State

    @property
    def service(self) -> Service:
        """The service that the server runs on."""
        return self._service

    @property
    def port(self) -> int:
        """The port that the server listens on, or the one that was given before the start.

        0 for a server without ports, on a Unix domain socket.
        """
        return _library.server_port(self._handle)

    @property
    def is_started(self) -> bool:
        """Whether the server works: from just before ``on_started`` to just before ``on_stopped``.

        :meth:`start` does not wait for that.
        """
        return _library.server_is_started(self._handle)

    @property
    def current_sessions(self) -> int:
        """Number of sessions now."""
        return _library.server_current_sessions(self._handle)

    @property
    def bytes_sent(self) -> int:
        """Bytes written by all sessions so far."""
        return _library.server_bytes_sent(self._handle)

    @property
    def bytes_received(self) -> int:
        """Bytes read by all sessions so far."""
        return _library.server_bytes_received(self._handle)

    def fileno(self) -> int:
        """Return the system's listening socket, which stays the library's; -1 when not started."""
        return _library.server_native_handle(self._handle)

    def set_option(self, option: Option, value: int) -> None:
        """Set an option to a value as in C, see :class:`Option`. It counts from the next start on.

        Raises:
            ArgumentError: The option is not one of servers, or the value is out of range.
        """
        check(_library.server_set_option(self._handle, Option(option), check_value(value)))

    def get_option(self, option: Option) -> int:
        """Return the value of an option as in C, see :class:`Option`.

        Raises:
            ArgumentError: The option is not one of servers.
        """
        value = ctypes.c_int64()
        check(_library.server_get_option(self._handle, Option(option), ctypes.byref(value)))
        return value.value

    # Callbacks

    def create_session(self) -> SessionT | None:
        """Return the session for a connection that was accepted; None refuses the connection.

        Override this for sessions whose constructor takes other arguments. An exception refuses
        the connection too.
        """
        return self.session_class(self)

    def on_started(self) -> None:
        """Called when the server listens."""

    def on_stopped(self) -> None:
        """Called when the server has stopped listening, before its sessions end."""

    def on_connected(self, session: SessionT) -> None:
        """Called when a session is connected, after the session's own callback."""

    def on_disconnected(self, session: SessionT, reason: Reason) -> None:
        """Called when a session has ended, after the session's own callback."""

    @base_implementation
    def on_error(self, error: CppServerError) -> None:
        """Called with an error of the server, for example of accept, or a callback's exception."""


class HostServer(Server[SessionT]):
    """A server of an address and a port. Base of the servers that are no :class:`UnixServer`."""

    def __init__(
        self,
        service: Service,
        address: str,
        port: int,
        *,
        session_class: type[SessionT] | None = None,
        **options: Unpack[ServerKeywords],
    ) -> None:
        """Make a server that is not started.

        Args:
            service: The service to run on.
            address: Numeric address or name of the interface to listen on; "::" and "0.0.0.0" stand
                for all.
            port: Port to listen on; 0 lets the system choose.
            session_class: Class of the sessions, instead of the class attribute.
            **options: Options by the names of the properties.

        Raises:
            ArgumentError: The address, the port or an option is not valid.
        """
        self._address = address
        self._port = port
        super().__init__(service, session_class=session_class, **options)

    def _create(self, service: int) -> int | None:
        return self._create_for(service, encode_address(self._address), check_port(self._port))

    def _create_for(self, service: int, address: bytes, port: int) -> int | None:
        """Return a new native server, or None with the last error."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """The address that was given to the constructor."""
        return self._address


_servers: dict[int, Server[Any]] = {}
_handlers: WeakKeyDictionary[type[Server[Any]], _library.ServerHandler] = WeakKeyDictionary()


@_library.Notify
def _started(key: int) -> None:
    server = _servers[key]
    try:
        server.on_started()
    except BaseException as exception:
        report(server, "on_started", exception)


@_library.Notify
def _stopped(key: int) -> None:
    server = _servers[key]
    try:
        server.on_stopped()
    except BaseException as exception:
        report(server, "on_stopped", exception)


@_library.NotifySession
def _session(key: int, handle: int, handler: int, user_data: int) -> bool:
    server = _servers[key]
    try:
        session = server.create_session()
        if session is None:
            return False
        if not isinstance(session, server._session_kind):
            kind = server._session_kind.__name__
            raise TypeError(f"a session is a {kind}, not {type(session).__name__}")
        session._attach(handle)
        native = connection_handler(type(session))
        number = next_key()
        # A library of an older minor version may have a shorter structure, and tells its size.
        room = ctypes.c_size_t.from_address(handler).value
        ctypes.memmove(handler, ctypes.addressof(native), min(room, ctypes.sizeof(native)))
        ctypes.c_void_p.from_address(user_data).value = number
    except BaseException as exception:
        report(server, "create_session", exception)
        return False
    connections[number] = session
    return True


@_library.NotifySessionConnected
def _connected(key: int, handle: int, number: int) -> None:
    server = _servers[key]
    try:
        server.on_connected(connections[number])
    except BaseException as exception:
        report(server, "on_connected", exception)


@_library.NotifySessionDisconnected
def _disconnected(key: int, handle: int, number: int, reason: int) -> None:
    server = _servers[key]
    try:
        server.on_disconnected(connections[number], Reason(reason))
    except BaseException as exception:
        report(server, "on_disconnected", exception)


@_library.NotifyError
def _error(key: int, code: int, category: bytes | None, message: bytes | None) -> None:
    server = _servers[key]
    try:
        server.on_error(native_error(code, category, message))
    except BaseException as exception:
        report(server, "on_error", exception)


@_library.Notify
def _destroy(key: int) -> None:
    _servers.pop(key, None)


def _native_handler(kind: type[Server[Any]]) -> _library.ServerHandler:
    """Return the native handler with the callbacks that a class overrides."""
    handler = _handlers.get(kind)
    if handler is None:
        handler = _library.ServerHandler(
            size=ctypes.sizeof(_library.ServerHandler), on_session=_session, destroy=_destroy
        )
        for name, function in {
            "on_started": _started,
            "on_stopped": _stopped,
            "on_connected": _connected,
            "on_disconnected": _disconnected,
            "on_error": _error,
        }.items():
            if overrides(kind, Server, name):
                setattr(handler, name, function)
        _handlers[kind] = handler
    return handler
