"""State of Sync Storage: a pure fold of its events, without clock and files."""

from dataclasses import dataclass, field

from ...eventlog.events import Event, UnknownEvent
from ...eventlog.journal import Entry
from .events import (
    CutAccepted,
    MasterGranted,
    RunCompleted,
    RunEvent,
    RunReopened,
    ServiceStarted,
    ServiceStopped,
    WorkerOffline,
    WorkerRegistered,
    WorkerReturned,
    WorkerStatusChanged,
)

__all__ = [
    "ABANDONED",
    "COMPLETED",
    "GONE",
    "IN_PROGRESS",
    "OFFLINE",
    "REGISTERED",
    "SETTLED",
    "CutKey",
    "RunState",
    "SyncState",
    "WorkerState",
    "cut_key",
]

REGISTERED, IN_PROGRESS, COMPLETED, OFFLINE, ABANDONED = (
    "registered",
    "in_progress",
    "completed",
    "offline",
    "abandoned",
)
SETTLED = frozenset({COMPLETED, OFFLINE, ABANDONED})
"""Statuses of workers that a completion does not wait for."""
GONE = frozenset({OFFLINE, ABANDONED})
"""Statuses of workers that return with their next message."""

CutKey = tuple[str, str, str]
"""External id, start and status code: results that agree in these are one result that was sent again."""


@dataclass(slots=True)
class WorkerState:
    """One worker of a test run, from its messages."""

    pid: str
    status: str
    since_us: int
    """Time at which it got this status, in microseconds since the epoch."""
    registered_us: int
    adopted: bool = False
    master: bool = False
    """The answer to its registration."""
    said: str = ""
    """The last status that it reported, which it gets again when it returns."""
    reported_in_progress: bool = False
    """True if it has reported `in_progress` in this generation."""
    peer_port: int = 0
    worker: str = ""
    session_id: str = ""
    host: str = ""
    os_pid: int = 0

    @property
    def settled(self) -> bool:
        """True if a completion does not wait for it."""
        return self.status in SETTLED

    def become(self, status: str, at_us: int) -> None:
        """Set the status."""
        self.status, self.since_us = status, at_us


@dataclass(slots=True)
class RunState:
    """One test run."""

    test_run: str
    opened_us: int
    generation: int = 1
    completed: bool = False
    forced: bool = False
    completed_us: int = 0
    workers: dict[str, WorkerState] = field(default_factory=dict[str, WorkerState])
    master: str | None = None
    epoch: int = 0
    handed_over: bool = False
    """True if a worker has taken over as master in this generation; this happens at most once."""
    cuts: dict[CutKey, CutAccepted] = field(default_factory=dict[CutKey, CutAccepted])
    """Results of this generation in the order of arrival; the newest one is held."""
    finalised: int = 0
    """Number of finalised results, in all generations."""

    @property
    def published(self) -> bool:
        """True if a result is held in this generation."""
        return bool(self.cuts)

    @property
    def unsettled(self) -> list[WorkerState]:
        """Workers that a completion waits for."""
        return [worker for worker in self.workers.values() if not worker.settled]


class SyncState:
    """State of one journal."""

    def __init__(self) -> None:
        self.runs: dict[str, RunState] = {}
        self.open_runs: dict[str, RunState] = {}
        """Test runs whose current generation is not completed."""
        self.last_us = 0
        """Time of the last event, in microseconds since the epoch."""
        self.service: ServiceStarted | None = None
        """The service that has the journal, or had it last."""
        self.service_since_us = 0
        self.stopped: ServiceStopped | None = None
        """End of that service; None while it runs, and after it was killed."""

    def apply(self, entry: Entry, /) -> None:
        """Apply the next event."""
        self.last_us = entry.at_us
        event: Event | UnknownEvent = entry.event
        if isinstance(event, RunEvent):
            self._apply_to_run(event, entry.at_us)
        elif isinstance(event, ServiceStarted):
            self.service, self.service_since_us, self.stopped = event, entry.at_us, None
        elif isinstance(event, ServiceStopped):
            self.stopped = event

    def _apply_to_run(self, event: RunEvent, at_us: int) -> None:
        name = event.test_run
        run = self.runs.get(name)
        if run is None:
            run = self.runs[name] = self.open_runs[name] = RunState(name, at_us)
        if isinstance(event, CutAccepted):
            run.cuts[cut_key(event)] = event
        elif isinstance(event, RunCompleted):
            _complete(run, event, at_us)
            self.open_runs.pop(name, None)
        elif isinstance(event, RunReopened):
            _reopen(run, event)
            self.open_runs[name] = run
        else:
            _apply_to_worker(run, event, at_us)


def cut_key(cut: CutAccepted) -> CutKey:
    """Return the identity of a result within its test run."""
    return cut.external_id, cut.started_on, cut.status_code


def _complete(run: RunState, event: RunCompleted, at_us: int) -> None:
    run.completed, run.forced, run.completed_us = True, event.forced, at_us
    run.finalised += event.finalised
    for worker in run.unsettled:
        worker.become(ABANDONED, at_us)


def _reopen(run: RunState, event: RunReopened) -> None:
    run.completed = run.forced = run.handed_over = False
    run.generation = event.generation
    run.cuts = {}
    for worker in run.workers.values():
        worker.reported_in_progress = False


def _apply_to_worker(run: RunState, event: RunEvent, at_us: int) -> None:
    if isinstance(event, WorkerRegistered):
        run.workers[event.pid] = _new_worker(event, at_us)
        return
    if isinstance(event, MasterGranted):
        _grant(run, event)
        return
    if not isinstance(event, WorkerStatusChanged | WorkerOffline | WorkerReturned):
        return
    worker = run.workers.get(event.pid)
    if worker is None:
        return
    if isinstance(event, WorkerOffline):
        worker.become(OFFLINE, at_us)
        return
    worker.become(event.status, at_us)
    if isinstance(event, WorkerStatusChanged):
        worker.said = event.status
        worker.reported_in_progress = worker.reported_in_progress or event.status == IN_PROGRESS


def _new_worker(event: WorkerRegistered, at_us: int) -> WorkerState:
    return WorkerState(
        event.pid,
        event.status,
        at_us,
        at_us,
        adopted=event.adopted,
        said=event.status,
        reported_in_progress=event.status == IN_PROGRESS,
        peer_port=event.peer_port,
        worker=event.worker,
        session_id=event.session_id,
        host=event.host,
        os_pid=event.os_pid,
    )


def _grant(run: RunState, event: MasterGranted) -> None:
    run.master, run.epoch = event.pid, event.epoch
    run.handed_over = run.handed_over or event.reason == "handoff"
    if event.pid in run.workers:
        run.workers[event.pid].master = True
