"""Certificates, keys and rules for encrypted servers and clients."""

from __future__ import annotations

import ctypes
import enum
import os
from collections.abc import Callable, Iterable
from typing import Any
from weakref import ref

from . import _library
from ._callbacks import next_key, unraisable
from ._certificates import Bytes
from ._errors import argument_error, check, encode_text, last_error
from ._options import encode_flag

Password = str | Callable[[], str | None]
"""The password of an encrypted key, or whom to ask for it; None means that there is none."""

VerifyCallback = Callable[[bytes, str | None], bool]
"""Takes a peer's certificate in DER and what is wrong with it, and returns whether to go on."""

_File = str | os.PathLike[str]


class TlsVerify(enum.IntEnum):
    """What is asked of the certificate of a peer."""

    NONE = 0
    """Nothing: a client talks to anybody who answers, a server asks for no certificate."""
    PEER = 1
    """Clients verify their server. Servers verify a certificate if the client shows one."""
    REQUIRE = 2
    """As PEER, but servers refuse clients without a certificate."""


class TlsVersion(enum.IntEnum):
    """Versions of TLS, by the numbers that they have on the wire."""

    TLS12 = 0x0303
    """RFC 5246, with forward secrecy and authenticated encryption only."""
    TLS13 = 0x0304
    """RFC 8446."""


class TlsOption(enum.IntEnum):
    """Numbers of the settings of a context."""

    VERIFY = 1
    VERIFY_NAMES = 2
    VERIFY_DEPTH = 3
    MINIMUM_VERSION = 4
    MAXIMUM_VERSION = 5
    RESUMPTION = 6
    DANGEROUS_ACCEPT_LEGACY_CERTIFICATES = 7
    SYSTEM_AUTHORITIES = 8


class TlsContext:
    """Certificates, keys and rules, for any number of encrypted servers and clients.

    Without further settings a client trusts the authorities of the system and verifies the
    certificate of its server and the name in it; a server asks its clients for no certificate; TLS
    1.2 and 1.3 are spoken; sessions are resumed.

    Everything may be called on every thread. Changes count for connections that begin later, so a
    certificate can be renewed while a server runs: set the new one, or :meth:`reload` the files.
    """

    _handle = 0
    _release = staticmethod(_library.tls_context_release)

    def __init__(self) -> None:
        """Make a context without certificates."""
        self._callbacks: dict[int, Callable[..., Any]] = {}
        self._system_authorities: bool | None = None
        self._verify: TlsVerify | None = None
        self._verify_names = True
        self._verify_depth: int | None = None
        self._minimum_version = TlsVersion.TLS12
        self._maximum_version = TlsVersion.TLS13
        self._resumption = True
        self._alpn_protocols: tuple[str, ...] = ()
        self._key_log_file: str | None = None
        handle = _library.tls_context_create()
        if not handle:
            raise last_error()
        self._handle = handle

    def __del__(self) -> None:
        """Give the native object back; servers and clients keep it."""
        if self._handle:
            self._release(self._handle)

    # Certificates and keys

    def set_certificate_files(
        self, chain: _File, key: _File | None = None, password: Password | None = None
    ) -> None:
        """Read the certificate of this side and its key. Of several, it serves by default.

        Args:
            chain: File with the certificate and, behind it, those of the authorities between it and
                the one that the peer trusts; PEM with any text around, or DER.
            key: File with the key; PKCS#8, PKCS#1 or SEC 1, PEM or DER. None: the same file.
            password: Opens an encrypted key. A function is asked when it is needed, also later by
                :meth:`reload`, as with :meth:`set_password_callback`.

        Raises:
            SystemCallError: A file cannot be read.
            TlsError: Format, password or the match of key and certificate is wrong. Nothing has
                changed then.
        """
        self._take_files(_library.tls_context_set_certificate_files, chain, key, password)

    def add_certificate_files(
        self, chain: _File, key: _File | None = None, password: Password | None = None
    ) -> None:
        """Read a further certificate, for clients that ask for one of its names (SNI).

        Arguments and errors are those of :meth:`set_certificate_files`.
        """
        self._take_files(_library.tls_context_add_certificate_files, chain, key, password)

    def set_certificate(
        self, chain: Bytes, key: Bytes | None = None, password: Password | None = None
    ) -> None:
        """Set the certificate as :meth:`set_certificate_files` does, from what is in memory."""
        self._take_bytes(_library.tls_context_set_certificate, chain, key, password)

    def add_certificate(
        self, chain: Bytes, key: Bytes | None = None, password: Password | None = None
    ) -> None:
        """Add a certificate as :meth:`add_certificate_files` does, from what is in memory."""
        self._take_bytes(_library.tls_context_add_certificate, chain, key, password)

    def set_password_callback(self, callback: Callable[[], str | None]) -> None:
        """Choose whom to ask for the password of an encrypted key that comes without one.

        It is called by the methods that read keys, on their thread. None, and an exception, which
        goes to ``sys.unraisablehook``, mean that there is no password.
        """
        self._register(_library.tls_context_set_password_callback, _ask_password, callback)

    def reload(self) -> None:
        """Read all files again, of certificates, keys and authorities.

        Open connections go on with what they began with.

        Raises:
            SystemCallError: A file cannot be read. Nothing has changed then.
            TlsError: What is in a file is wrong. Nothing has changed then.
        """
        check(_library.tls_context_reload(self._handle))

    # Authorities

    def add_authority_file(self, file: _File) -> None:
        """Trust the authorities whose certificates are in a file, PEM or DER.

        The authorities of the system are not trusted then unless asked for.

        Raises:
            SystemCallError: The file cannot be read.
            TlsError: There is no certificate in it.
        """
        check(_library.tls_context_add_authority_file(self._handle, _encode_file(file)))

    def add_authority(self, certificates: Bytes) -> None:
        """Trust authorities as :meth:`add_authority_file` does, from what is in memory."""
        data = bytes(memoryview(certificates))
        check(_library.tls_context_add_authority(self._handle, data, len(data)))

    @property
    def system_authorities(self) -> bool | None:
        """Whether the authorities of the system are trusted, beside those that were added.

        Default None: by clients only, and only while no others were added. It can't be set to None
        again.
        """
        return self._system_authorities

    @system_authorities.setter
    def system_authorities(self, value: bool) -> None:
        self._set(TlsOption.SYSTEM_AUTHORITIES, encode_flag(value, "system_authorities"))
        self._system_authorities = value

    # Verification

    @property
    def verify(self) -> TlsVerify | None:
        """What is asked of a peer. Default None: PEER on clients and NONE on servers.

        It can't be set to None again.
        """
        return self._verify

    @verify.setter
    def verify(self, value: TlsVerify) -> None:
        if not isinstance(value, TlsVerify):
            raise TypeError(f"verify is a TlsVerify, not {type(value).__name__}")
        self._set(TlsOption.VERIFY, value)
        self._verify = value

    @property
    def verify_names(self) -> bool:
        """Whether the certificate of a server has to be for the name that a client connects to.

        Default True. Otherwise everybody who has a certificate of a trusted authority can answer in
        the server's place.
        """
        return self._verify_names

    @verify_names.setter
    def verify_names(self, value: bool) -> None:
        self._set(TlsOption.VERIFY_NAMES, encode_flag(value, "verify_names"))
        self._verify_names = value

    @property
    def verify_depth(self) -> int | None:
        """Most certificates between a peer's own and that of an authority. Default None: 6."""
        return self._verify_depth

    @verify_depth.setter
    def verify_depth(self, value: int | None) -> None:
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"verify_depth is an int or None, not {type(value).__name__}")
            if not 0 <= value <= 100:
                raise argument_error(f"verify_depth is a number from 0 to 100, not {value}")
        self._set(TlsOption.VERIFY_DEPTH, -1 if value is None else value)
        self._verify_depth = value

    def set_verify_callback(self, callback: VerifyCallback) -> None:
        """Choose whom to ask after the certificate of a peer was verified.

        ``callback(certificate, error)`` gets the certificate in DER and None, or a sentence that
        says why it does not pass. It has the last word; accepting what failed is as dangerous as
        not verifying. It is called on the threads of a service, during handshakes. An exception
        refuses the peer and goes to ``sys.unraisablehook``.
        """
        self._register(_library.tls_context_set_verify_callback, _judge, callback)

    def dangerous_accept_legacy_certificates(self, accept: bool = True) -> None:
        """Take certificates as they were made long ago, or not any more.

        These are of X.509 version 1 and without subjectAltName, so that the name is looked for in
        the subject, which RFC 9525 rules out. Chain, signatures and times are verified
        nevertheless.
        """
        self._set(TlsOption.DANGEROUS_ACCEPT_LEGACY_CERTIFICATES, encode_flag(accept, "accept"))

    # Handshake

    @property
    def minimum_version(self) -> TlsVersion:
        """The oldest version to speak. Default TLS 1.2."""
        return self._minimum_version

    @minimum_version.setter
    def minimum_version(self, value: TlsVersion) -> None:
        self._set(TlsOption.MINIMUM_VERSION, _check_version(value, "minimum_version"))
        self._minimum_version = value

    @property
    def maximum_version(self) -> TlsVersion:
        """The newest version to speak. Default TLS 1.3."""
        return self._maximum_version

    @maximum_version.setter
    def maximum_version(self, value: TlsVersion) -> None:
        self._set(TlsOption.MAXIMUM_VERSION, _check_version(value, "maximum_version"))
        self._maximum_version = value

    @property
    def alpn_protocols(self) -> tuple[str, ...]:
        """The protocols to agree on (ALPN, RFC 7301), the most wanted first, such as "h2".

        A server refuses clients that offer protocols but none of these. Default none.
        """
        return self._alpn_protocols

    @alpn_protocols.setter
    def alpn_protocols(self, value: Iterable[str]) -> None:
        if isinstance(value, str):
            raise TypeError("alpn_protocols are several str, not one")
        protocols = tuple(value)
        encoded = [encode_text(protocol, "an ALPN protocol") for protocol in protocols]
        array = (ctypes.c_char_p * len(encoded))(*encoded)
        check(_library.tls_context_set_alpn_protocols(self._handle, array, len(encoded)))
        self._alpn_protocols = protocols

    @property
    def resumption(self) -> bool:
        """Whether to go on from earlier sessions, which makes handshakes cheaper. Default True."""
        return self._resumption

    @resumption.setter
    def resumption(self, value: bool) -> None:
        self._set(TlsOption.RESUMPTION, encode_flag(value, "resumption"))
        self._resumption = value

    @property
    def key_log_file(self) -> str | None:
        """File that the secrets of all further connections are appended to. Default None.

        Programs such as Wireshark then can read the traffic.
        """
        return self._key_log_file

    @key_log_file.setter
    def key_log_file(self, value: _File | None) -> None:
        encoded = None if value is None else _encode_file(value)
        check(_library.tls_context_set_key_log_file(self._handle, encoded))
        self._key_log_file = None if value is None else os.fspath(value)

    # Helpers

    def _set(self, option: TlsOption, value: int) -> None:
        check(_library.tls_context_set_option(self._handle, option, value))

    def _take_files(
        self,
        function: Callable[[int, bytes, bytes, bytes | None], int],
        chain: _File,
        key: _File | None,
        password: Password | None,
    ) -> None:
        first = _encode_file(chain)
        second = first if key is None else _encode_file(key)
        check(function(self._handle, first, second, self._take_password(password)))

    def _take_bytes(
        self,
        function: Callable[[int, bytes, int, bytes, int, bytes | None], int],
        chain: Bytes,
        key: Bytes | None,
        password: Password | None,
    ) -> None:
        first = bytes(memoryview(chain))
        second = first if key is None else bytes(memoryview(key))
        encoded = self._take_password(password)
        check(function(self._handle, first, len(first), second, len(second), encoded))

    def _take_password(self, password: Password | None) -> bytes | None:
        if callable(password):
            self.set_password_callback(password)
            return None
        return None if password is None else encode_text(password, "a password")

    def _register(
        self,
        function: Callable[[int, Any, int, Any], int],
        entry: Any,
        callback: Callable[..., Any],
    ) -> None:
        """Hand over a callback, which the context keeps until its ``destroy``."""
        if not callable(callback):
            raise TypeError(f"a callback is callable, not {type(callback).__name__}")
        key = next_key()
        self._callbacks[key] = callback
        _contexts[key] = ref(self)
        check(function(self._handle, entry, key, _forget))


# Only the context itself keeps its callbacks, so that those may refer to it: the garbage collector
# sees such a cycle. Servers and clients keep their context, so it is there during every call.

_contexts: dict[int, ref[TlsContext]] = {}
"""The contexts by the keys of their callbacks."""


def _find(key: int) -> tuple[TlsContext, Callable[..., Any]]:
    context = _contexts[key]()
    if context is None:
        raise ReferenceError("the TLS context of this callback is gone")
    return context, context._callbacks[key]


@_library.AskPassword
def _ask_password(key: int, buffer: int, size: int) -> int:
    context = None
    try:
        context, callback = _find(key)
        password = callback()
        if password is None:
            return -1
        encoded = encode_text(password, "a password")
        if len(encoded) > size:
            raise argument_error(f"a password has at most {size} bytes, not {len(encoded)}")
        ctypes.memmove(buffer, encoded, len(encoded))
        return len(encoded)
    except BaseException as exception:
        unraisable(exception, context, "Exception ignored in the password callback")
        return -1


@_library.Judge
def _judge(key: int, certificate: int, size: int, error: bytes | None) -> bool:
    context = None
    try:
        context, callback = _find(key)
        text = None if error is None else error.decode("utf-8", "replace")
        return bool(callback(ctypes.string_at(certificate, size), text))
    except BaseException as exception:
        unraisable(exception, context, "Exception ignored in the verify callback")
        return False


@_library.Notify
def _forget(key: int) -> None:
    reference = _contexts.pop(key, None)
    context = None if reference is None else reference()
    if context is not None:
        context._callbacks.pop(key, None)


def _encode_file(file: Any) -> bytes:
    return encode_text(os.fspath(file), "a file name")


def _check_version(value: Any, name: str) -> TlsVersion:
    if not isinstance(value, TlsVersion):
        raise TypeError(f"{name} is a TlsVersion, not {type(value).__name__}")
    return value
