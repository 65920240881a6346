"""The feed as server-sent events: what is there, and then what is pushed."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from ..bodies.store import BodiesUnavailableError
from ..database.epoch import read_epoch
from ..feed.cursors import format_cursor
from ..feed.reading import FeedFilter, FeedPage, read_page
from ..feed.resuming import check_of, resume_position
from ..ingest.segments import SegmentDamagedError, digest_of_lines
from ..problems import ProblemError

if TYPE_CHECKING:
    from .context import ServerContext

log = logging.getLogger(__name__)

NO_BUFFER: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
COMMENT_S: Final = 15.0
"""Seconds of silence after which a comment is sent, so that a proxy does not close the connection."""

LOOK_S: Final = 2.0
"""Seconds after which the feed is read although this process has ordered nothing: another one may have."""

_WAKE_S: Final = 0.1
SLOW_S: Final = 30.0
"""Seconds that a follower may take for a piece; after a longer pause it is told to connect again, and ended."""

_PAGE_LINES: Final = 500
"""Lines that are in memory for one follower, roughly; a slow one is waited for before more is read."""

_PAGE_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 1 << 16
"""Bytes that are sent at once: what a connection holds back stays small."""

_KEY_ENDED: Final = "the key has ended, or the database is another one; connect again"
_SERVER_ENDS: Final = "the server ends; connect again with Last-Event-ID"
_DAMAGED: Final = "a segment is damaged; pull the events to go on behind it"
_TOO_SLOW: Final = "too slow; connect again with Last-Event-ID"


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
            ProblemError: the cursor is malformed or of another epoch, or too many follow.
        """
        if self._context.followers >= self._context.limits.followers:
            raise ProblemError(
                "unavailable", "too many connections follow the feed; connect later", {"Retry-After": "30"}
            )
        with self._context.engine.connect() as connection:
            self._epoch = read_epoch(connection)
            return resume_position(connection, self._team, cursor, self._epoch)

    async def events(self, position: int) -> AsyncGenerator[bytes]:
        """Yield events from a position on, until the key or the server ends or the other end is too slow."""
        context = self._context
        context.followers += 1
        try:
            async with aclosing(self._pieces(position)) as pieces:
                async for piece in pieces:
                    began_s = time.monotonic()
                    yield piece
                    if time.monotonic() - began_s > SLOW_S:
                        yield _end(_TOO_SLOW)
                        return
        finally:
            context.followers -= 1

    async def _pieces(self, position: int) -> AsyncGenerator[bytes]:
        sequencer = self._context.sequencer
        yield b": follows\n\n"
        spoke_s = looked_s = time.monotonic()
        rounds = -1
        while not self._context.ending.is_set():
            if sequencer.rounds == rounds and time.monotonic() - looked_s < LOOK_S:
                await asyncio.sleep(_WAKE_S)
                continue
            rounds, looked_s = sequencer.rounds, time.monotonic()
            page = await self._context.run_with_bodies(self._read, position)
            if isinstance(page, str):
                yield _end(page)
                return
            if page.more:
                rounds = -1
            for number, lines in enumerate(page.segments):
                position = page.positions[number]
                for piece in self._events(lines, position):
                    yield piece
                spoke_s = time.monotonic()
            if time.monotonic() - spoke_s >= COMMENT_S:
                yield b": nothing new\n\n"
                spoke_s = time.monotonic()
        yield _end(_SERVER_ENDS)

    def _read(self, position: int) -> FeedPage | str:
        """Return the next page; a text with the reason if the connection has to end."""
        try:
            self._context.keys.authorize(self._header, "read")
            with self._context.engine.connect() as connection:
                if read_epoch(connection) != self._epoch:
                    return _KEY_ENDED
                return read_page(connection, self._team, position, _PAGE_LINES, self._wanted, _PAGE_BYTES)
        except ProblemError:
            return _KEY_ENDED
        except SegmentDamagedError as error:
            log.error("%s", error)  # noqa: TRY400 - its text says all
            return _DAMAGED
        except (SQLAlchemyError, BodiesUnavailableError):
            # The database or the bucket is away for a while; the follower stays.
            return FeedPage([], [], position, more=False)

    def _events(self, lines: bytes, position: int) -> Iterator[bytes]:
        """Yield the lines of a segment as events; the last one has the cursor, so that a resumed one is whole."""
        texts = lines.split(b"\n")[:-1]
        piece = bytearray()
        for text in texts[:-1]:
            piece += b"data: " + text + b"\n\n"
            if len(piece) >= _PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        cursor = format_cursor(self._epoch, position, check_of(digest_of_lines(lines))).encode()
        yield bytes(piece) + b"id: " + cursor + b"\ndata: " + texts[-1] + b"\n\n"


def _end(reason: str) -> bytes:
    """Return the last event of a connection, with a hint."""
    return f"event: end\ndata: {reason}\n\n".encode()
