"""Distinguish a log that is being written from a finished file by the lock that its writer holds."""

import stat
from pathlib import Path

from .system import SYSTEM, System


def is_being_written(path: Path | str, system: System = SYSTEM) -> bool:
    """Return whether a writer holds the lock of a file at this moment; False if it is not a regular file.

    The lock is tried on a descriptor that only reads, and given back at once.
    """
    try:
        fd = system.open_read(str(path))
    except OSError:
        return False
    try:
        if not stat.S_ISREG(system.fstat(fd).st_mode):
            return False
        if not system.lock(fd):
            return True
        system.unlock(fd)
    except OSError:
        return False  # a file system without locks: no writer of ours holds one
    finally:
        system.close(fd)
    return False
