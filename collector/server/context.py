"""Shared parts of the endpoints: database, keys, limits, sequencer."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from ..access.keys import ApiKey
from ..access.lookup import KeyLookup
from ..feed.sequencer import Sequencer
from ..limits import RequestLimits


@dataclass
class ServerContext:
    """Parts that every endpoint may use."""

    engine: Engine
    limits: RequestLimits = field(default_factory=RequestLimits)
    keys: KeyLookup = field(init=False)
    sequencer: Sequencer = field(init=False)

    def __post_init__(self) -> None:
        self.keys = KeyLookup(self.engine)
        self.sequencer = Sequencer(self.engine)


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
