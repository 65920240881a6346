"""`DatabaseHistory`: the sessions of a team, read from the tables."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from ...eventlog.events import TestFinished
from ...eventlog.live.owner import RunState, session_state
from ...eventlog.reader import Record
from ...projections.parts import Rows
from ...projections.readmodel import Attempted
from ...projections.session_row import SessionRow
from .cache import HistoryCache
from .columns import SessionColumns
from .listing import ListedSessions, streams_of
from .names import TeamNames
from .texts import SegmentTexts


class DatabaseHistory:
    """The sessions of a team as they are in one transaction; implements `core.history.History`.

    Args:
        connection: in a transaction that sees one snapshot of the database.
        team: id of the team.
        cache: what the process has read before.
    """

    name = "the log of the team"

    def __init__(self, connection: Connection, team: int, cache: HistoryCache) -> None:
        self._connection = connection
        self._team = team
        self._listed = ListedSessions(connection, team, cache.sessions)
        self._columns = SessionColumns(connection, team, self._listed)
        self._names = TeamNames(connection, team, cache.names)
        self._texts = SegmentTexts(connection, team, self.name, self._listed)

    def catch_up(self) -> None:
        """Do nothing: the snapshot stays as it is."""

    def sessions(
        self, *, sut: str | None = None, since_us: int | None = None, limit: int | None = None, hidden: bool = False
    ) -> list[SessionRow]:
        """Return sessions, the newest first."""
        return self._listed.list_newest(sut=sut, since_us=since_us, limit=limit, hidden=hidden)

    def sessions_behind(
        self, stream: str, *, sut: str | None = None, since_us: int | None = None, limit: int | None = None
    ) -> list[SessionRow]:
        """Return the visible sessions that follow another one in the order of `sessions`; all of them without one.

        Args:
            stream: of that session, which may be hidden; or empty.
            sut, since_us, limit: as of `sessions`.

        Raises:
            UnknownSessionError: there is no such session.
        """
        return self._listed.list_newest(sut=sut, since_us=since_us, limit=limit, hidden=False, after=stream)

    def newest_session(self) -> SessionRow | None:
        """Return the visible session that started last; one that starts in the future only if all do."""
        return self._listed.find_newest()

    def session_of(self, stream: str) -> SessionRow | None:
        """Return the session of a stream, also if it is hidden."""
        return self._listed.find_stream(stream)

    def find_session(self, prefix: str) -> SessionRow:
        """Return the session whose id or stream begins with a text; `last` is the newest."""
        return self._listed.find_meant(prefix)

    def sessions_of_commit(self, prefix: str) -> list[SessionRow]:
        """Return the visible sessions of a commit, given by the beginning of its hash, the newest first."""
        return self._listed.list_of_commit(prefix)

    def sessions_with(self, nodeid: str, since_us: int | None = None) -> list[str]:
        """Return the streams of all sessions that have an attempt of a test, also one that was cut.

        Args:
            nodeid: the test.
            since_us: sessions that started before are left out, in microseconds since the epoch.
        """
        node = self._names.number_of(nodeid)
        numbers = [] if node is None else self._columns.sessions_with(node, since_us)
        streams = streams_of(self._connection, self._team, numbers) if numbers else {}
        return [streams[number].hex for number in numbers if number in streams]

    def visible_sessions_of(self, streams: list[str]) -> list[SessionRow]:
        """Return the sessions of some streams that are not hidden."""
        return self._listed.list_streams(streams)

    def state_of(self, row: SessionRow) -> RunState:
        """Return whether a session is finished, killed or unknown: its process is on another machine."""
        writer: dict[str, str] = (row.part.header or {}).get("writer") or {}
        return session_state(sealed=row.part.exit_status is not None, locked=None, writer=writer)

    def suts(self) -> list[tuple[str, int, int, int]]:
        """Return `(name, sessions, first start, last start)` of each system under test."""
        return self._listed.list_suts()

    def sut_names(self) -> list[str]:
        """Return the sorted names of the systems under test, also of those whose sessions are all hidden."""
        return self._listed.list_sut_names()

    def names(self) -> list[str]:
        """Return all node ids by their numbers."""
        return self._names.all_names()

    def numbers(self) -> dict[str, int]:
        """Return the numbers of all node ids."""
        return self._names.all_numbers()

    def kept_of(self, row: SessionRow) -> dict[str, Any] | None:
        """Return what the process keeps next to a session as long as it is unchanged."""
        kept = self._listed.read.get(row.stream)
        return kept.more if kept is not None and kept.row is row else None

    def nodeids(self, pattern: str = "") -> list[str]:
        """Return the node ids that contain a text, in alphabetical order."""
        return sorted(name for name in self.names() if name and pattern in name)

    def columns(self, stream: str) -> Rows:
        """Return the attempts of a session in columns."""
        return self._columns.read(stream)

    def columns_of(self, stream: str, nodeid: str) -> Rows:
        """Return the attempts of one test of a session in columns."""
        return self._columns.read_test(stream, self._names.number_of(nodeid))

    def attempts(self, stream: str) -> list[Attempted]:
        """Return the attempts of a session in the order of its log."""
        return self._columns.list_attempts(stream, self._names)

    def finished_at(self, positions: list[int]) -> list[TestFinished]:
        """Return the attempts whose events are at some positions."""
        return self._texts.read_finished(positions)

    def lines_at(self, positions: list[int]) -> list[bytes]:
        """Return the lines at some positions."""
        return self._texts.read_lines(positions)

    def record_at(self, position: int) -> Record:
        """Return the event at a position."""
        return self._texts.read_record(position)

    def records_of(self, row: SessionRow, start: int = -1) -> Iterator[Record]:
        """Yield the events of a session in the order of its log."""
        number = self._listed.number_of(row.stream)
        return iter(()) if number is None else self._texts.read_records(row.stream, number, start)
