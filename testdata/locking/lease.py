"""A lock that this process holds."""

import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from ..errors import StaleTokenError
from ..model.records import Hold

__all__ = ["Lease"]


class LeaseKeeper(Protocol):
    """Look-up and release of leases; implemented by `Locks`."""

    def hold_of(self, lease: "Lease", /) -> Hold | None:
        """Return the hold of a lease; None if it was lost."""
        ...

    def release(self, lease: "Lease", /) -> bool:
        """Release the lock of a lease; return False if it was lost."""
        ...


class Lease:
    """A lock that this process holds; a context manager that releases it at the end.

    The lock is renewed while the process lives. A process that was suspended for longer than the lease may lose it:
    then `lost` is set, and writes with its token are refused.
    """

    def __init__(self, keeper: LeaseKeeper, namespace: str, key: str, hold: Hold) -> None:
        self.namespace = namespace
        self.key = key
        self.lock_id = hold.lock_id
        self.mode = hold.mode
        self.token = hold.token
        """Fencing token: higher than the token of every earlier holder."""
        self.ttl_s = hold.ttl_us / 1e6
        self.lost = threading.Event()
        """Set when the lock was lost."""
        self.lost_reason = ""
        self._keeper = keeper
        self._released = False

    @property
    def expires_at(self) -> datetime:
        """Time at which others may take the lock unless it is renewed; in the past if it is not held any more."""
        hold = self._keeper.hold_of(self)
        return datetime.fromtimestamp((hold.renewed_at_us + hold.ttl_us) / 1e6 if hold else 0, UTC)

    def check(self) -> None:
        """Raise an error unless this process still holds the lock.

        Raises:
            StaleTokenError: the lock was lost; others may change the data that it protected.
        """
        if self._keeper.hold_of(self) is None:
            self.lose("another process has it")
        if self.lost.is_set():
            raise StaleTokenError(f"lock {self.key!r} in {self.namespace!r}, token {self.token}: {self.lost_reason}")

    def lose(self, reason: str) -> None:
        """Mark the lease as lost, unless it was released."""
        if not self._released and not self.lost.is_set():
            self.lost_reason = reason
            self.lost.set()

    def release(self) -> bool:
        """Release the lock; return False if it was lost."""
        self._released = True
        return self._keeper.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
