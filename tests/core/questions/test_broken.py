"""Broken tests: strips with the answer written beside them, a slow reading of any history, and laws of series."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.questions.broken import Broken, broken_tests, in_order
from small_runs import IS_GOOD, few, make_run, runs_of_strips, seen, small_histories

LINUX, WINDOWS = (("os", "Linux"),), (("os", "Windows"),)


def told(runs) -> dict[str, tuple[int, str, str]]:
    """Failing runs, session of the last good one, and of the first bad one, by test."""
    return {
        one.nodeid: (one.failing_runs, one.last_good.session if one.last_good else "", one.first_bad.session)
        for one in broken_tests(runs)
    }


@pytest.mark.parametrize(
    ("strip", "expected"),
    [
        ("P", None),
        ("F", (1, "", "s0")),
        ("PF", (1, "s0", "s1")),
        ("FP", None),
        ("PFF", (2, "s0", "s1")),
        ("PFPF", (1, "s2", "s3")),
        ("FFPFF", (2, "s2", "s3")),
        ("PFSF", (2, "s0", "s1")),
        ("PFS", (1, "s0", "s1")),
        ("PF ", (1, "s0", "s1")),
        ("P F  S", (1, "s0", "s2")),
        ("SSF", (1, "", "s2")),
        ("S", None),
        ("PE", (1, "s0", "s1")),
        ("P!", (1, "s0", "s1")),
        ("PE!F", (3, "s0", "s1")),
        ("P/", None),
        ("PF/", (1, "s0", "s1")),
        ("xF", (1, "s0", "s1")),
        ("XF", (1, "s0", "s1")),
        ("Fx", None),
        ("FX", None),
        ("P?", None),
        ("PF?F", (2, "s0", "s1")),
    ],
)
def test_a_test_is_broken_from_the_first_of_the_bad_runs_at_the_end(strip, expected):
    """Skips, interruptions and outcomes of other plugins say nothing; a strict pass, or an expected failure, is good."""
    assert told(runs_of_strips(t=strip)).get("t") == expected


def slow_broken(runs) -> dict[str, tuple[int, str, str]]:
    """The same by reading backwards, test by test, over a list of what is good, bad, or says nothing."""
    word = {"passed": True, "xpassed": True, "xfailed": True, "failed": False, "error": False, "crashed": False}
    found = {}
    for nodeid in {nodeid for run in runs for nodeid in run.tests}:
        verdicts = [(run.name, word.get(run.tests[nodeid].verdict)) for run in runs if nodeid in run.tests]
        conclusive = [one for one in verdicts if one[1] is not None]
        good = [at for at, (_, is_good) in enumerate(conclusive) if is_good]
        bad = conclusive[good[-1] + 1 if good else 0 :]
        if bad:
            found[nodeid] = (len(bad), conclusive[good[-1]][0] if good else "", bad[0][0])
    return found


@few
@given(small_histories())
def test_any_history_has_the_broken_tests_of_a_slow_reading(runs):
    """One series: what the last conclusive runs say, and no other."""
    assert told(runs) == slow_broken(runs)


@few
@given(small_histories())
def test_the_evidence_is_the_unbroken_row_itself(runs):
    """As many runs as are told, all bad, the first of them the first bad one; the newest break comes first."""
    found = broken_tests(runs)
    for one in found:
        assert len(one.evidence) == one.failing_runs
        assert one.evidence[0] == one.first_bad
        assert all(proof.verdict in ("failed", "error", "crashed") for proof in one.evidence)
        assert one.last_good is None or one.last_good.started_us < one.first_bad.started_us
    assert [one.first_bad.started_us for one in found] == sorted((o.first_bad.started_us for o in found), reverse=True)


@few
@given(small_histories(branches=("main", "fix"), variants=(LINUX, WINDOWS)))
def test_a_variant_of_a_branch_is_judged_by_its_own_runs(runs):
    """The tests told for a branch are those that a slow reading finds in one of its variants at least."""
    told_there = {(one.branch, one.nodeid): one for one in broken_tests(runs)}
    # Without a session of the branch `main`, no branch here is the project's, and every session knows its own.
    expected, good = {}, {}
    for branch in ("main", "fix"):
        for variant in (LINUX, WINDOWS):
            series = [run for run in runs if (run.branch, run.variant) == (branch, variant)]
            bad = slow_broken(series)
            for nodeid, (count, _, _) in bad.items():
                expected[branch, nodeid] = expected.get((branch, nodeid), 0) + count
            for nodeid in {nodeid for run in series for nodeid in run.tests} - bad.keys():
                good[branch, nodeid] = good.get((branch, nodeid), 0) + 1
    assert {key: one.failing_runs for key, one in told_there.items()} == expected
    assert {key: one.good_variants for key, one in told_there.items()} == {key: good.get(key, 0) for key in told_there}


def test_the_variants_are_named_only_where_another_is_good():
    """Broken on Windows and good on Linux names Windows; broken on both names none."""
    runs = in_order(
        [
            *runs_of_strips(0, {"variant": LINUX}, one="PPP", both="PFF"),
            *runs_of_strips(3, {"variant": WINDOWS}, one="PFF", both="PPF"),
        ]
    )
    found = {one.nodeid: one for one in broken_tests(runs)}
    assert (found["one"].variants, found["one"].good_variants) == (("os=Windows",), 1)
    assert (found["both"].variants, found["both"].good_variants, found["both"].failing_runs) == ((), 0, 3)
    assert (found["both"].first_bad.session, found["both"].last_good.session) == ("s1", "s0")
    assert [proof.session for proof in found["both"].evidence] == ["s1", "s2", "s5"]


def test_a_module_that_cannot_be_collected_is_broken_until_its_tests_run():
    """Good where one of its tests ran; a session that ran neither says nothing about it."""
    runs = [
        make_run(0, {"m.py::a": "P"}),
        make_run(1, {}, uncollected=("m.py",)),
        make_run(2, {"n.py::b": "P"}),
        make_run(3, {"n.py::b": "P"}, uncollected=("m.py", "pkg")),
    ]
    assert told(runs) == {"m.py": (2, "s0", "s1"), "pkg": (1, "", "s3")}
    assert told([*runs, make_run(4, {"m.py::a": "F", "pkg/x.py::c": "P"})]) == {"m.py::a": (1, "s0", "s4")}


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [("a" * 40, "b" * 40, f"{'a' * 12}..{'b' * 12}"), (None, "b" * 40, f"?..{'b' * 12}"), ("", "", "")],
)
def test_the_range_of_commits_is_written_as_git_takes_it(good, bad, expected):
    """Twelve digits a side, a question mark for a side that is not known, nothing without commits."""
    last_good = None if good is None else seen(1, "passed", commit=good)
    assert Broken("t", 1, last_good, seen(2, commit=bad), []).commit_range == expected


@few
@given(small_histories(), st.randoms(use_true_random=False))
def test_sessions_are_put_in_order_of_start_and_then_of_stream(runs, rng):
    """Whatever order they came in, also those of the same start."""
    same = [make_run(1, dict(run.tests), stream=run.stream) for run in runs]
    mixed = [*same]
    rng.shuffle(mixed)
    assert in_order(mixed) == same


def test_letters_say_what_the_rule_page_says():
    """The letters of these strips cover every verdict that is good or bad."""
    assert {letter for letter, good in IS_GOOD.items() if good} == set("PXx")
