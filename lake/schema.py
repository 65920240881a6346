"""The tables of the lake and of Parquet files: each column once, with its name, type, unit and meaning.

Names and meanings are those of the tables of `insight sql`; the page about the lake is generated from this module.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..core.history.table_columns import SESSION, ReadColumn
from ..core.history.variants import variant_of, variant_text
from ..core.questions.outages import OUTAGE_SHARE, OUTAGE_TESTS
from ..projections.rules import BAD, GOOD
from ..projections.session_row import SessionRow

VERSION = 1
"""Rises when rows of the same sessions would have other values; months that were written before are written again."""

STRING, DOUBLE, INTEGER, BOOLEAN, TIME, STRINGS = "string", "double", "bigint", "boolean", "timestamp", "array<string>"
"""Types, as Delta, Spark, Trino and DuckDB call them; times are in UTC with microseconds."""


class LakeColumn(NamedTuple):
    """A column of a table."""

    name: str
    type: str
    meaning: str
    unit: str = ""


class LakeTable(NamedTuple):
    """A table: its columns in order, and the columns that order its rows within a month."""

    name: str
    meaning: str
    columns: tuple[LakeColumn, ...]
    sorted_by: tuple[str, ...]


SessionReader = Callable[[SessionRow], Any]

_TYPES = {"TEXT": STRING, "REAL": DOUBLE, "INTEGER": INTEGER}


def considered(row: SessionRow) -> int:
    """Return how many tests of a session passed or failed."""
    return sum(count for verdict, count in row.verdicts.items() if verdict in GOOD or verdict in BAD)


def bad(row: SessionRow) -> int:
    """Return how many tests of a session failed."""
    return sum(count for verdict, count in row.verdicts.items() if verdict in BAD)


def _is_outage(row: SessionRow) -> bool:
    return considered(row) >= OUTAGE_TESTS and bad(row) > OUTAGE_SHARE * considered(row)


def _dirty(row: SessionRow) -> bool | None:
    vcs: dict[str, Any] = (row.part.header or {}).get("vcs") or {}
    value = vcs.get("dirty")
    return None if value is None else bool(value)


_OTHERWISE: dict[str, tuple[LakeColumn, SessionReader]] = {
    "started_at": (LakeColumn("started_at", TIME, "start of the session", "UTC"), lambda row: row.started_us),
    "duration_s": (
        LakeColumn("duration_s", DOUBLE, "duration of the session", "seconds"),
        lambda row: row.duration_us / 1_000_000,
    ),
    "dirty": (
        LakeColumn("dirty", BOOLEAN, "whether the work tree differed from the commit; null if that is unknown"),
        _dirty,
    ),
}
"""Columns of sessions that have another type here than in SQLite."""

_MORE: tuple[tuple[LakeColumn, SessionReader], ...] = (
    (
        LakeColumn("variant", STRING, "what its tests ran under on purpose, as `os=Linux python=3.13`"),
        lambda row: variant_text(variant_of(row.part.header or {})),
    ),
    (LakeColumn("considered", INTEGER, "tests that passed or failed", "tests"), considered),
    (LakeColumn("bad", INTEGER, "tests that failed", "tests"), bad),
    (
        LakeColumn("outage", BOOLEAN, "whether more than 80 % of at least five tests of the session failed"),
        _is_outage,
    ),
    (
        LakeColumn("uncollected", INTEGER, "modules that could not be collected", "modules"),
        lambda row: len(dict.fromkeys(row.part.collect_failed)),
    ),
)


def _as_lake_column(read: ReadColumn[SessionRow]) -> tuple[LakeColumn, SessionReader]:
    column = read.column
    if column.name in _OTHERWISE:
        return _OTHERWISE[column.name]
    return LakeColumn(column.name, _TYPES[column.type], column.meaning), read.read


_MONTH = LakeColumn("month", STRING, "month in which the session started, in UTC, as `2026-10`")
_FINGERPRINT = LakeColumn("fingerprint", STRING, "digest of all that the month holds, the same in all its rows")

OF_SESSION: tuple[tuple[LakeColumn, SessionReader], ...] = (*map(_as_lake_column, SESSION), *_MORE)
"""Columns of a session, with the functions that read them."""

_SHARED = ("sut", "started_at", "session_id", "stream", "commit_id", "branch", "dirty", "variant", "outage")
SHARED: tuple[tuple[LakeColumn, SessionReader], ...] = tuple(
    column for name in _SHARED for column in OF_SESSION if column[0].name == name
)
"""Columns of its session in each row of a result."""

_NODEID = LakeColumn("nodeid", STRING, "node id of the test, or name of the module")
_WORKER = LakeColumn("worker", STRING, "worker of pytest-xdist; empty without it")
_MESSAGE = LakeColumn("message", STRING, "first line of what the failure says, null for what did not fail")
_CRASHED = LakeColumn("crashed", BOOLEAN, "whether its process died")

RESULT: tuple[LakeColumn, ...] = (
    LakeColumn("kind", STRING, "`test`, or `module` for one that could not be collected"),
    LakeColumn("verdict", STRING, "verdict of the test in the session"),
    LakeColumn("outcomes", STRINGS, "outcomes of its attempts that ended, in order"),
    LakeColumn("flaky", BOOLEAN, "whether it passed only after another attempt"),
    LakeColumn("duration_s", DOUBLE, "duration of the last attempt, all phases", "seconds"),
    _WORKER,
    _MESSAGE,
    LakeColumn("cluster", STRING, "message without times, ids, paths and numbers, for grouping; null for no failure"),
)
ATTEMPT: tuple[LakeColumn, ...] = (
    LakeColumn("attempt", INTEGER, "number of the attempt, from 1"),
    LakeColumn("outcome", STRING, "outcome of the attempt"),
    _CRASHED,
    LakeColumn("duration_s", DOUBLE, "duration of all phases", "seconds"),
    _WORKER,
    _MESSAGE,
)

RESULTS = LakeTable(
    "results",
    "one row per test and session: its verdict",
    (_MONTH, _NODEID, *(column for column, _ in SHARED), *RESULT, _FINGERPRINT),
    ("nodeid", "started_at"),
)
SESSIONS = LakeTable(
    "sessions",
    "one row per session",
    (
        _MONTH,
        *(column for column, _ in OF_SESSION),
        LakeColumn("digest", STRING, "digest of the session and its results"),
        _FINGERPRINT,
    ),
    ("started_at",),
)
LAKE = (RESULTS, SESSIONS)
"""The Delta tables."""

_DAY = LakeColumn("day", STRING, "day on which the session started, in UTC, as `2026-10-31`")


def _without(columns: tuple[LakeColumn, ...], *names: str) -> tuple[LakeColumn, ...]:
    return tuple(column for column in columns if column.name not in names)


def _in_files(table: LakeTable) -> tuple[LakeColumn, ...]:
    return _without(table.columns, "month", "fingerprint", "digest")


PARQUET = (
    LakeTable("sessions", SESSIONS.meaning, (_DAY, *_in_files(SESSIONS)), ("started_at",)),
    LakeTable("results", RESULTS.meaning, (_DAY, *_in_files(RESULTS)), ("nodeid", "started_at")),
    LakeTable(
        "attempts",
        "one row per attempt of a test",
        (_DAY, _NODEID, *(column for column, _ in SHARED), *ATTEMPT),
        ("started_at",),
    ),
)
"""The tables of Parquet files; `day` and `sut` are in the names of their folders."""
