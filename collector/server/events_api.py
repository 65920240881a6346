"""Endpoints of the log: push, negotiate, pull."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from ..access.audit import record_action
from ..access.keys import ApiKey
from ..database.epoch import read_epoch, recent_epoch
from ..feed.comparing_streams import stored_streams, stream_ids
from ..feed.cursors import format_cursor
from ..feed.exporting import export_log
from ..feed.reading import DamagedPageError, FeedFilter, FeedPage, last_position, read_page
from ..feed.resuming import cursor_behind, knows_cursor, resume_position
from ..ingest.accepting import AcceptedLines, accept_lines
from ..ingest.parsing import ParsedBody, parse_body
from ..ingest.unpacking import unpack_body
from ..problems import ProblemError
from .answers import json_answer
from .bodies import received_body
from .context import Context, Reader, ServerContext, Writer
from .following import NO_BUFFER, Following
from .models import HAVE_QUESTION, HaveAnswer, Moment, PushedModel

router = APIRouter(prefix="/api/v1")
NDJSON = "application/x-ndjson"
_BODY = {"requestBody": {"required": False, "content": {NDJSON: {"schema": {"type": "string", "format": "binary"}}}}}


@router.post("/events", responses={200: {"model": PushedModel}}, response_model=None, openapi_extra=_BODY)
async def push_events(
    request: Request,
    context: Context,
    key: Writer,
    strict: Annotated[str | None, Query(description="Refuse a body with findings (422) or conflicts (409).")] = None,
) -> Response:
    """Store any piece of a log: JSON Lines, plain or compressed. What is stored already is not stored again."""
    encoding = request.headers.get("content-encoding", "")
    wants_all = strict is not None and strict.lower() not in ("0", "false", "no")
    async with received_body(request, context.room) as body:
        answer = await context.run_with_bodies(partial(_push, context, key, body, encoding, strict=wants_all))
    return json_answer(answer)


def _push(context: ServerContext, key: ApiKey, body: bytes, encoding: str, *, strict: bool) -> dict[str, Any]:
    limits = context.limits
    parsed = parse_body(unpack_body(body, encoding, limits))
    if strict and parsed.findings:
        listed = [_finding(finding) for finding in parsed.findings[: limits.told]]
        raise ProblemError("findings", f"body: {parsed.findings[0]}; nothing was stored", findings=listed)
    result = accept_lines(context.engine, key.team, key.id, parsed, may_purge="purge" in key.scopes)
    context.counters.add(
        pushes=1,
        events_accepted=result.accepted,
        events_known=result.known,
        conflicts=len(result.conflicts),
        findings=parsed.findings_total,
    )
    position = _position_after(context, key.team, None if result.removed else result.position)
    answer = _push_answer(result, parsed, position, limits.told)
    if result.removed:
        with context.engine.begin() as connection:
            record_action(connection, "events.purged", team=key.team, key=key.id, lines=result.removed)
    if result.conflicts:
        _record_conflicts(context, key, len(result.conflicts))
        if strict:
            raise ProblemError("conflict", "body: other events have the identity of some of its lines", **answer)
    return answer


def _position_after(context: ServerContext, team: int, stored: int | None) -> str:
    """Return the cursor after a push; an empty text if the order is not known in time.

    Args:
        context: of the server.
        team: of the key.
        stored: position of the last segment of the push; None if it stored nothing, or removed something.
    """
    if stored is not None:
        context.sequencer.announce()
    elif not context.sequencer.order_committed():
        return ""
    if stored is None:
        with context.engine.connect() as connection:
            stored = last_position(connection, team)
    return format_cursor(recent_epoch(context.engine), stored)


def _record_conflicts(context: ServerContext, key: ApiKey, count: int) -> None:
    with context.engine.begin() as connection:
        record_action(connection, "conflicts", team=key.team, key=key.id, count=count)


def _finding(finding: Any) -> dict[str, Any]:
    return {"offset": finding.offset, "length": finding.length, "reason": finding.reason, "detail": finding.detail}


def _push_answer(result: AcceptedLines, parsed: ParsedBody, position: str, told: int) -> dict[str, Any]:
    clashes = [
        {"stream": clash.stream.hex, "seq": clash.seq, "have": clash.have.decode(), "got": clash.got.decode()}
        for clash in result.conflicts[:told]
    ]
    return {
        "accepted": result.accepted,
        "known": result.known,
        "purged": result.purged,
        "expired": result.expired,
        "removed": result.removed,
        "conflicts": clashes,
        "conflicts_total": len(result.conflicts),
        "findings": [_finding(finding) for finding in parsed.findings[:told]],
        "findings_total": parsed.findings_total,
        "streams": {name.hex: following for name, following in result.next.items()},
        "position": position,
    }


_QUESTION = {"requestBody": {"required": True, "content": {"application/json": {"schema": HAVE_QUESTION}}}}


class AskedStream(msgspec.Struct):
    """A stream that a client has."""

    count: int = 0
    last: str = ""


class HaveQuestion(msgspec.Struct):
    """The streams that a client has, by their ids."""

    streams: dict[str, AskedStream]
    known: str = ""
    """Cursor of an earlier answer."""


_decode_have = msgspec.json.Decoder(HaveQuestion).decode


@router.post("/have", responses={200: {"model": HaveAnswer}}, response_model=None, openapi_extra=_QUESTION)
async def compare_streams(request: Request, context: Context, key: Writer) -> Response:
    """Answer how much of each stream is stored, so that a client sends what is missing; unknown ones are left out."""
    async with received_body(request, context.room, context.limits.question_bytes) as body:
        return json_answer(await run_in_threadpool(_have, context, key, body))


def _have(context: ServerContext, key: ApiKey, body: bytes) -> dict[str, Any]:
    try:
        question = _decode_have(body)
        asked = question.streams
        if len(asked) > context.limits.streams:
            detail = f"body: more than {context.limits.streams} streams; ask in several requests"
            raise ProblemError("too-large", detail)
        names = stream_ids(asked)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise ProblemError("bad-request", f"body: not a question about streams: {error}") from error
    with context.engine.connect() as connection:
        epoch = read_epoch(connection)
        return {
            "streams": stored_streams(connection, key.team, names),
            "epoch": epoch,
            "cursor": cursor_behind(connection, key.team, epoch, last_position(connection, key.team)),
            "known": knows_cursor(connection, key.team, question.known, epoch),
        }


@router.get("/events", response_model=None, responses={200: {"content": {NDJSON: {}, "text/event-stream": {}}}})
async def pull_events(
    request: Request,
    context: Context,
    key: Reader,
    after: Annotated[str, Query(description="Cursor of the answer before.")] = "",
    limit: Annotated[int, Query(ge=1, le=1_000_000, description="Lines of a page, roughly.")] = 0,
    stream: Annotated[UUID | None, Query(description="Only this stream.")] = None,
    since: Annotated[Moment | None, Query(description="Only streams that started then or later.")] = None,
) -> Response:
    """Return the events after a cursor, verbatim; `Insight-Cursor` says where the next page begins.

    With `Accept: text/event-stream` the answer goes on with what is pushed, and `Last-Event-ID` resumes it.
    """
    wanted = FeedFilter(stream, since)
    if "text/event-stream" in request.headers.get("accept", ""):
        following = Following(context, request.headers.get("authorization"), key.team, wanted)
        cursor = request.headers.get("last-event-id", "") or after
        first = await run_in_threadpool(following.begin, cursor)
        return StreamingResponse(following.events(first), headers=NO_BUFFER, media_type="text/event-stream")
    page, cursor = await context.run_with_bodies(_pull, context, key, after, limit or context.limits.page_lines, wanted)
    more = "true" if page.more else "false"
    headers = {"Insight-Cursor": cursor, "Insight-More": more, "Insight-Team": key.team_name}
    return StreamingResponse(iter(page.segments), headers=headers, media_type=NDJSON)


def _pull(context: ServerContext, key: ApiKey, after: str, lines: int, wanted: FeedFilter) -> tuple[FeedPage, str]:
    with context.engine.connect() as connection:
        epoch = read_epoch(connection)
        try:
            start = resume_position(connection, key.team, after, epoch)
        except ProblemError as error:
            error.headers["Insight-Team"] = key.team_name  # a cursor of another team is no sign of another database
            raise
        try:
            page = read_page(connection, key.team, start, lines, wanted)
        except DamagedPageError as error:
            # A reader that goes on without the segment needs the place after it; others get an error, and no gap.
            cursor = cursor_behind(connection, key.team, epoch, error.position)
            raise ProblemError("damaged", str(error), {"Insight-Cursor": cursor}, after=cursor) from error
        return page, cursor_behind(connection, key.team, epoch, page.position)


@router.get("/log", response_model=None, responses={200: {"content": {NDJSON: {}}}})
def export_events(context: Context, key: Reader) -> Response:
    """Return the whole log of the team in canonical order: byte for byte what `insight merge` makes of its parts."""
    return StreamingResponse(export_log(context.engine, key.team), media_type=NDJSON)
