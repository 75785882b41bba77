"""Describes the functions of the native library to ctypes.

Everything that knows the layout of ``cppserver.h`` is in this file and in ``_sp_library.py``, which
has the scalability protocols: the handler structures, the callback types and one typed name per
function. The rest of the package never touches ctypes prototypes.

Two ways to call a function are used. A ``_releasing`` function gives the global interpreter lock
(GIL) away during the call; that is a must for everything that may wait for a loop thread, because
that thread may be waiting for the lock. A ``_holding`` function keeps it: it is for short calls
that never wait for user code, where giving the lock away would cost more than the call and would
let another Python thread in for up to ``sys.getswitchinterval()``.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from ctypes import (
    CFUNCTYPE,
    c_bool,
    c_char,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_ssize_t,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any, ClassVar

from ._loader import check_version, load

_releasing_library = load()
native_version = check_version(_releasing_library)
_holding_library = ctypes.PyDLL(_releasing_library._name, handle=_releasing_library._handle)


def _function(library: ctypes.CDLL, name: str, result: Any, arguments: tuple[Any, ...]) -> Any:
    try:
        # Subscription makes a new function object, so that the two libraries share nothing.
        function = library["cppserver_" + name]
    except AttributeError as error:
        raise ImportError(
            f"the native library {library._name!r} (version {native_version}) is older than this "
            f"package: it exports no cppserver_{name}"
        ) from error
    function.restype = result
    function.argtypes = arguments
    return function


def _releasing(name: str, result: Any, *arguments: Any) -> Any:
    return _function(_releasing_library, name, result, arguments)


def _holding(name: str, result: Any, *arguments: Any) -> Any:
    return _function(_holding_library, name, result, arguments)


# Callback types. Pointers cross as integers; a user_data is a key, never an address.

Notify: Callable[[Callable[[int], None]], Any] = CFUNCTYPE(None, c_void_p)
NotifyError: Callable[[Callable[[int, int, bytes | None, bytes | None], None]], Any] = CFUNCTYPE(
    None, c_void_p, c_int32, c_char_p, c_char_p
)
NotifyReason: Callable[[Callable[[int, int], None]], Any] = CFUNCTYPE(None, c_void_p, c_int32)
NotifyReceived: Callable[[Callable[[int, int, int, int], int]], Any] = CFUNCTYPE(
    c_size_t, c_void_p, c_int32, c_void_p, c_size_t
)
NotifySent: Callable[[Callable[[int, int, int], None]], Any] = CFUNCTYPE(
    None, c_void_p, c_size_t, c_size_t
)
NotifySession: Callable[[Callable[[int, int, int, int], bool]], Any] = CFUNCTYPE(
    c_bool, c_void_p, c_void_p, c_void_p, c_void_p
)
NotifySessionConnected: Callable[[Callable[[int, int, int], None]], Any] = CFUNCTYPE(
    None, c_void_p, c_void_p, c_void_p
)
NotifySessionDisconnected: Callable[[Callable[[int, int, int, int], None]], Any] = CFUNCTYPE(
    None, c_void_p, c_void_p, c_void_p, c_int32
)
NotifyRequest: Callable[[Callable[[int, int, int], None]], Any] = CFUNCTYPE(
    None, c_void_p, c_void_p, c_void_p
)
SessionFilter: Callable[[Callable[[int | None, int], bool]], Any] = CFUNCTYPE(
    c_bool, c_void_p, c_void_p
)
NotifyDatagram: Callable[[Callable[[int, int, int, int, bool], None]], Any] = CFUNCTYPE(
    None, c_void_p, c_void_p, c_void_p, c_size_t, c_bool
)
NotifyDatagramSent: Callable[[Callable[[int, int, int, int], None]], Any] = CFUNCTYPE(
    None, c_void_p, c_void_p, c_size_t, c_size_t
)
NotifyGroup: Callable[[Callable[[int, bytes, bytes | None], None]], Any] = CFUNCTYPE(
    None, c_void_p, c_char_p, c_char_p
)
AskPassword: Callable[[Callable[[int, int, int], int]], Any] = CFUNCTYPE(
    c_ssize_t, c_void_p, c_void_p, c_size_t
)
Judge: Callable[[Callable[[int, int, int, bytes | None], bool]], Any] = CFUNCTYPE(
    c_bool, c_void_p, c_void_p, c_size_t, c_char_p
)


class ServiceHandler(ctypes.Structure):
    """``cppserver_service_handler``."""

    _fields_: ClassVar[Any] = [
        ("size", c_size_t),
        ("on_thread_initialize", Notify),
        ("on_thread_cleanup", Notify),
        ("on_started", Notify),
        ("on_stopped", Notify),
        ("on_idle", Notify),
        ("on_error", NotifyError),
        ("destroy", Notify),
    ]


class SessionHandler(ctypes.Structure):
    """``cppserver_session_handler``, of sessions and clients."""

    _fields_: ClassVar[Any] = [
        ("size", c_size_t),
        ("on_connected", Notify),
        ("on_handshaked", Notify),
        ("on_disconnected", NotifyReason),
        ("on_received", NotifyReceived),
        ("on_sent", NotifySent),
        ("on_empty", Notify),
        ("on_error", NotifyError),
        ("destroy", Notify),
        ("on_handshake", NotifyRequest),
        ("on_request", NotifyRequest),
    ]


class ServerHandler(ctypes.Structure):
    """``cppserver_server_handler``."""

    _fields_: ClassVar[Any] = [
        ("size", c_size_t),
        ("on_started", Notify),
        ("on_stopped", Notify),
        ("on_session", NotifySession),
        ("on_connected", NotifySessionConnected),
        ("on_disconnected", NotifySessionDisconnected),
        ("on_error", NotifyError),
        ("destroy", Notify),
    ]


class UdpHandler(ctypes.Structure):
    """``cppserver_udp_handler``."""

    _fields_: ClassVar[Any] = [
        ("size", c_size_t),
        ("on_started", Notify),
        ("on_stopped", NotifyReason),
        ("on_received", NotifyDatagram),
        ("on_sent", NotifyDatagramSent),
        ("on_empty", Notify),
        ("on_joined", NotifyGroup),
        ("on_left", NotifyGroup),
        ("on_error", NotifyError),
        ("destroy", Notify),
    ]


class Address(ctypes.Structure):
    """``cppserver_address``. Equal addresses have equal bytes."""

    _fields_: ClassVar[Any] = [
        ("ip", c_uint8 * 16),
        ("scope", c_uint32),
        ("port", c_uint16),
        ("version", c_uint8),
        ("reserved", c_uint8),
    ]

    port: int


# A handle is the address of a native object, as an integer. 0 is harmless everywhere.
# A status is 0 for success.

last_error_code: Callable[[], int] = _holding("last_error_code", c_int32)
last_error_category: Callable[[], bytes | None] = _holding("last_error_category", c_char_p)
last_error_message: Callable[[], bytes | None] = _holding("last_error_message", c_char_p)
reason_text: Callable[[int], bytes | None] = _holding("reason_text", c_char_p, c_int32)

service_create: Callable[[int], int | None] = _releasing("service_create", c_void_p, c_uint32)
service_release: Callable[[int], None] = _releasing("service_release", None, c_void_p)
service_start: Callable[[int, bool, Any, int], int] = _releasing(
    "service_start", c_int32, c_void_p, c_bool, c_void_p, c_void_p
)
service_stop: Callable[[int], int] = _releasing("service_stop", c_int32, c_void_p)
service_restart: Callable[[int], int] = _releasing("service_restart", c_int32, c_void_p)
service_is_started: Callable[[int], bool] = _holding("service_is_started", c_bool, c_void_p)
service_threads: Callable[[int], int] = _holding("service_threads", c_uint32, c_void_p)
service_is_loop_thread: Callable[[int], bool] = _holding("service_is_loop_thread", c_bool, c_void_p)
service_post: Callable[[int, Any, int, Any], int] = _releasing(
    "service_post", c_int32, c_void_p, Notify, c_void_p, Notify
)
service_dispatch: Callable[[int, Any, int, Any], int] = _releasing(
    "service_dispatch", c_int32, c_void_p, Notify, c_void_p, Notify
)

timer_create: Callable[[int, int, int, Any, int, Any], int | None] = _releasing(
    "timer_create", c_void_p, c_void_p, c_uint64, c_uint64, Notify, c_void_p, Notify
)
timer_cancel: Callable[[int], bool] = _releasing("timer_cancel", c_bool, c_void_p)
timer_release: Callable[[int], None] = _releasing("timer_release", None, c_void_p)

tls_context_create: Callable[[], int | None] = _releasing("tls_context_create", c_void_p)
tls_context_release: Callable[[int], None] = _releasing("tls_context_release", None, c_void_p)
_TakeFiles = Callable[[int, bytes, bytes, bytes | None], int]
tls_context_set_certificate_files: _TakeFiles = _releasing(
    "tls_context_set_certificate_files", c_int32, c_void_p, c_char_p, c_char_p, c_char_p
)
tls_context_add_certificate_files: _TakeFiles = _releasing(
    "tls_context_add_certificate_files", c_int32, c_void_p, c_char_p, c_char_p, c_char_p
)
_TakeBytes = Callable[[int, bytes, int, bytes, int, bytes | None], int]
tls_context_set_certificate: _TakeBytes = _releasing(
    "tls_context_set_certificate",
    c_int32,
    c_void_p,
    c_char_p,
    c_size_t,
    c_char_p,
    c_size_t,
    c_char_p,
)
tls_context_add_certificate: _TakeBytes = _releasing(
    "tls_context_add_certificate",
    c_int32,
    c_void_p,
    c_char_p,
    c_size_t,
    c_char_p,
    c_size_t,
    c_char_p,
)
tls_context_set_password_callback: Callable[[int, Any, int, Any], int] = _releasing(
    "tls_context_set_password_callback", c_int32, c_void_p, AskPassword, c_void_p, Notify
)
tls_context_reload: Callable[[int], int] = _releasing("tls_context_reload", c_int32, c_void_p)
tls_context_add_authority_file: Callable[[int, bytes], int] = _releasing(
    "tls_context_add_authority_file", c_int32, c_void_p, c_char_p
)
tls_context_add_authority: Callable[[int, bytes, int], int] = _releasing(
    "tls_context_add_authority", c_int32, c_void_p, c_char_p, c_size_t
)
tls_context_set_option: Callable[[int, int, int], int] = _releasing(
    "tls_context_set_option", c_int32, c_void_p, c_int32, c_int64
)
tls_context_set_alpn_protocols: Callable[[int, Any, int], int] = _releasing(
    "tls_context_set_alpn_protocols", c_int32, c_void_p, c_void_p, c_size_t
)
tls_context_set_key_log_file: Callable[[int, bytes | None], int] = _releasing(
    "tls_context_set_key_log_file", c_int32, c_void_p, c_char_p
)
tls_context_set_verify_callback: Callable[[int, Any, int, Any], int] = _releasing(
    "tls_context_set_verify_callback", c_int32, c_void_p, Judge, c_void_p, Notify
)
tls_certificate_subject: Callable[[bytes, int, Any, int, Any], int] = _holding(
    "tls_certificate_subject", c_int32, c_char_p, c_size_t, c_void_p, c_size_t, c_void_p
)
tls_certificate_is_for_name: Callable[[bytes, int, bytes], bool] = _holding(
    "tls_certificate_is_for_name", c_bool, c_char_p, c_size_t, c_char_p
)

server_create_tcp: Callable[[int, bytes, int], int | None] = _releasing(
    "server_create_tcp", c_void_p, c_void_p, c_char_p, c_uint16
)
server_create_tls: Callable[[int, int, bytes, int], int | None] = _releasing(
    "server_create_tls", c_void_p, c_void_p, c_void_p, c_char_p, c_uint16
)
server_create_ws: Callable[[int, bytes, int], int | None] = _releasing(
    "server_create_ws", c_void_p, c_void_p, c_char_p, c_uint16
)
server_create_wss: Callable[[int, int, bytes, int], int | None] = _releasing(
    "server_create_wss", c_void_p, c_void_p, c_void_p, c_char_p, c_uint16
)
server_create_unix: Callable[[int, bytes], int | None] = _releasing(
    "server_create_unix", c_void_p, c_void_p, c_char_p
)
server_set_mode: Callable[[int, int], int] = _releasing(
    "server_set_mode", c_int32, c_void_p, c_int32
)
server_path: Callable[[int, Any, int, Any], int] = _holding(
    "server_path", c_int32, c_void_p, c_void_p, c_size_t, c_void_p
)
server_release: Callable[[int], None] = _releasing("server_release", None, c_void_p)
server_set_option: Callable[[int, int, int], int] = _releasing(
    "server_set_option", c_int32, c_void_p, c_int32, c_int64
)
server_get_option: Callable[[int, int, Any], int] = _releasing(
    "server_get_option", c_int32, c_void_p, c_int32, c_void_p
)
server_start: Callable[[int, Any, int], int] = _releasing(
    "server_start", c_int32, c_void_p, c_void_p, c_void_p
)
server_stop: Callable[[int], int] = _releasing("server_stop", c_int32, c_void_p)
server_restart: Callable[[int], int] = _releasing("server_restart", c_int32, c_void_p)
server_is_started: Callable[[int], bool] = _holding("server_is_started", c_bool, c_void_p)
server_port: Callable[[int], int] = _holding("server_port", c_uint16, c_void_p)
server_native_handle: Callable[[int], int] = _releasing("server_native_handle", c_int64, c_void_p)
server_current_sessions: Callable[[int], int] = _holding(
    "server_current_sessions", c_uint64, c_void_p
)
server_bytes_sent: Callable[[int], int] = _holding("server_bytes_sent", c_uint64, c_void_p)
server_bytes_received: Callable[[int], int] = _holding("server_bytes_received", c_uint64, c_void_p)
server_messages_sent: Callable[[int], int] = _holding("server_messages_sent", c_uint64, c_void_p)
server_messages_received: Callable[[int], int] = _holding(
    "server_messages_received", c_uint64, c_void_p
)
server_multicast_message: Callable[[int, int, bytes, int], int] = _releasing(
    "server_multicast_message", c_int32, c_void_p, c_int32, c_char_p, c_size_t
)
server_multicast_if: Callable[[int, int, bytes, int, Any, None], int] = _releasing(
    "server_multicast_if",
    c_int32,
    c_void_p,
    c_int32,
    c_char_p,
    c_size_t,
    SessionFilter,
    c_void_p,
)
_Publish = Callable[[int, bytes, int, bytes, int, Any], int]
server_publish: _Publish = _releasing(
    "server_publish", c_int32, c_void_p, c_char_p, c_int32, c_char_p, c_size_t, c_void_p
)
server_disconnect_all: Callable[[int], int] = _releasing("server_disconnect_all", c_int32, c_void_p)

session_retain: Callable[[int], int | None] = _holding("session_retain", c_void_p, c_void_p)
session_release: Callable[[int], None] = _holding("session_release", None, c_void_p)
session_id: Callable[[int], int] = _holding("session_id", c_uint64, c_void_p)
# The size is declared as a pointer, which crosses in the same way, because ctypes converts an
# integer to a pointer in half the time that it takes for a size_t.
session_send: Callable[[int, bytes, int, None], int] = _holding(
    "session_send", c_int32, c_void_p, c_char_p, c_void_p, c_void_p
)
session_send_large: Callable[[int, bytes, int, None], int] = _releasing(
    "session_send", c_int32, c_void_p, c_char_p, c_size_t, c_void_p
)
session_send_message: Callable[[int, int, bytes, int, None], int] = _holding(
    "session_send_message", c_int32, c_void_p, c_int32, c_char_p, c_void_p, c_void_p
)
session_send_message_large: Callable[[int, int, bytes, int, None], int] = _releasing(
    "session_send_message", c_int32, c_void_p, c_int32, c_char_p, c_size_t, c_void_p
)
session_send_part: Callable[[int, int, bytes, int, bool, None], int] = _releasing(
    "session_send_part", c_int32, c_void_p, c_int32, c_char_p, c_size_t, c_bool, c_void_p
)
session_disconnect: Callable[[int], int] = _releasing("session_disconnect", c_int32, c_void_p)
session_disconnect_now: Callable[[int], int] = _releasing(
    "session_disconnect_now", c_int32, c_void_p
)
session_disconnect_with: Callable[[int, int, bytes], int] = _releasing(
    "session_disconnect_with", c_int32, c_void_p, c_uint16, c_char_p
)
session_pause_reading: Callable[[int], int] = _releasing("session_pause_reading", c_int32, c_void_p)
session_resume_reading: Callable[[int], int] = _releasing(
    "session_resume_reading", c_int32, c_void_p
)
session_is_connected: Callable[[int], bool] = _holding("session_is_connected", c_bool, c_void_p)
session_bytes_sent: Callable[[int], int] = _holding("session_bytes_sent", c_uint64, c_void_p)
session_bytes_received: Callable[[int], int] = _holding(
    "session_bytes_received", c_uint64, c_void_p
)
session_bytes_pending: Callable[[int], int] = _holding("session_bytes_pending", c_size_t, c_void_p)
session_peer_address: Callable[[int, Any, int, Any], int] = _releasing(
    "session_peer_address", c_int32, c_void_p, c_void_p, c_size_t, c_void_p
)
session_local_address: Callable[[int, Any, int, Any], int] = _releasing(
    "session_local_address", c_int32, c_void_p, c_void_p, c_size_t, c_void_p
)
session_native_handle: Callable[[int], int] = _holding("session_native_handle", c_int64, c_void_p)
session_set_option: Callable[[int, int, int], int] = _releasing(
    "session_set_option", c_int32, c_void_p, c_int32, c_int64
)
session_is_handshaked: Callable[[int], bool] = _holding("session_is_handshaked", c_bool, c_void_p)
session_close_code: Callable[[int], int] = _holding("session_close_code", c_uint16, c_void_p)
session_close_reason: Callable[[int, Any, int, Any], int] = _holding(
    "session_close_reason", c_int32, c_void_p, c_void_p, c_size_t, c_void_p
)
session_subprotocol: Callable[[int, Any, int, Any], int] = _holding(
    "session_subprotocol", c_int32, c_void_p, c_void_p, c_size_t, c_void_p
)
session_is_compressed: Callable[[int], bool] = _holding("session_is_compressed", c_bool, c_void_p)
session_messages_sent: Callable[[int], int] = _holding("session_messages_sent", c_uint64, c_void_p)
session_messages_received: Callable[[int], int] = _holding(
    "session_messages_received", c_uint64, c_void_p
)
session_subscribe: Callable[[int, bytes], int] = _releasing(
    "session_subscribe", c_int32, c_void_p, c_char_p
)
session_unsubscribe: Callable[[int, bytes], int] = _releasing(
    "session_unsubscribe", c_int32, c_void_p, c_char_p
)
session_publish: _Publish = _releasing(
    "session_publish", c_int32, c_void_p, c_char_p, c_int32, c_char_p, c_size_t, c_void_p
)
session_tls_text: Callable[[int, int, Any, int, Any], int] = _releasing(
    "session_tls_text", c_int32, c_void_p, c_int32, c_void_p, c_size_t, c_void_p
)
session_tls_is_resumed: Callable[[int], bool] = _releasing(
    "session_tls_is_resumed", c_bool, c_void_p
)
session_tls_peer_certificate: Callable[[int, int, Any, int, Any], int] = _releasing(
    "session_tls_peer_certificate", c_int32, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p
)

client_create_tcp: Callable[[int, bytes, int], int | None] = _releasing(
    "client_create_tcp", c_void_p, c_void_p, c_char_p, c_uint16
)
client_create_tls: Callable[[int, int, bytes, int], int | None] = _releasing(
    "client_create_tls", c_void_p, c_void_p, c_void_p, c_char_p, c_uint16
)
client_create_ws: Callable[[int, bytes], int | None] = _releasing(
    "client_create_ws", c_void_p, c_void_p, c_char_p
)
client_create_wss: Callable[[int, int, bytes], int | None] = _releasing(
    "client_create_wss", c_void_p, c_void_p, c_void_p, c_char_p
)
client_create_unix: Callable[[int, bytes], int | None] = _releasing(
    "client_create_unix", c_void_p, c_void_p, c_char_p
)
client_path: Callable[[int, Any, int, Any], int] = _holding(
    "client_path", c_int32, c_void_p, c_void_p, c_size_t, c_void_p
)
client_add_header: Callable[[int, bytes, bytes], int] = _releasing(
    "client_add_header", c_int32, c_void_p, c_char_p, c_char_p
)
client_set_subprotocols: Callable[[int, bytes], int] = _releasing(
    "client_set_subprotocols", c_int32, c_void_p, c_char_p
)
client_set_server_name: Callable[[int, bytes | None], int] = _releasing(
    "client_set_server_name", c_int32, c_void_p, c_char_p
)
client_release: Callable[[int], None] = _releasing("client_release", None, c_void_p)
client_set_option: Callable[[int, int, int], int] = _releasing(
    "client_set_option", c_int32, c_void_p, c_int32, c_int64
)
client_get_option: Callable[[int, int, Any], int] = _releasing(
    "client_get_option", c_int32, c_void_p, c_int32, c_void_p
)
client_bind: Callable[[int, bytes | None, int], int] = _releasing(
    "client_bind", c_int32, c_void_p, c_char_p, c_uint16
)
client_connect: Callable[[int, Any, int], int] = _releasing(
    "client_connect", c_int32, c_void_p, c_void_p, c_void_p
)
client_reconnect: Callable[[int, int], int] = _releasing(
    "client_reconnect", c_int32, c_void_p, c_uint64
)
client_session: Callable[[int], int | None] = _holding("client_session", c_void_p, c_void_p)

http_request_method: Callable[[int], bytes | None] = _holding(
    "http_request_method", c_char_p, c_void_p
)
http_request_target: Callable[[int], bytes | None] = _holding(
    "http_request_target", c_char_p, c_void_p
)
http_request_path: Callable[[int], bytes | None] = _holding("http_request_path", c_char_p, c_void_p)
http_request_query: Callable[[int], bytes | None] = _holding(
    "http_request_query", c_char_p, c_void_p
)
http_request_header_at: Callable[[int, int, Any, Any], bool] = _holding(
    "http_request_header_at", c_bool, c_void_p, c_size_t, c_void_p, c_void_p
)
http_response_status: Callable[[int], int] = _holding("http_response_status", c_uint16, c_void_p)
http_response_set_status: Callable[[int, int], int] = _holding(
    "http_response_set_status", c_int32, c_void_p, c_uint16
)
http_response_add_header: Callable[[int, bytes, bytes], int] = _holding(
    "http_response_add_header", c_int32, c_void_p, c_char_p, c_char_p
)
http_response_set_subprotocol: Callable[[int, bytes], int] = _holding(
    "http_response_set_subprotocol", c_int32, c_void_p, c_char_p
)
http_response_set_body: Callable[[int, bytes, int], int] = _holding(
    "http_response_set_body", c_int32, c_void_p, c_char_p, c_size_t
)

address_parse: Callable[[bytes, int, Any], int] = _holding(
    "address_parse", c_int32, c_char_p, c_uint16, c_void_p
)
address_text: Callable[[Any, Any, int], int] = _holding(
    "address_text", c_int32, c_void_p, c_char_p, c_size_t
)

udp_create_server: Callable[[int, bytes, int], int | None] = _releasing(
    "udp_create_server", c_void_p, c_void_p, c_char_p, c_uint16
)
udp_create_client: Callable[[int, bytes, int], int | None] = _releasing(
    "udp_create_client", c_void_p, c_void_p, c_char_p, c_uint16
)
udp_release: Callable[[int], None] = _releasing("udp_release", None, c_void_p)
udp_set_option: Callable[[int, int, int], int] = _releasing(
    "udp_set_option", c_int32, c_void_p, c_int32, c_int64
)
udp_get_option: Callable[[int, int, Any], int] = _releasing(
    "udp_get_option", c_int32, c_void_p, c_int32, c_void_p
)
udp_set_multicast_interface: Callable[[int, bytes | None], int] = _releasing(
    "udp_set_multicast_interface", c_int32, c_void_p, c_char_p
)
udp_set_destination: Callable[[int, bytes | None], int] = _releasing(
    "udp_set_destination", c_int32, c_void_p, c_char_p
)
udp_bind: Callable[[int, bytes | None, int], int] = _releasing(
    "udp_bind", c_int32, c_void_p, c_char_p, c_uint16
)
udp_start: Callable[[int, Any, int], int] = _releasing(
    "udp_start", c_int32, c_void_p, c_void_p, c_void_p
)
udp_stop: Callable[[int], int] = _releasing("udp_stop", c_int32, c_void_p)
udp_restart: Callable[[int], int] = _releasing("udp_restart", c_int32, c_void_p)
# Sizes as pointers, for speed: see session_send.
udp_send: Callable[[int, bytes, int, None], int] = _holding(
    "udp_send", c_int32, c_void_p, c_char_p, c_void_p, c_void_p
)
udp_send_to: Callable[[int, bytes, bytes, int, None], int] = _holding(
    "udp_send_to", c_int32, c_void_p, c_char_p, c_char_p, c_void_p, c_void_p
)
_ChangeGroup = Callable[[int, bytes, bytes | None, bytes | None], int]
udp_join: _ChangeGroup = _releasing("udp_join", c_int32, c_void_p, c_char_p, c_char_p, c_char_p)
udp_leave: _ChangeGroup = _releasing("udp_leave", c_int32, c_void_p, c_char_p, c_char_p, c_char_p)
udp_is_started: Callable[[int], bool] = _holding("udp_is_started", c_bool, c_void_p)
udp_port: Callable[[int], int] = _holding("udp_port", c_uint16, c_void_p)
udp_local_address: Callable[[int, Any], int] = _releasing(
    "udp_local_address", c_int32, c_void_p, c_void_p
)
udp_destination: Callable[[int, Any], int] = _releasing(
    "udp_destination", c_int32, c_void_p, c_void_p
)
udp_native_handle: Callable[[int], int] = _releasing("udp_native_handle", c_int64, c_void_p)
udp_datagrams_sent: Callable[[int], int] = _holding("udp_datagrams_sent", c_uint64, c_void_p)
udp_datagrams_received: Callable[[int], int] = _holding(
    "udp_datagrams_received", c_uint64, c_void_p
)
udp_datagrams_dropped: Callable[[int], int] = _holding("udp_datagrams_dropped", c_uint64, c_void_p)
udp_datagrams_lost: Callable[[int], int] = _holding("udp_datagrams_lost", c_uint64, c_void_p)
udp_bytes_sent: Callable[[int], int] = _holding("udp_bytes_sent", c_uint64, c_void_p)
udp_bytes_received: Callable[[int], int] = _holding("udp_bytes_received", c_uint64, c_void_p)
udp_bytes_pending: Callable[[int], int] = _holding("udp_bytes_pending", c_size_t, c_void_p)

# Native memory, and three functions of the interpreter itself.


class _Windows(dict[int, Any]):
    """Arrays of characters that begin at an address and end nowhere.

    A slice of such an array is a bytes object with a copy of the memory. That takes less than half
    the time of ``ctypes.string_at``, provided that the array is at hand; and it mostly is, because
    the library receives into the same memory again and again. Only the slice touches memory, so an
    array whose memory is gone does no harm.
    """

    def __missing__(self, address: int) -> Any:
        if len(self) >= 1024:
            self.clear()
        window = self[address] = (c_char * sys.maxsize).from_address(address)
        return window


windows = _Windows()
"""``windows[address][:size]`` are ``size`` native bytes as a bytes object."""


_memory_from_address: Callable[[int, int, int], memoryview] = ctypes.PYFUNCTYPE(
    ctypes.py_object, c_void_p, ctypes.c_ssize_t, ctypes.c_int
)(("PyMemoryView_FromMemory", ctypes.pythonapi))

ensure_thread_state: Callable[[], int] = ctypes.PYFUNCTYPE(ctypes.c_int)(
    ("PyGILState_Ensure", ctypes.pythonapi)
)
release_thread_state: Callable[[int], None] = ctypes.PYFUNCTYPE(None, ctypes.c_int)(
    ("PyGILState_Release", ctypes.pythonapi)
)


def view_of_address(address: int, size: int) -> memoryview:
    """Return a read-only view of native memory, without a copy."""
    return _memory_from_address(address, size, 0x100)  # PyBUF_READ
