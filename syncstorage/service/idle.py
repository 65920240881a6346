"""End of an unused service, in any state of its clients, its journal and its disk."""

import time
from collections.abc import Callable

from .coordinator import Coordinator

__all__ = ["IdleWatch"]


class IdleWatch:
    """Watch for the end of use of a service.

    A service is in use while it answers requests, while a message of a worker or a completion is expected, or while a
    client waits; each of them counts for a limited time. Nothing here depends on writing.

    Args:
        core: the coordinator.
        requests: returns the number of requests so far.
        waiting_since_s: returns the monotonic time at which the latest wait began.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        core: Coordinator,
        requests: Callable[[], int],
        waiting_since_s: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._core = core
        self._requests = requests
        self._waiting_since_s = waiting_since_s
        self._clock = clock
        self._counted, self._used_s = -1, clock()

    @property
    def ends_s(self) -> float:
        """Monotonic time at which the unused service ends; infinite without a limit."""
        return self._used_s + (self._core.limits.idle_exit_s or float("inf"))

    def reason_to_end(self) -> str:
        """Return the reason why the service must end now; empty if it need not."""
        if not self._core.journal_exists:
            return "the folder of the journal is gone"
        if self._is_in_use():
            self._used_s = self._clock()
        return "idle" if self.ends_s <= self._clock() else ""

    def _is_in_use(self) -> bool:
        counted, self._counted = self._counted, self._requests()
        if self._counted != counted:
            return True
        waits_s = self._clock() - self._waiting_since_s()
        return waits_s < self._core.limits.silent_lease_s or self._core.expects_something
