"""The sockets of the scalability protocols for coroutines."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aio_helpers import run
from cppserver import (
    Service,
    SpClosedError,
    SpFailure,
    SpTimeoutError,
    StateError,
    _sp_aio,
    aio,
    nano,
)
from helpers import DEADLINE, LoggingService
from nano_helpers import TRANSPORTS, dial, listen, raises

pytestmark = pytest.mark.usefixtures("shared_service")

every_transport = pytest.mark.parametrize("transport", [*TRANSPORTS, "tls+tcp", "wss"])
each_transport = pytest.mark.parametrize("transport", TRANSPORTS)

ALL: list[type[aio.Socket]] = [
    aio.PairSocket,
    aio.PublisherSocket,
    aio.SubscriberSocket,
    aio.RequestSocket,
    aio.ReplySocket,
    aio.PushSocket,
    aio.PullSocket,
    aio.SurveyorSocket,
    aio.RespondentSocket,
    aio.BusSocket,
]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def connect(listener: Any, *dialers: Any, transport: str = "tcp") -> str:
    """Connect dialers with a listener, and wait until all of them know; return the address."""
    before = listener.statistics.current_connections
    address = listen(listener, transport)
    for dialer in dialers:
        dial(dialer, address)
        await until(lambda each=dialer: each.statistics.current_connections == 1)  # type: ignore[misc]
    await until(lambda: listener.statistics.current_connections == before + len(dialers))
    return address


async def echo(socket: Any) -> None:
    async for message in socket:
        await socket.send(message)


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


def looped(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on an event loop of its own."""

    def wrapper(**arguments: Any) -> None:
        run(lambda: test(**arguments))

    wrapper.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    wrapper.__name__ = test.__name__
    return wrapper


# Patterns


@every_transport
@looped
async def test_a_pair_talks_both_ways(transport: str) -> None:
    async with aio.PairSocket() as one, aio.PairSocket() as other:
        await connect(one, other, transport=transport)
        receiving = asyncio.create_task(other.receive())
        await asyncio.sleep(0)
        await one.send(b"there")
        assert await receiving == b"there"
        await other.send(b"and back")
        assert await one.receive() == b"and back"
        large = bytes(300_000)
        await one.send(memoryview(large))
        assert await other.receive() == large
        await one.send(b"")
        assert await other.receive() == b""


@each_transport
@looped
async def test_requests_are_answered(transport: str) -> None:
    async with aio.ReplySocket() as reply, aio.RequestSocket() as request:
        await connect(reply, request, transport=transport)
        serving = asyncio.create_task(echo(reply))
        for number in range(200):
            assert await request.request(b"%d" % number) == b"%d" % number
        await reply.close()
        await serving


@each_transport
@looped
async def test_work_is_shared_out(transport: str) -> None:
    async with aio.PushSocket() as push, aio.PullSocket() as one, aio.PullSocket() as other:
        await connect(push, one, other, transport=transport)
        for number in range(10):
            await push.send(b"%d" % number)
        each = [[await pull.receive() for _ in range(5)] for pull in (one, other)]
        assert sorted(each[0] + each[1]) == [b"%d" % number for number in range(10)]


@each_transport
@looped
async def test_subscribers_get_their_topics(transport: str) -> None:
    async with aio.PublisherSocket() as publisher, aio.SubscriberSocket() as subscriber:
        subscriber.subscribe("weather")
        await connect(publisher, subscriber, transport=transport)
        receiving = asyncio.create_task(subscriber.receive())
        for data in (b"sports", b"weather: rain"):
            await publisher.send(data)
        assert await receiving == b"weather: rain"
        subscriber.unsubscribe("weather")
        assert subscriber.receive_nowait() is None


@each_transport
@looped
async def test_surveys(transport: str) -> None:
    async with aio.SurveyorSocket() as surveyor, aio.RespondentSocket() as one:
        async with aio.RespondentSocket() as other:
            await connect(surveyor, one, other, transport=transport)
            answering = [asyncio.create_task(echo(each)) for each in (one, other)]
            surveyor.survey_deadline = DEADLINE
            await surveyor.send(b"me")
            assert [await surveyor.receive(), await surveyor.receive_answer()] == [b"me"] * 2
            count = 0
            async for answer in surveyor.survey(b"me too"):
                assert answer == b"me too"
                count += 1
                if count == 2:
                    break
            surveyor.survey_deadline = 0.001
            await one.close()
            await other.close()
            await asyncio.gather(*answering)
            await surveyor.send(b"is anybody there?")
            with pytest.raises(SpTimeoutError):
                await surveyor.receive()
            with raises(SpFailure.WRONG_STATE):
                await surveyor.receive()
            assert [answer async for answer in surveyor.survey(b"nobody?")] == []


@each_transport
@looped
async def test_a_bus_reaches_all_neighbours(transport: str) -> None:
    async with aio.BusSocket() as center, aio.BusSocket() as one, aio.BusSocket() as other:
        await connect(center, one, other, transport=transport)
        await center.send(b"to all")
        assert await one.receive() == await other.receive() == b"to all"
        await other.send(b"back")
        assert await center.receive() == b"back"


@looped
async def test_raw_sockets_show_headers() -> None:
    async with aio.ReplySocket(raw=True) as reply, aio.RequestSocket() as request:
        await connect(reply, request)
        asking = asyncio.create_task(request.request(b"question"))
        message = await reply.receive_raw()
        assert message.data == b"question"
        await reply.send_raw(nano.RawMessage(message.header, b"answer"))
        assert await asking == b"answer"
    async with aio.PairSocket(raw=True) as one, aio.PairSocket(raw=True) as other:
        sending = asyncio.create_task(one.send_raw(nano.RawMessage((), b"x")))
        await asyncio.sleep(0)
        await connect(one, other)
        await sending
        assert await other.receive_raw() == ((), b"x")


@looped
async def test_a_device_joins_raw_sockets() -> None:
    async with aio.ReplySocket(raw=True) as front, aio.RequestSocket(raw=True) as back:
        async with aio.ReplySocket() as reply, aio.RequestSocket() as request:
            with nano.Device(front, back):
                await connect(front, request)
                await connect(back, reply)
                serving = asyncio.create_task(echo(reply))
                assert await request.request(b"through the device") == b"through the device"
                await reply.close()
                await serving


@looped
async def test_threads_and_coroutines_talk_with_each_other() -> None:
    def ask(address: str) -> bytes:
        with nano.RequestSocket() as request:
            request.dial(address)
            return request.request(b"from a thread", timeout=DEADLINE)

    async with aio.ReplySocket() as reply:
        serving = asyncio.create_task(echo(reply))
        assert await asyncio.to_thread(ask, listen(reply, "inproc")) == b"from a thread"
        await reply.close()
        await serving


# Contexts


@each_transport
@looped
async def test_contexts_ask_and_answer_at_the_same_time(transport: str) -> None:
    async with aio.ReplySocket() as reply, aio.RequestSocket() as request:
        await connect(reply, request, transport=transport)
        places = [asyncio.create_task(echo(reply.context())) for _ in range(3)]

        async def ask(number: int) -> None:
            context = request.context()
            assert context.socket is request
            for turn in range(20):
                question = b"%d %d" % (number, turn)
                assert await context.request(question) == question

        await asyncio.gather(*(ask(number) for number in range(10)))
        await reply.close()
        await asyncio.gather(*places)


@looped
async def test_contexts_make_surveys() -> None:
    async with aio.SurveyorSocket() as surveyor, aio.RespondentSocket() as respondent:
        await connect(surveyor, respondent)
        answering = asyncio.create_task(echo(respondent))
        surveyor.survey_deadline = DEADLINE

        async def survey(number: int) -> None:
            context = surveyor.context()
            async for answer in context.survey(b"%d" % number):
                assert answer == b"%d" % number
                return
            raise AssertionError("no answer came")

        await asyncio.gather(*(survey(number) for number in range(5)))
        context = surveyor.context()
        surveyor.survey_deadline = 0.001
        await context.send(b"quickly")
        while await context.receive_answer() is not None:
            pass
        await respondent.close()
        await answering


# Cancellation


@each_transport
@looped
async def test_a_cancelled_receive_loses_nothing(transport: str) -> None:
    async with aio.PullSocket() as pull, aio.PushSocket() as push:
        await connect(pull, push, transport=transport)
        received: list[bytes] = []
        for number in range(200):
            task = asyncio.create_task(pull.receive())
            await asyncio.sleep(0)
            await push.send(b"%d" % number)
            for _ in range(number % 4):
                await asyncio.sleep(0)
            task.cancel()
            try:
                received.append(await task)
            except asyncio.CancelledError:
                pass
        while len(received) < 200:
            received.append(await pull.receive())
        assert received == [b"%d" % number for number in range(200)]


@looped
async def test_a_cancelled_send_has_not_sent() -> None:
    async with aio.PushSocket() as push, aio.PullSocket() as pull:
        sending = asyncio.create_task(push.send(b"never"))
        await asyncio.sleep(0)
        await cancel(sending)
        await connect(pull, push)
        await push.send(b"sent")
        assert await pull.receive() == b"sent"
        assert push.statistics.messages_sent == 1


@looped
async def test_a_timeout_gives_no_request_up() -> None:
    async with aio.ReplySocket() as reply, aio.RequestSocket() as request:
        await connect(reply, request)
        await request.send(b"question")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await request.receive()
        assert await reply.receive() == b"question"
        await reply.send(b"answer")
        assert await request.receive() == b"answer"


@looped
async def test_who_is_cancelled_leaves_the_message_to_others() -> None:
    async with aio.PullSocket() as pull, aio.PushSocket() as push:
        await connect(pull, push)
        tasks = [asyncio.create_task(pull.receive()) for _ in range(3)]
        await asyncio.sleep(0)
        await cancel(tasks[0])
        await push.send(b"one")
        await push.send(b"two")
        assert sorted(await asyncio.gather(*tasks[1:])) == [b"one", b"two"]


# Flow


@each_transport
@looped
async def test_a_send_waits_for_room(transport: str) -> None:
    async with aio.PushSocket(send_buffer=1) as push, aio.PullSocket(receive_buffer=1) as pull:
        await connect(pull, push, transport=transport)
        assert push.send_nowait(b"x" * 200_000)
        count = 1
        while push.send_nowait(b"x" * 200_000):
            count += 1
        sending = asyncio.create_task(push.send(b"last"))
        for _ in range(count):
            assert len(await pull.receive()) == 200_000
        assert await pull.receive() == b"last"
        await sending


@looped
async def test_a_busy_socket_gives_others_their_turn() -> None:
    async with aio.PublisherSocket() as publisher:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        for _ in range(1000):
            await publisher.send(b"nobody hears it")
        await cancel(counting)
        assert turns >= 10


@looped
async def test_idle_sockets_have_no_threads_and_do_nothing() -> None:
    sockets = [aio.PullSocket() for _ in range(200)]
    threads = threading.active_count()
    waiting = [asyncio.create_task(each.receive()) for each in sockets]
    await asyncio.sleep(0)
    assert threading.active_count() == threads
    # Each is told once, and until then nothing happens.
    assert len(_sp_aio._watches) == len(sockets)
    watches = set(_sp_aio._watches)
    async with aio.PushSocket() as push:
        await connect(sockets[0], push, transport="inproc")
        await push.send(b"to one of them")
        assert await waiting.pop(0) == b"to one of them"
    assert set(_sp_aio._watches) < watches
    assert len(_sp_aio._watches) == len(sockets) - 1
    for each in sockets:
        each.linger = 0
    await asyncio.gather(*(each.close() for each in sockets))
    for task in waiting:
        with pytest.raises(SpClosedError):
            await task


# The end


@looped
async def test_a_close_wakes_those_who_wait() -> None:
    async with aio.ReplySocket() as reply, aio.PushSocket() as push:
        place = reply.context()
        waiting = [
            asyncio.create_task(call)
            for call in (reply.receive(), reply.receive(), place.receive(), push.send(b"x"))
        ]
        iterating = asyncio.create_task(echo(reply))
        await asyncio.sleep(0)
        assert await reply.close()
        assert not await reply.close()
        assert await push.close()
        for task in waiting:
            with pytest.raises(SpClosedError):
                await task
        await iterating
        assert reply.is_closed
        with pytest.raises(SpClosedError):
            await push.send(b"x")
        with pytest.raises(SpClosedError):
            push.send_nowait(b"x")


@looped
async def test_a_cancelled_close_goes_on_when_a_thread_is_free() -> None:
    free = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        threads.submit(free.wait)
        async with aio.PushSocket() as push, aio.PullSocket() as pull:
            await connect(pull, push)
            closing = asyncio.create_task(push.close())
            await asyncio.sleep(0)
            await cancel(closing)
            free.set()
            await until(lambda: push.is_closed)


@each_transport
@looped
async def test_what_was_sent_before_the_close_is_delivered(transport: str) -> None:
    async with aio.PullSocket() as pull:
        async with aio.PushSocket(linger=DEADLINE) as push:
            await connect(pull, push, transport=transport)
            for number in range(100):
                await push.send(b"%d" % number)
        assert push.statistics.messages_undelivered == 0
        assert [await pull.receive() for _ in range(100)] == [b"%d" % each for each in range(100)]


def test_an_event_loop_may_end_while_something_waits() -> None:
    async def main() -> tuple[aio.Socket, asyncio.Task[bytes]]:
        socket = aio.PullSocket()
        task = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        return socket, task

    socket, task = asyncio.run(main())
    assert task.cancelled()
    address = listen(socket, "tcp")
    with nano.PushSocket() as push:
        dial(push, address)
        push.send(b"x", timeout=DEADLINE)


def test_sockets_are_freed() -> None:
    async def main() -> None:
        pull = aio.PullSocket()
        task = asyncio.create_task(pull.receive())
        await asyncio.sleep(0)
        await cancel(task)
        del task
        gone = weakref.ref(pull)
        del pull
        assert gone() is None
        reply = aio.ReplySocket()
        context = reply.context()
        task = asyncio.create_task(context.receive())
        await asyncio.sleep(0)
        await cancel(task)
        del task
        kept = weakref.ref(reply)
        del reply
        assert kept() is not None
        del context
        assert kept() is None
        await until(lambda: not _sp_aio._watches)

    gc.collect()
    gc.disable()
    try:
        run(main, debug=False)
    finally:
        gc.enable()


# Arguments


def test_sockets_need_an_event_loop() -> None:
    with pytest.raises(RuntimeError, match="event loop"):
        aio.PairSocket()


@looped
async def test_a_service_has_to_run() -> None:
    with pytest.raises(StateError, match="not started"):
        aio.PairSocket(service=Service())
    with pytest.raises(TypeError):
        aio.PairSocket(service="service")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no protocol"):
        aio.Socket()


def test_a_socket_runs_on_the_service_that_it_is_given(service: LoggingService) -> None:
    async def main() -> None:
        async with aio.PairSocket(service=service) as one, aio.PairSocket() as other:
            assert one.service is service
            await connect(one, other)
            await one.send(b"x")
            assert await other.receive() == b"x"

    run(main)


@pytest.mark.parametrize("kind", ALL)
@looped
async def test_every_protocol(kind: type[aio.Socket]) -> None:
    async with kind(linger=0.5, receive_buffer=1000) as socket:
        assert socket.protocol is kind.protocol
        assert socket.linger == 0.5
        assert socket.statistics.messages_sent == 0
        with pytest.raises(TypeError):
            await socket.send("text")  # type: ignore[arg-type]
    assert {each.protocol for each in ALL} == set(nano.Protocol)
    assert {each.__name__ for each in ALL} <= set(nano.__all__) & set(aio.__all__)


@looped
async def test_errors_are_raised_at_once() -> None:
    async with aio.PushSocket() as push, aio.RequestSocket() as request:
        with raises(SpFailure.NOT_SUPPORTED):
            await push.receive()
        with raises(SpFailure.NOT_SUPPORTED):
            push.receive_nowait()
        with raises(SpFailure.WRONG_STATE):
            await request.receive()
        with raises(SpFailure.NOT_SUPPORTED):
            async for message in push:
                raise AssertionError(message)


@looped
async def test_iterations_of_a_survey_may_end_early() -> None:
    async with aio.SurveyorSocket(survey_deadline=DEADLINE) as surveyor:
        async with aio.RespondentSocket() as respondent:
            await connect(surveyor, respondent)
            answering = asyncio.create_task(echo(respondent))
            answers: AsyncIterator[bytes] = surveyor.survey(b"first")
            assert await anext(answers) == b"first"
            assert [await anext(surveyor.survey(b"second"))] == [b"second"]
            await respondent.close()
            await answering
