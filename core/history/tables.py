"""Tables of a log for SQL: sessions, results, tests and failures as a private, in-memory SQLite database.

A query reads documented tables instead of the read model's own, which are packed columns and change with its schema
version. Only the tables that a query names are filled.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, NamedTuple

from ...projections.parts import CRASHED_FLAG
from ...projections.rules import BAD, OUTCOMES
from ...projections.session_row import SessionRow
from .history import History
from .table_columns import (
    ATTEMPT,
    BRANCH,
    COMMIT_ID,
    FAILURE,
    OF_ATTEMPT,
    OF_SESSION,
    SESSION,
    STARTED_AT,
    TEST,
    Column,
    NamedTest,
    ReadColumn,
    read_values,
)
from .verdicts.reading import many_objects, run_of_row

_READ_ONLY = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_UNSAFE_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})
_STEPS_BETWEEN_CHECKS = 100_000
_BAD_CODES = frozenset(code for code, outcome in enumerate(OUTCOMES) if outcome in BAD)

Row = tuple[Any, ...]


class Table(NamedTuple):
    """A table that a query can name."""

    name: str
    meaning: str
    of_session: tuple[ReadColumn[SessionRow], ...]
    """The first columns, which are the same in all rows of a session."""
    of_items: tuple[tuple[ReadColumn[Any], ...], ...]
    """The other columns, in groups: one group for each list of `items`."""
    items: Callable[[History, SessionRow], tuple[list[Any], ...]]
    """Returns what the rows of a session are about: lists of one length, for instance its attempts and their events."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns in order."""
        return tuple(column for group in (self.of_session, *self.of_items) for column, _ in group)

    def rows(self, model: History, sessions: Iterable[SessionRow]) -> Iterator[Row]:
        """Yield the rows of some sessions."""
        for session in sessions:
            first = read_values(self.of_session, session)
            lists = zip(self.of_items, self.items(model, session), strict=True)
            others = [map(column.read, items) for group, items in lists for column in group]
            yield from zip(*map(repeat, first), *others, strict=False)  # `repeat` does not end


class QueryError(ValueError):
    """A query that SQLite refuses: wrong syntax, an unknown name, or a statement that is not a SELECT."""


class Answer(NamedTuple):
    """Result of a query."""

    columns: list[str]
    rows: list[Row]


def _session(_: History, session: SessionRow) -> tuple[list[Any], ...]:
    return ([session],)


def _attempts(model: History, session: SessionRow) -> tuple[list[Any], ...]:
    return (model.attempts(session.stream),)


def _tests(model: History, session: SessionRow) -> tuple[list[Any], ...]:
    return ([NamedTest(nodeid, run) for nodeid, run in run_of_row(model, session).tests.items()],)


def _failures(model: History, session: SessionRow) -> tuple[list[Any], ...]:
    """Return the bad attempts, and their events."""
    bad = [
        attempt
        for attempt in model.attempts(session.stream)
        if attempt.outcome & CRASHED_FLAG or attempt.outcome & ~CRASHED_FLAG in _BAD_CODES
    ]
    return bad, model.finished_at([attempt.position for attempt in bad])


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table("sessions", "one row per session", (), (SESSION,), _session),
        Table("results", "one row per attempt of a test", OF_SESSION, (ATTEMPT,), _attempts),
        Table(
            "tests",
            "one row per test and session: its verdict",
            (*OF_SESSION, STARTED_AT, COMMIT_ID, BRANCH),
            (TEST,),
            _tests,
        ),
        Table("failures", "one row per bad attempt, with its text", OF_SESSION, (OF_ATTEMPT, FAILURE), _failures),
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
    """Return the tables that a query opens, by letting SQLite compile it without running it.

    The program of the query is read and not what SQLite asks an authorizer: that is not told of a table of which only
    the columns of `USING` or the number of rows are needed.
    """
    pages = dict(db.execute("SELECT rootpage, name FROM sqlite_master WHERE type = 'table'"))
    db.set_authorizer(_authorize)
    try:
        program = db.execute(f"EXPLAIN {query}").fetchall()
    finally:
        db.set_authorizer(None)
    opened = {pages.get(page) for _, operation, _, page, *_ in program if operation == "OpenRead"}
    return [name for name in TABLES if name in opened]


def _authorize(action: int, _: str | None, name: str | None, *__: str | None) -> int:
    if action not in _READ_ONLY or (action == sqlite3.SQLITE_FUNCTION and name in _UNSAFE_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _fill(db: sqlite3.Connection, table: Table, rows: Iterable[Row]) -> None:
    places = ", ".join("?" * len(table.columns))
    db.executemany(f"INSERT INTO {table.name} VALUES ({places})", rows)  # noqa: S608 - names from the table above
