"""Durations: what tests cost, changes of level at each limit of the rule, and what is slower in the newest sessions."""

import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.questions.durations import costs, duration_shifts, figures_of
from pytest_insight.core.questions.slower import BEFORE, NEWEST, slower_now
from small_histories import BAD_LETTERS, make_run, make_sessions, names_of

OLD, NEW = (("python", "3.11"),), (("python", "3.13"),)


def runs_of_ms(*values, name="a", letter="P", **more):
    """Return one session for each duration in milliseconds; None is a session without the test."""
    texts = [f"{name}={letter}@{value}" if value is not None else "z=P" for value in values]
    return make_sessions(*texts, **more)


# ------------------------------------------------------------------ costs and figures


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=12))
def test_the_cost_of_a_test_is_that_of_its_runs(values):
    """Number, sum and median by the standard library; 95 of 100 runs are at most as long as the last figure."""
    (one,) = costs(runs_of_ms(*values))
    seconds = [value / 1000 for value in values]
    assert (one.runs, one.total_s) == (len(values), pytest.approx(sum(seconds)))
    assert one.median_s == pytest.approx(statistics.median(seconds))
    assert sum(value <= one.p95_s + 1e-9 for value in seconds) >= 0.95 * (len(seconds) - 1)
    assert one.median_s <= one.p95_s + 1e-12 <= max(seconds) + 1e-9


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from("PFESCK")), max_size=6))
def test_figures_count_every_run_and_every_bad_one(sessions):
    """Cut runs included; those that fail most come first, and what never ran is in no list."""
    runs = make_sessions(*(" ".join(f"{name}={one}" for name, one in session.items()) for session in sessions))
    expected = {}
    for name in {name for session in sessions for name in session}:
        letters = [session[name] for session in sessions if name in session]
        expected[name] = (len(letters), sum(one in BAD_LETTERS for one in letters), letters[-1] in BAD_LETTERS)
    found = figures_of(runs)
    bad = {"failed", "error", "crashed"}
    told = {n: (o.runs, o.failed, o.last in bad) for n, o in zip(names_of(found), found, strict=True)}
    assert told == expected
    shares = [one.failed / one.runs for one in found]
    assert shares == sorted(shares, reverse=True)
    assert all(a.nodeid < b.nodeid for a, b in pairwise(found) if a.failed * b.runs == b.failed * a.runs)


def test_figures_are_of_the_tests_whose_names_contain_a_text_and_of_modules():
    """A module that is not collected is a run that failed there, and one that is good where its tests ran."""
    runs = [make_run(1, "m.py::x=P@4"), make_run(2, "m.py::x=P@8 a=P"), make_run(3, uncollected=("m.py", "n.py"))]
    assert [(o.nodeid, o.runs, o.failed, o.last, o.median_s) for o in figures_of(runs, ".py") if o.failed] == [
        ("n.py", 1, 1, "error", 0.0),
        ("m.py", 3, 1, "error", 0.0),
    ]
    assert [(one.nodeid, one.median_s) for one in figures_of(runs, "::x")] == [("m.py::x", pytest.approx(0.006))]


# ------------------------------------------------------------------ changes of level


@pytest.mark.parametrize(
    ("before", "behind", "told"),
    [
        (100, 131, True),
        (100, 129, False),
        (131, 100, True),
        (7, 10, True),
        (6, 9, False),
        (9, 6, False),
        (0, 50, False),
        (100, 100, False),
    ],
)
def test_a_shift_is_told_from_a_ratio_of_1_3_and_10_ms(before, behind, told):
    """Both ways; what takes less than 10 ms on both sides is noise, and of nothing there is no ratio."""
    found = duration_shifts(runs_of_ms(*[before] * 15, *[behind] * 15))
    assert bool(found) is told
    for one in found:
        assert (one.before_s, one.after_s) == (pytest.approx(before / 1000), pytest.approx(behind / 1000))
        assert (one.since.session, one.considered) == ("s16", 30)
        assert one.p <= 0.01


@pytest.mark.parametrize(("each", "told"), [(4, False), (5, False), (9, True)])
def test_a_shift_needs_enough_runs_to_be_no_chance(each, told):
    """The approximation of p falls below one in a hundred only with about seven runs a side."""
    assert bool(duration_shifts(runs_of_ms(*[10] * each, *[100] * each))) is told


def test_failing_runs_and_other_variants_are_no_shift():
    """A failure ends early; and a variant that is slower from its first session on has not become slower."""
    values = [*[100] * 9, *[10] * 9]
    failing = [*runs_of_ms(*[100] * 9), *runs_of_ms(*[None] * 9, *[10] * 9, letter="F")[9:]]
    assert duration_shifts(failing) == []
    fast = [make_run(number, f"a=P@{ms}", variant=OLD if ms == 100 else NEW) for number, ms in enumerate(values, 1)]
    assert duration_shifts(fast) == []


def test_of_several_variants_the_greatest_shift_is_told_once():
    """And of several tests the greatest comes first."""
    runs = []
    for variant, slow in ((OLD, 100), (NEW, 200)):
        for number in range(1, 19):
            ms = 20 if number < 10 else slow
            start = len(runs) + 1
            runs.append(make_run(start, f"a=P@{ms} b=P@{50 if number < 10 else 500} c=P@30", variant=variant))
    found = duration_shifts(runs)
    assert [(name, one.after_s) for name, one in zip(names_of(found), found, strict=True)] == [("b", 0.5), ("a", 0.2)]


# ------------------------------------------------------------------ slower now


def test_the_newest_sessions_are_compared_with_those_before():
    """Five against up to fifteen: what lies further back does not count."""
    assert (NEWEST, BEFORE) == (5, 15)
    (one,) = slower_now(runs_of_ms(*[9000] * 10, *[20] * 15, *[200] * 5))
    assert (one.samples, one.confirmed) == ((15, 5), True)
    assert (one.before_s, one.after_s) == (pytest.approx(0.02), pytest.approx(0.2))
    assert slower_now(runs_of_ms(*[20] * 15, *[200] * 5, *[200] * 15, *[200] * 5)) == []


@pytest.mark.parametrize(("count", "samples"), [(2, (1, 1)), (3, (2, 1)), (9, (5, 4)), (10, (5, 5)), (13, (8, 5))])
def test_a_short_history_is_halved(count, samples):
    """The newer half, at most five."""
    found = slower_now(runs_of_ms(*[20] * samples[0], *[400] * samples[1]))
    assert sum(samples) == count
    assert found[0].samples == samples


def test_one_slow_session_is_told_as_unconfirmed():
    """The newest alone against all before it; a test that is known to be slower is told once."""
    once = slower_now(runs_of_ms(*[20] * 12, 2000))
    assert [(one.samples, one.confirmed) for one in once] == [((12, 1), False)]
    assert len(slower_now(runs_of_ms(*[20] * 15, *[400] * 4, 2000))) == 1


def test_confirmed_ones_come_first_then_the_largest():
    """A great but unconfirmed change is behind each confirmed one."""
    before, behind = "a=P@20 b=P@20 c=P@20 d=P@5", "a=P@200 b=P@300 c=P@20 d=P@9"
    found = slower_now(make_sessions(*[before] * 15, *[behind] * 4, behind.replace("c=P@20", "c=P@9000")))
    assert list(zip(names_of(found), [one.confirmed for one in found], strict=True)) == [
        ("b", True),
        ("a", True),
        ("c", False),
    ]


def test_only_the_series_of_the_newest_session_is_compared():
    """Another variant is slower for a reason; one session, or none, is nothing to compare."""
    slow = [make_run(number, "a=P@900", variant=OLD) for number in range(1, 9)]
    fast = [make_run(number, "a=P@20", variant=NEW) for number in range(9, 17)]
    assert slower_now([*fast, *slow]) == []
    assert slower_now(fast[:1]) == slower_now([]) == []
