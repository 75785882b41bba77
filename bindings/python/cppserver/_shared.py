"""The service that everything shares which is given none."""

from __future__ import annotations

import os
import threading

from ._errors import Status, make_error
from ._service import Service

_lock = threading.Lock()
_service: Service | None = None


def service_or_shared(service: Service | None) -> Service:
    """Return a service that runs: this one, or the one that the process shares.

    Raises:
        StateError: The service is not started.
    """
    global _service
    if service is not None:
        if not isinstance(service, Service):
            raise TypeError(f"service is a Service, not {type(service).__name__}")
        if not service.is_running:
            raise make_error(Status.INVALID_STATE, "state", "the service is not started")
        return service
    with _lock:
        if _service is None:
            _service = Service()
        if not _service.is_running:
            _service.start()
        return _service


def _after_fork() -> None:
    """Let a forked process make its own service."""
    global _lock, _service
    _lock = threading.Lock()
    _service = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
