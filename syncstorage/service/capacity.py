"""Limits on what a service accepts: a faulty client must not fill its memory and its journal.

| what | limit |
|---|---|
| test runs that are open | 1 000 |
| workers of the open test runs together | 10 000 |
| cuts of one generation of a test run | 10 000 |

Test runs, workers and results that are known already are always accepted again.
"""

from .events import CutAccepted, WorkerRegistered
from .state import SyncState, cut_key

__all__ = ["CUTS_MAX", "RUNS_MAX", "WORKERS_MAX", "TooManyError", "check_room"]

RUNS_MAX = 1_000
WORKERS_MAX = 10_000
CUTS_MAX = 10_000


class TooManyError(Exception):
    """A request would exceed a limit; the message names the limit and what to do."""


def check_room(state: SyncState, asked: WorkerRegistered | CutAccepted) -> None:
    """Raise an error if a new worker or result would exceed a limit.

    Raises:
        TooManyError: the limit is reached.
    """
    run = state.open_runs.get(asked.test_run)
    if run is None and len(state.open_runs) >= RUNS_MAX:
        raise TooManyError(
            f"{len(state.open_runs)} test runs are open, which is the limit; complete one"
            " (/force-completion?testRunId=...), or wait until the leases of their workers end"
        )
    if isinstance(asked, CutAccepted):
        if run is not None and len(run.cuts) >= CUTS_MAX and cut_key(asked) not in run.cuts:
            raise TooManyError(f"{len(run.cuts)} results of this test run are held, which is the limit; complete it")
        return
    if run is not None and asked.pid in run.workers:
        return
    workers = sum(len(each.workers) for each in state.open_runs.values())
    if workers >= WORKERS_MAX:
        raise TooManyError(
            f"{workers} workers of open test runs are registered, which is the limit; complete a test run"
            " (/force-completion?testRunId=...)"
        )
