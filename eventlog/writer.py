"""Append events of one stream to a log, so that what was acknowledged is never lost.

`append` says where the events are and whether they are durable (docs/durability.md). A writer of a stream of its own
never fails on the state of the machine: when the log cannot be written it goes on in a spool file beside it, and when
that cannot be written either it holds the lines in memory and tries again with the next append.
"""

import os
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Literal, NamedTuple

from .clock import SystemClock
from .codec import encode_event, line_hash
from .errors import (
    EventLogError,
    ForkedWriterError,
    LogBusyError,
    LogUnavailableError,
    LogWriteError,
    SequenceConflictError,
)
from .events import Event
from .format import DIGEST_HEX, LINE_END, LOG_SUFFIX
from .logfile import Locked, LogFile
from .reader import read_batches
from .sources import spool_dir
from .spool import fold_spools, has_spools
from .streams import StreamIndex
from .system import SYSTEM, System
from .times import TimeFormatter

HELD_BYTES_MAX = 16 * 1024 * 1024
"""Lines kept in memory while nothing can be written; later events are counted as dropped."""

GROUP_SYNC_S = 1.0

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


class Ack(NamedTuple):
    """What an append promises."""

    first_seq: int
    events: int
    """How many were appended."""
    place: Literal["log", "spool", "held", "dropped"]
    """`held`: only in memory, not acknowledged, tried again with the next append. `dropped`: lost, and counted."""
    position: int | None
    """Byte offset of the first line in the log; None unless `place` is `log`."""
    durable: bool
    """On stable storage before `append` returned."""


class LogWriter:
    """Appends events of one stream.

    Args:
        path: the log; it and its folder are created as needed.
        stream: 32 hex digits of a stream with several writers (`streams.stream_id`); None starts a stream of its own.
        durability: when to fsync.
        lock_timeout_s: how long an append may wait for another process, in seconds.

    Raises:
        LogUnavailableError: the path cannot be used as a log.
        NewerFormatError: the log was written by a newer release.
    """

    def __init__(
        self,
        path: Path,
        *,
        stream: str | None = None,
        durability: Durability = Durability.SESSION,
        lock_timeout_s: float = 2.0,
        system: System = SYSTEM,
    ) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are; tests may change directory later
        self.stream = stream or os.urandom(16).hex()
        self.durability = Durability(durability)
        self.next_seq = 0
        self.dropped = 0
        self.troubles: list[str] = []
        """Why anything was not as it should be, in words."""
        self.last_at = ""
        """Time of the last event, as it was written."""
        self._sync_each = self.durability is Durability.EVENT
        self._sync_group = self.durability is Durability.TEST
        self._system = system
        self._getpid = system.getpid
        self._lock_timeout_s = lock_timeout_s
        self._pid = self._getpid()
        self._mutex = threading.RLock()
        self._root = line_hash()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._header = b""
        self._unsynced_from: int | None = None
        self._format_time = TimeFormatter()
        self._last_us = 0
        self._log: LogFile | None = None
        self._spool: LogFile | None = None
        self._index = StreamIndex(self.stream) if stream else None
        self._syncer: _GroupSync | None = None
        network = system.is_network(self.path.parent)
        self._open_log(network=network)
        self._clock = SystemClock((self._log or self._spool_file()).fd, system)

    @property
    def held(self) -> int:
        """Number of lines that are only in memory."""
        return len(self._held)

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
            expected_seq: append only if the first event gets this `seq` (compare-and-append).
            sync: make them durable before returning, whatever the tier.

        Raises:
            ForkedWriterError: called in a forked child of the process that made this writer.
            SequenceConflictError: another writer of the stream came first; nothing was appended.
            EventTooLargeError: an event does not fit into a line; nothing was appended.
            LogBusyError, LogWriteError, LogUnavailableError: only for a stream with several writers, which cannot
                go on elsewhere; nothing was appended.
        """
        if self._getpid() != self._pid:
            raise ForkedWriterError
        with self._mutex:
            if self._index is not None:
                return self._append_shared(self._index, events, expected_seq, sync=sync)
            if expected_seq is not None and expected_seq != self.next_seq:
                raise SequenceConflictError(self.stream, expected_seq, self.next_seq)
            if len(events) == 1 and self._plain and not sync:
                return self._append_one(events[0])
            return self._append_own(events, sync)

    def seal(self, make: Callable[[int, str], Event]) -> Ack:
        """Append the last event of the stream.

        Args:
            make: gets the count of events before it and the root digest over them, returns the seal.
        """
        with self._mutex:
            event = make(self.next_seq, self._root.hexdigest())
            return self.append(event, sync=self.durability is not Durability.NEVER)

    def close(self) -> None:
        """Write what is still held, fold the own spool file back if that is possible, and close all files.

        In a forked child nothing is written or closed on behalf of the parent.
        """
        if self._getpid() != self._pid:
            return
        if self._syncer is not None:
            self._syncer.stop()
        with self._mutex:
            if self._held:
                self._flush_held()
            if self._spool is not None:
                self._spool.close()
                self._fold_own_spool()
            if self._log is not None:
                self._log.close()

    def _append_one(self, event: Event) -> Ack:
        """What `_append_own` does, written out for the common case: one event, and nothing has gone wrong so far."""
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

    @property
    def _plain(self) -> bool:
        return not self._held and self.next_seq > 0 and not (self._sync_each or self._sync_group)

    def _append_own(self, events: tuple[Event, ...], sync: bool) -> Ack:  # noqa: FBT001 - called once, on the hot path
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
            self._header = lines[0]
            sync = sync or self.durability is not Durability.NEVER
        return self._flush(data, first, len(lines), sync)

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

    def _flush(self, data: bytes, first: int, count: int, sync: bool) -> Ack:  # noqa: FBT001 - as _append_own
        place, position = self._write(data)
        if place == "held":
            return Ack(first, count, "held", None, durable=False)
        self._held.clear()
        self._held_bytes = 0
        durable = (sync or self._sync_each) and self._make_durable(position)
        if self._sync_group and not durable:
            self._sync_soon()
        return Ack(first, count, place, position, durable)

    def _write(self, data: bytes) -> tuple[Literal["log", "spool", "held"], int | None]:
        if self._log is not None:
            reopened = self._log.reopened
            try:
                position = self._log.append(data)
                if self._log.reopened != reopened:
                    position = self._after_reopening(self._log, position)
            except (LogBusyError, LogWriteError, LogUnavailableError) as error:
                self._give_up_log(error)
            else:
                if self._unsynced_from is None:
                    self._unsynced_from = position
                return "log", position
        try:
            self._spool_file().append(data)
        except (EventLogError, OSError) as error:
            self._trouble(str(error))
            return "held", None
        return "spool", None

    def _after_reopening(self, log: LogFile, position: int) -> int:
        self._unsynced_from = min(position, self._restore_header(log, position))
        return position

    def _restore_header(self, log: LogFile, position: int) -> int:
        """Append the header again if the log was deleted or emptied under us: without it nobody knows whose events
        these are. A log that was rewritten, by a repair for instance, still has it.
        """
        index = StreamIndex(self.stream)
        index.catch_up(log.read, position)
        return position if index.next_seq or not self._header else log.append(self._header)

    # -------------------------------------------------------------- streams with several writers

    def _append_shared(
        self, index: StreamIndex, events: tuple[Event, ...], expected_seq: int | None, *, sync: bool
    ) -> Ack:
        log = self._log
        if log is None:
            raise LogUnavailableError(self.path, "its file system cannot lock", "keep it on a local disk")
        reopened = log.reopened
        with Locked(log) as size:
            if log.reopened != reopened:
                index.restart()
            size = log.end_line_locked(size)  # noqa: PLW2901 - what it is now
            index.catch_up(log.read, size)
            if expected_seq is not None and expected_seq != index.next_seq:
                raise SequenceConflictError(self.stream, expected_seq, index.next_seq)
            first = index.next_seq
            self._last_us = max(self._last_us, index.last_us)
            position = log.append_locked(b"".join(self._encode(events, first)), size)
        self.next_seq = first + len(events)
        if self._unsynced_from is None:
            self._unsynced_from = position
        durable = (sync or self.durability is Durability.EVENT) and self._sync_file(log)
        if self.durability is Durability.TEST and not durable:
            self._sync_soon()
        return Ack(first, len(events), "log", position, durable=durable)

    # -------------------------------------------------------------- durability

    def _make_durable(self, position: int | None) -> bool:
        """Fsync the file that was just written; after a failure the log is not trusted with anything any more."""
        file = self._log if position is not None else self._spool
        if file is None:
            return False
        if self._sync_file(file):
            return True
        if file is self._log:
            return self._move_unsynced_to_spool(file)
        return False

    def _sync_file(self, file: LogFile) -> bool:
        try:
            self._system.fdatasync(file.fd)
            if file is self._log and self._unsynced_from is not None and not self._dir_synced:
                self._system.sync_dir(str(self.path.parent))
                self._dir_synced = True
        except OSError as error:
            self._trouble(f"{file.path}: fsync: {error.strerror}")
            return False
        self._unsynced_from = None
        return True

    def _move_unsynced_to_spool(self, log: LogFile) -> bool:
        """Write again, into a new file, what a failed fsync may have thrown away.

        The kernel marks pages clean after a failed fsync, so a second one on the same file succeeds without having
        written anything. The bytes are still readable now; they are copied and the descriptor is not used again.
        """
        start, self._unsynced_from = self._unsynced_from or 0, None
        self._log = None
        log.close()
        mine = f'"stream":"{self.stream}"'.encode()
        try:
            spool = self._spool_file()
            for batch in read_batches(self.path, start):
                lines = [line for line in batch.lines if mine in line[:200]]
                if lines:
                    spool.append(b"\n".join(lines) + b"\n")
            self._system.fdatasync(spool.fd)
        except (EventLogError, OSError) as error:
            self._trouble(str(error))
            return False
        return True

    def _sync_soon(self) -> None:
        if self._syncer is None:
            self._syncer = _GroupSync(self._sync_now)
        self._syncer.wake()

    def _sync_now(self) -> None:
        with self._mutex:
            if self._unsynced_from is not None or self._spool is not None:
                self._make_durable(self._unsynced_from)

    # -------------------------------------------------------------- log and spool

    def _open_log(self, *, network: bool) -> None:
        self._dir_synced = False
        if network and self._index is None:
            self._trouble(f"{self.path}: on a network file system, recording into a spool file beside it")
            self._system.make_private_dir(self.path.parent)
            return
        self._log = log = LogFile(self.path, lock_timeout_s=self._lock_timeout_s, system=self._system)
        if log.set_aside is not None:
            self._trouble(f"{self.path}: held no event any more; it is kept as {log.set_aside.name}")
        if has_spools(self.path):
            self._fold(log)

    def _give_up_log(self, error: EventLogError) -> None:
        self._trouble(str(error))
        if self._log is not None:
            self._log.close()
            self._log = None

    def _spool_file(self) -> LogFile:
        if self._spool is None:
            path = spool_dir(self.path) / (self.stream + LOG_SUFFIX)
            self._spool = LogFile(path, lock_timeout_s=self._lock_timeout_s, owned=True, system=self._system)
        return self._spool

    def _fold_own_spool(self) -> None:
        if self._system.is_network(self.path.parent):
            return
        try:
            log = self._log or LogFile(self.path, lock_timeout_s=self._lock_timeout_s, system=self._system)
        except EventLogError as error:
            self._trouble(str(error))
            return
        self._fold(log)
        log.close()

    def _fold(self, log: LogFile) -> None:
        try:
            fold_spools(log, system=self._system)
        except (EventLogError, OSError) as error:
            self._trouble(f"{self.path}: its spool stays: {error}")

    def _trouble(self, reason: str) -> None:
        if reason not in self.troubles:
            self.troubles.append(reason)


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
