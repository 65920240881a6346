"""Outages: the limit in whole numbers, and when one is no evidence, against the table of the rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.series import series_of
from pytest_insight.core.questions.outages import is_outage, set_aside
from small_histories import make_run, make_sessions

GOOD, HALF, OUT = "a=P b=P c=P d=P e=P", "a=F b=F c=F d=F e=P", "a=F b=F c=F d=F e=F"
SKIPPED = "a=S b=S"
KINDS = {"g": GOOD, "h": HALF, "O": OUT, "s": SKIPPED}


def test_more_than_four_fifths_of_at_least_five_tests():
    """All counts up to 40 tests, in whole numbers: five times the bad ones against four times all."""
    for considered in range(41):
        for bad in range(considered + 1):
            run = make_run(1, verdicts={"failed": bad, "passed": considered - bad, "skipped": 9})
            assert is_outage(run) is (considered >= 5 and 5 * bad > 4 * considered), (bad, considered)


def runs_of_kinds(kinds, commits):
    """Sessions by a letter each: good, half (exactly four of five bad), O for an outage, skipped only; and commits."""
    pairs = zip(kinds, commits, strict=True)
    return [make_run(number, KINDS[kind], commit=commit * 40) for number, (kind, commit) in enumerate(pairs, 1)]


@pytest.mark.parametrize(
    ("kinds", "commits", "aside"),
    [
        ("O", "a", ""),
        ("gO", "ab", ""),
        ("gO", "aa", ""),
        ("gOg", "abc", "2"),
        ("gOg", "aaa", "2"),
        ("hOh", "abc", "2"),
        ("Og", "ab", ""),
        ("Og", "aa", "1"),
        ("gOO", "abb", ""),
        ("gOOg", "abbc", ""),
        ("gOOg", "abcd", ""),
        ("gOOg", "abcc", "3"),
        ("gOOg", "aabc", "2"),
        ("gOs", "abc", ""),
        ("sOg", "abb", "2"),
        ("gOs", "aab", "2"),
        ("gOs", "aaa", ""),
        ("gOsg", "abbc", ""),
        ("gOg", "aab", "2"),
        ("OgOg", "aabc", "13"),
    ],
)
def test_an_outage_is_set_aside_only_if_its_neighbours_are_good(kinds, commits, aside):
    """The newest counts, two in a row of one commit count; good ones of its commit, or on both sides, set it aside."""
    runs = runs_of_kinds(kinds, commits)
    assert {run.name for run in runs if run.stream in set_aside(runs)} == {f"s{number}" for number in aside}


def test_sessions_without_a_commit_are_not_of_one_commit():
    """A good session behind an outage sets it aside if both are of one commit, which is not known here."""
    assert set_aside(runs_of_kinds("Og", ["", ""])) == set()
    assert len(set_aside(runs_of_kinds("Og", "aa"))) == 1


def expected_aside(runs):
    """The same rule as a set of conditions, each asked of the pair of neighbours."""
    found = set()
    for series in series_of(runs).values():
        for at, run in enumerate(series):
            good = lambda one: one.considered > 0 and 5 * one.bad <= 4 * one.considered
            is_out = run.considered >= 5 and 5 * run.bad > 4 * run.considered
            sides = series[max(at - 1, 0) : at] + series[at + 1 : at + 2]
            same = [one for one in sides if one.commit == run.commit != ""]
            repeated = any(one.considered >= 5 and 5 * one.bad > 4 * one.considered for one in same)
            by_commit = bool(same) and all(map(good, same))
            between = 0 < at < len(series) - 1 and all(map(good, sides))
            if is_out and run is not series[-1] and not repeated and (by_commit or between):
                found.add(run.stream)
    return found


kinds_and_commits = st.lists(
    st.tuples(st.sampled_from("ghOOs"), st.sampled_from(["", "u", "v"]), st.sampled_from(["main", "main", "fix"])),
    max_size=9,
)


@given(kinds_and_commits)
def test_any_history_follows_the_conditions(history):
    """Also across branches, where the neighbour of a session is the next one of its own branch."""
    runs = [
        make_run(number, KINDS[kind], commit=commit * 40, branch=branch)
        for number, (kind, commit, branch) in enumerate(history, 1)
    ]
    assert set_aside(runs) == expected_aside(runs)


@given(kinds_and_commits, st.sampled_from("gO"))
def test_a_session_of_another_system_changes_nothing(history, kind):
    """Between any two sessions there may be one of another system; it is no neighbour."""
    runs = [make_run(2 * n, KINDS[k], commit=c * 40, branch=b) for n, (k, c, b) in enumerate(history, 1)]
    strangers = [make_run(2 * n + 1, KINDS[kind], sut="pay") for n in range(len(runs) + 1)]
    both = sorted([*runs, *strangers], key=lambda run: run.started_us)
    assert set_aside(both) & {run.stream for run in runs} == set_aside(runs)


def test_sessions_that_are_in_no_log_are_known_by_their_names():
    """Without a stream the name is the key."""
    runs = [make_run(number, KINDS[kind], stream="") for number, kind in enumerate("gOg", 1)]
    assert set_aside(runs) == {"s2"}
    assert set_aside(make_sessions(GOOD, GOOD)) == set()
