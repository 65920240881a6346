"""Refusal of requests from web pages; only programs on this machine may use the service.

The protocol has no passwords, and some of its GET requests change state. A web page could send them from the user's
browser, or reach the service under a host name of its own that resolves to 127.0.0.1. Browsers send headers that tell
where a request comes from; clients of the service do not.
"""

import re
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..report import encode

__all__ = ["HEADER_BYTES_MAX", "Guard", "why_refused"]

_LOOPBACK = re.compile(rb"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_OWN_PAGE = re.compile(rb"https?://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?(/|$)", re.IGNORECASE)
HEADER_BYTES_MAX = 32 * 1024
_OWN_SITES = (b"none", b"same-origin")


_NO_HOST = "Host header: missing; it must name this machine: localhost, 127.0.0.1 or [::1]"
_RULES: dict[bytes, tuple[Callable[[bytes], object], str]] = {
    b"origin": (lambda _: False, "requests of web pages are refused: there is an Origin header"),
    b"referer": (_OWN_PAGE.match, "requests of web pages are refused: Referer names another site"),
    b"sec-fetch-site": (
        lambda value: value.lower() in _OWN_SITES,
        "requests of web pages are refused: Sec-Fetch-Site names another site",
    ),
    b"host": (
        _LOOPBACK.fullmatch,
        "Host header: another machine; it must name this machine: localhost, 127.0.0.1 or [::1]",
    ),
}
"""Accepted values of a header, and the reason for refusing others."""


def why_refused(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the reason why a request with these headers, names in lower case, is refused; empty if it is accepted."""
    if sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES_MAX:
        return f"the headers have more than {HEADER_BYTES_MAX} bytes"
    for name, value in headers:
        accepts, reason = _RULES.get(name, (bool, ""))
        if reason and not accepts(value):
            return reason
    return "" if any(name == b"host" for name, _ in headers) else _NO_HOST


class Guard:
    """ASGI middleware that refuses requests of web pages.

    Args:
        app: the application.
        count: called with the path of each accepted request, and the status of its answer.
    """

    def __init__(self, app: ASGIApp, count: Callable[[str, int], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI says what it is
        if scope["type"] == "http":
            reason = why_refused(scope["headers"])
            if reason:
                await _refuse(send, reason)
                return
            send = self._counting_send(scope["path"], send)
        await self._app(scope, receive, send)

    def _counting_send(self, path: str, send: Send) -> Send:
        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(path, message["status"])
            await send(message)

        return send_counted


async def _refuse(send: Send, reason: str) -> None:
    body = encode({"status": "error", "message": reason})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
