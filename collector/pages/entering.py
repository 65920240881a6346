"""Logging in with a key, and out."""

from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ...dashboard.pages import templates, with_templates
from ..access.audit import record_action
from ..access.logins import LOGIN_DAYS, create_login, end_login
from ..problems import ProblemError
from ..server.bodies import received_body
from .cookies import set_cookie, token_of

if TYPE_CHECKING:
    from ..access.keys import ApiKey
    from ..server.context import ServerContext

FORM_BYTES: Final = 16 << 10
_SEE_OTHER: Final = 303


def login_answer(context: "ServerContext") -> Callable[[Request], Awaitable[Response]]:
    """Return what answers at `/login`: the form, and what was entered in it."""

    async def answer(request: Request) -> Response:
        if request.method == "POST":
            return await _log_in(request, context)
        following = local_path(request.query_params.get("next", ""))
        token = token_of(request)
        if token and await run_in_threadpool(context.logins.find, token) is not None:
            return RedirectResponse(following, _SEE_OTHER)
        return _form(following)

    return answer


def logout_answer(context: "ServerContext") -> Callable[[Request], Awaitable[Response]]:
    """Return what answers at `/logout`."""

    async def answer(request: Request) -> Response:
        check_origin(request)
        token = token_of(request)
        if token:
            await run_in_threadpool(_end, context, token)
        return RedirectResponse("/login", _SEE_OTHER, set_cookie(request, "", LOGIN_DAYS))

    return answer


def local_path(text: str) -> str:
    """Return an address of this server without its host; that of the overview for every other text."""
    parts = urlsplit(text)
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and not (parts.scheme or parts.netloc)
    return text if is_local and text.isprintable() and "\\" not in text else "/"


def check_origin(request: Request) -> None:
    """Check that a form was sent from a page of this server.

    The pages have the policy `no-referrer`, so that browsers send `Origin: null` with their forms; they say where a
    form comes from in `Sec-Fetch-Site`.

    Raises:
        ProblemError: another site has sent it.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "")
    from_here = site in ("same-origin", "none") if site else urlsplit(origin).netloc == request.headers.get("host")
    if (site or origin) and not from_here:
        raise ProblemError("wrong-origin", "another site has sent this form; open /login of this server")


async def _log_in(request: Request, context: "ServerContext") -> Response:
    check_origin(request)
    async with received_body(request, context.room, FORM_BYTES) as body:
        entered = _form_fields(body)
    text = entered.get("key", [""])[0].strip()
    following = local_path(entered.get("next", [""])[0])
    try:
        token = await run_in_threadpool(_begin, context, text)
    except ProblemError as problem:
        return _form(following, problem)
    return RedirectResponse(following, _SEE_OTHER, set_cookie(request, token, LOGIN_DAYS))


def _form_fields(body: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        raise ProblemError("bad-request", "the form has too many fields") from None


def _begin(context: "ServerContext", text: str) -> str:
    """Log in with the text of a key, and return that of the cookie.

    Raises:
        ProblemError: the key is not valid, or may not read.
    """
    key: ApiKey = context.keys.authorize(f"Bearer {text}", "read")
    context.rates.charge(key.id)
    with context.engine.begin() as connection:
        record_action(connection, "login.created", team=key.team, key=key.id)
        return create_login(connection, key)


def _end(context: "ServerContext", token: str) -> None:
    found = context.logins.find(token)
    context.logins.forget(token)
    with context.engine.begin() as connection:
        if end_login(connection, token) and found is not None:
            record_action(connection, "login.ended", team=found.team, key=found.id)


def _form(following: str, problem: ProblemError | None = None) -> Response:
    """Return the page with the form."""
    text = _templates().get_template("login.html.jinja").render(following=following, problem=problem)
    if problem is None:
        return HTMLResponse(text)
    headers = {name: value for name, value in problem.headers.items() if name != "WWW-Authenticate"}
    return HTMLResponse(text, problem.status, headers)


@cache
def _templates() -> Environment:
    return with_templates(templates(), Path(__file__).parent / "templates")
