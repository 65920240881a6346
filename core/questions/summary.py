"""Figures of a history."""

from collections import Counter
from dataclasses import dataclass

from ...projections.rules import BAD, GOOD
from ..history.counting import verdict_counts
from ..history.verdicts.columns import count_tests
from ..history.verdicts.run import Run
from .outages import is_outage, key_of, set_aside
from .stats import Interval, median, wilson

RULES_VERSION = 2
"""Rises when an answer to the same history would be another one."""


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
        outages=[run.name for run in runs if is_outage(run)],
        interrupted=sum(run.status == "interrupted" for run in runs),
        tests=count_tests(run.tests for run in runs),
        runs=sum(verdicts.values()),
        verdicts=dict(verdicts.most_common()),
        pass_rate=wilson(good, good + bad),
        sessions_all_good=sum(not (run.bad or run.uncollected) and run.status == "complete" for run in runs),
        first_us=min((run.started_us for run in runs), default=0),
        last_us=max((run.started_us for run in runs), default=0),
        median_duration_s=median([run.duration_us / 1e6 for run in runs]),
        set_aside=tuple(run.name for run in runs if key_of(run) in aside),
    )
