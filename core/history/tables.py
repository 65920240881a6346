"""Tables of a log for SQL: sessions, results, tests and failures as a private, in-memory SQLite database.

A query reads documented tables instead of the read model's own, which are packed columns and change with its schema
version. Only the tables that a query names are filled.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ...projections.apply import SessionRow
from ...projections.fold import CRASHED_FLAG
from ...projections.rules import BAD, OUTCOMES
from .history import History
from .verdicts.reading import many_objects, run_of_row

_READ_ONLY = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_UNSAFE_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})
_STEPS_BETWEEN_CHECKS = 100_000
_BAD_CODES = frozenset(code for code, outcome in enumerate(OUTCOMES) if outcome in BAD)

Row = tuple[Any, ...]


class Column(NamedTuple):
    """A column of a table."""

    name: str
    type: str
    meaning: str


class Table(NamedTuple):
    """A table that a query can name."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    rows: Callable[[History, list[SessionRow]], Iterator[Row]]


class QueryError(ValueError):
    """A query that SQLite refuses: wrong syntax, an unknown name, or a statement that is not a SELECT."""


class Answer(NamedTuple):
    """Result of a query."""

    columns: list[str]
    rows: list[Row]


def _utc(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1_000_000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _session_rows(_: History, sessions: list[SessionRow]) -> Iterator[Row]:
    for row in sessions:
        header = row.part.header or {}
        vcs, system = header.get("vcs") or {}, header.get("testing_system") or {}
        dirty = vcs.get("dirty")
        yield (
            row.session_id,
            row.stream,
            row.sut,
            _utc(row.started_us),
            row.duration_us / 1_000_000,
            row.status,
            row.exit_status,
            vcs.get("commit") or "",
            vcs.get("branch") or "",
            None if dirty is None else int(dirty),
            header.get("python") or "",
            header.get("pytest") or "",
            system.get("host") or "",
            system.get("platform") or "",
            header.get("test_run") or "",
            sum(count for name, count in row.verdicts.items() if name not in ("flaky", "not_run")),
            *(row.verdicts.get(name, 0) for name in ("passed", "failed", "error", "crashed", "skipped", "flaky")),
            row.missing,
        )


def _result_rows(model: History, sessions: list[SessionRow]) -> Iterator[Row]:
    for row in sessions:
        for item in model.attempts(row.stream):
            outcome, crashed = OUTCOMES[item.outcome & ~CRASHED_FLAG], bool(item.outcome & CRASHED_FLAG)
            seconds = item.duration_us / 1_000_000
            yield row.session_id, row.sut, item.nodeid, item.attempt, outcome, int(crashed), seconds, item.worker


def _test_rows(model: History, sessions: list[SessionRow]) -> Iterator[Row]:
    for row in sessions:
        run = run_of_row(model, row)
        started = _utc(row.started_us)
        for nodeid, test in run.tests.items():
            attempts, seconds = len(test.outcomes), test.duration_us / 1_000_000
            yield (row.session_id, row.sut, started, run.commit, run.branch, nodeid, test.verdict, attempts, seconds)


def _failure_rows(model: History, sessions: list[SessionRow]) -> Iterator[Row]:
    for row in sessions:
        bad = [
            item
            for item in model.attempts(row.stream)
            if item.outcome & CRASHED_FLAG or item.outcome & ~CRASHED_FLAG in _BAD_CODES
        ]
        for event in model.finished_at([item.position for item in bad]):
            cause = event.cause
            path, lineno, message = (cause.path, cause.lineno, cause.message) if cause else ("", None, "")
            yield (
                row.session_id,
                row.sut,
                event.nodeid,
                event.attempt,
                event.outcome,
                path,
                lineno,
                message or event.reason or event.longreprtext.strip().rpartition("\n")[2],
                event.longreprtext,
            )


def _columns(*columns: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(*column) for column in columns)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "sessions",
            "one row per session",
            _columns(
                ("session_id", "TEXT", "name of the session"),
                ("stream", "TEXT", "its full identity"),
                ("sut", "TEXT", "system under test"),
                ("started_at", "TEXT", "start, ISO 8601 in UTC"),
                ("duration_s", "REAL", "duration in seconds"),
                ("status", "TEXT", "state of the session"),
                ("exit_status", "INTEGER", "exit status of pytest; null without a seal"),
                ("commit_id", "TEXT", "hash of the commit"),
                ("branch", "TEXT", "branch of the checkout"),
                ("dirty", "INTEGER", "1 if the work tree differed from the commit; null if that is unknown"),
                ("python", "TEXT", "version of Python"),
                ("pytest", "TEXT", "version of pytest"),
                ("host", "TEXT", "machine that ran the tests"),
                ("platform", "TEXT", "its platform: linux, darwin, win32"),
                ("test_run", "TEXT", "test run that the session is part of"),
                ("tests", "INTEGER", "tests with a verdict"),
                ("passed", "INTEGER", "tests by verdict"),
                ("failed", "INTEGER", ""),
                ("error", "INTEGER", ""),
                ("crashed", "INTEGER", ""),
                ("skipped", "INTEGER", ""),
                ("flaky", "INTEGER", "tests that passed only after another attempt"),
                ("missing", "INTEGER", "announced tests without a verdict"),
            ),
            _session_rows,
        ),
        Table(
            "results",
            "one row per attempt of a test",
            _columns(
                ("session_id", "TEXT", "name of the session"),
                ("sut", "TEXT", "system under test"),
                ("nodeid", "TEXT", "node id of the test"),
                ("attempt", "INTEGER", "number of the attempt, from 1"),
                ("outcome", "TEXT", "outcome of the attempt"),
                ("crashed", "INTEGER", "1 if its process died"),
                ("duration_s", "REAL", "duration of all phases in seconds"),
                ("worker", "TEXT", "worker of pytest-xdist; empty without it"),
            ),
            _result_rows,
        ),
        Table(
            "tests",
            "one row per test and session: its verdict",
            _columns(
                ("session_id", "TEXT", "name of the session"),
                ("sut", "TEXT", "system under test"),
                ("started_at", "TEXT", "start of the session, ISO 8601 in UTC"),
                ("commit_id", "TEXT", "hash of the commit"),
                ("branch", "TEXT", "branch of the checkout"),
                ("nodeid", "TEXT", "node id of the test"),
                ("verdict", "TEXT", "verdict of the test in the session"),
                ("attempts", "INTEGER", "number of attempts that ended"),
                ("duration_s", "REAL", "duration of the last attempt in seconds"),
            ),
            _test_rows,
        ),
        Table(
            "failures",
            "one row per bad attempt, with its text",
            _columns(
                ("session_id", "TEXT", "name of the session"),
                ("sut", "TEXT", "system under test"),
                ("nodeid", "TEXT", "node id of the test"),
                ("attempt", "INTEGER", "number of the attempt, from 1"),
                ("outcome", "TEXT", "outcome of the attempt"),
                ("path", "TEXT", "file in which the exception was raised"),
                ("lineno", "INTEGER", "line in it"),
                ("message", "TEXT", "message of the exception"),
                ("longreprtext", "TEXT", "the whole text of the failure"),
            ),
            _failure_rows,
        ),
    )
}
"""Tables by name; the reference in the documentation is generated from this."""


def run_query(model: History, sessions: list[SessionRow], query: str) -> Answer:
    """Return the rows of a SELECT over the tables of some sessions.

    Args:
        model: read model of the log.
        sessions: sessions that the tables show.
        query: one SELECT statement of SQLite's dialect.

    Raises:
        QueryError: SQLite refuses the query, or it is no SELECT.
    """
    db = sqlite3.connect(":memory:")
    try:
        for table in TABLES.values():
            columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
            db.execute(f"CREATE TABLE {table.name} ({columns})")
        with many_objects():
            for name in _tables_named(db, query):
                _fill(db, TABLES[name], TABLES[name].rows(model, sessions))
        db.execute("PRAGMA query_only = ON")
        db.set_authorizer(_authorize)
        db.set_progress_handler(lambda: 0, _STEPS_BETWEEN_CHECKS)  # lets Ctrl-C through during a long query
        cursor = db.execute(query)
        return Answer([column[0] for column in cursor.description or ()], cursor.fetchall())
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise QueryError(f"query: {error}; `insight sql` without a query lists tables and columns") from error
    finally:
        db.close()


def _tables_named(db: sqlite3.Connection, query: str) -> list[str]:
    """Return the tables that a query reads, by letting SQLite compile it without running it."""
    named: set[str] = set()

    def note(action: int, first: str | None, second: str | None, *rest: str | None) -> int:
        if action == sqlite3.SQLITE_READ and first in TABLES:
            named.add(first)
        return _authorize(action, first, second, *rest)

    db.set_authorizer(note)
    try:
        db.execute(f"EXPLAIN {query}").fetchall()
    finally:
        db.set_authorizer(None)
    return [name for name in TABLES if name in named]


def _authorize(action: int, _: str | None, name: str | None, *__: str | None) -> int:
    if action not in _READ_ONLY or (action == sqlite3.SQLITE_FUNCTION and name in _UNSAFE_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _fill(db: sqlite3.Connection, table: Table, rows: Iterable[Row]) -> None:
    places = ", ".join("?" * len(table.columns))
    db.executemany(f"INSERT INTO {table.name} VALUES ({places})", rows)  # noqa: S608 - names from the table above
