"""Options of servers, clients and sessions, and the numbers that cross the border."""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable
from typing import Any, Generic, Self, TypedDict, TypeVar, overload

from . import _library
from ._errors import argument_error
from ._timer import milliseconds


class Reason(enum.IntEnum):
    """Why a connection ended."""

    LOCAL = 1
    """This side called ``disconnect()`` or ``disconnect_now()``."""
    PEER_CLOSED = 2
    """The peer closed the connection."""
    ERROR = 3
    """An error, which ``on_error`` was told before."""
    TIMEOUT = 4
    """A connect, idle or close deadline passed."""
    LIMIT = 5
    """A send, receive or session limit was exceeded."""
    SERVER_STOPPED = 6
    """The server stopped."""
    SERVICE_STOPPED = 7
    """The service stopped."""
    TRUNCATED = 8
    """The peer closed an encrypted or WebSocket connection without a word; data may be cut."""

    @classmethod
    def _missing_(cls, value: object) -> Reason:
        """Take a reason of a newer library for an error, rather than fail in a callback."""
        return cls.ERROR

    @property
    def text(self) -> str:
        """The reason in words."""
        return (_library.reason_text(self) or b"").decode("utf-8", "replace")


class Kind(enum.IntEnum):
    """What a piece of data is: bytes of a stream, or a WebSocket message."""

    BYTES = 0
    TEXT = 1
    BINARY = 2
    PING = 3
    PONG = 4


class SendPolicy(enum.IntEnum):
    """What happens to a send that would exceed the send limit."""

    REFUSE = 0
    """It raises :class:`LimitError`; the connection goes on."""
    DISCONNECT = 1
    """The connection ends with :attr:`Reason.LIMIT`."""
    DROP_OLDEST = 2
    """What waits longest is dropped to make room."""


class Option(enum.IntEnum):
    """Number of an option, for ``set_option`` and ``get_option``.

    The values are those of C: flags are 0 or 1, deadlines are milliseconds, the times of keep-alive
    and linger are seconds. The properties with the names of the options use Python's types instead.
    """

    NO_DELAY = 1
    KEEP_ALIVE = 2
    KEEP_ALIVE_IDLE = 3
    KEEP_ALIVE_INTERVAL = 4
    KEEP_ALIVE_COUNT = 5
    REUSE_ADDRESS = 6
    REUSE_PORT = 7
    DUAL_STACK = 8
    SEND_BUFFER = 9
    RECEIVE_BUFFER = 10
    BACKLOG = 11
    LINGER = 12
    CONNECT_TIMEOUT = 13
    IDLE_TIMEOUT = 14
    CLOSE_TIMEOUT = 15
    SESSION_LIMIT = 16
    SESSION_LIMIT_PER_ADDRESS = 17
    SEND_LIMIT = 18
    SEND_POLICY = 19
    RECEIVE_LIMIT = 20
    HANDSHAKE_TIMEOUT = 21
    BROADCAST = 22
    TIME_TO_LIVE = 23
    MULTICAST_TIME_TO_LIVE = 24
    MULTICAST_LOOP = 25
    DATAGRAM_LIMIT = 26
    ANY_PEER = 27
    PING_INTERVAL = 28
    MESSAGE_LIMIT = 29
    FRAME_LIMIT = 30
    FRAGMENT_LIMIT = 31
    CONTROL_FRAMES = 32
    DEFLATE = 33
    DEFLATE_TAKEOVER = 34
    DEFLATE_WINDOW_BITS = 35
    DEFLATE_LEVEL = 36
    DEFLATE_THRESHOLD = 37


SYSTEM_DEFAULTS = frozenset(
    {
        Option.KEEP_ALIVE_IDLE,
        Option.KEEP_ALIVE_INTERVAL,
        Option.KEEP_ALIVE_COUNT,
        Option.SEND_BUFFER,
        Option.RECEIVE_BUFFER,
    }
)
"""Options whose value 0 stands for what the system does by itself."""

LIVE_OPTIONS = SYSTEM_DEFAULTS | {Option.NO_DELAY, Option.KEEP_ALIVE, Option.LINGER}
"""Options that can be set on an open connection."""


def check_value(value: Any) -> int:
    """Return an option's value, or raise: ctypes itself would cut the number to 64 bits."""
    number = operator.index(value)
    if not -(2**63) <= number < 2**63:
        raise argument_error(f"an option's value has 64 bits, which {number} exceeds")
    return number


class HasOptions:
    """An object with options, which are numbers of one enumeration."""

    def set_option(self, option: Any, value: int) -> None:
        """Set an option to a value as in C."""
        raise NotImplementedError

    def get_option(self, option: Any) -> int:
        """Return the value of an option as in C."""
        raise NotImplementedError

    def _apply(self, options: Any) -> None:
        """Set the options that a constructor got as keyword arguments."""
        for name, value in options.items():
            if not isinstance(getattr(type(self), name, None), OptionProperty):
                raise TypeError(f"{type(self).__name__} has no option {name!r}")
            setattr(self, name, value)


_Value = TypeVar("_Value")


class OptionProperty(Generic[_Value]):
    """A property that is an option in Python's types."""

    def __init__(
        self,
        option: enum.IntEnum,
        encode: Callable[[_Value, str], int],
        decode: Callable[[int], _Value],
        documentation: str,
    ) -> None:
        """Describe the option and how its values cross the border."""
        self._option = option
        self._name = option.name.lower()
        self._encode = encode
        self._decode = decode
        self.__doc__ = documentation

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...

    @overload
    def __get__(self, instance: HasOptions, owner: type[Any]) -> _Value: ...

    def __get__(self, instance: HasOptions | None, owner: type[Any]) -> Self | _Value:
        """Return the value."""
        if instance is None:
            return self
        return self._decode(instance.get_option(self._option))

    def __set__(self, instance: HasOptions, value: _Value) -> None:
        """Set the value."""
        instance.set_option(self._option, self._encode(value, self._name))


def encode_flag(value: bool, name: str) -> int:
    """Return a flag as a number, or raise."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} is a bool, not {type(value).__name__}")
    return int(value)


def encode_number(value: int, name: str) -> int:
    """Return a number, or raise."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is an int, not {type(value).__name__}")
    return value


def _encode_policy(value: SendPolicy, name: str) -> int:
    if not isinstance(value, SendPolicy):
        raise TypeError(f"{name} is a SendPolicy, not {type(value).__name__}")
    return value


def _flag(option: Option, documentation: str) -> OptionProperty[bool]:
    return OptionProperty(option, encode_flag, bool, documentation)


def _number(option: Option, documentation: str) -> OptionProperty[int]:
    return OptionProperty(option, encode_number, int, documentation)


def _seconds(option: Option, documentation: str) -> OptionProperty[float]:
    return OptionProperty(option, milliseconds, lambda value: value / 1000, documentation)


class ConnectionOptions(HasOptions):
    """Options of servers, for their sessions, and of clients. They count from the next start on."""

    no_delay = _flag(Option.NO_DELAY, "Send small pieces at once (TCP_NODELAY). Default True.")
    keep_alive = _flag(
        Option.KEEP_ALIVE, "Probe silent peers. Default False for servers and True for clients."
    )
    keep_alive_idle = _number(
        Option.KEEP_ALIVE_IDLE, "Seconds of silence before the first probe; 0: the system's own."
    )
    keep_alive_interval = _number(
        Option.KEEP_ALIVE_INTERVAL, "Seconds between probes; 0: the system's own."
    )
    keep_alive_count = _number(
        Option.KEEP_ALIVE_COUNT, "Unanswered probes that end a connection; 0: the system's own."
    )
    send_buffer = _number(
        Option.SEND_BUFFER, "Bytes of the system's send buffer; 0: the system's own."
    )
    receive_buffer = _number(
        Option.RECEIVE_BUFFER, "Bytes of the system's receive buffer; 0: the system's own."
    )
    linger = _number(
        Option.LINGER,
        "Seconds a closed connection is kept for its peer to take the last bytes; -1: the close"
        " timeout, the default; 0: reset on close.",
    )
    idle_timeout = _seconds(
        Option.IDLE_TIMEOUT, "Seconds without a byte that end a connection. Default 0: none."
    )
    close_timeout = _seconds(
        Option.CLOSE_TIMEOUT, "Seconds that disconnect() goes on writing. Default 5."
    )
    send_limit = _number(
        Option.SEND_LIMIT, "Bytes that may wait per connection. Default 16 MiB; 0: no limit."
    )
    send_policy: OptionProperty[SendPolicy] = OptionProperty(
        Option.SEND_POLICY, _encode_policy, SendPolicy, "What a send beyond the limit does."
    )
    receive_limit = _number(
        Option.RECEIVE_LIMIT,
        "Bytes that on_received may leave unhandled. Default 16 MiB; 0: no limit.",
    )
    handshake_timeout = _seconds(
        Option.HANDSHAKE_TIMEOUT,
        "Seconds for the handshake of an encrypted or WebSocket connection. Default 10; 0: no"
        " limit.",
    )


class ListenOptions(ConnectionOptions):
    """Options of servers."""

    reuse_address = _flag(
        Option.REUSE_ADDRESS, "Take an address whose old connections linger. Default True."
    )
    reuse_port = _flag(
        Option.REUSE_PORT, "Share the port with other listeners that do so too. Default False."
    )
    dual_stack = _flag(Option.DUAL_STACK, "Take IPv4 on the address '::' too. Default True.")
    backlog = _number(Option.BACKLOG, "Connections the system may hold ready. Default 4096.")
    session_limit = _number(Option.SESSION_LIMIT, "Most sessions at a time. Default 0: no limit.")
    session_limit_per_address = _number(
        Option.SESSION_LIMIT_PER_ADDRESS, "Most sessions of one peer address. Default 0: no limit."
    )


class ConnectOptions(ConnectionOptions):
    """Options of clients."""

    connect_timeout = _seconds(
        Option.CONNECT_TIMEOUT, "Seconds that a connect may take. Default 30; 0: the system's own."
    )


class MessageOptions(HasOptions):
    """Options of WebSocket servers, for their sessions, and of WebSocket clients."""

    ping_interval = _seconds(
        Option.PING_INTERVAL,
        "Seconds of silence after which the peer is pinged; as long again without a sign of life"
        " end the connection, unless it pauses reading. Default 0: never.",
    )
    message_limit = _number(
        Option.MESSAGE_LIMIT,
        "Bytes of a message that the peer may send, decompressed. Default 16 MiB; 0: no limit.",
    )
    frame_limit = _number(
        Option.FRAME_LIMIT,
        "Bytes of a frame that the peer may send. Default 0: as many as of a message.",
    )
    fragment_limit = _number(
        Option.FRAGMENT_LIMIT,
        "Frames of one message that the peer may send. Default 1000000; 0: no limit.",
    )
    control_frames = _flag(
        Option.CONTROL_FRAMES, "Call on_ping and on_pong. Pings are answered anyway. Default False."
    )
    deflate = _flag(
        Option.DEFLATE,
        "Compress messages if the peer can, too (permessage-deflate, RFC 7692). Default False.",
    )
    deflate_takeover = _flag(
        Option.DEFLATE_TAKEOVER,
        "Let compressed messages refer to earlier ones: smaller, for some 300 KiB of memory per"
        " connection. Default False.",
    )
    deflate_window_bits = _number(
        Option.DEFLATE_WINDOW_BITS,
        "How far compressed messages may refer back, as a power of two from 9 to 15. Default 15.",
    )
    deflate_level = _number(
        Option.DEFLATE_LEVEL, "From 1, the fastest and the default, to 9, the smallest."
    )
    deflate_threshold = _number(
        Option.DEFLATE_THRESHOLD, "Smaller messages are not compressed. Default 256 bytes."
    )


class DatagramOptions(HasOptions):
    """Options of everything that sends and receives datagrams.

    Buffers, broadcast, times to live, the multicast loop and the send limit and policy count at
    once, the others from the next start on.
    """

    reuse_address = _flag(
        Option.REUSE_ADDRESS,
        "Share the port with others that do so too; each gets the datagrams of its groups. Default"
        " False.",
    )
    reuse_port = _flag(
        Option.REUSE_PORT,
        "Share the port with others that do so too; each gets a part of the senders. Default"
        " False.",
    )
    dual_stack = _flag(Option.DUAL_STACK, "Take IPv4 on the address '::' too. Default True.")
    send_buffer = _number(
        Option.SEND_BUFFER, "Bytes of the system's send buffer; 0: the system's own."
    )
    receive_buffer = _number(
        Option.RECEIVE_BUFFER,
        "Bytes of the system's receive buffer, which loses what does not fit; 0: the system's own.",
    )
    close_timeout = _seconds(
        Option.CLOSE_TIMEOUT, "Seconds that an end goes on sending what waits. Default 5."
    )
    send_limit = _number(
        Option.SEND_LIMIT,
        "Bytes that may wait to be sent, some 40 more for each datagram. Default 16 MiB; 0: no"
        " limit.",
    )
    send_policy: OptionProperty[SendPolicy] = OptionProperty(
        Option.SEND_POLICY, _encode_policy, SendPolicy, "What a send beyond the limit does."
    )
    broadcast = _flag(Option.BROADCAST, "Allow sends to broadcast addresses. Default False.")
    time_to_live = _number(
        Option.TIME_TO_LIVE, "Routers that a datagram may pass. Default 0: the system's own."
    )
    multicast_time_to_live = _number(
        Option.MULTICAST_TIME_TO_LIVE,
        "Routers that a datagram to a group may pass. Default 1: it stays in the own network.",
    )
    multicast_loop = _flag(
        Option.MULTICAST_LOOP, "Let this machine hear its own multicasts. Default True."
    )
    datagram_limit = _number(
        Option.DATAGRAM_LIMIT,
        "Bytes of a received datagram that are delivered; the rest is cut off. Default 65535: all.",
    )


class DatagramClientOptions(DatagramOptions):
    """Options of clients that send datagrams."""

    connect_timeout = _seconds(
        Option.CONNECT_TIMEOUT, "Seconds to resolve the host's name. Default 30; 0: no limit."
    )
    any_peer = _flag(
        Option.ANY_PEER,
        "Take datagrams from anybody and send to anybody, instead of the server alone. Default"
        " False.",
    )


class _ConnectionKeywords(TypedDict, total=False):
    no_delay: bool
    keep_alive: bool
    keep_alive_idle: int
    keep_alive_interval: int
    keep_alive_count: int
    send_buffer: int
    receive_buffer: int
    linger: int
    idle_timeout: float
    close_timeout: float
    send_limit: int
    send_policy: SendPolicy
    receive_limit: int
    handshake_timeout: float


class ServerKeywords(_ConnectionKeywords, total=False):
    """Options of a server as keyword arguments, see :class:`ListenOptions`."""

    reuse_address: bool
    reuse_port: bool
    dual_stack: bool
    backlog: int
    session_limit: int
    session_limit_per_address: int


class ClientKeywords(_ConnectionKeywords, total=False):
    """Options of a client as keyword arguments, see :class:`ConnectOptions`."""

    connect_timeout: float


class _MessageKeywords(TypedDict, total=False):
    ping_interval: float
    message_limit: int
    frame_limit: int
    fragment_limit: int
    control_frames: bool
    deflate: bool
    deflate_takeover: bool
    deflate_window_bits: int
    deflate_level: int
    deflate_threshold: int


class WebSocketServerKeywords(ServerKeywords, _MessageKeywords, total=False):
    """Options of a WebSocket server as keyword arguments, see :class:`MessageOptions` too."""


class WebSocketClientKeywords(ClientKeywords, _MessageKeywords, total=False):
    """Options of a WebSocket client as keyword arguments, see :class:`MessageOptions` too."""


class DatagramKeywords(TypedDict, total=False):
    """Options of a UDP server as keyword arguments, see :class:`DatagramOptions`."""

    reuse_address: bool
    reuse_port: bool
    dual_stack: bool
    send_buffer: int
    receive_buffer: int
    close_timeout: float
    send_limit: int
    send_policy: SendPolicy
    broadcast: bool
    time_to_live: int
    multicast_time_to_live: int
    multicast_loop: bool
    datagram_limit: int


class DatagramClientKeywords(DatagramKeywords, total=False):
    """Options of a UDP client as keyword arguments, see :class:`DatagramClientOptions`."""

    connect_timeout: float
    any_peer: bool
