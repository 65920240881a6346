"""A log of named streams that several processes write: read, decide and append under one lock.

A `Journal` folds its log into a state of the caller's, and `transact()` holds the lock of the log from reading that
state to writing. So a process decides with everything that the others wrote.

Several events of one transaction are a *batch*: they count together or not at all. Each has the random id of the batch
and the number of lines that follow; a batch counts when its last line is in the log. (SIGKILL or a full disk can cut a
`write` of several lines short.)
"""

import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, Self, TypeVar

import msgspec

from .codec import EventDecodeError, EventDecoder, encode_exact, parse_envelope
from .errors import LogUnavailableError, SequenceConflictError
from .events import Event, UnknownEvent
from .files.clock import SystemClock
from .files.logfile import Locked, LogFile
from .files.system import SYSTEM, System
from .reader import read_batches
from .scan import Batch, Finding, Scanner
from .sources import LogSource
from .streams import stream_id
from .times import TimeFormatter, parse_time

__all__ = ["Entry", "Folded", "Journal", "JournalEvent", "Transaction", "fold_journal"]

_CHUNK_BYTES = 1 << 20


class JournalEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the events of a journal; a subclass names its tag: `class X(JournalEvent, tag="x.happened")`."""

    batch: str = ""
    """16 hex digits that the lines of one batch share; empty for a single event."""
    more: int = 0
    """Number of lines of the batch that follow."""


class Entry(NamedTuple):
    """An event and its place in a journal."""

    position: int
    """Byte offset of its line; rises with every event, so it serves as a clock and as a fencing token."""
    stream: str
    """32 hex digits: `stream_id` of the stream's name."""
    seq: int
    at_us: int
    """When it was written, in microseconds since the epoch."""
    event: Event | UnknownEvent


class Folded(Protocol):
    """The state that a journal is folded into."""

    def apply(self, entry: Entry, /) -> None:
        """Apply the next event. Pure: no clock, no file, and no exception on events of an earlier release."""
        ...


S = TypeVar("S", bound=Folded)


class _Intake:
    """Turns lines into entries; holds the events of a batch back until its last line is read."""

    def __init__(self, decoder: EventDecoder) -> None:
        self.next_seqs: dict[str, int] = {}
        self.last_us = 0
        self.findings: list[Finding] = []
        self.abandoned = 0
        """Number of events of unfinished batches, whose writer died; they do not count."""
        self._decoder = decoder
        self._open: list[Entry] = []
        self._open_batch = ""
        self._seen: dict[tuple[str, int], bytes] = {}

    def take(self, log: str, batch: Batch) -> Iterator[Entry]:
        """Yield the entries that count now, in order of position."""
        self.findings += [finding for finding in batch.findings if finding.reason != "pending"]
        for offset, line in zip(batch.offsets, batch.lines, strict=True):
            entry = self._decode(log, offset, line)
            if entry is not None:
                yield from self._complete_batch(entry)

    def _decode(self, log: str, offset: int, line: bytes) -> Entry | None:
        envelope = parse_envelope(line)
        if envelope is None:
            self.findings.append(Finding(log, offset, len(line), "malformed", "the first keys are not those of a line"))
            return None
        stream, seq = envelope.stream, envelope.seq
        if seq < self.next_seqs.get(stream, 0):
            self.findings.append(Finding(log, offset, len(line), "duplicate", f"seq {seq} of stream {stream}"))
            return None
        self.next_seqs[stream] = seq + 1
        at_us = parse_time(envelope.at)
        self.last_us = max(self.last_us, at_us)
        try:
            event = self._decoder.decode(line, envelope.type)
        except EventDecodeError as error:
            self.findings.append(Finding(log, offset, len(line), "malformed", f"{envelope.type}: {error}"))
            return None
        return Entry(offset, stream, seq, at_us, event)

    def _complete_batch(self, entry: Entry) -> Iterator[Entry]:
        batch, more = _batch_of(entry.event)
        if self._open and batch != self._open_batch:
            self.abandoned += len(self._open)
            self._open = []
        if not batch:
            yield entry
            return
        self._open_batch = batch
        self._open.append(entry)
        if not more:
            yield from self._open
            self._open = []


def _batch_of(event: Event | UnknownEvent) -> tuple[str, int]:
    if isinstance(event, JournalEvent):
        return event.batch, event.more
    if isinstance(event, UnknownEvent):
        return str(event.fields.get("batch", "")), int(event.fields.get("more", 0))
    return "", 0


def fold_journal(path: Path, decoder: EventDecoder, state: S, *, until: int | None = None) -> tuple[S, list[Finding]]:
    """Fold a journal into `state` without a lock and without creating or changing anything.

    Args:
        path: the log; one that does not exist is empty.
        decoder: of the types of event that the state knows.
        state: an empty one.
        until: fold only events whose position is below this.

    Returns:
        the state, and the findings.

    Raises:
        LogUnavailableError: the log exists and cannot be read.
    """
    intake = _Intake(decoder)
    source = LogSource(path)
    if source.exists():
        for batch in read_batches(source):
            for entry in intake.take(source.name, batch):
                if until is not None and entry.position >= until:
                    return state, intake.findings
                state.apply(entry)
    return state, intake.findings


class Transaction(Generic[S]):
    """Events that are written together when the block ends without an exception."""

    def __init__(self, state: S, now_us: int, next_seqs: dict[str, int]) -> None:
        self.state = state
        """State after all events that any process wrote."""
        self.now_us = now_us
        """The time of this transaction, in microseconds since the epoch; not before anything written so far."""
        self.entries: list[Entry] = []
        """The written events; filled when the block has ended."""
        self._next_seqs = next_seqs
        self._staged: list[tuple[str, int, JournalEvent]] = []
        self._staged_counts: dict[str, int] = {}

    def next_seq(self, name: str) -> int:
        """Return the `seq` that the next event of a stream gets: the version of that stream."""
        stream = stream_id(name)
        return self._next_seqs.get(stream, 0) + self._staged_counts.get(stream, 0)

    def append(self, name: str, *events: JournalEvent, expected_seq: int | None = None) -> None:
        """Add events to the transaction, for the stream `name`.

        Raises:
            SequenceConflictError: `expected_seq` is given and is not the stream's version any more.
        """
        seq = self.next_seq(name)
        if expected_seq is not None and expected_seq != seq:
            raise SequenceConflictError(stream_id(name), expected_seq, seq)
        stream = stream_id(name)
        self._staged += [(stream, seq + index, event) for index, event in enumerate(events)]
        self._staged_counts[stream] = self._staged_counts.get(stream, 0) + len(events)

    def batch_events(self) -> Iterator[tuple[str, int, JournalEvent]]:
        """Yield `(stream, seq, event)` of the added events; several are marked as a batch."""
        count = len(self._staged)
        if count == 1:
            yield self._staged[0]
            return
        batch = os.urandom(8).hex()
        for index, (stream, seq, event) in enumerate(self._staged):
            yield stream, seq, msgspec.structs.replace(event, batch=batch, more=count - 1 - index)


class Journal(Generic[S]):
    """A log of named streams and the state it folds into, shared by threads and processes.

    Args:
        path: the log; it and its folder are created with the first transaction.
        types: the classes of event in it.
        new_state: makes an empty state; called again if the log was replaced.
        lock_timeout_s: how long a transaction may wait for other processes, in seconds.
        system: the seam to the operating system.
    """

    def __init__(
        self,
        path: Path,
        types: Iterable[type[JournalEvent]],
        new_state: Callable[[], S],
        *,
        lock_timeout_s: float = 30.0,
        system: System = SYSTEM,
    ) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are
        self.decoder = EventDecoder(tuple(types))
        self._new_state = new_state
        self._lock_timeout_s = lock_timeout_s
        self._system = system
        self._mutex = threading.RLock()
        self._deciding = False
        self._format_time = TimeFormatter()
        self._file: LogFile | None = None
        self._dir_synced = False
        self._pid = system.getpid()
        self._forked = False
        self._restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def position(self) -> int:
        """Byte offset up to which the log is folded into the state."""
        return self._scanner.end

    @property
    def findings(self) -> list[Finding]:
        """Findings in the part of the log that was read."""
        return list(self._intake.findings)

    def current(self) -> S:
        """Fold the new events of all processes, and return the state; it is shared, so do not change it.

        Raises:
            LogUnavailableError, NewerFormatError: the file cannot be used as a log.
            LogBusyError: the lock could not be acquired within the timeout.
        """
        with self._own_mutex():
            if self._deciding:
                return self._state
            if self._file is None and not self.path.exists():
                return self._state
            with Locked(self._log()) as size:
                self._catch_up(size)
            return self._state

    @contextmanager
    def look(self) -> Generator[S]:
        """Yield the state of `current()`, with its errors; other threads cannot change it while the block runs."""
        with self._own_mutex():
            yield self.current()

    @contextmanager
    def transact(self, *, sync: bool = False) -> Generator[Transaction[S]]:
        """Hold the lock, yield a transaction with the current state, and write its events: all or none.

        Args:
            sync: make the events durable (fsync) before returning; without it they survive the end of the process.

        Raises:
            LogUnavailableError, NewerFormatError: the file cannot be used as a log.
            LogBusyError: the lock could not be acquired within the timeout.
            EventTooLargeError: an event does not fit into a line; nothing was written.
            LogWriteError: the operating system refused the write; nothing of it counts.
            OSError: the events could not be made durable.
        """
        with self._own_mutex():
            if self._deciding:
                raise RuntimeError("a transaction within a transaction: the inner one would free the lock of the outer")
            file = self._log()
            self._deciding = True
            try:
                with Locked(file) as size:
                    size = file.end_line_locked(size)  # noqa: PLW2901 - what it is now
                    self._catch_up(size)
                    now_us = max(self._clock.now_us(), self._intake.last_us)
                    transaction = Transaction(self._state, now_us, self._intake.next_seqs)
                    yield transaction
                    self._commit(file, size, transaction)
            finally:
                self._deciding = False
            if sync and transaction.entries:
                self._make_durable(file.fd)

    def sync(self) -> None:
        """Make the events written by this object durable (fsync); other threads may write meanwhile.

        Raises:
            OSError: it could not be made durable.
        """
        with self._own_mutex():
            fd = -1 if self._file is None else self._file.fd
        if fd >= 0:
            self._make_durable(fd)

    def as_of(self, position: int) -> S:
        """Return the state after all events before `position`."""
        return fold_journal(self.path, self.decoder, self._new_state(), until=position)[0]

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._own_mutex():
            file, self._file = self._file, None
            if file is not None and self._system.getpid() == self._pid:
                file.close()

    # -------------------------------------------------------------- the file

    def _make_durable(self, fd: int) -> None:
        self._system.fdatasync(fd)
        if not self._dir_synced:  # that there is such a file has to be durable, too
            self._system.sync_dir(str(self.path.parent))
            self._dir_synced = True

    def _own_mutex(self) -> threading.RLock:
        """Return the mutex; in a forked child a new one, as a thread of the parent may hold the old one."""
        if self._system.getpid() != self._pid and not self._forked:
            self._forked = True
            self._mutex = threading.RLock()
            self._deciding = False
        return self._mutex

    def _restart(self) -> None:
        self._state = self._new_state()
        self._intake = _Intake(self.decoder)
        self._scanner = Scanner(str(self.path))
        self._read_to = 0
        self._reopened = 0

    def _log(self) -> LogFile:
        pid = self._system.getpid()
        if self._file is not None and pid != self._pid:
            # The lock goes with the descriptor, which is shared with the parent: leave it alone, and open our own.
            self._system.close(self._file.fd)
            self._file = None
        if self._file is None:
            if self._system.is_network(self.path.parent):
                raise LogUnavailableError(self.path, "its file system cannot lock", "keep it on a local disk")
            self._pid = pid
            self._forked = False
            self._restart()
            self._file = LogFile(self.path, lock_timeout_s=self._lock_timeout_s, system=self._system)
            self._clock = SystemClock(self._file.fd, self._system)
        return self._file

    def _catch_up(self, size: int) -> None:
        file = self._log()
        if file.reopened != self._reopened or size < self._read_to:
            self._restart()
            self._reopened = file.reopened
        while self._read_to < size:
            data = file.read(min(_CHUNK_BYTES, size - self._read_to), self._read_to)
            if not data:
                return
            self._feed(data)

    def _feed(self, data: bytes) -> list[Entry]:
        """Fold the next bytes of the log and return their events."""
        self._read_to += len(data)
        try:
            entries = list(self._intake.take(str(self.path), self._scanner.feed(data)))
            for entry in entries:
                self._state.apply(entry)
        except BaseException:
            self._restart()  # a signal's exception in the middle: fold the log again from its start
            raise
        return entries

    def _commit(self, file: LogFile, size: int, transaction: Transaction[S]) -> None:
        at = self._format_time(transaction.now_us)
        lines = [
            encode_exact(event, stream=stream, seq=seq, at=at) for stream, seq, event in transaction.batch_events()
        ]
        if not lines:
            return
        position = file.append_locked(b"".join(lines), size)
        written = file.read(position + sum(map(len, lines)) - self._read_to, self._read_to)
        transaction.entries += [entry for entry in self._feed(written) if entry.position >= position]
