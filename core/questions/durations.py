"""Durations of tests: what each costs, and changes of its level."""

from collections import Counter
from dataclasses import dataclass

from ...projections.rules import BAD
from ..history.counting import runs_of_modules
from ..history.series import series_of
from ..history.verdicts.reading import many_objects
from ..history.verdicts.run import Run
from .evidence import Occurrence, occurrence
from .phases import LongestRun
from .stats import median, pettitt, quantile

CHANGE_P = 0.01


DURATION_MIN_S = 0.01


CHANGE_RATIO = 1.3


@dataclass(frozen=True)
class DurationShift:
    """A test whose duration changed its level."""

    nodeid: str
    before_s: float
    after_s: float
    p: float
    since: Occurrence
    considered: int


@dataclass(frozen=True)
class Slow:
    """Durations of a test: median, total and number of runs."""

    nodeid: str
    runs: int
    median_s: float
    p95_s: float
    total_s: float
    longest: LongestRun | None = None
    """Its longest run by phase; None if its events are not at hand."""


@dataclass(frozen=True)
class TestFigures:
    """A test in a list."""

    __test__ = False  # no test to pytest

    nodeid: str
    runs: int
    failed: int
    last: str
    """Verdict of its last run."""
    median_s: float


@many_objects()
def duration_shifts(runs: list[Run]) -> list[DurationShift]:
    """Changes of level in the durations of passing runs of a series: Pettitt's test, and a ratio of medians that show.

    Of a test that changed in several series the greatest change is told.
    """
    found: dict[str, DurationShift] = {}
    for series in series_of(runs).values():
        for one in _shifts_in(series):
            known = found.get(one.nodeid)
            if known is None or abs(one.after_s - one.before_s) > abs(known.after_s - known.before_s):
                found[one.nodeid] = one
    return sorted(found.values(), key=lambda one: (-abs(one.after_s - one.before_s), one.nodeid))


def _shifts_in(runs: list[Run]) -> list[DurationShift]:
    passing: dict[str, list[tuple[Run, int]]] = {}
    for run in runs:
        for nodeid, duration_us in run.passing_durations().items():
            passing.setdefault(nodeid, []).append((run, duration_us))
    found: list[DurationShift] = []
    for nodeid, seen in passing.items():
        values = [duration_us / 1e6 for _, duration_us in seen]
        change = pettitt(values) if max(values) >= DURATION_MIN_S else None
        if change is None or change.p > CHANGE_P:
            continue
        before, after = median(values[: change.place]), median(values[change.place :])
        greater, lesser = max(before, after), min(before, after)
        if lesser and greater / lesser >= CHANGE_RATIO and greater >= DURATION_MIN_S:
            run = seen[change.place][0]
            since = occurrence(run, run.tests[nodeid])
            found.append(DurationShift(nodeid, before, after, change.p, since, len(values)))
    return found


@many_objects()
def costs(runs: list[Run]) -> list[Slow]:
    """Durations of each test."""
    found: dict[str, list[float]] = {}
    for run in runs:
        for nodeid, duration_us in run.durations().items():
            found.setdefault(nodeid, []).append(duration_us / 1e6)
    return [
        Slow(nodeid, len(values), median(values), quantile(values, 0.95), sum(values))
        for nodeid, values in found.items()
    ]


def longest_and_most_expensive(found: list[Slow], limit: int) -> tuple[list[Slow], list[Slow]]:
    """Return the tests with the highest median duration, and those that took most time in all."""
    longest = sorted(found, key=lambda one: (-one.median_s, one.nodeid))[:limit]
    return longest, sorted(found, key=lambda one: (-one.total_s, one.nodeid))[:limit]


@many_objects()
def figures_of(runs: list[Run], containing: str = "") -> list[TestFigures]:
    """Runs, failures and median duration of each test, and module that was not collected, with a text in its id."""
    found: dict[str, list[int]] = {}
    last: dict[str, Run] = {}
    failed: Counter[str] = Counter()
    for run in runs:
        failed.update(run.failed_tests)
        for nodeid, duration_us in run.durations().items():
            found.setdefault(nodeid, []).append(duration_us)
            last[nodeid] = run
    figures = [
        TestFigures(nodeid, len(taken), failed[nodeid], last[nodeid].tests[nodeid].verdict, median(taken) / 1e6)
        for nodeid, taken in found.items()
        if containing in nodeid
    ]
    for module, seen in runs_of_modules(runs).items():
        if containing in module:
            bad = sum(test.verdict in BAD for _, test in seen)
            figures.append(TestFigures(module, len(seen), bad, seen[-1][1].verdict, 0.0))
    return sorted(figures, key=lambda one: (-one.failed / one.runs, one.nodeid))
