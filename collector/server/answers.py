"""Answers as JSON, and problem documents for what is refused."""

import logging
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from psycopg import Error as DriverError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path

from ..bodies.store import BodiesUnavailableError, BucketNotGivenError
from ..ingest.segments import SegmentDamagedError
from ..problems import ProblemError

log = logging.getLogger(__name__)

RETRY_AFTER_S: Final = 2
PROBLEM_TYPE: Final = "application/problem+json"
_KINDS: Final = {404: "not-found", 405: "method-not-allowed"}
_encode = msgspec.json.Encoder().encode


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer with a JSON body."""
    return Response(_encode(value), status, headers, "application/json")


def problem_answer(problem: ProblemError) -> Response:
    """Return the answer of a refusal."""
    return Response(_encode(problem.document()), problem.status, problem.headers, PROBLEM_TYPE)


def register_handlers(app: FastAPI) -> None:
    """Let an application answer every error with a problem document."""
    app.add_exception_handler(ProblemError, _answer_problem)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(ClientDisconnect, _answer_cut_off)
    app.add_exception_handler(SQLAlchemyError, _answer_database_error)
    app.add_exception_handler(DriverError, _answer_database_error)
    app.add_exception_handler(BodiesUnavailableError, _answer_bucket_error)
    app.add_exception_handler(SegmentDamagedError, _answer_damage)
    app.add_exception_handler(Exception, _answer_defect)


async def _answer_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class
    return problem_answer(error)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    kind = _KINDS.get(error.status_code, "bad-request")
    detail = f"{HTTPStatus(error.status_code).phrase}; docs/http-api.md lists the endpoints"
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return problem_answer(ProblemError(kind, detail, headers))


def _allowed_methods(request: Request) -> list[str]:
    """Return the methods of all endpoints of a path; the framework names those of the first one alone."""
    found: set[str] = set()
    for path, methods in request.app.openapi()["paths"].items():
        if compile_path(path)[0].match(request.url.path):
            found.update(name.upper() for name in methods)
    return sorted(found)


async def _answer_cut_off(_: Request, __: Exception) -> Response:
    # Read by no client: the connection is gone.
    return problem_answer(ProblemError("bad-request", "the request was cut off; nothing of it was stored"))


async def _answer_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    places = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5])
    return problem_answer(ProblemError("bad-request", places))


async def _answer_database_error(_: Request, error: Exception) -> Response:
    if is_defect(error):
        return await _answer_defect(_, error)
    # The class and the state alone: the text of an error of the database has values of rows in it.
    log.warning("database cannot be used: %s", describe_error(error))
    detail = "the database cannot be used now; nothing of this request was stored, repeat it"
    return problem_answer(ProblemError("unavailable", detail, {"Retry-After": str(RETRY_AFTER_S)}))


async def _answer_bucket_error(_: Request, error: Exception) -> Response:
    # The URL of the bucket is for operators; why it cannot be used is in the log already.
    detail = "the bucket of the segments cannot be used now; nothing of this request was stored, repeat it"
    if isinstance(error, BucketNotGivenError):
        log.warning("%s", error)
        detail = "events are in a bucket that this server does not know; start it with --segments or INSIGHT_SEGMENTS"
    return problem_answer(ProblemError("unavailable", detail, {"Retry-After": str(RETRY_AFTER_S)}))


async def _answer_damage(_: Request, error: Exception) -> Response:
    # Its text has the names of segment and object alone.
    log.error("%s", error)
    return problem_answer(ProblemError("damaged", str(error)))


async def _answer_defect(request: Request, error: Exception) -> Response:
    # The path of the route, as that of the request may have names of tests or a key in a wrong place.
    route = getattr(request.scope.get("route"), "path", "(unknown path)")
    log.error("defect at %s %s: %s", request.method, route, describe_error(error))
    return problem_answer(ProblemError("internal", "a defect of the server; its log says more"))


def describe_error(error: Exception) -> str:
    """Return the class and the SQL state of an error, without texts that may hold data."""
    state = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
    return f"{type(error).__name__} {state}{place}".strip()


_PASSING_STATES = ("08", "25006", "40", "53", "55", "57", "58")
"""States of PostgreSQL that pass: no connection, read-only, conflict of transactions, full disk, shutdown, I/O."""


def is_defect(error: Exception) -> bool:
    """Return whether an error of the database is not one that may pass."""
    if isinstance(error, PoolTimeoutError):
        return False
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return False
    state = getattr(cause, "sqlstate", None)
    if state is None:  # a connection that could not be made or was cut
        return isinstance(error, SQLAlchemyError) and not isinstance(error, DBAPIError)
    return not state.startswith(_PASSING_STATES)
