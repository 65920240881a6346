"""The acknowledgement of an append, and the tiers of durability."""

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Literal, NamedTuple

GROUP_SYNC_S = 1.0


class Durability(StrEnum):
    """When a writer makes events durable (fsync); all tiers survive `kill -9`, see docs/durability.md."""

    NEVER = "never"
    """No fsync; the operating system writes at a time of its own."""
    SESSION = "session"
    """At the header and at the seal."""
    TEST = "test"
    """At the latest a second after the append."""
    EVENT = "event"
    """Before `append` returns."""


Place = Literal["log", "live", "held", "dropped"]


class Ack(NamedTuple):
    """Acknowledgement of an append: the place of the events, and whether they are durable."""

    first_seq: int
    events: int
    """Number of appended events."""
    place: Place
    """`live`: in the session's own file. `held`: only in memory, not acknowledged, tried again with the next append.
    `dropped`: lost, and counted."""
    position: int | None
    """Byte offset of the first line in its file; None if it is in none."""
    durable: bool
    """On stable storage before `append` returned."""


class DelayedSync:
    """Runs an fsync at most once a second, in the background, after something was appended."""

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._dirty = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pytest-insight sync", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Request a sync within a second."""
        self._dirty.set()

    def stop(self) -> None:
        """Sync a last time and end the thread."""
        self._stopped.set()
        self._dirty.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            self._dirty.wait()
            self._stopped.wait(GROUP_SYNC_S)
            self._dirty.clear()
            self._sync()
            if self._stopped.is_set():
                return


__all__ = ["Ack", "DelayedSync", "Durability", "Place"]
