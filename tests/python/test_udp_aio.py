"""Datagrams for asyncio."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from aio_helpers import run
from cppserver import (
    ArgumentError,
    CppServerError,
    LimitError,
    NotConnectedError,
    Reason,
    RefusedError,
    ResolverError,
    Service,
    StateError,
    SystemCallError,
    aio,
)
from helpers import DEADLINE, LoggingService, wait_until
from udp_helpers import LOOPBACK, UdpEcho, free_udp_port, plain_socket

pytestmark = pytest.mark.usefixtures("shared_service")

HERE = (LOOPBACK, 0)


class Echo:
    """An echo of datagrams, and a socket that speaks to it."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    async def __aenter__(self) -> aio.Datagrams:
        self.server = await aio.open_datagrams(HERE)
        self.task = asyncio.create_task(self.echo())
        remote = self.server.local_address
        self.client = await aio.open_datagrams(remote_address=remote, **self.options)
        return self.client

    async def echo(self) -> None:
        async for address, data, _ in self.server:
            self.server.send_to(address, data)

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        self.client.close()
        await self.task
        await self.client.wait_closed()


# Sending and receiving


def test_an_echo() -> None:
    async def main() -> None:
        async with Echo() as client:
            for size in (0, 1, 1472, 65_507):
                data = bytes(size)
                client.send(data)
                await client.drain()
                datagram = await client.receive()
                assert datagram == (client.native.destination, data, False)
                assert datagram.data == data
                assert datagram.address == client.native.destination
                assert not datagram.truncated
            with pytest.raises(ArgumentError, match="65508"):
                client.send(bytes(65_508))
            assert client.dropped == 0

    run(main)


def test_a_burst_keeps_its_order() -> None:
    async def main() -> None:
        async with Echo() as client:
            for first in range(0, 10_000, 50):  # What is under way has room in the sockets.
                for number in range(first, first + 50):
                    client.send(b"%d" % number)
                for number in range(first, first + 50):
                    assert (await client.receive()).data == b"%d" % number

    run(main, debug=False)


def test_iteration_ends_with_the_socket() -> None:
    async def main() -> None:
        datagrams = await aio.open_datagrams(HERE)
        with plain_socket() as plain:
            for data in (b"1", b"2", b"3"):
                plain.sendto(data, datagrams.local_address)
            seen = []
            async for address, data, truncated in datagrams:
                assert address == plain.getsockname()
                assert not truncated
                seen.append(data)
                if len(seen) == 3:
                    datagrams.close()
            assert seen == [b"1", b"2", b"3"]
        await datagrams.wait_closed()
        assert datagrams.reason is Reason.LOCAL
        assert [each async for each in datagrams] == []
        for call in (lambda: datagrams.send_to(HERE, b"x"), datagrams.receive_nowait):
            with pytest.raises(NotConnectedError):
                call()
        for waiting in (datagrams.receive, datagrams.drain):
            with pytest.raises(NotConnectedError):
                await waiting()
        datagrams.close()

    run(main)


def test_what_came_before_the_end_is_received_after_it() -> None:
    async def main() -> None:
        datagrams = await aio.open_datagrams(HERE)
        with plain_socket() as plain:
            plain.sendto(b"early", datagrams.local_address)
        wait_until(lambda: datagrams.native.datagrams_received == 1)
        datagrams.close()
        await datagrams.wait_closed()
        assert (await datagrams.receive()).data == b"early"
        with pytest.raises(NotConnectedError, match="closed"):
            await datagrams.receive()

    run(main)


def test_without_waiting() -> None:
    async def main() -> None:
        async with await aio.open_datagrams(HERE, datagram_limit=3) as datagrams:
            assert datagrams.receive_nowait() is None
            with plain_socket() as plain:
                plain.sendto(b"long", datagrams.local_address)
                wait_until(lambda: datagrams.native.datagrams_received == 1)
                assert datagrams.receive_nowait() == (plain.getsockname(), b"lon", True)
            assert datagrams.receive_nowait() is None

    run(main)


def test_several_tasks_receive_one_each() -> None:
    async def main() -> None:
        async with await aio.open_datagrams(HERE) as datagrams:
            tasks = [asyncio.create_task(datagrams.receive()) for _ in range(10)]
            await asyncio.sleep(0)
            tasks.pop().cancel()
            with plain_socket() as plain:
                for number in range(9):
                    plain.sendto(b"%d" % number, datagrams.local_address)
            received = [datagram.data for datagram in await asyncio.gather(*tasks)]
            assert sorted(received) == [b"%d" % number for number in range(9)]
            late = asyncio.create_task(datagrams.receive())
            await asyncio.sleep(0)
            datagrams.close()
            with pytest.raises(NotConnectedError):
                await late

    run(main)


def test_a_cancelled_receive_loses_nothing() -> None:
    async def main() -> None:
        async with Echo() as client:
            for number in range(100):
                task = asyncio.create_task(client.receive())
                await asyncio.sleep(0)
                client.send(b"%d" % number)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert (await client.receive()).data == b"%d" % number

    run(main)


# Limits


def test_what_nobody_receives_is_dropped_and_counted() -> None:
    async def main() -> None:
        async with await aio.open_datagrams(HERE, limit=10 * (256 + 100)) as datagrams:
            with plain_socket() as plain:
                for number in range(30):
                    plain.sendto(bytes([number]) * 100, datagrams.local_address)
                wait_until(lambda: datagrams.native.datagrams_received == 30)
                # The last of them is counted as received before it is dropped.
                wait_until(lambda: datagrams.dropped == 20)
                for number in range(10):
                    assert (await datagrams.receive()).data[0] == number
                assert datagrams.receive_nowait() is None
                plain.sendto(b"room again", datagrams.local_address)
                assert (await datagrams.receive()).data == b"room again"
                assert datagrams.dropped == 20

    run(main)


def test_drain_waits_until_all_has_left() -> None:
    async def main() -> None:
        service = LoggingService()
        gate = threading.Event()
        with service, plain_socket() as plain:
            datagrams = await aio.open_datagrams(
                remote_address=plain.getsockname(), service=service, high_water=1000
            )
            service.post(gate.wait, DEADLINE)
            for _ in range(10):
                datagrams.send(bytes(100))
            await datagrams.drain()  # No more than the high water waits.
            datagrams.send(b"x")
            waiting = asyncio.create_task(datagrams.drain())
            await asyncio.sleep(0)
            assert not waiting.done()
            gate.set()
            await waiting
            assert datagrams.native.bytes_pending == 0
            assert datagrams.native.datagrams_sent == 11
            datagrams.close()
            await datagrams.wait_closed()

    run(main)


def test_the_send_limit_is_an_error_of_the_call() -> None:
    async def main() -> None:
        gate = threading.Event()
        with LoggingService() as service, plain_socket() as plain:
            datagrams = await aio.open_datagrams(
                remote_address=plain.getsockname(), service=service, send_limit=1000
            )
            service.post(gate.wait, DEADLINE)
            with pytest.raises(LimitError):
                for _ in range(10):
                    datagrams.send(bytes(300))
            gate.set()
            await datagrams.drain()
            datagrams.close()
            await datagrams.wait_closed()

    run(main)


# Multicast


def test_groups_are_joined_and_left() -> None:
    group = "239.255.0.7"

    async def main() -> None:
        async with (
            await aio.open_datagrams(("0.0.0.0", 0), reuse_address=True) as member,
            await aio.open_datagrams(HERE, multicast_interface=LOOPBACK) as sender,
        ):
            sender.native.destination = (group, member.local_address[1])
            with pytest.raises(SystemCallError, match="is not joined"):
                await member.leave(group, interface=LOOPBACK)
            await member.join(group, interface=LOOPBACK)
            sender.send(b"hello")
            assert (await member.receive()).data == b"hello"
            with pytest.raises(SystemCallError, match="is joined already"):
                await member.join(group, interface=LOOPBACK)
            with pytest.raises(ArgumentError):
                await member.join("127.0.0.1")
            # Outcomes come in the order of the calls, also to who does not wait for them any more.
            changes = [
                asyncio.create_task(member.leave(group, interface=LOOPBACK)),
                asyncio.create_task(member.leave(group, interface=LOOPBACK)),
                asyncio.create_task(member.join(group, source=LOOPBACK, interface=LOOPBACK)),
            ]
            await asyncio.sleep(0)
            changes[0].cancel()
            outcomes = await asyncio.gather(*changes, return_exceptions=True)
            assert isinstance(outcomes[0], asyncio.CancelledError)
            assert isinstance(outcomes[1], SystemCallError)
            assert outcomes[2] is None
            sender.send(b"from the source")
            assert (await member.receive()).data == b"from the source"
            await member.leave(group, source=LOOPBACK, interface=LOOPBACK)

    run(main)


def test_a_change_of_groups_ends_with_the_socket() -> None:
    async def main() -> None:
        gate = threading.Event()
        with LoggingService() as service:
            datagrams = await aio.open_datagrams(HERE, service=service)
            service.post(gate.wait, DEADLINE)
            joining = asyncio.create_task(datagrams.join("239.255.0.7", interface=LOOPBACK))
            await asyncio.sleep(0)
            threading.Timer(0, gate.set).start()
            service.stop()
            outcome = (await asyncio.gather(joining, return_exceptions=True))[0]
            assert outcome is None or isinstance(outcome, NotConnectedError)
            await datagrams.wait_closed()
            assert datagrams.reason is Reason.SERVICE_STOPPED
            with pytest.raises(NotConnectedError):
                await datagrams.join("239.255.0.7", interface=LOOPBACK)

    run(main)


# Errors


def test_receive_raises_that_nobody_is_there_and_goes_on() -> None:
    async def main() -> None:
        port = free_udp_port()
        async with await aio.open_datagrams(remote_address=(LOOPBACK, port)) as client:
            for _ in range(2):
                client.send(b"anybody there?")
                with pytest.raises(RefusedError):
                    await client.receive()
            with Service() as service, UdpEcho(service, LOOPBACK, port):
                client.send(b"again")
                assert (await client.receive()).data == b"again"

    run(main)


def test_errors_go_to_on_error_if_there_is_one() -> None:
    async def main() -> None:
        errors: asyncio.Queue[CppServerError] = asyncio.Queue()
        nobody = (LOOPBACK, free_udp_port())
        options: Any
        for options in ({"local_address": HERE}, {"remote_address": nobody}):
            async with await aio.open_datagrams(on_error=errors.put_nowait, **options) as opened:
                opened.send_to(nobody, b"anybody there?")
                assert isinstance(await errors.get(), RefusedError)
                assert opened.receive_nowait() is None

    run(main)


def test_a_server_is_not_disturbed_by_peers_that_are_gone() -> None:
    async def main() -> None:
        async with await aio.open_datagrams(HERE) as server:
            with plain_socket() as plain:
                gone = plain.getsockname()
            server.send_to(gone, b"anybody there?")
            with plain_socket() as plain:
                plain.sendto(b"me", server.local_address)
                assert (await server.receive()).data == b"me"

    run(main)


def test_what_cannot_be_opened() -> None:
    async def main() -> None:
        with plain_socket() as plain:
            with pytest.raises(SystemCallError, match="in use"):
                await aio.open_datagrams(plain.getsockname())
        with pytest.raises(ResolverError):
            await aio.open_datagrams(remote_address=("no.such.host.invalid", 9))
        with pytest.raises(TypeError, match="local_address"):
            await aio.open_datagrams()
        with pytest.raises(TypeError, match="no option 'any_peer'"):
            await aio.open_datagrams(HERE, any_peer=True)
        for wrong in ({"limit": 0}, {"high_water": -1}):
            with pytest.raises(ValueError, match="bytes"):
                await aio.open_datagrams(HERE, **wrong)  # type: ignore[arg-type]
        with pytest.raises(StateError):
            await aio.open_datagrams(HERE, service=Service())

    run(main)


def test_both_addresses() -> None:
    async def main() -> None:
        port = free_udp_port()
        with Service() as service, UdpEcho(service, LOOPBACK, 0) as echo:
            remote = ("localhost", echo.port)
            async with await aio.open_datagrams((LOOPBACK, port), remote) as client:
                assert client.local_address == (LOOPBACK, port)
                client.send(b"x")
                assert (await client.receive()).address == (LOOPBACK, echo.port)

    run(main)


def test_an_opening_can_be_cancelled() -> None:
    async def main() -> None:
        gate = threading.Event()
        with LoggingService() as service:
            service.post(gate.wait, DEADLINE)
            opening = asyncio.create_task(aio.open_datagrams(HERE, service=service))
            await asyncio.sleep(0)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            gate.set()

    run(main)


def test_a_loop_that_is_closed_closes_the_socket() -> None:
    with LoggingService() as service, plain_socket() as plain:

        async def main() -> aio.Datagrams:
            return await aio.open_datagrams(HERE, service=service, limit=2 * 256)

        datagrams = asyncio.run(main())
        to = datagrams.local_address

        def is_closed() -> bool:
            plain.sendto(b"", to)
            return datagrams.native.fileno() == -1

        wait_until(is_closed)
        service.stop()
