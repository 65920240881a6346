"""Leases of workers: pure functions of the state and the given monotonic time.

Leases are not written to the journal: after a restart every worker gets a new lease.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import inf

from ..defaults import SilenceLimits
from .state import RunState, WorkerState

__all__ = ["Liveness", "WorkerLease"]


@dataclass(slots=True)
class WorkerLease:
    """State of one worker outside the journal."""

    heard_s: float
    """Monotonic time of its last message."""
    registered_s: float = -inf
    """Monotonic time of its last new registration; minus infinity if this service did not receive it."""
    beats: bool = False
    """True if it has sent a keep-alive."""
    running: str = ""
    """The test that it reported as running."""
    peer_ports: set[int] = field(default_factory=set[int])
    """Ports of its registrations; several can be retries, or two processes with one pid."""
    registrations: int = 0
    process: tuple[int, str] = (0, "")
    """Id and start time of its process on this machine at its last registration; 0 if it was not visible."""


class Liveness:
    """Leases of workers, and times of the last change of test runs.

    Args:
        limits: time limits.
        now_s: monotonic time of the start, in seconds.
    """

    def __init__(self, limits: SilenceLimits, now_s: float) -> None:
        self.limits = limits
        self._started_s = now_s
        self._leases: dict[str, dict[str, WorkerLease]] = {}
        self._active_s: dict[str, float] = {}

    def lease(self, test_run: str, pid: str) -> WorkerLease:
        """Return the lease of a worker; an unknown worker gets a lease from the start of the service."""
        leases = self._leases.setdefault(test_run, {})
        return leases.setdefault(pid, WorkerLease(self._started_s))

    def renew(self, test_run: str, pid: str, now_s: float) -> WorkerLease:
        """Renew the lease of a worker, and return it."""
        lease = self.lease(test_run, pid)
        lease.heard_s = now_s
        return lease

    def note_change(self, test_run: str, now_s: float) -> None:
        """Note a change in a test run: the time without changes starts again."""
        self._active_s[test_run] = now_s

    def age_s(self, test_run: str, pid: str, now_s: float) -> float:
        """Return the time since a worker registered, in seconds; infinite if that was before the start."""
        return now_s - self.lease(test_run, pid).registered_s

    def extend_leases(self, suspended_s: float) -> None:
        """Extend all leases and all times without changes by the time for which the service was suspended."""
        self._started_s += suspended_s
        for leases in self._leases.values():
            for lease in leases.values():
                lease.heard_s += suspended_s
        for test_run in self._active_s:
            self._active_s[test_run] += suspended_s

    def find_ended(self, run: RunState, now_s: float) -> list[tuple[WorkerState, float]]:
        """Return the workers of an open test run whose lease has ended, and the length of their silence in seconds."""
        return [
            (worker, now_s - self.lease(run.test_run, worker.pid).heard_s)
            for worker in run.unsettled
            if self._ends_s(run, worker) <= now_s
        ]

    def is_complete(self, run: RunState, now_s: float) -> bool:
        """Return whether the workers of an open test run have been finished for long enough to complete it."""
        return self._completes_s(run) <= now_s

    def is_expected(self, run: RunState, now_s: float, is_gone: Callable[[WorkerLease], bool]) -> bool:
        """Return whether an open test run still expects a message of a worker, or its completion.

        Args:
            run: an open test run.
            now_s: monotonic time, in seconds.
            is_gone: returns whether the process of a worker is known to have ended.
        """
        if not run.unsettled:
            return self._completes_s(run) > now_s
        return any(
            self._ends_s(run, worker) > now_s and not is_gone(self.lease(run.test_run, worker.pid))
            for worker in run.unsettled
        )

    def next_due_s(self, runs: Iterable[RunState]) -> float:
        """Return the monotonic time of the next deadline in these open test runs; infinite for never."""
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
        # Only results, and no worker that could report the end: a worker may still register.
        return active_s + (self.limits.quiet_s if run.workers else self.limits.silent_lease_s)
