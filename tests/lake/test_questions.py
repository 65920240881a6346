"""The questions of docs/lake.md over the table, as they are on the page, against the answers of `insight` over the log."""

import json

import lake_reference
import pytest
from lake_logs import connect
from lake_questions import PAGE, november, read_questions

WEEKS = ("2024-11-04T00:00:00+00:00", "2024-11-11T00:00:00+00:00", "2024-11-18T00:00:00+00:00")


@pytest.fixture
def ask(home):
    """Return a function that returns an answer over the log, and one that returns the rows of a question of the page."""
    home.log.write_bytes(november())
    assert home.export() == {"2024-11": "written"}
    database, questions = connect(home.lake), read_questions()
    answer = lambda *words: json.loads(home.here(*words, "--json").stdout)
    return answer, lambda name: database.execute(questions[name]).fetchall()


def test_the_newest_sessions(ask):
    """As `insight session list`: the same sessions in the same order, with the same counts."""
    answer, rows = ask
    expected = [
        (each["session_id"], each["sut"], each["counts"].get("failed", 0)) for each in answer("session", "list")
    ]
    found = [(session, sut, failed) for session, sut, _, _, _, _, failed, _ in rows("newest sessions")]
    assert len(found) == 32
    assert found == expected


def test_the_history_of_a_test(ask):
    """As `insight test history`: each run with its verdict, duration, commit and variant."""
    answer, rows = ask
    history = answer("test", "history", "test_pay.py::test_rate", "--all")["runs"]
    names = ("session", "commit", "branch", "variant", "verdict", "duration_s")
    expected = sorted(tuple(each[name] for name in names) for each in history)
    found = sorted(row[1:] for row in rows("history of a test"))
    assert {verdict for *_, verdict, _ in found} == {"passed", "failed"}
    assert found == expected


def test_the_failures_of_a_week(ask):
    """As `insight analytics failures`: the same messages, with how many failures of how many tests."""
    answer, rows = ask
    clusters = answer("analytics", "failures", "--time", f"{WEEKS[0]}..{WEEKS[1]}")["clusters"]
    expected = [(each["message"], each["count"], len(each["tests"]), each["tests"][0]) for each in clusters]
    assert rows("failures of a week") == expected
    assert expected[0][1] > 20


def test_the_flaky_tests_of_a_month(ask):
    """As `insight analytics analyze --metric flaky` of each system: the rule, how often, of how many."""
    answer, rows = ask
    expected = set()
    for sut in ("shop", "bill"):
        words = ["--sut", sut, "--branch", "main", "--time", "2024-11-01..2024-11-30"]
        flaky = answer("analytics", "analyze", "--metric", "flaky", *words)["flaky"]
        expected |= {(sut, each["nodeid"], each["rule"], each["count"], each["considered"]) for each in flaky}
    assert {rule for _, _, rule, *_ in expected} == {"retry", "same-source"}
    found = rows("flaky tests of a month")
    assert len(found) == len(expected)
    assert set(found) == expected


def test_two_weeks_compared(ask):
    """As `insight session compare`: the same tests are new, missing, broken, fixed, and still failing."""
    answer, rows = ask
    sides = ["--base", f"{WEEKS[0]}..{WEEKS[1]}", "--target", f"{WEEKS[1]}..{WEEKS[2]}"]
    compared = answer("session", "compare", *sides, "--sut", "shop")
    lists = {
        "new_failures": "new failure",
        "new_passes": "fixed",
        "still_failing": "still failing",
        "missing_tests": "missing",
        "new_tests": "new test",
    }
    expected = {(change["nodeid"], word) for name, word in lists.items() for change in compared[name]}
    assert {word for _, word in expected} >= {"new failure", "fixed", "missing", "new test"}
    assert {(nodeid, change) for nodeid, _, _, change in rows("two weeks compared")} == expected


def test_the_list_of_tables_is_current():
    """docs/lake.md lists exactly the columns that are written."""
    page = PAGE.read_text()
    assert lake_reference.renewed(page) == page, "run `make docs`"
