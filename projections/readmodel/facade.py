"""`ReadModel`: the views of one log, and the one class of this folder that other rooms use."""

import sqlite3
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ...eventlog.events import TestFinished
from ...eventlog.live.owner import RunState
from ...eventlog.reader import Record
from ...eventlog.scan import Finding
from ...eventlog.sources import LogSource, as_source
from ..parts import Rows, SessionPart
from ..session_row import SessionRow
from . import attempts, queries
from .attempts import NodeNames
from .catch_up import ModelUpdater
from .connection import ModelConnection
from .shapes import Attempted, CatchUp, Progress, Roster, StoredVerdicts
from .visibility import KnownVisibility

if TYPE_CHECKING:
    from .log_lookup import LogLookup

_PERHAPS_OVER = ("killed", "unknown")
"""States of a session whose file is not locked; it may have ended properly meanwhile."""


class ReadModel:
    """The views of one log; use `ReadModel.open`, and as a context manager.

    Questions answer from what is folded; `catch_up` first brings the model up to date.

    Args:
        log: the log; it need not exist.
        path: file of the model, None for memory.
    """

    def __init__(self, log: LogSource, path: Path | None) -> None:
        self.log = log
        self._connection = ModelConnection(path)
        self._updater = ModelUpdater(self._connection, log)
        self._nodes = NodeNames(self._connection)
        self._visibility = KnownVisibility()

    @classmethod
    def open(cls, log: Path | str | LogSource, model: Path | None) -> "ReadModel":
        """Open the read model of a log; an empty one is created if the file does not exist.

        Args:
            log: path of the log.
            model: file of the model, None for memory. A file that cannot be opened is replaced by memory.

        Raises:
            LogUnavailableError: there is no memory for a model.
        """
        return cls(as_source(log), model)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    @property
    def path(self) -> Path | None:
        """File of the model; None if it is in memory."""
        return self._connection.path

    @property
    def name(self) -> str:
        """Path of the log."""
        return self.log.name

    @cached_property
    def _lookup(self) -> "LogLookup":
        from .log_lookup import LogLookup  # noqa: PLC0415 - most questions need no event of the log

        return LogLookup(self._connection, self.log, self.catch_up)

    @property
    def _db(self) -> sqlite3.Connection:
        return self._connection.db

    def catch_up(self, progress: Progress | None = None) -> CatchUp:
        """Fold what was added to the log since the last catch-up; rebuild a model that is stale or damaged.

        Raises:
            FileNotFoundError: the log does not exist.
            LogUnavailableError: the log cannot be read.
        """
        return self._updater.catch_up(progress)

    def replay(self, progress: Progress | None = None, workers: int | None = None) -> CatchUp:
        """Rebuild the model from the whole log.

        Args:
            progress: receives the bytes done and the bytes in all.
            workers: number of processes; None decides by the size of the log.

        Raises:
            FileNotFoundError: the log does not exist.
            LogUnavailableError: the log cannot be read.
        """
        return self._updater.replay(progress, workers)

    def check(self) -> list[str]:
        """Return the differences between this model and a rebuilt one, one sentence each."""
        from .differences import list_differences, read_facts  # noqa: PLC0415 - no question needs it

        self.catch_up()
        with ReadModel(self.log, None) as fresh:
            fresh.replay(workers=1)
            return list_differences(
                read_facts(self._db, self._nodes, self._updater.files),
                read_facts(fresh._db, fresh._nodes, fresh._updater.files),
            )

    def state_of(self, row: SessionRow) -> RunState:
        """Return whether a session is finished, running or killed; `unknown` if there is no evidence of either."""
        state = self._updater.files.state_of(row.stream, row.part)
        if state in _PERHAPS_OVER and self._updater.is_behind():
            self.catch_up()
            row = self.session_of(row.stream) or row
            state = self._updater.files.state_of(row.stream, row.part)
        return state

    def sessions(
        self, *, sut: str | None = None, since_us: int | None = None, limit: int | None = None, hidden: bool = False
    ) -> list[SessionRow]:
        """Return sessions, the newest first.

        Args:
            sut: only of this system under test.
            since_us: only those that started at this time or later, in microseconds since the epoch.
            limit: largest number of sessions.
            hidden: also sessions that were cleared or superseded.
        """
        return queries.list_sessions(self._db, sut=sut, since_us=since_us, limit=limit, hidden=hidden)

    def newest_session(self) -> SessionRow | None:
        """Return the visible session that started last; one that starts in the future only if all do."""
        return queries.find_newest_session(self._db)

    def find_session(self, prefix: str) -> SessionRow:
        """Return the visible session whose label or stream begins with `prefix`; `last` is the newest.

        Raises:
            UnknownSessionError: no session matches.
            AmbiguousPrefixError: several sessions match.
        """
        return queries.find_session(self._db, prefix)

    def sessions_of_commit(self, prefix: str) -> list[SessionRow]:
        """Return the visible sessions of the commit whose hash begins with `prefix`, the newest first.

        Raises:
            AmbiguousCommitError: the hashes of several commits begin so.
        """
        return queries.find_sessions_of_commit(self._db, prefix)

    def session_named(self, session_id: str) -> SessionRow | None:
        """Return the visible session that goes by exactly this name, or None."""
        return queries.find_session_by_name(self._db, session_id)

    def session_of(self, stream: str) -> SessionRow | None:
        """Return the session of a stream, also a hidden one, or None if the stream is no session."""
        return queries.find_session_by_stream(self._db, stream, self._visibility)

    def visible_sessions_of(self, streams: list[str]) -> list[SessionRow]:
        """Return the visible sessions of some streams, in the order of the streams."""
        return queries.list_visible_sessions(self._db, streams)

    def suts(self) -> list[tuple[str, int, int, int]]:
        """Return `(name, sessions, first start, last start)` of each system under test, times in microseconds."""
        return queries.list_suts(self._db)

    def sut_names(self) -> list[str]:
        """Return the sorted names of the systems under test, also of those whose sessions are all hidden."""
        return queries.list_sut_names(self._db)

    def findings(self) -> list[Finding]:
        """Return the lines of the log that are not events."""
        return queries.list_findings(self._db)

    def counts(self) -> dict[str, int]:
        """Return the number of sessions, nodes, findings and attempts in the model."""
        return queries.count_contents(self._db)

    def stored_verdicts(self) -> StoredVerdicts:
        """Return the stored verdicts of all sessions, by the rules that made them, without catching up."""
        return queries.read_stored_verdicts(self._db, self._connection.read_meta("rules"), self.names())

    def roster(self) -> Roster:
        """Return the streams, visibility events and tombstones of the log, for writers that add sessions to it."""
        return queries.read_roster(self._db)

    def part_of(self, stream: str) -> SessionPart | None:
        """Return the folded state of a stream, or None if the log has no such stream."""
        return queries.read_part(self._db, stream)

    def attempts(self, stream: str) -> list[Attempted]:
        """Return the attempts of a session in the order of its log."""
        return attempts.list_attempts(self._db, self._nodes, stream)

    def columns(self, stream: str) -> Rows:
        """Return the attempts of a session in columns, in the order of its log; node ids as their numbers."""
        return attempts.read_columns(self._db, stream)

    def columns_of(self, stream: str, nodeid: str) -> Rows:
        """Return columns with at least all attempts of one test of a session, in the order of its log."""
        del nodeid  # the columns of all tests are read at once
        return self.columns(stream)

    def sessions_with(self, nodeid: str, since_us: int | None = None) -> list[str]:
        """Return the streams that have an attempt of a test, also one that was started and never finished.

        Args:
            nodeid: the test.
            since_us: not used: streams are found by the test alone.
        """
        del since_us
        return attempts.find_streams_with(self._db, nodeid)

    def kept_of(self, row: SessionRow) -> None:
        """Return None: a command asks once, and nothing is kept for another question."""
        del row

    def nodeids(self, pattern: str = "") -> list[str]:
        """Return the sorted node ids of all tests that contain a text."""
        return sorted(name for name in self.names() if name and pattern in name)

    def names(self) -> list[str]:
        """Return all node ids by their numbers; "" for a number that is not used."""
        return self._nodes.all_names()

    def numbers(self) -> dict[str, int]:
        """Return the numbers of all node ids."""
        return self._nodes.all_numbers()

    def record_at(self, position: int) -> Record:
        """Return the event at a position.

        Raises:
            LookupError: no event starts at the position any more.
        """
        return self._lookup.read_record(position)

    def records_of(self, row: SessionRow, start: int = -1) -> Iterator[Record]:
        """Yield the events of a session in the order of its log, without reading what comes before and after them.

        Args:
            row: the session.
            start: position of the first event that is wanted; negative for all events. With it the caller should stop
                when it has seen enough, as the number of events that are left is not known.
        """
        return self._lookup.read_records(row, start)

    def lines_at(self, positions: list[int]) -> list[bytes]:
        """Return the lines at some positions; near positions are read together.

        Raises:
            LookupError: no event starts at one of the positions any more.
        """
        return self._lookup.read_lines(positions)

    def finished_at(self, positions: list[int]) -> list[TestFinished]:
        """Return the `test.finished` events at some positions.

        Raises:
            LookupError: no event starts at one of the positions any more.
        """
        return self._lookup.read_finished(positions)
