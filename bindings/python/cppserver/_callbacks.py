"""What the callbacks of all roles share: keys, overridden methods and raised exceptions.

The ``user_data`` that goes to the native library is a key, a number that is never used twice, into
a dictionary of the role. The dictionary is what keeps an object alive during its run; ``destroy``,
the last callback of a run, takes the object out. A late callback could at worst miss its key; it
can never reach freed memory.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from ._errors import CppServerError, handler_error

next_key: Callable[[], int] = itertools.count(1).__next__
"""Returns a new key. It starts at 1, because ctypes hands out a user_data of 0 as None."""


class Owner(Protocol):
    """An object with callbacks."""

    def on_error(self, error: CppServerError) -> None:
        """Take an error."""


@dataclasses.dataclass
class _Unraisable:
    """What a hook gets. The interpreter's own type for it cannot be made in Python."""

    exc_type: type[BaseException]
    exc_value: BaseException | None
    exc_traceback: TracebackType | None
    err_msg: str | None
    object: object


def overrides(kind: type[Any], base: type[Any], name: str) -> bool:
    """Tell whether class ``kind`` has another method ``name`` than its base class."""
    return getattr(kind, name) is not getattr(base, name)


def base_implementation(method: Callable[[Any, CppServerError], None]) -> Any:
    """Mark an ``on_error`` that does nothing, so that exceptions are not given to it."""
    method.does_nothing = True  # type: ignore[attr-defined]
    return method


def unraisable(exception: BaseException, source: object, message: str) -> None:
    """Hand an exception that nobody can catch to ``sys.unraisablehook``; never raise."""
    errors = [exception]
    if sys.unraisablehook is not sys.__unraisablehook__:
        trace = exception.__traceback__
        try:
            sys.unraisablehook(_Unraisable(type(exception), exception, trace, message, source))
            return
        except BaseException as failure:
            errors.append(failure)
    # The stock hook takes only the interpreter's own type, so its work is done here.
    try:
        for error in errors:
            text = "".join(traceback.format_exception(error))
            print(f"{message}: {source!r}\n{text}", end="", file=sys.stderr, flush=True)
    except BaseException:
        # There is no standard error stream, or repr() raised: nobody is left to be told.
        return


def report(
    owner: Owner | None, name: str, exception: BaseException, source: str | None = None
) -> None:
    """Report an exception that the callback ``name`` of ``owner`` raised; never raise.

    It goes to ``owner.on_error`` as a :class:`HandlerError`. Without an ``on_error`` of its own, or
    when that one raises, it goes to ``sys.unraisablehook``. ``source`` names a function that is no
    method of the owner.
    """
    kind: Any = type(owner)
    source = source or f"{kind.__qualname__}.{name}"
    if owner is not None and name != "on_error" and not hasattr(kind.on_error, "does_nothing"):
        try:
            owner.on_error(handler_error(source, exception))
            return
        except BaseException as failure:
            unraisable(failure, owner, f"Exception ignored in {kind.__qualname__}.on_error")
    unraisable(exception, owner, f"Exception ignored in {source}")
