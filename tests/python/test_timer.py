"""Timers: one call, many calls, cancelling, and the life of what they call."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

import pytest
from cppserver import ArgumentError, HandlerError, Service, Timer
from helpers import Log, LoggingService, wait_until


def test_a_timer_calls_once_with_its_arguments(service: LoggingService) -> None:
    log = Log()
    begin = time.monotonic()
    timer = Timer(service, 0.02, log.add, "call", 1)
    log.wait("call", 1)
    assert time.monotonic() - begin >= 0.02
    assert timer.cancel() is False
    again = Timer(service, 0, log.add, "last")
    log.wait("last")
    assert log.events() == [("call", 1), ("last",)]
    assert again.cancel() is False


def test_a_timer_calls_on_the_thread_of_its_service(service: LoggingService) -> None:
    log = Log()
    Timer(service, 0, lambda: log.add("thread", threading.get_ident(), service.is_loop_thread))
    thread = service.log.wait("thread_initialize")[1]
    assert log.wait("thread") == ("thread", thread, True)


def test_a_timer_with_an_interval_calls_until_it_is_cancelled(service: LoggingService) -> None:
    log = Log()
    timer = Timer(service, 0.001, log.add, "call", interval=0.001)
    log.wait("call", count=5)
    assert timer.cancel() is True
    assert timer.cancel() is False
    done = Log()
    service.post(done.add, "done")  # A call that was under way has been made by then.
    done.wait("done")
    count = len(log.events())
    Timer(service, 0.02, done.add, "later")
    done.wait("later")
    assert len(log.events()) == count


def test_a_cancelled_timer_does_not_call(service: LoggingService) -> None:
    log = Log()
    timer = Timer(service, 0.01, log.add, "wrong")
    assert timer.cancel() is True
    Timer(service, 0.02, log.add, "right")
    log.wait("right")
    assert log.events() == [("right",)]


def test_a_timer_may_cancel_itself(service: LoggingService) -> None:
    log = Log()
    timers: list[Timer] = []
    ready = threading.Event()

    def call() -> None:
        ready.wait()
        log.add("cancelled", timers[0].cancel())

    timers.append(Timer(service, 0, call, interval=0.001))
    ready.set()
    assert log.wait("cancelled") == ("cancelled", True)
    Timer(service, 0.02, log.add, "last")
    log.wait("last")
    assert len(log.events("cancelled")) == 1


def test_a_timer_goes_on_without_its_object(service: LoggingService) -> None:
    log = Log()
    Timer(service, 0.005, log.add, "call", interval=0.001)
    log.wait("call", count=3)


def test_a_timer_of_a_stopped_service_begins_with_the_start() -> None:
    service, log = LoggingService(), Log()
    Timer(service, 0, log.add, "call")
    assert log.events() == []
    with service:
        log.wait("call")


def test_the_stop_of_the_service_drops_its_timers(service: LoggingService) -> None:
    log = Log()
    timer = Timer(service, 3600, log.add, "wrong")
    done = threading.Event()
    service.post(done.set)
    assert done.wait()
    service.stop()
    assert timer.cancel() is False
    assert log.events() == []


def test_timers_keep_their_order(service: LoggingService) -> None:
    log = Log()
    for number in (5, 3, 1, 4, 2):
        Timer(service, number / 50, log.add, number)
    log.wait(5)
    assert log.names() == [1, 2, 3, 4, 5]


def test_an_exception_comes_to_on_error_and_the_timer_goes_on() -> None:
    log = Log()

    def fail() -> None:
        log.add("call")
        raise ArithmeticError("in a timer")

    with LoggingService() as service:
        timer = Timer(service, 0, fail, interval=0.001)
        log.wait("call", count=3)
        timer.cancel()
        error = service.log.wait("error")[1]
    assert isinstance(error, HandlerError)
    assert isinstance(error.__cause__, ArithmeticError)


def test_an_exception_without_on_error_is_unraisable(unraisable: Log) -> None:
    cause = SystemExit(1)

    def fail() -> None:
        raise cause

    with Service() as service:
        Timer(service, 0, fail)
        unraisable.wait(cause)


@pytest.mark.parametrize(
    ("delay", "interval", "kind"),
    [
        (-0.001, None, ArgumentError),
        (float("nan"), None, ArgumentError),
        (float("inf"), None, ArgumentError),
        (10**400, None, ArgumentError),
        (0, -1, ArgumentError),
        (0, float("-inf"), ArgumentError),
        ("0", None, TypeError),
        (None, None, TypeError),
        (0, "1", TypeError),
    ],
)
def test_bad_times_are_refused(
    service: LoggingService, delay: Any, interval: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        Timer(service, delay, print, interval=interval)


def test_other_bad_arguments_are_refused(service: LoggingService) -> None:
    with pytest.raises(TypeError):
        Timer(service, 0, "no function")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Timer(None, 0, print)  # type: ignore[arg-type]


@pytest.mark.parametrize("end", ["call", "cancel", "stop"])
def test_what_a_timer_calls_is_freed_at_the_end(service: LoggingService, end: str) -> None:
    class Callback:
        def __call__(self) -> None:
            return

    callback: Callback | None = Callback()
    assert callback is not None
    gone = weakref.ref(callback)
    timer = Timer(service, 0.001 if end == "call" else 3600, callback)
    callback = None
    if end == "cancel":
        assert gone() is not None
        timer.cancel()
    elif end == "stop":
        assert gone() is not None
        service.stop()
    wait_until(lambda: gone() is None)
