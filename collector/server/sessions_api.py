"""Endpoints of whole sessions, as `TestSession` writes them."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from ...core.views.session import load_session
from ...eventlog.documents.fields import DocumentError, parse_json, session_documents
from ...eventlog.documents.sessions import StreamLines, convert_session
from ...eventlog.times import from_datetime
from ...projections.readmodel import UnknownSessionError
from ..access.keys import ApiKey
from ..ingest.accepting import accept_lines
from ..ingest.parsing import parse_body
from ..ingest.unpacking import unpack_body
from ..problems import ProblemError
from .answers import json_answer
from .bodies import received_body
from .context import Context, Reader, ServerContext, Writer
from .models import Moment

router = APIRouter(prefix="/api/v1")
_DOCUMENTS = {"oneOf": [{"type": "object"}, {"type": "array"}]}
"""A session, an object with `sessions`, or a list of sessions."""

_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": _DOCUMENTS}}}}
_OFFSET_MAX = 1_000_000_000
_CREATED, _OK = 201, 200


@router.post("/sessions", response_model=None, openapi_extra=_BODY, responses={201: {}, 200: {}})
async def store_session(
    request: Request,
    context: Context,
    key: Writer,
    on_conflict: Annotated[str, Query(description="`error`: refuse another session of the same id (409).")] = "",
) -> Response:
    """Store a session that is given as a document; the same one again changes nothing (200 instead of 201)."""
    encoding = request.headers.get("content-encoding", "")
    async with received_body(request, context.room, context.limits.document_bytes) as body:
        refuses = on_conflict == "error"
        return await context.run_with_bodies(partial(_store, context, key, body, encoding, refuses=refuses))


def _store(context: ServerContext, key: ApiKey, body: bytes, encoding: str, *, refuses: bool) -> Response:
    limits = replace(context.limits, unpacked_bytes=context.limits.document_bytes)
    try:
        documents = session_documents(parse_json(b"".join(unpack_body(body, encoding, limits))))
        sessions = [convert_session(document) for document in documents]
    except (DocumentError, RecursionError) as error:
        raise ProblemError("bad-request", f"body: {error}") from error
    if refuses:
        _refuse_same_label(context, key.team, sessions)
    parsed = parse_body(line for session in sessions for line in session.lines)
    result = accept_lines(context.engine, key.team, key.id, parsed)
    context.sequencer.order_committed()
    stored = [{"session_id": session.label, "stream": session.stream} for session in sessions]
    answer = {"status": "success", "sessions": stored, "accepted": result.accepted, "known": result.known}
    return json_answer(answer, _CREATED if result.accepted else _OK)


def _refuse_same_label(context: ServerContext, team: int, sessions: list[StreamLines]) -> None:
    with context.history(team) as model:
        streams = {row.session_id: row.stream for row in model.sessions()}
    for session in sessions:
        other = streams.get(session.label)
        if other is not None and other != session.stream:
            raise ProblemError("conflict", f"session {session.label}: there is another one of this id", have=other)


@router.get("/sessions", response_model=None, responses={200: {"content": {"application/json": {}}}})
def list_stored_sessions(
    request: Request,
    context: Context,
    key: Reader,
    sut: str | None = None,
    since: Moment | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=_OFFSET_MAX)] = 0,
    after: Annotated[str, Query(description="Stream of the last session of the page before.")] = "",
) -> Response:
    """Return sessions with their results, the newest first; `Link` names the next page, also while more arrive."""
    since_us = None if since is None else from_datetime(since)
    with context.history(key.team) as model:
        try:
            rows = model.sessions_behind(after, sut=sut, since_us=since_us, limit=offset + limit + 1)[offset:]
        except UnknownSessionError as error:
            detail = f"after {after[:40]}: there is no such stream; begin without it"
            raise ProblemError("bad-request", detail) from error
        found: list[dict[str, Any]] = [load_session(model, row).to_dict() for row in rows[:limit]]
    headers: dict[str, str] = {}
    if len(rows) > limit:
        following = request.url.include_query_params(after=rows[limit - 1].stream, limit=limit)
        following = following.remove_query_params("offset")
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return json_answer(found, headers=headers)
