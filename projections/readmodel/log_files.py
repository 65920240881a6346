"""Numbers of the files of a log, how far each has been folded, and the check of a read model against them.

Number 0 is the log; its packs follow. Live files get the next number when they are first seen; a number is not used
twice, so that an old position never points into another file. A session that ends moves from its live file into the
log in one piece: its old positions lead to its new place.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from ...eventlog.errors import LogUnavailableError
from ...eventlog.files.liveness import is_being_written
from ...eventlog.live.owner import RunState, session_state
from ...eventlog.sources import LogSource, is_live_file, live_files, live_stream, pack_files
from ..parts import SessionPart

SOURCE_SHIFT = 48
"""A position is a byte offset in the lower 48 bits and the number of its file in the bits above."""

_OFFSET = (1 << SOURCE_SHIFT) - 1
_TAIL_BYTES = 64
"""Bytes before a checkpoint that are compared with the log."""
_NUMBER_MAX = 30_000
"""Numbers up to 32,767 fit into a position, which is a signed integer of 64 bits."""
_COLLECTED = -1
"""Position that is stored for a live file whose session has moved into the log."""


class Numbered(NamedTuple):
    """A file of a log with its number."""

    number: int
    source: LogSource


class Known(msgspec.Struct, frozen=True):
    """Checkpoint of a file."""

    number: int
    name: str
    """Path of the file."""
    position: int
    """Byte offset up to which it was folded."""
    tail: bytes
    """Result of `read_tail` for the position; empty for a live file."""

    @property
    def is_live(self) -> bool:
        """Whether the file is a live file."""
        return self.number > 0 and is_live_file(Path(self.name))


class LogFiles:
    """The files of one log in one read model.

    Args:
        db: the read model.
        log: the log; it need not exist.
    """

    def __init__(self, db: sqlite3.Connection, log: LogSource) -> None:
        self._db = db
        self._log = log

    def present(self) -> list[Numbered]:
        """Return the files that exist now, in reading order: live files before the log, into which they may move."""
        known = {row.name: row.number for row in self._read_known() if row.is_live and row.position != _COLLECTED}
        packs = [Numbered(number, LogSource(path)) for number, path in enumerate(pack_files(self._log), 1)]
        free = max((row.number for row in self._read_known()), default=0)
        free = max(free, len(packs)) + 1
        live: list[Numbered] = []
        for path in live_files(self._log):
            source = LogSource(path)
            number = known.get(source.name)
            if number is None:
                number, free = free, free + 1
            live.append(Numbered(number, source))
        log = [Numbered(0, self._log)] if self._log.exists() or not (packs or live) else []
        return [*packs, *live, *log]

    def stale_reason(self) -> str:
        """Return why the model does not match the files any more, or "" if it does."""
        known = self._read_known()
        if not known:
            return ""
        if known[-1].number > _NUMBER_MAX:
            return "the numbers of its files are used up"
        fixed = [row for row in known if not row.is_live]
        packs = [LogSource(path).name for path in pack_files(self._log)]
        if any(row.number == 0 and row.name != self._log.name for row in fixed):
            return "of another log"
        if [row.name for row in fixed if row.number] != packs[: sum(row.number > 0 for row in fixed)] or any(
            row.is_live and row.number <= len(packs) for row in known
        ):
            return "packs of the log came or went"
        present = {source.name: source for _, source in self.present()}
        for row in known:
            source = present.get(row.name, self._log if row.number == 0 else None)
            if source is None or row.position <= 0:
                continue
            # A live file has one writer and a unique name: its length is enough, its bytes need no comparison.
            if _is_shorter(source, row.position) if row.is_live else read_tail(source, row.position) != row.tail:
                return "the log was replaced"
        return ""

    def is_behind(self) -> bool:
        """Return whether a file has grown, is new, or was collected since the checkpoint."""
        known = {row.number: row for row in self._read_known()}
        present = self.present()
        for number, source in present:
            row = known.get(number)
            try:
                if row is None or (not source.compressed and source.size() != row.position):
                    return True
            except FileNotFoundError:
                if number == 0:
                    raise
                return True
        names = {source.name for _, source in present}
        return any(row.is_live and row.position != _COLLECTED and row.name not in names for row in known.values())

    def is_complete(self, numbered: Numbered) -> bool:
        """Return whether a file was folded and cannot grow."""
        return numbered.source.compressed and any(row.number == numbered.number for row in self._read_known())

    def list_collected(self) -> list[Known]:
        """Return the checkpoints of live files that are gone since: their sessions are in the log."""
        names = {source.name for _, source in self.present()}
        return [
            row for row in self._read_known() if row.is_live and row.position != _COLLECTED and row.name not in names
        ]

    def read_position(self, number: int) -> int:
        """Return the byte offset up to which a file has been folded; 0 for a new file."""
        row = self._db.execute("SELECT position FROM sources WHERE number = ?", (number,)).fetchone()
        return max(int(row[0]), 0) if row else 0

    def save(self, numbered: Numbered, position: int) -> None:
        """Store the checkpoint of a file.

        Args:
            numbered: the file.
            position: byte offset up to which it has been folded.
        """
        is_live = numbered.number > 0 and is_live_file(numbered.source.path)
        tail = b"" if is_live else read_tail(numbered.source, position)
        row = (numbered.number, numbered.source.name, position, tail)
        self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?)", row)

    def mark_collected(self, row: Known) -> None:
        """Store that a live file was collected, and remove its findings, which the log repeats."""
        self._db.execute("UPDATE sources SET position = ?, tail = x'' WHERE number = ?", (_COLLECTED, row.number))
        self._db.execute("DELETE FROM findings WHERE log = ?", (row.name,))

    def locate(self, position: int) -> tuple[LogSource, int]:
        """Return the file and the byte offset of a position.

        Raises:
            LookupError: the file is gone, and the model has not folded its session in the log.
        """
        number, offset = position >> SOURCE_SHIFT, position & _OFFSET
        if number == 0:
            return self._log, offset
        row = next((row for row in self._read_known() if row.number == number), None)
        if row is None:
            raise LookupError(f"the file of position {position} is gone")
        source = LogSource(Path(row.name))
        if row.position != _COLLECTED and source.exists():
            return source, offset
        part = self._part_of(live_stream(Path(row.name)))
        if part is None or part.header_at < 0 or part.header_at >> SOURCE_SHIFT == number:
            raise LookupError(f"{row.name}: was collected meanwhile; ask again")
        return self.locate(part.header_at + offset)

    def position_namer(self) -> Callable[[int], str]:
        """Return a function from a position to `file:offset`, which is equal in all models of a log.

        The name of the log itself is left out; a negative position becomes "".
        """
        names = {row.number: row.name for row in self._read_known() if row.number}
        return lambda at: f"{names.get(at >> SOURCE_SHIFT, '')}:{at & _OFFSET}" if at >= 0 else ""

    def state_of(self, stream: str, part: SessionPart) -> RunState:
        """Return the state of a session, by its seal, the lock on its file and the process that its header names."""
        writer: dict[str, str] = (part.header or {}).get("writer") or {}
        if part.exit_status is not None or not self._log.on_disk:
            return session_state(sealed=part.exit_status is not None, locked=None, writer=writer)
        own = [path for path in live_files(self._log) if live_stream(path) == stream]
        locked = any(is_being_written(path) for path in own or [self._log.path])
        if locked and not own:
            # The lock on the log is held by this session if its process still exists, or shortly by one that appends.
            locked = session_state(sealed=False, locked=None, writer=writer) == "unknown" and _is_last(
                self._log, stream
            )
        return session_state(sealed=False, locked=locked, writer=writer)

    def _part_of(self, stream: str) -> SessionPart | None:
        """Return the folded state of a stream, or None if the model has no such stream."""
        row = self._db.execute("SELECT state FROM sessions WHERE stream = ?", (stream,)).fetchone()
        return None if row is None else msgspec.msgpack.decode(row[0], type=SessionPart)

    def _read_known(self) -> list[Known]:
        """Return the checkpoints of all files, by number."""
        rows = self._db.execute("SELECT number, name, position, tail FROM sources ORDER BY number").fetchall()
        return [Known(int(number), str(name), int(position), bytes(tail)) for number, name, position, tail in rows]


def _is_last(log: LogSource, stream: str) -> bool:
    """Return whether a session is the last in its log, as one is that is recorded directly into it."""
    from ...eventlog.reader import event_at, session_start  # noqa: PLC0415 - only for an unfinished session

    try:
        return event_at(log, session_start(log)).envelope.stream == stream
    except (OSError, LookupError, LogUnavailableError):
        return False


def _is_shorter(source: LogSource, position: int) -> bool:
    """Return whether a file ends before a byte offset; False for a file that was collected meanwhile."""
    try:
        return source.size() < position
    except FileNotFoundError:
        return False


def read_tail(source: LogSource, position: int) -> bytes:
    """Return what identifies a file up to a checkpoint; empty if it cannot be read.

    These are the bytes before the checkpoint, which end in an event's digest and so are unique, or the size and the
    time of change of a compressed file.

    Args:
        source: the file.
        position: byte offset of the checkpoint.
    """
    try:
        if source.compressed:
            info = source.path.stat()
            return f"{info.st_size} {info.st_mtime_ns}".encode()
        start = max(position - _TAIL_BYTES, 0)
        with source.open(start) as stream:
            return stream.read(position - start) or b""
    except (OSError, LogUnavailableError):
        return b""


__all__ = ["SOURCE_SHIFT", "Known", "LogFiles", "Numbered", "read_tail"]
