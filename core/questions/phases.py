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
class RunPhases:
    """One run of a test by phase."""

    session: str
    setup_s: float
    call_s: float
    teardown_s: float


@dataclass(frozen=True)
class LongestRun(RunPhases):
    """The run of a test that took longest, by phase."""


@dataclass(frozen=True)
class SlowPhases:
    """A typical run of a test by phase, before and after it became slower."""

    before: RunPhases | None
    """None if its event is not at hand."""
    after: RunPhases
    in_setup: bool
    """Most of the difference is set-up, which is the cost of fixtures and not of the test."""
    first_user: bool
    """The tests behind it have a short set-up: it seems to be the first that uses a fixture that they share."""


def longest_runs(model: "History", runs: "Sequence[Run]", nodeids: Iterable[str]) -> dict[str, LongestRun]:
    """Return the longest run of some tests, of those that have one in the log.

    Args:
        model: where their events are read.
        runs: sessions that are looked at.
        nodeids: the tests.
    """
    found = {nodeid: _longest(runs, nodeid) for nodeid in nodeids}
    known = {nodeid: place for nodeid, place in found.items() if place is not None}
    phases = dict(zip(known, phases_at(model, list(known.values())), strict=True))
    return {
        nodeid: LongestRun(run.session, run.setup_s, run.call_s, run.teardown_s)
        for nodeid, run in phases.items()
        if run is not None
    }


def phases_at(model: "History", places: "Sequence[tuple[str, int]]") -> list[RunPhases | None]:
    """Return some runs by phase; None for one whose event cannot be read, which `insight log verify` tells.

    Args:
        model: where their events are read.
        places: names of their sessions, and positions of their events.
    """
    lines = model.lines_at([position for _, position in places])
    return [_of_event(session, line) for (session, _), line in zip(places, lines, strict=True)]


def _of_event(session: str, line: bytes) -> RunPhases | None:
    try:
        event = session_events.decode(line, "test.finished")
    except EventDecodeError:
        return None
    if not isinstance(event, TestFinished):
        return None
    return RunPhases(session, *(event.phases.get(phase, 0) / 1e6 for phase in ("setup", "call", "teardown")))


def _longest(runs: "Sequence[Run]", nodeid: str) -> tuple[str, int] | None:
    """Return the session of the longest run of a test, and the position of its event; None without one in a log."""
    seen = [(run.tests[nodeid], run) for run in runs if nodeid in run.tests]
    recorded = [(test.duration_us, run.name, test.position) for test, run in seen if test.position >= 0]
    if not recorded:
        return None
    _, session, position = max(recorded)
    return session, position
