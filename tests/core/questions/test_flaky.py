"""Flaky tests: each rule against a table by hand and a slow count of its definition; recovery at both of its limits."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.questions.flaky import retry_flaky, same_source_flaky, transition_scores, with_ages
from small_histories import (
    BAD_LETTERS,
    DAY_US,
    GOOD_LETTERS,
    make_run,
    make_sessions,
    make_test,
    names_of,
    runs_of_letters,
)

COMMIT = "c" * 40
letters_of_attempts = st.text("PFESxXr?", min_size=1, max_size=4)


def figures(found):
    """What is said of each test, without the evidence."""
    return {name: (one.count, one.considered) for name, one in zip(names_of(found), found, strict=True)}


# ------------------------------------------------------------------ retries within a session


@pytest.mark.parametrize(
    ("attempts", "is_flaky"),
    [
        ("rP", True),
        ("rPC", False),
        ("FPK", False),
        ("FP", True),
        ("EP", True),
        ("?P", True),
        ("rrP", True),
        ("Fx", True),
        ("FX", True),
        ("P", False),
        ("F", False),
        ("PF", False),
        ("rF", False),
        ("rS", False),
        ("SP", False),
        ("PP", False),
        ("xP", False),
        ("SxXP", False),
    ],
)
def test_retry_flaky_is_a_good_end_behind_an_attempt_that_was_not(attempts, is_flaky):
    """A skip before, or a repetition of a good test, is no evidence; a bad end or a skip at the end is no pass."""
    assert bool(retry_flaky(make_sessions(f"a={attempts}"))) is is_flaky


@given(st.lists(st.dictionaries(st.sampled_from("ab"), letters_of_attempts), max_size=5))
def test_retry_flaky_counts_sessions_and_all_runs_of_the_test(sessions):
    """The count is of sessions that show it, of all sessions that have the test."""
    runs = make_sessions(*(" ".join(f"{name}={one}" for name, one in session.items()) for session in sessions))
    shown = {
        name: [
            number
            for number, session in enumerate(sessions, 1)
            if session.get(name, "F")[-1] in GOOD_LETTERS and set(session[name][:-1]) - GOOD_LETTERS - {"S"}
        ]
        for name in "ab"
    }
    found = retry_flaky(runs)
    ran = {name: sum(name in session for session in sessions) for name in "ab"}
    assert figures(found) == {name: (len(at), ran[name]) for name, at in shown.items() if at}
    for name, one in zip(names_of(found), found, strict=True):
        assert [seen.session for seen in one.evidence] == [f"s{number}" for number in shown[name]]


# ------------------------------------------------------------------ both verdicts on one commit


@pytest.mark.parametrize(
    "difference",
    [
        {"commit": "d" * 40},
        {"commit": ""},
        {"dirty": True},
        {"dirty": None},
        {"branch": "fix"},
        {"sut": "pay"},
        {"variant": (("os", "Linux"),)},
    ],
    ids=str,
)
def test_same_source_needs_everything_to_be_the_same(difference):
    """A change of commit, tree, branch, system or variant explains why a test fails there and passes here."""
    first, second = make_run(1, "a=P", commit=COMMIT), make_run(2, "a=F", commit=COMMIT)
    assert figures(same_source_flaky([first, second])) == {"a": (1, 1)}
    assert same_source_flaky([first, make_run(2, "a=F", **({"commit": COMMIT} | difference))]) == []


@given(st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("PFESxX ")), max_size=9))
def test_same_source_counts_commits_by_definition(history):
    """A commit counts where some pair of its sessions has one good and one bad run; it is considered from two runs on."""
    runs = [
        make_run(number, f"a={letter}" if letter != " " else "b=P", commit=commit * 40)
        for number, (commit, letter) in enumerate(history, 1)
    ]
    of_commit = {commit: [one for at, one in history if at == commit] for commit in "uvw"}
    pairs = {commit: [set(pair) for pair in combinations(seen, 2)] for commit, seen in of_commit.items()}
    flaky = [c for c, found in pairs.items() if any(pair & GOOD_LETTERS and pair & BAD_LETTERS for pair in found)]
    considered = [c for c, seen in of_commit.items() if sum(one != " " for one in seen) > 1]
    expected = {"a": (len(flaky), len(considered))} if flaky else {}
    assert figures(same_source_flaky(runs)) == expected


def test_the_evidence_is_every_run_on_the_flaky_commits_only():
    """The good and the bad ones; a commit on which it only passed is considered, and no evidence."""
    letters = [("u", "P"), ("u", "F"), ("v", "P"), ("v", "P"), ("u", "S")]
    runs = [make_run(n, f"a={letter}", commit=commit * 40) for n, (commit, letter) in enumerate(letters, 1)]
    (one,) = same_source_flaky(runs)
    assert (one.rule, one.count, one.considered) == ("same-source", 1, 2)
    assert [seen.session for seen in one.evidence] == ["s1", "s2", "s5"]


# ------------------------------------------------------------------ recovery


def aged(letters, rule=retry_flaky, days=()):
    """Return the one flaky test of a history, with its age; `r` is a pass behind a retry."""
    runs = [
        make_run(number, "" if one == " " else f"a={'rP' if one == 'r' else one}", commit=COMMIT)
        for number, one in enumerate(letters, 1)
    ]
    for place, day in days:
        runs[place] = make_run(place + 1, f"a={letters[place]}", started_us=runs[0].started_us + round(day * DAY_US))
    (one,) = with_ages(rule(runs), runs)
    return one


@pytest.mark.parametrize(("good", "recovered"), [(0, False), (1, False), (29, False), (30, True), (31, True)])
def test_thirty_good_runs_in_a_row_are_a_recovery(good, recovered):
    """29 are not; what counts is only what ran behind the newest evidence."""
    one = aged("r" + "P" * good)
    assert (one.good_since, one.recovered) == (good, recovered)
    assert one.last_us == one.evidence[-1].started_us


@pytest.mark.parametrize(("days", "recovered"), [(13.999, False), (14, True), (40, True)])
def test_fourteen_good_days_are_a_recovery(days, recovered):
    """Counted from the newest evidence to the newest good run."""
    assert aged("rP", days=[(1, days)]).recovered is recovered


@pytest.mark.parametrize("letters", ["rF" + "P" * 40, "r" + "P" * 40 + "F", "r" + "P" * 40 + "E"])
def test_a_bad_run_behind_the_evidence_prevents_the_recovery(letters):
    """The row of good runs is broken, so its length is told as nothing."""
    one = aged(letters)
    assert (one.good_since, one.recovered) == (0, False)


def test_skips_and_time_alone_are_no_recovery():
    """A test that is skipped for a month is as flaky as before."""
    one = aged("rS", days=[(1, 30)])
    assert (one.good_since, one.recovered) == (0, False)
    assert aged("r" + "PS" * 29).good_since == 29


def test_new_evidence_of_one_rule_counts_for_the_other():
    """Both rules tell of one test; neither says that it has recovered while the other has newer evidence."""
    runs = [make_run(1, "a=P", commit=COMMIT), make_run(2, "a=F", commit=COMMIT)]
    runs += [make_run(number, "a=P") for number in range(3, 40)]
    runs.append(make_run(40, "a=rP"))
    found = with_ages([*same_source_flaky(runs), *retry_flaky(runs)], runs)
    assert [(one.rule, one.recovered, one.good_since) for one in found] == [
        ("same-source", False, 0),
        ("retry", False, 0),
    ]
    assert [one.last_us for one in found] == [runs[1].started_us, runs[-1].started_us]
    assert with_ages([], runs) == []


# ------------------------------------------------------------------ transitions


@given(st.lists(st.text("PFESKxX? ", max_size=8), min_size=1, max_size=3))
def test_transition_scores_are_the_changes_per_possible_change(series):
    """Of all variants together, also those in which it never failed; a change between variants is none."""
    runs, changes, possible, conclusive = [], 0, 0, 0
    for number, letters in enumerate(series):
        own = runs_of_letters(letters, variant=(("shard", str(number)),))
        runs += [replace(run, stream=f"{number}-{run.stream}") for run in own]
        bad = [one in BAD_LETTERS for one in letters if one in GOOD_LETTERS | BAD_LETTERS]
        changes += sum(bad[at] != bad[at + 1] for at in range(len(bad) - 1))
        possible += max(len(bad) - 1, 0)
        conclusive += len(bad)
    runs.sort(key=lambda run: run.started_us)
    found = [(one.changes, one.considered, one.score) for one in transition_scores(runs)]
    assert found == ([(changes, conclusive, changes / possible)] if changes else [])


def test_the_highest_score_comes_first_then_most_changes_then_the_name():
    """Four tests of three scores."""
    runs = make_sessions("d=P c=P b=P a=P", "d=F c=F b=F a=F", "c=F b=F a=P", "c=P b=F a=F", "c=F")
    assert names_of(transition_scores(runs)) == ["a", "d", "c", "b"]


def test_a_result_of_the_helper_is_what_its_letters_say():
    """The notation of these histories: the last attempt decides, and what was running has no event."""
    assert make_test("rP", ms=2, position=7) == ("passed", ("rerun", "passed"), 2000, 7, "", 0)
    assert make_test("rC", ms=2, position=7) == ("crashed", ("rerun",), 0, -1, "", 0)
