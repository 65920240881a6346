"""Append events of one stream to a log in memory, as `LogWriter` appends to a file."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from ..codec import encode_event, line_digest, line_hash
from ..errors import ForkedWriterError, SequenceConflictError
from ..events import Event
from ..files.clock import SystemClock
from ..files.event_times import EventTimes, TimedWriter
from ..writer import Ack
from .log_targets import MemoryTarget


class MemoryWriter(TimedWriter):
    """Appends the events of one new stream to a log in memory.

    Args:
        target: the log.
    """

    def __init__(self, target: MemoryTarget) -> None:
        self.path = Path(os.devnull)
        self.stream = os.urandom(16).hex()
        self.next_seq = 0
        self.dropped = 0
        self.held = 0
        self.troubles: list[str] = []
        self._target = target
        self._mutex = threading.RLock()
        self._times = EventTimes(SystemClock())
        self._root = line_hash()
        self._pid = os.getpid()

    def append(self, *events: Event, expected_seq: int | None = None, sync: bool = False) -> Ack:  # noqa: ARG002
        """Append events in order; see `LogWriter.append`. Memory is never durable.

        Raises:
            ForkedWriterError: called in a forked child of the process that made this writer.
            SequenceConflictError: the first event would get another `seq` than was expected.
            EventTooLargeError: an event does not fit into a line; nothing was appended.
        """
        if os.getpid() != self._pid:
            raise ForkedWriterError
        with self._mutex, self._target.locked() as write:
            first = self.next_seq
            if expected_seq is not None and expected_seq != first:
                raise SequenceConflictError(self.stream, expected_seq, first)
            at = self._times.next()
            lines = [
                encode_event(event, stream=self.stream, seq=first + number, at=at)
                for number, event in enumerate(events)
            ]
            for line in lines:
                self._root.update(line_digest(line.rstrip(b"\n")).encode())
            write(b"".join(lines))
            self.next_seq = first + len(lines)
            return Ack(first, len(lines), "log", None, durable=False)

    def record(self, event: Event) -> str:
        """Append one event, and return its time; see `LogWriter.record`."""
        self.append(event)
        return self.last_at

    def seal(self, make: Callable[[int, str], Event]) -> Ack:
        """Append the last event of the stream; see `LogWriter.seal`."""
        with self._mutex:
            return self.append(make(self.next_seq, self._root.hexdigest()))

    def close(self) -> None:
        """Do nothing: the log stays in memory."""
