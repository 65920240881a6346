"""Series: which sessions belong together, by system, branch and variant; and which branch is asked about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.series import (
    DEFAULT_BRANCHES,
    FRESH_US,
    asked_runs,
    branch_asked,
    project_branch,
    runs_by_sut,
    series_of,
)
from small_histories import HOUR_US, make_run

sessions = st.lists(
    st.tuples(
        st.sampled_from(["shop", "pay"]),
        st.sampled_from(["", "main", "develop", "fix"]),
        st.sampled_from([(), (("os", "Linux"),)]),
    ),
    max_size=10,
)


def runs_of_places(places):
    """Return sessions of systems, branches and variants, an hour apart."""
    return [make_run(n, sut=sut, branch=b, variant=v) for n, (sut, b, v) in enumerate(places, 1)]


@given(sessions)
def test_series_divide_all_sessions_and_keep_their_order(places):
    """Each session is in one series: that of its system, its branch (or the project's) and its variant."""
    runs = runs_of_places(places)
    found = series_of(runs)
    assert sorted(run.stream for series in found.values() for run in series) == [run.stream for run in runs]
    for key, series in found.items():
        assert series
        assert [run.started_us for run in series] == sorted(run.started_us for run in series)
        known = {branch for sut, branch, _ in places if sut == key.sut}
        own = next((name for name in DEFAULT_BRANCHES if name in known), "")
        assert {(run.sut, run.branch or own, run.variant) for run in series} == {tuple(key)}
    by_sut = runs_by_sut(runs)
    assert [run for sut in by_sut for run in by_sut[sut]] == sorted(runs, key=lambda run: list(by_sut).index(run.sut))


@pytest.mark.parametrize(
    ("branches", "own"),
    [
        ([], ""),
        ([""], ""),
        (["fix"], ""),
        (["master", "main"], "main"),
        (["trunk", "master"], "master"),
        (["develop", "default"], "default"),
        (["Main"], ""),
        (["develop"], "develop"),
    ],
)
def test_the_branch_of_a_project_is_the_first_of_the_usual_names(branches, own):
    """In any order of the sessions; a name that is not usual is no project's."""
    assert project_branch(runs_of_places([("shop", branch, ()) for branch in branches])) == own


# ------------------------------------------------------------------ the branch that is asked about


@pytest.mark.parametrize(
    ("branches", "asked"),
    [
        (["main"], "main"),
        (["fix"], "fix"),
        (["main", "fix"], "main"),
        (["fix", "main"], "main"),
        (["", "fix"], ""),
        (["fix", ""], ""),
        (["main", "", "fix"], "main"),
        ([""], ""),
    ],
)
def test_without_a_word_the_project_is_meant_else_the_newest_branch(branches, asked):
    """As long as the project has a session of the last week."""
    assert branch_asked(runs_of_places([("shop", branch, ()) for branch in branches])) == asked


@pytest.mark.parametrize(("later_us", "asked"), [(FRESH_US, "main"), (FRESH_US + 1, "fix")])
def test_the_project_is_meant_if_it_ran_within_a_week_of_the_newest(later_us, asked):
    """A week to the microsecond, counted to the newest session of any branch and not to the clock."""
    first = make_run(1)
    fix = make_run(2, branch="fix", started_us=first.started_us + later_us)
    assert branch_asked([first, fix]) == asked
    # a session that does not know its branch is one of the project
    unknown = make_run(3, branch="", started_us=fix.started_us - HOUR_US)
    assert branch_asked([first, unknown, fix]) == "main"
    assert branch_asked([]) == ""


@given(sessions)
def test_each_system_has_a_branch_of_its_own_that_is_asked_about(places):
    """What is kept are whole series, in order, of each system the one branch, and never none of a system."""
    runs = runs_of_places(places)
    kept = asked_runs(runs)
    assert [run for run in runs if run in kept] == kept
    assert {run.sut for run in kept} == {run.sut for run in runs}
    for key, series in series_of(runs).items():
        own = [run for run in runs if run.sut == key.sut]
        assert set(map(id, series)) <= set(map(id, kept)) or key.branch != branch_asked(own)
        assert all(run not in kept for run in series) or key.branch == branch_asked(own)
