"""The tables of the collector have the rows that the command line has of the same log."""

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from collector_lines import mixed_history, session_lines
from collector_tables import asked, role_reading, rows_of, sorted_rows, view_rows
from histories import EIGHT, write_session
from pytest_insight.cli import app as main
from pytest_insight.collector.views.projecting import begin_rebuild, finish_rebuild, project_all
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.events import SessionCleared
from pytest_insight.eventlog.times import format_time
from sqlalchemy import text

PASSED, FAILED = "passed", "failed"
LABELS = {5: "s3"}
"""Two sessions have one label."""


def cleared(stream, number=900):
    """Line of an event that hides a session."""
    at = format_time(1_800_000_000_000_000 + number)
    return encode_event(SessionCleared(target=stream), stream=f"{number:032x}", seq=0, at=at)


@pytest.fixture
def grafana(engine, database, served):
    """Name of a role that may read the documented tables of the team `default`."""
    with role_reading(engine, database, "default") as role:
        yield role


def project(engine, seconds=0):
    """Bring the views up to date, as if so many seconds had gone by."""
    while project_all(engine, datetime.now(UTC) + timedelta(seconds=seconds)):
        pass


COMPARED = ("sessions", "results", "tests")


def test_tables_have_the_rows_of_the_command_line(served, engine, database, grafana, tmp_path, capsys):
    """Pushed in pieces in random order and folded in between: every value of every row equals that of `insight sql`."""
    pieces = mixed_history(LABELS)
    stream = json.loads(pieces[7].splitlines()[0])["stream"]
    lines = b"".join([*pieces, cleared(stream)]).splitlines(keepends=True)
    log = tmp_path / "whole.jsonl"
    log.write_bytes(b"".join(lines))
    random.Random(5).shuffle(lines)
    for start in range(0, len(lines), 60):
        served.push(b"".join(lines[start : start + 60]))
        project(engine, start)
    project(engine, 9_999)
    for table in COMPARED:
        expected = asked(capsys, log, f"select * from {table}")
        assert len(expected) >= 12, table
        assert view_rows(database, grafana, table, expected[0]) == sorted_rows(expected), table
    assert rows_of(database, grafana, "select waiting, problems from insight.progress") == [(0, 0)]


def test_counts_a_day_are_those_of_the_tests(served, engine, database, grafana):
    """The additive counts equal a count over all rows, also after a session grew and another one was hidden."""
    pieces = mixed_history(LABELS)
    for piece in pieces:
        served.push(piece[: len(piece) // 2].rpartition(b"\n")[0] + b"\n")
    project(engine)
    served.push(b"".join(pieces))
    project(engine, 999)
    stream = json.loads(pieces[2].splitlines()[0])["stream"]
    served.push(cleared(stream))
    project(engine, 9_999)
    good, bad = ("passed", "xfailed", "xpassed"), ("failed", "error", "crashed")
    query = "select nodeid, started_at, verdict, flaky from insight.tests"
    expected = Counter()
    for nodeid, started, verdict, flaky in rows_of(database, grafana, query):
        key = nodeid, started.astimezone(UTC).date()
        expected[*key, "runs"] += 1
        expected[*key, "passed"] += verdict in good
        expected[*key, "failed"] += verdict in bad
        expected[*key, "flaky"] += flaky
    names = ("runs", "passed", "failed", "flaky")
    days = rows_of(database, grafana, f"select nodeid, day, {', '.join(names)} from insight.test_days")
    found = Counter({(row[0], row[1], name): row[2 + n] for row in days for n, name in enumerate(names)})
    assert +found == +expected
    assert all(row[2] for row in days)


def everything(database):
    """All rows of the views, without what differs from one fold to the next: numbers of rows, times of folds."""
    queries = (
        "select team, label, session_id, stream, verdicts, workers, others, tests from session",
        (
            "select r.at, r.duration_us, s.stream, n.nodeid, r.seq, r.outcome, r.attempt, r.verdict, r.runs, r.worker"
            " from result r join session s on s.id = r.session join node n on n.id = r.node"
        ),
        (
            "select d.team, n.nodeid, sut, day, runs, passed, failed, skipped, flaky, duration_us"
            " from test_day d join node n on n.id = d.node"
        ),
        (
            "select s.stream, p.verdicts, outcomes, durations, attempts, p.workers, length(nodes), length(notable_failed)"
            " from packed p join session s on s.id = p.session"
        ),
        "select * from change",
        "select nodeid from node",
    )
    return [sorted(map(repr, rows_of(database, "", query))) for query in queries]


def test_a_rebuild_makes_the_same_rows(served, engine, database, capsys):
    """What grew push by push equals what is folded at once, by the command and after one that was cut off."""
    lines = b"".join(mixed_history(LABELS)).splitlines(keepends=True)
    random.Random(6).shuffle(lines)
    for start in range(0, len(lines), 40):
        served.push(b"".join(lines[start : start + 40]))
        project(engine, start)
    project(engine, 9_999)
    before = everything(database)
    assert all(before[:4])
    assert main.run(["db", "rebuild", "--db-url", database, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"team": "default", "streams": 14}]
    assert everything(database) == before
    with engine.connect() as connection:
        team = connection.execute(text("select id from team")).scalar_one()
    begin_rebuild(engine, team)  # and the process dies
    finish_rebuild(engine, team)
    assert everything(database) == before


def test_a_session_that_grows_is_folded_less_and_less_often(served, engine, database, grafana):
    """At most every 5 seconds, then 10, 20, 40, 60; its end is folded at once."""
    lines = session_lines(1, 40)
    start = datetime(2026, 11, 27, 12, tzinfo=UTC)
    folds = []
    for second in range(0, 200, 5):
        served.push(lines[second // 5])
        project_all(engine, start + timedelta(seconds=second))
        folds.append(rows_of(database, "", "select at from folded")[0][0])
    seconds = [int((at - start).total_seconds()) for at in dict.fromkeys(folds)]
    assert seconds == [0, 5, 15, 35, 75, 135, 195]
    served.push(b"".join(lines))
    project_all(engine, start + timedelta(seconds=200))
    assert rows_of(database, grafana, "select tests, status from insight.sessions") == [(40, "complete")]


def test_one_damaged_stream_does_not_stop_the_others(served, engine, database, grafana):
    """A stream whose segment is damaged has no rows, and is counted; the others have theirs."""
    for number in range(1, 6):
        served.push(b"".join(session_lines(number, 3)))
    with engine.begin() as connection:
        damage = "update segment set body = set_byte(body, 30, 255 - get_byte(body, 30)) where stream = :stream"
        connection.execute(text(damage), {"stream": f"{3:032x}"})
    project(engine)
    shown = rows_of(database, grafana, "select session_id from insight.sessions order by 1")
    assert shown == [("s1",), ("s2",), ("s4",), ("s5",)]
    assert rows_of(database, grafana, "select problems from insight.progress") == [(1,)]
    served.push(b"".join(session_lines(6, 3)))
    project(engine)
    assert len(rows_of(database, grafana, "select from insight.sessions")) == 5


def test_odd_texts_are_stored(served, engine, database, grafana):
    """Node ids with NUL, with 5,000 characters and of any alphabet have rows; events of another format have none."""
    results = [("t.py::a\0b", PASSED), ("t.py::" + "x" * 5000, FAILED), ("t.py::日本\u2028", PASSED)]
    served.push(write_session("odd", 1, results, sut="s" * 3000))
    served.push(session_lines(1, 2)[0].replace(b'{"v":1,', b'{"v":2,'))
    project(engine)
    found = {nodeid for (nodeid,) in rows_of(database, grafana, "select nodeid from insight.tests")}
    assert found == {"t.py::a\ufffdb", "t.py::" + "x" * 5000, "t.py::日本\u2028"}


def test_results_of_wrong_clocks_are_in_the_default_partition_until_their_month_comes(served, engine, database):
    """Months from 13 back to tomorrow have partitions; what was of the future moves into its own when that is there."""
    now = datetime.now(UTC)
    ages = {"old": -800, "month": -40, "now": 0, "next": 45, "future": 4000}
    for name, days in ages.items():
        served.push(write_session(name, 0, [(EIGHT[0], PASSED)], start=now + timedelta(days=days)))
    project(engine)
    where = "select s.label, r.tableoid::regclass::text from result r join session s on s.id = r.session"
    found = dict(rows_of(database, "", where))
    assert {name for name, table in found.items() if table == "months.other"} == {"old", "next", "future"}
    later = now + timedelta(days=45)
    served.push(write_session("later", 0, [(EIGHT[1], PASSED)], start=later))
    project_all(engine, later)
    found = dict(rows_of(database, "", where))
    assert {name for name, table in found.items() if table == "months.other"} == {"old", "future"}
    assert found["later"] == found["next"] == f"months.y{later.year}m{later.month:02d}"
