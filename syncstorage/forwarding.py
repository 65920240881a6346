"""Sink that announces completed test runs to a pytest-insight collector.

Each completed generation is one `POST <base URL>/api/v1/runs` with the token as bearer. Temporary failures are
repeated within the time limit of a sink; refusals are not, and a collector without this address is not asked again.
The token exists only in memory and in that header. Redirects are not followed, since they could send it to another
host.
"""

import asyncio
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from .service.report import rfc3339
from .sinks import CompletedRun, Connection, Sink

if TYPE_CHECKING:
    import ssl

__all__ = ["Forwarding", "announcement", "forwarding_to"]

ATTEMPT_TIMEOUT_S = 4.0
DELAYS_S = (0.5, 1.0, 2.0, 4.0)
"""Pauses between attempts, in seconds; their sum is below the time limit of a sink."""
FORMAT = 1
PATH = "/api/v1/runs"

_LINE_BYTES_MAX = 4096
_SUCCESS = range(200, 300)
_AGAIN = frozenset({408, 425, 429, *range(500, 600)})
_NO_SUCH_PLACE = frozenset({404, 405, 410, 501})

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The collector refused a request and would refuse it again."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with {code}")
        self.code = code


class Forwarding:
    """Sink for one collector.

    Args:
        connection: base URL of the collector, and its token.

    Raises:
        ValueError: the base URL is not an HTTP address, or the token cannot be used in a header.
    """

    name = "forwarding"

    def __init__(self, connection: Connection) -> None:
        self._url = _parsed_url(connection.base_url)
        self._token = connection.private_token
        if not (self._token.isascii() and self._token.isprintable()):
            raise ValueError("private token: not printable ASCII; check the token")
        self._off = False

    def __repr__(self) -> str:
        return f"Forwarding({self._url.geturl()!r})"

    async def run_completed(self, run: CompletedRun) -> None:
        """Announce a test run; a failure is one line in the log of the service."""
        if self._off:
            return
        body = json.dumps(announcement(run)).encode("ascii")
        request = self._head(len(body), _key(run)) + body
        try:
            await self._deliver(request)
        except RefusedError as error:
            self._off = error.code in _NO_SUCH_PLACE
            more = "; it will not be asked again" if self._off else ""
            log.warning("test run %r was not announced: %s by %s%s", run.test_run, error, self._url.netloc, more)
        except (OSError, EOFError, ValueError) as error:
            what = f"{type(error).__name__}: {error}"
            log.warning("test run %r was not announced: %s: %s", run.test_run, self._url.netloc, what)

    async def _deliver(self, request: bytes) -> None:
        for delay_s in (*DELAYS_S, None):
            try:
                code = await self._attempt(request)
            except (OSError, EOFError):
                if delay_s is None:
                    raise
            else:
                if code in _SUCCESS:
                    return
                if code not in _AGAIN or delay_s is None:
                    raise RefusedError(code)
            await asyncio.sleep(delay_s)

    async def _attempt(self, request: bytes) -> int:
        """Send the request on a connection of its own, and return the status of the answer."""
        async with asyncio.timeout(ATTEMPT_TIMEOUT_S):
            context = _tls() if self._url.scheme == "https" else None
            port = self._url.port or (443 if context else 80)
            reader, writer = await asyncio.open_connection(self._url.hostname, port, ssl=context, limit=_LINE_BYTES_MAX)
            try:
                writer.write(request)
                await writer.drain()
                return _status(await reader.readuntil(b"\n"))
            except asyncio.LimitOverrunError as error:
                raise OSError("the answer is not HTTP") from error
            finally:
                writer.transport.abort()

    def _head(self, length: int, key: str) -> bytes:
        lines = [
            f"POST {self._url.path.rstrip('/')}{PATH} HTTP/1.1",
            f"Host: {self._url.netloc}",
            "Connection: close",
            "Content-Type: application/json",
            f"Content-Length: {length}",
            f"Idempotency-Key: {key}",
        ]
        if self._token:
            lines.append(f"Authorization: Bearer {self._token}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def forwarding_to(connection: Connection) -> list[Sink]:
    """Return the sink for a collector; an empty list without a base URL, or with a wrong one, which is logged."""
    if not connection.base_url:
        return []
    try:
        return [Forwarding(connection)]
    except ValueError as error:
        log.warning("completed test runs are not announced: %s", error)
        return []


def announcement(run: CompletedRun) -> dict[str, Any]:
    """Return the announcement of a completed test run, without the connection and its token."""
    return {
        "format": FORMAT,
        "test_run": run.test_run,
        "generation": run.generation,
        "completed_at": rfc3339(run.completed_us),
        "forced": run.forced,
        "cuts": [msgspec.structs.asdict(cut) for cut in run.cuts],
        "workers": [msgspec.structs.asdict(worker) for worker in run.workers],
    }


def _key(run: CompletedRun) -> str:
    """Return the idempotency key: the same for the same generation of the same test run."""
    identity = f"{run.test_run}\n{run.generation}".encode("utf-8", "replace")
    return hashlib.blake2b(identity, digest_size=16).hexdigest()


def _parsed_url(text: str) -> SplitResult:
    """Return the parts of a base URL that can be used in a request."""
    url = urlsplit(text)
    try:
        fits = url.scheme in ("http", "https") and url.hostname and url.port != 0 and text.isascii()
    except ValueError:
        fits = False
    if not fits or not text.isprintable() or " " in text or url.username is not None:
        raise ValueError("base URL: not an HTTP address; write http://HOST[:PORT][/PATH] or https://...")
    return url


def _tls() -> "ssl.SSLContext":
    import ssl  # noqa: PLC0415 - only where it is used

    return ssl.create_default_context()


def _status(line: bytes) -> int:
    version, _, rest = line.decode("latin-1").partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/") or not code.isdigit():
        raise OSError("the answer is not HTTP")
    return int(code)
