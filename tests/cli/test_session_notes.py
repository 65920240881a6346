"""Every type of event is shown by `session show` and `tail`."""

import pytest
from pytest_insight.cli.app import build_app
from pytest_insight.cli.formatters.event_lines import SessionState, render
from pytest_insight.cli.formatters.sessions.session_notes import SHOWN
from pytest_insight.eventlog.events import (
    SESSION_EVENTS,
    CollectionFailed,
    CollectionSkipped,
    EventsPurged,
    RecorderDegraded,
    SessionCleared,
    SessionDescribed,
    SessionFinished,
    SessionRestored,
    SessionStarted,
    SessionSuperseded,
    SubtestFinished,
    TestCut,
    TestFinished,
    TestsAnnounced,
    WarningRecorded,
    WorkerLost,
)
from pytest_insight.eventlog.writer import LogWriter
from typer.testing import CliRunner

WHOLE = [
    (CollectionFailed(nodeid="test_c.py", longreprtext="E no module x"), ("collecting test_c.py", "no module x")),
    (CollectionSkipped(nodeid="test_s.py", reason="not here"), ("test_s.py", "not here")),
    (WorkerLost(worker="gw3", running=["t.py::a"], error="Not properly terminated"), ("gw3", "t.py::a", "terminated")),
    (TestCut(nodeid="t.py::b", capstdout="step 1", caplog="INFO start"), ("CUT", "t.py::b", "step 1", "INFO start")),
    (RecorderDegraded(reason="a disk is full", dropped=3), ("3 events", "a disk is full")),
    (RecorderDegraded(reason="2 passed recorded, pytest counts 1"), ("degraded", "pytest counts 1")),
    (WarningRecorded(category="UserWarning", message="careful"), ("UserWarning: careful",)),
    (SessionDescribed(properties=[("arch", "ppc")]), ("arch", "ppc")),
]
OTHERS = [
    (SessionCleared(target="abc", reason="wrong host"), ("abc", "cleared", "wrong host")),
    (SessionRestored(target="abc"), ("abc", "restored")),
    (SessionSuperseded(target="abc", by="def", reason="again"), ("abc", "superseded", "again")),
    (EventsPurged(streams=["abc"], reason="a secret"), ("1 sessions", "purged", "a secret")),
    (SubtestFinished(nodeid="t.py::a", outcome="failed", ordinal=1, message="part"), ("t.py::a", "part")),
    (TestFinished(nodeid="t.py::a", outcome="failed", longreprtext="assert 0"), ("FAILED", "assert 0")),
    (TestFinished(nodeid="t.py::a", outcome="other", category="quarantined"), ("QUARANTINED t.py::a",)),
    (SessionFinished(exit_status=1, count=3, root="", internal_error="late: no report"), ("exit 1", "no report")),
]


def test_no_type_is_missing_from_the_table():
    """The table names every type of the format, and nothing else."""
    assert list(SHOWN) == [cls.__struct_config__.tag for cls in SESSION_EVENTS]


@pytest.mark.parametrize(("event", "words"), [*WHOLE, *OTHERS], ids=lambda value: type(value).__name__)
def test_tail_shows_what_an_event_says(event, words):
    """Every word that matters is in the lines."""
    text = "\n".join(line.text for line in render(event, SessionState("s"), "2026-01-01T00:00:00.000000Z"))
    assert all(word in text for word in words), text


@pytest.mark.parametrize(("worker", "of"), [("", ""), ("gw1", ""), ("gw1", "gw1")])
def test_tail_counts_names_without_a_result_and_not_attempts(worker, of):
    """Two attempts of one test do not hide that another one has no result; two announcements are not two tests.

    Args:
        worker: where the tests ran.
        of: whose set of tests was announced; empty if all workers share one.
    """
    state = SessionState("s")
    announced = TestsAnnounced(nodeids=["a", "b"], worker=of)
    attempts = [
        TestFinished(nodeid="a", outcome="rerun", worker=worker),
        TestFinished(nodeid="a", outcome="passed", attempt=2, worker=worker),
    ]
    seal = SessionFinished(exit_status=0, count=1, root="")
    events = [announced, announced, *attempts, seal]
    lines = [line.text for event in events for line in render(event, state, "2026-01-01T00:00:00.000000Z")]
    assert "1 passed, 1 rerun, 1 not reported" in lines[-1]


def test_session_show_shows_what_happened_to_a_session_without_tests(tmp_path):
    """Collection errors, lost workers, losses, warnings and properties, although no test ran."""
    writer = LogWriter(tmp_path / "log.jsonl")
    writer.append(SessionStarted(session_id="abc123", sut="shop"))
    for event, _ in WHOLE:
        writer.append(event)
    writer.seal(lambda count, root: SessionFinished(exit_status=5, count=count, root=root))
    writer.close()
    result = CliRunner().invoke(build_app("session"), ["session", "show", "last", "--log", str(writer.path)])
    assert result.exit_code == 0, result.output
    for event, words in WHOLE:
        assert all(word in result.output for word in words), event
