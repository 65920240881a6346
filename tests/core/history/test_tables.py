"""Tables for SQL: rows against the histories they are made of, counts that agree with the answers, and what is refused."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.analyzer import Analysis
from pytest_insight.core.history.tables import TABLES, QueryError, run_query
from small_runs import VERDICT, model_of, scarce, scripted

LINES = [
    scripted("s0", 0, "PFSE", deselected=1, tags={"team": "a"}, test_run="ci-1"),
    scripted("s1", 1, "PP-", seal=False, commit="b", branch="fix", python="3.13.1"),
    scripted("s2", 2, "", vcs={}, uncollected=("m.py",)),
]


def ask(query: str, lines=tuple(LINES)):
    """The rows of a query over all sessions of a log."""
    with model_of(*lines) as model:
        return run_query(model, model.sessions(), query).rows


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_columns_that_it_declares(name):
    """In their order, each with a type; a column of counts may have the meaning of the one before it."""
    with model_of(*LINES) as model:
        found = run_query(model, model.sessions(), f"SELECT * FROM {name}")
    assert found.columns == [column.name for column in TABLES[name].columns]
    assert all(column.type in ("TEXT", "INTEGER", "REAL") for column in TABLES[name].columns)
    assert found.rows


def test_sessions_have_what_was_recorded_and_null_for_what_was_not():
    """Source, machine, exit status and test run."""
    rows = ask(
        "SELECT session_id, status, exit_status, commit_id, branch, dirty, python, test_run FROM sessions ORDER BY 1"
    )
    assert rows == [
        ("s0", "complete", 1, "a" * 40, "main", 0, "3.11.7", "ci-1"),
        ("s1", "interrupted", None, "b" * 40, "fix", 0, "3.13.1", ""),
        ("s2", "complete", 2, "", "", None, "3.11.7", ""),
    ]


logs = st.lists(st.text("PFSEr", max_size=4), min_size=1, max_size=3)


@scarce
@given(logs)
def test_results_and_tests_are_the_attempts_and_verdicts_of_the_log(strips):
    """One row for each attempt and each test, with counts that agree with the table of sessions."""
    lines = [scripted(f"s{at}", at, strip) for at, strip in enumerate(strips)]
    expected = [
        (f"s{at}", f"t.py::{n}", VERDICT[letter]) for at, strip in enumerate(strips) for n, letter in enumerate(strip)
    ]
    assert ask("SELECT session_id, nodeid, outcome FROM results ORDER BY 1, 2", lines) == expected
    assert ask("SELECT session_id, nodeid, verdict FROM tests ORDER BY 1, 2", lines) == expected
    bad = [row for row in expected if row[2] in ("failed", "error")]
    assert ask("SELECT session_id, nodeid, outcome FROM failures ORDER BY 1, 2", lines) == bad
    counted = Counter(row[2] for row in expected)
    sums = ask("SELECT sum(passed), sum(failed), sum(error), sum(skipped), sum(tests) FROM sessions", lines)
    assert sums == [(counted["passed"], counted["failed"], counted["error"], counted["skipped"], len(expected))]
    with model_of(*lines) as model:
        listed = {one.nodeid: (one.runs, one.failed) for one in Analysis.of_model(model).tests()}
    rows = ask("SELECT nodeid, count(*), sum(verdict IN ('failed', 'error')) FROM tests GROUP BY 1", lines)
    assert {nodeid: (runs, failed) for nodeid, runs, failed in rows} == listed


def test_a_failure_has_its_message_and_its_text():
    """A test that never ended is in the table of tests, and has no attempt that failed."""
    assert (
        ask("SELECT session_id, message, longreprtext FROM failures ORDER BY nodeid")
        == [("s0", "RuntimeError: db down", "RuntimeError: db down")] * 2
    )
    assert ask("SELECT verdict FROM tests WHERE session_id = 's1' ORDER BY nodeid") == [
        ("passed",),
        ("passed",),
        ("crashed",),
    ]
    assert ask("SELECT count(*) FROM results WHERE session_id = 's1'") == [(2,)]


def test_joins_and_expressions_work_as_in_sqlite():
    """Tables that are not named are not filled, and do no harm."""
    assert ask("SELECT 1 + 1") == [(2,)]
    assert ask("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3) SELECT sum(x) FROM n") == [
        (6,)
    ]


@pytest.mark.parametrize(
    "source",
    [
        "tests t JOIN sessions s USING (session_id)",
        "tests t JOIN sessions s ON s.session_id = t.session_id",
        "tests t, sessions s WHERE s.session_id = t.session_id",
        "(SELECT session_id FROM tests) t JOIN sessions s USING (session_id)",
        "sessions s JOIN (SELECT 1 FROM tests) ON 1 WHERE s.session_id = 'none' OR 1",
    ],
)
def test_every_table_of_a_query_is_filled_however_it_is_named(source):
    """Also one of which only the number of rows or the column of the join is read."""
    counted = dict(ask(f"SELECT s.branch, count(*) FROM {source} GROUP BY 1"))
    assert counted == ({"fix": 7, "main": 7, "": 7} if "OR 1" in source else {"fix": 3, "main": 4})


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELEC 1",
        "SELECT none FROM sessions",
        "SELECT * FROM none",
        "DELETE FROM sessions",
        "INSERT INTO sessions VALUES (1)",
        "DROP TABLE sessions",
        "CREATE TABLE x (y)",
        "ATTACH 'x.sqlite' AS x",
        "PRAGMA query_only = OFF",
        "SELECT load_extension('x')",
        "SELECT 1; SELECT 2",
        "VACUUM INTO 'x'",
    ],
)
def test_what_is_no_question_is_refused(query, tmp_path, monkeypatch):
    """With SQLite's reason and the way to the tables; nothing is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QueryError, match=r"^query: .*`insight sql` without a query lists tables"):
        ask(query)
    assert list(tmp_path.iterdir()) == []
