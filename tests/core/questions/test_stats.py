"""Statistics against their definitions: permutations counted one by one, ranks, signs and equations."""

import math
from fractions import Fraction
from itertools import combinations, permutations

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.core.questions.stats import (
    Interval,
    false_discovery_rates,
    mann_whitney,
    pettitt,
    quantile,
    wilson,
)


@settings(max_examples=examples(40))
@given(st.lists(st.integers(0, 9), min_size=8, max_size=8, unique=True), st.integers(3, 5))
def test_mann_whitney_is_near_the_exact_permutation_test(values, size):
    """All divisions of eight values into two samples, counted one by one; the approximation is within 0.1 of that."""
    first, second = values[:size], values[size:]

    def distance(chosen):
        rest = [value for value in values if value not in chosen]
        return abs(sum(b > a for a in chosen for b in rest) - size * (8 - size) / 2)

    every = [distance(chosen) for chosen in combinations(values, size)]
    exact = Fraction(sum(one >= distance(first) for one in every), len(every))
    found = mann_whitney(first, second)
    assert found.p == pytest.approx(float(exact), abs=0.1)
    wins = sum(b > a for a in first for b in second) - sum(a > b for a in first for b in second)
    assert found.effect == pytest.approx(wins / (size * (8 - size)))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_mann_whitney_knows_no_direction_and_no_order(first, second):
    """Exchanged samples turn the effect and keep p; so do values in another order, and any growing scale."""
    found, turned = mann_whitney(first, second), mann_whitney(second, first)
    assert (turned.p, turned.effect) == (pytest.approx(found.p), pytest.approx(-found.effect))
    assert mann_whitney(sorted(first), [one**3 + 7 for one in second]) == mann_whitney(
        first, [o**3 + 7 for o in second]
    )
    assert 0 <= found.p <= 1
    assert mann_whitney(first, first).effect == pytest.approx(0)


@pytest.mark.parametrize(("first", "second"), [([], [1]), ([1], []), ([], [])])
def test_mann_whitney_refuses_an_empty_sample(first, second):
    """There is nothing to compare."""
    with pytest.raises(ValueError, match="both samples"):
        mann_whitney(first, second)


@given(st.lists(st.integers(1, 50).map(lambda n: n / 50), min_size=1, max_size=8), st.integers(0, 5))
def test_a_test_is_significant_by_rank_as_benjamini_and_hochberg_have_it(p_values, left_out):
    """Rejected at q is each p up to the largest with p(i) <= i q / m; also where greater p-values are left out."""
    total = len(p_values) + left_out
    ordered = sorted(p_values)
    adjusted = false_discovery_rates(p_values, total)
    for q in (0.01, 0.05, 0.2, 0.5):
        limit = max((p for rank, p in enumerate(ordered, 1) if p <= rank * q / total + 1e-12), default=-1)
        assert [one <= q + 1e-9 for one in adjusted] == [p <= limit for p in p_values]
    if not left_out:
        assert false_discovery_rates(p_values) == adjusted


@pytest.mark.parametrize("values", [*permutations([1, 2, 3, 4]), (1, 1, 1, 1), (1, 1, 2, 2), (1, 2, 3)])
def test_pettitt_by_counting_signs(values):
    """All orders of four values: the first place with the greatest difference of signs, and p by its formula."""
    sign = lambda a, b: (b > a) - (b < a)
    sums = [abs(sum(sign(a, b) for a in values[:t] for b in values[t:])) for t in range(1, len(values))]
    found = pettitt(values)
    if len(values) < 4 or not any(sums):
        assert found is None
        return
    p = 2 * math.exp(-6 * max(sums) ** 2 / (len(values) ** 3 + len(values) ** 2))
    assert (found.place, found.p) == (sums.index(max(sums)) + 1, pytest.approx(min(p, 1.0)))


def test_quantiles_lie_between_the_values_around_their_place():
    """0 and 1 are the ends; a quarter of five values is the second; of nothing there is none."""
    assert [quantile([5, 1, 3, 2, 4], share) for share in (0, 0.25, 0.5, 0.6, 1)] == [1, 2, 3, pytest.approx(3.4), 5]
    assert quantile([], 0.5) == 0.0


@given(st.integers(1, 40), st.integers(0, 40))
def test_the_interval_of_wilson_solves_its_equation(total, good):
    """Both limits L satisfy (share - L)^2 = z^2 L (1 - L) / n, and lie within 0 and 1 on both sides of the share."""
    good = min(good, total)
    found = wilson(good, total, z=2.0)
    assert -1e-12 <= found.low <= found.estimate + 1e-12
    assert found.estimate - 1e-12 <= found.high <= 1 + 1e-12
    for limit in (found.low, found.high):
        assert (found.estimate - limit) ** 2 == pytest.approx(4 * limit * (1 - limit) / total, abs=1e-9)


@settings(max_examples=examples(40))
@given(st.lists(st.integers(0, 3), min_size=2, max_size=4), st.lists(st.integers(0, 3), min_size=2, max_size=4))
def test_the_spread_is_that_of_all_permutations(first, second):
    """With ties or without: p is the normal tail, half a step nearer, with the variance of U over all divisions."""
    pooled, n, m = [*first, *second], len(first), len(second)

    def wins(taken) -> float:
        others = [pooled[at] for at in range(n + m) if at not in taken]
        return sum((b > pooled[at]) + (b == pooled[at]) / 2 for at in taken for b in others)

    counts = [wins(set(taken)) for taken in combinations(range(n + m), n)]
    variance = sum((count - n * m / 2) ** 2 for count in counts) / len(counts)
    if not variance:
        assert mann_whitney(first, second).p == 1.0
        return
    distance = max(abs(counts[0] - n * m / 2) - 0.5, 0.0)
    assert mann_whitney(first, second).p == pytest.approx(math.erfc(distance / math.sqrt(2 * variance)))


PAPER = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528),
    *(0.7590, 1.0000),
]
"""The fifteen p-values of the example in the paper of 1995."""


def test_the_example_of_the_paper_rejects_four_hypotheses():
    """At 0.05 the paper rejects the first four; Bonferroni would reject three."""
    rates = false_discovery_rates(PAPER)
    assert [rate <= 0.05 for rate in rates] == [True] * 4 + [False] * 11
    assert rates[3] == pytest.approx(0.0095 * 15 / 4)
    assert sum(p * 15 <= 0.05 for p in PAPER) == 3


@pytest.mark.parametrize(
    ("good", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_has_the_limits_of_published_tables(good, total, low, high):
    """Among them 81 of 263, the example of Newcombe's comparison of seven methods."""
    assert wilson(good, total) == pytest.approx(Interval(good / total, low, high), abs=5e-5)
