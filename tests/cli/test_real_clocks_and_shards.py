"""Clocks from 2099, days around the end of summer time, and shards that run again: recorded by real runs of pytest.

Each cell of the truth table is asked by commands and by the Python API.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from hostile import ask
from pytest_insight.core.core_api import analyze, query
from stories import load_story

CONFTEST = """
import os, time, pytest

@pytest.fixture(autouse=True)
def machine(request):
    if request.node.name in os.environ.get("SHOP_FAILS", "").split():
        raise ConnectionError("no machine")
    if request.node.name in os.environ.get("SHOP_HANGS", "").split():
        time.sleep(600)
"""
FILES = {
    "test_one": "def test_a(): pass\ndef test_b(): pass\n",
    "test_two": "def test_c(): pass\ndef test_d(): pass\n",
    "test_three": "def test_e(): pass\ndef test_f(): pass\n",
}
NOW = 3
"""Runs with the right clock, after one of 2099."""
MOMENTS = [datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (3, 5, 6, 16)] + [
    datetime(2026, 11, 2, 5, 30, tzinfo=UTC)
]
"""Around midnight of New York, and around the hour in which its summer time ends."""
DAYS = {
    "America/New_York": {"2026-10-31": 1, "2026-11-01": 3, "2026-11-02": 1},
    "Asia/Seoul": {"2026-11-01": 3, "2026-11-02": 2},
    "UTC": {"2026-11-01": 4, "2026-11-02": 1},
}
"""Sessions by day of the reader, counted by hand."""
SHARDS = {
    "test_one.py::test_a": "passed",
    "test_one.py::test_b": "passed",
    "test_two.py::test_c": "passed",
    "test_two.py::test_d": "passed",
    "test_three.py::test_e": "passed",
    "test_three.py::test_f": "crashed",
}
"""Verdicts of the test run before its third shard ran again."""


def shift_to(moment):
    """The fact that sets the clock of a run."""
    return {"SHOP_CLOCK_SHIFT_S": str(int((moment - datetime.now(UTC)).total_seconds()))}


def of(sut, *words):
    """Arguments of a run of a system."""
    return (f"--insight-sut={sut}", *words)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """All runs, recorded once."""
    folder = tmp_path_factory.mktemp("clocks")
    project = load_story().Project(folder)
    project.commit("Sell things", conftest=CONFTEST, **FILES)
    right = {"SHOP_CLOCK_SHIFT_S": "0"}
    skewed = shift_to(datetime(2099, 1, 1, 12, tzinfo=UTC))
    project.test("sqlite", arguments=of("skew", "test_one.py"), SHOP_FAILS="test_a", **skewed)
    for _ in range(NOW):
        project.test("sqlite", arguments=of("skew", "test_one.py"), **right)
    for moment in MOMENTS:
        project.test("sqlite", arguments=of("summer", "test_one.py"), **shift_to(moment))
    run = "--insight-run=run-77"
    project.test("sqlite", arguments=of("shards", run, "test_one.py"), **right)
    project.test("sqlite", arguments=of("shards", run, "test_two.py"), SHOP_FAILS="test_c", **right)
    project.test("sqlite", arguments=of("shards", run, "test_two.py"), **right)
    kill_in(project, of("shards", run, "test_three.py"), "test_three.py::test_f", right)
    return project


def kill_in(project, arguments, nodeid, facts):
    """Kill a run of a shard while one of its tests runs."""
    start = project._start
    project._start = lambda database, _, more: start(database, arguments, more)
    try:
        project.test_and_kill("sqlite", nodeid, SHOP_HANGS=nodeid.rpartition("::")[2], **facts)
    finally:
        project._start = start


@pytest.fixture
def shop(recorded, monkeypatch):
    """Ask in the checkout."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(recorded.home))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(recorded.folder)
    return recorded


def text(*words, code=0):
    """What a command prints."""
    answer = ask(" ".join(words), Path())
    assert answer.code == code, answer
    return answer.out


def data(*words):
    """What a command prints as JSON."""
    return json.loads(text(*words, "--json"))


# ------------------------------------------------------------------ 2099


def test_a_session_of_2099_is_listed_and_marked(shop):
    """By list and history, with all four sessions; in no recent span."""
    rows = data("session list --sut skew")
    assert [row["is_future"] for row in rows].count(True) == 1
    future = next(row for row in rows if row["is_future"])
    assert future["started_at"].startswith("2099-01-01T")
    assert len(rows) == NOW + 1
    recent = data("history list --sut skew --time 7d")
    assert (len(recent["sessions"]), recent["about"]["sessions"]) == (NOW, NOW)
    assert future["session_id"] not in {row["session_id"] for row in recent["sessions"]}
    assert "in the future" in text("log verify")


def test_a_session_of_2099_is_never_last(shop):
    """For show, rerun, compare, the first screen and the summary."""
    future = next(row["session_id"] for row in data("session list --sut skew") if row["is_future"])
    shown = data("--sut skew")
    assert shown["newest"]["session_id"] != future
    assert shown["broken"] == 0
    assert shown["sentences"][-1] == "nothing is broken"
    assert data("session compare --sut skew")["target_sessions"] != [future]
    assert data("session show last")["session_id"] != future
    assert data("analytics summary --sut skew")["broken"] == []
    assert data("sut show skew")["broken"] == []
    assert data("sut analyze skew --metric broken")["broken"] == []


def test_a_session_of_2099_is_in_the_history_of_its_test(shop):
    """Its failure counts; it breaks nothing, and the test did not never fail."""
    shown = data("test show test_a --sut skew")
    assert (shown["runs"], shown["broken"]) == (NOW + 1, None)
    runs = data("test history test_a --sut skew")["runs"]
    assert [run["verdict"] for run in runs].count("error") == 1
    assert data("test trends test_a --sut skew")["runs"] == NOW + 1
    assert "never failed" not in text("test show test_a --sut skew")
    assert analyze().for_sut("skew").broken_tests() == []
    verdicts = [one.verdict for one in analyze().for_sut("skew").history_of("test_one.py::test_a")]
    assert sorted(verdicts) == ["error", *["passed"] * NOW]
    assert len(query().for_sut("skew").in_last_days(7).execute()) == NOW


# ------------------------------------------------------------------ days


@pytest.mark.parametrize("zone", DAYS)
def test_days_are_those_of_the_reader(shop, monkeypatch, zone):
    """In the bins of the summary, in `--time DAY` of each list, and in what is printed."""
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for command in ("analytics summary --sut summer", "sut show summer"):
            daily = data(command, "--time 2026-10-01..2026-11-30" if command.startswith("analytics") else "")["daily"]
            assert [day for day, _ in daily] == list(DAYS[zone]), command
        for day, sessions in DAYS[zone].items():
            found = data(f"history list --sut summer --time {day}")
            assert len(found["sessions"]) == found["about"]["sessions"] == sessions, day
            assert all(row["started_at"].endswith("Z") for row in found["sessions"])
            printed = text(f"history list --sut summer --time {day}")
            assert printed.count(f"  {day} ") == sessions
            assert data(f"test list --sut summer --time {day}")["about"]["sessions"] == sessions
            assert data(f"analytics summary --sut summer --time {day}")["sessions"] == sessions
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_order_of_time_is_not_that_of_local_hours(shop, monkeypatch):
    """01:30 comes twice on that day; the sessions stay in the order in which they ran."""
    monkeypatch.setenv("TZ", "America/New_York")
    started = [row["started_at"] for row in data("session list --sut summer")]
    assert started == sorted(started, reverse=True)
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in reversed(MOMENTS)] == [at[:16] for at in started]
    runs = analyze().for_sut("summer").history_of("test_one.py::test_a")
    assert [run.started_us for run in runs] == sorted(run.started_us for run in runs)


# ------------------------------------------------------------------ shards


def test_shards_and_reruns_come_to_one_verdict_a_test(shop):
    """The last attempt by start wins; what was running when its shard was killed stays."""
    found = data("session list --run run-77")
    total = found["total"]
    assert (len(found["sessions"]), total["tests"]) == (4, SHARDS)
    assert (total["flaky"], total["cut"], total["status"]) == (
        ["test_two.py::test_c"],
        ["test_three.py::test_f"],
        "killed",
    )
    assert "test_three.py::test_f" in text("session list --run run-77")


def test_the_test_that_was_cut_is_in_each_answer_about_its_run(shop):
    """Cut, failures, history and what runs again; the test that passed in the rerun of its shard is not broken."""
    shown = data("--sut shards")
    assert {row["nodeid"] for group in shown["groups"] for row in group["rows"]} == {"test_three.py::test_f"}
    assert [row["nodeid"] for row in shown["cut"]] == ["test_three.py::test_f"]
    assert [one["nodeid"] for one in data("analytics summary --sut shards")["cut"]] == ["test_three.py::test_f"]
    broken = [one["nodeid"] for one in data("sut analyze shards --metric broken")["broken"]]
    assert broken == ["test_three.py::test_f"]
    failed = {nodeid for cluster in data("analytics failures --sut shards")["clusters"] for nodeid in cluster["tests"]}
    assert failed == {"test_two.py::test_c", "test_three.py::test_f"}
    assert data("test show test_f")["runs"] == 1
    last = shown["newest"]["session_id"]
    assert text(f"session rerun {last} --dry-run").split() == ["test_three.py::test_f"]


def test_a_shard_that_passed_again_is_evidence_of_a_flaky_test(shop):
    """The same commit, bad and then good; shards lose no test of each other."""
    flaky = analyze().for_sut("shards").flaky_tests()
    assert {one.nodeid for one in flaky} >= {"test_two.py::test_c"}
    assert {one.rule for one in flaky} == {"same-source"}
    assert analyze().for_sut("shards").lost_tests() == []
    assert data("--sut shards")["lost"] == []


def test_the_rerun_of_a_killed_shard_ends_the_test_run(shop):
    """Recorded last, as it changes the answers above."""
    arguments = of("shards", "--insight-run=run-77", "test_three.py")
    shop.test("sqlite", arguments=arguments, SHOP_CLOCK_SHIFT_S="0")
    total = data("session list --run run-77")["total"]
    assert set(total["tests"].values()) == {"passed"}
    assert (total["status"], total["cut"], total["counts"]["passed"]) == ("passed", [], 6)
    assert data("--sut shards")["broken"] == 0
