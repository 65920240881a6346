"""Phases of a test: a slow set-up is the cost of a fixture, often of the first test that uses it, not of the test."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...eventlog.codec import EventDecodeError, session_events
from ...eventlog.events import TestFinished

if TYPE_CHECKING:
    from ..history.history import History
    from ..history.verdicts.run import Run


@dataclass(frozen=True)
class LongestRun:
    """The run of a test that took longest, by phase."""

    session: str
    setup_s: float
    call_s: float
    teardown_s: float


def longest_runs(model: "History", runs: "Sequence[Run]", nodeids: Iterable[str]) -> dict[str, LongestRun]:
    """Return the longest run of some tests, of those that have one in the log.

    Args:
        model: where their events are read.
        runs: sessions that are looked at.
        nodeids: the tests.
    """
    found = {nodeid: _longest(runs, nodeid) for nodeid in nodeids}
    known = [(nodeid, *place) for nodeid, place in found.items() if place is not None]
    lines = model.lines_at([position for _, _, position in known])
    longest = {nodeid: _of_event(session, line) for (nodeid, session, _), line in zip(known, lines, strict=True)}
    return {nodeid: run for nodeid, run in longest.items() if run is not None}


def _of_event(session: str, line: bytes) -> LongestRun | None:
    """Return the phases that an event has; None if its content cannot be, which `insight log verify` tells."""
    try:
        event = session_events.decode(line, "test.finished")
    except EventDecodeError:
        return None
    if not isinstance(event, TestFinished):
        return None
    return LongestRun(session, *(event.phases.get(phase, 0) / 1e6 for phase in ("setup", "call", "teardown")))


def _longest(runs: "Sequence[Run]", nodeid: str) -> tuple[str, int] | None:
    """Return the session of the longest run of a test, and the position of its event; None without one in a log."""
    seen = [(run.tests[nodeid], run) for run in runs if nodeid in run.tests]
    recorded = [(test.duration_us, run.name, test.position) for test, run in seen if test.position >= 0]
    if not recorded:
        return None
    _, session, position = max(recorded)
    return session, position
