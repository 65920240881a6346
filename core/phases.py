"""Phases of a test: a slow set-up is the cost of a fixture, often of the first test that uses it, not of the test."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..projections.readmodel import ReadModel
    from .runs import Run


@dataclass(frozen=True)
class LongestRun:
    """The run of a test that took longest, by phase."""

    session: str
    setup_s: float
    call_s: float
    teardown_s: float


def longest_runs(model: "ReadModel", runs: "Sequence[Run]", nodeids: Iterable[str]) -> dict[str, LongestRun]:
    """Return the longest run of some tests, of those that have one in the log.

    Args:
        model: where their events are read.
        runs: sessions that are looked at.
        nodeids: the tests.
    """
    found = {nodeid: _longest(runs, nodeid) for nodeid in nodeids}
    known = [(nodeid, *place) for nodeid, place in found.items() if place is not None]
    events = model.finished_at([position for _, _, position in known])
    return {
        nodeid: LongestRun(session, *(event.phases.get(phase, 0) / 1e6 for phase in ("setup", "call", "teardown")))
        for (nodeid, session, _), event in zip(known, events, strict=True)
    }


def _longest(runs: "Sequence[Run]", nodeid: str) -> tuple[str, int] | None:
    """Return the session of the longest run of a test, and the position of its event; None without one in a log."""
    seen = [(run.tests[nodeid], run) for run in runs if nodeid in run.tests]
    recorded = [(test.duration_us, run.name, test.position) for test, run in seen if test.position >= 0]
    if not recorded:
        return None
    _, session, position = max(recorded)
    return session, position
