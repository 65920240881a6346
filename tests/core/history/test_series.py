"""Series: histories are divided into parts by system, branch and variant, and a question asks about one branch."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_insight.core.history.series import (
    FRESH_US,
    asked_runs,
    branch_asked,
    project_branch,
    runs_by_sut,
    series_of,
)
from pytest_insight.core.history.variants import (
    differing_text,
    is_of_variant,
    variant_text,
)
from small_runs import few, make_run, small_histories

anything = small_histories(
    suts=("shop", "pay"), branches=("main", "fix", ""), variants=((("os", "Linux"),), (("os", "Windows"),))
)


@few
@given(anything)
def test_series_divide_a_history(runs):
    """Each session is in exactly one series, in its order of time; all of a series are alike."""
    series = series_of(runs)
    assert sorted(run.name for own in series.values() for run in own) == sorted(run.name for run in runs)
    for key, own in series.items():
        assert [run.started_us for run in own] == sorted(run.started_us for run in own)
        assert {(run.sut, run.variant) for run in own} == {(key.sut, key.variant)}
        assert {run.branch for run in own} <= {key.branch, ""}
    assert {sut: len(own) for sut, own in runs_by_sut(runs).items()} == {
        sut: sum(run.sut == sut for run in runs) for sut in {run.sut for run in runs}
    }


@few
@given(anything)
def test_the_sessions_asked_about_are_whole_series(runs):
    """Of each system the sessions of one branch, none of them left out, in their order."""
    asked = asked_runs(runs)
    assert [run for run in runs if run in asked] == asked
    for own in series_of(runs).values():
        assert all(run in asked for run in own) or not any(run in asked for run in own)
    assert {run.sut for run in asked} == {run.sut for run in runs}


@pytest.mark.parametrize(
    ("branches", "project"),
    [
        ([], ""),
        (["fix"], ""),
        (["fix", "main"], "main"),
        (["master", "main"], "main"),
        (["develop", "trunk"], "trunk"),
        (["develop", "fix"], "develop"),
        (["", "fix"], ""),
        (["", "master"], "master"),
    ],
)
def test_the_branch_of_the_project_is_the_first_known_name_with_sessions(branches, project):
    """In the order main, master, trunk, default, develop."""
    runs = [make_run(at, {}, branch=branch) for at, branch in enumerate(branches)]
    assert project_branch(runs) == project
    assert {key.branch for key in series_of(runs)} == {branch or project for branch in branches}


@pytest.mark.parametrize(
    ("own", "age_us", "asked"),
    [
        ("main", FRESH_US, "main"),
        ("main", FRESH_US + 1, "fix"),
        ("", FRESH_US, ""),
        ("", FRESH_US + 1, "fix"),
        ("trunk", 0, "trunk"),
        ("other", 0, "fix"),
    ],
)
def test_the_project_is_asked_about_while_its_last_session_is_a_week_old_at_most(own, age_us, asked):
    """Then the branch of the newest session is; sessions that know no branch are the project's."""
    newest = make_run(1000, {}, branch="fix")
    runs = [make_run(0, {}, branch=own, started_us=newest.started_us - age_us), newest]
    assert branch_asked(runs) == asked
    assert asked_runs(runs) == ([newest] if asked == "fix" else runs[:1])
    assert FRESH_US == 7 * 24 * 3600 * 1_000_000


def test_nothing_is_asked_of_nothing():
    """No session, no branch."""
    assert (branch_asked([]), asked_runs([]), series_of([])) == ("", [], {})


# ------------------------------------------------------------------ variants


variants = st.dictionaries(st.sampled_from(["db", "os", "python"]), st.sampled_from("xyz"), min_size=1).map(
    lambda found: tuple(sorted(found.items()))
)


@few
@example((("db", "x"), ("os", "x")), [(("db", "x"), ("os", "y")), (("db", "y"), ("os", "x"))])
@example((("db", "x"), ("os", "x")), [(("db", "x"), ("os", "y")), (("db", "x"), ("os", "x"))])
@given(variants, st.lists(variants, max_size=4))
def test_only_what_differs_is_named(variant, others):
    """Values that each of the others has too are left out, unless nothing else would be left."""
    common = {item for item in variant if all(item in other for other in others)}
    expected = [item for item in variant if item not in common] or list(variant)
    assert differing_text(variant, others) == variant_text(tuple(expected))


@few
@given(variants, variants)
def test_a_variant_is_meant_if_it_has_all_values_that_are_wanted(variant, wanted):
    """Nothing wanted is everything."""
    assert is_of_variant(variant, wanted) == all(dict(variant).get(name) == value for name, value in wanted)
    assert is_of_variant(variant, ())
