"""Shared parts of the endpoints: database, keys, limits, sequencer."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from ..access.keys import ApiKey
from ..access.lookup import KeyLookup
from ..feed.sequencer import Sequencer
from ..limits import RequestLimits
from ..views.commands import AnswerProcesses
from ..views.process import ProjectorProcess
from ..views.team_view import TeamViews
from .metrics import Counters


@dataclass
class ServerContext:
    """Parts that every endpoint may use."""

    engine: Engine
    folder: Path
    """Of the copies of logs that questions read; a cache."""
    command: list[str]
    """Starts a process that answers questions, see `views.commands`."""
    limits: RequestLimits = field(default_factory=RequestLimits)
    keys: KeyLookup = field(init=False)
    sequencer: Sequencer = field(init=False)
    views: TeamViews = field(init=False)
    answers: AnswerProcesses = field(init=False)
    counters: Counters = field(default_factory=Counters)
    projector: ProjectorProcess | None = None
    """Keeps the tables of sessions and results up to date."""

    def __post_init__(self) -> None:
        self.keys = KeyLookup(self.engine)
        self.sequencer = Sequencer(self.engine)
        self.views = TeamViews(self.engine, self.folder)
        self.answers = AnswerProcesses(self.command)

    def start(self) -> None:
        """Start the threads and processes of the server."""
        self.sequencer.start()
        if self.projector is not None:
            self.projector.start()

    def close(self) -> None:
        """End the threads and processes of the server."""
        if self.projector is not None:
            self.projector.close()
        self.sequencer.close()
        self.answers.close()


def context_of(request: Request) -> ServerContext:
    """Return the parts that the endpoints of an application share."""
    context: ServerContext = request.app.state.context
    return context


def needs(scope: str) -> object:
    """Return the dependency of an endpoint on a key with a scope."""

    async def authorize(request: Request) -> ApiKey:
        header = request.headers.get("authorization")
        return await run_in_threadpool(context_of(request).keys.authorize, header, scope)

    return Depends(authorize)


Context = Annotated[ServerContext, Depends(context_of)]
Reader = Annotated[ApiKey, needs("read")]
Writer = Annotated[ApiKey, needs("write")]
Admin = Annotated[ApiKey, needs("admin")]
Monitor = Annotated[ApiKey, needs("metrics")]
