"""Leases: a lock that is held, by its fencing token."""

import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..errors import StaleTokenError
from ..model.fold import Hold

if TYPE_CHECKING:
    from .locks import IsolationManager

__all__ = ["Lease"]


class Lease:
    """A lock that this process holds; a context manager that gives it back.

    It is renewed while the process lives. A process that was stopped for longer than the lease may find it lost:
    `lost` is set then, and writes that show its token are refused.
    """

    def __init__(self, manager: "IsolationManager", namespace: str, key: str, hold: Hold) -> None:
        self.namespace = namespace
        self.key = key
        self.lock_id = hold.lock_id
        self.mode = hold.mode
        self.token = hold.token
        """Fencing token: higher than that of everybody who held the lock before."""
        self.ttl_s = hold.ttl_us / 1e6
        self.lost = threading.Event()
        """Set when the lock was lost."""
        self.lost_reason = ""
        self._manager = manager
        self._released = False

    @property
    def expires_at(self) -> datetime:
        """When others may take it, unless it is renewed; in the past if it is not held any more."""
        hold = self._manager.hold_of(self)
        return datetime.fromtimestamp((hold.renewed_at_us + hold.ttl_us) / 1e6 if hold else 0, UTC)

    def check(self) -> None:
        """Raise unless the lock is still ours.

        Raises:
            StaleTokenError: it is not; whatever it protected may be changed by others.
        """
        if self._manager.hold_of(self) is None:
            self.lose("another has it")
        if self.lost.is_set():
            raise StaleTokenError(f"lock {self.key!r} in {self.namespace!r}, token {self.token}: {self.lost_reason}")

    def lose(self, reason: str) -> None:
        """Say that it is lost."""
        if not self._released and not self.lost.is_set():
            self.lost_reason = reason
            self.lost.set()

    def release(self) -> bool:
        """Give it back; False if it was lost."""
        self._released = True
        return self._manager.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
