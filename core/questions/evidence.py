"""One run of one test as evidence of an answer, and the runs that are conclusive."""

from typing import NamedTuple

from ...projections.rules import BAD, GOOD
from ..history.modules import module_runs
from ..history.variants import variant_text
from ..history.verdicts.columns import TestRun, Wanted
from ..history.verdicts.run import Run


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
    """Position of its event in the read model; -1 for a run without an event."""
    branch: str = ""
    variant: str = ""
    """As `os=Linux python=3.13`."""


def occurrence(run: Run, test: TestRun) -> Occurrence:
    """Return a test in a session as evidence."""
    verdict, outcomes, duration_us, position, *_ = test
    what = (run.name, run.stream, run.started_us, run.commit, verdict, outcomes, duration_us / 1e6, position)
    return Occurrence(*what, run.branch, variant_text(run.variant))


def runs_of_failed_tests(runs: list[Run]) -> dict[str, list[tuple[Run, TestRun]]]:
    """Every run of each test that failed at least once, and of each module that could not be collected."""
    failed = Wanted({nodeid for run in runs for nodeid in run.failed_tests})
    found: dict[str, list[tuple[Run, TestRun]]] = {nodeid: [] for nodeid in sorted(failed.nodeids)}
    for run in runs:
        for nodeid in run.some(failed):
            found[nodeid].append((run, run.tests[nodeid]))
    return found | module_runs(runs) if any(run.uncollected for run in runs) else found


def conclusive_runs(seen: list[tuple[Run, TestRun]]) -> list[Occurrence]:
    """Return the runs that passed or failed, as evidence; a skip says nothing about the code."""
    return [occurrence(run, test) for run, test in seen if test.verdict in GOOD or test.verdict in BAD]
