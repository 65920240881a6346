"""Sessions that are read from files and stores: what is read, when, and what is said of what is gone."""

import json
from contextlib import nullcontext

import pytest
from histories import write_line, write_session
from pytest_insight.core.models import Results, TestSession
from pytest_insight.core.views.files import is_log, newest_exported, newest_row
from pytest_insight.core.views.session import load_session
from pytest_insight.core.views.stored import finished_event, not_run_tests, rerun_groups, section_text
from pytest_insight.projections.readmodel import ReadModel

RESULTS = [("t.py::a", "failed", 20), ("t.py::a", "passed", 10), ("t.py::b", "skipped"), ("t.py::c", None)]


@pytest.fixture
def model(tmp_path):
    """Return the open read model of a killed session, with its log."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("killed", 0, RESULTS, seal=False))
    with ReadModel.open(log, None) as opened:
        opened.catch_up()
        yield opened


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", b'{"v":1,', True),
        ("a.json", b'{"v":1,', True),
        ("a.gz", b"", True),
        ("a.zip", b"x", True),
        ("a.jsonl", b"[]", False),
        ("a.jsonl", b"", False),
    ],
)
def test_a_log_is_known_by_its_first_bytes_or_as_an_archive(tmp_path, name, content, expected):
    """Not by its name alone."""
    (tmp_path / name).write_bytes(content)
    assert is_log(tmp_path / name) is expected


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"session_id": "a"}', "a"),
        ('[{"session_id": "a"}, {"session_id": "b"}]', "b"),
        ('{"sessions": [{"session_id": "a"}, {"session_id": "c"}]}', "c"),
    ],
)
def test_the_newest_session_of_an_export_is_the_last(tmp_path, content, found):
    """Of one session, a list, or the file of the earlier plugin."""
    (tmp_path / "a.json").write_text(content)
    assert newest_exported(tmp_path / "a.json")["session_id"] == found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither an event log nor an export"),
        (b"\xff", "neither an event log nor an export"),
        (b"[]", "holds no session"),
        (b"[5]", "holds no session"),
        (b'{"sessions": []}', "holds no session"),
        (b'{"sessions": 5}', "holds no session"),
        (b'{"a": 1}', "a session needs session_start_time"),
    ],
)
def test_a_file_without_a_session_is_refused_with_its_reason(tmp_path, content, message):
    """Also by the classes that read a file."""
    path = tmp_path / "a.json"
    path.write_bytes(content)
    for reads in (TestSession, Results):
        with pytest.raises(ValueError, match=message):
            reads.from_file(path)
    with pytest.raises(FileNotFoundError):
        TestSession.from_file(tmp_path / "none")


def test_the_newest_session_of_a_log_is_read_with_its_texts(tmp_path):
    """They can be read when the log is gone; a log without a session has none."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("new", 1, [("a", "failed")]) + write_session("old", 0, [("a", "passed")]))
    session = TestSession.from_file(log)
    log.unlink()
    assert (session.session_id, session.test_results[0].longreprtext) == ("new", "RuntimeError: db down")
    log.write_bytes(write_line("session.cleared", "e" * 32, 0, session.session_start_time, target="f" * 32))
    with pytest.raises(ValueError, match="holds no session"), newest_row(log):
        pass


def test_a_stored_session_has_what_its_log_says(model):
    """Attempts in order, those that ran again as a group, and what was running."""
    (row,) = model.sessions()
    session = load_session(model, row)
    assert [(one.nodeid[6:], str(one.outcome), one.duration) for one in session.test_results] == [
        ("a", "failed", 0.02),
        ("a", "passed", 0.01),
        ("b", "skipped", 0.001),
    ]
    (group,) = session.rerun_test_groups
    assert (group.nodeid, group.final_outcome, group.tests) == ("t.py::a", "passed", session.test_results[:2])
    assert rerun_groups(session.test_results[::-1]) == [group]
    assert (session.running, session.not_run, session.status) == (["t.py::c"], [], "interrupted")
    assert json.dumps(session.to_dict())
    assert section_text(model, row, "errors") == ""


def test_announced_tests_that_never_started_are_not_run(tmp_path):
    """In the order of the announcement; what was running or has a report is not among them."""
    lines = write_session("s", 0, [("a", "passed"), ("b", None), ("d", "passed"), ("c", "passed")], seal=False)
    kept = lines.splitlines(keepends=True)[:5]  # the start, the announcement, one test, and the start of another
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(kept))
    with ReadModel.open(log, None) as model:
        model.catch_up()
        (row,) = model.sessions()
        assert not_run_tests(model, row, {"a"}) == load_session(model, row).not_run == ["d", "c"]
        assert load_session(model, row).running == ["b"]


def test_an_event_that_is_no_result_or_is_gone_is_told(model):
    """With its place in the log."""
    (attempt, *_) = model.attempts(model.sessions()[0].stream)
    assert finished_event(model, attempt.position).outcome == "failed"
    with pytest.raises(LookupError, match=r"no test\.finished at 0"):
        finished_event(model, 0)
    session = TestSession.from_row(lambda: nullcontext(model), model.sessions()[0])
    session.stream = "f" * 32
    with pytest.raises(LookupError, match=r"is not in .*log\.jsonl any more"):
        _ = session.test_results
