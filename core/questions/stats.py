"""Statistics of the analysis; pure, checked against SciPy in the tests."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


class Interval(NamedTuple):
    """An estimate with its limits."""

    estimate: float
    low: float
    high: float


class RankTest(NamedTuple):
    """Result of a two-sample test."""

    p: float
    effect: float
    """Cliff's delta, -1 to 1: how much more often a value of the second sample is the greater."""


class ChangePoint(NamedTuple):
    """The place at which a series most likely changes its level."""

    place: int
    """First value after the change."""
    p: float


def wilson(successes: int, total: int, z: float = Z_95) -> Interval:
    """Return a proportion with its Wilson score interval; 0 to 1 without data.

    Source: E. B. Wilson, Probable inference, JASA 22 (1927). Unlike the textbook interval it is sensible for few data
    and for proportions near 0 and 1.
    """
    if not total:
        return Interval(0.0, 0.0, 1.0)
    share = successes / total
    shrink = 1 + z * z / total
    middle = (share + z * z / (2 * total)) / shrink
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / shrink
    return Interval(share, max(middle - half, 0.0), min(middle + half, 1.0))


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> RankTest:
    """Compare two samples by ranks, two-sided: normal approximation with corrections for ties and continuity.

    Source: H. B. Mann, D. R. Whitney, Annals of Mathematical Statistics 18 (1947); effect size N. Cliff, Psychological
    Bulletin 114 (1993). No assumption on the distribution, and single outliers count for one rank.

    Raises:
        ValueError: a sample is empty.
    """
    n, m = len(first), len(second)
    if not n or not m:
        raise ValueError("both samples need values")
    total = n + m
    ranks, ties = _ranks([*first, *second])
    u = sum(ranks[n:]) - m * (m + 1) / 2  # how often a value of `second` is the greater; a tie is half
    effect = 2 * u / (n * m) - 1
    spread = n * m / 12 * ((total + 1) - sum(t**3 - t for t in ties) / (total * (total - 1)))
    if spread <= 0:
        return RankTest(1.0, effect)
    distance = abs(u - n * m / 2) - 0.5
    return RankTest(min(math.erfc(max(distance, 0.0) / math.sqrt(spread) / math.sqrt(2)), 1.0), effect)


def false_discovery_rates(p_values: Sequence[float], total: int | None = None) -> list[float]:
    """Return the p-values adjusted for having been asked together, in their order.

    Source: Y. Benjamini, Y. Hochberg, Journal of the Royal Statistical Society B 57 (1995). Of what is called
    significant at q, a share of q is expected to be chance; without this, one of twenty unchanged tests would be called
    slower.

    Args:
        p_values: of the tests.
        total: how many were asked, if some of them, with greater p-values, are left out.
    """
    count, asked = len(p_values), len(p_values) if total is None else total
    order = sorted(range(count), key=lambda index: p_values[index], reverse=True)
    adjusted = [1.0] * count
    lowest = 1.0
    for place, index in enumerate(order):
        lowest = min(lowest, p_values[index] * asked / (count - place))
        adjusted[index] = lowest
    return adjusted


def pettitt(values: Sequence[float]) -> ChangePoint | None:
    """Find the most likely single change of level in a series; None for fewer than four values.

    Source: A. N. Pettitt, A non-parametric approach to the change-point problem, Applied Statistics 28 (1979), with its
    approximation of p.
    """
    count = len(values)
    if count < 4:  # noqa: PLR2004 - two on each side
        return None
    ranks, _ = _ranks(values)
    running = 0.0
    best, index = 0.0, 0
    for place, rank in enumerate(ranks[:-1], 1):
        running += rank
        statistic = abs(2 * running - place * (count + 1))
        if statistic > best:
            best, index = statistic, place
    p = min(2 * math.exp(-6 * best**2 / (count**3 + count**2)), 1.0)
    return ChangePoint(index, p) if index else None


def median(values: Sequence[float]) -> float:
    """Return the median; 0.0 of nothing."""
    return quantile(values, 0.5)


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile, linear between the values (type 7, as NumPy's default); 0.0 of nothing."""
    if not values:
        return 0.0
    if len(values) == 1:
        return values[0]
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _ranks(values: Sequence[float]) -> tuple[list[float], list[int]]:
    """Ranks from 1, ties sharing their mean, and the sizes of the ties."""
    counts = Counter(values)
    rank_of: dict[float, float] = {}
    before = 0
    for value in sorted(counts):
        rank_of[value] = before + (counts[value] + 1) / 2
        before += counts[value]
    return [rank_of[value] for value in values], [count for count in counts.values() if count > 1]
