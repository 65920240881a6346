"""Record one session: its events in order; acknowledged events are never lost.

`append` returns the place of the events and whether they are durable (docs/durability.md). A session writes a live file
of its own, which is collected into the log at its end. Recording never fails on the state of the machine: while the
file cannot be written, the lines are held in memory and written again with the next append.
"""

import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from .codec import line_encoder, line_hash
from .errors import ForkedWriterError, SequenceConflictError
from .events import Event
from .files.clock import SystemClock
from .files.event_times import EventTimes, TimedWriter
from .files.system import SYSTEM, System
from .format import DIGEST_PLACE
from .live.acks import Ack, DelayedSync, Durability
from .live.session_files import SessionFiles

HELD_BYTES_MAX = 16 * 1024 * 1024
"""Lines kept in memory while nothing can be written; later events are counted as dropped."""


class LogWriter(TimedWriter):
    """Records one session.

    Args:
        path: the log; it and its folder are created as needed.
        durability: when to fsync.
        lock_timeout_s: how long collecting may wait for another process at the end, in seconds.
        direct: write the log itself, locked for the whole run; a live file only if another process holds the lock.
        system: the seam to the operating system.

    Raises:
        LogUnavailableError: the path cannot be used as a log.
        NewerFormatError: the log was written by a newer release.
    """

    def __init__(
        self,
        path: Path,
        *,
        durability: Durability = Durability.SESSION,
        lock_timeout_s: float = 2.0,
        direct: bool = False,
        system: System = SYSTEM,
    ) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are; tests may change directory later
        self.stream = os.urandom(16).hex()
        self.durability = Durability(durability)
        self.next_seq = 0
        self.dropped = 0
        self._encode_line = line_encoder(self.stream)
        self._sync_each = self.durability is Durability.EVENT
        self._sync_group = self.durability is Durability.TEST
        self._never_sync = self.durability is Durability.NEVER
        self._syncs_often = self._sync_each or self._sync_group
        self._is_child = False
        self._mutex = threading.RLock()
        self._root = line_hash()
        self._add_to_root = self._root.update
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._syncer: DelayedSync | None = None
        self._files = SessionFiles(
            self.path,
            self.stream,
            direct=direct,
            sync=not self._never_sync,
            lock_timeout_s=lock_timeout_s,
            system=system,
        )
        self._write = self._files.write
        file = self._files.current
        self._times = EventTimes(SystemClock(file.fd if file is not None else None, system), system)
        self._next_time = self._times.next
        _open_writers.add(self)

    @property
    def troubles(self) -> list[str]:
        """Problems while recording, one message each."""
        return self._files.troubles

    @property
    def held(self) -> int:
        """Number of lines that are only in memory."""
        return len(self._held)

    @property
    def file(self) -> Path | None:
        """The file that is written: the session's live file, or the log; None after both failed."""
        current = self._files.current
        return current.path if current is not None else None

    @property
    def begin(self) -> int:
        """Byte offset in that file where the events of this session begin."""
        current = self._files.current
        return current.begin if current is not None else 0

    # -------------------------------------------------------------- appending

    def append(self, *events: Event, expected_seq: int | None = None, sync: bool = False) -> Ack:
        """Append events in order, in one write.

        Args:
            events: what happened.
            expected_seq: append only if the first event gets this `seq`.
            sync: make them durable before returning, whatever the tier.

        Raises:
            ForkedWriterError: called in a forked child of the process that made this writer.
            SequenceConflictError: the next event gets another `seq`; nothing was appended.
            EventTooLargeError: an event does not fit into a line; nothing was appended.
        """
        if self._is_child:
            raise ForkedWriterError
        with self._mutex:
            if expected_seq is not None and expected_seq != self.next_seq:
                raise SequenceConflictError(self.stream, expected_seq, self.next_seq)
            return self._append_all(events, sync=sync)

    def record(self, event: Event) -> str:
        """Append one event without an acknowledgement, and return its time; the fast path for the events of every test.

        Raises:
            ForkedWriterError: called in a forked child of the process that made this writer.
            EventTooLargeError: the event does not fit into a line; nothing was appended.
        """
        if self._is_child:
            raise ForkedWriterError
        with self._mutex:
            seq = self.next_seq
            held = self._held
            if held or self._syncs_often or not seq:
                self._append_all((event,), sync=False)
                return self._times.last_at
            at = self._next_time()
            line = self._encode_line(event, seq, at)
            # As in `_append_all`, the line counts as given out before it is written.
            self._add_to_root(line[DIGEST_PLACE])
            self.next_seq = seq + 1
            held.append(line)
            self._held_bytes = len(line)
            if self._write(line)[0] != "held":
                held.clear()
                self._held_bytes = 0
            return at

    def seal(self, make: Callable[[int, str], Event]) -> Ack:
        """Append the last event of the stream.

        Args:
            make: gets the count of events before it and the root digest over them, returns the seal.
        """
        with self._mutex:
            event = make(self.next_seq, self._root.hexdigest())
            return self.append(event, sync=not self._never_sync)

    def close(self) -> None:
        """Write the lines still held, collect the live file into the log if that is possible, and close all files.

        In a forked child nothing is written or closed on behalf of the parent.
        """
        if self._is_child:
            return
        if self._syncer is not None:
            self._syncer.stop()
        with self._mutex:
            if self._held:
                self._flush_held()
            self._files.close()
            _open_writers.discard(self)

    def leave_to_parent(self) -> None:
        """Stop writing: this is a forked child of the process that records."""
        self._is_child = True
        self._files.leave_to_parent()

    def _append_all(self, events: tuple[Event, ...], *, sync: bool) -> Ack:
        first = self.next_seq
        lines = self._encode(events, first)
        data = lines[0] if len(lines) == 1 else b"".join(lines)
        size = len(data)
        if self._held and self._held_bytes + size > HELD_BYTES_MAX and not self._flush_held():
            self.dropped += len(events)
            return Ack(first, len(events), "dropped", None, durable=False)
        if self._held:
            data = b"".join((*self._held, data))
        # The lines count as given out before they are written: should a signal's exception interrupt the write, the
        # next append writes the same bytes again, and readers see one event, not two of the same seq.
        for line in lines:
            self._add_to_root(line[DIGEST_PLACE])
        self.next_seq = first + len(lines)
        self._held += lines
        self._held_bytes += size
        if not first:
            sync = sync or not self._never_sync
        ack = self._flush(data, first, len(lines), sync)
        if not first:
            self._files.header = lines[0]
        return ack

    def _encode(self, events: tuple[Event, ...], seq: int) -> list[bytes]:
        at = self._next_time()
        return [self._encode_line(event, seq + i, at) for i, event in enumerate(events)]

    def _flush_held(self) -> bool:
        """Write the held lines, and return whether that succeeded."""
        place, _ = self._write(b"".join(self._held))
        if place == "held":
            return False
        self._held.clear()
        self._held_bytes = 0
        return True

    def _flush(self, data: bytes, first: int, count: int, sync: bool) -> Ack:  # noqa: FBT001 - called once
        place, position = self._write(data)
        if place == "held":
            return Ack(first, count, "held", None, durable=False)
        self._held.clear()
        self._held_bytes = 0
        durable = (sync or self._sync_each) and self._files.make_durable()
        if self._sync_group and not durable:
            self._sync_soon()
        return Ack(first, count, place, position, durable)

    # -------------------------------------------------------------- durability

    def _sync_soon(self) -> None:
        if self._syncer is None:
            self._syncer = DelayedSync(self._sync_now)
        self._syncer.wake()

    def _sync_now(self) -> None:
        with self._mutex:
            if self._files.has_unsynced and not self._is_child:
                self._files.make_durable()


_open_writers: "weakref.WeakSet[LogWriter]" = weakref.WeakSet()


def _leave_all_to_parent() -> None:
    for writer in list(_open_writers):
        writer.leave_to_parent()


if hasattr(os, "register_at_fork"):
    # Not by asking for the process id before each append: that is a system call an event.
    os.register_at_fork(after_in_child=_leave_all_to_parent)


__all__ = ["HELD_BYTES_MAX", "Ack", "Durability", "LogWriter"]
