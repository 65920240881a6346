"""The helper process that sends a session, run within the test: its settings, its state, and its end."""

import os
import time

import pytest
from collector_homes import Home, merged
from pytest_insight.collector import push
from pytest_insight.collector.sending.deadlines import END_S, EndWatch, raise_after
from pytest_insight.eventlog.home.push_state import create_state, last_failure, read_state
from pytest_insight.eventlog.live.owner import process_start


@pytest.fixture
def home(private_home):
    """A home with one session, and the words of a helper for it."""
    found = Home(private_home / "insight")
    stream = found.record("a")
    found.state = create_state(stream)
    found.words = [str(found.log), stream, "0", str(found.state), str(os.getpid()), process_start(os.getpid())]
    return found


@pytest.fixture(autouse=True)
def calm(monkeypatch):
    """The test itself stays as nice as it is."""
    monkeypatch.setattr(os, "nice", lambda by: by)


def test_a_session_is_sent_and_its_state_says_so(home, served, tmp_path):
    """Exit code 0, every event there, and the state is that of the end."""
    environ = {"INSIGHT_REMOTE_URL": served.url, "INSIGHT_API_KEY": served.key}
    assert push.main(home.words, environ) == 0
    state = read_state(home.state)
    assert (state.phase, state.sent, state.where, state.reason) == ("done", 8, served.url, "")
    assert served.get("/api/v1/log").body == merged(tmp_path, home.log)
    assert push.main(home.words, environ) == 0
    assert served.get("/api/v1/log").body == merged(tmp_path, home.log)


def test_a_database_without_a_schema_or_of_another_kind_is_named(home, postgres):
    """The command that helps is in the reason, passwords are not."""
    for url, expected in (
        (postgres.url, "run: insight db upgrade"),
        ("mysql://u:canary@h/d", "only PostgreSQL is supported"),
    ):
        assert push.main(home.words, {"PYTEST_INSIGHT_STORAGE": "database", "INSIGHT_DB_URL": url}) == 1
        state = read_state(home.state)
        assert state.phase == "failed"
        assert expected in state.reason
        assert "canary" not in state.reason + state.where


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"INSIGHT_REMOTE_URL": "ftp://x", "INSIGHT_API_KEY": "ik_x"}, "not an http or https URL"),
        ({"INSIGHT_REMOTE_URL": "http://u:canary@x", "INSIGHT_API_KEY": "ik_x"}, "the URL holds a password"),
        ({"INSIGHT_REMOTE_URL": "http://x", "INSIGHT_API_KEY": "canary\nwith lines"}, "not a key of a collector"),
        ({"INSIGHT_REMOTE_URL": "http://x", "INSIGHT_API_KEY_FILE": "/nowhere"}, "the key cannot be read"),
        ({}, "no collector is named"),
    ],
)
def test_wrong_settings_end_it_with_a_reason(home, environ, expected):
    """No request is sent; passwords and keys are not in the reason."""
    assert push.main(home.words, environ) == 1
    reason = read_state(home.state).reason
    assert expected in reason
    assert "canary" not in reason
    assert last_failure() == "", "the session reads it itself"


def test_a_failure_that_the_session_did_not_wait_for_is_kept(home):
    """The session removed the state at its end: the reason goes to the next one."""
    home.state.unlink()
    push.main(home.words, {})
    assert "no collector is named" in last_failure()
    assert not home.state.exists()


def test_a_missing_library_is_a_reason(home, monkeypatch):
    """The import error names it."""
    monkeypatch.setitem(__import__("sys").modules, "urllib3", None)
    monkeypatch.delitem(__import__("sys").modules, "pytest_insight.collector.client.requests", raising=False)
    monkeypatch.delitem(__import__("sys").modules, "pytest_insight.collector.sending.sender", raising=False)
    monkeypatch.delitem(__import__("sys").modules, "pytest_insight.collector.client.pushing", raising=False)
    push.main(home.words, {"INSIGHT_REMOTE_URL": "http://x", "INSIGHT_API_KEY": "ik_x"})
    assert "urllib3" in read_state(home.state).reason


def test_the_state_of_a_killed_session_is_removed(home, served):
    """Its reader is gone."""
    words = [*home.words[:4], str(2**22 + 1), ""]
    assert push.main(words, {"INSIGHT_REMOTE_URL": served.url, "INSIGHT_API_KEY": served.key}) == 0
    assert not home.state.exists()


def test_a_request_ends_whatever_arrives():
    """An answer of one byte at a time never reaches the timeout of a socket."""
    error = TimeoutError("late")
    with pytest.raises(TimeoutError, match="late"), raise_after(0.05, error):
        while True:
            time.sleep(0.01)
    with raise_after(60, error):
        pass


def test_the_process_ends_some_time_after_the_session(home):
    """Even within a request that never ends: what it did not do is kept for the next session."""
    assert END_S < 60
    over, ended = [], []
    watch = EndWatch(lambda: bool(over), lambda: ended.append(watch.ended_at()), after_s=0.0)
    watch.start()
    assert watch.ended_at() is None
    over.append(1)
    first = watch.ended_at()
    watch.join(60)
    assert ended == [first]


def test_an_expired_process_leaves_its_reason(home, monkeypatch):
    """The session removed its file, so the next one reads it."""
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    session = push.SentSession(home.state, os.getpid(), process_start(os.getpid()))
    assert not session.is_over()
    session.report(push.PushState("waiting", 3, "http://h", "http://h: timed out"))
    home.state.unlink()
    assert session.is_over()
    session.expire()
    assert codes == [1]
    assert last_failure() == "http://h: timed out"
