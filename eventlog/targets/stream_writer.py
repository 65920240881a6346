"""Append to a named stream that several processes write, by compare-and-append."""

import os
from pathlib import Path

from ..codec import encode_event
from ..errors import LogUnavailableError, SequenceConflictError
from ..events import Event
from ..files.clock import SystemClock
from ..files.logfile import Locked, LogFile
from ..files.system import SYSTEM, System
from ..streams import StreamIndex
from ..times import TimeFormatter


class StreamWriter:
    """Appends events to one stream of a log with several writers.

    Args:
        path: the log; it and its folder are created as needed.
        stream: 32 hex digits, see `streams.stream_id`.
        lock_timeout_s: how long an append may wait for another process, in seconds.
        system: the seam to the operating system.

    Raises:
        LogUnavailableError: the path cannot be used as a log, or lies where locks do not reach.
        NewerFormatError: the log was written by a newer release.
    """

    def __init__(self, path: Path, stream: str, *, lock_timeout_s: float = 2.0, system: System = SYSTEM) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are
        self.stream = stream
        if system.is_network(self.path.parent):
            raise LogUnavailableError(self.path, "its file system cannot lock", "keep it on a local disk")
        self._system = system
        self._log = LogFile(self.path, lock_timeout_s=lock_timeout_s, system=system)
        self._clock = SystemClock(self._log.fd, system)
        self._index = StreamIndex(stream)
        self._format_time = TimeFormatter()

    def append(self, *events: Event, expected_seq: int | None = None, sync: bool = False) -> int:
        """Append events in order, in one write, and return the `seq` of the first.

        Args:
            events: what happened.
            expected_seq: append only if the first event gets this `seq` (compare-and-append).
            sync: make them durable before returning.

        Raises:
            SequenceConflictError: another writer of the stream came first; nothing was appended.
            EventTooLargeError: an event does not fit into a line; nothing was appended.
            LogBusyError, LogWriteError, LogUnavailableError: nothing was appended.
            OSError: what was appended could not be made durable.
        """
        log, index = self._log, self._index
        reopened = log.reopened
        with Locked(log) as size:
            if log.reopened != reopened:
                index.restart()
            size = log.end_line_locked(size)  # noqa: PLW2901 - what it is now
            index.catch_up(log.read, size)
            first = index.next_seq
            if expected_seq is not None and expected_seq != first:
                raise SequenceConflictError(self.stream, expected_seq, first)
            at = self._format_time(max(self._clock.now_us(), index.last_us))
            lines = [
                encode_event(event, stream=self.stream, seq=first + more, at=at) for more, event in enumerate(events)
            ]
            log.append_locked(b"".join(lines), size)
        if sync:
            self._system.fdatasync(log.fd)
        return first

    def close(self) -> None:
        """Close the file."""
        self._log.close()


__all__ = ["StreamWriter"]
