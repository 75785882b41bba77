"""Roles and options of the sockets of scalability protocols, and what they count."""

from __future__ import annotations

import enum
from typing import NamedTuple, TypedDict

from ._options import HasOptions, OptionProperty, encode_flag, encode_number
from ._timer import milliseconds


class Protocol(enum.IntEnum):
    """The role that a socket plays in a pattern. The numbers are those of the wire."""

    PAIR = 16
    PUBLISHER = 32
    SUBSCRIBER = 33
    REQUEST = 48
    REPLY = 49
    PUSH = 80
    PULL = 81
    SURVEYOR = 98
    RESPONDENT = 99
    BUS = 112


class SpOption(enum.IntEnum):
    """Number of an option, for ``set_option`` and ``get_option``.

    The values are those of C: flags are 0 or 1, times are milliseconds. The properties with the
    names of the options use Python's types instead.
    """

    LINGER = 1
    SEND_BUFFER = 2
    RECEIVE_BUFFER = 3
    SEND_MESSAGES = 4
    RECEIVE_MESSAGES = 5
    SEND_TIMEOUT = 6
    RECEIVE_TIMEOUT = 7
    RECONNECT_INTERVAL = 8
    RECONNECT_INTERVAL_MAX = 9
    SEND_PRIORITY = 10
    RECEIVE_PRIORITY = 11
    MAX_MESSAGE_SIZE = 12
    MAX_HOPS = 13
    RESEND_INTERVAL = 14
    SURVEY_DEADLINE = 15
    HANDSHAKE_TIMEOUT = 16
    NO_DELAY = 17


class Statistics(NamedTuple):
    """What a socket has counted since it was made, all of the same moment.

    Messages and bytes count when a call or a callback has succeeded: once for each message, however
    many peers get it, and only the bytes of its body.
    """

    established_connections: int
    """Connections that this socket made by dialing."""
    accepted_connections: int
    """Connections that this socket accepted by listening."""
    dropped_connections: int
    """Connections that this side ended, or that the pattern has no place for."""
    broken_connections: int
    """Connections that the peer or the network ended."""
    connect_errors: int
    """Dials that failed; each is tried again."""
    bind_errors: int
    """Listens that failed."""
    accept_errors: int
    """Connections that could not be accepted."""
    current_connections: int
    """Connections that there are now."""
    messages_sent: int
    """Messages that were sent."""
    messages_received: int
    """Messages that were received."""
    bytes_sent: int
    """Bytes of the messages that were sent."""
    bytes_received: int
    """Bytes of the messages that were received."""
    messages_dropped: int
    """Messages that went nowhere: no room at a peer, an answer too late, a header that is none."""
    messages_undelivered: int
    """Messages that were accepted and not delivered: a broken connection, the end of linger."""


class Peer(NamedTuple):
    """The other end of a connection."""

    endpoint: int
    """The :attr:`Endpoint.id` of the endpoint that the connection belongs to."""
    address: str
    """Where the endpoint listens, or what it has dialed."""
    dialed: bool
    """Whether this side has dialed."""


class RawMessage(NamedTuple):
    """A message of a raw socket."""

    header: tuple[int, ...]
    """Numbers in front of the message: where it came from, its hops, the question it is about."""
    data: bytes


def _flag(option: SpOption, documentation: str) -> OptionProperty[bool]:
    return OptionProperty(option, encode_flag, bool, documentation)


def _number(option: SpOption, documentation: str) -> OptionProperty[int]:
    return OptionProperty(option, encode_number, int, documentation)


def _seconds(option: SpOption, documentation: str) -> OptionProperty[float]:
    return OptionProperty(option, milliseconds, lambda value: value / 1000, documentation)


def _encode_timeout(value: float | None, name: str) -> int:
    return -1 if value is None else milliseconds(value, name)


def _decode_timeout(value: int) -> float | None:
    return None if value < 0 else value / 1000


def _timeout(option: SpOption, documentation: str) -> OptionProperty[float | None]:
    return OptionProperty(option, _encode_timeout, _decode_timeout, documentation)


class SocketOptions(HasOptions):
    """Options of sockets.

    Those about connections count for the ones that are made after the change, the others at once.
    """

    linger = _seconds(
        SpOption.LINGER, "Seconds that a close delivers what was sent before. Default 1."
    )
    send_buffer = _number(
        SpOption.SEND_BUFFER,
        "Bytes that may wait in one connection to be sent; a message that passes the limit is the"
        " last one. Default 128 KiB.",
    )
    receive_buffer = _number(
        SpOption.RECEIVE_BUFFER,
        "Bytes that may wait in one connection to be received; then its peer has to wait. Default"
        " 128 KiB.",
    )
    send_messages = _number(
        SpOption.SEND_MESSAGES, "The same limit for sending in messages. Default 0: none."
    )
    receive_messages = _number(
        SpOption.RECEIVE_MESSAGES, "The same limit for receiving in messages. Default 0: none."
    )
    send_timeout = _timeout(
        SpOption.SEND_TIMEOUT,
        "Seconds that a send without a timeout of its own blocks. Default None: as long as it"
        " takes.",
    )
    receive_timeout = _timeout(
        SpOption.RECEIVE_TIMEOUT,
        "Seconds that a receive without a timeout of its own blocks. Default None: as long as it"
        " takes.",
    )
    reconnect_interval = _seconds(
        SpOption.RECONNECT_INTERVAL,
        "Seconds until a connection that failed or was lost is dialed again. Default 0.1.",
    )
    reconnect_interval_max = _seconds(
        SpOption.RECONNECT_INTERVAL_MAX,
        "The interval doubles with each failure up to this one. Default 0: it stays the same.",
    )
    send_priority = _number(
        SpOption.SEND_PRIORITY,
        "1 to 16 for the connections to come: who sends to one of many takes those with the lowest"
        " number as long as they accept messages. Default 8.",
    )
    receive_priority = _number(
        SpOption.RECEIVE_PRIORITY, "1 to 16, the same for receiving. Default 8."
    )
    max_message_size = _number(
        SpOption.MAX_MESSAGE_SIZE,
        "Bytes of the largest message that is received; one more ends the connection. Default"
        " 1 MiB; 0: no limit.",
    )
    max_hops = _number(
        SpOption.MAX_HOPS, "Devices that a question may go through, 1 to 255. Default 8."
    )
    resend_interval = _seconds(
        SpOption.RESEND_INTERVAL,
        "Seconds until a request without an answer is sent again. Default 60; 0: never.",
    )
    survey_deadline = _seconds(
        SpOption.SURVEY_DEADLINE, "Seconds that answers to a survey are taken. Default 1."
    )
    handshake_timeout = _seconds(
        SpOption.HANDSHAKE_TIMEOUT,
        "Seconds that a new connection may take to say what it speaks. Default 10; 0: no limit.",
    )
    no_delay = _flag(
        SpOption.NO_DELAY, "Send small messages over TCP at once (TCP_NODELAY). Default True."
    )


class SocketKeywords(TypedDict, total=False):
    """Options of a socket as keyword arguments, see :class:`SocketOptions`."""

    linger: float
    send_buffer: int
    receive_buffer: int
    send_messages: int
    receive_messages: int
    send_timeout: float | None
    receive_timeout: float | None
    reconnect_interval: float
    reconnect_interval_max: float
    send_priority: int
    receive_priority: int
    max_message_size: int
    max_hops: int
    resend_interval: float
    survey_deadline: float
    handshake_timeout: float
    no_delay: bool
