"""The pages of one team, which follow its feed as long as a page is open."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from psycopg import Error as DriverError
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from ...core.analyzer import Analysis
from ...core.history.references import sut_named
from ...core.overview.meant import recent_sessions
from ...dashboard.followed import FollowedPages
from ...dashboard.live import NEWEST, LiveState, WatchedSession, position_of, watched_session
from ...dashboard.models import reason_of
from ...dashboard.survey import FIRST_PATIENCE_S, PATIENCE_S
from ...eventlog.times import parse_time
from ..bodies.store import BodiesUnavailableError
from ..database.row_security import rows_of_team
from ..feed.reading import last_position
from ..ingest.segments import SegmentDamagedError
from ..problems import ProblemError

if TYPE_CHECKING:
    from ...core.history.history import History
    from ..server.context import ServerContext

T = TypeVar("T")
READ_ERRORS = (ProblemError, SQLAlchemyError, DriverError, BodiesUnavailableError, SegmentDamagedError)
"""Errors of reading the tables or the bucket."""

LOOK_S: Final = 1.0
"""Seconds between two looks at the feed."""
REST: Final = 5
"""A look that found something is followed by a rest of so many times its duration."""
RECENT_S: Final = 1800
"""A session without an end is shown as one that may run for so long after its last event."""
_WAKE_S: Final = 0.25


class TeamPages(FollowedPages):
    """The pages about the sessions of a team.

    Args:
        context: of the server.
        team: id of the team.
        name: of the team.
    """

    def __init__(self, context: "ServerContext", team: int, name: str) -> None:
        super().__init__(self, choose_sessions)
        self.name = name
        self.has_sessions = False
        self._context, self._team = context, team
        self._position = -1
        self._next_s = 0.0
        self._looking = asyncio.Lock()
        self._listeners = 0
        self._following: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def ask(self, job: "Callable[[History], T]") -> T:
        """Return what a job returns that is given the sessions of the team, in a thread.

        Raises:
            ConnectionError: the tables cannot be read now.
        """

        def work() -> T:
            with self._context.history(self._team) as history:
                return job(history)

        try:
            return await run_in_threadpool(work)
        except ProblemError as error:
            raise ConnectionError(error.detail) from error
        except READ_ERRORS as error:
            raise ConnectionError("the database or the bucket cannot be used now") from error

    # ------------------------------------------------------------ following

    async def look_soon(self) -> None:
        """Look at the feed, and wait for it only as long as the reader of a page would."""
        task = self._task = asyncio.get_running_loop().create_task(self.look())
        await asyncio.wait([task], timeout=PATIENCE_S if self.state.is_read else FIRST_PATIENCE_S)
        if task.done():
            task.result()  # raises what is a defect

    async def look(self) -> None:
        """Take in what was pushed since the last look, unless that was not long ago."""
        async with self._looking:
            if time.monotonic() < self._next_s:
                return
            began_s = time.monotonic()
            try:
                position = await run_in_threadpool(self._read_position)
                if position != self._position or not self.state.is_read:
                    self.take(await self.ask(lambda history: self._read_state(history, position)))
                    self._position = position
                else:
                    self._forget_old_sessions()
            except (*READ_ERRORS, ConnectionError) as error:
                self._note_problem(error)
            cost_s = time.monotonic() - began_s
            self._next_s = time.monotonic() + max(LOOK_S, cost_s * REST)

    def _read_position(self) -> int:
        with rows_of_team(self._team), self._context.engine.connect() as connection:
            return last_position(connection, self._team)

    def _read_state(self, history: "History", position: int) -> LiveState:
        """Return the state of the feed with the sessions that have no end yet."""
        rows = history.sessions(limit=NEWEST)
        self.has_sessions = bool(rows)
        watched = (watched_session(history, row) for row in rows if row.exit_status is None)
        return LiveState(position_of(position), sessions=tuple(filter(_is_recent, watched)), is_read=True)

    def _note_problem(self, error: Exception) -> None:
        """Show what was read before, and why there is nothing newer."""
        problem = reason_of(error) if isinstance(error, ConnectionError) else "the database cannot be used now"
        if self.state.problem != problem:
            self.take(replace(self.state, position=position_of(max(self._position, 0)), problem=problem))
        self._position = -1

    def _forget_old_sessions(self) -> None:
        recent = tuple(each for each in self.state.sessions if _is_recent(each))
        if recent != self.state.sessions:
            self.take(replace(self.state.renewed(), sessions=recent))

    async def events(self, seen: str) -> AsyncGenerator[bytes]:
        """Yield server-sent events with the position; the feed is looked at as long as a page listens.

        Raises:
            ProblemError: too many listen.
        """
        context = self._context
        context.followers += 1
        self._listeners += 1
        if self._following is None or self._following.done():
            self._following = asyncio.get_running_loop().create_task(self._follow())
        try:
            async with aclosing(super().events(seen)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self._listeners -= 1
            context.followers -= 1

    async def _follow(self) -> None:
        while self._listeners:
            if self._context.ending.is_set():
                self.changes.end()
                return
            await self.look()
            await asyncio.sleep(_WAKE_S)


def choose_sessions(history: "History", sut: str) -> tuple[Analysis, str]:
    """Return the sessions that pages are about, and the name of their system.

    Args:
        history: of the team.
        sut: name of a system; empty for that of the newest session.

    Raises:
        LookupError: there is no such system, or no session at all.
    """
    name = sut_named(history, sut) if sut else _newest_system(history)
    return Analysis.of_rows(history, recent_sessions(history, name)), name


def _newest_system(history: "History") -> str:
    newest = history.newest_session()
    if newest is None:
        raise LookupError("no session was pushed yet")
    return newest.sut


def _is_recent(session: WatchedSession) -> bool:
    """Return whether a session may still run: its process is on another machine, where its lock cannot be seen."""
    return session.state != "killed" and time.time() - parse_time(session.last_at) / 1e6 < RECENT_S
