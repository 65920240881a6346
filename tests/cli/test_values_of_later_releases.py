"""Values that only a later release knows: carried, shown under their own name, never damage."""

import json

import pytest
from pytest_insight.cli import app as main
from pytest_insight.eventlog.codec import encode_event, line_hash
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished
from pytest_insight.eventlog.maintenance.verify import verify_log

STREAM = "cd" * 16
AT = "2026-11-21T01:23:45.123456Z"


def lines() -> list[bytes]:
    """A sealed session whose values all come from a release after this one."""
    events = [
        SessionStarted(session_id="later", sut="s", output="sampled"),
        TestFinished(nodeid="t.py::a", outcome="quarantined", phase_outcomes={"call": "quarantined"}),
        TestFinished(nodeid="t.py::b", outcome="passed", phase_outcomes={"call": "soft_pass"}),
        TestFinished(nodeid="t.py::c", outcome="passed"),
    ]
    found = [encode_event(event, stream=STREAM, seq=seq, at=AT) for seq, event in enumerate(events)]
    root = line_hash()
    for line in found:
        root.update(line[-35:-3])
    seal = SessionFinished(exit_status=0, count=len(found), root=root.hexdigest(), duration_us=1)
    return [*found, encode_event(seal, stream=STREAM, seq=len(found), at=AT)]


@pytest.fixture
def log(tmp_path):
    """A log with that session."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(lines()))
    return path


def test_the_log_is_whole(log):
    """Verification finds nothing wrong, and counts every event."""
    report = verify_log(log)
    assert (report.problems, report.events, report.sealed) == ([], 5, 1)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("session", "list", "--log"), "1 quarantined"),
        (("session", "show", "later", "--results", "--log"), "QUARANTINED t.py::a"),
        (("tail",), "QUARANTINED t.py::a"),
        (("test", "history", "t.py::a", "--json", "--log"), '"quarantined"'),
        (("log", "verify"), "5 events"),
    ],
)
def test_the_value_is_shown_under_its_own_name(log, capsys, command, shown):
    """No command fails on it, calls it damage, or shows another value."""
    assert main.run([*command, str(log)]) == 0
    out = capsys.readouterr().out
    assert shown.lower() in " ".join(out.split()).lower()
    assert "DAMAGED" not in out


def test_it_is_neither_a_pass_nor_a_failure(log, capsys):
    """The counts keep it apart from all that this release knows."""
    assert main.run(["session", "list", "--json", "--log", str(log)]) == 0
    data = json.loads(capsys.readouterr().out)
    text = json.dumps(data)
    assert '"quarantined": 1' in text or '"other": 1' in text
    assert '"failed": 1' not in text
