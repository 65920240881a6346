"""When a service that is of no use any more ends, whatever its clients, its journal and its disk do."""

import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .coordinator import Coordinator

__all__ = ["HeldFolder", "IdleWatch"]


class HeldFolder:
    """A folder that is told from one that is made again in its place.

    Args:
        path: of the folder; it exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # While it is open, the system gives its number to no other folder.
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._fd)

    @property
    def is_there(self) -> bool:
        """True while the path leads to this folder."""
        try:
            return os.path.samestat(os.fstat(self._fd), self._path.stat())
        except OSError:
            return False


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
        core: "Coordinator",
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
