"""The other end is the standard library: sockets and asyncio streams, small and large."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import threading

import pytest
from cppserver import Reason
from helpers import (
    DEADLINE,
    LoggingClient,
    LoggingServer,
    LoggingService,
    dial,
    read_exactly,
    read_to_end,
)


def test_large_data_goes_both_ways_at_once(echo_server: LoggingServer) -> None:
    data = random.Random(1).randbytes(20_000_000)
    with dial(echo_server.port) as peer:
        sender = threading.Thread(target=peer.sendall, args=(data,))
        sender.start()
        answer = read_exactly(peer, len(data))
        sender.join(DEADLINE)
    assert hashlib.sha256(answer).digest() == hashlib.sha256(data).digest()


def test_every_cut_of_the_stream_arrives_whole(echo_server: LoggingServer) -> None:
    generator = random.Random(2)
    data = generator.randbytes(100_000)
    with dial(echo_server.port) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        at = 0
        while at < len(data):
            size = generator.choice((1, 2, 7, 100, 5000))
            peer.sendall(data[at : at + size])
            at += size
        assert read_exactly(peer, len(data)) == data


def test_many_connections_in_a_row(echo_server: LoggingServer) -> None:
    for number in range(300):
        with dial(echo_server.port) as peer:
            text = b"%d" % number
            peer.sendall(text)
            assert read_exactly(peer, len(text)) == text


def test_many_connections_at_once(echo_server: LoggingServer) -> None:
    peers = [dial(echo_server.port) for _ in range(200)]
    for turn in range(5):
        for number, peer in enumerate(peers):
            peer.sendall(b"%d %03d" % (turn, number))
        for number, peer in enumerate(peers):
            assert read_exactly(peer, 5) == b"%d %03d" % (turn, number)
    for peer in peers:
        peer.close()


def test_a_server_of_the_standard_library(service: LoggingService) -> None:
    data = random.Random(3).randbytes(5_000_000)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = LoggingClient(service, "127.0.0.1", listener.getsockname()[1])
        client.connect()
        peer, _ = listener.accept()
        peer.settimeout(DEADLINE)
        with peer:
            client.log.wait("connected")
            client.send(data)
            assert read_exactly(peer, len(data)) == data
            sender = threading.Thread(target=peer.sendall, args=(data,))
            sender.start()
            client.log.wait_received(data)
            sender.join(DEADLINE)
            client.send(b"last words")
            client.disconnect()
            assert read_to_end(peer) == b"last words"
        client.log.wait("disconnected", Reason.LOCAL)


def test_a_server_that_speaks_first(service: LoggingService) -> None:
    # The greeting may be there before the client has noticed that it is connected.
    peers = []

    def greet(listener: socket.socket) -> None:
        for _ in range(300):
            peer, _ = listener.accept()
            peer.sendall(b"welcome")
            peers.append(peer)

    with socket.create_server(("127.0.0.1", 0), backlog=300) as listener:
        greeter = threading.Thread(target=greet, args=(listener,))
        greeter.start()
        port = listener.getsockname()[1]
        clients = [LoggingClient(service, "127.0.0.1", port) for _ in range(300)]
        for client in clients:
            client.connect()
        greeter.join(DEADLINE)
        for client in clients:
            client.log.wait_received(b"welcome")
    for peer in peers:
        peer.close()


def test_a_client_of_asyncio(echo_server: LoggingServer) -> None:
    data = random.Random(4).randbytes(3_000_000)

    async def talk(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", echo_server.port)
        mine = data[number * 1000 :]
        writer.write(mine)
        assert await reader.readexactly(len(mine)) == mine
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*(talk(number) for number in range(8)))

    asyncio.run(main())
    echo_server.log.wait("disconnected", count=8)


def test_a_server_of_asyncio(service: LoggingService) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server, asyncio.timeout(DEADLINE):
            port = server.sockets[0].getsockname()[1]
            clients = [LoggingClient(service, "127.0.0.1", port) for _ in range(8)]
            for client in clients:
                client.connect()
            await asyncio.to_thread(converse, clients)

    def converse(clients: list[LoggingClient]) -> None:
        for number, client in enumerate(clients):
            client.log.wait("connected")
            client.send(b"%d" % number * 100_000)
        for number, client in enumerate(clients):
            client.log.wait_received(b"%d" % number * 100_000)
            client.disconnect()
            client.log.wait("disconnected")

    asyncio.run(main())


@pytest.mark.parametrize("how", [socket.SHUT_WR, socket.SHUT_RDWR])
def test_a_peer_that_shuts_down_gets_what_was_sent_before(
    echo_server: LoggingServer, how: int
) -> None:
    with dial(echo_server.port) as peer:
        peer.sendall(b"first")
        assert read_exactly(peer, 5) == b"first"
        peer.shutdown(how)
        assert read_to_end(peer) == b""
    echo_server.log.wait("session disconnected", Reason.PEER_CLOSED)


def test_bytes_and_shutdown_in_one_packet_are_answered(echo_server: LoggingServer) -> None:
    with dial(echo_server.port) as peer:
        peer.sendall(b"question")
        peer.shutdown(socket.SHUT_WR)
        assert read_to_end(peer) == b"question"
    echo_server.log.wait("session disconnected", Reason.PEER_CLOSED)
