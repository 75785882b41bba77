"""Sockets of all patterns that many threads use, close and make anew at the same time."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from aio_helpers import run
from cppserver import SpClosedError, SpError, SpFailure, _sp_callbacks, aio, nano
from helpers import DEADLINE, wait_until
from nano_helpers import InThread, dial, listen

pytestmark = pytest.mark.usefixtures("shared_service")

THREADS = 6
ROUNDS = 400
SECONDS = 20.0
"""How long a storm lasts at most, on a busy machine."""


class Echo(nano.Socket):
    def on_received(self, data: bytes) -> None:
        try:
            self.send(data)
        except SpClosedError:
            pass  # Meanwhile.


class EchoReply(Echo, nano.ReplySocket):
    pass


class EchoRespondent(Echo, nano.RespondentSocket):
    pass


class Ear(nano.SubscriberSocket):
    def on_received(self, data: bytes) -> None:
        pass


KINDS: list[tuple[type[nano.Socket], type[nano.Socket]]] = [
    (EchoReply, nano.RequestSocket),
    (EchoRespondent, nano.SurveyorSocket),
    (nano.PullSocket, nano.PushSocket),
    (nano.PairSocket, nano.PairSocket),
    (nano.PublisherSocket, Ear),
    (nano.BusSocket, nano.BusSocket),
]

HARMLESS = {
    SpFailure.WOULD_BLOCK,
    SpFailure.TIMED_OUT,
    SpFailure.WRONG_STATE,
    SpFailure.CLOSED,
    SpFailure.NOT_SUPPORTED,
}


def blow(sockets: list[nano.Socket], addresses: list[str], seed: int) -> None:
    """Do something to one of the sockets, again and again."""
    dice = random.Random(seed)
    end = time.monotonic() + SECONDS
    for _ in range(ROUNDS):
        if time.monotonic() > end:
            return
        place = dice.randrange(len(sockets))
        socket, address = sockets[place], dice.choice(addresses)
        calls: list[Callable[[], Any]] = [
            lambda socket=socket: socket.send(b"x" * dice.randrange(2000), timeout=0.002),  # type: ignore[misc]
            lambda socket=socket: socket.try_send(b"x"),  # type: ignore[misc]
            lambda socket=socket: socket.receive(timeout=0.002),  # type: ignore[misc]
            socket.try_receive,
            lambda socket=socket, address=address: socket.dial(address).close(),  # type: ignore[misc]
            lambda socket=socket, address=address: socket.dial(address),  # type: ignore[misc]
            lambda socket=socket: socket.statistics,  # type: ignore[misc]
            socket.pause_receiving,
            socket.resume_receiving,
        ]
        try:
            dice.choice(calls)()
            if dice.randrange(20) == 0 and socket.close():
                sockets[place] = type(socket)(linger=0)
        except SpError as error:
            assert error.failure in HARMLESS, error


@pytest.mark.parametrize("kinds", KINDS, ids=lambda kinds: kinds[0].protocol.name.lower())
def test_a_storm(kinds: tuple[type[nano.Socket], type[nano.Socket]]) -> None:
    listeners = [kinds[0](linger=0) for _ in range(3)]
    addresses = [listen(each, kind) for each, kind in zip(listeners, ("inproc", "tcp", "ipc"))]  # noqa: B905
    sockets = [kinds[1](linger=0) for _ in range(6)]
    threads = [InThread(blow, sockets, addresses, seed) for seed in range(THREADS)]
    for thread in threads:
        thread.join()
    made = [*listeners, *sockets]
    for socket in made:
        socket.close()
    wait_until(lambda: all(each.statistics.current_connections == 0 for each in made))
    wait_until(lambda: not any(each in _sp_callbacks.sockets.values() for each in made))
    for socket in made:
        counted = socket.statistics
        begun = counted.established_connections + counted.accepted_connections
        assert begun == counted.dropped_connections + counted.broken_connections


def test_threads_ask_over_one_socket() -> None:
    def ask(number: int) -> None:
        context = request.context()
        for turn in range(100):
            question = b"%d %d" % (number, turn)
            assert context.request(question, timeout=DEADLINE) == question

    with EchoReply() as reply, nano.RequestSocket() as request:
        dial(request, listen(reply, "tcp"))
        for thread in [InThread(ask, number) for number in range(8)]:
            thread.join()
        assert reply.statistics.messages_received == 800


@pytest.mark.parametrize("transport", ["inproc", "tcp", "ipc"])
def test_what_threads_push_is_pulled_once(transport: str) -> None:
    def push(number: int) -> None:
        with nano.PushSocket(linger=DEADLINE) as socket:
            dial(socket, address)
            for turn in range(500):
                socket.send(b"%d %d" % (number, turn))

    with nano.PullSocket() as pull:
        address = listen(pull, transport)
        threads = [InThread(push, number) for number in range(4)]
        received = [pull.receive(timeout=DEADLINE).split() for _ in range(2000)]
        for thread in threads:
            thread.join()
        assert pull.try_receive() is None
    for number in range(4):
        turns = [int(turn) for who, turn in received if int(who) == number]
        assert turns == list(range(500))


def test_closing_while_others_block_again_and_again() -> None:
    for _ in range(50):
        pull, push = nano.PullSocket(), nano.PushSocket(send_timeout=DEADLINE)
        started = threading.Barrier(5)

        def block(
            call: Callable[[], Any], started: threading.Barrier = started
        ) -> SpFailure | None:
            started.wait(DEADLINE)
            try:
                call()
            except SpError as error:
                return error.failure
            return None

        calls = [pull.receive, pull.receive, lambda: push.send(b"x"), lambda: push.send(b"y")]  # noqa: B023
        threads = [InThread(block, call) for call in calls]
        started.wait(DEADLINE)
        pull.close()
        push.close()
        assert [thread.join() for thread in threads] == [SpFailure.CLOSED] * 4


def test_coroutines_and_threads_at_the_same_time() -> None:
    async def main() -> None:
        async with aio.ReplySocket() as reply:
            address = listen(reply, "tcp")

            async def serve() -> None:
                place = reply.context()
                async for message in place:
                    await asyncio.sleep(0)
                    await place.send(message)

            async def ask(number: int) -> None:
                async with aio.RequestSocket() as request:
                    dial(request, address)
                    for turn in range(50):
                        question = b"%d %d" % (number, turn)
                        assert await request.request(question) == question

            def ask_by_thread(number: int) -> None:
                with nano.RequestSocket() as request:
                    dial(request, address)
                    for turn in range(50):
                        question = b"%d %d" % (number, turn)
                        assert request.request(question, timeout=DEADLINE) == question

            serving = [asyncio.create_task(serve()) for _ in range(4)]
            await asyncio.gather(
                *(ask(number) for number in range(5)),
                *(asyncio.to_thread(ask_by_thread, number) for number in range(5, 8)),
            )
            assert reply.statistics.messages_sent == 400
            await reply.close()
            await asyncio.gather(*serving)

    run(main)


def test_coroutines_that_are_cancelled_and_sockets_that_are_closed() -> None:
    """What is received comes once and in order, whoever is cancelled meanwhile."""

    async def main() -> None:
        dice = random.Random(4)

        async def pull(socket: Any) -> list[int]:
            received: list[int] = []
            while len(received) < 300:
                task = asyncio.create_task(socket.receive())
                for _ in range(dice.randrange(4)):
                    await asyncio.sleep(0)
                if dice.randrange(3):
                    task.cancel()
                await asyncio.wait([task])
                if not task.cancelled():
                    received.append(int(task.result()))
            return received

        async def push(address: str) -> None:
            async with aio.PushSocket(send_buffer=200, linger=DEADLINE) as socket:
                dial(socket, address)
                for number in range(300):
                    await socket.send(b"%d" % number)

        async def disturb(address: str) -> None:
            async with aio.PushSocket(linger=0) as socket:
                dial(socket, address)
                waiting = [asyncio.create_task(socket.receive()) for _ in range(3)]
                await asyncio.sleep(0)
                await asyncio.wait(waiting)
                for task in waiting:
                    assert isinstance(task.exception(), SpError)

        for transport in ("inproc", "tcp"):
            async with aio.PullSocket(receive_buffer=200) as socket:
                address = listen(socket, transport)
                received, *_ = await asyncio.gather(
                    pull(socket), push(address), *(disturb(address) for _ in range(20))
                )
                assert received == list(range(300))

    run(main, debug=False)
