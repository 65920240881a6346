"""The commands beside sessions that run, that were killed, and that are collected."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm
from pytest_insight.eventlog.sources import live_files

TESTS = """
import pathlib, time
def test_done(): pass
def test_waits():
    pathlib.Path("waiting").touch()
    while not pathlib.Path("go").exists(): time.sleep(0.01)
"""


@pytest.fixture
def run(tmp_path):
    """A recorded pytest run that waits in its second test: `run()` returns the process, the home and the log."""
    home = tmp_path / "home"
    env = {
        name: value for name, value in os.environ.items() if name == "PYTEST_ADDOPTS" or not name.startswith("PYTEST_")
    }
    env |= {"HOME": str(tmp_path), "PYTEST_INSIGHT_HOME": str(home)}
    (tmp_path / "test_it.py").write_text(TESTS)
    processes = []

    def start(*args: str) -> subprocess.Popen:
        (tmp_path / "waiting").unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(args or ("--insight",))]
        process = warm.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        processes.append(process)
        deadline = time.monotonic() + 300
        while not (tmp_path / "waiting").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        return process

    def insight(*args: object) -> str:
        command = [sys.executable, "-m", "pytest_insight.cli", *map(str, args)]
        done = warm.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    start.insight, start.folder, start.home, start.env = insight, tmp_path, home, env
    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def profile_log(home: Path) -> Path:
    """The one log in a home."""
    [log] = home.glob("*.jsonl")
    return log


def test_a_run_that_runs_is_killed_and_is_collected(run):
    """list, show, tail and --json say running, then killed; `log collect` moves it into the log, and nothing changes."""
    process = run()
    [session] = json.loads(run.insight("session", "list", "--json"))
    assert (session["state"], session["status"], session["counts"]) == ("running", "interrupted", {"passed": 1})
    assert session["running"] == ["test_it.py::test_waits"]
    assert "running" in run.insight("session", "list")
    assert "Running now:" in run.insight("session", "show", "last")
    assert "RUNNING test_it.py::test_waits" in run.insight("tail")
    assert "GONE" not in run.insight("tail")
    log = profile_log(run.home)
    [live] = live_files(log)
    [left] = json.loads(run.insight("log", "collect", "--json"))
    assert left["left"] == "its session is running"
    process.kill()
    process.wait()
    for _ in range(2):
        [session] = json.loads(run.insight("session", "list", "--json"))
        assert (session["state"], session["counts"]) == ("killed", {"passed": 1})
        assert "killed" in run.insight("session", "list")
        assert json.loads(run.insight("session", "show", "last", "--json"))["state"] == "killed"
        assert "killed" in run.insight("tail")
        run.insight("log", "collect")
        assert not live.exists()
    assert "1 sealed" not in run.insight("log", "info")


def test_a_run_that_ends_leaves_one_file(run):
    """The log has the session; nothing lies beside it."""
    process = run()
    (run.folder / "go").touch()
    assert process.wait(300) == 0
    log = profile_log(run.home)
    assert not log.with_suffix(".live").exists()
    [session] = json.loads(run.insight("session", "list", "--json"))
    assert (session["state"], session["status"]) == ("passed", "complete")


def test_a_named_log_is_one_file_and_is_not_rewritten_while_it_is_recorded(run):
    """--insight-log: events are in it at once; pack, purge and repair name the session."""
    log = run.folder / "ci.jsonl"
    process = run(f"--insight-log={log}")
    assert b"test.finished" in log.read_bytes()
    [session] = json.loads(run.insight("session", "list", "--log", log, "--json"))
    assert session["state"] == "running"
    for words in (("pack",), ("repair",), ("purge", "--regex", "test_done", "--force")):
        command = [sys.executable, "-m", "pytest_insight.cli", "log", *words, str(log)]
        done = warm.run(command, env=run.env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 3
        assert f"session {session['session_id']} is being recorded into it" in done.stderr
    (run.folder / "go").touch()
    assert process.wait(300) == 0
    assert [path.name for path in run.folder.glob("ci*")] == ["ci.jsonl"]
