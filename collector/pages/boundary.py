"""The boundary of every page: which methods it has, the headers of all answers, and errors as pages."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ...dashboard.problem import problem_page
from ...dashboard.rules import METHODS, site_refusal, with_headers
from ..problems import ProblemError
from ..server.answers import describe_error
from .team_pages import READ_ERRORS

log = logging.getLogger(__name__)


class LoginNeededError(Exception):
    """A page is asked for without a login that lasts."""


class PageBoundary:
    """ASGI application around what answers at one path.

    Args:
        answer: returns the answer.
        methods: that it takes.
    """

    def __init__(self, answer: Callable[[Request], Awaitable[Response]], methods: tuple[str, ...] = METHODS) -> None:
        self._answer, self._methods = answer, methods

    async def __call__(self, scope: Any, receive: Any, send: Callable[..., Awaitable[None]]) -> None:
        """Answer a request."""

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = with_headers(message.get("headers", ()))
            await send(message)

        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send_with_headers)

    async def _respond(self, request: Request) -> Response:
        if request.method not in self._methods:
            reason = f"this page takes {' and '.join(self._methods)}"
            return _problem(405, reason, {"Allow": ", ".join(self._methods)})
        refusal = site_refusal(request.headers.raw)
        if refusal is not None:
            return _problem(refusal.status, refusal.reason)
        try:
            return await self._answer(request)
        except LoginNeededError:
            return _lead_to_login(request)
        except Exception as error:  # noqa: BLE001 - the last boundary of a page
            return _error_page(request, error)


def _error_page(request: Request, error: Exception) -> Response:
    """Return the page that tells an error; the text of a defect, which may hold lines of logs, is nowhere."""
    match error:
        case ProblemError():
            return _problem(error.status, error.detail, error.headers)
        case HTTPException():
            return _problem(error.status_code, "There is no such page; the overview is /.")
        case ClientDisconnect():
            return _problem(400, "the request was cut off")
        case _ if isinstance(error, READ_ERRORS):
            log.warning("%s could not be answered: %s", request.url.path, describe_error(error))
            return _problem(503, "the database or the bucket cannot be used now", {"Retry-After": "2"})
        case _:
            log.error("defect at %s: %s", request.url.path, describe_error(error))
            return _problem(500, "a defect of the server; its log says more")


def _problem(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    return HTMLResponse(problem_page(status, reason), status, headers)


def _lead_to_login(request: Request) -> Response:
    """Lead a tab to the login, and back afterwards; tell everything else that it needs one."""
    if request.headers.get("sec-fetch-mode", "navigate") != "navigate" or request.url.path == "/events":
        return _problem(401, "log in again: /login", {"WWW-Authenticate": "Bearer"})
    there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?{urlencode({'next': there})}" if there != "/" else "/login", 303)
