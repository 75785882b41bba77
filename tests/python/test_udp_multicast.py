"""Multicast: who has joined a group hears it, and nobody else does.

The loopback interface carries multicasts of IPv4 alone, at least on Linux. So where this user may
make a network namespace, the tests run once more in one, on an interface that carries both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any, NamedTuple

import pytest
from cppserver import ArgumentError, HandlerError, NotConnectedError, SystemCallError
from helpers import DEADLINE, LoggingService
from udp_helpers import LOOPBACK, LoggingUdpClient, LoggingUdpServer

NAMESPACE = "CPPSERVER_TEST_NAMESPACE"
"""Set in the environment of the tests in a namespace of their own."""


class Network(NamedTuple):
    """Where to listen, two groups, the interface that carries them, and its own address."""

    listen: str
    group: str
    other: str
    interface: str
    source: str


if NAMESPACE in os.environ:
    NETWORKS = [
        Network("0.0.0.0", "239.255.0.1", "239.255.0.2", "v0", "192.0.2.1"),
        Network("::", "ff05::4242", "ff05::4243", "v0", "fd00::1"),
    ]
else:
    NETWORKS = [Network("0.0.0.0", "239.255.0.1", "239.255.0.2", LOOPBACK, LOOPBACK)]

each_network = pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.group)
on_loopback = pytest.mark.skipif(NAMESPACE in os.environ, reason="needs no network")

SET_UP = """\
ip link set lo up &&
ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up &&
ip -6 addr add fd00::1/64 dev v0 nodad && ip addr add 192.0.2.1/24 dev v0"""


def in_namespace(script: str, *arguments: str) -> list[str]:
    return ["unshare", "--net", "--map-root-user", "sh", "-c", script, *arguments]


@on_loopback
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has network namespaces")
def test_all_this_on_a_network(request: pytest.FixtureRequest) -> None:
    try:
        subprocess.run(in_namespace(SET_UP), capture_output=True, check=True, timeout=DEADLINE)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may make no network namespace")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-c", str(request.config.inipath), "--rootdir", str(request.config.rootpath)]
    result = subprocess.run(
        in_namespace(f'{SET_UP} && exec "$0" "$@"', *command, __file__),
        env={**os.environ, NAMESPACE: "1"},
        capture_output=True,
        text=True,
        timeout=8 * DEADLINE,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout


def receiver(service: LoggingService, listen: str, port: int = 0) -> LoggingUdpServer:
    """Return a started server on a port that others may share."""
    server = LoggingUdpServer(service, listen, port, reuse_address=True)
    server.start_and_wait()
    return server


def sender(
    service: LoggingService, network: Network, port: int, **options: Any
) -> LoggingUdpServer:
    """Return a started server whose sends go to the group."""
    server = LoggingUdpServer(
        service,
        network.listen,
        0,
        destination=(network.group, port),
        multicast_interface=network.interface,
        **options,
    )
    server.start_and_wait()
    return server


def pump(service: LoggingService) -> None:
    """Wait for some turns of the loop, so that whatever was on its way has arrived."""
    for _ in range(3):
        turned = threading.Event()
        service.post(turned.set)
        assert turned.wait(DEADLINE)


def heard(server: LoggingUdpServer) -> list[bytes]:
    return [event[1] for event in server.log.events("received")]


@each_network
def test_members_hear_the_group_while_they_are_members(
    service: LoggingService, network: Network
) -> None:
    listen, group, interface = network.listen, network.group, network.interface
    first = receiver(service, listen)
    second = receiver(service, listen, first.port)
    stranger = receiver(service, listen, first.port)
    # It is a member of another group, on the same port.
    stranger.join(network.other, interface=interface)
    stranger.log.wait("joined", network.other, None)
    server = sender(service, network, first.port)
    assert server.destination == (group, first.port)
    assert server.multicast_interface == interface
    numbers = [b"%d" % number for number in range(61)]

    first.join(group, interface=interface)
    first.log.wait("joined", group, None)
    for number in numbers[:20]:
        server.send(number)
        first.log.wait("received", number)
    second.join(group, interface=interface)
    second.log.wait("joined", group, None)
    for number in numbers[20:40]:
        server.send(number)
        first.log.wait("received", number)
        second.log.wait("received", number)
    first.leave(group, interface=interface)
    first.log.wait("left", group, None)
    for number in numbers[40:60]:
        server.send(number)
        second.log.wait("received", number)
    second.leave(group, interface=interface)
    second.log.wait("left", group, None)
    server.send(numbers[60])
    server.log.wait("empty", count=61)
    pump(service)
    assert heard(first) == numbers[:40]
    assert heard(second) == numbers[20:60]
    assert heard(stranger) == []
    for endpoint in (first, second, stranger, server):
        assert not endpoint.log.events("error")


@each_network
def test_a_restart_ends_the_membership(service: LoggingService, network: Network) -> None:
    member = receiver(service, network.listen)
    server = sender(service, network, member.port)
    for count in (1, 2):
        # Joined twice, it would be an error.
        member.join(network.group, interface=network.interface)
        member.log.wait("joined", count=count)
        server.send(b"hello")
        member.log.wait("received", b"hello", count=count)
        member.restart()
        member.log.wait("started", count=count + 1)
    server.send(b"hello")
    server.log.wait("empty", count=3)
    pump(service)
    assert len(heard(member)) == 2
    assert not member.log.events("error")


@each_network
def test_a_source_is_heard_alone(service: LoggingService, network: Network) -> None:
    group, interface, source = network.group, network.interface, network.source
    stranger = "fd00::77" if ":" in source else "192.0.2.77"
    hearing = receiver(service, network.listen)
    deaf = receiver(service, network.listen, hearing.port)
    hearing.join(group, source=source, interface=interface)
    hearing.log.wait("joined", group, source)
    deaf.join(group, source=stranger, interface=interface)
    deaf.log.wait("joined", group, stranger)
    server = sender(service, network, hearing.port)
    for count in range(1, 11):
        server.send(b"x")
        hearing.log.wait("received", b"x", count=count)
    assert {event[2] for event in hearing.log.events("received")} == {(source, server.port)}
    hearing.leave(group, source=source, interface=interface)
    hearing.log.wait("left", group, source)
    server.send(b"x")
    server.log.wait("empty", count=11)
    pump(service)
    assert len(heard(hearing)) == 10
    assert heard(deaf) == []


@each_network
def test_answers_reach_the_sender(service: LoggingService, network: Network) -> None:
    member = receiver(service, network.listen)
    member.join(network.group, interface=network.interface)
    member.log.wait("joined")
    server = sender(service, network, member.port)
    server.send(b"who is there?")
    address = member.log.wait("received", b"who is there?")[2]
    member.send_to(address, b"me")
    server.log.wait("received", b"me")


@pytest.mark.skipif(NAMESPACE not in os.environ, reason="loopback keeps nothing from this machine")
@each_network
def test_the_own_machine_is_deaf_without_the_loop(
    service: LoggingService, network: Network
) -> None:
    member = receiver(service, network.listen)
    member.join(network.group, interface=network.interface)
    member.log.wait("joined")
    server = sender(service, network, member.port, multicast_loop=False)
    server.send(b"for the others")
    server.log.wait("empty")
    server.multicast_loop = True
    server.send(b"for all")
    member.log.wait("received")
    assert heard(member) == [b"for all"]


@each_network
def test_joining_twice_and_leaving_without_a_join(
    service: LoggingService, network: Network
) -> None:
    group, interface = network.group, network.interface
    member = receiver(service, network.listen)
    member.leave(group, interface=interface)
    error = member.log.wait("error")[1]
    assert isinstance(error, SystemCallError)
    assert f"the group {group} is not joined" in str(error)
    member.join(group, interface=interface)
    member.log.wait("joined")
    member.join(group, interface=interface)
    again = member.log.wait("error", count=2)[1]
    assert f"the group {group} is joined already" in str(again)
    member.leave(group, interface=interface)
    member.log.wait("left", group, None)
    assert member.is_started


@on_loopback
@pytest.mark.parametrize("name", ["join", "leave"])
@pytest.mark.parametrize(
    ("group", "options", "kind"),
    [
        ("127.0.0.1", {}, ArgumentError),
        ("::1", {}, ArgumentError),
        ("no address", {}, ArgumentError),
        ("", {}, ArgumentError),
        ("239.255.0.1\0", {}, ArgumentError),
        ("239.255.0.1", {"source": "::1"}, ArgumentError),
        ("239.255.0.1", {"source": "239.255.0.2"}, ArgumentError),
        ("239.255.0.1", {"interface": "no such interface"}, ArgumentError),
        ("239.255.0.1", {"interface": -1}, ArgumentError),
        ("239.255.0.1", {"interface": True}, TypeError),
        ("239.255.0.1", {"interface": b"lo"}, TypeError),
        ("239.255.0.1", {"source": b"127.0.0.1"}, TypeError),
        (b"239.255.0.1", {}, TypeError),
        (None, {}, TypeError),
    ],
)
def test_what_is_no_group_is_an_error_of_the_call(
    service: LoggingService, name: str, group: Any, options: Any, kind: type[Exception]
) -> None:
    server = receiver(service, LOOPBACK)
    with pytest.raises(kind):
        getattr(server, name)(group, **options)
    assert not server.log.events("error")


@on_loopback
def test_groups_need_an_open_socket(service: LoggingService) -> None:
    server = LoggingUdpServer(service, LOOPBACK, 0)
    for call in (server.join, server.leave):
        with pytest.raises(NotConnectedError):
            call("239.255.0.1")


@on_loopback
def test_the_multicast_interface_is_checked(service: LoggingService) -> None:
    server = LoggingUdpServer(service, LOOPBACK, 0)
    assert server.multicast_interface is None
    server.multicast_interface = LOOPBACK
    for wrong, kind in (("no such interface", ArgumentError), (1.5, TypeError), (b"lo", TypeError)):
        with pytest.raises(kind):
            server.multicast_interface = wrong  # type: ignore[assignment]
    assert server.multicast_interface == LOOPBACK
    server.multicast_interface = None
    client = LoggingUdpClient(service, LOOPBACK, 9, multicast_interface=LOOPBACK)
    assert client.multicast_interface == LOOPBACK


@on_loopback
@pytest.mark.parametrize("name", ["on_joined", "on_left"])
def test_an_exception_of_a_callback_is_told(service: LoggingService, name: str) -> None:
    def fail(self: Any, *arguments: Any) -> None:
        raise ValueError("in a callback")

    server = type("Failing", (LoggingUdpServer,), {name: fail})(service, LOOPBACK, 0)
    server.start_and_wait()
    server.join("239.255.0.1", interface=LOOPBACK)
    server.leave("239.255.0.1", interface=LOOPBACK)
    error = server.log.wait("error")[1]
    assert isinstance(error, HandlerError)
    assert str(error) == f"Failing.{name} raised ValueError: in a callback"
