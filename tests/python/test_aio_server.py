"""Streams for asyncio: ends, errors, servers, interoperation and lifetime."""

from __future__ import annotations

import asyncio
import errno
import gc
import random
import socket
import struct
import threading
import weakref
from typing import Any

import pytest
from aio_helpers import Pair, echo, hold, run
from cppserver import (
    ArgumentError,
    Reason,
    RefusedError,
    ResetError,
    Service,
    StateError,
    SystemCallError,
    aio,
)
from helpers import DEADLINE, closed_port, dial, read_exactly, read_to_end, wait_until

pytestmark = pytest.mark.usefixtures("shared_service")


# Ends and errors


def test_a_refused_connect_raises() -> None:
    async def main() -> None:
        with pytest.raises(ConnectionRefusedError) as caught:
            await aio.connect("127.0.0.1", closed_port())
        assert isinstance(caught.value, RefusedError)
        with pytest.raises(socket.gaierror):
            await aio.connect("no.such.host.invalid", 80)
        with pytest.raises(ArgumentError):
            await aio.connect("127.0.0.1", 0)
        with pytest.raises(TypeError, match="no_such_option"):
            await aio.connect("127.0.0.1", 80, no_such_option=1)  # type: ignore[call-arg]

    run(main)


def test_a_reset_raises_in_a_read() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = await aio.connect("127.0.0.1", listener.getsockname()[1])
            accepted, _ = listener.accept()
            reading = asyncio.create_task(stream.read(1))
            await asyncio.sleep(0)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            accepted.close()
            with pytest.raises(ConnectionResetError) as caught:
                await reading
            assert isinstance(caught.value, ResetError)
            assert stream.reason is Reason.ERROR

    run(main)


def test_an_idle_stream_times_out() -> None:
    async def main() -> None:
        async with Pair(client={"idle_timeout": 0.05}) as (here, _):
            with pytest.raises(TimeoutError):
                await here.read(1)
            assert here.reason is Reason.TIMEOUT

    run(main)


def test_a_cancelled_connect_leaves_nothing() -> None:
    async def main() -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        connecting = asyncio.create_task(aio.connect("127.0.0.1", listener.getsockname()[1]))
        await asyncio.wait([connecting], timeout=0.01)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        for filler in (listener, *fillers):
            filler.close()

    run(main)


def test_a_cancelled_read_loses_nothing() -> None:
    async def main() -> None:
        async with Pair() as (here, there):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await here.readexactly(5)
            there.write(b"12345")
            assert await here.readexactly(5) == b"12345"

    run(main)


def test_local_address() -> None:
    async def main() -> None:
        port = closed_port()
        async with await aio.start_server(hold, "127.0.0.1", 0) as server:
            stream = await aio.connect("127.0.0.1", server.port, local_address=("127.0.0.2", port))
            assert stream.local_address == ("127.0.0.2", port)

    run(main)


def test_bad_sizes_are_refused() -> None:
    async def main() -> None:
        for arguments in ({"limit": 0}, {"limit": -1}, {"high_water": -1}):
            with pytest.raises(ValueError, match="number of bytes"):
                await aio.connect("127.0.0.1", 80, **arguments)  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="number of bytes"):
                await aio.start_server(echo, "127.0.0.1", 0, **arguments)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            await aio.connect("127.0.0.1", 80, limit="1")  # type: ignore[arg-type]

    run(main)


# Servers


def test_a_port_in_use_raises() -> None:
    async def main() -> None:
        async with await aio.start_server(echo, "127.0.0.1", 0) as server:
            assert server.is_serving()
            with pytest.raises(SystemCallError) as caught:
                await aio.start_server(echo, "127.0.0.1", server.port)
            assert caught.value.errno == errno.EADDRINUSE
        assert not server.is_serving()

    run(main)


def test_close_ends_the_streams_and_wait_closed_waits_for_the_handlers() -> None:
    ended: list[bytes] = []

    async def handler(stream: aio.Stream) -> None:
        data = await stream.read()
        await asyncio.sleep(0.01)  # The handler has work left after the end.
        ended.append(data)

    async def main() -> None:
        server = await aio.start_server(handler, "127.0.0.1", 0)
        streams = [await aio.connect("127.0.0.1", server.port) for _ in range(3)]
        for stream in streams:
            stream.write(b"x")
        while server.native.bytes_received < 3:
            await asyncio.sleep(0)
        server.close()
        server.close()
        await server.wait_closed()
        assert ended == [b"x"] * 3
        for stream in streams:
            assert await stream.read() == b""
            await stream.wait_closed()
            assert stream.reason is Reason.PEER_CLOSED

    run(main)


def test_serve_forever_closes_when_it_is_cancelled() -> None:
    async def main() -> None:
        server = await aio.start_server(echo, "127.0.0.1", 0)
        serving = asyncio.create_task(server.serve_forever())
        async with await aio.connect("127.0.0.1", server.port) as stream:
            stream.write(b"x")
            assert await stream.readexactly(1) == b"x"
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        await server.wait_closed()
        assert not server.is_serving()

    run(main)


def test_a_stream_is_closed_when_its_handler_returns() -> None:
    async def greet(stream: aio.Stream) -> None:
        stream.write(b"hello and goodbye")

    async def main() -> None:
        async with await aio.start_server(greet, "127.0.0.1", 0) as server:
            stream = await aio.connect("127.0.0.1", server.port)
            assert await stream.read() == b"hello and goodbye"

    run(main)


def test_an_exception_in_a_handler_is_reported_and_aborts() -> None:
    complaints: list[dict[str, Any]] = []

    async def fail(stream: aio.Stream) -> None:
        raise ZeroDivisionError("in a handler")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        async with asyncio.timeout(DEADLINE):
            async with await aio.start_server(fail, "127.0.0.1", 0) as server:
                stream = await aio.connect("127.0.0.1", server.port)
                assert await stream.read() == b""

    asyncio.run(main())
    assert [type(complaint["exception"]) for complaint in complaints] == [ZeroDivisionError]


def test_a_cancelled_handler_aborts() -> None:
    cancelled: list[asyncio.Task[Any]] = []

    async def handler(stream: aio.Stream) -> None:
        task = asyncio.current_task()
        assert task is not None
        cancelled.append(task)
        task.cancel()
        await asyncio.sleep(0)

    async def main() -> None:
        async with await aio.start_server(handler, "127.0.0.1", 0) as server:
            stream = await aio.connect("127.0.0.1", server.port)
            assert await stream.read() == b""
        assert cancelled[0].cancelled()

    run(main)


def test_a_service_of_ones_own() -> None:
    async def main() -> None:
        service = Service(threads=2)
        with pytest.raises(StateError):
            await aio.start_server(echo, "127.0.0.1", 0, service=service)
        with pytest.raises(StateError):
            await aio.connect("127.0.0.1", 80, service=service)
        with service:
            server = await aio.start_server(echo, "127.0.0.1", 0, service=service)
            assert server.native.service is service
            stream = await aio.connect("127.0.0.1", server.port, service=service)
            stream.write(b"x")
            assert await stream.readexactly(1) == b"x"
            await asyncio.to_thread(service.stop)
            await stream.wait_closed()
            assert stream.reason in (Reason.SERVICE_STOPPED, Reason.PEER_CLOSED)
            await server.wait_closed()
            with pytest.raises(StateError):
                await aio.connect("127.0.0.1", server.port, service=service)

    run(main)


def test_streams_of_a_closed_event_loop_are_disconnected() -> None:
    peers: list[socket.socket] = []
    servers: list[aio.Server] = []

    async def main() -> None:
        server = await aio.start_server(hold, "127.0.0.1", 0)
        servers.append(server)
        peer = dial(server.port)
        peers.append(peer)
        while server.native.current_sessions < 1:
            await asyncio.sleep(0)

    asyncio.run(main())
    # The loop is closed. What arrives finds nobody, and so does who connects.
    peers[0].sendall(b"anybody there?")
    assert read_to_end(peers[0]) == b""
    with dial(servers[0].port) as late:
        late.sendall(b"anybody?")
        assert read_to_end(late) == b""
    peers[0].close()
    servers[0].close()


def test_several_event_loops_share_the_service() -> None:
    def talk() -> None:
        async def main() -> None:
            async with await aio.start_server(echo, "127.0.0.1", 0) as server:
                async with await aio.connect("127.0.0.1", server.port) as stream:
                    for _ in range(20):
                        stream.write(b"hello")
                        assert await stream.readexactly(5) == b"hello"
            succeeded.append(1)

        asyncio.run(main())

    succeeded: list[int] = []
    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert len(succeeded) == 4


# Interoperation


def test_a_client_of_the_standard_library() -> None:
    data = random.Random(8).randbytes(5_000_000)

    def talk(port: int) -> None:
        with dial(port) as peer:
            sender = threading.Thread(target=peer.sendall, args=(data,))
            sender.start()
            assert read_exactly(peer, len(data)) == data
            sender.join()
            peer.shutdown(socket.SHUT_WR)
            assert read_to_end(peer) == b""

    async def main() -> None:
        async with await aio.start_server(echo, "127.0.0.1", 0) as server:
            await asyncio.gather(*(asyncio.to_thread(talk, server.port) for _ in range(2)))

    run(main, debug=False)


def test_streams_of_asyncio_at_the_other_end() -> None:
    async def echo_of_asyncio(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def main() -> None:
        data = random.Random(9).randbytes(2_000_000)
        async with await aio.start_server(echo, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(data)
            assert await reader.readexactly(len(data)) == data
            writer.close()
            await writer.wait_closed()
        other = await asyncio.start_server(echo_of_asyncio, "127.0.0.1", 0)
        async with other:
            port = other.sockets[0].getsockname()[1]
            async with await aio.connect("127.0.0.1", port) as stream:
                stream.write(data)
                assert await stream.readexactly(len(data)) == data

    run(main, debug=False)


# Lifetime


def test_streams_and_servers_are_freed() -> None:
    gone: list[weakref.ref[Any]] = []

    async def handler(stream: aio.Stream) -> None:
        gone.append(weakref.ref(stream))
        gone.append(weakref.ref(stream.connection))
        await echo(stream)

    async def main() -> None:
        server = await aio.start_server(handler, "127.0.0.1", 0)
        stream = await aio.connect("127.0.0.1", server.port)
        gone.extend((weakref.ref(server), weakref.ref(server.native)))
        gone.extend((weakref.ref(stream), weakref.ref(stream.connection)))
        stream.write(b"x")
        assert await stream.readexactly(1) == b"x"
        stream.close()
        await stream.wait_closed()
        server.close()
        await server.wait_closed()

    run(main)
    gc.collect()
    assert len(gone) == 6
    wait_until(lambda: not any(reference() for reference in gone))
