"""Endpoints of the sockets of scalability protocols."""

from __future__ import annotations

import pytest
from cppserver import (
    ArgumentError,
    NotConnectedError,
    SpError,
    SpFailure,
    SystemCallError,
    TlsContext,
    nano,
)
from helpers import DEADLINE, wait_until
from nano_helpers import (
    TRANSPORTS,
    connect,
    dial,
    listen,
    raises,
    unused,
    wait_connections,
)

pytestmark = pytest.mark.usefixtures("shared_service")


def test_listening_and_dialing_any_number_of_times() -> None:
    with nano.PullSocket() as pull, nano.PushSocket() as push:
        addresses = [listen(pull, transport) for transport in TRANSPORTS]
        endpoints = [dial(push, address) for address in addresses]
        wait_connections(pull, len(TRANSPORTS))
        wait_connections(push, len(TRANSPORTS))
        assert [endpoint.address for endpoint in endpoints] == addresses
        assert len({endpoint.id for endpoint in endpoints}) == len(TRANSPORTS)
        for endpoint in endpoints:
            assert endpoint.port is None
            assert not endpoint.is_closed
            assert endpoint.close()
            assert endpoint.is_closed
            assert not endpoint.close()
        wait_connections(pull, 0)
        push.dial(addresses[0])
        push.send(b"again")
        assert pull.receive(timeout=DEADLINE) == b"again"


def test_an_endpoint_closes_at_the_end_of_its_block() -> None:
    with nano.PullSocket() as pull:
        with pull.listen("tcp://127.0.0.1:0") as endpoint:
            port = endpoint.port
            assert isinstance(port, int)
            assert not endpoint.is_closed
        assert endpoint.is_closed
        assert endpoint.port is None
        pull.listen(f"tcp://127.0.0.1:{port}")


def test_an_endpoint_goes_on_without_its_object() -> None:
    with nano.PullSocket() as pull, nano.PushSocket() as push:
        address = listen(pull, "tcp")
        dial(push, address)
        push.send(b"x")
        assert pull.receive(timeout=DEADLINE) == b"x"
        kept = pull.listen(unused("inproc"))
    assert kept.is_closed


def test_nobody_has_to_be_there_yet() -> None:
    with nano.RequestSocket(reconnect_interval=0.001) as request, nano.ReplySocket() as reply:
        with nano.PairSocket() as probe:
            address = listen(probe, "tcp")
        request.dial(address)
        wait_until(lambda: request.statistics.connect_errors > 1)
        request.send(b"patience")
        reply.listen(address)
        assert reply.receive(timeout=DEADLINE) == b"patience"


@pytest.mark.parametrize(
    ("address", "failure"),
    [
        ("", SpFailure.ADDRESS),
        ("tcp", SpFailure.ADDRESS),
        ("tcp://", SpFailure.ADDRESS),
        ("tcp://127.0.0.1", SpFailure.ADDRESS),
        ("tcp://127.0.0.1:70000", SpFailure.ADDRESS),
        ("inproc://", SpFailure.ADDRESS),
        ("udp://127.0.0.1:1", SpFailure.TRANSPORT),
    ],
)
def test_wrong_addresses(address: str, failure: SpFailure) -> None:
    with nano.PairSocket() as pair:
        with raises(failure):
            pair.listen(address)
        with raises(failure):
            pair.dial(address)


def test_addresses_that_cannot_be_had() -> None:
    with nano.PairSocket() as one, nano.PairSocket() as other:
        address = listen(one, "tcp")
        with pytest.raises((SystemCallError, SpError)):
            other.listen(address)
        name = listen(one, "inproc")
        with raises(SpFailure.ADDRESS_IN_USE):
            other.listen(name)
        assert other.statistics.bind_errors == 2
        for wrong in (5, None, b"tcp://127.0.0.1:0"):
            with pytest.raises(TypeError):
                other.listen(wrong)  # type: ignore[arg-type]
        with pytest.raises(ArgumentError, match="NUL"):
            other.dial("inproc://a\0b")


def test_encrypted_addresses_need_certificates() -> None:
    with nano.PairSocket() as pair:
        assert pair.tls is None
        with pytest.raises((ArgumentError, SpError, SystemCallError, NotConnectedError)) as caught:
            pair.listen("tls+tcp://127.0.0.1:0")
        assert "TLS" in str(caught.value) or "tls" in str(caught.value)
        with pytest.raises(TypeError):
            pair.tls = "certificates"  # type: ignore[assignment]
        context = TlsContext()
        pair.tls = context
        assert pair.tls is context
    with nano.PairSocket(tls=context) as pair:
        assert pair.tls is context


def test_a_peer_of_another_pattern_is_refused() -> None:
    with nano.PublisherSocket() as publisher, nano.PullSocket() as pull:
        address = listen(publisher, "tcp")
        pull.reconnect_interval = DEADLINE
        dial(pull, address)
        wait_until(lambda: pull.statistics.connect_errors + pull.statistics.broken_connections > 0)
        assert pull.statistics.current_connections == 0


def test_a_message_that_is_too_large_ends_the_connection() -> None:
    with nano.PullSocket(max_message_size=1000) as pull, nano.PushSocket() as push:
        connect(pull, push)
        push.send(b"x" * 1001)
        wait_until(
            lambda: pull.statistics.broken_connections + pull.statistics.dropped_connections > 0
        )
        wait_connections(push, 1)
        push.send(b"x" * 1000)
        assert len(pull.receive(timeout=DEADLINE)) == 1000
