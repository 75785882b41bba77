"""Servers, sessions and clients on Unix domain sockets."""

from __future__ import annotations

import os
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cppserver import (
    ArgumentError,
    NotConnectedError,
    Reason,
    StateError,
    SystemCallError,
    TcpSession,
    UnixClient,
    UnixServer,
    UnixSession,
    UnsupportedError,
)
from helpers import (
    DEADLINE,
    ClientLog,
    Log,
    LoggingService,
    ServerLog,
    SessionLog,
    read_exactly,
    read_to_end,
)

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has none")


class LoggingSession(SessionLog, UnixSession):
    server: LoggingUnixServer


class EchoSession(LoggingSession):
    def on_received(self, data: bytes) -> int | None:
        self.server.log.add("received", data)
        self.send(data)
        return None


class LoggingUnixServer(ServerLog, UnixServer[LoggingSession]):
    session_class = LoggingSession


class LoggingUnixClient(ClientLog, UnixClient):
    pass


@pytest.fixture
def path() -> Iterator[Path]:
    """Return a path in a directory of its own, whose name is short enough for a socket."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "socket"


def dial(path: Path) -> socket.socket:
    """Connect with the standard library."""
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(DEADLINE)
    peer.connect(str(path))
    return peer


@on_unix
def test_a_server_and_its_clients(service: LoggingService, path: Path) -> None:
    server = LoggingUnixServer(service, path, session_class=EchoSession)
    assert server.path == str(path)
    assert not path.exists()
    server.start_and_wait()
    assert stat.S_ISSOCK(path.stat().st_mode)
    client = LoggingUnixClient(service, str(path))
    assert client.path == str(path)
    client.connect_and_wait()
    client.send(b"x" * 1_000_000)
    client.log.wait_received(b"x" * 1_000_000)
    assert server.current_sessions == 1
    assert server.port == 0
    assert client.fileno() >= 0
    assert server.fileno() >= 0
    server.stop()
    assert client.log.wait("disconnected")[1] is Reason.PEER_CLOSED
    server.log.wait("stopped")
    assert not path.exists()


@on_unix
def test_the_standard_library_talks_with_a_server(service: LoggingService, path: Path) -> None:
    with LoggingUnixServer(service, path, session_class=EchoSession) as server:
        with dial(path) as peer:
            peer.sendall(b"hello")
            assert read_exactly(peer, 5) == b"hello"
            session = server.session()
            assert isinstance(session, UnixSession)
            server.multicast(b"to all")
            assert read_exactly(peer, 6) == b"to all"
            session.disconnect()
            assert read_to_end(peer) == b""
        assert server.log.wait("disconnected")[2] is Reason.LOCAL


@on_unix
def test_a_client_talks_with_the_standard_library(service: LoggingService, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        client = LoggingUnixClient(service, path)
        client.connect_and_wait()
        peer, _ = listener.accept()
        with peer:
            client.send(b"hello")
            assert read_exactly(peer, 5) == b"hello"
            peer.sendall(b"back")
            client.log.wait_received(b"back")
        assert client.log.wait("disconnected")[1] is Reason.PEER_CLOSED
        client.connect_and_wait()
        client.disconnect()
        client.log.wait("disconnected", Reason.LOCAL)


@on_unix
def test_neither_side_has_an_address(service: LoggingService, path: Path) -> None:
    with LoggingUnixServer(service, path) as server:
        client = LoggingUnixClient(service, path)
        client.connect_and_wait()
        for connection in (client, server.session()):
            for name in ("peer_address", "local_address"):
                with pytest.raises(NotConnectedError):
                    getattr(connection, name)


@on_unix
def test_the_permissions_of_the_file(service: LoggingService, path: Path) -> None:
    server = LoggingUnixServer(service, path, mode=0o600)
    assert server.mode == 0o600
    server.start_and_wait()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    server.mode = 0o660
    server.restart()
    server.log.wait("started", count=2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    server.mode = None
    assert server.mode is None
    server.stop()
    for wrong, error in ((-1, ArgumentError), (0o1000, ArgumentError), ("0600", TypeError)):
        with pytest.raises(error):
            server.mode = wrong  # type: ignore[assignment]
    with pytest.raises(TypeError):
        UnixServer(service, path, mode=True)


@on_unix
def test_a_file_that_was_left_behind_is_taken_over(service: LoggingService, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    assert path.exists()
    with LoggingUnixServer(service, path):
        dial(path).close()


@on_unix
def test_a_path_that_is_in_use(service: LoggingService, path: Path) -> None:
    with LoggingUnixServer(service, path) as server:
        other = LoggingUnixServer(service, path)
        with pytest.raises((SystemCallError, StateError)):
            other.start()
        dial(path).close()
    server.log.wait("stopped")
    path.write_text("a file of somebody else")
    with pytest.raises(SystemCallError):
        other.start()
    assert path.read_text() == "a file of somebody else"


@on_unix
def test_nobody_is_there(service: LoggingService, path: Path) -> None:
    client = LoggingUnixClient(service, path)
    client.connect()
    assert client.log.wait("disconnected")[1] is Reason.ERROR
    error = client.log.wait("error")[1]
    assert isinstance(error, SystemCallError)
    assert isinstance(error, OSError)
    assert str(path) in error.message


@on_unix
@pytest.mark.parametrize("form", [str, os.fsencode, Path])
def test_paths_have_several_forms(service: LoggingService, path: Path, form: Any) -> None:
    path = path.with_name("s\N{LATIN SMALL LETTER O WITH DIAERESIS}cket")
    with LoggingUnixServer(service, form(path)) as server:
        client = LoggingUnixClient(service, form(path))
        client.connect_and_wait()
        assert server.path == client.path == str(path)


@on_unix
def test_a_relative_path_is_made_absolute(
    service: LoggingService, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    server = LoggingUnixServer(service, "socket")
    assert Path(server.path).is_absolute()
    assert Path(server.path).resolve() == path.resolve()


@on_unix
def test_wrong_arguments(service: LoggingService, path: Path) -> None:
    for kind in (UnixServer, UnixClient):
        for wrong in ("", "x" * 200, "a\0b"):
            with pytest.raises(ArgumentError):
                kind(service, wrong)
        with pytest.raises(TypeError):
            kind(service, 5)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="service"):
            kind(None, path)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="UnixSession"):
        UnixServer(service, path, session_class=TcpSession)  # type: ignore[type-var]
    server: UnixServer[UnixSession] = UnixServer(service, path, send_limit=5)
    assert server.send_limit == 5
    client = UnixClient(service, path, connect_timeout=1.5)
    assert client.connect_timeout == 1.5


@on_unix
def test_an_exception_in_a_session_goes_to_its_on_error(
    service: LoggingService, path: Path, unraisable: Log
) -> None:
    class Session(UnixSession):
        def on_received(self, data: bytes) -> None:
            raise ValueError(data)

    with LoggingUnixServer(service, path, session_class=Session), dial(path) as peer:
        peer.sendall(b"x")
        assert isinstance(unraisable.wait()[0], ValueError)


@pytest.mark.skipif(sys.platform != "win32", reason="other systems have them")
def test_windows_has_none(service: LoggingService) -> None:
    for kind in (UnixServer, UnixClient):
        with pytest.raises(UnsupportedError):
            kind(service, "socket")
