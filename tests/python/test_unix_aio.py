"""Streams for asyncio on Unix domain sockets."""

from __future__ import annotations

import asyncio
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aio_helpers import echo, run
from cppserver import ArgumentError, NotConnectedError, SystemCallError, UnixServer, aio

pytestmark = [
    pytest.mark.usefixtures("shared_service"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has none"),
]


@pytest.fixture
def path() -> Iterator[Path]:
    """Return a path in a directory of its own, whose name is short enough for a socket."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "socket"


def mode_of(path: Path) -> int | None:
    """Return the permissions of a file; None when there is none."""
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else None


def test_streams(path: Path) -> None:
    async def main() -> None:
        async with await aio.start_unix_server(echo, path, mode=0o600) as server:
            assert isinstance(server.native, UnixServer)
            assert server.native.path == str(path)
            assert server.port == 0
            assert mode_of(path) == 0o600
            async with await aio.connect_unix(path) as stream:
                data = bytes(range(256)) * 10_000
                stream.write(data)
                assert await stream.readexactly(len(data)) == data
                with pytest.raises(NotConnectedError):
                    assert stream.peer_address
                stream.write(b"line\n")
                assert await stream.readline() == b"line\n"
        assert mode_of(path) is None

    run(main)


def test_asyncio_itself_talks_with_a_server(path: Path) -> None:
    async def main() -> None:
        async with await aio.start_unix_server(echo, str(path)):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
            writer.close()
            await writer.wait_closed()

    run(main)


def test_a_client_talks_with_asyncio_itself(path: Path) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    async def main() -> None:
        async with await asyncio.start_unix_server(handle, str(path)):
            async with await aio.connect_unix(str(path)) as stream:
                stream.write(b"hello\n")
                assert await stream.read() == b"hello\n"

    run(main)


def test_what_cannot_be_had(path: Path) -> None:
    async def main() -> None:
        with pytest.raises(SystemCallError):
            await aio.connect_unix(path)
        with pytest.raises(SystemCallError):
            await aio.start_unix_server(echo, path.parent / "nowhere" / "socket")
        with pytest.raises(ArgumentError):
            await aio.connect_unix("")
        with pytest.raises(ArgumentError):
            await aio.start_unix_server(echo, path, mode=0o7777)
        with pytest.raises(ValueError, match="limit"):
            await aio.connect_unix(path, limit=0)
        with pytest.raises(ValueError, match="high_water"):
            await aio.start_unix_server(echo, path, high_water=-1)

    run(main)
