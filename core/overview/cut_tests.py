"""Tests that were cut, and how long they ran: from their start to the last thing that their session recorded.

That is a lower limit, and the only one that is certain: a process that is killed records nothing of it.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from ...eventlog.times import parse_time
from ...projections.rules import BAD
from ..questions.evidence import Occurrence, occurrence

if TYPE_CHECKING:
    from ...projections.session_row import SessionRow
    from ..history.history import History
    from ..history.verdicts.run import Run

RULES_VERSION = 1
"""Rises when another duration would be told."""

SESSIONS_MAX = 20
"""Sessions of one answer that are looked into, the newest."""
_LEAST_US = 1_000_000
"""Less than this tells nothing: what git says of the checkout is recorded in the background, soon after the start."""
_EVENTS_MAX = 5000
"""Events of a session that are read to find the start of a test: it is soon behind the last result of its worker."""


@dataclass(frozen=True)
class CutTest:
    """A test that was running when its session ended without its result."""

    nodeid: str
    run: Occurrence
    ran_s: float | None = None
    """How long it was running at least, by what its session recorded after its start; None if no time is certain."""


def cut_tests(runs: "Sequence[Run]") -> list[CutTest]:
    """Return the tests that were running when a session ended, and were not interrupted on purpose; newest first."""
    found = [
        CutTest(nodeid, occurrence(run, run.tests[nodeid]))
        for run in reversed(runs)
        if run.status != "complete"
        for nodeid in run.failed_tests
        if run.tests[nodeid].position < 0 and run.tests[nodeid].verdict in BAD
    ]
    return [one for one in found if one.run.stream]


def least_times(model: "History", row: "SessionRow") -> dict[str, float]:
    """Return for how many seconds, at least, the tests were running that have no result in a session.

    Later than the start of the last test are events of other xdist workers, the output of a test that a timeout ended,
    and the last event of an interrupted run.

    Args:
        model: where it is stored.
        row: the session.

    Returns:
        Seconds by node id; nothing of a test of which no time is certain.
    """
    running = {nodeid for nodeid, _, _ in row.part.open}
    starts: dict[str, str] = {}
    for record in islice(model.records_of(row, _behind_finished(model, row)), _EVENTS_MAX):
        nodeid = getattr(record.event(), "nodeid", "") if record.envelope.type == "test.started" else ""
        if nodeid in running:
            starts[nodeid] = record.envelope.at
            if len(starts) == len(running):
                break
    taken = {nodeid: row.finished_us - parse_time(at) for nodeid, at in starts.items()}
    return {nodeid: taken_us / 1e6 for nodeid, taken_us in taken.items() if taken_us >= _LEAST_US}


def _behind_finished(model: "History", row: "SessionRow") -> int:
    """Return a position behind which all running tests were started: that of the last result of one of their workers.

    Returns:
        The position; -1 if one of the workers has no result, so that the test may be its first.
    """
    rows = model.columns(row.stream)
    numbers = rows.workers or bytes(len(rows))
    wanted = {worker for _, _, worker in row.part.open}
    last = {number: place for place, number in enumerate(numbers)}
    places = [last.get(number) for number, worker in enumerate(row.part.workers) if worker in wanted]
    if len(places) < len(wanted) or None in places:
        return -1
    positions = array("q", rows.positions)
    return min((positions[place] for place in places if place is not None), default=-1)


def with_times(model: "History", cut: Sequence[CutTest], sessions: int = SESSIONS_MAX) -> list[CutTest]:
    """Return tests that were cut with how long they were running, at least.

    Args:
        model: where their sessions are stored.
        cut: the tests, the newest first.
        sessions: how many sessions are looked into.
    """
    streams = list(dict.fromkeys(one.run.stream for one in cut))[:sessions]
    rows = {stream: model.session_of(stream) for stream in streams}
    times = {stream: least_times(model, row) for stream, row in rows.items() if row is not None}
    return [replace(one, ran_s=times.get(one.run.stream, {}).get(one.nodeid)) for one in cut]
