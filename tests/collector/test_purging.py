"""A purge reaches the collector: the text is gone from everything it stores, and an old copy does not bring it back."""

import json

import pytest
from collector_lines import digest_of, purged_lines, session_lines
from collectors import everything, make_key
from pytest_insight.cli import app as main
from pytest_insight.collector.database.checking import check_database

CANARY = "canary-5f2c"


@pytest.fixture
def purged(tmp_path):
    """Lines of a log before and after `insight log purge` of a text."""
    return purged_lines(tmp_path, CANARY)


def test_a_purge_removes_the_text_and_keeps_it_out(served, engine, database, purged, tmp_path):
    """Tables, exports, quarantine and the copy for questions are without it; an old copy is refused line by line."""
    before, after = purged
    served.push(b"".join(before))
    assert served.get("/api/v1/session-list").status == 200
    assert CANARY.encode() in everything(database)
    answer = served.push(b"".join(after))
    assert (answer["conflicts"], answer["removed"]) == ([], 5)
    assert CANARY.encode() not in everything(database)
    assert sorted(served.get("/api/v1/log").body.splitlines(keepends=True)) == sorted(after)
    again = served.push(b"".join(before))
    assert (again["accepted"], again["conflicts"], again["purged"]) == (0, [], 5)
    assert CANARY.encode() not in everything(database)
    assert served.get("/api/v1/session-list").status == 200
    copies = b"".join(path.read_bytes() for path in (tmp_path / "views").rglob("*") if path.is_file())
    assert CANARY.encode() not in copies
    assert list(check_database(engine)) == []


def test_a_purge_needs_the_scope_for_it(served, engine, purged):
    """Without it the tombstone is stored and does nothing; the replacements conflict; with it all is settled later."""
    before, after = purged
    served.push(b"".join(before))
    answer = served.push(b"".join(after), key=make_key(engine, role="writer"))
    assert (answer["removed"], len(answer["conflicts"])) == (0, 5)
    assert CANARY.encode() in served.get("/api/v1/log").body
    answer = served.push(b"".join(after))
    assert (answer["removed"], answer["conflicts"]) == (5, [])
    assert CANARY.encode() not in served.get("/api/v1/log").body


def test_a_purge_of_another_team_does_nothing_here(served, engine, purged):
    """Tombstones are those of one team."""
    before, after = purged
    other = make_key(engine, team="other")
    served.push(b"".join(before))
    assert served.push(b"".join(after), key=other)["removed"] == 0
    assert CANARY.encode() in served.get("/api/v1/log").body


def test_a_purged_session_stays_away(served, tmp_path):
    """A session that was removed as a whole is gone, and is not stored again."""
    lines = [*session_lines(1, 3), *session_lines(2, 3)]
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(lines))
    served.push(b"".join(lines))
    assert main.run(["log", "purge", "--session", "s2", "--force", str(log)]) == 0
    assert served.push(log.read_bytes())["removed"] == 5
    assert served.get("/api/v1/log").body.count(b'"seq"') == 6
    assert served.push(b"".join(lines))["purged"] == 5
    question = json.dumps({"streams": {f"{2:032x}": {"count": 5, "last": digest_of(lines[-1])}}}).encode()
    assert served.post("/api/v1/have", question).json()["streams"][f"{2:032x}"]["state"] == "purged"


def test_lines_that_come_before_their_tombstone_are_settled_by_it(served, purged):
    """The pieces of a purged log may arrive in any order."""
    before, after = purged
    served.push(b"".join(before))
    for line in reversed(after):
        served.push(line)
    for line in after:
        served.push(line)
    assert sorted(served.get("/api/v1/log").body.splitlines(keepends=True)) == sorted(after)
