"""States of sessions and totals of test runs: each row of the tables, on sessions that a log holds."""

from datetime import timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
from histories import START, write_session
from pytest_insight.core.history.states import BY_EXIT_STATUS, session_state
from pytest_insight.core.history.test_runs import run_id_of, sessions_of_run, total_of
from pytest_insight.projections.readmodel import ReadModel

MINUTE = timedelta(minutes=1)


def row_with(exit_status, missing=0, uncollected=()):
    """Return what a state depends on."""
    return SimpleNamespace(exit_status=exit_status, missing=missing, part=SimpleNamespace(collect_failed=uncollected))


def expected_state(exit_status, missing, uncollected, run_state):
    """The table from the bottom up: each later condition is the stronger one."""
    state = {0: "passed", 1: "failed"}.get(exit_status, f"exit status {exit_status}")
    if exit_status in (0, 1) and missing:
        state = "incomplete"
    for status, name in ((2, "interrupted"), (3, "internal error"), (4, "usage error"), (5, "no tests")):
        state = name if exit_status == status else state
    if uncollected and exit_status in (1, 2):
        state = "errors in collection"
    return run_state if exit_status is None else state


def test_every_case_of_the_table_of_states():
    """All exit statuses with and without missing tests, modules that were not collected, and states of the writer."""
    for case in product((None, *range(8), -9), (0, 1), ((), ("m.py",)), ("running", "killed", "unknown")):
        exit_status, missing, uncollected, run_state = case
        found = session_state(row_with(exit_status, missing, uncollected), run_state)
        assert found == expected_state(*case), case
    assert session_state(row_with(None)) == "killed"
    assert set(BY_EXIT_STATUS) == set(range(6))


# ------------------------------------------------------------------ test runs


@pytest.fixture
def total(tmp_path: Path):
    """Return the total of sessions; each is given by its results and what else `write_session` takes."""

    def ask(*sessions):
        lines = [
            write_session(f"s{n}", 0, results, **({"start": START + n * MINUTE, "test_run": "run"} | more))
            for n, (results, more) in enumerate(sessions)
        ]
        log = tmp_path / "log.jsonl"
        log.write_bytes(b"".join(lines))
        with ReadModel.open(log, None) as model:
            model.catch_up()
            return total_of(model, sessions_of_run(model, "run"))

    return ask


FAIL, PASS, SKIP, HANG = ("a", "failed"), ("a", "passed"), ("a", "skipped"), ("a", None)


@pytest.mark.parametrize(
    ("results", "verdict", "flaky", "status"),
    [
        ([[PASS]], "passed", False, "passed"),
        ([[FAIL]], "failed", False, "failed"),
        ([[FAIL], [PASS]], "passed", True, "passed"),
        ([[PASS], [FAIL]], "failed", False, "failed"),
        ([[FAIL], [SKIP]], "skipped", False, "passed"),
        ([[("a", "rerun"), PASS]], "passed", True, "passed"),
        ([[PASS], [PASS]], "passed", False, "passed"),
        ([[HANG], [PASS]], "passed", True, "passed"),
        ([[HANG]], "crashed", False, "killed"),
        ([[PASS], [HANG]], "crashed", False, "killed"),
        ([[FAIL], [FAIL], [PASS]], "passed", True, "passed"),
    ],
)
def test_the_last_attempt_of_a_test_in_any_session_is_its_verdict(total, results, verdict, flaky, status):
    """A later result makes good what was bad or cut, and is then flaky; a skip makes nothing good."""
    found = total(*[(each, {"seal": each[-1][1] is not None}) for each in results])
    assert found.tests == {"a": verdict}
    assert (found.flaky, found.status) == (("a",) * flaky, status)
    assert found.cut == (("a",) if verdict == "crashed" else ())
    assert found.repeated == int(len(results) > 1)
    assert found.counts == {verdict: 1} | ({"flaky": 1} if flaky else {})


def test_shards_are_one_run_with_all_their_tests(total):
    """Counts are sums of different tests; it lasts from the first start to the last end."""
    found = total(([("a", "passed"), ("b", "failed")], {}), ([("c", "passed")], {"sut": "pay"}))
    assert (found.sessions, found.suts, found.repeated) == (2, ("pay", "shop"), 0)
    assert found.counts == {"passed": 2, "failed": 1}
    assert found.duration_us == 61_000_000
    assert found.status == "failed"


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([{"status": 3}, {"status": 4}], "internal error"),
        ([{"status": 4}, {"status": 2}], "usage error"),
        ([{"uncollected": ["m.py"]}, {"status": 2}], "errors in collection"),
        ([{"status": 2}, {}], "interrupted"),
        ([{"status": 5}, {}], "passed"),
    ],
)
def test_the_worst_state_of_a_session_is_that_of_the_run(total, states, status):
    """An internal error before a usage error, before collection, before an interruption."""
    for order in (states, states[::-1]):
        found = total(*[([(f"t{n}", "passed")], more) for n, more in enumerate(order)])
        assert found.status == status
        assert found.counts.get("error", 0) == sum("uncollected" in more for more in order)


def test_sessions_that_ran_nothing_are_no_pass(total):
    """Nothing passed, and nothing failed."""
    found = total(([], {"status": 5}))
    assert (found.status, found.tests, found.counts) == ("no tests", {}, {})


def test_a_session_without_a_test_run_is_on_its_own(tmp_path):
    """Other runs, and sessions of none, are not of this one; a system narrows it further."""
    log = tmp_path / "log.jsonl"
    more = [{}, {"test_run": "one"}, {"test_run": "two"}, {"test_run": "one", "sut": "pay"}]
    log.write_bytes(b"".join(write_session(f"s{n}", n, [PASS], **each) for n, each in enumerate(more)))
    with ReadModel.open(log, None) as model:
        model.catch_up()
        assert [run_id_of(row) for row in model.sessions()] == ["one", "two", "one", ""]
        assert [row.session_id for row in sessions_of_run(model, "one")] == ["s3", "s1"]
        assert [row.session_id for row in sessions_of_run(model, "one", sut="pay")] == ["s3"]
