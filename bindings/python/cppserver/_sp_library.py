"""Describes the functions of the scalability protocols to ctypes, as ``_library`` does all others.

What ends with ``_blocking`` or ``_large`` is the function that is named before, for calls that may
take long: it gives the global interpreter lock away.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import (
    CFUNCTYPE,
    c_bool,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any, ClassVar

from ._library import Notify, _holding, _releasing

NotifySocket: Callable[[Callable[[int, int], None]], Any] = CFUNCTYPE(None, c_void_p, c_void_p)
NotifyMessage: Callable[[Callable[[int, int, int], None]], Any] = CFUNCTYPE(
    None, c_void_p, c_void_p, c_void_p
)
NotifyPeer: Callable[[Callable[[int, int, int, bytes | None, bool], None]], Any] = CFUNCTYPE(
    None, c_void_p, c_void_p, c_uint32, c_char_p, c_bool
)
NotifySocketError: Callable[[Callable[[int, int, int, bytes | None, bytes | None], None]], Any] = (
    CFUNCTYPE(None, c_void_p, c_void_p, c_int32, c_char_p, c_char_p)
)


class SpHandler(ctypes.Structure):
    """``cppserver_sp_handler``."""

    _fields_: ClassVar[Any] = [
        ("size", c_size_t),
        ("on_received", NotifyMessage),
        ("on_writable", NotifySocket),
        ("on_finished", NotifySocket),
        ("on_connected", NotifyPeer),
        ("on_disconnected", NotifyPeer),
        ("on_error", NotifySocketError),
        ("destroy", Notify),
    ]


class SpStatistics(ctypes.Structure):
    """``cppserver_sp_statistics``."""

    _fields_: ClassVar[Any] = [
        ("size", c_size_t),
        ("established_connections", c_uint64),
        ("accepted_connections", c_uint64),
        ("dropped_connections", c_uint64),
        ("broken_connections", c_uint64),
        ("connect_errors", c_uint64),
        ("bind_errors", c_uint64),
        ("accept_errors", c_uint64),
        ("current_connections", c_uint64),
        ("messages_sent", c_uint64),
        ("messages_received", c_uint64),
        ("bytes_sent", c_uint64),
        ("bytes_received", c_uint64),
        ("messages_dropped", c_uint64),
        ("messages_undelivered", c_uint64),
    ]


sp_message_create: Callable[[bytes | None, int], int | None] = _holding(
    "sp_message_create", c_void_p, c_char_p, c_size_t
)
sp_message_release: Callable[[int], None] = _holding("sp_message_release", None, c_void_p)
sp_message_data: Callable[[int], int] = _holding("sp_message_data", c_void_p, c_void_p)
sp_message_size: Callable[[int], int] = _holding("sp_message_size", c_size_t, c_void_p)
sp_message_header: Callable[[int, Any], int] = _holding(
    "sp_message_header", c_void_p, c_void_p, c_void_p
)
sp_message_set_header: Callable[[int, Any, int], int] = _holding(
    "sp_message_set_header", c_int32, c_void_p, c_void_p, c_size_t
)

sp_socket_create_on: Callable[[int, int, bool], int | None] = _releasing(
    "sp_socket_create_on", c_void_p, c_void_p, c_int32, c_bool
)
sp_socket_release: Callable[[int], None] = _releasing("sp_socket_release", None, c_void_p)
sp_socket_id: Callable[[int], int] = _holding("sp_socket_id", c_uint64, c_void_p)
sp_socket_is_raw: Callable[[int], bool] = _holding("sp_socket_is_raw", c_bool, c_void_p)
sp_socket_set_option: Callable[[int, int, int], int] = _holding(
    "sp_socket_set_option", c_int32, c_void_p, c_int32, c_int64
)
sp_socket_get_option: Callable[[int, int, Any], int] = _holding(
    "sp_socket_get_option", c_int32, c_void_p, c_int32, c_void_p
)
sp_socket_set_tls: Callable[[int, int], int] = _releasing(
    "sp_socket_set_tls", c_int32, c_void_p, c_void_p
)
sp_socket_set_handler: Callable[[int, Any, int], int] = _releasing(
    "sp_socket_set_handler", c_int32, c_void_p, c_void_p, c_void_p
)
sp_socket_pause_receiving: Callable[[int], int] = _releasing(
    "sp_socket_pause_receiving", c_int32, c_void_p
)
sp_socket_resume_receiving: Callable[[int], int] = _releasing(
    "sp_socket_resume_receiving", c_int32, c_void_p
)
sp_socket_set_blocking: Callable[[int, bool], int] = _releasing(
    "sp_socket_set_blocking", c_int32, c_void_p, c_bool
)
sp_socket_subscribe: Callable[[int, bytes, int], int] = _releasing(
    "sp_socket_subscribe", c_int32, c_void_p, c_char_p, c_size_t
)
sp_socket_unsubscribe: Callable[[int, bytes, int], int] = _releasing(
    "sp_socket_unsubscribe", c_int32, c_void_p, c_char_p, c_size_t
)
sp_socket_statistics: Callable[[int, Any], int] = _holding(
    "sp_socket_statistics", c_int32, c_void_p, c_void_p
)
sp_socket_close: Callable[[int], int] = _releasing("sp_socket_close", c_int32, c_void_p)
sp_socket_is_closed: Callable[[int], bool] = _holding("sp_socket_is_closed", c_bool, c_void_p)
sp_terminate: Callable[[], None] = _releasing("sp_terminate", None)

sp_socket_listen: Callable[[int, bytes], int | None] = _releasing(
    "sp_socket_listen", c_void_p, c_void_p, c_char_p
)
sp_socket_dial: Callable[[int, bytes], int | None] = _releasing(
    "sp_socket_dial", c_void_p, c_void_p, c_char_p
)
sp_endpoint_release: Callable[[int], None] = _releasing("sp_endpoint_release", None, c_void_p)
sp_endpoint_id: Callable[[int], int] = _holding("sp_endpoint_id", c_uint32, c_void_p)
sp_endpoint_port: Callable[[int], int] = _holding("sp_endpoint_port", c_uint16, c_void_p)
sp_endpoint_address: Callable[[int, Any, int, Any], int] = _holding(
    "sp_endpoint_address", c_int32, c_void_p, c_void_p, c_size_t, c_void_p
)
sp_endpoint_is_closed: Callable[[int], bool] = _holding("sp_endpoint_is_closed", c_bool, c_void_p)
sp_endpoint_close: Callable[[int], int] = _releasing("sp_endpoint_close", c_int32, c_void_p)

_SpSend = Callable[[int, bytes, int, int], int]
sp_socket_send: _SpSend = _holding("sp_socket_send", c_int32, c_void_p, c_char_p, c_size_t, c_int64)
sp_socket_send_blocking: _SpSend = _releasing(
    "sp_socket_send", c_int32, c_void_p, c_char_p, c_size_t, c_int64
)
_SpSendMessage = Callable[[int, int, int], int]
sp_socket_send_message: _SpSendMessage = _holding(
    "sp_socket_send_message", c_int32, c_void_p, c_void_p, c_int64
)
sp_socket_send_message_blocking: _SpSendMessage = _releasing(
    "sp_socket_send_message", c_int32, c_void_p, c_void_p, c_int64
)
SpReceive = Callable[[int, int, int], int]
sp_socket_receive: SpReceive = _holding("sp_socket_receive", c_int32, c_void_p, c_void_p, c_int64)
sp_socket_receive_blocking: SpReceive = _releasing(
    "sp_socket_receive", c_int32, c_void_p, c_void_p, c_int64
)
SpReceiveAnswer = Callable[[int, int, int, Any], int]
sp_socket_receive_answer: SpReceiveAnswer = _holding(
    "sp_socket_receive_answer", c_int32, c_void_p, c_void_p, c_int64, c_void_p
)
sp_socket_receive_answer_blocking: SpReceiveAnswer = _releasing(
    "sp_socket_receive_answer", c_int32, c_void_p, c_void_p, c_int64, c_void_p
)
SpWatch = Callable[[int, Any, int, Any], int]
sp_socket_when_receivable: SpWatch = _releasing(
    "sp_socket_when_receivable", c_int32, c_void_p, Notify, c_void_p, Notify
)
sp_socket_when_sendable: SpWatch = _releasing(
    "sp_socket_when_sendable", c_int32, c_void_p, Notify, c_void_p, Notify
)

sp_context_create: Callable[[int], int | None] = _holding("sp_context_create", c_void_p, c_void_p)
sp_context_release: Callable[[int], None] = _releasing("sp_context_release", None, c_void_p)
sp_context_send: Callable[[int, bytes, int], int] = _holding(
    "sp_context_send", c_int32, c_void_p, c_char_p, c_size_t
)
sp_context_send_large: Callable[[int, bytes, int], int] = _releasing(
    "sp_context_send", c_int32, c_void_p, c_char_p, c_size_t
)
sp_context_receive: SpReceive = _holding("sp_context_receive", c_int32, c_void_p, c_void_p, c_int64)
sp_context_receive_blocking: SpReceive = _releasing(
    "sp_context_receive", c_int32, c_void_p, c_void_p, c_int64
)
sp_context_receive_answer: SpReceiveAnswer = _holding(
    "sp_context_receive_answer", c_int32, c_void_p, c_void_p, c_int64, c_void_p
)
sp_context_receive_answer_blocking: SpReceiveAnswer = _releasing(
    "sp_context_receive_answer", c_int32, c_void_p, c_void_p, c_int64, c_void_p
)
sp_context_when_receivable: SpWatch = _releasing(
    "sp_context_when_receivable", c_int32, c_void_p, Notify, c_void_p, Notify
)

sp_device_create: Callable[[int, int], int | None] = _releasing(
    "sp_device_create", c_void_p, c_void_p, c_void_p
)
sp_device_release: Callable[[int], None] = _releasing("sp_device_release", None, c_void_p)
