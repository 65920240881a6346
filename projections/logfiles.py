"""The files of a log as a read model numbers them, and how far each has been folded.

Number 0 is the log, then come its packs. Live files get the next number when they are first seen; a number is not used
twice, so that a position that somebody still holds never means a place in another file. A session that ends moves from
its live file into the log; what remembers its old place finds it there, as it was copied in one piece.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..eventlog.errors import LogUnavailableError
from ..eventlog.files.liveness import is_being_written
from ..eventlog.live.owner import RunState, session_state
from ..eventlog.sources import LogSource, is_live_file, live_files, live_stream, pack_files
from .fold import SessionPart

SOURCE_SHIFT = 48
"""Positions hold the number of their file in the bits above."""

_OFFSET = (1 << SOURCE_SHIFT) - 1
_TAIL_BYTES = 64
_NUMBER_MAX = 30_000
"""Numbers up to 32,767 fit into a position, which is a signed integer of 64 bits."""
_COLLECTED = -1
"""Position of a live file whose session is in the log by now."""


class Numbered(NamedTuple):
    """A file of a log, and its number."""

    number: int
    source: LogSource


class Known(NamedTuple):
    """What a model remembers of a file."""

    number: int
    name: str
    position: int
    tail: bytes

    @property
    def is_live(self) -> bool:
        """Whether it is a live file."""
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
        """Return the files that are there now, in the order in which to read them: what moves to the log before it."""
        known = {row.name: row.number for row in self._known() if row.is_live and row.position != _COLLECTED}
        packs = [Numbered(number, LogSource(path)) for number, path in enumerate(pack_files(self._log), 1)]
        free = max((row.number for row in self._known()), default=0)
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

    def doubt(self) -> str:
        """Say why the model does not fit the files any more, or nothing."""
        known = self._known()
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
            # A live file has one writer and a name of its own: it needs no look at its bytes, only at its length.
            if _is_shorter(source, row.position) if row.is_live else tail_of(source, row.position) != row.tail:
                return "the log was replaced"
        return ""

    def have_grown(self) -> bool:
        """Tell whether a file has grown, is new, or was collected."""
        known = {row.number: row for row in self._known()}
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
        """Tell whether a file was folded and cannot grow."""
        return numbered.source.compressed and any(row.number == numbered.number for row in self._known())

    def collected(self) -> list[Known]:
        """Return the live files that were folded and are gone since: what they hold is in the log."""
        names = {source.name for _, source in self.present()}
        return [row for row in self._known() if row.is_live and row.position != _COLLECTED and row.name not in names]

    def position(self, number: int) -> int:
        """Return the byte offset up to which a file has been folded."""
        row = self._db.execute("SELECT position FROM sources WHERE number = ?", (number,)).fetchone()
        return max(int(row[0]), 0) if row else 0

    def save(self, numbered: Numbered, position: int) -> None:
        """Remember how far a file has been folded."""
        is_live = numbered.number > 0 and is_live_file(numbered.source.path)
        tail = b"" if is_live else tail_of(numbered.source, position)
        row = (numbered.number, numbered.source.name, position, tail)
        self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?)", row)

    def let_go(self, row: Known) -> None:
        """Remember that a live file was collected."""
        self._db.execute("UPDATE sources SET position = ?, tail = x'' WHERE number = ?", (_COLLECTED, row.number))
        self._db.execute("DELETE FROM findings WHERE log = ?", (row.name,))

    def place(self, position: int) -> tuple[LogSource, int]:
        """Return the file and the byte offset of a position.

        Raises:
            LookupError: the file is gone, and its session is not in the log.
        """
        number, offset = position >> SOURCE_SHIFT, position & _OFFSET
        if number == 0:
            return self._log, offset
        row = next((row for row in self._known() if row.number == number), None)
        if row is None:
            raise LookupError(f"the file of position {position} is gone")
        source = LogSource(Path(row.name))
        if row.position != _COLLECTED and source.exists():
            return source, offset
        part = self._part_of(live_stream(Path(row.name)))
        if part is None or part.header_at < 0 or part.header_at >> SOURCE_SHIFT == number:
            raise LookupError(f"{row.name}: was collected meanwhile; ask again")
        return self.place(part.header_at + offset)

    def naming(self) -> Callable[[int], str]:
        """Return what gives a position as the name of its file and the byte offset in it, alike in all models."""
        names = {row.number: row.name for row in self._known() if row.number}
        return lambda at: f"{names.get(at >> SOURCE_SHIFT, '')}:{at & _OFFSET}" if at >= 0 else ""

    def state_of(self, stream: str, part: SessionPart) -> RunState:
        """Return whether a session runs; by the lock on the file that it is in, and what its header says."""
        writer: dict[str, str] = (part.header or {}).get("writer") or {}
        if part.exit_status is not None or not self._log.on_disk:
            return session_state(sealed=part.exit_status is not None, locked=None, writer=writer)
        own = [path for path in live_files(self._log) if live_stream(path) == stream]
        locked = any(is_being_written(path) for path in own or [self._log.path])
        if locked and not own:
            # The lock on the log: of this session, if its process is still there, or of one that appends for a moment.
            locked = session_state(sealed=False, locked=None, writer=writer) == "unknown" and _is_last(
                self._log, stream
            )
        return session_state(sealed=False, locked=locked, writer=writer)

    def _part_of(self, stream: str) -> SessionPart | None:
        row = self._db.execute("SELECT state FROM sessions WHERE stream = ?", (stream,)).fetchone()
        return None if row is None else msgspec.msgpack.decode(row[0], type=SessionPart)

    def _known(self) -> list[Known]:
        rows = self._db.execute("SELECT number, name, position, tail FROM sources ORDER BY number").fetchall()
        return [Known(int(number), str(name), int(position), bytes(tail)) for number, name, position, tail in rows]


def _is_last(log: LogSource, stream: str) -> bool:
    """Tell whether a session is the newest in its log: one that is recorded into it directly is."""
    from ..eventlog.reader import event_at, session_start  # noqa: PLC0415 - only for an unfinished session

    try:
        return event_at(log, session_start(log)).envelope.stream == stream
    except (OSError, LookupError, LogUnavailableError):
        return False


def _is_shorter(source: LogSource, position: int) -> bool:
    try:
        return source.size() < position
    except FileNotFoundError:
        return False  # collected this moment


def tail_of(source: LogSource, position: int) -> bytes:
    """The bytes before a checkpoint; they end in an event's digest, which nothing else has."""
    try:
        if source.compressed:
            info = source.path.stat()
            return f"{info.st_size} {info.st_mtime_ns}".encode()
        start = max(position - _TAIL_BYTES, 0)
        with source.open(start) as stream:
            return stream.read(position - start) or b""
    except (OSError, LogUnavailableError):
        return b""


__all__ = ["SOURCE_SHIFT", "Known", "LogFiles", "Numbered", "tail_of"]
