"""Timers: calls on a service's thread after a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from . import _library
from ._errors import argument_error, last_error
from ._service import Service, forget, forget_call, register_call, run_call


def milliseconds(seconds: float, name: str) -> int:
    """Return a time in whole milliseconds, rounded up, so that only 0 becomes 0.

    Raises:
        ArgumentError: The time is negative, infinite or not a number.
        TypeError: It is no number at all.
    """
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} is a number of seconds, not {type(seconds).__name__}")
    if not 0 <= seconds <= 1e12:
        raise argument_error(f"{name} is a finite number of seconds from 0 on, not {seconds}")
    # The digits after the microseconds are rounding errors: 0.003 s are 3 ms, not 4.
    return math.ceil(round(seconds * 1000, 3)) or math.ceil(seconds)


class Timer:
    """Calls ``callback(*arguments)`` on a thread of the service, once or again and again.

    A timer runs from its creation on, and goes on when its Python object is gone; only
    :meth:`cancel` and the stop of the service end it. On a service that is not started it begins to
    run with the start. An exception in the callback goes to the service's ``on_error``.
    """

    _handle = 0
    _release = staticmethod(_library.timer_release)

    def __init__(
        self,
        service: Service,
        delay: float,
        callback: Callable[..., object],
        *arguments: Any,
        interval: float | None = None,
    ) -> None:
        """Start a timer.

        Args:
            service: The service to run on.
            delay: Seconds until the first call, in steps of a millisecond, rounded up.
            callback: What to call.
            arguments: The arguments of the call.
            interval: Seconds between the calls after the first one; None or 0 for a single call.

        Raises:
            ArgumentError: A time is negative or not finite.
            StateError: The service is stopping.
        """
        if not isinstance(service, Service):
            raise TypeError(f"service is a Service, not {type(service).__name__}")
        first = milliseconds(delay, "delay")
        between = 0 if interval is None else milliseconds(interval, "interval")
        key = register_call(service, callback, arguments)
        handle = _library.timer_create(service._handle, first, between, run_call, key, forget_call)
        if not handle:
            try:
                raise last_error()
            finally:
                forget(key)
        self._handle = handle

    def __del__(self) -> None:
        """Give the native object back; the timer goes on."""
        if self._handle:
            self._release(self._handle)

    def cancel(self) -> bool:
        """End the timer.

        Returns:
            False when it was cancelled or had made its only call before. A call that is running
            on another thread right now is not waited for.
        """
        return _library.timer_cancel(self._handle)
