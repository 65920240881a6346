"""Flaky tests: by retries within a session, by sessions of one commit, and by changes between good and bad."""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

from ...projections.rules import BAD, GOOD
from ..history.series import Series, series_of
from ..history.variants import Variant
from ..history.verdicts.columns import TestRun, Wanted
from ..history.verdicts.reading import many_objects
from ..history.verdicts.run import Run
from .evidence import Occurrence, conclusive_runs, occurrence, runs_of_failed_tests
from .outages import key_of

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


def retry_flaky(runs: list[Run]) -> list[FlakyTest]:
    """Tests that failed and then passed within one session (nextest, Bazel, CTRF)."""
    found: dict[str, list[Occurrence]] = {}
    for run in runs:
        for nodeid in run.flaky_tests:
            test = run.tests[nodeid]
            if test.verdict in GOOD:  # a skip in the end says nothing
                found.setdefault(nodeid, []).append(occurrence(run, test))
    wanted = Wanted(set(found))
    seen = Counter(nodeid for run in runs for nodeid in run.some(wanted))
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
        for nodeid, seen in runs_of_failed_tests(group).items():
            if any(test.verdict in GOOD for _, test in seen):
                flaky[nodeid] += 1
                found.setdefault(nodeid, []).extend(occurrence(run, test) for run, test in seen)
    wanted = Wanted(set(found))
    considered: Counter[str] = Counter()
    for group in several:
        there = Counter(nodeid for run in group for nodeid in run.some(wanted))
        considered.update(nodeid for nodeid, count in there.items() if count > 1)
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
    series = {key_of(run): key for key, own in series_of(runs).items() for run in own}
    for nodeid, seen in runs_of_failed_tests(runs).items():
        parts: dict[Series, list[tuple[Run, TestRun]]] = {}
        for run, test in seen:
            parts.setdefault(series[key_of(run)], []).append((run, test))
        for part in parts.values():
            telling = conclusive_runs(part)
            changes[nodeid] += sum((a.verdict in BAD) != (b.verdict in BAD) for a, b in pairwise(telling))
            possible[nodeid] += max(len(telling) - 1, 0)
            evidence.setdefault(nodeid, []).extend(telling)
    scores = [
        TransitionScore(nodeid, count, len(evidence[nodeid]), count / possible[nodeid], evidence[nodeid])
        for nodeid, count in changes.items()
        if count
    ]
    return sorted(scores, key=lambda one: (-one.score, -one.changes, one.nodeid))
