"""Start a process that is not our child.

A test may wait for *any* child, list its children, or be told by Python of one that nobody waited for; it is not to
meet one of ours. So a shell starts the process and ends at once; the process belongs to init from then on.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_S = 1.0
"""How long the service of somebody else may take to answer after ours found the port taken, in seconds."""

_SHELL_TIMEOUT_S = 5.0
_STARTED = 19
"""Place of the time of its start, in clock ticks since the machine's, behind the name of the program."""
_SCRIPT = '"$@" </dev/null >/dev/null 2>&1 & echo $!'
_NOT_FOR_US = ("COV_CORE_", "COVERAGE_PROCESS", "PYTEST_CURRENT_TEST", "PYTHONWARNINGS", "PYTHONINSPECT")
"""Variables of the tests' own: coverage, the test that runs now, how strict Python is to be with them."""


def spawn(command: Sequence[str], *, env: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()) -> int:
    """Start a process in a session of its own, without a terminal and without output; return its process id.

    Args:
        command: program and arguments.
        env: what is added to our environment.
        pass_fds: descriptors that it gets.

    Raises:
        OSError: it cannot be started.
        subprocess.SubprocessError: the shell did not come back, or says no.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_FOR_US)}
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
    """Return the command that runs the service on a port; `-P`, as a folder of tests may hold a `json.py`."""
    return [sys.executable, "-P", "-m", "pytest_insight.cli", "sync-storage", "serve", "--port", str(port)]


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and was not waited for does not."""
    return bool(_status(pid))


def start_mark(pid: int) -> str:
    """Return what tells a process from a later one with its id; empty if it does not run, or nobody can say."""
    status = _status(pid)
    return status[_STARTED] if len(status) > _STARTED else ""


def began_us(pid: int) -> int | None:
    """Return when a process began, in microseconds since the epoch, to about a second; None if it does not run."""
    status = _status(pid)
    if not status:
        return None
    ago_s = time.clock_gettime(time.CLOCK_BOOTTIME) - int(status[_STARTED]) / os.sysconf("SC_CLK_TCK")
    return time.time_ns() // 1000 - round(ago_s * 1_000_000)


def _status(pid: int) -> list[str]:
    """Return what the system says of a process that runs, from its state on; nothing of one that does not."""
    try:
        # The name of the program, in parentheses, may hold anything; what counts stands behind it.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
    return fields if fields and fields[0] not in ("Z", "X") else []
