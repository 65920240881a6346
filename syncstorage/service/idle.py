"""When a service that is of no use any more ends, whatever its clients, its journal and its disk do."""

import time
from collections.abc import Callable

from .coordinator import Coordinator

__all__ = ["IdleWatch"]


class IdleWatch:
    """Notes when a service was last of use.

    In use is a service that answers requests, for which a worker or a completion is due, or at which a client waits;
    each of them for a limited time after it was last heard of. Nothing here depends on what can be written.

    Args:
        core: what decides and remembers.
        requests: returns how many requests there were so far.
        waiting_since_s: returns the monotonic time at which the youngest wait began.
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
        """Monotonic time at which the service ends if it is not used; infinite without a limit."""
        return self._used_s + (self._core.limits.idle_exit_s or float("inf"))

    def reason_to_end(self) -> str:
        """Return why the service has to end now; empty if it has not."""
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
