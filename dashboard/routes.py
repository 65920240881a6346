"""Routes of the pages, of the style and the script, and of the stream of changes."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from ..reports.page import STYLE_FILE, style_text
from .models import READ_ERRORS, reason_of
from .pages import PageMaker, read_live_asset, waiting_page
from .subject import PageSubject
from .views.comparison import compare_sessions
from .views.one_session import show_session
from .views.one_test import find_test

REPORT_PAGES = ("overview", "failures", "flaky", "slow", "sessions", "systems")
_ASSETS: dict[str, tuple[Callable[[], str], str]] = {
    STYLE_FILE: (style_text, "text/css"),
    "live.css": (lambda: read_live_asset("live.css"), "text/css"),
    "live.js": (lambda: read_live_asset("live.js"), "text/javascript"),
}
Answer = Callable[[Request], Awaitable[Response]]
SubjectOf = Callable[[Request], Awaitable[PageSubject]]
"""Returns what the pages of a request are about."""
_Show = Callable[[Request, PageMaker, PageSubject], Awaitable[tuple[str, int]]]


def page_answers(subject_of: SubjectOf) -> dict[str, Answer]:
    """Return what answers at which path.

    Args:
        subject_of: returns what the pages of a request are about; or raises what the application answers.
    """
    shows: dict[str, _Show] = {
        **{"/" if name == "overview" else f"/{name}": _report_page(name) for name in REPORT_PAGES},
        "/tests": _tests_page,
        "/test": _test_page,
        "/session": _session_page,
        "/compare": _compare_page,
    }
    pages = {path: _page(subject_of, show) for path, show in shows.items()}
    return {**pages, "/events": _stream(subject_of)}


async def answer_asset(request: Request) -> Response:
    """Answer with the style or the script, named by the path."""
    made, kind = _ASSETS.get(request.path_params["name"], (None, ""))
    if made is None:
        raise HTTPException(404)
    return Response(made(), media_type=kind)


def _page(subject_of: SubjectOf, show: _Show) -> Answer:
    async def answer(request: Request) -> Response:
        subject = await subject_of(request)
        tag = subject.state.tag
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        text, status = await _text_of(request, subject, show)
        return HTMLResponse(text, status, headers={"ETag": tag})

    return answer


async def _text_of(request: Request, subject: PageSubject, show: _Show) -> tuple[str, int]:
    """Return a page and its status."""
    sut = request.query_params.get("sut", "")
    snapshot = await subject.survey.snapshot(sut)
    if snapshot is None:
        return _waiting(subject, sut)
    maker = PageMaker(snapshot, subject.state, subject.presentation, sut=sut, problem=subject.survey.problem)
    return await show(request, maker, subject)


def _waiting(subject: PageSubject, sut: str) -> tuple[str, int]:
    """Return the page for as long as there are no answers."""
    shown, state, problem = subject.presentation, subject.state, subject.survey.problem
    hints = subject.nothing_yet()
    if hints:
        return waiting_page(state, shown, "No run is recorded yet", hints), 200
    if sut and problem and not state.problem:
        return waiting_page(state, shown, f"System {sut} is not shown", [problem]), 404
    if problem or state.problem:
        return waiting_page(state, shown, "There is nothing to show", [problem or state.problem]), 503
    return waiting_page(state, shown, "Reading the log", [f"{shown.name}; this page follows."]), 200


def _report_page(name: str) -> _Show:
    async def show(_: Request, maker: PageMaker, __: PageSubject) -> tuple[str, int]:
        return await asyncio.to_thread(maker.report_page, name), 200

    return show


async def _tests_page(request: Request, maker: PageMaker, _: PageSubject) -> tuple[str, int]:
    return await asyncio.to_thread(maker.tests_page, request.query_params), 200


async def _test_page(request: Request, maker: PageMaker, _: PageSubject) -> tuple[str, int]:
    name = request.query_params.get("id", "")
    nodeid = await asyncio.to_thread(find_test, maker.snapshot, name)
    if nodeid is None:
        hint = "It may be older than these sessions, of another system, or misspelt."
        return maker.missing_page(f"Test {name} is in none of these sessions", hint), 404
    return await asyncio.to_thread(maker.test_page, nodeid), 200


async def _session_page(request: Request, maker: PageMaker, subject: PageSubject) -> tuple[str, int]:
    name = request.query_params.get("id", "last")
    try:
        found = await subject.read(lambda model: show_session(model, name))
    except READ_ERRORS as error:
        return maker.missing_page(f"Session {name} is not shown", reason_of(error)), 404
    return await asyncio.to_thread(maker.session_page, found), 200


async def _compare_page(request: Request, maker: PageMaker, subject: PageSubject) -> tuple[str, int]:
    asked = request.query_params
    base, target = asked.get("base"), asked.get("target")
    try:
        found = await subject.read(lambda model: compare_sessions(model, base, target, maker.sut))
    except READ_ERRORS as error:
        return maker.compare_page(None, reason_of(error), asked), 200
    return await asyncio.to_thread(maker.compare_page, found, "", asked), 200


def _stream(subject_of: SubjectOf) -> Answer:
    async def answer(request: Request) -> Response:
        subject = await subject_of(request)
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        stream = subject.events(request.headers.get("last-event-id", ""))
        return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    return answer
