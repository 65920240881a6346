"""Test runs: sessions that belong together, as the shards of a CI run do, with one verdict for each test."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...eventlog.times import parse_time
from ...projections.rules import BAD, GOOD
from ...projections.session_row import SessionRow
from .history import History
from .states import session_state
from .verdicts.columns import TestRun
from .verdicts.reading import run_of_row

RULES_VERSION = 2
"""Rises when the same sessions would have another total."""


@dataclass(frozen=True)
class TestRunTotal:
    """State, verdicts and counts of all sessions of one test run together."""

    __test__ = False

    sessions: int
    suts: tuple[str, ...]
    status: str
    """`killed` or `incomplete` if a session lacks tests that no other has a result of, else as of one session."""
    started_us: int
    """When the first of them started, in microseconds since the epoch."""
    duration_us: int
    """From the first start to the last end, in microseconds."""
    counts: dict[str, int]
    """Tests by verdict, one for each, and how many of them were `flaky`."""
    tests: dict[str, str] = field(default_factory=dict[str, str])
    """Verdict of each test: that of its last attempt by start, in whichever session."""
    flaky: tuple[str, ...] = ()
    """Tests that are good now and were bad in an earlier attempt of the test run."""
    cut: tuple[str, ...] = ()
    """Tests that were running when a session was killed, and have no later result."""
    repeated: int = 0
    """Tests that ran in more than one session."""


def run_id_of(row: SessionRow) -> str:
    """Return the test run that a session belongs to; empty if it is on its own."""
    return str((row.part.header or {}).get("test_run", ""))


def sessions_of_run(model: History, test_run: str, *, sut: str | None = None) -> list[SessionRow]:
    """Return all sessions of a test run, the newest first.

    Args:
        model: where they are.
        test_run: its whole id.
        sut: only of this system under test.
    """
    return [row for row in model.sessions(sut=sut) if run_id_of(row) == test_run]


def total_of(model: History, rows: Sequence[SessionRow]) -> TestRunTotal:
    """Return the total of some sessions, at least one."""
    started_us = min(row.started_us for row in rows)
    seen = _attempts_by_test(model, rows)
    last = {nodeid: attempts[-1][1] for nodeid, attempts in seen.items()}
    tests = {nodeid: test.verdict for nodeid, test in last.items()}
    flaky = tuple(
        nodeid
        for nodeid, attempts in sorted(seen.items())
        if tests[nodeid] in GOOD and any(_was_bad(test) for _, test in attempts)
    )
    cut = tuple(sorted(n for n, test in last.items() if test.position < 0 and test.verdict in ("crashed", "cut")))
    uncollected = sum(len(set(row.part.collect_failed)) for row in rows)
    counts = Counter(tests.values())
    counts["error"] += uncollected
    counts["flaky"] = len(flaky)
    return TestRunTotal(
        sessions=len(rows),
        suts=tuple(sorted({row.sut for row in rows})),
        status=_status_of(rows, tests, cut),
        started_us=started_us,
        duration_us=max(row.started_us + row.duration_us for row in rows) - started_us,
        counts={verdict: count for verdict, count in counts.most_common() if count},
        tests=tests,
        flaky=flaky,
        cut=cut,
        repeated=sum(len(attempts) > 1 for attempts in seen.values()),
    )


def _attempts_by_test(model: History, rows: Sequence[SessionRow]) -> dict[str, list[tuple[int, TestRun]]]:
    """Return the verdicts of each test in all sessions, each with the start of its last attempt, in order of start."""
    found: dict[str, list[tuple[SessionRow, TestRun]]] = {}
    for row in rows:
        for nodeid, test in run_of_row(model, row).tests.items():
            found.setdefault(nodeid, []).append((row, test))
    several = [item for items in found.values() if len(items) > 1 for item in items if item[1].position >= 0]
    events = model.finished_at([test.position for _, test in several])
    starts = {test.position: parse_time(event.started_at) for (_, test), event in zip(several, events, strict=True)}
    ordered: dict[str, list[tuple[int, TestRun]]] = {}
    for nodeid, items in found.items():
        timed = [(starts.get(test.position, row.finished_us), row.stream, test) for row, test in items]
        ordered[nodeid] = [(start, test) for start, _, test in sorted(timed, key=lambda one: one[:2])]
    return ordered


def _was_bad(test: TestRun) -> bool:
    return test.verdict in BAD or any(outcome in BAD or outcome == "rerun" for outcome in test.outcomes)


def _status_of(rows: Sequence[SessionRow], tests: dict[str, str], cut: Sequence[str]) -> str:
    """Return the state of a test run: what a later session made good counts no more."""
    states = [session_state(row) for row in rows]
    if cut or any(
        row.missing > len(row.part.open) for row, state in zip(rows, states, strict=True) if state == "killed"
    ):
        return "killed"
    for state in ("internal error", "usage error", "errors in collection", "interrupted", "incomplete"):
        if state in states:
            return state
    if any(verdict in BAD for verdict in tests.values()):
        return "failed"
    return "passed" if tests else "no tests"
