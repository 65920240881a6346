"""The stream of changes that open pages listen to: server-sent events with the position of the log."""

import asyncio
from collections.abc import AsyncGenerator, Callable

LEAST_S = 1.0
"""Seconds between two events of one stream."""
PING_S = 15.0
_RETRY_MS = 2000


class Changes:
    """Wakes up those that wait for a change, all in the event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.is_ending = False
        self.streams = 0
        """Streams that are open."""

    def announce(self) -> None:
        """Wake up all that wait."""
        self._event.set()
        self._event = asyncio.Event()

    def end(self) -> None:
        """End all streams."""
        self.is_ending = True
        self.announce()

    async def wait(self, seconds: float) -> bool:
        """Wait for a change, for at most some seconds; return whether there was one."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        return True


async def event_stream(changes: Changes, position: Callable[[], str], seen: str) -> AsyncGenerator[bytes]:
    """Yield an event for each new position, one second apart or more, and a comment where nothing happens.

    Args:
        changes: of the log.
        position: returns that of now.
        seen: the position that the listener knows; empty if it knows none.
    """
    changes.streams += 1
    try:
        yield f"retry: {_RETRY_MS}\n\n".encode()
        while not changes.is_ending:
            now = position()
            if now != seen:
                seen = now
                yield f"event: rev\nid: {now}\ndata: {now}\n\n".encode()
                await _rest(changes)
            elif not await changes.wait(PING_S) and not changes.is_ending:
                yield b": ping\n\n"
    finally:
        changes.streams -= 1


async def _rest(changes: Changes) -> None:
    """Wait for the least time between two events, or until the end."""
    until_s = asyncio.get_running_loop().time() + LEAST_S
    while not changes.is_ending and (left_s := until_s - asyncio.get_running_loop().time()) > 0:
        await changes.wait(left_s)
