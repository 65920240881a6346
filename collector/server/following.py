"""The feed as server-sent events: what is there, and then what is pushed."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from ..database.epoch import read_epoch
from ..feed.cursors import format_cursor, parse_cursor
from ..feed.reading import FeedFilter, FeedPage, read_page
from ..problems import ProblemError

if TYPE_CHECKING:
    from .context import ServerContext

NO_BUFFER: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
COMMENT_S: Final = 15.0
"""Seconds of silence after which a comment is sent, so that a proxy does not close the connection."""

LOOK_S: Final = 2.0
"""Seconds after which the feed is read although this process has ordered nothing: another one may have."""

_WAKE_S: Final = 0.1
_PAGE_LINES: Final = 500
"""Lines that are in memory for one follower, roughly; a slow one is waited for before more is read."""


class Following:
    """One connection that follows the feed of a team.

    Args:
        context: of the server.
        header: `Authorization` of the request; looked at again and again, as a key may be revoked meanwhile.
        team: of the key.
        wanted: segments to send.
    """

    def __init__(self, context: "ServerContext", header: str | None, team: int, wanted: FeedFilter) -> None:
        self._context = context
        self._header = header
        self._team = team
        self._wanted = wanted
        self._epoch = ""

    def begin(self, cursor: str) -> int:
        """Return the position to begin at.

        Raises:
            ProblemError: the cursor is malformed or of another epoch.
        """
        with self._context.engine.connect() as connection:
            self._epoch = read_epoch(connection)
        return parse_cursor(cursor, self._epoch)

    async def events(self, position: int) -> AsyncIterator[bytes]:
        """Yield events from a position on, until the key ends or the database is another one."""
        sequencer = self._context.sequencer
        yield b": follows\n\n"
        spoke_s = looked_s = time.monotonic()
        rounds = -1
        while True:
            if sequencer.rounds == rounds and time.monotonic() - looked_s < LOOK_S:
                await asyncio.sleep(_WAKE_S)
                continue
            rounds, looked_s = sequencer.rounds, time.monotonic()
            page = await run_in_threadpool(self._read, position)
            if page is None:
                yield b"event: end\ndata: the key has ended, or the database is another one; connect again\n\n"
                return
            if page.more:
                rounds = -1
            for number, lines in enumerate(page.segments):
                position = page.positions[number]
                yield self._event(lines, position)
                spoke_s = time.monotonic()
            if time.monotonic() - spoke_s >= COMMENT_S:
                yield b": nothing new\n\n"
                spoke_s = time.monotonic()

    def _read(self, position: int) -> FeedPage | None:
        """Return the next page; None if the connection has to end."""
        try:
            self._context.keys.authorize(self._header, "read")
            with self._context.engine.connect() as connection:
                if read_epoch(connection) != self._epoch:
                    return None
                return read_page(connection, self._team, position, _PAGE_LINES, self._wanted)
        except ProblemError:
            return None
        except SQLAlchemyError:
            return FeedPage([], [], position, more=False)  # the database is away for a while; the follower stays

    def _event(self, lines: bytes, position: int) -> bytes:
        """Return the lines of a segment as events; the last one has the cursor, so that a resumed one is whole."""
        texts = lines.split(b"\n")[:-1]
        cursor = format_cursor(self._epoch, position).encode()
        parts = [b"data: " + text + b"\n\n" for text in texts[:-1]]
        return b"".join([*parts, b"id: " + cursor + b"\ndata: " + texts[-1] + b"\n\n"])
