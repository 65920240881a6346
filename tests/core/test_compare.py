"""A comparison of two sides: every pair of verdicts against a table by hand, variants, and what a side cannot say."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.compare import LISTS, compare_runs
from pytest_insight.core.history.partial import Selected
from pytest_insight.core.questions.duration_changes import compare_durations
from small_histories import BAD_LETTERS, GOOD_LETTERS, make_run, make_sessions, names_of

OLD, NEW, OTHER = (("python", "3.11"),), (("python", "3.13"),), (("os", "Linux"),)
ALL_LISTS = (*LISTS, "still_failing", "outcome_changes", "not_selected")
LETTERS = "PFESCKxX? "


def side(number, letter, **more):
    """Return a session with one test; a space is a session without it."""
    return make_run(number, f"a={letter}" if letter != " " else "", **more)


def lists_with(result, name="a"):
    """Return the names of the lists that have a test."""
    return {what for what in ALL_LISTS if name in names_of(getattr(result, what))}


def expected_lists(before, after):
    """The meaning of each list, from the letters alone."""
    if before == " " or after == " ":
        return ({"missing_tests"} if before != " " else set()) | ({"new_tests"} if after != " " else set())
    conditions = {
        "new_failures": before not in BAD_LETTERS and after in BAD_LETTERS,
        "new_passes": before in BAD_LETTERS and after in GOOD_LETTERS,
        "still_failing": before in BAD_LETTERS and after in BAD_LETTERS,
        "newly_skipped": before != "S" and after == "S",
        "outcome_changes": before != after,
    }
    return {name for name, is_so in conditions.items() if is_so}


@pytest.mark.parametrize("before", LETTERS)
def test_each_pair_of_verdicts_is_in_the_lists_that_it_belongs_to(before):
    """All pairs of ten, with a test that is absent as one of them."""
    for after in LETTERS:
        result = compare_runs([side(1, before)], [side(2, after)])
        assert lists_with(result) == expected_lists(before, after), (before, after)
        differs = before != after
        assert result.has_changes() is differs


@given(st.text("PFS ", min_size=1, max_size=4), st.text("PFS ", min_size=1, max_size=4))
def test_the_last_session_of_a_side_that_has_a_test_decides(before, after):
    """Whatever it was in the sessions before; the change names the sessions its verdicts are from."""
    base = [side(number, letter) for number, letter in enumerate(before, 1)]
    target = [side(number, letter) for number, letter in enumerate(after, 11)]
    last = [letters.strip()[-1:] or " " for letters in (before, after)]
    result = compare_runs(base, target, "old", "new")
    assert lists_with(result) == expected_lists(*last)
    for change in result.outcome_changes:
        assert change.base_session == f"s{len(before.rstrip())}"
        assert change.target_session == f"s{10 + len(after.rstrip())}"
    assert (result.base, result.target) == ("old", "new")
    assert result.base_sessions == [run.name for run in base]


@given(st.text("PFS ", min_size=1, max_size=4), st.text("PFS ", min_size=1, max_size=4))
def test_exchanged_sides_exchange_what_is_new_and_what_is_gone(before, after):
    """New failures of good tests are new passes of the turned comparison, and new tests are missing ones."""
    runs = make_sessions(*(f"a={letter}" if letter != " " else "" for letter in before))
    one, turned = compare_runs(runs, [side(9, after[-1])]), compare_runs([side(9, after[-1])], runs)
    assert names_of(one.missing_tests) == names_of(turned.new_tests)
    assert names_of(one.new_passes) == [c.nodeid[6:] for c in turned.new_failures if c.before == "passed"]
    assert names_of(one.still_failing) == names_of(turned.still_failing)
    assert names_of(one.outcome_changes) == names_of(turned.outcome_changes)


# ------------------------------------------------------------------ variants


@pytest.mark.parametrize(
    ("old", "new", "lists", "variant"),
    [
        ("PP", "PP", set(), ""),
        ("PP", "FP", {"new_failures", "outcome_changes"}, "python=3.11"),
        ("PP", "PF", {"new_failures", "outcome_changes"}, "python=3.13"),
        ("FP", "PF", {"new_failures", "outcome_changes"}, "python=3.13"),
        ("FF", "PF", {"still_failing"}, "python=3.13"),
        ("FP", "PS", {"new_passes", "outcome_changes"}, "python=3.11"),
        ("FP", "FP", {"still_failing"}, "python=3.11"),
        ("P ", "  ", {"missing_tests"}, "python=3.11"),
        ("P ", " P", set(), ""),
        ("P ", " F", {"new_failures", "outcome_changes"}, ""),
    ],
)
def test_of_two_variants_the_change_that_says_most_is_told(old, new, lists, variant):
    """A new failure before one that goes on, before one that is mended; a variant without the test on a side says less."""
    base = [side(1, old[0], variant=OLD), side(2, old[1], variant=NEW)]
    target = [side(3, new[0], variant=OLD), side(4, new[1], variant=NEW)]
    for order in ((base, target), (base[::-1], target[::-1])):
        result = compare_runs(*order)
        assert lists_with(result) == lists
        assert {c.variant for name in lists for c in getattr(result, name)} <= {variant}


def test_only_variants_that_both_sides_have_are_compared():
    """All of them as one if there is none in common; the sessions that are left out are not named."""
    base = [side(1, "P", variant=OLD), side(2, "F", variant=NEW)]
    result = compare_runs(base, [side(3, "F", variant=OLD)])
    assert (lists_with(result), result.base_sessions) == ({"new_failures", "outcome_changes"}, ["s1"])
    assert result.new_failures[0].variant == ""
    apart = compare_runs(base, [side(3, "P", variant=OTHER)])
    assert (lists_with(apart), apart.base_sessions) == ({"new_passes", "outcome_changes"}, ["s1", "s2"])


# ------------------------------------------------------------------ what a side cannot say

K, LAST_FAILED = Selected(options=("-k x",)), Selected(options=("--lf",))


@pytest.mark.parametrize(
    ("having", "lacking", "is_gone"),
    [
        (Selected(), Selected(), True),
        (Selected(), K, False),
        (K, K, True),
        (LAST_FAILED, LAST_FAILED, False),
        (K, Selected(), True),
        (Selected(), Selected(paths=("t.py",)), True),
        (Selected(), Selected(paths=("u.py",)), False),
        (Selected(), Selected(deselected=3), False),
        (Selected(deselected=2), Selected(deselected=3), True),
        (Selected(), Selected(cut_short=True), False),
        (K, K._replace(cut_short=True), False),
    ],
    ids=str,
)
def test_a_test_is_gone_or_new_only_if_the_other_side_would_have_run_it(having, lacking, is_gone):
    """In both directions; else it is listed as not selected, and is no difference."""
    has, lacks = side(1, "P", selected=having), side(2, " ", selected=lacking)
    for sides, name in (([has], [lacks]), "missing_tests"), (([lacks], [has]), "new_tests"):
        result = compare_runs(*sides)
        assert lists_with(result) == {name if is_gone else "not_selected"}
        assert result.has_changes() is is_gone


def test_a_session_that_could_not_collect_a_module_says_nothing_about_absent_tests():
    """pytest stops after such an error; the module itself fails where its tests passed, and its tests are not missing."""
    base = [make_run(1, "m.py::x=P a=P n.py::y=P")]
    broken = make_run(2, uncollected=("m.py",))
    result = compare_runs(base, [broken])
    assert [(c.nodeid, c.before, c.after) for c in result.new_failures] == [("m.py", "passed", "error")]
    assert {c.nodeid for c in result.not_selected} == {"m.py::x", "t.py::a", "n.py::y"}
    mended = compare_runs([broken], [make_run(3, "m.py::x=P a=P")])
    assert [c.nodeid for c in mended.new_passes] == ["m.py"]
    assert mended.new_tests == []


def test_lists_are_in_order_of_node_ids_and_are_plain_data():
    """The dictionary has each list with the fields of its items."""
    result = compare_runs(make_sessions("c=P a=P b=P d=P"), [make_run(9, "b=F c=F a=F d=P")])
    assert names_of(result.new_failures) == ["a", "b", "c"]
    data = result.to_dict()
    assert set(data) == {"base", "target", "base_sessions", "target_sessions", *ALL_LISTS}
    assert [item["nodeid"] for item in data["new_failures"]] == ["t.py::a", "t.py::b", "t.py::c"]
    assert "new_failures 3" in repr(result)


# ------------------------------------------------------------------ durations


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
        assert all(one.effect == (-1 if turned else 1) for one in found)


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


def test_only_passing_runs_of_the_same_variant_are_compared_by_duration():
    """A failure that ends early is not faster; a test that changed in two variants is told once, by the greater change."""
    base = [make_run(n, "a=P@500 b=P@20", variant=OLD) for n in range(1, 9)]
    base += [make_run(n, "b=P@20", variant=NEW) for n in range(11, 19)]
    target = [make_run(n, "a=F@10 b=P@100", variant=OLD) for n in range(21, 29)]
    target += [make_run(n, "b=P@300", variant=NEW) for n in range(31, 39)]
    result = compare_runs(base, target)
    assert result.faster_tests == []
    assert [(one.nodeid, one.after_s) for one in result.slower_tests] == [("t.py::b", 0.3)]
