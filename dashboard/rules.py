"""Rules for requests, one table each: hosts, sites and methods that are accepted, and the headers of every answer.

Pure functions of the headers, so that each row of a table is a test.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Headers = Sequence[tuple[bytes, bytes]]
"""Names, in lower case, and values."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Addresses that the pages are served on."""

_HOST = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_OWN_SITES = (b"none", b"same-origin")
METHODS = ("GET", "HEAD")

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
ANSWER_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""Headers of every answer, of refusals and errors too."""


class RefusedRequest(NamedTuple):
    """A request that is not answered."""

    status: int
    reason: str


def values_of(headers: Headers, name: bytes) -> list[bytes]:
    """Return the values of a header."""
    return [value for each, value in headers if each == name]


def with_headers(given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with those that every answer has."""
    own = {name for name, _ in ANSWER_HEADERS}
    return [*((name, value) for name, value in given if name.lower() not in own), *ANSWER_HEADERS]


def refusal_of(method: str, headers: Headers) -> RefusedRequest | None:
    """Return why a request is refused before its path is looked at; None if it is not.

    | request | refused with |
    |---|---|
    | no Host header, several, or one that is not this machine | 400 |
    | any method but GET and HEAD | 405 |
    | Sec-Fetch-Site other than same-origin or none, unless it opens a page in a tab | 403 |
    """
    hosts = values_of(headers, b"host")
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return RefusedRequest(400, "the Host header must name this machine: localhost, 127.0.0.1 or [::1]")
    if method not in METHODS:
        return RefusedRequest(405, "the dashboard changes nothing: it answers GET and HEAD")
    return site_refusal(headers)


def site_refusal(headers: Headers) -> RefusedRequest | None:
    """Return why a request is refused that another web page makes; None if it opens a page in a tab, or is our own."""
    sites = values_of(headers, b"sec-fetch-site")
    if any(site.lower() not in _OWN_SITES for site in sites) and not _opens_page(headers):
        return RefusedRequest(403, "another web page asks for this; open its address in a tab of its own")
    return None


def _opens_page(headers: Headers) -> bool:
    """Return whether a browser asks for a page of a tab, and not for a part of another page."""
    return values_of(headers, b"sec-fetch-mode") == [b"navigate"] and values_of(headers, b"sec-fetch-dest") == [
        b"document"
    ]


def check_host(host: str) -> str:
    """Return an address to listen on.

    Raises:
        ValueError: it can be reached from other machines.
    """
    if host not in LOOPBACK:
        raise ValueError(
            f"--host {host}: the dashboard is for this machine alone; use {LOOPBACK[0]} or {LOOPBACK[1]}, and"
            " `ssh -L` to look from elsewhere"
        )
    return LOOPBACK[0] if host == "localhost" else host
