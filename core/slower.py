"""Tests that became slower with the newest sessions."""

from collections.abc import Sequence

from .comparison import DurationChange, compare_durations
from .runs import Run
from .series import series_of

RULES_VERSION = 1
"""Rises when another test would be named."""

NEWEST = 5
"""Sessions on the newer side."""
BEFORE = 15
"""Sessions before those, at most, on the older side."""


def slower_now(runs: Sequence[Run]) -> list[DurationChange]:
    """Return tests that are slower in the newest sessions than before: confirmed ones first, then the largest.

    In the series of the newest session, its last 5 sessions are compared with up to 15 before them, and the newest one
    alone with all of these; what only the latter shows is unconfirmed, as one run of a test confirms nothing.

    Args:
        runs: sessions of one branch in order of time.
    """
    if not runs:
        return []
    series = next(own for own in series_of(runs).values() if own[-1] is runs[-1])[-(NEWEST + BEFORE) :]
    newest = min(NEWEST, len(series) // 2)
    if not newest:
        return []
    slower, _ = compare_durations(series[:-newest], series[-newest:])
    known = {one.nodeid for one in slower}
    alone, _ = compare_durations(series[:-1], series[-1:])
    slower += [one for one in alone if one.nodeid not in known]
    return sorted(slower, key=lambda one: (not one.confirmed, one.before_s - one.after_s, one.nodeid))
