"""The end of sockets of scalability protocols, by a close, an exit or a fork."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from cppserver import (
    SpClosedError,
    SpFailure,
    nano,
)
from helpers import DEADLINE
from nano_helpers import (
    TRANSPORTS,
    InThread,
    connect,
    listen,
)

pytestmark = pytest.mark.usefixtures("shared_service")


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
import gc, os, signal
from cppserver import ArgumentError, nano
class Echo(nano.ReplySocket):
    def on_received(self, data):
        self.send(data)
parent = Echo()
parent.listen("inproc://forked")
pull, push = nano.PullSocket(), nano.PushSocket()
push.dial(f"tcp://127.0.0.1:{pull.listen('tcp://127.0.0.1:0').port}")
push.send(b"before", timeout=30)
assert pull.receive(timeout=30) == b"before"
for _ in range(8):
    pull.listen("tcp://127.0.0.1:0")
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
    push.send(b"after", timeout=30)
    assert pull.receive(timeout=30) == b"after"
    parent.close()
else:
    signal.alarm(20)  # Each listener of the parent that is waited for takes seconds.
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
    left_open = Echo()
    left_open.listen("tcp://127.0.0.1:0")
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
