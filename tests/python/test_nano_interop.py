"""The sockets of scalability protocols talk with NNG, by pynng."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aio_helpers import run
from cppserver import aio, nano
from helpers import DEADLINE, wait_until
from nano_helpers import InThread, listen, unused

pynng = pytest.importorskip("pynng", reason="there is no pynng for this system")

pytestmark = pytest.mark.usefixtures("shared_service")

PATIENCE = int(DEADLINE * 1000)

SIZES = (0, 1, 32, 70_000, 1_000_000)


def data_of(size: int) -> bytes:
    return bytes(number % 251 for number in range(size))


def open_theirs(name: str, **options: Any) -> Any:
    timeouts = {"send_timeout": PATIENCE, "recv_timeout": PATIENCE}
    socket = getattr(pynng, name)(**timeouts, **options)
    socket.recv_max_size = 0
    return socket


def join(ours: Any, theirs: Any, transport: str, we_listen: bool) -> None:
    """Connect both sides."""
    if we_listen:
        theirs.dial(listen(ours, transport), block=False)
    else:
        address = unused(transport)
        if transport == "tcp":
            theirs.listen(address)
            address = f"tcp://{theirs.listeners[0].local_address}"
        else:
            theirs.listen(address)
        ours.dial(address)
    wait_until(lambda: ours.statistics.current_connections == 1, lambda: ours.statistics)
    wait_until(lambda: len(theirs.pipes) == 1)


def receive(theirs: Any) -> bytes:
    """Receive with pynng, whose own ``recv`` fails for a message without bytes."""
    data: bytes = theirs.recv_msg().bytes
    return data


def send_numbers(socket: Any) -> None:
    for number in range(1000):
        socket.send(b"%d" % number)


every_way = pytest.mark.parametrize("we_listen", [True, False], ids=["we-listen", "we-dial"])
every_transport = pytest.mark.parametrize("transport", ["tcp", "ipc"])


@every_transport
@every_way
def test_pair(transport: str, we_listen: bool) -> None:
    with nano.PairSocket() as ours, open_theirs("Pair0") as theirs:
        join(ours, theirs, transport, we_listen)
        for size in SIZES:
            ours.send(data_of(size))
            assert receive(theirs) == data_of(size)
            theirs.send(data_of(size))
            assert ours.receive(timeout=DEADLINE) == data_of(size)


@every_transport
@every_way
def test_we_ask(transport: str, we_listen: bool) -> None:
    with nano.RequestSocket() as ours, open_theirs("Rep0") as theirs:
        join(ours, theirs, transport, we_listen)
        context = ours.context()
        for asks in (ours, context):
            for size in SIZES:
                asks.send(data_of(size))
                theirs.send(receive(theirs)[::-1])
                assert asks.receive(timeout=DEADLINE) == data_of(size)[::-1]


@every_transport
@every_way
def test_we_answer(transport: str, we_listen: bool) -> None:
    class Reply(nano.ReplySocket):
        def on_received(self, data: bytes) -> None:
            self.send(data[::-1])

    with Reply() as ours, open_theirs("Req0") as theirs:
        join(ours, theirs, transport, we_listen)
        for size in SIZES:
            theirs.send(data_of(size))
            assert receive(theirs) == data_of(size)[::-1]


@every_transport
@every_way
def test_pipelines(transport: str, we_listen: bool) -> None:
    with nano.PushSocket() as ours, open_theirs("Pull0") as theirs:
        join(ours, theirs, transport, we_listen)
        sending = InThread(send_numbers, ours)
        assert [receive(theirs) for _ in range(1000)] == [b"%d" % each for each in range(1000)]
        sending.join()
    with nano.PullSocket() as ours, open_theirs("Push0") as theirs:
        join(ours, theirs, transport, we_listen)
        sending = InThread(send_numbers, theirs)
        received = [ours.receive(timeout=DEADLINE) for _ in range(1000)]
        assert received == [b"%d" % each for each in range(1000)]
        sending.join()


@every_transport
@every_way
def test_topics(transport: str, we_listen: bool) -> None:
    with nano.PublisherSocket() as ours, open_theirs("Sub0", topics=b"news") as theirs:
        join(ours, theirs, transport, we_listen)
        ours.send(b"sports")
        ours.send(b"news 1")
        assert receive(theirs) == b"news 1"
    with nano.SubscriberSocket() as ours, open_theirs("Pub0") as theirs:
        ours.subscribe("news")
        join(ours, theirs, transport, we_listen)
        theirs.send(b"sports")
        theirs.send(b"news 1")
        assert ours.receive(timeout=DEADLINE) == b"news 1"


@every_transport
@every_way
def test_surveys(transport: str, we_listen: bool) -> None:
    with nano.SurveyorSocket(survey_deadline=DEADLINE) as ours:
        with open_theirs("Respondent0") as theirs:
            join(ours, theirs, transport, we_listen)
            ours.send(b"question")
            theirs.send(receive(theirs) + b"!")
            assert ours.receive_answer(timeout=DEADLINE) == b"question!"
    with nano.RespondentSocket() as ours, open_theirs("Surveyor0") as theirs:
        theirs.survey_time = PATIENCE
        join(ours, theirs, transport, we_listen)
        theirs.send(b"question")
        ours.send(ours.receive(timeout=DEADLINE) + b"!")
        assert receive(theirs) == b"question!"


@every_transport
@every_way
def test_buses(transport: str, we_listen: bool) -> None:
    with nano.BusSocket() as ours, open_theirs("Bus0") as theirs:
        join(ours, theirs, transport, we_listen)
        ours.send(b"to them")
        assert receive(theirs) == b"to them"
        theirs.send(b"to us")
        assert ours.receive(timeout=DEADLINE) == b"to us"


@every_way
def test_coroutines(we_listen: bool) -> None:
    async def main() -> None:
        async with aio.ReplySocket() as ours:
            with open_theirs("Req0") as theirs:
                await asyncio.to_thread(join, ours, theirs, "tcp", we_listen)

                async def serve() -> None:
                    async for message in ours:
                        await ours.send(message + b"!")

                serving = asyncio.create_task(serve())
                for number in range(20):
                    await theirs.asend(b"%d" % number)
                    assert await theirs.arecv() == b"%d!" % number
                await ours.close()
                await serving

    run(main, debug=False)
