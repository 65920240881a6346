"""A newest session that ended before it ran a test hides nothing: by real runs that end as pytest says."""

import json
import os

import pytest
import warm
from histories import all_of, write_session
from pytest_insight.cli.app import run
from recorded_runs import enter_project, recording_command

SUITE = "def test_a(): pass\ndef test_b(): assert not __import__('os').environ.get('BROKEN')\ndef test_c(): pass\n"
ENDS = {
    "usage error": (4, ["nothing.py"], "", "usage error"),
    "internal error while a test starts": (3, [], "def pytest_runtest_protocol(item): 1 / 0", "internal error"),
    "internal error at the start": (3, [], "def pytest_sessionstart(session): 1 / 0", "internal error"),
    "no tests": (5, ["-k", "nothing"], "", "ran no tests"),
    "interrupted": (2, [], "def pytest_collection(session): raise KeyboardInterrupt", "interrupted"),
}
"""Exit status, arguments and conftest.py of a run that ends before its first test, and what is said of it."""


@pytest.fixture
def pytest_run(tmp_path, monkeypatch):
    """A way to record a run of a small suite, which has to end with an exit status."""
    enter_project(tmp_path, monkeypatch)
    (tmp_path / "test_it.py").write_text(SUITE)

    def record(status, *words, conftest="", **env):
        (tmp_path / "conftest.py").write_text(conftest)
        done = warm.run(recording_command(*words), env=os.environ | env, capture_output=True, text=True, timeout=300)
        assert done.returncode == status, done.stdout + done.stderr

    return record


def answer(capsys, *words):
    """What a command prints as JSON."""
    capsys.readouterr()
    assert run([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("end", ENDS)
def test_the_answer_is_about_the_newest_session_that_ran_tests(pytest_run, capsys, end):
    """What is broken stays so, and no test is lost; the first line has the counts of the session that ran tests."""
    status, words, conftest, said = ENDS[end]
    pytest_run(0)
    pytest_run(1, BROKEN="1")
    before = answer(capsys)
    pytest_run(status, *words, conftest=conftest)
    found = answer(capsys)
    assert (found["newest"]["exit_status"], found["tested"]["session_id"]) == (status, before["newest"]["session_id"])
    ended, *others = found["sentences"]
    assert said in ended
    assert f"the newest that ran tests is session {before['newest']['session_id']}" in ended
    assert others == before["sentences"]
    assert (found["broken"], found["lost"], found["groups"]) == (1, [], before["groups"])
    assert f"insight session rerun {found['tested']['session_id']}" in found["commands"]
    assert answer(capsys, "analytics", "summary")["headline"] == found["headline"]
    assert answer(capsys, "session", "compare")["target_sessions"] == [found["tested"]["session_id"]]
    capsys.readouterr()
    assert run([]) == 0
    assert "1 failed  2 passed" in capsys.readouterr().out.splitlines()[0]


def test_a_history_of_nothing_but_usage_errors_says_so(pytest_run, capsys):
    """No session ran tests, so nothing is said to be good."""
    pytest_run(4, "nothing.py")
    found = answer(capsys)
    assert (len(found["sentences"]), found["tested"]) == (1, None)
    assert found["headline"].endswith("before any test ran; no session before it ran tests")


def test_an_outage_goes_on_behind_a_usage_error(tmp_path, capsys):
    """Nearly everything failed in the newest session that ran tests: that is named, as before."""
    log = tmp_path / "log.jsonl"
    sessions = [write_session("good", 0, all_of("passed")), write_session("red", 1, all_of("failed"), commit="b")]
    log.write_bytes(b"".join([*sessions, write_session("usage", 2, [], status=4, commit="b")]))
    sentences = answer(capsys, str(log))["sentences"]
    assert sentences[1].startswith("session red: 8 of 8 fail since bbbbbbbbb (1 session), last good aaaaaaaaa")


def test_an_internal_error_behind_good_tests_is_not_called_good(tmp_path, capsys):
    """All tests that ran passed, and the run did not."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("one", 0, all_of("passed"), status=3))
    assert answer(capsys, str(log))["sentences"] == [
        "latest session ended with an internal error of pytest after 8 of 8 tests",
        "no test is broken",
    ]
