"""Detection of a pytest run that another run started, with real processes and stacks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_insight.plugin.lifecycle import nesting

LOG = Path("/logs/a.jsonl")
OWN, PARENT = str(os.getpid()), str(os.getppid())


@pytest.fixture
def outside(monkeypatch):
    """Tests are on the stack of a runner: look as if they were not."""
    monkeypatch.setattr(nesting, "_RUNNER", "no module")


def test_a_test_runs_within_a_run():
    """This very test is called by the runner of pytest, whatever the environment says."""
    assert nesting.is_nested({})


@pytest.mark.parametrize(
    ("recorder", "expected"),
    [
        (None, False),
        ("", False),
        ("x", False),
        ("-1", False),
        ("\u0663", False),
        (OWN, False),
        (PARENT, True),
        ("1", os.getpid() != 1),
        ("0", False),
        (str(2**31), False),
    ],
    ids=["unset", "empty", "text", "negative", "other digits", "itself", "parent", "first process", "zero", "gone"],
)
@pytest.mark.usefixtures("outside")
def test_a_run_is_nested_in_the_recorder_that_is_its_ancestor(recorder, expected):
    """Its own id is left over from an earlier run of this process; an id that is no ancestor, from another shell."""
    environ = {} if recorder is None else {nesting.RECORDER_VARIABLE: recorder}
    assert nesting.is_nested(environ) is expected


def test_the_ancestors_are_those_that_ps_names():
    """From the parent to the first process, also of a process whose name has blanks and parentheses."""
    found, pid = [], os.getppid()
    while pid > 0 and len(found) < 300:
        found.append(pid)
        shown = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=False)
        pid = int(shown.stdout.strip() or 0)
    assert list(nesting._ancestors()) == found


def test_a_name_with_parentheses_hides_no_parent(tmp_path):
    """`/proc/PID/stat` has the name of the program unquoted."""
    program = tmp_path / "a) 7 (b"
    program.symlink_to(sys.executable)
    process = subprocess.Popen([program, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert nesting._parent_of(process.pid) == os.getpid()
    finally:
        process.communicate(b"\n")
    assert nesting._parent_of(process.pid) == 0


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({nesting.LOG_VARIABLE: str(LOG), nesting.RECORDER_VARIABLE: PARENT}, True),
        ({nesting.LOG_VARIABLE: "/logs/b.jsonl", nesting.RECORDER_VARIABLE: PARENT}, False),
        ({nesting.LOG_VARIABLE: str(LOG), nesting.RECORDER_VARIABLE: OWN}, False),
        ({nesting.RECORDER_VARIABLE: PARENT}, False),
    ],
    ids=["the log of its parent", "another log", "left over", "no log"],
)
@pytest.mark.usefixtures("outside")
def test_only_a_nested_run_has_the_log_of_an_outer_run(environ, expected):
    """A log of the same path that an earlier run of this process recorded into is its own."""
    assert nesting.is_log_of_outer_run(LOG, environ) is expected


def test_a_process_that_a_worker_started_is_no_worker(monkeypatch):
    """The variable is inherited; the module of execnet is on the stack of the worker alone."""
    environ = {"PYTEST_XDIST_WORKER": "gw0"}
    monkeypatch.setattr(nesting, "_XDIST_WORKER", "module.of.no.frame")  # these tests may run in a worker
    assert not nesting.is_xdist_worker(environ)
    monkeypatch.setattr(nesting, "_XDIST_WORKER", __name__)
    assert nesting.is_xdist_worker(environ)
    assert not nesting.is_xdist_worker({})


def test_marks_of_a_recording_are_removed_by_the_process_that_set_them():
    """A child that ends its own run leaves those of its parent alone."""
    environ = {"OTHER": "x"}
    nesting.mark_recording(LOG, environ)
    assert environ == {"OTHER": "x", nesting.RECORDER_VARIABLE: OWN, nesting.LOG_VARIABLE: str(LOG)}
    nesting.unmark_recording(environ)
    assert environ == {"OTHER": "x"}
    foreign = {nesting.RECORDER_VARIABLE: PARENT, nesting.LOG_VARIABLE: str(LOG)}
    nesting.unmark_recording(foreign)
    assert foreign == {nesting.RECORDER_VARIABLE: PARENT, nesting.LOG_VARIABLE: str(LOG)}
