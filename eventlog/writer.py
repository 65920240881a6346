"""Record one session: its events in order, so that what was acknowledged is never lost.

`append` says where the events are and whether they are durable (docs/durability.md). A session writes a file of its
own, a live file beside the log, which is collected into the log at its end. Recording never fails on the state of the
machine: when the file cannot be written the lines are held in memory and tried again with the next append.
"""

import os
import threading
import weakref
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Literal, NamedTuple

from .clock import SystemClock
from .codec import encode_event, line_hash
from .collect import collect_live_files, collect_own_file, remove_empty_dirs
from .errors import EventLogError, ForkedWriterError, LogUnavailableError, SequenceConflictError
from .events import Event
from .format import DIGEST_HEX, LINE_END
from .logfile import LogFile
from .sessionfile import SessionFile, create_live_file, take_log
from .sources import live_files
from .system import SYSTEM, System
from .times import TimeFormatter

HELD_BYTES_MAX = 16 * 1024 * 1024
"""Lines kept in memory while nothing can be written; later events are counted as dropped."""

GROUP_SYNC_S = 1.0
_READ_BYTES = 1 << 20

_DIGEST = slice(-(DIGEST_HEX + len(LINE_END) + 1), -(len(LINE_END) + 1))


class Durability(StrEnum):
    """When a writer makes events durable (fsync); all tiers survive `kill -9`, see docs/durability.md."""

    NEVER = "never"
    """Whenever the operating system likes."""
    SESSION = "session"
    """At the header and at the seal."""
    TEST = "test"
    """At the latest a second after the append."""
    EVENT = "event"
    """Before `append` returns."""


Place = Literal["log", "live", "held", "dropped"]


class Ack(NamedTuple):
    """What an append promises."""

    first_seq: int
    events: int
    """How many were appended."""
    place: Place
    """`live`: in the session's own file. `held`: only in memory, not acknowledged, tried again with the next append.
    `dropped`: lost, and counted."""
    position: int | None
    """Byte offset of the first line in its file; None if it is in none."""
    durable: bool
    """On stable storage before `append` returned."""


class LogWriter:
    """Records one session.

    Args:
        path: the log; it and its folder are created as needed.
        durability: when to fsync.
        lock_timeout_s: how long collecting may wait for another process at the end, in seconds.
        direct: write the log itself, locked for the whole run; a live file only if another process is at it.
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
        self.troubles: list[str] = []
        """Why anything was not as it should be, in words."""
        self.last_at = ""
        """Time of the last event, as it was written."""
        self._sync_each = self.durability is Durability.EVENT
        self._sync_group = self.durability is Durability.TEST
        self._never_sync = self.durability is Durability.NEVER
        self._system = system
        self._lock_timeout_s = lock_timeout_s
        self._is_child = False
        self._mutex = threading.RLock()
        self._root = line_hash()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._header = b""
        self._format_time = TimeFormatter()
        self._last_us = 0
        self._file: SessionFile | None = None
        self._synced_to = 0
        self._earlier: list[SessionFile] = []  # files that are not written any more, as fsync failed on them
        self._dir_synced: set[Path] = set()
        self._syncer: _GroupSync | None = None
        self._is_network = system.is_network(self.path.parent)
        self._open(direct=direct)
        self._clock = SystemClock(self._file.fd if self._file is not None else None, system)
        _open_writers.add(self)

    @property
    def held(self) -> int:
        """Number of lines that are only in memory."""
        return len(self._held)

    @property
    def file(self) -> Path | None:
        """The file that is written: the session's live file, or the log; None if there is none."""
        return self._file.path if self._file is not None else None

    @property
    def last_us(self) -> int:
        """Time of the last event in microseconds since the epoch."""
        return self._last_us

    def now_us(self) -> int:
        """Return the time in microseconds since the epoch, whatever the tested code does to the clock."""
        return self._clock.now_us()

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
            if len(events) == 1 and not (sync or self._held or self._sync_each or self._sync_group) and self.next_seq:
                return self._append_one(events[0])
            return self._append_all(events, sync)

    def seal(self, make: Callable[[int, str], Event]) -> Ack:
        """Append the last event of the stream.

        Args:
            make: gets the count of events before it and the root digest over them, returns the seal.
        """
        with self._mutex:
            event = make(self.next_seq, self._root.hexdigest())
            return self.append(event, sync=not self._never_sync)

    def close(self) -> None:
        """Write what is still held, collect the live file into the log if that is possible, and close all files.

        In a forked child nothing is written or closed on behalf of the parent.
        """
        if self._is_child:
            return
        if self._syncer is not None:
            self._syncer.stop()
        with self._mutex:
            if self._held:
                self._flush_held()
            files = [*self._earlier, *([self._file] if self._file is not None else [])]
            self._earlier, self._file = [], None
            for file in files:
                self._finish(file)
            _open_writers.discard(self)
            self._collect_others()

    def leave_to_parent(self) -> None:
        """Write nothing any more: this is a forked child of the process that records."""
        self._is_child = True
        for file in (*self._earlier, self._file):
            if file is not None:
                file.leave_to_parent()

    def _append_one(self, event: Event) -> Ack:
        """What `_append_all` does, written out for the common case: one event, and nothing has gone wrong so far."""
        seq = self.next_seq
        now_us = self._clock.now_us()
        if now_us > self._last_us:  # noqa: PLR1730 - max() costs twice as much
            self._last_us = now_us
        self.last_at = at = self._format_time(self._last_us)
        line = encode_event(event, stream=self.stream, seq=seq, at=at)
        self._root.update(line[_DIGEST])
        self.next_seq = seq + 1
        held = self._held
        held.append(line)
        self._held_bytes = len(line)
        place, position = self._write(line)
        if place == "held":
            return Ack(seq, 1, "held", None, durable=False)
        held.clear()
        self._held_bytes = 0
        return Ack(seq, 1, place, position, False)  # noqa: FBT003 - keywords cost a third of a microsecond here

    def _append_all(self, events: tuple[Event, ...], sync: bool) -> Ack:  # noqa: FBT001 - called once, on the hot path
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
        update = self._root.update
        for line in lines:
            update(line[_DIGEST])
        self.next_seq = first + len(lines)
        self._held += lines
        self._held_bytes += size
        if not first:
            sync = sync or not self._never_sync
        ack = self._flush(data, first, len(lines), sync)
        if not first:
            self._header = lines[0]
        return ack

    def _encode(self, events: tuple[Event, ...], seq: int) -> list[bytes]:
        now_us = self._clock.now_us()
        self._last_us = max(self._last_us, now_us)
        self.last_at = at = self._format_time(self._last_us)
        if len(events) == 1:
            return [encode_event(events[0], stream=self.stream, seq=seq, at=at)]
        return [encode_event(event, stream=self.stream, seq=seq + i, at=at) for i, event in enumerate(events)]

    def _flush_held(self) -> bool:
        """Write what is held, if that is possible by now."""
        place, _ = self._write(b"".join(self._held))
        if place == "held":
            return False
        self._held.clear()
        self._held_bytes = 0
        return True

    def _flush(self, data: bytes, first: int, count: int, sync: bool) -> Ack:  # noqa: FBT001 - as _append_all
        place, position = self._write(data)
        if place == "held":
            return Ack(first, count, "held", None, durable=False)
        self._held.clear()
        self._held_bytes = 0
        durable = (sync or self._sync_each) and self._make_durable()
        if self._sync_group and not durable:
            self._sync_soon()
        return Ack(first, count, place, position, durable)

    def _write(self, data: bytes) -> tuple[Place, int | None]:
        file = self._file
        try:
            if file is None:
                return "live", self._write_new(data)
            position = file.append(data)
        except LogUnavailableError as error:
            # The tested code closed our descriptor and removed the file; what was in it is gone.
            self._note(str(error))
            self._file = None
        except (EventLogError, OSError) as error:
            self._note(str(error))
            return "held", None
        else:
            return "log" if file.in_log else "live", position
        try:
            return "live", self._write_new(data)
        except (EventLogError, OSError) as error:
            self._note(str(error))
            return "held", None

    def _write_new(self, data: bytes) -> int:
        """Go on in a new live file, which begins with the header, as nothing tells whose events these are without."""
        file = create_live_file(self.path, self.stream, system=self._system)
        try:
            start = b"" if data.startswith(self._header) else self._header
            position = file.append(start + data)
        except BaseException:
            file.close()
            self._remove_new(file.path)
            raise
        self._file, self._synced_to = file, 0
        return position + len(start)

    def _remove_new(self, path: Path) -> None:
        try:
            self._system.unlink(str(path))
        except OSError:
            return  # an empty file; the next process that collects removes it

    # -------------------------------------------------------------- durability

    def _make_durable(self) -> bool:
        """Fsync the file; after a failure it is not trusted with anything any more."""
        file = self._file
        if file is None:
            return False
        folder = file.path.parent
        try:
            self._system.fdatasync(file.fd)
            if folder not in self._dir_synced:
                self._system.sync_dir(str(folder))
                if not file.in_log:
                    self._system.sync_dir(str(folder.parent))
                self._dir_synced.add(folder)
        except OSError as error:
            self._note(f"{file.path}: fsync: {error.strerror}")
            return self._write_again(file)
        self._synced_to = file.end
        return True

    def _write_again(self, file: SessionFile) -> bool:
        """Write again, into a new file, what a failed fsync may have thrown away.

        The kernel marks pages clean after a failed fsync, so a second one on the same file succeeds without having
        written anything. The bytes are still readable now; they are copied and the file is not written again.
        """
        begin = max(self._synced_to, file.begin)
        try:
            data = b"".join(self._read(file, begin))
            new = create_live_file(self.path, self.stream, system=self._system)
            if not data.startswith(self._header):
                data = self._header + data
            new.append(data)
            self._system.fdatasync(new.fd)
        except (EventLogError, OSError) as error:
            self._note(str(error))
            return False
        self._earlier.append(file)
        self._file, self._synced_to = new, new.end
        return True

    def _read(self, file: SessionFile, begin: int) -> list[bytes]:
        pieces: list[bytes] = []
        while begin < file.end:
            pieces.append(self._system.pread(file.fd, min(_READ_BYTES, file.end - begin), begin))
            if not pieces[-1]:
                break
            begin += len(pieces[-1])
        return pieces

    def _sync_soon(self) -> None:
        if self._syncer is None:
            self._syncer = _GroupSync(self._sync_now)
        self._syncer.wake()

    def _sync_now(self) -> None:
        with self._mutex:
            if self._file is not None and self._file.end > self._synced_to and not self._is_child:
                self._make_durable()

    # -------------------------------------------------------------- the file, and the log

    def _open(self, *, direct: bool) -> None:
        if self._is_network:
            # Appending to a file that other hosts write is not safe there; a file of its own is.
            self._system.make_private_dir(self.path.parent)
        else:
            LogFile(self.path, lock_timeout_s=self._lock_timeout_s, system=self._system).close()
            self._collect_others()
        if direct:
            self._file = take_log(self.path, system=self._system)
        if self._file is None:
            self._file = self._created_live_file()
        self._synced_to = self._file.begin

    def _created_live_file(self) -> SessionFile:
        """Create the live file; where that is not possible, as in a read-only folder, the log itself will do."""
        try:
            return create_live_file(self.path, self.stream, system=self._system)
        except LogUnavailableError:
            file = None if self._is_network else take_log(self.path, system=self._system)
            if file is None:
                raise
            return file

    def _finish(self, file: SessionFile) -> None:
        """Collect a live file; a log that was written directly has everything already, if it is still there."""
        try:
            if not self._is_network and (not file.in_log or file.is_gone()):
                collect_own_file(
                    self.path,
                    file,
                    sync=not self._never_sync,
                    lock_timeout_s=self._lock_timeout_s,
                    system=self._system,
                )
        except (EventLogError, OSError) as error:
            self._note(f"{file.path}: is collected later: {error}")
        file.close()
        if not file.in_log:
            remove_empty_dirs(self.path)

    def _collect_others(self) -> None:
        """Collect what sessions left whose process died."""
        if self._is_network or not live_files(self.path):
            return
        try:
            collect_live_files(self.path, lock_timeout_s=self._lock_timeout_s, system=self._system)
        except (EventLogError, OSError) as error:
            self._note(f"{self.path}: live files of earlier sessions stay: {error}")

    def _note(self, reason: str) -> None:
        if reason not in self.troubles:
            self.troubles.append(reason)


_open_writers: "weakref.WeakSet[LogWriter]" = weakref.WeakSet()


def _leave_all_to_parent() -> None:
    for writer in list(_open_writers):
        writer.leave_to_parent()


if hasattr(os, "register_at_fork"):
    # Not by asking for the process id before each append: that is a system call an event.
    os.register_at_fork(after_in_child=_leave_all_to_parent)


class _GroupSync:
    """Runs an fsync at most once a second, in the background, after something was appended."""

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._dirty = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pytest-insight sync", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._dirty.set()

    def stop(self) -> None:
        self._stopped.set()
        self._dirty.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            self._dirty.wait()
            self._stopped.wait(GROUP_SYNC_S)
            self._dirty.clear()
            self._sync()
            if self._stopped.is_set():
                return
