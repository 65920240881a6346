"""The documented tables: their reference, the examples of the page, and who may read what."""

import re
from pathlib import Path

import collector_reference
import psycopg
import pytest
from collector_lines import session_lines
from collector_tables import role_reading, rows_of
from collectors import make_key
from histories import EIGHT, write_session
from pytest_insight.cli import app as main
from pytest_insight.collector.database.documented import DOCUMENTED
from pytest_insight.collector.views.projecting import project_all

PAGE = Path(__file__).parents[2] / "docs" / "collector.md"
TYPES = {"timestamp with time zone": "timestamptz", "double precision": "float8"}


@pytest.fixture
def two_teams(served, engine, database):
    """A database with sessions of two teams, and a role that may read those of `default`."""
    other = make_key(engine, team="other")
    results = [(EIGHT[0], "failed"), (EIGHT[1], "passed"), (EIGHT[2], "rerun"), (EIGHT[2], "passed")]
    served.push(write_session("mine", 0, results))
    served.push(b"".join(session_lines(1, 3, label="theirs")), key=other)
    while project_all(engine):
        pass
    with role_reading(engine, database, "default") as role:
        yield role


def test_the_reference_has_the_tables_of_the_database(database):
    """Names and types of all columns, and the page is made from them."""
    query = "select table_name, column_name, data_type from information_schema.columns where table_schema = 'insight'"
    found = {}
    for table, column, kind in rows_of(database, "", query):
        found.setdefault(table, {})[column] = TYPES.get(kind, kind)
    listed = {name: {one.name: one.type for one in table.columns} for name, table in DOCUMENTED.items()}
    assert found == listed
    page = PAGE.read_text(encoding="utf-8")
    assert collector_reference.renew_page(page) == page, "run `make docs`"


def test_the_examples_of_the_page_have_rows(two_teams, database):
    """Each SQL block is run by a role that may only read, and finds what it is about."""
    examples = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 5
    for example in examples:
        assert rows_of(database, two_teams, example), example


def test_a_role_sees_its_teams_and_nothing_else(two_teams, engine, database, capsys):
    """Rows of another team are in no table; the tables behind them, keys and events are refused; so is writing."""
    names = "select session_id from insight.sessions order by 1"
    assert rows_of(database, two_teams, names) == [("mine",)]
    for table in DOCUMENTED:
        assert {team for (team,) in rows_of(database, two_teams, f"select team from insight.{table}")} == {"default"}
    for statement in ("select * from public.session", "select * from key", "select * from segment", "table reader",
                      "delete from insight.sessions", "update insight.tests set verdict = 'passed'"):  # fmt: skip
        with pytest.raises(psycopg.Error):
            rows_of(database, two_teams, statement)
    assert main.run(["db", "grant", two_teams, "--team", "other", "--db-url", database]) == 0
    assert rows_of(database, two_teams, names) == [("mine",), ("theirs1",)]
    assert main.run(["db", "grant", two_teams, "--revoke", "--db-url", database]) == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows_of(database, two_teams, names)
    assert main.run(["db", "grant", "nobody-there", "--db-url", database]) == 1
    assert "create role" in capsys.readouterr().err


def test_a_function_of_a_query_does_not_see_rows_of_other_teams(two_teams, engine, database):
    """The barrier: a cheap function that raises an error with its argument is not called for them."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "create function leak(value text) returns boolean language plpgsql cost 0.0001 as"
            " $$ begin raise notice '%', value; return true; end $$"
        )
        connection.commit()
        seen = []
        connection.add_notice_handler(lambda notice: seen.append(notice.message_primary))
        connection.execute(f"set role {two_teams}")
        connection.execute("select * from insight.sessions where leak(session_id)").fetchall()
    assert seen == ["mine"]


def test_a_failure_of_the_week_is_found_by_the_index(two_teams, database):
    """The question uses the index of what did not simply pass, and only partitions of its time."""
    query = "explain select nodeid from insight.tests where notable and started_at > now() - interval '7 days'"
    with psycopg.connect(database) as connection:
        connection.execute("set enable_seqscan = off")
        plan = "\n".join(row[0] for row in connection.execute(query))
    assert re.search(r"Index.*Scan.*team_at_node", plan), plan
