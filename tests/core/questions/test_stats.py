"""Statistics: examples of textbooks, all permutations of small samples, and laws that hold for any numbers."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.questions.stats import (
    Interval,
    false_discovery_rates,
    mann_whitney,
    median,
    pettitt,
    quantile,
    wilson,
)
from small_runs import few

samples = st.lists(st.integers(0, 9), min_size=1, max_size=12)
probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=20)


# ------------------------------------------------------------------ Mann and Whitney


def exact_p(first, second) -> float:
    """Two-sided p by all ways to divide the pooled values: how many differ from the middle at least as much."""
    pooled = [*first, *second]
    middle = len(first) * len(second) / 2

    def distance(taken) -> float:
        theirs = [pooled[at] for at in range(len(pooled)) if at not in taken]
        ours = [pooled[at] for at in taken]
        wins = sum((b > a) + (b == a) / 2 for a in ours for b in theirs)
        return abs(wins - middle)

    observed = distance(range(len(first)))
    splits = list(combinations(range(len(pooled)), len(first)))
    return sum(distance(set(taken)) >= observed - 1e-9 for taken in splits) / len(splits)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]),
        ([1, 3, 5, 7, 9], [2, 4, 6, 8, 10]),
        ([1, 2, 3, 4, 9], [5, 6, 7, 8, 10]),
        ([10, 20, 20, 20, 30], [20, 30, 30, 40, 50]),
        ([1, 1, 2, 2], [2, 3, 3, 4, 5, 5]),
        ([7], [1, 2, 3, 4, 5, 6]),
    ],
)
def test_the_approximation_is_near_the_exact_probability_of_all_permutations(first, second):
    """The normal approximation is within 0.05 of the count of all divisions, with a single value within 0.1."""
    assert mann_whitney(first, second).p == pytest.approx(exact_p(first, second), abs=0.05 if len(first) > 1 else 0.1)


@few
@given(samples, samples)
def test_the_effect_is_the_share_of_pairs_won_less_that_of_pairs_lost(first, second):
    """Cliff's delta by its definition, over all pairs."""
    signs = [(b > a) - (b < a) for a in first for b in second]
    assert mann_whitney(first, second).effect == pytest.approx(sum(signs) / len(signs))


@few
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


@few
@given(samples, samples)
def test_turning_the_sides_turns_the_effect_and_nothing_else(first, second):
    """The two samples have the same p in either order, and the opposite effect."""
    one, other = mann_whitney(first, second), mann_whitney(second, first)
    assert one.p == pytest.approx(other.p)
    assert one.effect == pytest.approx(-other.effect)
    assert 0 <= one.p <= 1


@few
@given(samples, samples, st.integers(1, 50), st.integers(-50, 50))
def test_only_the_order_of_the_values_counts(first, second, factor, shift):
    """Other units and another zero, or cubes of all values, change neither p nor effect."""
    plain = mann_whitney(first, second)
    assert mann_whitney([factor * a + shift for a in first], [factor * b + shift for b in second]) == plain
    assert mann_whitney([a**3 for a in first], [b**3 for b in second]) == plain


@few
@given(samples)
def test_a_sample_does_not_differ_from_itself(values):
    """p is 1 and the effect 0, whatever the ties."""
    assert mann_whitney(values, values) == pytest.approx((1.0, 0.0))


@few
@given(samples)
def test_the_effect_is_whole_where_every_value_is_greater(values):
    """Cliff's delta is 1 if each value of the second sample is above all of the first."""
    assert mann_whitney(values, [value + 100 for value in values]).effect == 1.0


@pytest.mark.parametrize(("first", "second"), [([], [1.0]), ([1.0], []), ([], [])])
def test_an_empty_sample_is_an_error(first, second):
    """Nothing can be said about nothing."""
    with pytest.raises(ValueError, match="both samples need values"):
        mann_whitney(first, second)


# ------------------------------------------------------------------ Benjamini and Hochberg

PAPER = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528),
    *(0.7590, 1.0000),
]
"""The fifteen p-values of the example in the paper of 1995."""


def is_rejected_by_steps(p_values, q) -> list[bool]:
    """The procedure as the paper words it: the largest k with p(k) <= q k/m, and all up to it."""
    order = sorted(p_values)
    last = max((p for k, p in enumerate(order, 1) if p <= q * k / len(order) + 1e-15), default=-1.0)
    return [p <= last for p in p_values]


def test_the_example_of_the_paper_rejects_four_hypotheses():
    """At 0.05 the paper rejects the first four; Bonferroni would reject three."""
    rates = false_discovery_rates(PAPER)
    assert [rate <= 0.05 for rate in rates] == [True] * 4 + [False] * 11
    assert rates[3] == pytest.approx(0.0095 * 15 / 4)
    assert sum(p * 15 <= 0.05 for p in PAPER) == 3


@few
@given(probabilities, st.floats(0.001, 0.5))
def test_rates_reject_what_the_stepwise_procedure_rejects(p_values, q):
    """For any p-values and any level, away from the rounding at the level itself."""
    rates = false_discovery_rates(p_values)
    for rate, rejected in zip(rates, is_rejected_by_steps(p_values, q), strict=True):
        if not math.isclose(rate, q, rel_tol=1e-9):
            assert (rate <= q) == rejected


@few
@given(probabilities)
def test_rates_are_in_the_order_of_the_p_values_and_never_smaller(p_values):
    """A greater p-value never has the smaller rate; no rate is below its p-value or above 1."""
    rates = false_discovery_rates(p_values)
    pairs = sorted(zip(p_values, rates, strict=True))
    assert [rate for _, rate in pairs] == sorted(rates)
    assert all(p <= rate + 1e-12 and rate <= 1 for p, rate in pairs)


@few
@given(probabilities, st.integers(0, 20))
def test_tests_that_are_left_out_count_as_greater_p_values(p_values, more):
    """With `total`, the rates are those of a list filled up with ones."""
    asked = false_discovery_rates(p_values, len(p_values) + more)
    assert asked == pytest.approx(false_discovery_rates([*p_values, *[1.0] * more])[: len(p_values)])


def test_no_tests_have_no_rates():
    """An empty list, also where some were asked."""
    assert false_discovery_rates([]) == false_discovery_rates([], 7) == []


# ------------------------------------------------------------------ Wilson


@pytest.mark.parametrize(
    ("good", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_has_the_limits_of_published_tables(good, total, low, high):
    """Among them 81 of 263, the example of Newcombe's comparison of seven methods."""
    assert wilson(good, total) == pytest.approx(Interval(good / total, low, high), abs=5e-5)


@few
@given(st.integers(0, 40), st.integers(1, 40))
def test_the_limits_of_failures_mirror_those_of_successes(bad, more):
    """What is left of 1 has the same interval, turned round."""
    total = bad + more
    one, other = wilson(bad, total), wilson(more, total)
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))


@few
@given(st.integers(0, 30), st.integers(1, 30), st.integers(2, 9))
def test_more_data_of_the_same_share_narrows_the_interval(good, total, times):
    """The same share seen more often is known better."""
    good = min(good, total)
    few, many = wilson(good, total), wilson(good * times, total * times)
    assert many.high - many.low < few.high - few.low


@few
@given(st.integers(0, 30), st.integers(1, 30))
def test_the_limits_solve_the_equation_that_defines_them(good, total):
    """At a limit p, the estimate is just z standard errors of p away."""
    z, good = 1.959963984540054, min(good, total)
    estimate, low, high = wilson(good, total)
    for limit in {low, high} - {0.0, 1.0}:
        assert (estimate - limit) ** 2 == pytest.approx(z * z * limit * (1 - limit) / total)


# ------------------------------------------------------------------ change points and quantiles


def pettitt_by_pairs(values) -> tuple[int, int]:
    """Place and statistic by the double sum over all pairs; of several places the first."""
    sums = {
        place: abs(sum((b > a) - (b < a) for a in values[:place] for b in values[place:]))
        for place in range(1, len(values))
    }
    place = max(sums, key=lambda at: (sums[at], -at))
    return place, sums[place]


@few
@given(st.lists(st.integers(0, 6), min_size=4, max_size=14))
def test_a_change_has_the_place_and_the_p_of_the_paper(values):
    """The statistic is the double sum, p is 2 exp(-6 K² / (n³ + n²)), at most 1."""
    place, statistic = pettitt_by_pairs(values)
    found, n = pettitt(values), len(values)
    if not statistic:
        assert found is None
        return
    assert found.place == place
    assert found.p == pytest.approx(min(1.0, 2 * math.exp(-6 * statistic**2 / (n**3 + n**2))))


@pytest.mark.parametrize("count", range(4))
def test_fewer_than_four_values_have_no_change(count):
    """Two on each side are needed."""
    assert pettitt(list(range(count))) is None
    assert pettitt([1, 1, 9, 9]).place == 2


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, 0.0), ([7], 0.95, 7), ([1, 2], 0.5, 1.5), ([4, 1, 3, 2], 0.25, 1.75), ([1, 2, 3], 1.0, 3)],
)
def test_quantiles_lie_on_the_line_between_the_values(values, share, expected):
    """Type 7 by hand; of nothing it is 0."""
    assert quantile(values, share) == expected


@few
@given(st.lists(st.floats(0, 9), min_size=1, max_size=15))
def test_half_of_the_values_are_on_each_side_of_the_median(values):
    """At least half are not above it, at least half are not below it."""
    middle = median(values)
    assert 2 * sum(value <= middle + 1e-12 for value in values) >= len(values)
    assert 2 * sum(value >= middle - 1e-12 for value in values) >= len(values)
