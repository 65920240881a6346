"""An outcome that only another plugin knows is shown by its name in every view of a session."""

from datetime import UTC, datetime

import pytest
from pytest_insight.cli import app as main
from pytest_insight.core.models import TestOutcome, TestResult, TestSession
from pytest_insight.core.storage import JSONStorage


@pytest.fixture
def log(tmp_path):
    """A log with one attempt that another plugin counts as `known_bug`."""
    start = datetime(2026, 11, 2, tzinfo=UTC)
    results = [
        TestResult("t.py::a", TestOutcome.named("known_bug"), start, duration=0.1),
        TestResult("t.py::b", "passed", start, duration=0.1),
    ]
    session = TestSession("s", session_id="s", session_start_time=start, session_duration=1.0, test_results=results)
    path = tmp_path / "log.jsonl"
    JSONStorage(path).save_session(session)
    return path


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("tail",), "KNOWN_BUG t.py::a"),
        (("session", "play", "s", "--log"), "t.py::a KNOWN_BUG"),
        (("session", "show", "s", "--results", "--log"), "KNOWN_BUG t.py::a"),
        (("test", "history", "t.py::a", "--json", "--log"), '"known_bug"'),
    ],
)
def test_the_name_is_shown(log, capsys, command, shown):
    """And never the word `other`, under which the log keeps it."""
    assert main.run([*command, str(log)]) == 0
    out = capsys.readouterr().out
    assert shown in out
    assert "other" not in out.lower().replace("another", "")
