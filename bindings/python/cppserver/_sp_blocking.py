"""How threads wait for messages.

A native call that blocks hears no signal. So on the main thread, the only one that Python runs
signal handlers on, a wait for a message is made of short ones, and Ctrl-C ends it soon.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from ._errors import SpFailure, SpTimeoutError
from ._sp_exchange import MAY_NOT_BLOCK, NOTHING, Exchange, failed
from ._sp_transfer import Data, encode
from ._timer import milliseconds

SLICE = 0.1
"""Seconds after which a wait on the main thread looks for signals."""

PATIENCE = 1.0
"""Seconds that Ctrl-C may have to wait for the close of a socket."""

SURVEY_OVER = "the deadline of the survey has passed; no more answers are taken"

_Result = TypeVar("_Result")


def patiently(
    call: Callable[[int], _Result | None],
    timeout: float | None,
    set_timeout: Callable[[], float | None],
    unblocked: Callable[[], int],
    what: str,
) -> _Result:
    """Return the result of a native call that waits.

    Args:
        call: Takes milliseconds, or -1 for those of the option; returns None where it may not wait.
        timeout: Seconds to wait; None for those of the option.
        set_timeout: Returns what the option says.
        unblocked: Returns how often the socket was told not to block.
        what: The word for what happens, in the error.
    """
    given = -1 if timeout is None else milliseconds(timeout, "timeout")
    if threading.get_ident() != threading.main_thread().ident:
        return _result(call(given))
    if timeout is None:
        timeout = set_timeout()
    end = None if timeout is None else time.monotonic() + timeout
    count = unblocked()
    while True:
        rest = SLICE if end is None else min(SLICE, max(end - time.monotonic(), 0.0))
        try:
            return _result(call(max(milliseconds(rest, "timeout"), 1)))
        except SpTimeoutError:
            if unblocked() != count:
                raise failed(SpFailure.WOULD_BLOCK, MAY_NOT_BLOCK) from None
            if end is None or time.monotonic() < end:
                continue
            text = f"nothing could be {what} within {timeout} seconds"
            raise failed(SpFailure.TIMED_OUT, text) from None


def _result(result: _Result | None) -> _Result:
    if result is None:
        raise failed(SpFailure.WOULD_BLOCK, MAY_NOT_BLOCK)
    return result


def interruptibly(call: Callable[[], bool], patience: float) -> bool:
    """Return the result of a native call that takes up to ``patience`` seconds.

    On the main thread, a long one is made by another thread, so that Ctrl-C need not wait for it.
    """
    if patience <= PATIENCE or threading.get_ident() != threading.main_thread().ident:
        return call()
    future: Future[bool] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    try:
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError:  # The interpreter that ends starts no more threads.
        return call()
    return future.result()


class BlockingExchange(Exchange):
    """An exchange that threads wait for."""

    def send(self, data: Data) -> None:
        """Send a question, which gives up the one before, or an answer. Never waits.

        Raises:
            SpClosedError: The socket is closed.
            SpError: There is no question to answer (``WRONG_STATE``).
        """
        self._try_send(encode(data))

    def _receive_timeout(self) -> float | None:
        """Return what the option says."""
        raise NotImplementedError

    def _unblocked(self) -> int:
        """Return how often the socket was told not to block."""
        raise NotImplementedError

    def _receive_patiently(
        self, call: Callable[[int], _Result | None], timeout: float | None
    ) -> _Result:
        """Return what a native call receives that waits."""
        if timeout == 0:
            raise failed(SpFailure.WOULD_BLOCK, NOTHING)
        return patiently(call, timeout, self._receive_timeout, self._unblocked, "received")

    def receive(self, *, timeout: float | None = None) -> bytes:
        """Receive a message, and block until there is one.

        Args:
            timeout: Seconds to block; 0 for not at all. By default the option ``receive_timeout``
                decides, which is off unless set.

        Raises:
            SpTimeoutError: Nothing came in time; also once at the end of a survey.
            SpBlockedError: Nothing is there, and the timeout is 0, this is an I/O thread, or the
                socket was told not to block.
            SpClosedError: The socket is closed, also meanwhile.
            SpError: Nothing was asked (``WRONG_STATE``), or sockets of this pattern only send
                (``NOT_SUPPORTED``).
        """
        data = self._try_receive()
        if data is not None:
            return data
        return self._receive_patiently(self._receive_within, timeout)

    def try_receive(self) -> bytes | None:
        """Receive a message if there is one, else return None.

        Raises:
            SpTimeoutError: A survey is over.
            SpClosedError: The socket is closed.
            SpError: As :meth:`receive`.
        """
        return self._try_receive()


class BlockingSurvey(BlockingExchange):
    """An exchange that makes surveys."""

    def receive(self, *, timeout: float | None = None) -> bytes:
        """Receive an answer; else as :meth:`BlockingExchange.receive`.

        Raises:
            SpTimeoutError: No answer came in time, or the survey is over: told once.
            SpError: There is no survey (``WRONG_STATE``).
        """
        answer = self.receive_answer(timeout=timeout)
        if answer is None:
            raise failed(SpFailure.TIMED_OUT, SURVEY_OVER)
        return answer

    def receive_answer(self, *, timeout: float | None = None) -> bytes | None:
        """Receive an answer as :meth:`receive`; None tells that the survey is over.

        Raises:
            SpTimeoutError: No answer came in time, and the survey goes on.
            SpError: There is no survey (``WRONG_STATE``).
        """
        answer = self._try_receive_answer()
        if answer is None:
            answer = self._receive_patiently(self._receive_answer_within, timeout)
        return answer[0]

    def try_receive_answer(self) -> tuple[bytes | None, bool]:
        """Receive an answer if there is one.

        Returns:
            The answer or None, and whether the survey is over.
        """
        return self._try_receive_answer() or (None, False)

    def survey(self, question: Data) -> Iterator[bytes]:
        """Begin a survey and yield its answers as they come, until its deadline.

        It has begun when this returns.
        """
        self.send(question)
        return iter(self.receive_answer, None)


class BlockingRequest(BlockingExchange):
    """An exchange that asks."""

    def request(self, data: Data, *, timeout: float | None = None) -> bytes:
        """Send a request and receive its reply, see :meth:`receive`."""
        self.send(data)
        return self.receive(timeout=timeout)
