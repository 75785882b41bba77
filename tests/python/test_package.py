"""The wheel, the examples, and the documentation's own programs."""

from __future__ import annotations

import doctest
import os
import re
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cppserver
import pytest
from cppserver import _library, _loader, aio, nano
from helpers import DEADLINE, Log, closed_port, dial, read_exactly, wait_until
from ssl_helpers import dial_tls, their_client_context
from udp_helpers import free_udp_port
from websockets.sync.client import connect
from websockets.sync.connection import Connection

PROJECT = Path(__file__).resolve().parents[2] / "bindings" / "python"
EXAMPLES = PROJECT / "examples"


class Program:
    """An example that runs, with its input and a log of the lines that it prints."""

    def __init__(self, name: str, *arguments: object) -> None:
        self.log = Log()
        self.process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Unbuffered, the lines of two threads would mix.
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            cwd=PROJECT.parents[1],
        )
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log.add(line.rstrip("\n"))

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def port(self) -> int:
        """Wait until the server listens and return its port."""
        self.log.wait("Press Enter to stop the server" + self.suffix())
        for line in self.log.names():
            if found := re.fullmatch(
                r"(?:TCP|SSL|UDP|WebSocket(?: SSL)?) server port: (\d+)", line
            ):
                return int(found[1])
        raise AssertionError("the server told no port")

    def suffix(self) -> str:
        plain = "tcp_echo" in str(self.process.args)
        return "..." if plain else " or '!' to restart it..."

    def end(self) -> None:
        """End the program by an empty line, and check that it ended well."""
        self.say("")
        assert self.process.wait(DEADLINE) == 0
        self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    """Return a list whose programs are ended after the test, however it went."""
    programs: list[Program] = []
    yield programs
    for program in programs:
        program.close()


def test_the_echo_server(programs: list[Program]) -> None:
    server = Program("tcp_echo_server.py", 0)
    programs.append(server)
    with dial(server.port()) as peer:
        peer.sendall(b"hello")
        assert read_exactly(peer, 5) == b"hello"
    server.end()


def visit(peer: socket.socket) -> None:
    """Leave a chat over a stream, and read to the end."""
    with peer:
        peer.sendall(b"!")
        data = b""
        while piece := peer.recv(1000):
            data += piece
        assert data.endswith(b"!")


def visit_websocket(peer: Connection) -> None:
    """Leave a chat over a WebSocket, and read to the end."""
    with peer:
        peer.send("!")
        assert list(peer)[-1] == "!"
        assert peer.close_code == 1000


VISITS: dict[str, Callable[[int], None]] = {
    "tcp": lambda port: visit(dial(port)),
    "ssl": lambda port: visit(dial_tls(port)),
    "websocket": lambda port: visit_websocket(connect(f"ws://127.0.0.1:{port}")),
    "websocket_ssl": lambda port: visit_websocket(
        connect(f"wss://localhost:{port}", ssl=their_client_context())
    ),
}


@pytest.mark.parametrize("protocol", VISITS)
def test_the_chat(programs: list[Program], protocol: str) -> None:
    server = Program(f"{protocol}_chat_server.py", closed_port())  # A restart keeps a chosen port.
    programs.append(server)
    port = server.port()
    clients = [Program(f"{protocol}_chat_client.py", "127.0.0.1", port) for _ in range(2)]
    programs.extend(clients)
    invitation = "Incoming: Welcome to the chat! Everyone reads what you send; '!' leaves."
    for client in clients:
        client.log.wait(invitation)
    clients[0].say("hello everyone")
    for program in (server, *clients):
        program.log.wait("Incoming: hello everyone")
    server.say("closing time")
    for client in clients:
        client.log.wait("Incoming: (admin) closing time")
    VISITS[protocol](port)
    clients[1].say("!")
    clients[1].log.wait(invitation, count=2)  # It comes back by itself.
    server.say("!")
    server.log.wait("Server restarted")
    for client, count in zip(clients, (2, 3), strict=True):
        client.log.wait(invitation, count=count)
        client.end()
    server.end()


def test_the_echo_of_datagrams(programs: list[Program]) -> None:
    server = Program("udp_echo_server.py", 0)
    programs.append(server)
    client = Program("udp_echo_client.py", "127.0.0.1", server.port())
    programs.append(client)

    def wait_until_opened(count: int) -> None:
        start = "Client opened on 127.0.0.1, port "
        wait_until(lambda: sum(line.startswith(start) for line in client.log.names()) == count)

    for count in (1, 2):
        wait_until_opened(count)
        client.say(f"hello {count}")
        client.log.wait(f"Incoming: hello {count}")
        client.say("!")
    client.log.wait("Client closed: disconnected by this side", count=2)
    server.say("!")
    server.log.wait("Server restarted")
    client.end()
    server.end()


def test_the_multicast(programs: list[Program]) -> None:
    port = free_udp_port()
    loopback = "127.0.0.1"
    server = Program("udp_multicast_server.py", "239.255.0.1", port, loopback)
    programs.append(server)
    server.log.wait("Press Enter to stop the server or '!' to restart it...")
    clients = [
        Program("udp_multicast_client.py", "0.0.0.0", group, port, loopback)
        for group in ("239.255.0.1", "239.255.0.1", "239.255.0.2")
    ]
    programs.extend(clients)
    *members, stranger = clients
    for member in members:
        member.log.wait("Client joined 239.255.0.1")
    stranger.log.wait("Client joined 239.255.0.2")
    server.say("hello everyone")
    for member in members:
        member.log.wait("Incoming: (admin) hello everyone")
    members[0].say("!")
    members[0].log.wait("Client joined 239.255.0.1", count=2)
    server.say("welcome back")
    for member in members:
        member.log.wait("Incoming: (admin) welcome back")
    server.say("!")
    server.log.wait("Server restarted")
    for program in programs:
        program.end()
    assert not [line for line in stranger.log.names() if "Incoming" in line]


@pytest.mark.parametrize(
    "name",
    [
        "aio_echo.py",
        "aio_nanomsg_request.py",
        "aio_udp_echo.py",
        "aio_websocket_echo.py",
    ],
)
def test_the_echo_with_coroutines(programs: list[Program], name: str) -> None:
    program = Program(name)
    programs.append(program)
    assert program.process.wait(DEADLINE) == 0
    program.reader.join(DEADLINE)
    assert program.log.names()[1:] == ["Echo: one", "Echo: two", "Echo: three"]


class Nanomsg:
    """Starts examples of the scalability protocols, and waits until they have begun."""

    def __init__(self, programs: list[Program]) -> None:
        self.programs = programs

    def start(self, name: str, *arguments: str) -> Program:
        program = Program(f"nanomsg_{name}.py", *arguments)
        self.programs.append(program)
        wait_until(lambda: any(str(line).startswith("Press Enter") for line in program.log.names()))
        return program

    def end(self) -> None:
        for program in reversed(self.programs):
            program.end()


@pytest.fixture
def nanomsg(programs: list[Program]) -> Nanomsg:
    return Nanomsg(programs)


def say_until_heard(speaker: Program, text: str, *listeners: tuple[Program, str]) -> None:
    """Say something again and again until all have heard it: who publishes waits for nobody."""

    def heard() -> bool:
        speaker.say(text)
        return all(line in listener.log.names() for listener, line in listeners)

    wait_until(heard)


def test_the_pair(nanomsg: Nanomsg) -> None:
    address = f"tcp://127.0.0.1:{closed_port()}"
    server, client = nanomsg.start("pair_server", address), nanomsg.start("pair_client", address)
    for count in (1, 2):
        client.say("hello")
        client.log.wait("Incoming: olleh", count=count)
        server.say("to the client")
        client.log.wait("Incoming: to the client", count=count)
        client.say("!")
        client.log.wait(f"Connected to {address}", count=count + 1)
    server.say("!")
    server.log.wait("Server restarted")
    client.log.wait(f"Connected to {address}", count=4)
    nanomsg.end()


def test_requests_and_replies(nanomsg: Nanomsg) -> None:
    address = f"tcp://127.0.0.1:{closed_port()}"
    server = nanomsg.start("request_server", address)
    client = nanomsg.start("request_client", address)
    for count in (1, 2):
        client.say("hello")
        client.log.wait("Response: olleh", count=count)
        client.say("!")
        server.say("!")
    nanomsg.end()


def test_work_that_is_pushed(nanomsg: Nanomsg) -> None:
    addresses = [f"tcp://127.0.0.1:{closed_port()}" for _ in range(2)]
    servers = [nanomsg.start("push_server", address) for address in addresses]
    client = nanomsg.start("push_client", *addresses)
    for server in servers:
        say_until_heard(client, "work", (server, "Incoming: work"))
    client.say("!")
    servers[0].say("!")
    say_until_heard(client, "more work", (servers[0], "Incoming: more work"))
    nanomsg.end()


def test_news_for_subscribers(nanomsg: Nanomsg) -> None:
    address = f"tcp://127.0.0.1:{closed_port()}"
    server = nanomsg.start("subscribe_server", address)
    everything = nanomsg.start("subscribe_client", address)
    weather = nanomsg.start("subscribe_client", address, "weather", "sports")
    for text in ("weather: rain", "weather: sun"):
        heard = f"Incoming: {text}"
        say_until_heard(server, text, (everything, heard), (weather, heard))
        server.say("politics")
        everything.log.wait("Incoming: politics")
        everything.say("!")
        server.say("!")
    nanomsg.end()
    assert "Incoming: politics" not in weather.log.names()


def test_surveys(nanomsg: Nanomsg) -> None:
    address = f"tcp://127.0.0.1:{closed_port()}"
    server = nanomsg.start("survey_server", address)
    clients = [nanomsg.start("survey_client", address) for _ in range(2)]

    def both_have_answered() -> bool:
        count = server.log.names().count("Survey finished!")
        server.say("hello")
        server.log.wait("Survey finished!", count=count + 1)
        return server.log.names().count("Answer: olleh") > 1

    wait_until(both_have_answered)
    for client in clients:
        client.log.wait("Incoming: hello")
    server.say("!")
    server.log.wait("Server restarted")
    nanomsg.end()


def test_a_bus(nanomsg: Nanomsg) -> None:
    addresses = [f"tcp://127.0.0.1:{closed_port()}" for _ in range(2)]
    center = nanomsg.start("bus", addresses[0])
    other = nanomsg.start("bus", addresses[1], addresses[0])
    for _ in range(2):
        say_until_heard(center, "from the center", (other, "Incoming: from the center"))
        say_until_heard(other, "from the other", (center, "Incoming: from the other"))
        center.say("!")
        center.log.wait("Node restarted")
    nanomsg.end()


def test_a_node_needs_an_address() -> None:
    program = Program("nanomsg_bus.py")
    assert program.process.wait(DEADLINE) == 1
    program.close()
    assert program.log.names() == ["Usage: python nanomsg_bus.py ADDRESS [NODE...]"]


def test_a_port_in_use_ends_an_example_with_an_error(programs: list[Program]) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:
        program = Program("tcp_echo_server.py", listener.getsockname()[1])
        programs.append(program)
        assert program.process.wait(DEADLINE) == 1
        program.reader.join(DEADLINE)
    assert "cppserver._errors.SystemCallError" in program.log.names()[-1]


@pytest.mark.parametrize("module", [cppserver, aio, nano])
def test_the_programs_in_the_documentation_compile(module: object) -> None:
    examples = doctest.DocTestParser().get_examples(module.__doc__ or "")
    assert examples
    for example in examples:
        compile(example.source, "documentation", "exec")


def test_the_programs_in_the_readme_compile() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(programs) == 10
    for program in programs:
        compile(program, "README.md", "exec")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the library under test."""
    output = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(output)]
    environment = {
        **os.environ,
        "CPPSERVER_LIBRARY": _library._releasing_library._name,
        "CPPSERVER_WHEEL_PLATFORM": "some-platform_1.2",
    }
    result = subprocess.run(
        [*command, str(PROJECT)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=4 * DEADLINE,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    (built,) = output.iterdir()
    return built


def test_the_wheel_is_for_every_python_of_one_platform(wheel: Path) -> None:
    assert wheel.name == f"cppserver-{cppserver.__version__}-py3-none-some_platform_1_2.whl"
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/WHEEL")]
        text = archive.read(name).decode()
    assert "Root-Is-Purelib: false" in text
    assert "Tag: py3-none-some_platform_1_2" in text


def test_the_wheel_carries_library_types_and_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    library = _loader.library_names()[0]
    for name in (library, "py.typed", "__init__.py", "aio.py", "_library.py", "LICENSE"):
        assert f"cppserver/{name}" in names
    assert not [name for name in names if not name.startswith("cppserver")]
    assert not [name for name in names if "examples" in name or "hatch_build" in name]


def test_the_wheel_works_without_anything_else(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("CPPSERVER_LIBRARY", "PYTHONPATH")
    }
    program = (
        "import cppserver, cppserver._library as library\n"
        "with cppserver.Service() as service: pass\n"
        "print(library._releasing_library._name)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert result.stderr == ""
    assert result.stdout.strip() == str(tmp_path / "cppserver" / _loader.library_names()[0])


def test_a_wheel_without_a_library_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    result = subprocess.run(
        [*command, "--outdir", str(tmp_path), str(PROJECT)],
        env={**os.environ, "CPPSERVER_LIBRARY": str(tmp_path / "missing.so")},
        capture_output=True,
        text=True,
        timeout=4 * DEADLINE,
        check=False,
    )
    assert result.returncode != 0
    assert "a wheel needs the native library" in result.stdout + result.stderr
    assert not list(tmp_path.iterdir())
