"""The state of Sync Storage: a pure fold of its events. Nothing here looks at a clock or a file."""

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
"""A worker with one of these statuses is not waited for."""
GONE = frozenset({OFFLINE, ABANDONED})
"""A worker with one of these statuses returns when it is heard of again."""

CutKey = tuple[str, str, str]
"""External id, start and status code: cuts that agree in these are one cut that was sent again."""


@dataclass(slots=True)
class WorkerState:
    """One worker of a test run, as far as its messages tell."""

    pid: str
    status: str
    since_us: int
    """When it got this status, in microseconds since the epoch."""
    registered_us: int
    adopted: bool = False
    master: bool = False
    """The answer to its registration."""
    said: str = ""
    """The last status that it reported; what it gets back when it returns."""
    reported_in_progress: bool = False
    """It has reported `in_progress` in this generation."""
    peer_port: int = 0
    worker: str = ""
    session_id: str = ""
    host: str = ""
    os_pid: int = 0

    @property
    def settled(self) -> bool:
        """True if nobody has to wait for it."""
        return self.status in SETTLED

    def become(self, status: str, at_us: int) -> None:
        """Take a status."""
        self.status, self.since_us = status, at_us


@dataclass(slots=True)
class RunState:
    """What is known of one test run."""

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
    """Mastership was handed over in this generation; it is handed over once at most."""
    cuts: dict[CutKey, CutAccepted] = field(default_factory=dict[CutKey, CutAccepted])
    """The cuts of this generation in the order of their arrival; the newest is the held one."""
    finalised: int = 0
    """Cuts that were finalised, in all generations."""

    @property
    def published(self) -> bool:
        """True if a result is held in this generation."""
        return bool(self.cuts)

    @property
    def unsettled(self) -> list[WorkerState]:
        """The workers that a completion waits for."""
        return [worker for worker in self.workers.values() if not worker.settled]


class SyncState:
    """Everything that the journal says."""

    def __init__(self) -> None:
        self.runs: dict[str, RunState] = {}
        self.open_runs: dict[str, RunState] = {}
        """Those whose current generation is not completed."""
        self.last_us = 0
        """When the last event was written, in microseconds since the epoch."""
        self.service: ServiceStarted | None = None
        """The service that has, or had, the journal."""
        self.service_since_us = 0
        self.stopped: ServiceStopped | None = None
        """How that service ended; None while it runs, and if it was killed."""

    def apply(self, entry: Entry, /) -> None:
        """Take the next event."""
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
    """Return by what a cut is known within its test run."""
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
