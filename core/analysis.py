"""What a history of sessions says about tests: each question a projection of its own, with its evidence.

Nothing is blended into one score. Every answer names the sessions it rests on, how many there were, and the version
of its rule. Every run counts; what is broken, flaky or slower is decided in each series (system, branch, variant) and
then told of the test. Definitions and where they come from: docs/analysis.md.
"""

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ..projections.clock import is_future
from ..projections.rules import BAD
from .counting import runs_of_modules, verdict_counts
from .modules import FAILED, module_runs
from .outages import key_of, set_aside
from .phases import LongestRun, longest_runs
from .runs import GOOD, Run, TestRun, Wanted, many_objects, run_of_row, runs_of
from .series import Variant, asked_runs, differing_text, is_of_variant, series_of, variant_text
from .stats import Interval, median, pettitt, quantile, wilson
from .windows import Window

if TYPE_CHECKING:  # a command that has its read model open pays for none of these
    from ..eventlog.reader import Record
    from ..projections.apply import SessionRow
    from ..projections.models import TestSession
    from ..projections.readmodel import ReadModel
    from .headline import CutTest, OutageNow
    from .lost import LostTest
    from .query import Loads, Query

RULES_VERSION = 2
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
    """Of the event in the read model; -1 if there is none."""
    branch: str = ""
    variant: str = ""
    """As `os=Linux python=3.13`."""


RECOVERED_RUNS = 30
RECOVERED_US = 14 * 86_400_000_000


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
    last_us: int = 0
    """Start of the session of the newest evidence."""
    good_since: int = 0
    """Good runs in a row, up to the newest, behind the evidence."""
    recovered: bool = False
    """It was good 30 times in a row since, or for 14 days."""


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
    sut: str = ""
    branch: str = ""
    variants: tuple[str, ...] = ()
    """Variants in which it is broken; empty if it ran in one only, or is broken in all."""
    good_variants: int = 0
    """Variants in which it is good."""

    @property
    def commit_range(self) -> str:
        """The commits among which the culprit is, as git writes it: `good..bad`."""
        good = self.last_good.commit[:12] if self.last_good is not None else ""
        bad = self.first_bad.commit[:12]
        return f"{good or '?'}..{bad or '?'}" if good or bad else ""


@dataclass(frozen=True)
class BranchState:
    """A branch that an answer leaves out."""

    sut: str
    branch: str
    sessions: int
    broken: list[str]
    """Tests that are broken there."""


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
    longest: LongestRun | None = None
    """Its longest run by phase; None if its events are not at hand."""


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
    """Sessions in which nearly everything failed; they count in everything but the pass rate, see `set_aside`."""
    interrupted: int
    tests: int
    runs: int
    verdicts: dict[str, int]
    pass_rate: Interval
    sessions_all_good: int
    first_us: int
    last_us: int
    median_duration_s: float
    set_aside: tuple[str, ...] = ()
    """Outages that are no evidence about single tests."""
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
        self._branch: str | None = None
        self._variant: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_model(cls, model: "ReadModel", sut: str | None = None, window: Window = Window()) -> "Analysis":  # noqa: B008
        """Analyse the sessions of an open read model.

        Args:
            model: stays open as long as questions are asked.
            sut: only of this system under test.
            window: only those that started within.
        """
        rows = [row for row in model.sessions(sut=sut, since_us=window.since_us) if window.holds(row.started_us)]
        return cls.of_rows(model, rows)

    @classmethod
    def of_rows(cls, model: "ReadModel", rows: "list[SessionRow]") -> "Analysis":
        """Analyse some sessions of an open read model, given the newest first."""
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

    def on_branch(self, branch: str | None) -> Self:
        """Only sessions of this branch; of the project's own branch also those that do not know theirs.

        None: the branch that `branch_asked` names, for the questions that look at one branch.
        """
        self._branch = branch
        return self

    def in_variant(self, **values: str) -> Self:
        """Only sessions of the variants that have these values: `in_variant(python="3.13")`."""
        self._variant = tuple(values.items())
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
        runs = self._runs or []
        if self._variant:
            runs = [run for run in runs if is_of_variant(run.variant, self._variant)]
        if self._branch is not None:
            of_branch = [series for key, series in series_of(runs).items() if key.branch == self._branch]
            runs = sorted((run for series in of_branch for run in series), key=lambda run: (run.started_us, run.stream))
        return runs

    @property
    def asked(self) -> list[Run]:
        """The sessions of the branch that is meant: the one that was named, else the project's; see `branch_asked`."""
        runs = self._timely
        return runs if self._branch is not None else asked_runs(runs)

    @property
    def _timely(self) -> list[Run]:
        """The sessions that do not claim to be of the future: their place in the order of time is not known."""
        runs = self.runs
        if not runs or not is_future(runs[-1].started_us):
            return runs
        return [run for run in runs if not is_future(run.started_us)] or runs

    @property
    def considered(self) -> list[Run]:
        """The sessions that are evidence about single tests: all without the outages that are set aside."""
        runs = self._timely
        aside = set_aside(runs)
        return [run for run in runs if key_of(run) not in aside] if aside else runs

    def other_branches(self) -> list["BranchState"]:
        """Return the branches that an answer about the branch that is meant leaves out, with what is broken there."""
        runs = self._timely
        meant = {key_of(run) for run in self.asked}
        found: dict[tuple[str, str], list[Run]] = {}
        for key, series in series_of(runs).items():
            if key_of(series[0]) not in meant:
                found.setdefault((key.sut, key.branch), []).extend(series)
        return [
            BranchState(sut, branch, len(own), [one.nodeid for one in broken_tests(_in_order(own))])
            for (sut, branch), own in sorted(found.items())
        ]

    def lost_tests(self) -> "list[LostTest]":
        """Return tests that are announced no longer, with what they may be called now."""
        from .lost import lost_tests  # noqa: PLC0415 - only for this question

        return lost_tests(self.asked)

    def outage_now(self) -> "OutageNow | None":
        """Return the newest session of the branch that is meant, if nearly everything fails in it."""
        from .headline import outage_now  # noqa: PLC0415 - only for this question

        return outage_now(self)

    def cut_tests(self) -> "list[CutTest]":
        """Return the tests that were running when a session was killed, the newest first."""
        from .headline import cut_tests  # noqa: PLC0415 - only for this question

        return cut_tests(self.runs)

    # -------------------------------------------------------------- questions

    def summary(self) -> Summary:
        """Return the figures of the history."""
        return summary_of(self.runs)

    def flaky_tests(self) -> list[FlakyTest]:
        """Return tests that passed and failed where nothing explains it, by both rules, the most frequent first."""
        runs = self.considered
        found = with_ages([*retry_flaky(runs), *same_source_flaky(runs)], runs)
        return sorted(found, key=lambda one: (one.recovered, -one.count, one.nodeid, one.rule))

    def transition_scores(self) -> list[TransitionScore]:
        """Return tests that changed between good and bad on the branch that is meant, the most restless first."""
        meant = {key_of(run) for run in self.asked}
        return transition_scores([run for run in self.considered if key_of(run) in meant])

    def failure_rates(self) -> list[FailureRate]:
        """Return tests that failed at least once, those that surely fail most often first."""
        return failure_rates(self.considered)

    def broken_tests(self) -> list[Broken]:
        """Return tests whose latest run failed, with the session and the commits since when."""
        return broken_tests(self.asked)

    def duration_shifts(self) -> list[DurationShift]:
        """Return tests whose duration changed its level, the greatest change first."""
        return duration_shifts(self.asked)

    def slowest_tests(self, limit: int = 20) -> list[Slow]:
        """Return the tests with the highest median duration."""
        return self._with_phases(sorted(costs(self.runs), key=lambda one: (-one.median_s, one.nodeid))[:limit])

    def most_expensive_tests(self, limit: int = 20) -> list[Slow]:
        """Return the tests that took most time in all."""
        return self._with_phases(sorted(costs(self.runs), key=lambda one: (-one.total_s, one.nodeid))[:limit])

    def _with_phases(self, found: list[Slow]) -> list[Slow]:
        """Return the same with the phases of the longest run of each."""
        if self._models is None:
            return found
        with self._models() as model:
            longest = longest_runs(model, self.runs, [one.nodeid for one in found])
        return [replace(one, longest=longest.get(one.nodeid)) for one in found]

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
        """Return failures by what they say, the most frequent first; modules that could not be collected among them."""
        runs = self.runs
        failures = [(nodeid, run, run.tests[nodeid]) for run in runs for nodeid in run.failed_tests]
        failures += [(nodeid, run, FAILED) for run in runs for nodeid in run.uncollected]
        return failure_clusters(failures, self.messages(runs))

    def history_of(self, nodeid: str) -> list[Occurrence]:
        """Return every run of a test, or of a module that could not be collected, the earliest first."""
        found = [occurrence(run, run.tests[nodeid]) for run in self.runs if nodeid in run.tests]
        if found:
            return found
        return [occurrence(run, test) for run, test in module_runs(self.runs).get(nodeid, ())]

    def why(self, nodeid: str) -> "list[Record]":
        """Return the events behind what is said of a test, the earliest first: of each session its `test.finished`.

        Of a session that was cut while the test ran, it is `test.started`; of a module that could not be collected,
        `collection.failed`.

        Raises:
            LookupError: the test is in no session of a log.
        """
        history = self.history_of(nodeid)
        if not history or self._models is None or not any(one.stream for one in history):
            raise LookupError(f"no recorded run of {nodeid!r} in this history")
        with self._models() as model:
            return [record for one in history if (record := _record_of(model, one, nodeid)) is not None]

    def messages(self, runs: list[Run]) -> dict[tuple[str, str], str]:
        """Return what each failure of some sessions says, by stream and node id."""
        places = {
            (run.stream, nodeid): run.tests[nodeid].position
            for run in runs
            for nodeid in run.failed_tests
            if run.tests[nodeid].position >= 0
        }
        modules = [run for run in runs if run.uncollected and run.stream]
        if not (places or modules) or self._models is None:
            return {}
        with self._models() as model:
            events = model.finished_at(list(places.values()))
            found = {
                key: message_of(event.longreprtext, event.cause) for key, event in zip(places, events, strict=True)
            }
            for run in modules:
                found |= collection_messages(model, run.stream)
        return found


def _in_order(runs: list[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: (run.started_us, run.stream))


def _record_of(model: "ReadModel", one: Occurrence, nodeid: str) -> "Record | None":
    """Return the event that says how a test ended in a session, or that it was started, or not collected."""
    if one.position >= 0:
        return model.record_at(one.position)
    row = model.session_of(one.stream) if one.stream else None
    wanted = ("test.started", "collection.failed")
    records = model.records_of(row) if row is not None else ()
    fits = [r for r in records if r.envelope.type in wanted and getattr(r.event(), "nodeid", "") == nodeid]
    return fits[-1] if fits else None


def collection_messages(model: "ReadModel", stream: str) -> dict[tuple[str, str], str]:
    """Return what the modules say that a session could not collect."""
    row = model.session_of(stream)
    found: dict[tuple[str, str], str] = {}
    for record in model.records_of(row) if row is not None else ():
        if record.envelope.type == "collection.failed":
            event: Any = record.event()
            found[stream, event.nodeid] = message_of(event.longreprtext, event.cause)
    return found


# ------------------------------------------------------------------ the projections


def occurrence(run: Run, test: TestRun) -> Occurrence:
    """Return a test in a session as evidence."""
    verdict, outcomes, duration_us, position, *_ = test
    what = (run.name, run.stream, run.started_us, run.commit, verdict, outcomes, duration_us / 1e6, position)
    return Occurrence(*what, run.branch, variant_text(run.variant))


def summary_of(runs: list[Run]) -> Summary:
    """Return the figures of some runs; every run counts, only the pass rate is without the outages set aside."""
    aside = set_aside(runs)
    verdicts: Counter[str] = Counter()
    telling: Counter[str] = Counter()
    for run in runs:
        counts = verdict_counts(run)
        verdicts.update(counts)
        if key_of(run) not in aside:
            telling.update(counts)
    good = sum(count for verdict, count in telling.items() if verdict in GOOD)
    bad = sum(count for verdict, count in telling.items() if verdict in BAD)
    return Summary(
        sessions=len(runs),
        outages=[run.name for run in runs if run.is_outage],
        interrupted=sum(run.status == "interrupted" for run in runs),
        tests=len(set().union(*(run.tests for run in runs))),
        runs=sum(verdicts.values()),
        verdicts=dict(verdicts.most_common()),
        pass_rate=wilson(good, good + bad),
        sessions_all_good=sum(not (run.bad or run.uncollected) and run.status == "complete" for run in runs),
        first_us=min((run.started_us for run in runs), default=0),
        last_us=max((run.started_us for run in runs), default=0),
        median_duration_s=median([run.duration_us / 1e6 for run in runs]),
        set_aside=tuple(run.name for run in runs if key_of(run) in aside),
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
    """Tests that were good in one session and bad in another of the same commit, with a clean tree, of one series."""
    sources: dict[tuple[str, str, str, Variant], list[Run]] = {}
    for run in runs:
        if run.commit and run.dirty is False:
            sources.setdefault((run.sut, run.commit, run.branch, run.variant), []).append(run)
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


def with_ages(flaky: list[FlakyTest], runs: list[Run]) -> list[FlakyTest]:
    """Return flaky tests with the age of their evidence, and whether they have recovered since.

    A test has recovered if its last 30 runs behind the newest evidence were good, or if it was only good for 14 days.
    """
    if not flaky:
        return []
    wanted = Wanted({one.nodeid for one in flaky})
    newest = {
        nodeid: max(seen.started_us for one in flaky if one.nodeid == nodeid for seen in one.evidence)
        for nodeid in wanted.nodeids
    }
    good: Counter[str] = Counter()
    last_us: dict[str, int] = {}
    bad_again: set[str] = set()
    for run in runs:
        for nodeid in run.some(wanted):
            if run.started_us > newest[nodeid]:
                verdict = run.tests[nodeid].verdict
                good[nodeid] += verdict in GOOD
                last_us[nodeid] = run.started_us
                bad_again.update([nodeid] if verdict in BAD else ())
    found: list[FlakyTest] = []
    for one in flaky:
        name, count = one.nodeid, 0 if one.nodeid in bad_again else good[one.nodeid]
        long_ago = count > 0 and last_us[name] - newest[name] >= RECOVERED_US
        recovered = count >= RECOVERED_RUNS or long_ago
        last = max(seen.started_us for seen in one.evidence)
        found.append(replace(one, last_us=last, good_since=count, recovered=recovered))
    return found


@many_objects()
def transition_scores(runs: list[Run]) -> list[TransitionScore]:
    """Changes between good and bad within a series, per possible change, of all series together (ReportPortal)."""
    changes: Counter[str] = Counter()
    possible: Counter[str] = Counter()
    evidence: dict[str, list[Occurrence]] = {}
    for series in series_of(runs).values():
        for nodeid, seen in _failed_once(series).items():
            telling = _telling(seen)
            changes[nodeid] += sum((a.verdict in BAD) != (b.verdict in BAD) for a, b in pairwise(telling))
            possible[nodeid] += max(len(telling) - 1, 0)
            evidence.setdefault(nodeid, []).extend(telling)
    scores = [
        TransitionScore(nodeid, count, len(evidence[nodeid]), count / possible[nodeid], evidence[nodeid])
        for nodeid, count in changes.items()
        if count
    ]
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
    """Tests whose last telling run in a series is bad, from the first of the unbroken row of bad ones there.

    Of a test that is broken in several variants of a branch, the earliest first bad run is told, and the variants.
    """
    grouped: dict[tuple[str, str], dict[Variant, list[Run]]] = {}
    for key, series in series_of(runs).items():
        grouped.setdefault((key.sut, key.branch), {})[key.variant] = series
    found = [one for (sut, branch), variants in grouped.items() for one in _broken_on_branch(sut, branch, variants)]
    return sorted(found, key=lambda one: (-one.first_bad.started_us, one.nodeid))


def _broken_on_branch(sut: str, branch: str, variants: dict[Variant, list[Run]]) -> list[Broken]:
    rows: dict[str, dict[Variant, Broken]] = {}
    for variant, series in variants.items():
        for nodeid, seen in _failed_once(series).items():
            one = _broken_in_series(nodeid, _telling(seen))
            if one is not None:
                rows.setdefault(nodeid, {})[variant] = one
    if not rows:
        return []
    wanted = Wanted(set(rows))
    ran = {variant: {nodeid for run in series for nodeid in run.some(wanted)} for variant, series in variants.items()}
    found: list[Broken] = []
    for nodeid, broken in rows.items():
        good = [variant for variant, tests in ran.items() if nodeid in tests and variant not in broken]
        first = min(broken.values(), key=lambda one: one.first_bad.started_us)
        names = tuple(differing_text(variant, variants) for variant in sorted(broken)) if good else ()
        runs = sum(one.failing_runs for one in broken.values())
        proof = sorted((seen for one in broken.values() for seen in one.evidence), key=lambda seen: seen.started_us)
        whose = {"sut": sut, "branch": branch, "variants": names, "good_variants": len(good)}
        found.append(Broken(nodeid, runs, first.last_good, first.first_bad, proof, **whose))
    return found


def _broken_in_series(nodeid: str, telling: list[Occurrence]) -> Broken | None:
    row = 0
    while row < len(telling) and telling[-1 - row].verdict in BAD:
        row += 1
    if not row:
        return None
    last_good = telling[-1 - row] if row < len(telling) else None
    return Broken(nodeid, row, last_good, telling[-row], telling[-row:])


@many_objects()
def duration_shifts(runs: list[Run]) -> list[DurationShift]:
    """Changes of level in the durations of passing runs of a series: Pettitt's test, and a ratio of medians that show.

    Of a test that changed in several series the greatest change is told.
    """
    found: dict[str, DurationShift] = {}
    for series in series_of(runs).values():
        for one in _shifts_in(series):
            known = found.get(one.nodeid)
            if known is None or abs(one.after_s - one.before_s) > abs(known.after_s - known.before_s):
                found[one.nodeid] = one
    return sorted(found.values(), key=lambda one: (-abs(one.after_s - one.before_s), one.nodeid))


def _shifts_in(runs: list[Run]) -> list[DurationShift]:
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
    return found


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
    """Runs, failures and median duration of each test, and module that was not collected, with a text in its id."""
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
    for module, seen in runs_of_modules(runs).items():
        if containing in module:
            bad = sum(test.verdict in BAD for _, test in seen)
            figures.append(TestFigures(module, len(seen), bad, seen[-1][1].verdict, 0.0))
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


@cache
def _variable() -> list[tuple[re.Pattern[str], str]]:
    """Return what differs from run to run, as Kubernetes' triage and LUCI's clustering take it out."""
    return [
        (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
        (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
        (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<hex>"),
        (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(:\d+)?\b"), "<address>"),
        (re.compile(r"\b[0-9a-f]{12,}\b", re.IGNORECASE), "<hex>"),
        (re.compile(r"(?:/[\w.+-]+){2,}"), "<path>"),
        (re.compile(r"\b\d+(\.\d+)?\s?(ms|us|ns|s|sec|seconds|min|minutes)\b"), "<duration>"),
        (re.compile(r"\b\d+(\.\d+)?\b"), "<n>"),
    ]


MESSAGE_MAX = 300
_DIED = "the process died"
CUT = "running when the session was killed"
"""What is said of a test that was started and has no result, as there is no message."""


def normalised(message: str) -> str:
    """Return a message without times, ids, addresses, paths and numbers."""
    for pattern, word in _variable():
        message = pattern.sub(word, message)
    return " ".join(message.split())[:MESSAGE_MAX]


def failure_clusters(
    failures: list[tuple[str, Run, TestRun]], messages: dict[tuple[str, str], str]
) -> list[FailureCluster]:
    """Failures grouped by their normalised message."""
    found: dict[str, list[tuple[str, Occurrence]]] = {}
    for nodeid, run, test in failures:
        text = _DIED if test.verdict == "crashed" and test.position >= 0 else messages.get((run.stream, nodeid), "")
        if test.verdict == "crashed" and test.position < 0:
            text = CUT
        found.setdefault(normalised(text) or "(no message)", []).append((nodeid, occurrence(run, test)))
    clusters = [
        FailureCluster(message, len(items), sorted({nodeid for nodeid, _ in items}), [one for _, one in items])
        for message, items in found.items()
    ]
    return sorted(clusters, key=lambda cluster: (-cluster.count, cluster.message))


def message_of(text: str, cause: Any) -> str:
    """What a failure says: the message of the exception, else the last line of the traceback that pytest marks."""
    if cause is not None and cause.message:
        return str(cause.message).split("\n", 1)[0]
    marked = [line[1:].strip() for line in text.split("\n") if line.startswith("E ")]
    return marked[0] if marked else text.strip().rpartition("\n")[2]


def _failed_once(runs: list[Run]) -> dict[str, list[tuple[Run, TestRun]]]:
    """Every run of each test that failed at least once, and of each module that could not be collected."""
    failed = Wanted({nodeid for run in runs for nodeid in run.failed_tests})
    found: dict[str, list[tuple[Run, TestRun]]] = {nodeid: [] for nodeid in sorted(failed.nodeids)}
    for run in runs:
        for nodeid in run.some(failed):
            found[nodeid].append((run, run.tests[nodeid]))
    return found | module_runs(runs) if any(run.uncollected for run in runs) else found


def _telling(seen: list[tuple[Run, TestRun]]) -> list[Occurrence]:
    return [occurrence(run, test) for run, test in seen if test.verdict in GOOD or test.verdict in BAD]
