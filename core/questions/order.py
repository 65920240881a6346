"""Tests that fail only after a certain other test on the same worker."""

from dataclasses import dataclass

from ...projections.rules import BAD, GOOD
from ..history.verdicts.columns import TestRun
from ..history.verdicts.reading import many_objects
from ..history.verdicts.run import Run
from .evidence import Occurrence, occurrence, runs_of_failed_tests


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


@many_objects()
def order_suspects(runs: list[Run]) -> list[OrderSuspect]:
    """Tests that have failed, each time after a certain other test on the same worker, and passed without it.

    A suspect is named if it came before every one of at least two failures, and the test passed at least twice without
    it, and never after it: the pattern of a state that one test leaves behind.
    """
    return [one for nodeid, seen in runs_of_failed_tests(runs).items() for one in suspects_of(nodeid, seen)]


def suspects_of(nodeid: str, seen: list[tuple[Run, TestRun]]) -> list[OrderSuspect]:
    """Return the tests after which one test fails.

    Args:
        nodeid: the test.
        seen: its runs.
    """
    bad = [(run, test) for run, test in seen if test.verdict in BAD]
    good = [(run, test) for run, test in seen if test.verdict in GOOD]
    if len(bad) < 2 or len(good) < 2:  # noqa: PLR2004 - twice is a pattern, once is chance
        return []
    always = set[str].intersection(*(_before(run, test) for run, test in bad))
    for run, test in good:
        always = {name for name in always if not _came_before(name, run, test)}
    proof = [occurrence(run, test) for run, test in bad]
    return [OrderSuspect(nodeid, other, len(bad), 0, len(good), proof) for other in sorted(always)[:3]]


def _came_before(name: str, run: Run, test: TestRun) -> bool:
    other = run.tests.get(name)
    return other is not None and other.worker == test.worker and other.order < test.order


def _before(run: Run, test: TestRun) -> set[str]:
    """Return the tests that ran before a test on its worker."""
    return {name for name, other in run.tests.items() if other.worker == test.worker and other.order < test.order}
