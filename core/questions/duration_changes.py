"""Changes of the durations of tests between two sets of runs, by a test on their distributions."""

from dataclasses import dataclass, replace

from .phases import SlowPhases
from .stats import false_discovery_rates, mann_whitney, median

DURATION_RATIO = 1.2


DURATION_MIN_S = 0.01
"""Changes of tests that take less than this on both sides are noise to a person."""


SAMPLES_MIN = 4
"""Passing runs on each side from which on a test of the distributions can be significant at all."""


SIGNIFICANT = 0.05


UNCONFIRMED_RATIO = 1.5


UNCONFIRMED_S = 0.05
"""A change of at least so much is told even where it may be chance."""


@dataclass(frozen=True)
class DurationChange:
    """A test that became slower or faster."""

    nodeid: str
    before_s: float
    """Median of its passing runs."""
    after_s: float
    ratio: float
    q: float | None
    """Probability that this is chance, adjusted for the number of tests compared; None with too few runs to test."""
    effect: float
    """Cliff's delta: 1 if every run after was slower than every run before."""
    samples: tuple[int, int]
    confirmed: bool = True
    """Whether it is significant; a change of 1.5 times and 50 ms is listed also if it is not."""
    phases: SlowPhases | None = None
    """The phase of a slower test that takes the time; None if its events are not at hand."""


def compare_durations(
    before: dict[str, list[float]], after: dict[str, list[float]], *, quick: bool = False
) -> tuple[list[DurationChange], list[DurationChange]]:
    """Return the tests that became slower, and faster, the greatest difference first.

    Tests that are too short on both sides are out before anything is corrected for the number of tests.

    Args:
        before, after: seconds of passing runs by node id.
        quick: compare distributions only of tests whose medians differ enough to be listed. The correction counts all
            tests, so `quick` may leave a change unconfirmed; it never confirms one that would not be without it.
    """
    both = before.keys() & after.keys()
    long = [nodeid for nodeid in both if max(before[nodeid]) >= DURATION_MIN_S or max(after[nodeid]) >= DURATION_MIN_S]
    medians = {nodeid: (median(before[nodeid]), median(after[nodeid])) for nodeid in long}
    seen = [nodeid for nodeid in sorted(long) if max(medians[nodeid]) >= DURATION_MIN_S]
    looked_at = [nodeid for nodeid in seen if not quick or _differs(*medians[nodeid])]
    told_apart = [
        nodeid
        for nodeid in looked_at
        if min(len(before[nodeid]), len(after[nodeid])) >= SAMPLES_MIN or _is_large(*medians[nodeid])
    ]  # others are neither tested nor told
    visible = [_compare_test(nodeid, before[nodeid], after[nodeid]) for nodeid in told_apart]
    tested = [(change, p) for change, p in visible if p is not None]
    rates = false_discovery_rates([p for _, p in tested], len(tested) + len(seen) - len(looked_at))
    changes = [_with_rate(change, q) for (change, _), q in zip(tested, rates, strict=True)]
    changes += [_with_rate(change, None) for change, p in visible if p is None]
    told = [c for c in changes if _is_told(c)]
    slower = [c for c in told if c.after_s > c.before_s]
    faster = [c for c in told if c.after_s < c.before_s]
    return sorted(slower, key=_by_size), sorted(faster, key=_by_size)


def _differs(before: float, after: float, size: float = DURATION_MIN_S, ratio: float = DURATION_RATIO) -> bool:
    """Return whether two medians differ by as much as a change that is told, whichever is the larger one."""
    low, high = sorted((before, after))
    return high - low >= size and high >= ratio * low


def _by_size(change: DurationChange) -> tuple[bool, float, str]:
    """Sort confirmed changes first, and of each kind the largest first."""
    return not change.confirmed, -abs(change.after_s - change.before_s), change.nodeid


def _is_told(change: DurationChange) -> bool:
    """Return whether a change is listed: large and significant, or so large that silence would mislead."""
    if change.confirmed:
        return _differs(change.before_s, change.after_s)
    return _is_large(change.before_s, change.after_s)


def _is_large(before: float, after: float) -> bool:
    """Return whether two medians differ by so much that it is told even where it may be chance."""
    return _differs(before, after, UNCONFIRMED_S, UNCONFIRMED_RATIO)


def _compare_test(nodeid: str, before: list[float], after: list[float]) -> tuple[DurationChange, float | None]:
    old, new = median(before), median(after)
    test = mann_whitney(before, after)
    p = test.p if min(len(before), len(after)) >= SAMPLES_MIN else None
    ratio = new / old if old else float("inf") if new else 1.0
    return DurationChange(nodeid, old, new, ratio, None, test.effect, (len(before), len(after))), p


def _with_rate(change: DurationChange, q: float | None) -> DurationChange:
    return replace(change, q=q, confirmed=q is not None and q <= SIGNIFICANT)
