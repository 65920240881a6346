"""Laws that hold for every history: nothing bad is forgotten, strangers change nothing, the order of lines decides nothing."""

import contextlib
import io
import sys
import tempfile
from pathlib import Path
from unittest import mock

from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))

from histories import write_session
from pytest_insight.cli.app import run as run_command
from pytest_insight.core.analyzer import Analysis
from pytest_insight.projections.readmodel import ReadModel

TESTS = [f"test_p.py::test_{number}" for number in range(4)]
BAD = ("failed", "error", None)
"""Outcomes of the generator that are bad; None is a test that was running when its session was killed."""

outcomes = st.sampled_from(["passed", "passed", "failed", "error", "skipped", None])
sessions = st.fixed_dictionaries(
    {
        "results": st.lists(st.tuples(st.sampled_from(TESTS), outcomes), max_size=4, unique_by=lambda one: one[0]),
        "branch": st.sampled_from(["main", "main", "fix"]),
        "python": st.sampled_from(["3.11.7", "3.13.1"]),
        "commit": st.sampled_from("abc"),
        "hours": st.integers(0, 6),
    }
)
histories = st.lists(sessions, min_size=1, max_size=7)
many = settings(
    max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


def written(history, prefix="s", **more) -> list[bytes]:
    """Lines of each session; one that has an open test ends with it, as a killed serial run does."""
    lines = []
    for number, one in enumerate(history):
        results = sorted(one["results"], key=lambda result: result[1] is None)
        opened = [result for result in results if result[1] is None]
        results = results[: len(results) - len(opened)] + opened[:1]
        fields = {name: one[name] for name in ("branch", "python", "commit")} | more
        lines.append(write_session(f"{prefix}-{number}", one["hours"], results, seal=not opened, **fields))
    return lines


def bad_runs(history) -> dict[str, int]:
    """The slow count: sessions in which a test ended badly or was cut."""
    found: dict[str, int] = {}
    for one in history:
        is_cut = False
        for nodeid, outcome in sorted(one["results"], key=lambda result: result[1] is None):
            if outcome is None and is_cut:
                continue
            is_cut |= outcome is None
            if outcome in BAD:
                found[nodeid] = found.get(nodeid, 0) + 1
    return found


def ask(lines: list[bytes], question, sut: str | None = "shop"):
    """Answer a question about a log of these lines, of one system under test."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.jsonl")
        log.write_bytes(b"".join(lines))
        with ReadModel.open(log, None) as model:
            model.catch_up()
            return question(Analysis.of_model(model, sut=sut))


def verdicts(analysis: Analysis) -> dict[str, object]:
    """Everything that is said about tests, without the positions of events in the log."""
    return {
        "broken": [
            (one.nodeid, one.first_bad.session, one.last_good and one.last_good.session, one.branch, one.variants)
            for one in analysis.broken_tests()
        ],
        "flaky": [(one.nodeid, one.rule, one.count, one.considered) for one in analysis.flaky_tests()],
        "transitions": [(one.nodeid, one.changes, one.considered) for one in analysis.transition_scores()],
        "rates": [(one.nodeid, one.bad, one.considered) for one in analysis.failure_rates()],
        "shifts": [(one.nodeid, one.before_s, one.after_s) for one in analysis.duration_shifts()],
        "tests": [(one.nodeid, one.runs, one.failed, one.last) for one in analysis.tests()],
        "clusters": [(one.message, one.count, one.tests) for one in analysis.failure_clusters()],
        "cut": [(one.nodeid, one.run.session) for one in analysis.cut_tests()],
        "lost": [one.nodeid for one in analysis.lost_tests()],
    }


@many
@given(histories)
def test_every_bad_and_every_cut_run_is_counted(history):
    """List and history of each test have as many bad runs as the slow count, whatever the rules make of them."""
    expected = bad_runs(history)
    lines = written(history)
    listed = ask(lines, lambda analysis: {one.nodeid: one.failed for one in analysis.tests()})
    assert {nodeid: count for nodeid, count in listed.items() if count} == expected

    def histories_of(analysis):
        return {nodeid: [one.verdict for one in analysis.history_of(nodeid)] for nodeid in TESTS}

    for nodeid, seen in ask(lines, histories_of).items():
        assert sum(verdict in ("failed", "error", "crashed", "cut") for verdict in seen) == expected.get(nodeid, 0)


@settings(many, max_examples=examples(15))
@given(histories)
def test_no_answer_says_never_failed_of_a_test_that_did(history):
    """`test show` says so of the tests without any bad or cut run, and of no other."""
    expected = bad_runs(history)
    ran = {nodeid for one in history for nodeid, _ in one["results"]}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.jsonl")
        log.write_bytes(b"".join(written(history)))
        for nodeid in sorted(ran & expected.keys()):
            out = io.StringIO()
            environment = {"PYTEST_INSIGHT_HOME": str(Path(folder, "home")), "COLUMNS": "200"}
            with mock.patch.dict("os.environ", environment), contextlib.redirect_stdout(out):
                code = run_command(["test", "show", nodeid, "--log", str(log)])
            assert code == 0
            assert "never failed" not in out.getvalue()


@many
@given(histories, histories)
def test_an_unrelated_session_changes_no_verdict(history, others):
    """Sessions of another system under test, in the same log, change nothing that is said about this one."""
    lines = written(history)
    assert ask([*lines, *written(others, prefix="other", sut="other")], verdicts) == ask(lines, verdicts)


@many
@given(histories, histories)
def test_another_branch_changes_no_verdict(history, others):
    """Sessions of a branch, asked by its name, are judged by themselves."""

    def of_main(analysis: Analysis) -> dict[str, object]:
        return verdicts(analysis.on_branch("main"))

    elsewhere = [one | {"branch": "elsewhere"} for one in others]
    assert ask([*written(history), *written(elsewhere, prefix="other")], of_main) == ask(written(history), of_main)


@many
@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_lines_decides_nothing(history, rng):
    """Sessions that began at the same time have the same answers in any order in the log."""
    same = [one | {"hours": 1} for one in history]
    lines = written(same)
    mixed = lines.copy()
    rng.shuffle(mixed)
    assert ask(mixed, verdicts) == ask(lines, verdicts)
