"""The way from the I/O threads to the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, ref


class Bridge:
    """Carries what happens on I/O threads to one event loop, in batches."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)
        self._lock = threading.Lock()
        self._batch: list[tuple[Callable[[Any], None], Any]] = []
        self._scheduled = False

    def push(self, function: Callable[[Any], None], argument: Any) -> bool:
        """Have ``function(argument)`` called on the event loop; False when the loop is closed."""
        loop = self._loop()
        with self._lock:
            self._batch.append((function, argument))
            wakes, self._scheduled = not self._scheduled, True
        # A loop may be closed with a wake-up that it never follows.
        if loop is not None and not loop.is_closed():
            try:
                if wakes:
                    loop.call_soon_threadsafe(self._run)
                return True
            except RuntimeError:
                pass  # It was closed right now.
        with self._lock:
            self._batch.clear()
            self._scheduled = False
        return False

    def is_closed(self) -> bool:
        """Whether the event loop is closed. On any thread."""
        loop = self._loop()
        return loop is None or loop.is_closed()

    def _run(self) -> None:
        with self._lock:
            batch, self._batch = self._batch, []
            self._scheduled = False
        for function, argument in batch:
            try:
                function(argument)
            except Exception as exception:
                self.complain("cppserver could not deliver to the event loop", exception)

    def complain(self, message: str, exception: BaseException) -> None:
        """Report an exception that has no other place to go. On the event loop only."""
        loop = self._loop()
        if loop is not None:
            loop.call_exception_handler({"message": message, "exception": exception})


_bridges: WeakKeyDictionary[asyncio.AbstractEventLoop, Bridge] = WeakKeyDictionary()


def bridge_of(loop: asyncio.AbstractEventLoop) -> Bridge:
    """Return the bridge to an event loop; all streams of the loop share it."""
    bridge = _bridges.get(loop)
    if bridge is None:
        bridge = _bridges[loop] = Bridge(loop)
    return bridge
