"""Lost tests: strips with spaces for absence, a slow reading of any history, and which new name is offered."""

from collections import defaultdict

import pytest
from hypothesis import given
from pytest_insight.core.history.partial import Selected
from pytest_insight.core.questions.lost import lost_tests
from small_runs import few, make_run, runs_of_strips, small_histories

PARTIAL = {"selected": Selected(("-k x",))}


def lost(runs) -> dict[str, tuple[str, str]]:
    """Session of the last run, and the first whole one without the test, by test."""
    return {one.nodeid: (one.last_session, one.gone_session) for one in lost_tests(runs)}


@pytest.mark.parametrize(
    ("strip", "expected"),
    [
        ("P", None),
        ("P ", ("s0", "s1")),
        ("PF  ", ("s1", "s2")),
        ("P P", None),
        ("P P ", ("s2", "s3")),
        ("S ", ("s0", "s1")),
        ("! ", ("s0", "s1")),
        ("  P", None),
    ],
)
def test_a_test_is_lost_from_the_first_whole_session_without_it(strip, expected):
    """Whatever its last verdict was; a test that came back is not lost."""
    length = len(strip)
    assert lost(runs_of_strips(t=strip, always="P" * length)).get("t") == expected


@pytest.mark.parametrize(
    "behind",
    [
        PARTIAL,
        {"selected": Selected(paths=("tests/other",))},
        {"selected": Selected(deselected=1)},
        {"selected": Selected(cut_short=True)},
        {"uncollected": ("m.py",)},
        {"status": "interrupted"},
        {"status": "incomplete"},
        {"status": "running"},
        {"branch": "fix"},
        {"sut": "pay"},
    ],
)
def test_only_a_whole_session_of_the_series_says_that_a_test_is_gone(behind):
    """What was told to run less, ended early, or is of another series, says nothing; the next whole one does."""
    runs = [make_run(0, {"t": "P", "always": "P"}), make_run(1, {"always": "P"}, **behind)]
    assert "t" not in lost(runs)
    assert lost([*runs, make_run(2, {"always": "P"})])["t"] == ("s0", "s2")


def slow_lost(runs) -> dict[str, tuple[str, str]]:
    """Forwards, test by test: the last session with it, and the first behind that."""
    found = {}
    for nodeid in {nodeid for run in runs for nodeid in run.tests}:
        last = max(at for at, run in enumerate(runs) if nodeid in run.tests)
        if last + 1 < len(runs):
            found[nodeid] = runs[last].name, runs[last + 1].name
    return found


@few
@given(small_histories())
def test_any_history_of_whole_sessions_loses_what_a_slow_reading_loses(runs):
    """One series: every test that is not in the newest session is lost, from the session behind its last."""
    assert lost(runs) == slow_lost(runs)


@few
@given(small_histories(variants=((("os", "Linux"),), (("os", "Windows"),))))
def test_a_test_that_one_variant_still_has_is_not_lost(runs):
    """Lost of the branch are those that the last session of each variant is without."""
    newest = {run.variant: run for run in runs}
    ran = defaultdict(set)
    for run in runs:
        for nodeid in run.tests:
            ran[nodeid].add(run.variant)
    expected = {n for n, variants in ran.items() if all(n not in newest[variant].tests for variant in variants)}
    assert set(lost(runs)) == expected


def test_the_last_of_the_variants_that_lost_a_test_is_told():
    """With the commit and the time of its last run, and of the session without it."""
    linux, windows = {"variant": (("os", "Linux"),)}, {"variant": (("os", "Windows"),)}
    runs = [
        make_run(0, {"t": "P", "u": "P"}, **linux),
        make_run(1, {"t": "P", "u": "P"}, **windows),
        make_run(2, {"u": "P"}, **linux),
        make_run(3, {"u": "P"}, **windows),
    ]
    (one,) = lost_tests(runs)
    assert (one.last_session, one.last_us, one.last_commit) == ("s1", runs[1].started_us, runs[1].commit)
    assert (one.gone_session, one.gone_us, one.gone_commit) == ("s3", runs[3].started_us, runs[3].commit)
    assert (one.sut, one.branch) == ("shop", "main")


# ------------------------------------------------------------------ new names


@pytest.mark.parametrize(
    ("before", "after", "renamed"),
    [
        (["a.py::x"], ["a.py::y"], {"a.py::x": ("a.py::y",)}),
        (["a.py::x"], ["b.py::x"], {"a.py::x": ("b.py::x",)}),
        (["a.py::x"], ["b.py::y"], {"a.py::x": ()}),
        (["a.py::x"], ["a.py::y", "a.py::z"], {"a.py::x": ()}),
        (["a.py::x"], ["a.py::y", "b.py::x"], {"a.py::x": ("b.py::x",)}),
        (["a.py::x"], ["c.py::x", "b.py::x"], {"a.py::x": ("b.py::x", "c.py::x")}),
        (["a.py::x", "a.py::w"], ["a.py::y"], {"a.py::x": (), "a.py::w": ()}),
        (["a.py::C::x"], ["a.py::D::x"], {"a.py::C::x": ()}),
        (["a.py::C::x"], ["a.py::C::y"], {"a.py::C::x": ("a.py::C::y",)}),
        (["a.py::x[1]"], ["a.py::x[2]"], {"a.py::x[1]": ("a.py::x[2]",)}),
        (["a.py::x[1::2]"], ["a.py::y"], {"a.py::x[1::2]": ("a.py::y",)}),
    ],
)
def test_a_new_name_is_offered_only_where_one_thing_took_the_place(before, after, renamed):
    """The same name in another file; else the only new test of the place whose only test is gone."""
    runs = [
        make_run(0, dict.fromkeys([*before, "t::always"], "P")),
        make_run(1, dict.fromkeys([*after, "t::always"], "P")),
    ]
    assert {one.nodeid: one.renamed for one in lost_tests(runs)} == renamed


def test_a_name_that_was_there_before_is_no_new_name():
    """Also if it was away for some sessions, or came in a session after the loss."""
    base = {"t::always": "P"}
    back = [
        make_run(0, {"a.py::y": "P"} | base),
        make_run(1, {"a.py::x": "P"} | base),
        make_run(2, {"a.py::y": "P"} | base),
    ]
    assert [one.renamed for one in lost_tests(back) if one.nodeid == "a.py::x"] == [()]
    late = [make_run(0, {"a.py::x": "P"} | base), make_run(1, base), make_run(2, {"a.py::y": "P"} | base)]
    assert [one.renamed for one in lost_tests(late)] == [()]


def test_what_was_lost_last_comes_first():
    """By the session that is without it, then by name."""
    found = lost_tests(runs_of_strips(b="P   ", a="P   ", c="PP  ", d="PPP ", always="PPPP"))
    assert [one.nodeid for one in found] == ["d", "c", "a", "b"]
    assert [one.name for one in lost_tests([make_run(0, {"a.py::C::x": "P"}), make_run(1, {"b": "P"})])] == ["C::x"]
