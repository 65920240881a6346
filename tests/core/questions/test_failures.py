"""Failure rates, tests that fail together, suspects of order: against brute force over all pairs and all sessions."""

from itertools import combinations

import pytest
from hypothesis import given
from pytest_insight.core.questions.evidence import conclusive_runs, occurrence, runs_of_failed_tests
from pytest_insight.core.questions.failures import MIN_RUNS, failing_together, failure_rates
from pytest_insight.core.questions.order import order_suspects
from pytest_insight.core.questions.stats import wilson
from small_runs import few, make_run, make_test, runs_of_strips, small_histories

BAD, GOOD = {"failed", "error", "crashed"}, {"passed", "xpassed", "xfailed"}

# ------------------------------------------------------------------ evidence


@few
@given(small_histories(variants=((), (("db", "lite"), ("os", "Linux")))))
def test_every_run_of_a_test_that_failed_is_looked_at(runs):
    """Each run, in order of time, of exactly those tests that have a bad one; skips are not conclusive."""
    found = runs_of_failed_tests(runs)
    assert set(found) == {nodeid for run in runs for nodeid, test in run.tests.items() if test.verdict in BAD}
    for nodeid, seen in found.items():
        assert [run.name for run, _ in seen] == [run.name for run in runs if nodeid in run.tests]
        verdicts = [test.verdict for _, test in seen if test.verdict in GOOD | BAD]
        assert [one.verdict for one in conclusive_runs(seen)] == verdicts


def test_evidence_names_the_session_its_source_and_its_variant():
    """Seconds, and the variant as people write it."""
    run = make_run(7, {"t": make_test("rF", ms=1500, position=42)}, variant=(("db", "lite"), ("os", "Linux")))
    seen = occurrence(run, run.tests["t"])
    assert (seen.session, seen.stream, seen.commit, seen.started_us) == ("s7", run.stream, run.commit, run.started_us)
    assert (seen.verdict, seen.outcomes, seen.duration_s, seen.position) == ("failed", ("rerun", "failed"), 1.5, 42)
    assert (seen.branch, seen.variant) == ("main", "db=lite os=Linux")


# ------------------------------------------------------------------ rates


@few
@given(small_histories())
def test_a_rate_is_bad_runs_of_conclusive_ones(runs):
    """Its interval is that of the two counts; tests with enough runs come first, by what is sure."""
    found = failure_rates(runs)
    for one in found:
        verdicts = [run.tests[one.nodeid].verdict for run in runs if one.nodeid in run.tests]
        bad, good = (sum(verdict in kind for verdict in verdicts) for kind in (BAD, GOOD))
        assert (one.bad, one.considered, one.enough) == (bad, bad + good, bad + good >= 5)
        assert one.rate == wilson(bad, bad + good)
    assert found == sorted(found, key=lambda one: (not one.enough, -one.rate.low, one.nodeid))


@pytest.mark.parametrize(("strip", "enough"), [("FPPP", False), ("FPPPP", True), ("FPPPS", False), ("FP/PP", False)])
def test_a_rate_is_judged_from_five_conclusive_runs_on(strip, enough):
    """Skips and interruptions are no runs that say something."""
    assert [one.enough for one in failure_rates(runs_of_strips(t=strip))] == [enough]
    assert MIN_RUNS == 5


# ------------------------------------------------------------------ failing together


def jaccard(first: str, second: str) -> float:
    """Similarity of two strips: columns with two failures, by columns with one at least."""
    both = sum(a == b == "F" for a, b in zip(first, second, strict=True))
    either = sum("F" in (a, b) for a, b in zip(first, second, strict=True))
    return both / either


@pytest.mark.parametrize(
    ("first", "second", "is_group"),
    [
        ("FFFP", "FFFP", True),
        ("FFPP", "FFPP", False),
        ("FFFFP", "FFFPP", True),
        ("FFFFFP", "FFFPPP", False),
        ("FFFFFFFPPP", "FFFFFFFFFF", True),
        ("FFFFFFPPPP", "FFFFFFFFFF", False),
        ("FFFPPP", "PPPFFF", False),
    ],
)
def test_two_tests_belong_together_from_three_joint_failures_and_seven_tenths_on(first, second, is_group):
    """Both limits themselves are enough."""
    found = failing_together(runs_of_strips(a=first, b=second))
    assert [(one.tests, one.jaccard) for one in found] == ([(["a", "b"], jaccard(first, second))] if is_group else [])


@few
@given(small_histories())
def test_every_pair_of_a_group_is_similar_enough(runs):
    """By brute force over the failing sessions; no test is in two groups, and no similar pair is left over."""
    failing = {}
    for run in runs:
        for nodeid, test in run.tests.items():
            if test.verdict in BAD:
                failing.setdefault(nodeid, set()).add(run.stream)
    groups = failing_together(runs)
    members = [nodeid for group in groups for nodeid in group.tests]
    assert len(members) == len(set(members))

    def similarity(a, b):
        return len(failing[a] & failing[b]) / len(failing[a] | failing[b])

    for group in groups:
        shares = [similarity(a, b) for a, b in combinations(group.tests, 2)]
        assert min(shares) == group.jaccard >= 0.7
    left = [nodeid for nodeid, sessions in failing.items() if len(sessions) >= 3 and nodeid not in members]
    assert not any(similarity(a, b) >= 0.7 and len(failing[a] & failing[b]) >= 3 for a, b in combinations(left, 2))


def test_a_third_test_joins_only_if_it_is_like_every_member():
    """`c` is like `a` and not like `b`: two groups are not chained to one."""
    found = failing_together(
        runs_of_strips(a="FFFFFFFFPP", b="FFFFFFFFFF", c="FFFFFFPPPP", d="FFFFFFFFPP", ok="PPPPPPPPPP")
    )
    assert [(group.tests, group.joint, group.jaccard) for group in found] == [(["a", "b", "d"], 8, 0.8)]
    large = failing_together(runs_of_strips(y="FFF      ", z="FFF      ", a="   FFF   ", b="   FFF   ", c="   FFF   "))
    assert [group.tests for group in large] == [["a", "b", "c"], ["y", "z"]], "the largest group comes first"


# ------------------------------------------------------------------ suspects of order


def session(number: int, order: str, bad: str = "", workers: dict[str, str] | None = None):
    """A session that ran tests in this order; those of `bad` failed."""
    tests = {
        name: make_test("F" if name in bad else "P", order=at, worker=(workers or {}).get(name, ""))
        for at, name in enumerate(order)
    }
    return make_run(number, tests)


def suspects(*sessions) -> list[tuple[str, str, int, int]]:
    """Victim, suspect, failures behind it, passes without it."""
    return [(one.nodeid, one.after, one.failed_after, one.passed_without) for one in order_suspects(list(sessions))]


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ([("mv", "v"), ("mv", "v"), ("v", ""), ("vm", "")], [("v", "m", 2, 2)]),
        ([("mv", "v"), ("v", ""), ("v", "")], []),
        ([("mv", "v"), ("mv", "v"), ("v", "")], []),
        ([("mv", "v"), ("mv", "v"), ("v", ""), ("mv", "")], []),
        ([("mv", "v"), ("nv", "v"), ("v", ""), ("v", "")], []),
        ([("mnv", "v"), ("nmv", "v"), ("v", ""), ("v", "")], [("v", "m", 2, 2), ("v", "n", 2, 2)]),
        ([("mnv", "v"), ("nmv", "v"), ("nv", ""), ("v", "")], [("v", "m", 2, 2)]),
        ([("abcdv", "v"), ("abcdv", "v"), ("v", ""), ("v", "")], [("v", name, 2, 2) for name in "abc"]),
    ],
)
def test_a_suspect_came_before_each_failure_and_before_no_pass(sessions, expected):
    """Two failures and two passes at least; of many suspects three are named."""
    assert suspects(*(session(at, order, bad) for at, (order, bad) in enumerate(sessions))) == expected


def test_only_what_ran_on_the_same_worker_can_be_the_cause():
    """A test on another worker shares no state, in the failures and in the passes alike."""
    apart = {"m": "gw0", "v": "gw1"}
    bad = [session(at, "mv", "v") for at in (0, 1)]
    good = [session(at, "mv", "", apart) for at in (2, 3)]
    assert suspects(*bad, *good) == [("v", "m", 2, 2)]
    assert suspects(*(session(at, "mv", "v", apart) for at in (0, 1)), *good) == []
