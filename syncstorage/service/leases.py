"""Who was heard of when, and what is due: pure functions of the state and the monotonic time that is handed in.

None of this is written down: after a restart every worker gets a fresh lease.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import inf

from ..defaults import SilenceLimits
from .state import RunState, WorkerState

__all__ = ["Liveness", "WorkerLease"]


@dataclass(slots=True)
class WorkerLease:
    """What is known of one worker beside the journal."""

    heard_s: float
    """Monotonic time of its last message."""
    registered_s: float = -inf
    """Monotonic time of its last registration that was news; long ago if this service did not see it."""
    beats: bool = False
    """It has sent a keep-alive."""
    running: str = ""
    """The test that it says it is at."""
    peer_ports: set[int] = field(default_factory=set[int])
    """Where its registrations came from; several can be retries, or two processes with one pid."""
    registrations: int = 0
    process: tuple[int, str] = (0, "")
    """Id and start of its process, as seen on this machine at its newest registration; 0 if it was not seen."""


class Liveness:
    """The leases of workers and the quiet of test runs.

    Args:
        limits: how long is waited for what.
        now_s: monotonic time of the start, in seconds.
    """

    def __init__(self, limits: SilenceLimits, now_s: float) -> None:
        self.limits = limits
        self._started_s = now_s
        self._leases: dict[str, dict[str, WorkerLease]] = {}
        self._active_s: dict[str, float] = {}

    def lease(self, test_run: str, pid: str) -> WorkerLease:
        """Return what is known of a worker; one that was not heard of since the start is taken as heard then."""
        leases = self._leases.setdefault(test_run, {})
        return leases.setdefault(pid, WorkerLease(self._started_s))

    def heard(self, test_run: str, pid: str, now_s: float) -> WorkerLease:
        """Renew the lease of a worker, and return it."""
        lease = self.lease(test_run, pid)
        lease.heard_s = now_s
        return lease

    def active(self, test_run: str, now_s: float) -> None:
        """Something changed in a test run: its quiet begins anew."""
        self._active_s[test_run] = now_s

    def age_s(self, test_run: str, pid: str, now_s: float) -> float:
        """Return how long ago a worker registered, in seconds; infinite if that was before the start."""
        return now_s - self.lease(test_run, pid).registered_s

    def excuse(self, gap_s: float) -> None:
        """Give every lease and every quiet so much more: the service itself did not run and could hear nobody."""
        self._started_s += gap_s
        for leases in self._leases.values():
            for lease in leases.values():
                lease.heard_s += gap_s
        for test_run in self._active_s:
            self._active_s[test_run] += gap_s

    def ended(self, run: RunState, now_s: float) -> list[tuple[WorkerState, float]]:
        """Return the workers of an open test run whose lease has ended, and how long each was silent, in seconds."""
        return [
            (worker, now_s - self.lease(run.test_run, worker.pid).heard_s)
            for worker in run.unsettled
            if self._ends_s(run, worker) <= now_s
        ]

    def is_complete(self, run: RunState, now_s: float) -> bool:
        """Tell whether an open test run has been settled for long enough."""
        return self._completes_s(run) <= now_s

    def is_expected(self, run: RunState, now_s: float, is_gone: Callable[[WorkerLease], bool]) -> bool:
        """Tell whether something is still to come in an open test run: from a worker, or its completion.

        Args:
            run: an open one.
            now_s: monotonic time, in seconds.
            is_gone: tells of a worker whether its process is known to have ended.
        """
        if not run.unsettled:
            return self._completes_s(run) > now_s
        return any(
            self._ends_s(run, worker) > now_s and not is_gone(self.lease(run.test_run, worker.pid))
            for worker in run.unsettled
        )

    def next_due_s(self, runs: Iterable[RunState]) -> float:
        """Return the monotonic time at which something is due in one of these open test runs; infinite if never."""
        return min(self._dues_s(runs), default=inf)

    def _dues_s(self, runs: Iterable[RunState]) -> Iterator[float]:
        for run in runs:
            yield self._completes_s(run)
            for worker in run.unsettled:
                yield self._ends_s(run, worker)

    def _ends_s(self, run: RunState, worker: WorkerState) -> float:
        lease = self.lease(run.test_run, worker.pid)
        return lease.heard_s + (self.limits.lease_s if lease.beats else self.limits.silent_lease_s)

    def _completes_s(self, run: RunState) -> float:
        if run.unsettled:
            return inf
        active_s = self._active_s.get(run.test_run, self._started_s)
        # Only cuts, and nobody who could say that it is done: a worker may still show up.
        return active_s + (self.limits.quiet_s if run.workers else self.limits.silent_lease_s)
