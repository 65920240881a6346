"""What can happen in Sync Storage, as events of a journal.

The stream of a test run is `sync/<testRunId>`; that of the service's own life is `sync-service`. Heartbeats are no
events, only what they change is. No event holds a token, or a URL, which may hold one.
"""

from ...eventlog.journal import JournalEvent

__all__ = [
    "SERVICE_STREAM",
    "SYNC_EVENTS",
    "CompletionRequested",
    "CutAccepted",
    "MasterGranted",
    "RunCompleted",
    "RunEvent",
    "RunReopened",
    "ServiceStarted",
    "ServiceStopped",
    "WorkerOffline",
    "WorkerRegistered",
    "WorkerReturned",
    "WorkerStatusChanged",
    "run_stream",
]

SERVICE_STREAM = "sync-service"


def run_stream(test_run: str) -> str:
    """Return the name of the stream of a test run."""
    return f"sync/{test_run}"


class RunEvent(JournalEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what happens in a test run."""

    test_run: str
    """The `testRunId` that the clients chose; may be empty."""


class WorkerRegistered(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="worker.registered"):
    """A worker is known from now on."""

    pid: str
    """What the client calls itself; not the number of a process."""
    adopted: bool = False
    """It never registered: it was first heard of by another message, with status `status`."""
    status: str = "registered"
    peer_port: int = 0
    """Port that the request came from."""
    worker: str = ""
    """Id of the pytest-xdist worker, or `main`; only our own clients say it, as the next two."""
    session_id: str = ""
    host: str = ""
    os_pid: int = 0
    """Its process, as the system or the client says; 0 for unknown."""


class MasterGranted(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="master.granted"):
    """A worker was told that it is the master."""

    pid: str
    epoch: int
    """Counts the masters of a test run from 1."""
    reason: str = ""
    """`first`, `handoff`, `master gone` or `master completed without a cut`."""


class WorkerStatusChanged(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="worker.status_changed"):
    """A worker said `in_progress` or `completed`, and had another status before."""

    pid: str
    status: str


class WorkerOffline(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="worker.offline"):
    """The lease of a worker ended: nothing was heard of it for too long."""

    pid: str
    silent_s: float = 0.0
    """For how long nothing was heard of it, in seconds."""


class WorkerReturned(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="worker.returned"):
    """A worker that was offline or abandoned was heard of again."""

    pid: str
    status: str
    """What it has from now on."""


class CutAccepted(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="cut.accepted"):
    """A summary of one finished test is held until the completion of the test run."""

    external_id: str
    status_code: str = ""
    status_type: str = ""
    project_id: str = ""
    started_on: str = ""
    """As it was sent, whatever its form; empty if it was null or absent."""


class CompletionRequested(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="completion.requested"):
    """Somebody waits for the completion of a test run, or forces it."""

    how: str
    """`wait` or `force`."""


class RunCompleted(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="run.completed"):
    """A generation of a test run is over: its workers are completed or offline, or its completion was forced."""

    generation: int
    finalised: int = 0
    """How many cuts were held, and were handed to the sinks."""
    abandoned: int = 0
    """How many workers were neither completed nor offline; only where it was forced."""
    forced: bool = False


class RunReopened(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="run.reopened"):
    """Something new happened in a completed test run: its next generation begins."""

    generation: int


class ServiceStarted(JournalEvent, frozen=True, kw_only=True, omit_defaults=True, tag="service.started"):
    """A service took this journal over; every worker that is not completed gets a fresh lease."""

    port: int
    election: str
    os_pid: int
    version: str = ""


class ServiceStopped(JournalEvent, frozen=True, kw_only=True, omit_defaults=True, tag="service.stopped"):
    """A service ended by itself; one that was killed leaves none of these."""

    reason: str
    """`shutdown`, `idle` or the name of a signal."""


SYNC_EVENTS: tuple[type[JournalEvent], ...] = (
    WorkerRegistered,
    MasterGranted,
    WorkerStatusChanged,
    WorkerOffline,
    WorkerReturned,
    CutAccepted,
    CompletionRequested,
    RunCompleted,
    RunReopened,
    ServiceStarted,
    ServiceStopped,
)
