"""Shared parts of the endpoints: database, keys, limits, sequencer."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Depends, Request
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from ..access.keys import ApiKey
from ..access.logins import LoginLookup
from ..access.lookup import KeyLookup
from ..access.rates import TokenBuckets
from ..bodies.attaching import segments_of
from ..database.row_security import limit_request
from ..feed.sequencer import Sequencer
from ..history.cache import HistoryCache
from ..history.names import NamesCache
from ..history.opening import HistoryBehindError, open_history
from ..history.tables import DatabaseHistory
from ..limits import RequestLimits
from ..problems import ProblemError
from ..views.commands import AnswerProcesses
from ..views.team_view import TeamViews
from .bodies import BodyRoom
from .metrics import Counters

T = TypeVar("T")

BODY_THREADS: Final = 40
"""Pushes and pages of the feed that are worked on at the same moment."""

TEAM_HEADER: Final = "Insight-Team"
"""Header with the name of the team that a client expects; it decides nothing, and is optional."""


@dataclass
class ServerContext:
    """Parts that every endpoint may use."""

    engine: Engine
    folder: Path
    """Of the copies of logs that questions about the past read; a cache."""
    command: list[str]
    """Starts a process that answers questions, see `views.commands`."""
    limits: RequestLimits = field(default_factory=RequestLimits)
    has_pages: bool = True
    """Whether it serves the pages for browsers too."""
    keys: KeyLookup = field(init=False)
    logins: LoginLookup = field(init=False)
    rates: TokenBuckets = field(init=False)
    sequencer: Sequencer = field(init=False)
    views: TeamViews = field(init=False)
    answers: AnswerProcesses = field(init=False)
    names: NamesCache = field(default_factory=NamesCache)
    counters: Counters = field(default_factory=Counters)
    room: BodyRoom = field(init=False)
    ending: threading.Event = field(default_factory=threading.Event)
    """Set when the process is asked to end: what goes on for ever ends then."""
    followers: int = 0
    """Connections that follow the feed, and open pages."""
    body_threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(BODY_THREADS))

    def __post_init__(self) -> None:
        self.keys = KeyLookup(self.engine)
        self.logins = LoginLookup(self.engine)
        self.rates = TokenBuckets(self.limits.requests)
        self.room = BodyRoom(self.limits)
        self.sequencer = Sequencer(self.engine)
        self.views = TeamViews(self.engine, self.folder)
        self.answers = AnswerProcesses(
            self.command, self.engine.url.render_as_string(hide_password=False), segments_of(self.engine)
        )

    @contextmanager
    def history(self, team: int) -> Generator[DatabaseHistory]:
        """Yield the sessions of a team with everything that is in the feed.

        Raises:
            ProblemError: the tables are not up to date in time.
        """
        try:
            with open_history(self.engine, team, HistoryCache(self.names)) as (history, _):
                yield history
        except HistoryBehindError as error:
            raise ProblemError("unavailable", str(error), {"Retry-After": "5"}) from error

    async def run_with_bodies(self, work: Callable[..., T], *arguments: Any) -> T:
        """Return the result of work that may wait for a bucket, in a thread: there are other ones for what need not."""
        return await run_sync(work, *arguments, limiter=self.body_threads)

    def start(self) -> None:
        """Start the threads and processes of the server."""
        self.sequencer.start()

    def close(self) -> None:
        """End the threads and processes of the server."""
        self.sequencer.close()
        self.answers.close()


def context_of(request: Request) -> ServerContext:
    """Return the parts that the endpoints of an application share."""
    context: ServerContext = request.app.state.context
    return context


def _authorize(context: ServerContext, request: Request, scope: str) -> ApiKey:
    key = context.keys.find(request.headers.get("authorization"))
    context.rates.charge(key.id)
    context.keys.require_scope(key, scope)
    if "team" in request.query_params:
        detail = f"team: key {key.id} belongs to one team and can name no other; leave it out"
        raise context.keys.record_refusal(key, ProblemError("wrong-team", detail))
    _check_team(context, key, request.headers.get(TEAM_HEADER))
    return key


def needs(scope: str) -> object:
    """Return the dependency of an endpoint on a key with a scope."""

    async def authorize(request: Request) -> ApiKey:
        context = context_of(request)
        key = await run_in_threadpool(_authorize, context, request, scope)
        limit_request(key.team)
        return key

    return Depends(authorize)


def _check_team(context: ServerContext, key: ApiKey, expected: str | None) -> None:
    """Refuse a request of a client that takes the key for that of another team."""
    if expected is not None and expected != key.team_name:
        detail = f"key {key.id}: not of the team that {TEAM_HEADER} names; use a key of it"
        raise context.keys.record_refusal(key, ProblemError("wrong-team", detail))


Context = Annotated[ServerContext, Depends(context_of)]
Reader = Annotated[ApiKey, needs("read")]
Writer = Annotated[ApiKey, needs("write")]
Admin = Annotated[ApiKey, needs("admin")]
Monitor = Annotated[ApiKey, needs("metrics")]
