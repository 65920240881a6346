"""The interface between questions and a store of sessions; the rules know it and no SQL.

`projections.readmodel.ReadModel` implements it over SQLite, `collector.history` over PostgreSQL. A store of another
kind implements the same methods, and every question, command and report works on it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # annotations only: the interface is loaded by every question
    from ...eventlog.events import TestFinished
    from ...eventlog.live.owner import RunState
    from ...eventlog.reader import Record
    from ...projections.parts import Rows
    from ...projections.readmodel import Attempted
    from ...projections.session_row import SessionRow


class History(Protocol):
    """Sessions of a log or of many logs, with the verdicts, columns and texts of their tests."""

    @property
    def name(self) -> str:
        """Name of the log in errors."""
        ...

    def catch_up(self) -> object:
        """Take in what was added since the last time, unless this history is fixed at one point in time."""
        ...

    # -------------------------------------------------------------- sessions

    def sessions(
        self, *, sut: str | None = None, since_us: int | None = None, limit: int | None = None, hidden: bool = False
    ) -> "list[SessionRow]":
        """Return sessions, the newest first.

        Args:
            sut: only of this system under test.
            since_us: only those that started at this time or later, in microseconds since the epoch.
            limit: at most so many.
            hidden: also sessions that were cleared or superseded.
        """
        ...

    def newest_session(self) -> "SessionRow | None":
        """Return the visible session that started last; one that starts in the future only if all do."""
        ...

    def session_of(self, stream: str) -> "SessionRow | None":
        """Return the session of a stream, also if it is hidden; None if there is no such stream."""
        ...

    def find_session(self, prefix: str) -> "SessionRow":
        """Return the session whose id or stream begins with `prefix`; `last` is the newest.

        Raises:
            LookupError: no session begins so, or several do.
        """
        ...

    def sessions_of_commit(self, prefix: str) -> "list[SessionRow]":
        """Return the visible sessions of a commit, given by the beginning of its hash, the newest first.

        Raises:
            LookupError: more than one commit begins so.
        """
        ...

    def sessions_with(self, nodeid: str, since_us: int | None = None) -> list[str]:
        """Return the streams of all sessions that have an attempt of a test, also one that was cut.

        Args:
            nodeid: the test.
            since_us: sessions that started before may be left out, in microseconds since the epoch.
        """
        ...

    def kept_of(self, row: "SessionRow") -> "dict[str, Any] | None":
        """Return what the process keeps next to a session as long as it is unchanged; None if it keeps nothing.

        It is for rules, to keep what they have made of the session for the next question.
        """
        ...

    def visible_sessions_of(self, streams: list[str]) -> "list[SessionRow]":
        """Return the sessions of some streams that are not hidden."""
        ...

    def state_of(self, row: "SessionRow") -> "RunState":
        """Return whether a session is finished, running, killed or, where that cannot be told, unknown."""
        ...

    def suts(self) -> list[tuple[str, int, int, int]]:
        """Return `(name, sessions, first start, last start)` of each system under test, times in microseconds."""
        ...

    def sut_names(self) -> list[str]:
        """Return the sorted names of the systems under test, also of those whose sessions are all hidden."""
        ...

    # -------------------------------------------------------------- tests

    def names(self) -> list[str]:
        """Return all node ids by their numbers."""
        ...

    def numbers(self) -> dict[str, int]:
        """Return the numbers of all node ids."""
        ...

    def nodeids(self, pattern: str = "") -> list[str]:
        """Return the node ids that contain a text, in alphabetical order."""
        ...

    def columns(self, stream: str) -> "Rows":
        """Return the attempts of a session in columns, in order of its log; node ids as their numbers in `names`."""
        ...

    def columns_of(self, stream: str, nodeid: str) -> "Rows":
        """Return columns with at least all attempts of one test of a session, in the order of its log."""
        ...

    def attempts(self, stream: str) -> "list[Attempted]":
        """Return the attempts of a session in the order of its log."""
        ...

    # -------------------------------------------------------------- events

    def finished_at(self, positions: list[int]) -> "list[TestFinished]":
        """Return the attempts whose events are at some positions.

        Raises:
            LookupError: there is no such event at one of them any more.
        """
        ...

    def lines_at(self, positions: list[int]) -> list[bytes]:
        """Return the lines at some positions.

        Raises:
            LookupError: there is no event at one of them any more.
        """
        ...

    def record_at(self, position: int) -> "Record":
        """Return the event at a position.

        Raises:
            LookupError: there is no event there any more.
        """
        ...

    def records_of(self, row: "SessionRow", start: int = -1) -> "Iterator[Record]":
        """Yield the events of a session in the order of its log.

        Args:
            row: the session.
            start: position of the first event that is wanted; negative for all events.
        """
        ...
