"""Look-ups of test runs: which one a request means, and how it ended."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from . import rules
from .state import SyncState

__all__ = ["CompletionAnswer", "RunLookup"]


class CompletionAnswer(NamedTuple):
    """Answer to a request to complete a test run."""

    completed: bool
    message: str


class RunLookup:
    """Test runs of a service.

    Args:
        state: returns the current state.
        default_run: the test run of a request that names none; empty for none.
        started_us: returns the start of the service, in microseconds since the epoch.
    """

    def __init__(self, state: Callable[[], SyncState], default_run: str, started_us: Callable[[], int]) -> None:
        self._state = state
        self._default_run = default_run
        self._started_us = started_us

    def is_published(self, test_run: str) -> bool:
        """Return whether a result is held in the current generation of a test run."""
        run = self._state().runs.get(test_run)
        return run is not None and run.published

    def meant(self, named: str | None) -> list[str]:
        """Return the test runs that a request refers to."""
        return rules.runs_meant(self._state(), named, default=self._default_run, since_us=self._started_us())

    def of_worker(self, pid: str) -> str:
        """Return the test run of a message from an older client, which does not name it."""
        found = [run.test_run for run in self._state().runs.values() if pid in run.workers]
        meant = found[-1:] or self.meant(None)
        return meant[0] if len(meant) == 1 else self._default_run

    def generations(self, test_runs: Sequence[str]) -> dict[str, int]:
        """Return the current generation of each known test run."""
        runs = self._state().runs
        return {name: runs[name].generation for name in test_runs if name in runs}

    def answer(self, test_runs: Sequence[str], since: Mapping[str, int]) -> CompletionAnswer | None:
        """Return the answer for these test runs; None while one of them is open.

        Args:
            test_runs: their names.
            since: generation of each when the wait began; a test run with a later generation has been completed.
        """
        runs = [self._state().runs.get(name) for name in test_runs]
        if not runs:
            return CompletionAnswer(completed=False, message="no test run is open")
        if None in runs:
            return CompletionAnswer(completed=False, message="unknown test run")
        known = [run for run in runs if run is not None]
        if not all(run.completed or run.generation > since.get(run.test_run, run.generation) for run in known):
            return None
        finalised = sum(run.finalised for run in known)
        return CompletionAnswer(completed=True, message=f"{finalised} finalised")
