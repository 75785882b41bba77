"""Contexts of TLS: certificates, passwords, settings, callbacks, and what is wrong with them."""

from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cppserver
import pytest
from cppserver import (
    ArgumentError,
    SslClient,
    SslServer,
    SystemCallError,
    TlsContext,
    TlsError,
    TlsFailure,
    TlsVerify,
    TlsVersion,
    _tls,
    certificate_is_for_name,
    certificate_subject,
)
from helpers import DEADLINE, Log, LoggingService
from ssl_helpers import CERTS, SERVER, client_context, server_context

ENCRYPTED = CERTS / "encrypted-aes.key"


# Certificates and passwords


@pytest.mark.parametrize(
    ("chain", "key", "password"),
    [
        ("server.pem", "server.key", None),
        ("server.der", "server-key.der", None),
        ("server.pem", "ec-sec1.key", None),
        ("server-chain.pem", "server-chain.key", None),
        ("rsa.pem", "rsa-pkcs1.key", None),
        ("server.pem", "encrypted-aes.key", "qwerty"),
        ("rsa.pem", "encrypted-legacy-rsa.key", "qwerty"),
        ("legacy/server.pem", None, "qwerty"),
    ],
)
def test_certificates_come_from_files_and_from_memory(
    chain: str, key: str | None, password: str | None
) -> None:
    files = (CERTS / chain, None if key is None else CERTS / key)
    for take in (TlsContext.set_certificate_files, TlsContext.add_certificate_files):
        take(TlsContext(), *files, password)
        take(TlsContext(), str(files[0]), None if key is None else str(files[1]), password)
    data = [None if file is None else file.read_bytes() for file in files]
    for take_bytes in (TlsContext.set_certificate, TlsContext.add_certificate):
        assert data[0] is not None
        take_bytes(TlsContext(), data[0], data[1], password)
        take_bytes(TlsContext(), bytearray(data[0]), data[1], password)
        take_bytes(TlsContext(), memoryview(data[0]), data[1], password)


@pytest.mark.parametrize("password", [None, "", "wrong", lambda: None, lambda: "wrong"])
def test_an_encrypted_key_needs_its_password(password: _tls.Password | None) -> None:
    context = server_context()
    with pytest.raises(TlsError) as caught:
        context.set_certificate_files(CERTS / "server.pem", ENCRYPTED, password)
    assert caught.value.failure is TlsFailure.PASSWORD
    assert "password" in caught.value.message


def test_a_function_is_asked_for_the_password_when_it_is_needed() -> None:
    context = TlsContext()
    asked: list[str] = []

    def ask() -> str:
        asked.append("qwerty")
        return "qwerty"

    context.set_certificate_files(CERTS / "server.pem", CERTS / "server.key", ask)
    assert not asked
    context.set_certificate_files(CERTS / "server.pem", ENCRYPTED, ask)
    assert len(asked) == 1
    context.reload()
    assert len(asked) == 2
    context.add_certificate((CERTS / "server.pem").read_bytes(), ENCRYPTED.read_bytes())
    assert len(asked) == 3
    context.set_certificate_files(CERTS / "server.pem", ENCRYPTED, "qwerty")
    assert len(asked) == 3


@pytest.mark.parametrize(
    "answer", [5, b"qwerty", "qwerty\0", "\udc80", "x" * 100_000, RuntimeError("no idea")]
)
def test_what_a_password_callback_does_wrong_is_told_and_refuses(
    unraisable: Log, answer: Any
) -> None:
    context = TlsContext()

    def ask() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    context.set_password_callback(ask)
    with pytest.raises(TlsError) as caught:
        context.set_certificate_files(CERTS / "server.pem", ENCRYPTED)
    assert caught.value.failure is TlsFailure.PASSWORD
    ((raised, hook),) = unraisable.events()
    assert hook.object is context
    assert hook.err_msg == "Exception ignored in the password callback"
    assert not isinstance(answer, Exception) or raised is answer


@pytest.mark.parametrize(
    "take",
    [
        lambda context, file: context.set_certificate_files(file, CERTS / "server.key"),
        lambda context, file: context.add_certificate_files(CERTS / "server.pem", file),
        lambda context, file: context.add_authority_file(file),
    ],
)
def test_bad_files_are_explained(take: Callable[[TlsContext, Path], None]) -> None:
    context = server_context()
    missing = CERTS / "missing.pem"
    with pytest.raises(SystemCallError) as no_file:
        take(context, missing)
    assert no_file.value.errno == errno.ENOENT
    assert str(missing) in no_file.value.message
    with pytest.raises(TlsError) as no_certificate:
        take(context, CERTS / "README.md")
    assert no_certificate.value.failure is TlsFailure.FORMAT


def test_garbage_in_memory_is_explained() -> None:
    context = TlsContext()
    good = (CERTS / "server.pem").read_bytes()
    broken = good.replace(b"M", b"*", 5)
    for data in (b"", b"garbage", b"\0" * 100, b"-----BEGIN CERTIFICATE-----\n", broken):
        calls: list[Callable[[], None]] = [
            partial(context.set_certificate, data, (CERTS / "server.key").read_bytes()),
            partial(context.add_certificate, good, data),
            partial(context.add_authority, data),
        ]
        for call in calls:
            with pytest.raises(TlsError) as caught:
                call()
            assert caught.value.failure is TlsFailure.FORMAT


def test_a_key_has_to_belong_to_its_certificate() -> None:
    context = TlsContext()
    with pytest.raises(TlsError) as caught:
        context.set_certificate_files(CERTS / "server.pem", CERTS / "client.key")
    assert caught.value.failure is TlsFailure.KEY_MISMATCH


@pytest.mark.parametrize(
    "call",
    [
        lambda context: context.set_certificate_files(5),
        lambda context: context.set_certificate_files(b"server.pem"),
        lambda context: context.set_certificate_files("server.pem", password=b"qwerty"),
        lambda context: context.set_certificate("text"),
        lambda context: context.add_authority("text"),
        lambda context: context.add_authority_file(None),
        lambda context: context.set_password_callback("qwerty"),
        lambda context: context.set_verify_callback(None),
        lambda context: context.dangerous_accept_legacy_certificates(1),
        lambda context: setattr(context, "system_authorities", None),
        lambda context: setattr(context, "verify", 1),
        lambda context: setattr(context, "verify", None),
        lambda context: setattr(context, "verify_names", 0),
        lambda context: setattr(context, "verify_depth", True),
        lambda context: setattr(context, "verify_depth", 1.5),
        lambda context: setattr(context, "minimum_version", 771),
        lambda context: setattr(context, "maximum_version", "TLSv1.3"),
        lambda context: setattr(context, "alpn_protocols", "h2"),
        lambda context: setattr(context, "alpn_protocols", [b"h2"]),
        lambda context: setattr(context, "resumption", None),
        lambda context: setattr(context, "key_log_file", 5),
    ],
)
def test_wrong_types_are_refused(call: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError):
        call(TlsContext())


@pytest.mark.parametrize(
    "call",
    [
        lambda context: context.set_certificate_files("server\0.pem"),
        lambda context: setattr(context, "verify_depth", -1),
        lambda context: setattr(context, "verify_depth", 101),
        lambda context: setattr(context, "alpn_protocols", [""]),
        lambda context: setattr(context, "alpn_protocols", ["x" * 256]),
        lambda context: setattr(context, "alpn_protocols", ["a\0b"]),
    ],
)
def test_wrong_values_are_refused(call: Callable[[Any], object]) -> None:
    with pytest.raises(ArgumentError):
        call(TlsContext())


# Settings


def test_settings_have_their_defaults_and_can_be_set(tmp_path: Path) -> None:
    context = TlsContext()
    settings: dict[str, tuple[Any, Any]] = {
        "system_authorities": (None, True),
        "verify": (None, TlsVerify.REQUIRE),
        "verify_names": (True, False),
        "verify_depth": (None, 0),
        "minimum_version": (TlsVersion.TLS12, TlsVersion.TLS13),
        "maximum_version": (TlsVersion.TLS13, TlsVersion.TLS12),
        "alpn_protocols": ((), ("h2", "http/1.1")),
        "resumption": (True, False),
        "key_log_file": (None, str(tmp_path / "key.log")),
    }
    for name, (default, other) in settings.items():
        assert getattr(context, name) == default
        setattr(context, name, other)
        assert getattr(context, name) == other
        assert type(getattr(context, name)) is type(other)
        if default is not None or name in ("verify_depth", "key_log_file"):
            setattr(context, name, default)
            assert getattr(context, name) == default
    context.alpn_protocols = (name for name in ["x" * 255])
    assert context.alpn_protocols == ("x" * 255,)
    context.dangerous_accept_legacy_certificates()
    context.dangerous_accept_legacy_certificates(False)


def test_a_key_log_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    context = TlsContext()
    with pytest.raises(SystemCallError):
        context.key_log_file = tmp_path / "missing" / "key.log"
    assert context.key_log_file is None
    context.key_log_file = tmp_path / "key.log"
    assert context.key_log_file == str(tmp_path / "key.log")
    assert (tmp_path / "key.log").read_bytes() == b""


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights")
def test_a_key_log_is_for_its_owner_only(tmp_path: Path) -> None:
    TlsContext().key_log_file = tmp_path / "key.log"
    assert (tmp_path / "key.log").stat().st_mode & 0o077 == 0


def test_servers_and_clients_need_what_they_need(service: LoggingService) -> None:
    context = TlsContext()
    server = SslServer(service, context, "127.0.0.1", 0)
    assert server.context is context
    with pytest.raises(TlsError, match="needs a certificate") as caught:
        server.start()
    assert caught.value.failure is TlsFailure.SETTINGS
    context.set_certificate_files(CERTS / "server.pem", CERTS / "server.key")
    context.verify = TlsVerify.PEER
    with pytest.raises(TlsError, match="authority") as caught:
        server.start()
    assert caught.value.failure is TlsFailure.SETTINGS
    client = SslClient(service, context, "127.0.0.1", 1)
    assert client.context is context
    context.minimum_version = TlsVersion.TLS13
    context.maximum_version = TlsVersion.TLS12
    with pytest.raises(TlsError) as caught:
        client.connect()
    assert caught.value.failure is TlsFailure.SETTINGS


@pytest.mark.parametrize("kind", [SslServer, SslClient])
def test_a_context_is_a_tls_context(service: LoggingService, kind: Any) -> None:
    for context in (None, "server.pem", service):
        with pytest.raises(TypeError, match="context is a TlsContext"):
            kind(service, context, "127.0.0.1", 1)
    with pytest.raises(TypeError, match="service is a Service"):
        kind(None, TlsContext(), "127.0.0.1", 1)


# Certificates by themselves


def test_subjects_and_names_of_certificates() -> None:
    certificate = (CERTS / "server.der").read_bytes()
    assert certificate_subject(certificate) == SERVER
    assert certificate_subject(bytearray(certificate)) == SERVER
    for name in ("localhost", "server.example.com", "127.0.0.1", "::1"):
        assert certificate_is_for_name(certificate, name)
    for name in ("other.example.com", "example.com", "127.0.0.2", "", "no name"):
        assert not certificate_is_for_name(certificate, name)
    assert not certificate_is_for_name(b"garbage", "localhost")
    for garbage in (b"", b"garbage", certificate[:-1]):
        with pytest.raises(ArgumentError):
            certificate_subject(garbage)
    with pytest.raises(TypeError):
        certificate_is_for_name(certificate, b"localhost")  # type: ignore[arg-type]


# Ownership of callbacks


def test_a_context_keeps_its_callbacks_until_others_take_their_place() -> None:
    class Callback:
        def __call__(self, *_: Any) -> Any:
            return None

    before = set(_tls._contexts)
    context = TlsContext()
    alive = []
    for _ in range(2):
        for take in (context.set_password_callback, context.set_verify_callback):
            callback = Callback()
            alive.append(weakref.ref(callback))
            take(callback)
            del callback
        assert len(set(_tls._contexts) - before) == 2
    assert [reference() is None for reference in alive] == [True, True, False, False]
    del context, take
    assert set(_tls._contexts) == before
    assert not [reference for reference in alive if reference()]


def test_a_callback_may_refer_to_its_context() -> None:
    class Owner:
        def __init__(self) -> None:
            self.context = client_context()
            self.context.set_verify_callback(self.verify)
            self.context.set_password_callback(lambda: str(self))

        def verify(self, certificate: bytes, error: str | None) -> bool:
            return error is None

    before = set(_tls._contexts)
    owner = weakref.ref(Owner())
    gc.collect()
    assert owner() is None
    assert set(_tls._contexts) <= before


def test_a_context_with_callbacks_may_live_until_the_exit() -> None:
    program = (
        "import cppserver\n"
        "context = cppserver.TlsContext()\n"
        "context.set_password_callback(lambda: None)\n"
        "context.set_verify_callback(lambda certificate, error: True)\n"
        "kept = [context]\n"
        "kept.append(kept)\n"
        "service = cppserver.Service()\n"
        "service.start()\n"
        "client = cppserver.SslClient(service, context, '127.0.0.1', 1)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(cppserver.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
