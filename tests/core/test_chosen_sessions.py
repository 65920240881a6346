"""Sessions that an analysis looks at: narrowed by branch and variant, without the future, and what each answer is about."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.analyzer import Analysis
from pytest_insight.core.history.series import series_of
from pytest_insight.core.history.windows import Window
from pytest_insight.core.questions.broken import broken_tests
from pytest_insight.core.questions.outages import key_of, set_aside
from pytest_insight.projections.clock import FUTURE_US, is_future, latest_start_us
from small_runs import BASE_US, few, make_run, model_of, runs_of_strips, scripted, small_histories

LINUX, WINDOWS = (("db", "lite"), ("os", "Linux")), (("db", "lite"), ("os", "Windows"))
anything = small_histories(suts=("shop", "pay"), branches=("main", "fix", ""), variants=(LINUX, WINDOWS))


def names(runs) -> list[str]:
    """Names of sessions."""
    return [run.name for run in runs]


@few
@given(anything, st.sampled_from(["main", "fix", "none"]))
def test_a_branch_has_its_own_sessions_and_of_the_project_those_that_know_none(runs, branch):
    """In order of time, whatever series they are of."""
    projects = {
        sut: "main" if any(run.sut == sut and run.branch == "main" for run in runs) else "" for sut in ("shop", "pay")
    }
    expected = [run.name for run in runs if (run.branch or projects[run.sut]) == branch]
    assert names(Analysis(runs=runs).on_branch(branch).runs) == expected
    assert names(Analysis(runs=runs).on_branch(branch).asked) == expected


@few
@given(anything)
def test_the_filters_of_an_analysis_commute(runs):
    """Branch and variant in any order; a variant is meant by any part of it."""
    one = Analysis(runs=runs).on_branch("main").in_variant(os="Linux")
    other = Analysis(runs=runs).in_variant(os="Linux").on_branch("main")
    assert names(one.runs) == names(other.runs)
    assert names(Analysis(runs=runs).in_variant(db="lite").runs) == names(runs)
    assert names(Analysis(runs=runs).in_variant(os="Linux").runs) == [r.name for r in runs if r.variant == LINUX]
    assert names(Analysis(runs=runs).in_variant(os="Linux", db="full").runs) == []


@few
@given(anything)
def test_every_session_is_asked_about_or_of_another_branch(runs):
    """What an answer leaves out is named with the number of its sessions and what is broken there."""
    analysis = Analysis(runs=runs)
    left_out = analysis.other_branches()
    assert len(analysis.asked) + sum(one.sessions for one in left_out) == len(runs)
    for one in left_out:
        own = [
            run
            for key, series in series_of(runs).items()
            if (key.sut, key.branch) == (one.sut, one.branch)
            for run in series
        ]
        own.sort(key=lambda run: run.started_us)
        assert one.broken == [broken.nodeid for broken in broken_tests(own)]


@few
@given(small_histories())
def test_what_is_considered_is_all_but_the_outages_that_are_set_aside(runs):
    """Of wide sessions, so that there are outages; every run is still counted."""
    wide = [
        make_run(at, {f"t{n}": run.tests.get("a.py::a", run.tests["t.py::always"]) for n in range(5)})
        for at, run in enumerate(runs)
    ]
    analysis = Analysis(runs=wide)
    aside = set_aside(wide)
    assert {key_of(run) for run in wide} - {key_of(run) for run in analysis.considered} == aside
    assert analysis.summary().sessions == len(wide)
    assert sum(one.runs for one in analysis.tests()) == 5 * len(wide)


@pytest.mark.parametrize(
    ("ahead_us", "is_of_future"), [(0, False), (FUTURE_US, False), (FUTURE_US + 1, True), (-FUTURE_US, False)]
)
def test_a_session_is_of_the_future_from_a_day_ahead_on(ahead_us, is_of_future):
    """Clocks differ; a day is no reason to leave a session out."""
    assert is_future(BASE_US + ahead_us, BASE_US) == is_of_future
    assert (BASE_US + ahead_us > latest_start_us(BASE_US)) == is_of_future


def test_a_session_of_the_future_decides_nothing_while_there_is_another():
    """It is counted, and is not the newest; alone it is all that there is."""
    far = make_run(9, {"t": "F"}, started_us=time.time_ns() // 1000 + 3 * FUTURE_US)
    analysis = Analysis(runs=[*runs_of_strips(t="PP"), far])
    assert (names(analysis.asked), analysis.broken_tests()) == (["s0", "s1"], [])
    assert analysis.summary().sessions == 3
    assert [one.failed for one in analysis.tests()] == [1]
    assert names(Analysis(runs=[far]).asked) == ["s9"]


# ------------------------------------------------------------------ from a store


def test_an_analysis_of_a_read_model_has_the_sessions_of_a_system_and_a_span():
    """The earliest first; of one test those that ran it, with the others or alone."""
    lines = [
        scripted("s0", 0, "PF"),
        scripted("s1", 1, "P"),
        scripted("s2", 2, "PP"),
        scripted("p0", 3, "PF", sut="pay"),
    ]
    with model_of(*lines) as model:
        starts = {row.session_id: row.started_us for row in model.sessions()}
        assert names(Analysis.of_model(model).runs) == ["s0", "s1", "s2", "p0"]
        assert names(Analysis.of_model(model, sut="shop").runs) == ["s0", "s1", "s2"]
        span = Window(starts["s1"], starts["p0"])
        assert names(Analysis.of_model(model, window=span).runs) == ["s1", "s2"]
        assert names(Analysis.of_rows(model, model.sessions()[:2]).runs) == ["s2", "p0"]
        assert names(Analysis.of_test(model, "t.py::1", "shop", span).runs) == ["s2"]
        whole, alone = (Analysis.of_test(model, "t.py::1", alone=alone).runs for alone in (False, True))
        assert [sorted(run.tests) for run in whole] == [["t.py::0", "t.py::1"]] * 3
        assert [sorted(run.tests) for run in alone] == [["t.py::1"]] * 3


def test_the_most_expensive_tests_are_told_with_their_longest_run():
    """By median or by sum, at most so many; without a log there are no phases."""
    from histories import write_session

    lines = [
        write_session("s0", 0, [("long", "passed", 90, 10), ("often", "passed", 60, 0)]),
        *(write_session(f"s{at}", at, [("often", "passed", 60, 0), ("short", "passed", 1, 0)]) for at in (1, 2)),
    ]
    with model_of(*lines) as model:
        analysis = Analysis.of_model(model)
        assert [one.nodeid for one in analysis.slowest_tests(2)] == ["long", "often"]
        first, second = analysis.most_expensive_tests(2)
        assert (first.nodeid, first.total_s, first.runs) == ("often", pytest.approx(0.18), 3)
        assert (second.nodeid, second.longest.setup_s, second.longest.call_s) == ("long", 0.01, 0.09)
    assert [one.longest for one in Analysis(runs=runs_of_strips(t="P")).slowest_tests()] == [None]


def test_why_has_an_event_for_each_run_and_nothing_for_an_unknown_test():
    """The result, the start of a test that never ended, the error of a module."""
    lines = [scripted("s0", 0, "P"), scripted("s1", 1, "-", seal=False), scripted("s2", 2, "", uncollected=("m.py",))]
    with model_of(*lines) as model:
        analysis = Analysis.of_model(model)
        types = [record.envelope.type for record in analysis.why("t.py::0")]
        assert types == ["test.finished", "test.started"]
        assert [record.envelope.type for record in analysis.why("m.py")] == ["collection.failed"]
        assert {key[1]: text for key, text in analysis.messages(analysis.runs).items()} == {
            "m.py": "ImportError: no module for m.py"
        }
        with pytest.raises(LookupError, match="no recorded run of 'none'"):
            analysis.why("none")
    with pytest.raises(LookupError, match="no recorded run"):
        Analysis(runs=runs_of_strips(t="P")).why("t")
