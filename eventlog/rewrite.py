"""Put a new file in the place of a log, under its lock: what repair, purge and pack have in common.

The new file is complete and durable before it takes the name, so a crash leaves either of them. Writers notice by the
file they have open losing its last name, and open the new one; readers that follow start again.
"""

import os
from collections.abc import Callable
from pathlib import Path

from .system import System

Fill = Callable[[Callable[[bytes], None]], None]
"""Is given what appends bytes to the new file."""


def replace_file(path: Path, suffix: str, fill: Fill, system: System) -> None:
    """Write a file beside `path` and give it that name.

    Args:
        path: the log; its lock is held by the caller.
        suffix: of the temporary file; one that a killed process left is removed.
        fill: writes the new content.

    Raises:
        OSError: it could not be written; the log is as it was.
    """
    temporary = str(path) + suffix
    if Path(temporary).exists():
        system.unlink(temporary)
    write_new_file(temporary, fill, system)
    system.rename(temporary, str(path))
    system.sync_dir(str(path.parent))


def free_name(path: Path, suffix: str) -> Path:
    """Return `path` with a suffix, and with a number behind it if that name is taken: `NAME.bak`, `NAME.bak-2`, ..."""
    name = Path(f"{path}{suffix}")
    number = 2
    while os.path.lexists(name):
        name = Path(f"{path}{suffix}-{number}")
        number += 1
    return name


def write_new_file(path: str, fill: Fill, system: System) -> None:
    """Write a new file, mode 0600, and make it durable.

    Raises:
        OSError: it could not be written, or exists; a part of it may be left.
    """
    fd = system.open_append(path, exclusive=True)

    def append(data: bytes) -> None:
        while data:
            data = data[system.write(fd, data) :]

    try:
        fill(append)
        system.fsync(fd)
    finally:
        system.close(fd)
