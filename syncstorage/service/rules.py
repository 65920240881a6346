"""Decisions of Sync Storage: pure functions from the state and a message to the events that follow.

An empty list means that the message changes nothing; the answer is the same as the first time. A message that
continues a completed test run adds `RunReopened` before its own event.

| message | worker unknown | registered, in_progress | completed | offline | abandoned |
|---|---|---|---|---|---|
| register | registered, reopens | - | - | returns as registered, reopens | as offline |
| in_progress | adopted, reopens | changes | changes, reopens | changes, reopens | changes, reopens |
| completed | adopted | changes | - | changes | changes |
| keep-alive | refused | - | - | returns as before; in a completed run stays offline | - |
| cut | not from a worker: a new one is held and reopens, a known one is counted | | | | |
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
"""Age of the master, in seconds, from which a worker that registers counts as its child rather than its sibling."""
STATUSES = frozenset({IN_PROGRESS, COMPLETED})
"""Statuses that a worker may report."""


class KeepAlive(NamedTuple):
    """Result of a keep-alive."""

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
    """Return the events of a registration. Once they are applied, `WorkerState.master` is the answer.

    Args:
        state: the current state.
        asked: the event of the registration.
        election: `first`, or `handoff`: a later worker replaces, once, a master that never reported `in_progress`.
        master_age_s: time since the current master registered, in seconds.
        is_child: whether the worker's process is a descendant of the current master's; None if unknown.
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
    events = [*_reopen_if_completed(run), came]
    reason = (
        "" if worker is not None and worker.master else election_reason(run, election, master_age_s, is_child=is_child)
    )
    if reason:
        events.append(MasterGranted(test_run=asked.test_run, pid=asked.pid, epoch=run.epoch + 1, reason=reason))
    return events


def election_reason(run: RunState, election: Election, master_age_s: float, *, is_child: bool | None = None) -> str:
    """Return the reason why the next worker that registers becomes the master; empty if it does not.

    A hand-over happens once in a generation. With pytest-xdist the controller registers first and never runs a test;
    its workers follow within seconds, and only one of them takes over. They are its children. If the parent of a
    process is unknown, a process that registers long enough after the master counts as a child.
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
    """Return whether a worker that registers next could become the master."""
    return bool(election_reason(run, election, inf, is_child=True))


def set_status(state: SyncState, heard: WorkerRegistered) -> list[RunEvent]:
    """Return the events of a reported status.

    Args:
        state: the current state.
        heard: the event for a worker that never registered, with the reported status.
    """
    run = state.runs.get(heard.test_run)
    if run is None:
        return [heard]
    worker = run.workers.get(heard.pid)
    if worker is not None and worker.status == heard.status:
        return []
    changed = WorkerStatusChanged(test_run=heard.test_run, pid=heard.pid, status=heard.status)
    reopened = _reopen_if_completed(run) if heard.status == IN_PROGRESS else []
    return [*reopened, heard if worker is None else changed]


def keep_alive(state: SyncState, test_run: str, pid: str) -> KeepAlive:
    """Return the result of a keep-alive: only an offline worker returns, and not in a completed test run."""
    run = state.runs.get(test_run)
    worker = run.workers.get(pid) if run is not None else None
    if run is None or worker is None:
        return KeepAlive(known=False, events=[])
    if worker.status != OFFLINE or run.completed:
        return KeepAlive(known=True, events=[])
    return KeepAlive(known=True, events=[WorkerReturned(test_run=test_run, pid=pid, status=worker.said)])


def accept_cut(state: SyncState, cut: CutAccepted) -> list[RunEvent]:
    """Return the events of a result; none if the generation already holds it."""
    run = state.runs.get(cut.test_run)
    if run is None:
        return [cut]
    if cut_key(cut) in run.cuts:
        return []
    return [*_reopen_if_completed(run), cut]


def wait(state: SyncState, test_runs: Iterable[str]) -> list[RunEvent]:
    """Return the events of a client that waits for test runs, for those that are open."""
    return [CompletionRequested(test_run=name, how="wait") for name in test_runs if name in state.open_runs]


def force(state: SyncState, test_run: str) -> list[RunEvent]:
    """Return the events of a forced completion; workers that are neither completed nor offline are abandoned."""
    run = state.open_runs.get(test_run)
    if run is None:
        return []
    return [CompletionRequested(test_run=test_run, how="force"), complete(run, forced=True)]


def complete(run: RunState, *, forced: bool = False) -> RunCompleted:
    """Return the event that completes the current generation of a test run."""
    return RunCompleted(
        test_run=run.test_run,
        generation=run.generation,
        finalised=len(run.cuts),
        abandoned=len(run.unsettled),
        forced=forced,
    )


def take_offline(run: RunState, worker: WorkerState, silent_s: float) -> WorkerOffline:
    """Return the event that ends a worker's lease."""
    return WorkerOffline(test_run=run.test_run, pid=worker.pid, silent_s=round(silent_s, 3))


def runs_meant(state: SyncState, named: str | None, *, default: str, since_us: int) -> list[str]:
    """Return the test runs that a request refers to.

    Args:
        state: the current state.
        named: name in the request, which may be unknown; None if the request has no name.
        default: default test run of the service; empty for none.
        since_us: start of the service in microseconds since the epoch; test runs that ended earlier must be named.
    """
    if named is not None:
        return [named]
    if default:
        return [default]
    recent = [run.test_run for run in state.runs.values() if run.completed and run.completed_us >= since_us]
    return [*state.open_runs, *recent]


def _reopen_if_completed(run: RunState) -> list[RunEvent]:
    return [RunReopened(test_run=run.test_run, generation=run.generation + 1)] if run.completed else []
