"""`insight sql`: answers of SQLite over the tables of a log, and nothing but reading."""

import csv
import io
import json
import os
import sys
from pathlib import Path

import pytest
import sql_reference
import warm
from pytest_insight.cli.app import run
from pytest_insight.core.history.table_columns import Column, ReadColumn
from pytest_insight.core.history.tables import TABLES

ROOT = Path(__file__).parent.parent.parent

SUITE = """
import pytest

@pytest.mark.parametrize("n", range(4))
def test_good(n): pass

def test_bad(): raise ValueError("price is 'odd'; really")

@pytest.mark.skip(reason="later")
def test_later(): pass
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A log of two recorded sessions of one suite."""
    tmp_path = tmp_path_factory.mktemp("shop")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name == "PYTEST_ADDOPTS" or not name.startswith(("PYTEST_", "CI"))
    }
    environment |= {"HOME": str(tmp_path)}
    (tmp_path / "test_shop.py").write_text(SUITE)
    path = tmp_path / "log.jsonl"
    for _ in range(2):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--insight-log={path}"]
        assert warm.run(command, cwd=tmp_path, capture_output=True, env=environment).returncode == 1
    return path


def ask(capsys, log, query, *options):
    """Answer of a query as parsed JSON."""
    assert run(["sql", query, "--log", str(log), "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_table_has_the_rows_that_the_events_say(log, capsys):
    """Sessions, attempts, verdicts and failures are counted from the lines of the log."""
    events = [json.loads(line) for line in log.read_text().splitlines()]
    count = lambda kind, **fields: sum(event["type"] == kind and fields.items() <= event.items() for event in events)
    totals = {name: ask(capsys, log, f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in TABLES}
    assert totals == {
        "sessions": count("session.started"),
        "results": count("test.finished"),
        "tests": count("test.finished"),
        "failures": count("test.finished", outcome="failed"),
    }
    assert totals["sessions"] == 2


def test_tables_can_be_joined_and_values_keep_their_text(log, capsys):
    """A join over session_id finds the message of each failure, quotes and all."""
    query = "SELECT s.failed, f.message FROM failures f JOIN sessions s USING (session_id)"
    assert ask(capsys, log, query) == [{"failed": 1, "message": "ValueError: price is 'odd'; really"}] * 2


def test_every_documented_column_can_be_read(log, capsys):
    """Each column of each table is there under its name."""
    for table in TABLES.values():
        row = ask(capsys, log, f"SELECT * FROM {table.name} LIMIT 1")[0]
        assert list(row) == [column.name for column in table.columns]


def test_csv_is_what_the_csv_module_reads_back(log, capsys):
    """`--csv` prints a header and one line per row."""
    assert run(["sql", "SELECT nodeid, verdict FROM tests ORDER BY 1", "--log", str(log), "--csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["nodeid", "verdict"]
    assert ["test_shop.py::test_bad", "failed"] in rows
    assert len(rows) == 13


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM tests",
        "INSERT INTO tests DEFAULT VALUES",
        "ATTACH '/tmp/x.db' AS x",
        "PRAGMA writable_schema = 1",
        "CREATE TABLE x (y)",
        "SELECT load_extension('x')",
        "SELECT 1; SELECT 2",
        "SELECT nothing FROM tests",
        "SELEC",
    ],
)
def test_what_is_no_single_select_is_refused_with_exit_code_2(log, capsys, query):
    """A statement that writes, opens a file or is malformed ends with one line; the log stays as it is."""
    before = log.read_bytes()
    assert run(["sql", query, "--log", str(log)]) == 2
    assert "query: " in capsys.readouterr().err
    assert log.read_bytes() == before


def test_without_a_query_tables_and_columns_are_listed(capsys):
    """The list names every column, as text and as JSON."""
    assert run(["sql"]) == 0
    text = capsys.readouterr().out
    assert all(column.name in text for table in TABLES.values() for column in table.columns)
    assert run(["sql", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == set(TABLES)


def test_sut_and_time_choose_the_sessions(log, capsys):
    """A span without sessions gives empty tables."""
    assert ask(capsys, log, "SELECT count(*) AS n FROM tests", "--time", "2020-01-01..2020-01-02") == [{"n": 0}]


def test_the_documented_tables_are_current():
    """docs/sql.md lists exactly the tables and columns there are."""
    page = (ROOT / "docs" / "sql.md").read_text()
    assert sql_reference.renewed(page) == page, "run `make docs`"


def test_a_column_of_several_tables_is_declared_once():
    """What several tables show has one type and one meaning; only durations and counts are of different things."""
    declared = {}
    for table in TABLES.values():
        for column in table.columns:
            declared.setdefault(column.name, set()).add(column)
    shared = {"session_id", "sut", "started_at", "commit_id", "branch", "nodeid", "attempt", "outcome"}
    assert {name for name in shared if len(declared[name]) != 1} == set()
    assert {name for name, found in declared.items() if len(found) > 1} == {"duration_s", "crashed"}


def test_a_declared_column_is_created_filled_and_described(log, capsys, monkeypatch):
    """One declaration is enough: the table, its rows and its description have the new column."""
    table = TABLES["results"]
    added = ReadColumn(Column("position", "INTEGER", "place of the event"), lambda attempt: attempt.position)
    monkeypatch.setitem(TABLES, "results", table._replace(of_items=((*table.of_items[0], added),)))
    rows = ask(capsys, log, "SELECT nodeid, position FROM results ORDER BY position")
    lines = log.read_bytes().split(b"\n")
    finished = [line for line in lines if b'"type":"test.finished"' in line]
    assert [row["nodeid"] for row in rows] == [json.loads(line)["nodeid"] for line in finished]
    assert len({row["position"] for row in rows}) == len(finished)
    assert run(["sql"]) == 0
    assert "place of the event" in capsys.readouterr().out
