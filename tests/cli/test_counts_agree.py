"""One history with cut, crashed, hung and interrupted runs and collection errors: every command counts the same runs."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from histories import write_session
from pytest_insight.cli.app import run
from pytest_insight.core.analyzer import Analysis
from pytest_insight.projections.readmodel import ReadModel

A, B, C, D = (f"test_shop.py::test_{letter}" for letter in "abcd")
MODULE = "test_till.py"
TILL = f"{MODULE}::test_total"
BAD = ("failed", "error", "crashed")

RUNS = {
    "good": [(A, "passed"), (B, "passed"), (C, "passed"), (D, "passed"), (TILL, "passed")],
    "hung": [(A, "passed"), (B, None)],
    "two-cut": [(A, "failed"), (B, None), (C, None)],
    "stopped": [(A, "passed"), (C, None)],
    "uncollected": [(A, "passed"), (D, "skipped")],
    "rerun": [(A, "rerun"), (A, "passed"), (B, "failed")],
    "again": [(A, "passed"), (B, "passed"), (C, "passed"), (D, "failed"), (TILL, "passed")],
}
"""Results by session; None was started and has no result."""

VERDICTS = {
    A: ["passed", "passed", "failed", "passed", "passed", "passed", "passed"],
    B: ["passed", "crashed", "crashed", "failed", "passed"],
    C: ["passed", "crashed", "cut", "passed"],
    D: ["passed", "skipped", "failed"],
    TILL: ["passed", "passed"],
    MODULE: ["passed", "error", "passed"],
}
"""What each test came to, the earliest run first: the truth that was written."""


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A log of these sessions; one was interrupted by its user, and says so."""
    folder = tmp_path_factory.mktemp("history")
    how = {
        "hung": {"seal": False},
        "two-cut": {"seal": False},
        "stopped": {"status": 2, "interrupted": "KeyboardInterrupt"},
        "uncollected": {"uncollected": [MODULE], "status": 1},
    }
    sessions = [
        write_session(name, number, results, commit=f"{number}", **how.get(name, {}))
        for number, (name, results) in enumerate(RUNS.items())
    ]
    (folder / "log.jsonl").write_bytes(b"".join(sessions))
    return folder / "log.jsonl"


@pytest.fixture
def ask(history, monkeypatch, capsys, tmp_path):
    """A way to get what a command prints, as JSON or as text."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "home"))

    def asked(*words, text=False):
        assert run([*words, "--log", str(history), *([] if text else ["--json"])]) == 0
        output = capsys.readouterr().out
        return output if text else json.loads(output)

    return asked


@pytest.mark.parametrize("nodeid", VERDICTS)
def test_every_command_counts_the_same_runs_of_a_test(ask, history, nodeid):
    """list, show, history, trends, failures, sql and why: each run once, cut ones and collection errors too."""
    truth = VERDICTS[nodeid]
    bad = sum(verdict in BAD for verdict in truth)
    (listed,) = [row for row in ask("test", "list")["tests"] if row["nodeid"] == nodeid]
    assert (listed["runs"], listed["failed"], listed["last"]) == (len(truth), bad, truth[-1])
    shown = ask("test", "show", nodeid)
    assert shown["runs"] == len(truth)
    told = Counter(truth).most_common()
    assert f"{len(truth)} runs: " + ", ".join(f"{count} {verdict}" for verdict, count in told) in ask(
        "test", "show", nodeid, text=True
    )
    history_told = [one["verdict"] for one in ask("test", "history", nodeid)["runs"]]
    assert history_told[::-1] == truth
    trends = ask("test", "trends", nodeid)
    assert (trends["runs"], trends["verdicts"]) == (len(truth), truth)
    clusters = ask("analytics", "failures", "--nodeid", nodeid)
    in_clusters = sum(cluster["count"] for cluster in clusters["clusters"] if cluster["tests"] == [nodeid])
    shared = sum(cluster["count"] for cluster in clusters["clusters"])
    assert in_clusters <= bad <= shared
    assert len(clusters["history"]) == len(truth)
    with ReadModel.open(history, None) as model:
        model.catch_up()
        events = Analysis.of_model(model).why(nodeid)
    # A session that collected the module has no event of its own for it.
    assert len(events) == (len(truth) if nodeid != MODULE else truth.count("error"))


def test_every_command_counts_the_same_runs_of_a_session(ask):
    """session list, history list, session show and the summary: as many runs, with the same verdicts."""
    truth = Counter(verdict for nodeid, verdicts in VERDICTS.items() if nodeid != MODULE for verdict in verdicts)
    truth["error"] += 1
    summary = ask("analytics", "summary")
    assert (summary["verdicts"], summary["runs"]) == (dict(truth), sum(truth.values()))
    listed, total = ask("session", "list"), Counter()
    assert listed == ask("history", "list")["sessions"]
    for row in listed:
        counts = {name: count for name, count in row["verdicts"].items() if name not in ("flaky", "not_run")}
        total.update(counts)
        total["error"] += len(row["collection_failed"])
        results = {nodeid for nodeid, _ in RUNS[row["session_id"]]}
        assert sum(counts.values()) == len(results), row["session_id"]
        shown = ask("session", "show", row["session_id"])
        assert shown["verdicts"] == row["verdicts"]
        assert len({one["nodeid"] for one in shown["results"]} | set(shown["running"])) == len(results)
    assert +total == truth


def test_the_lists_name_what_was_cut(ask):
    """The text of list, history and show says how many tests were cut, beside pytest's own counts."""
    cut = {name: sum(outcome is None for _, outcome in results) for name, results in RUNS.items()}
    for command in (("session", "list"), ("history", "list")):
        lines = {line.split()[0]: line for line in ask(*command, text=True).splitlines()[1:]}
        assert {name: f"{count} cut" in lines[name] for name, count in cut.items() if count} == dict.fromkeys(
            [name for name, count in cut.items() if count], True
        )
        assert not [name for name, count in cut.items() if not count and " cut" in lines[name]]
    assert "2 cut" in ask("session", "show", "two-cut", text=True)


def test_failures_by_message_are_as_many_as_bad_runs(ask):
    """All clusters together: each bad run of each test once."""
    bad = sum(verdict in BAD for verdicts in VERDICTS.values() for verdict in verdicts)
    assert sum(cluster["count"] for cluster in ask("analytics", "failures")["clusters"]) == bad


def test_the_span_of_a_question_changes_no_count(ask):
    """Of one session only, each command counts that session's runs."""
    (row,) = ask("history", "list", "--time", "two-cut")["sessions"]
    assert row["verdicts"] == {
        "failed": 1,
        "crashed": 2,
        **{k: v for k, v in row["verdicts"].items() if k == "not_run"},
    }
    assert ask("analytics", "summary", "--time", "two-cut")["runs"] == 3
    assert {one["nodeid"]: one["failed"] for one in ask("test", "list", "--time", "two-cut")["tests"]} == {
        A: 1,
        B: 1,
        C: 1,
    }
