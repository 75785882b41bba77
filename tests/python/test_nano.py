"""Sockets of the scalability protocols: patterns, contexts, raw sockets, devices."""

from __future__ import annotations

from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    SpBlockedError,
    SpFailure,
    SpTimeoutError,
    nano,
)
from helpers import DEADLINE, wait_until
from nano_helpers import (
    TRANSPORTS,
    InThread,
    connect,
    raises,
)

pytestmark = pytest.mark.usefixtures("shared_service")

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
        with pytest.raises(TypeError, match="missing"):
            nano.Device()  # type: ignore[call-arg]
    with raises(SpFailure.CLOSED):
        nano.Device(pair, pair)
