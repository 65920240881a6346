"""Tests that became slower with the newest sessions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..history.series import series_of
from ..history.verdicts.run import Run
from .duration_changes import DURATION_MIN_S, DurationChange, compare_durations

if TYPE_CHECKING:
    from ..history.history import History

RULES_VERSION = 1
"""Rises when another test would be named."""

NEWEST = 5
"""Sessions on the newer side."""
BEFORE = 15
"""Sessions before those, at most, on the older side."""
_MIN_US = DURATION_MIN_S * 1e6


def slower_now(runs: Sequence[Run], model: "History | None" = None) -> list[DurationChange]:
    """Return tests that are slower in the newest sessions than before: confirmed ones first, then the largest.

    In the series of the newest session, its last 5 sessions are compared with up to 15 before them, and the newest one
    alone with all of these; what only the latter shows is unconfirmed, as one run of a test confirms nothing.

    Args:
        runs: sessions of one branch in order of time.
        model: where their events are, to tell set-up from the test; None not to tell.
    """
    if not runs:
        return []
    series = next(own for own in series_of(runs).values() if own[-1] is runs[-1])[-(NEWEST + BEFORE) :]
    newest = min(NEWEST, len(series) // 2)
    if not newest:
        return []
    each = [run.passing_durations() for run in series]
    long = {nodeid for durations in each for nodeid, duration in durations.items() if duration >= _MIN_US}
    slower, _ = compare_durations(_seconds(each[:-newest], long), _seconds(each[-newest:], long), quick=True)
    alone, _ = compare_durations(_seconds(each[:-1], long), _seconds(each[-1:], long), quick=True)
    known = {one.nodeid for one in slower}
    alone = [one for one in alone if one.nodeid not in known]
    if model is not None and (slower or alone):
        from .setups import with_phases  # noqa: PLC0415 - most of the time no test is slower

        slower = with_phases(model, series[:-newest], series[-newest:], slower)
        alone = with_phases(model, series[:-1], series[-1:], alone)
    return sorted([*slower, *alone], key=lambda one: (not one.confirmed, one.before_s - one.after_s, one.nodeid))


def _seconds(each: Sequence[Mapping[str, int]], wanted: set[str]) -> dict[str, list[float]]:
    """Return the durations of some tests in several sessions, in seconds."""
    found: dict[str, list[float]] = {}
    for durations in each:
        for nodeid in wanted & durations.keys():
            found.setdefault(nodeid, []).append(durations[nodeid] / 1e6)
    return found
