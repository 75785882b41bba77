"""Exceptions: their classes, their parts, and that they can be pickled."""

from __future__ import annotations

import copy
import errno
import pickle
import socket

import cppserver
import pytest
from cppserver import CppServerError, Status
from cppserver._errors import make_error, native_error

CASES: list[tuple[int, str, type[CppServerError], type[BaseException]]] = [
    (Status.INVALID_ARGUMENT, "argument", cppserver.ArgumentError, ValueError),
    (Status.INVALID_STATE, "state", cppserver.StateError, OSError),
    (Status.NOT_CONNECTED, "state", cppserver.NotConnectedError, ConnectionError),
    (Status.LIMIT, "limit", cppserver.LimitError, OSError),
    (Status.TIMEOUT, "timeout", cppserver.DeadlineError, TimeoutError),
    (Status.HANDLER, "handler", cppserver.HandlerError, OSError),
    (Status.UNSUPPORTED, "unsupported", cppserver.UnsupportedError, OSError),
    (socket.EAI_NONAME, "resolver", cppserver.ResolverError, socket.gaierror),
    (errno.EADDRINUSE, "system", cppserver.SystemCallError, OSError),
    (errno.ECONNREFUSED, "system", cppserver.RefusedError, ConnectionRefusedError),
    (errno.ECONNRESET, "system", cppserver.ResetError, ConnectionResetError),
    (errno.ECONNABORTED, "system", cppserver.AbortedError, ConnectionAbortedError),
    (errno.EPIPE, "system", cppserver.BrokenError, BrokenPipeError),
    (errno.EACCES, "system", cppserver.DeniedError, PermissionError),
    (errno.EPERM, "system", cppserver.DeniedError, PermissionError),
    (errno.ETIMEDOUT, "system", cppserver.SystemTimeoutError, TimeoutError),
    (40, "tls", cppserver.TlsError, OSError),
    (cppserver.TlsFailure.TRUNCATED, "tls", cppserver.TlsError, OSError),
    (77, "of a newer library", CppServerError, OSError),
]


@pytest.mark.parametrize(("code", "category", "kind", "builtin"), CASES)
def test_each_error_has_its_class_and_its_parts(
    code: int, category: str, kind: type[CppServerError], builtin: type[BaseException]
) -> None:
    error = make_error(code, category, "what happened")
    assert type(error) is kind
    assert isinstance(error, builtin)
    assert isinstance(error, OSError)
    assert (error.code, error.category, error.message) == (code, category, "what happened")
    assert str(error) == "what happened"
    assert repr(error) == f"{kind.__name__}({int(code)}, {category!r}, 'what happened')"
    if category == "system":
        assert (error.errno, error.strerror) == (code, "what happened")
    else:
        assert error.errno is None


@pytest.mark.parametrize(("code", "category", "kind", "builtin"), CASES)
def test_each_error_can_be_pickled_and_copied(
    code: int, category: str, kind: type[CppServerError], builtin: type[BaseException]
) -> None:
    error = make_error(code, category, "what happened")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is kind
        assert (other.code, other.category, other.message) == (code, category, "what happened")


def test_texts_of_the_library_may_be_missing_or_broken() -> None:
    error = native_error(1, None, None)
    assert (error.code, error.category, error.message) == (1, "", "")
    assert native_error(1, b"argument", b"caf\xc3\xa9 \xff").message == "caf\u00e9 \ufffd"


def test_all_names_are_exported() -> None:
    for name in cppserver.__all__:
        assert getattr(cppserver, name) is not None
    exceptions = {
        name
        for name, value in vars(cppserver).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert exceptions <= set(cppserver.__all__)


@pytest.mark.parametrize(
    ("code", "failure", "alert", "is_from_peer"),
    [
        (0, None, 0, False),
        (48, None, 48, False),
        (255, None, 255, False),
        (1000, None, 0, True),
        (1116, None, 116, True),
        (256, None, None, False),
        (2000, None, None, False),
        (2001, cppserver.TlsFailure.TRUNCATED, None, False),
        (2005, cppserver.TlsFailure.SETTINGS, None, False),
        (2999, None, None, False),
        (-1, None, None, False),
    ],
)
def test_an_error_of_tls_is_an_alert_or_a_failure(
    code: int, failure: cppserver.TlsFailure | None, alert: int | None, is_from_peer: bool
) -> None:
    error = make_error(code, "tls", "what happened")
    assert isinstance(error, cppserver.TlsError)
    assert error.failure is failure
    assert error.alert == alert
    assert error.is_from_peer is is_from_peer
