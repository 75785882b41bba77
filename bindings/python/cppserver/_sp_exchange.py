"""What sockets and contexts have in common: they send and receive, without waiting.

How they wait is another matter: threads wait in :mod:`cppserver.nano`, coroutines in
:mod:`cppserver.aio`.
"""

from __future__ import annotations

import ctypes
from typing import ClassVar, NamedTuple

from . import _sp_library
from ._errors import SpError, SpFailure, make_error
from ._sp_transfer import body, receive

NOTHING = "there is nothing to receive now; wait for it with a timeout, or for the callback"
NO_ROOM = "this cannot be sent now; wait for it with a timeout, or for the callback"
MAY_NOT_BLOCK = (
    "this would block, on an I/O thread or after set_blocking(False); use the calls with try_ there"
)

Answer = tuple[bytes | None, bool]
"""An answer to a survey and False, or None and True at the end of the survey."""


def failed(failure: SpFailure, message: str) -> SpError:
    """Return the error of a call that the native library did not describe."""
    error = make_error(failure, "sp", message)
    assert isinstance(error, SpError)
    return error


class Functions(NamedTuple):
    """The native functions of sockets or of contexts. The blocking ones are for calls that wait."""

    receive: _sp_library.SpReceive
    receive_blocking: _sp_library.SpReceive
    receive_answer: _sp_library.SpReceiveAnswer
    receive_answer_blocking: _sp_library.SpReceiveAnswer
    when_receivable: _sp_library.SpWatch


class Exchange:
    """Sends and receives messages. Base of sockets and contexts."""

    _handle = 0

    _native: ClassVar[Functions]

    def _try_send(self, data: bytes) -> bool:
        """Send; False when that would have to wait."""
        raise NotImplementedError

    def _try_receive(self) -> bytes | None:
        """Receive; None when that would have to wait."""
        return receive(self._native.receive, self._handle, 0, read=body)

    def _receive_within(self, timeout: int) -> bytes | None:
        """Receive within so many milliseconds, -1 for those of the option.

        None when it may not wait: on an I/O thread, or when the socket was told not to block.
        """
        return receive(self._native.receive_blocking, self._handle, timeout, read=body)

    def _try_receive_answer(self) -> Answer | None:
        """Receive an answer as :meth:`_try_receive`."""
        return self._answer(self._native.receive_answer, 0)

    def _receive_answer_within(self, timeout: int) -> Answer | None:
        """Receive an answer as :meth:`_receive_within`."""
        return self._answer(self._native.receive_answer_blocking, timeout)

    def _answer(self, function: _sp_library.SpReceiveAnswer, timeout: int) -> Answer | None:
        finished = ctypes.c_bool()

        def read(message: int) -> Answer:
            return (None, True) if finished.value else (body(message), False)

        return receive(function, self._handle, timeout, ctypes.byref(finished), read=read)


class ContextExchange(Exchange):
    """The exchange of a context."""

    _native = Functions(
        _sp_library.sp_context_receive,
        _sp_library.sp_context_receive_blocking,
        _sp_library.sp_context_receive_answer,
        _sp_library.sp_context_receive_answer_blocking,
        _sp_library.sp_context_when_receivable,
    )
