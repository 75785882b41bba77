"""The sockets of the scalability protocols: patterns, transports, options, errors, the end."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    DeadlineError,
    NotConnectedError,
    SpBlockedError,
    SpClosedError,
    SpError,
    SpFailure,
    SpTimeoutError,
    SystemCallError,
    TlsContext,
    nano,
)
from helpers import DEADLINE, LoggingService, wait_until
from nano_helpers import (
    TRANSPORTS,
    InThread,
    connect,
    dial,
    listen,
    raises,
    unused,
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

every_transport = pytest.mark.parametrize("transport", [*TRANSPORTS, "tls+tcp", "wss"])


# Patterns


@every_transport
def test_a_pair_talks_both_ways(transport: str) -> None:
    with nano.PairSocket() as one, nano.PairSocket() as other:
        connect(one, other, transport=transport)
        one.send(b"there")
        assert other.receive(timeout=DEADLINE) == b"there"
        other.send(b"and back")
        assert one.receive(timeout=DEADLINE) == b"and back"
        one.send(b"")
        assert other.receive(timeout=DEADLINE) == b""
        large = bytes(range(256)) * 3000
        other.send(large)
        assert one.receive(timeout=DEADLINE) == large


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_requests_are_answered(transport: str) -> None:
    with nano.ReplySocket() as reply, nano.RequestSocket() as request:
        connect(reply, request, transport=transport)
        request.send(b"question")
        assert reply.receive(timeout=DEADLINE) == b"question"
        reply.send(b"answer")
        assert request.receive(timeout=DEADLINE) == b"answer"
        answering = InThread(lambda: reply.send(reply.receive(timeout=DEADLINE)[::-1]))
        assert request.request(b"abc", timeout=DEADLINE) == b"cba"
        answering.join()


def test_the_order_of_questions_and_answers_is_kept() -> None:
    with nano.ReplySocket() as reply, nano.RequestSocket() as request:
        with raises(SpFailure.WRONG_STATE, "receive one first"):
            reply.send(b"to nothing")
        with raises(SpFailure.WRONG_STATE, "send a request"):
            request.receive()
        with raises(SpFailure.WRONG_STATE):
            request.try_receive()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_work_is_shared_out(transport: str) -> None:
    with nano.PushSocket() as push, nano.PullSocket() as one, nano.PullSocket() as other:
        connect(push, one, other, transport=transport)
        for number in range(10):
            push.send(b"%d" % number)
        each = [sorted(pull.receive(timeout=DEADLINE) for _ in range(5)) for pull in (one, other)]
        assert sorted(each[0] + each[1]) == [b"%d" % number for number in range(10)]


def test_sockets_that_only_send_or_receive() -> None:
    with nano.PushSocket() as push, nano.PullSocket() as pull:
        with raises(SpFailure.NOT_SUPPORTED):
            push.receive()
        with raises(SpFailure.NOT_SUPPORTED):
            push.try_receive()
        with raises(SpFailure.NOT_SUPPORTED):
            pull.send(b"x")
        with raises(SpFailure.NOT_SUPPORTED):
            pull.try_send(b"x")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_subscribers_get_what_begins_with_their_topics(transport: str) -> None:
    with nano.PublisherSocket() as publisher, nano.SubscriberSocket() as subscriber:
        subscriber.subscribe("weather")
        subscriber.subscribe(b"\xff")
        connect(publisher, subscriber, transport=transport)
        for data in (b"sports", b"weather: rain", b"weath", b"\xff\x00", b"weather: sun"):
            publisher.send(data)
        assert subscriber.receive(timeout=DEADLINE) == b"weather: rain"
        assert subscriber.receive(timeout=DEADLINE) == b"\xff\x00"
        assert subscriber.receive(timeout=DEADLINE) == b"weather: sun"
        subscriber.unsubscribe("weather")
        publisher.send(b"weather: snow")
        publisher.send(b"\xff\x01")
        assert subscriber.receive(timeout=DEADLINE) == b"\xff\x01"
        with pytest.raises(ArgumentError):
            subscriber.unsubscribe("weather")
        subscriber.subscribe(memoryview(b""))
        publisher.send(b"anything")
        assert subscriber.receive(timeout=DEADLINE) == b"anything"
        with pytest.raises(TypeError):
            subscriber.subscribe(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_everybody_answers_a_survey(transport: str) -> None:
    with nano.SurveyorSocket() as surveyor, nano.RespondentSocket() as one:
        with nano.RespondentSocket() as other:
            connect(surveyor, one, other, transport=transport)
            surveyor.survey_deadline = DEADLINE
            surveyor.send(b"who is there?")
            for respondent, answer in ((one, b"one"), (other, b"other")):
                assert respondent.receive(timeout=DEADLINE) == b"who is there?"
                respondent.send(answer)
            answers = {surveyor.receive(timeout=DEADLINE), surveyor.receive_answer()}
            assert answers == {b"one", b"other"}
            assert surveyor.try_receive_answer() == (None, False)
            with pytest.raises(SpBlockedError):
                surveyor.receive_answer(timeout=0)


def test_a_survey_ends() -> None:
    with nano.SurveyorSocket(survey_deadline=0.001) as surveyor:
        with raises(SpFailure.WRONG_STATE, "no survey"):
            surveyor.receive()
        surveyor.send(b"is anybody there?")
        with pytest.raises(SpTimeoutError, match="deadline of the survey"):
            surveyor.receive(timeout=DEADLINE)
        with raises(SpFailure.WRONG_STATE):
            surveyor.receive()
        surveyor.send(b"is anybody there?")
        assert surveyor.receive_answer(timeout=DEADLINE) is None
        surveyor.send(b"is anybody there?")
        wait_until(lambda: surveyor.try_receive_answer() == (None, True))
        assert list(surveyor.survey(b"is anybody there?")) == []


def test_a_survey_outlasts_the_timeout_of_a_call() -> None:
    with nano.SurveyorSocket(survey_deadline=DEADLINE) as surveyor:
        surveyor.send(b"question")
        with pytest.raises(SpTimeoutError, match=r"within 0\.001 seconds"):
            surveyor.receive(timeout=0.001)
        with pytest.raises(SpTimeoutError, match=r"within 0\.001 seconds"):
            surveyor.receive_answer(timeout=0.001)
        assert surveyor.try_receive_answer() == (None, False)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_bus_reaches_all_neighbours(transport: str) -> None:
    with nano.BusSocket() as center, nano.BusSocket() as one, nano.BusSocket() as other:
        connect(center, one, other, transport=transport)
        center.send(b"to all")
        assert one.receive(timeout=DEADLINE) == other.receive(timeout=DEADLINE) == b"to all"
        one.send(b"to the center")
        assert center.receive(timeout=DEADLINE) == b"to the center"
        assert other.try_receive() is None
        assert one.try_receive() is None


# Contexts


def test_contexts_ask_at_the_same_time() -> None:
    with nano.ReplySocket() as reply, nano.RequestSocket() as request:
        connect(reply, request)
        contexts = [request.context() for _ in range(3)]
        for number, context in enumerate(contexts):
            context.send(b"%d" % number)
            assert context.socket is request
        places = [reply.context() for _ in range(3)]
        questions = [place.receive(timeout=DEADLINE) for place in places]
        for place, question in zip(places, questions, strict=True):
            assert place.socket is reply
            place.send(question + question)
        for number, context in reversed(list(enumerate(contexts))):
            assert context.receive(timeout=DEADLINE) == b"%d%d" % (number, number)
        with raises(SpFailure.WRONG_STATE):
            contexts[0].receive()
        with raises(SpFailure.WRONG_STATE):
            places[0].send(b"again")
        assert places[0].try_receive() is None
        with pytest.raises(SpTimeoutError):
            places[0].receive(timeout=0.001)
        with pytest.raises(SpBlockedError):
            places[0].receive(timeout=0)
        reply.receive_timeout = 0.001
        with pytest.raises(SpTimeoutError):
            places[0].receive()
        with pytest.raises(SpTimeoutError):
            InThread(places[0].receive).join()


def test_a_large_question_of_a_context() -> None:
    with nano.ReplySocket() as reply, nano.RequestSocket() as request:
        connect(reply, request)
        answering = InThread(lambda: reply.send(reply.receive(timeout=DEADLINE)))
        large = b"x" * 500_000
        assert request.context().request(bytearray(large), timeout=DEADLINE) == large
        answering.join()


def test_contexts_make_surveys() -> None:
    with nano.SurveyorSocket() as surveyor, nano.RespondentSocket() as respondent:
        connect(surveyor, respondent)
        surveyor.survey_deadline = DEADLINE
        one, other = surveyor.context(), surveyor.context()
        one.send(b"1")
        other.send(b"2")
        for _ in range(2):
            place = respondent.context()
            place.send(place.receive(timeout=DEADLINE) * 2)
        assert one.receive(timeout=DEADLINE) == b"11"
        assert other.receive_answer(timeout=DEADLINE) == b"22"
        surveyor.survey_deadline = 0.001
        assert list(one.survey(b"quickly")) == []


def test_a_context_that_is_gone_has_given_up() -> None:
    with nano.ReplySocket() as reply, nano.RequestSocket() as request:
        connect(reply, request)
        context = request.context()
        context.send(b"question")
        assert reply.receive(timeout=DEADLINE) == b"question"
        del context
        reply.send(b"too late")
        wait_until(lambda: request.statistics.messages_dropped == 1)


def test_a_context_keeps_its_socket() -> None:
    reply = nano.ReplySocket()
    with nano.RequestSocket() as request:
        connect(reply, request)
        context = reply.context()
        del reply
        answering = InThread(lambda: context.send(context.receive(timeout=DEADLINE)))
        assert request.request(b"still there?", timeout=DEADLINE) == b"still there?"
        answering.join()
        context.socket.close()


# Raw sockets and devices


def test_raw_sockets_show_headers() -> None:
    with nano.ReplySocket(raw=True) as reply, nano.RequestSocket() as request:
        assert reply.is_raw
        assert not request.is_raw
        connect(reply, request)
        request.send(b"question")
        message = reply.receive_raw(timeout=DEADLINE)
        assert message.data == b"question"
        assert message.header[-1] & 0x80000000
        assert all(0 <= word < 2**32 for word in message.header)
        reply.send_raw(nano.RawMessage(message.header, b"answer"))
        assert request.receive(timeout=DEADLINE) == b"answer"
        with raises(SpFailure.MALFORMED):
            reply.send_raw(nano.RawMessage((), b"to whom?"))
        for word, error in ((-1, ArgumentError), (2**32, ArgumentError), ("x", TypeError)):
            header: Any = (word,)
            with pytest.raises(error):
                reply.send_raw(nano.RawMessage(header, b""))
        with pytest.raises(SpTimeoutError):
            reply.receive_raw(timeout=0.001)
        with pytest.raises(SpBlockedError):
            reply.receive_raw(timeout=0)


def test_raw_sockets_wait_too() -> None:
    with nano.PairSocket(raw=True) as one, nano.PairSocket(raw=True) as other:
        with pytest.raises(SpBlockedError):
            one.send_raw(nano.RawMessage((), b"x"), timeout=0)
        sending = InThread(lambda: one.send_raw(nano.RawMessage((), b"x"), timeout=DEADLINE))
        receiving = InThread(lambda: other.receive_raw(timeout=DEADLINE))
        connect(one, other)
        sending.join()
        assert receiving.join() == ((), b"x")


def test_a_device_passes_on() -> None:
    with nano.ReplySocket(raw=True) as front, nano.RequestSocket(raw=True) as back:
        with nano.ReplySocket() as reply, nano.RequestSocket() as request:
            with nano.Device(front, back) as device:
                connect(front, request)
                connect(back, reply)
                answering = InThread(lambda: reply.send(reply.receive(timeout=DEADLINE) + b"!"))
                assert request.request(b"hello", timeout=DEADLINE) == b"hello!"
                answering.join()
            device.close()
            request.send(b"after the end")
            assert front.receive(timeout=DEADLINE) == b"after the end"


def test_what_makes_no_device() -> None:
    with nano.ReplySocket(raw=True) as front, nano.RequestSocket() as cooked:
        with nano.PairSocket(raw=True) as pair:
            for one, other in ((front, cooked), (cooked, front), (front, pair), (front, front)):
                with pytest.raises(ArgumentError):
                    nano.Device(one, other)
            with pytest.raises(TypeError):
                nano.Device(front, None)  # type: ignore[arg-type]
            nano.Device(pair, pair).close()
    with raises(SpFailure.CLOSED):
        nano.Device(pair, pair)


# Endpoints


def test_listening_and_dialing_any_number_of_times() -> None:
    with nano.PullSocket() as pull, nano.PushSocket() as push:
        addresses = [listen(pull, transport) for transport in TRANSPORTS]
        endpoints = [dial(push, address) for address in addresses]
        wait_connections(pull, len(TRANSPORTS))
        wait_connections(push, len(TRANSPORTS))
        assert [endpoint.address for endpoint in endpoints] == addresses
        assert len({endpoint.id for endpoint in endpoints}) == len(TRANSPORTS)
        for endpoint in endpoints:
            assert endpoint.port is None
            assert not endpoint.is_closed
            assert endpoint.close()
            assert endpoint.is_closed
            assert not endpoint.close()
        wait_connections(pull, 0)
        push.dial(addresses[0])
        push.send(b"again")
        assert pull.receive(timeout=DEADLINE) == b"again"


def test_an_endpoint_closes_at_the_end_of_its_block() -> None:
    with nano.PullSocket() as pull:
        with pull.listen("tcp://127.0.0.1:0") as endpoint:
            port = endpoint.port
            assert isinstance(port, int)
            assert not endpoint.is_closed
        assert endpoint.is_closed
        assert endpoint.port is None
        pull.listen(f"tcp://127.0.0.1:{port}")


def test_an_endpoint_goes_on_without_its_object() -> None:
    with nano.PullSocket() as pull, nano.PushSocket() as push:
        address = listen(pull, "tcp")
        dial(push, address)
        push.send(b"x")
        assert pull.receive(timeout=DEADLINE) == b"x"
        kept = pull.listen(unused("inproc"))
    assert kept.is_closed


def test_nobody_has_to_be_there_yet() -> None:
    with nano.RequestSocket(reconnect_interval=0.001) as request, nano.ReplySocket() as reply:
        with nano.PairSocket() as probe:
            address = listen(probe, "tcp")
        request.dial(address)
        wait_until(lambda: request.statistics.connect_errors > 1)
        request.send(b"patience")
        reply.listen(address)
        assert reply.receive(timeout=DEADLINE) == b"patience"


@pytest.mark.parametrize(
    ("address", "failure"),
    [
        ("", SpFailure.ADDRESS),
        ("tcp", SpFailure.ADDRESS),
        ("tcp://", SpFailure.ADDRESS),
        ("tcp://127.0.0.1", SpFailure.ADDRESS),
        ("tcp://127.0.0.1:70000", SpFailure.ADDRESS),
        ("inproc://", SpFailure.ADDRESS),
        ("udp://127.0.0.1:1", SpFailure.TRANSPORT),
    ],
)
def test_wrong_addresses(address: str, failure: SpFailure) -> None:
    with nano.PairSocket() as pair:
        with raises(failure):
            pair.listen(address)
        with raises(failure):
            pair.dial(address)


def test_addresses_that_cannot_be_had() -> None:
    with nano.PairSocket() as one, nano.PairSocket() as other:
        address = listen(one, "tcp")
        with pytest.raises((SystemCallError, SpError)):
            other.listen(address)
        name = listen(one, "inproc")
        with raises(SpFailure.ADDRESS_IN_USE):
            other.listen(name)
        assert other.statistics.bind_errors == 2
        for wrong in (5, None, b"tcp://127.0.0.1:0"):
            with pytest.raises(TypeError):
                other.listen(wrong)  # type: ignore[arg-type]
        with pytest.raises(ArgumentError, match="NUL"):
            other.dial("inproc://a\0b")


def test_encrypted_addresses_need_certificates() -> None:
    with nano.PairSocket() as pair:
        assert pair.tls is None
        with pytest.raises((ArgumentError, SpError, SystemCallError, NotConnectedError)) as caught:
            pair.listen("tls+tcp://127.0.0.1:0")
        assert "TLS" in str(caught.value) or "tls" in str(caught.value)
        with pytest.raises(TypeError):
            pair.tls = "certificates"  # type: ignore[assignment]
        context = TlsContext()
        pair.tls = context
        assert pair.tls is context
    with nano.PairSocket(tls=context) as pair:
        assert pair.tls is context


def test_a_peer_of_another_pattern_is_refused() -> None:
    with nano.PublisherSocket() as publisher, nano.PullSocket() as pull:
        address = listen(publisher, "tcp")
        pull.reconnect_interval = DEADLINE
        dial(pull, address)
        wait_until(lambda: pull.statistics.connect_errors + pull.statistics.broken_connections > 0)
        assert pull.statistics.current_connections == 0


def test_a_message_that_is_too_large_ends_the_connection() -> None:
    with nano.PullSocket(max_message_size=1000) as pull, nano.PushSocket() as push:
        connect(pull, push)
        push.send(b"x" * 1001)
        wait_until(
            lambda: pull.statistics.broken_connections + pull.statistics.dropped_connections > 0
        )
        wait_connections(push, 1)
        push.send(b"x" * 1000)
        assert len(pull.receive(timeout=DEADLINE)) == 1000


# Waiting


def test_a_send_waits_for_a_peer() -> None:
    with nano.PushSocket() as push, nano.PullSocket() as pull:
        assert push.try_send(b"x") is False
        with pytest.raises(SpBlockedError, match="cannot be sent now"):
            push.send(b"x", timeout=0)
        with pytest.raises(SpTimeoutError, match=r"sent within 0\.001 seconds"):
            push.send(b"x", timeout=0.001)
        sending = InThread(push.send, b"waited")
        connect(pull, push)
        sending.join()
        assert pull.receive(timeout=DEADLINE) == b"waited"
        assert push.try_send(b"tried") is True
        assert pull.receive(timeout=DEADLINE) == b"tried"


def test_a_send_waits_for_room() -> None:
    with nano.PushSocket(send_buffer=1) as push, nano.PullSocket(receive_buffer=1) as pull:
        connect(pull, push)
        large = b"x" * 300_000
        count = 0
        while push.try_send(large):
            count += 1
        sending = InThread(push.send, b"last")
        for _ in range(count):
            assert pull.receive(timeout=DEADLINE) == large
        assert pull.receive(timeout=DEADLINE) == b"last"
        sending.join()


def test_timeouts_of_receives() -> None:
    with nano.PairSocket() as pair:
        assert pair.try_receive() is None
        with pytest.raises(SpBlockedError, match="nothing to receive now"):
            pair.receive(timeout=0)
        with pytest.raises(SpTimeoutError, match=r"within 0\.001 seconds") as caught:
            pair.receive(timeout=0.001)
        assert isinstance(caught.value, TimeoutError)
        assert isinstance(caught.value, DeadlineError)
        pair.receive_timeout = 0.001
        with pytest.raises(SpTimeoutError):
            pair.receive()
        pair.send_timeout = 0.001
        with pytest.raises(SpTimeoutError):
            pair.send(b"x")
        # On other threads than the main one a call blocks as a whole.
        for call in (pair.receive, lambda: pair.send(b"x"), lambda: pair.receive(timeout=0.001)):
            with pytest.raises(SpTimeoutError):
                InThread(call).join()
        for wrong, error in ((-1, ArgumentError), (float("nan"), ArgumentError), ("1", TypeError)):
            with pytest.raises(error):
                InThread(lambda value=wrong: pair.receive(timeout=value)).join()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Windows reach the whole console")
@pytest.mark.parametrize("call", ["receive()", "send(b'x')", "receive(timeout=60)"])
def test_control_c_ends_what_blocks(call: str) -> None:
    program = f"""
import os, signal, sys, threading
from cppserver import _sp_blocking, nano

def waits_natively():
    frame = sys._current_frames()[threading.main_thread().ident].f_back
    while frame is not None and frame.f_code is not waits:
        frame = frame.f_back
    return frame is not None

def interrupt():
    while not waits_natively():
        pass
    os.kill(os.getpid(), signal.SIGINT)

# Whoever runs the tests may ignore Ctrl-C, such as a shell in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
waits = _sp_blocking.patiently.__code__
socket = nano.PairSocket()
threading.Thread(target=interrupt).start()
try:
    socket.{call}
except KeyboardInterrupt:
    print("interrupted")
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=DEADLINE, check=False
    )
    assert (result.stdout.strip(), result.stderr) == (b"interrupted", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Windows reach the whole console")
def test_control_c_ends_a_long_close() -> None:
    program = """
import os, signal, sys, threading
from cppserver import _sp_blocking, nano

def waits():
    frame = sys._current_frames()[threading.main_thread().ident]
    while frame is not None and frame.f_code is not _sp_blocking.interruptibly.__code__:
        frame = frame.f_back
    return frame is not None

def interrupt():
    while not waits():
        pass
    os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
pull, push = nano.PullSocket(receive_buffer=1), nano.PushSocket(linger=1000)
push.dial(f"tcp://127.0.0.1:{pull.listen('tcp://127.0.0.1:0').port}")
push.send(b"x", timeout=30)
while push.try_send(bytes(1_000_000)):
    pass
threading.Thread(target=interrupt).start()
try:
    push.close()
except KeyboardInterrupt:
    print("interrupted", flush=True)
    os._exit(0)  # Another exit delivers first.
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=DEADLINE, check=False
    )
    assert (result.stdout.strip(), result.stderr) == (b"interrupted", b"")


def test_a_close_may_take_long() -> None:
    with nano.PullSocket() as pull, nano.PushSocket(linger=DEADLINE) as push:
        connect(pull, push)
        push.send(b"x" * 500_000)
        assert push.close() is True
        assert push.close() is False
        assert len(pull.receive(timeout=DEADLINE)) == 500_000


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


# The end


def test_threads_that_block_can_be_had_back() -> None:
    with nano.ReplySocket() as reply, nano.RequestSocket() as request:
        place = reply.context()
        blocked = [InThread(call) for call in (reply.receive, place.receive)]
        threading.Event().wait(0.02)  # So that they block by then; they may be late.
        reply.set_blocking(False)
        for thread in blocked:
            with pytest.raises(SpBlockedError):
                thread.join()
        with pytest.raises(SpBlockedError):
            reply.receive(timeout=DEADLINE)
        reply.set_blocking(True)
        connect(reply, request)
        request.send(b"still there?")
        assert reply.receive(timeout=DEADLINE) == b"still there?"


@pytest.mark.parametrize("count", [1, 3])
def test_a_close_wakes_those_who_block(count: int) -> None:
    with nano.ReplySocket() as reply, nano.PushSocket() as push:
        place = reply.context()
        blocked = [
            InThread(call)
            for _ in range(count)
            for call in (reply.receive, place.receive, lambda: push.send(b"x"))
        ]
        threading.Event().wait(0.02)  # So that most of them block by then; all may be late.
        assert reply.close()
        assert push.close()
        for thread in blocked:
            with pytest.raises(SpClosedError) as caught:
                thread.join()
            assert caught.value.failure is SpFailure.CLOSED


def test_nothing_works_after_the_close() -> None:
    pair = nano.PairSocket()
    assert pair.close() is True
    assert pair.close() is False
    assert pair.is_closed
    calls = (
        lambda: pair.send(b"x"),
        lambda: pair.try_send(b"x"),
        pair.receive,
        pair.try_receive,
        lambda: pair.listen("inproc://closed"),
        lambda: pair.dial("inproc://closed"),
    )
    for call in calls:
        with pytest.raises(SpClosedError, match="make a new one"):
            call()
    with nano.SubscriberSocket() as subscriber:
        pass
    with pytest.raises(SpClosedError):
        subscriber.subscribe("x")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_was_sent_before_the_close_is_delivered(transport: str) -> None:
    with nano.PullSocket() as pull:
        with nano.PushSocket(linger=DEADLINE) as push:
            connect(pull, push, transport=transport)
            for number in range(100):
                push.send(b"%d" % number)
        assert push.statistics.messages_undelivered == 0
        for number in range(100):
            assert pull.receive(timeout=DEADLINE) == b"%d" % number


def test_the_exit_of_the_interpreter_delivers() -> None:
    program = """
import sys
from cppserver import nano
class Pair(nano.PairSocket):
    def on_received(self, data):
        print(data)
pair = Pair()
pair.listen("inproc://exit")
push = nano.PushSocket()
push.dial(sys.argv[1])
push.send(b"x" * 1_000_000)
"""
    with nano.PullSocket() as pull:
        address = listen(pull, "tcp")
        result = subprocess.run(
            [sys.executable, "-c", program, address],
            capture_output=True,
            timeout=DEADLINE,
            check=True,
        )
        assert (result.stdout, result.stderr) == (b"", b"")
        assert len(pull.receive(timeout=DEADLINE)) == 1_000_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_makes_its_own_sockets() -> None:
    program = """
import gc, os
from cppserver import ArgumentError, nano
class Echo(nano.ReplySocket):
    def on_received(self, data):
        self.send(data)
parent = Echo()
parent.listen("inproc://forked")
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
    parent.close()
else:
    try:
        parent.statistics
        raise AssertionError("the sockets of the parent are not those of the child")
    except ArgumentError:
        pass
    del parent
    gc.collect()
    with Echo() as reply, nano.RequestSocket() as request:
        port = reply.listen("tcp://127.0.0.1:0").port
        request.dial(f"tcp://127.0.0.1:{port}")
        assert request.request(b"x", timeout=30) == b"x"
"""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")


def test_terminate_closes_everything() -> None:
    program = """
import threading
from cppserver import SpClosedError, SpFailure, nano
pair, errors = nano.PairSocket(), []
def block():
    try:
        pair.receive()
    except SpClosedError as error:
        errors.append(error.failure)
thread = threading.Thread(target=block)
thread.start()
nano.terminate()
thread.join()
for call in (nano.PairSocket, pair.receive, lambda: pair.send(b"x"), lambda: pair.dial("tcp://a:1")):
    try:
        call()
    except SpClosedError as error:
        errors.append(error.failure)
assert errors == [SpFailure.TERMINATED] * 5, errors
assert pair.is_closed and not pair.close()
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=DEADLINE, check=False
    )
    assert (result.returncode, result.stderr) == (0, b"")
