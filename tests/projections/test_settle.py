"""Verdicts, counts and missing tests of a session from its columns, against plain lists and dictionaries."""

from array import array
from collections import Counter

import pytest
from histories import START, write_line
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.outcome import OUTCOMES
from pytest_insight.projections.parts import CRASHED_FLAG, Rows, SessionPart
from pytest_insight.projections.readmodel import ReadModel
from pytest_insight.projections.session_row import SessionRow, counts_of
from pytest_insight.projections.settling import join_all, left_of, plain_failures, settle, still_open

TESTS, WORKERS = ("a", "b", "c"), ("", "gw0", "gw1")
NUMBERS = {nodeid: number for number, nodeid in enumerate(TESTS)}
GOOD, BAD = {"passed", "xfailed", "xpassed"}, {"failed", "error", "crashed"}


def rows_of(attempts):
    """The columns of attempts `(test, outcome, crashed, number, worker)`."""
    codes = bytes(OUTCOMES.index(outcome) | CRASHED_FLAG * crashed for _, outcome, crashed, _, _ in attempts)
    workers = bytes(WORKERS.index(worker) for *_, worker in attempts)
    return Rows(
        nodes=array("I", [NUMBERS[test] for test, *_ in attempts]).tobytes(),
        outcomes=codes,
        durations=array("q", [1] * len(attempts)).tobytes(),
        positions=array("q", [10 * number for number in range(len(attempts))]).tobytes(),
        attempts=bytes(number for _, _, _, number, _ in attempts),
        workers=workers if any(workers) else b"",
    )


def part_of(**more):
    """A session whose workers are known."""
    return SessionPart("ab" * 16, **{"workers": list(WORKERS), "first_at": "2026-11-21T00:00:00.000000Z"} | more)


def numbers(column):
    """The tests in a column."""
    return {TESTS[number] for number in array("I", column)}


ATTEMPTS = st.lists(
    st.tuples(
        st.sampled_from(TESTS), st.sampled_from(OUTCOMES), st.booleans(), st.integers(1, 3), st.sampled_from(WORKERS)
    ),
    max_size=8,
)
OPEN = st.lists(st.tuples(st.sampled_from(TESTS), st.integers(1, 3), st.sampled_from(WORKERS)), max_size=2)


def slow_settle(attempts, running, *, each, cut):
    """The verdict of each test, one after another; where each worker runs all, of each test on each worker."""
    key = lambda test, worker: (test, worker) if each else test
    found = {}
    for test, outcome, crashed, _, worker in attempts:
        found.setdefault(key(test, worker), []).append((outcome, crashed))
    left = {key(test, worker) for test, _, worker in running}
    counts, failed, rerun, flaky = Counter(), set(), set(), set()
    for one in {*found, *left}:
        mine = found.get(one, [])
        outcome, crashed = mine[-1] if mine else ("not_run", False)
        if crashed:
            verdict = "crashed"
        elif one in left:
            verdict = "cut" if cut else "crashed"
        else:
            verdict = outcome
        counts[verdict] += 1
        test = one[0] if each else one
        if verdict in BAD:
            failed.add(test)
        if len(mine) + (one in left) > 1:
            rerun.add(test)
        outcomes = [outcome for outcome, _ in mine]
        if len(outcomes) > 1 and outcomes[-1] in GOOD and set(outcomes[:-1]) - GOOD - {"skipped"}:
            counts["flaky"] += 1
            flaky.add(test)
    return {name: count for name, count in counts.items() if count}, len(found.keys() - left), failed, rerun, flaky


@given(ATTEMPTS, OPEN, st.booleans(), st.booleans())
def test_the_verdicts_are_those_of_each_test_by_itself(attempts, running, each, interrupted):
    """Several attempts, crashes, tests left running and interrupted runs, on workers that share the tests or do not."""
    head = part_of(
        open=running, reruns=1, announced_each=each, exit_status=2 if interrupted else None,
        interrupted="KeyboardInterrupt" if interrupted else "",
    )  # fmt: skip
    rows = rows_of(attempts)
    found = settle(rows, head, NUMBERS)
    counts, reported, failed, rerun, flaky = slow_settle(attempts, running, each=each, cut=interrupted)
    assert found.counts == counts
    assert found.reported == reported
    assert (numbers(found.notable.failed), numbers(found.notable.rerun), numbers(found.notable.flaky)) == (
        failed, rerun, flaky,
    )  # fmt: skip


def test_tests_that_ran_on_workers_without_any_result_are_told_apart(tmp_path):
    """With `--dist each` and a run that was killed in its first tests: one on each worker crashed, and is named."""
    stream, log = "ab" * 16, tmp_path / "log.jsonl"
    lines = [write_line("session.started", stream, 0, START, session_id="s", sut="x", writer={"boot_id": "earlier"})]
    for kind, fields in (("tests.announced", {"nodeids": ["t::a", "t::b"]}), ("test.started", {"nodeid": "t::b"})):
        for worker in ("gw0", "gw1"):
            lines.append(write_line(kind, stream, len(lines), START, worker=worker, **fields))
    log.write_bytes(b"".join(lines))
    with ReadModel.open(log, None) as model:
        model.catch_up()
        (row,) = model.sessions()
        assert row.verdicts == {"crashed": 2, "not_run": 2}
        assert [model.names()[number] for number in array("I", row.notable.failed)] == ["t::b"]


@given(st.permutations(TESTS), st.lists(st.sampled_from(OUTCOMES), min_size=3, max_size=3))
def test_the_short_way_for_plain_attempts_finds_the_same_failures(tests, outcomes):
    """Each test has one attempt, as nearly all have."""
    rows = rows_of([(test, outcome, False, 1, "") for test, outcome in zip(tests, outcomes, strict=True)])
    expected = {test for test, outcome in zip(tests, outcomes, strict=True) if outcome in BAD}
    assert numbers(plain_failures(rows)) == expected
    assert plain_failures(rows) == settle(rows, part_of(), NUMBERS).notable.failed


def test_an_outcome_of_another_plugin_is_counted_under_its_name():
    """By the position of its event; one without a name is `other`."""
    rows = rows_of([("a", "other", False, 1, ""), ("b", "other", False, 1, ""), ("c", "passed", False, 1, "")])
    assert settle(rows, part_of(others={0: "quarantined"}), NUMBERS).counts == {
        "quarantined": 1,
        "other": 1,
        "passed": 1,
    }
    assert settle(rows, part_of(), NUMBERS).counts == {"other": 2, "passed": 1}


@given(ATTEMPTS, OPEN, st.booleans(), st.lists(st.sampled_from(TESTS), max_size=4))
def test_announced_tests_are_missing_without_a_result_and_not_run_without_a_start(attempts, running, each, announced):
    """A test that is left running has no result, whatever an earlier attempt of it said."""
    attempts = [attempt for attempt in attempts if attempt[4]] if each else attempts
    running = [one for one in running if one[2]] if each else running
    column = array("I", [NUMBERS[test] for test in announced]).tobytes()
    workers = WORKERS[1:] if each else ("",)
    head = part_of(open=running, announced_each=each, announced=dict.fromkeys(workers, column) if announced else {})
    key = lambda test, worker: (test, worker) if each else test
    promised = {key(test, worker) for test in announced for worker in workers}
    started = {key(test, worker) for test, _, worker in running}
    reported = {key(test, worker) for test, *_, worker in attempts} - started
    missing = promised - reported
    assert left_of(rows_of(attempts), head, NUMBERS) == (len(missing), len(missing - started))


@pytest.mark.parametrize(
    ("running", "each", "expected"),
    [([], False, (0, 0)), ([("b", 2, "")], False, (1, 0)), ([], True, (2, 2))],
    ids=["all ended", "one runs again", "only one of two workers ran"],
)
def test_tests_that_ran_as_announced_are_missing_only_if_left_running_or_due_on_another_worker(running, each, expected):
    """The same numbers in the same order on both sides."""
    worker = "gw0" if each else ""
    rows = rows_of([("a", "passed", False, 1, worker), ("b", "failed", False, 1, worker)])
    announced = dict.fromkeys(WORKERS[1:] if each else [""], rows.nodes)
    head = part_of(open=running, announced_each=each, announced=announced)
    assert left_of(rows, head, NUMBERS) == expected


@given(ATTEMPTS, st.lists(st.tuples(st.sampled_from(TESTS), st.integers(1, 3), st.just("")), max_size=3), st.booleans())
def test_a_start_is_left_open_until_a_finish_outranks_it(attempts, starts, sealed):
    """One of the same or a later attempt; in a sealed session any finish that was no rerun."""
    attempts = [(*attempt[:4], "") for attempt in attempts]
    head = part_of(open=starts, exit_status=0 if sealed else None)
    expected = []
    for test, number, worker in starts:
        mine = [attempt for attempt in attempts if attempt[0] == test]
        outranked = any(attempt[3] >= number for attempt in mine)
        settled = any(attempt[1] != "rerun" for attempt in mine)
        if not outranked and not (sealed and settled):
            expected.append((test, number, worker))
    assert still_open(rows_of(attempts), head, NUMBERS) == expected


@given(st.lists(ATTEMPTS, min_size=1, max_size=4))
def test_joined_columns_are_those_of_all_attempts(chunks):
    """With the workers of each, also where a chunk has none."""
    parts = [rows_of(chunk) for chunk in chunks]
    whole = rows_of([attempt for chunk in chunks for attempt in chunk])
    joined = join_all(parts)
    assert joined.positions == b"".join(part.positions for part in parts)
    for name in {*Rows.__struct_fields__} - {"workers", "positions"}:
        assert getattr(joined, name) == getattr(whole, name)
    assert (joined.workers or bytes(len(joined))) == (whole.workers or bytes(len(whole)))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {}),
        ({"counts": {"passed": 2, "failed": 0}}, {"passed": 2}),
        ({"counts": {"error": 1}, "subtests": {"collection error": 2, "collection skipped": 1}}, {"error": 3, "skipped": 1}),
        ({"subtests": {"subtests passed": 3}, "deselected": 4, "warnings": 5}, {"subtests passed": 3, "deselected": 4, "warnings": 5}),
    ],
)  # fmt: skip
def test_the_counts_are_those_of_the_last_line_of_pytest(more, expected):
    """A module that could not be collected is an error, one that skipped itself is skipped; zeros are not shown."""
    assert counts_of(part_of(**more)) == expected


@pytest.mark.parametrize(
    ("exit_status", "missing", "status", "duration"),
    [
        (0, 0, "complete", 7),
        (0, 2, "incomplete", 7),
        (None, 0, "interrupted", 5_000_000),
        (None, 2, "interrupted", 5_000_000),
    ],
)
def test_the_duration_of_a_session_without_a_seal_is_that_of_its_events(exit_status, missing, status, duration):
    """The seal has the exact one."""
    head = part_of(last_at="2026-11-21T00:00:05.000000Z", exit_status=exit_status, duration_us=7)
    row = SessionRow.of("ab" * 16, "label", head, {}, missing, settle(Rows(), head, {}).notable)
    assert (row.status, row.duration_us, row.finished_us - row.started_us) == (status, duration, 5_000_000)
    assert (row.sut, row.commit) == ("unknown-sut", "")


@pytest.mark.parametrize(
    ("header", "commit"),
    [
        ({"vcs": {"commit": "ABC"}}, "abc"),
        ({"vcs": {"commit": None}}, ""),
        ({"vcs": {}}, ""),
        ({"vcs": "x"}, ""),
        ({}, ""),
    ],
)
def test_the_commit_of_a_session_is_in_lower_case(header, commit):
    """A header of another writer may have any value there."""
    head = part_of(header=header, last_at="2026-11-21T00:00:00.000000Z")
    assert SessionRow.of("s", "l", head, {}, 0, settle(Rows(), head, {}).notable).commit == commit
