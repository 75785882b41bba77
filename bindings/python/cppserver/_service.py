"""The service: the I/O threads that everything else runs on."""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary, ref

from . import _library
from ._callbacks import base_implementation, next_key, overrides, report
from ._errors import CppServerError, StateError, argument_error, check, last_error, native_error


class Service:
    """One or more I/O threads, each with its own event loop.

    Servers, clients and timers belong to a service, and their callbacks run on its threads. With
    one thread, the default, no two callbacks of the service run at the same time.

    Override the ``on_...`` methods to be told; all of them are called on a thread of the service,
    and only the overridden ones cost anything. Whether a class overrides a callback is looked up
    once per class. An exception that a callback raises goes to ``on_error`` as
    :class:`HandlerError`, or to ``sys.unraisablehook`` when ``on_error`` is not overridden.

    Every method may be called on every thread and in every callback. A service that runs is kept
    alive by itself and is stopped when the interpreter exits. What is started or connected while
    it does not run waits in it for the next start, and keeps it alive until the stop after that. A
    process made by ``os.fork()`` must not use the services of its parent.

    As a context manager a service starts on entry, unless it runs already, and stops on exit.
    """

    _handle = 0
    _release = staticmethod(_library.service_release)
    _finished: threading.Event | None = None

    def __init__(self, threads: int = 1) -> None:
        """Make a service that is not started.

        Args:
            threads: Number of I/O threads; 0 means 1.

        Raises:
            ArgumentError: The number is out of range.
        """
        if not isinstance(threads, int):
            raise TypeError(f"threads is an int, not {type(threads).__name__}")
        if not 0 <= threads <= 0xFFFF:
            raise argument_error(f"threads is a number from 0 to 65535, not {threads}")
        handle = _library.service_create(threads)
        if not handle:
            raise last_error()
        self._handle = handle

    def __del__(self) -> None:
        """Give the native object back."""
        if self._handle:
            self._release(self._handle)

    def __enter__(self) -> Self:
        """Start the service unless it runs."""
        if not self.is_running:
            self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the service unless it is stopped."""
        if self.is_running:
            try:
                self.stop()
            except StateError:
                pass  # Somebody else stopped it meanwhile.

    # Life

    def start(self, polling: bool = False) -> None:
        """Start the threads. What was started on this service before begins to work now.

        Args:
            polling: Do not sleep while there is nothing to do, but call :meth:`on_idle` again and
                again. This keeps every thread of the service busy.

        Raises:
            StateError: The service is started already, or a stop is not finished.
            SystemCallError: A thread could not be made.
        """
        key = next_key()
        run = _runs[key] = _Run(self)
        previous, self._finished = self._finished, run.finished
        handler = ctypes.byref(_native_handler(type(self)))
        if _library.service_start(self._handle, bool(polling), handler, key):
            try:
                raise last_error()
            finally:
                _runs.pop(key, None)
                if self._finished is run.finished:
                    self._finished = previous

    def stop(self) -> None:
        """Stop the servers, clients and threads of this service.

        On a thread of any service this only asks for the stop and returns at once. On other threads
        it returns after the last callback.

        Raises:
            StateError: The service is not started.
        """
        check(_library.service_stop(self._handle))

    def restart(self) -> None:
        """Stop the service and start it again in the same mode. See :meth:`stop` about threads.

        Raises:
            StateError: The service is not started.
        """
        check(_library.service_restart(self._handle))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the service has stopped and made its last callback.

        Unlike :meth:`stop` this asks for nothing, and it can be interrupted by a signal. It must
        not be called on a thread of the service, which it would wait for.

        Args:
            timeout: Longest time to wait in seconds; None waits without end.

        Returns:
            False when the time ran out first.
        """
        finished = self._finished
        return finished is None or finished.wait(timeout)

    @property
    def is_running(self) -> bool:
        """Whether the service was started and has not made the last callback of that run yet."""
        return self._finished is not None and not self._finished.is_set()

    @property
    def is_started(self) -> bool:
        """Whether the service works: from just before ``on_started`` to just before ``on_stopped``.

        :meth:`start` does not wait for that.
        """
        return _library.service_is_started(self._handle)

    @property
    def threads(self) -> int:
        """Number of I/O threads."""
        return _library.service_threads(self._handle)

    @property
    def is_loop_thread(self) -> bool:
        """Whether the calling thread is one of this service's."""
        return _library.service_is_loop_thread(self._handle)

    # Calls

    def post(self, callback: Callable[..., object], *arguments: Any) -> None:
        """Call ``callback(*arguments)`` on a thread of the service, soon.

        Calls are made in the order in which they were posted, on the first thread. What is posted
        before the start is called right after it. An exception goes to :meth:`on_error`.
        """
        self._call(_library.service_post, callback, arguments)

    def dispatch(self, callback: Callable[..., object], *arguments: Any) -> None:
        """Call ``callback(*arguments)`` at once on the service's threads, else :meth:`post` it."""
        self._call(_library.service_dispatch, callback, arguments)

    def _call(
        self,
        function: Callable[[int, Any, int, Any], int],
        callback: Callable[..., object],
        arguments: tuple[Any, ...],
    ) -> None:
        key = register_call(self, callback, arguments)
        if function(self._handle, run_call, key, forget_call):
            try:
                raise last_error()
            finally:
                forget(key)

    # Callbacks

    def on_thread_initialize(self) -> None:
        """Called on every thread of the service before anything else."""

    def on_thread_cleanup(self) -> None:
        """Called on every thread of the service after everything else."""

    def on_started(self) -> None:
        """Called when the service has started."""

    def on_stopped(self) -> None:
        """Called when the service has stopped, after all callbacks of its servers and clients."""

    def on_idle(self) -> None:
        """Called again and again while there is nothing to do, if started with ``polling``."""

    @base_implementation
    def on_error(self, error: CppServerError) -> None:
        """Called with an error of the service itself, or with a callback's exception."""


EXIT_DEADLINE = 10.0
"""Seconds that the exit of the interpreter waits for a stop that was asked for before."""


class _Run:
    """One run of a service, from start to destroy."""

    __slots__ = ("finished", "service")

    def __init__(self, service: Service) -> None:
        self.service = service
        self.finished = threading.Event()


_runs: dict[int, _Run] = {}
_handlers: WeakKeyDictionary[type[Service], _library.ServiceHandler] = WeakKeyDictionary()
_calls: dict[int, tuple[ref[Service], Callable[..., object], tuple[Any, ...]]] = {}


def register_call(
    service: Service, callback: Callable[..., object], arguments: tuple[Any, ...]
) -> int:
    """Keep a call until its ``destroy``, and return its key.

    The service is not kept: a call may wait for a start that never comes.
    """
    if not callable(callback):
        raise TypeError(f"a callback is callable, not {type(callback).__name__}")
    key = next_key()
    _calls[key] = (ref(service), callback, arguments)
    return key


def forget(key: int) -> None:
    """Give up a call that the native library refused. It may have called ``destroy`` or not."""
    _calls.pop(key, None)


@_library.Notify
def run_call(key: int) -> None:
    """Make a posted call or a timer's."""
    service, callback, arguments = _calls[key]
    try:
        callback(*arguments)
    except BaseException as exception:
        report(service(), "a call", exception, getattr(callback, "__qualname__", None))


@_library.Notify
def forget_call(key: int) -> None:
    """Drop a call after its last time."""
    _calls.pop(key, None)


@_library.Notify
def _thread_initialize(key: int) -> None:
    # Without this, ctypes would make a thread state before and delete it after each callback, which
    # takes twenty times as long as the callback itself.
    _library.ensure_thread_state()
    service = _runs[key].service
    try:
        service.on_thread_initialize()
    except BaseException as exception:
        report(service, "on_thread_initialize", exception)


@_library.Notify
def _thread_cleanup(key: int) -> None:
    service = _runs[key].service
    try:
        service.on_thread_cleanup()
    except BaseException as exception:
        report(service, "on_thread_cleanup", exception)
    # PyGILState_LOCKED (0): the state stays until this callback itself gives it back.
    _library.release_thread_state(0)


@_library.Notify
def _started(key: int) -> None:
    service = _runs[key].service
    try:
        service.on_started()
    except BaseException as exception:
        report(service, "on_started", exception)


@_library.Notify
def _stopped(key: int) -> None:
    service = _runs[key].service
    try:
        service.on_stopped()
    except BaseException as exception:
        report(service, "on_stopped", exception)


@_library.Notify
def _idle(key: int) -> None:
    service = _runs[key].service
    try:
        service.on_idle()
    except BaseException as exception:
        report(service, "on_idle", exception)


@_library.NotifyError
def _error(key: int, code: int, category: bytes | None, message: bytes | None) -> None:
    service = _runs[key].service
    try:
        service.on_error(native_error(code, category, message))
    except BaseException as exception:
        report(service, "on_error", exception)


@_library.Notify
def _destroy(key: int) -> None:
    run = _runs.pop(key, None)
    if run is not None:
        run.finished.set()


def _native_handler(kind: type[Service]) -> _library.ServiceHandler:
    """Return the handler with the callbacks that a class overrides. Threads always need theirs."""
    handler = _handlers.get(kind)
    if handler is None:
        handler = _library.ServiceHandler(
            size=ctypes.sizeof(_library.ServiceHandler),
            on_thread_initialize=_thread_initialize,
            on_thread_cleanup=_thread_cleanup,
            destroy=_destroy,
        )
        for name, function in {
            "on_started": _started,
            "on_stopped": _stopped,
            "on_idle": _idle,
            "on_error": _error,
        }.items():
            if overrides(kind, Service, name):
                setattr(handler, name, function)
        _handlers[kind] = handler
    return handler


@atexit.register
def _stop_all() -> None:
    """Stop what runs: a native thread must not call into an interpreter that is gone."""
    for run in list(_runs.values()):
        try:
            run.service.stop()
        except CppServerError:
            pass  # It is stopping already.
        # Somebody's stop that is under way takes at most the deadlines of its sessions.
        run.finished.wait(EXIT_DEADLINE)


def _forget_all() -> None:
    """Forget what the parent process runs: the threads of it are not in this one.

    Here its services are as if nobody had made them. Their native objects are left alone, because
    giving one back could wait for a lock that such a thread held.
    """
    for run in _runs.values():
        run.service._handle = 0
        run.service._finished = None
    _runs.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
