"""How often tests fail, and which tests fail in the same sessions."""

from collections import Counter
from dataclasses import dataclass

from ...projections.rules import BAD
from ..history.verdicts.reading import many_objects
from ..history.verdicts.run import Run
from .evidence import Occurrence, conclusive_runs, runs_of_failed_tests
from .stats import Interval, wilson

MIN_RUNS = 5
"""Runs of a test below which a rate is not judged."""


JOINT_MIN = 3


JACCARD_MIN = 0.7


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
class FailingTogether:
    """Tests that fail in the same sessions."""

    tests: list[str]
    joint: int
    """Sessions in which both of the first two failed."""
    jaccard: float
    """Of the least similar pair that was joined."""


@many_objects()
def failure_rates(runs: list[Run]) -> list[FailureRate]:
    """Share of runs that failed, with its Wilson interval; ordered by what is sure, its lower limit."""
    rates: list[FailureRate] = []
    for nodeid, seen in runs_of_failed_tests(runs).items():
        telling = conclusive_runs(seen)
        bad, count = sum(one.verdict in BAD for one in telling), len(telling)
        rates.append(FailureRate(nodeid, bad, count, wilson(bad, count), count >= MIN_RUNS, telling))
    return sorted(rates, key=lambda one: (not one.enough, -one.rate.low, one.nodeid))


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
