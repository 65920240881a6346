"""What is older than a team keeps is dropped, and stays dropped when clients sync."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from collector_homes import Home
from collector_tables import role_reading, rows_of
from collectors import make_key
from histories import write_session
from pytest_insight.cli import app as main
from pytest_insight.collector.database.checking import check_database
from pytest_insight.collector.retention.daily import apply_daily_retention
from pytest_insight.collector.views.projecting import project_all
from sqlalchemy import text

TESTS = ["t.py::a", "t.py::b"]


def session(name, days_ago):
    """A session of two tests that began so many days ago."""
    start = datetime.now(UTC) - timedelta(days=days_ago)
    return write_session(name, 0, [(nodeid, "passed") for nodeid in TESTS], start=start)


OLD = {f"old{days}": session(f"old{days}", days) for days in (95, 130, 170, 300)}
NEW = {f"new{days}": session(f"new{days}", days) for days in (1, 40, 85)}


def told(capsys, database, *arguments):
    """JSON of a command about the database."""
    capsys.readouterr()
    assert main.run([*arguments, "--json", "--db-url", database]) == 0
    return json.loads(capsys.readouterr().out)


def stored(collector):
    """Names of the sessions that are exported."""
    lines = collector.get("/api/v1/log").body.splitlines()
    return {json.loads(line)["session_id"] for line in lines if b'"session.started"' in line}


def project(engine):
    """Bring the views up to date."""
    while project_all(engine):
        pass


def months(database):
    """Partitions of results."""
    query = "select relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'months'"
    return {name for (name,) in rows_of(database, "", f"{query} and relkind = 'r' and relname <> 'other'")}


def test_dropped_sessions_stay_dropped_after_every_client_synced(served, engine, database, tmp_path, capsys):
    """Tables, segments and answers lose them; clients that have them push nothing again, and keep their own."""
    homes = [Home(tmp_path / name) for name in ("one", "two")]
    for home in homes:
        home.log.write_bytes(b"".join([*OLD.values(), *NEW.values()]))
        home.sync(served)
    project(engine)
    before = months(database)
    with role_reading(engine, database, "default") as role:
        assert told(capsys, database, "teams", "set", "default", "--keep", "90d") == {
            "name": "default",
            "keep_days": 90,
        }
        (plan,) = told(capsys, database, "db", "retention", "--dry-run")
        assert (plan["streams"], plan["dry_run"], stored(served)) == (4, True, OLD.keys() | NEW.keys())
        (done,) = told(capsys, database, "db", "retention")
        assert done | {"dry_run": True} == plan
        assert (done["events"], len(done["months"]) > 0) == (sum(text.count(b"\n") for text in OLD.values()), True)
        assert months(database) == before - set(done["months"])
        for home in homes:
            report = home.sync(served)
            assert (report["sent"], report["fetched"], report["dropped_streams"]) == (0, 0, 4)
            assert home.log.read_bytes().count(b'"session.started"') == 7
        project(engine)
        assert served.push(OLD["old95"])["expired"] == OLD["old95"].count(b"\n")
        assert stored(served) == NEW.keys()
        listed = {row["session_id"] for row in served.get("/api/v1/session-list").json()}
        shown = {name for (name,) in rows_of(database, role, "select session_id from insight.sessions")}
        assert listed == shown == NEW.keys()
        assert rows_of(database, role, "select sum(runs) from insight.test_days") == [(6,)]
        assert rows_of(database, role, "select count(*) from insight.results") == [(6,)]
    assert list(check_database(engine)) == []
    fresh = Home(tmp_path / "three")
    assert fresh.sync(served)["fetched"] == sum(text.count(b"\n") for text in NEW.values())
    assert told(capsys, database, "db", "retention")[0]["streams"] == 0


def test_a_team_that_keeps_everything_keeps_its_rows_of_a_shared_month(served, engine, database, capsys):
    """Only what all teams have dropped goes as a whole month; the rows of one team go without those of the other."""
    other = make_key(engine, team="other")
    for text_of in (*OLD.values(), *NEW.values()):
        served.push(text_of)
        served.push(text_of, key=other)
    project(engine)
    before = months(database)
    told(capsys, database, "teams", "set", "default", "--keep", "90d")
    (done,) = told(capsys, database, "db", "retention")
    assert (done["team"], done["streams"], done["months"], months(database)) == ("default", 4, [], before)
    counts = "select t.name, count(*) from result r join team t on t.id = r.team group by 1 order by 1"
    assert rows_of(database, "", counts) == [("default", 6), ("other", 14)]


def test_a_wrong_clock_does_not_make_a_session_old(served, engine, database, capsys):
    """Of a session from 1980 or of the future the day of its arrival counts."""
    for name, start in (("past", datetime(1980, 1, 1, tzinfo=UTC)), ("future", datetime(2097, 1, 1, tzinfo=UTC))):
        served.push(write_session(name, 0, [(TESTS[0], "passed")], start=start))
    told(capsys, database, "teams", "set", "default", "--keep", "30d")
    assert told(capsys, database, "db", "retention")[0]["streams"] == 0
    with engine.begin() as connection:
        connection.execute(text("update segment set received = now() - interval '31 days'"))
    assert told(capsys, database, "db", "retention")[0]["streams"] == 2


def test_servers_apply_retention_once_a_day(served, engine, database, capsys):
    """The first process of a day does it, also after days without one."""
    served.push(OLD["old130"])
    told(capsys, database, "teams", "set", "default", "--keep", "90d")
    now = datetime.now(UTC)
    assert [apply_daily_retention(engine, now + timedelta(days=days)) for days in (0, 0, 1, 1)] == [
        True,
        False,
        True,
        False,
    ]
    assert stored(served) == set()


@pytest.mark.parametrize("keep", ["0d", "-1d", "soon", "", "9999999d"])
def test_times_that_are_none_are_refused(engine, database, keep, capsys):
    """Nothing is set."""
    make_key(engine)
    assert main.run(["teams", "set", "default", f"--keep={keep}", "--db-url", database]) == 2
    assert told(capsys, database, "teams", "list") == [{"name": "default", "keep_days": None}]
