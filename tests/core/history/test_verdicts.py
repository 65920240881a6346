"""Verdicts of a session: from columns, from results and by hand they are the same; every start of a test is a run."""

from collections import Counter
from contextlib import nullcontext
from dataclasses import fields
from types import SimpleNamespace

import pytest
from histories import write_session
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_insight.core.history.column_view import Peek, is_stored
from pytest_insight.core.history.counting import cut_count, runs_of_modules, verdict_counts
from pytest_insight.core.history.modules import module_runs
from pytest_insight.core.history.verdicts.columns import Wanted
from pytest_insight.core.history.verdicts.reading import run_of_row, runs_of
from pytest_insight.core.models import TestSession
from small_runs import VERDICT, few, make_run, model_of, scripted

BAD = {"failed", "error", "crashed"}
OUTCOMES = {letter: word for letter, word in VERDICT.items() if word not in ("crashed", "cut", "quarantined")}

attempts = st.lists(
    st.tuples(st.sampled_from(["a.py::x", "a.py::y", "b.py::z"]), st.sampled_from([*OUTCOMES.values(), None])),
    max_size=7,
)


def by_hand(results, left_open: str = "crashed") -> dict[str, tuple[str, tuple[str, ...]]]:
    """Verdict and outcomes of each test: its last attempt counts, and one without an end is `left_open`."""
    found = {}
    for nodeid, outcome in results:
        before = found.get(nodeid, ("", ()))[1]
        found[nodeid] = (left_open, before) if outcome is None else (outcome, (*before, outcome))
    return found


def without_later_attempts(results):
    """A test that never ended has no further attempt: its process is gone."""
    kept, hung = [], set()
    for nodeid, outcome in results:
        if nodeid not in hung:
            kept.append((nodeid, outcome))
        hung |= {nodeid} if outcome is None else set()
    return kept


@few
@example([("a.py::x", "rerun"), ("a.py::x", "passed"), ("a.py::y", "failed"), ("a.py::y", None)])
@given(attempts)
def test_each_test_has_the_verdict_of_its_last_attempt(results):
    """Of a session whose writer died: the columns say what a walk over the attempts says, in every form."""
    results = without_later_attempts(results)
    expected = by_hand(results)
    with model_of(write_session("one", 0, results, seal=False)) as model:
        (row,) = model.sessions()
        run, other = run_of_row(model, row), run_of_row(model, row)
        made = {nodeid: (test.verdict, test.outcomes) for nodeid, test in run.tests.items()}
        assert made == expected
        assert {nodeid: other.tests[nodeid].verdict for nodeid in other.tests} == {
            n: v for n, (v, _) in expected.items()
        }
        assert set(run.failed_tests) == {nodeid for nodeid, (verdict, _) in expected.items() if verdict in BAD}
        assert (run.considered, run.bad) == (
            sum(verdict not in ("skipped", "rerun") for verdict, _ in expected.values()),
            sum(verdict in BAD for verdict, _ in expected.values()),
        )
        assert set(run.some(Wanted({"a.py::x", "no such"}))) == expected.keys() & {"a.py::x"}
        assert verdict_counts(run) == Counter(verdict for verdict, _ in expected.values())
        assert cut_count(row) == sum(outcome is None for _, outcome in results)
        for nodeid in expected:
            (alone,) = run_of_row(model, row, only=nodeid).tests.values()
            assert (alone.verdict, alone.outcomes) == expected[nodeid]


def stored_session(model):
    """The only session of a read model, of which nothing was read yet."""
    return TestSession.from_row(lambda: nullcontext(model), model.sessions()[0])


def everything_of(session) -> dict[str, object]:
    """All that a run says, without the places of events."""
    (run,) = runs_of([session])
    facts = {field.name: getattr(run, field.name) for field in fields(run) if field.name not in ("tests", "verdicts")}
    return facts | {"tests": {nodeid: test._replace(position=0) for nodeid, test in run.tests.items()}}


@few
@example([("a.py::x", "failed"), ("a.py::x", None)], True, 1)
@given(attempts, st.booleans(), st.integers(0, 2))
def test_a_session_says_the_same_before_and_after_its_results_are_read(results, seal, deselected):
    """As columns of the read model, and as the results of a loaded session: verdicts, selection, modules, variant."""
    results = without_later_attempts(results)
    line = write_session("one", 0, results, seal=seal, deselected=deselected, uncollected=("m.py",) * deselected)
    with model_of(line) as model:
        read = stored_session(model)
        assert is_stored(read)
        _ = read.test_results
        assert not is_stored(read)
        assert everything_of(read) == everything_of(stored_session(model))


def test_a_session_that_was_narrowed_says_nothing_about_other_tests():
    """What a filter left out is not lost, and its modules are not told."""
    with model_of(scripted("one", 0, "PFP", uncollected=("m.py",))) as model:
        session = stored_session(model)
        session.test_results = session.test_results[:1]
        (run,) = runs_of([session])
        assert (run.selected.deselected, run.uncollected, list(run.tests)) == (2, (), ["t.py::0"])
        assert not run.selected.covers("t.py::1")


@few
@given(attempts)
def test_the_columns_of_a_session_show_its_attempts(results):
    """What filters see without reading the log: each attempt that ended, and the tests with several of them."""
    with model_of(write_session("one", 0, without_later_attempts(results), seal=False)) as model:
        seen = Peek(model, model.sessions()[0].stream)
        ended = [(nodeid, outcome) for nodeid, outcome in without_later_attempts(results) if outcome is not None]
        assert [(one.nodeid, one.outcome.to_str()) for one in seen.test_results] == ended
        counts = Counter(nodeid for nodeid, _ in ended)
        assert set(seen.rerun_test_groups) == {nodeid for nodeid, count in counts.items() if count > 1}


def test_a_view_of_a_session_that_is_gone_is_an_error():
    """It is no empty session."""
    with model_of(scripted("one")) as model, pytest.raises(LookupError, match="not stored any more"):
        Peek(model, "f" * 32)


@pytest.mark.parametrize(
    ("seal", "interrupted", "verdict"),
    [(True, "", "crashed"), (True, "KeyboardInterrupt", "cut"), (False, "", "crashed")],
)
def test_what_was_running_is_cut_only_if_the_run_was_interrupted(seal, interrupted, verdict):
    """An interruption by the user is not the fault of the test; a session that died is counted as bad."""
    with model_of(scripted("one", 0, "P-", seal=seal, status=2, interrupted=interrupted)) as model:
        run = run_of_row(model, model.sessions()[0])
        assert {nodeid: test.verdict for nodeid, test in run.tests.items()} == {"t.py::0": "passed", "t.py::1": verdict}
        assert run.bad == (verdict == "crashed")


def test_what_runs_now_has_no_verdict():
    """While the writer is alive its open test is neither good nor bad, and the session is running."""
    with model_of(scripted("one", 0, "PF-", seal=False)) as model:
        row = model.sessions()[0]
        living = SimpleNamespace(
            state_of=lambda _: "running",
            columns=model.columns,
            names=model.names,
            numbers=model.numbers,
            kept_of=model.kept_of,
        )
        run = run_of_row(living, row)
        assert (run.status, list(run.tests), run.bad) == ("running", ["t.py::0", "t.py::1"], 1)
        assert run.by_verdict() == {"passed": 1, "failed": 1}


# ------------------------------------------------------------------ modules


def test_a_module_is_a_run_where_it_failed_or_one_of_its_tests_ran():
    """A package is good where a test below it ran; a session that knows neither has no run of it."""
    runs = [
        make_run(0, {"pkg/m.py::a": "F", "m.py::b": "P"}),
        make_run(1, {}, uncollected=("pkg", "m.py")),
        make_run(2, {"m.pyx::b": "P", "pkg2/x.py::c": "P"}),
    ]
    found = {module: [(run.name, test.verdict) for run, test in seen] for module, seen in module_runs(runs).items()}
    assert found == {"pkg": [("s0", "passed"), ("s1", "error")], "m.py": [("s0", "passed"), ("s1", "error")]}
    assert runs_of_modules(runs).keys() == {"pkg", "m.py"}
    assert verdict_counts(runs[1]) == {"error": 2}


def test_a_module_that_has_the_name_of_a_test_is_counted_once():
    """A text file of doctests is its own test."""
    runs = [make_run(0, {"doc.txt": "P"}), make_run(1, {}, uncollected=("doc.txt", "m.py"))]
    assert runs_of_modules(runs).keys() == {"m.py"}
    assert runs_of_modules(runs[:1]) == {}
