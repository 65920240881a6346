"""Rows of the documented tables of a collector, beside those of `insight sql`."""

import itertools
import json
from contextlib import contextmanager
from datetime import datetime

import psycopg
from pytest_insight.cli import app as main
from sqlalchemy import text

numbers = itertools.count()


@contextmanager
def role_reading(engine, database, *teams):
    """Name of a new role that may read the documented tables of some teams."""
    role = f"grafana_{next(numbers)}"
    with engine.begin() as connection:
        connection.execute(text(f"create role {role}"))
    named = [word for team in teams for word in ("--team", team)]
    assert main.run(["db", "grant", role, *named, "--db-url", database]) == 0
    yield role
    with engine.begin() as connection:
        connection.execute(text(f"drop owned by {role}"))
        connection.execute(text(f"drop role {role}"))


def rows_of(database, role, query, values=None):
    """Rows that a role sees, the owner of the database for an empty name."""
    with psycopg.connect(database) as connection:
        if role:
            connection.execute(f"set role {role}")
        return connection.execute(query, values).fetchall()


def asked(capsys, log, query):
    """Rows of `insight sql`."""
    capsys.readouterr()
    assert main.run(["sql", query, "--json", "--log", str(log)]) == 0
    return json.loads(capsys.readouterr().out)


def view_rows(database, role, table, columns):
    """Rows of a documented table with some columns, as `insight sql` has them."""
    found = rows_of(database, role, f"select {', '.join(columns)} from insight.{table}")
    return sorted_rows([dict(zip(columns, map(plain, row), strict=True)) for row in found])


def plain(value):
    """A value as JSON has it; durations to the microsecond."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return round(value, 6) if isinstance(value, float) else value


def sorted_rows(rows):
    """Rows in one order."""
    rounded = [{name: plain(value) for name, value in row.items()} for row in rows]
    return sorted(rounded, key=lambda row: json.dumps(row, sort_keys=True))
