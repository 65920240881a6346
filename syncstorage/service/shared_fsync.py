"""Durable answers that share their cost: many requests wait for one fsync."""

import asyncio
from collections.abc import Callable

__all__ = ["SharedFsync"]


class SharedFsync:
    """Lets requests wait until what they wrote is on the disk.

    Args:
        sync: makes everything written so far durable; it is called in a thread.
        written: returns how many writes there were so far.
    """

    def __init__(self, sync: Callable[[], None], written: Callable[[], int]) -> None:
        self._sync = sync
        self._written = written
        self._done = 0
        self._running: asyncio.Task[int] | None = None
        self._failure: OSError | None = None

    async def synced(self) -> None:
        """Return when everything that was written before the call is durable.

        Raises:
            OSError: it could not be made durable; after that nothing is believed any more, as the system may have
                thrown away what it could not write.
        """
        wanted = self._written()
        while self._done < wanted:
            if self._failure is not None:
                raise self._failure
            if self._running is None:
                self._running = asyncio.get_running_loop().create_task(self._run())
            try:
                self._done = max(self._done, await asyncio.shield(self._running))
            except OSError as error:
                self._failure = error

    async def _run(self) -> int:
        covered = self._written()
        try:
            await asyncio.to_thread(self._sync)
        finally:
            self._running = None
        return covered
