"""Replace a file: write a complete new one and give it the name of the old one.

The new file is durable before it takes the name, so a crash leaves one of them whole. Writers detect that their open
file lost its last name, and open the new one; readers that follow start again.
"""

import filecmp
import glob
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..files.system import System

Fill = Callable[[Callable[[bytes], None]], None]
"""Writes the content of a new file; its argument appends bytes."""

COPY_SUFFIX = ".unfinished"
"""Suffix of a copy that is not complete yet."""

_CHUNK_BYTES = 1 << 20


def replace_file(path: Path, suffix: str, fill: Fill, system: System) -> None:
    """Write a new file and give it the name `path`.

    Args:
        path: the log; its lock is held by the caller.
        suffix: of the temporary file; one that a killed process left is removed.
        fill: writes the new content.

    Raises:
        OSError: it could not be written; `path` is unchanged.
    """
    temporary = str(path) + suffix
    if os.path.lexists(temporary):
        system.unlink(temporary)
    write_new_file(temporary, fill, system)
    try:
        system.rename(temporary, str(path))
    except BaseException:
        _remove(temporary, system)
        raise
    system.sync_dir(str(path.parent))


def free_name(path: Path, suffix: str) -> Path:
    """Return `path` with a suffix, and with a number behind it if that name is taken: `NAME.bak`, `NAME.bak-2`, ..."""
    name = Path(f"{path}{suffix}")
    number = 2
    while os.path.lexists(name):
        name = Path(f"{path}{suffix}-{number}")
        number += 1
    return name


def keep_copy(path: Path, suffix: str, system: System) -> Path:
    """Copy a file to a free name in its folder, and return the copy; an existing copy with the same bytes is reused.

    A command that fails after its copy, and is repeated, thus does not make a copy each time.

    Raises:
        OSError: it could not be written; nothing is left of it.
    """
    free = free_name(path, suffix)
    known = [Path(f"{path}{suffix}"), *sorted(path.parent.glob(f"{glob.escape(path.name + suffix)}-*"))]
    for copy in known:
        if copy.is_file() and not copy.is_symlink() and filecmp.cmp(copy, path, shallow=False):
            return copy

    def fill(append: Callable[[bytes], None]) -> None:
        with path.open("rb") as stream:
            while data := stream.read(_CHUNK_BYTES):
                append(data)

    replace_file(free, COPY_SUFFIX, fill, system)  # under its name it is whole, also if this process is killed
    return free


def write_new_file(path: str, fill: Fill, system: System) -> None:
    """Write a new file, mode 0600, and make it durable.

    Raises:
        OSError: it could not be written, or exists; nothing is left of it.
    """
    fd = system.open_append(path, exclusive=True)

    def append(data: bytes) -> None:
        while data:
            data = data[system.write(fd, data) :]

    try:
        fill(append)
        system.fsync(fd)
    except BaseException as error:
        system.close(fd)
        _remove(path, system)
        if isinstance(error, OSError) and not error.filename:
            error.filename = path
        raise
    system.close(fd)


def _remove(path: str, system: System) -> None:
    with suppress(OSError):  # the first error is the one to report; `remains_of` finds what is left
        system.unlink(path)
