"""A Python process that has imported what a command needs; each request runs the command in a fork of it.

Commands are `python -m pytest_insight.cli`, `python -m pytest` and `python -c`, the last for programs that use the package.

A fork is a process like any other: it has its own arguments, environment, folder, standard streams, signals and exit
code. It only skips the start of the interpreter and the imports, which cost more than most commands.
"""

import array
import atexit
import contextlib
import ctypes
import gc
import importlib
import importlib.metadata
import io
import json
import os
import pkgutil
import platform
import resource
import runpy
import signal
import socket
import sys
import threading
import time
import types
from collections.abc import Callable

import warm_workers

PACKAGES = {
    "pytest_insight.cli": ("cli", "core", "eventlog", "interchange", "projections", "syncstorage", "testdata"),
    "collector": ("cli", "collector", "core", "eventlog", "projections"),
    "pytest": ("eventlog", "plugin"),
    "-c": ("core", "eventlog", "plugin", "projections", "syncstorage", "testdata"),
}
"""Our packages that are imported in full beforehand, by the module that is run, or by the name of a kind of commands."""
OTHERS = {
    "pytest_insight.cli": (
        "email.message",
        "importlib.metadata",
        "pydantic.type_adapter",
        "rich.console",
        "rich.markdown",
        "rich.table",
        "sqlite3",
        "typer._adapters",
        "typer.rich_utils",
    ),
    "collector": (
        "alembic.command",
        "alembic.ddl.postgresql",
        "alembic.runtime.migration",
        "email.message",
        "importlib.metadata",
        "psycopg",
        "rich.console",
        "sqlalchemy.dialects.postgresql.psycopg",
        "sqlite3",
        "typer._adapters",
        "uvicorn.lifespan.on",
        "uvicorn.loops.auto",
        "uvicorn.protocols.http.h11_impl",
    ),
    "-c": ("pathlib", "random", "sqlite3", "subprocess"),
    "pytest": (
        "execnet.gateway",
        "execnet.gateway_io",
        "execnet.multi",
        "importlib.metadata",
        "msgspec",
        "pytest",
        "_pytest.main",
        "_pytest.timing",
        "xdist.dsession",
        "xdist.scheduler.loadfile",
        "xdist.workermanage",
    ),
}
"""Modules of others that are imported beforehand, where they are installed."""

MAX_REQUEST = 1 << 20
CLONE_NUMBERS = {"x86_64": 56, "aarch64": 220}
"""The number of the system call `clone`, by machine."""
CLONE_PARENT = 0x8000


def preload(module: str) -> None:
    """Import what runs of a module need, and the modules that they import when they are used."""
    if module == "pytest":
        remember_what_is_installed()
        import_plugins()
    names = [*OTHERS[module]]
    for package in PACKAGES[module]:
        found = importlib.import_module(f"pytest_insight.{package}")
        names += [item.name for item in pkgutil.walk_packages(found.__path__, f"{found.__name__}.")]
    if module == "pytest":
        names += [f"_pytest.{name}" for name in importlib.import_module("_pytest.config").default_plugins]
    for name in names:
        if not name.endswith(("__main__", "migrations.env")):
            with contextlib.suppress(ImportError):  # of what is not installed, or is no module of this version
                importlib.import_module(name)
    if module in ("pytest_insight.cli", "collector"):
        read_signatures()
    gc.collect()
    gc.freeze()


def read_signatures() -> None:
    """Read the parameters of all commands, which each call of the command line needs."""
    from pytest_insight.cli.app import build_app
    from typer.main import get_command
    from typer_signatures import remember_signatures

    remember_signatures()
    get_command(build_app(None))


def remember_what_is_installed() -> None:
    """Read the files of installed packages once: pytest and its plugins ask all of them for what they hold."""
    known: dict = {}

    def remembered(name: str, read: Callable) -> property:
        def get(self: importlib.metadata.Distribution) -> object:
            path = str(getattr(self, "_path", ""))
            if not path.startswith(sys.prefix):
                return read(self)
            if (path, name) not in known:
                known[path, name] = read(self)
            return known[path, name]

        return property(get)

    for name in ("entry_points", "files", "metadata"):
        read = getattr(importlib.metadata.Distribution, name).fget
        setattr(importlib.metadata.Distribution, name, remembered(name, read))
    for found in importlib.metadata.distributions():
        _ = found.entry_points, found.files, found.metadata


def import_plugins() -> None:
    """Import our plugin and the installed ones as pytest does, which rewrites their assertions."""
    from _pytest.config import _prepareconfig

    for more in (["--disable-plugin-autoload", "-p", "pytest_insight.plugin"], []):
        _prepareconfig(["--noconftest", "-c", os.devnull, *more])._ensure_unconfigure()


def take_request(channel: socket.socket) -> "tuple[dict, list[int]] | None":
    """Return the next request with its three standard streams; None at the end."""
    size = array.array("i").itemsize
    data, ancillary, _, _ = channel.recvmsg(MAX_REQUEST, socket.CMSG_LEN(3 * size))
    if not data:
        return None
    streams = array.array("i")
    for _, _, content in ancillary:
        streams.frombytes(content[: len(content) - len(content) % size])
    return json.loads(data), list(streams)


def become(request: dict, streams: "list[int]") -> None:
    """Give this process the streams, folder, environment and arguments that a request names."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if request["new_session"]:
        os.setsid()
    os.chdir(request["cwd"].encode("latin-1"))
    os.umask(request["umask"])
    os.environ.clear()
    os.environb.update({name.encode("latin-1"): value.encode("latin-1") for name, value in request["env"].items()})
    time.tzset()
    for number in request["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    for number, limits in request["limits"].items():
        if resource.getrlimit(int(number)) != tuple(limits):
            resource.setrlimit(int(number), tuple(limits))
    sys.argv = [request["module"], *(os.fsdecode(word.encode("latin-1")) for word in request["args"])]
    sys.path[0] = os.getcwd() if request["module"] != "-c" else ""
    importlib.invalidate_caches()
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        old = getattr(sys, name)
        number = ("stdin", "stdout", "stderr").index(name)
        raw = open(number, f"{mode}b", closefd=False)
        new = io.TextIOWrapper(
            raw, encoding=old.encoding, errors=old.errors, line_buffering=name == "stderr" or os.isatty(number)
        )
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def fork_sibling() -> int:
    """Fork, as `os.fork` does, but the new process is a child of the parent: who asked for it can wait for it."""
    python = ctypes.PyDLL(None)
    python.PyOS_BeforeFork()
    pid = python.syscall(CLONE_NUMBERS[platform.machine()], CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
    if pid:
        python.PyOS_AfterFork_Parent()
    else:
        python.PyOS_AfterFork_Child()
    return pid


def serve(channel: socket.socket) -> "str | None":
    """Answer requests until there are no more; returns the module to run, in each fork."""
    while (taken := take_request(channel)) is not None:
        request, streams = taken
        pid = fork_sibling()
        if not pid:
            channel.close()
            become(request, streams)
            return request["module"]
        for stream in streams:
            os.close(stream)
        channel.send(json.dumps(pid).encode())
    return None


def run_code(code: str) -> None:
    """Run a program as `python -c` does."""
    main_module = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile(code, "<string>", "exec"), vars(main_module))  # noqa: S102 - what `python -c` does


def run_module(module: str) -> None:
    """Run a module as `python -m` does, and end the process."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, int):
            end_process(end.code)
        raise


def end_process(code: int) -> None:
    """End as Python does, but for the memory: it is shared with the server, and giving it back would copy it first."""
    threading._shutdown()
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError, AttributeError):  # else Python says what is wrong with the streams
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code & 0xFF)


def main() -> None:
    """Serve the socket that the arguments name."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    preload(sys.argv[2])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    module = serve(channel)
    is_worker = False
    if module == "pytest" and warm_workers.are_wanted(sys.argv):
        module = warm_workers.fork_origin(serve, module)
        is_worker = module == "-c"
    if module == "-c":
        run_code(sys.argv.pop(1))
        if is_worker:
            end_process(0)
    elif module:
        run_module(module)


if __name__ == "__main__":
    main()
