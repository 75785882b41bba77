"""Build hook: puts the native library into the wheel and tags the wheel for its platform.

The library is the file that the environment variable ``CPPSERVER_LIBRARY`` names, else the release
build of this source tree. The platform of the tag is this machine's, or what
``CPPSERVER_WHEEL_PLATFORM`` says: set it after a check of what the library needs, for example to
``manylinux_2_28_x86_64``.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The name of the library in a build, and the name under which the package looks for it first.
_BUILT = {"win32": "cppserver.dll", "darwin": "libcppserver.dylib"}
_SHIPPED = {"win32": "cppserver.dll", "darwin": "libcppserver.1.dylib"}


class NativeLibraryHook(BuildHookInterface[Any]):
    """Adds the native library to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the library and the licence, and set the tag; not for editable installs."""
        if version == "editable":
            return
        tree = Path(self.root).resolve().parents[1]
        library = self._library(tree)
        shipped = _SHIPPED.get(sys.platform, "libcppserver.so.1")
        build_data["force_include"][str(library)] = f"cppserver/{shipped}"
        licence = tree / "LICENSE"
        if licence.is_file():
            build_data["force_include"][str(licence)] = "cppserver/LICENSE"
        platform = os.environ.get("CPPSERVER_WHEEL_PLATFORM") or sysconfig.get_platform()
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform.replace('-', '_').replace('.', '_')}"

    @staticmethod
    def _library(tree: Path) -> Path:
        named = os.environ.get("CPPSERVER_LIBRARY")
        if named:
            library = Path(named)
        else:
            target = Path(os.environ.get("CARGO_TARGET_DIR") or tree / "target")
            library = target / "release" / _BUILT.get(sys.platform, "libcppserver.so")
        if not library.is_file():
            raise FileNotFoundError(
                f"a wheel needs the native library, but there is no {library}: build it with "
                "'cargo build --release', or name it in CPPSERVER_LIBRARY"
            )
        return library.resolve()
