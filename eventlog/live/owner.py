"""Identity of the process that records a session, and whether the session still runs.

A session holds its file locked as long as its process lives. Locks do not reach other hosts, and a copy of a file is
not locked. In these cases the header decides; if it cannot, the state is `unknown`.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

RunState = Literal["finished", "running", "killed", "unknown"]

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD: Final = 19
"""Index of the start time behind the name of the program in `/proc/PID/stat`."""
_ENDED: Final = ("Z", "X")
"""States of a process that ended and that its parent has not waited for yet."""


def own_identity() -> dict[str, str]:
    """Return the identity of this process for the header of a session: `host`, `boot_id`, `pid` and `started`."""
    pid = os.getpid()
    return {"host": host_name(), "boot_id": boot_id(), "pid": str(pid), "started": process_start(pid)}


def host_name() -> str:
    """Return the name of this machine; "" if the platform has none."""
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def boot_id() -> str:
    """Return the id of the current boot of this machine; "" if the platform has none."""
    return _text_of(_BOOT_ID).strip()


def process_start(pid: int) -> str:
    """Return the start time of a process in clock ticks since the boot; "" if it ended or the time is unknown."""
    fields = _text_of(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    if len(fields) <= _START_FIELD or fields[0] in _ENDED:
        return ""
    return fields[_START_FIELD]


def process_began_us(pid: int) -> int | None:
    """Return the start time of a process in microseconds since the epoch, accurate to about a second.

    Returns:
        None if it ended or the time is unknown.
    """
    ticks = process_start(pid)
    if not ticks:
        return None
    ago_s = time.clock_gettime(time.CLOCK_BOOTTIME) - int(ticks) / os.sysconf("SC_CLK_TCK")
    return time.time_ns() // 1000 - round(ago_s * 1_000_000)


def session_state(*, sealed: bool, locked: bool | None, writer: Mapping[str, str]) -> RunState:
    """Return whether a session runs, by its seal, the lock on its file, and the process its header names.

    | seal | lock on the file | process in the header | state |
    |---|---|---|---|
    | yes | any | any | finished |
    | no | held | any | running |
    | no | free, or not known | of an earlier start of this machine, or gone | killed |
    | no | free, or not known | still there: the file is a copy | unknown |
    | no | free, or not known | of another machine, or not named | unknown |

    Args:
        sealed: the session has its last event.
        locked: a process holds the lock on the file; None if that cannot be told.
        writer: the field `writer` of its header.
    """
    if sealed:
        return "finished"
    if locked:
        return "running"
    return "killed" if _is_gone(writer) else "unknown"


def _is_gone(writer: Mapping[str, str]) -> bool:
    """Return whether the process of a header has certainly ended."""
    here, boot = host_name(), boot_id()
    if not here or writer.get("host") != here or not writer.get("boot_id") or not boot:
        return False
    if writer["boot_id"] != boot:
        return True
    pid, started = writer.get("pid", ""), writer.get("started", "")
    return pid.isdigit() and bool(started) and process_start(int(pid)) != started


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


__all__ = ["RunState", "boot_id", "host_name", "own_identity", "process_start", "session_state"]
