"""The documented tables, which a read-only role may be granted: their columns and what they mean.

`sessions`, `results` and `tests` have the columns of `insight sql`, with the same values, and some more. A test holds
the database to this list, and the reference in the documentation is made from it.
"""

from typing import Final, NamedTuple

from ...core.history.table_columns import Column
from ...core.history.tables import TABLES


class DocumentedTable(NamedTuple):
    """A table of the schema `insight`."""

    meaning: str
    columns: tuple[Column, ...]


_TEAM = Column("team", "text", "name of the team")
_STARTED = Column("started_at", "timestamptz", "start of the session")
_TYPES: Final = {"TEXT": "text", "INTEGER": "bigint", "REAL": "float8"}


def _of_command_line(name: str, *more: Column, types: dict[str, str] | None = None) -> DocumentedTable:
    """Return a table that `insight sql` has, too, with more columns behind its own, or in place of them."""
    kinds = types or {}
    columns = [Column(one.name, kinds.get(one.name, _TYPES[one.type]), one.meaning) for one in TABLES[name].columns]
    known = {one.name: one for one in more}
    own = [known.pop(one.name, one) for one in columns]
    return DocumentedTable(TABLES[name].meaning, (_TEAM, *own, *known.values()))


def _count_column(name: str, meaning: str) -> Column:
    return Column(name, "integer", meaning)


DOCUMENTED: Final = {
    "sessions": _of_command_line("sessions", _STARTED),
    "results": _of_command_line("results", _STARTED, types={"attempt": "smallint", "crashed": "smallint"}),
    "tests": _of_command_line(
        "tests",
        _STARTED,
        Column("flaky", "boolean", "it passed only after another attempt"),
        Column("notable", "boolean", "it did not simply pass and was not skipped; there is an index of these"),
        types={"attempts": "smallint"},
    ),
    "test_days": DocumentedTable(
        "one row per test and day, with counts of `tests`",
        (
            _TEAM,
            Column("sut", "text", "system under test"),
            Column("nodeid", "text", "node id of the test"),
            Column("day", "date", "day of the start of the session, in UTC"),
            _count_column("runs", "sessions that have a verdict of it"),
            _count_column("passed", "of these with a good verdict: passed, xfailed, xpassed"),
            _count_column("failed", "with a bad one: failed, error, crashed"),
            _count_column("skipped", "skipped"),
            _count_column("flaky", "passed only after another attempt"),
            Column("duration_s", "float8", "duration of the last attempts together, in seconds"),
        ),
    ),
    "progress": DocumentedTable(
        "one row per team: how far these tables are",
        (
            _TEAM,
            Column("position", "bigint", "of the last stored segment that was looked at"),
            Column("updated_at", "timestamptz", "time of the last change"),
            Column("waiting", "bigint", "running sessions that are folded again within a minute"),
            Column(
                "problems", "bigint", "streams that could not be folded, and are missing; see the log of the server"
            ),
        ),
    ),
}
"""Documented tables by name."""
