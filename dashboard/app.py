"""The application: routes of the pages, of the style and the script, and of the stream of changes."""

import asyncio
import concurrent.futures
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from ..eventlog.sources import LogSource
from ..projections.readmodel import ReadModel
from ..reports.page import STYLE_FILE, style_text
from .guard import DEFECT
from .live import LiveState, read_state
from .models import READ_ERRORS, ModelThread, reason_of
from .pages import PageMaker, read_live_asset, waiting_page
from .problem import problem_page
from .stream import Changes, event_stream
from .survey import Choice, Survey
from .views.comparison import compare_sessions
from .views.one_session import show_session
from .views.one_test import find_test

T = TypeVar("T")
REPORT_PAGES = ("overview", "failures", "flaky", "slow", "sessions", "systems")
_ASSETS: dict[str, tuple[Callable[[], str], str]] = {
    STYLE_FILE: (style_text, "text/css"),
    "live.css": (lambda: read_live_asset("live.css"), "text/css"),
    "live.js": (lambda: read_live_asset("live.js"), "text/javascript"),
}
_START = (
    "Record one: pytest --insight (or `insight = true` in the ini file of pytest).",
    "It appears here when it starts.",
)
log = logging.getLogger(__name__)
Show = Callable[[Request, PageMaker], Awaitable[tuple[str, int]]]


class Dashboard:
    """The pages about one log.

    Args:
        source: the log; it need not exist.
        choose: which of its sessions they are about.
    """

    def __init__(self, source: LogSource, choose: Choice) -> None:
        self._source = source
        self._reader = ModelThread(source, "dashboard-reader")
        self.state = LiveState()
        self.changes = Changes()
        self._survey = Survey(ModelThread(source, "dashboard-survey"), choose, self._show_renewed)
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
            self._loop.call_soon_threadsafe(self._take, job.result())

    def _take(self, state: LiveState) -> None:
        self.state = state
        self._survey.note_change(state.position)
        self.changes.announce()

    def _show_renewed(self) -> None:
        """Announce that there are newer answers about the same state of the log."""
        self.state = self.state.renewed()
        self._survey.note_answers(self.state.position)
        self.changes.announce()

    # ------------------------------------------------------------ application

    def app(self) -> Starlette:
        """Return the application."""
        pages = [Route(_path(name), self._page(_report_page(name))) for name in REPORT_PAGES]
        more = [
            Route("/tests", self._page(_tests_page)),
            Route("/test", self._page(_test_page)),
            Route("/session", self._page(self._session_page)),
            Route("/compare", self._page(self._compare_page)),
            Route("/events", self._events),
            Route("/assets/{name}", _asset),
        ]
        app = Starlette(
            routes=[*pages, *more], exception_handlers={HTTPException: _answer_http_error, Exception: _answer_defect}
        )
        app.router.redirect_slashes = False
        return app

    def _page(self, show: Show) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            state = self.state
            if request.headers.get("if-none-match") == state.tag:
                return Response(status_code=304, headers={"ETag": state.tag})
            text, status = await self._text_of(request, show)
            return HTMLResponse(text, status, headers={"ETag": state.tag})

        return answer

    async def _text_of(self, request: Request, show: Show) -> tuple[str, int]:
        """Return a page and its status."""
        sut = request.query_params.get("sut", "")
        snapshot = await self._survey.snapshot(sut)
        state, problem = self.state, self._survey.problem
        if snapshot is None:
            return self._waiting(state, sut, problem)
        maker = PageMaker(snapshot, state, sut=sut, log_name=self._source.name, problem=problem)
        return await show(request, maker)

    def _waiting(self, state: LiveState, sut: str, problem: str) -> tuple[str, int]:
        """Return the page for as long as there are no answers."""
        if not self._source.exists() and not state.is_read:
            return waiting_page(state, "No run is recorded yet", [f"{self._source.name} is not there.", *_START]), 200
        if sut and problem and not state.problem:
            return waiting_page(state, f"System {sut} is not shown", [problem]), 404
        if problem or state.problem:
            return waiting_page(state, "There is nothing to show", [problem or state.problem]), 503
        return waiting_page(state, "Reading the log", [f"{self._source.name}; this page follows."]), 200

    async def _read(self, job: Callable[[ReadModel], T]) -> T:
        """Return what is read of the log; once more if it changed meanwhile."""

        def read(model: ReadModel) -> T:
            try:
                return job(model)
            except READ_ERRORS:
                model.catch_up()
                return job(model)

        return await self._reader.ask(read)

    async def _session_page(self, request: Request, maker: PageMaker) -> tuple[str, int]:
        name = request.query_params.get("id", "last")
        try:
            found = await self._read(lambda model: show_session(model, name))
        except READ_ERRORS as error:
            return maker.missing_page(f"Session {name} is not shown", reason_of(error)), 404
        return await asyncio.to_thread(maker.session_page, found), 200

    async def _compare_page(self, request: Request, maker: PageMaker) -> tuple[str, int]:
        asked = request.query_params
        base, target = asked.get("base"), asked.get("target")
        try:
            found = await self._read(lambda model: compare_sessions(model, base, target, maker.sut))
        except READ_ERRORS as error:
            return maker.compare_page(None, reason_of(error), asked), 200
        return await asyncio.to_thread(maker.compare_page, found, "", asked), 200

    async def _events(self, request: Request) -> Response:
        seen = request.headers.get("last-event-id", "")
        stream = event_stream(self.changes, lambda: self.state.position, seen)
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        return StreamingResponse(stream, media_type="text/event-stream")


def _path(name: str) -> str:
    return "/" if name == "overview" else f"/{name}"


def _report_page(name: str) -> Show:
    async def show(_: Request, maker: PageMaker) -> tuple[str, int]:
        return await asyncio.to_thread(maker.report_page, name), 200

    return show


async def _tests_page(request: Request, maker: PageMaker) -> tuple[str, int]:
    return await asyncio.to_thread(maker.tests_page, request.query_params), 200


async def _test_page(request: Request, maker: PageMaker) -> tuple[str, int]:
    name = request.query_params.get("id", "")
    nodeid = await asyncio.to_thread(find_test, maker.snapshot, name)
    if nodeid is None:
        hint = "It may be older than these sessions, of another system, or misspelt."
        return maker.missing_page(f"Test {name} is in none of these sessions", hint), 404
    return await asyncio.to_thread(maker.test_page, nodeid), 200


async def _asset(request: Request) -> Response:
    made, kind = _ASSETS.get(request.path_params["name"], (None, ""))
    if made is None:
        raise HTTPException(404)
    return Response(made(), media_type=kind)


async def _answer_defect(_: Request, __: Exception) -> Response:
    return HTMLResponse(problem_page(500, DEFECT.reason), 500)


async def _answer_http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return HTMLResponse(problem_page(status, "There is no such page; the overview is /."), status)
