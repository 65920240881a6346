"""How runs are counted, for all commands alike: every start of a test counts, with or without a result.

| in a session | counts as |
|---|---|
| a test with a result | a run with the verdict of its last attempt |
| a test that was started and has no result | a run that `crashed`, or was `cut` if the user interrupted it |
| a module that could not be collected | a run with the verdict `error` |
| an announced test that was not started | no run |
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...projections.session_row import SessionRow
    from .verdicts.columns import TestRun
    from .verdicts.run import Run

RULES_VERSION = 1
"""Rises when the same session would have another number of runs."""


def verdict_counts(run: "Run") -> Counter[str]:
    """Return how many runs of a session have each verdict."""
    counts = Counter(run.by_verdict())
    if run.uncollected:
        counts["error"] += len(run.uncollected)
    return counts


def cut_count(row: "SessionRow") -> int:
    """Return how many tests of a stored session were started and have no result."""
    return len({nodeid for nodeid, _, _ in row.part.open})


def runs_of_modules(runs: "Iterable[Run]") -> "dict[str, list[tuple[Run, TestRun]]]":
    """Return the runs of each module that could not be collected once, as tests that have its name have none."""
    sessions = list(runs)
    if not any(run.uncollected for run in sessions):
        return {}
    from .modules import module_runs  # noqa: PLC0415 - only where a module could not be collected

    return {module: seen for module, seen in module_runs(sessions).items() if not _is_test(module, sessions)}


def _is_test(nodeid: str, runs: "list[Run]") -> bool:
    return any(nodeid in run.tests for run in runs)
