"""Whom encrypted servers and clients refuse, and the callback that has the last word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cppserver
import pytest
from cppserver import (
    Reason,
    TlsContext,
    TlsError,
    TlsVerify,
    certificate_is_for_name,
    certificate_subject,
)
from helpers import DEADLINE, Log, LoggingService
from ssl_helpers import (
    CERTS,
    CLIENT,
    OTHER,
    SERVER,
    LoggingSslClient,
    LoggingSslServer,
    client_context,
    server_context,
    started,
)


def refused(
    client: LoggingSslClient, server: LoggingSslServer, by_client: bool
) -> tuple[TlsError, TlsError]:
    """Connect, and return what the refusing side and the other one were told."""
    client.connect()
    client.log.wait("disconnected", Reason.ERROR)
    server.log.wait("session disconnected", Reason.ERROR)
    ours: TlsError = client.log.wait("error")[1]
    theirs: TlsError = server.log.wait("session error")[1]
    assert type(ours) is type(theirs) is TlsError
    assert not server.log.events("handshaked")
    refusing, other = (ours, theirs) if by_client else (theirs, ours)
    assert not refusing.is_from_peer
    assert other.is_from_peer
    assert other.alert == refusing.alert
    return refusing, other


@pytest.mark.parametrize(
    ("certificate", "authority", "name", "alert", "word"),
    [
        ("wrong-ca", "ca", None, 48, "authority"),
        ("server", "other-ca", None, 48, "authority"),
        ("expired", "ca", None, 45, "expired"),
        ("not-yet-valid", "ca", None, None, "valid"),
        ("other-name", "ca", None, None, "other.example.com"),
        ("server", "ca", "other.example.com", None, "other.example.com"),
        ("server", "ca", "127.0.0.2", None, "127.0.0.2"),
        ("wrong-usage", "ca", None, None, ""),
        ("issued-by-not-a-ca", "ca", None, None, ""),
    ],
)
def test_clients_refuse_servers(
    service: LoggingService,
    certificate: str,
    authority: str,
    name: str | None,
    alert: int | None,
    word: str,
) -> None:
    server = started(service, server_context(certificate))
    client = LoggingSslClient(
        service, client_context(authority), "127.0.0.1", server.port, server_name=name
    )
    refusing, _ = refused(client, server, by_client=True)
    assert not client.log.events("handshaked")
    assert alert is None or refusing.alert == alert
    assert word in refusing.message


def test_a_forged_certificate_is_refused(service: LoggingService) -> None:
    server = started(service, server_context("forged", "server"))
    client = LoggingSslClient(service, client_context(), "127.0.0.1", server.port)
    refused(client, server, by_client=True)


def test_everything_may_come_from_memory(service: LoggingService) -> None:
    theirs, ours = TlsContext(), TlsContext()
    theirs.set_certificate(
        (CERTS / "server.pem").read_bytes(), (CERTS / "encrypted-aes.key").read_bytes(), "qwerty"
    )
    theirs.add_certificate(
        (CERTS / "other-name.pem").read_bytes(), (CERTS / "other-name.key").read_bytes()
    )
    ours.add_authority((CERTS / "ca.pem").read_bytes())
    server = started(service, theirs)
    for name, subject in (("localhost", SERVER), ("other.example.com", OTHER)):
        client = LoggingSslClient(service, ours, "127.0.0.1", server.port, server_name=name)
        client.handshake()
        assert client.tls.peer_subject == subject


@pytest.mark.parametrize(
    ("setting", "accepts"),
    [
        ("", True),  # Whoever trusts nobody else trusts the authorities of the system.
        ("context.system_authorities = True", True),
        ("context.add_authority_file(other)", False),
        ("context.add_authority_file(other); context.system_authorities = True", True),
        ("context.add_authority_file(other); context.system_authorities = False", False),
    ],
)
def test_the_authorities_of_the_system(
    service: LoggingService, setting: str, accepts: bool
) -> None:
    server = started(service, server_context())
    program = (
        "import cppserver\n"
        "class Client(cppserver.SslClient):\n"
        "    def on_handshaked(self):\n"
        "        print('accepted')\n"
        "        self.disconnect()\n"
        "    def on_error(self, error):\n"
        "        print('refused', error.alert)\n"
        "    def on_disconnected(self, reason):\n"
        "        self.service.stop()\n"
        "other = 'certs/other-ca.pem'\n"
        "context = cppserver.TlsContext()\n"
        f"{setting}\n"
        "with cppserver.Service() as service:\n"
        f"    Client(service, context, 'localhost', {server.port}).connect()\n"
        "    service.wait()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(cppserver.__file__).parents[1]),
            "SSL_CERT_FILE": str(CERTS / "ca.pem"),
        },
        cwd=CERTS.parent,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    expected = "accepted\n" if accepts else "refused 48\n"
    assert (result.stdout, result.stderr) == (expected, "")


def test_names_and_verification_can_be_waived(service: LoggingService) -> None:
    server = started(service, server_context("other-name"))
    context = client_context()
    context.verify_names = False
    LoggingSslClient(service, context, "127.0.0.1", server.port).handshake()
    server = started(service, server_context("wrong-ca"))
    context = TlsContext()
    context.verify = TlsVerify.NONE
    LoggingSslClient(service, context, "127.0.0.1", server.port).handshake()


def test_the_depth_of_chains_has_a_limit(service: LoggingService) -> None:
    server = started(service, server_context("server-chain"))
    context = client_context()
    context.verify_depth = 0
    client = LoggingSslClient(service, context, "127.0.0.1", server.port)
    refused(client, server, by_client=True)
    context.verify_depth = 1
    LoggingSslClient(service, context, "127.0.0.1", server.port).handshake()


def test_certificates_of_long_ago_need_a_dangerous_word(service: LoggingService) -> None:
    theirs, ours = TlsContext(), TlsContext()
    theirs.set_certificate_files(CERTS / "legacy" / "server.pem", password="qwerty")
    ours.add_authority_file(CERTS / "legacy" / "ca.pem")
    server = started(service, theirs)
    client = LoggingSslClient(
        service, ours, "127.0.0.1", server.port, server_name="server.example.com"
    )
    refused(client, server, by_client=True)
    ours.dangerous_accept_legacy_certificates()
    client.handshake()
    client.server_name = "other.example.com"
    client.reconnect()
    client.log.wait("disconnected", Reason.ERROR, count=2)


# Clients with certificates


def test_servers_verify_clients(service: LoggingService) -> None:
    context = server_context()
    context.add_authority_file(CERTS / "ca.pem")
    context.verify = TlsVerify.PEER
    server = started(service, context)
    for number, (certificate, subject) in enumerate([("client", CLIENT), (None, None)], start=1):
        ours = client_context(certificate=certificate)
        LoggingSslClient(service, ours, "127.0.0.1", server.port).handshake()
        assert server.log.wait("handshaked", count=number)[1].peer_subject == subject


@pytest.mark.parametrize(
    ("authority", "certificate", "alert"),
    [("ca", None, 116), ("other-ca", "client", 48), ("ca", "expired", None)],
)
def test_servers_refuse_clients(
    service: LoggingService, authority: str, certificate: str | None, alert: int | None
) -> None:
    context = server_context()
    context.add_authority_file(CERTS / f"{authority}.pem")
    context.verify = TlsVerify.REQUIRE
    server = started(service, context)
    ours = client_context(certificate=certificate)
    client = LoggingSslClient(service, ours, "127.0.0.1", server.port)
    refusing, _ = refused(client, server, by_client=False)
    assert alert is None or refusing.alert == alert


# The callback


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("accepts", [True, False])
def test_the_verify_callback_has_the_last_word(
    service: LoggingService, good: bool, accepts: bool
) -> None:
    asked: list[tuple[bytes, str | None]] = []

    def verify(certificate: bytes, error: str | None) -> bool:
        asked.append((certificate, error))
        return accepts

    context = client_context("ca" if good else "other-ca")
    context.set_verify_callback(verify)
    server = started(service, server_context())
    client = LoggingSslClient(service, context, "127.0.0.1", server.port)
    if accepts:
        client.handshake()
    else:
        refused(client, server, by_client=True)
    ((certificate, error),) = asked
    assert certificate == (CERTS / "server.der").read_bytes()
    assert certificate_subject(certificate) == SERVER
    assert certificate_is_for_name(certificate, "localhost")
    assert (error is None) is good
    assert good or error


@pytest.mark.parametrize("accepts", [True, False])
def test_a_server_chooses_its_clients_by_subject(service: LoggingService, accepts: bool) -> None:
    wanted = CLIENT if accepts else SERVER
    context = server_context()
    context.add_authority_file(CERTS / "ca.pem")
    context.verify = TlsVerify.REQUIRE
    context.set_verify_callback(
        lambda certificate, error: error is None and certificate_subject(certificate) == wanted
    )
    server = started(service, context)
    ours = client_context(certificate="client")
    client = LoggingSslClient(service, ours, "127.0.0.1", server.port)
    if accepts:
        client.handshake()
        assert server.log.wait("handshaked")[1].peer_subject == CLIENT
    else:
        refused(client, server, by_client=False)


@pytest.mark.parametrize("on_server", [True, False])
def test_an_exception_in_the_verify_callback_refuses(
    service: LoggingService, unraisable: Log, on_server: bool
) -> None:
    cause = RuntimeError("no verdict")

    def verify(certificate: bytes, error: str | None) -> bool:
        raise cause

    theirs, ours = server_context(), client_context(certificate="client")
    theirs.add_authority_file(CERTS / "ca.pem")
    theirs.verify = TlsVerify.REQUIRE
    context = theirs if on_server else ours
    context.set_verify_callback(verify)
    server = started(service, theirs)
    client = LoggingSslClient(service, ours, "127.0.0.1", server.port)
    refused(client, server, by_client=not on_server)
    ((raised, hook),) = unraisable.events()
    assert raised is cause
    assert hook.object is context
    assert hook.err_msg == "Exception ignored in the verify callback"


def test_a_callback_that_returns_nothing_refuses(service: LoggingService) -> None:
    def verify(certificate: bytes, error: str | None) -> Any:
        return None

    context = client_context()
    context.set_verify_callback(verify)
    server = started(service, server_context())
    client = LoggingSslClient(service, context, "127.0.0.1", server.port)
    refused(client, server, by_client=True)


def test_a_callback_may_change_its_context_and_end_the_service(service: LoggingService) -> None:
    context = client_context()

    def verify(certificate: bytes, error: str | None) -> bool:
        context.set_verify_callback(lambda *_: False)
        context.verify_names = False
        service.stop()
        return True

    context.set_verify_callback(verify)
    server = started(service, server_context())
    client = LoggingSslClient(service, context, "127.0.0.1", server.port)
    client.connect()
    client.log.wait("disconnected")
    server.log.wait("session disconnected")
