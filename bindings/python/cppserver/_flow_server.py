"""The server of :mod:`cppserver.aio`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self

from ._bridge import bridge_of
from ._errors import CppServerError, StateError, Status, make_error
from ._flow import Flow
from ._messages import WebSocket
from ._server import Server as NativeServer
from ._stream import Stream


class ServerCallbacks(NativeServer[Any]):
    """Callbacks of a server whose sessions feed flows."""

    front: Server[Any] | None = None

    def create_session(self) -> Any:
        front = self.front
        if front is None:
            return None
        session: Any = self.session_class(self)
        session.flow = front._make_flow(session)
        return session

    def on_started(self) -> None:
        front = self.front
        if front is not None:
            front._bridge.push(front._deliver_started, None)

    def on_stopped(self) -> None:
        front, self.front = self.front, None  # A cycle would outlive the server.
        if front is not None:
            front._bridge.push(front._deliver_stopped, None)

    def on_error(self, error: CppServerError) -> None:
        front = self.front
        if front is not None:
            front._bridge.push(front._deliver_error, error)


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    NativeT = TypeVar("NativeT", bound=NativeServer[Any], default=NativeServer[Any])
else:
    # Before Python 3.13 only type checkers know the default.
    from typing import TypeVar

    NativeT = TypeVar("NativeT", bound=NativeServer)


class Server(Generic[NativeT]):
    """Listens, and runs the handler in a task of its own for each connection.

    Made by :func:`start_server` and :func:`start_websocket_server`. As an asynchronous context
    manager it is closed on exit.
    """

    def __init__(
        self,
        native: NativeT,
        handler: Callable[[Any], Coroutine[Any, Any, object]],
        kind: type[Stream] | type[WebSocket],
        limit: int,
        high_water: int,
    ) -> None:
        """Make a server that is not started. Not for users."""
        self._native = native
        self._loop = asyncio.get_running_loop()
        self._bridge = bridge_of(self._loop)
        self._handler = handler
        self._kind = kind
        self._limit = limit
        self._high_water = high_water
        self._tasks: set[asyncio.Task[None]] = set()
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._stopped: asyncio.Future[None] = self._loop.create_future()

    async def __aenter__(self) -> Self:
        """Return the server."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the server and wait for its end."""
        self.close()
        await self.wait_closed()

    @property
    def native(self) -> NativeT:
        """The server beneath, for its counters, its options, ``multicast`` and ``publish``."""
        return self._native

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self._native.port

    def is_serving(self) -> bool:
        """Whether the server listens."""
        return self._native.is_started

    def close(self) -> None:
        """Stop listening and close all connections: the handlers read the end of their streams."""
        try:
            self._native.stop()
        except StateError:
            pass  # It is closed, or its service is.

    async def wait_closed(self) -> None:
        """Wait until the server is closed and every handler has returned."""
        await asyncio.shield(self._stopped)
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def serve_forever(self) -> None:
        """Wait until the server is closed; close it when this is cancelled."""
        try:
            await self.wait_closed()
        finally:
            self.close()

    def _make_flow(self, session: Any) -> Flow:
        flow = self._kind(self._bridge, self._loop, session, self._limit, self._high_water)
        flow._when_open = self._serve
        return flow

    def _serve(self, flow: Flow) -> None:
        task = self._loop.create_task(self._handle(flow))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handle(self, flow: Flow) -> None:
        try:
            await self._handler(flow)
        except asyncio.CancelledError:
            flow._fail()
            raise
        except Exception as exception:
            flow._fail()
            self._bridge.complain("the handler of a cppserver connection failed", exception)
        finally:
            flow.close()

    def _deliver_started(self, _: None) -> None:
        if not self._started.done():
            self._started.set_result(None)

    def _deliver_stopped(self, _: None) -> None:
        if not self._started.done():
            error = make_error(Status.INVALID_STATE, "state", "the server was stopped")
            self._started.set_exception(error)
        if not self._stopped.done():
            self._stopped.set_result(None)

    def _deliver_error(self, error: CppServerError) -> None:
        self._bridge.complain("a cppserver server met an error", error)

    async def _start(self, native: ServerCallbacks) -> None:
        """Listen, and wait until that is sure."""
        native.front = self
        try:
            native.start()
        except BaseException:
            native.front = None
            raise
        try:
            await self._started
        except BaseException:
            self.close()
            raise
