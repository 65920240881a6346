"""The tables of the collector have the rows that the command line has of the same log."""

import json
import random

import psycopg
import pytest
from collector_lines import session_lines
from histories import EIGHT, write_session
from pytest_insight.cli import app as main
from pytest_insight.collector.views.projecting import project_all
from sqlalchemy import text

PASSED, FAILED = "passed", "failed"


def history():
    """Sessions with passes, failures, reruns, a killed one, another branch, two of one label, and one of the future."""
    dice = random.Random(4)
    found = []
    for number in range(14):
        results = [(nodeid, FAILED if dice.random() < 0.2 else PASSED, 5 + number) for nodeid in EIGHT]
        if number % 3 == 0:
            results += [(EIGHT[0], "rerun"), (EIGHT[0], PASSED)]
        if number == 9:
            results[-1] = (EIGHT[7], None)
        more = {"branch": "dev"} if number % 5 == 4 else {}
        name = "s3" if number == 5 else f"s{number}"
        found.append(
            write_session(name, number * 8, results, commit="abcdef"[number % 6], seal=number != 9, **more)
        )
    return found


@pytest.fixture
def grafana(engine):
    """A role that may read the documented tables of the team `default`."""
    with engine.begin() as connection:
        connection.execute(text("create role grafana"))
        connection.execute(text("grant usage on schema insight to grafana"))
        connection.execute(text("grant select on all tables in schema insight to grafana"))
        connection.execute(text("insert into reader select 'grafana', id from team where name = 'default'"))
    yield "grafana"
    with engine.begin() as connection:
        connection.execute(text("drop owned by grafana"))
        connection.execute(text("drop role grafana"))


def rows_of(database, role, query):
    """Rows that a role sees."""
    with psycopg.connect(database) as connection:
        connection.execute(f"set role {role}")
        return connection.execute(query).fetchall()


def asked(capsys, log, query):
    """Rows of `insight sql`."""
    capsys.readouterr()
    assert main.run(["sql", query, "--json", "--log", str(log)]) == 0
    return json.loads(capsys.readouterr().out)


def test_x(served, engine, database, grafana, tmp_path, capsys):
    pieces = history()
    (tmp_path / "whole.jsonl").write_bytes(b"".join(pieces))
    served.push(b"".join(pieces))
    while project_all(engine):
        pass
    print(asked(capsys, tmp_path / "whole.jsonl", "select * from sessions")[:1])
    for t in ("sessions", "results", "tests", "test_days", "progress"):
        r = rows_of(database, grafana, f"select * from insight.{t}")
        print(t, len(r), r[:2])
    assert 0
