"""What a history of sessions says about tests: each question a projection of its own, with its evidence.

Nothing is blended into one score. Every answer names the sessions it rests on, how many there were, and the version
of its rule. Sessions in which nearly everything failed (`Run.is_outage`) are left out of all of them and listed, as a
broken machine says nothing about a test. Definitions and where they come from: docs/analysis.md.
"""

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ..projections.rules import BAD
from .runs import DEFAULT_BRANCHES, GOOD, Run, TestRun, Wanted, many_objects, run_of_row, runs_of
from .stats import Interval, median, pettitt, quantile, wilson
from .windows import Window

if TYPE_CHECKING:  # a command that has its read model open pays for none of these
    from ..eventlog.reader import Record
    from ..projections.models import TestSession
    from ..projections.readmodel import ReadModel
    from .query import Loads, Query

RULES_VERSION = 1
"""Rises when an answer to the same history would be another one."""

MIN_RUNS = 5
"""Runs of a test below which a rate is not judged."""
JOINT_MIN = 3
JACCARD_MIN = 0.7
CHANGE_P = 0.01
DURATION_MIN_S = 0.01
CHANGE_RATIO = 1.3


class Occurrence(NamedTuple):
    """One test in one session, as evidence."""

    session: str
    stream: str
    started_us: int
    commit: str
    verdict: str
    outcomes: tuple[str, ...]
    duration_s: float
    position: int
    """Of the event in the read model; -1 for a session that is in no log."""


@dataclass(frozen=True)
class FlakyTest:
    """A test that passed and failed where nothing explains the difference."""

    nodeid: str
    rule: str
    """`retry`: within one session. `same-source`: on one clean commit of one system, in several."""
    count: int
    """Sessions in which it was retried to a pass, or commits on which it did both."""
    considered: int
    """Sessions, or commits with several runs, that were looked at."""
    evidence: list[Occurrence]


@dataclass(frozen=True)
class TransitionScore:
    """How often a test changed between good and bad on the default branch."""

    nodeid: str
    changes: int
    considered: int
    """Runs that passed or failed."""
    score: float
    """changes / (considered - 1)."""
    evidence: list[Occurrence]


@dataclass(frozen=True)
class FailureRate:
    """How often a test fails."""

    nodeid: str
    bad: int
    considered: int
    rate: Interval
    enough: bool
    """Whether there were at least `MIN_RUNS` runs."""
    evidence: list[Occurrence]


@dataclass(frozen=True)
class Broken:
    """A test that fails since a certain session."""

    nodeid: str
    failing_runs: int
    last_good: Occurrence | None
    """None if it never passed in the history that was looked at."""
    first_bad: Occurrence
    evidence: list[Occurrence]

    @property
    def commit_range(self) -> str:
        """The commits among which the culprit is, as git writes it: `good..bad`."""
        good = self.last_good.commit[:12] if self.last_good is not None else ""
        bad = self.first_bad.commit[:12]
        return f"{good or '?'}..{bad or '?'}" if good or bad else ""


@dataclass(frozen=True)
class DurationShift:
    """A test whose duration changed its level."""

    nodeid: str
    before_s: float
    after_s: float
    p: float
    since: Occurrence
    considered: int


@dataclass(frozen=True)
class Slow:
    """What a test costs."""

    nodeid: str
    runs: int
    median_s: float
    p95_s: float
    total_s: float


@dataclass(frozen=True)
class TestFigures:
    """A test in a list."""

    __test__ = False  # no test to pytest

    nodeid: str
    runs: int
    failed: int
    last: str
    """Verdict of its last run."""
    median_s: float


@dataclass(frozen=True)
class FailureCluster:
    """Failures with the same message, once what differs from run to run is taken out."""

    message: str
    """Normalised."""
    count: int
    tests: list[str]
    evidence: list[Occurrence]


@dataclass(frozen=True)
class FailingTogether:
    """Tests that fail in the same sessions."""

    tests: list[str]
    joint: int
    """Sessions in which both of the first two failed."""
    jaccard: float
    """Of the least similar pair that was joined."""


@dataclass(frozen=True)
class OrderSuspect:
    """A test that fails only after a certain other one on the same worker."""

    nodeid: str
    after: str
    failed_after: int
    """Failures that came after it."""
    passed_after: int
    passed_without: int
    evidence: list[Occurrence]


@dataclass(frozen=True)
class Summary:
    """Figures of a history."""

    sessions: int
    outages: list[str]
    """Sessions that were left out because nearly everything failed."""
    interrupted: int
    tests: int
    runs: int
    verdicts: dict[str, int]
    pass_rate: Interval
    sessions_all_good: int
    first_us: int
    last_us: int
    median_duration_s: float
    rules_version: int = RULES_VERSION


class Analysis:
    """Questions to a history; set it up like a query, then ask.

        analyze().for_sut("shop").in_last_days(30).flaky_tests()

    Args:
        storage: where the sessions are; None for that of the profile.
        profile_name: which profile; None for the active one.
        runs: sessions to analyse instead.
    """

    def __init__(
        self, storage: "Loads | None" = None, profile_name: str | None = None, runs: list[Run] | None = None
    ) -> None:
        self._storage = storage
        self._profile = profile_name
        self._query: Query | None = None
        self._runs = runs
        self._models: Any = None

    @classmethod
    def of_model(cls, model: "ReadModel", sut: str | None = None, window: Window = Window()) -> "Analysis":  # noqa: B008
        """Analyse the sessions of an open read model.

        Args:
            model: stays open as long as questions are asked.
            sut: only of this system under test.
            window: only those that started within.
        """
        rows = [row for row in model.sessions(sut=sut, since_us=window.since_us) if window.holds(row.started_us)]
        with many_objects():
            analysis = cls(runs=[run_of_row(model, row) for row in reversed(rows)])
        analysis._models = lambda: nullcontext(model)
        return analysis

    @classmethod
    def of_test(
        cls,
        model: "ReadModel",
        nodeid: str,
        sut: str | None = None,
        window: Window = Window(),  # noqa: B008 - immutable
        *,
        alone: bool = False,
    ) -> "Analysis":
        """Analyse the sessions that have a run of one test; as `of_model`, but others are not looked at.

        Args:
            model: stays open as long as questions are asked.
            nodeid: the test.
            sut: only of this system under test.
            window: only sessions that started within.
            alone: leave out the other tests of those sessions; only the history of this one is asked for.
        """
        rows = model.visible_sessions_of(model.sessions_with(nodeid))
        fit = [row for row in rows if sut in (None, row.sut) and window.holds(row.started_us)]
        fit.sort(key=lambda row: (row.started_us, row.stream))
        only = nodeid if alone else None
        analysis = cls(runs=[run_of_row(model, row, only=only) for row in fit])
        analysis._models = lambda: nullcontext(model)
        return analysis

    # -------------------------------------------------------------- which history

    def for_sut(self, sut_name: str) -> Self:
        """Only sessions of this system under test."""
        return self.where(lambda query: query.for_sut(sut_name))

    def in_last_days(self, days: int) -> Self:
        """Only sessions that started within so many days."""
        return self.where(lambda query: query.in_last_days(days))

    def where(self, narrow: Any) -> Self:
        """Narrow the history by any filter of a query: `lambda q: q.with_session_tag("team", "pay")`."""
        if self._query is None:
            from .query import Query  # noqa: PLC0415 - as above

            self._query = Query(self._storage, self._profile)
        narrow(self._query)
        self._runs = None
        return self

    def of(self, sessions: "Iterable[TestSession]") -> Self:
        """Analyse these sessions, for instance the result of a query."""
        given = list(sessions)
        self._models = next((session.models for session in given if session.models is not None), None)
        self._runs = runs_of(given)
        return self

    @property
    def runs(self) -> list[Run]:
        """The sessions that are looked at, in order of time, outages included."""
        if self._runs is None:
            self.where(lambda _: None)
            self.of(self._query.execute() if self._query is not None else ())
        return self._runs or []

    @property
    def considered(self) -> list[Run]:
        """The sessions without outages."""
        return [run for run in self.runs if not run.is_outage]

    # -------------------------------------------------------------- questions

    def summary(self) -> Summary:
        """Return the figures of the history."""
        return summary_of(self.runs)

    def flaky_tests(self) -> list[FlakyTest]:
        """Return tests that passed and failed where nothing explains it, by both rules, the most frequent first."""
        found = [*retry_flaky(self.considered), *same_source_flaky(self.considered)]
        return sorted(found, key=lambda one: (-one.count, one.nodeid, one.rule))

    def transition_scores(self) -> list[TransitionScore]:
        """Return tests that changed between good and bad on the default branch, the most restless first."""
        return transition_scores(self.considered)

    def failure_rates(self) -> list[FailureRate]:
        """Return tests that failed at least once, those that surely fail most often first."""
        return failure_rates(self.considered)

    def broken_tests(self) -> list[Broken]:
        """Return tests whose latest run failed, with the session and the commits since when."""
        return broken_tests(self.considered)

    def duration_shifts(self) -> list[DurationShift]:
        """Return tests whose duration changed its level, the greatest change first."""
        return duration_shifts(self.considered)

    def slowest_tests(self, limit: int = 20) -> list[Slow]:
        """Return the tests with the highest median duration."""
        return sorted(costs(self.considered), key=lambda one: (-one.median_s, one.nodeid))[:limit]

    def most_expensive_tests(self, limit: int = 20) -> list[Slow]:
        """Return the tests that took most time in all."""
        return sorted(costs(self.considered), key=lambda one: (-one.total_s, one.nodeid))[:limit]

    def tests(self, containing: str = "") -> list[TestFigures]:
        """Return every test with a text in its node id, outages included; those that fail most come first."""
        return figures_of(self.runs, containing)

    def failing_together(self) -> list[FailingTogether]:
        """Return groups of tests that fail in the same sessions."""
        return failing_together(self.considered)

    def order_suspects(self) -> list[OrderSuspect]:
        """Return tests that fail only after a certain other one on the same worker."""
        return order_suspects(self.considered)

    def failure_clusters(self) -> list[FailureCluster]:
        """Return failures by what they say, the most frequent first."""
        runs = self.considered
        return failure_clusters(
            [(nodeid, run, run.tests[nodeid]) for run in runs for nodeid in run.failed_tests],
            self._messages(runs),
        )

    def history_of(self, nodeid: str) -> list[Occurrence]:
        """Return every run of a test, the earliest first, outages included."""
        return [occurrence(run, run.tests[nodeid]) for run in self.runs if nodeid in run.tests]

    def why(self, nodeid: str) -> "list[Record]":
        """Return the events behind what is said of a test: its `test.finished` of each session, the earliest first.

        Raises:
            LookupError: the test is in no session of a log.
        """
        positions = [one.position for one in self.history_of(nodeid) if one.position >= 0]
        if not positions or self._models is None:
            raise LookupError(f"no recorded run of {nodeid!r} in this history")
        with self._models() as model:
            return [model.record_at(position) for position in positions]

    def _messages(self, runs: list[Run]) -> dict[tuple[str, str], str]:
        """The text of each failure, by stream and node id."""
        places = {
            (run.stream, nodeid): run.tests[nodeid].position
            for run in runs
            for nodeid in run.failed_tests
            if run.tests[nodeid].position >= 0
        }
        if not places or self._models is None:
            return {}
        with self._models() as model:
            events = model.finished_at(list(places.values()))
        return {key: _message_of(event.longreprtext, event.cause) for key, event in zip(places, events, strict=True)}


# ------------------------------------------------------------------ the projections


def occurrence(run: Run, test: TestRun) -> Occurrence:
    """Return a test in a session as evidence."""
    verdict, outcomes, duration_us, position, *_ = test
    return Occurrence(run.name, run.stream, run.started_us, run.commit, verdict, outcomes, duration_us / 1e6, position)


def summary_of(runs: list[Run]) -> Summary:
    """Return the figures of some runs."""
    kept = [run for run in runs if not run.is_outage]
    verdicts: Counter[str] = Counter()
    for run in kept:
        verdicts.update(run.by_verdict())
    good = sum(count for verdict, count in verdicts.items() if verdict in GOOD)
    bad = sum(count for verdict, count in verdicts.items() if verdict in BAD)
    return Summary(
        sessions=len(runs),
        outages=[run.name for run in runs if run.is_outage],
        interrupted=sum(run.status == "interrupted" for run in runs),
        tests=len(set().union(*(run.tests for run in kept))),
        runs=sum(verdicts.values()),
        verdicts=dict(verdicts.most_common()),
        pass_rate=wilson(good, good + bad),
        sessions_all_good=sum(not run.bad and run.status == "complete" for run in kept),
        first_us=min((run.started_us for run in runs), default=0),
        last_us=max((run.started_us for run in runs), default=0),
        median_duration_s=median([run.duration_us / 1e6 for run in kept]),
    )


def retry_flaky(runs: list[Run]) -> list[FlakyTest]:
    """Tests that failed and then passed within one session (nextest, Bazel, CTRF)."""
    found: dict[str, list[Occurrence]] = {}
    for run in runs:
        for nodeid in run.flaky_tests:
            test = run.tests[nodeid]
            if test.verdict in GOOD:  # a skip in the end says nothing
                found.setdefault(nodeid, []).append(occurrence(run, test))
    seen = {nodeid: sum(nodeid in run.tests for run in runs) for nodeid in found}
    return [FlakyTest(nodeid, "retry", len(proof), seen[nodeid], proof) for nodeid, proof in found.items()]


@many_objects()
def same_source_flaky(runs: list[Run]) -> list[FlakyTest]:
    """Tests that were good in one session and bad in another of the same commit, with a clean tree, of one system."""
    sources: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.commit and run.dirty is False:
            sources.setdefault((run.sut, run.commit), []).append(run)
    several = [group for group in sources.values() if len(group) > 1]
    found: dict[str, list[Occurrence]] = {}
    flaky: Counter[str] = Counter()
    for group in several:
        for nodeid, seen in _failed_once(group).items():
            if any(test.verdict in GOOD for _, test in seen):
                flaky[nodeid] += 1
                found.setdefault(nodeid, []).extend(occurrence(run, test) for run, test in seen)
    considered = {nodeid: sum(sum(nodeid in run.tests for run in group) > 1 for group in several) for nodeid in found}
    return [
        FlakyTest(nodeid, "same-source", flaky[nodeid], considered[nodeid], proof) for nodeid, proof in found.items()
    ]


@many_objects()
def transition_scores(runs: list[Run]) -> list[TransitionScore]:
    """Changes between good and bad, per possible change, on the default branch (ReportPortal: N of M)."""
    scores: list[TransitionScore] = []
    for nodeid, seen in _failed_once([run for run in runs if run.branch in DEFAULT_BRANCHES]).items():
        telling = _telling(seen)
        changes = sum((a.verdict in BAD) != (b.verdict in BAD) for a, b in pairwise(telling))
        if changes:
            scores.append(TransitionScore(nodeid, changes, len(telling), changes / (len(telling) - 1), telling))
    return sorted(scores, key=lambda one: (-one.score, -one.changes, one.nodeid))


@many_objects()
def failure_rates(runs: list[Run]) -> list[FailureRate]:
    """Share of runs that failed, with its Wilson interval; ordered by what is sure, its lower limit."""
    rates: list[FailureRate] = []
    for nodeid, seen in _failed_once(runs).items():
        telling = _telling(seen)
        bad, count = sum(one.verdict in BAD for one in telling), len(telling)
        rates.append(FailureRate(nodeid, bad, count, wilson(bad, count), count >= MIN_RUNS, telling))
    return sorted(rates, key=lambda one: (not one.enough, -one.rate.low, one.nodeid))


@many_objects()
def broken_tests(runs: list[Run]) -> list[Broken]:
    """Tests whose last telling run is bad, from the first of the unbroken row of bad ones."""
    found: list[Broken] = []
    for nodeid, seen in _failed_once(runs).items():
        telling = _telling(seen)
        row = 0
        while row < len(telling) and telling[-1 - row].verdict in BAD:
            row += 1
        if row:
            last_good = telling[-1 - row] if row < len(telling) else None
            found.append(Broken(nodeid, row, last_good, telling[-row], telling[-row:]))
    return sorted(found, key=lambda one: (-one.first_bad.started_us, one.nodeid))


@many_objects()
def duration_shifts(runs: list[Run]) -> list[DurationShift]:
    """Changes of level in the durations of passing runs: Pettitt's test, and a ratio of medians that show."""
    passing: dict[str, list[tuple[Run, int]]] = {}
    for run in runs:
        for nodeid, duration_us in run.passing_durations().items():
            passing.setdefault(nodeid, []).append((run, duration_us))
    found: list[DurationShift] = []
    for nodeid, seen in passing.items():
        values = [duration_us / 1e6 for _, duration_us in seen]
        change = pettitt(values) if max(values) >= DURATION_MIN_S else None
        if change is None or change.p > CHANGE_P:
            continue
        before, after = median(values[: change.place]), median(values[change.place :])
        greater, lesser = max(before, after), min(before, after)
        if lesser and greater / lesser >= CHANGE_RATIO and greater >= DURATION_MIN_S:
            run = seen[change.place][0]
            since = occurrence(run, run.tests[nodeid])
            found.append(DurationShift(nodeid, before, after, change.p, since, len(values)))
    return sorted(found, key=lambda one: (-abs(one.after_s - one.before_s), one.nodeid))


@many_objects()
def costs(runs: list[Run]) -> list[Slow]:
    """Durations of each test."""
    found: dict[str, list[float]] = {}
    for run in runs:
        for nodeid, duration_us in run.durations().items():
            found.setdefault(nodeid, []).append(duration_us / 1e6)
    return [
        Slow(nodeid, len(values), median(values), quantile(values, 0.95), sum(values))
        for nodeid, values in found.items()
    ]


@many_objects()
def figures_of(runs: list[Run], containing: str = "") -> list[TestFigures]:
    """Runs, failures and median duration of each test with a text in its node id."""
    found: dict[str, list[int]] = {}
    last: dict[str, Run] = {}
    failed: Counter[str] = Counter()
    for run in runs:
        failed.update(run.failed_tests)
        for nodeid, duration_us in run.durations().items():
            found.setdefault(nodeid, []).append(duration_us)
            last[nodeid] = run
    figures = [
        TestFigures(nodeid, len(taken), failed[nodeid], last[nodeid].tests[nodeid].verdict, median(taken) / 1e6)
        for nodeid, taken in found.items()
        if containing in nodeid
    ]
    return sorted(figures, key=lambda one: (-one.failed / one.runs, one.nodeid))


def failing_together(runs: list[Run]) -> list[FailingTogether]:
    """Groups of tests whose sets of failing sessions overlap: Jaccard index of at least 0.7, 3 joint failures.

    Groups are grown from the most similar pair; a test joins if it is similar enough to every member.
    """
    where: dict[str, set[str]] = {}
    for run in runs:
        for nodeid in run.failed_tests:
            where.setdefault(nodeid, set()).add(run.stream or run.name)
    often = {nodeid: found for nodeid, found in where.items() if len(found) >= JOINT_MIN}
    groups: list[FailingTogether] = []
    taken: set[str] = set()
    for similarity, first, second in sorted(_similar_pairs(often), key=lambda pair: (-pair[0], pair[1], pair[2])):
        if first in taken or second in taken:
            continue
        members, lowest = [first, second], similarity
        for other in sorted(often.keys() - taken - {first, second}):
            shares = [_jaccard(often[other], often[member]) for member in members]
            if min(shares) >= JACCARD_MIN:
                members.append(other)
                lowest = min(lowest, *shares)
        taken.update(members)
        groups.append(FailingTogether(sorted(members), len(often[first] & often[second]), lowest))
    return sorted(groups, key=lambda group: (-len(group.tests), group.tests))


def _similar_pairs(where: dict[str, set[str]]) -> list[tuple[float, str, str]]:
    by_session: dict[str, list[str]] = {}
    for nodeid, sessions in where.items():
        for session in sessions:
            by_session.setdefault(session, []).append(nodeid)
    joint: Counter[tuple[str, str]] = Counter()
    for tests in by_session.values():
        ordered = sorted(tests)
        joint.update((a, b) for index, a in enumerate(ordered) for b in ordered[index + 1 :])
    similar = ((_jaccard(where[a], where[b]), a, b) for (a, b), count in joint.items() if count >= JOINT_MIN)
    return [pair for pair in similar if pair[0] >= JACCARD_MIN]


def _jaccard(first: set[str], second: set[str]) -> float:
    return len(first & second) / len(first | second)


@many_objects()
def order_suspects(runs: list[Run]) -> list[OrderSuspect]:
    """Tests that have failed, each time after a certain other test on the same worker, and passed without it.

    A suspect is named if it came before every one of at least two failures, and the test passed at least twice without
    it, and never after it: the pattern of a state that one test leaves behind.
    """
    found: list[OrderSuspect] = []
    for nodeid, seen in _failed_once(runs).items():
        bad = [(run, test) for run, test in seen if test.verdict in BAD]
        good = [(run, test) for run, test in seen if test.verdict in GOOD]
        if len(bad) < 2 or len(good) < 2:  # noqa: PLR2004 - twice is a pattern, once is chance
            continue
        always = set.intersection(*(_before(run, test) for run, test in bad))
        for run, test in good:
            always = {name for name in always if not _came_before(name, run, test)}
        proof = [occurrence(run, test) for run, test in bad]
        found.extend(OrderSuspect(nodeid, other, len(bad), 0, len(good), proof) for other in sorted(always)[:3])
    return found


def _came_before(name: str, run: Run, test: TestRun) -> bool:
    other = run.tests.get(name)
    return other is not None and other.worker == test.worker and other.order < test.order


def _before(run: Run, test: TestRun) -> set[str]:
    """What ran before a test on its worker."""
    return {name for name, other in run.tests.items() if other.worker == test.worker and other.order < test.order}


_VARIABLE = [
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(:\d+)?\b"), "<address>"),
    (re.compile(r"\b[0-9a-f]{12,}\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"(?:/[\w.+-]+){2,}"), "<path>"),
    (re.compile(r"\b\d+(\.\d+)?\s?(ms|us|ns|s|sec|seconds|min|minutes)\b"), "<duration>"),
    (re.compile(r"\b\d+(\.\d+)?\b"), "<n>"),
]
"""What differs from run to run, as Kubernetes' triage and LUCI's clustering take it out."""

MESSAGE_MAX = 300


def normalised(message: str) -> str:
    """Return a message without times, ids, addresses, paths and numbers."""
    for pattern, word in _VARIABLE:
        message = pattern.sub(word, message)
    return " ".join(message.split())[:MESSAGE_MAX]


def failure_clusters(
    failures: list[tuple[str, Run, TestRun]], messages: dict[tuple[str, str], str]
) -> list[FailureCluster]:
    """Failures grouped by their normalised message."""
    found: dict[str, list[tuple[str, Occurrence]]] = {}
    for nodeid, run, test in failures:
        text = "the process died" if test.verdict == "crashed" else messages.get((run.stream, nodeid), "")
        found.setdefault(normalised(text) or "(no message)", []).append((nodeid, occurrence(run, test)))
    clusters = [
        FailureCluster(message, len(items), sorted({nodeid for nodeid, _ in items}), [one for _, one in items])
        for message, items in found.items()
    ]
    return sorted(clusters, key=lambda cluster: (-cluster.count, cluster.message))


def _message_of(text: str, cause: Any) -> str:
    """What a failure says: the message of the exception, else the last line of the traceback that pytest marks."""
    if cause is not None and cause.message:
        return str(cause.message).split("\n", 1)[0]
    marked = [line[1:].strip() for line in text.split("\n") if line.startswith("E ")]
    return marked[0] if marked else text.strip().rpartition("\n")[2]


def _failed_once(runs: list[Run]) -> dict[str, list[tuple[Run, TestRun]]]:
    """Every run of each test that failed at least once."""
    failed = Wanted({nodeid for run in runs for nodeid in run.failed_tests})
    found: dict[str, list[tuple[Run, TestRun]]] = {nodeid: [] for nodeid in sorted(failed.nodeids)}
    for run in runs:
        for nodeid in run.some(failed):
            found[nodeid].append((run, run.tests[nodeid]))
    return found


def _telling(seen: list[tuple[Run, TestRun]]) -> list[Occurrence]:
    return [occurrence(run, test) for run, test in seen if test.verdict in GOOD or test.verdict in BAD]
