"""Verdicts of a stored session out of its columns, against the letters that it was written from."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from histories import write_session
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.core.history.verdicts.columns import Wanted
from pytest_insight.core.history.verdicts.reading import run_of_row, runs_of
from pytest_insight.core.models import TestResult, TestSession
from pytest_insight.core.questions.durations import costs
from pytest_insight.core.questions.phases import longest_runs
from pytest_insight.projections.readmodel import ReadModel
from small_histories import BAD_LETTERS, GOOD_LETTERS, OUTCOMES, make_run

NAMES = ["a", "b", "c"]
sessions = st.fixed_dictionaries(
    {
        "tests": st.dictionaries(st.sampled_from(NAMES), st.text("PFESxXr", min_size=1, max_size=3)),
        "hanging": st.none() | st.sampled_from(NAMES),
        "interrupted": st.booleans(),
    }
)


def written(session, name="s", hours=0):
    """Return the lines of a session; attempts of one test follow each other, what hangs comes last."""
    results = [
        (node, OUTCOMES[letter], 10 * at + number)
        for at, (node, letters) in enumerate(session["tests"].items(), 1)
        for number, letter in enumerate(letters)
    ]
    hanging = [(session["hanging"], None)] if session["hanging"] else []
    more = {"interrupted": "KeyboardInterrupt", "status": 2} if session["interrupted"] else {"seal": not hanging}
    return write_session(name, hours, [*results, *hanging], **more)


def ask(question, *lines):
    """Answer a question about the read model of some lines."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.jsonl")
        log.write_bytes(b"".join(lines))
        with ReadModel.open(log, None) as model:
            model.catch_up()
            return question(model)


def expected_tests(session):
    """Return `(verdict, outcomes, milliseconds, has a position)` of each test, in the order of the first attempt."""
    found = {}
    for at, (node, letters) in enumerate(session["tests"].items(), 1):
        outcomes = tuple(OUTCOMES[letter] for letter in letters)
        found[node] = (outcomes[-1], outcomes, 10 * at + len(letters) - 1, True)
    settled = set(session["tests"].get(session["hanging"], "")) - {"r"}
    if session["hanging"] and not (session["interrupted"] and settled):  # of a session with an end, a result counts
        before = found.get(session["hanging"], ("", ()))[1]
        found[session["hanging"]] = ("cut" if session["interrupted"] else "crashed", before, 0, False)
    return found


@settings(max_examples=40)
@given(sessions)
def test_columns_say_what_was_written(session):
    """Verdicts, attempts and durations of each test; and every shortcut says what looking at each test says."""
    expected = expected_tests(session)

    def check(model):
        (row,) = model.sessions()
        run = run_of_row(model, row)
        what = {n: (t.verdict, t.outcomes, t.duration_us // 1000, t.position >= 0) for n, t in run.tests.items()}
        assert what == expected
        assert (list(run.tests), len(run.tests)) == (list(what), len(what))
        fresh = run_of_row(model, row)  # nothing of it was looked at before
        bad = {"failed", "error", "crashed"}
        assert sorted(fresh.failed_tests) == sorted(name for name, test in what.items() if test[0] in bad)
        good = {"passed", "xfailed", "xpassed"}
        assert fresh.passing_durations() == {n: t[2] * 1000 for n, t in what.items() if t[0] in good}
        assert fresh.durations() == {n: t[2] * 1000 for n, t in what.items()}
        assert sorted(fresh.some(Wanted({"a", "c", "unknown"}))) == sorted({"a", "c"} & what.keys())
        assert {name: name in fresh.tests for name in [*NAMES, "unknown"]} == {
            n: n in what for n in [*NAMES, "unknown"]
        }
        assert {name: fresh.tests[name] for name in what} == dict(run.tests)
        for name in what:
            alone = run_of_row(model, row, name="called", only=name)
            assert (alone.name, list(alone.tests)) == ("called", [name])
            assert alone.tests[name][:4] == run.tests[name][:4]
        counts = {
            verdict: sum(test[0] == verdict for test in what.values()) for verdict in {t[0] for t in what.values()}
        }
        assert run.by_verdict() == counts
        assert (run.bad, run.considered) == (
            sum(test[0] in bad for test in what.values()),
            sum(test[0] in bad | good for test in what.values()),
        )

    ask(check, written(session))


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from("PFESxXr")), max_size=6))
def test_sessions_of_the_api_have_the_verdicts_of_their_results(attempts):
    """The last attempt decides; what was running has none; sessions are in order of their start, then of their streams."""
    start = datetime(2026, 11, 2, tzinfo=UTC)
    results = [TestResult(name, OUTCOMES[letter], start, duration=0.25) for name, letter in attempts]
    session = TestSession("shop", session_id="s", session_start_time=start, session_duration=1, test_results=results)
    session.running = ["hanging"]
    session.status = "interrupted"
    (run,) = runs_of([session])
    letters = {name: "".join(letter for n, letter in attempts if n == name) for name, _ in attempts}
    assert list(run.tests) == [*letters, "hanging"]
    for name, seen in letters.items():
        assert run.tests[name][:2] == (OUTCOMES[seen[-1]], tuple(OUTCOMES[letter] for letter in seen))
        assert (name in run.failed_tests) is (seen[-1] in BAD_LETTERS)
        flaky = seen[-1] in GOOD_LETTERS and bool(set(seen[:-1]) - GOOD_LETTERS - {"S"})
        assert (name in run.flaky_tests) is flaky
    assert run.tests["hanging"].verdict == "crashed"
    session.status, session.exit_status = "incomplete", 2
    assert runs_of([session])[0].tests["hanging"].verdict == "cut"


# ------------------------------------------------------------------ phases of the longest run


def test_the_longest_run_is_told_by_phase():
    """Of several sessions that of the longest duration, set-up included; a test without a result in a log has none."""
    lines = [
        write_session("short", 0, [("a", "passed", 100, 5), ("b", "passed", 1)]),
        write_session("long", 1, [("a", "passed", 10, 400)]),
        write_session("killed", 2, [("c", None)], seal=False),
    ]

    def longest(model):
        runs = [run_of_row(model, row) for row in model.sessions()]
        return longest_runs(model, runs, ["a", "b", "c", "unknown"])

    found = ask(longest, *lines)
    assert {name: tuple(run) for name, run in ((n, vars(r).values()) for n, r in found.items())} == {
        "a": ("long", 0.4, 0.01, 0.0),
        "b": ("short", 0.0, 0.001, 0.0),
    }


def test_an_event_that_cannot_be_decoded_has_no_phases():
    """Damage costs the phases of that test, and no answer; sessions in memory have no events."""

    class Damaged:
        def lines_at(self, positions):
            return [b'{"v":1,"type":"test.finished","phases":5}' for _ in positions]

    runs = [make_run(1, "a=P@5")]
    assert longest_runs(Damaged(), runs, ["t.py::a"]) == {}
    assert [one.longest for one in costs(runs)] == [None]


@pytest.mark.parametrize("names", [set(), {"a"}, {"a", "b", "unknown"}])
def test_wanted_tests_have_numbers_of_the_model_that_is_asked(names):
    """Of another model they are looked up again; unknown ones have none."""
    wanted = Wanted(names)
    first, second = {"a": 0, "b": 1}, {"b": 0, "a": 5}
    assert wanted.numbers(first) == {first[name] for name in names if name in first}
    assert wanted.numbers(second) == {second[name] for name in names if name in second}
