"""What all sockets of scalability protocols have: options, counters, arguments, errors."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    NotConnectedError,
    SpBlockedError,
    SpClosedError,
    SpError,
    SpFailure,
    SpTimeoutError,
    nano,
)
from helpers import DEADLINE, LoggingService
from nano_helpers import (
    connect,
    raises,
    wait_connections,
)

pytestmark = pytest.mark.usefixtures("shared_service")

ALL: list[type[nano.Socket]] = [
    nano.PairSocket,
    nano.PublisherSocket,
    nano.SubscriberSocket,
    nano.RequestSocket,
    nano.ReplySocket,
    nano.PushSocket,
    nano.PullSocket,
    nano.SurveyorSocket,
    nano.RespondentSocket,
    nano.BusSocket,
]

WITH_CONTEXTS = [
    nano.Protocol.REQUEST,
    nano.Protocol.REPLY,
    nano.Protocol.SURVEYOR,
    nano.Protocol.RESPONDENT,
]


# Options


def test_options_have_defaults_and_python_types() -> None:
    with nano.PairSocket() as pair:
        assert pair.linger == 1.0
        assert pair.send_buffer == pair.receive_buffer == 128 * 1024
        assert pair.send_messages == pair.receive_messages == 0
        assert pair.send_timeout is None
        assert pair.receive_timeout is None
        assert pair.reconnect_interval == 0.1
        assert pair.reconnect_interval_max == 0
        assert pair.send_priority == pair.receive_priority == 8
        assert pair.max_message_size == 1024 * 1024
        assert pair.max_hops == 8
        assert pair.resend_interval == 60.0
        assert pair.survey_deadline == 1.0
        assert pair.handshake_timeout == 10.0
        assert pair.no_delay is True


def test_options_are_keywords_properties_and_numbers() -> None:
    with nano.PairSocket(linger=2.5, send_timeout=None, receive_timeout=1, no_delay=False) as pair:
        assert (pair.linger, pair.send_timeout, pair.receive_timeout) == (2.5, None, 1.0)
        assert pair.no_delay is False
        pair.send_timeout = 0.25
        assert pair.get_option(nano.SpOption.SEND_TIMEOUT) == 250
        pair.set_option(nano.SpOption.SEND_TIMEOUT, -1)
        assert pair.send_timeout is None
        for option in nano.SpOption:
            assert hasattr(nano.PairSocket, option.name.lower())
            pair.set_option(option, pair.get_option(option))


def test_wrong_options() -> None:
    with nano.PairSocket() as pair:
        for name, value, error in (
            ("send_priority", 17, ArgumentError),
            ("send_priority", True, TypeError),
            ("max_hops", 0, ArgumentError),
            ("survey_deadline", 0.0, ArgumentError),
            ("linger", -1, ArgumentError),
            ("linger", "1", TypeError),
            ("no_delay", 1, TypeError),
        ):
            with pytest.raises(error):
                setattr(pair, name, value)
            with pytest.raises(error):
                options: dict[str, Any] = {name: value}
                nano.PairSocket(**options)
        with pytest.raises(ValueError, match="99"):
            pair.set_option(99, 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no option 'protocol'"):
        nano.PairSocket(protocol=1)  # type: ignore[call-arg]


# Sockets


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("kind", ALL)
def test_every_protocol(kind: type[nano.Socket], raw: bool) -> None:
    with kind(raw=raw) as socket:
        assert socket.protocol is kind.protocol
        assert socket.is_raw is raw
        assert not socket.is_closed
        assert socket.statistics == nano.Statistics(*[0] * 14)
        has_context = hasattr(socket, "context")
        assert has_context == (kind.protocol in WITH_CONTEXTS)
        if has_context and raw:
            with raises(SpFailure.NOT_SUPPORTED):
                socket.context()  # type: ignore[attr-defined]
    assert socket.is_closed
    assert {each.protocol for each in ALL} == set(nano.Protocol)


def test_what_makes_no_socket() -> None:
    with pytest.raises(TypeError, match="no protocol"):
        nano.Socket()
    with pytest.raises(TypeError, match="service"):
        nano.PairSocket(service="service")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="raw"):
        nano.PairSocket(raw=1)  # type: ignore[arg-type]


def test_ids_are_unique() -> None:
    with nano.PairSocket() as one, nano.PairSocket() as other:
        assert one.id != other.id


def test_a_socket_runs_on_the_service_that_it_is_given(service: LoggingService) -> None:
    with nano.PairSocket(service=service) as one, nano.PairSocket() as other:
        assert one.service is service
        assert other.service is not service
        connect(one, other)
        one.send(b"x")
        assert other.receive(timeout=DEADLINE) == b"x"
        service.stop()
        wait_connections(other, 0)


def test_what_can_be_sent() -> None:
    with nano.PairSocket() as one, nano.PairSocket() as other:
        connect(one, other, transport="inproc")
        for data in (b"x", bytearray(b"x"), memoryview(b"x")):
            one.send(data)
            assert other.receive() == b"x"
        for wrong in ("x", 5, None):
            with pytest.raises(TypeError):
                one.send(wrong)  # type: ignore[arg-type]
            with pytest.raises(TypeError):
                one.try_send(wrong)  # type: ignore[arg-type]


def test_counters_are_exact() -> None:
    with nano.PairSocket() as one, nano.PairSocket() as other:
        connect(one, other)
        for size in range(10):
            one.send(b"x" * size)
            other.receive(timeout=DEADLINE)
        here, there = one.statistics, other.statistics
        assert (here.accepted_connections, here.established_connections) == (1, 0)
        assert (there.accepted_connections, there.established_connections) == (0, 1)
        assert (here.messages_sent, here.bytes_sent, here.messages_received) == (10, 45, 0)
        assert (there.messages_received, there.bytes_received, there.messages_sent) == (10, 45, 0)
        assert here.current_connections == there.current_connections == 1
        other.close()
        wait_connections(one, 0)
        assert one.statistics.broken_connections == 1
        assert other.statistics.dropped_connections == 1
        assert other.statistics.messages_received == 10


# Errors


def test_errors_have_classes() -> None:
    error = SpError(SpFailure.WRONG_STATE, "sp", "text")
    assert (error.failure, error.category, str(error)) == (SpFailure.WRONG_STATE, "sp", "text")
    assert SpError(1, "sp", "text").failure is None
    assert issubclass(SpBlockedError, BlockingIOError)
    assert issubclass(SpTimeoutError, TimeoutError)
    assert issubclass(SpClosedError, NotConnectedError)
    copy = pickle.loads(pickle.dumps(SpTimeoutError(SpFailure.TIMED_OUT, "sp", "text")))
    assert type(copy) is SpTimeoutError
    assert copy.failure is SpFailure.TIMED_OUT
