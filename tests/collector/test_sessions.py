"""Whole sessions as documents: the code of a client that knows `TestSession` and HTTP alone."""

import json
from datetime import UTC, datetime

from pytest_insight.api import TestResult, TestSession


def session(label="one", outcome="passed"):
    """A session that was made in memory."""
    start = datetime(2026, 11, 20, 10, tzinfo=UTC)
    results = [TestResult(nodeid="t.py::test_a", outcome=outcome, start_time=start, duration=0.5)]
    return TestSession(
        sut_name="shop", session_id=label, session_start_time=start, session_duration=2.0, test_results=results
    )


def store(served, session, query=""):
    """Send a session as its document."""
    return served.post(f"/api/v1/sessions{query}", json.dumps(session.to_dict()).encode())


def test_a_document_is_stored_once(served):
    """The first answer is 201, that of a repetition 200, and the session is there once, with its results."""
    answers = [store(served, session()).status for _ in range(3)]
    assert answers == [201, 200, 200]
    found = [TestSession.from_dict(item) for item in served.get("/api/v1/sessions").json()]
    assert [(one.session_id, one.sut_name, one.test_results[0].nodeid) for one in found] == [
        ("one", "shop", "t.py::test_a")
    ]
    assert found[0].test_results[0].outcome == "passed"


def test_another_session_of_the_same_id_is_refused_on_request(served):
    """With on_conflict=error the answer is 409; without it both are in the log, and the later one is shown."""
    store(served, session())
    other = session(outcome="failed")
    assert store(served, other, "?on_conflict=error").status == 409
    assert len(served.get("/api/v1/sessions").json()) == 1
    assert store(served, session(), "?on_conflict=error").status == 200
    assert store(served, other).status == 201
    assert [item["exit_status"] for item in served.get("/api/v1/sessions").json()] == [1]
    assert served.get("/api/v1/log").body.count(b'"type":"session.started"') == 2


def test_pages_are_linked(served):
    """Each answer names the next page until there is none."""
    for number in range(5):
        store(served, session(f"s{number}"))
    path, found = "/api/v1/sessions?limit=2", []
    while path:
        answer = served.get(path)
        found += [item["session_id"] for item in answer.json()]
        path = answer.headers.get("link", "").partition("<")[2].partition(">")[0]
    assert sorted(found) == [f"s{number}" for number in range(5)]


def test_filters_of_sessions(served):
    """By system under test and by start."""
    store(served, session())
    assert len(served.get("/api/v1/sessions?sut=shop&since=2026-11-20T09:00:00Z").json()) == 1
    assert served.get("/api/v1/sessions?sut=other").json() == []
    assert served.get("/api/v1/sessions?since=2026-11-21T00:00:00Z").json() == []
    for number in ("0", "1795934430", "5.4e-195", "-1"):
        assert served.get(f"/api/v1/sessions?since={number}").status == 400


def test_documents_that_are_none_are_refused(served):
    """The answer is 400 and says where."""
    for body in (b"", b"{", b"[1]", b'{"session_id": 5, "test_results": 7}'):
        answer = served.post("/api/v1/sessions", body)
        assert answer.status == 400, (body, answer.body)
    assert served.get("/api/v1/log").body == b""
