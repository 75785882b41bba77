"""Callbacks of the sockets of scalability protocols: order, exceptions, reentrance, lifetime."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cppserver import (
    CppServerError,
    HandlerError,
    RefusedError,
    SpBlockedError,
    SpClosedError,
    SystemCallError,
    _sp_callbacks,
    _sp_transfer,
    nano,
)
from helpers import DEADLINE, Log, LoggingService, wait_until
from nano_helpers import (
    TRANSPORTS,
    EchoReply,
    EchoRespondent,
    InThread,
    LoggingPair,
    LoggingPull,
    LoggingPush,
    LoggingRequest,
    LoggingSurveyor,
    connect,
    dial,
    listen,
    wait_connections,
)

pytestmark = pytest.mark.usefixtures("shared_service")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_everything_is_told_in_order(transport: str) -> None:
    with LoggingPair() as pair:
        address = listen(pair, transport)
        with nano.PairSocket(linger=DEADLINE) as other:
            dial(other, address)
            for number in range(100):
                other.send(b"%d" % number)
        peer = pair.log.wait("disconnected")[1]
        assert not peer.dialed
        assert peer.address.split("://")[0] == transport
        messages = [("received", b"%d" % number) for number in range(100)]
        assert pair.log.events() == [("connected", peer), *messages, ("disconnected", peer)]
        assert pair.statistics.messages_received == 100


def test_who_dials_is_told_too() -> None:
    with LoggingPair() as pair, nano.PairSocket() as other:
        address = listen(other, "tcp")
        endpoint = pair.dial(address)
        assert pair.log.wait("connected")[1] == (endpoint.id, address, True)
        endpoint.close()
        assert pair.log.wait("disconnected")[1] == (endpoint.id, address, True)


def test_callbacks_answer() -> None:
    with EchoReply() as reply, LoggingRequest() as request:
        connect(reply, request)
        request.send(b"question")
        assert request.log.wait("received")[1] == b"question"
        assert reply.log.wait("received")[1] == b"question"


def test_callbacks_run_on_an_io_thread(service: LoggingService) -> None:
    threads: list[int] = []

    class Pair(LoggingPair):
        def on_received(self, data: bytes) -> None:
            threads.append(threading.get_ident())
            super().on_received(data)

    with Pair(service=service) as pair, nano.PairSocket(service=service) as other:
        connect(pair, other)
        other.send(b"x")
        pair.log.wait("received")
    assert threads == [service.log.events("thread_initialize")[0][1]]


def test_the_end_of_a_survey_is_told() -> None:
    with LoggingSurveyor(survey_deadline=0.05) as surveyor, EchoRespondent() as respondent:
        connect(surveyor, respondent, transport="inproc")
        surveyor.send(b"me")
        surveyor.log.wait("finished")
        names = surveyor.log.names()
        assert names[0] == "connected"
        assert names[-1] == "finished"
        assert surveyor.log.received() in (b"me", b"")


def test_a_send_that_was_refused_is_told_when_to_go_on() -> None:
    with LoggingPush() as push, nano.PullSocket() as pull:
        address = listen(pull, "tcp")
        push.listen("inproc://nobody-comes")
        assert not push.try_send(b"x")
        dial(push, address)
        push.log.wait("writable")
        assert push.try_send(b"x")


def test_failed_dials_are_told_once() -> None:
    with nano.PairSocket() as probe:
        address = listen(probe, "tcp")
    with LoggingPair(reconnect_interval=0.001) as pair:
        pair.dial(address)
        error = pair.log.wait("error")[1]
        assert isinstance(error, RefusedError)
        wait_until(lambda: pair.statistics.connect_errors > 3)
        assert len(pair.log.events("error")) == 1


def test_messages_wait_during_a_pause() -> None:
    with LoggingPull() as pull, nano.PushSocket() as push:
        pull.pause_receiving()
        connect(pull, push)
        pull.log.wait("connected")
        push.send(b"waits")
        # Who calls receives it all the same.
        assert pull.receive(timeout=DEADLINE) == b"waits"
        push.send(b"told")
        pull.resume_receiving()
        pull.log.wait("received", b"told")
        assert pull.log.received() == b"told"


def test_who_wants_no_messages_receives_them_by_calls() -> None:
    class Pull(nano.PullSocket):
        def on_connected(self, peer: nano.Peer) -> None:
            log.add("connected", peer)

    log = Log()
    with Pull() as pull, nano.PushSocket() as push:
        connect(pull, push)
        log.wait("connected")
        push.send(b"x")
        assert pull.receive(timeout=DEADLINE) == b"x"
        # There is nothing to resume: nobody is told of messages.
        pull.resume_receiving()
        push.send(b"y")
        assert pull.receive(timeout=DEADLINE) == b"y"


def test_a_device_receives_for_who_wants_no_messages() -> None:
    class Pair(nano.PairSocket):
        def on_connected(self, peer: nano.Peer) -> None:
            raise AssertionError(peer)

    with Pair(raw=True) as pair, nano.PairSocket() as other:
        address = listen(pair, "inproc")
        with nano.Device(pair, pair):
            dial(other, address)
            other.send(b"comes back")
            assert other.receive(timeout=DEADLINE) == b"comes back"


def test_raw_messages_are_told_with_their_headers() -> None:
    class Reply(nano.ReplySocket):
        def on_received_raw(self, message: nano.RawMessage) -> None:
            self.send_raw(nano.RawMessage(message.header, message.data[::-1]))

    with Reply(raw=True) as reply, nano.RequestSocket() as request:
        connect(reply, request)
        assert request.request(b"abc", timeout=DEADLINE) == b"cba"


# Exceptions


def test_exceptions_go_to_on_error() -> None:
    class Pair(LoggingPair):
        def on_received(self, data: bytes) -> None:
            raise ValueError(data.decode())

        def on_connected(self, peer: nano.Peer) -> None:
            raise KeyError(peer.endpoint)

    with Pair() as pair, nano.PairSocket() as other:
        connect(pair, other)
        first = pair.log.wait("error")[1]
        assert isinstance(first, HandlerError)
        assert "on_connected" in first.message
        assert isinstance(first.__cause__, KeyError)
        other.send(b"one")
        other.send(b"two")
        last = pair.log.wait("error", count=3)[1]
        assert "on_received raised ValueError: two" in last.message


@pytest.mark.parametrize(
    "name",
    ["on_received", "on_received_raw", "on_connected", "on_disconnected", "on_writable"],
)
def test_exceptions_without_on_error_go_to_the_hook(name: str, unraisable: Log) -> None:
    def fail(*_: object) -> None:
        raise ValueError(name)

    kind: Any = type("Pair", (nano.PairSocket,), {name: fail})
    with kind() as pair, nano.PairSocket() as other:
        pair.listen("inproc://nobody-comes")
        assert not pair.try_send(b"x")
        connect(pair, other)
        other.send(b"x")
        if not name.startswith("on_received"):
            assert pair.receive(timeout=DEADLINE) == b"x"
        other.close()
        unraisable.wait()
        assert {type(event[0]) for event in unraisable.events()} == {ValueError}
        assert f"Pair.{name}" in unraisable.events()[0][1].err_msg


def test_exceptions_at_the_end_of_a_survey(unraisable: Log) -> None:
    class Surveyor(nano.SurveyorSocket):
        def on_finished(self) -> None:
            raise ValueError("finished")

        def on_received(self, data: bytes) -> None:
            raise AssertionError(data)

    with Surveyor(survey_deadline=0.001) as surveyor:
        surveyor.listen("inproc://nobody-comes")
        surveyor.send(b"question")
        assert str(unraisable.wait()[0]) == "finished"


def test_an_exception_in_on_error_goes_to_the_hook(unraisable: Log) -> None:
    class Pair(nano.PairSocket):
        def on_error(self, error: CppServerError) -> None:
            raise ValueError("on_error")

    with nano.PairSocket() as probe:
        address = listen(probe, "tcp")
    with Pair() as pair:
        pair.dial(address)
        assert str(unraisable.wait()[0]) == "on_error"


# Inside callbacks


def test_nothing_blocks_in_a_callback() -> None:
    class Pull(LoggingPull):
        def on_received(self, data: bytes) -> None:
            for call in (
                self.receive,
                lambda: self.receive(timeout=10),
                lambda: lonely.send(b"x"),
                lambda: lonely.send_raw(nano.RawMessage((), b"x")),
                self.receive_raw,
                lambda: place.receive(timeout=10),
            ):
                try:
                    call()
                except SpBlockedError as error:
                    self.log.add("refused", str(error))
            assert self.try_receive() is None
            assert not lonely.try_send(b"x")

    with nano.PushSocket() as lonely, nano.ReplySocket() as reply:
        place = reply.context()
        with Pull() as pull, nano.PushSocket() as push:
            connect(pull, push)
            push.send(b"x")
            pull.log.wait("refused", count=6)
            assert all("I/O thread" in text for _, text in pull.log.events("refused"))


def test_a_callback_may_do_everything() -> None:
    class Pair(LoggingPair):
        def on_received(self, data: bytes) -> None:
            self.send(data.upper())
            assert self.statistics.messages_sent == 1
            self.linger = 2.0
            endpoint.close()
            with nano.PairSocket() as another:
                another.dial("inproc://nobody")
            assert self.close()
            assert not self.close()
            with pytest.raises(SpClosedError):
                self.send(data)
            super().on_received(data)

    with nano.PairSocket() as other:
        pair = Pair()
        endpoint = pair.listen("inproc://inside")
        other.dial("inproc://inside")
        other.send(b"hello")
        pair.log.wait("received")
        assert not pair.log.events("error")
        assert other.receive(timeout=DEADLINE) == b"HELLO"


def test_closing_while_a_callback_runs() -> None:
    entered, leave = threading.Event(), threading.Event()

    class Pull(nano.PullSocket):
        def on_received(self, data: bytes) -> None:
            entered.set()
            assert leave.wait(DEADLINE)

    pull = Pull()
    with nano.PushSocket() as push:
        connect(pull, push)
        push.send(b"x")
        assert entered.wait(DEADLINE)
        closing = InThread(pull.close)
        wait_until(lambda: pull.is_closed)
        leave.set()
        assert closing.join() is True


# Lifetime


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Switch the collector off: the end of the last reference must be the end of the object."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
class TestLifetime:
    def test_a_socket_closes_with_its_last_reference(self) -> None:
        pull = nano.PullSocket()
        with nano.PushSocket() as push:
            connect(pull, push)
            gone = weakref.ref(pull)
            del pull
            assert gone() is None
            wait_connections(push, 0)

    def test_a_socket_with_callbacks_lives_until_its_close(self) -> None:
        pair: Any = LoggingPair()
        log, gone = pair.log, weakref.ref(pair)
        address = listen(pair, "tcp")
        del pair
        with nano.PairSocket() as other:
            dial(other, address)
            other.send(b"x")
            log.wait("received", b"x")
            self.close(gone)
        wait_until(lambda: gone() is None)

    def close(self, reference: weakref.ref[Any]) -> None:
        pair = reference()
        assert pair is not None
        pair.close()

    def test_a_socket_with_callbacks_that_never_began_is_freed(self) -> None:
        gone = weakref.ref(LoggingPair())
        assert gone() is None

    def test_a_failed_listen_begins_it_nevertheless(self) -> None:
        with LoggingPair() as pair, nano.PairSocket() as other:
            address = listen(other, "inproc")
            with pytest.raises((CppServerError, SystemCallError)):
                pair.listen(address)
            assert pair in _sp_callbacks.sockets.values()
        wait_until(lambda: pair not in _sp_callbacks.sockets.values())

    def test_a_closed_socket_begins_nothing(self) -> None:
        pair: Any = LoggingPair()
        pair.close()
        gone = weakref.ref(pair)
        with pytest.raises(SpClosedError):
            pair.listen("inproc://closed")
        del pair
        assert gone() is None

    def test_contexts_endpoints_and_devices_are_freed(self) -> None:
        with nano.ReplySocket(raw=True) as front, nano.RequestSocket(raw=True) as back:
            with nano.ReplySocket() as reply:
                objects: list[weakref.ref[Any]] = [
                    weakref.ref(reply.context()),
                    weakref.ref(reply.listen("inproc://freed")),
                    weakref.ref(nano.Device(front, back)),
                ]
                assert [each() for each in objects] == [None] * 3

    def test_a_device_takes_the_place_of_callbacks(self) -> None:
        pair: Any = LoggingPair(raw=True)
        with nano.PairSocket() as other:
            address = listen(pair, "inproc")
            device = nano.Device(pair, pair)
            wait_until(lambda: pair not in _sp_callbacks.sockets.values())
            dial(other, address)
            other.send(b"comes back")
            assert other.receive(timeout=DEADLINE) == b"comes back"
            device.close()
        assert pair.log.events("received") == []

    def test_messages_leave_no_memory_behind(self) -> None:
        class Echo(nano.ReplySocket):
            def on_received(self, data: bytes) -> None:
                self.send(data)

        def ask(size: int, count: int) -> None:
            for _ in range(count):
                assert len(request.request(bytes(size), timeout=DEADLINE)) == size

        with Echo() as reply, nano.RequestSocket() as request:
            connect(reply, request, transport="inproc")
            ask(10, 50)
            blocks = sys.getallocatedblocks()
            ask(10, 1000)
            assert sys.getallocatedblocks() - blocks < 200
            assert len(_sp_transfer._boxes) <= 64
            ask(1_000_000, 20)
            memory = resident_bytes()
            ask(1_000_000, 300)
            assert resident_bytes() - memory < 100_000_000


def resident_bytes() -> int:
    """Return the memory of this process; 0 where that is not so easily asked for."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except FileNotFoundError:
        return 0
