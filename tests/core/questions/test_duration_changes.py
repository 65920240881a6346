"""Changes of durations: limits by a truth table, chance among many tests, and laws of turning the sides round."""

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_insight.core.questions.duration_changes import compare_durations
from small_runs import few


def names(found) -> list[str]:
    """Node ids of changes."""
    return [one.nodeid for one in found]


@pytest.mark.parametrize(
    ("before_ms", "after_ms", "count", "told"),
    [
        (20, 200, 8, "confirmed"),
        (20, 200, 3, "unconfirmed"),
        (20, 2000, 1, "unconfirmed"),
        (100, 149, 3, ""),
        (100, 151, 3, "unconfirmed"),
        (40, 89, 3, ""),
        (40, 91, 3, "unconfirmed"),
        (100, 121, 8, "confirmed"),
        (100, 119, 8, ""),
        (40, 49, 8, ""),
        (40, 51, 8, "confirmed"),
        (2, 9, 8, ""),
        (2, 13, 8, "confirmed"),
        (0, 60, 3, "unconfirmed"),
        (0, 60, 8, "confirmed"),
        (200, 260, 3, ""),
        (90, 139, 1, ""),
        (90, 141, 1, "unconfirmed"),
        (100, 120, 9, "confirmed"),
        (100, 109.9, 9, ""),
        (1, 9, 9, ""),
        (1, 12, 9, "confirmed"),
        (0, 11, 9, "confirmed"),
        (100, 100, 8, ""),
    ],
)
def test_a_change_of_duration_is_told_from_both_of_its_limits_on(before_ms, after_ms, count, told):
    """1.2 times and 10 ms if it is significant, 1.5 times and 50 ms else; the same when it became faster."""
    before, after = {"a": [before_ms / 1000] * count}, {"a": [after_ms / 1000] * count}
    for quick, turned in product((False, True), repeat=2):
        first, second = (after, before) if turned else (before, after)
        slower, faster = compare_durations(first, second, quick=quick)
        found, empty = (faster, slower) if turned else (slower, faster)
        assert empty == []
        assert [("confirmed" if one.confirmed else "unconfirmed", one.samples) for one in found] == (
            [(told, (count, count))] if told else []
        )
        for one in found:
            assert one.effect == (-1 if turned else 1)
            assert (one.q is None) == (count < 4)
            assert one.ratio == (pytest.approx(second["a"][0] / first["a"][0]) if first["a"][0] else float("inf"))


@given(st.integers(0, 40))
def test_what_is_too_short_costs_no_significance(noise):
    """Any number of tests below 10 ms leaves the rate of the one that is long enough as it is."""
    short = {f"n{number}": [0.001 * (number % 9)] * 5 for number in range(noise)}
    sample, later = [0.02, 0.021, 0.022, 0.023], [0.05, 0.051, 0.052, 0.053]
    (one,), _ = compare_durations({"a": sample} | short, {"a": later} | short)
    assert (one.confirmed, one.nodeid) == (True, "a")
    assert one.q == compare_durations({"a": sample}, {"a": later})[0][0].q


def test_many_unchanged_tests_make_a_chance_difference_insignificant():
    """Four runs a side are significant alone and not among twenty; `quick` corrects for all of them as well."""
    before, after = [0.02, 0.021, 0.022, 0.023], [0.03, 0.031, 0.032, 0.033]
    others = {f"n{number}": [0.1, 0.2, 0.3, 0.4] for number in range(20)}
    assert len(compare_durations({"a": before}, {"a": after})[0]) == 1
    for quick in (False, True):
        assert compare_durations({"a": before} | others, {"a": after} | others, quick=quick) == ([], [])


def test_a_chance_among_many_tests_is_not_confirmed():
    """The same change is significant alone, and not among two hundred that did not change."""
    change = {"t": [0.1, 0.2, 0.3, 0.4]}, {"t": [0.45, 0.5, 0.6, 0.7]}
    alone, _ = compare_durations(*change)
    assert alone[0].confirmed
    steady = {f"n{at}": [0.1, 0.2, 0.1, 0.2] for at in range(200)}
    among, _ = compare_durations(*(side | steady for side in change))
    assert [(one.nodeid, one.confirmed) for one in among] == [("t", False)]
    assert compare_durations(*(side | steady for side in change), quick=True)[0][0].confirmed is False
    short = {f"n{at}": [0.001] * 4 for at in range(200)}
    assert compare_durations(*(side | short for side in change))[0] == alone, "too short ones are not corrected for"


samples = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.integers(0, 40).map(lambda ms: ms / 100), min_size=1, max_size=6)
)


@few
@example({"c": [0.09, 0.23]}, {"c": [0.24]})
@given(samples, samples)
def test_turning_the_sides_round_turns_slower_into_faster(before, after):
    """The same tests with the same q, in the same order of size."""
    slower, faster = compare_durations(before, after)
    turned_slower, turned_faster = compare_durations(after, before)
    assert (names(slower), names(faster)) == (names(turned_faster), names(turned_slower))
    assert [one.q for one in slower] == pytest.approx([one.q for one in turned_faster])


@few
@given(samples, samples)
def test_the_quick_answer_confirms_nothing_that_the_whole_one_does_not(before, after):
    """It looks at fewer tests and tells no other ones than the whole answer does."""
    for quick, whole in zip(
        compare_durations(before, after, quick=True), compare_durations(before, after), strict=True
    ):
        assert set(names(quick)) <= set(names(whole))
        confirmed = {one.nodeid for one in whole if one.confirmed}
        assert {one.nodeid for one in quick if one.confirmed} <= confirmed
