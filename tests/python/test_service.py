"""The service: its life, its threads, its callbacks and posted calls."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Callable

import pytest
from cppserver import (
    ArgumentError,
    CppServerError,
    HandlerError,
    Service,
    StateError,
    TcpServer,
    _service,
)
from helpers import DEADLINE, Log, LoggingService, wait_until


def test_a_run_calls_back_in_order() -> None:
    service = LoggingService()
    assert not service.is_started
    assert not service.is_running
    service.start()
    assert service.is_running
    service.log.wait("started")
    assert service.is_started
    service.stop()
    assert not service.is_started
    assert not service.is_running
    assert service.log.names() == ["thread_initialize", "started", "stopped", "thread_cleanup"]


def test_each_thread_is_initialized_and_cleaned_up() -> None:
    service = LoggingService(threads=3)
    assert service.threads == 3
    service.start()
    service.log.wait("thread_initialize", count=3)
    service.stop()
    begun = {event[1] for event in service.log.events("thread_initialize")}
    ended = {event[1] for event in service.log.events("thread_cleanup")}
    assert len(begun) == 3
    assert begun == ended
    assert threading.get_ident() not in begun


def test_no_threads_mean_one() -> None:
    assert Service(threads=0).threads == 1


@pytest.mark.parametrize("threads", [-1, 0x10000, 2**32 + 1])
def test_a_number_of_threads_out_of_range_is_refused(threads: int) -> None:
    with pytest.raises(ArgumentError):
        Service(threads)


def test_a_number_of_threads_is_an_int() -> None:
    with pytest.raises(TypeError):
        Service("2")  # type: ignore[arg-type]


def test_start_and_stop_in_the_wrong_state_raise() -> None:
    service = LoggingService()
    with pytest.raises(StateError):
        service.stop()
    with pytest.raises(StateError):
        service.restart()
    service.start()
    with pytest.raises(StateError) as caught:
        service.start()
    assert caught.value.category == "state"
    service.stop()
    with pytest.raises(StateError):
        service.stop()
    assert service.log.names().count("started") == 1


def test_a_service_can_run_again() -> None:
    service = LoggingService()
    for count in (1, 2):
        service.start()
        service.log.wait("started", count=count)
        service.stop()
        assert service.log.names().count("stopped") == count


def test_a_restart_is_a_stop_and_a_start(service: LoggingService) -> None:
    service.restart()
    service.log.wait("started", count=2)
    names = [name for name in service.log.names() if not name.startswith("thread")]
    assert names == ["started", "stopped", "started"]
    assert service.is_started


def test_a_service_survives_many_restarts() -> None:
    service = LoggingService()
    for _ in range(500):
        service.start()
        service.restart()
        service.stop()
    assert service.log.names().count("started") == 1000
    assert service.log.names().count("stopped") == 1000


@pytest.mark.parametrize("action", [Service.stop, Service.restart])
def test_stop_and_restart_on_the_own_thread_only_ask(
    service: LoggingService, action: Callable[[Service], None]
) -> None:
    log = Log()

    def act() -> None:
        action(service)
        log.add("returned", [name for name in service.log.names() if name == "stopped"])

    service.post(act)
    assert log.wait("returned")[1] == []
    service.log.wait("stopped")
    if action is Service.restart:
        service.log.wait("started", count=2)
    else:
        assert service.wait(DEADLINE)


def test_stop_on_a_thread_of_another_service_only_asks(service: LoggingService) -> None:
    other = LoggingService()
    other.start()
    other.log.wait("started")
    service.post(other.stop)
    other.log.wait("stopped")
    assert other.wait(DEADLINE)


def test_wait_tells_whether_the_run_is_over(service: LoggingService) -> None:
    assert Service().wait()
    assert not service.wait(timeout=0)
    waiter = threading.Thread(target=service.wait)
    waiter.start()
    service.stop()
    waiter.join(DEADLINE)
    assert not waiter.is_alive()
    assert service.wait(timeout=0)


def test_a_context_starts_and_stops() -> None:
    with LoggingService() as service:
        service.log.wait("started")
    assert service.log.names().count("stopped") == 1
    with service:
        service.stop()  # The exit finds it stopped.
    service.start()
    with service:
        assert service.is_running
    assert not service.is_running


def test_idle_calls_come_only_while_polling() -> None:
    class Idler(LoggingService):
        def on_idle(self) -> None:
            self.log.add("idle")

    service = Idler()
    service.start(polling=True)
    service.log.wait("idle", count=3)
    service.stop()
    count = len(service.log.events("idle"))
    service.start()
    done = Log()
    service.post(done.add, "done")
    done.wait("done")
    service.stop()
    assert len(service.log.events("idle")) == count


def test_posted_calls_keep_their_order_and_arguments(service: LoggingService) -> None:
    log = Log()
    for number in range(1000):
        service.post(log.add, "call", number)
    log.wait("call", 999)
    assert log.events() == [("call", number) for number in range(1000)]


def test_calls_posted_before_the_start_wait_for_it() -> None:
    service, log = LoggingService(), Log()
    service.post(log.add, "call", 1)
    service.dispatch(log.add, "call", 2)
    assert log.events() == []
    with service:
        log.wait("call", 2)
    assert log.events() == [("call", 1), ("call", 2)]


def test_dispatch_calls_at_once_on_the_own_thread(service: LoggingService) -> None:
    log = Log()

    def outer() -> None:
        log.add("is loop thread", service.is_loop_thread)
        service.post(log.add, "posted")
        service.dispatch(log.add, "dispatched")
        log.add("outer ends")

    assert not service.is_loop_thread
    service.dispatch(outer)
    log.wait("posted")
    assert log.events() == [("is loop thread", True), ("dispatched",), ("outer ends",), ("posted",)]


def test_many_threads_may_post(service: LoggingService) -> None:
    log = Log()

    def post(number: int) -> None:
        for turn in range(250):
            service.post(log.add, number, turn)

    threads = [threading.Thread(target=post, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    for number in range(4):
        log.wait(number, 249)
        assert log.events(number) == [(number, turn) for turn in range(250)]


def test_only_something_callable_can_be_posted(service: LoggingService) -> None:
    with pytest.raises(TypeError):
        service.post("no function")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        service.dispatch(None)  # type: ignore[arg-type]


def test_a_thread_keeps_its_python_state_between_calls(service: LoggingService) -> None:
    # Each callback with a thread state of its own would be twenty times as slow.
    local, log = threading.local(), Log()

    def write() -> None:
        local.value = 42

    service.post(write)
    service.post(lambda: log.add("read", getattr(local, "value", None)))
    assert log.wait("read") == ("read", 42)


def test_an_exception_in_a_call_comes_to_on_error() -> None:
    service = LoggingService()

    def fail() -> None:
        raise ZeroDivisionError("posted")

    with service:
        service.post(fail)
        error = service.log.wait("error")[1]
    assert isinstance(error, HandlerError)
    assert (error.code, error.category) == (8, "handler")
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert "fail" in error.message
    assert "posted" in error.message


CALLBACKS = ["on_thread_initialize", "on_started", "on_idle", "on_stopped", "on_thread_cleanup"]


@pytest.mark.parametrize("name", CALLBACKS)
def test_an_exception_in_a_callback_comes_to_on_error(name: str) -> None:
    def fail(service: LoggingService) -> None:
        raise KeyError(name)

    kind = type("Failing", (LoggingService,), {name: fail})
    service = kind()
    service.start(polling=True)
    if name in CALLBACKS[:3]:
        service.log.wait("error")
    service.stop()
    error = service.log.wait("error")[1]
    assert isinstance(error, HandlerError)
    assert isinstance(error.__cause__, KeyError)
    assert name in error.message


@pytest.mark.parametrize("name", CALLBACKS)
def test_an_exception_without_on_error_is_unraisable(name: str, unraisable: Log) -> None:
    cause = SystemExit(name)

    def fail(service: Service) -> None:
        raise cause

    service = type("Failing", (Service,), {name: fail})()
    service.start(polling=True)
    if name in CALLBACKS[:3]:
        unraisable.wait(cause)
    service.stop()
    raised = unraisable.wait(cause)[1]
    assert raised.exc_type is SystemExit
    assert raised.object is service
    assert f"Failing.{name}" in raised.err_msg


def test_an_exception_in_on_error_is_unraisable_with_its_reason(unraisable: Log) -> None:
    first, second = ValueError("first"), ValueError("second")

    class Failing(Service):
        def on_started(self) -> None:
            raise first

        def on_error(self, error: CppServerError) -> None:
            raise second

    with Failing():
        unraisable.wait(first)
        unraisable.wait(second)


def test_the_stock_hook_prints_the_exception(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)

    def fail() -> None:
        raise ValueError("the text of the exception")

    with Service() as service:
        done = threading.Event()
        service.post(fail)
        service.post(done.set)
        assert done.wait(DEADLINE)
    printed = capsys.readouterr().err
    assert "ValueError: the text of the exception" in printed
    assert "Exception ignored in" in printed


def test_only_overridden_callbacks_are_registered() -> None:
    plain = _service._native_handler(Service)
    assert plain.destroy
    assert not (plain.on_started or plain.on_stopped or plain.on_idle or plain.on_error)

    class Idler(Service):
        def on_idle(self) -> None:
            return

    handler = _service._native_handler(Idler)
    assert handler.on_idle
    assert not (handler.on_started or handler.on_stopped or handler.on_error)


def test_a_running_service_lives_and_a_stopped_one_does_not() -> None:
    service: Service | None = Service()
    assert service is not None
    gone = weakref.ref(service)
    service.start()
    service = None
    service = gone()
    assert service is not None
    service.stop()
    service = None
    assert gone() is None


def test_a_service_that_ends_itself_is_freed() -> None:
    service: LoggingService | None = LoggingService()
    assert service is not None
    log, gone = service.log, weakref.ref(service)
    service.start()
    service.post(service.stop)
    service = None
    log.wait("stopped")
    wait_until(lambda: gone() is None)


def test_calls_that_are_never_made_are_freed_with_the_service() -> None:
    class Callback:
        def __call__(self) -> None:
            raise AssertionError("the service was never started")

    callback: Callback | None = Callback()
    assert callback is not None
    gone = weakref.ref(callback)
    service: Service | None = Service()
    assert service is not None
    service.post(callback)
    callback = None
    assert gone() is not None
    service = None
    assert gone() is None


def test_a_call_is_freed_after_it_was_made(service: LoggingService) -> None:
    log, token = Log(), type("Token", (), {})()
    gone = weakref.ref(token)
    service.post(log.add, "call", id(token))
    service.post(lambda kept: log.add("last"), token)
    del token
    log.wait("last")
    wait_until(lambda: gone() is None)


def test_a_subclass_may_forget_the_constructor() -> None:
    class Forgetful(Service):
        def __init__(self) -> None:
            pass

    service = Forgetful()
    assert not service.is_started
    with pytest.raises(ArgumentError):
        service.start()
    assert service.wait(0)


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(script)]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)


def test_the_exit_of_the_interpreter_stops_what_runs() -> None:
    result = run_script(
        """
        import atexit, socket, cppserver
        class Session(cppserver.TcpSession):
            def on_received(self, data): self.send(data)
            def on_disconnected(self, reason): print(reason.name, flush=True)
        class Service(cppserver.Service):
            def on_stopped(self): print("stopped", flush=True)
        service = Service()
        service.start()
        server = cppserver.TcpServer(service, "127.0.0.1", 0, session_class=Session)
        server.start()
        peer = socket.create_connection(("127.0.0.1", server.port))
        peer.sendall(b"hello")
        assert peer.recv(5) == b"hello"
        """
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "SERVICE_STOPPED\nstopped\n"


def test_the_exit_waits_for_a_stop_that_was_asked_for() -> None:
    result = run_script(
        """
        import cppserver, threading
        class Service(cppserver.Service):
            def on_stopped(self): print("stopped", flush=True)
        service, asked = Service(), threading.Event()
        service.start()
        service.post(lambda: (service.stop(), asked.set()))
        asked.wait()
        """
    )
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "stopped\n")


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system has no fork")
def test_a_forked_process_ends_without_the_threads_of_its_parent() -> None:
    result = run_script(
        """
        import os, warnings, cppserver
        warnings.simplefilter("ignore")
        with cppserver.Service() as service:
            child = os.fork()
            if not child:
                own = cppserver.Service()
                with own:
                    pass
                raise SystemExit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    )
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "7\n")


def test_a_server_outlives_its_reference_on_a_running_service(service: LoggingService) -> None:
    server: TcpServer | None = TcpServer(service, "127.0.0.1", 0)
    assert server is not None
    gone = weakref.ref(server)
    server.start()
    server = None
    assert gone() is not None
    service.stop()
    assert gone() is None
