"""The second lock between teams: the database itself shows a request the rows of its team alone."""

import json
import re

import psycopg
import pytest
from collector_lines import session_lines
from collectors import ThreadCollector, context_of, make_key
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.database.row_security import rows_of_team, secure_tables
from pytest_insight.collector.views.projecting import project_all
from sqlalchemy import event, text
from sqlalchemy.exc import ProgrammingError

OURS, THEIRS = session_lines(1, 3, sut="ours"), session_lines(2, 4, sut="theirs")
CONDITION = re.compile(r"(\b\w+\.team|\bteam\.id|(?<=where )team) = (%\(\w+\)s(::\w+)?)")


def drop_conditions(engine):
    """Remove the condition on the team from every statement: the defect that the second lock is for."""
    dropped = []

    def rewrite(connection, cursor, statement, parameters, context, executemany):
        changed = CONDITION.sub(r"(\1 = \2 or true)", statement)
        if changed != statement:
            dropped.append(statement)
        return changed, parameters

    event.listen(engine, "before_cursor_execute", rewrite, retval=True)
    return dropped


def rows_seen(served, key):
    """All that a key can see of the log, the keys and the audit."""
    question = json.dumps({"streams": {f"{number:032x}": {} for number in (1, 2)}}).encode()
    return {
        "events": served.get("/api/v1/events", key=key).body,
        "log": served.get("/api/v1/log", key=key).body,
        "have": sorted(served.post("/api/v1/have", question, key=key).json()["streams"]),
        "keys": {row["team"] for row in served.get("/api/v1/keys", key=key).json()},
        "audit": [row["what"].get("mark") for row in served.get("/api/v1/audit", key=key).json()],
        "sessions": served.get("/api/v1/session-list", key=key).body,
    }


@pytest.fixture
def two_teams(served, engine):
    """A collector with the sessions of two teams; gives the key of the other one, too."""
    from pytest_insight.collector.access.audit import record_action

    other = make_key(engine, team="other")
    served.push(b"".join(OURS))
    served.push(b"".join(THEIRS), key=other)
    with engine.begin() as connection:
        for team, mark in ((1, "ours"), (2, "theirs")):
            record_action(connection, "test", team=team, mark=mark)
    return served, other


def test_no_row_of_another_team_is_seen_without_the_conditions(two_teams, engine):
    """With every condition on the team removed, each endpoint shows what it showed before."""
    served, other = two_teams
    before = [rows_seen(served, key) for key in (served.key, other)]
    assert before[0]["log"] == b"".join(OURS)
    assert before[1]["log"] == b"".join(THEIRS)
    assert (before[0]["audit"], before[1]["audit"]) == (["ours"], ["theirs"])
    dropped = drop_conditions(engine)
    assert [rows_seen(served, key) for key in (served.key, other)] == before
    assert len(dropped) > 10


def test_the_removed_conditions_show_without_row_security(two_teams, engine, database):
    """The test above finds something: with row-level security off, the other team is seen."""
    served, other = two_teams
    with psycopg.connect(database) as connection:
        for table in ("segment", "stream", "key", "audit", "team"):
            connection.execute(f"alter table {table} disable row level security")
    drop_conditions(engine)
    seen = rows_seen(served, other)
    assert b"ours" in seen["events"]
    assert b"ours" in seen["log"]
    assert (len(seen["have"]), len(seen["keys"]), seen["audit"]) == (2, 2, ["theirs", "ours"])


def test_no_row_of_another_team_is_written_or_removed(two_teams, engine):
    """A statement without a condition changes the rows of the team alone; a row of another team is refused."""
    with rows_of_team(2):
        with engine.begin() as connection:
            assert connection.execute(text("delete from segment")).rowcount == 1
            assert connection.execute(text("update stream set next = 0")).rowcount == 1
        with pytest.raises(ProgrammingError, match="row-level security"), engine.begin() as connection:
            connection.execute(text("insert into audit (team, action) values (1, 'forged')"))
    assert two_teams[0].get("/api/v1/log").body == b"".join(OURS)


def test_every_table_with_rows_of_teams_is_secured(engine):
    """Also a table that is added later, at the next upgrade; repeating it changes nothing."""
    with engine.begin() as connection:
        named = text(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
            " and not (relrowsecurity and relforcerowsecurity)"
        )
        open_tables = set(connection.execute(named).scalars())
        assert open_tables == {"meta", "alembic_version"}
        assert secure_tables(connection) == []
        connection.execute(text("create table later (team int, value text)"))
        connection.execute(text("insert into later values (1, 'ours'), (2, 'theirs')"))
        assert secure_tables(connection) == ["later"]
    with rows_of_team(2), engine.connect() as connection:
        assert connection.execute(text("select value from later")).scalars().all() == ["theirs"]
    with engine.connect() as connection:
        assert len(connection.execute(text("select value from later")).all()) == 2


def test_an_owner_who_is_no_superuser_is_limited_and_makes_whole_backups(postgres, database, tmp_path):
    """Without the role of requests the policies hold for the owner of the tables; a backup has the rows of all teams."""
    from pytest_insight.collector.database.backups import write_backup
    from pytest_insight.collector.database.migrating import upgrade_schema

    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("create role plain login")
        connection.execute("create database plain owner plain template template0")
    url = re.sub(r"//[^@/]*@?/", "//plain@/", postgres.url).replace("/postgres?", "/plain?")
    engine = open_engine(url, pool_size=5)
    try:
        upgrade_schema(engine)
        keys = [make_key(engine, team=team) for team in ("default", "other")]
        served = ThreadCollector(context_of(engine, tmp_path), keys[0])
        served.push(b"".join(OURS))
        served.push(b"".join(THEIRS), key=keys[1])
        drop_conditions(engine)
        assert served.get("/api/v1/log", key=keys[1]).body == b"".join(THEIRS)
        served.stop()
        engine.dispose()
        engine = open_engine(url, pool_size=5)
        project_all(engine)
        with engine.connect() as connection:
            assert connection.execute(text("select team, count(*) from result group by 1 order by 1")).all() == [
                (1, 3),
                (2, 4),
            ]
        folder = tmp_path / "backup.dump"
        write_backup(url, folder)
        assert folder.stat().st_size
        listed = subprocess_rows(folder)
        assert listed == 2
    finally:
        engine.dispose()
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("drop database plain with (force)")
            connection.execute("drop role plain")


def subprocess_rows(dump):
    """Number of rows of `segment` in a backup."""
    import subprocess

    from pytest_insight.collector.database.backups import find_program

    command = [find_program("pg_restore", 18), "--data-only", "--table=segment", "--file=-", dump]
    out = subprocess.run(command, capture_output=True, check=True).stdout
    return len(out.split(b"FROM stdin;\n")[1].split(b"\\.\n")[0].splitlines())
