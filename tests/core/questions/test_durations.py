"""Durations: costs against a slow count, changes of level by hand, and what became slower with the newest sessions."""

from statistics import median as plain_median

import pytest
from hypothesis import given
from pytest_insight.core.questions.durations import costs, duration_shifts, figures_of
from pytest_insight.core.questions.slower import slower_now
from small_runs import HOUR_US, few, make_run, make_test, runs_of_strips, small_histories, timed_runs

LINUX, WINDOWS = {"variant": (("os", "Linux"),)}, {"variant": (("os", "Windows"),)}


# ------------------------------------------------------------------ figures


@few
@given(small_histories(suts=("shop", "pay"), branches=("main", "fix")))
def test_every_run_of_every_test_is_counted(runs):
    """Runs, bad runs and last verdict of each test, by walking over all of them."""
    expected = {}
    for run in runs:
        for nodeid, test in run.tests.items():
            count, bad, _ = expected.get(nodeid, (0, 0, ""))
            expected[nodeid] = count + 1, bad + (test.verdict in ("failed", "error", "crashed")), test.verdict
    found = figures_of(runs)
    assert {one.nodeid: (one.runs, one.failed, one.last) for one in found} == expected
    shares = [one.failed / one.runs for one in found]
    assert shares == sorted(shares, reverse=True), "those that fail most come first"
    assert figures_of(runs, "b.py") == [one for one in found if "b.py" in one.nodeid]


def test_a_module_that_was_not_collected_is_in_the_list_of_tests():
    """Bad where collection failed, good where one of its tests ran; a test that has its name is a test."""
    runs = [make_run(0, {"m.py::a": "P"}), make_run(1, {"doc.txt": "P"}, uncollected=("m.py", "doc.txt"))]
    assert [(one.nodeid, one.runs, one.failed, one.last) for one in figures_of(runs)] == [
        ("m.py", 2, 1, "error"),
        ("doc.txt", 1, 0, "passed"),
        ("m.py::a", 1, 0, "passed"),
    ]


def test_the_cost_of_a_test_is_that_of_all_its_runs():
    """Also of those that failed or hung: median, 95 % quantile and sum in seconds."""
    runs = timed_runs(a=[10, 20, 60], b=[5])
    runs.append(make_run(3, {"a": make_test("F", ms=30)}))
    found = {one.nodeid: one for one in costs(runs)}
    assert (found["a"].runs, found["a"].median_s, found["a"].total_s) == (4, pytest.approx(0.025), pytest.approx(0.12))
    assert found["a"].p95_s == pytest.approx(0.03 + 0.85 * 0.03)
    assert (found["b"].runs, found["b"].p95_s) == (1, 0.005)


# ------------------------------------------------------------------ changes of level


@pytest.mark.parametrize(
    ("before", "after", "runs", "is_told"),
    [
        (100, 200, 12, True),
        (200, 100, 12, True),
        (100, 131, 12, True),
        (100, 129, 12, False),
        (4, 9, 12, False),
        (4, 10, 12, True),
        (100, 200, 4, False),
    ],
)
def test_a_change_of_level_needs_size_ratio_and_runs(before, after, runs, is_told):
    """A ratio of 1.3, 10 ms on one side, and so many runs that Pettitt's p is 0.01."""
    found = duration_shifts(timed_runs(t=[before] * runs + [after] * runs))
    assert [(one.before_s, one.after_s, one.since.session, one.considered) for one in found] == (
        [(before / 1000, after / 1000, f"s{runs}", 2 * runs)] if is_told else []
    )


def test_bad_runs_have_no_part_in_the_level():
    """A test that fails at once is not faster."""
    steps = [100] * 10 + [200] * 10
    plain = timed_runs(t=steps)
    mixed = [*plain[:5], make_run(40, {"t": make_test("F", ms=1)}), *plain[5:]]
    assert [one.since.session for one in duration_shifts(mixed)] == ["s10"]


def test_each_series_has_its_own_level_and_the_greatest_change_is_told():
    """A slow and a fast variant in turn are no change; of two variants that changed, the greater change is told."""
    slow, fast = timed_runs(0, WINDOWS, t=[400] * 20), timed_runs(0, LINUX, t=[100] * 20)
    assert duration_shifts([run for pair in zip(slow, fast, strict=True) for run in pair]) == []
    small = timed_runs(0, LINUX, t=[100] * 10 + [200] * 10)
    great = timed_runs(50, WINDOWS, t=[100] * 10 + [900] * 10)
    for runs in ([*small, *great], [*great, *small]):
        assert [one.since.session for one in duration_shifts(runs)] == ["s60"]


# ------------------------------------------------------------------ slower with the newest sessions


def slower(*durations, **more) -> list[tuple[str, bool, tuple[int, int]]]:
    """What is slower now of one test `t`, by its milliseconds in each session."""
    return [(one.nodeid, one.confirmed, one.samples) for one in slower_now(timed_runs(0, more, t=list(durations)))]


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ([], []),
        ([100], []),
        ([100, 151], [("t", False, (1, 1))]),
        ([100, 149], []),
        ([60, 109], []),
        ([100] * 8 + [200] * 4 + [100], [("t", True, (8, 5))]),
        ([100] * 8 + [200] * 2 + [100] * 3, []),
        ([20] * 15 + [31] * 5, [("t", True, (15, 5))]),
        ([20] * 15 + [29] * 5, []),
        ([20] * 50 + [40] * 5, [("t", True, (15, 5))]),
        ([900] * 30 + [20] * 15 + [40] * 5, [("t", True, (15, 5))]),
        ([1] * 15 + [9] * 5, []),
        ([20] * 19 + [90], [("t", False, (19, 1))]),
        ([20] * 19 + [69], []),
        ([40] * 15 + [20] * 5, []),
    ],
)
def test_the_last_five_sessions_are_compared_with_fifteen_before(durations, expected):
    """Several runs confirm 10 ms and 1.2 times; one run tells 50 ms and 1.5 times, unconfirmed; older ones count not."""
    assert slower(*durations) == expected


def test_only_the_series_of_the_newest_session_is_looked_at():
    """Runs of another variant in between are as if they were not there."""
    own = timed_runs(0, LINUX, t=[20] * 15 + [40] * 5)
    other = [
        make_run(100 + at, {"t": make_test("P", ms=5)}, started_us=run.started_us - HOUR_US // 2, **WINDOWS)
        for at, run in enumerate(own)
    ]
    mixed = [run for pair in zip(other, own, strict=True) for run in pair]
    assert slower_now(mixed) == slower_now(own) != []


def test_confirmed_changes_come_first_and_then_the_largest():
    """Whatever their size: what is sure is told before what may be chance."""
    found = slower_now(timed_runs(small=[20] * 15 + [40] * 5, once=[20] * 19 + [900], large=[20] * 15 + [90] * 5))
    assert [one.nodeid for one in found] == ["large", "small", "once"]
    assert found[0].before_s == plain_median([0.02] * 15)


def test_a_test_that_only_failed_has_no_duration_to_compare():
    """Bad runs are on neither side."""
    assert slower_now([*timed_runs(t=[20] * 10), *runs_of_strips(10, t="FFFFF")]) == []
