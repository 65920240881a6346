"""Flaky tests: each rule by a table of strips, a slow count of any history, and the age of the evidence."""

from collections import defaultdict
from itertools import combinations

import pytest
from hypothesis import given
from pytest_insight.core.questions.broken import in_order
from pytest_insight.core.questions.flaky import (
    RECOVERED_RUNS,
    FlakyTest,
    retry_flaky,
    same_source_flaky,
    transition_scores,
    with_ages,
)
from small_runs import DAY_US, HOUR_US, IS_GOOD, few, make_run, runs_of_strips, seen, small_histories

COMMIT = {"commit": "c" * 40}
GOOD, BAD = {"passed", "xpassed", "xfailed"}, {"failed", "error", "crashed"}


# ------------------------------------------------------------------ retries within a session


@pytest.mark.parametrize(
    ("attempts", "is_flaky"),
    [
        ("P", False),
        ("F", False),
        ("FP", True),
        ("EP", True),
        ("rP", True),
        ("rrP", True),
        ("FF", False),
        ("PF", False),
        ("PP", False),
        ("FS", False),
        ("SP", False),
        ("Fx", True),
        ("FX", True),
        ("xP", False),
        ("?P", True),
        ("F!", False),
        ("FP!", False),
    ],
)
def test_a_pass_behind_a_bad_attempt_is_flaky(attempts, is_flaky):
    """Good in the end, and in some attempt before neither good nor skipped."""
    found = retry_flaky([make_run(0, {"t": attempts, "steady": "P"})])
    assert [one.nodeid for one in found] == (["t"] if is_flaky else [])


def test_retries_are_counted_by_session_out_of_those_that_ran_the_test():
    """Two of three sessions with the test; a session without it is not considered."""
    runs = [
        make_run(0, {"t": "FP"}),
        make_run(1, {"t": "P"}),
        make_run(2, {"u": "P"}),
        make_run(3, {"t": "rrP", "u": "P"}),
    ]
    (one,) = retry_flaky(runs)
    assert (one.rule, one.count, one.considered) == ("retry", 2, 3)
    assert [proof.session for proof in one.evidence] == ["s0", "s3"]


# ------------------------------------------------------------------ sessions of one commit


@pytest.mark.parametrize(
    ("second", "is_flaky"),
    [
        ({}, True),
        ({"commit": "d" * 40}, False),
        ({"dirty": True}, False),
        ({"dirty": None}, False),
        ({"branch": "fix"}, False),
        ({"sut": "pay"}, False),
        ({"variant": (("os", "Windows"),)}, False),
    ],
)
def test_only_the_same_source_under_the_same_conditions_is_evidence(second, is_flaky):
    """A pass and a failure of one clean commit, branch, system and variant; any difference explains the other result."""
    runs = [make_run(0, {"t": "P"}, **COMMIT), make_run(1, {"t": "F"}, **COMMIT | second)]
    assert bool(same_source_flaky(runs)) == is_flaky


def test_sessions_without_a_commit_are_no_evidence():
    """Two unknown commits are not the same one."""
    assert same_source_flaky([make_run(n, {"t": letter}, commit="") for n, letter in enumerate("PF")]) == []


@pytest.mark.parametrize(
    ("strip", "is_flaky"),
    [
        ("PF", True),
        ("PE", True),
        ("x!", True),
        ("PP", False),
        ("FF", False),
        ("SF", False),
        ("/F", False),
        ("P/", False),
    ],
)
def test_one_commit_needs_both_a_good_and_a_bad_run(strip, is_flaky):
    """Skips and interruptions are neither."""
    assert bool(same_source_flaky(runs_of_strips(0, COMMIT, t=strip))) == is_flaky


def slow_same_source(runs) -> dict[str, tuple[int, int]]:
    """Commits with both results, and commits with several runs of the test, from all pairs of sessions."""
    clean = [run for run in runs if run.commit and run.dirty is False]
    mixed, several = defaultdict(set), defaultdict(set)
    for one, other in combinations(clean, 2):
        source = (one.sut, one.commit, one.branch, one.variant)
        if source != (other.sut, other.commit, other.branch, other.variant):
            continue
        for nodeid in one.tests.keys() & other.tests.keys():
            several[nodeid].add(source)
            verdicts = {one.tests[nodeid].verdict, other.tests[nodeid].verdict}
            if verdicts & GOOD and verdicts & BAD:
                mixed[nodeid].add(source)
    return {nodeid: (len(sources), len(several[nodeid])) for nodeid, sources in mixed.items()}


@few
@given(small_histories(suts=("shop", "pay"), branches=("main", "fix")))
def test_sources_are_counted_as_all_pairs_of_sessions_say(runs):
    """For any history: the commits on which a test did both, of those on which it ran more than once."""
    assert {one.nodeid: (one.count, one.considered) for one in same_source_flaky(runs)} == slow_same_source(runs)


# ------------------------------------------------------------------ age


def flaky_at(number: int) -> FlakyTest:
    """A test whose only evidence is in the session of this number."""
    return FlakyTest("t", "retry", 1, 1, [seen(number, "passed", outcomes=("failed", "passed"))])


@pytest.mark.parametrize(
    ("strip", "good_since", "recovered"),
    [
        ("", 0, False),
        ("P" * 29, 29, False),
        ("P" * 30, 30, True),
        ("P" * 15 + "S" * 5 + "P" * 15, 30, True),
        ("P" * 29 + "S" * 20, 29, False),
        ("P" * 40 + "F", 0, False),
        ("F" + "P" * 40, 0, False),
        ("P" * 40 + "/", 40, True),
        ("x" * 30, 30, True),
    ],
)
def test_thirty_good_runs_behind_the_evidence_are_a_recovery(strip, good_since, recovered):
    """Skips do not count, and a bad run behind the evidence takes it back."""
    runs = [make_run(0, {"t": "FP"}), *(runs_of_strips(1, t=strip) if strip else [])]
    (one,) = with_ages([flaky_at(0)], runs)
    assert (one.good_since, one.recovered, one.last_us) == (good_since, recovered, runs[0].started_us)
    assert RECOVERED_RUNS == 30


@pytest.mark.parametrize(
    ("after_us", "letter", "recovered"),
    [
        (14 * DAY_US, "P", True),
        (14 * DAY_US - 1, "P", False),
        (30 * DAY_US, "S", False),
        (30 * DAY_US, "F", False),
    ],
)
def test_fourteen_good_days_are_a_recovery(after_us, letter, recovered):
    """Time alone heals nothing: at least one good run says so, and no bad one."""
    runs = [make_run(0, {"t": "FP"}), make_run(1, {"t": letter})]
    runs[1] = make_run(1, {"t": letter}, started_us=runs[0].started_us + after_us)
    assert with_ages([flaky_at(0)], runs)[0].recovered == recovered


def test_the_newest_evidence_of_any_rule_decides_the_age():
    """A test that is flaky by two rules has recovered by neither while one of them has new evidence."""
    runs = [make_run(0, {"t": "FP"}), *runs_of_strips(1, t="P" * 30), make_run(31, {"t": "FP"})]
    old, new = with_ages([flaky_at(0), flaky_at(31)], runs)
    assert (old.last_us, new.last_us) == (runs[0].started_us, runs[31].started_us)
    assert [(one.good_since, one.recovered) for one in (old, new)] == [(0, False)] * 2
    assert with_ages([], runs) == []


# ------------------------------------------------------------------ changes


def score(strip: str) -> tuple[int, int]:
    """Changes, and runs that say something, by walking over the letters."""
    conclusive = [IS_GOOD[letter] for letter in strip if letter in IS_GOOD]
    changes = 0
    for at in range(1, len(conclusive)):
        changes += conclusive[at] != conclusive[at - 1]
    return changes, len(conclusive)


@pytest.mark.parametrize(
    "strip", ["PPFFF", "PFPFF", "PFPFP", "PSFSP", "P F P", "xEXF!", "P/F", "PP?PF", "FP", "SSSPF", "FSSSP", "PFFFFP"]
)
def test_changes_are_counted_between_runs_that_say_something(strip):
    """Good to bad and back; failed to error is no change, and what lies between says nothing."""
    changes, considered = score(strip)
    (one,) = transition_scores(runs_of_strips(t=strip))
    assert (one.changes, one.considered) == (changes, considered)
    assert one.score == changes / (considered - 1)


@pytest.mark.parametrize("strip", ["P", "F", "FFFF", "FSE", "PPP", "F/!"])
def test_a_test_that_never_changed_has_no_score(strip):
    """Always bad is broken and not restless."""
    assert transition_scores(runs_of_strips(t=strip)) == []


def test_changes_are_counted_within_a_series_and_summed():
    """Two variants that alternate in time, each of them steady but for one change of one: one change of four."""
    one = runs_of_strips(0, {"variant": (("os", "Linux"),)}, t="PPP")
    other = [
        make_run(run_at, {"t": letter}, variant=(("os", "Windows"),), started_us=run.started_us + HOUR_US // 2)
        for run_at, (letter, run) in enumerate(zip("FFP", one, strict=True), 10)
    ]
    (found,) = transition_scores(in_order([*one, *other]))
    assert (found.changes, found.considered, found.score) == (1, 6, 1 / 4)


@few
@given(small_histories())
def test_the_most_restless_test_comes_first(runs):
    """By score, then by the number of changes, then by name."""
    found = transition_scores(runs)
    assert found == sorted(found, key=lambda one: (-one.score, -one.changes, one.nodeid))
    assert all(0 < one.score <= 1 for one in found)
