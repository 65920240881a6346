"""Events of the journal of Sync Storage.

The stream of a test run is `sync/<testRunId>`; the stream of the service itself is `sync-service`. Keep-alives are not
events, only their effects are. No event contains a token, or a URL, which may contain one.
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
    """Base of the events of a test run."""

    test_run: str
    """The `testRunId` that the clients chose; may be empty."""


class WorkerRegistered(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="worker.registered"):
    """A worker registered, or was first heard of by another message."""

    pid: str
    """Name that the client uses for itself; not a process id."""
    adopted: bool = False
    """True if the worker never registered and sent another message first; `status` is its status."""
    status: str = "registered"
    peer_port: int = 0
    """Port of the client's connection."""
    worker: str = ""
    """Id of the pytest-xdist worker, or `main`; sent only by clients of pytest-insight, as the next two fields."""
    session_id: str = ""
    host: str = ""
    os_pid: int = 0
    """Its process id, from the system or the client; 0 if unknown."""


class MasterGranted(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="master.granted"):
    """A worker became the master."""

    pid: str
    epoch: int
    """Number of the master among those of the test run, from 1."""
    reason: str = ""
    """`first`, `handoff`, `master gone` or `master completed without a cut`."""


class WorkerStatusChanged(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="worker.status_changed"):
    """A worker reported `in_progress` or `completed`, and had another status before."""

    pid: str
    status: str


class WorkerOffline(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="worker.offline"):
    """The lease of a worker ended: it was silent for too long."""

    pid: str
    silent_s: float = 0.0
    """Length of the silence, in seconds."""


class WorkerReturned(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="worker.returned"):
    """An offline or abandoned worker sent a message again."""

    pid: str
    status: str
    """Its new status."""


class CutAccepted(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="cut.accepted"):
    """A summary of one finished test is held until the test run is completed."""

    external_id: str
    status_code: str = ""
    status_type: str = ""
    project_id: str = ""
    started_on: str = ""
    """The text as it was sent, in any form; empty if it was null or absent."""


class CompletionRequested(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="completion.requested"):
    """A client waits for the completion of a test run, or forces it."""

    how: str
    """`wait` or `force`."""


class RunCompleted(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="run.completed"):
    """A generation of a test run is completed: its workers are completed or offline, or its completion was forced."""

    generation: int
    finalised: int = 0
    """Number of held results that were passed to the sinks."""
    abandoned: int = 0
    """Number of workers that were neither completed nor offline; not 0 only for a forced completion."""
    forced: bool = False


class RunReopened(RunEvent, frozen=True, kw_only=True, omit_defaults=True, tag="run.reopened"):
    """A completed test run got a new event: its next generation begins."""

    generation: int


class ServiceStarted(JournalEvent, frozen=True, kw_only=True, omit_defaults=True, tag="service.started"):
    """A service locked this journal; every worker that is not completed gets a new lease."""

    port: int
    election: str
    os_pid: int
    version: str = ""


class ServiceStopped(JournalEvent, frozen=True, kw_only=True, omit_defaults=True, tag="service.stopped"):
    """A service ended by itself; a killed service writes no such event."""

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
