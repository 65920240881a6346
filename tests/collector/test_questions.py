"""The server answers every question as the command line does on the same log."""

import json
import random
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from collector_lines import mixed_history
from collectors import make_key
from histories import EIGHT
from pytest_insight.cli import app as main

QUESTIONS = [
    ("/session-list", ["session", "list"]),
    ("/session-list?sut=shop&all=1", ["session", "list", "--sut", "shop", "--all"]),
    ("/sessions/last", ["session", "show", "last"]),
    ("/sessions/s9", ["session", "show", "s9"]),
    ("/suts", ["sut", "list"]),
    ("/tests", ["test", "list"]),
    ("/tests?pattern=test_3&branch=main&days=9", ["test", "list", "test_3", "--branch", "main", "--days", "9"]),
    (f"/tests/show?nodeid={quote(EIGHT[0])}", ["test", "show", EIGHT[0]]),
    (f"/tests/history?nodeid={quote(EIGHT[7])}&all=1", ["test", "history", EIGHT[7], "--all"]),
    (f"/tests/trends?nodeid={quote(EIGHT[2])}", ["test", "trends", EIGHT[2]]),
    ("/summary", ["analytics", "summary"]),
    ("/analysis", ["analytics", "analyze"]),
    ("/flaky", ["analytics", "analyze", "--metric", "flaky"]),
    ("/failures?branch=main", ["analytics", "failures", "--branch", "main"]),
    ("/compare?base=s3&target=s6", ["analytics", "compare", "--base", "s3", "--target", "s6"]),
]


def answered(capsys, arguments, log):
    """JSON of a command about a log."""
    capsys.readouterr()
    code = main.run([*arguments, "--json", "--log", str(log)])
    return code, json.loads(capsys.readouterr().out)


def without_positions(value):
    """An answer without places in a log: the copy of the server has its lines in the order of the feed."""
    if isinstance(value, dict):
        return {key: without_positions(item) for key, item in value.items() if key != "position"}
    return [without_positions(item) for item in value] if isinstance(value, list) else value


def test_answers_are_those_of_the_command_line(served, tmp_path, capsys):
    """The JSON of each question equals that of the command on the whole log, in every field but the place in the log."""
    pieces = mixed_history()
    (tmp_path / "whole.jsonl").write_bytes(b"".join(pieces))
    lines = b"".join(pieces).splitlines(keepends=True)
    random.Random(5).shuffle(lines)
    for start in range(0, len(lines), 60):
        served.push(b"".join(lines[start : start + 60]))
    for path, arguments in QUESTIONS:
        answer = served.get(f"/api/v1{path}")
        assert answer.status == 200, (path, answer.body)
        code, expected = answered(capsys, arguments, tmp_path / "whole.jsonl")
        assert code == 0, arguments
        assert without_positions(answer.json()) == without_positions(expected), path


def test_an_answer_has_what_was_pushed_just_before(served):
    """A session that grows by pushes is in the next answer, with the position up to which it was read."""
    lines = mixed_history()[0].splitlines(keepends=True)
    for count in (3, 6, len(lines)):
        position = served.push(b"".join(lines[:count]))["position"]
        answer = served.get("/api/v1/sessions/s0")
        assert answer.headers["insight-position"] == position
    assert answer.json()["status"] == "complete"


def test_a_question_waits_for_the_push_that_it_names(served, monkeypatch):
    """`?after=` has the cursor of a push; one that is not reached in time is 503, one of another epoch 410."""
    from pytest_insight.collector.feed import waiting

    position = served.push(mixed_history()[0])["position"]
    assert served.get(f"/api/v1/session-list?after={position}").headers["insight-position"] == position
    monkeypatch.setattr(waiting, "WAIT_S", 0.2)
    epoch, _, number = position.partition(":")
    answer = served.get(f"/api/v1/session-list?after={epoch}:{int(number) + 1}")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert served.get(f"/api/v1/session-list?after={'0' * 16}:1").status == 410
    assert served.get("/api/v1/session-list?after=soon").status == 400


def test_a_copy_of_the_log_is_only_a_cache(served, tmp_path):
    """Without the copy, with a part of it, and with one that a process left behind in the middle, answers are the same."""
    served.push(b"".join(mixed_history()))
    path = f"/api/v1/tests?as-of={quote(datetime.now(UTC).isoformat())}"
    expected = served.get(path).json()
    assert expected == served.get("/api/v1/tests").json()
    assert expected["tests"]
    copy = next((tmp_path / "views").glob("*/log.jsonl"))
    data = copy.read_bytes()
    for broken in (data[:1000], data + b'{"v":1,"type":"half', b""):
        copy.write_bytes(broken)
        assert served.get(path).json() == expected
        assert copy.read_bytes() == data
    copy.unlink()
    assert served.get(path).json() == expected


def test_after_a_restore_the_copy_is_made_again(served, engine):
    """The copy belongs to one life of the database."""
    from sqlalchemy import text

    first, second = mixed_history()[:2]
    path = f"/api/v1/session-list?as-of={quote(datetime.now(UTC).isoformat())}"
    served.push(first)
    assert len(served.get(path).json()) == 1
    with engine.begin() as connection:
        connection.execute(text("truncate segment, stream"))
        connection.execute(text("update meta set value = 'restored' where name = 'epoch'"))
    served.push(second)
    assert [row["session_id"] for row in served.get(path).json()] == ["s1"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sessions/nothing", 404),
        ("/tests/show", 400),
        ("/tests/show?nodeid=nothing", 404),
        ("/tests?time=yesterday-ish", 400),
        ("/tests?log=/etc/passwd", 400),
        ("/tests?profile=default", 400),
        ("/tests?days=x", 400),
        ("/compare?base=profile:default", 404),
        ("/tests?pattern=--log%3D/etc/passwd", 200),
        ("/sessions/--help", 404),
    ],
)
def test_questions_that_cannot_be_answered_are_problems(served, path, status):
    """A wrong value is 400, an unknown name 404; no parameter reaches another log than that of the team."""
    served.push(mixed_history()[0])
    answer = served.get(f"/api/v1{path}")
    assert answer.status == status, answer.body
    if status != 200:
        assert answer.json()["status"] == status


def test_teams_have_answers_of_their_own(served, engine):
    """A session of one team is unknown to another one, in every answer."""
    other = make_key(engine, team="other")
    served.push(b"".join(mixed_history()[:3]))
    served.push(mixed_history()[5], key=other)
    assert [row["session_id"] for row in served.get("/api/v1/session-list", key=other).json()] == ["s5"]
    assert [item["session_id"] for item in served.get("/api/v1/sessions", key=other).json()] == ["s5"]
    missing = served.get("/api/v1/sessions/s0", key=other)
    unknown = served.get("/api/v1/sessions/s99", key=other)
    assert (missing.status, unknown.status) == (404, 404)
    assert missing.body.replace(b"s0", b"s99") == unknown.body


def test_a_team_without_sessions_has_empty_answers(served):
    """Lists are empty."""
    for path in ("/session-list", "/suts", "/sessions"):
        answer = served.get(f"/api/v1{path}")
        assert (answer.status, answer.json()) == (200, []), path
    assert served.get("/api/v1/tests").json()["tests"] == []
