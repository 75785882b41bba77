"""Finds and loads the native library."""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import c_char_p
from pathlib import Path

MAJOR_VERSION = 1
"""Major version of the native library that this package was written for."""

LIBRARY_VARIABLE = "CPPSERVER_LIBRARY"
"""Environment variable that names the native library to load, instead of all other places."""


def library_names(platform: str = sys.platform) -> tuple[str, ...]:
    """File names of the native library on a platform, the best first."""
    if platform == "win32":
        return ("cppserver.dll",)
    if platform == "darwin":
        return ("libcppserver.1.dylib", "libcppserver.dylib")
    return ("libcppserver.so.1", "libcppserver.so")


def _open(name: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise ImportError(
            f"cppserver found its native library at {name!r}, but could not load it: {error}",
            path=name,
        ) from error


def load() -> ctypes.CDLL:
    """Load the native library: environment variable, beside the package, system loader."""
    named = os.environ.get(LIBRARY_VARIABLE)
    if named:
        return _open(named)
    names = library_names()
    directory = Path(__file__).parent
    for name in names:
        if (directory / name).is_file():
            return _open(str(directory / name))
    refusals = []
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            refusals.append(str(error))
    raise ImportError(
        f"cppserver could not find its native library: set {LIBRARY_VARIABLE} to its path, put "
        f"{names[0]} into {directory}, or install it where the system loader looks "
        f"({'; '.join(refusals)})"
    )


def check_version(library: ctypes.CDLL) -> str:
    """Return the version of the library; refuse one with another major number."""
    try:
        function = library["cppserver_version"]
    except AttributeError as error:
        raise ImportError(
            f"{library._name!r} is no cppserver library: it exports no cppserver_version"
        ) from error
    function.restype = c_char_p
    function.argtypes = ()
    version = str((function() or b"").decode("ascii", "replace"))
    major = version.split(".", 1)[0]
    if major != str(MAJOR_VERSION):
        raise ImportError(
            f"cppserver for Python needs version {MAJOR_VERSION} of the native library, "
            f"but {library._name!r} has version {version!r}"
        )
    return version
