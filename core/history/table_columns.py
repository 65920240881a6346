"""Columns of the tables for SQL: each is declared once, with its name, type, meaning and the value it shows.

A table is made of parts: columns of the session, of the attempt or the test, and of the event behind it. What several
tables show (session, system, commit, node id, attempt, outcome) is the same column in each.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from ...eventlog.events import TestFinished
from ...projections.parts import CRASHED_FLAG
from ...projections.readmodel import Attempted
from ...projections.rules import OUTCOMES
from ...projections.session_row import SessionRow
from .verdicts.columns import TestRun

Value = str | int | float | None
"""A value of a row."""

Item = TypeVar("Item")


class Column(NamedTuple):
    """A column of a table."""

    name: str
    type: str
    meaning: str


class ReadColumn(NamedTuple, Generic[Item]):
    """A column with the function that reads its value from a session, an attempt, a test or an event."""

    column: Column
    read: Callable[[Item], Value]


class NamedTest(NamedTuple):
    """A test with its verdict in one session."""

    nodeid: str
    run: TestRun


def read_values(columns: Iterable[ReadColumn[Item]], item: Item) -> tuple[Value, ...]:
    """Return the values of some columns."""
    return tuple([read(item) for _, read in columns])


def _text(name: str, meaning: str, read: Callable[[Item], Value]) -> ReadColumn[Item]:
    return ReadColumn(Column(name, "TEXT", meaning), read)


def _integer(name: str, meaning: str, read: Callable[[Item], Value]) -> ReadColumn[Item]:
    return ReadColumn(Column(name, "INTEGER", meaning), read)


def _real(name: str, meaning: str, read: Callable[[Item], Value]) -> ReadColumn[Item]:
    return ReadColumn(Column(name, "REAL", meaning), read)


# -------------------------------------------------------------- session

_NO_VERDICTS = ("flaky", "not_run")
"""Counts among the verdicts that are no verdicts of tests that ran."""


def _header(row: SessionRow) -> Mapping[str, Any]:
    return row.part.header or {}


def _checkout(row: SessionRow) -> Mapping[str, Any]:
    return _header(row).get("vcs") or {}


def _machine(row: SessionRow) -> Mapping[str, Any]:
    return _header(row).get("testing_system") or {}


def _started_at(row: SessionRow) -> str:
    start = datetime.fromtimestamp(row.started_us / 1_000_000, UTC)
    return start.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _commit(row: SessionRow) -> str:
    return _checkout(row).get("commit") or ""


def _branch(row: SessionRow) -> str:
    return _checkout(row).get("branch") or ""


def _dirty(row: SessionRow) -> int | None:
    dirty = _checkout(row).get("dirty")
    return None if dirty is None else int(dirty)


def _verdict_count(name: str, meaning: str = "") -> ReadColumn[SessionRow]:
    return _integer(name, meaning, lambda row: row.verdicts.get(name, 0))


SESSION_ID: ReadColumn[SessionRow] = _text("session_id", "name of the session", lambda row: row.session_id)
SUT: ReadColumn[SessionRow] = _text("sut", "system under test", lambda row: row.sut)
STARTED_AT: ReadColumn[SessionRow] = _text("started_at", "start of the session, ISO 8601 in UTC", _started_at)
COMMIT_ID: ReadColumn[SessionRow] = _text("commit_id", "hash of the commit", _commit)
BRANCH: ReadColumn[SessionRow] = _text("branch", "branch of the checkout", _branch)

SESSION: tuple[ReadColumn[SessionRow], ...] = (
    SESSION_ID,
    _text("stream", "its full identity", lambda row: row.stream),
    SUT,
    STARTED_AT,
    _real("duration_s", "duration in seconds", lambda row: row.duration_us / 1_000_000),
    _text("status", "state of the session", lambda row: row.status),
    _integer("exit_status", "exit status of pytest; null without a seal", lambda row: row.exit_status),
    COMMIT_ID,
    BRANCH,
    _integer("dirty", "1 if the work tree differed from the commit; null if that is unknown", _dirty),
    _text("python", "version of Python", lambda row: _header(row).get("python") or ""),
    _text("pytest", "version of pytest", lambda row: _header(row).get("pytest") or ""),
    _text("host", "machine that ran the tests", lambda row: _machine(row).get("host") or ""),
    _text("platform", "its platform: linux, darwin, win32", lambda row: _machine(row).get("platform") or ""),
    _text("test_run", "test run that the session is part of", lambda row: _header(row).get("test_run") or ""),
    _integer(
        "tests",
        "tests with a verdict",
        lambda row: sum(count for name, count in row.verdicts.items() if name not in _NO_VERDICTS),
    ),
    _verdict_count("passed", "tests by verdict"),
    *(_verdict_count(name) for name in ("failed", "error", "crashed", "skipped")),
    _verdict_count("flaky", "tests that passed only after another attempt"),
    _integer("missing", "announced tests without a verdict", lambda row: row.missing),
)
OF_SESSION: tuple[ReadColumn[SessionRow], ...] = (SESSION_ID, SUT)
"""Columns that tell in each row which session it is of."""

# -------------------------------------------------------------- attempt, test, event

_NODEID = Column("nodeid", "TEXT", "node id of the test")


class _OfTest(Protocol):
    """An attempt or a test."""

    @property
    def nodeid(self) -> str: ...


def _nodeid(item: _OfTest) -> str:
    return item.nodeid


OF_ATTEMPT: tuple[ReadColumn[Attempted], ...] = (
    ReadColumn(_NODEID, _nodeid),
    _integer("attempt", "number of the attempt, from 1", lambda item: item.attempt),
    _text("outcome", "outcome of the attempt", lambda item: OUTCOMES[item.outcome & ~CRASHED_FLAG]),
)
"""Columns that tell in each row which attempt it is of."""

ATTEMPT: tuple[ReadColumn[Attempted], ...] = (
    *OF_ATTEMPT,
    _integer("crashed", "1 if its process died", lambda item: int(bool(item.outcome & CRASHED_FLAG))),
    _real("duration_s", "duration of all phases in seconds", lambda item: item.duration_us / 1_000_000),
    _text("worker", "worker of pytest-xdist; empty without it", lambda item: item.worker),
)

TEST: tuple[ReadColumn[NamedTest], ...] = (
    ReadColumn(_NODEID, _nodeid),
    _text("verdict", "verdict of the test in the session", lambda item: item.run.verdict),
    _integer("attempts", "number of attempts that ended", lambda item: len(item.run.outcomes)),
    _real("duration_s", "duration of the last attempt in seconds", lambda item: item.run.duration_us / 1_000_000),
)


def _message(event: TestFinished) -> str:
    message = event.cause.message if event.cause else ""
    return message or event.reason or event.longreprtext.strip().rpartition("\n")[2]


FAILURE: tuple[ReadColumn[TestFinished], ...] = (
    _text("path", "file in which the exception was raised", lambda event: event.cause.path if event.cause else ""),
    _integer("lineno", "line in it", lambda event: event.cause.lineno if event.cause else None),
    _text("message", "message of the exception", _message),
    _text("longreprtext", "the whole text of the failure", lambda event: event.longreprtext),
)
