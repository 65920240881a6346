"""Append existing lines or events about other streams to a log, under its lock.

`locked()` holds the lock from reading the log to appending, for decisions that depend on its content.
"""

import os
import threading
import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from ..codec import encode_event
from ..documents.convert import convert_in_place, readable
from ..events import Event
from ..files.logfile import LogFile
from ..files.system import SYSTEM, System
from ..sources import LogSource
from ..times import format_time
from .memory_log import MemoryLog

LOCK_TIMEOUT_S = 60.0

Append = Callable[[bytes], None]
"""Appends whole lines."""


class LogTarget(Protocol):
    """A log that can be added to."""

    @property
    def source(self) -> LogSource:
        """The log as a source of bytes."""
        ...

    def locked(self) -> AbstractContextManager[Append]:
        """Hold the lock of the log and yield a function that appends; the lines are durable at the end."""
        ...


class DiskTarget:
    """A log file; a session document in its place is converted before the first append.

    Args:
        path: the log; it and its folder are created by the first append.
        lock_timeout_s: how long to wait for other processes, in seconds.
    """

    def __init__(self, path: Path, *, lock_timeout_s: float = LOCK_TIMEOUT_S, system: System = SYSTEM) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - links are refused when it is opened, not followed
        self._lock_timeout_s = lock_timeout_s
        self._system = system

    @property
    def source(self) -> LogSource:
        """The log as a source of bytes."""
        return readable(self.path)

    @contextmanager
    def locked(self) -> Generator[Append]:
        """Hold the lock of the log.

        Raises:
            LogUnavailableError, NewerFormatError: the file cannot be used as a log.
            LogBusyError: the lock could not be acquired within the timeout.
            LogWriteError: an append failed; none of it counts.
            OSError: the lines could not be made durable.
        """
        convert_in_place(self.path, self._system)
        file = LogFile(self.path, lock_timeout_s=self._lock_timeout_s, system=self._system)
        if file.set_aside is not None:
            warnings.warn(f"{self.path}: held no event any more; it is kept as {file.set_aside.name}", stacklevel=3)
        try:
            size = file.acquire()
            written = False

            def append(data: bytes) -> None:
                nonlocal size, written
                size = file.append_locked(data, size) + len(data)
                written = True

            try:
                yield append
            finally:
                file.release()
            if written:
                self._system.fsync(file.fd)
                self._system.sync_dir(str(self.path.parent))
        finally:
            file.close()


class MemoryTarget:
    """A log in memory."""

    def __init__(self) -> None:
        self._log = MemoryLog()
        self._lock = threading.RLock()

    @property
    def source(self) -> LogSource:
        """The log as a source of bytes."""
        return self._log

    @contextmanager
    def locked(self) -> Generator[Append]:
        """Hold its lock."""
        with self._lock:
            yield self._log.data.extend


def statement_lines(events: Iterable[Event], not_before_us: int) -> bytes:
    """Return the lines of events about other streams (cleared, restored, ...), as a stream of their own.

    Args:
        events: the events, in order.
        not_before_us: the latest time of the events that they refer to; they get a later time, even if the clock of
            this machine is behind.
    """
    stream = os.urandom(16).hex()
    at = format_time(max(SYSTEM.time_ns() // 1000, not_before_us + 1))
    return b"".join(encode_event(event, stream=stream, seq=seq, at=at) for seq, event in enumerate(events))


__all__ = ["Append", "DiskTarget", "LogTarget", "MemoryTarget", "statement_lines"]
