"""Test runs: sessions that belong together, as the shards of a CI run do."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..projections.apply import SessionRow
from ..projections.readmodel import ReadModel

_WORST_FIRST = ("interrupted", "incomplete", "complete")


@dataclass(frozen=True)
class TestRunTotal:
    """What the sessions of one test run come to."""

    __test__ = False

    sessions: int
    suts: tuple[str, ...]
    status: str
    """`interrupted` or `incomplete` if one of the sessions is, else `complete`."""
    started_us: int
    """When the first of them started, in microseconds since the epoch."""
    duration_us: int
    """From the first start to the last end, in microseconds."""
    counts: dict[str, int]
    """Sum of the counts in the sessions' last lines."""


def run_id_of(row: SessionRow) -> str:
    """Return the test run that a session belongs to; empty if it is on its own."""
    return str((row.part.header or {}).get("test_run", ""))


def sessions_of_run(model: ReadModel, test_run: str, *, sut: str | None = None) -> list[SessionRow]:
    """Return all sessions of a test run, the newest first.

    Args:
        model: where they are.
        test_run: its whole id.
        sut: only of this system under test.
    """
    return [row for row in model.sessions(sut=sut) if run_id_of(row) == test_run]


def total_of(rows: Sequence[SessionRow]) -> TestRunTotal:
    """Return what sessions come to; there is at least one."""
    started_us = min(row.started_us for row in rows)
    statuses = {row.status for row in rows}
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(row.counts)
    return TestRunTotal(
        sessions=len(rows),
        suts=tuple(sorted({row.sut for row in rows})),
        status=next(status for status in _WORST_FIRST if status in statuses),
        started_us=started_us,
        duration_us=max(row.started_us + row.duration_us for row in rows) - started_us,
        counts=dict(counts),
    )
