"""Start of a process that is not a child of this one.

A test may wait for *any* child, list its children, or get a warning of Python about a child that was not waited for;
it must not meet a child of the plugin. Therefore a shell starts the process and ends at once, and the process belongs
to init.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_S = 1.0
"""Time for the service of another process to answer after the own service found the port in use, in seconds."""

_SHELL_TIMEOUT_S = 5.0
_STARTED = 19
"""Index of the start time (in clock ticks since boot) among the fields after the program name."""
_SCRIPT = '"$@" </dev/null >/dev/null 2>&1 & echo $!'
_VARIABLES_OF_TESTS = ("COV_CORE_", "COVERAGE_PROCESS", "PYTEST_CURRENT_TEST", "PYTHONWARNINGS", "PYTHONINSPECT")
"""Variables of the tests: coverage, the current test, and strictness of Python."""


def spawn(command: Sequence[str], *, env: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()) -> int:
    """Start a process in a session of its own, without a terminal and without output; return its process id.

    Args:
        command: program and arguments.
        env: variables in addition to the current environment.
        pass_fds: descriptors that the process inherits.

    Raises:
        OSError: the process cannot be started.
        subprocess.SubprocessError: the shell did not end in time, or failed.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_VARIABLES_OF_TESTS)}
    result = subprocess.run(
        ["/bin/sh", "-c", _SCRIPT, "sh", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | dict(env or {}),
        pass_fds=pass_fds,
        start_new_session=True,
        timeout=_SHELL_TIMEOUT_S,
        check=True,
    )
    return int(result.stdout)


def service_command(port: int) -> list[str]:
    """Return the command that runs the service on a port. `-P` is needed because a folder of tests may contain a
    `json.py`.
    """
    return [sys.executable, "-P", "-m", "pytest_insight.cli", "sync-storage", "serve", "--port", str(port)]


def is_alive(pid: int) -> bool:
    """Return whether a process runs; False for a zombie."""
    return bool(_status(pid))


def start_mark(pid: int) -> str:
    """Return a text that distinguishes a process from a later one with the same id; empty if it does not run, or is
    unknown.
    """
    status = _status(pid)
    return status[_STARTED] if len(status) > _STARTED else ""


def _status(pid: int) -> list[str]:
    """Return the fields of `/proc/PID/stat` from the state on; empty if the process does not run."""
    try:
        # The name of the program, in parentheses, may contain anything; the fields follow it.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
    return fields if fields and fields[0] not in ("Z", "X") else []
