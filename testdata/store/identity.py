"""Identity of a process, and observation of other processes."""

import os
import secrets
import socket
from functools import cache
from pathlib import Path
from typing import Any

from ..model.events import Owner
from ..model.rules import Facts, Verdict, verdict_of

__all__ = ["current_test", "observe", "own_identity", "verdict_on"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_SPACE = "/proc/self/ns/pid"


def own_identity() -> Owner:
    """Return a new owner for this process; called again after a fork."""
    return Owner(
        session=secrets.token_hex(8),
        host=_host(),
        boot=_boot(),
        pid=os.getpid(),
        pid_space=_pid_space(),
        started_ms=_started_ms(os.getpid()),
        worker=os.environ.get("PYTEST_XDIST_WORKER", ""),
    )


def verdict_on(owner: Owner | None) -> Verdict:
    """Return whether the process of an owner lives."""
    return "unknown" if owner is None else verdict_of(observe(owner))


def observe(owner: Owner) -> Facts:
    """Observe the process of an owner."""
    started_ms = _started_ms(owner.pid)
    return Facts(
        same_host=owner.host == _host(),
        same_boot=owner.boot == _boot() if owner.boot and _boot() else None,
        same_pid_space=owner.pid_space == _pid_space(),
        pid_exists=started_ms is not None,
        started_ms=-1 if started_ms is None else started_ms,
        claimed_started_ms=owner.started_ms,
    )


def current_test() -> str:
    """Return the node id of the running test; empty without one."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]


@cache
def _psutil() -> Any:
    try:
        import psutil  # noqa: PLC0415 - only test data needs it
    except ModuleNotFoundError as error:
        text = "test data needs psutil: install it with `pip install 'pytest-insight[testdata]'`"
        raise ModuleNotFoundError(text, name="psutil") from error
    return psutil


def _started_ms(pid: int) -> Any:
    """Return the start of a process in milliseconds after the boot; -1 if it cannot be read, None if there is no such
    process.
    """
    psutil = _psutil()
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        # Both count from the same reading of the clock, so setting the clock does not change the difference.
        return round((process.create_time() - psutil.boot_time()) * 1000)
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return -1


@cache
def _host() -> str:
    return socket.gethostname()


@cache
def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _pid_space() -> str:
    try:
        return os.readlink(_PID_SPACE)  # noqa: PTH115 - the text of the link is the id; its target does not exist
    except OSError:
        return ""
