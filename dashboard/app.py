"""The pages about one log of this machine: what they show of it, and their application."""

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable
from typing import TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ..eventlog.sources import LogSource
from ..projections.readmodel import ReadModel
from .access.guard import DEFECT
from .followed import FollowedPages
from .live import read_state
from .models import READ_ERRORS, ModelThread
from .problem import problem_page
from .routes import answer_asset, page_answers
from .subject import Presentation
from .survey import Choice

T = TypeVar("T")
_START = (
    "Record one: pytest --insight (or `insight = true` in the ini file of pytest).",
    "It appears here when it starts.",
)
log = logging.getLogger(__name__)


class Dashboard(FollowedPages):
    """The pages about one log.

    Args:
        source: the log; it need not exist.
        choose: which of its sessions they are about.
    """

    def __init__(self, source: LogSource, choose: Choice) -> None:
        super().__init__(ModelThread(source, "dashboard-survey"), choose)
        self._source = source
        self._reader = ModelThread(source, "dashboard-reader")
        self.presentation = Presentation(
            maker="insight dashboard",
            name=source.name,
            gone="The dashboard has ended. Start it again: insight dashboard",
            refused="Another dashboard runs here now: open the address that it printed.",
        )
        self._loop: asyncio.AbstractEventLoop | None = None

    # ------------------------------------------------------------ changes

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the event loop in which changes are announced."""
        self._loop = loop

    def follow_change(self) -> None:
        """Read what was added to the log; called in the thread that watches it, which waits meanwhile."""
        job = self._reader.submit(lambda model: read_state(model, self._source, self.state))
        concurrent.futures.wait([job])
        if job.exception() is not None:
            log.error("the log cannot be followed", exc_info=job.exception())
        elif self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.take, job.result())

    # ------------------------------------------------------------ what pages ask

    def nothing_yet(self) -> list[str]:
        """Return what to do where there is no log yet; an empty list if there is one."""
        if self._source.exists() or self.state.is_read:
            return []
        return [f"{self._source.name} is not there.", *_START]

    async def read(self, job: Callable[[ReadModel], T]) -> T:
        """Return what is read of the log; once more if it changed meanwhile."""

        def read(model: ReadModel) -> T:
            try:
                return job(model)
            except READ_ERRORS:
                model.catch_up()
                return job(model)

        return await self._reader.ask(read)

    # ------------------------------------------------------------ application

    def app(self) -> Starlette:
        """Return the application."""
        answers = page_answers(self._subject_of)
        routes = [*(Route(path, answer) for path, answer in answers.items()), Route("/assets/{name}", answer_asset)]
        app = Starlette(
            routes=routes, exception_handlers={HTTPException: _answer_http_error, Exception: _answer_defect}
        )
        app.router.redirect_slashes = False
        return app

    async def _subject_of(self, _: Request) -> "Dashboard":
        return self


async def _answer_defect(_: Request, __: Exception) -> Response:
    return HTMLResponse(problem_page(500, DEFECT.reason), 500)


async def _answer_http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return HTMLResponse(problem_page(status, "There is no such page; the overview is /."), status)
