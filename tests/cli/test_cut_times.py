"""How long a test ran that has no end: at least what was recorded after its start, else unknown; by real runs."""

import json
import os
import signal
import time

import pytest
import warm
from pytest_insight.cli.app import run
from recorded_runs import enter_project, recording_command

HANGS = (
    "def test_done():\n    import time\n    time.sleep(0.5)\ndef test_hangs():\n    import time\n    time.sleep(300)\n"
)
HANGS_AT_ONCE = """
import pathlib, time
def test_hangs():
    pathlib.Path("hangs").touch()
    time.sleep(300)
"""
OTHER = """
import pathlib, time
def test_first():
    while not pathlib.Path("hangs").exists(): time.sleep(0.01)
def test_other(): time.sleep(1.2)
def test_last():
    pathlib.Path("done").touch()
    time.sleep(300)
"""
TIMED = """
import pytest, time
def test_done(): pass
@pytest.mark.timeout(1.2, func_only=True)
def test_hangs(): time.sleep(300)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty project with a home of its own."""
    return enter_project(tmp_path, monkeypatch)


def start(*words):
    """A recorded run in its own process group."""
    return warm.Popen(recording_command(*words), env=dict(os.environ), start_new_session=True)


def is_recorded(folder, name):
    """Return whether the start of a test is in a log or live file: the controller may be behind its workers."""
    lines = [line for path in folder.glob("home/**/*.jsonl") for line in path.read_bytes().splitlines()]
    return any(b'"test.started"' in line and name.encode() in line for line in lines)


def kill_when(process, ready):
    """Kill a run as soon as something is there."""
    deadline = time.monotonic() + 120
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def cut_of(capsys):
    """What `insight` and the analysis say of the tests that were cut, by name, and the text of both."""
    capsys.readouterr()
    assert run(["--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["cut"]
    assert run(["analytics", "analyze", "--metric", "cut", "--json"]) == 0
    metric = {one["nodeid"]: one["ran_s"] for one in json.loads(capsys.readouterr().out)["cut"]}
    assert run([]) == 0
    assert run(["analytics", "analyze", "--metric", "cut"]) == 0
    found = {row["nodeid"]: row["ran_s"] for row in rows}
    assert metric == found
    return {nodeid.rpartition("::")[2]: seconds for nodeid, seconds in found.items()}, capsys.readouterr().out


def test_a_single_process_that_was_killed_leaves_it_unknown(folder, capsys):
    """Nothing is recorded behind the start of its last test, however long it ran."""
    (folder / "test_it.py").write_text(HANGS)
    live = folder / "home" / "default.live"
    process = start()
    kill_when(
        process, lambda: any(b"test_hangs" in path.read_bytes() for path in live.glob("*.jsonl")) and not time.sleep(1)
    )
    found, text = cut_of(capsys)
    assert found == {"test_hangs": None}
    assert "ran unknown how long" in text
    assert "; unknown how long" in text


def test_what_another_worker_recorded_is_a_lower_limit(folder, capsys):
    """The tests of two workers are killed; the one that started first ran at least until the other's last event."""
    (folder / "test_a.py").write_text(HANGS_AT_ONCE)
    (folder / "test_b.py").write_text(OTHER)
    began = time.monotonic()
    process = start("-n", "2", "--dist", "loadfile")
    kill_when(process, lambda: (folder / "done").exists() and is_recorded(folder, "test_last"))
    took = time.monotonic() - began
    found, text = cut_of(capsys)
    assert set(found) == {"test_hangs", "test_last"}
    assert 1 <= found["test_hangs"] < took
    assert found["test_last"] is None or found["test_last"] < took
    assert "after at least" in text
    assert "for at least" in text


def test_a_timeout_that_ends_the_process_is_a_lower_limit(folder, capsys):
    """The output that pytest-timeout saved from the test is recorded when the time is over."""
    (folder / "test_it.py").write_text(TIMED)
    began = time.monotonic()
    process = start("--timeout-method=thread")
    assert process.wait(timeout=120) == 1
    took = time.monotonic() - began
    found, _ = cut_of(capsys)
    assert 1.19 < found["test_hangs"] < took
