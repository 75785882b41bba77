"""Threads that wait in sockets of scalability protocols."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    DeadlineError,
    SpBlockedError,
    SpTimeoutError,
    nano,
)
from helpers import DEADLINE, LoggingService
from nano_helpers import (
    InThread,
    connect,
)

pytestmark = pytest.mark.usefixtures("shared_service")


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
            value: Any = wrong
            with pytest.raises(error, match="timeout is"):
                pair.receive(timeout=value)
            with pytest.raises(error, match="timeout is"):
                pair.send(b"x", timeout=value)
            with pytest.raises(error, match="timeout is"):
                InThread(lambda value=value: pair.receive(timeout=value)).join()


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


def test_whoever_may_not_block_is_told_why(service: LoggingService) -> None:
    reason = r"on an I/O thread or after set_blocking\(False\)"
    with nano.PairSocket() as pair:
        errors: list[SpBlockedError] = []
        done = threading.Event()

        def block_the_loop() -> None:
            try:
                pair.receive()
            except SpBlockedError as error:
                errors.append(error)
            done.set()

        service.post(block_the_loop)
        assert done.wait(DEADLINE)
        assert re.search(reason, str(errors[0]))
        pair.set_blocking(False)
        for call in (pair.receive, lambda: pair.send(b"x")):
            with pytest.raises(SpBlockedError, match=reason):
                call()
            with pytest.raises(SpBlockedError, match=reason):
                InThread(call).join()


@pytest.mark.parametrize("way", ["receive", "context", "send"])
def test_blocking_that_is_off_for_a_moment_ends_a_wait_of_the_main_thread(way: str) -> None:
    """The moment is one between two of the slices that such a wait is made of."""
    with nano.ReplySocket() as reply, nano.PushSocket() as push:
        socket: Any = push if way == "send" else reply
        exchange: Any = reply.context() if way == "context" else socket
        name = "_send_within" if way == "send" else "_receive_within"
        wait = getattr(exchange, name)

        def off_and_on(*arguments: Any) -> Any:
            socket.set_blocking(False)
            socket.set_blocking(True)
            return wait(*arguments)

        setattr(exchange, name, off_and_on)
        with pytest.raises(SpBlockedError):
            if way == "send":
                exchange.send(b"x", timeout=DEADLINE)
            else:
                exchange.receive(timeout=DEADLINE)


def test_a_long_close_that_fails_tells_so() -> None:
    program = """
from cppserver import _sp_blocking
def fail():
    raise ValueError("failed on the other thread")
try:
    _sp_blocking.interruptibly(fail, 1000)
except ValueError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=DEADLINE, check=False
    )
    assert (result.stdout.strip(), result.stderr) == (b"failed on the other thread", b"")


def test_a_long_close_works_while_no_thread_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with nano.PairSocket(linger=DEADLINE) as pair:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        assert pair.close() is True
