"""The subject of the pages of one request: the sessions of the team of its key."""

import shlex
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from ...dashboard.subject import Presentation
from ..database.row_security import limit_request
from ..problems import ProblemError
from .boundary import LoginNeededError
from .cookies import token_of

if TYPE_CHECKING:
    from ...core.history.history import History
    from ...dashboard.live import LiveState
    from ...dashboard.survey import Survey
    from ..access.keys import ApiKey
    from ..server.context import ServerContext
    from .kept import KeptPages
    from .team_pages import TeamPages

T = TypeVar("T")


class LookingTeam:
    """The pages of a team, as one browser sees them; a `PageSubject`.

    Args:
        pages: of the team.
        key: with which the browser has logged in.
        url: of the server, as the browser names it.
        lasts: returns whether the login still lasts.
    """

    def __init__(self, pages: "TeamPages", key: "ApiKey", url: str, lasts: Callable[[], bool]) -> None:
        self._pages, self._lasts = pages, lasts
        self.presentation = Presentation(
            maker="insight serve",
            name=f"the log of team {key.team_name}",
            gone="The collector does not answer. This page is kept up to date again when it does.",
            refused="The login has ended: log in again.",
            remote=shlex.quote(url),
            account=f"{key.team_name}, key {key.id}{f' of {key.owner}' if key.owner else ''}",
        )

    @property
    def state(self) -> "LiveState":
        """The state of the feed."""
        return self._pages.state

    @property
    def survey(self) -> "Survey":
        """The answers."""
        return self._pages.survey

    def nothing_yet(self) -> list[str]:
        """Return how to push a session to a team without any; an empty list otherwise."""
        if not self.state.is_read or self.state.problem or self._pages.has_sessions:
            return []
        url = self.presentation.remote
        return [
            f"Push what was recorded: insight sync {url}",
            f"Or while tests run: pytest --insight --insight-storage=remote --insight-remote-url={url}",
            "Both read the key from INSIGHT_API_KEY.",
        ]

    async def read(self, job: "Callable[[History], T]") -> T:
        """Return what is read of the sessions of the team."""
        return await self._pages.ask(job)

    async def events(self, seen: str) -> AsyncGenerator[bytes]:
        """Yield server-sent events with the position, until the login ends."""
        async with aclosing(self._pages.events(seen)) as pieces:
            async for piece in pieces:
                if not await run_in_threadpool(self._lasts):
                    return
                yield piece


async def look_as(request: Request, context: "ServerContext", kept: "KeptPages") -> LookingTeam:
    """Return what the pages of a request are about.

    Raises:
        LoginNeededError: there is no login that lasts.
        ProblemError: the key may not read, or has asked too often.
    """
    find = _key_finder(request, context)
    key = await run_in_threadpool(find)
    if key is None:
        raise LoginNeededError
    await run_in_threadpool(context.keys.require_scope, key, "read")
    context.rates.charge(key.id)
    limit_request(key.team)
    if request.url.path == "/events" and context.followers >= context.limits.followers:
        raise ProblemError("unavailable", "too many pages are open; close some", {"Retry-After": "30"})
    pages = kept.of_key(key)
    await pages.look_soon()
    return LookingTeam(pages, key, str(request.base_url).rstrip("/"), lambda: find() is not None)


def _key_finder(request: Request, context: "ServerContext") -> "Callable[[], ApiKey | None]":
    """Return what finds the key of a request: in its `Authorization`, as programs send it, else by its cookie."""
    header, token = request.headers.get("authorization"), token_of(request)
    if header is not None:
        return lambda: context.keys.find(header)
    return lambda: context.logins.find(token) if token else None
