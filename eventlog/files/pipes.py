"""Read a log from a pipe (standard input, a FIFO, a process substitution) into a temporary file.

Readers open a log more than once and seek in it, which a pipe does not allow.
"""

import atexit
import os
import select
import shutil
import stat
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import LogUnavailableError
from .log_source import LogSource
from .private import open_private

STANDARD_INPUT = "-"
IDLE_MAX_S = 30.0
"""Longest time without a byte before reading a pipe is given up, in seconds."""

_CHUNK_BYTES = 1 << 20
_RETRY_S = 0.05
_spooled: dict[str, "PipedLog"] = {}


@dataclass(frozen=True)
class PipedLog(LogSource):
    """A log whose bytes came through a pipe."""

    label: str = ""
    """Name of the pipe as the user typed it."""

    @property
    def name(self) -> str:
        """Name of the log in findings and listings."""
        return self.label


def is_pipe(path: Path | str) -> bool:
    """Return whether a path names standard input, a FIFO or the end of a pipe."""
    if str(path) == STANDARD_INPUT:
        return True
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116 - hot, and takes a text as well
    except (OSError, ValueError):
        return False


def read_pipe(path: Path | str, idle_max_s: float = IDLE_MAX_S) -> PipedLog:
    """Read a pipe to its end and return its content as a log; a second call for the same name returns the same log.

    Raises:
        LogUnavailableError: no byte came for `idle_max_s` seconds.
    """
    known = _spooled.get(str(path))
    if known is not None and known.path.exists():
        return known
    folder = Path(tempfile.mkdtemp(prefix="insight-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = folder / "pipe.jsonl"
    with open_private(target) as out:
        if str(path) == STANDARD_INPUT:
            shutil.copyfileobj(sys.stdin.buffer, out, _CHUNK_BYTES)
        else:
            _copy_fifo(path, out, idle_max_s)
    with target.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    if packed:
        target = target.rename(target.with_name("pipe.jsonl.gz"))
    label = "standard input" if str(path) == STANDARD_INPUT else str(path)
    log = PipedLog(target, label=label)
    if str(path) != STANDARD_INPUT:
        _spooled[str(path)] = log
    return log


def _copy_fifo(path: Path | str, out: IO[bytes], idle_max_s: float) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    anonymous = str(path).startswith(("/dev/fd/", "/proc/", "/dev/stdin"))
    size, idle_since = 0, time.monotonic()
    try:
        while time.monotonic() - idle_since < idle_max_s:
            select.select([fd], [], [], _RETRY_S)
            try:
                data = os.read(fd, _CHUNK_BYTES)
            except BlockingIOError:
                continue  # there is a writer, and it has nothing yet
            if data:
                out.write(data)
                size, idle_since = size + len(data), time.monotonic()
            elif size or anonymous:
                return
            else:
                time.sleep(_RETRY_S)  # a FIFO that no writer has opened yet
    finally:
        os.close(fd)
    raise LogUnavailableError(path, f"nothing came through this pipe for {idle_max_s:g} s", "check what writes to it")
