"""Modules that could not be collected, as runs: bad where collection failed, good where one of their tests ran."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .verdicts.columns import TestRun, Wanted
from .verdicts.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable

FAILED = TestRun("error", ("error",), 0, -1, "", -1)
"""A module in a session in which it could not be collected."""
COLLECTED = TestRun("passed", ("passed",), 0, -1, "", -1)


def module_runs(runs: Sequence[Run]) -> dict[str, list[tuple[Run, TestRun]]]:
    """Return each module that could not be collected in one of some sessions, with what became of it in each."""
    modules = sorted({nodeid for run in runs for nodeid in run.uncollected})
    found: dict[str, list[tuple[Run, TestRun]]] = {}
    for module in modules:
        tests = Wanted({nodeid for run in runs for nodeid in _tests_of(module, run)})
        seen: list[tuple[Run, TestRun]] = []
        for run in runs:
            if module in run.uncollected:
                seen.append((run, FAILED))
            elif next(iter(run.some(tests)), None) is not None:
                seen.append((run, COLLECTED))
        found[module] = seen
    return found


def _tests_of(module: str, run: Run) -> "Iterable[str]":
    return (nodeid for nodeid in run.tests if nodeid.startswith((f"{module}::", f"{module}/")))
