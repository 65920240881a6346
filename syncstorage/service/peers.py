"""The process on this machine at the other end of a connection, from Linux' /proc.

Clients choose their own names. Only the system knows whether a worker is a child of the master, as with pytest-xdist,
or its sibling. On another system, or for a process of another user, the answer is "unknown".
"""

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["is_descendant", "process_of"]

_PROC = Path("/proc")
_ESTABLISHED = "01"
_GENERATIONS_MAX = 64


def process_of(peer_port: int, own_port: int) -> int:
    """Return the id of the process whose connection comes from a port; 0 if unknown.

    Args:
        peer_port: port of the process.
        own_port: port that accepted the connection.
    """
    inode = _inode(peer_port, own_port)
    if not inode:
        return 0
    wanted = f"socket:[{inode}]"
    # Newest first: a process that registers has usually just been started.
    for pid in sorted(_pids(), reverse=True):
        try:
            with os.scandir(_PROC / str(pid) / "fd") as entries:
                if any(_target(entry) == wanted for entry in entries):
                    return pid
        except OSError:
            continue  # it has ended, or is another user's
    return 0


def is_descendant(pid: int, ancestor: int) -> bool | None:
    """Return whether a process is a descendant of another one; None if unknown.

    Args:
        pid: id of the process; 0 if unknown.
        ancestor: id of the other process; 0 if unknown.
    """
    if not pid or not ancestor:
        return None
    for _ in range(_GENERATIONS_MAX):
        parent = _parent(pid)
        if parent is None:
            return None
        if parent == ancestor:
            return True
        if parent <= 1:
            return False
        pid = parent
    return None


def _inode(peer_port: int, own_port: int) -> str:
    peer, own = f":{peer_port:04X}", f":{own_port:04X}"
    for table in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except (OSError, UnicodeDecodeError):
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _ESTABLISHED and fields[1].endswith(peer) and fields[2].endswith(own):
                return fields[9]
    return ""


def _pids() -> Iterator[int]:
    try:
        with os.scandir(_PROC) as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return
    yield from (int(name) for name in names if name.isdigit())


def _target(entry: "os.DirEntry[str]") -> str:
    try:
        return os.readlink(entry.path)  # noqa: PTH115 - hundreds of them, in a hurry
    except OSError:
        return ""


def _parent(pid: int) -> int | None:
    try:
        status = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        # The name is in parentheses and may contain anything; the parent is the second field after it.
        return int(status.rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None
