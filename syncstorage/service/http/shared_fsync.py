"""One fsync for many requests that wait for durability."""

import asyncio
from collections.abc import Callable

__all__ = ["SharedFsync"]


class SharedFsync:
    """Waits of requests until their writes are on the disk.

    Args:
        sync: makes all writes so far durable; called in a thread.
        written: returns the number of writes so far.
    """

    def __init__(self, sync: Callable[[], None], written: Callable[[], int]) -> None:
        self._sync = sync
        self._written = written
        self._done = 0
        self._running: asyncio.Task[int] | None = None
        self._failure: OSError | None = None

    async def synced(self) -> None:
        """Wait until everything that was written before the call is durable.

        Raises:
            OSError: an fsync failed. All later calls raise the same error, since the system may have discarded the
                data that it could not write.
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
