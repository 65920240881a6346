"""What Sync Storage decides: pure functions from the state and a message to the events that follow.

An empty list means that the message says nothing new; the answer is the same as the first time. Whatever brings a
completed test run back to life puts a `RunReopened` before its own event.

| message | worker unknown | registered, in_progress | completed | offline | abandoned |
|---|---|---|---|---|---|
| register | registered, reopens | - | - | returns as registered, reopens | as offline |
| in_progress | adopted, reopens | changes | changes, reopens | changes, reopens | changes, reopens |
| completed | adopted | changes | - | changes | changes |
| keep-alive | refused | - | - | returns as before; in a completed run stays offline | - |
| cut | from nobody: a new one is kept and reopens, a known one is counted | | | | |
"""

from collections.abc import Iterable
from math import inf
from typing import Literal, NamedTuple

from .events import (
    CompletionRequested,
    CutAccepted,
    MasterGranted,
    RunCompleted,
    RunEvent,
    RunReopened,
    WorkerOffline,
    WorkerRegistered,
    WorkerReturned,
    WorkerStatusChanged,
)
from .state import COMPLETED, GONE, IN_PROGRESS, OFFLINE, REGISTERED, RunState, SyncState, WorkerState, cut_key

__all__ = [
    "HANDOFF_AFTER_S",
    "STATUSES",
    "Election",
    "KeepAlive",
    "accept_cut",
    "complete",
    "election_reason",
    "force",
    "keep_alive",
    "may_change_master",
    "register",
    "runs_meant",
    "set_status",
    "take_offline",
    "wait",
]

Election = Literal["handoff", "first"]
HANDOFF_AFTER_S = 1.0
"""A worker that registers so long after the master, in seconds, is its child rather than its sibling."""
STATUSES = frozenset({IN_PROGRESS, COMPLETED})
"""What a worker may report."""


class KeepAlive(NamedTuple):
    """What follows from a keep-alive."""

    known: bool
    events: list[RunEvent]


def register(
    state: SyncState,
    asked: WorkerRegistered,
    *,
    election: Election,
    master_age_s: float,
    is_child: bool | None = None,
) -> list[RunEvent]:
    """Decide a registration; after it, `WorkerState.master` is the answer.

    Args:
        state: what is known.
        asked: the registration as it would be written.
        election: `first`, or `handoff`: a master that never reported `in_progress` gives way, once, to a later worker.
        master_age_s: how long ago the present master registered, in seconds.
        is_child: whether the worker's process was started by that of the present master; None if nobody knows.
    """
    run = state.runs.get(asked.test_run)
    if run is None:
        return [asked, MasterGranted(test_run=asked.test_run, pid=asked.pid, epoch=1, reason="first")]
    worker = run.workers.get(asked.pid)
    if worker is not None and worker.status not in GONE:
        return []
    if worker is None:
        came: RunEvent = asked
    else:
        came = WorkerReturned(test_run=asked.test_run, pid=asked.pid, status=REGISTERED)
    events = [*_reopened(run), came]
    reason = (
        "" if worker is not None and worker.master else election_reason(run, election, master_age_s, is_child=is_child)
    )
    if reason:
        events.append(MasterGranted(test_run=asked.test_run, pid=asked.pid, epoch=run.epoch + 1, reason=reason))
    return events


def election_reason(run: RunState, election: Election, master_age_s: float, *, is_child: bool | None = None) -> str:
    """Return why the next worker that registers becomes the master; empty if it does not.

    A hand-over happens once in a generation: under pytest-xdist the controller registers first and never runs a test,
    its workers follow within seconds of each other, and only one of them is to take over. They are its children; where
    nobody knows whose child a process is, one that registers long enough after the master is taken for it.
    """
    master = run.workers.get(run.master) if run.master is not None else None
    holds = run.published and not run.completed
    if master is None:
        return "first"
    if master.status in GONE:
        return "master gone"
    if master.status == COMPLETED and not holds:
        return "master completed without a cut"
    if election != "handoff" or master.reported_in_progress or run.handed_over:
        return ""
    follows = master_age_s > HANDOFF_AFTER_S if is_child is None else is_child
    return "handoff" if follows else ""


def may_change_master(run: RunState, election: Election) -> bool:
    """Tell whether some worker that registers next would become the master."""
    return bool(election_reason(run, election, inf, is_child=True))


def set_status(state: SyncState, heard: WorkerRegistered) -> list[RunEvent]:
    """Decide what a reported status changes.

    Args:
        state: what is known.
        heard: the worker with the status that it reports, as it is written if it never registered.
    """
    run = state.runs.get(heard.test_run)
    if run is None:
        return [heard]
    worker = run.workers.get(heard.pid)
    if worker is not None and worker.status == heard.status:
        return []
    changed = WorkerStatusChanged(test_run=heard.test_run, pid=heard.pid, status=heard.status)
    reopened = _reopened(run) if heard.status == IN_PROGRESS else []
    return [*reopened, heard if worker is None else changed]


def keep_alive(state: SyncState, test_run: str, pid: str) -> KeepAlive:
    """Decide what a sign of life changes: only an offline worker returns, and it is no news for a completed run."""
    run = state.runs.get(test_run)
    worker = run.workers.get(pid) if run is not None else None
    if run is None or worker is None:
        return KeepAlive(known=False, events=[])
    if worker.status != OFFLINE or run.completed:
        return KeepAlive(known=True, events=[])
    return KeepAlive(known=True, events=[WorkerReturned(test_run=test_run, pid=pid, status=worker.said)])


def accept_cut(state: SyncState, cut: CutAccepted) -> list[RunEvent]:
    """Decide whether a cut is a new one; one that the generation holds, completed or not, is the same sent again."""
    run = state.runs.get(cut.test_run)
    if run is None:
        return [cut]
    if cut_key(cut) in run.cuts:
        return []
    return [*_reopened(run), cut]


def wait(state: SyncState, test_runs: Iterable[str]) -> list[RunEvent]:
    """Note that somebody waits for those of the test runs that are open."""
    return [CompletionRequested(test_run=name, how="wait") for name in test_runs if name in state.open_runs]


def force(state: SyncState, test_run: str) -> list[RunEvent]:
    """Complete a test run now; whoever is not completed or offline is abandoned."""
    run = state.open_runs.get(test_run)
    if run is None:
        return []
    return [CompletionRequested(test_run=test_run, how="force"), complete(run, forced=True)]


def complete(run: RunState, *, forced: bool = False) -> RunCompleted:
    """Return the end of the present generation of a test run."""
    return RunCompleted(
        test_run=run.test_run,
        generation=run.generation,
        finalised=len(run.cuts),
        abandoned=len(run.unsettled),
        forced=forced,
    )


def take_offline(run: RunState, worker: WorkerState, silent_s: float) -> WorkerOffline:
    """Return the end of a worker's lease."""
    return WorkerOffline(test_run=run.test_run, pid=worker.pid, silent_s=round(silent_s, 3))


def runs_meant(state: SyncState, named: str | None, *, default: str, since_us: int) -> list[str]:
    """Return the test runs that a request means that may name one.

    Args:
        state: what is known.
        named: the name in the request, if there is one; it may be of an unknown test run.
        default: that of the service; empty for none.
        since_us: when the service started; a test run that ended before that is meant by its name only.
    """
    if named is not None:
        return [named]
    if default:
        return [default]
    recent = [run.test_run for run in state.runs.values() if run.completed and run.completed_us >= since_us]
    return [*state.open_runs, *recent]


def _reopened(run: RunState) -> list[RunEvent]:
    return [RunReopened(test_run=run.test_run, generation=run.generation + 1)] if run.completed else []
