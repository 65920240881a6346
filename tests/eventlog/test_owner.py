"""The process that records a session: its identity, and whether it has certainly ended."""

import os
import subprocess
import sys
import time

import pytest
from pytest_insight.eventlog.live import owner
from pytest_insight.eventlog.live.owner import process_start, session_state

HERE = {"host": "here", "boot_id": "boot", "pid": "77", "started": "1000"}


@pytest.fixture
def machine(monkeypatch):
    """A machine of a known name and boot, on which process 77 began at tick 1000."""
    monkeypatch.setattr(owner, "host_name", lambda: "here")
    monkeypatch.setattr(owner, "boot_id", lambda: "boot")
    monkeypatch.setattr(owner, "process_start", lambda pid: "1000" if pid == 77 else "")
    return monkeypatch


CASES = [
    (HERE, "unknown"),
    (HERE | {"started": "999"}, "killed"),
    (HERE | {"pid": "78"}, "killed"),
    (HERE | {"boot_id": "earlier"}, "killed"),
    (HERE | {"boot_id": "earlier", "pid": "", "started": ""}, "killed"),
    (HERE | {"host": "elsewhere"}, "unknown"),
    (HERE | {"host": "elsewhere", "boot_id": "earlier"}, "unknown"),
    (HERE | {"host": ""}, "unknown"),
    (HERE | {"boot_id": ""}, "unknown"),
    (HERE | {"pid": ""}, "unknown"),
    (HERE | {"pid": "x"}, "unknown"),
    (HERE | {"pid": "-77"}, "unknown"),
    (HERE | {"started": ""}, "unknown"),
    ({}, "unknown"),
]


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("writer", "state"), CASES)
def test_only_a_process_that_has_certainly_ended_was_killed(writer, state):
    """Of this machine, and of an earlier boot of it or no longer there; a fact that is missing proves nothing."""
    assert session_state(sealed=False, locked=False, writer=writer) == state
    assert session_state(sealed=False, locked=None, writer=writer) == state
    assert session_state(sealed=False, locked=True, writer=writer) == "running"
    assert session_state(sealed=True, locked=True, writer=writer) == "finished"


@pytest.mark.parametrize(("host", "boot"), [("", "boot"), ("here", "")])
def test_a_machine_without_a_name_or_a_boot_id_knows_of_no_end(machine, host, boot):
    """As on a platform that has neither; two such machines cannot be told apart."""
    machine.setattr(owner, "host_name", lambda: host)
    machine.setattr(owner, "boot_id", lambda: boot)
    writer = HERE | {"host": host, "boot_id": boot or "earlier"}
    assert session_state(sealed=False, locked=False, writer=writer | {"started": "999"}) == "unknown"


def test_the_start_of_a_process_is_known_while_it_runs():
    """Not of one that ended and that its parent has not waited for yet, nor of one that is gone."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    started = process_start(process.pid)
    elapsed_s = time.clock_gettime(time.CLOCK_BOOTTIME) - int(started) / os.sysconf("SC_CLK_TCK")
    assert 0 <= elapsed_s < 600
    process.stdin.write(b"\n")
    process.stdin.close()
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT) is None:
        pass
    assert process_start(process.pid) == ""
    process.wait()
    assert process_start(process.pid) == ""


@pytest.mark.parametrize(
    ("stat", "started"),
    [
        ("7 (a) S " + " ".join(map(str, range(100, 130))), "118"),
        ("7 (a) b (c)) S " + " ".join(map(str, range(100, 130))), "118"),
        ("7 (a) Z " + " ".join(map(str, range(100, 130))), ""),
        ("7 (a) X " + " ".join(map(str, range(100, 130))), ""),
        ("7 (a) S " + " ".join(map(str, range(100, 118))), ""),
        ("7 (a) S " + " ".join(map(str, range(100, 119))), "118"),
        ("", ""),
    ],
)
def test_the_start_is_the_22nd_field_whatever_the_name_of_the_program(monkeypatch, stat, started):
    """As proc(5) has it; the name may hold blanks and parentheses."""
    monkeypatch.setattr(owner, "_text_of", lambda path: stat)
    assert process_start(7) == started
