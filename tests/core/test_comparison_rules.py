"""Comparison of two sides: durations by a truth table, variants and modules, and laws of turning the sides round."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.compare import LISTS, compare_runs
from pytest_insight.core.history.partial import Selected
from pytest_insight.core.questions.duration_changes import compare_durations
from small_runs import few, make_run, make_test, runs_of_strips, small_histories

LINUX, WINDOWS = {"variant": (("os", "Linux"),)}, {"variant": (("os", "Windows"),)}


def names(found) -> list[str]:
    """Node ids of changes."""
    return [one.nodeid for one in found]


def lists_of(result) -> dict[str, list[str]]:
    """Every list that is not empty, by node id."""
    return {name: names(getattr(result, name)) for name in (*LISTS, "still_failing") if getattr(result, name)}


# ------------------------------------------------------------------ durations


@pytest.mark.parametrize(
    ("before_ms", "after_ms", "runs", "told"),
    [
        (10, 20, 4, "slower"),
        (20, 10, 4, "faster"),
        (100, 119, 9, None),
        (100, 120, 9, "slower"),
        (100, 109.9, 9, None),
        (40, 49, 9, None),
        (1, 9, 9, None),
        (1, 12, 9, "slower"),
        (0, 11, 9, "slower"),
        (11, 0, 9, "faster"),
        (100, 149, 3, None),
        (100, 151, 3, "slower unconfirmed"),
        (151, 100, 3, "faster unconfirmed"),
        (200, 260, 3, None),
        (90, 139, 1, None),
        (90, 141, 1, "slower unconfirmed"),
        (100, 100, 9, None),
    ],
)
def test_a_change_of_duration_is_told_by_size_ratio_and_number_of_runs(before_ms, after_ms, runs, told):
    """10 ms and 1.2 times where it is significant, 50 ms and 1.5 times in any case; four runs a side can be."""
    slower, faster = compare_durations({"t": [before_ms / 1000] * runs}, {"t": [after_ms / 1000] * runs})
    found = {"slower": slower, "faster": faster}
    text = [f"{name}{'' if one.confirmed else ' unconfirmed'}" for name, these in found.items() for one in these]
    assert text == ([told] if told else [])
    for one in slower + faster:
        assert one.samples == (runs, runs)
        assert (one.q is None) == (runs < 4)
        assert one.ratio == (pytest.approx(after_ms / before_ms) if before_ms else float("inf"))
        assert one.effect == (1.0 if slower else -1.0)


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


# ------------------------------------------------------------------ verdicts


@few
@given(small_histories())
def test_a_side_compared_with_itself_has_no_changes(runs):
    """And what is bad there goes on to be bad."""
    found = compare_runs(runs, runs)
    assert not found.has_changes()
    last = {nodeid: test.verdict for run in runs for nodeid, test in run.tests.items()}
    assert names(found.still_failing) == sorted(n for n, v in last.items() if v in ("failed", "error", "crashed"))


@few
@given(small_histories(), small_histories())
def test_turning_the_sides_round_mends_what_was_broken(base, target):
    """New failures of good tests become new passes, new tests become missing ones, for any two histories."""
    there, back = compare_runs(base, target), compare_runs(target, base)
    good = ("passed", "xpassed", "xfailed")
    assert [one.nodeid for one in there.new_failures if one.before in good] == names(back.new_passes)
    assert names(there.new_tests) == names(back.missing_tests)
    assert names(there.outcome_changes) == names(back.outcome_changes)
    assert names(there.still_failing) == names(back.still_failing)
    for one in there.outcome_changes:
        assert one.before != one.after


@few
@given(small_histories(), small_histories())
def test_each_test_is_in_one_list_at_most(base, target):
    """Broken, mended, failing on, gone, new, skipped: no test is two of these."""
    found = compare_runs(base, target)
    lists = ("new_failures", "new_passes", "still_failing", "missing_tests", "new_tests", "newly_skipped")
    told = [nodeid for name in lists for nodeid in names(getattr(found, name))]
    assert len(told) == len(set(told))


def test_the_last_run_of_a_side_decides():
    """With the sessions that the verdicts come from."""
    (one,) = compare_runs(runs_of_strips(t="FP", u="PP"), runs_of_strips(5, t="PF ", u="PPP")).new_failures
    assert (one.nodeid, one.before, one.after, one.base_session, one.target_session) == (
        "t",
        "passed",
        "failed",
        "s1",
        "s6",
    )


@pytest.mark.parametrize("before", "PXxS/?")
def test_a_failure_is_new_behind_anything_that_is_not_bad(before):
    """Also behind a skip or an interruption; a pass behind one of these is no mended test."""
    assert lists_of(compare_runs(runs_of_strips(t=before), runs_of_strips(1, t="F"))) == {"new_failures": ["t"]}
    assert lists_of(compare_runs(runs_of_strips(t=before), runs_of_strips(1, t="P"))) == {}


SELECTIONS = {
    "whole": Selected(),
    "here": Selected(paths=("a.py",)),
    "elsewhere": Selected(paths=("b.py",)),
    "keyword": Selected(("-k x",)),
    "cut": Selected(cut_short=True),
    "failed before": Selected(("--lf",)),
}


@pytest.mark.parametrize(("base", "target"), list(product(SELECTIONS, repeat=2)))
def test_a_test_is_missing_only_where_it_would_have_run(base, target):
    """The other side covers its place, or was told the same as the side that ran it and ran to its end."""
    runs = [make_run(0, {"a.py::x": "P", "a.py::y": "P"}, selected=SELECTIONS[base])]
    others = [make_run(1, {"a.py::x": "P"}, selected=SELECTIONS[target])]
    says = target in ("whole", "here") or (base == target and target in ("elsewhere", "keyword"))
    expected = {"missing_tests": ["a.py::y"]} if says else {}
    found = compare_runs(runs, others)
    assert lists_of(found) == expected
    assert names(found.not_selected) == ([] if says else ["a.py::y"])
    turned = compare_runs(others, runs)
    assert names(turned.new_tests) == expected.get("missing_tests", [])


def test_a_session_that_could_not_collect_a_module_says_nothing_about_its_tests():
    """The module is the new failure; its tests are not missing, and nor are those behind it."""
    good = make_run(0, {"m.py::a": "P", "n.py::b": "P"})
    bad = make_run(1, {}, uncollected=("m.py",))
    assert lists_of(compare_runs([good], [bad])) == {"new_failures": ["m.py"]}
    assert lists_of(compare_runs([bad], [good])) == {"new_passes": ["m.py"]}
    assert lists_of(compare_runs([bad], [bad])) == {"still_failing": ["m.py"]}


# ------------------------------------------------------------------ variants


@pytest.mark.parametrize(
    ("linux", "windows", "expected", "variant"),
    [
        ("PF", "PP", "new_failures", "os=Linux"),
        ("PP", "PF", "new_failures", "os=Windows"),
        ("FP", "PP", "new_passes", "os=Linux"),
        ("FP", "PF", "new_failures", "os=Windows"),
        ("FF", "FP", "still_failing", "os=Linux"),
        ("PF", "FF", "new_failures", "os=Linux"),
        ("PS", "PP", "newly_skipped", "os=Linux"),
    ],
)
def test_of_several_variants_the_one_in_which_most_happened_is_told(linux, windows, expected, variant):
    """A new failure says more than one that goes on, that more than a pass, that more than a skip."""

    def side(number: int, at: int):
        return [make_run(number, {"t": linux[at]}, **LINUX), make_run(number + 1, {"t": windows[at]}, **WINDOWS)]

    result = compare_runs(side(0, 0), side(4, 1))
    assert list(lists_of(result)) == [expected]
    (one,) = getattr(result, expected)
    assert one.variant == variant


def test_a_test_that_moved_to_another_variant_is_compared_across_them():
    """It is neither new nor missing, and no variant is named."""
    base = [make_run(0, {"t": "P", "u": "P"}, **LINUX), make_run(1, {"u": "P"}, **WINDOWS)]
    target = [make_run(2, {"u": "P"}, **LINUX), make_run(3, {"t": "F", "u": "P"}, **WINDOWS)]
    result = compare_runs(base, target)
    assert lists_of(result) == {"new_failures": ["t"]}
    assert (result.new_failures[0].variant, result.new_failures[0].target_session) == ("", "s3")


def test_durations_are_compared_within_a_variant():
    """A slow and a fast machine on both sides are no change; the greatest change of a test is told once."""

    def side(number: int, linux_ms: float, windows_ms: float):
        return [
            make_run(number + 2 * at + later, {"t": make_test("P", ms=took)}, **where)
            for at in range(4)
            for later, (took, where) in enumerate([(linux_ms, LINUX), (windows_ms, WINDOWS)])
        ]

    assert compare_runs(side(0, 20, 900), side(10, 20, 900)[:-1]).slower_tests == []
    (one,) = compare_runs(side(0, 20, 100), side(10, 40, 900)).slower_tests
    assert (one.nodeid, one.before_s, one.after_s) == ("t", 0.1, 0.9)


def test_the_result_as_plain_data_has_every_list():
    """Names of both sides, and the fields of each change."""
    data = compare_runs(runs_of_strips(t="P"), runs_of_strips(1, t="F"), "old", "new").to_dict()
    assert (data["base"], data["target"], data["base_sessions"], data["target_sessions"]) == (
        "old",
        "new",
        ["s0"],
        ["s1"],
    )
    assert data["new_failures"][0]["nodeid"] == "t"
    assert set(LISTS) < data.keys()
