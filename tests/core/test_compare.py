"""A comparison of two sides: every pair of verdicts against a table by hand, variants, and what a side cannot say."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.compare import LISTS, compare_runs
from pytest_insight.core.history.partial import Selected
from small_histories import BAD_LETTERS, GOOD_LETTERS, make_run, make_sessions, names_of
from small_runs import few, small_histories

OLD, NEW, OTHER = (("python", "3.11"),), (("python", "3.13"),), (("os", "Linux"),)
ALL_LISTS = (*LISTS, "still_failing", "outcome_changes", "not_selected")
LETTERS = "PFESCKxX? "


def side(number, letter, **more):
    """Return a session with one test; a space is a session without it."""
    return make_run(number, f"a={letter}" if letter != " " else "", **more)


def nodeids(found):
    """Return the node ids of changes."""
    return [one.nodeid for one in found]


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


@few
@given(small_histories())
def test_a_side_compared_with_itself_has_no_changes(runs):
    """And what is bad there goes on to be bad."""
    found = compare_runs(runs, runs)
    assert not found.has_changes()
    last = {nodeid: test.verdict for run in runs for nodeid, test in run.tests.items()}
    assert nodeids(found.still_failing) == sorted(n for n, v in last.items() if v in ("failed", "error", "crashed"))


@few
@given(small_histories(), small_histories())
def test_turning_the_sides_round_mends_what_was_broken(base, target):
    """New failures of good tests become new passes, new tests become missing ones, for any two histories."""
    there, back = compare_runs(base, target), compare_runs(target, base)
    good = ("passed", "xpassed", "xfailed")
    assert [one.nodeid for one in there.new_failures if one.before in good] == nodeids(back.new_passes)
    assert nodeids(there.new_tests) == nodeids(back.missing_tests)
    assert nodeids(there.outcome_changes) == nodeids(back.outcome_changes)
    assert nodeids(there.still_failing) == nodeids(back.still_failing)
    for one in there.outcome_changes:
        assert one.before != one.after


@few
@given(small_histories(), small_histories())
def test_each_test_is_in_one_list_at_most(base, target):
    """Broken, mended, failing on, gone, new, skipped: no test is two of these."""
    found = compare_runs(base, target)
    lists = ("new_failures", "new_passes", "still_failing", "missing_tests", "new_tests", "newly_skipped")
    told = [nodeid for name in lists for nodeid in nodeids(getattr(found, name))]
    assert len(told) == len(set(told))


# ------------------------------------------------------------------ variants


@pytest.mark.parametrize(
    ("old", "new", "lists", "variant"),
    [
        ("PP", "PP", set(), ""),
        ("PP", "FP", {"new_failures", "outcome_changes"}, "python=3.11"),
        ("PP", "PF", {"new_failures", "outcome_changes"}, "python=3.13"),
        ("FP", "PF", {"new_failures", "outcome_changes"}, "python=3.13"),
        ("FF", "PF", {"still_failing"}, "python=3.13"),
        ("FF", "FP", {"still_failing"}, "python=3.11"),
        ("PF", "FF", {"new_failures", "outcome_changes"}, "python=3.11"),
        ("FP", "PP", {"new_passes", "outcome_changes"}, "python=3.11"),
        ("PP", "SP", {"newly_skipped", "outcome_changes"}, "python=3.11"),
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

SELECTIONS = {
    "whole": Selected(),
    "here": Selected(paths=("a.py",)),
    "elsewhere": Selected(paths=("b.py",)),
    "keyword": Selected(("-k x",)),
    "cut": Selected(cut_short=True),
    "failed before": Selected(("--lf",)),
}


@pytest.mark.parametrize(("base", "target"), list(product(SELECTIONS, repeat=2)))
def test_a_test_is_gone_or_new_only_where_the_other_side_would_have_run_it(base, target):
    """The other side covers its place, or was told the same as the side that ran it and ran to its end."""
    runs = [make_run(1, "a.py::x=P a.py::y=P", selected=SELECTIONS[base])]
    others = [make_run(2, "a.py::x=P", selected=SELECTIONS[target])]
    says = target in ("whole", "here") or (base == target and target in ("elsewhere", "keyword"))
    for sides, name in ((runs, others), "missing_tests"), ((others, runs), "new_tests"):
        result = compare_runs(*sides)
        assert lists_with(result, "a.py::y") == {name if says else "not_selected"}
        assert result.has_changes() is says


K = Selected(("-k x",))


@pytest.mark.parametrize(
    ("having", "lacking", "is_gone"),
    [
        (Selected(), Selected(deselected=3), False),
        (Selected(deselected=2), Selected(deselected=3), True),
        (K, Selected(), True),
        (K, K._replace(cut_short=True), False),
    ],
    ids=str,
)
def test_what_was_deselected_or_cut_short_says_less(having, lacking, is_gone):
    """Where only the other side deselected tests, or did not run to its end, an absent test is not selected."""
    result = compare_runs([side(1, "P", selected=having)], [side(2, " ", selected=lacking)])
    assert lists_with(result) == {"missing_tests" if is_gone else "not_selected"}


def test_a_session_that_could_not_collect_a_module_says_nothing_about_absent_tests():
    """pytest stops after such an error; the module itself fails where its tests passed, and its tests are not missing."""
    base = [make_run(1, "m.py::x=P a=P n.py::y=P")]
    broken = make_run(2, uncollected=("m.py",))
    result = compare_runs(base, [broken])
    assert [(c.nodeid, c.before, c.after) for c in result.new_failures] == [("m.py", "passed", "error")]
    assert {c.nodeid for c in result.not_selected} == {"m.py::x", "t.py::a", "n.py::y"}
    assert nodeids(compare_runs([broken], [broken]).still_failing) == ["m.py"]
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


def test_only_passing_runs_of_the_same_variant_are_compared_by_duration():
    """A failure that ends early is not faster; a test that changed in two variants is told once, by the greater change."""
    base = [make_run(n, "a=P@500 b=P@20", variant=OLD) for n in range(1, 9)]
    base += [make_run(n, "b=P@20", variant=NEW) for n in range(11, 19)]
    target = [make_run(n, "a=F@10 b=P@100", variant=OLD) for n in range(21, 29)]
    target += [make_run(n, "b=P@300", variant=NEW) for n in range(31, 39)]
    result = compare_runs(base, target)
    assert result.faster_tests == []
    assert [(one.nodeid, one.after_s) for one in result.slower_tests] == [("t.py::b", 0.3)]


def test_machines_of_different_speed_on_both_sides_are_no_change():
    """Each variant is compared with itself, also if one of them ran once less."""
    base, target = (
        [make_run(first + n, f"a=P@{900 if n % 2 else 20}", variant=NEW if n % 2 else OLD) for n in range(8)]
        for first in (1, 11)
    )
    assert compare_runs(base, target[:-1]).slower_tests == []
