"""The state of the log at this moment, apart from answers, and the sessions that run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ..core.history.series import branch_of
from ..core.overview.sentence import Progress, progress_of
from ..eventlog.sources import LogSource, live_files, pack_files
from ..eventlog.times import format_time
from ..projections.rules import RULES_VERSION
from .models import READ_ERRORS, reason_of

if TYPE_CHECKING:
    from ..core.history.history import History
    from ..projections.readmodel import ReadModel
    from ..projections.session_row import SessionRow

NEWEST = 50
"""Sessions among which those that run are looked for."""
TESTS_SHOWN = 100
_TITLES: Final = {"running": "Running now", "unknown": "Started, without a result so far"}


@dataclass(frozen=True)
class Working:
    """A worker of a session that runs, or the session itself without workers, and its tests."""

    worker: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class WatchedSession:
    """A session that runs, or that was killed while it was watched."""

    session_id: str
    stream: str
    sut: str
    state: str
    progress: Progress
    commit: str
    branch: str
    started_at: str
    counts: dict[str, int]
    workers: tuple[Working, ...]
    last_at: str = ""
    """When the last event of it was recorded."""

    @property
    def tests_title(self) -> str:
        """Title of the list of its tests that have no result."""
        return _TITLES.get(self.state, "Running when it ended")


@dataclass(frozen=True)
class LiveState:
    """The state of the log."""

    position: str = "0"
    """Bytes of the log, and a number that tells states of the same length apart."""
    problem: str = ""
    """Why the log cannot be read; empty if it can."""
    note: str = ""
    """The last thing that happened to the log other than growing."""
    sessions: tuple[WatchedSession, ...] = ()
    is_read: bool = False
    """It was read once."""

    @property
    def tag(self) -> str:
        """The entity tag of every page at this state."""
        return f'"{self.position}-{RULES_VERSION}"'

    def renewed(self) -> "LiveState":
        """Return the same state under another position: there are newer answers."""
        return replace(self, position=position_of(self.position.partition(".")[0]))


def position_of(size: object) -> str:
    """Return a position that no other state has.

    Args:
        size: what grows with the log.
    """
    return f"{size}.{time.time_ns() // 1_000_000}"


def read_state(model: "ReadModel", source: LogSource, before: LiveState) -> LiveState:
    """Return the state of the log now.

    Args:
        model: of the log.
        source: the log.
        before: the state when it was last read.
    """
    position = position_of(_size_of(source))
    try:
        result = model.catch_up()
        sessions = _watch_sessions(model, before.sessions)
    except READ_ERRORS as error:
        return replace(before, position=position, problem=reason_of(error))
    note = before.note
    if before.is_read and result.rebuilt:
        note = f"{format_time(time.time_ns() // 1000)[:19]} UTC: {result.rebuilt}; everything was read again"
    return LiveState(position, "", note, sessions, is_read=True)


def _size_of(source: LogSource) -> int:
    total = 0
    for path in (source.path, *pack_files(source), *live_files(source)):
        try:
            total += path.stat().st_size
        except OSError:
            continue  # removed meanwhile
    return total


def _watch_sessions(model: "ReadModel", before: Sequence[WatchedSession]) -> tuple[WatchedSession, ...]:
    """Return the sessions that run; while none does, those of the last ones that ended without their last event."""
    rows = [row for row in model.sessions(limit=NEWEST) if row.exit_status is None]
    running = [watched for row in rows if (watched := watched_session(model, row)).state == "running"]
    if running:
        return tuple(running)
    ended = [model.session_of(session.stream) for session in before]
    return tuple(watched_session(model, row) for row in ended if row is not None and row.exit_status is None)


def watched_session(model: "History", row: "SessionRow") -> WatchedSession:
    """Return a session with the tests that run in it, by worker."""
    progress = progress_of(row, model.state_of(row))
    tests: dict[str, list[str]] = {}
    for nodeid, _, worker in row.part.open[:TESTS_SHOWN]:
        tests.setdefault(worker, []).append(nodeid)
    return WatchedSession(
        session_id=row.session_id,
        stream=row.stream,
        sut=row.sut,
        state=progress.state,
        progress=progress,
        commit=row.commit,
        branch=branch_of(row),
        started_at=format_time(row.started_us),
        counts=row.counts,
        workers=tuple(Working(worker, tuple(found)) for worker, found in sorted(tests.items())),
        last_at=format_time(row.finished_us),
    )
