"""Which requests reach the pages, and the headers of every answer, also of refusals and errors."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ..problem import problem_page
from ..rules import METHODS, RefusedRequest, refusal_of, with_headers
from .tokens import PARAMETER, Door

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Any, Receive, Send], Awaitable[None]]

NO_COOKIE = RefusedRequest(
    403, "open the address that `insight dashboard` printed; it is good once, and the newest line has a fresh one"
)
DEFECT = RefusedRequest(500, "a defect; the terminal has its traceback")
log = logging.getLogger(__name__)


class PageGuard:
    """ASGI middleware around everything.

    Args:
        app: the application.
        door: who may look.
        entered: called when a token was used.
    """

    def __init__(self, app: App, door: Door, entered: Callable[[], None]) -> None:
        self._app, self._door, self._entered = app, door, entered

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = with_headers(message.get("headers", ()))
            await send(message)

        refusal = refusal_of(scope["method"], scope["headers"])
        if refusal is not None:
            await refuse(scope, send_with_headers, refusal)
            return
        address = self._use_token(scope)
        if address is not None:
            await _redirect(send_with_headers, address, self._door.cookie())
            self._entered()
            return
        if not self._door.lets_in(scope["headers"]):
            await refuse(scope, send_with_headers, NO_COOKIE)
            return
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:  # the last boundary: a defect ends one answer, and is told without what it was about
            log.exception("%s could not be answered", scope["path"])
            if not started:
                await refuse(scope, send_with_headers, DEFECT)

    def _use_token(self, scope: Any) -> str | None:
        """Return the address without its token, if it has a good one; None otherwise."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        token = next((value for name, value in query if name == PARAMETER), None)
        if token is None or scope["method"] != "GET":
            return None
        if not (self._door.take_token(token) or self._door.lets_in(scope["headers"])):
            return None
        rest = urlencode([(name, value) for name, value in query if name != PARAMETER])
        # As the path of this server alone: one that begins with two slashes would be another host.
        path = "/" + scope["raw_path"].decode("latin-1").lstrip("/\\")
        return f"{path}?{rest}" if rest else path


async def refuse(scope: Any, send: Send, refusal: RefusedRequest) -> None:
    """Answer with a page that says why there is no other."""
    body = problem_page(refusal.status, refusal.reason)
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    if refusal.status == 405:  # noqa: PLR2004 - method not allowed
        headers.append((b"allow", ", ".join(METHODS).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def _redirect(send: Send, address: str, cookie: str) -> None:
    headers = [(b"location", address.encode("latin-1")), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
