"""Pushing pieces of a log and pulling them again."""

import json
import random

import pytest
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished

AT = "2026-11-20T10:00:%02d.000000Z"


def session(number, tests=5):
    """Lines of a session."""
    stream = f"{number:032x}"
    events = [SessionStarted(session_id=f"s{number}", sut="shop")]
    events += [TestFinished(nodeid=f"t.py::test_{n}", outcome="passed", duration_us=n) for n in range(tests)]
    events.append(SessionFinished(exit_status=0, count=tests + 1, root="0" * 32))
    return [encode_event(event, stream=stream, seq=seq, at=AT % (number % 60)) for seq, event in enumerate(events)]


def test_what_was_pushed_is_pulled_verbatim(collector):
    """Lines of sessions, pushed in pieces and out of order, are pulled again, each once."""
    lines = [line for number in range(3) for line in session(number)]
    random.Random(1).shuffle(lines)
    first = collector.push(b"".join(lines[:8]))
    assert (first["accepted"], first["known"]) == (8, 0)
    second = collector.push(b"".join(lines))
    assert (second["accepted"], second["known"]) == (len(lines) - 8, 8)
    assert second["streams"] == {f"{number:032x}": 7 for number in range(3)}
    assert sorted(collector.export().splitlines(keepends=True)) == sorted(lines)


def test_have_tells_next_and_last(collector):
    """A client learns how much of its streams is stored; unknown streams are left out."""
    lines = session(1)
    collector.push(b"".join(lines[:3] + lines[4:]))
    question = {"streams": {f"{number:032x}": {"count": 7, "last": ""} for number in (1, 2)}}
    answer = collector.post("/api/v1/have", json.dumps(question).encode()).json()
    assert answer["streams"] == {f"{1:032x}": {"next": 3, "last": lines[2][-35:-3].decode(), "state": "live"}}
    collector.push(lines[3])
    answer = collector.post("/api/v1/have", json.dumps(question).encode()).json()
    assert answer["streams"] == {f"{1:032x}": {"next": 7, "last": lines[6][-35:-3].decode(), "state": "sealed"}}


@pytest.mark.parametrize("key", ["", "nonsense", "ik_00000000_" + "a" * 43])
def test_a_request_without_a_valid_key_is_refused(collector, key):
    """The answer is 401 with a problem document."""
    answer = collector.post("/api/v1/events", b"", key=key)
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 401
