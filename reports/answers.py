"""The answers that a report shows, each asked once of the functions that every command asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ..core.history.counting import verdict_counts
from ..core.history.series import branch_of
from ..core.history.states import session_state
from ..core.history.variants import variant_of, variant_text
from ..core.overview.answer import overview_of
from ..core.overview.strips import strips_of
from ..core.questions.evidence import Occurrence
from ..core.questions.stats import Interval, wilson
from ..eventlog.times import format_time
from ..projections.rules import BAD
from .clusters import Cluster, clusters_of, failures_of
from .limits import STRIP_RUNS

if TYPE_CHECKING:
    from ..core.analyzer import Analysis
    from ..core.history.history import History
    from ..core.history.verdicts.run import Run
    from ..core.overview.data import Overview
    from ..core.questions.durations import DurationShift, Slow
    from ..core.questions.failures import FailingTogether
    from ..core.questions.flaky import FlakyTest
    from ..core.questions.summary import Summary
    from ..projections.session_row import SessionRow

SLOWEST = 15
SYSTEMS_MAX = 20
_STATE_MARKS = {
    "passed": "passed",
    "failed": "failed",
    "killed": "crashed",
    "interrupted": "cut",
    "no tests": "skipped",
}
"""Marks of sessions by their state; of every other state it is `error`, of a running one `not_run`."""


@dataclass(frozen=True)
class SessionLine:
    """A session in a list."""

    session_id: str
    commit: str
    branch: str
    variant: str
    started_at: str
    duration_s: float
    state: str
    exit_status: int | None
    counts: dict[str, int]
    mark: str
    """Word of the mark of its state."""
    is_whole: bool
    """It was not told to run only some of the tests."""
    is_short: bool
    """It ended before all of its tests had a result."""
    link: str = ""
    """Address of its job in CI."""


@dataclass(frozen=True)
class FlakyLine:
    """A flaky test by one rule, with a good and a bad run as evidence."""

    flaky: "FlakyTest"
    rate: Interval
    good: Occurrence | None
    bad: Occurrence | None
    strip: tuple[str, ...] = ()


@dataclass(frozen=True)
class SystemLine:
    """A system under test in a list."""

    sut: str
    sessions: int
    first_at: str
    last_at: str
    newest: SessionLine | None
    marks: tuple[str, ...]
    """Of its last sessions, the newest last."""


@dataclass(frozen=True)
class RatePoint:
    """Share of the tests of a session that passed."""

    session: SessionLine
    good: int
    total: int
    rate: Interval


@dataclass(frozen=True)
class Answers:
    """Everything that a report shows."""

    sut: str
    overview: "Overview"
    summary: "Summary"
    sessions: list[SessionLine]
    """All of them, the earliest first."""
    runs: "list[Run]"
    """The same sessions with the verdicts of their tests."""
    clusters: list[Cluster]
    failures: list[tuple[str, str, str]]
    """Each failure as stream, node id and key of its cluster."""
    together: "list[FailingTogether]"
    flaky: list[FlakyLine]
    costs: "list[Slow]"
    slowest: "list[Slow]"
    shifts: "list[DurationShift]"
    rates: list[RatePoint]
    systems: list[SystemLine]
    cost_s: float = 0.0
    """How long all tests of all sessions took."""
    as_of: str = ""
    """When the last event of its newest session was recorded."""


def collect_answers(model: "History", analysis: "Analysis", sut: str) -> Answers:
    """Ask everything that a report shows.

    Args:
        model: where the sessions are stored.
        analysis: the sessions, of one system under test.
        sut: its name.
    """
    runs = analysis.runs
    rows = {run.stream: row for run in runs if (row := model.session_of(run.stream)) is not None}
    sessions = [session_line(model, rows[run.stream], run) for run in runs if run.stream in rows]
    messages = analysis.messages(runs)
    runs = [run for run in runs if run.stream in rows]
    longest, expensive = analysis.longest_and_most_expensive_tests(SLOWEST)
    return Answers(
        sut=sut,
        overview=overview_of(model, analysis, strip_runs=STRIP_RUNS),
        summary=analysis.summary(),
        sessions=sessions,
        runs=runs,
        clusters=clusters_of(model, analysis, messages),
        failures=failures_of(analysis, messages),
        together=analysis.failing_together(),
        flaky=_flaky_lines(analysis),
        costs=expensive,
        slowest=longest,
        shifts=analysis.duration_shifts()[:SLOWEST],
        rates=_rates(analysis, sessions),
        systems=_systems(model),
        cost_s=sum(sum(run.durations().values()) for run in runs) / 1e6,
        as_of=format_time(max((rows[run.stream].finished_us for run in runs), default=0)) if runs else "",
    )


def session_line(model: "History", row: "SessionRow", run: "Run | None" = None) -> SessionLine:
    """Return a session as lists show it."""
    state = session_state(row, model.state_of(row))
    header = row.part.header or {}
    return SessionLine(
        session_id=row.session_id,
        commit=row.commit,
        branch=branch_of(row),
        variant=variant_text(run.variant if run is not None else variant_of(header)),
        started_at=format_time(row.started_us),
        duration_s=row.duration_us / 1e6,
        state=state,
        exit_status=row.exit_status,
        counts=row.counts,
        mark="not_run" if state == "running" else _STATE_MARKS.get(state, "error"),
        is_whole=run is None or run.selected.is_whole,
        is_short=row.status != "complete" and state != "running",
        link=_link_of(header),
    )


def _link_of(header: dict[str, object]) -> str:
    """Return the address of a job in CI, if it is one of the web."""
    ci = header.get("ci")
    values = cast("dict[str, object]", ci).values() if isinstance(ci, dict) else ()
    return next((str(each) for each in values if str(each).startswith(("https://", "http://"))), "")


def _flaky_lines(analysis: "Analysis") -> list[FlakyLine]:
    """Return flaky tests with evidence: a good and a bad run, of one commit where there are such."""
    found = analysis.flaky_tests()
    strips = strips_of(analysis.asked, {one.nodeid: (one.nodeid,) for one in found}, STRIP_RUNS)
    lines: list[FlakyLine] = []
    for one in found:
        good, bad = _pair(one.evidence)
        lines.append(FlakyLine(one, wilson(one.count, one.considered), good, bad, strips.get(one.nodeid, ())))
    return lines


def _pair(evidence: Sequence[Occurrence]) -> tuple[Occurrence | None, Occurrence | None]:
    """Return a good and a bad run of the newest commit that has both; of a retried test its newest run."""
    for bad in reversed(evidence):
        if bad.verdict in BAD:
            same = [one for one in evidence if one.commit == bad.commit and one.verdict not in BAD]
            if same:
                return same[-1], bad
    return (evidence[-1] if evidence else None), None


def _rates(analysis: "Analysis", sessions: list[SessionLine]) -> list[RatePoint]:
    """Return the pass rates of the last sessions that are meant and ran tests."""
    of_session = {line.session_id: line for line in sessions}
    found: list[RatePoint] = []
    for run in analysis.asked:
        counts = verdict_counts(run)
        bad = sum(counts[verdict] for verdict in BAD)
        total = run.considered + len(run.uncollected)
        if total and run.name in of_session:
            found.append(RatePoint(of_session[run.name], total - bad, total, wilson(total - bad, total)))
    return found[-STRIP_RUNS:]


def _systems(model: "History") -> list[SystemLine]:
    """Return the systems under test of the log, the one that ran last first."""
    found: list[SystemLine] = []
    suts = sorted(model.suts(), key=lambda one: (-one[3], one[0]))
    for name, count, first_us, last_us in suts[:SYSTEMS_MAX]:
        rows = model.sessions(sut=name, limit=STRIP_RUNS)
        lines = [session_line(model, row) for row in rows]
        marks = tuple(line.mark for line in reversed(lines))
        newest = lines[0] if lines else None
        found.append(SystemLine(name, count, format_time(first_us), format_time(last_us), newest, marks))
    return found
