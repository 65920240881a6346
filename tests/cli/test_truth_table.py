"""Scripted histories whose answers are known, asked through commands and the Python API."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import warm

sys.path.insert(0, str(Path(__file__).parents[1]))

from histories import EIGHT, all_of, write_session
from pytest_insight.core.analyzer import Analysis
from pytest_insight.projections.readmodel import ReadModel


@pytest.fixture
def log(tmp_path, monkeypatch):
    """A way to write a log of sessions and to ask about it."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "home"))
    return History(tmp_path / "log.jsonl")


class History:
    """A log that is asked by commands, each in a process of its own, and by the Python API."""

    def __init__(self, path) -> None:
        self.path = path

    def write(self, *sessions: bytes) -> "History":
        """Write the log."""
        self.path.write_bytes(b"".join(sessions))
        return self

    def text(self, *words: str, code=0, **more: str) -> str:
        """What a command prints."""
        command = [sys.executable, "-m", "pytest_insight.cli", *words, "--log", str(self.path)]
        done = warm.run(
            command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "160"} | more, timeout=300
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def ask(self, *words: str, **more: str):
        """What a command prints as JSON."""
        return json.loads(self.text(*words, "--json", **more))

    def answers(self, question):
        """Ask an analysis of all sessions."""
        with ReadModel.open(self.path, None) as model:
            model.catch_up()
            return question(Analysis.of_model(model))


def test_a_total_break_is_named_first_and_counted_everywhere(log):
    """Every test fails in two sessions of one commit: a break, by each command and the API."""
    log.write(
        *(write_session(f"good-{n}", n, all_of("passed")) for n in range(3)),
        *(write_session(f"red-{n}", 3 + n, all_of("failed"), commit="c") for n in range(2)),
    )
    summary = log.ask("analytics", "summary")
    assert summary["headline"].startswith("latest session: 8 of 8 fail since ccccccccc (2 sessions)")
    assert "last good aaaaaaaaa: RuntimeError: db down" in summary["headline"]
    assert (len(summary["broken"]), summary["verdicts"]) == (8, {"passed": 24, "failed": 16})
    assert {one["first_bad"]["session"] for one in summary["broken"]} == {"red-0"}
    assert summary["set_aside"] == []
    text = log.text("test", "show", "test_0")
    assert "2 failed" in text
    assert "never failed" not in text
    assert log.ask("analytics", "failures")["clusters"][0]["count"] == 16
    sides = ("--mode", "commit", "--base", "aaaa", "--target", "cccc")
    compared = log.ask("analytics", "compare", *sides)
    assert (len(compared["target_sessions"]), len(compared["new_failures"])) == (2, 8)
    assert log.answers(lambda analysis: len(analysis.broken_tests())) == 8


def test_one_outage_is_named_and_hides_nothing(log):
    """One session of five of the same commit: no break, nobody flaky, and yet in every history."""
    log.write(*(write_session(f"s-{n}", n, all_of("failed" if n == 2 else "passed")) for n in range(5)))
    summary = log.ask("analytics", "summary")
    assert (summary["outages"], summary["set_aside"], summary["broken"], summary["flaky"]) == (["s-2"], ["s-2"], [], [])
    assert summary["pass_rate"]["estimate"] == 1.0
    for nodeid in EIGHT:
        verdicts = [run["verdict"] for run in log.answers(lambda a, n=nodeid: [o._asdict() for o in a.history_of(n)])]
        assert verdicts == ["passed", "passed", "failed", "passed", "passed"]
    assert "never failed" not in log.text("test", "show", "test_3")


def test_a_hang_is_a_bad_run(log):
    """A test that was running when its session was killed: in history, list, show, failures, why and counts."""
    log.write(
        write_session("killed", 0, [*all_of("passed", EIGHT[:2]), (EIGHT[2], None)], seal=False),
        write_session("after", 1, all_of("passed", EIGHT[:3]), commit="b"),
    )
    assert [run["session"] for run in log.ask("test", "history", "test_2")["runs"]] == ["after", "killed"]
    (row,) = [row for row in log.ask("test", "list")["tests"] if row["nodeid"] == EIGHT[2]]
    assert (row["runs"], row["failed"]) == (2, 1)
    text = log.text("test", "show", "test_2")
    assert "cut: running when session killed ended" in text
    assert "never failed" not in text
    (cluster,) = log.ask("analytics", "failures")["clusters"]
    assert (cluster["message"], cluster["tests"]) == ("running when the session was killed", [EIGHT[2]])
    kinds = log.answers(lambda analysis: [record.envelope.type for record in analysis.why(EIGHT[2])])
    assert kinds == ["test.started", "test.finished"]
    assert [one["nodeid"] for one in log.ask("analytics", "summary")["cut"]] == [EIGHT[2]]
    assert [row["state"] for row in log.ask("session", "list")] == ["passed", "killed"]


def test_a_branch_breaks_and_mends_only_itself(log):
    """Broken on main, good on a branch that ran last; both are told, and each can be asked for."""
    log.write(
        write_session("main-0", 0, all_of("passed"), commit="0"),
        *(write_session(f"main-{n}", n, all_of("failed", EIGHT[:1]) + all_of("passed", EIGHT[1:]), commit=str(n))
          for n in (1, 2, 3)),
        write_session("fix-0", 4, all_of("passed"), commit="f", branch="fix"),
    )  # fmt: skip
    summary = log.ask("analytics", "summary")
    (broken,) = summary["broken"]
    assert (broken["nodeid"], broken["branch"], broken["first_bad"]["session"]) == (EIGHT[0], "main", "main-1")
    assert [(one["branch"], one["broken"]) for one in summary["other_branches"]] == [("fix", [])]
    assert log.ask("analytics", "summary", "--branch", "fix")["broken"] == []
    assert "good on branch fix" in log.text("test", "show", "test_0")
    merged = write_session("main-4", 5, all_of("passed"), commit="4")
    log.write(log.path.read_bytes(), merged)
    assert log.ask("analytics", "summary")["broken"] == []
    assert log.text("analytics", "summary", "--branch", "no-such", code=1) == ""


def test_a_matrix_is_no_flakiness(log):
    """A test that fails on each run of one variant is broken there; one that flips within a variant is flaky."""
    sessions = []
    for turn in range(4):
        for number, (python, platform) in enumerate((("3.11.7", "linux"), ("3.13.1", "win32"))):
            results = [
                ("t.py::test_win", "failed" if number else "passed"),
                ("t.py::test_real", "failed" if (turn, number) == (2, 0) else "passed"),
                ("t.py::test_ok", "passed"),
            ]
            sessions.append(
                write_session(f"m{turn}{number}", 2 * turn + number, results, python=python, platform=platform)
            )
    log.write(*sessions)
    answer = log.ask("analytics", "analyze")
    assert {one["nodeid"] for one in answer["flaky"]} == {"t.py::test_real"}
    assert {one["nodeid"] for one in answer["transitions"]} == {"t.py::test_real"}
    (broken,) = answer["broken"]
    assert (broken["variants"], broken["good_variants"]) == (["os=Windows python=3.13"], 1)
    assert log.ask("analytics", "summary", "--variant", "python=3.11")["broken"] == []


def test_a_module_that_is_not_collected_is_broken_since_then(log):
    """A collection error is a run of its module: in summary, show and failures, and it runs again."""
    module = "test_shop.py"
    log.write(
        write_session("good", 0, all_of("passed"), commit="1"),
        write_session("red", 1, [("test_other.py::test_a", "passed")], commit="2", uncollected=[module]),
    )
    (broken,) = log.ask("analytics", "summary")["broken"]
    assert (broken["nodeid"], broken["last_good"]["session"], broken["first_bad"]["session"]) == (module, "good", "red")
    assert "broken since session red" in log.text("test", "show", module)
    (cluster,) = log.ask("analytics", "failures")["clusters"]
    assert (cluster["tests"], "ImportError" in cluster["message"]) == ([module], True)
    assert log.ask("session", "list")[0]["state"] == "errors in collection"
    assert module in log.text("session", "rerun", "red", "--dry-run").split()


def test_a_lost_test_is_told_with_its_last_run(log):
    """Announced no longer: gone since the first whole session without it; partial sessions say nothing."""
    log.write(
        *(write_session(f"day-{n}", n, all_of("passed", EIGHT[:4]), commit=str(n)) for n in range(3)),
        write_session("part", 3, all_of("passed", EIGHT[:1]), commit="9", args=["-k", "test_0"], deselected=3),
        *(write_session(f"day-{n}", n + 1, all_of("passed", [*EIGHT[:3], "test_shop.py::test_new"]), commit=str(n)) for n in (3, 4)),
    )  # fmt: skip
    (lost,) = log.ask("analytics", "summary")["lost"]
    assert (lost["nodeid"], lost["last_session"], lost["gone_session"]) == (EIGHT[3], "day-2", "day-3")
    assert lost["renamed"] == ["test_shop.py::test_new"]
    assert "last ran in day-2" in log.text("test", "show", "test_3")


def test_what_was_not_selected_is_not_missing(log):
    """Deselected, not named and not reached tests are told as such; a whole run without a test has lost it."""
    log.write(
        write_session("whole", 0, all_of("passed", EIGHT[:3])),
        write_session("keyword", 1, all_of("passed", EIGHT[:1]), args=["-k", "test_0"], deselected=2),
        write_session("named", 2, all_of("passed", EIGHT[1:2]), args=[EIGHT[1]]),
        write_session("shrunk", 3, all_of("passed", EIGHT[:2])),
        write_session("again", 4, all_of("passed", EIGHT[:1]), args=["-k", "test_0"], deselected=2),
    )
    found = {}
    for target in ("keyword", "named", "shrunk"):
        answer = log.ask("session", "compare", "whole", target)
        found[target] = len(answer["missing_tests"]), len(answer["not_selected"])
    assert found == {"keyword": (0, 2), "named": (0, 2), "shrunk": (1, 0)}
    assert log.ask("session", "compare", "whole", "last")["target"] == "shrunk"


def test_shards_and_reruns_come_to_one_verdict_a_test(log):
    """The last attempt by start wins, in whichever session; a crash without a later result stays."""
    run = {"test_run": "run-77"}
    log.write(
        write_session("one", 0, [("t.py::a", "passed"), ("t.py::shared", "passed")], **run),
        write_session("two", 0.02, [("t.py::d", "failed"), ("t.py::shared", "failed")], **run),
        write_session("three", 0.03, [("t.py::e", "passed"), ("t.py::g", None)], seal=False, **run),
        write_session("two-again", 1, [("t.py::d", "passed"), ("t.py::shared", "passed")], **run),
    )
    total = log.ask("session", "list", "--run", "run-77")["total"]
    assert total["tests"] == {
        **dict.fromkeys(("t.py::a", "t.py::d", "t.py::shared", "t.py::e"), "passed"),
        "t.py::g": "crashed",
    }
    assert (total["flaky"], total["cut"], total["status"]) == (["t.py::d", "t.py::shared"], ["t.py::g"], "killed")
    log.write(log.path.read_bytes(), write_session("three-again", 2, all_of("passed", ["t.py::e", "t.py::g"]), **run))
    total = log.ask("session", "list", "--run", "run-77")["total"]
    assert (total["status"], total["counts"]) == ("passed", {"passed": 5, "flaky": 3})


def test_a_clock_of_2099_is_never_last(log):
    """Such a session is in no recent span, is not the last one, and is marked by list and verify."""
    future = datetime(2099, 1, 1, tzinfo=UTC)
    log.write(
        write_session("skewed", 0, [("t.py::a", "failed")], start=future, commit="e"),
        *(write_session(f"now{n}", n, [("t.py::a", "passed")]) for n in range(3)),
    )
    assert log.ask("session", "show", "last")["session_id"] == "now2"
    assert [row["session_id"] for row in log.ask("history", "list", "--time", "7d")["sessions"]] == [
        "now2",
        "now1",
        "now0",
    ]
    assert {row["session_id"]: row["is_future"] for row in log.ask("session", "list")}["skewed"] is True
    shown = log.ask("test", "show", "t.py::a")
    assert (shown["runs"], shown["broken"]) == (4, None)
    assert "never failed" not in log.text("test", "show", "t.py::a")
    done = warm.run(
        [sys.executable, "-m", "pytest_insight.cli", "log", "verify", str(log.path)], capture_output=True, text=True
    )
    assert "in the future" in done.stdout


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("America/New_York", ["2026-10-31", "2026-11-01", "2026-11-02"]),
        ("Asia/Seoul", ["2026-11-01", "2026-11-02"]),
        ("UTC", ["2026-11-01", "2026-11-02"]),
    ],
)
def test_days_are_those_of_the_reader(log, zone, days):
    """Sessions around midnight and around the end of summer time: in bins as in the dates that are printed."""
    moments = [datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (3, 5, 6, 16)]
    moments.append(datetime(2026, 11, 2, 5, 30, tzinfo=UTC))
    log.write(*(write_session(f"s{n}", 0, [("t.py::a", "passed")], start=at) for n, at in enumerate(moments)))
    daily = log.ask("analytics", "summary", "--time", "2026-10-01..2026-11-30", TZ=zone)["daily"]
    assert [day for day, _ in daily] == days


def test_a_large_change_of_duration_is_never_silent(log):
    """Four runs a side among 200 steady tests; two runs a side are told as unconfirmed; 7 to 11 ms is too small."""
    steady = [(f"t.py::s{n}", "passed", 1) for n in range(200)]

    def timed(side, turn):
        near = 1 + turn / 50
        slow, tiny = ((20, 2000)[side] * near, (4, 8)[side] * near)
        return [*steady, ("t.py::slow", "passed", slow), ("t.py::tiny", "passed", tiny)]

    log.write(
        *(write_session(f"{'ab'[s]}{n}", 4 * s + n, timed(s, n), commit="ab"[s]) for s in (0, 1) for n in range(4))
    )
    sides = ("--mode", "commit", "--base", "aaaa", "--target", "bbbb")
    (slower,) = log.ask("analytics", "compare", *sides)["slower_tests"]
    assert (slower["nodeid"], slower["confirmed"], slower["samples"]) == ("t.py::slow", True, [4, 4])
    (slower,) = log.ask("session", "compare", "a0", "b0")["slower_tests"]
    assert (slower["nodeid"], slower["confirmed"], slower["samples"]) == ("t.py::slow", False, [1, 1])


def test_a_flaky_test_recovers(log):
    """Thirty good runs behind the evidence: said, and still listed; with fewer it has not recovered."""
    flips = [write_session("f0", 0, [("t.py::a", "failed")]), write_session("f1", 1, [("t.py::a", "passed")])]
    good = [write_session(f"g{n}", 2 + n, [("t.py::a", "passed")], commit="b") for n in range(30)]
    log.write(*flips, *good[:20])
    (flaky,) = log.ask("analytics", "analyze", "--metric", "flaky")["flaky"]
    assert (flaky["recovered"], flaky["good_since"]) == (False, 20)
    log.write(*flips, *good)
    (flaky,) = log.ask("analytics", "analyze", "--metric", "flaky")["flaky"]
    assert (flaky["recovered"], flaky["good_since"]) == (True, 30)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"status": 0}, "passed"),
        ({"status": 1}, "failed"),
        ({"status": 2}, "interrupted"),
        ({"status": 3}, "internal error"),
        ({"status": 4}, "usage error"),
        ({"status": 5}, "no tests"),
        ({"seal": False}, "killed"),
        ({"uncollected": ["m.py"]}, "errors in collection"),
    ],
)
def test_each_end_of_a_session_has_a_state(log, fields, state):
    """One word for each way in which pytest ends, in list, show and JSON."""
    log.write(write_session("one", 0, [("t.py::a", "passed")], **fields))
    (row,) = log.ask("session", "list")
    assert row["state"] == state
    assert state in log.text("session", "list")
    assert state in log.text("session", "show", "one").split("\n")[0]


def test_a_slow_set_up_is_told_apart_from_the_test(log):
    """The longest run of an expensive test by phase, where its fixtures took most of it."""
    fast = [(nodeid, "passed", 200) for nodeid in EIGHT]
    log.write(
        write_session("cold", 0, [(EIGHT[0], "passed", 1, 480), *fast[1:]]),
        write_session("warm", 1, [(EIGHT[0], "passed", 2, 1), *fast[1:]]),
    )
    costs = {one["nodeid"]: one["longest"] for one in log.ask("analytics", "analyze", "--metric", "cost")["cost"]}
    assert costs[EIGHT[0]] == {"session": "cold", "setup_s": 0.48, "call_s": 0.001, "teardown_s": 0.0}
    assert costs[EIGHT[1]]["call_s"] == 0.2
    said = [line for line in log.text("analytics", "summary").splitlines() if "longest:" in line]
    assert [line.partition("longest: ")[2] for line in said] == [
        "set-up 480 ms, call 1 ms, teardown 0.0 ms in session cold"
    ]
