"""Finding the native library, and that the package and the header of the library agree."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cppserver
import pytest
from cppserver import _library, _loader, _sp_library, _ssl, _tls, nano
from helpers import DEADLINE

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(_library.__file__).parent
LIBRARY = Path(_library._releasing_library._name)


def import_package(directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Import the package in a new interpreter, from a directory and with an environment."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in (_loader.LIBRARY_VARIABLE, "PYTHONPATH")
    }
    variables.update(environment, PYTHONPATH=str(directory), PYTHONDONTWRITEBYTECODE="1")
    program = "import cppserver; print(cppserver.Service().threads)"
    return subprocess.run(
        [sys.executable, "-c", program],
        env=variables,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a directory with a copy of the package without a library beside it."""
    shutil.copytree(
        PACKAGE,
        tmp_path / "cppserver",
        ignore=shutil.ignore_patterns("*.so*", "*.dylib", "*.dll", "__pycache__"),
    )
    return tmp_path


def last_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1
    return result.stderr.strip().splitlines()[-1]


@pytest.mark.skipif(not LIBRARY.is_absolute(), reason="the library comes from the system")
def test_the_environment_names_the_library(copy: Path) -> None:
    result = import_package(copy, CPPSERVER_LIBRARY=str(LIBRARY))
    assert (result.stdout, result.stderr) == ("1\n", "")


@pytest.mark.skipif(not LIBRARY.is_absolute(), reason="the library comes from the system")
def test_a_library_beside_the_package_is_found(copy: Path) -> None:
    shutil.copy(LIBRARY, copy / "cppserver" / _loader.library_names()[0])
    result = import_package(copy)
    assert (result.stdout, result.stderr) == ("1\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="each system has another variable for this")
@pytest.mark.skipif(not LIBRARY.is_absolute(), reason="the library comes from the system")
@pytest.mark.parametrize("name", _loader.library_names())
def test_a_library_of_the_system_is_found(copy: Path, tmp_path: Path, name: str) -> None:
    system = tmp_path / "system"
    system.mkdir()
    shutil.copy(LIBRARY, system / name)
    result = import_package(copy, LD_LIBRARY_PATH=str(system))
    assert (result.stdout, result.stderr) == ("1\n", "")


def test_a_missing_library_is_explained(copy: Path) -> None:
    if import_package(copy).returncode == 0:
        pytest.skip("the library is installed on this system")
    line = last_line(import_package(copy))
    assert line.startswith("ImportError: cppserver could not find its native library: set ")
    assert "CPPSERVER_LIBRARY" in line
    assert str(copy / "cppserver") in line


def test_a_named_library_that_is_missing_is_explained(copy: Path) -> None:
    # The other places are not tried: who names a library wants that one.
    line = last_line(import_package(copy, CPPSERVER_LIBRARY="/no/such/library.so"))
    assert line.startswith("ImportError: cppserver found its native library at")
    assert "/no/such/library.so" in line


def test_a_file_that_is_no_library_is_explained(copy: Path) -> None:
    (copy / "cppserver" / _loader.library_names()[0]).write_text("no library")
    line = last_line(import_package(copy))
    assert line.startswith("ImportError: cppserver found its native library at")
    assert str(copy) in line


@pytest.mark.skipif(sys.platform != "linux", reason="libm is named otherwise")
def test_another_library_is_explained(copy: Path) -> None:
    line = last_line(import_package(copy, CPPSERVER_LIBRARY="libm.so.6"))
    assert line == (
        "ImportError: 'libm.so.6' is no cppserver library: it exports no cppserver_version"
    )


def test_another_major_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Function:
        def __init__(self, version: bytes) -> None:
            self.version = version

        def __call__(self) -> bytes:
            return self.version

    def library(version: bytes) -> Any:
        return type("Library", (), {"_name": "x", "__getitem__": lambda *_: Function(version)})()

    assert _loader.check_version(library(b"1.9.7")) == "1.9.7"
    for version in (b"0.9.0", b"2.0.0", b"10.0.0", b""):
        with pytest.raises(ImportError, match="needs version 1 of the native library"):
            _loader.check_version(library(version))


def test_a_library_without_a_function_is_refused() -> None:
    with pytest.raises(ImportError, match="exports no cppserver_of_the_future"):
        _library._function(_library._releasing_library, "of_the_future", None, ())


def test_the_versions_agree() -> None:
    assert cppserver.native_version.split(".")[0] == str(_loader.MAJOR_VERSION)
    assert cppserver.__version__ == cppserver.native_version


@pytest.mark.parametrize(
    ("platform", "names"),
    [
        ("linux", ("libcppserver.so.1", "libcppserver.so")),
        ("darwin", ("libcppserver.1.dylib", "libcppserver.dylib")),
        ("win32", ("cppserver.dll",)),
    ],
)
def test_names_of_the_library(platform: str, names: tuple[str, ...]) -> None:
    assert _loader.library_names(platform) == names


# The header


@pytest.fixture(scope="module")
def header() -> str:
    """Return the C header without its comments."""
    text = (ROOT / "include" / "cppserver.h").read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    return re.sub(r"//[^\n]*", " ", text)


@pytest.mark.parametrize(
    ("enumeration", "prefix"),
    [
        (cppserver.Status, "CPPSERVER_STATUS_"),
        (cppserver.Reason, "CPPSERVER_REASON_"),
        (cppserver.Kind, "CPPSERVER_KIND_"),
        (cppserver.Option, "CPPSERVER_OPTION_"),
        (cppserver.SendPolicy, "CPPSERVER_SEND_POLICY_"),
        (cppserver.TlsFailure, "CPPSERVER_TLS_FAILURE_"),
        (cppserver.TlsVerify, "CPPSERVER_TLS_VERIFY_"),
        (cppserver.TlsVersion, "CPPSERVER_TLS_VERSION_"),
        (_tls.TlsOption, "CPPSERVER_TLS_OPTION_"),
        (_ssl.TlsText, "CPPSERVER_TLS_TEXT_"),
        (cppserver.SpFailure, "CPPSERVER_SP_FAILURE_"),
        (nano.Protocol, "CPPSERVER_SP_PROTOCOL_"),
        (nano.SpOption, "CPPSERVER_SP_OPTION_"),
    ],
)
def test_numbers_agree_with_the_header(header: str, enumeration: Any, prefix: str) -> None:
    native = dict(re.findall(rf"\b{prefix}([A-Z0-9_]+)\s*=\s*(\d+)", header))
    assert {member.name: str(member.value) for member in enumeration} == native


@pytest.mark.parametrize(
    ("structure", "name"),
    [
        (_library.ServiceHandler, "cppserver_service_handler"),
        (_library.SessionHandler, "cppserver_session_handler"),
        (_library.ServerHandler, "cppserver_server_handler"),
        (_library.UdpHandler, "cppserver_udp_handler"),
        (_sp_library.SpHandler, "cppserver_sp_handler"),
    ],
)
def test_handlers_agree_with_the_header(header: str, structure: Any, name: str) -> None:
    found = re.search(rf"typedef struct {name}\s*\{{(.*?)\}}\s*{name};", header, re.DOTALL)
    assert found is not None
    members = []
    for declaration in found[1].split(";"):
        callback = re.search(r"^\s*(\w+)\s*\(\s*\*\s*(\w+)\s*\)\s*\((.*)\)", declaration, re.DOTALL)
        if callback:
            members.append((callback[2], callback[1], callback[3].count(",") + 1))
        elif declaration.strip():
            members.append((declaration.split()[-1], declaration.split()[0], 0))
    results = {None: "void", ctypes.c_size_t: "size_t", ctypes.c_bool: "bool"}
    ours = []
    for member, kind in structure._fields_:
        if member == "size":
            ours.append((member, "size_t", 0))
        else:
            ours.append((member, results[kind._restype_], len(kind._argtypes_)))
    assert ours == members


def test_addresses_agree_with_the_header(header: str) -> None:
    pattern = r"typedef struct cppserver_address\s*\{(.*?)\}\s*cppserver_address;"
    found = re.search(pattern, header, re.DOTALL)
    assert found is not None
    members = re.findall(r"(uint\d+)_t (\w+)(?:\[(\d+)\])?;", found[1])
    ours = {name: ctypes.sizeof(kind) for name, kind in _library.Address._fields_}
    theirs = {name: int(kind[4:]) // 8 * int(count or 1) for kind, name, count in members}
    assert list(ours.items()) == list(theirs.items())
    assert ctypes.sizeof(_library.Address) == sum(theirs.values())


def test_statistics_agree_with_the_header(header: str) -> None:
    pattern = r"typedef struct cppserver_sp_statistics\s*\{(.*?)\}\s*cppserver_sp_statistics;"
    found = re.search(pattern, header, re.DOTALL)
    assert found is not None
    members = re.findall(r"(\w+) (\w+);", found[1])
    ours = list(_sp_library.SpStatistics._fields_)
    assert [name for name, _ in ours] == [name for _, name in members]
    assert [ctypes.sizeof(kind) for _, kind in ours] == [8] * len(members)
    assert [kind for kind, _ in members] == ["size_t"] + ["uint64_t"] * (len(members) - 1)
    assert tuple(name for name, _ in ours[1:]) == nano.Statistics._fields


SIZES = {
    "void": None,
    "bool": ctypes.c_bool,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "uint16_t": ctypes.c_uint16,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
}

CALLBACKS = {
    "cppserver_callback": _library.Notify,
    "cppserver_session_filter": _library.SessionFilter,
    "cppserver_tls_password_callback": _library.AskPassword,
    "cppserver_tls_verify_callback": _library.Judge,
}


def functions(header: str) -> dict[str, tuple[str, list[str]]]:
    """Return result and arguments of the functions in the header."""
    pattern = r"^\s*([\w ]+?[\s*]+)(cppserver_\w+)\s*\(([^()]*)\)\s*;"
    result = {}
    for kind, name, arguments in re.findall(pattern, header, re.MULTILINE):
        listed = [part.strip() for part in arguments.split(",")]
        result[name] = (kind.strip(), [] if listed == ["void"] else listed)
    return result


def test_callback_types_agree_with_the_header(header: str) -> None:
    pattern = r"typedef (\w+) \(\*(cppserver_\w+)\)\((.*?)\);"
    native = {}
    for result, name, arguments in re.findall(pattern, header, re.DOTALL):
        native[name] = (result, arguments.count(",") + 1)
    results = {
        None: "void",
        ctypes.c_size_t: "size_t",
        ctypes.c_ssize_t: "ptrdiff_t",
        ctypes.c_bool: "bool",
    }
    types: dict[str, Any] = CALLBACKS
    ours = {name: (results[kind._restype_], len(kind._argtypes_)) for name, kind in types.items()}
    assert ours == native


def test_functions_agree_with_the_header(header: str) -> None:
    native = functions(header)
    foreign: Any = type(_library.service_create).__base__
    ours: dict[str, Any] = {}
    for name, value in (vars(_library) | vars(_sp_library)).items():
        exported = f"cppserver_{name}"
        if exported not in native:
            exported = exported.removesuffix("_large").removesuffix("_blocking")
        if isinstance(value, foreign) and exported in native:
            ours.setdefault(exported, []).append(value)
    fast = (
        _library.session_send,
        _library.session_send_message,
        _library.udp_send,
        _library.udp_send_to,
    )
    # Python objects hold one reference each, so most of the retain functions have no use.
    unused = {name for name in native if name.endswith("_retain")} - {"cppserver_session_retain"}
    # Another function does the same and more.
    unused |= {"cppserver_server_multicast", "cppserver_http_request_header"}
    unused |= {"cppserver_sp_socket_create", "cppserver_sp_context_request"}
    # Messages are bytes here, and the class of a socket says what it is.
    unused |= {
        f"cppserver_sp_message_{name}" for name in ("assign", "clone", "mutable_data", "swap")
    }
    unused |= {"cppserver_sp_context_send_message", "cppserver_sp_socket_protocol"}
    # The callbacks of a socket are methods of its class.
    unused |= {"cppserver_sp_socket_clear_handler"}
    assert set(native) - set(ours) == unused | {"cppserver_version"}
    for name, function in ((name, each) for name, both in ours.items() for each in both):
        kind, arguments = native[name]
        assert function.argtypes is not None
        assert len(function.argtypes) == len(arguments), name
        assert ctypes_of(kind) is function.restype or "*" in kind, name
        if "*" in kind:
            assert function.restype in (ctypes.c_void_p, ctypes.c_char_p), name
        for declared, given in zip(arguments, function.argtypes, strict=True):
            if "*" in declared:
                assert given in (ctypes.c_void_p, ctypes.c_char_p), name
            elif declared.split()[0] in CALLBACKS:
                assert given is CALLBACKS[declared.split()[0]], name
            else:
                pointer = function in fast and given is ctypes.c_void_p
                assert given is ctypes_of(declared) or pointer, name


def test_calls_that_may_take_long_let_other_threads_run() -> None:
    long = ("_blocking", "_large", "_close", "_stop", "_terminate")
    functions = vars(_library) | vars(_sp_library)
    found = {name: value for name, value in functions.items() if name.endswith(long)}
    assert {f"_{name.rsplit('_', 1)[1]}" for name in found} == set(long)
    kind = _library._releasing_library._FuncPtr
    assert [name for name, value in found.items() if not isinstance(value, kind)] == []


def ctypes_of(declaration: str) -> Any:
    words = [word for word in declaration.replace("*", " * ").split() if word != "const"]
    return SIZES.get(words[0])
