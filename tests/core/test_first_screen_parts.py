"""What the first screen is made of: marks, strips, groups, cases, sentences, and what became slower."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.partial import WHOLE, Selected, selected_of
from pytest_insight.core.history.verdicts.columns import TestRun
from pytest_insight.core.history.verdicts.run import Run
from pytest_insight.core.naming.nearest import did_you_mean
from pytest_insight.core.overview.breakage import note_of
from pytest_insight.core.overview.cases import by_test, count_cases, test_of
from pytest_insight.core.overview.headline import OutageNow
from pytest_insight.core.overview.marks import MARKS, mark_word, worst_word
from pytest_insight.core.overview.sentence import Progress, broken_sentence, sentences_of, state_sentence
from pytest_insight.core.overview.strips import strips_of
from pytest_insight.core.questions.broken import Broken
from pytest_insight.core.questions.evidence import Occurrence
from pytest_insight.core.questions.slower import slower_now
from pytest_insight.projections.rules import VERDICTS

DAY_US = 86_400_000_000


def run_with(number, results, **more):
    """A session of the test's own: results by node id, an outcome or (outcome, milliseconds)."""
    tests = {}
    for nodeid, result in results.items():
        verdict, took_ms = result if isinstance(result, tuple) else (result, 1)
        tests[nodeid] = TestRun(verdict, (verdict,), took_ms * 1000, -1, "", len(tests))
    where = {"commit": f"{number:02d}" * 20, "branch": "main", "dirty": False} | more
    return Run(f"s{number}", f"{number:032x}", "shop", number * DAY_US, 1, "complete", tests=tests, **where)


def seen(number, verdict="failed", commit=None, **more):
    """One run of a test as evidence."""
    what = (f"s{number}", f"{number:032x}", number * DAY_US, f"{number:02d}" * 20 if commit is None else commit)
    return Occurrence(*what, verdict, (verdict,), 0.1, more.pop("position", 1), **more)


def broken(nodeid, good, *bad):
    """A broken test: the session of its last good run, and those of its bad ones."""
    last_good = seen(good, "passed") if good is not None else None
    return Broken(nodeid, len(bad), last_good, seen(bad[0]), [seen(number) for number in bad])


# ------------------------------------------------------------------ marks


def test_each_verdict_has_a_mark_and_all_shapes_differ():
    """No two marks share a shape or an ASCII form; shapes take one column."""
    assert {mark_word(verdict) for verdict in VERDICTS} == set(VERDICTS) - {"flaky"}
    assert mark_word("quarantined") == "other"
    for part in ("shape", "ascii"):
        drawn = [getattr(mark, part) for mark in MARKS.values()]
        assert len(set(drawn)) == len(drawn)
        assert {len(one) for one in drawn} == {1}
    assert set("".join(mark.ascii for mark in MARKS.values())) <= set(string.printable)


def test_a_pass_behind_a_failure_is_drawn_as_flaky():
    """Only attempts that were bad make a pass flaky; a failure stays one."""
    assert mark_word("passed", ("failed", "passed")) == "flaky"
    assert mark_word("passed", ("rerun", "passed")) == "flaky"
    assert mark_word("passed", ("passed",)) == "passed"
    assert mark_word("failed", ("failed", "failed")) == "failed"


@given(st.lists(st.sampled_from(list(MARKS)), min_size=1))
def test_the_worst_of_several_is_bad_if_one_is(words):
    """What is drawn for several results never hides a bad one."""
    bad = {"crashed", "error", "failed"}
    assert (worst_word(words) in bad) == bool(bad & set(words))


# ------------------------------------------------------------------ strips


@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["passed", "failed", "skipped"])), max_size=8),
    st.integers(1, 5),
)
def test_strips_are_the_last_runs_of_each_test(sessions, count):
    """For any history: the verdicts of a test in order of time, the last so many of them."""
    runs = [run_with(number, results) for number, results in enumerate(sessions)]
    strips = strips_of(runs, {name: (name,) for name in "abc"}, count)
    assert strips == {
        name: tuple([results[name] for results in sessions if name in results][-count:]) for name in "abc"
    }


def test_a_strip_of_several_cases_shows_the_worst_of_each_session():
    """One mark a session, bad if one of the cases was bad."""
    sessions = [{"t[1]": "passed", "t[2]": "failed"}, {"t[1]": "passed"}, {"u": "failed"}, {"t[2]": "skipped"}]
    runs = [run_with(number, results) for number, results in enumerate(sessions)]
    assert strips_of(runs, {"t": ("t[1]", "t[2]")}, 9) == {"t": ("failed", "passed", "skipped")}


def test_a_module_that_was_not_collected_has_a_strip():
    """Good where one of its tests ran, an error where collection failed."""
    runs = [run_with(0, {"m.py::a": "passed"}), run_with(1, {"n.py::b": "passed"}, uncollected=("m.py",))]
    assert strips_of(runs, {"m.py": ("m.py",)}, 9) == {"m.py": ("passed", "error")}


# ------------------------------------------------------------------ cases


@pytest.mark.parametrize(
    ("nodeid", "test"),
    [
        ("t.py::test_a[1]", "t.py::test_a"),
        ("t.py::C::test_a[x::y[z]]", "t.py::C::test_a"),
        ("a[1]/t.py::test_a", "a[1]/t.py::test_a"),
        ("t.py::test_a", "t.py::test_a"),
        ("t[1].py", "t[1].py"),
    ],
)
def test_parameters_are_behind_the_name_of_the_test(nodeid, test):
    """Brackets in folders are no parameters; those in parameters end nothing."""
    assert test_of(nodeid) == test


def test_cases_of_a_test_are_one_row_and_are_counted():
    """In order of the first of each; a test of a longer name is another one."""
    (one, other) = by_test(["t.py::a[2]", "t.py::ab[1]", "t.py::a[1]", "t.py::a[2]"])
    assert (one.test, one.nodeids, one.label) == ("t.py::a", ("t.py::a[2]", "t.py::a[1]"), "t.py::a")
    assert other.label == "t.py::ab[1]"
    assert count_cases(["t.py::a"], ["t.py::a[1]", "t.py::a[2]", "t.py::ab[1]", "t.py::a"]) == {"t.py::a": 2}


# ------------------------------------------------------------------ sentences


def test_the_sentence_counts_what_the_newest_commit_broke():
    """Tests that broke with it, those that never passed, and those that failed before, each counted once."""
    older, new = broken("old", 1, 2, 3, 4), [broken(name, 3, 4) for name in "ab"]
    assert broken_sentence(None, new) == "2 tests fail that were good at 030303030"
    assert broken_sentence(None, new[:1]) == "1 test fails that was good at 030303030"
    told = broken_sentence(None, [older, *new, broken("fresh", None, 4), broken("away", 2, 4)])
    assert told == (
        "2 tests fail that were good at 030303030, 1 more that were good earlier, 1 more that never passed;"
        " 1 failed before already"
    )
    assert broken_sentence(None, [broken("fresh", None, 4)]) == "1 test broken, never good in this span"
    assert broken_sentence(None, []) == "nothing is broken"
    assert broken_sentence(None, [older, broken("t.py::fresh", None, 5)]) == (
        "1 test fails that never passed before; 1 failed before already"
    )
    assert broken_sentence(None, [older, broken("m.py", None, 5)]).startswith("1 module fails that never passed")


def test_an_outage_is_told_with_its_message():
    """How many of how many, since when, last good where, and what most failures say."""
    outage = OutageNow("s2", 8, 8, "s1", "c" * 40, 0, 2, "s0", "a" * 40, "RuntimeError: db down")
    assert broken_sentence(outage, []) == (
        "latest session: 8 of 8 fail since ccccccccc (2 sessions), last good aaaaaaaaa: RuntimeError: db down"
    )


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("running", "latest session is running: 3 of 8 tests done, 1 failed; t.py::x runs now"),
        ("killed", "latest session was killed after 3 of 8 tests, while t.py::x was running"),
        ("unknown", "latest session has no end: 3 of 8 tests done, t.py::x was running"),
        ("interrupted", "latest session was interrupted after 3 of 8 tests, while t.py::x was running"),
        ("internal error", "latest session ended with an internal error of pytest after 3 of 8 tests"),
        ("usage error", "latest session ended with a usage error of pytest before any test ran"),
        ("no tests", "latest session ran no tests"),
        ("incomplete", "latest session left 5 of 8 tests without a result"),
        ("errors in collection", "latest session could not collect 1 module: m.py"),
        ("exit status 77", "latest session ended with exit status 77"),
        ("failed", ""),
        ("passed", ""),
    ],
)
def test_each_state_is_told_unless_it_is_an_everyday_one(state, told):
    """How far the session came is part of the sentence."""
    progress = Progress(state, 3, 8, ("t.py::x",), ("m.py",), 1)
    assert state_sentence(progress, WHOLE) == told


def test_a_session_of_some_tests_is_told_as_such():
    """With what narrowed it."""
    done = Progress("passed", 1, 1, ())
    assert state_sentence(done, Selected(("-k refund",))) == "latest session ran only some tests (-k refund)"


def test_a_failure_without_a_broken_test_is_told():
    """Exit status 1 and nothing broken: a plugin failed the run, or coverage was too low."""
    done = Progress("failed", 8, 8, (), exit_status=1)
    assert sentences_of(done, WHOLE, None, []) == ["nothing is broken, but pytest ended with exit status 1"]


# ------------------------------------------------------------------ notes, slower


@pytest.mark.parametrize(
    ("one", "was_flaky", "note"),
    [
        (broken("t.py::a", 1, 2), False, "new"),
        (broken("t.py::a", 1, 2, 3), False, "2 runs"),
        (broken("t.py::a", 1, 2, 3), True, "was flaky"),
        (broken("t.py::a", None, 2), False, "never good"),
        (Broken("m.py", 1, None, seen(2), [seen(2, "error", position=-1)]), False, "uncollected"),
        (Broken("t.py::a", 1, None, seen(2), [seen(2, "crashed", position=-1)]), True, "cut"),
    ],
)
def test_each_broken_test_has_a_note(one, was_flaky, note):
    """One word: how it broke, or since how many runs."""
    assert note_of(one, "was flaky" if was_flaky else "") == note


def test_slower_is_confirmed_by_several_runs_and_told_at_once():
    """Five slow runs behind fifteen confirm; one slow run is told as unconfirmed; below 10 ms nothing is told."""

    def timed(number):
        return {
            "confirmed": ("passed", 200 if number >= 15 else 20),
            "once": ("passed", 900 if number == 19 else 20),
            "short": ("passed", 9 if number >= 15 else 1),
            "steady": ("passed", 20),
        }

    runs = [run_with(number, timed(number)) for number in range(20)]
    assert [(one.nodeid, one.confirmed, one.samples) for one in slower_now(runs)] == [
        ("confirmed", True, (15, 5)),
        ("once", False, (19, 1)),
    ]
    assert slower_now(runs[:1]) == slower_now([]) == []


def test_a_name_that_is_nearly_known_is_offered():
    """Also with other capitals; nothing is offered for a word that is like none."""
    assert did_you_mean("shpo", ["shop", "billing"]) == "; did you mean shop?"
    assert did_you_mean("SHOP", ["shop"]) == "; did you mean shop?"
    assert did_you_mean("xyzzy", ["shop"]) == did_you_mean("shop", []) == ""


def test_the_documented_table_of_marks_is_the_one_in_use():
    """Each mark with its shape, ASCII form and meaning."""
    page = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text(encoding="utf-8")
    for mark in MARKS.values():
        shape, plain = (f"`{drawn}`" if drawn.strip() else "blank" for drawn in (mark.shape, mark.ascii))
        assert f"| {shape} | {plain} | {mark.meaning} |" in page


@pytest.mark.parametrize(
    ("args", "options", "paths"),
    [
        (["--insight", "--insight-sut=shop", "--reruns", "1", "--only-rerun", "TimeoutError", "-q"], (), ()),
        (["--reruns", "1", "unit/test_a.py"], (), ("unit/test_a.py",)),
        (["--strict-markers", "unit"], (), ("unit",)),
        (["--deselect", "a.py::b", "unit"], ("--deselect a.py::b",), ("unit",)),
        (["unit", "--my-plugin", "value"], (), ("unit",)),
        (["--my-plugin", "value", "-x", "unit"], ("-x",), ("unit",)),
    ],
)
def test_values_of_options_of_other_plugins_are_no_places(args, options, paths):
    """Of sessions without a list of their places; such a list decides where it is."""
    found = selected_of({"args": args}, 0, 0, ended=True)
    assert (found.options, found.paths) == (options, paths)
    assert selected_of({"args": args, "places": ["a.py"]}, 0, 0, ended=True).paths == ("a.py",)
    assert selected_of({"args": args, "places": []}, 0, 0, ended=True).paths == ()
