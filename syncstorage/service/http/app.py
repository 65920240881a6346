"""The service as an ASGI application: the endpoints of the protocol, and `/status`."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ....eventlog.errors import EventLogError
from ..capacity import TooManyError
from ..coordinator import Coordinator
from ..events import WorkerRegistered
from ..peers import process_of
from ..report import encode, rfc3339, service_report
from ..run_lookup import CompletionAnswer
from .guard import Guard
from .messages import NAME_LENGTH_MAX, BadRequestError, Body, CutBody, KeepAliveBody, RegisterBody, StatusBody, decode
from .shared_fsync import SharedFsync

__all__ = ["SyncStorage"]

BODY_BYTES_MAX = 1 << 20
_CLOSE = {"Connection": "close"}
_REFUSED = 400
"""Lowest HTTP status of a refusal; refused requests do not keep an idle service alive."""

log = logging.getLogger(__name__)


_ONLY_LOOKS = ("/status", "/health")
"""Paths that monitors poll; they do not keep an idle service alive."""


class SyncStorage:
    """The endpoints, and the clients that wait at them.

    Args:
        core: the coordinator.
        shut_down: called when a client asks the service to end.
    """

    def __init__(self, core: Coordinator, shut_down: Callable[[], None]) -> None:
        self.core = core
        self.requests = 0
        """Number of requests so far, without polls and refused requests."""
        self._waits: dict[object, float] = {}
        self._shut_down = shut_down
        self._disk = SharedFsync(core.journal.sync, lambda: core.writes)
        self._changed = asyncio.Event()
        self._closing = False
        self._notified = 0

    def asgi(self) -> Guard:
        """Return the application."""
        routes = [
            Route("/health", self.health, methods=["GET"]),
            Route("/register", self.register, methods=["POST"]),
            Route("/set_worker_status", self.set_worker_status, methods=["POST"]),
            Route("/keep_alive", self.keep_alive, methods=["POST"]),
            Route("/in_progress_test_result", self.in_progress_test_result, methods=["POST"]),
            Route("/in_progress_published", self.in_progress_published, methods=["GET"]),
            Route("/wait-completion", self.wait_completion, methods=["GET"]),
            Route("/force-completion", self.force_completion, methods=["GET"]),
            Route("/shutdown", self.shutdown, methods=["POST"]),
            Route("/status", self.status, methods=["GET"]),
        ]
        handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
            HTTPException: _answer_http_error,
            BadRequestError: _answer_bad_request,
            EventLogError: _answer_not_written,
            OSError: _answer_not_written,
            TooManyError: _answer_too_many,
            Exception: _answer_defect,
        }
        app = Starlette(routes=routes, exception_handlers=handlers)
        app.router.redirect_slashes = False  # an unknown path is answered with JSON, not with a redirection
        return Guard(app, self._count)

    def notify(self) -> None:
        """Wake up all waiting clients, so that they check the state again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait until the state may have changed."""
        await self._changed.wait()

    @property
    def waiting(self) -> int:
        """Number of clients that wait for a completion."""
        return len(self._waits)

    @property
    def waiting_since_s(self) -> float:
        """Monotonic time at which the latest of the current waits began; minus infinity without waits."""
        return max(self._waits.values(), default=-inf)

    def close(self) -> None:
        """End all waits."""
        self._closing = True
        self.notify()

    # ------------------------------------------------------------ endpoints

    async def health(self, _: Request) -> Response:
        """Answer that the service runs."""
        # Without a look at the journal: it may be locked although this service is healthy.
        return _json({"status": "ok", "last_update": rfc3339(self.core.updated_us)})

    async def register(self, request: Request) -> Response:
        """Register a worker, and answer whether it is the master."""
        body = await self._body(request, RegisterBody)
        test_run = self._run_of(body)
        process = 0
        if body.os_pid is None and self.core.asks_for_process(test_run):
            process = await asyncio.to_thread(process_of, _peer_port(request), _own_port(request))
        asked = body.event(test_run, _peer_port(request), process)
        is_master = self.core.register(asked, body.connection())
        await self._wait_until_written()
        message = "registered as master" if is_master else "registered"
        answer = {"status": "ok", "message": message, "pid": body.pid, "testRunId": test_run, "is_master": is_master}
        return _json(answer)

    async def set_worker_status(self, request: Request) -> Response:
        """Apply the status of a worker; an unknown worker is added."""
        body = await self._body(request, StatusBody)
        heard = WorkerRegistered(
            test_run=self._run_of(body), pid=body.pid, adopted=True, status=body.status, peer_port=_peer_port(request)
        )
        changed = self.core.set_status(heard)
        await self._wait_until_written()
        return _ok(f"status is {body.status}" if changed else f"status is {body.status} already")

    async def keep_alive(self, request: Request) -> Response:
        """Renew the lease of a worker."""
        body = await self._body(request, KeepAliveBody)
        if not self.core.keep_alive(self._run_of(body), body.pid, body.running):
            return _json({"status": "error", "message": "unknown worker: register first"}, 404)
        await self._wait_until_written()
        return _ok("lease renewed")

    async def in_progress_test_result(self, request: Request) -> Response:
        """Hold a result."""
        named = request.query_params.get("testRunId")
        meant = self.core.runs.meant(named)
        if len(meant) != 1:
            raise BadRequestError("testRunId is missing in the query")
        body = await self._body(request, CutBody)
        is_new = self.core.accept_cut(body.event(_check_name_length(meant[0])))
        await self._wait_until_written()
        return _ok("result is held" if is_new else "result is held already")

    async def in_progress_published(self, request: Request) -> Response:
        """Answer whether a result is held."""
        meant = self.core.runs.meant(request.query_params.get("testRunId"))
        return _json({"published": any(self.core.runs.is_published(name) for name in meant)})

    async def wait_completion(self, request: Request) -> Response:
        """Answer once the test run is completed."""
        meant = self.core.runs.meant(request.query_params.get("testRunId"))
        since = self.core.runs.generations(meant)
        self.core.note_wait(meant)
        await self._wait_until_written()
        gone = asyncio.ensure_future(_until_disconnected(request))
        self._waits[gone] = time.monotonic()
        try:
            while (outcome := self.core.runs.answer(meant, since)) is None:
                if self._closing:
                    return _json({"completed": False, "message": "the service is ending"}, 503)
                changed = asyncio.ensure_future(self.changed())
                await asyncio.wait((changed, gone), return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if gone.done():
                    return _json({"completed": False, "message": "the client closed the connection"}, 408)
        finally:
            del self._waits[gone]
            gone.cancel()
        await self._disk.synced()
        return _completion_response(outcome)

    async def force_completion(self, request: Request) -> Response:
        """Complete a test run now."""
        outcome = self.core.force(self.core.runs.meant(request.query_params.get("testRunId")))
        await self._wait_until_written()
        return _completion_response(outcome)

    async def shutdown(self, _: Request) -> Response:
        """End the service, after this answer."""
        answer = _ok("the service is ending")
        answer.background = BackgroundTask(self._end)
        return answer

    async def status(self, request: Request) -> Response:
        """Answer with the whole state, for `insight sync-storage status`."""
        return _json(service_report(self.core, request.query_params.get("testRunId"), waiting=self.waiting))

    # --------------------------------------------------------------- inside

    async def _end(self) -> None:
        self._shut_down()

    def _count(self, path: str, status: int) -> None:
        self.requests += path not in _ONLY_LOOKS and status < _REFUSED

    def _run_of(self, body: RegisterBody | StatusBody | KeepAliveBody) -> str:
        return self.core.runs.of_worker(body.pid) if body.test_run_id is None else body.test_run_id

    async def _body(self, request: Request, kind: type[Body]) -> Any:
        """Return the body of a request; refuse a body that takes too long or is too large."""
        data = bytearray()
        try:
            async with asyncio.timeout(self.core.limits.request_s):
                async for chunk in request.stream():
                    data += chunk
                    if len(data) > BODY_BYTES_MAX:
                        raise HTTPException(413, f"a body has at most {BODY_BYTES_MAX} bytes", _CLOSE)
        except TimeoutError:
            raise HTTPException(408, "the request took too long to arrive", _CLOSE) from None
        except ClientDisconnect:
            raise HTTPException(400, "the client went away") from None
        return decode(bytes(data), kind)

    async def _wait_until_written(self) -> None:
        """Wait until all writes are on the disk; only then may the client get an answer."""
        if self.core.writes != self._notified:
            self._notified = self.core.writes
            self.notify()
        await self._disk.synced()


async def _until_disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _check_name_length(test_run: str) -> str:
    if len(test_run) > NAME_LENGTH_MAX:
        raise BadRequestError("testRunId is too long")
    return test_run


def _peer_port(request: Request) -> int:
    return request.client.port if request.client is not None else 0


def _own_port(request: Request) -> int:
    server: tuple[str, int] = request.scope["server"]
    return server[1]


def _json(data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encode(data), status, headers, media_type="application/json")


def _ok(message: str) -> Response:
    return _json({"status": "ok", "message": message})


def _completion_response(outcome: CompletionAnswer) -> Response:
    return _json({"completed": outcome.completed, "message": outcome.message})


async def _answer_http_error(_: Request, error: HTTPException) -> Response:
    return _json({"status": "error", "message": error.detail}, error.status_code, dict(error.headers or {}))


async def _answer_bad_request(request: Request, error: BadRequestError) -> Response:
    log.info("refused: %s %s: %s", request.method, request.url.path, error)
    return _json({"status": "error", "message": str(error)}, 400)


async def _answer_too_many(request: Request, error: TooManyError) -> Response:
    log.warning("refused: %s %s: %s", request.method, request.url.path, error)
    return _json({"status": "error", "message": str(error)}, 429)


async def _answer_not_written(_: Request, error: Exception) -> Response:
    log.error("not written: %s", error)
    return _json({"status": "error", "message": "the journal could not be written"}, 503)


async def _answer_defect(_: Request, error: Exception) -> Response:
    log.error("a defect: %r", error)
    return _json({"status": "error", "message": "internal error"}, 500)
