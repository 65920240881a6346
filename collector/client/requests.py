"""HTTP requests to a collector, each with deadlines, and the errors that they end with."""

import gzip
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
import urllib3

from ...eventlog.errors import EventLogError
from .addresses import Address

CONNECT_S = 3.0
TOTAL_S = 30.0
SILENCE_S = 45.0
"""Seconds without a sign of life after which a connection that follows counts as cut; a collector sends one every 15 s.
"""
_CHUNK_BYTES = 1 << 16
_GZIP_LEVEL = 1
_BODY_MIN = 1024
"""Below this many bytes compressing does not pay."""
_OK, _CREATED, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE, _TOO_LARGE = 200, 201, 401, 403, 404, 410, 413
_NEXT_PAGE = re.compile(r'<(/[^>]*)>; rel="next"')
_DEFECT = 500
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of answers that a later request may not get."""


class RemoteError(EventLogError):
    """A request failed; the message has the URL, the reason and a hint."""

    def __init__(self, url: str, reason: str, hint: str) -> None:
        super().__init__(f"{url}: {reason}; {hint}")
        self.url = url
        self.reason = reason


class RemoteUnavailableError(RemoteError):
    """The collector cannot be reached now; a later request may succeed.

    Attributes:
        retry_after_s: how long the collector asks to wait, in seconds; None if it does not say.
    """

    def __init__(self, url: str, reason: str, hint: str, retry_after_s: float | None = None) -> None:
        super().__init__(url, reason, hint)
        self.retry_after_s = retry_after_s


class RemoteRefusedError(RemoteError):
    """The collector does not accept the key, or the key may not do this."""


class OtherTeamError(RemoteRefusedError):
    """The key belongs to another team than the events of the log."""


class OtherEpochError(RemoteError):
    """A cursor belongs to another life of the database, which was restored or replaced, or to another team.

    Attributes:
        team: of the key; empty if the answer does not say.
    """

    def __init__(self, url: str, reason: str, hint: str, team: str = "") -> None:
        super().__init__(url, reason, hint)
        self.team = team


class DamagedSegmentError(RemoteError):
    """The next events of the feed are damaged.

    Attributes:
        cursor: place after them.
    """

    def __init__(self, url: str, reason: str, cursor: str) -> None:
        super().__init__(url, reason, "insight db check names it; restore it from a backup")
        self.cursor = cursor


class BodyTooLargeError(RemoteError):
    """The collector takes only smaller bodies."""


class HeldStream(msgspec.Struct):
    """How much of a stream a collector has."""

    next: int
    last: str = ""
    state: str = "live"


class HeldStreams(msgspec.Struct):
    """How much a collector has."""

    streams: dict[str, HeldStream]
    epoch: str
    """Life of its database."""
    cursor: str = ""
    """End of its feed."""
    known: bool = True
    """False: it lacks events that it had at the cursor of the question."""


class Clash(msgspec.Struct):
    """Two events with one identity."""

    stream: str
    seq: int
    have: str
    """Digest of the event of the collector."""
    got: str
    """Digest of ours."""


class PushAnswer(msgspec.Struct):
    """Answer to a push."""

    accepted: int
    known: int
    conflicts: list[Clash] = []
    conflicts_total: int = 0
    findings: list[dict[str, Any]] = []
    findings_total: int = 0
    position: str = ""


class KeptConflict(msgspec.Struct):
    """Two events with one identity, as the collector keeps them."""

    stream: str
    seq: int
    at: str
    """When the second one was sent."""
    key: str
    """Id of the key that sent it."""
    stored: str | None
    """Line of the event that counts; None if it is not stored any more."""
    quarantined: str
    """Line of the other one."""


class _ConflictsAnswer(msgspec.Struct):
    conflicts: list[KeptConflict]
    total: int


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Page:
    """Events of the feed, verbatim, and the cursor after them."""

    data: bytes
    cursor: str
    more: bool
    team: str = ""
    """Team of the key."""
    findings: Sequence[str] = ()
    """Places that could not be read, one text each."""
    keep: Callable[[], None] = _nothing
    """To be called after the events are in the log."""


@dataclass
class Collector:
    """A collector over HTTP.

    Args:
        address: URL and key.
        total_s: longest time for one request, in seconds.
        since: fetch only sessions that started at this time or later; empty for all.
        headers: sent with each request, in addition to the key.
    """

    address: Address
    total_s: float = TOTAL_S
    since: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    lists_all: bool = field(default=False, init=False)
    kept_for: timedelta | None = field(default=None, init=False)
    _pool: urllib3.PoolManager = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._pool = urllib3.PoolManager(
            num_pools=1,
            retries=False,
            timeout=urllib3.Timeout(connect=min(CONNECT_S, self.total_s), total=self.total_s),
        )

    def have(self, streams: dict[str, tuple[int, str]], known: str = "") -> HeldStreams:
        """Return how much of each stream is stored.

        Args:
            streams: number of events and digest of the last one, by stream.
            known: end of the feed at an earlier time.
        """
        asked = {name: {"count": count, "last": last} for name, (count, last) in streams.items()}
        question = {"streams": asked, "known": known}
        data = self._request("POST", "/api/v1/have", msgspec.json.encode(question), "application/json").data
        return self._decode(data, HeldStreams)

    def push(self, lines: bytes) -> PushAnswer:
        """Store lines, and return after they are on the disk of the collector."""
        return self._decode(self._request("POST", "/api/v1/events", lines, "application/x-ndjson").data, PushAnswer)

    def conflicts(self, limit: int) -> tuple[list[KeptConflict], int]:
        """Return the conflicts in quarantine, the newest first and at most so many, and the number of all."""
        data = self._request("GET", f"/api/v1/conflicts?limit={limit}").data
        answer = self._decode(data, _ConflictsAnswer)
        return answer.conflicts, answer.total

    def pull(self, cursor: str, lines: int) -> Page:
        """Return the events after a cursor, about so many."""
        query = urlencode({"after": cursor, "limit": lines} | ({"since": self.since} if self.since else {}))
        try:
            answer = self._request("GET", f"/api/v1/events?{query}")
        except DamagedSegmentError as error:
            return Page(b"", error.cursor, more=True, findings=[error.reason])
        headers = answer.headers
        more = headers.get("insight-more", "") == "true"
        return Page(answer.data, headers.get("insight-cursor", ""), more, headers.get("insight-team", ""))

    def follow(self, cursor: str) -> Iterator[bytes]:
        """Yield pieces of the feed after a cursor as server-sent events, until the collector ends it."""
        query = f"?{urlencode({'since': self.since})}" if self.since else ""
        headers = {"Authorization": f"Bearer {self.address.key}", "Accept": "text/event-stream"}
        if cursor:
            headers["Last-Event-ID"] = cursor
        timeout = urllib3.Timeout(connect=CONNECT_S, read=SILENCE_S)
        url = self.address.url
        with _named_errors(url):
            answer = self._pool.request(
                "GET",
                f"{url}/api/v1/events{query}",
                headers=headers,
                redirect=False,
                preload_content=False,
                timeout=timeout,
            )
            if answer.status != _OK:
                raise _error_of(url, answer)
            yield from answer.stream(_CHUNK_BYTES)

    def store_session(self, document: dict[str, Any]) -> None:
        """Store a session that is given as a document; the same one again changes nothing."""
        self._request("POST", "/api/v1/sessions", msgspec.json.encode(document), "application/json")

    def sessions(self, path: str) -> tuple[list[dict[str, Any]], str]:
        """Return a page of sessions as documents, and the path of the next page; empty after the last one.

        Args:
            path: with its query.
        """
        answer = self._request("GET", path)
        found = _NEXT_PAGE.search(answer.headers.get("link", ""))
        return self._decode(answer.data, list[dict[str, Any]]), found[1] if found else ""

    def keep(self, days: int) -> None:
        """Refuse: an administrator sets it for a team.

        Raises:
            RemoteError: always.
        """
        reason = f"sessions are kept as long as its team says, and not {days} days"
        raise RemoteError(self.address.url, reason, "use insight teams set --keep")

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _request(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> urllib3.BaseHTTPResponse:
        headers = {**self.headers, "Authorization": f"Bearer {self.address.key}", "Accept-Encoding": "gzip"}
        if body is not None:
            headers["Content-Type"] = kind
            if len(body) >= _BODY_MIN and kind == "application/x-ndjson":
                body, headers["Content-Encoding"] = gzip.compress(body, _GZIP_LEVEL), "gzip"
        url = self.address.url
        with _named_errors(url):
            answer = self._pool.request(method, url + path, body=body, headers=headers, redirect=False)
        if answer.status not in (_OK, _CREATED):
            raise _error_of(url, answer)
        return answer

    def _decode(self, data: bytes, shape: Any) -> Any:
        try:
            return msgspec.json.decode(data, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RemoteError(self.address.url, f"not an answer of a collector: {error}", "check the URL") from error


@contextmanager
def _named_errors(url: str) -> Generator[None]:
    """Raise errors of the HTTP library as those of this module."""
    try:
        yield
    except urllib3.exceptions.SSLError as error:
        raise RemoteError(url, f"no secure connection: {_reason(error)}", "check its certificate") from error
    except urllib3.exceptions.HTTPError as error:
        raise RemoteUnavailableError(url, _reason(error), "nothing is lost; run insight sync later") from error


def _reason(error: BaseException) -> str:
    """Return the reason of an error in one line, without the objects that urllib3 names."""
    text = str(getattr(error, "reason", None) or error)
    return text.split(": ", 1)[-1].split("\n", maxsplit=1)[0]


def _error_of(url: str, answer: urllib3.BaseHTTPResponse) -> RemoteError:
    detail = _detail(answer)
    if answer.status in (_UNAUTHORIZED, _FORBIDDEN):
        return RemoteRefusedError(url, detail, "check INSIGHT_API_KEY, or ask for a key with this right")
    if answer.status == _GONE:
        return OtherEpochError(url, detail, "begin again without a cursor", answer.headers.get("insight-team", ""))
    if answer.status == _TOO_LARGE:
        return BodyTooLargeError(url, detail, "send less at once")
    if answer.status == _DEFECT and answer.headers.get("insight-cursor"):
        return DamagedSegmentError(url, detail, answer.headers["insight-cursor"])
    if answer.status in _PASSING:
        hint = "nothing is lost; run insight sync later"
        return RemoteUnavailableError(url, detail, hint, _retry_after_s(answer.headers.get("retry-after", "")))
    hint = "check the URL" if answer.status == _NOT_FOUND else "see the log of the collector"
    return RemoteError(url, detail, hint)


def _detail(answer: urllib3.BaseHTTPResponse) -> str:
    try:
        problem = msgspec.json.decode(answer.data, type=dict[str, Any])
        text = str(problem.get("detail") or problem.get("title") or "")
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = ""
    return f"{text or answer.reason or 'refused'} ({answer.status})"


def _retry_after_s(text: str) -> float | None:
    """Return the seconds of a `Retry-After` header; None for a date, which a wrong clock makes useless."""
    return float(text) if text.isascii() and text.isdigit() else None
